/**
 * Figures as intervals, and one held against another: inside is support, apart is refutation, anything
 * between is not sure. Versions are compared part by part.
 *
 * Rounding follows the digits the claim gives: a claimed 12 % is met by 12.4 % and by 11.5 %, a claimed 12.0 %
 * is not. Counts are never rounded. "About" allows `aboutShare` of the figure to either side. A source that
 * gives fewer digits than the claim neither supports nor refutes within its own rounding.
 */
import type { Comparison } from './fact.ts'
import { clean, type Quantity } from './quantity.ts'

/** How far from "about 100" a value may lie: from 95 to 105. Beyond twice that it is refuted. */
export const aboutShare = 0.05

/** What one comparison came to. */
export type Stance = 'supports' | 'refutes' | 'silent'

type Interval = {
  readonly low: number
  readonly high: number
  readonly lowOpen: boolean
  readonly highOpen: boolean
}

/** Parts compared as numbers: 1.10.0 comes after 1.9.4. Missing parts are 0. */
export function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index += 1) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

type Figure = {
  readonly quantity?: Quantity
  /** The other end of a range. */
  readonly other?: Quantity
  readonly comparison: Comparison
}

/** What a source's figure says to a claimed one of the same dimension. */
export function hold(claim: Figure, found: Figure): Stance {
  if (claim.quantity === undefined || found.quantity === undefined) return 'silent'
  if (claim.quantity.dimension !== found.quantity.dimension) return 'silent'
  if (claim.quantity.dimension === 'version') return holdVersion(claim.quantity, claim.comparison, found)
  const claimed = intervalOf(claim.quantity, claim.other, claim.comparison, true)
  const seen = intervalOf(found.quantity, found.other, found.comparison, false)
  if (inside(seen, claimed)) return 'supports'
  if (!apart(seen, claimed)) return 'silent'
  if (claim.comparison === 'about') {
    const wide = Math.abs(claim.quantity.value) * aboutShare * 2 + claim.quantity.slack
    return Math.abs(found.quantity.value - claim.quantity.value) > wide ? 'refutes' : 'silent'
  }
  if (claim.comparison === 'exact') {
    // The source may itself be rounded, or the claim to round tens: then it is not sure.
    const hidden =
      found.quantity.dimension === 'number' && found.quantity.slack === 0 ? 0 : found.quantity.slack
    const rounded = found.quantity.slack === 0 ? roundness(claim.quantity) : 0
    if (Math.abs(found.quantity.value - claim.quantity.value) <= Math.max(hidden, rounded)) return 'silent'
  }
  return 'refutes'
}

/** Half of the last digit that is not 0 of a count of four digits and more: 1,200 may stand for 1,234. */
function roundness({ value, dimension }: Quantity): number {
  if (dimension !== 'number' || Math.abs(value) < 1000 || value % 100 !== 0) return 0
  return value % 1000 === 0 ? 500 : 50
}

function holdVersion(claim: Quantity, comparison: Comparison, found: Figure): Stance {
  if (found.comparison !== 'exact') return 'silent'
  const wanted = claim.version ?? []
  const seen = found.quantity?.version ?? []
  const difference = compareVersions(seen, wanted)
  if (comparison === 'exact') {
    // "Release 4.2" holds 4.2.1; "4.2.1" may be what a source calls 4.2.
    const shared = Math.min(seen.length, wanted.length)
    if (difference === 0) return 'supports'
    return compareVersions(seen.slice(0, shared), wanted.slice(0, shared)) === 0 ? 'silent' : 'refutes'
  }
  const holds = {
    under: difference < 0,
    'at-most': difference <= 0,
    over: difference > 0,
    'at-least': difference >= 0,
  }
  if (comparison === 'between' || comparison === 'about') return 'silent'
  return holds[comparison] ? 'supports' : 'refutes'
}

function intervalOf(
  quantity: Quantity,
  other: Quantity | undefined,
  comparison: Comparison,
  claimed: boolean,
): Interval {
  const { value, slack, dimension } = quantity
  const least = dimension === 'temperature' || dimension === 'points' || value < 0 ? -Infinity : 0
  switch (comparison) {
    case 'under':
      return { low: least, high: value, lowOpen: false, highOpen: true }
    case 'at-most':
      return { low: least, high: value, lowOpen: false, highOpen: false }
    case 'over':
      return { low: value, high: Infinity, lowOpen: true, highOpen: true }
    case 'at-least':
      return { low: value, high: Infinity, lowOpen: false, highOpen: true }
    case 'between': {
      const end = other?.value ?? value
      return { low: Math.min(value, end), high: Math.max(value, end), lowOpen: false, highOpen: false }
    }
    case 'about': {
      const width = Math.max(Math.abs(value) * aboutShare, slack)
      return { low: clean(value - width), high: clean(value + width), lowOpen: false, highOpen: false }
    }
    case 'exact': {
      const width = claimed ? slack : 0
      return { low: clean(value - width), high: clean(value + width), lowOpen: false, highOpen: width > 0 }
    }
  }
}

const inside = (a: Interval, b: Interval): boolean =>
  (a.low > b.low || (a.low === b.low && (!b.lowOpen || a.lowOpen))) &&
  (a.high < b.high || (a.high === b.high && (!b.highOpen || a.highOpen)))

const apart = (a: Interval, b: Interval): boolean =>
  a.high < b.low ||
  a.low > b.high ||
  (a.high === b.low && (a.highOpen || b.lowOpen)) ||
  (a.low === b.high && (a.lowOpen || b.highOpen))
