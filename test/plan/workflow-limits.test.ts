/** What ends staged workflows from outside: time limits of steps, stages and the whole, the caller, the width. */
import { describe, expect, test, vi } from 'vitest'
import { DeadlineError } from '../../src/core/errors.ts'
import { Ledger } from '../../src/core/ledger.ts'
import type { StepContext } from '../../src/plan/node.ts'
import { StagedParallelExecutor, type StepInput } from '../../src/plan/workflow.ts'
import { turns } from '../support/condition.ts'
import { runContext } from '../support/run-context.ts'
import {
  executing,
  failing,
  inTime,
  onFakeClock,
  staged,
  statuses,
  step,
  taking,
} from './workflow-fixture.ts'

onFakeClock()

/** Takes its time whatever its signal says. */
const deaf = (ms: number) => () => new Promise<number>(resolve => setTimeout(() => resolve(ms), ms))

describe("a stage's time limit", () => {
  const quick = step('quick', taking(20))
  const steps = [quick, step('slow', taking(500)), step('next', () => 1, ['slow'])]

  test.each<[string, number | undefined, number, number | undefined]>([
    ['its own', 100, 300, undefined],
    ["the executor's", 200, 100, undefined],
    ["what the workflow's leaves", undefined, 300, 100],
  ])('is the least of three: %s', async (_, timeoutMs, stageTimeoutMs, workflowMs) => {
    const { executor } = executing({ stageTimeoutMs })
    const stages = [staged(1, steps, timeoutMs === undefined ? {} : { timeoutMs }), staged(2, steps)]
    const result = await inTime(
      executor.executeWorkflow('w', stages, workflowMs === undefined ? {} : { timeoutMs: workflowMs }),
    )
    expect(result).toMatchObject({ success: false, failedStage: 'stage-1', totalDurationMs: 100 })
    expect(result.stages).toMatchObject([
      {
        status: 'failed',
        steps: [
          { status: 'completed' },
          { status: 'aborted', reason: 'the time of the stage was over', durationMs: 100 },
          { status: 'skipped', reason: 'step slow, which it depends on, was aborted' },
        ],
      },
      { status: 'skipped', reason: 'stage stage-1 failed' },
    ])
    expect(result.errors).toEqual([
      {
        stageId: 'stage-1',
        code: 'ER_DEADLINE',
        message: 'Stage stage-1 was not done within 100 ms; allow more time or send less',
        path: 'stage-1',
      },
    ])
    expect(result.trace.steps[0]?.children.map(({ status }) => status)).toEqual(['failed', 'skipped'])
  })

  test('counts from where the stage begins, and leaves those before and after it alone', async () => {
    const { executor } = executing({ stageTimeoutMs: 100 })
    const stages = [1, 2, 3].map(number => staged(number, [step('a', taking(90))]))
    expect(await inTime(executor.executeWorkflow('w', stages))).toMatchObject({
      success: true,
      totalDurationMs: 270,
    })
  })

  test('lets a stage that allows partial failure keep what was done', async () => {
    const { executor } = executing()
    const stages = [staged(1, steps, { timeoutMs: 100, allowPartialFailure: true }), staged(2, [quick])]
    const result = await inTime(executor.executeWorkflow('w', stages))
    expect(statuses(result.stages)).toEqual(['partial', 'completed'])
    expect(result.success).toBe(true)
    expect(result.errors).toMatchObject([{ stageId: 'stage-1', code: 'ER_DEADLINE' }])
  })

  test('skips what waits for a slot', async () => {
    const { executor } = executing({ maxParallelTasks: 1 })
    const late = vi.fn(() => 1)
    const result = await inTime(
      executor.executeWorkflow('w', [
        staged(1, [step('a', taking(500)), step('b', late)], { timeoutMs: 50 }),
      ]),
    )
    expect(statuses(result.stages[0]?.steps)).toEqual(['aborted', 'skipped'])
    expect(late).not.toHaveBeenCalled()
  })

  test('is what steps are told, and what meeting it counts as', async () => {
    const { executor } = executing({ failFast: false })
    const told: number[] = []
    // As what keeps the deadline with a timer, which may run a little early.
    const refused = async (_: StepInput, { context: { deadline } }: StepContext) => {
      told.push(deadline - performance.now())
      await deaf(deadline - performance.now() - 1)()
      throw new DeadlineError('ER_DEADLINE', 'Too late')
    }
    const own = () => {
      throw new DeadlineError('ER_DEADLINE', 'A limit of its own')
    }
    const result = await inTime(
      executor.executeWorkflow('w', [staged(1, [step('a', refused), step('b', own)], { timeoutMs: 50 })]),
    )
    expect(told).toEqual([50])
    expect(result.stages[0]?.steps).toMatchObject([
      { status: 'aborted', reason: 'the time of the stage was over' },
      { status: 'failed', error: new DeadlineError('ER_DEADLINE', 'A limit of its own') },
    ])
    expect(result.errors.map(({ path }) => path)).toEqual(['stage-1/b', 'stage-1'])
  })
})

