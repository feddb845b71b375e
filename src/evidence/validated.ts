/** The last look before an answer leaves: the checks, and what a failure means. */
import type { ResolvedConfig } from './config.ts'
import type { Reading } from './reading.ts'
import type { Findings } from './result.ts'
import { type Validator, validate } from './validation/pipeline.ts'
import { defect, rejection } from './validation/rejection.ts'
import type { ValidationReport } from './validation/report.ts'

/** Findings before they are looked at, and without what is known only when the run is over. */
export type Unchecked = Omit<Findings, 'trace' | 'timings' | 'spent' | 'validation'>

/** How answers are looked at; `validators` are all of them, the built-in ones too. */
export type ValidationSettings = Omit<ResolvedConfig['validation'], 'validators'> & {
  readonly validators: readonly Validator[]
}

/**
 * What came of checking findings.
 * @throws RejectedError ER_REJECTED where they contradict themselves or their sources (a bug of ours), and with
 * `onFailure: 'reject'` where any check failed; its `report` says all.
 */
export async function reportOn(
  findings: Unchecked,
  { claim, sources }: Reading,
  { minimumScore, mode, onFailure, validators }: ValidationSettings,
  signal: AbortSignal,
): Promise<ValidationReport> {
  const contents = new Map(sources.map(({ id, content }) => [id, content]))
  const options = { mode, minimumScore, signal }
  const validation = await validate({ claim, contents, findings }, validators, options)
  const fault = defect(validation)
  if (fault !== undefined) throw fault
  if (validation.verdict === 'failed' && onFailure === 'reject') throw rejection(validation)
  return validation
}

/** A report as it is the same each time. */
export const timeless = (report: ValidationReport): ValidationReport => ({
  ...report,
  durationMs: 0,
  checks: report.checks.map(check => ({ ...check, durationMs: 0 })),
})
