/** What moves, limits and explains the choice of a plan: measured runs, hard limits, wishes, and the words for it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Ledger } from '../../src/core/ledger.ts'
import { noCost } from '../../src/plan/cost.ts'
import { type Hints, strategyNames } from '../../src/plan/hints.ts'
import { type Cost, constant, parallel, remote, stage } from '../../src/plan/node.ts'
import type { Profile } from '../../src/plan/ports.ts'
import {
  type Candidate,
  choosePlan,
  explainChoice,
  type Strategy,
  strategies,
  type Weights,
} from '../../src/plan/strategy.ts'

type Figures = Partial<Cost> & { quality?: number }

/** A candidate that takes exactly these figures. */
function candidate(name: string, { quality, ...cost }: Figures, more: Partial<Candidate> = {}): Candidate {
  return { name, plan: stage(name, (input: unknown) => input, { cost }), quality, ...more }
}

const profile = (runs: number, failures: number, cost: Partial<Cost>, p95Ms = 0): Profile => ({
  runs,
  failures,
  cost: { ...noCost, ...cost },
  p95Ms,
})

const weighing = (weights: Partial<Weights>): Strategy => ({
  name: 'test',
  description: '',
  weights: { use: 0, latency: 0, cost: 0, ...weights },
})

const names = (ranked: readonly { readonly name: string }[]) => ranked.map(({ name }) => name)

describe('what was measured', () => {
  const claimed = [candidate('a', { timeMs: 10 }), candidate('b', { timeMs: 100 })]
  const chosenWith = (measured: Profile) =>
    choosePlan(
      [claimed[0] as Candidate, { ...(claimed[1] as Candidate), measured }],
      weighing({ latency: 1 }),
    )

  test('replaces an estimate after five successful runs, and moves it before', () => {
    const timesOf = (measured: Profile) =>
      chosenWith(measured).ranking.find(({ name }) => name === 'b')?.expected.timeMs
    expect(timesOf(profile(5, 0, { timeMs: 5 }))).toBe(5)
    expect(timesOf(profile(2, 0, { timeMs: 5 }))).toBe(62)
    expect(timesOf(profile(9, 9, { timeMs: 0 }))).toBe(100)
    expect(chosenWith(profile(5, 0, { timeMs: 5 })).chosen.name).toBe('b')
    expect(chosenWith(profile(2, 0, { timeMs: 5 })).chosen.name).toBe('a')
  })

  test('comes from the profiles by name where a candidate brings none', () => {
    const kept = new Map([['b', profile(5, 0, { timeMs: 5 })]])
    const profiles = { get: (key: string) => kept.get(key), note: () => {} }
    const choose = (enoughRuns?: number) =>
      choosePlan(claimed, weighing({ latency: 1 }), {}, { profiles, enoughRuns }).chosen.name
    expect(choose()).toBe('b')
    expect(choose(100)).toBe('a')
  })

  test('makes a plan that fails count as often as it must be run', () => {
    expect(chosenWith(profile(100, 0, { timeMs: 8 })).chosen.name).toBe('b')
    expect(chosenWith(profile(100, 50, { timeMs: 8 })).chosen.name).toBe('a')
  })

  test('is not needed: a plan of which nothing is known stands in the middle, and is known after one run', () => {
    const free = { usdPer1kTokens: 0, usdPerSecond: 0 }
    const limits = { maxTokens: 256, dimensions: 384 }
    const variant = {
      name: 'v',
      op: 'embed',
      model: 'm',
      revision: '1',
      weightsHash: '',
      price: free,
      limits,
    }
    const unknown: Candidate = { name: 'unknown', plan: remote(variant) }
    const plans = [candidate('fast', { timeMs: 10 }), candidate('slow', { timeMs: 100 }), unknown]
    const { ranking } = choosePlan(plans, weighing({ latency: 1 }))
    expect(ranking.map(({ name, parts }) => [name, parts.latency])).toEqual([
      ['fast', 1],
      ['unknown', 0.5],
      ['slow', 0],
    ])
    const tried = { ...unknown, measured: profile(1, 0, { timeMs: 1 }) }
    expect(choosePlan([...plans.slice(0, 2), tried], weighing({ latency: 1 })).chosen.name).toBe('unknown')
  })
})

