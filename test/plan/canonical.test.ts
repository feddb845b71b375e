/** Which plans are the same: the laws of the canonical form over random plans, and what a content id covers. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { free, type VariantRef } from '../../src/core/call.ts'
import { valueHash } from '../../src/core/trace.ts'
import { canonicalise, contentId } from '../../src/plan/canonical.ts'
import { costOf } from '../../src/plan/cost.ts'
import { execute } from '../../src/plan/execute.ts'
import {
  bind,
  branch,
  childrenOf,
  constant,
  fanout,
  merge,
  type PlanNode,
  parallel,
  type RetryNode,
  remote,
  retry,
  sequential,
  stage,
} from '../../src/plan/node.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { runContext } from '../support/run-context.ts'

/** A plan that the compiler knows nothing of. */
type Plan = PlanNode<unknown, unknown>

const variant: VariantRef = {
  name: 'encoder-1',
  op: 'embed',
  model: 'encoder',
  revision: 'r1',
  weightsHash: 'w1',
  price: free,
  limits: { maxTokens: 100, dimensions: 3 },
}
/** What it gives hangs on its name and its input; that of `even` is a boolean. */
const leaf = (name: string, changes: object = {}): Plan => {
  const run = (input: unknown): unknown => (name === 'even' ? isEven(input) : { [name]: valueHash(input) })
  return stage(name, run, { effects: ['pure'], ...changes })
}
const isEven = (input: unknown): boolean => Number.parseInt(valueHash(input).slice(-1), 16) % 2 === 0
const embed = (changes: object = {}): Plan =>
  remote<unknown, unknown>(variant, {
    call: input => ({ items: [valueHash(input)] }),
    result: ({ results }) => ({ embedded: valueHash(results) }),
    ...changes,
  })
const [a, b, c] = [leaf('a'), leaf('b'), leaf('c')]
const inOrder = (...nodes: readonly PlanNode[]): Plan => sequential<unknown, unknown>(...nodes)
const arms = (test: Plan, yes: Plan, no: Plan): Plan => branch(test as PlanNode<unknown, boolean>, yes, no)
const within = (bindings: Record<string, Plan>, body: Plan) => bind(bindings, body) as Plan
const together = (branches: Record<string, Plan>): Plan => parallel(branches)

const nat = fc.nat({ max: 9 })
const leaves = fc.oneof(
  nat.map(value => constant(value) as Plan),
  fc.constantFrom(a, b, c, leaf('a', { version: '2', cost: { nanoUsd: 3, timeMs: 2, memoryBytes: 5 } })),
  nat.map(size => embed({ config: { size }, cost: { calls: 1, tokens: size } })),
)
const backoffs = fc.constantFrom({}, { baseMs: 0 }, { jitter: 0 })
const { plans } = fc.letrec<{ plans: Plan }>(tie => {
  const inner = tie('plans')
  const names = fc.dictionary(fc.constantFrom('x', 'y', 'z'), inner, { maxKeys: 3, noNullPrototype: true })
  const some = fc.array(inner, { maxLength: 3 })
  return {
    plans: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      leaves,
      some.map(nodes => inOrder(...nodes)),
      names.map(together),
      fc.tuple(inner, inner, inner).map(([test, yes, no]) => arms(inOrder(test, leaf('even')), yes, no)),
      fc.tuple(inner, some).map(([source, targets]) => fanout(source, targets) as Plan),
      fc.tuple(some, inner).map(([sources, target]) => merge(sources, target) as Plan),
      fc.tuple(inner, fc.integer({ min: 1, max: 4 }), backoffs).map(all => retry(...all)),
      fc.tuple(names, inner).map(all => within(...all)),
    ),
  }
})

const choicesOf = (stream: fc.Stream<number>) => () => stream.next().value as number

/** The same plan written otherwise, as the numbers of `choices` have it. */
function rewritten(plan: PlanNode, choices: () => number): PlanNode {
  const again = (node: PlanNode) => rewritten(node, choices) as Plan
  const all = (nodes: readonly PlanNode[]) => nodes.map(again)
  const named = (entries: readonly (readonly [string, PlanNode])[]) =>
    Object.fromEntries(entries.map(([name, node]) => [name, again(node)] as const).toReversed())
  const same = (): PlanNode => {
    switch (plan.kind) {
      case 'const':
        return constant(plan.value)
      case 'stage':
        return leaf(plan.name, { version: plan.version })
      case 'remote':
        return embed({ config: plan.config })
      case 'sequential': {
        const cut = choices() % (plan.nodes.length + 1)
        return inOrder(inOrder(...all(plan.nodes.slice(0, cut))), inOrder(...all(plan.nodes.slice(cut))))
      }
      case 'parallel':
        return together(named(plan.branches))
      case 'branch':
        return arms(again(plan.test), again(plan.yes), again(plan.no))
      case 'fanout':
        return fanout(again(plan.source), all(plan.targets))
      case 'merge':
        return merge(all(plan.sources), again(plan.target))
      case 'retry': {
        const { attempts, backoff, node } = plan
        const isEven = attempts % 2 === 0
        return isEven
          ? retry(retry(again(node), 2, backoff), attempts / 2, backoff)
          : retry(again(node), attempts, backoff)
      }
      case 'let':
        return within(named(plan.bindings), again(plan.body))
    }
  }
  const written = same() as Plan
  return [written, inOrder(written), retry(written, 1), within({}, written)][choices() % 4] as PlanNode
}

