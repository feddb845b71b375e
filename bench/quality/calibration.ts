/**
 * Whether what is said to be likely is so as often as was said. Cases with equal confidence are not told apart:
 * each stands for the mean of them all, so no figure depends on the order that they came in.
 */
import { randomFrom } from '../texts.ts'
import { mean } from './rank.ts'

/** How likely something was said to be, and whether it was so. */
export type Said = { readonly confidence: number; readonly right: boolean }

/** Cases of neighbouring confidence. */
export type Bin = {
  readonly n: number
  /** Least and most confidence in it. */
  readonly least: number
  readonly most: number
  /** Mean confidence. */
  readonly said: number
  /** The part that was right. */
  readonly was: number
}

export type Calibration = {
  readonly n: number
  /** Mean distance between what was said and what was, each bin counted by its cases (expected calibration error). */
  readonly ece: number
  /** The mean of that figure if every confidence were true: what chance alone makes at this n. */
  readonly eceOfPerfect: number
  readonly bins: readonly Bin[]
}

const binCount = 10
const draws = 200

/** Ten bins of equal mass, fewer where there are fewer cases; undefined for no case. */
export function calibrationOf(cases: readonly Said[], seed = 1): Calibration | undefined {
  if (cases.length === 0) return undefined
  const sorted = cases
    .map(({ confidence, right }) => ({ confidence, right: right ? 1 : 0 }))
    .sort((a, b) => a.confidence - b.confidence)
  const bins = binsOf(sorted)
  const random = randomFrom(seed)
  const byChance = Array.from({ length: draws }, () =>
    eceOf(binsOf(sorted.map(({ confidence }) => ({ confidence, right: random() < confidence ? 1 : 0 })))),
  )
  return { n: cases.length, ece: eceOf(bins), eceOfPerfect: mean(byChance), bins }
}

type Rated = { readonly confidence: number; readonly right: number }

function binsOf(sorted: readonly Rated[]): Bin[] {
  const levelled = level(sorted)
  const bins = Math.min(binCount, levelled.length)
  return Array.from({ length: bins }, (_, index) => {
    const inside = levelled.slice(
      Math.floor((index * levelled.length) / bins),
      Math.floor(((index + 1) * levelled.length) / bins),
    )
    return {
      n: inside.length,
      least: (inside[0] as Rated).confidence,
      most: (inside.at(-1) as Rated).confidence,
      said: mean(inside.map(({ confidence }) => confidence)),
      was: mean(inside.map(({ right }) => right)),
    }
  })
}

function eceOf(bins: readonly Bin[]): number {
  const n = bins.reduce((sum, bin) => sum + bin.n, 0)
  return bins.reduce((sum, bin) => sum + (bin.n / n) * Math.abs(bin.said - bin.was), 0)
}

/** Sorted cases, each with the mean outcome of those with its confidence. */
function level(sorted: readonly Rated[]): Rated[] {
  const levelled: Rated[] = []
  for (let first = 0; first < sorted.length; first = levelled.length) {
    const confidence = (sorted[first] as Rated).confidence
    let [next, right] = [first, 0]
    for (; sorted[next]?.confidence === confidence; next += 1) right += (sorted[next] as Rated).right
    for (let place = first; place < next; place += 1)
      levelled.push({ confidence, right: right / (next - first) })
  }
  return levelled
}

/** How often the most confident part was right. */
export type CoverageStep = { readonly coverage: number; readonly n: number; readonly accuracy: number }

/** Accuracy of the most confident 10, 25, 50 and 100 % (at least one case each); empty for no case. */
export function coverageOf(
  cases: readonly Said[],
  parts: readonly number[] = [0.1, 0.25, 0.5, 1],
): CoverageStep[] {
  if (cases.length === 0) return []
  const surest = level(
    cases
      .map(({ confidence, right }) => ({ confidence, right: right ? 1 : 0 }))
      .sort((a, b) => b.confidence - a.confidence),
  )
  return parts.map(coverage => {
    const n = Math.max(1, Math.round(coverage * surest.length))
    return { coverage, n, accuracy: mean(surest.slice(0, n).map(({ right }) => right)) }
  })
}
