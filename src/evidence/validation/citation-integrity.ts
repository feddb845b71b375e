/** Whether every citation is what stands in its source at its offsets, once, and quoted by the analysis. */
import type { Citation } from '../result.ts'
import { gradedOutcome } from './grading.ts'
import type { Validator } from './pipeline.ts'
import type { Fault } from './report.ts'
import type { Subject } from './subject.ts'

/** Every fault that it finds is a bug of ours: `critical`. */
export const citationIntegrity: Validator = {
  name: 'citation-integrity',
  weight: 1,
  timeoutMs: 5000,
  check: subject => {
    const { citations } = subject.findings
    const seen = new Set<string>()
    return gradedOutcome([
      ...citations.map(citation => citationFaults(citation, subject, seen)),
      relatedFaults(subject),
    ])
  },
}

const stances: readonly string[] = ['supports', 'refutes', 'neutral']

function citationFaults(citation: Citation, { contents, findings }: Subject, seen: Set<string>): Fault[] {
  const { end, score, sourceId, stance, start, text } = citation
  const fault = (message: string): Fault[] => [{ severity: 'critical', message, sourceId, start, end }]
  const content = contents.get(sourceId)
  if (text.trim() === '' || content?.slice(start, end) !== text || end - start !== text.length)
    return fault(`a citation of ${sourceId} at ${start} to ${end} is not what stands there`)
  if (splitsPair(content, start) || splitsPair(content, end))
    return fault(`a citation of ${sourceId} at ${start} to ${end} cuts a character in two`)
  const place = `${start} ${end} ${sourceId}`
  if (seen.has(place)) return fault(`it cites ${sourceId} at ${start} to ${end} twice`)
  seen.add(place)
  if (!findings.aiAnalysis.includes(text))
    return fault(`the analysis does not quote the citation of ${sourceId} at ${start}`)
  if (!(score >= 0 && score <= 1))
    return fault(`the citation of ${sourceId} at ${start} has a score of ${score}`)
  if (!stances.includes(stance))
    return fault(`the citation of ${sourceId} at ${start} has the stance ${stance}`)
  return []
}

/** Related passages may come from elsewhere; one that names a source of this request must stand in it. */
function relatedFaults({ contents, findings }: Subject): (string | Fault)[] {
  return findings.relatedEvidence.flatMap(({ claim, similarity, source }): (string | Fault)[] => {
    if (!(Math.abs(similarity) <= 1)) return [`a similarity of ${similarity} is out of range`]
    const content = contents.get(source)
    if (content === undefined || content.includes(claim)) return []
    return [{ severity: 'critical', message: `a related passage is not in ${source}`, sourceId: source }]
  })
}

/** Whether `place` lies between the two halves of one character. */
function splitsPair(content: string, place: number): boolean {
  if (place <= 0 || place >= content.length) return false
  return isHigh(content.charCodeAt(place - 1)) && isLow(content.charCodeAt(place))
}

const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff

const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff
