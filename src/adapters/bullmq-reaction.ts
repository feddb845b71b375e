/**
 * What a consumer does with a job that failed, by the table of errors. Pure: BullMQ is told elsewhere.
 *
 *   fail        no other attempt would be any better
 *   retry       another attempt, after a back-off; counts
 *   postpone    nothing was tried: this machine is full or not ready; doesn't count
 *   give back   this consumer is going away; another one takes it at once; doesn't count
 */
import { type ErrorRecord, errorRecord, errorRules, OverloadError, RunnerError } from '../core/errors.ts'

/** What becomes of a job. */
export type Reaction =
  | { readonly do: 'fail'; readonly record: ErrorRecord }
  | { readonly do: 'retry'; readonly record: ErrorRecord }
  | { readonly do: 'postpone'; readonly record: ErrorRecord; readonly afterMs: number }
  | { readonly do: 'give back' }

/** For an overload that does not say when to come back, in milliseconds. */
const comeBackAfterMs = 1000
/** A job that was started so often has met full machines only; from then on each costs it an attempt. */
const mostFreeStarts = 50

/** What to do about `error`, thrown by the start number `starts` of a job. */
export function reactionTo(error: unknown, starts: number): Reaction {
  const record = errorRecord(error)
  if (!(error instanceof RunnerError)) return { do: 'retry', record }
  // Of this consumer, not of the job: the table's 'unrecoverable' is for whoever called a closed enhancer.
  if (error.code === 'ER_CLOSED') return { do: 'give back' }
  if (error instanceof OverloadError && starts <= mostFreeStarts)
    return { do: 'postpone', record, afterMs: error.retryAfterMs ?? comeBackAfterMs }
  return error.retryable || errorRules[error.code].bullmq === 'retry'
    ? { do: 'retry', record }
    : { do: 'fail', record }
}

/** The longest back-off, in milliseconds. */
const longestBackOffMs = 60_000

/**
 * Milliseconds before attempt `attemptsMade + 1`: doubled with each, up to a minute, spread over its upper half; no
 * less than the error asked for.
 */
export function backOffMs(attemptsMade: number, firstMs: number, record: ErrorRecord | undefined): number {
  const full = Math.min(longestBackOffMs, firstMs * 2 ** Math.max(0, attemptsMade - 1))
  return Math.round(Math.max(full * (0.5 + Math.random() / 2), record?.retryAfterMs ?? 0))
}
