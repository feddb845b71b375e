/**
 * What calibrating is worth: the same answers as they came without any calibration, and under calibrations that
 * were fitted on 60 of the claims, drawn by lot, and are measured on all the others. Chances are computed anew
 * from those that came, not asked again. Pure.
 */
import { InputError } from '../../src/core/errors.ts'
import { neutral, type Scales } from '../../src/evidence/verdict/calibration.ts'
import {
  type ClaimChances,
  chancesOfOdds,
  claimChancesOf,
  type Odds,
  oddsOfChances,
  type Chances as SourceChances,
  scaledOdds,
} from '../../src/evidence/verdict/chances.ts'
import { fitCalibration, type LabelledAnswer } from '../../src/evidence/verdict/fit.ts'
import { claimOdds } from '../../src/evidence/verdict/judge.ts'
import type { EnhancedEvidence } from '../../src/index.ts'
import { randomFrom } from '../texts.ts'
import type { LabelledClaim } from './labelled.ts'
import { type Judged, judgedBy } from './labels.ts'
import { mean } from './rank.ts'
import { verdictQuality } from './verdict-quality.ts'

/** A labelled claim with the chances that were given without a calibration. */
export type RawAnswer = {
  readonly claim: LabelledClaim
  /** One a source, in their order. */
  readonly sources: readonly SourceChances[]
  readonly whole: ClaimChances
}

/** Likeliest labels held against what people say. */
export type LikeliestQuality = {
  readonly n: number
  readonly accuracy: number
  readonly macroF1: number
  readonly ece: number
  /** What perfect calibration would show at this n. */
  readonly eceOfPerfect: number
  readonly nll: number | undefined
  readonly nllOfBaseRate: number | undefined
  /** Accuracy of the most confident quarter. */
  readonly quarter: number
}

/** Of single sources, and of whole claims; undefined where none has a label. */
export type StateQuality = {
  readonly pairs: LikeliestQuality | undefined
  readonly claims: LikeliestQuality | undefined
}

/** What calibrations did that were fitted on some of the claims and measured on the others. */
export type RefitQuality = {
  /** Claims that each calibration was fitted on. */
  readonly fittedOn: number
  readonly draws: readonly StateQuality[]
  /** Why there is no draw. */
  readonly why?: string
}

const fitted = 60
/** With fewer left to measure on, nothing is said. */
const leastRest = 60
const drawCount = 5

/** The chances in an answer. */
export function rawAnswer(
  claim: LabelledClaim,
  { assessments, probabilities }: Pick<EnhancedEvidence, 'assessments' | 'probabilities'>,
): RawAnswer {
  const bySource = new Map(assessments.map(each => [each.sourceId, each.probabilities]))
  const unread = { supports: 0, refutes: 0, neither: 1 }
  return { claim, sources: claim.sourceIds.map(id => bySource.get(id) ?? unread), whole: probabilities }
}

/** How good the likeliest labels of sources and claims are, and their chances. */
export const stateQuality = (answers: readonly RawAnswer[], scales?: Scales): StateQuality => ({
  pairs: likeliestQuality(
    answers.flatMap(({ claim, sources }) =>
      claim.evidenceLabels.map((label, place) => {
        const odds = oddsOfChances(sources[place] as SourceChances)
        return judgedBy(label, chancesOfOdds(scales === undefined ? odds : scaledOdds(odds, scales.pair)))
      }),
    ),
  ),
  claims: likeliestQuality(
    answers.flatMap(answer => {
      const { label } = answer.claim
      if (label === undefined) return []
      return [judgedBy(label, scales === undefined ? answer.whole : wholeUnder(answer, scales))]
    }),
  ),
})

/** Without a draw, and with the reason, where any can't be fitted or nothing is left to measure on. */
export function refitQuality(answers: readonly RawAnswer[]): RefitQuality {
  const none = (why: string): RefitQuality => ({ fittedOn: fitted, draws: [], why })
  if (answers.length < fitted + leastRest)
    return none(`${answers.length} claims; ${fitted} to fit on and as many to measure on are wanted`)
  try {
    const draws = Array.from({ length: drawCount }, (_, index) => {
      const { chosen, rest } = drawn(answers, index + 1)
      return stateQuality(rest, fitCalibration(chosen.map(labelledAnswer), about))
    })
    return { fittedOn: fitted, draws }
  } catch (error) {
    if (error instanceof InputError) return none(error.message)
    throw error
  }
}

const about = { set: 'drawn by lot', model: { encoder: 'any', judge: 'any' } }

/** Mean, least and most of a figure over draws; undefined where a draw lacks it. */
export function overDraws(
  draws: readonly StateQuality[],
  figure: (quality: StateQuality) => number | undefined,
): { readonly mean: number; readonly least: number; readonly most: number } | undefined {
  const values = draws.map(figure).filter(value => value !== undefined)
  if (values.length === 0 || values.length < draws.length) return undefined
  return { mean: mean(values), least: Math.min(...values), most: Math.max(...values) }
}

/** Chosen by a fixed seed, and the others. */
function drawn(answers: readonly RawAnswer[], seed: number) {
  const random = randomFrom(seed)
  const lots = answers.map((answer, place) => ({ answer, place, lot: random() }))
  const ordered = lots.sort((a, b) => a.lot - b.lot || a.place - b.place).map(({ answer }) => answer)
  return { chosen: ordered.slice(0, fitted), rest: ordered.slice(fitted) }
}

function labelledAnswer(answer: RawAnswer): LabelledAnswer {
  const { claim, sources } = answer
  return {
    sources: sources.map((chances, place) => {
      const label = claim.evidenceLabels[place]
      return { chances, ...(label === undefined ? {} : { label }) }
    }),
    ...(claim.label === undefined || !isFromSources(answer) ? {} : { claimLabel: claim.label }),
  }
}

/** A claim's chances under a calibration; those that arithmetic or anything else gave stay as they came. */
const wholeUnder = (answer: RawAnswer, scales: Scales): ClaimChances =>
  isFromSources(answer) ? wholeOf(answer.sources, scales) : answer.whole

const wholeOf = (sources: readonly SourceChances[], { claim, pair }: Scales): ClaimChances =>
  claimChancesOf(
    claimOdds(sources.filter(isRead).map((chances): Odds => scaledOdds(oddsOfChances(chances), pair))),
    claim,
  )

const isRead = ({ refutes, supports }: SourceChances): boolean => supports + refutes > 0

/** Two computations of the same may differ by that much. */
const roundingError = 1e-6

/** Whether the chances of the sources, and nothing else, make those of the claim. */
function isFromSources({ sources, whole }: RawAnswer): boolean {
  const again = wholeOf(sources, neutral)
  return (['supports', 'refutes', 'disputed', 'neither'] as const).every(
    key => Math.abs(again[key] - whole[key]) < roundingError,
  )
}

function likeliestQuality(judged: readonly Judged[]): LikeliestQuality | undefined {
  const { likelihood, verdicts } = verdictQuality(judged)
  if (verdicts === undefined) return undefined
  const { calibration, confusion, coverage } = verdicts
  return {
    ...{ n: confusion.n, accuracy: confusion.accuracy, macroF1: confusion.macroF1 },
    ...{ ece: calibration.ece, eceOfPerfect: calibration.eceOfPerfect },
    ...{ nll: likelihood?.nll, nllOfBaseRate: likelihood?.nllOfBaseRate },
    quarter: coverage.find(step => step.coverage === 0.25)?.accuracy as number,
  }
}