describe('a hard limit', () => {
  const range = (least: Partial<Cost>, most: Partial<Cost>) => ({
    least: { ...noCost, ...least },
    most: { ...noCost, ...most },
  })
  const failing = (plans: readonly Candidate[], hints: Hints, left?: Partial<Cost>) => {
    try {
      choosePlan(plans, 'balanced', hints, { left })
    } catch (error) {
      return error
    }
    return undefined
  }

  test('on money of 100 refuses a plan of 110 and says so', () => {
    expect(failing([candidate('a', { nanoUsd: 110 })], { costBudget: 100 })).toMatchObject({
      name: 'BudgetError',
      code: 'ER_BUDGET_REFUSED',
      message: 'No plan keeps the limits. a: it takes at least 110 nano-USD, and 100 nano-USD may be taken',
      figures: { unit: 'nanoUsd', spent: 0, reserved: 0, budget: 100, requested: 110 },
    })
    expect(failing([candidate('a', { nanoUsd: 100 })], { costBudget: 100 })).toBeUndefined()
  })

  test('on money tells the figures of the plan that comes nearest', () => {
    const plans = [900, 120, 300].map((nanoUsd, index) => candidate(`p${index}`, { nanoUsd }))
    expect(failing(plans, { costBudget: 100 })).toMatchObject({ figures: { requested: 120 } })
  })

  test('on time is a deadline', () => {
    expect(
      failing([candidate('a', { timeMs: 30 }), candidate('b', { timeMs: 40 })], { maxLatencyMs: 20 }),
    ).toMatchObject({
      name: 'DeadlineError',
      code: 'ER_DEADLINE',
      message: expect.stringMatching(/a: .*30 ms.*20 ms.*b: .*40 ms.*20 ms/),
    })
  })

  test('of several kinds, or on resources, is a matter of the plan, with every reason', () => {
    const plans = [candidate('a', { timeMs: 30 }), candidate('b', { nanoUsd: 7 })]
    expect(failing(plans, { maxLatencyMs: 20, costBudget: 5 })).toMatchObject({
      name: 'PlanError',
      code: 'ER_PLAN_INVALID',
      message: expect.stringMatching(/a: .*30 ms.*b: .*7 nano-USD/),
    })
    expect(failing([candidate('a', { memoryBytes: 9 })], { resources: { memoryBytes: 8 } })).toMatchObject({
      code: 'ER_PLAN_INVALID',
    })
  })

  test('holds for what the ledger has left and for the time that is left, too', () => {
    const ledger = new Ledger({ limits: { tokens: 100 } })
    ledger.reserve({ tokens: 60 })
    const plans = [candidate('a', { tokens: 41 }), candidate('b', { tokens: 40, timeMs: 99 })]
    const choice = choosePlan(plans, weighing({ latency: 1 }), {}, { left: ledger.left })
    expect(choice.chosen.name).toBe('b')
    expect(names(choice.rejected)).toEqual(['a'])
    expect(() => choosePlan(plans, 'latency', {}, { left: ledger.left, timeLeftMs: 98 })).toThrow(
      expect.objectContaining({ code: 'ER_PLAN_INVALID' }),
    )
    expect(failing([plans[0] as Candidate], {}, ledger.left)).toMatchObject({ code: 'ER_BUDGET_REFUSED' })
  })

  test('holds for what is expected, and tells of the most as a risk', () => {
    const plans = [
      { ...candidate('a', {}), cost: range({ timeMs: 10 }, { timeMs: 100 }) },
      { ...candidate('b', {}), cost: range({ timeMs: 10 }, { timeMs: 300 }) },
    ]
    const choice = choosePlan(plans, 'balanced', { maxLatencyMs: 80 })
    expect(choice.ranking).toMatchObject([
      { name: 'a', risks: ['80 ms may be taken, and it might take up to 100 ms'] },
    ])
    expect(choice.rejected).toMatchObject([
      { name: 'b', reason: 'it is expected to take 155 ms, and 80 ms may be taken' },
    ])
    expect(choosePlan(plans, 'balanced', { maxLatencyMs: 80 }, { confidence: 0.1 }).rejected).toEqual([])
  })

  test('goes by what was measured where that is enough', () => {
    const measured = profile(5, 0, { timeMs: 20 }, 30)
    const plans = [candidate('a', { timeMs: 100 }, { measured })]
    expect(choosePlan(plans, 'balanced', { maxLatencyMs: 25 }).ranking).toMatchObject([
      { name: 'a', risks: ['25 ms may be taken, and it might take up to 30 ms'] },
    ])
  })

  test('on resources holds for what a candidate says of itself', () => {
    const plans = [
      candidate('a', { workerMs: 50 }, { resources: { networkBytes: 11 } }),
      candidate('b', { workerMs: 90 }, { resources: { cpuTimeMs: 5 } }),
    ]
    const { rejected, chosen } = choosePlan(plans, 'cost', { resources: { networkBytes: 10 } })
    expect([names(rejected), chosen.name]).toEqual([['a'], 'b'])
    expect(choosePlan(plans, 'cost', { resources: { cpuTimeMs: 10 } }).chosen.name).toBe('b')
  })

  test('is never overruled by a wish', () => {
    const plans = [candidate('a', { timeMs: 10 }), candidate('b', { timeMs: 50 }, { domain: 'near' })]
    const hints: Hints = { maxLatencyMs: 40, domainOrder: ['near'], preferredStrategy: 'cost' }
    expect(choosePlan(plans, 'balanced', hints).chosen.name).toBe('a')
  })
})

