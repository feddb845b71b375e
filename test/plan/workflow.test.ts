/** Staged workflows as they run: order, speed, what steps are given, progress and totals. Time is exact. */
import { describe, expect, test } from 'vitest'
import { sequential, stage } from '../../src/plan/node.ts'
import { StagedParallelExecutor, type StepInput, type WorkflowStep } from '../../src/plan/workflow.ts'
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

describe('executeWorkflow() runs', () => {
  test('steps of a stage at the same time', async () => {
    const { executor } = executing()
    const steps = ['a', 'b', 'c'].map(id => step(id, taking(100)))
    const result = await inTime(executor.executeWorkflow('w', [staged(1, steps)]))
    expect(result).toMatchObject({ workflowId: 'w', success: true, totalDurationMs: 100, overallSpeedup: 3 })
    expect(result.stages[0]).toMatchObject({
      status: 'completed',
      durationMs: 100,
      speedup: 3,
      idealSpeedup: 3,
    })
    expect(statuses(result.stages[0]?.steps)).toEqual(['completed', 'completed', 'completed'])
  })

  test('stages one after the other, sorted by their numbers', async () => {
    const { executor, told } = executing()
    const stages = [3, 1, 2].map(number => staged(number, [step('only', taking(10 * number))]))
    const result = await inTime(executor.executeWorkflow('w', stages))
    expect(told()).toEqual([
      'start',
      ...[1, 2, 3].flatMap(number => [
        `start stage-${number}`,
        `start stage-${number} only`,
        `end stage-${number} only completed`,
        `end stage-${number} completed`,
      ]),
      'end completed',
    ])
    expect(result.stages.map(({ durationMs }) => durationMs)).toEqual([10, 20, 30])
    expect(result).toMatchObject({ totalDurationMs: 60, overallSpeedup: 1, criticalPathMs: 60 })
  })

  test('six stages of three steps in the time of six steps', async () => {
    const { executor } = executing({ maxParallelTasks: 3 })
    const stages = [1, 2, 3, 4, 5, 6].map(number =>
      staged(
        number,
        ['a', 'b', 'c'].map(id => step(id, taking(50))),
      ),
    )
    const result = await inTime(executor.executeWorkflow('w', stages))
    expect(result).toMatchObject({ totalDurationMs: 300, overallSpeedup: 3, criticalPathSpeedup: 1 })
    expect(executor.statistics()).toMatchObject({ totalStages: 6, totalSteps: 18, avgStepDurationMs: 50 })
  })

  test('five steps of 100 ms five times as fast, or as fast as its width allows', async () => {
    const steps = ['a', 'b', 'c', 'd', 'e'].map(id => step(id, taking(100)))
    const wide = await inTime(executing().executor.executeWorkflow('w', [staged(1, steps)]))
    expect(wide).toMatchObject({ totalDurationMs: 100, overallSpeedup: 5, idealSpeedup: 5 })
    const narrow = await inTime(
      executing({ maxParallelTasks: 3 }).executor.executeWorkflow('w', [staged(1, steps)]),
    )
    // Waits for a slot are no part of a step's own time, so a narrow executor can't look fast.
    expect(narrow).toMatchObject({ totalDurationMs: 200, overallSpeedup: 2.5, criticalPathSpeedup: 0.5 })
    const single = await inTime(
      executing({ maxParallelTasks: 1 }).executor.executeWorkflow('w', [staged(1, steps)]),
    )
    expect(single).toMatchObject({ totalDurationMs: 500, overallSpeedup: 1, criticalPathSpeedup: 0.2 })
  })

  test('steps of several leaves, whose time stands still while they wait for a slot', async () => {
    const { executor, events } = executing({ maxParallelTasks: 1 })
    const twice = sequential(stage('one', taking(10)), stage('two', taking(10)))
    const steps = [step('twice', twice, [], { timeoutMs: 75 }), step('long', taking(50))]
    const result = await inTime(executor.executeWorkflow('w', [staged(1, steps)]))
    expect(result.stages[0]?.steps).toMatchObject([
      { status: 'completed', durationMs: 20, attempts: 1 },
      { status: 'completed', durationMs: 50, attempts: 1 },
    ])
    expect(result).toMatchObject({ totalDurationMs: 70, overallSpeedup: 1 })
    expect(events.filter(({ kind, stepId }) => kind === 'start' && stepId === 'twice').length).toBe(1)
  })

  test('a, b, then c, then d as the scheduler example has it', async () => {
    const steps = [
      step('a', taking(1000)),
      step('b', taking(1000)),
      step('c', taking(1000), ['a', 'b']),
      step('d', taking(1000), ['c']),
    ]
    const { executor, told } = executing()
    const result = await inTime(executor.executeWorkflow('w', [staged(1, steps)]))
    expect(told().slice(2, -2)).toEqual([
      'start stage-1 a',
      'start stage-1 b',
      'end stage-1 a completed',
      'end stage-1 b completed',
      'start stage-1 c',
      'end stage-1 c completed',
      'start stage-1 d',
      'end stage-1 d completed',
    ])
    expect(result.totalDurationMs).toBe(3000)
    expect(result.overallSpeedup).toBeCloseTo(4 / 3, 12)
  })

  test('a step as soon as its own dependencies are done, without waves', async () => {
    const steps = [
      step('a', taking(10)),
      step('b', taking(100)),
      step('c', taking(90), ['a']),
      step('d', taking(10), ['a', 'b']),
    ]
    const result = await inTime(executing().executor.executeWorkflow('w', [staged(1, steps)]))
    // Waves would take 100 + 90.
    expect(result).toMatchObject({ totalDurationMs: 110, criticalPathMs: 110, criticalPathSpeedup: 1 })
  })

  test('sequential steps in turn beside parallel ones', async () => {
    const { executor, told } = executing()
    const turn = { stepType: 'sequential' } as const
    const steps = [step('a', taking(10), [], turn), step('b', taking(15)), step('c', taking(10), [], turn)]
    const mixed = await inTime(executor.executeWorkflow('w', [staged(1, steps)]))
    expect(mixed.totalDurationMs).toBe(20)
    expect(told().filter(text => text.startsWith('start stage-1 '))).toEqual([
      'start stage-1 a',
      'start stage-1 b',
      'start stage-1 c',
    ])
    const inTurn = steps.map(({ stepType: _, ...rest }) => rest as WorkflowStep)
    const all = await inTime(executor.executeWorkflow('w', [staged(1, inTurn, { stepType: 'sequential' })]))
    expect(all).toMatchObject({ totalDurationMs: 35, overallSpeedup: 1 })
  })

  test('a sequential step after a failed one, which it does not depend on', async () => {
    const { executor } = executing({ failFast: false })
    const steps = [step('a', () => failing()), step('b', () => 'b')]
    const result = await inTime(executor.executeWorkflow('w', [staged(1, steps, { stepType: 'sequential' })]))
    expect(statuses(result.stages[0]?.steps)).toEqual(['failed', 'completed'])
  })
})

