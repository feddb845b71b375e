/**
 * From passages to a source to the claim. Pure, and the same for any order of passages and sources: nothing
 * is added up, only the strongest counts, so that a repeated source is no more evidence.
 *
 *   passage   odds of its logits, calibrated
 *   source    the best odds on either side among its passages
 *   claim     the best chance on either side among its sources, each side on its own, calibrated
 *
 * What hardly bears on the claim counts as a source that says next to nothing, which is always there: so an
 * irrelevant passage changes no bit of the claim's chances.
 */
import type { Scales } from './calibration.ts'
import {
  type Chances,
  type ClaimChances,
  chancesOfOdds,
  claimChancesOf,
  type Odds,
  oddsOfLogits,
  scaledOdds,
} from './chances.ts'

/** A passage as a verifier read it. */
export type PassageReading = {
  /** Place of its source. */
  readonly source: number
  readonly start: number
  readonly end: number
  readonly text: string
  /** Cosine or overlap with the claim; it decides nothing here. */
  readonly relevance: number
  /** Of supports, refutes, neither. */
  readonly logits: readonly [number, number, number]
}

/** What a passage says to the claim. */
export type PassageStance = 'supports' | 'refutes' | 'neutral'

/** A passage's chances and what follows from them. */
export type JudgedPassage = {
  readonly chances: Chances
  /** A side where it more likely than not takes one, and that one rather than the other. */
  readonly stance: PassageStance
  /** Chance of the likelier side. */
  readonly score: number
}

/** A source's chances, and how likely it is to bear on the claim at all. */
export type JudgedSource = { readonly relevance: number; readonly probabilities: Chances }

/** Whether a side has a passage that takes it: none, one more likely than not, or a strong one. */
export type Standing = 'none' | 'bears' | 'strong'

/** What a verdict may stand on. */
export type Ground = {
  readonly supports: Standing
  readonly refutes: Standing
  /** Whether arithmetic has decided; `open` where the claim states a figure that it could not decide. */
  readonly figure: 'none' | 'decided' | 'open'
}

/** What is made of the readings, place by place, and of all together. */
export type Judgement = {
  readonly sources: readonly JudgedSource[]
  readonly passages: readonly JudgedPassage[]
  readonly claim: ClaimChances
  readonly ground: Ground
}

/** A passage with this chance of a side is strong. */
export const strongFrom = 0.6

/** What bears on the claim with less than this chance counts for nothing. */
export const irrelevantBelow = 0.02

const leastOdds = Math.log(irrelevantBelow / (1 - irrelevantBelow))

const silent: Odds = { supports: Number.NEGATIVE_INFINITY, refutes: Number.NEGATIVE_INFINITY }

/**
 * @param sources how many there are; a reading's `source` is a place among them.
 * @returns sources by place, passages in the order of the readings.
 */
export function judge(readings: readonly PassageReading[], sources: number, scales: Scales): Judgement {
  const odds = readings.map(({ logits }) => scaledOdds(oddsOfLogits(logits), scales.pair))
  const best: Odds[] = Array.from({ length: sources }, () => silent)
  for (const [index, { source }] of readings.entries()) {
    const each = best[source]
    if (each !== undefined) best[source] = strongest(each, odds[index] as Odds)
  }
  const passages = odds.map(judgedPassage)
  return {
    sources: best.map(judgedSource),
    passages,
    claim: claimChancesOf(claimOdds(best), scales.claim),
    ground: {
      supports: standingOf(passages, 'supports'),
      refutes: standingOf(passages, 'refutes'),
      figure: 'none',
    },
  }
}

/** The odds of a claim, before its own calibration: of being supported, and of being refuted, each on its own. */
export function claimOdds(sources: readonly Odds[]): Odds {
  return [silent, ...sources].map(ownOdds).reduce(strongest)
}