describe('a wish', () => {
  const none = { least: noCost, most: noCost }
  const together: Candidate = { name: 'z', plan: parallel({ a: constant(1), b: constant(2) }), cost: none }

  test('for parallel work or a domain decides between equals', () => {
    const plans = [candidate('a', {}), { ...together, domain: 'near' }]
    expect(choosePlan(plans, 'balanced').chosen.name).toBe('a')
    expect(choosePlan(plans, 'balanced', { preferParallel: true }).chosen.name).toBe('z')
    expect(choosePlan(plans, 'balanced', { domainOrder: ['near'] }).chosen.name).toBe('z')
  })

  test('does not decide against a clear lead', () => {
    const figures = { ...noCost, timeMs: 20 }
    const wished = { ...together, domain: 'near', cost: { least: figures, most: figures } }
    const plans = [candidate('a', { timeMs: 10 }), wished]
    for (const strategy of strategyNames) {
      const { chosen } = choosePlan(plans, strategy, { preferParallel: true, domainOrder: ['near'] })
      expect(chosen.name).toBe('a')
    }
  })

  test('for a strategy leans to it, and leaves the other in charge', () => {
    // Latency alone takes the faster by 0.62 to 0.44, and balanced the other by 0.67 to 0.33.
    const plans = [
      candidate('faster', { quality: 0, timeMs: 10, nanoUsd: 9 }),
      candidate('better', { quality: 1, timeMs: 90, nanoUsd: 1 }),
    ]
    const lead = (strategy: 'latency' | 'balanced', hints: Hints = {}) => {
      const { ranking } = choosePlan(plans, strategy, hints)
      const scoreOf = (name: string) => ranking.find(one => one.name === name)?.score ?? Number.NaN
      return scoreOf('faster') - scoreOf('better')
    }
    expect(lead('latency')).toBeGreaterThan(0)
    expect(lead('balanced')).toBeLessThan(0)
    expect(lead('balanced', { preferredStrategy: 'latency' })).toBeGreaterThan(lead('balanced'))
    expect(lead('balanced', { preferredStrategy: 'latency' })).toBeLessThan(0)
    expect(choosePlan(plans, 'balanced', { preferredStrategy: 'latency' }).strategy).toBe('balanced')
  })
})

