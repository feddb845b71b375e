/** Dataflows that run: the way they take, what is kept of it, and the conditions that they run under. */
import { describe, expect, test } from 'vitest'
import { RunnerError } from '../../src/core/errors.ts'
import { Ledger } from '../../src/core/ledger.ts'
import { Trace } from '../../src/core/trace.ts'
import { action } from '../../src/plan/dataflow.ts'
import type { ActionInput } from '../../src/plan/dataflow-node.ts'
import { around, failing, setUp } from './running-dataflows.ts'
import { reviewFlow } from './sample-dataflows.ts'
import { act, choice, end, plain, start, ways } from './small-dataflows.ts'

describe('an instance', () => {
  test('goes from the start to an end and keeps every step', async () => {
    const { runner, saved } = setUp()
    const flow = reviewFlow(({ params: { round } }) => round * 0.4)
    const outcome = await runner.start(flow, { claim: 'it rains', enough: 0.7 }, { id: 'one' })
    expect(outcome).toEqual({
      id: 'one',
      status: 'completed',
      output: { claim: 'it rains', score: 0.8, rounds: 3 },
    })
    expect(saved.map(({ nodeId }) => nodeId)).toEqual([
      'start',
      'score',
      'sure',
      'score',
      'sure',
      'score',
      'sure',
      'end',
      'end',
    ])
    expect(saved.map(({ step }) => step)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(saved.map(({ status }) => status)).toEqual([...Array(8).fill('running'), 'completed'])
    expect(saved[2]?.state).toEqual({ claim: 'it rains', rounds: 1, score: 0, notes: ['0'] })
    expect(saved.every(({ definitionId, input }) => definitionId === flow.id && input !== undefined)).toBe(
      true,
    )
    expect(await runner.status('one')).toEqual({
      id: 'one',
      definitionId: flow.id,
      status: 'completed',
      nodeId: 'end',
    })
    expect(await runner.output(flow, 'one')).toEqual(saved.at(-1)?.output)
  })

  test('takes the first edge whose condition holds, else the one without', async () => {
    const { runner } = setUp()
    const flow = reviewFlow(({ params: { round } }) => (round === 1 ? 0.9 : 0.1))
    const rounds = async (enough: number) => {
      const outcome = await runner.start(flow, { claim: 'c', enough })
      return outcome.status === 'completed' && outcome.output.rounds
    }
    expect(await rounds(0.1)).toBe(1)
    expect(await rounds(0.9)).toBe(2)
    expect(await rounds(1)).toBe(3)
  })

  test('fails where no edge can be taken, and where a condition is not true or false', async () => {
    const { runner } = setUp()
    const choosing = (test: () => boolean) =>
      around(choice('c'), [...ways('start c'), { from: 'c', to: 'end', when: { name: 'odd', test } }])
    await expect(
      runner.start(
        choosing(() => false),
        { first: 1 },
        { id: 'none' },
      ),
    ).rejects.toThrow(
      failing({
        code: 'ER_PLAN_INVALID',
        path: 'c',
        message: 'From "c" no edge can be taken: no condition holds',
      }),
    )
    await expect(
      runner.start(
        choosing(() => 1 as never),
        { first: 1 },
        { id: 'one' },
      ),
    ).rejects.toThrow(
      failing({
        code: 'ER_PLAN_INVALID',
        message: 'The edge from "c" to "end" (odd) gives 1, not true or false',
      }),
    )
    expect(await runner.status('none')).toMatchObject({
      status: 'failed',
      nodeId: 'c',
      error: { code: 'ER_PLAN_INVALID' },
    })
  })

  test('is not begun with an input that does not fit', async () => {
    const { runner, saved } = setUp()
    const refused = failing({ code: 'ER_INPUT', message: expect.stringContaining('claim') })
    await expect(
      runner.start(
        reviewFlow(() => 1),
        { claim: 7, enough: 1 },
      ),
    ).rejects.toThrow(refused)
    expect(saved).toEqual([])
  })

  test('is not begun under an id that is taken', async () => {
    const { runner } = setUp()
    const flow = reviewFlow(() => 1)
    await runner.start(flow, { claim: 'c', enough: 0 }, { id: 'one' })
    const refused = failing({ code: 'ER_INPUT' })
    await expect(runner.start(flow, { claim: 'c', enough: 0 }, { id: 'one' })).rejects.toThrow(refused)
    await expect(runner.start(flow, { claim: 'c', enough: 0 }, { id: '' })).rejects.toThrow(refused)
  })

  test('that never finds out of a circle is ended', async () => {
    const { runner } = setUp({ maxSteps: 50 })
    const flow = around(
      choice('c'),
      [
        ...ways('start c', 'c d', 'd c'),
        { from: 'd', to: 'end', when: { name: 'never', test: () => false } },
      ],
      [choice('d')],
    )
    await expect(runner.start(flow, { first: 1 })).rejects.toThrow(
      failing({ message: expect.stringContaining('has taken 50 steps') }),
    )
  })

  test('hands its state to nobody who could change it', async () => {
    const { runner, saved } = setUp()
    const seen: unknown[] = []
    const spoil = (state: { list: string[] }) => {
      seen.push(Object.isFrozen(state), Object.isFrozen(state.list))
      return true
    }
    const flow = around(
      act('a', {
        action: action({
          name: 'spoil',
          template: '{{state}}',
          run: ({ params }: ActionInput<{ list: string[] }>) => params.list.push('spoilt'),
        }),
      }),
      [...ways('start a'), { from: 'a', to: 'end', when: { name: 'spoil', test: spoil } }],
    )
    await runner.start(flow, { first: 1 })
    expect(seen).toEqual([true, true])
    expect(saved.at(-1)?.state).toEqual({ n: 1, list: [] })
  })
})

describe('the conditions of a run', () => {
  test('are those of its actions: ledger, trace, caller', async () => {
    const { runner } = setUp()
    const ledger = new Ledger({ limits: { nanoUsd: 5 } })
    const contexts: string[] = []
    const paid = action({
      name: 'paid',
      template: {},
      cost: { nanoUsd: 2 },
      run: (_, { context }) => contexts.push(`${context.id} ${context.caller} ${context.class}`),
    })
    const flow = plain({
      nodes: [start, act('a', { action: paid }), act('b', { action: paid }), act('c', { action: paid }), end],
      edges: ways('start a', 'a b', 'b c', 'c end'),
    })
    const refused = failing({ code: 'ER_BUDGET_SPENT', path: 'c' })
    await expect(
      runner.start(flow, { first: 1 }, { id: 'one', ledger, caller: 'me', class: 'bulk' }),
    ).rejects.toThrow(refused)
    expect(ledger.spent.nanoUsd).toBe(4)
    expect(contexts).toEqual(['one me bulk', 'one me bulk'])
    expect(await runner.resume(flow, 'one')).toMatchObject({ status: 'completed' })
  })

  test('hold the trace, which is the same for two that did the same', async () => {
    const { runner } = setUp()
    const traced = async (claim: string) => {
      const trace = new Trace()
      await runner.start(
        reviewFlow(() => 0.5),
        { claim, enough: 1 },
        { trace },
      )
      return trace.record()
    }
    const first = await traced('c')
    expect(first.steps.map(({ node, status }) => [node, status])).toEqual(Array(3).fill(['score', 'ok']))
    expect((await traced('c')).hash).toBe(first.hash)
    expect((await traced('d')).hash).not.toBe(first.hash)
  })

  test('hold a signal, which stops the instance where it is', async () => {
    const { runner } = setUp()
    const controller = new AbortController()
    const reason = new Error('enough')
    const flow = reviewFlow(async ({ params: { round } }) => {
      if (round === 1) controller.abort(reason)
      return 0
    })
    await expect(
      runner.start(flow, { claim: 'c', enough: 1 }, { id: 'one', signal: controller.signal }),
    ).rejects.toBe(reason)
    expect(await runner.status('one')).toMatchObject({ status: 'running', nodeId: 'score' })
    expect(await runner.resume(flow, 'one')).toMatchObject({ output: { rounds: 3 } })
    await expect(
      runner.start(flow, { claim: 'c', enough: 1 }, { id: 'two', signal: controller.signal }),
    ).rejects.toBe(reason)
    await expect(runner.status('two')).rejects.toThrow(RunnerError)
  })

  test('hold a deadline, which does the same', async () => {
    const { runner } = setUp()
    const flow = reviewFlow(() => 1)
    const late = { id: 'one', deadline: performance.now() - 1 }
    await expect(runner.start(flow, { claim: 'c', enough: 1 }, late)).rejects.toThrow(
      failing({ code: 'ER_DEADLINE' }),
    )
    expect(await runner.status('one')).toMatchObject({ status: 'running', nodeId: 'start' })
    expect(await runner.resume(flow, 'one')).toMatchObject({ status: 'completed' })
  })
})
