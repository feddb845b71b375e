/**
 * Runs one stage of a workflow. A step is started when the steps that it waits for are over: their ends are
 * promises that it awaits outside the Limiter, so that whoever waits holds no slot and a narrow Limiter can't
 * lock itself. No wave of steps waits for another.
 *
 *   waits ──▶ free to go ──▶ its node, through execute() ──▶ completed | failed | aborted
 *     └─▶ something it needs did not complete, or the stage is stopped ──▶ skipped
 *
 * A stage is stopped, once, by the first failure of a step where that is wanted, by its time limit, or by the
 * caller. What was begun is aborted then and has a while to end; what does not listen is left behind, in its
 * slot until it ends, and nobody hears of it any more.
 */
import { deadlinePassed, limitedSignal, now } from '../core/async.ts'
import type { RunContext } from '../core/call.ts'
import { DeadlineError } from '../core/errors.ts'
import type { TraceStep } from '../core/trace.ts'
import { codeOf, joined } from './outcome.ts'
import { type StepInput, type StepOutputs, setInputForm } from './workflow-definition.ts'
import {
  endText,
  errorsOf,
  type StageResult,
  type StepResult,
  skippedResult,
  stageResult,
  statusOf,
  type WorkflowError,
} from './workflow-figures.ts'
import type { CompiledStage, CompiledStep } from './workflow-plan.ts'
import { runStep, type StepParts, type StepRun } from './workflow-step.ts'
import { lostStep, skippedStep, stageStep } from './workflow-trace.ts'

/** What a stage is given: the workflow's input, and the outputs of the stages that it depends on, with hashes. */
export type StageGiven = {
  readonly input: unknown
  readonly inputHash: string
  readonly outputs: Readonly<Record<string, StepOutputs>>
  readonly outputHashes: Readonly<Record<string, string>>
}

/** Something that happened to a step of the stage. */
export type StageEvent = {
  readonly kind: 'start' | 'end' | 'retry'
  readonly stepId: string
  /** Of an end. */
  readonly status?: StepResult['status']
  /** Of an end without completion or failure. */
  readonly reason?: string
  /** Of a retry: the number of the attempt that is to come. */
  readonly attempt?: number
  /** Of an end: the step's own time. */
  readonly ms?: number
}

/** Who does the work of a stage, and how. */
export type StageParts = {
  readonly step: Omit<StepParts, 'unheard'>
  /** Whether the first failure stops the stage; one that allows partial failure goes on. */
  readonly failFast: boolean
  readonly onEvent: (event: StageEvent) => void
}

/** What came of a stage. */
export type StageOutcome = {
  readonly result: StageResult
  /** In the order of the steps. */
  readonly errors: readonly WorkflowError[]
  readonly trace: TraceStep
  /** Of the steps that completed. */
  readonly outputs: StepOutputs
  /** Of the error, where it failed. */
  readonly code: string | undefined
}

/**
 * Runs a stage until all that it has begun is over. Never rejects: an abort by the caller shows in the context.
 * @param limitMs how long it may take, Infinity for no limit.
 */
export const runStage = (
  compiled: CompiledStage,
  given: StageGiven,
  limitMs: number,
  context: RunContext,
  parts: StageParts,
): Promise<StageOutcome> => new StageRun(compiled, given, limitMs, context, parts).run()

/** A timer may come to run this much before its time. */
const timerSlackMs = 2

type StepOutcome = { readonly result: StepResult; readonly trace: TraceStep }
type Verdict = Pick<StepResult, 'status' | 'output' | 'error' | 'reason'>

class StageRun {
  readonly #compiled: CompiledStage
  readonly #given: StageGiven
  readonly #limitMs: number
  readonly #caller: AbortSignal
  readonly #context: RunContext
  readonly #parts: StageParts
  readonly #name: string
  readonly #begin = now()
  readonly #limited: ReturnType<typeof limitedSignal>
  readonly #outcomes: StepOutcome[] = []
  readonly #unheard = { failure: false }
  #failedStep: string | undefined
  #isCutShort = false

  constructor(
    compiled: CompiledStage,
    given: StageGiven,
    limitMs: number,
    context: RunContext,
    parts: StageParts,
  ) {
    this.#compiled = compiled
    this.#given = given
    this.#limitMs = limitMs
    this.#parts = parts
    this.#name = `Stage ${compiled.stage.stageId}`
    this.#limited = limitedSignal(context.signal, limitMs, this.#name)
    this.#context = { ...context, signal: this.#limited.signal, deadline: this.#begin + limitMs }
    this.#caller = context.signal
  }

  async run(): Promise<StageOutcome> {
    const { sequence, waits } = this.#compiled
    const ends: Promise<void>[] = []
    for (const place of sequence)
      ends[place] = this.#step(place, Promise.all((waits[place] ?? []).map(other => ends[other])))
    await Promise.all(ends)
    this.#limited.release()
    return this.#outcome()
  }

