/** A fixed number of places that are taken and given back; who asks first gets the next. */
export class Places {
  #free: number
  readonly #asking = new Set<() => void>()

  constructor(count: number) {
    this.#free = count
  }

  /** Resolves to true with a place, to false once the signal is aborted. */
  async take(signal: AbortSignal): Promise<boolean> {
    if (signal.aborted) return false
    if (this.#free > 0) {
      this.#free -= 1
      return true
    }
    const { promise, resolve } = Promise.withResolvers<boolean>()
    const given = () => resolve(true)
    const leave = () => {
      // Handed over already, it is a place all the same.
      if (this.#asking.delete(given)) resolve(false)
    }
    this.#asking.add(given)
    signal.addEventListener('abort', leave, { once: true })
    try {
      return await promise
    } finally {
      signal.removeEventListener('abort', leave)
    }
  }

  /** Gives a place back: to who asked first, where anyone waits. */
  give(): void {
    const [first] = this.#asking
    if (first === undefined) {
      this.#free += 1
      return
    }
    this.#asking.delete(first)
    first()
  }
}
