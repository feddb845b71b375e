/** What answers of the library are worth, measured against what people say of the same claims. Pure. */
import type { EnhancedEvidence, ErrorCode, ManyOutcome } from '../../src/index.ts'
import { percentile } from '../statistic.ts'
import { type Calibration, calibrationOf } from './calibration.ts'
import type { LabelledClaim, Span } from './labelled.ts'
import { chancesOf, type Judged, judgedBy, labelOf } from './labels.ts'
import { auroc, type Scored } from './rank.ts'
import { type VerdictQuality, verdictQuality } from './verdict-quality.ts'

/** A score against whether something is relevant: anything but NOT_ENOUGH_INFO. */
export type RelevanceQuality = {
  readonly n: number
  readonly relevant: number
  /** Undefined where all or none are relevant. */
  readonly auroc: number | undefined
  /** The score, if it were read as the probability of being relevant. */
  readonly calibration: Calibration | undefined
}

export type CitationQuality = {
  /** Claims that say what decides them. */
  readonly n: number
  /** Where any citation overlaps it, and where the first one does. */
  readonly hit: number
  readonly firstHit: number
  /** Citations in these claims. */
  readonly citations: number
}

export type ClaimsQuality = {
  readonly claims: number
  /** Claims that got an error instead of an answer; they are in no other figure. */
  readonly failed: readonly { readonly line: number; readonly code: ErrorCode; readonly message: string }[]
  /** Answers that stood in, made without a worker; they are in all figures. */
  readonly fallbacks: number
  /** Why, and how many say so. */
  readonly fallbackReasons: Readonly<Record<string, number>>
  readonly abstained: number
  /** What answers say they were calibrated on, and how many say so. */
  readonly calibrations: Readonly<Record<string, number>>
  /** Verdicts of whole claims. */
  readonly ofClaims: VerdictQuality
  /** Probabilities of single sources; the likeliest label is the answer. */
  readonly ofSources: VerdictQuality
  /** `assessments[].relevance` of single sources. */
  readonly relevance: RelevanceQuality
  readonly citations: CitationQuality
  /** Milliseconds that looking at an answer took before it left; undefined without an answer. */
  readonly validation: { readonly p50Ms: number; readonly p99Ms: number } | undefined
}

/** A labelled claim and what the library answered. */
export type Answered = { readonly claim: LabelledClaim; readonly outcome: ManyOutcome }

/** @param answered in any order; of one file or of several. */
export function claimsQuality(answered: readonly Answered[]): ClaimsQuality {
  const failed = answered.flatMap(({ claim: { line }, outcome }) =>
    'error' in outcome ? [{ line, code: outcome.error.code, message: outcome.error.message }] : [],
  )
  const results = answered.flatMap(({ claim, outcome }) =>
    'error' in outcome ? [] : [{ claim, evidence: outcome }],
  )
  const ofClaims = verdictQuality(results.flatMap(({ claim, evidence }) => judgedClaim(claim, evidence)))
  const stoodIn = results.flatMap(({ evidence }) => (evidence.fallbackUsed ? [evidence] : []))
  return {
    claims: answered.length,
    failed,
    fallbacks: stoodIn.length,
    fallbackReasons: countsOf(
      stoodIn.flatMap(({ errors }) => errors.map(({ code, message }) => `${code}: ${message}`)),
    ),
    abstained: results.filter(({ evidence }) => evidence.abstained).length,
    calibrations: countsOf(results.map(({ evidence }) => calibrationName(evidence))),
    ofClaims,
    ofSources: verdictQuality(results.flatMap(({ claim, evidence }) => judgedSources(claim, evidence))),
    relevance: relevanceQuality(results.flatMap(({ claim, evidence }) => relevanceScores(claim, evidence))),
    citations: citationQuality(results),
    validation: validationTimes(results.map(({ evidence }) => evidence.validation.durationMs)),
  }
}

/** How often each text occurs. */
const countsOf = (texts: readonly string[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...Map.groupBy(texts, text => text)].map(([text, { length }]): [string, number] => [text, length]),
  )

const validationTimes = (times: readonly number[]): ClaimsQuality['validation'] =>
  times.length === 0 ? undefined : { p50Ms: percentile(times, 0.5), p99Ms: percentile(times, 0.99) }

function judgedClaim({ label }: LabelledClaim, evidence: EnhancedEvidence): Judged[] {
  if (label === undefined) return []
  const { confidence, verdict } = evidence
  const chances = chancesOf(evidence.probabilities)
  return [{ label, answer: labelOf(verdict), confidence, chances }]
}

function judgedSources(claim: LabelledClaim, { assessments }: EnhancedEvidence): Judged[] {
  return labelledSources(claim).map(({ id, label }) => {
    const found = assessments.find(({ sourceId }) => sourceId === id)
    return judgedBy(label, found?.probabilities)
  })
}

const relevanceScores = (claim: LabelledClaim, { assessments }: EnhancedEvidence): Scored[] =>
  labelledSources(claim).map(({ id, label }) => ({
    score: assessments.find(({ sourceId }) => sourceId === id)?.relevance ?? 0,
    positive: label !== 'NOT_ENOUGH_INFO',
  }))

function calibrationName({ calibration }: EnhancedEvidence): string {
  if (typeof calibration === 'string') return calibration
  const { ece, n, set } = calibration
  return `${set}, n ${n}, ECE ${ece.toFixed(3)}`
}

const labelledSources = ({ evidenceLabels, sourceIds }: LabelledClaim) =>
  evidenceLabels.map((label, index) => ({ label, id: sourceIds[index] as string }))

const relevanceQuality = (scored: readonly Scored[]): RelevanceQuality => ({
  n: scored.length,
  relevant: scored.filter(({ positive }) => positive).length,
  auroc: auroc(scored),
  calibration: calibrationOf(scored.map(({ positive, score }) => ({ confidence: score, right: positive }))),
})

function citationQuality(
  results: readonly { readonly claim: LabelledClaim; readonly evidence: EnhancedEvidence }[],
): CitationQuality {
  const marked = results.filter(({ claim: { decisive } }) => decisive.length > 0)
  const hits = marked.map(({ claim: { decisive }, evidence: { citations } }) =>
    citations.map(citation => decisive.some(span => overlaps(citation, span))),
  )
  return {
    n: marked.length,
    hit: hits.filter(each => each.includes(true)).length,
    firstHit: hits.filter(([first]) => first === true).length,
    citations: hits.reduce((sum, each) => sum + each.length, 0),
  }
}

/** Whether two parts have a character in common. */
export const overlaps = (a: Span, b: Span): boolean =>
  a.sourceId === b.sourceId && a.start < b.end && b.start < a.end
