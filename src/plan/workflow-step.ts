/**
 * Runs one step of a workflow: its node, through the plan's executor, with a trace, a clock and a time limit of
 * its own. What its stage makes of the end is for `workflow-stage.ts`.
 */
import { deadlinePassed, limitedSignal, setTimer } from '../core/async.ts'
import type { RunContext } from '../core/call.ts'
import { Trace, type TraceStep } from '../core/trace.ts'
import type { PlanEvent } from './course.ts'
import { type ExecuteParts, execute } from './execute.ts'
import type { Limiter } from './limiter.ts'
import type { StepInput } from './workflow-definition.ts'
import type { CompiledStep } from './workflow-plan.ts'
import { StepSlots, type Unheard } from './workflow-slots.ts'

/** Something that happened to a step. */
export type StepEvent = { readonly kind: 'start' } | { readonly kind: 'retry'; readonly attempt: number }

/** Who does the work of a step, and how. */
export type StepParts = Omit<ExecuteParts, 'limiter' | 'onEvent'> & {
  readonly limiter: Limiter
  /** How long what was aborted has to end before it is left behind. */
  readonly graceMs: number
  /** Of its stage. */
  readonly unheard: Unheard
}

/** How a step's plan ended: with an output, or with what it threw, or by its own time limit, or not at all. */
export type StepEnd =
  | { readonly kind: 'ok'; readonly output: unknown }
  | { readonly kind: 'failed' | 'late'; readonly error: unknown }
  | { readonly kind: 'left' }

/** What is known of a step that was run. */
export type StepRun = {
  readonly end: StepEnd
  /** False where it never got a slot. */
  readonly hasBegun: boolean
  readonly attempts: number
  readonly durationMs: number
  /** What its plan left in the trace; nothing where it was left behind. */
  readonly trace: TraceStep | undefined
}

/**
 * Runs a step until its plan has ended; once aborted, no longer than the grace that it has. Never rejects.
 * @param what its name for people.
 * @param context whose signal stops it, and whose deadline it is not to pass.
 */
export async function runStep(
  { node, step: { timeoutMs } }: CompiledStep,
  what: string,
  input: StepInput,
  context: RunContext,
  { graceMs, limiter, unheard, ...others }: StepParts,
  onEvent: (event: StepEvent) => void,
): Promise<StepRun> {
  const limited = limitedSignal(context.signal, Number.POSITIVE_INFINITY, what)
  const late = timeoutMs === undefined ? undefined : deadlinePassed(what, timeoutMs)
  let timer: NodeJS.Timeout | undefined
  const slots = new StepSlots(limiter, unheard, () => {
    if (timeoutMs !== undefined) timer = setTimer(timeoutMs, () => limited.abort(late))
    onEvent({ kind: 'start' })
  })
  const attempts = new Attempts(attempt => onEvent({ kind: 'retry', attempt }))
  const [trace, { signal }] = [new Trace(), limited]
  const work = execute(
    node,
    input,
    { ...context, signal, trace },
    { ...others, limiter: slots, onEvent: attempts.hear },
  )
  const end = await endOf(work, signal, graceMs)
  clearTimeout(timer)
  limited.release()
  return {
    end:
      late !== undefined && signal.reason === late && end.kind !== 'ok' ? { kind: 'late', error: late } : end,
    hasBegun: slots.hasBegun,
    attempts: slots.hasBegun ? attempts.count : 0,
    durationMs: slots.elapsedMs,
    trace: trace.record().steps[0],
  }
}

/** Counts how often the step's node was begun, by what the executor tells. */
class Attempts {
  count = 1
  readonly #onRetry: (attempt: number) => void
  #next = 1

  constructor(onRetry: (attempt: number) => void) {
    this.#onRetry = onRetry
  }

  // What is tried again stands where its Retry does. The wait before it may be the end of it.
  readonly hear = ({ attempt, kind, path }: PlanEvent): void => {
    if (path !== '') return
    if (kind === 'start') this.count = this.#next
    if (kind !== 'retry' || attempt === undefined) return
    this.#next = attempt
    this.#onRetry(attempt)
  }
}

/** How `work` ends, or that it has not within `graceMs` of the abort. */
async function endOf(work: Promise<unknown>, signal: AbortSignal, graceMs: number): Promise<StepEnd> {
  const { promise: left, resolve } = Promise.withResolvers<StepEnd>()
  let timer: NodeJS.Timeout | undefined
  const onAbort = () => {
    timer = setTimer(graceMs, () => resolve({ kind: 'left' }))
  }
  signal.addEventListener('abort', onAbort, { once: true })
  if (signal.aborted) onAbort()
  const ended = work.then(
    (output): StepEnd => ({ kind: 'ok', output }),
    (error: unknown): StepEnd => ({ kind: 'failed', error }),
  )
  const end = await Promise.race([ended, left])
  clearTimeout(timer)
  signal.removeEventListener('abort', onAbort)
  return end
}
