/** Cosine and maximal marginal relevance. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cosine, pickDiverse } from '../../src/evidence/rank.ts'

const number = fc.double({ min: -1e3, max: 1e3, noNaN: true })
const pair = fc
  .integer({ min: 1, max: 20 })
  .chain(length => fc.tuple(...[0, 1].map(() => fc.array(number, { minLength: length, maxLength: length }))))

describe('cosine()', () => {
  test('is 1 for a direction and itself, -1 for its opposite, 0 for a right angle and for zero', () => {
    expect(cosine(Float32Array.of(1, 2), Float32Array.of(2, 4))).toBeCloseTo(1, 12)
    expect(cosine(Float32Array.of(1, 2), Float32Array.of(-1, -2))).toBeCloseTo(-1, 12)
    expect(cosine(Float32Array.of(1, 0), Float32Array.of(0, 3))).toBe(0)
    expect(cosine(Float32Array.of(0, 0), Float32Array.of(1, 1))).toBe(0)
  })

  test('stays between -1 and 1 and does not care for order', () => {
    fc.assert(
      fc.property(pair, ([a = [], b = []]) => {
        const [x, y] = [Float32Array.from(a), Float32Array.from(b)]
        const value = cosine(x, y)
        expect(Math.abs(value)).toBeLessThanOrEqual(1)
        expect(cosine(y, x)).toBe(value)
        expect(cosine(x, x)).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('refuses vectors of different lengths', () => {
    expect(() => cosine(new Float32Array(2), new Float32Array(3))).toThrow(RangeError)
  })
})

describe('pickDiverse()', () => {
  const points = [0.9, 0.89, 0.6]
  /** The first two say the same; the third is different. */
  const likeness = (a: number, b: number) => (a < 2 && b < 2 ? 0.99 : 0.1)

  test('takes the second best that is new before the one that repeats the best', () => {
    expect(pickDiverse(points, likeness, { limit: 2 })).toEqual([0, 2])
    expect(pickDiverse(points, likeness, { limit: 2, balance: 1 })).toEqual([0, 1])
    expect(pickDiverse(points, likeness, { limit: 9 })).toEqual([0, 2, 1])
  })

  test('picks each at most once, the best first, never more than the limit', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.integer({ min: 0, max: 100 }).map(score => score / 100),
          { maxLength: 20 },
        ),
        fc.integer({ min: 0, max: 25 }),
        (relevance, limit) => {
          const picks = pickDiverse(relevance, (a, b) => ((a * 7 + b * 7) % 10) / 10, { limit })
          expect(new Set(picks).size).toBe(picks.length)
          expect(picks).toHaveLength(Math.min(limit, relevance.length))
          if (picks.length > 0) expect(relevance[picks[0] as number]).toBe(Math.max(...relevance))
        },
      ),
    )
  })

  test('of equals takes the first', () => {
    expect(pickDiverse([0.5, 0.5, 0.5], () => 0, { limit: 1 })).toEqual([0])
    expect(pickDiverse([], () => 0, { limit: 3 })).toEqual([])
  })
})
