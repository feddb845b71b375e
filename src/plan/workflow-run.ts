/**
 * One run of a workflow: its stages in turn, what each is given of those before it, which are skipped and why,
 * and who is told how far it is.
 */
import { now } from '../core/async.ts'
import type { RunContext } from '../core/call.ts'
import { recordOf, type TraceStep } from '../core/trace.ts'
import { codeOf } from './outcome.ts'
import type { StepOutputs } from './workflow-definition.ts'
import {
  endText,
  isDone,
  type StageResult,
  type StageStatus,
  type StepStatus,
  skippedResult,
  speedOfStages,
  stageResult,
  type WorkflowError,
  type WorkflowResult,
} from './workflow-figures.ts'
import type { CompiledStage } from './workflow-plan.ts'
import { runStage, type StageGiven, type StageParts } from './workflow-stage.ts'
import { stageStep, workflowStep } from './workflow-trace.ts'

/** Something that happened to a workflow; to a stage of it; to a step of that. */
export type WorkflowEvent = {
  readonly kind: 'start' | 'end' | 'retry'
  readonly workflowId: string
  readonly stageId?: string
  readonly stepId?: string
  /** Of an end. */
  readonly status?: StepStatus | StageStatus
  /** Why something was skipped or aborted. */
  readonly reason?: string
  /** Of a retry: the number of the attempt that is to come. */
  readonly attempt?: number
  /** Of an end; a step's is its own time, without waits for a slot. */
  readonly ms?: number
  /** Steps that are over, whatever came of them, of how many. */
  readonly done: number
  readonly total: number
}

/** Who does the work of workflows, and how. */
export type WorkflowParts = Omit<StageParts, 'onEvent'> & {
  readonly stageTimeoutMs: number
  readonly onEvent: (event: WorkflowEvent) => void
}

/** Runs stages one after the other. Never rejects: an abort by the caller shows in the context. */
export const runStages = (
  workflowId: string,
  stages: readonly CompiledStage[],
  given: StageGiven,
  context: RunContext,
  parts: WorkflowParts,
): Promise<WorkflowResult> => new WorkflowRun(workflowId, stages, given, context, parts).run()

class WorkflowRun {
  readonly #workflowId: string
  readonly #stages: readonly CompiledStage[]
  readonly #given: StageGiven
  readonly #context: RunContext
  readonly #parts: WorkflowParts
  readonly #begin = now()
  readonly #total: number
  readonly #results = new Map<string, StageResult>()
  readonly #traces: TraceStep[] = []
  readonly #errors: WorkflowError[] = []
  readonly #outputs: Map<string, StepOutputs>
  readonly #outputHashes: Map<string, string>
  #done = 0
  #failedStage: string | undefined
  /** Of the first failure. */
  #code: string | undefined

  constructor(
    workflowId: string,
    stages: readonly CompiledStage[],
    given: StageGiven,
    context: RunContext,
    parts: WorkflowParts,
  ) {
    this.#workflowId = workflowId
    this.#stages = stages
    this.#given = given
    this.#context = context
    this.#parts = parts
    this.#outputs = new Map(Object.entries(given.outputs))
    this.#outputHashes = new Map(Object.entries(given.outputHashes))
    this.#total = stages.reduce((sum, { steps }) => sum + steps.length, 0)
  }

  async run(): Promise<WorkflowResult> {
    this.#tell({ kind: 'start' })
    for (const compiled of this.#stages) {
      const { stageId } = compiled.stage
      const reason = this.#reasonAgainst(compiled)
      if (reason === undefined) await this.#run(compiled)
      else this.#skip(compiled, reason)
      const { durationMs: ms, status } = this.#results.get(stageId) as StageResult
      if (status === 'failed') this.#failedStage ??= stageId
      const why = reason === undefined ? {} : { reason }
      this.#tell({ kind: 'end', stageId, status, ms, ...why })
    }
    const result = this.#result()
    const status = result.success ? 'completed' : 'failed'
    this.#tell({ kind: 'end', status, ms: result.totalDurationMs })
    return result
  }

  /** Why a stage is not to start, if so. */
  #reasonAgainst({ stage: { dependencies = [] } }: CompiledStage): string | undefined {
    if (this.#context.signal.aborted) return 'the caller aborted'
    const results = dependencies.map(id => this.#results.get(id))
    const lacking = results.find(result => result !== undefined && !isDone(result))
    if (lacking !== undefined)
      return `stage ${lacking.stageId}, which it depends on, ${endText[lacking.status]}`
    if (this.#failedStage === undefined) return undefined
    if (this.#parts.failFast) return `stage ${this.#failedStage} failed`
    // The first that has no time left fails of it, and tells so.
    return now() >= this.#context.deadline ? 'the time of the workflow was over' : undefined
  }

  async #run(compiled: CompiledStage): Promise<void> {
    const { dependencies = [], stageId, timeoutMs = Number.POSITIVE_INFINITY } = compiled.stage
    const { stageTimeoutMs, ...parts } = this.#parts
    const leftMs = Math.max(0, this.#context.deadline - now())
    this.#tell({ kind: 'start', stageId })
    const { code, errors, outputs, result, trace } = await runStage(
      compiled,
      {
        ...this.#given,
        outputs: Object.fromEntries(dependencies.map(id => [id, this.#outputs.get(id) ?? {}])),
        outputHashes: Object.fromEntries(dependencies.map(id => [id, this.#outputHashes.get(id) ?? ''])),
      },
      Math.min(timeoutMs, stageTimeoutMs, leftMs),
      this.#context,
      {
        ...parts,
        onEvent: event => {
          if (event.kind === 'end') this.#done += 1
          this.#tell({ ...event, stageId })
        },
      },
    )
    this.#outputs.set(stageId, outputs)
    this.#outputHashes.set(stageId, trace.outputHash)
    this.#code ??= code
    this.#errors.push(...errors)
    this.#traces.push(trace)
    this.#results.set(stageId, result)
  }

  #skip(compiled: CompiledStage, reason: string): void {
    const { stage, steps, waits } = compiled
    const { stageId, stageNumber } = stage
    const results = steps.map(({ step: { stepId } }) => skippedResult(stepId, reason))
    const result = { stageId, stageNumber, status: 'skipped', reason, steps: results, durationMs: 0 } as const
    this.#results.set(stageId, stageResult(result, waits))
    this.#traces.push(stageStep(compiled, '', 'skipped', []))
    this.#done += steps.length
  }

  #result(): WorkflowResult {
    const stages = [...this.#results.values()]
    const totalDurationMs = now() - this.#begin
    const success = stages.every(isDone)
    const { speedup: overallSpeedup, ...speed } = speedOfStages(stages, totalDurationMs)
    return {
      workflowId: this.#workflowId,
      success,
      stages,
      totalDurationMs,
      overallSpeedup,
      ...speed,
      ...(this.#failedStage === undefined ? {} : { failedStage: this.#failedStage }),
      errors: this.#errors,
      spent: this.#context.ledger.spent,
      trace: recordOf([this.#trace(success)]),
    }
  }

  #trace(success: boolean): TraceStep {
    const { failFast } = this.#parts
    // What has failed without a stage that did was aborted before one began.
    const code = this.#code ?? codeOf(this.#context.signal.reason, true)
    return workflowStep(failFast, this.#given.inputHash, success ? 'ok' : { code }, this.#traces)
  }

  #tell(event: Omit<WorkflowEvent, 'workflowId' | 'done' | 'total'>): void {
    const { onEvent } = this.#parts
    onEvent({ ...event, workflowId: this.#workflowId, done: this.#done, total: this.#total })
  }
}
