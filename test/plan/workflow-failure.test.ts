/** Staged workflows when steps fail: what stops, what is skipped, what goes on, what is tried again. */
import fc from 'fast-check'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { errorOf, ModelError } from '../../src/core/errors.ts'
import { retry, type StepContext, sequential, stage } from '../../src/plan/node.ts'
import type { StepInput } from '../../src/plan/workflow.ts'
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

describe('after a failure', () => {
  const second = vi.fn(() => 'second')
  const first = vi.fn(() => failing())
  beforeEach(() => {
    second.mockClear()
    first.mockClear()
  })

  test('failFast ends the workflow: what runs is aborted, the rest is skipped', async () => {
    const { executor } = executing()
    const steps = [
      step('slow', taking(1000)),
      step('bad', async (_, { signal }) => {
        await taking(10)(_, { signal })
        return failing()
      }),
      step('next', second, ['slow']),
    ]
    const result = await inTime(
      executor.executeWorkflow('w', [staged(1, steps), staged(2, [step('other', second)])]),
    )
    expect(result).toMatchObject({ success: false, failedStage: 'stage-1', totalDurationMs: 10 })
    expect(result.stages).toMatchObject([
      {
        status: 'failed',
        steps: [
          { status: 'aborted', reason: 'step bad failed', durationMs: 10 },
          { status: 'failed', error: new Error('No luck') },
          { status: 'skipped', reason: 'step slow, which it depends on, was aborted', attempts: 0 },
        ],
      },
      { status: 'skipped', reason: 'stage stage-1 failed', steps: [{ status: 'skipped' }] },
    ])
    expect(result.errors).toEqual([
      {
        stageId: 'stage-1',
        stepId: 'bad',
        code: 'ER_MODEL_FAILED',
        message: 'No luck',
        path: 'stage-1/bad',
      },
    ])
    expect(second).not.toHaveBeenCalled()
  })

  test('failFast skips a step that waits for a slot', async () => {
    const { executor } = executing({ maxParallelTasks: 1 })
    const steps = [step('bad', first), step('waiting', second)]
    const result = await inTime(executor.executeWorkflow('w', [staged(1, steps)]))
    expect(result.stages[0]?.steps[1]).toMatchObject({ status: 'skipped', reason: 'step bad failed' })
    expect(second).not.toHaveBeenCalled()
  })

  test('collect-all runs all that does not depend on it, and gathers every error', async () => {
    const { executor } = executing({ failFast: false })
    const bad = (message: string) => step(message, () => failing(message))
    const result = await inTime(
      executor.executeWorkflow('w', [
        staged(1, [bad('x'), step('fine', () => 1), bad('y'), step('next', second, ['x'])]),
        staged(2, [bad('z')]),
        staged(3, [step('other', () => 2)]),
      ]),
    )
    expect(result).toMatchObject({ success: false, failedStage: 'stage-1' })
    expect(statuses(result.stages)).toEqual(['failed', 'failed', 'completed'])
    expect(statuses(result.stages[0]?.steps)).toEqual(['failed', 'completed', 'failed', 'skipped'])
    expect(result.errors.map(({ path }) => path)).toEqual(['stage-1/x', 'stage-1/y', 'stage-2/z'])
    expect(second).not.toHaveBeenCalled()
  })

  test('one stage of two goes well where the second does not depend on the first', async () => {
    const { executor } = executing({ failFast: false })
    const result = await inTime(
      executor.executeWorkflow('w', [staged(1, [step('a', first)]), staged(2, [step('b', second)])]),
    )
    expect(statuses(result.stages)).toEqual(['failed', 'completed'])
    expect(first).toHaveBeenCalledTimes(1)
    expect(second).toHaveBeenCalledTimes(1)
  })

  test('dependents are skipped along the whole chain of stages and steps', async () => {
    const { executor } = executing({ failFast: false })
    const chain = [step('a', first), step('b', second, ['a']), step('c', second, ['b']), step('d', () => 4)]
    const result = await inTime(
      executor.executeWorkflow('w', [
        staged(1, chain),
        staged(2, [step('a', second)], { dependencies: ['stage-1'] }),
        staged(3, [step('a', second)], { dependencies: ['stage-2'] }),
        staged(4, [step('a', () => 'free')]),
      ]),
    )
    expect(result.stages[0]?.steps).toMatchObject([
      { status: 'failed' },
      { status: 'skipped', reason: 'step a, which it depends on, failed' },
      { status: 'skipped', reason: 'step b, which it depends on, was skipped' },
      { status: 'completed', output: 4 },
    ])
    expect(result.stages.slice(1)).toMatchObject([
      { status: 'skipped', reason: 'stage stage-1, which it depends on, failed' },
      { status: 'skipped', reason: 'stage stage-2, which it depends on, was skipped' },
      { status: 'completed' },
    ])
    expect(second).not.toHaveBeenCalled()
  })

  test('a stage that allows partial failure goes on and lets the next have what there is', async () => {
    const { executor } = executing()
    const outputs = vi.fn(({ stages }: StepInput) => stages)
    const result = await inTime(
      executor.executeWorkflow('w', [
        staged(1, [step('bad', first), step('good', taking(20))], { allowPartialFailure: true }),
        staged(2, [step('next', outputs)], { dependencies: ['stage-1'] }),
      ]),
    )
    expect(result.success).toBe(true)
    expect(result.failedStage).toBeUndefined()
    expect(statuses(result.stages)).toEqual(['partial', 'completed'])
    expect(result.errors).toMatchObject([{ stageId: 'stage-1', stepId: 'bad' }])
    expect(outputs).toHaveReturnedWith({ 'stage-1': { good: 20 } })
  })

  test('a stage that allows partial failure fails where nothing went well', async () => {
    const { executor } = executing()
    const only = staged(1, [step('bad', first)], { allowPartialFailure: true })
    const result = await inTime(executor.executeWorkflow('w', [only, staged(2, [step('next', second)])]))
    expect(statuses(result.stages)).toEqual(['failed', 'skipped'])
    expect(result.success).toBe(false)
  })
})

