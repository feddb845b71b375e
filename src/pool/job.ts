/**
 * A caller's call while the pool has it: its items, which ride batches on their own, and the reply that
 * they are joined to. Settles exactly once; whatever comes later is dropped.
 */
import { type Call, generatedAtMost, type Reply, type Results, type RunContext } from '../core/call.ts'
import { errorOf, isErrorCode } from '../core/errors.ts'
import { copyVectors, isWireVectors, wellFormed } from '../wire/codec.ts'
import type { WireReply } from '../wire/message.ts'

/** One item: the unit of scheduling. */
export type Item = {
  readonly job: Job
  readonly index: number
  readonly value: unknown
  readonly tokens: number
  readonly bytes: number
  /** Set once it is suspected of a worker's death: from then on it runs in a batch of its own. */
  alone: boolean
  /** Workers that died with it. */
  deaths: number
  /** Deaths that the breaker has counted and that may have been this item's doing. */
  counted: number
  /** How far it is to blame for dead workers; see `poisonBlame`. */
  blame: number
  /** `following` is computed as another's: see `sharing.ts`. */
  state: 'waiting' | 'running' | 'done' | 'failed' | 'following'
  /** Equal items of other calls, which get what this one gets. */
  followers: Item[]
  /** What makes it equal to others; empty until it is compared. */
  key: string
}

/** A slice's results as they crossed the pipe. */
export type WireResults = Extract<WireReply, { results: unknown }>['results']

/** What a batch's reply says of the batch as a whole. */
export type BatchTimes = {
  readonly sentAt: number
  readonly receivedAt: number
  readonly modelMs: number
  /** This slice's part of the batch's work, 0 to 1. */
  readonly share: number
}

let sequence = 0

export class Job {
  readonly call: Call
  readonly options: Readonly<Record<string, unknown>>
  readonly context: RunContext
  /**
   * Longest first, whatever the caller's order: batches of like lengths pad least, and what is left for the
   * end is short, so that workers finish together. Measured: 12 % more texts a second in bulk.
   */
  readonly items: readonly Item[]
  /** Those that go through the queue, longest first; the others follow equal items of other calls. */
  readonly queued: Item[]
  readonly sequence = sequence++
  readonly enqueuedAt: number
  readonly done: Promise<Reply>
  /** Calls with equal keys may share a batch. */
  readonly batchKey: string
  /** The first of `queued` that has not been handed to a batch. */
  next = 0
  /** Items of more urgent calls that went first while it waited for room; see `Call.together`. */
  passed = 0
  readonly #resolve: (reply: Reply) => void
  readonly #reject: (error: unknown) => void
  #state: 'open' | 'settled' = 'open'
  #left: number
  #kind: 'vectors' | 'values' | undefined
  #vectors: Float32Array | undefined
  #dimensions = 0
  #values: unknown[] = []
  #shareKey: string | undefined
  #calls = 0
  #tokens = 0
  #workerMs = 0
  #attempt = 1
  #wastedMs = 0
  #release: (ok: boolean) => void = () => {}

  constructor(call: Call, context: RunContext, enqueuedAt: number) {
    this.call = call
    this.options = wellFormed(call.options ?? {}) as Readonly<Record<string, unknown>>
    this.context = context
    this.enqueuedAt = enqueuedAt
    this.batchKey = `${call.variant.op}\n${call.variant.model}`
    this.items = call.items
      .map((given, index) => itemOf(this, given, index))
      .sort((a, b) => b.tokens - a.tokens)
    this.queued = [...this.items]
    this.#left = this.items.length
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    this.done = promise
    this.#resolve = resolve
    this.#reject = reject
  }

