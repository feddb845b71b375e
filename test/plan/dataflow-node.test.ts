/** What the nodes of a dataflow do when their turn comes: actions, domains, ports and dataflows inside. */
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { free, type VariantRef } from '../../src/core/call.ts'
import { errorOf } from '../../src/core/errors.ts'
import { action, defineDataflow } from '../../src/plan/dataflow.ts'
import type { ActionInput, FlowNode } from '../../src/plan/dataflow-node.ts'
import { remote, sequential, stage } from '../../src/plan/node.ts'
import type { FakeDispatch } from '../support/fake-dispatch.ts'
import { around, failing, setUp } from './running-dataflows.ts'
import { reviewFlow, type Scored } from './sample-dataflows.ts'
import { act, end, plain, start, ways, work } from './small-dataflows.ts'

describe('an action', () => {
  test('is given its template, filled, and a key of its step', async () => {
    const { runner } = setUp()
    const given: Scored[] = []
    const flow = reviewFlow(input => given.push(input) * 0)
    await runner.start(flow, { claim: 'c', enough: 1 }, { id: 'one' })
    await runner.start(flow, { claim: 'c', enough: 1 }, { id: 'two' })
    expect(given.map(({ params }) => params).slice(0, 3)).toEqual([
      { claim: 'c', round: 0, note: 'round 0 of c' },
      { claim: 'c', round: 1, note: 'round 1 of c' },
      { claim: 'c', round: 2, note: 'round 2 of c' },
    ])
    expect(new Set(given.map(({ idempotencyKey }) => idempotencyKey)).size).toBe(6)
    expect(given[0]?.idempotencyKey).toMatch(/^[0-9a-f]{64}$/)
  })

  test('may be any plan', async () => {
    const { runner } = setUp()
    const plan = sequential(
      stage('params', ({ params }: ActionInput<{ n: number }>) => params.n),
      stage('double', (n: number) => n * 2),
    )
    const flow = around(
      act('a', { action: action({ name: 'double', template: { n: '{{state.n}}' }, plan }) }),
    )
    expect(await runner.start(flow, { first: 21 })).toMatchObject({ output: { n: 42 } })
  })

  test('leaves its result at a path, to a reducer, or nowhere', async () => {
    const { runner, saved } = setUp()
    const leaving = async (into: Extract<FlowNode, { kind: 'action' }>['into']) => {
      await runner.start(
        around(act('a', { into: into as never, action: work({ result: undefined as never }) })),
        { first: 7 },
      )
      return saved.at(-1)?.state
    }
    expect(await leaving('n')).toEqual({ n: 1, list: [] })
    expect(await leaving(undefined)).toEqual({ n: 7, list: [] })
    const reduce = (state: object, result: number, input: { first: number }) => ({
      ...state,
      n: result + input.first,
    })
    expect(await leaving({ name: 'add', reduce: reduce as never })).toEqual({ n: 8, list: [] })
  })

  test('fails the instance with its error and the path to it', async () => {
    const { runner } = setUp()
    const error = errorOf('ER_MODEL_FAILED', 'out of order')
    const plan = sequential(
      stage('first', () => 1),
      stage('second', () => Promise.reject(error)),
    )
    const flow = around(act('a', { action: action({ name: 'broken', template: 1, plan }) }))
    await expect(runner.start(flow, { first: 1 }, { id: 'one' })).rejects.toBe(error)
    expect(error.path).toBe('a/1')
    expect(await runner.status('one')).toMatchObject({
      status: 'failed',
      nodeId: 'a',
      error: { code: 'ER_MODEL_FAILED', message: 'out of order' },
    })
    await expect(runner.output(flow, 'one')).rejects.toThrow(failing({ code: 'ER_INPUT' }))
  })

  test.each<[string, Parameters<typeof act>[1], string]>([
    [
      'a placeholder that stands for nothing now',
      { action: work({ template: { t: '{{state.text}}' } }) },
      '{{state.text}} names nothing',
    ],
    [
      'parameters that do not fit',
      { action: work({ template: '{{state.n}}', params: z.number().max(0) as never }) },
      'The parameters of work',
    ],
    ['a result that does not fit', { action: work({ result: z.number().min(5) }) }, 'The result of work'],
    [
      'a state that does not fit',
      { into: { name: 'bad', reduce: () => ({ n: 'x' }) as never } },
      'The state',
    ],
    [
      'a state that is no plain data',
      { into: { name: 'bad', reduce: state => ({ ...state, n: Number.NaN }) } },
      'The state',
    ],
  ])('fails the instance for %s', async (_, changes, message) => {
    const { runner } = setUp()
    // What can be seen beforehand is refused when it is defined; here it depends on the values.
    const open = changes?.action?.params
      ? { ...changes, action: { ...changes.action, template: '{{state.open}}' } }
      : changes
    const flow = plain({
      nodes: [{ ...start, state: { n: '{{input.first}}', open: 9 } }, act('a', open), end],
      edges: ways('start a', 'a end'),
      state: z.object({
        n: z.number(),
        text: z.string().optional(),
        list: z.array(z.string()).default([]),
        open: z.unknown(),
      }),
    })
    await expect(runner.start(flow, { first: 1 })).rejects.toThrow(
      failing({ code: 'ER_PLAN_INVALID', path: 'a', message: expect.stringContaining(message) }),
    )
  })
})

