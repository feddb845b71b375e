/**
 * What a staged workflow came to: results of steps, stages and the whole, with the times that tell what running
 * side by side has gained, and the running totals of an executor.
 *
 *   sum             of all steps' own times: one after the other it would take that long
 *   critical path   the longest chain of steps that wait for each other, stage after stage: no width makes it less
 *   speed-up        sum / wall; at best sum / critical path. Of critical path / wall the best is 1
 */
import { type ErrorRecord, errorRecord, RunnerError } from '../core/errors.ts'
import type { Spend } from '../core/ledger.ts'
import type { TraceRecord } from '../core/trace.ts'
import { pathOf } from './node.ts'
import { longestPath, type Waits } from './workflow-order.ts'

/** `aborted`: begun, and stopped by another's failure, by the stage's limit or by the caller. */
export type StepStatus = 'completed' | 'failed' | 'aborted' | 'skipped'

/** `partial`: not all of its steps completed, and that is allowed. */
export type StageStatus = 'completed' | 'partial' | 'failed' | 'skipped'

/** What became of one step. */
export type StepResult = {
  readonly stepId: string
  readonly status: StepStatus
  /** Of a completed step. */
  readonly output?: unknown
  /** What a failed step threw, as it came. */
  readonly error?: unknown
  /** Why it was skipped or aborted. */
  readonly reason?: string
  /** How often it was begun; more than once after retries. */
  readonly attempts: number
  /** From its first slot to its end, without waits for further slots; waits between retries are in it. */
  readonly durationMs: number
}

/** What the times of a stage or a workflow tell. */
export type Speed = {
  readonly criticalPathMs: number
  /** Sum by wall time; 1 where no time has passed. */
  readonly speedup: number
  /** Sum by critical path: what a machine wide enough would reach. */
  readonly idealSpeedup: number
  /** Critical path by wall time: at most 1, which is as fast as the order allows. */
  readonly criticalPathSpeedup: number
}

/** What became of one stage. */
export type StageResult = Speed & {
  readonly stageId: string
  readonly stageNumber: number
  readonly status: StageStatus
  /** Why it was skipped. */
  readonly reason?: string
  /** In the order in which they were written. */
  readonly steps: readonly StepResult[]
  readonly durationMs: number
}

/** A failure, with the stage and the step where it happened; without a step, it is the stage's time limit. */
export type WorkflowError = ErrorRecord & { readonly stageId: string; readonly stepId?: string }

/** What a workflow came to. */
export type WorkflowResult = {
  readonly workflowId: string
  /** True where every stage is completed or partial. */
  readonly success: boolean
  /** By their numbers. */
  readonly stages: readonly StageResult[]
  readonly totalDurationMs: number
  readonly overallSpeedup: number
  readonly idealSpeedup: number
  readonly criticalPathMs: number
  readonly criticalPathSpeedup: number
  /** The first that failed. */
  readonly failedStage?: string
  /** In the order of stages and steps, those of partial stages too; what was aborted or skipped has none. */
  readonly errors: readonly WorkflowError[]
  readonly spent: Spend
  readonly trace: TraceRecord
}

/** What an executor has run so far. Means are undefined where there was nothing. */
export type WorkflowStatistics = {
  readonly totalWorkflows: number
  readonly failedWorkflows: number
  /** Those that were not skipped. */
  readonly totalStages: number
  /** Those that were begun. */
  readonly totalSteps: number
  readonly avgWorkflowDurationMs: number | undefined
  readonly avgStageDurationMs: number | undefined
  readonly avgStepDurationMs: number | undefined
  /** Of workflows. */
  readonly avgSpeedup: number | undefined
}

const speedOf = (wallMs: number, sumMs: number, criticalPathMs: number): Speed => ({
  criticalPathMs,
  speedup: ratio(sumMs, wallMs),
  idealSpeedup: ratio(sumMs, criticalPathMs),
  criticalPathSpeedup: ratio(criticalPathMs, wallMs),
})

const ratio = (a: number, b: number): number => (b > 0 ? a / b : 1)

