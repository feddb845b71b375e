/**
 * Runs A2A tasks on an enhancer. The SDK calls `execute` for every message at once, gives it no signal and keeps
 * its events without bound: here are the bound on what runs, the bound on what waits, and an AbortController for
 * each task, wired to `cancelTask`.
 *
 * Events of a task: the task (submitted), working with progress in the metadata, an artifact for each answer,
 * then completed, failed, rejected or canceled. A client that goes away cancels nothing.
 */
import { type Part, TaskState } from '@a2a-js/sdk'
import {
  AgentEvent,
  type AgentExecutor,
  type ExecutionEventBus,
  type RequestContext,
  type RequestHeaders,
  STATE_HEADERS_KEY,
} from '@a2a-js/sdk/server'
import { doneWithin } from '../core/async.ts'
import { errorOf, type RunnerError } from '../core/errors.ts'
import { names } from '../core/telemetry.ts'
import type { Enhancer } from '../evidence/enhancer.ts'
import { overMany } from '../evidence/many.ts'
import type { EvidenceContext, Progress } from '../evidence/request.ts'
import type { EnhancedEvidence } from '../evidence/result.ts'
import { dataPart, sentEvidence, textPart, verdictLine } from './a2a-answer.ts'
import { type Job, jobOf } from './a2a-job.ts'
import { charactersOf, type LaneFigures, type LaneName, Lanes } from './a2a-lanes.ts'
import { TaskEvents } from './a2a-task-events.ts'
import { doorLimits, type ToolError, toolError } from './door.ts'
import { DoorTelemetry, type OpenCall } from './door-telemetry.ts'

/** What of an enhancer tasks need. */
export type TaskEnhancer = Pick<Enhancer, 'enhanceEvidence'>

/** How many tasks run and wait. */
export type ExecutorOptions = {
  /** Tasks at work at once, long and short; long ones take a quarter of the places at most. @default 8 */
  readonly concurrency?: number | undefined
  /** Short tasks that may wait, and as many long ones; beyond, a task is rejected at once. @default 256 */
  readonly waiting?: number | undefined
  /** Claims of one message at most. @default 100 */
  readonly claims?: number | undefined
  /** Characters of claims and sources up to which a task is short. @default 8000 */
  readonly shortCharacters?: number | undefined
  /** Whether spans and metrics of tasks are written to the OpenTelemetry API. @default true */
  readonly telemetry?: boolean | undefined
}

type Running = { readonly controller: AbortController; readonly done: Promise<void> }

/** The executor for the official SDK: `new DefaultRequestHandler(card, store, executor)`. */
export class EvidenceAgentExecutor implements AgentExecutor {
  readonly #enhancer: TaskEnhancer
  readonly #lanes: Lanes
  readonly #mostClaims: number
  readonly #door: DoorTelemetry
  readonly #tasks = new Map<string, Running>()
  #closed = false

  constructor(enhancer: TaskEnhancer, options: ExecutorOptions = {}) {
    const {
      claims = doorLimits.claims,
      concurrency = 8,
      shortCharacters,
      telemetry,
      waiting = doorLimits.waiting,
    } = options
    this.#enhancer = enhancer
    this.#door = new DoorTelemetry('a2a', telemetry)
    this.#lanes = new Lanes({ concurrency, waiting, shortCharacters })
    this.#mostClaims = claims
  }

