/** How groups of questions become an outcome: the share of groups without a fault is the score. */
import type { Outcome } from './pipeline.ts'
import type { Fault, Severity } from './report.ts'

/** What a question answers with where all is well. */
export const faultFree: never[] = []

/**
 * An outcome over groups of faults, each group one question.
 * @param severity of every fault that is only a text.
 */
export function gradedOutcome(
  groups: readonly (readonly (string | Fault)[])[],
  severity: Severity = 'critical',
): Outcome {
  const faulty = groups.filter(group => group.length > 0)
  if (faulty.length === 0) return { score: 1, faults: [] }
  return {
    score: 1 - faulty.length / groups.length,
    faults: faulty
      .flat()
      .slice(0, mostFaults)
      .map(fault => (typeof fault === 'string' ? { severity, message: fault } : fault)),
  }
}

/** Faults of one check at most: who sees these knows enough. */
const mostFaults = 50
