/**
 * What waits, and which of it runs next. Late binding: nothing is assigned to a worker before that worker
 * is free; a batch is cut at that moment from what waits then.
 *
 * Invariants: a job stands in its class's list while it has items that were never handed out; `#items` and
 * `#bytes` count exactly what waits, there and in `#again`.
 */
import type { RequestClass } from '../core/call.ts'
import type { Item, Job } from './job.ts'

/** Turns that each class gets of every twelve while all three wait. */
const weights: Readonly<Record<RequestClass, number>> = { interactive: 8, normal: 3, bulk: 1 }

type Lane = { readonly jobs: Job[]; readonly weight: number; pass: number }

/** What a batch may hold at most. */
export type BatchCaps = {
  readonly items: number
  readonly tokens: number
  /** Among how many workers, idle or soon idle, the waiting items are to be divided. */
  readonly among: number
  /** Whether an item that must run alone may be handed out now. */
  readonly allowAlone: boolean
}

export class Queue {
  readonly #lanes: readonly Lane[] = Object.values(weights).map(weight => ({ jobs: [], weight, pass: 0 }))
  readonly #again: Item[] = []
  /** Where the lane that was served last stood: the present, for a lane that joins. */
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

  /** When the longest-waiting job came, on the clock of `performance.now()`; undefined when none waits. */
  get oldestAt(): number | undefined {
    const waiting = [...this.#lanes.flatMap(lane => lane.jobs), ...this.#again.map(item => item.job)]
    return waiting.length === 0 ? undefined : Math.min(...waiting.map(job => job.enqueuedAt))
  }

  /** Lets a job wait: by class, then earliest deadline, then arrival. */
  add(job: Job): void {
    const lane = this.#lane(job)
    // A lane that was idle neither saves up the turns that it missed nor pays for those it had alone.
    if (lane.jobs.length === 0) lane.pass = this.#pass
    let place = lane.jobs.length
    while (place > 0 && (lane.jobs[place - 1] as Job).context.deadline > job.context.deadline) place -= 1
    lane.jobs.splice(place, 0, job)
    this.#count(job.items, 1)
  }

  /** Puts items of a dead worker's batch back at the head; each will run alone. */
  again(items: readonly Item[]): void {
    for (const item of items) item.alone = true
    this.#again.push(...items)
    this.#count(items, 1)
  }

  /** Takes out what waits of a job whose caller has gone. */
  remove(job: Job): void {
    const { jobs } = this.#lane(job)
    const place = jobs.indexOf(job)
    if (place >= 0) {
      jobs.splice(place, 1)
      this.#count(job.items.slice(job.next), -1)
    }
    for (let index = this.#again.length - 1; index >= 0; index -= 1) {
      const item = this.#again[index] as Item
      if (item.job === job) this.#count(this.#again.splice(index, 1), -1)
    }
  }

  /** The next batch: items that may run together, at least one; empty when nothing may run now. */
  cut(caps: BatchCaps): Item[] {
    const redo = caps.allowAlone ? this.#again.shift() : undefined
    if (redo !== undefined) {
      this.#count([redo], -1)
      return [redo]
    }
    const batch: Item[] = []
    const fair = Math.max(1, Math.ceil((this.#items - this.#again.length) / caps.among))
    const limit = Math.min(caps.items, fair)
    let tokens = 0
    let key: string | undefined
    for (;;) {
      const lane = this.#nextLane(key)
      const job = lane?.jobs.find(waiting => key === undefined || waiting.batchKey === key)
      if (lane === undefined || job === undefined) break
      key = job.batchKey
      const before = batch.length
      while (job.next < job.items.length && batch.length < limit) {
        const item = job.items[job.next] as Item
        if (batch.length > 0 && tokens + item.tokens > caps.tokens) break
        batch.push(item)
        tokens += item.tokens
        job.next += 1
      }
      this.#pass = lane.pass
      lane.pass += (batch.length - before) / lane.weight
      if (job.next < job.items.length) break
      lane.jobs.splice(lane.jobs.indexOf(job), 1)
    }
    this.#count(batch, -1)
    return batch
  }

  /** Every job that waits, for when no worker will come. */
  drain(): Job[] {
    const jobs = new Set([...this.#lanes.flatMap(lane => lane.jobs), ...this.#again.map(item => item.job)])
    for (const lane of this.#lanes) lane.jobs.length = 0
    this.#again.length = 0
    this.#items = 0
    this.#bytes = 0
    return [...jobs]
  }

  #lane(job: Job): Lane {
    return this.#lanes[Object.keys(weights).indexOf(job.context.class)] as Lane
  }

  #nextLane(key: string | undefined): Lane | undefined {
    return this.#lanes
      .filter(lane => lane.jobs.some(job => key === undefined || job.batchKey === key))
      .reduce<Lane | undefined>(
        (best, lane) => (best === undefined || lane.pass < best.pass ? lane : best),
        undefined,
      )
  }

  #count(items: readonly Item[], sign: 1 | -1): void {
    this.#items += sign * items.length
    for (const item of items) this.#bytes += sign * item.bytes
  }
}
