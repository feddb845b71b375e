/**
 * Runs of one thing added up: how many, how many failed, what the others cost, and how their times are spread. Two
 * tallies add to one, in any order, so that several processes can keep one between them.
 *
 * Times are counted in buckets that grow by a tenth, from a microsecond to a day: a percentile is off by at most
 * five in a hundred.
 */
import * as z from 'zod'
import type { Cost } from '../plan/node.ts'
import type { Profile } from '../plan/ports.ts'

const units = [
  'nanoUsd',
  'tokens',
  'calls',
  'workerMs',
  'timeMs',
  'memoryBytes',
] as const satisfies readonly (keyof Cost)[]

const growth = Math.log(1.1)
const smallestMs = 0.001
const buckets = 266

const figure = z.number().min(0)

/** A row of the table `profiles`; sums as JSON, times as 32-bit counts. */
const rowSchema = z.object({
  runs: z.int().min(0),
  failures: z.int().min(0),
  sums: z.string(),
  times: z.instanceof(Uint8Array).refine(times => times.byteLength === buckets * 4),
})

const sumsSchema = z.object({
  nanoUsd: figure,
  tokens: figure,
  calls: figure,
  workerMs: figure,
  timeMs: figure,
  memoryBytes: figure,
})

export class Tally {
  #runs = 0
  #failures = 0
  readonly #sums: { -readonly [unit in keyof Cost]: number } = {
    ...{ nanoUsd: 0, tokens: 0, calls: 0, workerMs: 0, timeMs: 0, memoryBytes: 0 },
  }
  readonly #times = new Uint32Array(buckets)

  /** @throws ZodError or SyntaxError for a row that is not as `row` gave it. */
  static of(row: object): Tally {
    const { runs, failures, sums, times } = rowSchema.parse(row)
    const tally = new Tally()
    tally.#runs = runs
    tally.#failures = failures
    Object.assign(tally.#sums, sumsSchema.parse(JSON.parse(sums)))
    tally.#times.set(new Uint32Array(new Uint8Array(times).buffer))
    return tally
  }

  /** One run. Of one that failed, nothing but that is counted; figures that are no numbers from 0 count as 0. */
  note(ok: boolean, cost: Partial<Cost>): void {
    this.#runs += 1
    if (!ok) {
      this.#failures += 1
      return
    }
    for (const unit of units) {
      const figure = cost[unit]
      if (figure !== undefined && figure > 0 && figure < Number.POSITIVE_INFINITY) this.#sums[unit] += figure
    }
    const { timeMs } = cost
    if (timeMs === undefined || !(timeMs >= 0)) return
    const bucket = bucketOf(timeMs)
    this.#times[bucket] = (this.#times[bucket] as number) + 1
  }

  /** Adds the runs of another. */
  add(other: Tally): this {
    this.#runs += other.#runs
    this.#failures += other.#failures
    for (const unit of units) this.#sums[unit] += other.#sums[unit]
    for (const [bucket, count] of other.#times.entries())
      this.#times[bucket] = (this.#times[bucket] as number) + count
    return this
  }

  get row(): {
    readonly runs: number
    readonly failures: number
    readonly sums: string
    readonly times: Uint8Array
  } {
    return {
      runs: this.#runs,
      failures: this.#failures,
      sums: JSON.stringify(this.#sums),
      times: new Uint8Array(this.#times.buffer),
    }
  }

  /** Means over the runs that succeeded; money rounded up to a whole nano-USD. */
  get profile(): Profile {
    const succeeded = this.#runs - this.#failures
    const mean = (unit: keyof Cost) => (succeeded === 0 ? 0 : this.#sums[unit] / succeeded)
    return {
      runs: this.#runs,
      failures: this.#failures,
      cost: {
        nanoUsd: Math.ceil(mean('nanoUsd')),
        tokens: mean('tokens'),
        calls: mean('calls'),
        workerMs: mean('workerMs'),
        timeMs: mean('timeMs'),
        memoryBytes: mean('memoryBytes'),
      },
      p95Ms: this.#quantile(0.95),
    }
  }

  /** By nearest rank: the middle of the bucket in which it lies; 0 where no time was noted. */
  #quantile(share: number): number {
    const rank = Math.ceil(share * this.#times.reduce((sum, count) => sum + count, 0))
    if (rank === 0) return 0
    let seen = 0
    const bucket = this.#times.findIndex(count => {
      seen += count
      return seen >= rank
    })
    return smallestMs * Math.exp(growth * (bucket - 0.5))
  }
}

const bucketOf = (ms: number): number =>
  ms <= smallestMs ? 0 : Math.min(buckets - 1, Math.ceil(Math.log(ms / smallestMs) / growth))
