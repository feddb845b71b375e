/**
 * The last look before an answer leaves: complete, every citation verbatim at its offsets, and verdict,
 * confidence and citations in agreement. Cheapest first; well under a millisecond.
 */
import { errorOf } from '../core/errors.ts'
import type { Findings } from './result.ts'

/**
 * @param contents each source's content by id.
 * @throws RejectedError ER_REJECTED saying what does not hold. That is a bug of ours, never the caller's.
 */
export function validateFindings(
  findings: Omit<Findings, 'trace' | 'timings' | 'spent'>,
  contents: ReadonlyMap<string, string>,
): void {
  const fault = faultOf(findings, contents)
  if (fault !== undefined) throw errorOf('ER_REJECTED', `The answer was held back: ${fault}. This is a bug`)
}

function faultOf(
  findings: Omit<Findings, 'trace' | 'timings' | 'spent'>,
  contents: ReadonlyMap<string, string>,
): string | undefined {
  const { aiAnalysis, assessments, citations, confidence, relatedEvidence, verdict, fallbackUsed, errors } =
    findings
  if (aiAnalysis === '') return 'it has no analysis'
  if (assessments.length !== contents.size)
    return `it assesses ${assessments.length} of ${contents.size} sources`
  for (const { sourceId, start, end, text } of citations) {
    if (text === '' || contents.get(sourceId)?.slice(start, end) !== text) {
      return `a citation of ${sourceId} at ${start} to ${end} is not what stands there`
    }
    if (!aiAnalysis.includes(text))
      return `the analysis does not quote the citation of ${sourceId} at ${start}`
  }
  if (!(confidence >= 0 && confidence <= 1)) return `its confidence is ${confidence}`
  if (citations.length === 0 && confidence > 0) return 'it is confident and cites nothing'
  if (verdict !== 'unverified') return `it is ${verdict} and nothing verified it`
  if (relatedEvidence.some(({ similarity }) => !(Math.abs(similarity) <= 1)))
    return 'a similarity is out of range'
  if (fallbackUsed && errors.length === 0) return 'it fell back and gives no reason'
  return undefined
}
