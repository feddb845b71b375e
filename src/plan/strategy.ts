/**
 * Which of several plans runs. Plans that break a hard limit are out; each of the others gets a value from 0 to
 * 1 for use, latency and cost, measured against one another, and the weighted sum decides.
 *
 *   value  = 1 for the best of those that are left, falling to 0 for the worst; ½ where nothing is known
 *   weight = the strategy's, and a quarter of the preferred strategy's, and `wishWeight` for each wish
 *   score  = Σ weight · value / Σ weight
 *
 * Law: a plan that is chosen stays chosen when the weight of a value is raised in which no other is better.
 * Equal scores go by name. What keeps a plan within its limits while it runs is the ledger and the deadline.
 */
import { errorOf, type RunnerError } from '../core/errors.ts'
import type { Spend } from '../core/ledger.ts'
import { costOf } from './cost.ts'
import { type ResourceUsage, reliabilityOf, type Span, spanOf } from './estimate.ts'
import {
  type Breach,
  breachesOf,
  budgetFiguresOf,
  type Figures,
  type Hints,
  limitsOf,
  risksOf,
  type StrategyName,
  say,
  short,
  wishesMet,
  wishesOf,
  wishWeight,
} from './hints.ts'
import type { Cost, CostRange, PlanNode } from './node.ts'
import type { Profile, Profiles } from './ports.ts'

/** What each value counts, from 0 to 1; only their proportions matter, but for hints. */
export type Weights = { readonly use: number; readonly latency: number; readonly cost: number }

/** A way to choose. */
export type Strategy = {
  readonly name: string
  readonly description: string
  readonly weights: Weights
}

/** The four of Causality's OptimizationStrategy; `use` is its priority weight: use of what is there. */
export const strategies: Readonly<Record<StrategyName, Strategy>> = {
  'capital-efficiency': {
    name: 'capital-efficiency',
    description: 'Make the most of what is there',
    weights: { use: 0.8, latency: 0.3, cost: 0.5 },
  },
  latency: {
    name: 'latency',
    description: 'Answer soon, though it cost more',
    weights: { use: 0.5, latency: 0.9, cost: 0.2 },
  },
  cost: {
    name: 'cost',
    description: 'Spend little, though it take longer',
    weights: { use: 0.4, latency: 0.2, cost: 0.9 },
  },
  balanced: {
    name: 'balanced',
    description: 'Nothing before the rest',
    weights: { use: 0.6, latency: 0.6, cost: 0.6 },
  },
}

/** A plan that could be run. */
export type Candidate = {
  /** Unique among the candidates; also the key of its measured profile. */
  readonly name: string
  readonly plan: PlanNode
  /** @default what `costOf` says of the plan */
  readonly cost?: CostRange | undefined
  /** How good its answer is expected to be, or how much of what is there it uses: 0 to 1. @default unknown */
  readonly quality?: number | undefined
  /** @default that of the facts' profiles */
  readonly measured?: Profile | undefined
  /** What it is expected to use. @default worker time and memory of its cost, nothing stored or sent */
  readonly resources?: Partial<ResourceUsage> | undefined
  /** Where it would run, for `domainOrder`. */
  readonly domain?: string | undefined
}

/** What is known at the time of the choice. */
export type Facts = {
  readonly profiles?: Profiles | undefined
  /** What the ledger has left; limits like the hints' budgets. */
  readonly left?: Partial<Spend> | undefined
  /** Until the deadline, in milliseconds; limits like `maxLatencyMs`. */
  readonly timeLeftMs?: number | undefined
  /** Successful runs from which measured figures replace estimates. @default 5 */
  readonly enoughRuns?: number | undefined
  /** Where between least and most an estimate is expected: 0 to 1. @default 0.5 */
  readonly confidence?: number | undefined
}

/** A candidate's values, 0 to 1 and 1 best; `wishes` is how far it meets the soft hints. */
export type Parts = Weights & { readonly wishes: number }

/** One candidate that keeps the limits, and what its score was made of. */
export type Ranked = {
  readonly name: string
  readonly score: number
  readonly parts: Parts
  /** What is expected of it; NaN where nothing is known. */
  readonly expected: { readonly quality: number; readonly timeMs: number } & Spend
  /** Limits that it may break although it is not expected to, in words. */
  readonly risks: readonly string[]
}

