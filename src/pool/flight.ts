/**
 * A batch under way on one worker: which slices of which calls it carries, how its reply is handed out, and
 * what is to be done with its items when the worker dies instead.
 */
import { now } from '../core/async.ts'
import { errorOf, type RunnerError } from '../core/errors.ts'
import { isWireVectors } from '../wire/codec.ts'
import type { BatchMessage, ResultsMessage, WireCall, WireReply } from '../wire/message.ts'
import { type BatchTimes, type Item, type Job, tokensOf, type WireResults } from './job.ts'
import { isWanted } from './sharing.ts'

/** An item this much to blame for dead workers is refused for good; a hang alone weighs it all. */
const poisonBlame = 2

/** What becomes of a dead worker's items. */
export type Rescue = {
  /** To be run again, each alone. */
  readonly again: readonly Item[]
  /** To be run again as before: what takes many steps is long, and is suspected from the second death on. */
  readonly anew: readonly Item[]
  /** Refused for good, with the error that its caller gets. */
  readonly poisoned: readonly { readonly item: Item; readonly error: RunnerError }[]
  /** Calls that were not to be run again, with the error that each gets. */
  readonly ended: readonly { readonly job: Job; readonly error: RunnerError }[]
  /** How long it had been under way. */
  readonly wastedMs: number
}

/** What an answer to a flight came to. */
export type Settlement = {
  readonly settled: readonly Job[]
  /** Items that failed or whose own job had gone before. */
  readonly loose: readonly Item[]
  /** Sizes, in estimated tokens, of what took the time that the message tells. */
  readonly timed: readonly number[]
}

export class Flight {
  readonly batch: number
  readonly op: string
  readonly model: string
  readonly items: readonly Item[]
  /** Estimated. */
  readonly tokens: number
  /** Whether it carries one suspect and nothing else. */
  readonly alone: boolean
  readonly sentAt = now()
  /** Whether each item is a call of its own, which makes steps until it is answered. */
  readonly stepwise: boolean
  // Slices that have not been answered, by an id that is unique among all batches of the pool.
  readonly #slices = new Map<number, Item[]>()

  /**
   * A flight of `items`, at least one, which share operation and model. `stepwise`: each item is a call of its
   * own, which is answered when it is done, not with the rest.
   */
  constructor(batch: number, items: readonly Item[], stepwise: boolean, nextId: () => number) {
    const first = items[0] as Item
    this.batch = batch
    this.op = first.job.call.variant.op
    this.model = first.job.call.variant.model
    this.items = items
    this.tokens = tokensOf(items)
    this.alone = first.alone
    this.stepwise = stepwise
    for (const item of items) item.state = 'running'
    let slice: Item[] = []
    for (const item of items) {
      if (slice[0]?.job === item.job && !stepwise) slice.push(item)
      else {
        slice = [item]
        this.#slices.set(nextId(), slice)
      }
    }
  }