describe("a workflow's time limit", () => {
  test('fails the first stage that has none left, and skips the others', async () => {
    const { executor } = executing({ failFast: false, graceMs: 0 })
    const stages = [1, 2, 3].map(number => staged(number, [step('a', taking(60))]))
    const result = await inTime(executor.executeWorkflow('w', stages, { timeoutMs: 100 }))
    expect(statuses(result.stages)).toEqual(['completed', 'failed', 'skipped'])
    expect(result.stages[2]).toMatchObject({ reason: 'the time of the workflow was over' })
    expect(result.errors).toMatchObject([{ stageId: 'stage-2', code: 'ER_DEADLINE' }])
    expect(result.totalDurationMs).toBe(100)
  })

  test('tells of it also where the time was over between two stages', async () => {
    const { executor } = executing()
    const begun = vi.fn(() => 1)
    const stages = [staged(1, [step('a', deaf(60))]), staged(2, [step('a', begun)])]
    const late = executor.executeWorkflow('w', stages, {
      context: runContext({ deadline: performance.now() + 60 }),
    })
    // The step ends in the same moment, before the timer of the limit comes to run.
    const result = await inTime(late)
    expect(result.success).toBe(false)
    expect(result.errors).toMatchObject([{ code: 'ER_DEADLINE' }])
    expect(begun).not.toHaveBeenCalled()
  })

  test('that is shorter than the longest chain at its least refuses before anything starts', async () => {
    const { executor, events } = executing()
    const costing = (id: string, timeMs: number, needs: readonly string[] = []) =>
      step(id, () => 1, needs, { cost: { timeMs } })
    const crossing = [
      costing('a', 10),
      costing('b', 100),
      costing('c', 100, ['a']),
      costing('d', 10, ['a', 'b']),
    ]
    const stages = [staged(1, crossing), staged(2, [costing('a', 10)])]
    const run = executor.executeWorkflow('w', stages, { timeoutMs: 119 })
    await expect(run).rejects.toThrow('The workflow needs at least 120 ms; the deadline is in 119 ms')
    await expect(run).rejects.toThrow(DeadlineError)
    expect(events).toEqual([])
    // The plan's own bound is 210 ms.
    expect(await inTime(executor.executeWorkflow('w', stages, { timeoutMs: 120 }))).toMatchObject({
      success: true,
    })
  })
})

describe("a step's time limit", () => {
  test('fails it with an error that names it, and ends its retries', async () => {
    const { executor } = executing({ failFast: false })
    const slow = step('slow', taking(500), [], { timeoutMs: 40, retryCount: 3 })
    const result = await inTime(executor.executeWorkflow('w', [staged(1, [slow, step('other', taking(60))])]))
    expect(result.stages[0]?.steps).toMatchObject([
      { status: 'failed', durationMs: 40, attempts: 1 },
      { status: 'completed', durationMs: 60 },
    ])
    expect(result.errors).toEqual([
      {
        stageId: 'stage-1',
        stepId: 'slow',
        code: 'ER_DEADLINE',
        message: 'Step slow of stage stage-1 was not done within 40 ms; allow more time or send less',
        path: 'stage-1/slow',
      },
    ])
  })

  test('counts from its first slot', async () => {
    const { executor } = executing({ maxParallelTasks: 1 })
    const steps = ['a', 'b', 'c'].map(id => step(id, taking(50), [], { timeoutMs: 60 }))
    expect(await inTime(executor.executeWorkflow('w', [staged(1, steps)]))).toMatchObject({
      success: true,
      totalDurationMs: 150,
    })
  })
})

