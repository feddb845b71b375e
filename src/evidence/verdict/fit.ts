/**
 * Fits a calibration to labelled claims: first temperature and biases of a source, then, with these in place,
 * those of the claim. How far off it is, is measured on claims that were left out of the fit. Pure; the same
 * claims in any order give the same calibration.
 */
import { InputError } from '../../core/errors.ts'
import { sha256, valueHash } from '../../core/hash.ts'
import type { CalibratedModel, Calibration, Scales } from './calibration.ts'
import { neutral } from './calibration.ts'
import {
  type Chances,
  type ClaimChances,
  chancesOfOdds,
  claimChancesOf,
  logsOfChances,
  oddsOfChances,
  type PairScale,
  rescaledChances,
  scaledOdds,
} from './chances.ts'
import { claimOdds } from './judge.ts'
import { type Belief, fitScale, type ScoredCase } from './logistic.ts'
import { accuracyOfSurest, errorOf, errorOfPerfect, type Said } from './reliability.ts'

/** What people say of one source. */
export type SourceLabel = 'SUPPORTS' | 'REFUTES' | 'NOT_ENOUGH_INFO'
/** What people say of a claim with all its sources. */
export type ClaimLabel = SourceLabel | 'DISPUTED'

/** A claim that was answered with the neutral calibration, and what people say of it. */
export type LabelledAnswer = {
  readonly sources: readonly { readonly chances: Chances; readonly label?: SourceLabel }[]
  /** Absent where it is not known, or where something else than these chances decided the claim. */
  readonly claimLabel?: ClaimLabel
  /** The claim's own chances, of a model that judged it as a whole. @default they follow from the sources' */
  readonly chances?: ClaimChances
  /** Answers of one id are about the same claim. @default each is about another */
  readonly id?: string
}

/** What a calibration is of. */
export type FitAbout = { readonly set: string; readonly model: CalibratedModel }

/** Chances held against labels. */
export type FitQuality = {
  readonly n: number
  /** Expected calibration error of the likeliest label. */
  readonly ece: number
  /** What perfect calibration would show at this n. */
  readonly eceOfPerfect: number
  readonly nll: number
  readonly baseNll: number
  readonly accuracy: number
  /** Of the most confident quarter. */
  readonly surestQuarter: number
}

/** A calibration and how good chances are without it and with it; undefined where no labels were given. */
export type Fit = {
  readonly calibration: Calibration
  readonly before: { readonly pair: FitQuality | undefined; readonly claim: FitQuality }
  /** On claims that were left out of the fit. */
  readonly after: { readonly pair: FitQuality | undefined; readonly claim: FitQuality }
  readonly warnings: readonly string[]
}

/** Fewer labelled claims are refused. */
export const leastClaims = 20
/** With fewer, how far off it is, is hardly known; a warning says so. */
export const enoughClaims = 60

/** Labels of a source. */
export const sourceLabels = ['SUPPORTS', 'REFUTES', 'NOT_ENOUGH_INFO'] as const
/** Labels of a claim. */
export const claimLabels = ['SUPPORTS', 'REFUTES', 'DISPUTED', 'NOT_ENOUGH_INFO'] as const
const belief: Belief = { w: 1, bias: 1 }
const foldCount = 10

/** @throws InputError ER_INPUT for fewer than 20 labelled claims, or where all have one label. */
export const fitCalibration = (answers: readonly LabelledAnswer[], about: FitAbout): Calibration =>
  fitAnswers(answers, about).calibration