describe('canonicalise()', () => {
  test('gives its own result back, and every node in it', () => {
    const check = (form: PlanNode) => {
      expect(canonicalise(form)).toBe(form)
      for (const [, child] of childrenOf(form)) check(child)
    }
    fc.assert(fc.property(plans, plan => check(canonicalise(plan))))
  })

  test('gives one form for all writings of a plan', () => {
    fc.assert(
      fc.property(plans, fc.infiniteStream(fc.nat(3)), (plan, choices) => {
        const other = rewritten(plan, choicesOf(choices))
        expect(contentId(other)).toBe(contentId(plan))
        expect(contentId(canonicalise(other))).toBe(contentId(plan))
      }),
    )
  })

  test('does not change what a plan gives', async () => {
    const { dispatch } = new FakeDispatch()
    const outputOf = (plan: PlanNode) => execute(plan as Plan, { question: 42 }, runContext(), { dispatch })
    const property = fc.asyncProperty(plans, fc.infiniteStream(fc.nat(3)), async (plan, choices) => {
      const output = await outputOf(plan)
      expect(await outputOf(canonicalise(plan))).toEqual(output)
      expect(await outputOf(rewritten(plan, choicesOf(choices)))).toEqual(output)
    })
    await fc.assert(property, { numRuns: 50 })
  })

  test('leaves nothing to simplify and everything frozen', () => {
    const check = (form: PlanNode) => {
      expect(Object.isFrozen(form)).toBe(true)
      const children = childrenOf(form).map(([, child]) => child)
      if (form.kind === 'sequential') {
        expect(form.nodes.length).not.toBe(1)
        expect(children.filter(({ kind }) => kind === 'sequential')).toEqual([])
        expect(Object.isFrozen(form.nodes)).toBe(true)
      }
      if (form.kind === 'retry') {
        expect(form.attempts).toBeGreaterThan(1)
        if (form.node.kind === 'retry') expect(form.node.backoff).not.toEqual(form.backoff)
      }
      if (form.kind === 'let') expect(form.bindings.length).toBeGreaterThan(0)
      children.forEach(check)
    }
    fc.assert(fc.property(plans, plan => check(canonicalise(plan))))
  })

  test('does not change what a plan costs, but for the waits of a Retry in a Retry', () => {
    const apartFromTime = (plan: PlanNode) => {
      const { least, most } = costOf(plan)
      return [least, { ...most, timeMs: 0 }]
    }
    fc.assert(
      fc.property(plans, plan => {
        expect(apartFromTime(canonicalise(plan))).toEqual(apartFromTime(plan))
      }),
    )
  })

  test('flattens a Sequential and drops empty ones in it', () => {
    expect(canonicalise(inOrder(inOrder(a), inOrder(), inOrder(b, inOrder(c))))).toEqual(inOrder(a, b, c))
    expect(canonicalise(inOrder(inOrder(inOrder(), a)))).toBe(a)
    expect(canonicalise(inOrder(inOrder()))).toEqual(inOrder())
  })

  test('multiplies attempts where the back-off is the same', () => {
    const attemptsOf = (plan: Plan) => (canonicalise(plan) as RetryNode).attempts
    expect(canonicalise(retry(a, 1))).toBe(a)
    expect(canonicalise(retry(retry(a, 3), 2))).toEqual(retry(a, 6))
    expect(canonicalise(retry(retry(retry(a, 3), 1), 2))).toEqual(retry(a, 6))
    expect(attemptsOf(retry(retry(a, 3, { baseMs: 1 }), 2))).toBe(2)
    expect(attemptsOf(retry(retry(a, 2 ** 40), 2 ** 40))).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('takes the body of a Let without bindings, also for what stands around it', () => {
    expect(canonicalise(within({}, a))).toBe(a)
    expect(canonicalise(inOrder(within({}, inOrder(a, b)), c))).toEqual(inOrder(a, b, c))
    expect(canonicalise(retry(within({}, retry(a, 2)), 2))).toEqual(retry(a, 4))
  })

  test('takes a plan of any depth, and a node of many places once', () => {
    let deep: Plan = a
    for (let level = 0; level < 3000; level += 1) deep = inOrder(retry(deep, 1), b)
    expect(childrenOf(canonicalise(deep))).toHaveLength(3001)
    for (let level = 0; level < 3000; level += 1) deep = together({ x: deep })
    expect(contentId(deep)).toMatch(/^[0-9a-f]{64}$/)
    let wide: Plan = a
    for (let level = 0; level < 60; level += 1) wide = together({ x: inOrder(wide), y: wide })
    expect(contentId(wide)).toMatch(/^[0-9a-f]{64}$/)
  })
})

describe('contentId()', () => {
  test('stays the same from release to release', () => {
    const plan = inOrder(
      together({ x: leaf('a', { config: { k: [1, 'two'] } }), y: remote(variant) as Plan }),
      retry(arms(a, constant({ v: 1 }), inOrder()), 3),
    )
    expect(contentId(plan)).toBe('36ada56041f5561f0b54ee5feeb8fa45057c66d1a8fad8199d6ce4df1e270852')
  })

  test.each<[string, Plan, Plan]>([
    ['the order of a Sequential', inOrder(a, b), inOrder(b, a)],
    ['the order of a Fanout', fanout(a, [b, c]), fanout(a, [c, b])],
    ['the order of a Merge', merge([a, b], c), merge([b, a], c)],
    ['the arms of a Branch', arms(a, b, c), arms(a, c, b)],
    ['a label', together({ x: a }), together({ y: a })],
    ['a binding', within({ x: a }, b), within({ y: a }, b)],
    ['the kind', together({ x: a, body: b }), within({ x: a }, b)],
    ['what becomes of an error', parallel({ x: a }), parallel({ x: a }, { onError: 'settle' })],
    ['the attempts', retry(a, 2), retry(a, 3)],
    ['the back-off', retry(a, 2), retry(a, 2, { jitter: 0 })],
    [
      'the order of unequal back-offs',
      retry(retry(a, 2, { baseMs: 1 }), 2),
      retry(retry(a, 2), 2, { baseMs: 1 }),
    ],
    ['a value', constant(1), constant(2)],
    ['a value that is missing', constant(null), constant(undefined)],
    ['a name', a, b],
    ['a version', a, leaf('a', { version: '2' })],
    ['a configuration', leaf('a', { config: { k: 1 } }), leaf('a', { config: { k: 2 } })],
    ['a configuration that is missing', a, leaf('a', { config: null })],
    ['an effect', a, leaf('a', { effects: ['pure', 'file'] })],
    ['where a leaf runs', leaf('embed', { effects: ['model', 'fallible'] }), remote(variant)],
    ['the variant', remote(variant), remote({ ...variant, name: 'encoder-2' })],
    ['the revision', remote(variant), remote({ ...variant, revision: 'r2' })],
    ['the weights', remote(variant), remote({ ...variant, weightsHash: 'w2' })],
    ['one of a pair of leaves', together({ x: a, y: b }), together({ x: b, y: a })],
  ])('changes with %s', (_, one, other) => {
    expect(contentId(one)).not.toBe(contentId(other))
  })

  test.each<[string, Plan, Plan]>([
    ['costs', leaf('a', { cost: { nanoUsd: 9 } }), a],
    ['what may be kept', leaf('a', { memo: false }), a],
    ['portable forms', leaf('a', { portable: { input: String } }), a],
    ['functions', stage('a', () => 'other', { effects: ['pure'] }), a],
    [
      'the order of effects',
      leaf('a', { effects: ['model', 'file'] }),
      leaf('a', { effects: ['file', 'model'] }),
    ],
    ['a pure that says so', leaf('a', { effects: [] }), a],
    ['the order of keys', leaf('a', { config: { x: 1, y: 2 } }), leaf('a', { config: { y: 2, x: 1 } })],
    ['the order of names', together({ x: a, y: b }), together({ y: b, x: a })],
  ])('does not change with %s', (_, one, other) => {
    expect(contentId(one)).toBe(contentId(other))
  })

  test('does not let one node run into the next', () => {
    expect(contentId(leaf('ab', { version: 'c' }))).not.toBe(contentId(leaf('a', { version: 'bc' })))
    expect(contentId(together({ x: together({ y: a }) }))).not.toBe(contentId(together({ x: a, y: a })))
  })

  test('refuses what has no canonical form', () => {
    const refused = expect.objectContaining({ code: 'ER_INPUT' })
    expect(() => contentId(inOrder(a, leaf('b', { config: { run: () => 1 } })))).toThrow(refused)
    expect(() => contentId(constant(Number.NaN))).toThrow(refused)
  })
})
