/** How long something took the last thousand times, with percentiles. Not a histogram: few values, kept exactly. */

/** Milliseconds; the percentiles are of the last 1,000. All are 0 while there are none. */
export type TimeFigures = {
  readonly count: number
  readonly meanMs: number
  readonly p50Ms: number
  readonly p95Ms: number
}

const kept = 1000

export class RecentTimes {
  readonly #last: number[] = []
  #count = 0

  /** Notes one time in milliseconds. */
  add(ms: number): void {
    this.#last[this.#count % kept] = ms
    this.#count += 1
  }

  /** The p-th percentile is the value at floor(n · p) of the sorted ones, as seed 001 counts them. */
  get figures(): TimeFigures {
    const sorted = Float64Array.from(this.#last).sort()
    const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? 0
    const sum = sorted.reduce((all, ms) => all + ms, 0)
    return {
      count: this.#count,
      meanMs: sorted.length === 0 ? 0 : sum / sorted.length,
      p50Ms: at(0.5),
      p95Ms: at(0.95),
    }
  }
}