describe('the domain', () => {
  const variant: VariantRef = {
    name: 'embedder',
    op: 'embed',
    model: 'm',
    revision: '1',
    weightsHash: '',
    price: free,
    limits: { maxTokens: 10, dimensions: 16 },
  }
  const embed = action({
    name: 'embed',
    template: ['{{state.text}}'],
    plan: remote(variant, {
      call: ({ params }: ActionInput<string[]>) => ({ items: params }),
      result: ({ usage }) => usage.calls,
    }),
  })
  const where = async (
    domain: Extract<FlowNode, { kind: 'action' }>['domain'],
    ofFlow?: string,
    run = setUp({ dispatchFor: name => (run.domains[name] as FakeDispatch).dispatch }),
  ) => {
    const flow = plain({
      nodes: [
        { ...start, state: { n: '{{input.first}}', text: 'far' } },
        act('a', { action: embed, ...(domain && { domain }) }),
        end,
      ],
      edges: ways('start a', 'a end'),
      ...(ofFlow && { domain: ofFlow }),
    })
    await run.runner.start(flow, { first: 1 })
    return Object.keys(run.domains).filter(name => run.domains[name]?.calls.length === 1)
  }

  test('is inherited, a parameter or fixed', async () => {
    expect(await where(undefined)).toEqual(['local'])
    expect(await where('inherit', 'far')).toEqual(['far'])
    expect(await where({ parameter: '{{state.text}}' })).toEqual(['far'])
    expect(await where({ fixed: 'far' })).toEqual(['far'])
    expect(await where({ fixed: 'local' }, 'far')).toEqual(['local'])
  })

  test('must be one that there is', async () => {
    const refused = failing({ code: 'ER_PLAN_INVALID', message: 'There is no domain "far"', path: 'a' })
    await expect(where({ fixed: 'far' }, undefined, setUp())).rejects.toThrow(refused)
  })

  test('is handed on to dataflows inside', async () => {
    const run = setUp({ dispatchFor: name => (run.domains[name] as FakeDispatch).dispatch })
    const inner = plain({
      nodes: [{ ...start, state: { n: 1, text: 'x' } }, act('a', { action: embed }), end],
      edges: ways('start a', 'a end'),
    })
    const nested = { kind: 'dataflow', id: 'in', definition: inner, template: { first: 1 } } as const
    const flow = around({ ...nested, domain: { fixed: 'far' } })
    await run.runner.start(flow, { first: 1 })
    await run.runner.start(around(nested), { first: 1 })
    expect([run.domains['far']?.calls.length, run.domains['local']?.calls.length]).toEqual([1, 1])
  })
})

