/** What came of looking at an answer: faults, checks, and all of them together. Types only. */

/** How bad a fault is. `critical` and `error` fail a check, `warning` marks the answer, `info` only tells. */
export type Severity = 'critical' | 'error' | 'warning' | 'info'

/** One thing that a validator found; with a source and offsets (UTF-16 units) where it stands in one. */
export type Fault = {
  readonly severity: Severity
  readonly message: string
  readonly sourceId?: string
  readonly start?: number
  readonly end?: number
}

/** What came of one validator. Skipped ones score 0 and count for nothing. */
export type Check = {
  readonly name: string
  readonly verdict: 'passed' | 'failed' | 'skipped'
  readonly score: number
  readonly weight: number
  /** From its start to its answer, waiting included. */
  readonly durationMs: number
  readonly faults: readonly Fault[]
}

/** What came of all. */
export type ValidationReport = {
  /** `failed`: a check failed or the score is under the minimum; `marked`: there are warnings. */
  readonly verdict: 'passed' | 'marked' | 'failed'
  /** Mean of the scores by weight; 1 where nothing that ran has a weight. */
  readonly score: number
  /** On the wall clock; less than the sum of the checks where they waited side by side. */
  readonly durationMs: number
  readonly checks: readonly Check[]
}
