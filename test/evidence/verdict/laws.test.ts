/** Laws of judging: what a change of the passages may do to the claim's chances and its verdict, and what not. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { irrelevantBelow, judge, verdictOf } from '../../../src/evidence/verdict/judge.ts'
import { evenScales, faint, logits, reading, readings, scales, sources, thresholds } from './worlds.ts'

fc.configureGlobal({ seed: 1 })

const opposite = { supported: 'refuted', refuted: 'supported', disputed: 'disputed' } as const

describe('a judgement', () => {
  test('is made of chances that add up to 1', () => {
    fc.assert(
      fc.property(readings, scales, (given, scale) => {
        const { claim, passages, sources: judged } = judge(given, sources, scale)
        const all = [
          claim,
          ...passages.map(({ chances }) => chances),
          ...judged.map(each => each.probabilities),
        ]
        for (const chances of all) {
          expect(Object.values(chances).reduce((sum, chance) => sum + chance, 0)).toBeCloseTo(1, 12)
          for (const chance of Object.values(chances)) expect(chance).toBeGreaterThanOrEqual(0)
        }
        for (const [place, { probabilities, relevance }] of judged.entries()) {
          expect(relevance).toBeCloseTo(1 - probabilities.neither, 12)
          if (!given.some(({ source }) => source === place)) expect(probabilities.neither).toBe(1)
        }
      }),
    )
  })

  test('is the same, to the last bit, for any order of passages and sources', () => {
    const world = readings.chain(given =>
      fc.record({
        given: fc.constant(given),
        shuffled: fc.shuffledSubarray(given, { minLength: given.length }),
        places: fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
      }),
    )
    fc.assert(
      fc.property(world, scales, ({ given, shuffled, places }, scale) => {
        const { claim, ground, sources: judged } = judge(given, sources, scale)
        const moved = shuffled.map(each => ({ ...each, source: places[each.source] as number }))
        const again = judge(moved, sources, scale)
        expect(again.claim).toStrictEqual(claim)
        expect(again.ground).toStrictEqual(ground)
        expect(places.map(place => again.sources[place])).toStrictEqual(judged)
      }),
    )
  })

  test('is the same, to the last bit, where a source or a passage is repeated', () => {
    fc.assert(
      fc.property(readings, fc.nat({ max: sources - 1 }), scales, (given, place, scale) => {
        const once = judge(given, sources, scale)
        const copies = given.filter(({ source }) => source === place)
        const copied = copies.map(each => ({ ...each, source: sources }))
        const twice = judge([...given, ...copied], sources + 1, scale)
        expect(twice.claim).toStrictEqual(once.claim)
        expect(twice.ground).toStrictEqual(once.ground)
        expect(twice.sources[sources]).toStrictEqual(once.sources[place])
        expect(judge([...given, ...copies], sources, scale).claim).toStrictEqual(once.claim)
      }),
    )
  })

  test('changes sides, to the last bit, where supports and refutes are exchanged in every passage', () => {
    fc.assert(
      fc.property(readings, evenScales, thresholds, (given, scale, threshold) => {
        const exchanged = given.map(each => {
          const [supports, refutes, neither] = each.logits
          return { ...each, logits: [refutes, supports, neither] as const }
        })
        const { claim, ground } = judge(given, sources, scale)
        const other = judge(exchanged, sources, scale)
        expect(other.claim).toStrictEqual({ ...claim, supports: claim.refutes, refutes: claim.supports })
        fc.pre(claim.supports !== claim.refutes)
        const said = verdictOf(claim, threshold, ground)
        const { leaning, verdict } = said
        expect(verdictOf(other.claim, threshold, other.ground)).toStrictEqual({
          ...said,
          verdict: verdict === 'not-enough-evidence' ? verdict : opposite[verdict],
          ...(leaning === undefined ? {} : { leaning: opposite[leaning] }),
        })
      }),
    )
  })
})

describe('a passage more', () => {
  test('changes no bit of the claim where it hardly bears on it', () => {
    fc.assert(
      fc.property(readings, scales, faint(irrelevantBelow - 1e-4), (given, scale, irrelevant) => {
        const before = judge(given, sources, scale)
        const after = judge([...given, irrelevant(scale)], sources, scale)
        expect(after.passages.at(-1)?.chances.neither).toBeGreaterThan(1 - irrelevantBelow)
        expect(after.claim).toStrictEqual(before.claim)
        expect(after.ground).toStrictEqual(before.ground)
      }),
    )
  })

  test('never turns a verdict round where it says next to nothing', () => {
    let verdicts = 0
    const few = fc.array(reading, { minLength: 1, maxLength: 3 })
    const least = fc.double({ min: 0.5, max: 0.9, noNaN: true })
    fc.assert(
      fc.property(few, scales, faint(0.25), least, (given, scale, irrelevant, threshold) => {
        const before = judge(given, sources, scale)
        const was = verdictOf(before.claim, threshold, before.ground)
        if (was.verdict === 'not-enough-evidence') return
        verdicts += 1
        const after = judge([...given, irrelevant(scale)], sources, scale)
        const is = verdictOf(after.claim, threshold, after.ground)
        expect([was.verdict, 'not-enough-evidence']).toContain(is.verdict)
      }),
      { numRuns: 4000 },
    )
    expect(verdicts).toBeGreaterThan(50)
  })

  test('of no kind lowers the chance that its side has, and a stronger one never has less of it', () => {
    fc.assert(
      fc.property(
        readings,
        reading,
        logits,
        scales,
        fc.double({ min: 0, max: 4, noNaN: true }),
        (given, each, [supports, refutes, neither], scale, more) => {
          const claimOf = (side: number) =>
            judge([...given, { ...each, logits: [side, refutes, neither] }], sources, scale).claim
          const [less, stronger] = [claimOf(supports), claimOf(supports + more)]
          expect(stronger.supports).toBeGreaterThanOrEqual(less.supports - 1e-12)
          expect(stronger.refutes).toBeLessThanOrEqual(less.refutes + 1e-12)
        },
      ),
    )
  })
})
