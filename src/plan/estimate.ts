/**
 * What an effect will take: a model of money and time by its units of work, and a blend of that with what was
 * measured. A few measured runs move an estimate, `enoughRuns` replace it.
 *
 *   money    (base + perUnit · n) · complexity · domain factor, rounded up to a whole nano-USD
 *   time     (a + b · √n) · complexity, or (a + b · n) · complexity where measured times grow like that
 *
 * The cost table and its defaults are those of Causality's EffectCostModel. It has no a, and so let no units
 * take no time; here the first unit holds the base work where a is 0, and no units take as long as one.
 */
import { errorOf } from '../core/errors.ts'
import type { Cost, CostRange } from './node.ts'
import type { Profile } from './ports.ts'

/** How an effect's cost and time grow with its units of work. */
export type EffectCostModel = {
  /** Nano-USD of a run without units. */
  readonly baseCost: number
  /** Nano-USD of each unit. */
  readonly resourceCostPerUnit: number
  /** Of the work itself; multiplies money and time. */
  readonly complexityMultiplier: number
  /** Of the place where it runs; multiplies money. */
  readonly domainCostFactor: number
  /** b: what one unit takes, in milliseconds. */
  readonly estimatedDurationMs: number
  /** a: what no units take, in milliseconds. @default 0: the first unit holds it */
  readonly baseDurationMs?: number
  /** @default 'root' */
  readonly growth?: Growth
}

/** Whether time grows with the root of the units, as where they are worked on together, or with the units. */
export type Growth = 'root' | 'linear'

/** The model of an effect of which nothing is known. */
export const defaultCostModel: EffectCostModel = {
  baseCost: 100,
  resourceCostPerUnit: 10,
  complexityMultiplier: 1,
  domainCostFactor: 1,
  estimatedDurationMs: 1000,
}

/** What a run uses of the machine. */
export type ResourceUsage = {
  readonly cpuTimeMs: number
  readonly memoryBytes: number
  readonly storageBytes: number
  readonly networkBytes: number
}

/** What a run is expected to use, and when it will be over. */
export type ResourceUsageEstimate = ResourceUsage & {
  /** On the clock of the time that the estimate was made for, in milliseconds. */
  readonly estimatedCompletionMs: number
}

/** The usage of an effect of which nothing is known: 1 s, 1 MiB of memory, 512 KiB stored, 256 KiB sent. */
export const defaultUsage: ResourceUsage = {
  cpuTimeMs: 1000,
  memoryBytes: 2 ** 20,
  storageBytes: 2 ** 19,
  networkBytes: 2 ** 18,
}

/** Successful runs that make a measured figure stand alone. */
export const enoughRuns = 5

/**
 * Nano-USD of `units` of work, a whole number.
 * @throws InputError ER_INPUT for units that are not a number from 0.
 */
export function effectNanoUsd(model: EffectCostModel, units: number): number {
  const { baseCost, resourceCostPerUnit, complexityMultiplier, domainCostFactor } = model
  const raw = (baseCost + resourceCostPerUnit * checked(units)) * complexityMultiplier * domainCostFactor
  return roundedUp(raw)
}

/**
 * Milliseconds of `units` of work, never fewer than those of one where the model names no base.
 * @throws InputError ER_INPUT for units that are not a number from 0.
 */
export function effectTimeMs(model: EffectCostModel, units: number): number {
  const { baseDurationMs = 0, estimatedDurationMs, complexityMultiplier, growth = 'root' } = model
  const counted = baseDurationMs > 0 ? checked(units) : Math.max(1, checked(units))
  return (baseDurationMs + estimatedDurationMs * grown(growth, counted)) * complexityMultiplier
}

/** How long a run of so many units took. */
export type TimeSample = { readonly units: number; readonly ms: number }

/** A curve through samples: `fixedMs + perUnitMs · √units`, or `· units`; neither figure is negative. */
export type TimeFit = {
  readonly growth: Growth
  readonly fixedMs: number
  readonly perUnitMs: number
}

