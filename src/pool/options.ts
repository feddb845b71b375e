/** How the pool behaves: every option, its unit and its default. All times in milliseconds. */
import type { RequestClass } from '../core/call.ts'
import type { SentBatch } from '../core/dispatch-telemetry.ts'
import type { Launch } from './spawn.ts'

/** How a pool is made; only the first two are needed. */
export type PoolOptions = {
  /** Python processes. */
  readonly size: number
  /** Says how to start a worker; asked anew for every process, so that it can check the ground first. */
  readonly launch: () => Promise<Launch>
  /** Warm workers beside those that serve, to take over at once when one dies. @default 0 */
  readonly spares?: number
  /** A worker that has answered this many items, and up to a tenth more, is replaced. @default Infinity */
  readonly recycleItems?: number
  /** A worker that holds more memory than this is replaced. @default Infinity */
  readonly recycleBytes?: number
  /** Calls that would wait longer than this are refused with ER_QUEUE_FULL. @default 60_000 */
  readonly queueWaitMs?: number
  /** How long an item that ends every worker stays refused. @default 60_000 */
  readonly quarantineMs?: number
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
  /**
   * A batch that runs longer than this, and than `hangFactor` times its predicted time, kills its worker; so does
   * a step of a generation that takes three times as long, however long the whole. @default 20_000
   */
  readonly hangFloorMs?: number
  /** @default 20 */
  readonly hangFactor?: number
  /** Items of one batch at most. @default 128 */
  readonly batchItems?: number
  /** Estimated tokens of one batch at most; a single longer item still goes. @default 2048 */
  readonly batchTokens?: number
  /** A batch is cut where it is predicted to take longer than this. @default 400 */
  readonly batchMs?: number
  /**
   * The same while interactive calls are about, or a worker makes steps of generations, so that none waits for
   * long behind a batch of others. @default 80
   */
  readonly batchMsInteractive?: number
  /**
   * Another call joins a batch only while that is predicted to take less: beyond it, it would make both wait for
   * each other and save hardly anything. A call that takes less is not torn apart while no worker idles.
   * @default 80
   */
  readonly batchMsJoined?: number
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
      readonly name: 'call-queued'
      readonly op: string
      readonly items: number
      readonly class: RequestClass
      readonly waitingItems: number
    }
  | { readonly name: 'call-settled'; readonly op: string; readonly ok: boolean; readonly totalMs: number }
  | {
      readonly name: 'worker-recycled'
      readonly pid: number
      readonly generation: number
      readonly reason: string
    }
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
  | ({ readonly name: 'batch-sent' } & SentBatch)
  | {
      readonly name: 'batch-done'
      readonly batch: number
      readonly generation: number
      readonly op: string
      readonly items: number
      readonly modelMs: number
    }

const defaults = {
  spares: 0,
  recycleItems: Number.POSITIVE_INFINITY,
  recycleBytes: Number.POSITIVE_INFINITY,
  queueWaitMs: 60_000,
  quarantineMs: 60_000,
  queueLimit: 10_000,
  queueBytes: 64 * 1024 * 1024,
  helloTimeoutMs: 10_000,
  loadTimeoutMs: 60_000,
  warmUpTimeoutMs: 60_000,
  hangFloorMs: 20_000,
  hangFactor: 20,
  batchItems: 128,
  batchTokens: 2048,
  batchMs: 400,
  batchMsInteractive: 80,
  batchMsJoined: 80,
  drainMs: 10_000,
  killGraceMs: 1000,
  onEvent: () => {},
} satisfies Partial<PoolOptions>

/** Fills in the defaults. */
export const resolvePoolOptions = (options: PoolOptions): ResolvedPoolOptions => ({ ...defaults, ...options })
