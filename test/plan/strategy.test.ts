/** Which plan runs: what the weights decide, whatever the plans. Limits and words: strategy-limits.test.ts. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { noCost } from '../../src/plan/cost.ts'
import { type Hints, strategyNames } from '../../src/plan/hints.ts'
import { type Cost, constant, parallel, stage } from '../../src/plan/node.ts'
import {
  type Candidate,
  choosePlan,
  type Strategy,
  strategies,
  type Weights,
} from '../../src/plan/strategy.ts'

type Figures = Partial<Cost> & { quality?: number }

/** A candidate that takes exactly these figures. */
function candidate(name: string, { quality, ...cost }: Figures, more: Partial<Candidate> = {}): Candidate {
  return { name, plan: stage(name, (input: unknown) => input, { cost }), quality, ...more }
}

const weighing = (weights: Partial<Weights>): Strategy => ({
  name: 'test',
  description: '',
  weights: { use: 0, latency: 0, cost: 0, ...weights },
})

const names = (ranked: readonly { readonly name: string }[]) => ranked.map(({ name }) => name)

describe('strategies', () => {
  test('have the weights of the original', () => {
    expect(strategyNames.map(name => Object.values(strategies[name].weights))).toEqual([
      [0.8, 0.3, 0.5],
      [0.5, 0.9, 0.2],
      [0.4, 0.2, 0.9],
      [0.6, 0.6, 0.6],
    ])
    for (const name of strategyNames) expect(strategies[name].name).toBe(name)
  })

  test('choose differently among the same plans', () => {
    const plans = [
      candidate('thorough', { quality: 1, timeMs: 100, nanoUsd: 80 }),
      candidate('quick', { quality: 0.2, timeMs: 10, nanoUsd: 100 }),
      candidate('cheap', { quality: 0, timeMs: 90, nanoUsd: 0 }),
      candidate('even', { quality: 0.6, timeMs: 50, nanoUsd: 50 }),
    ]
    expect(strategyNames.map(name => choosePlan(plans, name).chosen.name)).toEqual([
      'thorough',
      'quick',
      'cheap',
      'even',
    ])
  })
})

describe('choosePlan()', () => {
  const trio = [
    candidate('slow', { quality: 1, timeMs: 100, nanoUsd: 20 }),
    candidate('middle', { quality: 0.8, timeMs: 60, nanoUsd: 60 }),
    candidate('swift', { quality: 0.5, timeMs: 20, nanoUsd: 100 }),
  ]

  test('gives each value from 0 for the worst to 1 for the best, and the weighted mean of them', () => {
    const { ranking, weights, score, rejected, costUnit } = choosePlan(trio, 'latency')
    expect(weights).toEqual({
      use: expect.closeTo(0.3125, 9),
      latency: expect.closeTo(0.5625, 9),
      cost: expect.closeTo(0.125, 9),
      wishes: 0,
    })
    expect(names(ranking)).toEqual(['swift', 'middle', 'slow'])
    expect(ranking.map(({ parts }) => parts)).toEqual([
      { use: 0, latency: 1, cost: 0, wishes: 0 },
      { use: expect.closeTo(0.6, 9), latency: 0.5, cost: 0.5, wishes: 0 },
      { use: 1, latency: 0, cost: 1, wishes: 0 },
    ])
    expect(ranking.map(one => one.score)).toEqual([0.5625, 0.53125, 0.4375].map(s => expect.closeTo(s, 9)))
    expect([score, rejected, costUnit]).toEqual([ranking[0]?.score, [], 'nanoUsd'])
  })

  test('gives the candidate itself back', () => {
    const kept = trio.map(one => ({ ...one, extra: 1 }))
    const { chosen } = choosePlan(kept, weighing({ latency: 1 }))
    expect(chosen).toBe(kept[2])
    expect(chosen.extra).toBe(1)
  })

  test('goes by name among equals, whatever their order', () => {
    const equals = ['b', 'c', 'a'].map(name => candidate(name, { quality: 0.5, timeMs: 10 }))
    expect(names(choosePlan(equals, 'balanced').ranking)).toEqual(['a', 'b', 'c'])
  })

  test('goes by name among those whose sums differ in their last bits alone', () => {
    const ends = [
      candidate('y', { quality: 0, timeMs: 21, nanoUsd: 21 }),
      candidate('z', { quality: 1, timeMs: 21, nanoUsd: 21 }),
    ]
    for (let tenths = 1; tenths < 10; tenths += 1)
      for (const [timeMs, nanoUsd] of [
        [1, 4],
        [4, 1],
        [2, 6],
        [6, 2],
      ] as const) {
        const quality = tenths / 10
        const one = candidate('a', { quality, timeMs, nanoUsd })
        const mirrored = candidate('b', { quality, timeMs: nanoUsd, nanoUsd: timeMs })
        const { ranking } = choosePlan([mirrored, one, ...ends], 'balanced')
        expect(names(ranking).slice(0, 2)).toEqual(['a', 'b'])
      }
  })

  test('does not stretch a difference that nobody would notice to the whole scale', () => {
    const plans = [
      candidate('better', { quality: 1, timeMs: 101 }),
      candidate('faster', { quality: 0.5, timeMs: 100 }),
    ]
    expect(choosePlan(plans, 'latency').chosen.name).toBe('better')
  })

  test('compares cost by what the candidates differ in: money, worker time, tokens, calls', () => {
    const both = (one: Partial<Cost>, other: Partial<Cost>) =>
      choosePlan([candidate('a', one), candidate('b', other)], weighing({ cost: 1 }))
    expect(both({ nanoUsd: 2, workerMs: 1 }, { nanoUsd: 1, workerMs: 2 })).toMatchObject({
      chosen: { name: 'b' },
      costUnit: 'nanoUsd',
    })
    expect(both({ workerMs: 2, tokens: 1 }, { workerMs: 1, tokens: 2 })).toMatchObject({
      chosen: { name: 'b' },
      costUnit: 'workerMs',
    })
    expect(both({ tokens: 2 }, { tokens: 1 })).toMatchObject({ chosen: { name: 'b' }, costUnit: 'tokens' })
    expect(both({ calls: 2 }, { calls: 1 })).toMatchObject({ chosen: { name: 'b' }, costUnit: 'calls' })
  })

  test('takes a cost that is given before that of the plan', () => {
    const given = { ...noCost, timeMs: 5 }
    const plans = [
      candidate('a', { timeMs: 10 }),
      candidate('b', { timeMs: 500 }, { cost: { least: given, most: given } }),
    ]
    expect(choosePlan(plans, 'balanced').chosen.name).toBe('b')
  })
})

