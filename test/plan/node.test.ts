/** Plans as values: what the builders make, what they refuse, and what the compiler knows of their types. */
import { describe, expect, expectTypeOf, test } from 'vitest'
import { free, type VariantRef, type Vectors } from '../../src/core/call.ts'
import {
  bind,
  branch,
  childrenOf,
  constant,
  fanout,
  merge,
  type PlanNode,
  parallel,
  pathOf,
  type RemoteNode,
  type RetryNode,
  remote,
  retry,
  type Settled,
  type StageNode,
  sequential,
  stage,
} from '../../src/plan/node.ts'

const length = stage('length', (text: string) => text.length)
const upper = stage('upper', (text: string) => text.toUpperCase())
const double = stage('double', (count: number) => count * 2)
const isOdd = stage('is-odd', (count: number) => count % 2 === 1)
const variant: VariantRef = {
  name: 'echo-1',
  op: 'echo',
  model: 'echo',
  revision: '1',
  weightsHash: '',
  price: free,
  limits: { maxTokens: 100, dimensions: 0 },
}
const invalid = expect.objectContaining({ name: 'PlanError', code: 'ER_PLAN_INVALID' })

describe('stage()', () => {
  test('says the worst of a function that nothing is told of', () => {
    expect(length).toMatchObject({
      kind: 'stage',
      name: 'length',
      version: '1',
      effects: ['unknown'],
      cost: {},
    })
  })

  test('keeps what is told', () => {
    const options = {
      version: '3',
      config: { k: 2 },
      effects: ['pure'] as const,
      cost: { timeMs: 4 },
      memo: false,
    }
    expect(stage('told', () => 1, options)).toMatchObject({ name: 'told', ...options })
  })

  test('needs a name', () => {
    expect(() => stage('', () => 1)).toThrow(invalid)
  })

  test('does not change with the list of effects that it was given', () => {
    const effects: ('pure' | 'file')[] = ['pure']
    const made = stage('s', () => 1, { effects }) as StageNode
    effects.push('file')
    expect(made.effects).toEqual(['pure'])
  })
})

describe('remote()', () => {
  const reply = {
    results: ['A'],
    usage: { calls: 1, tokens: 2, workerMs: 3 },
    timings: { queueMs: 0, modelMs: 0, wireMs: 0 },
    attempt: 1,
    wastedMs: 0,
  }

  test('sends its input as items and gives the results, by the name of the operation', () => {
    const node = remote(variant) as RemoteNode
    expect(node).toMatchObject({ kind: 'remote', name: 'echo', version: '1', variant, effects: [] })
    expect(node.call(['a'])).toEqual({ items: ['a'] })
    expect(node.result(reply, ['a'])).toBe(reply.results)
  })

  test('sends and reads as it is told', () => {
    const node = remote<string, string>(variant, {
      name: 'first',
      call: text => ({ items: [text], seed: 7 }),
      result: ({ results }, text) => `${text}: ${(results as string[])[0]}`,
    }) as RemoteNode
    expect(node.call('a')).toEqual({ items: ['a'], seed: 7 })
    expect(node.result(reply, 'a')).toBe('a: A')
  })

  test('needs a name', () => {
    expect(() => remote(variant, { name: '' })).toThrow(invalid)
  })
})

describe('retry()', () => {
  test('waits 100 ms, then twice as long, half of it by chance', () => {
    const { attempts, backoff } = retry(length, 3) as RetryNode
    expect(attempts).toBe(3)
    expect(backoff).toEqual({ baseMs: 100, factor: 2, mostMs: 30_000, jitter: 0.5 })
  })

  test.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s attempts', attempts => {
    expect(() => retry(length, attempts)).toThrow(invalid)
  })

  test.each([
    { baseMs: -1 },
    { factor: Number.NaN },
    { factor: 0.5 },
    { mostMs: Number.POSITIVE_INFINITY },
    { jitter: 1.5 },
    { jitter: -0.1 },
  ])('refuses a back-off of %o', backoff => {
    expect(() => retry(length, 2, backoff)).toThrow(invalid)
  })

  test.each([{ jitter: 0 }, { jitter: 1 }, { baseMs: 0 }, { factor: 1 }, { mostMs: 0 }])(
    'takes %o',
    backoff => {
      expect((retry(length, 2, backoff) as RetryNode).backoff).toMatchObject(backoff)
    },
  )
})

