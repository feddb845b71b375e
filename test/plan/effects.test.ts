/** What plans may do beyond computing: inference, policy, what may be kept, and the three warnings. */
import { describe, expect, test } from 'vitest'
import { free, type VariantRef } from '../../src/core/call.ts'
import {
  assertAllowed,
  type EffectPolicy,
  effectsOf,
  isMemoisable,
  warningsOf,
} from '../../src/plan/effects.ts'
import {
  bind,
  branch,
  constant,
  type Effect,
  fanout,
  merge,
  type PlanNode,
  parallel,
  remote,
  retry,
  sequential,
  stage,
} from '../../src/plan/node.ts'

type Plan = PlanNode<unknown, unknown>

const doing = (name: string, ...effects: readonly Effect[]): Plan =>
  stage(name, (input: unknown): unknown => input, { effects })
const inOrder = (...nodes: readonly PlanNode[]): Plan => sequential<unknown, unknown>(...nodes)
const arms = (test: Plan, yes: Plan, no: Plan): Plan => branch(test as PlanNode<unknown, boolean>, yes, no)
const within = (bindings: Record<string, Plan>, body: Plan) => bind(bindings, body) as Plan
const variant: VariantRef = {
  name: 'encoder-1',
  op: 'embed',
  model: 'encoder',
  revision: 'r1',
  weightsHash: 'w1',
  price: free,
  limits: { maxTokens: 100, dimensions: 3 },
}
const paid: VariantRef = { ...variant, price: { usdPer1kTokens: 0.01, usdPerSecond: 0 } }
const pure = doing('pure', 'pure')
const random = doing('random', 'non-deterministic')
const fetch = doing('fetch', 'network', 'fallible')

describe('effectsOf()', () => {
  test('is pure for values, for pure stages and for nothing', () => {
    for (const plan of [constant(1), pure, doing('told nothing of'), inOrder(), inOrder(pure, constant(1))])
      expect(effectsOf(plan)).toEqual(['pure'])
  })

  test('is unknown for a stage that does not say', () => {
    expect(effectsOf(stage('s', () => 1))).toEqual(['unknown'])
  })

  test('is the model and that it may fail for a remote leaf, its cost where it has a price, and what it says', () => {
    expect(effectsOf(remote(variant))).toEqual(['fallible', 'model'])
    expect(effectsOf(remote(paid))).toEqual(['cost', 'fallible', 'model'])
    const perSecond = { ...variant, price: { usdPer1kTokens: 0, usdPerSecond: 1 } }
    expect(effectsOf(remote(perSecond))).toContain('cost')
    expect(effectsOf(remote(variant, { effects: ['network', 'non-deterministic'] }))).toEqual([
      'fallible',
      'model',
      'network',
      'non-deterministic',
    ])
  })

  test('is what any of the leaves does, sorted, each once', () => {
    const all = ['fallible', 'model', 'network', 'non-deterministic', 'process']
    const shell = doing('shell', 'process', 'pure')
    const model = remote(variant) as Plan
    const plans = [
      inOrder(shell, fetch, random, model, pure, fetch),
      parallel({ shell, fetch, random, model }),
      arms(random, inOrder(shell, model), fetch),
      fanout(shell, [fetch, random, model]),
      merge([shell, fetch, random], model),
      retry(within({ shell, fetch, random }, model), 2),
    ]
    for (const plan of plans) expect(effectsOf(plan)).toEqual(all)
  })
})

describe('assertAllowed()', () => {
  const plan = inOrder(pure, parallel({ random, web: retry(fetch, 2) }))

  test.each<EffectPolicy>([
    {},
    { allow: ['network', 'fallible', 'non-deterministic'] },
    { refuse: ['file', 'process', 'pure'] },
    { allow: ['network', 'fallible', 'non-deterministic', 'model'], refuse: ['model'] },
  ])('lets a plan through %o', policy => {
    expect(() => assertAllowed(plan, policy)).not.toThrow()
  })

  test.each<[EffectPolicy, string, Effect]>([
    [{ allow: ['fallible', 'non-deterministic'] }, '1/web', 'network'],
    [{ allow: [] }, '1/random', 'non-deterministic'],
    [{ refuse: ['fallible'] }, '1/web', 'fallible'],
    [{ allow: ['network', 'fallible', 'non-deterministic'], refuse: ['network'] }, '1/web', 'network'],
  ])('refuses by %o and names the leaf and the effect', (policy, path, effect) => {
    const name = path === '1/web' ? 'fetch' : 'random'
    expect(() => assertAllowed(plan, policy)).toThrow(
      expect.objectContaining({
        name: 'PlanError',
        code: 'ER_PLAN_INVALID',
        path,
        message: `The stage ${name} at ${path} may have the effect ${effect}, which the policy does not allow`,
      }),
    )
  })

  test('allows pure plans always', () => {
    expect(() => assertAllowed(inOrder(pure, constant(1)), { allow: [], refuse: ['pure'] })).not.toThrow()
  })
})

