/**
 * Percentiles of a stream in constant memory: buckets that grow by 5 %, so a quantile is off by at most 2.5 %.
 * Covers a microsecond to a day in milliseconds; beyond, the first or the last bucket.
 */
const growth = 1.05
const smallestMs = 0.001
const buckets = 520

/** Quantiles in milliseconds; zeros while nothing was noted. */
export type Percentiles = {
  readonly count: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p95Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

export class Histogram {
  readonly #counts = new Uint32Array(buckets)
  #count = 0
  #sum = 0
  #max = 0

  note(ms: number): void {
    const place = ms <= smallestMs ? 0 : Math.ceil(Math.log(ms / smallestMs) / Math.log(growth))
    const bucket = Math.min(buckets - 1, place)
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#count += 1
    this.#sum += ms
    this.#max = Math.max(this.#max, ms)
  }

  /** The value under which a share `q` of what was noted lies, by nearest rank. */
  quantile(q: number): number {
    const rank = Math.ceil(q * this.#count)
    let seen = 0
    for (let bucket = 0; bucket < buckets && rank > 0; bucket += 1) {
      seen += this.#counts[bucket] as number
      // The bucket's middle, but never more than was seen.
      if (seen >= rank) return Math.min(this.#max, smallestMs * growth ** (bucket - 0.5))
    }
    return 0
  }

  get percentiles(): Percentiles {
    return {
      count: this.#count,
      meanMs: this.#count === 0 ? 0 : this.#sum / this.#count,
      p50Ms: this.quantile(0.5),
      p95Ms: this.quantile(0.95),
      p99Ms: this.quantile(0.99),
      maxMs: this.#max,
    }
  }
}