  /** Runs one task to its end; whatever goes wrong is told in its last status. */
  async execute(request: RequestContext, bus: ExecutionEventBus): Promise<void> {
    const { taskId } = request
    const running = this.#tasks.get(taskId)
    if (running !== undefined) {
      // Another message to a task that is at work. When this call returns the SDK ends the task's events for all
      // who listen, so it has to stay until the task is done.
      if (request.task !== undefined) bus.publish(AgentEvent.task(request.task))
      await running.done
      return
    }
    const controller = new AbortController()
    const work = new TaskEvents(request, bus)
    const done = this.#run(request, work, controller.signal)
    this.#tasks.set(taskId, { controller, done })
    await done.finally(() => this.#tasks.delete(taskId))
  }

  /** Ends a task that waits or runs; its last status, `canceled`, comes from the task itself. */
  cancelTask = async (taskId: string): Promise<void> => {
    this.#tasks.get(taskId)?.controller.abort(new DOMException('The task was canceled', 'AbortError'))
  }

  /** What runs and waits. */
  get figures(): Readonly<Record<LaneName, LaneFigures>> {
    return this.#lanes.figures
  }

  /**
   * Takes no more tasks, lets those at work finish within `graceMs`, then ends the rest as failed (ER_CLOSED).
   * Idempotent.
   */
  async close(graceMs = 0): Promise<void> {
    this.#closed = true
    const all = Promise.all([...this.#tasks.values()].map(({ done }) => done))
    if (graceMs > 0) await doneWithin(all, graceMs)
    for (const { controller } of this.#tasks.values()) controller.abort(closing())
    await all
  }

  async #run(request: RequestContext, events: TaskEvents, signal: AbortSignal): Promise<void> {
    events.submitted()
    const call = {
      ...({ asked: 'task', span: names.spanTask, kind: 'server', signal } as const),
      traceparent: traceparentOf(request),
      attributes: { [names.task]: request.taskId },
    }
    try {
      const text = await this.#door.call(call, open => this.#inTurn(request, events, signal, open))
      events.status(TaskState.TASK_STATE_COMPLETED, [textPart(text)])
    } catch (error) {
      events.failed(error, signal)
    }
  }

  /** Does a task when its turn has come in its lane, and gives its last words. */
  async #inTurn(
    request: RequestContext,
    events: TaskEvents,
    signal: AbortSignal,
    open: OpenCall,
  ): Promise<string> {
    if (this.#closed) throw this.#refused(closing())
    const job = jobOf(request.userMessage, request.taskId, this.#mostClaims)
    const lane = this.#lanes.laneOf(charactersOf(job.contexts))
    open.asks(job.many ? 'claims' : 'claim')
    open.note({ [names.claims]: job.contexts.length, [names.lane]: lane })
    const refusal = this.#lanes.refusal(lane)
    if (refusal !== undefined) throw this.#refused(refusal)
    return this.#lanes.run(lane, signal, () => {
      open.begin()
      return this.#work(job, lane, request, events, signal)
    })
  }

  #refused(error: RunnerError): RunnerError {
    this.#door.refused(error.code)
    return error
  }

  async #work(
    { contexts, many, options: asked }: Job,
    lane: LaneName,
    { context: { user, tenant } }: RequestContext,
    events: TaskEvents,
    signal: AbortSignal,
  ): Promise<string> {
    events.working({ lane })
    const caller = [tenant, user?.userName].filter(Boolean).join('/') || 'a2a'
    // Whatever it asks for, a long task's passages let those of others go first.
    const priority = lane === 'long' ? 'low' : (asked.priority ?? 'high')
    const options = { ...asked, priority, caller, signal } as const
    const check = (context: EvidenceContext, onProgress?: (progress: Progress) => void) => {
      const work = () => this.#enhancer.enhanceEvidence(context, { ...options, onProgress })
      return lane === 'long' ? this.#lanes.gently(charactersOf([context]), signal, work) : work()
    }
    const [only] = contexts
    if (!many && only !== undefined) {
      const evidence = await check(only, progress => events.progress(progress))
      const line = verdictLine(evidence)
      events.artifact('evidence', [dataPart(sentEvidence(evidence)), textPart(line)])
      return line
    }
    let failure: ToolError | undefined
    let failed = 0
    let done = 0
    const outcomes = overMany(contexts, (context, index) => outcomeOf(index, () => check(context), signal), {
      concurrency: claimsAtOnce,
      signal,
    })
    for await (const outcome of outcomes) {
      done += 1
      if ('error' in outcome) {
        failed += 1
        failure ??= outcome.error
      }
      events.artifact(`evidence-${done}`, partsOf(outcome))
      events.progress({ step: 'claims', done, total: contexts.length })
    }
    if (failure === undefined) return `${done} claims checked`
    if (failed < done) return `${done} claims, ${failed} of them failed`
    const { code, message, retryAfterMs } = failure
    throw errorOf(code, `None of ${done} claims could be checked. The first: ${message}`, {
      ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    })
  }
}

/**
 * Where the caller's trace is carried on from: the message's metadata say it, the request's, or the header of the
 * HTTP request that brought them.
 */
function traceparentOf({ context, request, userMessage }: RequestContext): string | undefined {
  const headers = context.state.get(STATE_HEADERS_KEY) as RequestHeaders | undefined
  const places = [userMessage.metadata, request.metadata, headers]
  return places.map(place => place?.['traceparent']).find(given => typeof given === 'string')
}

/** Claims of one task that are under way at once; of a long task also no more than its lane lets pass. */
const claimsAtOnce = 8

/** An answer, or what went wrong in its place: one claim of many ends for itself alone. */
async function outcomeOf(
  index: number,
  work: () => Promise<EnhancedEvidence>,
  signal: AbortSignal,
): Promise<Outcome> {
  try {
    return await work()
  } catch (error) {
    signal.throwIfAborted()
    return { claim: index + 1, error: toolError(error) }
  }
}

const closing = () => errorOf('ER_CLOSED', 'This agent is closing; ask another one, or come back later')

type Outcome = EnhancedEvidence | { readonly claim: number; readonly error: ToolError }

const partsOf = (outcome: Outcome): Part[] =>
  'error' in outcome
    ? [dataPart(outcome), textPart(`${outcome.error.code}: ${outcome.error.message}`)]
    : [dataPart(sentEvidence(outcome)), textPart(verdictLine(outcome))]
