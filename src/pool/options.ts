/** How the pool behaves: every option, its unit and its default. All times in milliseconds. */
import type { Launch } from './spawn.ts'

/** How a pool is made; only the first two are needed. */
export type PoolOptions = {
  /** Python processes. */
  readonly size: number
  /** Says how to start a worker; asked anew for every process, so that it can check the ground first. */
  readonly launch: () => Promise<Launch>
  /** Items that may wait; more are refused with ER_QUEUE_FULL. @default 10_000 */
  readonly queueLimit?: number
  /** Bytes of items that may wait, about. @default 64 MiB */
  readonly queueBytes?: number
  /** From spawn to `hello`. @default 10_000 */
  readonly helloTimeoutMs?: number
  /** From `hello` to a loaded model. @default 60_000 */
  readonly loadTimeoutMs?: number
  /** From a loaded model to `ready`. @default 60_000 */
  readonly warmUpTimeoutMs?: number
  /** A batch that runs longer than this, and than `hangFactor` times its predicted time, kills its worker. @default 20_000 */
  readonly hangFloorMs?: number
  /** @default 20 */
  readonly hangFactor?: number
  /** Items of one batch at most. @default 32 */
  readonly batchItems?: number
  /** Estimated tokens of one batch at most; a single longer item still goes. @default 2048 */
  readonly batchTokens?: number
  /** Time for work in flight at `close()`. @default 10_000 */
  readonly drainMs?: number
  /** Between the steps of the ladder: shutdown message, SIGTERM, SIGKILL. @default 1_000 */
  readonly killGraceMs?: number
  /** Called with what happens, in the path: be quick, don't throw. */
  readonly onEvent?: (event: PoolEvent) => void
}

/** The options with every default filled in. */
export type ResolvedPoolOptions = Required<PoolOptions>

/** What happens in a pool. */
export type PoolEvent =
  | {
      readonly name: 'worker-ready'
      readonly pid: number
      readonly generation: number
      readonly bootMs: number
    }
  | {
      readonly name: 'worker-exit'
      readonly pid: number
      readonly generation: number
      readonly code: string
      readonly reason: string
    }
  | {
      readonly name: 'batch-sent'
      readonly generation: number
      readonly op: string
      readonly items: number
      readonly queueMs: number
    }
  | {
      readonly name: 'batch-done'
      readonly generation: number
      readonly op: string
      readonly items: number
      readonly modelMs: number
    }

const defaults = {
  queueLimit: 10_000,
  queueBytes: 64 * 1024 * 1024,
  helloTimeoutMs: 10_000,
  loadTimeoutMs: 60_000,
  warmUpTimeoutMs: 60_000,
  hangFloorMs: 20_000,
  hangFactor: 20,
  batchItems: 32,
  batchTokens: 2048,
  drainMs: 10_000,
  killGraceMs: 1000,
  onEvent: () => {},
} satisfies Partial<PoolOptions>

/** Fills in the defaults. */
export const resolvePoolOptions = (options: PoolOptions): ResolvedPoolOptions => ({ ...defaults, ...options })
