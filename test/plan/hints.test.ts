/** Limits that rule plans out, wishes that lean, and how hints are read. */
import { describe, expect, test } from 'vitest'
import {
  breachesOf,
  type FigureName,
  type Figures,
  hintsSchema,
  likingOf,
  limitsOf,
  parseHints,
  requestClassOf,
  risksOf,
  runsTogether,
  wishesMet,
} from '../../src/plan/hints.ts'
import { bind, branch, constant, fanout, merge, parallel, retry, sequential } from '../../src/plan/node.ts'

const nothing = { least: 0, expected: 0, most: 0 }
const figures = (some: Partial<Figures>): Figures => ({
  timeMs: nothing,
  nanoUsd: nothing,
  tokens: nothing,
  calls: nothing,
  workerMs: nothing,
  cpuTimeMs: nothing,
  memoryBytes: nothing,
  storageBytes: nothing,
  networkBytes: nothing,
  ...some,
})

describe('parseHints()', () => {
  test('gives back what is right, and nothing for nothing', () => {
    const hints = {
      preferredStrategy: 'latency',
      priority: 100,
      maxLatencyMs: 250,
      costBudget: 0,
      limits: { tokens: 10, calls: 2, workerMs: 1.5 },
      resources: { cpuTimeMs: 1, memoryBytes: 2, storageBytes: 3, networkBytes: 4 },
      domainOrder: ['pool', 'here'],
      preferParallel: true,
    }
    expect(parseHints(hints)).toEqual(hints)
    expect(parseHints(undefined)).toEqual({})
  })

  test.each([
    [{ preferredStrategy: 'adaptive' }, 'hints.preferredStrategy'],
    [{ priority: 101 }, 'hints.priority'],
    [{ maxLatencyMs: -1 }, 'hints.maxLatencyMs'],
    [{ costBudget: 0.5 }, 'hints.costBudget'],
    [{ limits: { nanoUsd: 1 } }, 'hints.limits'],
    [{ resources: { memoryBytes: -1 } }, 'hints.resources.memoryBytes'],
    [{ domainOrder: [''] }, 'hints.domainOrder.0'],
    [{ hurry: true }, 'hints: '],
  ])('refuses %j and says where', (raw, place) => {
    expect(() => parseHints(raw)).toThrow(
      expect.objectContaining({ code: 'ER_INPUT', message: expect.stringContaining(place) }),
    )
    expect(hintsSchema.safeParse(raw).success).toBe(false)
  })
})

describe('limitsOf()', () => {
  test('takes the tighter of what is asked and what is left', () => {
    const hints = { maxLatencyMs: 100, costBudget: 50, limits: { tokens: 7 }, resources: { memoryBytes: 9 } }
    expect(limitsOf(hints)).toEqual({ timeMs: 100, nanoUsd: 50, tokens: 7, memoryBytes: 9 })
    const infinite = Number.POSITIVE_INFINITY
    const left = { nanoUsd: 40, tokens: 8, calls: infinite, workerMs: infinite }
    expect(limitsOf(hints, left, 30)).toEqual({ timeMs: 30, nanoUsd: 40, tokens: 7, memoryBytes: 9 })
    expect(limitsOf({}, left, infinite)).toEqual({ nanoUsd: 40, tokens: 8 })
  })
})

describe('a limit', () => {
  const span = { least: 100, expected: 150, most: 200 }

  test.each([
    [99, ['it takes at least 100 ms, and 99 ms may be taken'], 1],
    [100, ['it is expected to take 150 ms, and 100 ms may be taken'], 1],
    [150, [], 1],
    [200, [], 0],
  ])('of %i ms holds against at least 100, expected 150, at most 200', (timeMs, reasons, risks) => {
    const limits = { timeMs }
    expect(breachesOf(figures({ timeMs: span }), limits).map(({ reason }) => reason)).toEqual(reasons)
    expect(risksOf(figures({ timeMs: span }), limits)).toHaveLength(risks)
  })

  test('may be met exactly', () => {
    const exact = figures({ timeMs: { least: 100, expected: 100, most: 100 } })
    expect([...breachesOf(exact, { timeMs: 100 }), ...risksOf(exact, { timeMs: 100 })]).toEqual([])
  })

  test('is a risk, not a breach, for what nothing bounds and nobody measured', () => {
    const unknown = figures({ tokens: { least: 0, expected: Number.NaN, most: Number.POSITIVE_INFINITY } })
    expect(breachesOf(unknown, { tokens: 5 })).toEqual([])
    expect(risksOf(unknown, { tokens: 5 })).toEqual([
      '5 tokens may be taken, and it might take more than that',
    ])
  })

  test.each([
    ['timeMs', 'latency'],
    ['nanoUsd', 'budget'],
    ['tokens', 'budget'],
    ['calls', 'budget'],
    ['workerMs', 'budget'],
    ['cpuTimeMs', 'resource'],
    ['memoryBytes', 'resource'],
    ['storageBytes', 'resource'],
    ['networkBytes', 'resource'],
  ] as const)('on %s is about %s', (figure: FigureName, kind) => {
    const breaches = breachesOf(figures({ [figure]: span }), { [figure]: 10 })
    expect(breaches).toEqual([expect.objectContaining({ figure, kind, allowed: 10, requested: 100 })])
  })
})

describe('a wish', () => {
  const [one, two] = [constant(1), constant(2)]

  test.each([
    ['constant', one, false],
    ['sequential', sequential(one, two), false],
    ['branch', branch(constant(true), one, two), false],
    ['parallel of one', parallel({ one }), false],
    ['parallel', parallel({ one, two }), true],
    ['fanout', fanout(one, [one, two]), true],
    ['merge', merge([one, two], one), true],
    ['merge of one', merge([one], two), false],
    ['bindings', bind({ one, two }, one), true],
    ['deep', retry(sequential(one, branch(constant(true), one, parallel({ one, two }))), 2), true],
  ])('for parallel work sees what runs together in a plan: %s', (_, plan, together) => {
    expect(runsTogether(plan)).toBe(together)
    expect(wishesMet({ preferParallel: true }, plan)).toBe(Number(together))
  })

  test('for parallel work is told at once of a plan that shares its parts a million times', () => {
    let plan = sequential(one, two)
    for (let depth = 0; depth < 60; depth += 1) plan = sequential(plan, plan)
    expect(runsTogether(plan)).toBe(false)
  })

  test('for domains falls from the first liked to those not named', () => {
    const order = ['pool', 'here']
    expect(['pool', 'here', 'far', undefined].map(name => likingOf(name, order))).toEqual([1, 0.5, 0, 0])
    expect(wishesMet({ domainOrder: order, preferParallel: true }, one, 'pool')).toBe(0.5)
    expect(wishesMet({}, one, 'pool')).toBe(0)
  })

  test('for urgency is a class of requests', () => {
    expect([0, 33, 34, undefined, 66, 67, 100].map(requestClassOf)).toEqual([
      'bulk',
      'bulk',
      'normal',
      'normal',
      'normal',
      'interactive',
      'interactive',
    ])
  })
})
