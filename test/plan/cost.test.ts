/** What plans may take: the two operations and their laws, the table of nodes, the map by stage, the critical path. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { free, type VariantRef } from '../../src/core/call.ts'
import {
  costMap,
  costOf,
  criticalPath,
  inParallel,
  inSequence,
  noCost,
  phasesOf,
} from '../../src/plan/cost.ts'
import {
  bind,
  branch,
  type Cost,
  type CostClaim,
  constant,
  fanout,
  merge,
  type PlanNode,
  parallel,
  remote,
  retry,
  sequential,
  stage,
} from '../../src/plan/node.ts'

const infinite = Number.POSITIVE_INFINITY
const cost = (some: Partial<Cost>): Cost => ({ ...noCost, ...some })
const costing = (name: string, claim: CostClaim): PlanNode<unknown, boolean> =>
  stage(name, () => true, { cost: claim, effects: ['pure'] })
const taking = (name: string, least: number, most = least) =>
  costing(name, { least: { timeMs: least }, most: { timeMs: most } })

const costs = fc.record({
  nanoUsd: fc.nat(),
  tokens: fc.nat(),
  calls: fc.nat(),
  workerMs: fc.nat(),
  timeMs: fc.nat(),
  memoryBytes: fc.nat(),
})
const [a, b] = [
  { nanoUsd: 1, tokens: 10, calls: 2, workerMs: 5, timeMs: 30, memoryBytes: 100 },
  { nanoUsd: 2, tokens: 20, calls: 3, workerMs: 7, timeMs: 20, memoryBytes: 300 },
]

describe('inSequence() and inParallel()', () => {
  test('add everything but memory, and everything but time', () => {
    const added = { nanoUsd: 3, tokens: 30, calls: 5, workerMs: 12 }
    expect(inSequence(a, b)).toEqual({ ...added, timeMs: 50, memoryBytes: 300 })
    expect(inParallel(a, b)).toEqual({ ...added, timeMs: 30, memoryBytes: 400 })
  })

  test.each([
    ['inSequence()', inSequence],
    ['inParallel()', inParallel],
  ])('%s goes in any order and grouping, and nothing changes nothing', (_, operation) => {
    fc.assert(
      fc.property(costs, costs, costs, (one, two, three) => {
        expect(operation(one, two)).toEqual(operation(two, one))
        expect(operation(operation(one, two), three)).toEqual(operation(one, operation(two, three)))
        expect(operation(one, noCost)).toEqual(one)
      }),
    )
  })

  test('in parallel takes no longer, in sequence no more memory, the rest is the same', () => {
    fc.assert(
      fc.property(costs, costs, (one, two) => {
        const [after, beside] = [inSequence(one, two), inParallel(one, two)]
        expect(beside.timeMs).toBeLessThanOrEqual(after.timeMs)
        expect(after.memoryBytes).toBeLessThanOrEqual(beside.memoryBytes)
        expect({ ...beside, timeMs: 0, memoryBytes: 0 }).toEqual({ ...after, timeMs: 0, memoryBytes: 0 })
      }),
    )
  })

  test('have no bound where money is no safe integer any more', () => {
    const much = cost({ nanoUsd: Number.MAX_SAFE_INTEGER })
    expect(inSequence(much, noCost)).toEqual(much)
    expect(inSequence(much, cost({ nanoUsd: 1 })).nanoUsd).toBe(infinite)
    expect(inParallel(much, much).nanoUsd).toBe(infinite)
  })
})

describe('costOf()', () => {
  test('is nothing for values, and what is claimed for a stage', () => {
    expect(costOf(constant('x'))).toEqual({ least: noCost, most: noCost })
    expect(costOf(stage('s', () => 1))).toEqual({ least: noCost, most: noCost })
    expect(costOf(costing('s', { tokens: 5 }))).toEqual({
      least: cost({ tokens: 5 }),
      most: cost({ tokens: 5 }),
    })
    expect(costOf(costing('s', { least: { tokens: 5 }, most: { tokens: 9, timeMs: 1 } }))).toEqual({
      least: cost({ tokens: 5 }),
      most: cost({ tokens: 9, timeMs: 1 }),
    })
  })

  test('rounds money, tokens and calls up', () => {
    const claim = { nanoUsd: 0.1, tokens: 1.5, calls: 0.01, workerMs: 0.5, timeMs: 0.25, memoryBytes: 3 }
    expect(costOf(costing('s', claim)).most).toEqual({ ...claim, nanoUsd: 1, tokens: 2, calls: 1 })
  })

  test.each<[string, CostClaim]>([
    ['negative', { tokens: -1 }],
    ['not a number', { timeMs: Number.NaN }],
    ['no safe integer', { nanoUsd: 2 ** 53 }],
    ['more at least than at most', { least: { calls: 2 }, most: { calls: 1 } }],
    ['more at least than nothing at most', { least: { timeMs: 1 }, most: {} }],
  ])('refuses a claim that is %s', (_, claim) => {
    expect(() => costOf(sequential(costing('greedy', claim)))).toThrow(
      expect.objectContaining({ code: 'ER_PLAN_INVALID', message: expect.stringContaining('greedy') }),
    )
  })

  const plain = costing('plain', { least: a, most: inSequence(a, a) })
  const other = costing('other', b)

  test('is in sequence for a Sequential, in parallel for a Parallel', () => {
    expect(costOf(sequential(plain, other))).toEqual({
      least: inSequence(a, b),
      most: inSequence(inSequence(a, a), b),
    })
    expect(costOf(parallel({ plain, other }))).toEqual({
      least: inParallel(a, b),
      most: inParallel(inSequence(a, a), b),
    })
    expect(costOf(sequential())).toEqual(costOf(constant(1)))
    expect(costOf(parallel({}))).toEqual(costOf(constant(1)))
  })

  test('takes the cheaper arm of a Branch for the least and the dearer for the most, unit by unit', () => {
    const check = costing('check', { calls: 1 })
    const yes = costing('yes', { nanoUsd: 70, timeMs: 5 })
    const no = costing('no', { nanoUsd: 80, timeMs: 2 })
    expect(costOf(branch(check, yes, no))).toEqual({
      least: cost({ calls: 1, nanoUsd: 70, timeMs: 2 }),
      most: cost({ calls: 1, nanoUsd: 80, timeMs: 5 }),
    })
  })

  test('takes the source of a Fanout and the target of a Merge in sequence with what runs together', () => {
    const [one, two, three] = [taking('1', 10), taking('2', 20), taking('3', 5)]
    expect(costOf(fanout(one, [two, three])).most.timeMs).toBe(30)
    expect(costOf(fanout(one, [])).most.timeMs).toBe(10)
    expect(costOf(merge([one, two], three)).most.timeMs).toBe(25)
    expect(costOf(bind({ one, two }, three)).most.timeMs).toBe(25)
    expect(costOf(bind({}, three)).most.timeMs).toBe(5)
  })

  test('counts a Retry once for the least, and every attempt and the longest waits for the most', () => {
    const { least, most } = costOf(
      retry(costing('s', { nanoUsd: 10, timeMs: 7, memoryBytes: 9 }), 4, { jitter: 0.9 }),
    )
    expect(least).toEqual(cost({ nanoUsd: 10, timeMs: 7, memoryBytes: 9 }))
    expect(most).toEqual(cost({ nanoUsd: 40, timeMs: 28 + 100 + 200 + 400, memoryBytes: 9 }))
  })

  test('knows the longest waits of any back-off', () => {
    const backoff = fc.record({
      baseMs: fc.nat(1000),
      factor: fc.constantFrom(1, 1.01, 1.5, 2, 10),
      mostMs: fc.nat(5000),
    })
    fc.assert(
      fc.property(backoff, fc.integer({ min: 1, max: 30 }), (waits, attempts) => {
        let sum = 0
        for (let attempt = 1; attempt < attempts; attempt += 1)
          sum += Math.min(waits.mostMs, waits.baseMs * waits.factor ** (attempt - 1))
        expect(costOf(retry(constant(1), attempts, waits)).most.timeMs).toBeCloseTo(sum, 6)
      }),
    )
  })

  test('has an end for a Retry without one', () => {
    const { most } = costOf(
      retry(costing('s', { nanoUsd: 2, calls: 1 }), Number.MAX_SAFE_INTEGER, { baseMs: 0 }),
    )
    expect(most).toEqual(cost({ nanoUsd: infinite, calls: Number.MAX_SAFE_INTEGER }))
    expect(costOf(retry(remote(variant), 2)).most.nanoUsd).toBe(0)
  })

  const variant: VariantRef = {
    name: 'encoder-1',
    op: 'embed',
    model: 'encoder',
    revision: 'abc',
    weightsHash: 'def',
    price: free,
    limits: { maxTokens: 100, dimensions: 3 },
  }

  test('knows of a remote leaf without a claim that it is a call, and that a free one costs no money', () => {
    const unbounded = { calls: 1, tokens: infinite, workerMs: infinite, timeMs: infinite }
    expect(costOf(remote(variant))).toEqual({ least: cost({ calls: 1 }), most: cost(unbounded) })
    const paid = { ...variant, price: { usdPer1kTokens: 0.01, usdPerSecond: 0 } }
    expect(costOf(remote(paid)).most).toEqual(cost({ ...unbounded, nanoUsd: infinite }))
    expect(costOf(remote(paid)).least).toEqual(cost({ calls: 1 }))
  })

  test('takes the claim of a remote leaf that has one', () => {
    const claim = { least: { calls: 1, tokens: 3 }, most: { calls: 1, tokens: 100 } }
    expect(costOf(remote(variant, { cost: claim }))).toEqual({
      least: cost(claim.least),
      most: cost(claim.most),
    })
  })

  test('takes a plan of any depth', () => {
    let plan: PlanNode = taking('leaf', 1)
    for (let level = 0; level < 5000; level += 1) plan = sequential(retry(plan, 1), taking('leaf', 1))
    expect(costOf(plan).most.timeMs).toBe(5001)
    expect(costMap(plan).get('leaf@1')?.count).toBe(5001)
    expect(criticalPath(plan)).toHaveLength(5001)
  })

  test('asks each node once, however often it stands in the plan', () => {
    let plan: PlanNode = costing('leaf', { nanoUsd: 1, memoryBytes: 1 })
    for (let level = 0; level < 60; level += 1) plan = parallel({ one: plan, other: plan })
    expect(costOf(plan).least).toEqual(cost({ nanoUsd: infinite, memoryBytes: 2 ** 60 }))
    expect(costMap(plan).get('leaf@1')?.count).toBe(2 ** 60)
  })
})

describe('costMap()', () => {
  const s1 = costing('s1', { nanoUsd: 25 })
  const s2 = costing('s2', { nanoUsd: 75 })
  const nanoUsd = (plan: PlanNode) =>
    Object.fromEntries(
      [...costMap(plan)].map(([key, { count, range }]) => [
        key,
        [count, range.least.nanoUsd, range.most.nanoUsd],
      ]),
    )

  test('has each stage of a Sequential with its cost, as the seed', () => {
    expect(nanoUsd(sequential(s1, s2))).toEqual({ 's1@1': [1, 25, 25], 's2@1': [1, 75, 75] })
  })

  test('is empty for a plan that costs nothing, as the seed', () => {
    expect(costMap(costing('free', {})).size).toBe(0)
    expect(
      costMap(
        sequential(
          constant(1),
          stage('unclaimed', () => 1),
        ),
      ).size,
    ).toBe(0)
  })

  test('counts a stage at each place where it stands', () => {
    expect(nanoUsd(sequential(s1, s2, s1))).toEqual({ 's1@1': [2, 50, 50], 's2@1': [1, 75, 75] })
    const again = costing('s1', { nanoUsd: 1 })
    expect(nanoUsd(parallel({ s1, again }))).toEqual({ 's1@1': [2, 26, 26] })
  })

  test('counts a Retry for the most, and of a Branch what its arms have in common for the least', () => {
    expect(nanoUsd(retry(s1, 3))).toEqual({ 's1@1': [1, 25, 75] })
    expect(nanoUsd(branch(costing('test', {}), sequential(s1, s2, s2), s2))).toEqual({
      's1@1': [1, 0, 25],
      's2@1': [3, 75, 150],
    })
  })

  test('has versions apart', () => {
    const next = stage('s1', () => 1, { version: '2', cost: { nanoUsd: 30 } })
    expect([...costMap(sequential(s1, next)).keys()]).toEqual(['s1@1', 's1@2'])
  })

  test('is what the plan costs if all else cost nothing, waits apart', () => {
    const plan = (s: PlanNode<unknown, boolean>, t: PlanNode<unknown, boolean>) =>
      sequential(
        parallel({ s, both: sequential(t, s) }),
        retry(branch(t, sequential(s, t), s), 3, { baseMs: 0 }),
        merge([s, t], bind({ t }, s)),
      )
    const [s, t] = [
      costing('s', { least: a, most: inSequence(a, b) }),
      costing('t', { least: b, most: inParallel(a, b) }),
    ]
    const nothing = costing('nothing', {})
    const map = costMap(plan(s, t))
    expect(map.get('s@1')).toEqual({ count: 6, range: costOf(plan(s, nothing)) })
    expect(map.get('t@1')).toEqual({ count: 5, range: costOf(plan(nothing, t)) })
  })
})

describe('criticalPath()', () => {
  test('goes through everything in order and the longest of what runs together', () => {
    const plan = sequential<unknown, unknown>(
      taking('a', 1),
      parallel({ fast: taking('b', 5), slow: sequential(taking('c', 4), taking('d', 4)) }),
      branch(taking('e', 1), taking('f', 1), taking('g', 2)),
      retry(taking('h', 1), 2),
      fanout(taking('i', 1), [taking('j', 2), taking('k', 3)]),
      merge([taking('l', 2), taking('m', 1)], taking('n', 1)),
      bind({ o: taking('o', 1), p: taking('p', 2) }, taking('q', 1)),
    )
    expect(criticalPath(plan)).toEqual([
      '0',
      '1/slow/0',
      '1/slow/1',
      '2/test',
      '2/no',
      '3',
      '4/source',
      '4/target-1',
      '5/source-0',
      '5/target',
      '6/p',
      '6/body',
    ])
  })

  test('takes as long as the plan', () => {
    const plan = parallel({ x: sequential(taking('1', 3), taking('2', 4)), y: taking('3', 6) })
    expect(criticalPath(plan)).toEqual(['x/0', 'x/1'])
    expect(costOf(plan).most.timeMs).toBe(7)
  })

  test('looks at the most, at the least where nothing bounds that, and takes the first of equals', () => {
    expect(criticalPath(parallel({ a: taking('a', 9), b: taking('b', 1, 10) }))).toEqual(['b'])
    expect(criticalPath(parallel({ a: taking('a', 1, infinite), b: taking('b', 9, 10) }))).toEqual(['a'])
    expect(criticalPath(parallel({ a: taking('a', 1, infinite), b: taking('b', 2, infinite) }))).toEqual([
      'b',
    ])
    expect(criticalPath(parallel({ a: taking('a', 4), b: taking('b', 4) }))).toEqual(['a'])
  })

  test('is the plan itself for a leaf, and empty for a plan that runs nothing', () => {
    expect(criticalPath(taking('a', 1))).toEqual([''])
    expect(criticalPath(sequential())).toEqual([])
    expect(criticalPath(parallel({}))).toEqual([])
  })
})

describe('phasesOf()', () => {
  const leaf = costing('leaf', {})
  const shape = (node: PlanNode) =>
    phasesOf(node).map(({ runs, children }) => [runs, ...children.map(([label]) => label)])

  test('tells what runs together and what one after the other', () => {
    expect(shape(sequential(leaf, leaf))).toEqual([
      ['all', '0'],
      ['all', '1'],
    ])
    expect(shape(parallel({ a: leaf, b: leaf }))).toEqual([['all', 'a', 'b']])
    expect(shape(branch(leaf, leaf, leaf))).toEqual([
      ['all', 'test'],
      ['one', 'yes', 'no'],
    ])
    expect(shape(fanout(leaf, [leaf, leaf]))).toEqual([
      ['all', 'source'],
      ['all', 'target-0', 'target-1'],
    ])
    expect(shape(merge([leaf, leaf], leaf))).toEqual([
      ['all', 'source-0', 'source-1'],
      ['all', 'target'],
    ])
    expect(shape(bind({ a: leaf }, leaf))).toEqual([
      ['all', 'a'],
      ['all', 'body'],
    ])
    expect(shape(retry(leaf, 2))).toEqual([['all', '']])
  })

  test('has none without children', () => {
    expect([leaf, sequential(), parallel({})].flatMap(shape)).toEqual([])
    expect(shape(fanout(leaf, []))).toEqual([['all', 'source']])
    expect(shape(bind({}, leaf))).toEqual([['all', 'body']])
  })
})
