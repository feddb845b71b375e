/** Plans as text: the tree, the figures as people write them, the critical path, and what is left out. */
import { describe, expect, test } from 'vitest'
import { free, type VariantRef } from '../../src/core/call.ts'
import { explain } from '../../src/plan/explain.ts'
import {
  bind,
  branch,
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

const variant: VariantRef = {
  name: 'minilm',
  op: 'embed',
  model: 'minilm',
  revision: '1',
  weightsHash: '',
  price: { usdPer1kTokens: 0.02, usdPerSecond: 0 },
  limits: { maxTokens: 256, dimensions: 384 },
}
const pure = (name: string, cost: CostClaim = {}): PlanNode<unknown, boolean> =>
  stage(name, () => true, { effects: ['pure'], cost })
const leaf = (cost: CostClaim) => explain(pure('s', cost)).split('\n')[1]

describe('explain()', () => {
  const embed = remote<unknown, unknown>(variant, {
    cost: {
      least: { calls: 1, tokens: 100, nanoUsd: 2_000_000, timeMs: 12 },
      most: {
        calls: 1,
        tokens: 4096,
        nanoUsd: 81_920_000,
        timeMs: 1500,
        workerMs: 1400,
        memoryBytes: 3 * 2 ** 20,
      },
    },
  })
  const plan = sequential<unknown, unknown>(
    stage('passages', () => ['a'], { version: '3', effects: ['file'], cost: { timeMs: 4.5 } }),
    bind(
      {
        reply: parallel(
          { embed: retry(embed, 3), words: pure('words', { timeMs: 2 }) },
          { onError: 'settle' },
        ),
        limit: constant('never shown'),
      },
      branch(
        pure('enough'),
        merge([constant(1)], pure('join')),
        fanout(pure('ask', { timeMs: 1 }), [pure('x'), remote({ ...variant, price: free })]),
      ),
    ),
  )

  test('draws the tree with costs, effects and the critical path', () => {
    const tries = '0.002–0.24576 USD, 100–12288 tokens, 1–3 calls, 0–4.2 s of workers, 12 ms–4.8 s, 0–3 MiB'
    const once = '0.002–0.08192 USD, 100–4096 tokens, 1 call, 0–1.4 s of workers, 12 ms–1.5 s, 0–3 MiB'
    const all = (time: string) =>
      `0.002–0.24576 USD, 100–∞ tokens, 1–4 calls, 0–∞ ms of workers, ${time}, 0–3 MiB`
    expect(explain(plan).split('\n')).toEqual([
      `${all('16.5–∞ ms')}; effects: cost, fallible, file, model; 17 nodes; * is the critical path`,
      `* sequential  ${all('16.5–∞ ms')}`,
      '* ├─ 0: stage passages@3  4.5 ms [file]',
      `* └─ 1: let  ${all('12–∞ ms')}`,
      '     ├─ limit: const',
      `*    ├─ reply: parallel, every outcome  ${tries}`,
      `*    │  ├─ embed: retry, 3 attempts  ${tries}`,
      `*    │  │  └─ remote embed@1 to minilm  ${once} [cost, fallible, model]`,
      '     │  └─ words: stage words@1  2 ms',
      '*    └─ body: branch  0–∞ tokens, 0–1 calls, 0–∞ ms of workers, 0–∞ ms',
      '*       ├─ test: stage enough@1',
      '        ├─ yes: merge',
      '        │  ├─ source-0: const',
      '        │  └─ target: stage join@1',
      '*       └─ no: fanout  0–∞ tokens, 1 call, 0–∞ ms of workers, 1–∞ ms',
      '*          ├─ source: stage ask@1  1 ms',
      '           ├─ target-0: stage x@1',
      '*          └─ target-1: remote embed@1 to minilm  0–∞ tokens, 1 call, 0–∞ ms of workers, 0–∞ ms' +
        ' [fallible, model]',
    ])
  })

  test('gives the same text for a plan made again', () => {
    const make = () => parallel({ b: pure('b', { calls: 2 }), a: constant(1) })
    expect(explain(make())).toBe(explain(make()))
  })

  test('calls a plan free that costs nothing', () => {
    expect(explain(constant('x'))).toBe('free; effects: pure; 1 node; * is the critical path\n* const')
  })

  test.each<[string, CostClaim]>([
    ['0.000000001 USD', { nanoUsd: 1 }],
    ['0.0021–1.5 USD', { least: { nanoUsd: 2_100_000 }, most: { nanoUsd: 1_500_000_000 } }],
    ['9007199.254740991 USD', { nanoUsd: Number.MAX_SAFE_INTEGER }],
    ['1 token', { tokens: 1 }],
    ['1–2 calls', { least: { calls: 1 }, most: { calls: 2 } }],
    ['0–1 calls', { least: {}, most: { calls: 1 } }],
    ['123456 tokens', { tokens: 123_456 }],
    ['3–∞ tokens', { least: { tokens: 3 }, most: { tokens: Number.POSITIVE_INFINITY } }],
    ['0–∞ USD', { least: {}, most: { nanoUsd: Number.POSITIVE_INFINITY } }],
    ['12.3 ms', { timeMs: 12.345 }],
    ['20 ms–1.5 s', { least: { timeMs: 20 }, most: { timeMs: 1500 } }],
    ['0–1.5 s', { least: {}, most: { timeMs: 1500 } }],
    ['7 ms of workers', { workerMs: 7 }],
    ['1000 B', { memoryBytes: 1000 }],
    ['512 B–1.5 GiB', { least: { memoryBytes: 512 }, most: { memoryBytes: 1.5 * 2 ** 30 } }],
    ['2 calls, 5 ms', { timeMs: 5, calls: 2 }],
  ])('writes %s', (text, cost) => {
    expect(leaf(cost)).toBe(`* stage s@1  ${text}`)
  })

  test('marks what takes longest of what runs together, with all that it stands in', () => {
    const marked = explain(
      parallel({ a: sequential(pure('s', { timeMs: 1 }), pure('t')), b: pure('u'), c: pure('v') }),
    )
    expect(marked.split('\n').map(line => line[0])).toEqual(['1', '*', '*', '*', '*', ' ', ' '])
  })

  describe('a long plan', () => {
    const many = (count: number) => Array.from({ length: count }, (_, index) => pure(`s${index}`))

    test('has the first children of a node, and counts the others', () => {
      const lines = explain(fanout(pure('source'), [...many(5), fanout(pure('more'), many(2))]), {
        mostChildren: 3,
      }).split('\n')
      expect(lines).toEqual([
        'free; effects: pure; 11 nodes; * is the critical path',
        '* fanout',
        '* ├─ source: stage source@1',
        '* ├─ target-0: stage s0@1',
        '  ├─ target-1: stage s1@1',
        '  └─ … 4 more, 7 nodes',
      ])
    })

    test('marks the others where the critical path is among them', () => {
      const branches = { a: pure('a'), b: pure('b'), c: pure('c', { timeMs: 1 }) }
      const lines = explain(parallel(branches), { mostChildren: 2 }).split('\n')
      expect(lines.slice(1)).toEqual([
        '* parallel  1 ms',
        '  ├─ a: stage a@1',
        '  ├─ b: stage b@1',
        '* └─ … 1 more, 1 node',
      ])
    })

    test('ends after the nodes that are told at most, and counts the rest', () => {
      const list = (count: number) => sequential<unknown, boolean>(...many(count))
      const lines = explain(parallel({ a: list(3), b: list(3) }), { mostNodes: 3 }).split('\n')
      expect(lines.slice(2)).toEqual(['* ├─ a: sequential', '* │  ├─ 0: stage s0@1', '  … 6 more nodes'])
      const all = explain(parallel({ a: list(20), b: list(3) }), { mostNodes: 19 }).split('\n')
      expect(all.slice(-3)).toEqual(['* │  └─ … 4 more, 4 nodes', '  └─ b: sequential', '  … 3 more nodes'])
    })

    test('is short by itself, whatever its size', () => {
      expect(explain(sequential<unknown, unknown>(...many(5000))).split('\n')).toHaveLength(19)
      let plan: PlanNode<unknown, unknown> = pure('leaf')
      for (let level = 0; level < 60; level += 1) plan = parallel({ a: plan, b: plan })
      const lines = explain(plan).split('\n')
      expect(lines).toHaveLength(202)
      expect(lines.at(-1)).toMatch(/^ {2}… \d+ more nodes$/)
    })
  })
})