describe('ports', () => {
  const flow = plain({
    nodes: [
      { ...start, outputs: { n: { schema: z.number() } } },
      act('a', {
        inputs: { given: { schema: z.number(), at: 'n' } },
        action: action({
          name: 'text',
          template: '{{state.n}}',
          result: z.string(),
          run: ({ params }) => `n ${params}`,
        }),
        into: 'list.0',
        outputs: { made: { schema: z.string().max(4), at: 'list.0' } },
      }),
      act('b', {
        inputs: {
          text: { schema: z.string() },
          maybe: { schema: z.string(), at: 'list.1', required: false },
        },
        action: action({
          name: 'length',
          template: '{{state.text}}',
          result: z.number(),
          run: ({ params }) => `${params}`.length,
        }),
      }),
      end,
    ],
    edges: [
      { from: 'start', to: 'a', carry: { given: 'n' } },
      { from: 'a', to: 'b', carry: { text: 'made' } },
      ...ways('b end'),
    ],
  })

  test('carry what one node leaves to where the next one reads', async () => {
    const { runner, saved } = setUp()
    expect(await runner.start(flow, { first: 12 })).toMatchObject({ output: { n: 4 } })
    expect(saved.at(-1)?.state).toEqual({ n: 4, text: 'n 12', list: ['n 12'] })
  })

  test('are checked when something is carried', async () => {
    const { runner } = setUp()
    await expect(runner.start(flow, { first: 123 })).rejects.toThrow(
      failing({ code: 'ER_PLAN_INVALID', message: expect.stringContaining('what it carries to text') }),
    )
  })
})

describe('a dataflow inside another', () => {
  const inner = () => reviewFlow(({ params: { claim } }) => claim.length)
  const outer = (definition = inner()) =>
    defineDataflow({
      name: 'outer',
      input: z.object({ claims: z.array(z.string()) }),
      output: z.array(z.number()),
      state: z.object({ left: z.array(z.string()), scores: z.array(z.number()).default([]) }),
      nodes: [
        { kind: 'start', id: 'start', state: { left: '{{input.claims}}' } },
        { kind: 'choice', id: 'more' },
        {
          kind: 'dataflow',
          id: 'review',
          definition,
          template: { claim: '{{state.left.0}}', enough: 2 },
          into: {
            name: 'next',
            reduce: ({ left, scores }, { score }) => ({ left: left.slice(1), scores: [...scores, score] }),
          },
        },
        { kind: 'end', id: 'end', output: '{{state.scores}}' },
      ],
      edges: [
        ...ways('start more', 'review more', 'more end'),
        { from: 'more', to: 'review', when: { name: 'left', test: ({ left }) => left.length > 0 } },
      ],
    })

  test('is an instance of its own, kept like others', async () => {
    const { runner, store } = setUp()
    const outcome = await runner.start(outer(), { claims: ['abc', 'defg'] }, { id: 'out' })
    expect(outcome).toMatchObject({ output: [3, 4] })
    const ids = (await store.list('completed')).map(({ id }) => id).sort()
    expect(ids).toEqual(['out', 'out/review#2', 'out/review#4'])
    expect(await runner.output(inner(), 'out/review#4')).toEqual({ claim: 'defg', score: 4, rounds: 1 })
  })

  test('fails with the one around it', async () => {
    const { runner } = setUp()
    const flow = outer(reviewFlow(() => Promise.reject(errorOf('ER_MODEL_INPUT', 'no'))))
    await expect(runner.start(flow, { claims: ['a'] }, { id: 'out' })).rejects.toThrow(
      failing({ code: 'ER_MODEL_INPUT', path: 'review/score' }),
    )
    expect(await runner.status('out')).toMatchObject({ status: 'failed', nodeId: 'review' })
    expect(await runner.status('out/review#2')).toMatchObject({ status: 'failed', nodeId: 'score' })
  })
})