describe('a step is given', () => {
  test("the workflow's input, its own context, and outputs of what it and its stage depend on", async () => {
    const given: StepInput[] = []
    const keep = (output: unknown) => (input: StepInput) => {
      given.push(input)
      return output
    }
    const { executor } = executing({ maxParallelTasks: 1 })
    await inTime(
      executor.executeWorkflow(
        'w',
        [
          staged(1, [step('a', () => 1), step('b', () => 2)]),
          staged(2, [step('a', () => 3)]),
          staged(
            3,
            [
              step('a', () => ({ rows: [4] })),
              step('b', () => 5),
              step('c', keep(6), ['a'], { context: { x: 1 } }),
            ],
            { dependencies: ['stage-1'] },
          ),
        ],
        { input: { claim: 'yes' } },
      ),
    )
    expect(given).toEqual([
      {
        input: { claim: 'yes' },
        context: { x: 1 },
        outputs: { a: { rows: [4] } },
        stages: { 'stage-1': { a: 1, b: 2 } },
      },
    ])
  })

  test('results stand in the order in which steps were written, whatever finishes first', async () => {
    const steps = [step('slow', taking(30)), step('quick', taking(10)), step('middle', taking(20))]
    const result = await inTime(executing().executor.executeWorkflow('w', [staged(1, steps)]))
    expect(result.stages[0]?.steps).toEqual([
      { stepId: 'slow', status: 'completed', output: 30, attempts: 1, durationMs: 30 },
      { stepId: 'quick', status: 'completed', output: 10, attempts: 1, durationMs: 10 },
      { stepId: 'middle', status: 'completed', output: 20, attempts: 1, durationMs: 20 },
    ])
  })
})

