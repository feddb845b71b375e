/**
 * What arithmetic makes of a judgement. A figure that was checked overrules what reads alike; a figure that
 * could not be checked is never decided by likeness, which hardly tells 200 ms from 900 ms.
 */
import type { Decision } from '../facts/fact.ts'
import type { ClaimChances } from './chances.ts'
import type { Judgement } from './judge.ts'

/** How often the arithmetic is right, for each thing that it says. */
export type FigureCalibration = {
  /** Name of what it was measured on. */
  readonly set: string
  /** Claims that it was measured on; 0 where the figures are set by hand. */
  readonly n: number
  /** How far a share of so few verdicts is off by chance, on average. */
  readonly ece: number
  /** Share of its verdicts that are right. */
  readonly supports: number
  readonly refutes: number
  readonly disputed: number
}

/**
 * Measured once on claims that were written for it and that no maker of the checkers had seen: 72 of 79 supports
 * and 39 of 49 refutes were right, over the claims and their altered forms (one more of either kind added to both
 * outcomes). Some of the wrong ones were mended since, so this is no more than it says. None was disputed; that one
 * is set by hand.
 */
export const figureCalibration: FigureCalibration = {
  set: 'test/golden/calibration-claims.jsonl',
  n: 128,
  ece: 0.03,
  supports: 0.9,
  refutes: 0.78,
  disputed: 0.65,
}

/** What the arithmetic has to be told. */
export type FigureSettings = {
  /** Whether the claim states a figure, which then has to be checked. */
  readonly stated: boolean
  readonly calibration?: FigureCalibration
}

/** `judgement` as it stands once the arithmetic has spoken. Passages and sources keep what they say as prose. */
export function withFigures(judgement: Judgement, decision: Decision, settings: FigureSettings): Judgement {
  const { stated, calibration = figureCalibration } = settings
  const { verdict } = decision
  if (verdict !== 'silent') {
    const both = verdict === 'disputed'
    return {
      ...judgement,
      claim: decided(verdict, calibration[verdict]),
      ground: {
        supports: both || verdict === 'supports' ? 'strong' : 'none',
        refutes: both || verdict === 'refutes' ? 'strong' : 'none',
        figure: 'decided',
      },
    }
  }
  if (!stated) return judgement
  // The chances stand: how often such claims are supported, a calibration learns as of any other.
  return { ...judgement, ground: { ...judgement.ground, figure: 'open' } }
}

/** What is not said is shared out evenly. */
function decided(verdict: 'supports' | 'refutes' | 'disputed', chance: number): ClaimChances {
  const rest = (1 - chance) / 3
  return { supports: rest, refutes: rest, disputed: rest, neither: rest, [verdict]: chance }
}
