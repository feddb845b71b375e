/** What of the library's answers leaves by the MCP tools, as plain data. */
import { verifyTrace } from '../core/trace-check.ts'
import type { EnhancedEvidence } from '../evidence/result.ts'
import type { StoredTrace } from '../plan/ports.ts'
import type { Answer, LargePart } from './mcp-shapes.ts'
import { stepsOf, traceText } from './mcp-text.ts'

/** What of an answer leaves: everything but what is large, and of that what was asked for. */
export function answerOf(evidence: EnhancedEvidence, include: readonly LargePart[]): Answer {
  const { embeddingVectors: vector, ...metadata } = evidence.metadata
  const { assessments, relatedEvidence, retrieved, timings, trace, validation } = evidence
  const large = { assessments, relatedEvidence, retrieved, timings, trace, validation, metadata, vector }
  const asked = Object.fromEntries(include.map(part => [part, large[part]]))
  const { abstained, aiAnalysis, cached, calibration, citations, confidence, confidenceMethod } = evidence
  const { coverage, errors, fallbackUsed, id, leaning, plan, probabilities, processingTime } = evidence
  const { spent, taskId, verdict, warnings } = evidence
  return {
    ...{ id, taskId, verdict, confidence, confidenceMethod, calibration, probabilities, abstained, leaning },
    ...{ aiAnalysis, citations, coverage, plan, cached, processingTime, spent, traceHash: trace.hash },
    ...{ fallbackUsed, warnings, errors },
    ...asked,
    // The library's arrays are read only, a schema's are not.
  } as unknown as Answer
}

/** A trace as data and as text: its steps, what is known of them, and whether its hashes hold. */
export function explained(stored: StoredTrace): readonly [object, string] {
  const { at, facts, id, record, status } = stored
  const { exactHash, hash, steps } = record
  const holds = verifyTrace(record) === undefined
  return [
    { kind: 'trace', id, at, status, hash, exactHash, holds, facts, steps: stepsOf(steps) },
    traceText(stored, holds),
  ]
}

/** An answer's trace as a store would have it, without what it was given. */
export const recordedOf = (evidence: EnhancedEvidence): StoredTrace => {
  const { confidence, id, metadata, plan, spent, taskId, trace, verdict } = evidence
  return {
    id,
    subject: 'evidence.enhance',
    at: metadata.timestamp,
    status: 'ok',
    record: trace,
    facts: { taskId, verdict, confidence, plan, spent },
  }
}

/** A vector as numbers of nine digits, which hold a 32-bit number exactly. */
export const numbersOf = (vector: Float32Array): number[] =>
  Array.from(vector, value => Number(value.toPrecision(9)))