/** As `fitCalibration`, with what there is to report. */
export function fitAnswers(answers: readonly LabelledAnswer[], { model, set }: FitAbout): Fit {
  refuseFew(answers)
  const keyed = orderedOf(answers)
  const folds = foldsOf(keyed)
  const ordered = keyed.map(({ answer }) => answer)
  const withPairs = canFitPairs(ordered)
  const scales = scalesOf(ordered, withPairs)
  const leftOut = Array.from({ length: foldCount }, (_, fold) => {
    const trained = ordered.filter((_, place) => folds[place] !== fold)
    const tested = ordered.filter((_, place) => folds[place] === fold)
    return casesOf(tested, scalesOf(trained, withPairs))
  })
  const before = casesOf(ordered, neutral)
  const after = { pair: leftOut.flatMap(({ pair }) => pair), claim: leftOut.flatMap(({ claim }) => claim) }
  const quality = { pair: qualityOf(after.pair), claim: qualityOf(after.claim) as FitQuality }
  const priorClaim = qualityOf(before.claim) as FitQuality
  const fittedPair = withPairs ? quality.pair : undefined
  return {
    calibration: {
      version: 1,
      set,
      n: quality.claim.n,
      ece: quality.claim.ece,
      pair: { ...scales.pair, ...figuresOf(fittedPair) },
      claim: { ...scales.claim, ...figuresOf(quality.claim) },
      model,
    },
    before: { pair: qualityOf(before.pair), claim: priorClaim },
    after: quality,
    warnings: warningsOf(ordered, priorClaim, quality.claim, withPairs),
  }
}

const figuresOf = (quality: FitQuality | undefined) =>
  quality === undefined
    ? { n: 0, ece: null, nll: null, baseNll: null }
    : { n: quality.n, ece: quality.ece, nll: quality.nll, baseNll: quality.baseNll }

function refuseFew(answers: readonly LabelledAnswer[]): void {
  const labels = answers.flatMap(({ claimLabel }) => (claimLabel === undefined ? [] : [claimLabel]))
  if (labels.length < leastClaims) {
    throw new InputError(
      'ER_INPUT',
      `A calibration takes at least ${leastClaims} labelled claims that the model has to judge, better ${enoughClaims}; these are ${labels.length}`,
    )
  }
  if (new Set(labels).size === 1) {
    throw new InputError(
      'ER_INPUT',
      `All ${labels.length} claims are labelled ${labels[0]}; bring claims with other labels, too, in about the proportions of your domain`,
    )
  }
}

type Keyed = { readonly answer: LabelledAnswer; readonly hash: string }

/** In an order that does not depend on the one they came in: sums differ in their last bits by it. */
const orderedOf = (answers: readonly LabelledAnswer[]): Keyed[] =>
  answers
    .map(answer => ({ answer, hash: valueHash(answer) }))
    .sort((a, b) => (a.hash < b.hash ? -1 : a.hash > b.hash ? 1 : 0))

/** The fold of each answer; those with one id share it, so that none is measured by its own like. */
function foldsOf(answers: readonly Keyed[]): number[] {
  const keys = answers.map(({ answer: { id }, hash }) => (id === undefined ? hash : sha256(id)))
  const enough = new Set(keys).size >= foldCount
  const used = enough ? keys : answers.map(({ hash }) => hash)
  const ranks = new Map([...new Set(used)].sort().map((key, rank) => [key, rank]))
  return used.map(key => (ranks.get(key) as number) % foldCount)
}

/** Whether enough sources are labelled, and not all of them alike. */
function canFitPairs(answers: readonly LabelledAnswer[]): boolean {
  const pairs = answers.flatMap(pairCases)
  return pairs.length >= leastClaims && new Set(pairs.map(({ label }) => label)).size > 1
}

/** Both levels, fitted to these answers; sources keep the neutral scale where that is wanted. */
function scalesOf(answers: readonly LabelledAnswer[], withPairs: boolean): Scales {
  const pair = withPairs ? fitScale(answers.flatMap(pairCases), sourceLabels, belief) : neutral.pair
  const claims = answers.flatMap(answer => claimCase(answer, pair))
  return { pair, claim: fitScale(claims, claimLabels, belief) }
}

/** Sources that were read: of the others there is nothing to learn. */
const readSources = ({ sources }: LabelledAnswer) =>
  sources.filter(({ chances }) => chances.supports + chances.refutes > 0)

const pairCases = (answer: LabelledAnswer): ScoredCase[] =>
  readSources(answer).flatMap(({ chances, label }) => {
    if (label === undefined) return []
    const { refutes, supports } = oddsOfChances(chances)
    return [{ scores: [supports, refutes, 0], label: sourceLabels.indexOf(label) }]
  })

