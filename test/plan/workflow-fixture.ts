/**
 * What tests of staged workflows share: steps that take their time on a fake clock, and executors that tell what
 * they do. Only time is fake: turns of the event loop are real.
 */
import { afterEach, beforeEach, expect, vi } from 'vitest'
import type { StageOptions, StepContext } from '../../src/plan/node.ts'
import {
  StagedParallelExecutor,
  type StagedParallelExecutorOptions,
  type StepInput,
  type WorkflowEvent,
  type WorkflowStage,
  type WorkflowStep,
} from '../../src/plan/workflow.ts'
import { turns } from '../support/condition.ts'

/** Gives `ms` after so long, or what it was stopped with. */
export const taking =
  (ms: number) =>
  (_: unknown, { signal }: Pick<StepContext, 'signal'>): Promise<number> =>
    new Promise((resolve, reject) => {
      const timer = setTimeout(() => resolve(ms), ms)
      const onAbort = () => {
        clearTimeout(timer)
        reject(signal.reason)
      }
      signal.addEventListener('abort', onAbort, { once: true })
    })

/** Throws what no table of codes knows. */
export const failing = (message = 'No luck'): never => {
  throw new Error(message)
}

type Terms = Partial<Omit<WorkflowStep, 'handler'>> &
  Pick<StageOptions<StepInput, unknown>, 'version' | 'effects' | 'cost' | 'memo' | 'portable'>

/** A step. */
export const step = (
  stepId: string,
  handler: WorkflowStep['handler'],
  dependencies: readonly string[] = [],
  terms: Terms = {},
): WorkflowStep => ({ stepId, handler, dependencies, ...terms }) as WorkflowStep

/** A stage that is named after its number. */
export const staged = (
  stageNumber: number,
  steps: readonly WorkflowStep[],
  terms: Partial<WorkflowStage> = {},
): WorkflowStage => ({ stageId: `stage-${stageNumber}`, stageNumber, steps, ...terms })

/** An executor with room for all, and what it tells. */
export function executing(options: StagedParallelExecutorOptions = {}) {
  const events: WorkflowEvent[] = []
  const executor = new StagedParallelExecutor({
    maxParallelTasks: 20,
    onEvent: event => events.push(event),
    ...options,
  })
  const told = () =>
    events.map(({ kind, stageId = '', stepId = '', status = '' }) =>
      [kind, stageId, stepId, status].filter(part => part !== '').join(' '),
    )
  return { executor, events, told }
}

/** What comes of work that waits for timers, each of which fires when nothing else is left to do. */
export async function inTime<T>(work: Promise<T>): Promise<T> {
  let isOver = false
  const over = () => {
    isOver = true
  }
  work.then(over, over)
  while (!isOver) {
    await turns(50)
    if (!isOver && vi.getTimerCount() > 0) vi.advanceTimersToNextTimer()
  }
  return work
}

/** How things ended. */
export const statuses = (list: readonly { readonly status: string }[] = []): readonly string[] =>
  list.map(({ status }) => status)

/** A fake clock for every test of the file; none may leave a timer behind. */
export function onFakeClock(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
  })
  afterEach(() => {
    expect(vi.getTimerCount()).toBe(0)
    vi.useRealTimers()
  })
}
