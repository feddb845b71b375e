/** What a staged workflow compiles to, and which workflows are refused before anything runs. */
import { describe, expect, test } from 'vitest'
import { PlanError } from '../../src/core/errors.ts'
import { contentId } from '../../src/plan/canonical.ts'
import { costMap, costOf } from '../../src/plan/cost.ts'
import { effectsOf } from '../../src/plan/effects.ts'
import { explain } from '../../src/plan/explain.ts'
import { sequential, stage } from '../../src/plan/node.ts'
import type { WorkflowStage, WorkflowStep } from '../../src/plan/workflow-definition.ts'
import { workflowPlan } from '../../src/plan/workflow-plan.ts'

type Terms = Partial<Omit<WorkflowStep, 'handler'>> & { readonly timeMs?: number }

const step = (stepId: string, dependencies: readonly string[] = [], terms: Terms = {}): WorkflowStep => ({
  stepId,
  dependencies,
  handler: () => stepId,
  effects: ['pure'],
  cost: { timeMs: terms.timeMs ?? 10, nanoUsd: 5 },
  ...terms,
})

const staged = (
  stageId: string,
  stageNumber: number,
  steps: readonly WorkflowStep[],
  terms: Partial<WorkflowStage> = {},
): WorkflowStage => ({ stageId, stageNumber, steps, ...terms })

const refusal = (...stages: readonly WorkflowStage[]): string => {
  try {
    workflowPlan(stages)
  } catch (error) {
    expect(error).toBeInstanceOf(PlanError)
    expect(error).toMatchObject({ code: 'ER_PLAN_INVALID' })
    return (error as PlanError).message
  }
  throw new Error('The workflow was not refused')
}

describe('workflowPlan()', () => {
  test('puts stages in turn by their numbers, and steps together as far as they may be', () => {
    const plan = workflowPlan([
      staged('write', 2, [step('a'), step('b')]),
      staged('read', 1, [step('a'), step('b'), step('c', ['a', 'b']), step('d', ['c'])]),
    ])
    expect(plan).toMatchObject({
      kind: 'sequential',
      nodes: [
        {
          kind: 'sequential',
          nodes: [
            {
              kind: 'parallel',
              branches: [
                ['a', { name: 'read.a' }],
                ['b', { name: 'read.b' }],
              ],
            },
            { name: 'read.c' },
            { name: 'read.d' },
          ],
        },
        {
          kind: 'parallel',
          branches: [
            ['a', { name: 'write.a' }],
            ['b', { name: 'write.b' }],
          ],
        },
      ],
    })
    expect(costOf(plan).most).toMatchObject({ nanoUsd: 30, timeMs: 40 })
  })

  test('names a part of several steps after its first', () => {
    const chains = [step('a'), step('b', ['a']), step('c'), step('d', ['c'])]
    const plan = workflowPlan([staged('only', 1, chains)])
    expect(explain(plan)).toMatch(/a: sequential.*only\.a@1.*only\.b@1.*c: sequential/s)
  })

  test('costs retries at most, and counts each step where it stands', () => {
    const twice = step('a', [], { retryCount: 1, backoff: { baseMs: 7, jitter: 0 } })
    const plan = workflowPlan([staged('one', 1, [twice]), staged('two', 2, [step('a')])])
    expect(costOf(plan).least).toMatchObject({ nanoUsd: 10, timeMs: 20 })
    expect(costOf(plan).most).toMatchObject({ nanoUsd: 15, timeMs: 10 + 7 + 10 + 10 })
    expect([...costMap(plan).keys()]).toEqual(['one.a@1', 'two.a@1'])
  })

  test('has an upper bound of the time where steps cross, and the exact sum of the rest', () => {
    const crossing = [
      step('a', [], { timeMs: 1 }),
      step('b', [], { timeMs: 50 }),
      step('c', ['a'], { timeMs: 50 }),
      step('d', ['a', 'b'], { timeMs: 1 }),
    ]
    const { most } = costOf(workflowPlan([staged('only', 1, crossing)]))
    expect(most).toMatchObject({ nanoUsd: 20, timeMs: 100 })
  })

  test('puts sequential steps in turn, those that depend on others after them', () => {
    const steps = [step('a', ['c']), step('b'), step('c')]
    const inTurn = workflowPlan([staged('only', 1, steps, { stepType: 'sequential' })])
    expect(inTurn).toMatchObject({
      nodes: [{ nodes: [{ name: 'only.b' }, { name: 'only.c' }, { name: 'only.a' }] }],
    })
    const some = [
      step('a', [], { stepType: 'sequential' }),
      step('b'),
      step('c', [], { stepType: 'sequential' }),
    ]
    expect(costOf(workflowPlan([staged('only', 1, some)])).most.timeMs).toBe(20)
  })

  test('takes plans as steps', () => {
    const handler = sequential(
      stage('first', () => 1, { effects: ['network'] }),
      stage('second', () => 2),
    )
    const plan = workflowPlan([staged('only', 1, [{ stepId: 'both', handler, retryCount: 2 }])])
    expect(effectsOf(plan)).toEqual(['network', 'unknown'])
    expect(plan).toMatchObject({ nodes: [{ kind: 'retry', attempts: 3, node: handler }] })
  })

  test('has one identity however stages and steps are written', () => {
    const [a, b] = [step('a'), step('b')]
    const [one, two] = [staged('one', 1, [a, b]), staged('two', 2, [a])]
    const id = contentId(workflowPlan([one, two]))
    expect(contentId(workflowPlan([two, staged('one', 1, [b, a])]))).toBe(id)
    expect(contentId(workflowPlan([one, staged('two', 2, [step('a', [], { context: { x: 1 } })])]))).not.toBe(
      id,
    )
    expect(contentId(workflowPlan([one, staged('two', 2, [step('a', [], { retryCount: 1 })])]))).not.toBe(id)
    expect(contentId(workflowPlan([staged('one', 1, [a, b], { allowPartialFailure: true }), two]))).not.toBe(
      id,
    )
  })
})