function claimCase(answer: LabelledAnswer, pair: PairScale): ScoredCase[] {
  if (answer.claimLabel === undefined) return []
  const label = claimLabels.indexOf(answer.claimLabel)
  if (answer.chances !== undefined) return [{ scores: logsOfChances(answer.chances), label }]
  const { refutes, supports } = oddsOf(answer, pair)
  return [{ scores: [supports, refutes, supports + refutes, 0], label }]
}

function claimChances(answer: LabelledAnswer, { claim, pair }: Scales): ClaimChances {
  if (answer.chances === undefined) return claimChancesOf(oddsOf(answer, pair), claim)
  return rescaledChances(answer.chances, claim)
}

const oddsOf = (answer: LabelledAnswer, pair: PairScale) =>
  claimOdds(readSources(answer).map(({ chances }) => scaledOdds(oddsOfChances(chances), pair)))

/** Chances in the order of the labels, and the place of the right one. */
type Case = { readonly chances: readonly number[]; readonly label: number }

function casesOf(answers: readonly LabelledAnswer[], scales: Scales): { pair: Case[]; claim: Case[] } {
  return {
    pair: answers.flatMap(pairCases).map(({ label, scores: [supports = 0, refutes = 0] }) => {
      const chances = chancesOfOdds(scaledOdds({ supports, refutes }, scales.pair))
      return { chances: [chances.supports, chances.refutes, chances.neither], label }
    }),
    claim: answers.flatMap(answer => {
      if (answer.claimLabel === undefined) return []
      const { disputed, neither, refutes, supports } = claimChances(answer, scales)
      return [
        { chances: [supports, refutes, disputed, neither], label: claimLabels.indexOf(answer.claimLabel) },
      ]
    }),
  }
}

function qualityOf(cases: readonly Case[]): FitQuality | undefined {
  const n = cases.length
  if (n === 0) return undefined
  const said = cases.map(({ chances, label }): Said => {
    const confidence = Math.max(...chances)
    return { confidence, right: chances.indexOf(confidence) === label }
  })
  const loss = ({ chances, label }: Case) => -Math.log(Math.max(1e-9, chances[label] as number))
  const counts = Map.groupBy(cases, ({ label }) => label)
  const baseNll = [...counts.values()].reduce(
    (sum, { length }) => sum - (length / n) * Math.log(length / n),
    0,
  )
  return {
    n,
    ece: errorOf(said),
    eceOfPerfect: errorOfPerfect(
      n,
      said.map(({ confidence }) => confidence),
    ),
    nll: cases.reduce((sum, each) => sum + loss(each), 0) / n,
    baseNll,
    accuracy: said.filter(({ right }) => right).length / n,
    surestQuarter: accuracyOfSurest(said, 0.25),
  }
}

function warningsOf(
  answers: readonly LabelledAnswer[],
  before: FitQuality,
  claim: FitQuality,
  pairsFitted: boolean,
): string[] {
  const against = (other: number) => `${claim.nll.toFixed(3)} against ${other.toFixed(3)} nats`
  const present = new Set(answers.map(({ claimLabel }) => claimLabel))
  const absent = claimLabels.filter(label => !present.has(label))
  return [
    ...(claim.n < enoughClaims
      ? [`Fitted on ${claim.n} claims; with fewer than ${enoughClaims} the error itself is hardly known`]
      : []),
    ...(absent.length > 0
      ? [`No claim is labelled ${absent.join(' or ')}; what is said of these rests on no example`]
      : []),
    ...(pairsFitted
      ? []
      : [
          'Too few sources are labelled (evidenceLabels): only the claim is calibrated, single sources are not',
        ]),
    ...(claim.nll >= before.nll
      ? [`Claims left out of the fit are told apart no better with it than without: ${against(before.nll)}`]
      : []),
    ...(claim.nll >= claim.baseNll
      ? [
          `The model tells these claims apart no better than their labels' frequencies do: ${against(claim.baseNll)}`,
        ]
      : []),
  ]
}