/** Why a candidate could not be chosen. */
export type Rejected = {
  readonly name: string
  readonly reason: string
  readonly breaches: readonly Breach[]
}

/** What was chosen, and the whole reckoning; plain data but for `chosen`. */
export type Choice<C extends Candidate = Candidate> = {
  readonly chosen: C
  readonly score: number
  /** Of the strategy that decided. */
  readonly strategy: string
  /** As they counted: they add up to 1. */
  readonly weights: Parts
  /** The figure that cost was compared by: the first of these in which the candidates differ. */
  readonly costUnit: keyof Spend
  /** Best first. */
  readonly ranking: readonly Ranked[]
  /** In the order of their names. */
  readonly rejected: readonly Rejected[]
}

/** What the preferred strategy counts beside the one that decides. */
const preferenceShare = 0.25

/** A difference smaller than this part of the best is not stretched to the whole scale. */
const noticeable = 0.1

/** Scores that differ by less than rounding are equal. */
const scoreSteps = 1e9

/** Money, where candidates differ in it; else the scarcest of what is free. */
const costUnits = ['nanoUsd', 'workerMs', 'tokens', 'calls'] as const satisfies readonly (keyof Spend)[]

/**
 * The candidate with the highest score among those that keep the hard limits.
 * @throws BudgetError ER_BUDGET_REFUSED where budgets alone ruled all out, DeadlineError ER_DEADLINE where time
 * alone did, else PlanError ER_PLAN_INVALID with all reasons; PlanError for no candidates, two of one name, and
 * figures that are none.
 */
export function choosePlan<C extends Candidate>(
  candidates: readonly C[],
  strategy: Strategy | StrategyName,
  hints: Hints = {},
  facts: Facts = {},
): Choice<C> {
  const { name, weights } = checkedStrategy(strategy)
  checkCandidates(candidates)
  const limits = limitsOf(hints, facts.left, facts.timeLeftMs)
  const judged = candidates
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(candidate => judge(candidate, hints, facts))
    .map(one => ({ ...one, breaches: breachesOf(one.figures, limits) }))
  const rejected = judged
    .filter(({ breaches }) => breaches.length > 0)
    .map(({ candidate, breaches }) => ({ name: candidate.name, reason: reasonOf(breaches), breaches }))
  const kept = judged.filter(({ breaches }) => breaches.length === 0)
  if (kept.length === 0) throw refusalOf(rejected)
  const costUnit = costUnitOf(kept)
  const counted = countedWeights(weights, hints)
  const total = Object.values(counted).reduce((sum, weight) => sum + weight, 0)
  const parts = partsOf(kept, costUnit)
  const sorted = kept
    .map((one, index) => ({ one, parts: parts[index] as Parts }))
    .map(entry => ({ ...entry, sum: weighted(counted, entry.parts) }))
    // By name already, and sorting keeps that order among equals.
    .sort((a, b) => Math.round(b.sum * scoreSteps) - Math.round(a.sum * scoreSteps))
  const ranking = sorted.map(({ one, parts, sum }) => ({
    name: one.candidate.name,
    score: sum / total,
    parts,
    expected: one.expected,
    risks: risksOf(one.figures, limits),
  }))
  const [best] = sorted as [(typeof sorted)[number]]
  return {
    chosen: best.one.candidate,
    score: best.sum / total,
    strategy: name,
    weights: eachPart(part => counted[part] / total),
    costUnit,
    ranking,
    rejected,
  }
}

type Judged<C extends Candidate> = {
  readonly candidate: C
  readonly figures: Figures
  readonly expected: Ranked['expected']
  readonly reliability: number
  readonly wishes: number
}

