/** Definitions of dataflows: every fault of their shape is told, and the id changes with whatever they do. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { action, defineDataflow } from '../../src/plan/dataflow.ts'
import type { Dataflow, DataflowParts, FlowNode } from '../../src/plan/dataflow-node.ts'
import { stage } from '../../src/plan/node.ts'
import {
  act,
  always,
  choice,
  type Edge,
  end,
  faultsOf,
  type Input,
  type Node,
  plain,
  type State,
  schemas,
  shape,
  start,
  ways,
  work,
} from './small-dataflows.ts'

describe('the shape of a dataflow', () => {
  test('is fine as it is meant to be', () => {
    expect(plain()).toMatchObject({ name: 'plain', domain: 'local' })
  })

  test.each<[string, Node[], Edge[], string[]]>([
    ['no start', [end], [], ['There is no start']],
    [
      'two starts',
      [start, { ...start, id: 'begin' }, end],
      ways('start end', 'begin end'),
      ['There are 2 starts, not one: start, begin'],
    ],
    ['no end', [start, act('a')], ways('start a'), ['There is no end']],
    [
      'an id twice',
      [start, act('a'), act('a'), end],
      ways('start a', 'a end'),
      ['Node "a" is there more than once'],
    ],
    [
      'an id that joins others',
      [start, act('a/b#1'), end],
      ways('start a/b#1', 'a/b#1 end'),
      ['Node "a/b#1": an id is made of letters, digits, ".", "_" and "-"'],
    ],
    [
      'an edge from nowhere to nowhere',
      [start, end],
      [...ways('start end'), { from: 'x', to: 'y', when: always }],
      [
        'The edge from "x" to "y" (always): there is no node "x"',
        'The edge from "x" to "y" (always): there is no node "y"',
      ],
    ],
    [
      'an edge into the start and one from an end',
      [start, choice('c'), end],
      [...ways('start c', 'c end', 'end c'), { from: 'c', to: 'start', when: always }],
      [
        'The edge from "end" to "c" leads on from an end',
        'The edge from "c" to "start" (always) leads back to the start',
      ],
    ],
    [
      'two ways without a condition',
      [start, act('a'), end],
      ways('start a', 'start end', 'a end'),
      ['Node "start" has 2 edges without a condition; one can be taken'],
    ],
    [
      'a node that is never reached',
      [start, act('a'), end],
      ways('start end', 'a end'),
      ['Node "a" can\'t be reached from the start'],
    ],
    [
      'a way that never ends',
      [start, choice('c'), act('a'), act('b'), end],
      [...ways('start c', 'c end', 'a b'), { from: 'c', to: 'a', when: always }],
      ['Node "a" leads to no end', 'Node "b" leads to no end'],
    ],
    [
      'circles without a choice',
      [start, act('a'), act('b'), act('c'), end],
      [
        ...ways('start a', 'a b', 'b a', 'c c'),
        { from: 'b', to: 'c', when: always },
        { from: 'c', to: 'end', when: always },
      ],
      ['a → b → a is a circle without a choice', 'c → c is a circle without a choice'],
    ],
    [
      'a condition without a name',
      [start, choice('c'), end],
      [...ways('start c'), { from: 'c', to: 'end', when: { ...always, name: '' } }],
      ['The edge from "c" to "end" (): its condition needs a name'],
    ],
    [
      'a reducer without a name',
      [start, act('a', { into: { name: '', reduce: state => state } }), end],
      ways('start a', 'a end'),
      ['Node "a": its reducer needs a name'],
    ],
  ])('is refused for %s', (_, nodes, edges, faults) => {
    expect(shape(nodes, edges)).toEqual(faults)
  })

  test('may circle through a choice', () => {
    const edges = [...ways('start a', 'a c', 'c end'), { from: 'c', to: 'a', when: always }]
    expect(shape([start, act('a'), choice('c'), end], edges)).toEqual([])
  })

  test('is refused with all faults at once', () => {
    const nodes: Node[] = [
      start,
      act('a', { into: 'nowhere' }),
      act('b'),
      act('b'),
      { ...end, output: '{{state.x}}' },
    ]
    expect(faultsOf(() => plain({ name: '', nodes, edges: ways('start a', 'a end', 'a z') }))).toEqual([
      'A dataflow needs a name',
      'Node "b" is there more than once',
      'The edge from "a" to "z": there is no node "z"',
      'Node "a" has 2 edges without a condition; one can be taken',
      'Node "b" can\'t be reached from the start',
      'Node "b" leads to no end',
      'Node "a": its result goes into "nowhere", which the state can\'t hold',
      'Node "end": its output: {{state.x}} names nothing that the state can hold',
    ])
  })

  test('is refused for a dataflow that holds itself', () => {
    const inner = plain()
    const nodes = inner.nodes as Map<string, FlowNode>
    nodes.set('again', { kind: 'dataflow', id: 'again', definition: inner, template: {} })
    const outer: Node = {
      kind: 'dataflow',
      id: 'inner',
      definition: inner,
      template: { first: '{{state.n}}' },
    }
    expect(shape([start, outer, end], ways('start inner', 'inner end'))).toEqual([
      'Node "inner": plain in plain would run itself',
    ])
  })
})

describe('the id of a dataflow', () => {
  const whole = (): DataflowParts<Input, { n: number }, State> => ({
    name: 'whole',
    ...schemas,
    nodes: [start, act('a', { outputs: { made: { schema: z.number(), at: 'n' } } }), choice('c'), end],
    edges: [
      ...ways('start a', 'a c', 'c end'),
      { from: 'c', to: 'a', when: { name: 'less', test: ({ n }) => n < 3 } },
      { from: 'c', to: 'end', when: { name: 'more', test: ({ n }) => n > 3 } },
    ],
  })
  const known = defineDataflow(whole()).id

  test('is the same for the same, in whatever order it is written', () => {
    const { nodes, edges } = whole()
    expect(defineDataflow({ ...whole(), nodes: nodes.toReversed() }).id).toBe(known)
    // Where the edge without a condition stands means nothing; that of the others does.
    const [first, second, other, ...conditional] = edges as [Edge, Edge, Edge, Edge, Edge]
    expect(defineDataflow({ ...whole(), edges: [...conditional, other, second, first] }).id).toBe(known)
    expect(
      defineDataflow({ ...whole(), edges: [...ways('start a', 'a c', 'c end'), ...conditional.toReversed()] })
        .id,
    ).not.toBe(known)
    expect(known).toMatch(/^[0-9a-f]{64}$/)
  })

  test('knows functions by name and version only', () => {
    const [a, b, c, less, more] = whole().edges as [Edge, Edge, Edge, Edge, Edge]
    const other = { ...less, when: { name: 'less', version: '1', test: () => false } }
    expect(defineDataflow({ ...whole(), edges: [a, b, c, other, more] }).id).toBe(known)
    const versioned = { ...less, when: { name: 'less', version: '2', test: () => false } }
    expect(defineDataflow({ ...whole(), edges: [a, b, c, versioned, more] }).id).not.toBe(known)
  })

  test('changes with everything else', () => {
    const withNode = (node: Node) => {
      const parts = whole()
      return { ...parts, nodes: parts.nodes.map(one => (one.id === node.id ? node : one)) }
    }
    const outputs = { made: { schema: z.number(), at: 'n' } }
    const changed: DataflowParts<Input, { n: number }, State>[] = [
      { ...whole(), name: 'other' },
      { ...whole(), domain: 'remote' },
      { ...whole(), input: z.object({ first: z.number(), more: z.string().optional() }) },
      { ...whole(), output: z.object({ n: z.number().optional() }) as never },
      {
        ...whole(),
        state: z
          .object({ n: z.number(), text: z.string().optional(), list: z.array(z.string().min(0).max(9)) })
          .extend({ list: z.array(z.string().max(9)).default([]) }),
      },
      withNode({ ...start, state: { n: '{{input.first}}', text: 'x' } } as Node),
      withNode({ ...end, output: { n: 1 } } as Node),
      withNode(act('a', { outputs: { made: { schema: z.int(), at: 'n' } } })),
      withNode(act('a', { outputs: {} })),
      withNode(act('a', { outputs, domain: { fixed: 'remote' } })),
      withNode(act('a', { outputs, into: { name: 'n', reduce: state => state } })),
      withNode(act('a', { outputs, into: { name: 'n', version: '2', reduce: state => state } })),
      withNode(act('a', { outputs, action: work({ name: 'other' }) })),
      withNode(act('a', { outputs, action: work({ version: '2' }) })),
      withNode(act('a', { outputs, action: work({ template: { n: 1 } }) })),
      withNode(act('a', { outputs, action: work({ params: z.object({ n: z.number() }) }) })),
      { ...whole(), edges: whole().edges.slice(0, 4) },
    ]
    const ids = changed.map(parts => defineDataflow(parts).id)
    expect(new Set([known, ...ids]).size).toBe(changed.length + 1)
  })

  test('changes with a dataflow inside', () => {
    const around = (inner: Dataflow) =>
      plain({
        nodes: [start, { kind: 'dataflow', id: 'in', definition: inner, template: { first: 1 } }, end],
        edges: ways('start in', 'in end'),
      }).id
    expect(around(plain())).toBe(around(plain()))
    expect(around(plain({ name: 'other' }))).not.toBe(around(plain()))
  })

  test('can not be changed behind by who holds the parts', () => {
    const template = { n: '{{state.n}}', list: ['x'] }
    const nodes = [start, act('a', { action: work({ template }) }), end]
    const edges = ways('start a', 'a end')
    const made = plain({ nodes, edges })
    template.list.push('y')
    nodes.pop()
    Object.assign(edges[0] as Edge, { to: 'end' })
    expect(made.id).toBe(
      plain({
        nodes: [start, act('a', { action: work({ template: { n: '{{state.n}}', list: ['x'] } }) }), end],
      }).id,
    )
    expect(made.nodes.get('a')).toMatchObject({ action: { template: { list: ['x'] } } })
    expect(made.edges.get('start')).toEqual([{ from: 'start', to: 'a' }])
  })
})

describe('action()', () => {
  test('takes a function or a plan', () => {
    expect(action({ name: 'f', template: 1, run: () => 2 })).toMatchObject({
      version: '1',
      plan: { kind: 'stage', name: 'f' },
    })
    const plan = stage('s', () => 2)
    expect(action({ name: 'p', version: '3', template: 1, plan })).toMatchObject({ version: '3', plan })
  })

  test('needs a name', () => {
    expect(() => action({ name: '', template: 1, run: () => 2 })).toThrow(
      expect.objectContaining({ code: 'ER_PLAN_INVALID' }),
    )
  })
})

describe('random definitions', () => {
  /** A chain of choices with edges forwards and back, which is fine whatever the edges. */
  const sound = fc
    .record({
      count: fc.integer({ min: 1, max: 8 }),
      more: fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 8 }),
    })
    .map(({ count, more }) => {
      const ids = Array.from({ length: count }, (_, place) => `n${place}`)
      const chain = ['start', ...ids, 'end']
      const edges: Edge[] = chain.slice(1).map((to, place) => ({ from: chain[place] as string, to }))
      for (const [from, to] of more)
        edges.push({
          from: ids[from % count] as string,
          to: [...ids, 'end'][to % (count + 1)] as string,
          when: always,
        })
      return { nodes: [start, ...ids.map(choice), end], edges, ids }
    })

  test('are taken where nothing is wrong', () => {
    fc.assert(fc.property(sound, ({ nodes, edges }) => void expect(shape(nodes, edges)).toEqual([])))
  })

  test.each<
    [
      string,
      (parts: { nodes: Node[]; edges: Edge[]; ids: string[] }, place: number) => [Node[], Edge[]],
      RegExp,
    ]
  >([
    [
      'a node is taken away',
      ({ nodes, edges, ids }, place) => [nodes.filter(({ id }) => id !== ids[place % ids.length]), edges],
      /there is no node/,
    ],
    [
      'a node is doubled',
      ({ nodes, edges }, place) => [[...nodes, nodes[place % nodes.length] as Node], edges],
      /more than once/,
    ],
    [
      'an end is added that nothing leads to',
      ({ nodes, edges }) => [[...nodes, { kind: 'end', id: 'other', output: { n: 1 } }], edges],
      /"other" can't be reached/,
    ],
    [
      'the last edge to the end is cut',
      ({ nodes, edges }) => [nodes, edges.filter(({ to }) => to !== 'end')],
      /leads to no end/,
    ],
    [
      'two actions lead to each other',
      ({ nodes, edges }) => [
        [...nodes, act('x'), act('y')],
        [...edges, ...ways('x y', 'y x')],
      ],
      /is a circle without a choice/,
    ],
  ])('are refused where %s', (_, spoil, fault) => {
    fc.assert(
      fc.property(sound, fc.nat(), (parts, place) => {
        const [nodes, edges] = spoil(parts, place)
        expect(shape(nodes, edges).some(text => fault.test(text))).toBe(true)
      }),
    )
  })
})
