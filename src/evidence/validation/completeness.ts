/** Whether an answer has all its parts: an analysis, every source assessed, figures of what was read, reasons. */
import type { Coverage } from '../result.ts'
import { faultFree, gradedOutcome } from './grading.ts'
import type { Validator } from './pipeline.ts'
import type { Subject } from './subject.ts'

/** Every fault that it finds is a bug of ours: `critical`. */
export const completeness: Validator = {
  name: 'completeness',
  weight: 1,
  timeoutMs: 5000,
  check: subject =>
    gradedOutcome([analysis(subject), assessments(subject), coverage(subject), reasons(subject)]),
}

function analysis({ findings }: Subject): string[] {
  return findings.aiAnalysis.trim() === '' ? ['it has no analysis'] : faultFree
}

function assessments({ contents, findings }: Subject): string[] {
  const { assessments } = findings
  const assessed = new Set(assessments.map(({ sourceId }) => sourceId))
  if (assessments.length !== contents.size)
    return [`it assesses ${assessments.length} of ${contents.size} sources`]
  if (assessed.size !== assessments.length) return ['it assesses a source twice']
  const missing = [...contents.keys()].find(id => !assessed.has(id))
  return missing === undefined ? faultFree : [`it does not assess ${missing}`]
}

function coverage({ contents, findings }: Subject): string[] {
  const { coverage } = findings
  if (coverage.sources !== contents.size)
    return [`it counts ${coverage.sources} sources where there are ${contents.size}`]
  const parts: [of: keyof Coverage, read: keyof Coverage][] = [
    ['sources', 'sourcesRead'],
    ['passages', 'passagesRead'],
    ['characters', 'charactersRead'],
  ]
  return parts
    .filter(([of, read]) => !(coverage[read] >= 0 && coverage[read] <= coverage[of]))
    .map(([of, read]) => `it read ${coverage[read]} of ${coverage[of]} ${of}`)
}

function reasons({ findings }: Subject): string[] {
  const { errors, fallbackUsed, plan, warnings } = findings
  const faults: string[] = []
  if (plan === '') faults.push('it does not say by which plan it was made')
  if (fallbackUsed && errors.length === 0) faults.push('it fell back and gives no reason')
  if (errors.some(({ message }) => message === '')) faults.push('one of its errors says nothing')
  if (warnings.some(warning => warning.trim() === '')) faults.push('one of its warnings says nothing')
  return faults
}
