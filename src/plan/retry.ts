/**
 * Trying again: which errors allow it, how long to wait before it, and the loop. It knows nothing of plans;
 * chance and time come from outside, so that a test can fix them.
 *
 * Tried again is after an error that calls itself retryable and that no layer below has tried again. Never
 * after an abort, and not where the wait would outlast the deadline: the error is told at once instead.
 */
import { now, setTimer } from '../core/async.ts'
import type { Backoff } from './node.ts'

/** Bounds and means of trying again. */
export type RetryOptions = {
  /** In all, the first included. */
  readonly attempts: number
  readonly backoff: Required<Backoff>
  /** Once aborted, nothing is tried again. */
  readonly signal: AbortSignal
  /** On the clock of `performance.now()`, in milliseconds; Infinity for none. */
  readonly deadline: number
  /** Called when it is settled that attempt number `attempt` follows, before the wait. */
  readonly onRetry?: (attempt: number, waitMs: number) => void
  /** 0 to 1, 1 excluded. @default Math.random */
  readonly random?: () => number
  /** Resolves after `ms`, or as soon as the signal is aborted; never rejects. @default a timer */
  readonly pause?: (ms: number, signal: AbortSignal) => Promise<void>
}

/** What an attempt came to, for the loop: undefined where it went well. */
export type FailureOf<T> = (made: T) => { readonly error: unknown } | undefined

/**
 * Runs `work` until it goes well or may not be tried again, and gives what came of the last attempt. Where that
 * is an error that was tried again, the error says so from then on: `retried`.
 * @param work gets the attempt's number, from 1; it tells failures by what it gives, and does not throw.
 */
export async function retrying<T>(
  work: (attempt: number) => Promise<T>,
  failureOf: FailureOf<T>,
  options: RetryOptions,
): Promise<T> {
  const { random = Math.random, pause = pauseFor, signal } = options
  for (let attempt = 1; ; attempt += 1) {
    const made = await work(attempt)
    const failure = failureOf(made)
    if (failure === undefined) return made
    const waitMs = waitBefore(attempt + 1, failure.error, options, random)
    if (waitMs === undefined) {
      if (attempt > 1) markRetried(failure.error)
      return made
    }
    options.onRetry?.(attempt + 1, waitMs)
    await pause(waitMs, signal)
    if (signal.aborted) return made
  }
}

/**
 * Milliseconds before attempt number `attempt` (from 2), of which the part `jitter` is left to chance.
 * @param random 0 to 1
 */
export function backoffMs(
  { baseMs, factor, mostMs, jitter }: Required<Backoff>,
  attempt: number,
  random: number,
): number {
  // 0 times a factor that has grown beyond all numbers is no number.
  const fullMs = baseMs === 0 ? 0 : Math.min(mostMs, baseMs * factor ** (attempt - 2))
  return fullMs * (1 - jitter * random)
}

/** True for an error that says it may be tried again and was not yet. */
export const isRetryable = (error: unknown): error is { retryable: true; retried?: boolean } =>
  typeof error === 'object' &&
  error !== null &&
  'retryable' in error &&
  error.retryable === true &&
  !('retried' in error && error.retried === true)

/** How long to wait before `attempt`, or undefined where there must be none. */
function waitBefore(
  attempt: number,
  error: unknown,
  { attempts, backoff, deadline, signal }: RetryOptions,
  random: () => number,
): number | undefined {
  if (attempt > attempts || signal.aborted || !isRetryable(error)) return undefined
  // Whoever is overloaded says when to come back; sooner is of no use.
  const waitMs = Math.max(
    backoffMs(backoff, attempt, random()),
    Math.min(backoff.mostMs, comeBackAfterMs(error)),
  )
  return now() + waitMs >= deadline ? undefined : waitMs
}

function comeBackAfterMs(error: object): number {
  const asked = 'retryAfterMs' in error ? error.retryAfterMs : undefined
  return typeof asked === 'number' && asked > 0 ? asked : 0
}

// Not an assignment, which would throw for a frozen error and hide it.
const markRetried = (error: unknown): boolean => isRetryable(error) && Reflect.set(error, 'retried', true)

function pauseFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimer(ms, done)
    signal.addEventListener('abort', done, { once: true })
    if (signal.aborted) done()
  })
}
