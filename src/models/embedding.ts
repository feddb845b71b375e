/**
 * Vectors for texts, computed once: a Dispatch in front of another that keeps vectors by model revision and
 * text. Texts that are not known go down in one call, which shares its run with equal ones in flight.
 */

import { Cache } from '../core/cache.ts'
import type { Call, Dispatch, Reply, RunContext, VariantRef, Vectors } from '../core/call.ts'
import { row, vectorsOf } from '../core/call.ts'
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

  /** Those texts of an `embed` call whose vectors are not kept, each once. */
  readonly uncached = (call: Call): readonly string[] => {
    const texts = new Set(call.items as readonly string[])
    return [...texts].filter(text => !this.#cache.has(keyOf(call, text)))
  }

  /** Keeps a vector that `call` would give for `text` and that is known from elsewhere. */
  put(call: Pick<Call, 'variant' | 'options'>, text: string, vector: Float32Array): void {
    this.#cache.set(keyOf(call, text), vector)
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
    if (wanted.size > 0) {
      // Equal texts of calls in flight share one run: whoever runs them sees to it.
      reply = await next({ ...call, items: [...wanted.values()], share: true }, context)
      const vectors = vectorsOf(reply)
      for (const [index, key] of [...wanted.keys()].entries()) {
        // A copy: a view would keep the whole reply alive for one vector.
        const vector = row(vectors, index).slice()
        found.set(key, vector)
        this.#cache.set(key, vector)
      }
    }
    return { ...reply, results: matrixOf(keys, found, call.variant) }
  }
}

const nothingUsed: Reply = {
  results: [],
  usage: { calls: 0, tokens: 0, workerMs: 0 },
  timings: { queueMs: 0, modelMs: 0, wireMs: 0 },
  attempt: 1,
  wastedMs: 0,
}

/** What a vector depends on: the model, how it was run, what was put before the text, and the text. */
const keyOf = ({ variant, options = {} }: Pick<Call, 'variant' | 'options'>, text: string): string => {
  const { model, revision, weightsHash } = variant
  const { pad = '', as = '', instruction = '' } = options
  return sha256([model, revision, weightsHash, pad, as, instruction, text].join('\0'))
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
