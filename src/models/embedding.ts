/**
 * Vectors for texts, computed once: a Dispatch in front of another that keeps vectors by model revision and
 * text, and lets equal texts in flight share one run. Texts that are not known go down in one call.
 */

import { Cache } from '../core/cache.ts'
import type { Call, Dispatch, Reply, RunContext, VariantRef, Vectors } from '../core/call.ts'
import { isVectors, row } from '../core/call.ts'
import { sha256 } from '../core/hash.ts'

/** Bounds of the cache of vectors. */
export type EmbeddingCacheOptions = {
  /** Vectors kept at most; 0 keeps none. @default 20_000 */
  readonly maxEntries?: number
  /** @default 64 MiB */
  readonly maxBytes?: number
}

/** Bytes that an entry takes beside its vector: key, object, list node. */
const entryOverheadBytes = 200

/** Vectors by model and text, as a function from one Dispatch to another. */
export class EmbeddingCache {
  readonly #cache: Cache<Float32Array>
  readonly #flights = new Map<string, Flight>()

  constructor(options: EmbeddingCacheOptions = {}) {
    const { maxEntries = 20_000, maxBytes = 64 * 1024 * 1024 } = options
    this.#cache = new Cache({
      maxEntries,
      maxBytes,
      sizeOf: vector => vector.byteLength + entryOverheadBytes,
    })
  }

  get figures() {
    return this.#cache.figures
  }

  clear(): void {
    this.#cache.clear()
  }

  /** A Dispatch that answers `embed` from the cache where it can; other operations pass through. */
  over(next: Dispatch): Dispatch {
    return async (call, context) =>
      call.variant.op === 'embed' ? this.#embed(next, call, context) : next(call, context)
  }

  async #embed(next: Dispatch, call: Call, context: RunContext): Promise<Reply> {
    const texts = call.items as readonly string[]
    const keys = texts.map(text => keyOf(call, text))
    const found = new Map<string, Float32Array>()
    const wanted = new Map<string, string>()
    for (const [index, key] of keys.entries()) {
      if (found.has(key) || wanted.has(key)) continue
      const vector = this.#cache.get(key)
      if (vector === undefined) wanted.set(key, texts[index] as string)
      else found.set(key, vector)
    }
    let reply = nothingUsed
    while (wanted.size > 0) {
      // Ours go first, so that two calls which wait for each other's texts both get on.
      const theirs = [...wanted.keys()].flatMap(key => this.#flights.get(key) ?? [])
      const ours = [...wanted].filter(([key]) => !this.#flights.has(key))
      if (ours.length > 0)
        reply = await this.#lead(next, { ...call, items: ours.map(([, text]) => text) }, ours, context, found)
      // Another's failure is its own: what it owed us is ours in the next round.
      await settledOrAborted(theirs, context.signal)
      for (const key of wanted.keys()) {
        const vector = found.get(key) ?? this.#cache.get(key)
        if (vector === undefined) continue
        found.set(key, vector)
        wanted.delete(key)
      }
      for (const flight of theirs) {
        for (const [key, vector] of flight.vectors) if (wanted.delete(key)) found.set(key, vector)
      }
    }
    return { ...reply, results: matrixOf(keys, found, call.variant) }
  }

  /** Has texts computed, for this call and for all that ask for the same meanwhile. */
  async #lead(
    next: Dispatch,
    call: Call,
    wanted: readonly (readonly [key: string, text: string])[],
    context: RunContext,
    found: Map<string, Float32Array>,
  ): Promise<Reply> {
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const flight: Flight = { over, vectors: new Map() }
    for (const [key] of wanted) this.#flights.set(key, flight)
    try {
      const reply = await next(call, context)
      if (!isVectors(reply.results)) throw new Error('This is a bug: embed gave no vectors')
      for (const [index, [key]] of wanted.entries()) {
        // A copy: a view would keep the whole reply alive for one vector.
        const vector = row(reply.results, index).slice()
        flight.vectors.set(key, vector)
        found.set(key, vector)
        this.#cache.set(key, vector)
      }
      return reply
    } finally {
      for (const [key] of wanted) this.#flights.delete(key)
      resolve()
    }
  }
}

/** Texts that are being computed for one call; `vectors` is filled when it is over, if all went well. */
type Flight = { readonly over: Promise<void>; readonly vectors: Map<string, Float32Array> }

async function settledOrAborted(flights: readonly Flight[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const { promise: aborted, reject } = Promise.withResolvers<never>()
  const onAbort = () => reject(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    await Promise.race([Promise.all(flights.map(flight => flight.over)), aborted])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}

const nothingUsed: Reply = {
  results: [],
  usage: { calls: 0, tokens: 0, workerMs: 0 },
  timings: { queueMs: 0, modelMs: 0, wireMs: 0 },
  attempt: 1,
  wastedMs: 0,
}

/** What a vector depends on: the model, how it was run, and the text. */
const keyOf = (call: Call, text: string): string => {
  const { model, revision, weightsHash } = call.variant
  return sha256(`${model}\0${revision}\0${weightsHash}\0${call.options?.['pad'] ?? ''}\0${text}`)
}

function matrixOf(
  keys: readonly string[],
  found: ReadonlyMap<string, Float32Array>,
  variant: VariantRef,
): Vectors {
  const dimensions = found.values().next().value?.length ?? variant.limits.dimensions
  const data = new Float32Array(keys.length * dimensions)
  for (const [index, key] of keys.entries()) data.set(found.get(key) as Float32Array, index * dimensions)
  return { count: keys.length, dimensions, data }
}
