/**
 * What waits, and which of it runs next. Late binding: nothing is assigned to a worker before that worker
 * is free; a batch is cut at that moment from what waits then.
 *
 * Invariants: a job stands in its caller's turn while it has items that were never handed out; `#items` and
 * `#bytes` count exactly what waits, there and in `#again`; a lane's `loads` what waits in it, by operation.
 *
 * A call whose items must go together waits, when its turn has come, until a worker has room for all of them:
 * the one with the most room takes no other call of that operation meanwhile but a few more urgent ones. That
 * room can only grow, so the call is not starved.
 */
import type { RequestClass } from '../core/call.ts'
import { type Item, type Job, tokensOf } from './job.ts'

/** Callers remembered before those are forgotten who have nothing to make up for. */
const mostLeft = 100

/** Most urgent first. */
const classes = ['interactive', 'normal', 'bulk'] as const satisfies readonly RequestClass[]

/** Turns that each class gets of every twelve while all three wait. */
const weights: Readonly<Record<RequestClass, number>> = { interactive: 8, normal: 3, bulk: 1 }

/** Items of more urgent calls that may pass one that waits for room, all in all. */
const mostPassing = 8

/** What waits of one operation in one class; tokens are estimated. */
export type Load = { items: number; tokens: number }

type Lane = {
  readonly callers: Map<string, Turn>
  /** Where callers stood that have nothing waiting now and had more than their turn. */
  readonly left: Map<string, number>
  readonly weight: number
  pass: number
  readonly loads: Map<string, Load>
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
  /** Tokens of an operation up to which more calls join a batch, and smaller ones are kept whole. @default any */
  readonly joined?: (op: string) => number
  /** Among how many workers, idle or soon idle, the waiting items are to be divided. */
  readonly among: number
  /** Whether others of them idle, so that a call is done sooner when they get a part of it. @default true */
  readonly othersIdle?: boolean
  /** Whether an item that must run alone may be handed out now. */
  readonly allowAlone: boolean
  /** How many items of an operation the worker can take. @default any number */
  readonly room?: (op: string) => number
  /** Whether no other worker has more room for an operation. @default true */
  readonly roomiest?: (op: string) => boolean
}

/** A job whose turn it is. */
type Found = { readonly lane: Lane; readonly turn: Turn; readonly job: Job }

/** For each operation the job that the rest of a worker's room is kept free for. */
type Kept = ReadonlyMap<string, Job> | undefined

