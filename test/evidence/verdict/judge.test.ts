/** judge() and verdictOf() on passages whose chances are written out. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { neutral } from '../../../src/evidence/verdict/calibration.ts'
import { type Ground, judge, verdictOf } from '../../../src/evidence/verdict/judge.ts'
import { grounds, saying, thresholds } from './worlds.ts'

fc.configureGlobal({ seed: 1 })

describe('judge()', () => {
  test('gives a passage its calibrated chances, its stance and the chance of its likelier side', () => {
    const { passages } = judge(
      [saying(0, 0.7, 0.1), saying(0, 0.2, 0.5), saying(0, 0.2, 0.1), saying(0, 0.4, 0.4)],
      1,
      neutral,
    )
    expect(passages.map(({ stance }) => stance)).toEqual(['supports', 'refutes', 'neutral', 'neutral'])
    expect(passages.map(({ score }) => score)).toEqual(
      [0.7, 0.5, 0.2, 0.4].map(score => expect.closeTo(score, 12)),
    )
    expect(passages[0]?.chances).toEqual({
      supports: expect.closeTo(0.7, 12),
      refutes: expect.closeTo(0.1, 12),
      neither: expect.closeTo(0.2, 12),
    })
  })

  test('a source of one passage has its chances; of several, the best of either side', () => {
    const alone = judge([saying(1, 0.7, 0.1)], 3, neutral)
    expect(alone.sources[1]?.probabilities).toStrictEqual(alone.passages[0]?.chances)
    expect(alone.sources[1]?.relevance).toBeCloseTo(0.8, 12)
    expect(alone.sources[2]).toStrictEqual({
      relevance: 0,
      probabilities: { supports: 0, refutes: 0, neither: 1 },
    })
    const both = judge([saying(0, 0.6, 0.1), saying(0, 0.05, 0.65)], 1, neutral)
    const { probabilities } = both.sources[0] as (typeof both.sources)[number]
    expect(probabilities.supports / probabilities.neither).toBeCloseTo(0.6 / 0.3, 9)
    expect(probabilities.refutes / probabilities.neither).toBeCloseTo(0.65 / 0.3, 9)
  })

  test('temperature and biases do to log-chances what the calibration says', () => {
    const scale = { ...neutral, pair: { temperature: 2, biases: [0.5, -0.25, 0.1] as const } }
    const { chances } = judge([saying(0, 0.7, 0.1)], 1, scale).passages[0] as { chances: object }
    const weights = [0.7 ** 0.5 * Math.exp(0.5), 0.1 ** 0.5 * Math.exp(-0.25), 0.2 ** 0.5 * Math.exp(0.1)]
    const sum = weights.reduce((total, weight) => total + weight, 0)
    expect(Object.values(chances)).toEqual(weights.map(weight => expect.closeTo(weight / sum, 12)))
  })

  test('a claim leans to its strongest source, is disputed by two, and is open with none', () => {
    const claimOf = (...readings: Parameters<typeof judge>[0]) => judge(readings, 3, neutral).claim
    expect(claimOf(saying(0, 0.9, 0.02)).supports).toBeGreaterThan(0.7)
    expect(claimOf(saying(0, 0.9, 0.02), saying(1, 0.02, 0.9)).disputed).toBeGreaterThan(0.7)
    expect(claimOf().neither).toBeGreaterThan(0.8)
    expect(claimOf(saying(0, 0.01, 0.01))).toStrictEqual(claimOf())
  })

  test('a first source that says next to nothing is not missed, and a further one not noticed', () => {
    const [strong, faint] = [saying(0, 0.01, 0.9), saying(1, 0.009, 0.008)]
    expect(judge([strong, faint], 2, neutral).claim).toStrictEqual(judge([strong], 1, neutral).claim)
    expect(judge([], 0, neutral).claim).toStrictEqual(judge([], 3, neutral).claim)
  })

  test('says on what a verdict may stand', () => {
    const groundOf = (...readings: Parameters<typeof judge>[0]) => judge(readings, 3, neutral).ground
    expect(groundOf()).toEqual({ supports: 'none', refutes: 'none', figure: 'none' })
    expect(groundOf(saying(0, 0.4, 0.05), saying(1, 0.1, 0.8))).toEqual({
      supports: 'none',
      refutes: 'strong',
      figure: 'none',
    })
    expect(groundOf(saying(0, 0.5, 0.1), saying(1, 0.3, 0.1)).supports).toBe('bears')
  })

  test('a logit that is no number says nothing', () => {
    const odd = { ...saying(0, 0.5, 0.2), logits: [Number.NaN, 1, Number.NaN] as const }
    expect(judge([odd], 1, neutral).passages[0]).toMatchObject({ stance: 'neutral' })
    expect(judge([odd], 1, neutral).claim).toStrictEqual(judge([], 1, neutral).claim)
  })
})

describe('verdictOf()', () => {
  const claim = { supports: 0.7, refutes: 0.1, disputed: 0.05, neither: 0.15 }
  const both: Ground = { supports: 'strong', refutes: 'strong', figure: 'none' }

  test.each([
    [
      'gives the likeliest verdict with its chance',
      claim,
      0.6,
      both,
      { verdict: 'supported', confidence: 0.7, abstained: false },
    ],
    [
      'abstains under the threshold, and says what it leans to',
      claim,
      0.71,
      both,
      { verdict: 'not-enough-evidence', confidence: 0.15, abstained: true, leaning: 'supported' },
    ],
    [
      'abstains where no passage takes the side',
      claim,
      0.5,
      { ...both, supports: 'none' },
      { verdict: 'not-enough-evidence', abstained: true, leaning: 'supported' },
    ],
    [
      'never decides a figure that could not be checked',
      claim,
      0,
      { ...both, figure: 'open' },
      { verdict: 'not-enough-evidence', abstained: true, leaning: 'supported' },
    ],
    [
      'leans to no side that has no passage',
      claim,
      0,
      { supports: 'none', refutes: 'bears', figure: 'open' },
      { abstained: true },
    ],
    [
      'says not-enough-evidence where that is likely',
      { ...claim, supports: 0.15, neither: 0.7 },
      0.6,
      both,
      { verdict: 'not-enough-evidence', confidence: 0.7, abstained: false },
    ],
    [
      'abstains without leaning where that is likeliest but not likely',
      { ...claim, supports: 0.4, neither: 0.45 },
      0.6,
      both,
      { verdict: 'not-enough-evidence', confidence: 0.45, abstained: true },
    ],
    [
      'says disputed over strong passages on both sides',
      { ...claim, supports: 0.05, disputed: 0.7 },
      0.6,
      both,
      { verdict: 'disputed', confidence: 0.7, abstained: false },
    ],
    [
      'never says or leans to disputed without them',
      { ...claim, supports: 0.12, disputed: 0.63 },
      0.1,
      { ...both, refutes: 'bears' },
      { verdict: 'not-enough-evidence', abstained: false },
    ],
  ] as const)('%s', (_what, chances, threshold, ground, expected) => {
    const said = verdictOf(chances, threshold, ground)
    expect(said).toMatchObject(expected)
    expect('leaning' in said).toBe('leaning' in expected)
  })

  test('its confidence is the chance of its verdict, and reaches the threshold unless it abstains', () => {
    const weights = fc.tuple(...[0, 1, 2, 3].map(() => fc.double({ min: 0.001, max: 1, noNaN: true })))
    fc.assert(
      fc.property(weights, thresholds, grounds, (given, threshold, ground) => {
        const sum = given.reduce((total, weight) => total + weight, 0)
        const [supports, refutes, disputed, neither] = given.map(weight => weight / sum) as [
          number,
          number,
          number,
          number,
        ]
        const said = verdictOf({ supports, refutes, disputed, neither }, threshold, ground)
        const chances = { supported: supports, refuted: refutes, disputed, 'not-enough-evidence': neither }
        expect(said.confidence).toBe(chances[said.verdict])
        if (!said.abstained) expect(said.confidence).toBeGreaterThanOrEqual(threshold)
        else expect(said.verdict).toBe('not-enough-evidence')
        if (said.verdict === 'disputed' || said.leaning === 'disputed')
          expect(ground).toMatchObject({ supports: 'strong', refutes: 'strong' })
        if (said.leaning !== undefined) expect(said.abstained).toBe(true)
        if (ground.figure === 'open') expect(said.abstained).toBe(true)
      }),
    )
  })
})
