/** Money is whole nano-USD: exact for what people write, rounded up for what is finer. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { nanoUsdOf, nanoUsdOfCents, usdText } from '../../src/core/money.ts'

const wrong = expect.objectContaining({ code: 'ER_INPUT' })
/** Up to a million dollars; beyond, a double has too few digits for every nano-USD. */
const amount = fc.integer({ min: 0, max: 1e15 })

describe('nanoUsdOf()', () => {
  test.each([
    [0, 0],
    [-0, 0],
    [0.0021, 2_100_000],
    [0.1 + 0.2, 300_000_000],
    [1e-9, 1],
    [1.5e-9, 2],
    [1e-12, 1],
    [Number.MIN_VALUE, 1],
    [19.99, 19_990_000_000],
    [1_000_000, 1e15],
    [1_000_000.000000001, 1e15 + 1],
    [9_007_199, 9_007_199e9],
  ])('of %d is %d', (usd, nano) => {
    expect(nanoUsdOf(usd)).toBe(nano)
  })

  test.each([-1, -1e-12, Number.NaN, Number.POSITIVE_INFINITY, 1e10])('refuses %d', usd => {
    expect(() => nanoUsdOf(usd)).toThrow(wrong)
    expect(() => nanoUsdOfCents(usd * 100)).toThrow(wrong)
  })

  test('is exact for every amount of whole nano-USD, and rounds up what is between two', () => {
    fc.assert(
      fc.property(amount, nano => {
        expect(nanoUsdOf(nano / 1e9)).toBe(nano)
      }),
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 1e12 }),
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        (nano, part) => {
          expect(nanoUsdOf((nano + part) / 1e9)).toBe(nano + 1)
        },
      ),
    )
  })
})

test('nanoUsdOfCents() is a hundredth of dollars', () => {
  expect([25, 0.21, 7, 100].map(nanoUsdOfCents)).toEqual([250_000_000, 2_100_000, 70_000_000, 1e9])
})

describe('usdText()', () => {
  test('has cents, and more digits where it takes them', () => {
    expect([0, 2_100_000, 1_500_000_000, 1, 19_990_000_000, 1e15 + 1].map(usdText)).toEqual([
      '$0.00',
      '$0.0021',
      '$1.50',
      '$0.000000001',
      '$19.99',
      '$1000000.000000001',
    ])
    expect(usdText(Number.MAX_SAFE_INTEGER)).toBe('$9007199.254740991')
  })

  test('is what nanoUsdOf() reads', () => {
    fc.assert(
      fc.property(amount, nano => {
        expect(nanoUsdOf(Number(usdText(nano).slice(1)))).toBe(nano)
      }),
    )
  })
})
