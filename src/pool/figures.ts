/** What a pool has done so far, counted as it happens; and its share of the metrics. */
import { Histogram, type Percentiles } from './histogram.ts'

/** Counts and percentiles since the pool was made. */
export type Figures = {
  readonly settledCalls: number
  readonly batches: number
  /** Items of a batch on average. */
  readonly batchItems: number
  /** Work that died with a worker and was done again. */
  readonly wastedMs: number
  /** From call to answer, for calls that were answered. */
  readonly latency: Percentiles
  /** From call to the worker, for each batch's first item. */
  readonly queueWait: Percentiles
}

/** Counts up; read `figures` at any time. */
export class Counters {
  readonly #latency = new Histogram()
  readonly #queueWait = new Histogram()
  #settledCalls = 0
  #batches = 0
  #items = 0
  #wastedMs = 0

  settled(ok: boolean, totalMs: number): void {
    this.#settledCalls += 1
    if (ok) this.#latency.note(totalMs)
  }

  sent(items: number, queueMs: number): void {
    this.#batches += 1
    this.#items += items
    this.#queueWait.note(queueMs)
  }

  wasted(ms: number): void {
    this.#wastedMs += ms
  }

  get figures(): Figures {
    return {
      settledCalls: this.#settledCalls,
      batches: this.#batches,
      batchItems: this.#batches === 0 ? 0 : this.#items / this.#batches,
      wastedMs: this.#wastedMs,
      latency: this.#latency.percentiles,
      queueWait: this.#queueWait.percentiles,
    }
  }
}
