/**
 * A Pool over real Python processes that run the `echo` operation, with a record of what happened in it.
 *
 * Echo answers a text with its CRC-32 (high and low half), its length in bytes and the worker's process id,
 * so a test can see that an answer belongs to its own input and who gave it.
 */
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { type Call, free, isVectors, type Reply, row, type VariantRef } from '../../src/core/call.ts'
import type { PoolEvent, PoolOptions } from '../../src/pool/options.ts'
import { Pool } from '../../src/pool/pool.ts'
import type { Launch } from '../../src/pool/spawn.ts'
import { repository } from './import-graph.ts'

/** The Python that `npm run setup` made. */
export const python = join(repository, 'python', '.venv', 'bin', 'python')

export const echoLaunch: Launch = {
  python,
  packageFolder: join(repository, 'python'),
  operations: ['{"op":"echo"}'],
}

export const echoVariant: VariantRef = {
  name: 'echo',
  op: 'echo',
  model: 'echo',
  revision: '1',
  weightsHash: '',
  price: free,
  limits: { maxTokens: 0, dimensions: 4 },
}

/** A call to echo; `delayMs` makes its batch take that long. */
export const echoCall = (items: readonly unknown[], options?: Call['options']): Call => ({
  variant: echoVariant,
  items,
  ...(options === undefined ? {} : { options }),
})

/** One answer of echo. */
export type Echo = { readonly crc: number; readonly bytes: number; readonly pid: number }

/** The answers in a reply, in the items' order. */
export function echoes({ results }: Reply): Echo[] {
  if (!isVectors(results)) throw new Error('These results are no vectors')
  return Array.from({ length: results.count }, (_, index) => {
    const [high = 0, low = 0, bytes = 0, pid = 0] = row(results, index)
    return { crc: high * 0x10000 + low, bytes, pid }
  })
}

/** What echo must answer, but for the process id. */
export const echoOf = (text: string): Omit<Echo, 'pid'> => ({
  crc: crc32(text),
  bytes: Buffer.byteLength(text),
})

/** What happened in a pool, in order; can be waited for. */
export class EventLog {
  readonly all: PoolEvent[] = []
  readonly #waiting = new Set<() => void>()

  readonly note = (event: PoolEvent): void => {
    this.all.push(event)
    for (const look of this.#waiting) look()
  }

  /** The events of one name. */
  named<Name extends PoolEvent['name']>(name: Name): Extract<PoolEvent, { name: Name }>[] {
    return this.all.filter((event): event is Extract<PoolEvent, { name: Name }> => event.name === name)
  }

  /** Resolves with the `count`th event of a name, at once if it has been. */
  async when<Name extends PoolEvent['name']>(
    name: Name,
    count = 1,
  ): Promise<Extract<PoolEvent, { name: Name }>> {
    for (;;) {
      const event = this.named(name)[count - 1]
      if (event !== undefined) return event
      await new Promise<void>(resolve => {
        const look = () => {
          this.#waiting.delete(look)
          resolve()
        }
        this.#waiting.add(look)
      })
    }
  }
}

export type EchoPool = {
  readonly pool: Pool
  readonly events: EventLog
  /** Process ids of its living workers. */
  readonly pids: () => number[]
  [Symbol.asyncDispose](): Promise<void>
}

/** Opens a pool and waits until all its workers are warm. For `await using`, which closes it. */
export async function openEchoPool(options: Partial<PoolOptions> = {}): Promise<EchoPool> {
  const opened = startEchoPool(options)
  try {
    await opened.pool.whenReady(options.size ?? 1, 30_000)
  } catch (error) {
    await opened.pool.close()
    throw error
  }
  return opened
}

/** Opens a pool and waits for nothing. */
export function startEchoPool(options: Partial<PoolOptions> = {}): EchoPool {
  const events = new EventLog()
  const pool = new Pool({ size: 1, launch: async () => echoLaunch, onEvent: events.note, ...options })
  return {
    pool,
    events,
    pids: () => pool.health().workers.map(({ pid }) => pid),
    [Symbol.asyncDispose]: () => pool.close(),
  }
}
