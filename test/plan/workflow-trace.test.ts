/** What staged workflows spend, what they leave in a trace, and what is recalled instead of done again. */
import { describe, expect, test, vi } from 'vitest'
import { BudgetError, errorOf } from '../../src/core/errors.ts'
import { Ledger } from '../../src/core/ledger.ts'
import { type TraceStep, valueHash } from '../../src/core/trace.ts'
import { memoryMemo } from '../../src/plan/memo.ts'
import { remote, type StepContext, sequential, stage } from '../../src/plan/node.ts'
import type { StepInput } from '../../src/plan/workflow.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { runContext } from '../support/run-context.ts'
import { executing, failing, inTime, onFakeClock, staged, step, taking } from './workflow-fixture.ts'

onFakeClock()

const variant = {
  name: 'fake',
  op: 'embed',
  model: 'fake',
  revision: '1',
  weightsHash: '',
  price: { usdPer1kTokens: 0, usdPerSecond: 0 },
  limits: { maxTokens: 100, dimensions: 16 },
}

describe('budget and trace', () => {
  test('remote leaves go through the dispatch, local costs to the ledger', async () => {
    const fake = new FakeDispatch()
    const ledger = new Ledger()
    const embed = sequential(
      stage<StepInput, readonly string[]>('texts', ({ input }) => input as readonly string[]),
      remote<readonly string[], unknown>(variant),
      stage<unknown, number>('count', vectors => (vectors as { count: number }).count),
    )
    const { executor } = executing({ dispatch: fake.dispatch, maxParallelTasks: 1 })
    const paid = step('paid', () => 1, [], { cost: { nanoUsd: 7 } })
    const context = runContext({ ledger })
    const result = await inTime(
      executor.executeWorkflow('w', [staged(1, [step('embed', embed), paid])], {
        input: ['one', 'two'],
        context,
      }),
    )
    expect(result.stages[0]?.steps[0]).toMatchObject({ output: 2 })
    expect(fake.texts).toEqual(['one', 'two'])
    expect(result.spent.nanoUsd).toBe(7)
    expect(ledger.spent.nanoUsd).toBe(7)
    expect(context.trace.record().steps).toEqual(result.trace.steps)
  })

  test('a remote leaf without a dispatch says what is missing', async () => {
    const { executor } = executing()
    const leaf = remote<StepInput, unknown>(variant, { call: () => ({ items: ['x'] }) })
    const result = await inTime(executor.executeWorkflow('w', [staged(1, [step('a', leaf)])]))
    expect(result.errors).toMatchObject([
      { code: 'ER_CONFIG', message: 'No dispatch was given to run embed with fake' },
    ])
  })

  test('a budget that even the least does not fit into refuses before anything starts', async () => {
    const { executor, events } = executing()
    const cost = { nanoUsd: 60 }
    const handler = vi.fn(() => 1)
    const paid = (id: string) => step(id, handler, [], { cost })
    const run = executor.executeWorkflow('w', [staged(1, [paid('a')]), staged(2, [paid('b')])], {
      budget: { nanoUsd: 100 },
    })
    await expect(run).rejects.toThrow(BudgetError)
    await expect(run).rejects.toMatchObject({ code: 'ER_BUDGET_REFUSED', figures: { requested: 120 } })
    expect(handler).not.toHaveBeenCalled()
    expect(events).toEqual([])
  })

  test('a budget that is spent on the way fails the step that no longer fits', async () => {
    const { executor } = executing()
    const cost = { least: {}, most: { nanoUsd: 60 } }
    const paid = (id: string) => step(id, () => 1, [], { cost })
    const result = await inTime(
      executor.executeWorkflow('w', [staged(1, [paid('a')]), staged(2, [paid('b')])], {
        budget: { nanoUsd: 100 },
      }),
    )
    expect(result.errors).toMatchObject([{ code: 'ER_BUDGET_SPENT', stageId: 'stage-2', stepId: 'b' }])
    expect(result.spent.nanoUsd).toBe(60)
  })

  const shapeOf = ({ children, label, node, status }: TraceStep): unknown => [
    label,
    node,
    status,
    ...children.map(shapeOf),
  ]

  test('the trace is a tree in plan order, with what failed and what was skipped', async () => {
    const { executor } = executing()
    const flaky = (_: StepInput, { attempt }: StepContext) => {
      if (attempt === 1) throw errorOf('ER_MODEL_FAILED', 'Once')
      return 1
    }
    const result = await inTime(
      executor.executeWorkflow('w', [
        staged(1, [step('b', taking(20)), step('a', flaky, [], { retryCount: 1 })]),
        staged(2, [step('bad', () => failing()), step('next', () => 1, ['bad'])]),
        staged(3, [step('c', () => 1)]),
      ]),
    )
    expect(result.trace.steps.map(shapeOf)).toEqual([
      [
        '',
        'workflow',
        'failed',
        [
          'stage-1',
          'workflow-stage',
          'ok',
          ['b', 'stage-1.b', 'ok'],
          ['a', 'retry', 'ok', ['', 'stage-1.a', 'ok']],
        ],
        [
          'stage-2',
          'workflow-stage',
          'failed',
          ['bad', 'stage-2.bad', 'failed'],
          ['next', 'stage-2.next', 'skipped'],
        ],
        ['stage-3', 'workflow-stage', 'skipped'],
      ],
    ])
  })

  test('the trace has the code of the first failure, and tells a failure from an output', async () => {
    const { executor } = executing({ failFast: false })
    const overloaded = () => {
      throw errorOf('ER_QUEUE_FULL', 'Full')
    }
    const traceOf = async (handler: () => unknown) => {
      const some = staged(1, [step('a', handler), step('b', () => 1)], { allowPartialFailure: true })
      const rest = [staged(2, [step('a', overloaded)]), staged(3, [step('a', () => failing())])]
      const result = await inTime(executor.executeWorkflow('w', [some, ...rest]))
      return result.trace.steps[0] as TraceStep
    }
    const [failed, told] = [await traceOf(overloaded), await traceOf(() => 'ER_QUEUE_FULL')]
    expect(failed.outputHash).toBe(valueHash('ER_QUEUE_FULL'))
    expect(failed.children.map(({ status }) => status)).toEqual(['ok', 'failed', 'failed'])
    expect(failed.children[0]?.outputHash).not.toBe(told.children[0]?.outputHash)
  })

  test('the trace tells inputs, contexts, outputs and order apart, and nothing else', async () => {
    const hashOf = async (x: number, out: number, ms: number, needs: readonly string[], input: unknown) => {
      const steps = [
        step('a', taking(ms)),
        step('b', () => out, needs, { context: { x } }),
        step('c', ({ outputs }) => outputs, ['b']),
      ]
      const { executor } = executing({ maxParallelTasks: ms })
      const result = await inTime(executor.executeWorkflow(`w${ms}`, [staged(1, steps)], { input }))
      return result.trace.hash
    }
    const known = await hashOf(1, 2, 5, [], 'claim')
    expect(await hashOf(1, 2, 5, [], 'claim')).toBe(known)
    const others = [
      await hashOf(0, 2, 5, [], 'claim'),
      await hashOf(1, 0, 5, [], 'claim'),
      await hashOf(1, 2, 5, ['a'], 'claim'),
      await hashOf(1, 2, 5, [], 'other'),
    ]
    expect(new Set([known, ...others]).size).toBe(5)
  })

  test("a dependent's hash covers the form that a step chose for its output", async () => {
    const hashOf = async (last: number) => {
      const portable = { output: (output: unknown) => Math.round((output as number) * 1e4) }
      const steps = [step('a', () => 0.12345 + last, [], { portable }), step('b', () => 'same', ['a'])]
      const result = await inTime(executing().executor.executeWorkflow('w', [staged(1, steps)]))
      return result.trace
    }
    const [one, other] = [await hashOf(0), await hashOf(1e-12)]
    expect(one.hash).toBe(other.hash)
    expect(one.exactHash).not.toBe(other.exactHash)
  })

  test('outputs are recalled from a memo where a step may be kept', async () => {
    const handler = vi.fn(({ input }: StepInput) => input)
    const memo = memoryMemo()
    const { executor } = executing({ memo })
    const stages = [staged(1, [step('kept', handler, [], { effects: ['pure'] })])]
    const first = await inTime(executor.executeWorkflow('w', stages, { input: 1 }))
    const again = await inTime(executor.executeWorkflow('w', stages, { input: 1 }))
    expect(handler).toHaveBeenCalledTimes(1)
    expect(again.trace.hash).toBe(first.trace.hash)
    expect(again.stages[0]?.steps).toEqual([
      { stepId: 'kept', status: 'completed', output: 1, attempts: 0, durationMs: 0 },
    ])
    await inTime(executor.executeWorkflow('w', stages, { input: 2 }))
    expect(handler).toHaveBeenCalledTimes(2)
  })

  test('an input or an output that is not plain data is a mistake in the plan', async () => {
    const { executor } = executing()
    await expect(
      executor.executeWorkflow('w', [staged(1, [step('a', () => 1)])], { input: new Map() }),
    ).rejects.toMatchObject({ code: 'ER_PLAN_INVALID' })
    const result = await inTime(executor.executeWorkflow('w', [staged(1, [step('a', () => new Map())])]))
    expect(result.errors).toMatchObject([{ code: 'ER_PLAN_INVALID', path: 'stage-1/a' }])
  })
})