/** ln(P / (1 - P)) of either side of one source. */
function ownOdds(odds: Odds): Odds {
  const supports = Math.max(leastOdds, odds.supports)
  const refutes = Math.max(leastOdds, odds.refutes)
  return {
    supports: supports - Math.log1p(Math.exp(refutes)),
    refutes: refutes - Math.log1p(Math.exp(supports)),
  }
}

const strongest = (a: Odds, b: Odds): Odds => ({
  supports: Math.max(a.supports, b.supports),
  refutes: Math.max(a.refutes, b.refutes),
})

function judgedPassage(odds: Odds): JudgedPassage {
  const chances = chancesOfOdds(odds)
  const { supports, refutes, neither } = chances
  const side = supports > refutes ? 'supports' : refutes > supports ? 'refutes' : 'neutral'
  return { chances, stance: neither < 0.5 ? side : 'neutral', score: Math.max(supports, refutes) }
}

function judgedSource(odds: Odds): JudgedSource {
  const probabilities = chancesOfOdds(odds)
  return { relevance: probabilities.supports + probabilities.refutes, probabilities }
}

function standingOf(passages: readonly JudgedPassage[], side: 'supports' | 'refutes'): Standing {
  const taking = passages.filter(({ stance }) => stance === side)
  if (taking.some(({ score }) => score >= strongFrom)) return 'strong'
  return taking.length > 0 ? 'bears' : 'none'
}

/** What is made of a claim's chances. */
export type ClaimVerdict = {
  readonly verdict: 'supported' | 'refuted' | 'disputed' | 'not-enough-evidence'
  /** Calibrated probability of that verdict. */
  readonly confidence: number
  /** True where it was too close to decide. */
  readonly abstained: boolean
  /** Where it abstained: the verdict that it would have been; absent where that is not-enough-evidence, too. */
  readonly leaning?: 'supported' | 'refuted' | 'disputed'
}

/**
 * The likeliest verdict where its chance reaches the threshold and it has something to stand on: a side needs
 * a passage that takes it, disputed a strong one on either side. Else it abstains.
 */
export function verdictOf(claim: ClaimChances, threshold: number, ground: Ground): ClaimVerdict {
  const { likely, chance } = likeliest(claim, ground)
  const neither = { verdict: 'not-enough-evidence', confidence: claim.neither } as const
  if (ground.figure === 'open') {
    const leaning = sideOf(claim, ground)
    return { ...neither, abstained: true, ...(leaning === undefined ? {} : { leaning }) }
  }
  if (likely === 'not-enough-evidence') return { ...neither, abstained: chance < threshold }
  return chance >= threshold && stands(likely, ground)
    ? { verdict: likely, confidence: chance, abstained: false }
    : { ...neither, abstained: true, leaning: likely }
}

type Likely = { readonly likely: ClaimVerdict['verdict']; readonly chance: number }

/** Of equally likely ones the more careful. */
function likeliest(claim: ClaimChances, ground: Ground): Likely {
  const candidates: Likely[] = [
    { likely: 'not-enough-evidence', chance: claim.neither },
    ...(stands('disputed', ground) ? [{ likely: 'disputed' as const, chance: claim.disputed }] : []),
    { likely: 'refuted', chance: claim.refutes },
    { likely: 'supported', chance: claim.supports },
  ]
  return candidates.reduce((best, each) => (each.chance > best.chance ? each : best))
}

/** The likelier side that has a passage. */
function sideOf(claim: ClaimChances, ground: Ground): 'supported' | 'refuted' | undefined {
  const side = claim.supports > claim.refutes ? 'supported' : 'refuted'
  return claim.supports !== claim.refutes && stands(side, ground) ? side : undefined
}

function stands(verdict: 'supported' | 'refuted' | 'disputed', { supports, refutes }: Ground): boolean {
  switch (verdict) {
    case 'supported':
      return supports !== 'none'
    case 'refuted':
      return refutes !== 'none'
    case 'disputed':
      return supports === 'strong' && refutes === 'strong'
  }
}
