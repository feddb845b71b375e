/** All figures of answers that are one of the labels: of whole claims, or of single sources. */
import { type Calibration, type CoverageStep, calibrationOf, coverageOf } from './calibration.ts'
import { type Confusion, confusionOf } from './confusion.ts'
import type { Judged } from './labels.ts'
import { type Likelihood, likelihoodOf } from './likelihood.ts'

export type VerdictQuality = {
  readonly n: number
  /** Undefined where nothing labelled was answered. */
  readonly verdicts:
    | {
        /** What got no answer, such as a source that is not in the result; in none of these figures. */
        readonly without: number
        readonly confusion: Confusion
        /** Where it said SUPPORTS or REFUTES. */
        readonly decided: { readonly n: number; readonly right: number }
        /** Of the verdict's confidence. */
        readonly calibration: Calibration
        readonly coverage: readonly CoverageStep[]
      }
    | undefined
  /** Undefined where no answer has probabilities. */
  readonly likelihood: Likelihood | undefined
}

/** @param judged what people said and what was answered, in any order. */
export function verdictQuality(judged: readonly Judged[]): VerdictQuality {
  const answered = judged.flatMap(({ answer, confidence, label }) =>
    answer === undefined ? [] : [{ answer, confidence, label, right: answer === label }],
  )
  const confusion = confusionOf(answered)
  const calibration = calibrationOf(answered)
  const decided = answered.filter(({ answer }) => answer === 'SUPPORTS' || answer === 'REFUTES')
  return {
    n: judged.length,
    verdicts:
      confusion === undefined || calibration === undefined
        ? undefined
        : {
            without: judged.length - answered.length,
            confusion,
            decided: { n: decided.length, right: decided.filter(({ right }) => right).length },
            calibration,
            coverage: coverageOf(answered),
          },
    likelihood: likelihoodOf(judged),
  }
}