  /** Equal items of calls with equal keys come to equal results. */
  get shareKey(): string {
    const { variant, seed } = this.call
    this.#shareKey ??= JSON.stringify([
      this.batchKey,
      variant.revision,
      variant.weightsHash,
      seed,
      this.options,
    ])
    return this.#shareKey
  }

  /** False once the caller has its answer or its error. */
  get open(): boolean {
    return this.#state === 'open'
  }

  /** What to let go of when the job settles: timers, listeners. Told whether it was answered. */
  onSettle(release: (ok: boolean) => void): void {
    this.#release = release
  }

  /** Takes a slice's reply; settles when it was the last. */
  accept(items: readonly Item[], reply: WireReply, times: BatchTimes): void {
    if (!this.open) return
    if ('error' in reply) {
      const code = isErrorCode(reply.error.code) ? reply.error.code : 'ER_MODEL_FAILED'
      this.fail(errorOf(code, reply.error.message))
      return
    }
    this.#store(items, reply.results)
    this.#calls = 1
    this.#tokens += reply.usage.tokens
    this.#workerMs += times.modelMs * times.share
    this.#left -= items.length
    if (this.#left === 0) this.#finish(times)
  }

  /** Takes for one item what an equal item of another call came to; costs nothing. */
  receive(item: Item, results: WireResults, times: BatchTimes): void {
    if (!this.open) return
    this.#store([item], results)
    this.#left -= 1
    if (this.#left === 0) this.#finish(times)
  }

  /** What item `index` of the caller's came to; only for one that is done. */
  resultOf(index: number): WireResults {
    if (this.#vectors === undefined) return [this.#values[index]]
    const row = this.#vectors.subarray(index * this.#dimensions, (index + 1) * this.#dimensions)
    const data = new Uint8Array(row.slice().buffer)
    return { dtype: 'f32', shape: [1, this.#dimensions], data }
  }

  #store(items: readonly Item[], results: WireResults): void {
    if (isWireVectors(results)) {
      const [count, dimensions] = results.shape
      if (count !== items.length) throw wrongCount(count, items.length)
      if (this.#kind === 'values' || (this.#kind === 'vectors' && dimensions !== this.#dimensions))
        throw otherKind()
      this.#kind = 'vectors'
      this.#vectors ??= new Float32Array(this.items.length * dimensions)
      this.#dimensions = dimensions
      const whole = items.every((item, place) => item.index === (items[0]?.index ?? 0) + place)
      if (whole) copyVectors(results, this.#vectors, items[0]?.index ?? 0)
      else {
        for (const [place, item] of items.entries()) {
          const data = results.data.subarray(place * dimensions * 4, (place + 1) * dimensions * 4)
          copyVectors({ dtype: 'f32', shape: [1, dimensions], data }, this.#vectors, item.index)
        }
      }
    } else {
      if (results.length !== items.length) throw wrongCount(results.length, items.length)
      if (this.#kind === 'vectors') throw otherKind()
      this.#kind = 'values'
      for (const [place, item] of items.entries()) this.#values[item.index] = results[place]
    }
  }

  /** 1, and one more for each worker that died under one of its items. */
  get attempt(): number {
    return this.#attempt
  }

  /** Hands on what a step added to one of its items. */
  part({ index }: Item, delta: unknown): void {
    if (!this.open) return
    try {
      this.call.onPart?.({ index, delta, attempt: this.#attempt })
    } catch (error) {
      this.fail(error) // the caller's own fault, and nobody else's
    }
  }

  /** Notes work that died with a worker and will be done again. */
  waste(ms: number): void {
    this.#attempt += 1
    this.#wastedMs += ms
  }

  /** Gives the caller an error, unless it has had its answer. */
  fail(error: unknown): void {
    if (!this.open) return
    this.#state = 'settled'
    this.#release(false)
    this.#reject(error)
  }

  #finish(times: BatchTimes): void {
    this.#state = 'settled'
    this.#release(true)
    const results: Results =
      this.#vectors === undefined
        ? this.#values
        : { count: this.items.length, dimensions: this.#dimensions, data: this.#vectors }
    this.#resolve({
      results,
      usage: { calls: this.#calls, tokens: this.#tokens, workerMs: this.#workerMs },
      timings: {
        // What another call had computed may have been sent before this one came.
        queueMs: Math.max(0, times.sentAt - this.enqueuedAt),
        modelMs: times.modelMs,
        wireMs: Math.max(0, times.receivedAt - times.sentAt - times.modelMs),
      },
      attempt: this.#attempt,
      wastedMs: this.#wastedMs,
    })
  }
}

function itemOf(job: Job, given: unknown, index: number): Item {
  const value = wellFormed(given)
  const length = typeof value === 'string' ? value.length : jsonLength(value, index)
  // Four characters a token is near enough to cut batches by; the truth comes back with the reply. What an item
  // may generate is work, too, and most of it.
  return {
    job,
    index,
    value,
    tokens: 2 + Math.ceil(length / 4) + generatedAtMost(value),
    bytes: length,
    alone: false,
    deaths: 0,
    counted: 0,
    blame: 0,
    state: 'waiting',
    followers: [],
    key: '',
  }
}

function jsonLength(value: unknown, index: number): number {
  try {
    return JSON.stringify(value)?.length ?? 0
  } catch (cause) {
    throw errorOf('ER_INPUT', `Item ${index} can't be sent to a worker: ${(cause as Error).message}`, {
      cause,
    })
  }
}

const otherKind = () => errorOf('ER_WIRE', 'The worker gave results of two kinds for one call')

const wrongCount = (got: number, wanted: number) =>
  errorOf('ER_WIRE', `The worker gave ${got} results for ${wanted} items`)

/** The reply to a call without items, which needs no worker. */
export function emptyReply(call: Call): Reply {
  const { dimensions } = call.variant.limits
  return {
    results: dimensions > 0 ? { count: 0, dimensions, data: new Float32Array() } : [],
    usage: { calls: 0, tokens: 0, workerMs: 0 },
    timings: { queueMs: 0, modelMs: 0, wireMs: 0 },
    attempt: 1,
    wastedMs: 0,
  }
}

/** Estimated tokens of items together. */
export const tokensOf = (items: readonly Item[]): number => items.reduce((sum, item) => sum + item.tokens, 0)
