/**
 * Outputs that are kept under the key of the execution that gave them, so that equal work is done once: later
 * from the store, and while it is under way by waiting for whoever does it. Here too is a store in memory.
 *
 *   shallow   the plan as a whole, by its content and its input
 *   deep      also each leaf and composite in it, so that plans share what is equal in them
 *
 * Kept with an output is its whole step, children included: a trace is the same whether work was done or
 * recalled. Whether a node's output may be kept at all is for `effects.ts` to say.
 */
import { Cache } from '../core/cache.ts'
import { sha256 } from '../core/hash.ts'
import { type TraceStep, valueHash } from '../core/trace.ts'
import { contentId } from './canonical.ts'
import { isLeaf } from './cost.ts'
import { isMemoisable } from './effects.ts'
import type { PlanNode } from './node.ts'
import type { MemoEntry, MemoStore } from './ports.ts'

/** Which nodes are looked up. */
export type MemoTier = 'shallow' | 'deep'

/** An output and the step that tells how it came about. */
export type Kept = { readonly output: unknown; readonly step: TraceStep }
/** What an entry's value is: `outputHash` tells an output that has been changed since. */
type Content = Kept & { readonly outputHash: string }

/** What a run that others may wait for came to; who waited for one that was stopped tries for itself. */
export type Landed = Kept | 'failed' | 'stopped'

// Runs under way, by the store that would keep their outputs: whoever shares a store shares them too.
const underWay = new WeakMap<MemoStore, Map<string, Promise<Landed>>>()

/** One run's use of a store. */
export class Memo {
  readonly #store: MemoStore
  readonly #tier: MemoTier
  readonly #reproducible: boolean
  readonly #flights: Map<string, Promise<Landed>>

  /** @param reproducible keeps apart what must repeat to the last bit from what need not. */
  constructor(store: MemoStore, tier: MemoTier, reproducible: boolean) {
    this.#store = store
    this.#tier = tier
    this.#reproducible = reproducible
    this.#flights = underWay.get(store) ?? new Map()
    underWay.set(store, this.#flights)
  }

  /**
   * The key of a node's execution, or undefined where its output is not to be kept.
   * @param executionKey that of a leaf; a composite goes by its content.
   */
  keyOf(node: PlanNode, inputHash: string, isWhole: boolean, executionKey: () => string): string | undefined {
    if (!(isWhole || this.#tier === 'deep') || node.kind === 'const') return undefined
    try {
      if (!isMemoisable(node)) return undefined
      const key = isLeaf(node) ? executionKey() : tupleHash('plan', contentId(node), inputHash)
      return this.#reproducible ? tupleHash('reproducible', key) : key
    } catch {
      // A plan without an id is not kept; why it has none is told where it runs, or is of no interest there.
      return undefined
    }
  }

  /**
   * What is kept under `key`, or what an equal run under way leaves; else does the `work`, and keeps what comes
   * of it. Undefined where this call's own work failed, or the signal was aborted while it waited for another's.
   */
  async share(key: string, signal: AbortSignal, work: () => Promise<Landed>): Promise<Kept | undefined> {
    for (;;) {
      const flight = this.#flights.get(key)
      if (flight === undefined) return keptOf(await this.#lead(key, work))
      const landed = await orAborted(flight, signal)
      if (landed === undefined) return undefined
      // All who waited go on together: one after the other would have each wait for every failure before it.
      if (landed === 'failed') return keptOf(this.#keep(key, await work()))
      if (landed !== 'stopped') return landed
    }
  }

  async #lead(key: string, work: () => Promise<Landed>): Promise<Landed> {
    const { promise, resolve } = Promise.withResolvers<Landed>()
    this.#flights.set(key, promise)
    let landed: Landed = 'failed'
    try {
      landed = (await this.#recall(key)) ?? this.#keep(key, await work())
      return landed
    } finally {
      this.#flights.delete(key)
      resolve(landed)
    }
  }

  async #recall(key: string): Promise<Kept | undefined> {
    try {
      const entry = await this.#store.get(key)
      return entry === undefined ? undefined : intact(entry)
    } catch {
      // An answer never fails with the store: what can't be read is done again.
      return undefined
    }
  }

  #keep(key: string, landed: Landed): Landed {
    const kept = keptOf(landed)
    try {
      if (kept !== undefined) this.#store.set(key, entryOf(kept))
    } catch {
      // Nor does it fail where an output can't be kept.
    }
    return landed
  }
}

const keptOf = (landed: Landed): Kept | undefined =>
  landed === 'failed' || landed === 'stopped' ? undefined : landed

function entryOf({ output, step }: Kept): MemoEntry {
  const value: Content = { output, outputHash: outputHashOf(output), step }
  return { value, traceHash: step.traceHash, exactHash: step.exactHash }
}

/** The entry's content, unless it is of another form or has changed since it was kept. */
function intact({ exactHash, traceHash, value }: MemoEntry): Kept | undefined {
  const { output, outputHash, step } = value as Content
  if (step.traceHash !== traceHash || step.exactHash !== exactHash) return undefined
  return outputHashOf(output) === outputHash ? { output, step } : undefined
}

const outputHashOf = (output: unknown): string => valueHash(output ?? null)

async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  if (signal.aborted) return undefined
  const { promise: aborted, resolve } = Promise.withResolvers<undefined>()
  const onAbort = () => resolve(undefined)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([promise, aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

const tupleHash = (...parts: readonly string[]): string => sha256(JSON.stringify(parts))

/** Bounds of a memo in memory. */
export type MemoryMemoOptions = {
  /** @default 10_000 */
  readonly maxEntries?: number
  /** By an estimate of what outputs and steps take. @default 64 MiB */
  readonly maxBytes?: number
}

/**
 * A store in this process's memory; what was used longest ago goes first. It gives out what it was given, not a
 * copy: an output that a caller has changed since is noticed and not used.
 */
export function memoryMemo({ maxEntries = 10_000, maxBytes = 2 ** 26 }: MemoryMemoOptions = {}): MemoStore {
  const cache = new Cache<MemoEntry>({ maxEntries, maxBytes, sizeOf: bytesOf })
  return {
    get: key => cache.get(key),
    set: (key, entry) => cache.set(key, entry),
  }
}

/** Bytes that plain data takes, roughly. Without recursion, since a trace may be deeper than the stack. */
function bytesOf(data: unknown): number {
  let bytes = 0
  const open: unknown[] = [data]
  while (open.length > 0) {
    const value = open.pop()
    if (typeof value === 'string') bytes += 16 + 2 * value.length
    else if (ArrayBuffer.isView(value)) bytes += 64 + value.byteLength
    else if (typeof value === 'object' && value !== null) {
      const members = Object.values(value)
      bytes += 32 + 8 * members.length
      for (const member of members) open.push(member)
    } else bytes += 8
  }
  return bytes
}