describe('isMemoisable()', () => {
  test.each<[boolean, readonly Effect[]]>([
    [true, ['pure']],
    [true, ['model', 'cost', 'fallible']],
    [false, ['non-deterministic']],
    [false, ['network']],
    [false, ['file', 'pure']],
    [false, ['process']],
    [false, ['unknown']],
  ])('is %s for a stage with the effects %o', (kept, effects) => {
    expect(isMemoisable(doing('s', ...effects))).toBe(kept)
  })

  test('goes by what a leaf says itself', () => {
    expect(isMemoisable(stage('s', () => 1, { effects: ['network'], memo: true }))).toBe(true)
    expect(isMemoisable(stage('s', () => 1, { effects: ['pure'], memo: false }))).toBe(false)
    expect(isMemoisable(remote(paid))).toBe(true)
    expect(isMemoisable(remote(paid, { memo: false }))).toBe(false)
    expect(isMemoisable(remote(variant, { effects: ['non-deterministic'] }))).toBe(false)
    expect(isMemoisable(remote(variant, { effects: ['non-deterministic'], memo: true }))).toBe(true)
  })

  test('goes by all leaves for a composite', () => {
    expect(isMemoisable(inOrder(pure, parallel({ a: constant(1), b: retry(remote(variant), 2) })))).toBe(true)
    expect(isMemoisable(inOrder(pure, parallel({ a: constant(1), b: retry(random, 2) })))).toBe(false)
  })

  test('never keeps what may hold a failure', () => {
    const settling = parallel({ pure }, { onError: 'settle' })
    expect(isMemoisable(settling)).toBe(false)
    expect(isMemoisable(inOrder(settling, pure))).toBe(false)
  })
})