describe('what does not listen to its signal', () => {
  test('is left behind after a grace, and keeps its slot until it ends', async () => {
    const { executor } = executing({ maxParallelTasks: 1, graceMs: 30 })
    const ledger = new Ledger()
    const stages = [staged(1, [step('deaf', deaf(500), [], { cost: { nanoUsd: 5 } })], { timeoutMs: 100 })]
    const result = await inTime(executor.executeWorkflow('w', stages, { context: runContext({ ledger }) }))
    expect(result.totalDurationMs).toBe(130)
    expect(result.stages[0]?.steps).toMatchObject([{ status: 'aborted', durationMs: 130 }])
    expect(result.trace.steps[0]?.children[0]?.children[0]).toMatchObject({ label: 'deaf', status: 'failed' })
    expect([ledger.reserved.nanoUsd, ledger.spent.nanoUsd]).toEqual([5, 0])
    const next = await inTime(executor.executeWorkflow('next', [staged(1, [step('a', taking(10))])]))
    // The slot was free 370 ms later.
    expect(next).toMatchObject({ success: true, totalDurationMs: 380, overallSpeedup: 10 / 380 })
    expect([ledger.reserved.nanoUsd, ledger.spent.nanoUsd]).toEqual([0, 5])
  })

  test('is left behind by its own limit as well, as a failed step', async () => {
    const { executor } = executing({ graceMs: 10 })
    const result = await inTime(
      executor.executeWorkflow('w', [staged(1, [step('deaf', deaf(50), [], { timeoutMs: 20 })])]),
    )
    expect(result.totalDurationMs).toBe(30)
    expect(result.errors).toMatchObject([{ stepId: 'deaf', code: 'ER_DEADLINE' }])
    await inTime(executor.executeWorkflow('rest', [staged(1, [step('a', taking(20))])]))
  })

  test('is left behind even where it has aborted the run itself', async () => {
    const { executor } = executing({ graceMs: 10 })
    const controller = new AbortController()
    const begin = performance.now()
    const last = () => {
      controller.abort('gone')
      return deaf(500)()
    }
    const work = executor.executeWorkflow('w', [staged(1, [step('last', last)])], {
      signal: controller.signal,
    })
    await expect(inTime(work)).rejects.toBe('gone')
    expect(performance.now() - begin).toBe(10)
    vi.clearAllTimers()
  })

  test('is waited for within the grace, so that its cost is known', async () => {
    const { executor } = executing()
    const ledger = new Ledger()
    const stages = [staged(1, [step('deaf', deaf(90), [], { cost: { nanoUsd: 5 } })], { timeoutMs: 50 })]
    const result = await inTime(executor.executeWorkflow('w', stages, { context: runContext({ ledger }) }))
    expect(result).toMatchObject({ totalDurationMs: 90, spent: { nanoUsd: 5 } })
    expect(ledger.reserved.nanoUsd).toBe(0)
  })
})

