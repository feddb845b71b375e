/**
 * Bounds how many pieces of work run at once. Whoever asks first runs first; whoever waits can leave.
 *
 *   run ──▶ slot free ──▶ work ──▶ slot to the first who waits, or free
 *       └─▶ waiting ──┬─▶ slot handed over ──▶ work
 *                     └─▶ aborted: gone, no slot taken
 *
 * Work that holds a slot must not wait for another of the same Limiter: at width 1 it would wait for itself.
 */
import { availableParallelism } from 'node:os'
import { errorOf } from '../core/errors.ts'

/** How many leaves of a plan run at once unless told otherwise: one for each core but one, and at least 3. */
export const defaultWidth = (): number => Math.max(3, availableParallelism() - 1)

export class Limiter {
  readonly width: number
  #running = 0
  // In the order of asking. Slots are handed over, so that nobody overtakes: while any waits, all are taken.
  readonly #waiting = new Set<() => void>()

  /** @throws InputError ER_INPUT for a width that is not a whole number from 1. */
  constructor(width: number = defaultWidth()) {
    if (!Number.isSafeInteger(width) || width < 1)
      throw errorOf('ER_INPUT', `A limiter's width is a whole number from 1, not ${width}`)
    this.width = width
  }

  /** Slots that are taken. */
  get running(): number {
    return this.#running
  }

  /** Whether the next to ask would have to wait. */
  get isFull(): boolean {
    return this.running >= this.width
  }

  /** How many wait for a slot. */
  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Runs `work` in a slot of its own and gives what it gives.
   * @throws the signal's reason when it is aborted before `work` has begun; after that, what `work` throws.
   */
  async run<T>(signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
    signal.throwIfAborted()
    if (this.isFull) await this.#turn(signal)
    else this.#running += 1
    try {
      signal.throwIfAborted()
      return await work()
    } finally {
      this.#leave()
    }
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const enter = () => {
        signal.removeEventListener('abort', leave)
        resolve()
      }
      const leave = () => {
        this.#waiting.delete(enter)
        reject(signal.reason)
      }
      this.#waiting.add(enter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  #leave(): void {
    const [next] = this.#waiting
    if (next === undefined) {
      this.#running -= 1
      return
    }
    this.#waiting.delete(next)
    next()
  }
}
