/** Whether verdict, probabilities, confidence and citations say the same. Their figures are not judged here. */
import { faultFree, gradedOutcome } from './grading.ts'
import type { Validator } from './pipeline.ts'
import type { Fault } from './report.ts'
import { type CheckedFindings, type CheckedVerdict, probabilityOf } from './subject.ts'

/** How the answers that are checked were made. */
export type ConsistencyOptions = {
  /** What the caller has added to every confidence. @default 0 */
  readonly confidenceBoost?: number
  /** The most that a confidence by words alone may be, before the boost. @default 0.4 */
  readonly lexicalCeiling?: number
}

/** Probabilities are sums of floats, and may have come through 32 bits. */
const tolerance = 1e-4

/** What contradicts itself is a bug of ours: `critical`. A verdict that is not the most probable is an `error`. */
export function consistency(options: ConsistencyOptions = {}): Validator {
  const { confidenceBoost = 0, lexicalCeiling = 0.4 } = options
  const limits = { confidenceBoost, lexicalCeiling }
  return {
    name: 'consistency',
    weight: 1,
    timeoutMs: 5000,
    check: ({ findings }) =>
      gradedOutcome([
        probabilities(findings),
        confidence(findings, limits),
        verdict(findings),
        stances(findings),
        abstention(findings),
        assessments(findings),
        calibration(findings),
      ]),
  }
}

const inRange = (value: number): boolean => value >= 0 && value <= 1

function probabilities({ probabilities }: CheckedFindings): string[] {
  const { disputed, neither, refutes, supports } = probabilities
  const values = [supports, refutes, disputed, neither]
  const wrong = values.find(value => !inRange(value))
  if (wrong !== undefined) return [`one of its probabilities is ${wrong}`]
  const sum = supports + refutes + disputed + neither
  return Math.abs(sum - 1) <= tolerance ? faultFree : [`its probabilities sum to ${sum}`]
}

function confidence(findings: CheckedFindings, limits: Required<ConsistencyOptions>): string[] {
  const { abstained, confidence, confidenceMethod, coverage, fallbackUsed } = findings
  const { confidenceBoost, lexicalCeiling } = limits
  if (!inRange(confidence)) return [`its confidence is ${confidence}`]
  if (coverage.passagesRead === 0 && findings.verdict !== 'not-enough-evidence')
    return [`it is ${findings.verdict} and has read nothing`]
  const probability = probabilityOf(findings.verdict, findings.probabilities)
  const boosted = Math.min(1, probability + confidenceBoost)
  if (fallbackUsed || confidenceMethod === 'lexical') {
    const most = Math.min(1, lexicalCeiling + confidenceBoost)
    if (confidence <= most + tolerance) return faultFree
    return [`its confidence is ${confidence}, by words alone; ${most} is the most for these`]
  }
  if (abstained || Math.abs(confidence - probability) <= tolerance) return faultFree
  if (confidenceBoost > 0 && Math.abs(confidence - boosted) <= tolerance) return faultFree
  return [`its confidence is ${confidence} where its verdict has a probability of ${probability}`]
}

const verdicts: readonly CheckedVerdict[] = ['supported', 'refuted', 'disputed', 'not-enough-evidence']

function verdict({ abstained, probabilities, verdict }: CheckedFindings): (string | Fault)[] {
  if (!verdicts.includes(verdict)) return [`it is ${verdict}, which is no verdict`]
  if (abstained) return faultFree
  const own = probabilityOf(verdict, probabilities)
  const better = verdicts.find(other => probabilityOf(other, probabilities) > own + tolerance)
  if (better === undefined) return faultFree
  return [{ severity: 'error', message: `it is ${verdict}, but ${better} is more probable` }]
}

/** A verdict that decides must show on what. */
function stances({ citations, verdict }: CheckedFindings): string[] {
  const needed =
    verdict === 'disputed'
      ? (['supports', 'refutes'] as const)
      : verdict === 'supported'
        ? (['supports'] as const)
        : (['refutes'] as const)
  if (verdict === 'not-enough-evidence') return faultFree
  if (citations.length === 0) return [`it is ${verdict} and cites nothing`]
  return needed
    .filter(stance => citations.every(citation => citation.stance !== stance))
    .map(stance => `it is ${verdict} and cites nothing that ${stance} the claim`)
}

function abstention(findings: CheckedFindings): (string | Fault)[] {
  const { abstained, verdict } = findings
  const leaning = findings.leaning ?? undefined
  if (!abstained) {
    if (leaning === undefined) return faultFree
    return [{ severity: 'error', message: `it leans to ${leaning} without having abstained` }]
  }
  if (verdict !== 'not-enough-evidence') return [`it abstained and is ${verdict}`]
  // Nothing to lean to: nobody judged, or nothing found was likelier than the rest.
  if (leaning === undefined) return faultFree
  if (leaning === 'not-enough-evidence' || !verdicts.includes(leaning))
    return [`it abstained and leans to ${leaning}`]
  return faultFree
}

function assessments({ assessments }: CheckedFindings): string[] {
  for (const { probabilities, relevance, sourceId } of assessments) {
    if (!inRange(relevance)) return [`the relevance of ${sourceId} is ${relevance}`]
    if (probabilities === undefined) continue
    let sum = 0
    for (const value of Object.values(probabilities)) {
      if (!inRange(value)) return [`a probability of ${sourceId} is ${value}`]
      sum += value
    }
    if (Math.abs(sum - 1) > tolerance) return [`the probabilities of ${sourceId} sum to ${sum}`]
  }
  return faultFree
}

function calibration({ calibration }: CheckedFindings): string[] {
  if (calibration === 'uncalibrated') return faultFree
  const { ece, n, set } = calibration
  if (set !== '' && Number.isInteger(n) && n > 0 && inRange(ece)) return faultFree
  return [`its calibration is on "${set}" with n = ${n} and an error of ${ece}`]
}