/** The result of a stage that ran for `durationMs`. */
export function stageResult(
  stage: Pick<StageResult, 'stageId' | 'stageNumber' | 'status' | 'reason' | 'steps' | 'durationMs'>,
  waits: Waits,
): StageResult {
  const { durationMs, steps } = stage
  const longestMs = longestPath(waits, place => steps[place]?.durationMs ?? 0)
  return { ...stage, ...speedOf(durationMs, sumMsOf(stage), longestMs) }
}

/** The speed of stages one after the other that took `wallMs` in all. */
export function speedOfStages(stages: readonly StageResult[], wallMs: number): Speed {
  const sumOf = (figure: (stage: StageResult) => number) =>
    stages.reduce((sum, stage) => sum + figure(stage), 0)
  return speedOf(
    wallMs,
    sumOf(sumMsOf),
    sumOf(({ criticalPathMs }) => criticalPathMs),
  )
}

const sumMsOf = ({ steps }: Pick<StageResult, 'steps'>): number =>
  steps.reduce((sum, { durationMs }) => sum + durationMs, 0)

/** How something ended, as a part of a sentence. */
export const endText: Readonly<Record<StepStatus | StageStatus, string>> = {
  completed: 'completed',
  partial: 'completed in part',
  failed: 'failed',
  aborted: 'was aborted',
  skipped: 'was skipped',
}

/** The result of a step that was never begun. */
export const skippedResult = (stepId: string, reason: string): StepResult => ({
  stepId,
  status: 'skipped',
  reason,
  attempts: 0,
  durationMs: 0,
})

/** What a stage is whose steps all are over. */
export function statusOf(steps: readonly StepResult[], allowPartialFailure: boolean): StageStatus {
  const done = steps.filter(({ status }) => status === 'completed').length
  if (done === steps.length) return 'completed'
  return allowPartialFailure && done > 0 ? 'partial' : 'failed'
}

/** The errors of a stage's steps, and what cut the stage short, if anything. */
export function errorsOf(
  stageId: string,
  steps: readonly StepResult[],
  cutShortBy: unknown,
): readonly WorkflowError[] {
  const errors = steps
    .filter(({ status }) => status === 'failed')
    .map(({ error, stepId }): WorkflowError => {
      const below = error instanceof RunnerError ? (error.path ?? '') : ''
      return { stageId, stepId, ...errorRecord(error), path: pathOf(pathOf(stageId, stepId), below) }
    })
  if (cutShortBy === undefined) return errors
  return [...errors, { stageId, ...errorRecord(cutShortBy), path: stageId }]
}

/** True for a stage that lets those that depend on it run. */
export const isDone = ({ status }: Pick<StageResult, 'status'>): boolean =>
  status === 'completed' || status === 'partial'

/** Totals that grow with each result. */
export class RunningTotals {
  #failed = 0
  readonly #workflows = new Mean()
  readonly #speedups = new Mean()
  readonly #stages = new Mean()
  readonly #steps = new Mean()

  noteWorkflow({ overallSpeedup, success, totalDurationMs }: WorkflowResult): void {
    if (!success) this.#failed += 1
    this.#workflows.add(totalDurationMs)
    this.#speedups.add(overallSpeedup)
  }

  noteStage({ durationMs, status, steps }: StageResult): void {
    if (status === 'skipped') return
    this.#stages.add(durationMs)
    for (const step of steps) if (step.status !== 'skipped') this.#steps.add(step.durationMs)
  }

  statistics(): WorkflowStatistics {
    return {
      totalWorkflows: this.#workflows.count,
      failedWorkflows: this.#failed,
      totalStages: this.#stages.count,
      totalSteps: this.#steps.count,
      avgWorkflowDurationMs: this.#workflows.value,
      avgStageDurationMs: this.#stages.value,
      avgStepDurationMs: this.#steps.value,
      avgSpeedup: this.#speedups.value,
    }
  }
}

/** A mean that keeps no values. */
class Mean {
  count = 0
  #mean = 0

  add(value: number): void {
    this.count += 1
    this.#mean += (value - this.#mean) / this.count
  }

  get value(): number | undefined {
    return this.count === 0 ? undefined : this.#mean
  }
}
