/** When a validation ends in an error: what failed, what to do, and the report for who wants to know more. */
import { RejectedError } from '../../core/errors.ts'
import type { ValidationReport } from './report.ts'

/** An answer that was held back, with what came of its validation. */
export type Rejection = RejectedError & { readonly report: ValidationReport }

/** The checks whose critical faults are bugs of ours: an answer with one is never handed out. */
export const structuralChecks: readonly string[] = ['completeness', 'citation-integrity', 'consistency']

/** The error of a report that failed, for callers who want no answer rather than a marked one. ER_REJECTED. */
export function rejection(report: ValidationReport): Rejection {
  const failed = report.checks.filter(({ verdict }) => verdict === 'failed')
  const what = failed.map(({ faults, name }) => `${name}: ${faults.filter(isBad).map(told).join('; ')}`)
  const why =
    what.length === 0 ? `its score of ${report.score.toFixed(2)} is under the minimum` : what.join(' | ')
  return rejected(
    `The answer failed its validation: ${why}. Give other sources, lower what is asked of an answer, or ` +
      `take it marked (onFailure: 'mark')`,
    report,
  )
}

/** The error for an answer that contradicts itself or its sources, whatever the caller asked for; a bug of ours. */
export function defect(report: ValidationReport): Rejection | undefined {
  for (const { faults, name } of report.checks) {
    const fault = faults.find(({ severity }) => severity === 'critical')
    if (fault !== undefined && structuralChecks.includes(name))
      return rejected(`The answer was held back: ${fault.message}. This is a bug`, report)
  }
  return undefined
}

function rejected(message: string, report: ValidationReport): Rejection {
  return Object.assign(new RejectedError('ER_REJECTED', message), { report })
}

const isBad = ({ severity }: { readonly severity: string }): boolean =>
  severity === 'critical' || severity === 'error'

const told = ({ message }: { readonly message: string }): string => message
