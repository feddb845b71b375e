/**
 * What waits, and which of it runs next. Late binding: nothing is assigned to a worker before that worker
 * is free; a batch is cut at that moment from what waits then.
 *
 * Invariants: a job stands in its caller's turn while it has items that were never handed out; `#items` and
 * `#bytes` count exactly what waits, there and in `#again`; a lane's `tokens` what waits in it.
 */
import type { RequestClass } from '../core/call.ts'
import { type Item, type Job, tokensOf } from './job.ts'

/** Callers remembered before those are forgotten who have nothing to make up for. */
const mostLeft = 100

/** Most urgent first. */
const classes = ['interactive', 'normal', 'bulk'] as const satisfies readonly RequestClass[]

/** Turns that each class gets of every twelve while all three wait. */
const weights: Readonly<Record<RequestClass, number>> = { interactive: 8, normal: 3, bulk: 1 }

type Lane = {
  readonly callers: Map<string, Turn>
  /** Where callers stood that have nothing waiting now and had more than their turn. */
  readonly left: Map<string, number>
  readonly weight: number
  pass: number
  tokens: number
  /** The pass of the turn that was served last: the present, for a caller that joins. */
  served: number
}

/** The jobs of one caller in one class, earliest deadline first, and how much it has had. */
type Turn = { readonly jobs: Job[]; pass: number }

/** What a batch may hold at most. */
export type BatchCaps = {
  readonly items: number
  readonly tokens: number
  /** A tighter cap on tokens for an operation, from what its batches take. @default none */
  readonly tokensOf?: (op: string) => number
  /** Among how many workers, idle or soon idle, the waiting items are to be divided. */
  readonly among: number
  /** Whether an item that must run alone may be handed out now. */
  readonly allowAlone: boolean
  /** How many items of an operation the worker can take. @default any number */
  readonly room?: (op: string) => number
}

