/**
 * The slots of a shared Limiter as one step has them: the same slots, and a clock beside them. The clock begins
 * with the step's first slot and stands still while the step only waits for another, so that times of steps add
 * up to what they would take one after the other, however narrow the Limiter.
 */
import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { now } from '../core/async.ts'
import { Limiter } from './limiter.ts'

/** What steps that may stop each other share: that a leaf has failed, and nobody has heard of it yet. */
export type Unheard = { failure: boolean }

/** One step's view of a shared Limiter. */
export class StepSlots extends Limiter {
  readonly #shared: Limiter
  readonly #unheard: Unheard
  readonly #onBegin: () => void
  #hasBegun = false
  #held = 0
  #wanted = 0
  #countedMs = 0
  #since = 0

  /** @param onBegin called once, in the first slot. */
  constructor(shared: Limiter, unheard: Unheard, onBegin: () => void) {
    super(shared.width)
    this.#shared = shared
    this.#unheard = unheard
    this.#onBegin = onBegin
  }

  override get running(): number {
    return this.#shared.running
  }

  override get isFull(): boolean {
    return this.#shared.isFull
  }

  override get waiting(): number {
    return this.#shared.waiting
  }

  /** True from the first slot on. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  /** Milliseconds that the clock has gone. */
  get elapsedMs(): number {
    return this.#countedMs + (this.#isGoing ? now() - this.#since : 0)
  }

  get #isGoing(): boolean {
    return this.#hasBegun && (this.#held > 0 || this.#wanted === 0)
  }

  override async run<T>(signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
    let holds = false
    this.#change(0, 1)
    try {
      return await this.#shared.run(signal, () => {
        holds = true
        this.#change(1, -1)
        return this.#work(signal, work)
      })
    } finally {
      if (holds) this.#change(-1, 0)
      else this.#change(0, -1)
    }
  }

  async #work<T>(signal: AbortSignal, work: () => T | Promise<T>): Promise<T> {
    if (this.#unheard.failure) {
      // In a turn of the event loop it has reached all that it stops.
      await turnOfLoop()
      this.#unheard.failure = false
      signal.throwIfAborted()
    }
    if (!this.#hasBegun) this.#begin()
    try {
      return await work()
    } catch (error) {
      // Before the slot goes on to another.
      this.#unheard.failure = true
      throw error
    }
  }

  #begin(): void {
    this.#hasBegun = true
    this.#since = now()
    this.#onBegin()
  }

  #change(held: number, wanted: number): void {
    this.#countedMs = this.elapsedMs
    this.#since = now()
    this.#held += held
    this.#wanted += wanted
  }
}
