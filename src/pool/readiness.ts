/** Those who wait for warm workers: told when enough are there, when none will come, or when their time is up. */
import { setTimer } from '../core/async.ts'

type Waiter = {
  readonly wanted: number
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

export class Readiness {
  readonly #waiters = new Set<Waiter>()

  get waiting(): boolean {
    return this.#waiters.size > 0
  }

  /**
   * Waits for `wanted` warm workers.
   * @param late makes the error for when `timeoutMs` are over.
   */
  async wait(
    wanted: number,
    timeoutMs: number,
    late: () => unknown,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { wanted, resolve, reject }
    const timer = setTimer(timeoutMs, () => reject(late()))
    const onAbort = () => reject(signal?.reason)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiters.add(waiter)
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      this.#waiters.delete(waiter)
    }
  }

  /** So many are warm now. */
  tell(ready: number): void {
    for (const { wanted, resolve } of this.#waiters) if (ready >= wanted) resolve()
  }

  /** None will come. */
  refuse(error: unknown): void {
    for (const { reject } of this.#waiters) reject(error)
  }
}