export class Queue {
  readonly #lanes: ReadonlyMap<RequestClass, Lane> = new Map(
    classes.map(name => [
      name,
      { callers: new Map(), left: new Map(), weight: weights[name], pass: 0, tokens: 0, served: 0 },
    ]),
  )
  readonly #again: Item[] = []
  /** Where the class that was served last stood: the present, for one that joins. */
  #pass = 0
  #items = 0
  #bytes = 0

  /** Items that wait. */
  get items(): number {
    return this.#items
  }

  get bytes(): number {
    return this.#bytes
  }

  get #tokens(): number {
    return this.#lanes.values().reduce((sum, lane) => sum + lane.tokens, 0)
  }

  /** Estimated tokens that would be served before a new job of this class, about. */
  tokensAhead(kind: RequestClass): number {
    const before = classes.slice(0, classes.indexOf(kind) + 1)
    return before.reduce((sum, name) => sum + this.#lane(name).tokens, 0)
  }

  /** Whether a job of this class waits. */
  holds(kind: RequestClass): boolean {
    return this.#lane(kind).callers.size > 0
  }

  /** When the longest-waiting job came, on the clock of `performance.now()`; undefined when none waits. */
  get oldestAt(): number | undefined {
    let oldest: number | undefined
    for (const job of this.#jobs()) oldest = Math.min(oldest ?? job.enqueuedAt, job.enqueuedAt)
    return oldest
  }

  /** Lets a job wait: by class, then fair between callers, then earliest deadline, then arrival. */
  add(job: Job): void {
    const lane = this.#lane(job.context.class)
    // Who was idle neither saves up the turns that it missed nor pays for those it had alone.
    if (lane.callers.size === 0) lane.pass = this.#pass
    let turn = lane.callers.get(job.context.caller)
    if (turn === undefined) {
      // Level with those who wait, unless it had more than they: leaving and coming back pays for nothing.
      turn = { jobs: [], pass: Math.max(lane.served, lane.left.get(job.context.caller) ?? 0) }
      lane.callers.set(job.context.caller, turn)
    }
    let place = turn.jobs.length
    while (place > 0 && (turn.jobs[place - 1] as Job).context.deadline > job.context.deadline) place -= 1
    turn.jobs.splice(place, 0, job)
    const waiting = job.queued.slice(job.next)
    lane.tokens += tokensOf(waiting)
    this.#count(waiting, 1)
  }

  /** Takes out one item that waits in its turn, because an equal one of another call will run instead. */
  withhold(item: Item): void {
    const { job } = item
    const waited = this.#waits(job)
    if (waited) this.#remove(job)
    job.queued.splice(job.queued.indexOf(item, job.next), 1)
    if (waited && job.next < job.queued.length) this.add(job)
  }

  /** Lets one more item of a job wait: the equal one of another call, whose answer it would have got, is gone. */
  enlist(item: Item): void {
    const { job } = item
    if (this.#waits(job)) this.#remove(job)
    let place = job.queued.length
    while (place > job.next && (job.queued[place - 1] as Item).tokens < item.tokens) place -= 1
    job.queued.splice(place, 0, item)
    this.add(job)
  }

  /** Puts items of a dead worker's batch back at the head; each will run alone. */
  again(items: readonly Item[]): void {
    for (const item of items) {
      item.alone = true
      item.state = 'waiting'
    }
    this.#again.push(...items)
    this.#count(items, 1)
  }

  /** Takes out what waits of a job whose caller has gone. */
  remove(job: Job): void {
    if (this.#waits(job)) this.#remove(job)
    for (let index = this.#again.length - 1; index >= 0; index -= 1) {
      const item = this.#again[index] as Item
      if (item.job === job) this.#count(this.#again.splice(index, 1), -1)
    }
  }

  /** The next batch: items that may run together, at least one; empty when nothing may run now. */
  cut(caps: BatchCaps): Item[] {
    const { room = () => Number.POSITIVE_INFINITY } = caps
    const suspect = caps.allowAlone ? this.#again.findIndex(item => room(opOf(item.job)) > 0) : -1
    if (suspect >= 0) {
      const items = this.#again.splice(suspect, 1)
      this.#count(items, -1)
      return items
    }
    const batch: Item[] = []
    // A fair share is counted in tokens: the longest come first, and as many of them as of short ones would be
    // far more than a share.
    const share = this.#tokens / caps.among
    let limit = caps.items
    let mostTokens = caps.tokens
    let tokens = 0
    let key: string | undefined
    for (;;) {
      const fits = (job: Job) => (key === undefined ? room(opOf(job)) > 0 : job.batchKey === key)
      const next = this.#next(fits)
      if (next === undefined) break
      const { lane, turn, job } = next
      if (key === undefined) {
        limit = Math.min(limit, room(opOf(job)))
        mostTokens = Math.min(mostTokens, caps.tokensOf?.(opOf(job)) ?? mostTokens)
      }
      key = job.batchKey
      const before = tokens
      const first = batch.length
      while (job.next < job.queued.length && batch.length < limit) {
        const item = job.queued[job.next] as Item
        if (batch.length > 0 && (tokens >= share || tokens + item.tokens > mostTokens)) break
        batch.push(item)
        tokens += item.tokens
        job.next += 1
      }
      this.#pass = lane.pass
      lane.pass += (batch.length - first) / lane.weight
      lane.served = turn.pass
      turn.pass += batch.length - first
      lane.tokens -= tokens - before
      if (job.next < job.queued.length) break
      this.#leave(lane, job)
    }
    this.#count(batch, -1)
    return batch
  }

  *#jobs(): Generator<Job> {
    for (const lane of this.#lanes.values()) for (const { jobs } of lane.callers.values()) yield* jobs
    for (const item of this.#again) yield item.job
  }

  #waits(job: Job): boolean {
    return this.#lane(job.context.class).callers.get(job.context.caller)?.jobs.includes(job) ?? false
  }

  /** Takes a job out of its turn. */
  #remove(job: Job): void {
    const lane = this.#lane(job.context.class)
    const waiting = job.queued.slice(job.next)
    lane.tokens -= tokensOf(waiting)
    this.#leave(lane, job)
    this.#count(waiting, -1)
  }

  #lane(kind: RequestClass): Lane {
    return this.#lanes.get(kind) as Lane
  }

  /** Whose turn it is among those with a job that fits: the class, then the caller, then its earliest deadline. */
  #next(fits: (job: Job) => boolean): { lane: Lane; turn: Turn; job: Job } | undefined {
    let best: { lane: Lane; turn: Turn; job: Job } | undefined
    for (const lane of this.#lanes.values()) {
      if (best !== undefined && lane.pass >= best.lane.pass) continue
      const found = firstTurn(lane, fits)
      if (found !== undefined) best = { lane, ...found }
    }
    return best
  }

  #leave(lane: Lane, job: Job): void {
    const turn = lane.callers.get(job.context.caller) as Turn
    turn.jobs.splice(turn.jobs.indexOf(job), 1)
    if (turn.jobs.length > 0) return
    lane.callers.delete(job.context.caller)
    lane.left.set(job.context.caller, turn.pass)
    if (lane.left.size > mostLeft) {
      for (const [caller, pass] of lane.left) if (pass <= lane.served) lane.left.delete(caller)
    }
  }

  #count(items: readonly Item[], sign: 1 | -1): void {
    this.#items += sign * items.length
    for (const item of items) this.#bytes += sign * item.bytes
  }
}

function firstTurn(lane: Lane, fits: (job: Job) => boolean): { turn: Turn; job: Job } | undefined {
  let best: { turn: Turn; job: Job } | undefined
  for (const turn of lane.callers.values()) {
    const job = turn.jobs.find(fits)
    if (job === undefined) continue
    const sooner = best !== undefined && turn.pass === best.turn.pass && comesBefore(job, best.job)
    if (best === undefined || turn.pass < best.turn.pass || sooner) best = { turn, job }
  }
  return best
}

const comesBefore = (a: Job, b: Job): boolean =>
  a.context.deadline < b.context.deadline ||
  (a.context.deadline === b.context.deadline && a.sequence < b.sequence)

const opOf = (job: Job): string => job.call.variant.op
