/**
 * The course of one run of a plan, beside the work itself: until when it may go on, when the rest of the process
 * has its turn, and who is told what happens.
 */
import { deadlinePassed, limitedSignal, now } from '../core/async.ts'
import type { RunContext } from '../core/call.ts'
import { RunnerError } from '../core/errors.ts'
import type { Cost } from './node.ts'
import { codeOf, type Failure, type Place, type Result, type Scope } from './outcome.ts'
import type { Profiles } from './ports.ts'

/** Something that happened to a node. Paths are those of errors; a composite's name is its kind. */
export type PlanEvent = {
  readonly kind: 'start' | 'end' | 'retry' | 'memo'
  readonly path: string
  readonly name: string
  /** Of an end. */
  readonly status?: 'ok' | 'failed'
  /** Of a retry: the number of the attempt that is to come. */
  readonly attempt?: number
  /** Of an end: since the start, so without the wait for a slot. */
  readonly ms?: number
}

/** Who is told of a run. What they throw is their own affair. */
export type Listeners = {
  /** Is told what each stage and remote leaf took, as `name@version`. */
  readonly profiles?: Profiles
  readonly onEvent?: (event: PlanEvent) => void
}

/** A node's work: when it began, if it did, and what it is known to have used. */
export type Work = { since: number | undefined; cost: Partial<Cost> }

/** Other work of the process waits no longer than this for its turn, unless one stage takes longer. */
const longestTurnMs = 10

export class Course {
  /** The caller's, or one of our own that knows the deadline too. */
  readonly context: RunContext
  readonly #listeners: Listeners
  readonly #isTimed: boolean
  readonly #limited: ReturnType<typeof limitedSignal> | undefined
  readonly #since = now()
  #turnSince = this.#since
  /** Set from the first look at the clock in a turn of the event loop until the turn's end. */
  #turnEnd: NodeJS.Immediate | undefined
  #shaken = false

  constructor(context: RunContext, listeners: Listeners) {
    const { deadline, signal } = context
    this.#listeners = listeners
    this.#isTimed = listeners.onEvent !== undefined || listeners.profiles !== undefined
    if (deadline === Number.POSITIVE_INFINITY) this.context = context
    else {
      this.#limited = limitedSignal(signal, Math.max(0, deadline - this.#since), 'The plan')
      this.context = under(this.#limited.signal, context)
    }
  }

  /** Why nothing more may begin, if so. Time that has passed is noticed here before its timer comes to run. */
  stopped(signal: AbortSignal): Failure | undefined {
    const { deadline } = this.context
    if (this.#limited !== undefined && !signal.aborted && now() >= deadline)
      this.#limited.abort(deadlinePassed('The plan', Math.max(0, deadline - this.#since)))
    return signal.aborted ? stoppedBy(signal) : undefined
  }

  /** Whether the event loop has not turned for so long that the next to begin should let it. */
  get isDue(): boolean {
    if (this.#turnEnd !== undefined) return now() - this.#turnSince > longestTurnMs
    this.#markTurn()
    return false
  }

  /**
   * Whether something has failed in this turn of the event loop. What takes over its slot might begin before the
   * failure has reached the composite that is to stop it; in the next turn it has.
   */
  get isShaken(): boolean {
    return this.#shaken
  }

  noteFailure(): void {
    this.#shaken = true
    if (this.#turnEnd === undefined) this.#markTurn()
  }

  /** Lets the rest of the process have a turn. */
  turn(): Promise<void> {
    return new Promise(resolve => {
      setImmediate(resolve)
    })
  }

  // Noticed rather than counted from the last turn that was given: most work waits for something, and then
  // the loop turns by itself.
  #markTurn(): void {
    this.#turnSince = now()
    this.#turnEnd = setImmediate(() => {
      this.#turnEnd = undefined
      this.#shaken = false
    })
  }

  /** @returns when it began, where anyone wants to know. */
  begin({ facts: { name }, scope: { path } }: Place): number {
    this.tell({ kind: 'start', path, name })
    return this.#isTimed ? now() : 0
  }

  end({ node, facts: { name }, scope: { path } }: Place, { failure }: Result, work: Work): void {
    if (!this.#isTimed) return
    const ms = now() - (work.since ?? 0)
    this.tell({ kind: 'end', path, name, status: failure === undefined ? 'ok' : 'failed', ms })
    const { profiles } = this.#listeners
    // What was stopped from outside says nothing about the leaf.
    if ((node.kind !== 'stage' && node.kind !== 'remote') || failure?.stopped || !profiles) return
    const cost = { ...work.cost, timeMs: ms }
    quietly(() => profiles.note(`${node.name}@${node.version}`, failure === undefined, cost))
  }

  tell(event: PlanEvent): void {
    const { onEvent } = this.#listeners
    if (onEvent !== undefined) quietly(() => onEvent(event))
  }

  /** Lets go of timers and of the caller's signal. */
  close(): void {
    this.#limited?.release()
    clearImmediate(this.#turnEnd)
  }
}

/** A listener's fault is its own, now or later. */
function quietly(tell: () => unknown): void {
  try {
    const heard = tell()
    if (heard instanceof Promise) heard.catch(() => {})
  } catch {
    // As above.
  }
}

/** Why a node failed: under an aborted signal, by the abort, whose reason is given as it came. */
export function failureOf(error: unknown, { path, signal }: Scope): Failure {
  if (signal.aborted) return stoppedBy(signal)
  if (error instanceof RunnerError && path !== '') error.path ??= path
  return { error, code: codeOf(error, false), stopped: false }
}

/** What an aborted signal leaves. */
export const stoppedBy = ({ reason }: AbortSignal): Failure => ({
  error: reason,
  code: codeOf(reason, true),
  stopped: true,
})

/**
 * The context under a signal of our own. It is handed down by reference otherwise; but a call can be stopped by
 * the context's signal only, and one that a sibling's failure or the deadline stops has no other way to hear of it.
 */
export const under = (signal: AbortSignal, context: RunContext): RunContext => ({ ...context, signal })