/**
 * The curve of the two that lies nearer to the samples by least squares, the root where both do. Undefined
 * where the samples can't tell a slope: fewer than two sizes.
 */
export function fitTime(samples: readonly TimeSample[]): TimeFit | undefined {
  if (new Set(samples.map(({ units }) => checked(units))).size < 2) return undefined
  const [root, linear] = [fitted('root', samples), fitted('linear', samples)]
  // Both meet two sizes exactly, but for rounding.
  const rounding = 1e-12 * samples.reduce((sum, { ms }) => sum + ms * ms, 0)
  return linear.misses + rounding < root.misses ? linear.fit : root.fit
}

/**
 * The model with the time that was measured: fitted where there are `enoughRuns` samples of several sizes,
 * before that scaled to meet them, by as much as they are of enough. The same model without samples.
 */
export function calibrated(model: EffectCostModel, samples: readonly TimeSample[]): EffectCostModel {
  if (samples.length === 0) return model
  const { complexityMultiplier: complexity } = model
  const fit = samples.length < enoughRuns ? undefined : fitTime(samples)
  if (fit !== undefined && complexity > 0)
    return {
      ...model,
      growth: fit.growth,
      baseDurationMs: fit.fixedMs / complexity,
      estimatedDurationMs: fit.perUnitMs / complexity,
    }
  const predicted = samples.reduce((sum, { units }) => sum + effectTimeMs(model, units), 0)
  if (predicted === 0) return model
  const ratio = samples.reduce((sum, { ms }) => sum + ms, 0) / predicted
  const factor = blended(1, ratio, Math.min(1, samples.length / enoughRuns))
  return {
    ...model,
    baseDurationMs: (model.baseDurationMs ?? 0) * factor,
    estimatedDurationMs: model.estimatedDurationMs * factor,
  }
}

/** What an estimate may be told beside model and units. */
export type EstimateOptions = {
  /** What runs of this size came to. @default nothing measured */
  readonly measured?: Profile | undefined
  /** What is known of this run's sizes. @default `defaultUsage` */
  readonly usage?: Partial<Omit<ResourceUsage, 'cpuTimeMs'>>
  /** When it would begin, in milliseconds on any clock. @default 0 */
  readonly nowMs?: number
}

/** What an effect is expected to take; `cost` serves as a stage's or a remote leaf's claim. */
export type EffectEstimate = {
  readonly cost: Pick<Cost, 'nanoUsd' | 'timeMs' | 'workerMs' | 'memoryBytes'>
  readonly usage: ResourceUsageEstimate
  /** How much of it was measured: 0 nothing, 1 all. */
  readonly measuredShare: number
}

/**
 * Money, time and resources of `units` of an effect.
 * @throws InputError ER_INPUT for units that are not a number from 0.
 */
export function estimateEffect(
  model: EffectCostModel,
  units: number,
  { measured, usage = {}, nowMs = 0 }: EstimateOptions = {},
): EffectEstimate {
  const measuredShare = measuredShareOf(measured)
  const of = (estimate: number, figure: keyof Cost) =>
    blended(estimate, measured?.cost[figure] ?? estimate, measuredShare)
  const modelMs = effectTimeMs(model, units)
  const [timeMs, cpuTimeMs] = [of(modelMs, 'timeMs'), of(modelMs, 'workerMs')]
  const sizes = { ...defaultUsage, ...usage }
  const memoryBytes = of(sizes.memoryBytes, 'memoryBytes')
  const nanoUsd = roundedUp(of(effectNanoUsd(model, units), 'nanoUsd'))
  return {
    cost: { nanoUsd, timeMs, workerMs: cpuTimeMs, memoryBytes },
    usage: { ...sizes, cpuTimeMs, memoryBytes, estimatedCompletionMs: nowMs + timeMs },
    measuredShare,
  }
}

/** How far measured figures stand for estimates: 0 without a successful run, 1 from `enough` of them. */
export function measuredShareOf(measured: Profile | undefined, enough = enoughRuns): number {
  return measured === undefined ? 0 : Math.min(1, (measured.runs - measured.failures) / enough)
}