export class Queue {
  readonly #lanes: ReadonlyMap<RequestClass, Lane> = new Map(
    classes.map(name => [
      name,
      { callers: new Map(), left: new Map(), weight: weights[name], pass: 0, loads: new Map(), served: 0 },
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

  /** The sum of `costOf` over what would be served before a new job of this class, about. */
  ahead(kind: RequestClass, costOf: (op: string, load: Readonly<Load>) => number): number {
    let sum = 0
    for (const name of classes) {
      for (const [op, load] of this.#lane(name).loads) sum += costOf(op, load)
      if (name === kind) break
    }
    return sum
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
    note(lane, job, waiting, 1)
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

  /** Puts items of a dead worker's batch back at the head; each will run alone, unless it is not suspected yet. */
  again(items: readonly Item[], { alone = true }: { readonly alone?: boolean } = {}): void {
    for (const item of items) {
      item.alone = alone
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
    const head = this.#again.findIndex(item => (caps.allowAlone || !item.alone) && room(opOf(item.job)) > 0)
    if (head >= 0) return this.#repeat(this.#again[head] as Item, room)
    const { first, kept } = this.#first(room, caps.roomiest ?? always)
    if (first === undefined) return []
    const op = opOf(first.job)
    const batch =
      first.job.call.together === true ? this.#whole(first) : this.#fill(first, caps, room(op), kept)
    const waits = kept?.get(op)
    if (waits !== undefined) waits.passed += batch.length
    this.#count(batch, -1)
    return batch
  }

  /** A suspect by itself, or as many as there is room for of those that are none. */
  #repeat(head: Item, room: (op: string) => number): Item[] {
    const most = head.alone ? 1 : room(opOf(head.job))
    const { batchKey } = head.job
    const batch = this.#again
      .filter(item => item === head || (!head.alone && !item.alone && item.job.batchKey === batchKey))
      .slice(0, most)
    for (const item of batch) this.#again.splice(this.#again.indexOf(item), 1)
    this.#count(batch, -1)
    return batch
  }

  /** Whose turn it is among those that the worker has room for, and for whom it keeps the rest of its room. */
  #first(room: (op: string) => number, roomiest: (op: string) => boolean) {
    let kept: Map<string, Job> | undefined
    let waits: Set<Job> | undefined
    for (;;) {
      const first = this.#next(
        job => room(opOf(job)) > 0 && waits?.has(job) !== true && mayPass(job, kept?.get(opOf(job))),
      )
      if (first === undefined) return { first, kept }
      const { job } = first
      const op = opOf(job)
      if (job.call.together !== true || room(op) >= job.queued.length - job.next) return { first, kept }
      waits = (waits ?? new Set()).add(job)
      if (kept?.has(op) !== true && roomiest(op)) kept = (kept ?? new Map<string, Job>()).set(op, job)
    }
  }

  /** All that waits of a job. */
  #whole({ lane, turn, job }: Found): Item[] {
    const batch = job.queued.slice(job.next)
    job.next = job.queued.length
    this.#serve(lane, turn, job, batch)
    this.#leave(lane, job)
    return batch
  }

  /** As much as the caps allow of what may run with the first job's items. */
  #fill(first: Found, caps: BatchCaps, room: number, kept: Kept): Item[] {
    const batch: Item[] = []
    const op = opOf(first.job)
    const { batchKey } = first.job
    const limit = Math.min(caps.items, room)
    const mostTokens = Math.min(caps.tokens, caps.tokensOf?.(op) ?? caps.tokens)
    // A fair share is counted in tokens: the longest come first, and as many of them as of short ones would be
    // far more than a share.
    const share = this.#tokensOf(op) / caps.among
    const joined = caps.joined?.(op) ?? Number.POSITIVE_INFINITY
    const wholeUpTo = caps.othersIdle === false ? joined : 0
    let tokens = 0
    const fits = (job: Job) =>
      job.batchKey === batchKey && job.call.together !== true && mayPass(job, kept?.get(op))
    for (let next: Found | undefined = first; next !== undefined; next = this.#next(fits)) {
      const { lane, turn, job } = next
      const from = batch.length
      if (from > 0 && tokens >= Math.min(share, joined)) break
      const whole = wholeUpTo > 0 && tokensOf(job.queued.slice(job.next)) <= wholeUpTo
      while (job.next < job.queued.length && batch.length < limit) {
        const item = job.queued[job.next] as Item
        if (batch.length > 0 && ((tokens >= share && !whole) || tokens + item.tokens > mostTokens)) break
        batch.push(item)
        tokens += item.tokens
        job.next += 1
      }
      this.#serve(lane, turn, job, batch.slice(from))
      if (job.next < job.queued.length) break
      this.#leave(lane, job)
    }
    return batch
  }

  /** Notes that a job has had its turn with these items. */
  #serve(lane: Lane, turn: Turn, job: Job, items: readonly Item[]): void {
    this.#pass = lane.pass
    lane.pass += items.length / lane.weight
    lane.served = turn.pass
    turn.pass += items.length
    note(lane, job, items, -1)
  }

  #tokensOf(op: string): number {
    return this.#lanes.values().reduce((sum, { loads }) => sum + (loads.get(op)?.tokens ?? 0), 0)
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
    note(lane, job, waiting, -1)
    this.#leave(lane, job)
    this.#count(waiting, -1)
  }

  #lane(kind: RequestClass): Lane {
    return this.#lanes.get(kind) as Lane
  }

  /** Whose turn it is among those with a job that fits: the class, then the caller, then its earliest deadline. */
  #next(fits: (job: Job) => boolean): Found | undefined {
    let best: Found | undefined
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

/** Whether `job` may go although room is kept free for another. */
const mayPass = (job: Job, waits: Job | undefined): boolean =>
  waits === undefined ||
  (waits.passed < mostPassing && classes.indexOf(job.context.class) < classes.indexOf(waits.context.class))

/** Counts items of a job in or out of what waits in a lane. */
function note(lane: Lane, job: Job, items: readonly Item[], sign: 1 | -1): void {
  const op = opOf(job)
  let load = lane.loads.get(op)
  if (load === undefined) {
    load = { items: 0, tokens: 0 }
    lane.loads.set(op, load)
  }
  load.items += sign * items.length
  load.tokens += sign * tokensOf(items)
}

const always = (): boolean => true

const comesBefore = (a: Job, b: Job): boolean =>
  a.context.deadline < b.context.deadline ||
  (a.context.deadline === b.context.deadline && a.sequence < b.sequence)

const opOf = (job: Job): string => job.call.variant.op