describe('warningsOf()', () => {
  const found = (plan: PlanNode, budget = {}) =>
    warningsOf(plan, budget).map(({ kind, path }) => [kind, path])

  describe('a fallible leaf without a Retry', () => {
    const kind = 'fallible-without-retry'

    test('is told wherever it stands, the root included', () => {
      expect(warningsOf(fetch)).toEqual([
        { kind, path: '', message: 'The stage fetch may fail, and no Retry stands around it' },
      ])
      expect(found(remote(variant))).toEqual([[kind, '']])
      expect(found(inOrder(pure, fetch))).toEqual([[kind, '1']])
      expect(found(parallel({ a: fetch, b: inOrder(fetch) }))).toEqual([
        [kind, 'a'],
        [kind, 'b/0'],
      ])
      expect(found(arms(fetch, pure, fetch))).toEqual([
        [kind, 'test'],
        [kind, 'no'],
      ])
      expect(found(fanout(fetch, [fetch]))).toEqual([
        [kind, 'source'],
        [kind, 'target-0'],
      ])
      expect(found(merge([fetch], fetch))).toEqual([
        [kind, 'source-0'],
        [kind, 'target'],
      ])
      expect(found(within({ a: fetch }, fetch))).toEqual([
        [kind, 'a'],
        [kind, 'body'],
      ])
    })

    test('is not told under a Retry, at any depth', () => {
      expect(found(retry(fetch, 2))).toEqual([])
      expect(found(retry(inOrder(pure, parallel({ a: fetch })), 2))).toEqual([])
    })

    test('is told under a Retry that does not try again, and beside one', () => {
      expect(found(retry(fetch, 1))).toEqual([[kind, '']])
      expect(found(inOrder(retry(fetch, 2), fetch))).toEqual([[kind, '1']])
    })
  })

  describe('non-determinism that feeds a pure stage', () => {
    const kind = 'non-deterministic-feeds-pure'
    const mixed = doing('mixed', 'file')

    test('is told of neighbours in a Sequential', () => {
      expect(warningsOf(inOrder(random, pure))).toEqual([
        {
          kind,
          path: '1',
          message:
            'The stage pure at 1 is pure and takes what the stage random at 0 gave, which is non-deterministic',
        },
      ])
    })

    test('is not told where nothing pure takes it', () => {
      expect(found(inOrder(pure, random))).toEqual([])
      expect(found(inOrder(random, mixed))).toEqual([])
      expect(found(parallel({ random, pure }))).toEqual([])
      expect(found(inOrder(random, constant(1), pure))).toEqual([])
    })

    test('is told through what passes it on, and once', () => {
      expect(found(inOrder(random, mixed, pure, pure))).toEqual([[kind, '2']])
      expect(found(inOrder(inOrder(pure, retry(random, 2)), inOrder(inOrder(), pure)))).toEqual([
        [kind, '1/1'],
      ])
    })

    test('is told through all kinds of node', () => {
      expect(found(fanout(random, [pure, mixed, pure]))).toEqual([
        [kind, 'target-0'],
        [kind, 'target-2'],
      ])
      expect(found(merge([pure, random], pure))).toEqual([[kind, 'target']])
      expect(found(within({ a: random }, pure))).toEqual([[kind, 'body']])
      expect(found(within({ a: constant(1) }, pure))).toEqual([])
      expect(found(inOrder(parallel({ a: constant(1), b: random }), pure))).toEqual([[kind, '1']])
      expect(found(inOrder(random, parallel({ a: pure, b: mixed }), mixed, pure))).toEqual([
        [kind, '1/a'],
        [kind, '3'],
      ])
    })

    test('is told of both arms of a Branch, and of its test', () => {
      expect(found(inOrder(random, arms(pure, pure, mixed)))).toEqual([
        [kind, '1/test'],
        [kind, '1/yes'],
      ])
      expect(found(inOrder(arms(random, constant(1), constant(2)), pure))).toEqual([[kind, '1']])
      expect(found(inOrder(arms(constant(true), constant(1), random), pure))).toEqual([[kind, '1']])
      expect(found(inOrder(arms(pure, constant(1), mixed), pure))).toEqual([])
    })

    test('reaches the body of a Let with the input, and names every source', () => {
      expect(found(inOrder(random, within({ a: constant(1) }, pure)))).toEqual([[kind, '1/body']])
      const [warning] = warningsOf(inOrder(random, within({ a: random }, pure)))
      expect(warning?.message).toContain('takes what the stage random at 0, the stage random at 1/a gave')
    })
  })

  test('takes a plan of any depth', () => {
    let plan = fetch
    for (let level = 0; level < 5000; level += 1) plan = inOrder(plan)
    const path = '/0'.repeat(5000).slice(1)
    expect(found(inOrder(random, plan, pure))).toEqual([
      ['fallible-without-retry', `1/${path}`],
      ['non-deterministic-feeds-pure', '2'],
    ])
    expect(() => assertAllowed(plan, { allow: ['network'] })).toThrow(expect.objectContaining({ path }))
    expect(isMemoisable(plan)).toBe(false)
  })

  describe('cost over the budget', () => {
    const dear = stage('dear', (input: unknown) => input, {
      effects: ['pure'],
      cost: { least: { nanoUsd: 10, tokens: 5 }, most: { nanoUsd: 50, tokens: 5 } },
    })

    test('is told where the most is more than a limit', () => {
      expect(warningsOf(inOrder(dear, dear), { nanoUsd: 99, tokens: 10 })).toEqual([
        {
          kind: 'cost-over-budget',
          path: '',
          message: 'The plan may take 100 nanoUsd, more than the budget of 99',
        },
      ])
      expect(found(inOrder(dear, dear), { nanoUsd: 100 })).toEqual([])
      expect(found(inOrder(dear, dear), { nanoUsd: 1, tokens: 1, calls: 0 })).toHaveLength(2)
    })

    test('counts the dearer arm and not both, and every attempt', () => {
      const budget = { nanoUsd: 50 }
      expect(found(arms(pure, dear, dear), budget)).toEqual([])
      expect(found(retry(dear, 2), budget)).toEqual([['cost-over-budget', '']])
    })

    test('is told of what has no bound', () => {
      expect(found(retry(remote(variant), 2), { tokens: 1e9 })).toEqual([['cost-over-budget', '']])
    })

    test('is not told without a budget', () => {
      expect(warningsOf(dear)).toEqual([])
    })
  })
})