describe('explainChoice()', () => {
  test('says why the chosen one won, what each other lost by, and which limits the rest broke', () => {
    const plans = [
      candidate('slow', { quality: 1, timeMs: 100, nanoUsd: 20 }),
      candidate('middle', { quality: 0.8, timeMs: 60, nanoUsd: 60 }),
      candidate('swift', { quality: 0.5, timeMs: 20, nanoUsd: 100 }),
      candidate('huge', { timeMs: 900, nanoUsd: 500 }),
    ]
    const choice = choosePlan(plans, 'latency', { maxLatencyMs: 250, costBudget: 400 })
    expect(explainChoice(choice).split('\n')).toEqual([
      'swift was chosen by latency (use 31 %, latency 56 %, cost 13 %) with a score of 0.563',
      'It is ahead of middle in latency (20 ms against 60 ms)',
      'middle lost by 0.031, most by latency (60 ms against 20 ms), which use and cost could not make up for',
      'slow lost by 0.125, most by latency (100 ms against 20 ms), which use and cost could not make up for',
      'huge was ruled out: it takes at least 900 ms, and 250 ms may be taken; ' +
        'it takes at least 500 nano-USD, and 400 nano-USD may be taken',
    ])
  })

  test('says when only names, or only limits, decided, and tells of risks', () => {
    const cost = { least: noCost, most: { ...noCost, timeMs: 50 } }
    const equals = ['b', 'a'].map(name => ({ ...candidate(name, {}), cost }))
    expect(
      explainChoice(choosePlan(equals, 'cost', { maxLatencyMs: 40 }))
        .split('\n')
        .slice(1),
    ).toEqual([
      'Its score is that of b, and equal scores go by name',
      'b has the same score, and equal scores go by name',
      'a is a risk: 40 ms may be taken, and it might take up to 50 ms',
    ])
    expect(explainChoice(choosePlan([candidate('a', {})], 'cost'))).toContain(
      'the only one that keeps the limits',
    )
  })

  test('names every candidate once at least, whatever was chosen', () => {
    const figures = fc.record({ quality: fc.double({ min: 0, max: 1, noNaN: true }), timeMs: fc.nat(100) })
    fc.assert(
      fc.property(fc.array(figures, { minLength: 1, maxLength: 5 }), all => {
        const plans = [
          candidate('plan-x', { timeMs: 0 }),
          ...all.map((one, i) => candidate(`plan-${i}`, one)),
        ]
        const lines = explainChoice(choosePlan(plans, 'balanced', { maxLatencyMs: 50 }))
        for (const { name } of plans) expect(lines).toContain(name)
      }),
    )
  })
})

describe('what is refused', () => {
  test.each<[string, readonly Candidate[], Strategy]>([
    ['no candidates', [], strategies.balanced],
    ['two of one name', [candidate('a', {}), candidate('a', {})], strategies.balanced],
    ['a quality above 1', [candidate('a', { quality: 1.5 })], strategies.balanced],
    ['a quality that is no number', [candidate('a', { quality: Number.NaN })], strategies.balanced],
    ['weights of nothing', [candidate('a', {})], weighing({})],
    ['a negative weight', [candidate('a', {})], weighing({ use: 1, cost: -0.1 })],
    ['a weight above 1', [candidate('a', {})], weighing({ use: 2 })],
    ['a weight that is no number', [candidate('a', {})], weighing({ use: Number.NaN, cost: 1 })],
  ])('%s', (_, plans, strategy) => {
    expect(() => choosePlan(plans, strategy)).toThrow(expect.objectContaining({ code: 'ER_PLAN_INVALID' }))
  })
})