describe('the caller', () => {
  test('aborts what runs and gets the reason as it came', async () => {
    const { executor, events, told } = executing()
    const controller = new AbortController()
    const reason = new Error('Enough')
    const begun = vi.fn(() => 1)
    const context = runContext()
    const work = executor.executeWorkflow(
      'w',
      [
        staged(1, [step('a', taking(10))]),
        staged(2, [step('a', taking(100)), step('b', begun, ['a'])]),
        staged(3, [step('a', begun)]),
      ],
      { signal: controller.signal, context },
    )
    setTimeout(() => controller.abort(reason), 50)
    await expect(inTime(work)).rejects.toBe(reason)
    expect(begun).not.toHaveBeenCalled()
    expect(told().slice(-4)).toEqual([
      'end stage-2 b skipped',
      'end stage-2 failed',
      'end stage-3 skipped',
      'end failed',
    ])
    expect(events.flatMap(({ reason }) => reason ?? [])).toEqual([
      'the caller aborted',
      'step a, which it depends on, was aborted',
      'the caller aborted',
    ])
    const [root] = context.trace.record().steps
    expect(root?.children.map(({ status }) => status)).toEqual(['ok', 'failed', 'skipped'])
    expect(executor.statistics()).toMatchObject({ totalWorkflows: 0, totalStages: 2, totalSteps: 2 })
    expect(context.ledger.reserved.nanoUsd).toBe(0)
  })

  test('gets the reason of the signal of the context as well', async () => {
    const { executor } = executing()
    const controller = new AbortController()
    controller.abort('gone')
    const begun = vi.fn(() => 1)
    const context = runContext({ signal: controller.signal })
    const both = { signal: new AbortController().signal, context }
    for (const options of [{ context }, both])
      await expect(
        inTime(executor.executeWorkflow('w', [staged(1, [step('a', begun)])], options)),
      ).rejects.toBe('gone')
    expect(begun).not.toHaveBeenCalled()
  })

  test('who aborts a stage by itself gets the reason too', async () => {
    const { executor } = executing()
    const work = executor.executeStage(staged(1, [step('a', taking(100))]), {
      signal: AbortSignal.abort('gone'),
    })
    await expect(inTime(work)).rejects.toBe('gone')
  })
})

describe('the width', () => {
  test('holds for all workflows of an executor together', async () => {
    const { executor } = executing({ maxParallelTasks: 2 })
    let [running, most] = [0, 0]
    const counted = async (given: StepInput, context: StepContext) => {
      running += 1
      most = Math.max(most, running)
      await taking(10)(given, context)
      running -= 1
    }
    const steps = ['a', 'b', 'c', 'd'].map(id => step(id, counted))
    const both = ['one', 'two'].map(id => executor.executeWorkflow(id, [staged(1, steps)]))
    const results = await inTime(Promise.all(both))
    expect(most).toBe(2)
    expect(results.map(({ totalDurationMs }) => totalDurationMs)).toEqual([20, 40])
  })

  test('of 1 is enough for steps that wait for each other', async () => {
    const { executor } = executing({ maxParallelTasks: 1 })
    const ids = [...Array(30).keys()].map(String)
    const steps = ids.map((id, place) => step(id, () => place, ids.slice(Math.max(0, place - 3), place)))
    const result = await inTime(executor.executeWorkflow('w', [staged(1, steps.toReversed())]))
    expect(result.success).toBe(true)
  })

  test('is at least three', async () => {
    const executor = new StagedParallelExecutor()
    const steps = ['a', 'b', 'c'].map(id => step(id, taking(10)))
    expect(await inTime(executor.executeWorkflow('w', [staged(1, steps)]))).toMatchObject({
      totalDurationMs: 10,
    })
  })

  test.each([
    [{ maxParallelTasks: 0 }, "A limiter's width is a whole number from 1, not 0"],
    [{ stageTimeoutMs: 0 }, 'A stage has more than 0 ms'],
    [{ graceMs: -1 }, 'A grace of -1 ms is not a time'],
  ])('and other options that make no sense are refused: %o', (options, message) => {
    expect(() => new StagedParallelExecutor(options)).toThrow(message)
  })
})

test('a failure in a step that holds the only slot stops the next before it begins', async () => {
  const { executor } = executing({ maxParallelTasks: 1 })
  const begun = vi.fn(() => 1)
  const steps = [step('bad', () => failing()), ...['a', 'b', 'c'].map(id => step(id, begun))]
  const result = await inTime(executor.executeWorkflow('w', [staged(1, steps)]))
  await turns()
  expect(statuses(result.stages[0]?.steps)).toEqual(['failed', 'skipped', 'skipped', 'skipped'])
  expect(begun).not.toHaveBeenCalled()
})
