/** withFigures(): what arithmetic makes of a judgement by likeness. */
import { describe, expect, test } from 'vitest'
import type { Decision } from '../../../src/evidence/facts/fact.ts'
import { neutral } from '../../../src/evidence/verdict/calibration.ts'
import { figureCalibration, withFigures } from '../../../src/evidence/verdict/figures.ts'
import { judge, verdictOf } from '../../../src/evidence/verdict/judge.ts'
import { saying } from './worlds.ts'

const decision = (verdict: Decision['verdict']): Decision => ({
  verdict,
  spans: [],
  reason: '',
  compared: [],
})
const supported = judge([saying(0, 0.9, 0.02)], 2, neutral)
const calibration = { set: 'made up', n: 200, ece: 0.02, supports: 0.98, refutes: 0.91, disputed: 0.8 }

const sum = (chances: object) => Object.values(chances).reduce((total, chance) => total + chance, 0)

describe('withFigures()', () => {
  test.each([
    ['supports', 'supported', 0.98],
    ['refutes', 'refuted', 0.91],
    ['disputed', 'disputed', 0.8],
  ] as const)(
    '%s overrules what reads alike: %s, as often right as was measured',
    (said, verdict, confidence) => {
      const { claim, ground } = withFigures(supported, decision(said), { stated: true, calibration })
      expect(verdictOf(claim, 0.6, ground)).toEqual({ verdict, confidence, abstained: false })
      expect(sum(claim)).toBeCloseTo(1, 12)
    },
  )

  test('a stated figure on which arithmetic is silent is left open, with what the rest leans to', () => {
    const { claim, ground } = withFigures(supported, decision('silent'), { stated: true, calibration })
    expect(verdictOf(claim, 0, ground)).toEqual({
      verdict: 'not-enough-evidence',
      confidence: supported.claim.neither,
      abstained: true,
      leaning: 'supported',
    })
    expect(claim).toBe(supported.claim)
  })

  test('leaves a claim without a figure, and what passages and sources say, as it was', () => {
    expect(withFigures(supported, decision('silent'), { stated: false })).toBe(supported)
    const refuted = withFigures(supported, decision('refutes'), { stated: true })
    expect(refuted.passages).toBe(supported.passages)
    expect(refuted.sources).toBe(supported.sources)
  })

  test('the built-in shares are chances, and say what they were measured on', () => {
    const { ece, n, set, ...shares } = figureCalibration
    expect(set).not.toBe('')
    expect(n).toBeGreaterThan(0)
    expect(ece).toBeGreaterThan(0)
    for (const share of Object.values(shares)) {
      expect(share).toBeGreaterThan(0)
      expect(share).toBeLessThan(1)
    }
  })
})
