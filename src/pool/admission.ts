/**
 * Who may come in: a call is refused at the door, with a time to come back, rather than after waiting in vain.
 * Pure: what is there to know is given.
 */
import { deadlinePassed } from '../core/async.ts'
import { errorOf, type RunnerError } from '../core/errors.ts'
import type { CostModel } from './cost-model.ts'
import type { Crew } from './crew.ts'
import { type Job, tokensOf } from './job.ts'
import type { ResolvedPoolOptions } from './options.ts'
import type { Queue } from './queue.ts'

/** A prediction must miss by this much before anybody is refused for it: it is no more than an estimate. */
const doubt = 1.25
const shortestRetryMs = 50

/** A queue fuller than this part of its limit counts as saturated. */
const saturation = 0.8

/** Whether new calls may soon be refused. */
export const isSaturated = (
  { items, bytes }: Queue,
  { queueLimit, queueBytes }: ResolvedPoolOptions,
): boolean => items >= queueLimit * saturation || bytes >= queueBytes * saturation

/** What stands behind the door. */
export type Behind = {
  readonly queue: Queue
  readonly costs: CostModel
  /** Workers that serve, or soon will. */
  readonly workers: number
  /** How many calls of an operation a worker takes at once; 1 where that finishes in one step. */
  readonly slots: (op: string) => number
  readonly now: number
}

/** The reason to refuse `job`, if there is one. */
export function refusalOf(job: Job, options: ResolvedPoolOptions, behind: Behind): RunnerError | undefined {
  const { queue, now } = behind
  const { op } = job.call.variant
  const { length } = job.queued
  const misfit = misfitOf(job, behind.slots(op))
  if (misfit !== undefined) return misfit
  if (length > options.queueLimit) {
    return errorOf(
      'ER_INPUT',
      `${length} items in one call; the queue takes ${options.queueLimit}: send them in pieces`,
    )
  }
  const waitMs = waitOf(job, behind)
  const full = fullness(job, options, queue, waitMs)
  if (full !== undefined) {
    const retryAfterMs = Math.round(Math.max(shortestRetryMs, waitMs))
    return errorOf('ER_QUEUE_FULL', `${full}; come back in ${retryAfterMs} ms`, { retryAfterMs })
  }
  const leftMs = job.context.deadline - now
  const runMs = runOf(job, behind)
  if (runMs > leftMs * doubt) return deadlinePassed(`${op} (it takes about ${Math.round(runMs)} ms)`, leftMs)
  if (waitMs + runMs <= leftMs * doubt) return undefined
  const retryAfterMs = Math.round(Math.max(shortestRetryMs, waitMs + runMs - leftMs))
  const message = `The call would be answered in about ${Math.round(waitMs + runMs)} ms and may take ${Math.round(leftMs)}; come back in ${retryAfterMs} ms`
  return errorOf('ER_QUEUE_FULL', message, { retryAfterMs })
}

/** The reason to refuse a job whose items can't go together, as a worker has only so many slots. */
export function misfitOf({ call, items }: Job, slots: number): RunnerError | undefined {
  if (call.together !== true || slots === 1 || items.length <= slots) return undefined
  const message = `${items.length} items are to run together, and a worker takes ${slots} of ${call.variant.op} at once: send them in pieces`
  return errorOf('ER_INPUT', message)
}

/**
 * How long a job will wait, about. What takes one step waits for all that does, since a worker has one lane for
 * it; what takes many has a lane of its own, of which each slot serves one call after the other.
 */
function waitOf({ call, context }: Job, { queue, costs, workers, slots }: Behind): number {
  const { op } = call.variant
  const own = slots(op)
  const waitMs = queue.ahead(context.class, (other, { items, tokens }) => {
    if (tokens === 0 || (other !== op && (own > 1 || slots(other) > 1))) return 0
    const { perTokenMs, fixedMs } = costs.fit(other)
    return own > 1 ? (perTokenMs * tokens + fixedMs * items) / own : perTokenMs * tokens
  })
  return waitMs / Math.max(1, workers)
}

/** How long a job will run, about: its items side by side on all workers, or in all their slots. */
function runOf({ call, queued }: Job, { costs, workers, slots }: Behind): number {
  const { op } = call.variant
  const own = slots(op)
  const places = Math.max(1, workers) * own
  if (own === 1) return costs.predict(op, tokensOf(queued) / places)
  // The longest comes first.
  return costs.predict(op, queued[0]?.tokens ?? 0) * Math.ceil(queued.length / places)
}

function fullness(job: Job, options: ResolvedPoolOptions, queue: Queue, waitMs: number): string | undefined {
  const { length } = job.queued
  const bytes = job.queued.reduce((sum, item) => sum + item.bytes, 0)
  if (queue.items + length > options.queueLimit) {
    return `${queue.items} of ${options.queueLimit} items wait and ${length} more don't fit`
  }
  // A single large call may come into an empty queue: the frame's limit is its own.
  if (queue.items > 0 && queue.bytes + bytes > options.queueBytes) {
    return `${queue.bytes} of ${options.queueBytes} bytes wait and ${bytes} more don't fit`
  }
  if (waitMs > options.queueWaitMs) return `What waits takes about ${Math.round(waitMs)} ms`
  return undefined
}

/** The error for a call that comes while no worker is there and none may be started yet. */
export function noWorker(retryAfterMs: number, cause: RunnerError | undefined): RunnerError {
  const wait = Math.round(retryAfterMs)
  const message = `No worker can be had; come back in ${wait} ms. The last one: ${cause?.message ?? 'unknown'}`
  return errorOf('ER_NO_WORKER', message, { retryAfterMs: wait, cause, detail: cause?.detail ?? '' })
}

/** The error for workers that did not get warm in time. */
export function stillWarming({ states, stderrTail }: Crew, timeoutMs: number): RunnerError {
  const message = `No worker was warm after ${timeoutMs} ms (${states}); raise warmUpTimeoutMs or run \`npx evidence-runner doctor\``
  return errorOf('ER_WARMING', message, { retryAfterMs: 1000, detail: stderrTail })
}
