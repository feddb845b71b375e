/**
 * What a consumer has done, as numbers: counts since it began, durations of its latest jobs. Whoever collects
 * metrics is told the same.
 */
import type { Telemetry } from '../core/telemetry.ts'
import { names } from '../core/telemetry-names.ts'

/** Durations in milliseconds of the latest jobs; null before the first. */
export type Durations = { readonly p50: number; readonly p95: number; readonly max: number } | null

/** The figures of one consumer. */
export type ConsumerFigures = {
  /** Jobs at work now. */
  readonly running: number
  readonly done: number
  /** Jobs that ended in an error. */
  readonly failed: number
  readonly cancelled: number
  /** Attempts that failed and are made again. */
  readonly retried: number
  /** Starts that met a machine that was full or not ready. */
  readonly postponed: number
  /** Jobs put back at the end, for others. */
  readonly givenBack: number
  /** Jobs whose outcome was there already: their first consumer had died, or was cut off, after writing it. */
  readonly found: number
  /** Jobs that this consumer took out of the hands of others that had died or hung. */
  readonly stalled: number
  /** How often Redis came back. */
  readonly reconnects: number
  /** From start to outcome. */
  readonly workMs: Durations
  /** From the time when it could have begun to its first start. */
  readonly waitMs: Durations
}

/** What is counted. */
export type Count = Exclude<keyof ConsumerFigures, 'running' | 'reconnects' | 'workMs' | 'waitMs'>

/** Jobs whose durations are kept. */
const kept = 1024

/** Counts what one consumer does. */
export class Tally {
  readonly #counts: Record<Count, number> = {
    done: 0,
    failed: 0,
    cancelled: 0,
    retried: 0,
    postponed: 0,
    givenBack: 0,
    found: 0,
    stalled: 0,
  }
  readonly #work: number[] = []
  readonly #wait: number[] = []
  readonly #telemetry: Telemetry
  readonly #by: { readonly [names.queue]: string }
  #running = 0

  /** @param queue its name, as metrics tell it */
  constructor(telemetry: Telemetry, queue: string) {
    this.#telemetry = telemetry
    this.#by = { [names.queue]: queue }
  }

  /** Counts one; `code` is that of the error behind it. */
  count(what: Count, code?: string): void {
    this.#counts[what] += 1
    const error = code === undefined ? {} : { [names.errorType]: code }
    this.#telemetry.count(names.jobsHandled, 1, { ...this.#by, [names.outcome]: what, ...error })
  }

  /** A job starts; without `waitMs` it is not its first start, and what it waited is not known. */
  begin(waitMs: number | undefined): void {
    this.#running += 1
    if (waitMs === undefined) return
    const ms = Math.max(0, waitMs)
    keep(this.#wait, ms)
    this.#telemetry.record(names.jobsWait, ms, this.#by)
  }

  end(workMs: number): void {
    this.#running -= 1
    keep(this.#work, workMs)
  }

  figures(reconnects: number): ConsumerFigures {
    return {
      ...this.#counts,
      running: this.#running,
      reconnects,
      workMs: durations(this.#work),
      waitMs: durations(this.#wait),
    }
  }
}

function keep(list: number[], value: number): void {
  list.push(value)
  if (list.length > kept) list.shift()
}

function durations(list: readonly number[]): Durations {
  if (list.length === 0) return null
  const sorted = list.toSorted((one, other) => one - other)
  const at = (share: number) => sorted[Math.ceil(share * sorted.length) - 1] ?? 0
  return { p50: at(0.5), p95: at(0.95), max: at(1) }
}