describe('a node', () => {
  const one: PlanNode<{ readonly n: number }, number> = stage('n', ({ n }: { readonly n: number }) => n)
  const all: readonly [string, PlanNode][] = [
    ['const', constant(1)],
    ['stage', length],
    ['remote', remote(variant)],
    ['sequential', sequential(length, double)],
    ['parallel', parallel({ length, upper })],
    ['branch', branch(isOdd, double, double)],
    ['fanout', fanout(length, [double, isOdd])],
    [
      'merge',
      merge(
        [length, length],
        stage('sum', ([a = 0, b = 0]: readonly number[]) => a + b),
      ),
    ],
    ['retry', retry(length, 2)],
    ['let', bind({ m: one }, one)],
  ]

  const frozenIn = (value: unknown): boolean =>
    typeof value !== 'object' || value === null || (Object.isFrozen(value) && listsOf(value).every(frozenIn))
  const listsOf = (value: object) => Object.values(value).filter(inner => Array.isArray(inner))

  test.each(all)('of kind %s is frozen with its lists', (kind, node) => {
    expect(node.kind).toBe(kind)
    expect(frozenIn(node)).toBe(true)
  })

  test('does not change with the lists and objects that it was made from', () => {
    const targets = [double, double]
    const branches: Record<string, PlanNode<string, number>> = { length }
    const [out, together] = [fanout(length, targets), parallel(branches)]
    targets.pop()
    branches['more'] = length
    expect(childrenOf(out)).toHaveLength(3)
    expect(childrenOf(together)).toHaveLength(1)
  })
})

describe('childrenOf()', () => {
  const labels = (node: PlanNode) => childrenOf(node).map(([label]) => label)
  const scope = stage('scope', (scope: { readonly text: string }) => scope.text)

  test('gives none for leaves', () => {
    expect([constant(1), length, remote(variant)].flatMap(node => childrenOf(node))).toEqual([])
  })

  test('gives plan order, names in their order', () => {
    expect(labels(sequential(upper, upper, length))).toEqual(['0', '1', '2'])
    expect(labels(parallel({ b: length, a: upper, B: upper, 10: upper, 9: upper }))).toEqual([
      '10',
      '9',
      'B',
      'a',
      'b',
    ])
    expect(labels(branch(isOdd, double, double))).toEqual(['test', 'yes', 'no'])
    expect(labels(fanout(length, [double, isOdd]))).toEqual(['source', 'target-0', 'target-1'])
    expect(labels(merge([length, length], constant(1)))).toEqual(['source-0', 'source-1', 'target'])
    expect(labels(retry(length, 2))).toEqual([''])
    expect(labels(bind({ z: scope, y: scope }, scope))).toEqual(['y', 'z', 'body'])
  })

  test('gives the very nodes, in the same order', () => {
    const node = fanout(length, [isOdd, double])
    expect(childrenOf(node).map(([, child]) => child)).toEqual([length, isOdd, double])
  })
})

test('pathOf() leaves out what has no label', () => {
  expect(pathOf('', 'a')).toBe('a')
  expect(pathOf('0/a', 'b')).toBe('0/a/b')
  expect(pathOf('0', '')).toBe('0')
  expect(pathOf('', '')).toBe('')
})

