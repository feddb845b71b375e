/** What an effect will take: the table of the cost model, curves through samples, blends with what was measured. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { noCost } from '../../src/plan/cost.ts'
import {
  blended,
  calibrated,
  defaultCostModel,
  defaultUsage,
  effectNanoUsd,
  effectTimeMs,
  estimateEffect,
  expectedWithin,
  fitTime,
  measuredShareOf,
  reliabilityOf,
  spanOf,
} from '../../src/plan/estimate.ts'
import type { Cost } from '../../src/plan/node.ts'

const profile = (runs: number, failures: number, cost: Partial<Cost>, p95Ms = 0) => ({
  runs,
  failures,
  cost: { ...noCost, ...cost },
  p95Ms,
})

describe('the cost model', () => {
  test.each([
    [1, 110, 1000],
    [2, 120, 1414],
    [5, 150, 2236],
    [10, 200, 3162],
    [100, 1100, 10_000],
  ])('gives %i units the cost %i and %i ms, as in the table', (units, cost, ms) => {
    expect(effectNanoUsd(defaultCostModel, units)).toBe(cost)
    expect(Math.trunc(effectTimeMs(defaultCostModel, units))).toBe(ms)
  })

  test('multiplies money by complexity and domain, time by complexity', () => {
    const model = { ...defaultCostModel, complexityMultiplier: 1.5, domainCostFactor: 2 }
    expect(effectNanoUsd(model, 10)).toBe(600)
    expect(Math.trunc(effectTimeMs(model, 10))).toBe(4743)
  })

  test('gives no units the base cost and the base time, which is never nothing', () => {
    expect(effectNanoUsd(defaultCostModel, 0)).toBe(100)
    expect(effectTimeMs(defaultCostModel, 0)).toBe(1000)
    const model = { ...defaultCostModel, baseDurationMs: 300 }
    expect(effectTimeMs(model, 0)).toBe(300)
    expect(effectTimeMs(model, 4)).toBe(2300)
  })

  test('rounds money up, but not for the rounding of a product', () => {
    const model = { ...defaultCostModel, complexityMultiplier: 1.1 }
    expect(110 * 1.1).toBeGreaterThan(121)
    expect(effectNanoUsd(model, 1)).toBe(121)
    expect(effectNanoUsd({ ...model, complexityMultiplier: 1.25 }, 1)).toBe(138)
  })

  test('never gives more units less money or time', () => {
    const figure = fc.double({ min: 0, max: 1e4, noNaN: true })
    fc.assert(
      fc.property(
        fc.record({
          baseCost: figure,
          resourceCostPerUnit: figure,
          complexityMultiplier: figure,
          domainCostFactor: figure,
          estimatedDurationMs: figure,
          baseDurationMs: figure,
          growth: fc.constantFrom('root' as const, 'linear' as const),
        }),
        fc.nat(1000),
        fc.nat(1000),
        (model, units, more) => {
          expect(effectNanoUsd(model, units + more)).toBeGreaterThanOrEqual(effectNanoUsd(model, units))
          expect(effectTimeMs(model, units + more)).toBeGreaterThanOrEqual(effectTimeMs(model, units))
        },
      ),
    )
  })

  test.each([-1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %d units', units => {
    const refusal = expect.objectContaining({ code: 'ER_INPUT' })
    expect(() => effectNanoUsd(defaultCostModel, units)).toThrow(refusal)
    expect(() => effectTimeMs(defaultCostModel, units)).toThrow(refusal)
    expect(() => fitTime([{ units, ms: 1 }])).toThrow(refusal)
  })
})

describe('fitTime()', () => {
  test('finds the curve that the samples lie on, of either kind', () => {
    const figure = fc.double({ min: 0.1, max: 100, noNaN: true })
    fc.assert(
      fc.property(fc.constantFrom('root' as const, 'linear' as const), figure, figure, (growth, a, b) => {
        const grown = growth === 'root' ? Math.sqrt : (units: number) => units
        const samples = [0, 1, 4, 20, 100].map(units => ({ units, ms: a + b * grown(units) }))
        expect(fitTime(samples)).toEqual({
          growth,
          fixedMs: expect.closeTo(a, 4),
          perUnitMs: expect.closeTo(b, 4),
        })
      }),
    )
  })

  test('takes the root where two sizes fit both', () => {
    expect(fitTime([1, 9].map(units => ({ units, ms: 10 * Math.sqrt(units) })))).toMatchObject({
      growth: 'root',
      perUnitMs: expect.closeTo(10, 6),
    })
  })

  test('gives neither a negative start nor a negative slope', () => {
    const falling = [1, 2, 3, 4].map(units => ({ units, ms: 100 - units }))
    expect(fitTime(falling)).toMatchObject({ perUnitMs: 0, fixedMs: 97.5 })
    const late = [1, 2, 3, 4].map(units => ({ units, ms: Math.max(0, 10 * units - 15) }))
    expect(fitTime(late)).toEqual({
      growth: 'linear',
      fixedMs: 0,
      perUnitMs: expect.closeTo(155 / 30, 9),
    })
  })

  test('tells no slope from one size, and nothing from nothing', () => {
    expect(fitTime([])).toBeUndefined()
    expect(fitTime([3, 3, 3].map(units => ({ units, ms: 7 })))).toBeUndefined()
  })
})

describe('calibrated()', () => {
  const samples = [1, 4, 16, 64, 100].map(units => ({ units, ms: 5 + 2 * units }))

  test('is the model itself without samples', () => {
    expect(calibrated(defaultCostModel, [])).toBe(defaultCostModel)
  })

  test('predicts what enough samples say, whatever the complexity', () => {
    const model = calibrated({ ...defaultCostModel, complexityMultiplier: 3 }, samples)
    for (const { units, ms } of samples) expect(effectTimeMs(model, units)).toBeCloseTo(ms, 6)
    expect(effectTimeMs(model, 0)).toBeCloseTo(5, 6)
    expect(effectNanoUsd(model, 1)).toBe(330)
  })

  test('is moved by a few samples and keeps its shape', () => {
    const model = calibrated(defaultCostModel, [{ units: 4, ms: 1000 }])
    // One of five: a fifth of the way from 2000 ms to 1000 ms.
    expect(effectTimeMs(model, 4)).toBeCloseTo(1800, 6)
    expect(effectTimeMs(model, 16)).toBeCloseTo(3600, 6)
  })

  test('meets the mean of many samples of one size', () => {
    const model = calibrated(defaultCostModel, Array(9).fill({ units: 4, ms: 50 }))
    expect(effectTimeMs(model, 4)).toBeCloseTo(50, 6)
  })
})

describe('estimateEffect()', () => {
  test('is the model and the default usage while nothing was measured', () => {
    const { cost, usage, measuredShare } = estimateEffect(defaultCostModel, 1, { nowMs: 500 })
    expect(cost).toEqual({ nanoUsd: 110, timeMs: 1000, workerMs: 1000, memoryBytes: 2 ** 20 })
    expect(usage).toEqual({ ...defaultUsage, estimatedCompletionMs: 1500 })
    expect(measuredShare).toBe(0)
  })

  test('is what was measured after enough runs, and between the two before', () => {
    const figures = { nanoUsd: 10, timeMs: 200, workerMs: 100, memoryBytes: 2 ** 22 }
    const at = (runs: number) => estimateEffect(defaultCostModel, 1, { measured: profile(runs, 0, figures) })
    expect(at(5)).toMatchObject({ cost: figures, measuredShare: 1 })
    expect(at(2).cost).toEqual({ nanoUsd: 70, timeMs: 680, workerMs: 640, memoryBytes: 2 ** 20 * 2.2 })
    expect(at(5).usage).toMatchObject({ cpuTimeMs: 100, storageBytes: 2 ** 19, estimatedCompletionMs: 200 })
  })

  test('gives sizes that are known', () => {
    const { usage } = estimateEffect(defaultCostModel, 1, { usage: { networkBytes: 7 } })
    expect(usage).toMatchObject({ networkBytes: 7, storageBytes: 2 ** 19 })
  })
})

describe('what was measured', () => {
  test('counts by its successful runs', () => {
    expect(measuredShareOf(undefined)).toBe(0)
    expect(measuredShareOf(profile(100, 100, {}))).toBe(0)
    expect(measuredShareOf(profile(4, 2, {}))).toBe(0.4)
    expect(measuredShareOf(profile(900, 2, {}))).toBe(1)
    expect(measuredShareOf(profile(4, 0, {}), 4)).toBe(1)
  })

  test('of reliability begins with trust and follows the runs', () => {
    expect(reliabilityOf({ runs: 0, failures: 0 })).toBe(1)
    expect(reliabilityOf({ runs: 4, failures: 4 })).toBe(0.5)
    expect(reliabilityOf({ runs: 996, failures: 498 })).toBeCloseTo(0.5, 2)
  })

  test('blends to either end without rounding', () => {
    expect(blended(0.1, 0.3, 0)).toBe(0.1)
    expect(blended(0.1, 0.3, 1)).toBe(0.3)
    expect(blended(100, 200, 0.25)).toBe(125)
  })

  test('a range is planned with by confidence', () => {
    expect(expectedWithin(100, 200, 0.8)).toBe(180)
  })
})

describe('spanOf()', () => {
  const range = (least: number, most: number) => ({
    least: { ...noCost, timeMs: least, nanoUsd: least },
    most: { ...noCost, timeMs: most, nanoUsd: most },
  })

  test('is the range while nothing was measured', () => {
    expect(spanOf(range(100, 200), 'timeMs')).toEqual({ least: 100, expected: 150, most: 200 })
    expect(spanOf(range(100, 200), 'timeMs', { confidence: 0.8 }).expected).toBe(180)
  })

  test('expects nothing where nothing bounds it, until it was measured once', () => {
    const open = range(10, Number.POSITIVE_INFINITY)
    expect(spanOf(open, 'timeMs')).toEqual({ least: 10, expected: Number.NaN, most: open.most.timeMs })
    const measured = profile(1, 0, { timeMs: 60 }, 90)
    expect(spanOf(open, 'timeMs', { measured })).toEqual({ least: 20, expected: 60, most: open.most.timeMs })
  })

  test('replaces time by what was measured, and keeps the most that a ledger will reserve', () => {
    const measured = profile(5, 0, { timeMs: 20, nanoUsd: 30 }, 45)
    expect(spanOf(range(100, 200), 'timeMs', { measured })).toEqual({ least: 20, expected: 20, most: 45 })
    expect(spanOf(range(100, 200), 'nanoUsd', { measured })).toEqual({ least: 30, expected: 30, most: 200 })
  })
})
