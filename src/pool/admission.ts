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

/** What stands behind the door. */
export type Behind = {
  readonly queue: Queue
  readonly costs: CostModel
  /** Workers that serve, or soon will. */
  readonly workers: number
  readonly now: number
}

/** The reason to refuse `job`, if there is one. */
export function refusalOf(job: Job, options: ResolvedPoolOptions, behind: Behind): RunnerError | undefined {
  const { queue, costs, now } = behind
  const { op } = job.call.variant
  const { length } = job.queued
  const workers = Math.max(1, behind.workers)
  if (length > options.queueLimit) {
    return errorOf(
      'ER_INPUT',
      `${length} items in one call; the queue takes ${options.queueLimit}: send them in pieces`,
    )
  }
  const waitMs = (costs.fit(op).perTokenMs * queue.tokensAhead(job.context.class)) / workers
  const full = fullness(job, options, queue, waitMs)
  if (full !== undefined) {
    const retryAfterMs = Math.round(Math.max(shortestRetryMs, waitMs))
    return errorOf('ER_QUEUE_FULL', `${full}; come back in ${retryAfterMs} ms`, { retryAfterMs })
  }
  const leftMs = job.context.deadline - now
  const runMs = costs.predict(op, tokensOf(job.queued) / workers)
  if (runMs > leftMs * doubt) return deadlinePassed(`${op} (it takes about ${Math.round(runMs)} ms)`, leftMs)
  if (waitMs + runMs <= leftMs * doubt) return undefined
  const retryAfterMs = Math.round(Math.max(shortestRetryMs, waitMs + runMs - leftMs))
  const message = `The call would be answered in about ${Math.round(waitMs + runMs)} ms and may take ${Math.round(leftMs)}; come back in ${retryAfterMs} ms`
  return errorOf('ER_QUEUE_FULL', message, { retryAfterMs })
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