describe('a workflow is refused', () => {
  const one = (...steps: readonly WorkflowStep[]) => staged('models', 1, steps)

  test.each<[string, readonly WorkflowStage[], string]>([
    ['without stages', [], 'A workflow needs at least one stage'],
    ['for a stage without steps', [one()], 'Stage models has no steps'],
    ['for a stage without a name', [staged('', 1, [step('a')])], 'A stage of the workflow has no identifier'],
    ['for a step without a name', [one(step(''))], 'A step of stage models has no identifier'],
    [
      'for two stages of one name',
      [one(step('a')), staged('models', 2, [step('a')])],
      'There is more than one stage models in the workflow',
    ],
    [
      'for two steps of one name',
      [one(step('a'), step('a'))],
      'There is more than one step a in stage models',
    ],
    [
      'for numbers that begin late',
      [staged('models', 2, [step('a')])],
      'Stages are numbered from 1 without gaps: models has 2, where 1 is to be',
    ],
    [
      'for a gap in the numbers',
      [staged('tests', 3, [step('a')]), one(step('a'))],
      'Stages are numbered from 1 without gaps: tests has 3, where 2 is to be',
    ],
    [
      'for a number that stands twice',
      [one(step('a')), staged('tests', 1, [step('a')])],
      'Stages are numbered from 1 without gaps: tests has 1, where 2 is to be',
    ],
    [
      'for a number that is none',
      [staged('models', Number.NaN, [step('a')])],
      'Stages are numbered from 1 without gaps: models has NaN, where 1 is to be',
    ],
    [
      'for a step that depends on one that is missing',
      [one(step('a'), step('b'), step('c', ['a', 'x']))],
      'Step c of stage models depends on x, which is not there; there are a, b, c',
    ],
    [
      'for a step that depends on one of another stage',
      [one(step('a')), staged('tests', 2, [step('b', ['a'])])],
      'Step b of stage tests depends on a, which is not there; there are b',
    ],
    [
      'for steps in a circle',
      [one(step('a', ['b']), step('b', ['c']), step('c', ['a']), step('d'))],
      'Steps of stage models depend on each other in a circle: a → b → c → a',
    ],
    [
      'for a step that depends on itself',
      [one(step('a', ['a']))],
      'Steps of stage models depend on each other in a circle: a → a',
    ],
    [
      'for stages in a circle',
      [
        staged('one', 1, [step('a')], { dependencies: ['two'] }),
        staged('two', 2, [step('a')], { dependencies: ['one'] }),
      ],
      'Stages depend on each other in a circle: one → two → one',
    ],
    [
      'for a stage that depends on one that is missing',
      [staged('one', 1, [step('a')], { dependencies: ['none'] })],
      'Stage one depends on none, which is not there; there are one',
    ],
    [
      'for a stage that depends on a later one',
      [staged('one', 1, [step('a')], { dependencies: ['two'] }), staged('two', 2, [step('a')])],
      'Stage one depends on stage two, which has a higher number',
    ],
    [
      'for a time limit of a stage that is none',
      [staged('one', 1, [step('a')], { timeoutMs: 0 })],
      'Stage one has a time limit above 0 ms, not 0',
    ],
    [
      'for a time limit of a step that is none',
      [one(step('a', [], { timeoutMs: Number.NaN }))],
      'Step a of stage models has a time limit above 0 ms, not NaN',
    ],
    [
      'for half a retry',
      [one(step('a', [], { retryCount: 0.5 }))],
      'Step a of stage models has a whole number of retries from 0, not 0.5',
    ],
    [
      'for a back-off that makes no sense',
      [one(step('a', [], { retryCount: 1, backoff: { jitter: 2 } }))],
      'A back-off has no jitter of 2',
    ],
    [
      'for a context that is not plain data',
      [one(step('a', [], { context: { at: new Date(0) } }))],
      'The context of step a of stage models is not plain data: A Date has no canonical form',
    ],
  ])('%s', (_, stages, message) => {
    expect(refusal(...stages)).toBe(message)
  })
})