describe('progress', () => {
  test('counts steps that are over, those of skipped stages too', async () => {
    const { executor, events } = executing()
    await inTime(
      executor.executeWorkflow('w', [
        staged(1, [step('a', taking(5)), step('b', () => failing(), ['a'])]),
        staged(2, [step('c', () => 1), step('d', () => 1)]),
      ]),
    )
    expect(events.map(({ done, total }) => [done, total])).toEqual(
      [0, 0, 0, 1, 1, 2, 2, 4, 4].map(done => [done, 4]),
    )
    expect(events.at(-1)).toMatchObject({ kind: 'end', status: 'failed', workflowId: 'w', ms: 5 })
    expect(events.filter(({ stepId }) => stepId === 'a')).toMatchObject([
      { kind: 'start' },
      { kind: 'end', status: 'completed', ms: 5 },
    ])
  })

  test('goes on where who listens throws or rejects', async () => {
    for (const onEvent of [() => failing(), () => Promise.reject(new Error('Deaf'))]) {
      const executor = new StagedParallelExecutor({ onEvent: onEvent as () => void })
      const result = await inTime(executor.executeWorkflow('w', [staged(1, [step('a', () => 1)])]))
      expect(result.success).toBe(true)
    }
  })
})

describe('statistics()', () => {
  test('are empty before anything has run', () => {
    expect(new StagedParallelExecutor().statistics()).toEqual({
      totalWorkflows: 0,
      failedWorkflows: 0,
      totalStages: 0,
      totalSteps: 0,
      avgWorkflowDurationMs: undefined,
      avgStageDurationMs: undefined,
      avgStepDurationMs: undefined,
      avgSpeedup: undefined,
    })
  })

  test('add up what was run, and leave out what was skipped', async () => {
    const { executor } = executing()
    const pair = [step('a', taking(30)), step('b', taking(30))]
    await inTime(executor.executeWorkflow('one', [staged(1, pair), staged(2, [step('c', taking(20))])]))
    await inTime(executor.executeWorkflow('two', [staged(1, [step('a', () => failing())]), staged(2, pair)]))
    await inTime(executor.executeStage(staged(7, [step('a', taking(10))])))
    expect(executor.statistics()).toEqual({
      totalWorkflows: 2,
      failedWorkflows: 1,
      totalStages: 4,
      totalSteps: 5,
      avgWorkflowDurationMs: 25,
      avgStageDurationMs: expect.closeTo(15, 9),
      avgStepDurationMs: 18,
      avgSpeedup: (80 / 50 + 1) / 2,
    })
  })
})

describe('executeStage()', () => {
  test('runs one stage, whatever its number, on outputs that are given', async () => {
    const { executor } = executing()
    const next = ({ stages, input }: StepInput) => ({ stages, input })
    const only = staged(4, [step('a', next)], { dependencies: ['models'] })
    const result = await inTime(
      executor.executeStage(only, { input: 1, outputs: { models: { x: 1 }, other: { y: 2 } } }),
    )
    expect(result).toMatchObject({
      stageId: 'stage-4',
      stageNumber: 4,
      status: 'completed',
      errors: [],
      spent: { calls: 0 },
      steps: [{ output: { stages: { models: { x: 1 } }, input: 1 } }],
    })
    await expect(executor.executeStage(only)).rejects.toThrow(
      'Stage stage-4 depends on models, of which no outputs are given',
    )
  })
})
