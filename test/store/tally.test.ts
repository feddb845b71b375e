/** Runs add up the same however they are split, and the figures are what they are said to be. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Tally } from '../../src/store/tally.ts'

const runs = fc.array(
  fc.record({
    ok: fc.boolean(),
    cost: fc.record({ timeMs: fc.double({ min: 0.002, max: 8e7, noNaN: true }), nanoUsd: fc.nat(1000) }),
  }),
  { maxLength: 60 },
)

function tallyOf(
  noted: readonly { readonly ok: boolean; readonly cost: { readonly timeMs: number } }[],
): Tally {
  const tally = new Tally()
  for (const { ok, cost } of noted) tally.note(ok, cost)
  return tally
}

describe('Tally', () => {
  test('counts runs and failures, and gives means over those that succeeded', () => {
    const tally = new Tally()
    tally.note(true, { timeMs: 10, nanoUsd: 1, tokens: 4 })
    tally.note(true, { timeMs: 20, nanoUsd: 2, tokens: 5, memoryBytes: 2 ** 20 })
    tally.note(false, { timeMs: 9000, nanoUsd: 9000 })
    expect(tally.profile).toMatchObject({
      runs: 3,
      failures: 1,
      cost: { nanoUsd: 2, tokens: 4.5, calls: 0, workerMs: 0, timeMs: 15, memoryBytes: 2 ** 19 },
    })
  })

  test('is all zeros while nothing succeeded', () => {
    const tally = new Tally()
    tally.note(false, { timeMs: 5 })
    expect(tally.profile).toEqual({
      runs: 1,
      failures: 1,
      cost: { nanoUsd: 0, tokens: 0, calls: 0, workerMs: 0, timeMs: 0, memoryBytes: 0 },
      p95Ms: 0,
    })
  })

  test('takes figures that are no numbers from 0 for 0', () => {
    const tally = new Tally()
    tally.note(true, { timeMs: Number.NaN, tokens: -5, workerMs: Number.POSITIVE_INFINITY })
    tally.note(true, {})
    expect(tally.profile).toMatchObject({ runs: 2, cost: { timeMs: 0, tokens: 0, workerMs: 0 }, p95Ms: 0 })
  })

  test('gives the 95th percentile by nearest rank, within five in a hundred', () => {
    fc.assert(
      fc.property(runs, noted => {
        const times = noted.filter(({ ok }) => ok).map(({ cost }) => cost.timeMs)
        const exact = times.toSorted((a, b) => a - b)[Math.ceil(0.95 * times.length) - 1] ?? 0
        expect(Math.abs(tallyOf(noted).profile.p95Ms - exact)).toBeLessThanOrEqual(0.05 * exact)
      }),
    )
  })

  test('counts times beyond both ends in the first and the last bucket', () => {
    const tally = new Tally()
    tally.note(true, { timeMs: 0 })
    expect(tally.profile.p95Ms).toBeLessThan(0.001)
    for (let run = 0; run < 20; run += 1) tally.note(true, { timeMs: 1e12 })
    expect(tally.profile.p95Ms).toBeGreaterThan(86_400_000)
  })

  test('comes to the same in any split and through rows', () => {
    fc.assert(
      fc.property(runs, fc.nat(60), (noted, cut) => {
        const [one, two] = [tallyOf(noted.slice(0, cut)), tallyOf(noted.slice(cut))]
        const together = Tally.of(two.row).add(Tally.of(one.row)).profile
        const { p95Ms, runs, failures, cost } = tallyOf(noted).profile
        expect(together).toMatchObject({ p95Ms, runs, failures })
        expect(together.cost.timeMs).toBeCloseTo(cost.timeMs, 3)
        expect(together.cost.nanoUsd).toBe(cost.nanoUsd)
      }),
    )
  })

  test.each([
    ['counts below 0', { runs: -1 }],
    ['sums that are no JSON', { sums: '{' }],
    ['sums of another form', { sums: '{"nanoUsd":"1"}' }],
    ['too few times', { times: new Uint8Array(8) }],
  ])('refuses a row with %s', (_, change) => {
    expect(() => Tally.of({ ...new Tally().row, ...change })).toThrow()
  })
})