  async #step(place: number, isFree: Promise<unknown>): Promise<void> {
    await isFree
    const compiled = this.#compiled.steps[place] as CompiledStep
    const reason = this.#lack(compiled) ?? this.#stopped()
    const outcome = reason === undefined ? await this.#run(compiled) : skipped(compiled, reason)
    this.#outcomes[place] = outcome
    const { durationMs: ms, reason: why, status, stepId } = outcome.result
    if (status === 'failed') this.#failed(stepId)
    this.#parts.onEvent({ kind: 'end', stepId, status, ms, ...(why === undefined ? {} : { reason: why }) })
  }

  #failed(stepId: string): void {
    const { allowPartialFailure = false } = this.#compiled.stage
    if (!this.#parts.failFast || allowPartialFailure || this.#limited.signal.aborted) return
    this.#failedStep = stepId
    this.#limited.abort(undefined)
  }

  /** Stops the stage where its time is over, before its own timer comes to run. */
  #checkTime(): void {
    const { abort, signal } = this.#limited
    if (signal.aborted || now() < this.#context.deadline - timerSlackMs) return
    abort(deadlinePassed(this.#name, this.#limitMs))
  }

  /** Why the stage is stopped, if it is. */
  #stopped(): string | undefined {
    if (!this.#limited.signal.aborted) return undefined
    if (this.#failedStep !== undefined) return `step ${this.#failedStep} failed`
    if (this.#caller.aborted) return 'the caller aborted'
    this.#isCutShort = true
    return 'the time of the stage was over'
  }

  /** What it needs and has not, if anything. */
  #lack({ needs }: CompiledStep): string | undefined {
    const results = needs.map(need => this.#outcomes[need]?.result as StepResult)
    const lacking = results.find(({ status }) => status !== 'completed')
    return lacking && `step ${lacking.stepId}, which it depends on, ${endText[lacking.status]}`
  }

  async #run(compiled: CompiledStep): Promise<StepOutcome> {
    const { node, step } = compiled
    const { stepId } = step
    const what = `Step ${stepId} of stage ${this.#compiled.stage.stageId}`
    const onEvent = this.#parts.onEvent
    const run = await runStep(
      compiled,
      what,
      this.#inputOf(compiled),
      this.#context,
      { ...this.#parts.step, unheard: this.#unheard },
      event => onEvent({ ...event, stepId }),
    )
    const verdict = this.#verdictOn(run)
    if (verdict.status === 'skipped') return skipped(compiled, verdict.reason)
    const { attempts, durationMs, trace } = run
    const code = codeOf(verdict.error, verdict.status === 'aborted')
    return {
      result: { stepId, ...verdict, attempts, durationMs },
      trace: trace === undefined ? lostStep(node, stepId, code) : { ...trace, label: stepId },
    }
  }

  #verdictOn({ end, hasBegun }: StepRun): Verdict {
    if (end.kind === 'ok') return { status: 'completed', output: end.output }
    if (end.kind === 'late') return { status: 'failed', error: end.error }
    // The deadline that the step was told is the stage's: near it, that is what the step has met.
    if (end.kind === 'failed' && end.error instanceof DeadlineError) this.#checkTime()
    const reason = this.#stopped()
    if (reason !== undefined) return { status: hasBegun ? 'aborted' : 'skipped', reason }
    return { status: 'failed', error: end.kind === 'failed' ? end.error : undefined }
  }

  #inputOf({ needs, step }: CompiledStep): StepInput {
    const { input, inputHash, outputHashes, outputs } = this.#given
    const before = needs.map(need => this.#outcomes[need] as StepOutcome)
    const given = {
      input,
      context: step.context ?? {},
      outputs: Object.fromEntries(before.map(({ result }) => [result.stepId, result.output])),
      stages: outputs,
    }
    const hashes = before.map(({ result, trace }) => [result.stepId, trace.outputHash])
    setInputForm(given, { input: inputHash, outputs: Object.fromEntries(hashes), stages: outputHashes })
    return given
  }

  #outcome(): StageOutcome {
    const { stage, waits } = this.#compiled
    const { allowPartialFailure = false, stageId, stageNumber } = stage
    const durationMs = now() - this.#begin
    const steps = this.#outcomes.map(({ result }) => result)
    const status = statusOf(steps, allowPartialFailure)
    const late: unknown = this.#isCutShort ? this.#limited.signal.reason : undefined
    const failed = steps.find(step => step.status === 'failed')
    const why: unknown = failed?.error ?? this.#limited.signal.reason
    const code = status === 'failed' ? codeOf(why, failed === undefined) : undefined
    const { inputHash, outputHashes } = this.#given
    const taken = joined('stage', undefined, [inputHash, ...Object.entries(outputHashes).flat()])
    const children = this.#outcomes.map(({ trace }) => trace)
    const completed = steps.filter(step => step.status === 'completed')
    return {
      result: stageResult({ stageId, stageNumber, status, steps, durationMs }, waits),
      errors: errorsOf(stageId, steps, late),
      trace: stageStep(this.#compiled, taken.hash, code === undefined ? 'ok' : { code }, children),
      outputs: Object.fromEntries(completed.map(({ output, stepId }) => [stepId, output])),
      code,
    }
  }
}

const skipped = ({ node, step: { stepId } }: CompiledStep, reason = ''): StepOutcome => ({
  result: skippedResult(stepId, reason),
  trace: skippedStep(node, stepId),
})
