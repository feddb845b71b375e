/**
 * What validators look at: a claim, its sources and what was found. Only what they read is named here, so
 * that findings of any plan, real or fallback, can be handed in as they are.
 */
import type { ErrorRecord } from '../../core/errors.ts'
import type { Citation, Coverage, RelatedEvidence } from '../result.ts'

/** What an answer can say of a claim. */
export type CheckedVerdict = 'supported' | 'refuted' | 'disputed' | 'not-enough-evidence'

/** How probable each verdict is: `neither` stands for not-enough-evidence. They sum to 1. */
export type VerdictProbabilities = {
  readonly supports: number
  readonly refutes: number
  readonly disputed: number
  readonly neither: number
}

/** Where a confidence comes from. */
export type CheckedMethod = 'arithmetic' | 'head' | 'verifier' | 'generator' | 'similarity' | 'lexical'

/** What the confidence was calibrated on, and how far off it was there. */
export type CheckedCalibration =
  | { readonly set: string; readonly n: number; readonly ece: number }
  | 'uncalibrated'

/** One source's part in an answer. */
export type CheckedAssessment = {
  readonly sourceId: string
  readonly relevance: number
  /** Of what the source says to the claim; they sum to 1. */
  readonly probabilities?: Readonly<Record<string, number>> | undefined
}

/** Findings, as far as validators read them. */
export type CheckedFindings = {
  readonly verdict: CheckedVerdict
  readonly probabilities: VerdictProbabilities
  readonly confidence: number
  readonly confidenceMethod: CheckedMethod
  readonly calibration: CheckedCalibration
  /** True where the verdict is not-enough-evidence only because nothing was probable enough. */
  readonly abstained: boolean
  /** The verdict that came nearest, where it abstained. */
  readonly leaning?: CheckedVerdict | null | undefined
  readonly aiAnalysis: string
  readonly citations: readonly Citation[]
  readonly assessments: readonly CheckedAssessment[]
  readonly relatedEvidence: readonly RelatedEvidence[]
  readonly coverage: Coverage
  readonly plan: string
  readonly fallbackUsed: boolean
  readonly errors: readonly ErrorRecord[]
  readonly warnings: readonly string[]
}

/** What a validator is given. It may read all of it and must change nothing. */
export type Subject = {
  readonly claim: string
  /** Each source's content by its id. */
  readonly contents: ReadonlyMap<string, string>
  readonly findings: CheckedFindings
}

/** The probability that findings give to one verdict. */
export function probabilityOf(verdict: CheckedVerdict, probabilities: VerdictProbabilities): number {
  const { supports, refutes, disputed, neither } = probabilities
  return { supported: supports, refuted: refutes, disputed, 'not-enough-evidence': neither }[verdict]
}
