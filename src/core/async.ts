/** Small pieces of time and abort that several rooms need. */
import { DeadlineError } from './errors.ts'

/** Milliseconds on the clock that deadlines are given in; it never goes back. */
export const now = (): number => performance.now()

/** What a timer of Node can wait at most; a longer time would fire at once. */
const longestTimerMs = 2 ** 31 - 1

/** `setTimeout` for any time, Infinity included: what is farther off than a timer reaches gets none. */
export const setTimer = (ms: number, onTime: () => void): NodeJS.Timeout | undefined =>
  ms <= longestTimerMs ? setTimeout(onTime, ms) : undefined

/** The error for a deadline that passed while waiting for `what`. */
export const deadlinePassed = (what: string, afterMs: number): DeadlineError =>
  new DeadlineError(
    'ER_DEADLINE',
    `${what} was not done within ${Math.max(1, Math.round(afterMs))} ms; allow more time or send less`,
  )

/** Whether `work` was done within `ms`. @throws what it rejects with within that time. */
export async function doneWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimer(ms, () => resolve(false))
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * A signal that follows the caller's own and a time limit, the means to abort it, and to let go of both.
 * The limit's reason is a DeadlineError.
 */
export function limitedSignal(
  signal: AbortSignal | undefined,
  timeoutMs: number,
  what: string,
): { signal: AbortSignal; abort: (reason: unknown) => void; release: () => void } {
  const controller = new AbortController()
  const onAbort = () => controller.abort(signal?.reason)
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  const timer = setTimer(timeoutMs, () => controller.abort(deadlinePassed(what, timeoutMs)))
  const release = () => {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
  return { signal: controller.signal, abort: reason => controller.abort(reason), release }
}

/** `make`, run once for all who ask, and again after a failure: what was not there may be there the next time. */
export function keptOnce<T>(make: () => Promise<T>): () => Promise<T> {
  let kept: Promise<T> | undefined
  return () => {
    if (kept === undefined) {
      const made = make()
      kept = made
      made.catch(() => {
        if (kept === made) kept = undefined
      })
    }
    return kept
  }
}

/** Keeps the event loop alive while it is wanted, for work whose own handles don't. */
export class KeepAlive {
  #timer: NodeJS.Timeout | undefined

  hold(wanted: boolean): void {
    if (wanted) this.#timer ??= setInterval(() => {}, longestTimerMs)
    else {
      clearInterval(this.#timer)
      this.#timer = undefined
    }
  }
}