function judge<C extends Candidate>(candidate: C, hints: Hints, facts: Facts): Judged<C> {
  const { plan, cost = costOf(plan), quality = Number.NaN, resources = {}, domain } = candidate
  const measured = candidate.measured ?? facts.profiles?.get(candidate.name)
  const { enoughRuns, confidence } = facts
  const span = (unit: keyof Cost) => spanOf(cost, unit, { measured, enoughRuns, confidence })
  const declared = (figure: number | undefined, instead: Span) =>
    figure === undefined ? instead : { least: figure, expected: figure, most: figure }
  const none = { least: 0, expected: 0, most: 0 }
  const figures: Figures = {
    timeMs: span('timeMs'),
    nanoUsd: span('nanoUsd'),
    tokens: span('tokens'),
    calls: span('calls'),
    workerMs: span('workerMs'),
    cpuTimeMs: declared(resources.cpuTimeMs, span('workerMs')),
    memoryBytes: declared(resources.memoryBytes, span('memoryBytes')),
    storageBytes: declared(resources.storageBytes, none),
    networkBytes: declared(resources.networkBytes, none),
  }
  const expected = {
    quality,
    timeMs: figures.timeMs.expected,
    nanoUsd: figures.nanoUsd.expected,
    tokens: figures.tokens.expected,
    calls: figures.calls.expected,
    workerMs: figures.workerMs.expected,
  }
  const reliability = measured === undefined ? 1 : reliabilityOf(measured)
  const wishes = wishesMet(hints, plan, domain)
  return { candidate, figures, expected, reliability, wishes }
}

// Added, not mixed by parts of a whole: raising one weight must not change what the others are to each other.
function countedWeights(weights: Weights, hints: Hints): Parts {
  const preferred = hints.preferredStrategy && strategies[hints.preferredStrategy].weights
  const counted = (part: keyof Weights) => weights[part] + preferenceShare * (preferred?.[part] ?? 0)
  return {
    use: counted('use'),
    latency: counted('latency'),
    cost: counted('cost'),
    wishes: wishWeight * wishesOf(hints).length,
  }
}

const weighted = (weights: Parts, parts: Parts): number =>
  partNames.reduce((sum, part) => sum + weights[part] * parts[part], 0)

const partNames = ['use', 'latency', 'cost', 'wishes'] as const satisfies readonly (keyof Parts)[]

const eachPart = (of: (part: keyof Parts) => number): Parts => ({
  use: of('use'),
  latency: of('latency'),
  cost: of('cost'),
  wishes: of('wishes'),
})

function partsOf(kept: readonly Judged<Candidate>[], costUnit: keyof Spend): readonly Parts[] {
  // What fails now and then is paid for again.
  const again = (of: (expected: Ranked['expected']) => number) =>
    valuesOf(kept.map(({ expected, reliability }) => of(expected) / reliability))
  const latency = again(({ timeMs }) => timeMs)
  const cost = again(expected => expected[costUnit])
  const use = valuesOf(
    kept.map(({ expected }) => expected.quality),
    'more',
  )
  return kept.map(({ wishes }, index) => ({
    use: use[index] as number,
    latency: latency[index] as number,
    cost: cost[index] as number,
    wishes,
  }))
}

/** Figures as values from 0 to 1, of which the best has 1, and what is not known the middle. */
function valuesOf(figures: readonly number[], better: 'less' | 'more' = 'less'): readonly number[] {
  const known = figures.filter(figure => !Number.isNaN(figure))
  const [least, most] = [Math.min(...known), Math.max(...known)]
  const best = better === 'less' ? least : most
  const scale = Math.max(most - least, noticeable * best)
  return figures.map(figure => {
    if (Number.isNaN(figure)) return 0.5
    return scale === 0 ? 1 : 1 - Math.abs(figure - best) / scale
  })
}

const costUnitOf = (kept: readonly Judged<Candidate>[]): keyof Spend =>
  costUnits.find(unit => new Set(kept.map(({ expected }) => expected[unit])).size > 1) ?? 'nanoUsd'

const reasonOf = (breaches: readonly Breach[]): string => breaches.map(({ reason }) => reason).join('; ')

function refusalOf(rejected: readonly Rejected[]): RunnerError {
  const reasons = rejected.map(({ name, reason }) => `${name}: ${reason}`).join('. ')
  const breaches = rejected.flatMap(one => one.breaches)
  const [only, ...others] = new Set(breaches.map(({ kind }) => kind))
  const message = `No plan keeps the limits. ${reasons}`
  if (others.length > 0 || only === 'resource') return errorOf('ER_PLAN_INVALID', message)
  if (only === 'latency') return errorOf('ER_DEADLINE', message)
  // The one that came nearest.
  const [nearest] = breaches.toSorted((a, b) => a.requested / a.allowed - b.requested / b.allowed)
  const figures = nearest && budgetFiguresOf(nearest)
  return errorOf('ER_BUDGET_REFUSED', message, figures === undefined ? {} : { figures })
}

