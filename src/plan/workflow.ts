/**
 * Runs staged workflows: stages one after another by their numbers, in each stage every step as soon as what it
 * depends on is done.
 *
 * A workflow is a plan (`workflowPlan`), to be explained, costed and checked before it starts; its steps run
 * through the plan's executor, each with its own node of that plan. They are not run as one composite, since a
 * workflow promises what the ten nodes can't say: any order of steps without a barrier (two chains that cross
 * are no series and no parallel), skipping what depends on a failure while the rest goes on, time limits for
 * stages and steps. So here is who starts what and when, and `execute` is all that runs anything. One Limiter
 * bounds the leaves of all steps of all workflows of one executor.
 */
import { now } from '../core/async.ts'
import type { Dispatch, RunContext } from '../core/call.ts'
import { errorOf } from '../core/errors.ts'
import { Ledger, type Limits, type Spend } from '../core/ledger.ts'
import { Trace, type TraceRecord } from '../core/trace.ts'
import type { ExecuteParts } from './execute.ts'
import { defaultWidth, Limiter } from './limiter.ts'
import { plainValue } from './outcome.ts'
import type { StepOutputs, WorkflowStage } from './workflow-definition.ts'
import {
  RunningTotals,
  type StageResult,
  type WorkflowError,
  type WorkflowResult,
  type WorkflowStatistics,
} from './workflow-figures.ts'
import { assertFits, type CompiledStage, compile, compileStage } from './workflow-plan.ts'
import { runStages, type WorkflowEvent, type WorkflowParts } from './workflow-run.ts'

export type { StepInput, WorkflowStage, WorkflowStep } from './workflow-definition.ts'
export type { StageResult, StepResult, WorkflowResult, WorkflowStatistics } from './workflow-figures.ts'
export { workflowPlan } from './workflow-plan.ts'
export type { WorkflowEvent } from './workflow-run.ts'

/** How an executor works. */
export type StagedParallelExecutorOptions = {
  /** Leaves of plans that run at once, over all its workflows. @default one for each core but one, at least 3 */
  readonly maxParallelTasks?: number
  /** For each stage at most. @default 300_000 */
  readonly stageTimeoutMs?: number
  /** Whether the first failure ends the workflow; else all that does not depend on it runs. @default true */
  readonly failFast?: boolean
  /** How long a step that was aborted has to end; after that nobody waits for it. @default 1000 */
  readonly graceMs?: number
  /** For steps with remote leaves. It charges what its calls use. @default refuses */
  readonly dispatch?: Dispatch
  /** Is told of progress. What it throws is its own affair. */
  readonly onEvent?: (event: WorkflowEvent) => void
} & Pick<ExecuteParts, 'memo' | 'memoTier' | 'profiles'>

/** What one run is given. */
export type WorkflowOptions = {
  /** Handed to every step; plain data. */
  readonly input?: unknown
  readonly signal?: AbortSignal
  /** For the whole. @default Infinity */
  readonly timeoutMs?: number
  /** Beside that of the context. @default none */
  readonly budget?: Limits
  /** Whose signal, deadline and ledger bind as well, and whose trace gets the workflow's step. @default a new one */
  readonly context?: RunContext
}

/** What one stage is given; outputs of the stages that it depends on. */
export type SingleStageOptions = WorkflowOptions & {
  readonly outputs?: Readonly<Record<string, StepOutputs>>
}

/** What one stage came to by itself. */
export type SingleStageResult = StageResult & {
  readonly errors: readonly WorkflowError[]
  readonly spent: Spend
  readonly trace: TraceRecord
}

/** Runs staged workflows, any number at the same time, within one width. */
export class StagedParallelExecutor {
  readonly #parts: WorkflowParts
  readonly #totals = new RunningTotals()

  /** @throws InputError ER_INPUT for a width that is not a whole number from 1, or times that make no sense. */
  constructor(options: StagedParallelExecutorOptions = {}) {
    const { maxParallelTasks = defaultWidth(), stageTimeoutMs = 300_000, failFast = true } = options
    const { dispatch = noDispatch, graceMs = 1000, memo, memoTier, onEvent, profiles } = options
    if (!(stageTimeoutMs > 0)) throw errorOf('ER_INPUT', `A stage has more than ${stageTimeoutMs} ms`)
    if (!(graceMs >= 0)) throw errorOf('ER_INPUT', `A grace of ${graceMs} ms is not a time`)
    const limiter = new Limiter(maxParallelTasks)
    const step = { dispatch, memo, memoTier, profiles, limiter, graceMs }
    this.#parts = { step, failFast, stageTimeoutMs, onEvent: event => quietly(() => onEvent?.(event)) }
  }