// What follows fails in `tsc -p .`; what runs of it only shows that nothing throws.
describe('the compiler', () => {
  test('chains a Sequential and refuses what does not fit, also where the wanted type is known', () => {
    expectTypeOf(sequential(length, double)).toEqualTypeOf<PlanNode<string, number>>()
    expectTypeOf(sequential(upper, length, double, isOdd)).toEqualTypeOf<PlanNode<string, boolean>>()
    expectTypeOf(sequential<string>()).toEqualTypeOf<PlanNode<string, string>>()
    // @ts-expect-error: a number comes, a text is taken
    sequential(length, upper)
    // @ts-expect-error: the same, though the result would be called otherwise
    const wrong: PlanNode<string, string> = sequential(length, upper)
    // @ts-expect-error: as many as that go in two
    sequential(upper, upper, upper, upper, upper, upper)
    expectTypeOf(wrong).toEqualTypeOf<PlanNode<string, string>>()
  })

  test('takes a list of unknown length for a Sequential unchecked', () => {
    const list: PlanNode<string, string>[] = [upper, upper]
    const plan: PlanNode<string, number> = sequential(...list, length)
    expectTypeOf(plan).toEqualTypeOf<PlanNode<string, number>>()
    expectTypeOf(sequential<string, string>(...list)).toEqualTypeOf<PlanNode<string, string>>()
  })

  test('names what a Parallel gives, and needs what all branches need', () => {
    type Common = PlanNode<string, { readonly count: number; readonly loud: string; readonly one: number }>
    expectTypeOf(parallel({ count: length, loud: upper, one: constant<number>(1) })).toExtend<Common>()
    type Outcomes = PlanNode<string, { readonly count: Settled<number> }>
    expectTypeOf(parallel({ count: length }, { onError: 'settle' })).toExtend<Outcomes>()
    const name = stage('name', ({ name }: { readonly name: string }) => name)
    const age = stage('age', ({ age }: { readonly age: number }) => age)
    const person = parallel({ name, age })
    expectTypeOf(person).toExtend<PlanNode<{ readonly name: string; readonly age: number }>>()
    expectTypeOf(person).not.toExtend<PlanNode<{ readonly name: string }>>()
  })

  test('gives one of two for a Branch, whose test gives a boolean', () => {
    const words = stage('words', (count: number) => `${count}`)
    expectTypeOf(branch(isOdd, double, words)).toEqualTypeOf<PlanNode<number, number | string>>()
    // @ts-expect-error: a number is no answer
    branch(double, double, double)
  })

  test('knows each place of a Fanout and of a Merge', () => {
    expectTypeOf(fanout(length, [double, isOdd])).toEqualTypeOf<
      PlanNode<string, readonly [number, boolean]>
    >()
    expectTypeOf(fanout(length, [double].concat(double))).toEqualTypeOf<PlanNode<string, readonly number[]>>()
    // @ts-expect-error: the source gives a number
    fanout(length, [upper])
    const pair = stage('pair', ([count, loud]: readonly [number, string]) => `${loud}${count}`)
    expectTypeOf(merge([length, upper], pair)).toEqualTypeOf<PlanNode<string, string>>()
    // @ts-expect-error: in the other order
    merge([upper, length], pair)
  })

  test('asks a Let only for what its bindings do not give, and checks what they give', () => {
    type Text = { readonly text: string }
    const size = stage('size', ({ text }: Text) => text.length)
    const body = stage('body', ({ text, size }: Text & { readonly size: number }) => text.repeat(size))
    const plan: PlanNode<Text, string> = bind({ size }, body)
    expectTypeOf(plan).toEqualTypeOf<PlanNode<Text, string>>()
    expectTypeOf(bind({ size }, constant('x' as string))).toExtend<PlanNode<Text, string>>()
    // @ts-expect-error: the size is to be a number
    bind({ size: stage('size', ({ text }: Text) => text) }, body)
    // @ts-expect-error: nobody gives the text
    const lacking: PlanNode<{ readonly other: number }, string> = bind({ size: constant(1) }, body)
    expectTypeOf(lacking).not.toBeAny()
  })

  test('keeps types through Retry and takes any plan as a plan', () => {
    expectTypeOf(retry(length, 2)).toEqualTypeOf<PlanNode<string, number>>()
    expectTypeOf(remote<string[], Vectors>(variant)).toEqualTypeOf<PlanNode<string[], Vectors>>()
    expectTypeOf(length).toExtend<PlanNode>()
    expectTypeOf<PlanNode>().not.toExtend<PlanNode<string, number>>()
    const unknown: PlanNode = upper
    expectTypeOf(parallel({ length, unknown })).toExtend<PlanNode<never, { readonly unknown: unknown }>>()
    expectTypeOf(merge([unknown], constant(1))).toExtend<PlanNode>()
  })
})