function checkedStrategy(strategy: Strategy | StrategyName): Strategy {
  const found = typeof strategy === 'string' ? strategies[strategy] : strategy
  if (found === undefined) throw errorOf('ER_PLAN_INVALID', `There is no strategy ${strategy}`)
  const weights = Object.values(found.weights)
  if (weights.every(weight => weight >= 0 && weight <= 1) && weights.some(weight => weight > 0)) return found
  throw errorOf(
    'ER_PLAN_INVALID',
    `The weights of ${found.name} are not numbers from 0 to 1, one of them above 0`,
  )
}

function checkCandidates(candidates: readonly Candidate[]): void {
  if (candidates.length === 0) throw errorOf('ER_PLAN_INVALID', 'There is no plan to choose from')
  const names = new Set<string>()
  for (const { name, quality = 0 } of candidates) {
    if (names.has(name)) throw errorOf('ER_PLAN_INVALID', `Two plans are named ${name}`)
    names.add(name)
    if (!(quality >= 0 && quality <= 1))
      throw errorOf('ER_PLAN_INVALID', `The quality of ${name} is ${quality}, not a number from 0 to 1`)
  }
}

/** Why the chosen one won and why each other did not, in words; a line a thing. */
export function explainChoice(choice: Choice): string {
  const { strategy, weights, ranking, rejected } = choice
  const [best, ...others] = ranking as [Ranked, ...Ranked[]]
  const shares = partNames.filter(part => weights[part] > 0).map(part => `${part} ${percent(weights[part])}`)
  return [
    `${best.name} was chosen by ${strategy} (${shares.join(', ')}) with a score of ${best.score.toFixed(3)}`,
    strengthOf(choice, best, others[0]),
    ...others.map(other => lossOf(choice, best, other)),
    ...rejected.map(({ name, reason }) => `${name} was ruled out: ${reason}`),
    ...best.risks.map(risk => `${best.name} is a risk: ${risk}`),
  ].join('\n')
}

const percent = (part: number): string => `${Math.round(part * 100)} %`

/** What the winner gained by a value over another, as a part of the score. */
const gainOf = ({ weights }: Choice, part: keyof Parts, winner: Ranked, other: Ranked): number =>
  weights[part] * (winner.parts[part] - other.parts[part])

function strengthOf(choice: Choice, best: Ranked, next: Ranked | undefined): string {
  if (next === undefined) return 'It was the only one that keeps the limits'
  const gains = partNames.filter(part => gainOf(choice, part, best, next) > 1 / scoreSteps)
  if (gains.length === 0) return `Its score is that of ${next.name}, and equal scores go by name`
  const facts = gains.map(part => compared(choice, part, best, next))
  return `It is ahead of ${next.name} in ${facts.join(' and ')}`
}

function lossOf(choice: Choice, best: Ranked, other: Ranked): string {
  const behind = best.score - other.score
  if (behind < 1 / scoreSteps) return `${other.name} has the same score, and equal scores go by name`
  const gain = (part: keyof Parts) => gainOf(choice, part, best, other)
  const worst = partNames.reduce((a, b) => (gain(b) > gain(a) ? b : a))
  const ahead = partNames.filter(part => gain(part) < -1 / scoreSteps)
  const but = ahead.length === 0 ? '' : `, which ${ahead.join(' and ')} could not make up for`
  return `${other.name} lost by ${behind.toFixed(3)}, most by ${compared(choice, worst, other, best)}${but}`
}

/** A value of two candidates with the figures behind it. */
function compared({ costUnit }: Choice, part: keyof Parts, one: Ranked, other: Ranked): string {
  const figureOf = ({ expected, parts }: Ranked) => {
    if (part === 'wishes') return short(parts.wishes)
    const [name, figure] = {
      use: ['quality', expected.quality] as const,
      latency: ['timeMs', expected.timeMs] as const,
      cost: [costUnit, expected[costUnit]] as const,
    }[part]
    if (Number.isNaN(figure)) return 'unknown'
    return name === 'quality' ? short(figure) : say(name, figure)
  }
  return `${part} (${figureOf(one)} against ${figureOf(other)})`
}