/** `share` of the measured figure, the rest of the estimate. */
export function blended(estimate: number, measured: number, share: number): number {
  if (share === 0 || share === 1) return share === 0 ? estimate : measured
  return estimate + share * (measured - estimate)
}

/**
 * Probability that a run succeeds, as if four had succeeded before the first: one that was never run is
 * trusted until it has shown what it does.
 */
export function reliabilityOf({ runs, failures }: Pick<Profile, 'runs' | 'failures'>): number {
  return (runs - failures + 4) / (runs + 4)
}

/** The figure of a range that is planned with: `most` by `confidence`, `least` by the rest of it. */
export function expectedWithin(least: number, most: number, confidence: number): number {
  return least * (1 - confidence) + most * confidence
}

/** One figure of a plan: at least, as expected and at most; NaN is expected where nothing is known. */
export type Span = { readonly least: number; readonly expected: number; readonly most: number }

/** How spans are made. */
export type SpanOptions = {
  readonly measured?: Profile | undefined
  /** Successful runs from which measured figures replace estimates. @default 5 */
  readonly enoughRuns?: number | undefined
  /** Where between least and most an estimate is expected: 0 to 1. @default 0.5 */
  readonly confidence?: number | undefined
}

/**
 * A figure of a range, moved by what was measured. The most of what a ledger counts stays as claimed, however
 * little was used so far: that is what will be reserved. The most of time becomes the measured 95th percentile.
 */
export function spanOf({ least, most }: CostRange, unit: keyof Cost, options: SpanOptions = {}): Span {
  const { measured, enoughRuns: enough, confidence = 0.5 } = options
  const [from, to] = [least[unit], most[unit]]
  const bounded = to < Number.POSITIVE_INFINITY
  const estimate = bounded ? expectedWithin(from, to, confidence) : Number.NaN
  const share = measuredShareOf(measured, enough)
  if (measured === undefined || share === 0) return { least: from, expected: estimate, most: to }
  const mean = measured.cost[unit]
  // Where nothing was known, one measured run knows better.
  const expected = bounded ? blended(estimate, mean, share) : mean
  const usual = bounded || share === 1 ? blended(to, measured.p95Ms, share) : to
  return { least: blended(from, mean, share), expected, most: unit === 'timeMs' ? usual : to }
}

const grown = (growth: Growth, units: number): number => (growth === 'root' ? Math.sqrt(units) : units)

/** Whole and rounded up, but not for what is only the rounding of a product. */
const roundedUp = (value: number): number => Math.ceil(value - Math.abs(value) * 1e-12)

function checked(units: number): number {
  if (units >= 0 && units < Number.POSITIVE_INFINITY) return units
  throw errorOf('ER_INPUT', `Units of work are a number from 0, not ${units}`)
}

/** Least squares with both figures kept from 0; `misses` is the sum of the squared distances. */
function fitted(growth: Growth, samples: readonly TimeSample[]): { fit: TimeFit; misses: number } {
  const points = samples.map(({ units, ms }) => ({ x: grown(growth, units), y: ms }))
  const mean = (of: (point: { x: number; y: number }) => number) =>
    points.reduce((sum, point) => sum + of(point), 0) / points.length
  const [meanX, meanY] = [mean(({ x }) => x), mean(({ y }) => y)]
  const slope = mean(({ x, y }) => (x - meanX) * (y - meanY)) / mean(({ x }) => (x - meanX) ** 2)
  const throughOrigin = mean(({ x, y }) => x * y) / mean(({ x }) => x * x)
  const perUnitMs = Math.max(0, meanY < slope * meanX ? throughOrigin : slope)
  const fixedMs = Math.max(0, meanY - perUnitMs * meanX)
  // Through the origin nothing is fixed, although the line would not quite meet the mean.
  const fit = { growth, perUnitMs, fixedMs: meanY < slope * meanX ? 0 : fixedMs }
  return { fit, misses: points.reduce((sum, { x, y }) => sum + (y - fit.fixedMs - perUnitMs * x) ** 2, 0) }
}
