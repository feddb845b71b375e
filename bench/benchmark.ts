/**
 * What a benchmark is: something that runs within a time limit and leaves tables and goals. On a busy machine it
 * takes fewer rounds rather than longer; each table says how many there were.
 */
import type { Report } from './report.ts'

export type BenchmarkOptions = {
  /** Fewer and smaller rounds, for a look; numbers to quote come from a full run. */
  readonly quick: boolean
  /** When to take no more rounds, on the clock of `performance.now()`. */
  readonly until: number
  /** Aborted when the benchmark's time is over; whatever it started must end then. */
  readonly signal: AbortSignal
  /** Tells the person what is being done. */
  readonly note: (text: string) => void
}

export type Benchmark = {
  readonly about: string
  /** How much longer than the others it may take in all. @default 1 */
  readonly lengths?: number
  readonly run: (options: BenchmarkOptions) => Promise<Report>
}

/** Round numbers from 0: at least `least`, at most `most`, and none begun after `until` beyond the least. */
export function* rounds(least: number, most: number, until: number): Generator<number> {
  for (let round = 0; round < most && (round < least || performance.now() < until); round += 1) yield round
}