describe('a step is tried again', () => {
  const busy = () => errorOf('ER_MODEL_FAILED', 'The model stumbled')

  test('after retryable errors, with the back-off, its slot free meanwhile', async () => {
    const { executor, events } = executing({ maxParallelTasks: 1 })
    const attempts: number[] = []
    const flaky = (_: StepInput, { attempt }: StepContext) => {
      attempts.push(attempt)
      if (attempt < 3) throw busy()
      return 'made it'
    }
    const backoff = { baseMs: 100, factor: 2, jitter: 0 }
    const steps = [step('flaky', flaky, [], { retryCount: 2, backoff }), step('beside', taking(80))]
    const result = await inTime(executor.executeWorkflow('w', [staged(1, steps)]))
    expect(attempts).toEqual([1, 2, 3])
    expect(result.stages[0]?.steps).toMatchObject([
      { status: 'completed', output: 'made it', attempts: 3, durationMs: 300 },
      { status: 'completed', durationMs: 80 },
    ])
    expect(result.totalDurationMs).toBe(300)
    expect(events.filter(({ kind }) => kind === 'retry')).toMatchObject([
      { stageId: 'stage-1', stepId: 'flaky', attempt: 2 },
      { stageId: 'stage-1', stepId: 'flaky', attempt: 3 },
    ])
  })

  test('by its own plan without that counting as an attempt of the step', async () => {
    const { executor, events } = executing()
    const flaky = stage('flaky', (_: unknown, { attempt }: StepContext) => {
      if (attempt < 2) throw busy()
      return attempt
    })
    const inside = sequential(
      stage('first', () => 1),
      retry(flaky, 2, { baseMs: 1 }),
    )
    const result = await inTime(executor.executeWorkflow('w', [staged(1, [step('a', inside)])]))
    expect(result.stages[0]?.steps).toMatchObject([{ status: 'completed', output: 2, attempts: 1 }])
    expect(events.filter(({ kind }) => kind === 'retry')).toEqual([])
  })

  test('not after other errors, and no more often than it may', async () => {
    const { executor } = executing({ failFast: false })
    const other = vi.fn(() => failing())
    const always = vi.fn(() => {
      throw busy()
    })
    const terms = { retryCount: 1, backoff: { baseMs: 1 } }
    const result = await inTime(
      executor.executeWorkflow('w', [
        staged(1, [step('other', other, [], terms), step('always', always, [], terms)]),
      ]),
    )
    expect(other).toHaveBeenCalledTimes(1)
    expect(always).toHaveBeenCalledTimes(2)
    expect(result.stages[0]?.steps).toMatchObject([{ attempts: 1 }, { attempts: 2 }])
    expect(result.stages[0]?.steps[1]?.error).toBeInstanceOf(ModelError)
    expect(result.stages[0]?.steps[1]?.error).toMatchObject({ retried: true })
  })
})

describe('any stage', () => {
  /** Steps that wait for some before them; some fail; each takes its time. */
  const workflows = fc.integer({ min: 1, max: 10 }).chain(count =>
    fc.record({
      width: fc.integer({ min: 1, max: 4 }),
      edges: fc.array(fc.tuple(fc.nat(count - 1), fc.nat(count - 1)), { maxLength: 2 * count }),
      bad: fc.subarray([...Array(count).keys()]),
      times: fc.array(fc.integer({ min: 1, max: 20 }), { minLength: count, maxLength: count }),
    }),
  )

  test('runs each step once, after its own dependencies, as many at once as there are slots', async () => {
    await fc.assert(
      fc.asyncProperty(workflows, async ({ bad, edges, times, width }) => {
        const needs = times.map((_, index) =>
          edges.flatMap(([a, b]) => (Math.max(a, b) === index && a !== b ? [Math.min(a, b)] : [])),
        )
        const begun: number[] = []
        let [running, most] = [0, 0]
        const done = new Set<number>()
        const steps = times.map((ms, index) =>
          step(
            `${index}`,
            async (given, context) => {
              for (const need of needs[index] ?? []) expect(done).toContain(need)
              expect(Object.keys(given.outputs).length).toBe(new Set(needs[index]).size)
              begun.push(index)
              running += 1
              most = Math.max(most, running)
              await taking(ms)(given, context)
              running -= 1
              if (bad.includes(index)) failing()
              done.add(index)
              return index
            },
            needs[index]?.map(String),
          ),
        )
        const { executor } = executing({ failFast: false, maxParallelTasks: width })
        const result = await inTime(executor.executeWorkflow('w', [staged(1, steps)]))
        const skipped = (index: number): boolean =>
          (needs[index] ?? []).some(need => bad.includes(need) || skipped(need))
        expect(statuses(result.stages[0]?.steps)).toEqual(
          times.map((_, index) =>
            skipped(index) ? 'skipped' : bad.includes(index) ? 'failed' : 'completed',
          ),
        )
        expect(new Set(begun).size).toBe(begun.length)
        expect(most).toBeLessThanOrEqual(width)
        expect(result.overallSpeedup).toBeLessThanOrEqual(width + 1e-9)
        expect(result.criticalPathSpeedup).toBeLessThanOrEqual(1 + 1e-9)
        if (width >= times.length) expect(result.totalDurationMs).toBeCloseTo(result.criticalPathMs, 6)
      }),
      { numRuns: 60 },
    )
  })
})