  /**
   * Runs a workflow. That steps or stages fail is told by the result.
   * @throws PlanError ER_PLAN_INVALID as `workflowPlan` does, and for an input that is not plain data; BudgetError
   * ER_BUDGET_REFUSED and DeadlineError ER_DEADLINE where even the least does not fit, before anything starts;
   * the signal's reason.
   */
  async executeWorkflow(
    workflowId: string,
    stages: readonly WorkflowStage[],
    options: WorkflowOptions = {},
  ): Promise<WorkflowResult> {
    const result = await this.#run(workflowId, compile(stages), {}, options)
    this.#totals.noteWorkflow(result)
    return result
  }

  /**
   * Runs one stage by itself, whatever its number: a workflow of one, named after it. That it or its steps fail
   * is told by the result.
   * @throws PlanError ER_PLAN_INVALID for a stage that makes no sense, and for outputs of stages that are missing
   * or not plain data; else as `executeWorkflow`.
   */
  async executeStage(stage: WorkflowStage, options: SingleStageOptions = {}): Promise<SingleStageResult> {
    const { stageId, dependencies = [] } = stage
    const { outputs = {} } = options
    const missing = dependencies.find(id => !Object.hasOwn(outputs, id))
    if (missing !== undefined)
      throw errorOf(
        'ER_PLAN_INVALID',
        `Stage ${stageId} depends on ${missing}, of which no outputs are given`,
      )
    const { errors, spent, stages, trace } = await this.#run(stageId, [compileStage(stage)], outputs, options)
    return { ...(stages[0] as StageResult), errors, spent, trace }
  }

  /** What it has run so far; a workflow that the caller aborted counts by its stages only. */
  statistics(): WorkflowStatistics {
    return this.#totals.statistics()
  }

  async #run(
    workflowId: string,
    stages: readonly CompiledStage[],
    outputs: Readonly<Record<string, StepOutputs>>,
    options: WorkflowOptions,
  ): Promise<WorkflowResult> {
    const { context: outer, input } = options
    const context = contextOf(workflowId, options)
    const { hash: inputHash } = plainValue(input, `The input of ${workflowId}`)
    const hashes = Object.entries(outputs).map(([id, of]) => [
      id,
      plainValue(of, `The outputs of stage ${id}`).hash,
    ])
    assertFits(stages, context)
    const given = { input, inputHash, outputs, outputHashes: Object.fromEntries(hashes) }
    const result = await runStages(workflowId, stages, given, context, this.#parts)
    for (const step of result.trace.steps) outer?.trace.add(step)
    for (const stage of result.stages) this.#totals.noteStage(stage)
    context.signal.throwIfAborted()
    return result
  }
}

/** The context of one run: with a ledger and a trace of its own, within what the caller's allows. */
function contextOf(id: string, options: WorkflowOptions): RunContext {
  const { budget = {}, context: outer, signal, timeoutMs = Number.POSITIVE_INFINITY } = options
  const signals = [signal, outer?.signal].filter(given => given !== undefined)
  const parent = outer?.ledger
  return {
    id,
    class: 'normal',
    caller: 'workflow',
    reproducible: false,
    traceparent: '',
    ...outer,
    signal:
      signals[1] === undefined ? (signals[0] ?? new AbortController().signal) : AbortSignal.any(signals),
    deadline: Math.min(now() + timeoutMs, outer?.deadline ?? Number.POSITIVE_INFINITY),
    ledger: new Ledger({ limits: budget, ...(parent === undefined ? {} : { parent }) }),
    trace: new Trace(),
  }
}

const noDispatch: Dispatch = async ({ variant }) => {
  throw errorOf('ER_CONFIG', `No dispatch was given to run ${variant.op} with ${variant.name}`)
}

function quietly(tell: () => unknown): void {
  try {
    const heard = tell()
    if (heard instanceof Promise) heard.catch(() => {})
  } catch {
    // A listener's fault is its own, now or later.
  }
}