describe('the weights decide', () => {
  const figures = fc.record({
    quality: fc.integer({ min: 0, max: 10 }).map(tenths => tenths / 10),
    timeMs: fc.integer({ min: 1, max: 20 }),
    nanoUsd: fc.integer({ min: 0, max: 20 }),
    together: fc.boolean(),
  })
  const plans = fc.array(figures, { minLength: 2, maxLength: 6 }).map(all =>
    all.map(({ together, ...cost }, index) => {
      const made = candidate(`p${index}`, cost)
      const domain = `d${index % 3}`
      if (!together) return { ...made, domain }
      const { timeMs, nanoUsd } = cost
      const exact = { ...noCost, timeMs, nanoUsd }
      return {
        ...made,
        domain,
        plan: parallel({ a: constant(1), b: constant(2) }),
        cost: { least: exact, most: exact },
      }
    }),
  )
  const weight = fc.integer({ min: 0, max: 10 }).map(tenths => tenths / 10)
  const weights = fc
    .record({ use: weight, latency: weight, cost: weight })
    .filter(({ use, latency, cost }) => use + latency + cost > 0)
  const hints: fc.Arbitrary<Hints> = fc.record(
    {
      preferredStrategy: fc.constantFrom(...strategyNames),
      preferParallel: fc.boolean(),
      domainOrder: fc.constantFrom(['d0', 'd1'], ['d2']),
    },
    { requiredKeys: [] },
  )
  const better = {
    use: (a: Candidate, b: Candidate) => (a.quality ?? 0) > (b.quality ?? 0),
    latency: (a: Candidate, b: Candidate) => figure(a, 'timeMs') < figure(b, 'timeMs'),
    cost: (a: Candidate, b: Candidate) => figure(a, 'nanoUsd') < figure(b, 'nanoUsd'),
  }
  const figure = (one: Candidate, unit: 'timeMs' | 'nanoUsd'): number =>
    one.cost?.most[unit] ?? choosePlan([one], 'balanced').ranking[0]?.expected[unit] ?? Number.NaN

  test.each(['use', 'latency', 'cost'] as const)(
    'raising the weight of %s changes the choice only to a plan that is better in it',
    part => {
      fc.assert(
        fc.property(plans, weights, weight, hints, (candidates, before, raise, wishes) => {
          const after = { ...before, [part]: Math.min(1, before[part] + raise) }
          const [one, other] = [before, after].map(
            w => choosePlan(candidates, weighing(w), wishes).chosen,
          ) as [Candidate, Candidate]
          if (one !== other) expect(better[part](other, one)).toBe(true)
        }),
        { numRuns: 300 },
      )
    },
  )

  test.each(['use', 'latency', 'cost'] as const)('nothing is better in %s when that alone counts', part => {
    fc.assert(
      fc.property(plans, candidates => {
        const { chosen } = choosePlan(candidates, weighing({ [part]: 1 }))
        expect(candidates.filter(one => better[part](one, chosen))).toEqual([])
      }),
    )
  })

  test('and never for a plan that another is better than in everything', () => {
    fc.assert(
      fc.property(plans, weights, (candidates, given) => {
        const { chosen } = choosePlan(candidates, weighing(given))
        const inAll = (one: Candidate) => Object.values(better).every(isBetter => isBetter(one, chosen))
        expect(candidates.filter(inAll)).toEqual([])
      }),
    )
  })

  test('not the order in which the plans are given', () => {
    fc.assert(
      fc.property(plans, weights, hints, (candidates, given, wishes) => {
        const [one, other] = [candidates, candidates.toReversed()].map(all =>
          choosePlan(all, weighing(given), wishes),
        )
        expect(one).toEqual(other)
      }),
    )
  })
})
