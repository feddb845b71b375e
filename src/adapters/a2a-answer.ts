/** Evidence as agents are given it: data without vectors and trace, and a line to read. */
import type { Part } from '@a2a-js/sdk'
import type { EnhancedEvidence } from '../evidence/result.ts'

/**
 * An answer as it leaves: whole but for the claim's vector and the trace, which are large (tens of kilobytes) and
 * of use on this machine only.
 */
export type SentEvidence = Omit<EnhancedEvidence, 'trace' | 'metadata'> & {
  readonly metadata: Omit<EnhancedEvidence['metadata'], 'embeddingVectors'>
}

/** What of an answer is sent. */
export function sentEvidence({ trace: _, metadata, ...rest }: EnhancedEvidence): SentEvidence {
  const { embeddingVectors: __, ...facts } = metadata
  return { ...rest, metadata: facts }
}

/** The verdict in one line. */
export function verdictLine(evidence: EnhancedEvidence): string {
  const { abstained, calibration, citations, confidence, leaning, verdict } = evidence
  const deciding = citations.filter(({ stance }) => stance !== 'neutral')
  const sources = [...new Set(deciding.map(({ sourceId }) => sourceId))]
  const lean = abstained && leaning !== null ? `, leaning to ${leaning}` : ''
  const score = calibration === 'uncalibrated' ? 'score' : 'confidence'
  const cited =
    deciding.length === 0 ? 'no deciding citation' : `${deciding.length} deciding from ${sources.join(', ')}`
  return `${verdict}${lean} (${score} ${confidence.toFixed(2)}; ${cited}): ${evidence.originalClaim}`
}

/** A part of text. */
export const textPart = (value: string): Part => ({
  content: { $case: 'text', value },
  mediaType: 'text/plain',
  filename: '',
  metadata: undefined,
})

/** A part of data, as JSON. */
export const dataPart = (value: unknown): Part => ({
  content: { $case: 'data', value },
  mediaType: 'application/json',
  filename: '',
  metadata: undefined,
})
