/** What a batch is predicted to take, from what others took; and percentiles of a stream. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { CostModel, patienceMs } from '../../src/pool/cost-model.ts'
import { Histogram } from '../../src/pool/histogram.ts'

describe('CostModel', () => {
  test('knows nothing of an operation it has not seen', () => {
    const model = new CostModel()
    expect(model.predict('embed', 100)).toBe(0)
    expect(model.tokensWithin('embed', 50)).toBe(Number.POSITIVE_INFINITY)
  })

  test('finds both coefficients of a line, whatever they are', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0.01, max: 5, noNaN: true }),
        fc.double({ min: 0, max: 50, noNaN: true }),
        (slope, fixed) => {
          const model = new CostModel()
          for (let index = 0; index < 40; index += 1) {
            const tokens = 10 + ((index * 37) % 200)
            model.learn('embed', tokens, slope * tokens + fixed)
          }
          const fit = model.fit('embed')
          expect(fit.perTokenMs).toBeCloseTo(slope, 6)
          expect(fit.fixedMs).toBeCloseTo(fixed, 4)
          expect(model.tokensWithin('embed', fixed + 100 * slope)).toBeCloseTo(100, 3)
        },
      ),
    )
  })

  test('holds all of the time for fixed while batches are alike', () => {
    const model = new CostModel()
    for (let index = 0; index < 50; index += 1) model.learn('echo', 4, 50)
    expect(model.fit('echo')).toEqual({ perTokenMs: 0, fixedMs: expect.closeTo(50, 6) })
    expect(model.tokensWithin('echo', 10)).toBe(Number.POSITIVE_INFINITY)
  })

  test('follows a machine that slows down', () => {
    const model = new CostModel()
    for (let index = 0; index < 100; index += 1)
      model.learn('embed', 50 + (index % 7) * 30, 50 + (index % 7) * 30)
    for (let index = 0; index < 200; index += 1)
      model.learn('embed', 50 + (index % 7) * 30, 3 * (50 + (index % 7) * 30))
    expect(model.predict('embed', 100)).toBeGreaterThan(270)
  })
})

describe('Histogram', () => {
  test('gives each quantile within 5 % of the nearest rank', () => {
    fc.assert(
      fc.property(
        fc.array(fc.double({ min: 0.01, max: 10_000, noNaN: true }), { minLength: 1, maxLength: 300 }),
        values => {
          const histogram = new Histogram()
          for (const value of values) histogram.note(value)
          const sorted = values.toSorted((a, b) => a - b)
          for (const q of [0.5, 0.95, 0.99]) {
            const exact = sorted[Math.ceil(q * sorted.length) - 1] as number
            const ratio = histogram.quantile(q) / exact
            expect(ratio).toBeGreaterThan(0.95)
            expect(ratio).toBeLessThan(1.05)
          }
          expect(histogram.percentiles).toMatchObject({ count: values.length, maxMs: sorted.at(-1) })
        },
      ),
    )
  })

  test('is all zeros while nothing was noted', () => {
    expect(new Histogram().percentiles).toEqual({
      count: 0,
      meanMs: 0,
      p50Ms: 0,
      p95Ms: 0,
      p99Ms: 0,
      maxMs: 0,
    })
  })
})

describe('patienceMs()', () => {
  const options = { hangFloorMs: 20_000, hangFactor: 20 }

  test('is a floor, or a multiple of what a batch is predicted to take', () => {
    expect(patienceMs(options, 0, false)).toBe(20_000)
    expect(patienceMs(options, 5000, false)).toBe(100_000)
  })

  test('is for one step where there are many, whatever the whole is predicted to take', () => {
    expect(patienceMs(options, 0, true)).toBe(60_000)
    expect(patienceMs(options, 600_000, true)).toBe(60_000)
  })
})