  /** The message that starts it. */
  message(hangMs: number): BatchMessage {
    const calls = [...this.#slices].map(([id, items]) => wireCall(id, items))
    return { type: 'batch', batch: this.batch, op: this.op, model: this.model, hangMs, calls }
  }

  /**
   * Hands out the worker's answer.
   * @throws WorkerError ER_WIRE when it makes no sense; what was handed out before stays so.
   */
  settle(message: ResultsMessage): Settlement {
    const receivedAt = now()
    const replies = new Map(message.calls.map(reply => [reply.id, reply]))
    const settled: Job[] = []
    const loose: Item[] = []
    // A batch of one step took that long as a whole; of many steps, each call by itself, unless it was cut short.
    const timed = this.stepwise ? [] : [this.tokens]
    for (const [id, items] of this.#slices) {
      const { job } = items[0] as Item
      const reply = replies.get(id)
      if (reply !== undefined) {
        if ('error' in reply || !job.open) loose.push(...items)
        if (this.stepwise && !('error' in reply)) timed.push(tokensOf(items))
        const share = tokensOf(items) / this.tokens
        handOut(items, reply, { sentAt: this.sentAt, receivedAt, modelMs: message.modelMs, share })
      } else if (this.stepwise) {
        continue
      } else if (items.some(isWanted)) {
        throw errorOf('ER_WIRE', `The worker left call ${id} of batch ${message.batch} unanswered`)
      }
      this.#slices.delete(id) // should a later reply make no sense, this one is not run again
      if (!job.open) settled.push(job)
    }
    return { settled, loose, timed }
  }

  /** What its events tell of it. */
  get told(): { readonly batch: number; readonly op: string; readonly items: number } {
    return { batch: this.batch, op: this.op, items: this.items.length }
  }

  /** Of the requests that it works for, each once. */
  get traceparents(): string[] {
    return [...new Set(this.items.map(({ job }) => job.context.traceparent))].filter(text => text !== '')
  }

  /** How much of the worker it keeps busy: the calls that make steps, or one batch. */
  get weight(): number {
    return this.stepwise ? this.#slices.size : 1
  }

  /** True when nothing of it is owed an answer any more. */
  get over(): boolean {
    return this.#slices.size === 0
  }

  /** The slices that carry items of a job, and none that anybody else waits for, by id. */
  unwantedOf(job: Job): number[] {
    return [...this.#slices].flatMap(([id, items]) =>
      items[0]?.job === job && !items.some(isWanted) ? [id] : [],
    )
  }

  /** Hands on what a step added to one of its calls; false where the call is not here. */
  deliver(id: number, delta: unknown): boolean {
    const item = this.#slices.get(id)?.[0]
    if (item === undefined) return false
    item.job.part(item, delta)
    return true
  }

  /**
   * Sorts the items that are still owed an answer, after the worker died of `reason`. A call in `told` has heard
   * of this death already, for it had other items there; the others are told and added.
   */
  rescue(reason: RunnerError, told: Set<Job>): Rescue {
    const wastedMs = now() - this.sentAt
    const again: Item[] = []
    const anew: Item[] = []
    const poisoned: Rescue['poisoned'][number][] = []
    const ended: Rescue['ended'][number][] = []
    for (const items of this.#slices.values()) {
      const { job } = items[0] as Item
      const isNews = !told.has(job)
      told.add(job)
      if (isNews) job.waste(wastedMs)
      if (job.call.restart === false) {
        if (isNews) ended.push({ job, error: this.#ended(reason) })
        continue
      }
      for (const item of items) {
        if (!isWanted(item)) continue
        if (this.alone) item.blame += reason.code === 'ER_WORKER_HUNG' ? poisonBlame : 1
        item.deaths += 1
        if (item.blame < poisonBlame) (this.stepwise && item.deaths === 1 ? anew : again).push(item)
        else poisoned.push({ item, error: this.#poison(item, reason) })
      }
    }
    return { again, anew, poisoned, ended, wastedMs }
  }

  /** One error a call, as the executor writes its path into it. */
  #ended(reason: RunnerError): RunnerError {
    const code = reason.code === 'ER_WORKER_HUNG' ? reason.code : 'ER_WORKER_EXIT'
    const message = `The worker of a call to ${this.op} ended, and the call is not to be run again: ${reason.message}`
    return errorOf(code, message, { detail: reason.detail ?? '', cause: reason })
  }

  #poison(item: Item, reason: RunnerError): RunnerError {
    const message = `Item ${item.index} of a call to ${this.op} ended every worker that ran it; the last one: ${reason.message}`
    return errorOf('ER_POISON', message, { detail: reason.detail ?? '', cause: reason, retried: true })
  }
}

/** Gives a slice's answer to its call, and to those who follow its items. */
function handOut(items: readonly Item[], reply: WireReply, times: BatchTimes): void {
  for (const item of items) item.state = 'error' in reply ? 'failed' : 'done'
  ;(items[0] as Item).job.accept(items, reply, times)
  if ('error' in reply) return
  for (const [place, { followers }] of items.entries()) {
    for (const follower of followers.splice(0))
      follower.job.receive(follower, rowOf(reply.results, place), times)
  }
}

function rowOf(results: WireResults, place: number): WireResults {
  // What is a list's may be an object: each caller gets one of its own.
  if (!isWireVectors(results)) return [structuredClone(results[place])]
  const [, dimensions] = results.shape
  const data = results.data.subarray(place * dimensions * 4, (place + 1) * dimensions * 4)
  return { dtype: 'f32', shape: [1, dimensions], data }
}

function wireCall(id: number, items: readonly Item[]): WireCall {
  const { job } = items[0] as Item
  return {
    id,
    items: items.map(item => item.value),
    options: job.options,
    attempt: job.attempt,
    seed: job.call.seed ?? null,
    traceparent: job.context.traceparent,
  }
}
