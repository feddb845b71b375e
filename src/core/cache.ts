/**
 * A cache bounded by entries and bytes, with single flight: equal work in flight is done once.
 *
 * The shared run has a signal of its own, aborted when the last joiner leaves. A leader's abort or error is
 * its own affair: a joiner that has not been aborted leads the next run. Errors are never kept.
 */
import { LRUCache } from 'lru-cache'

/** Bounds of a cache. */
export type CacheOptions<Value extends object> = {
  /** Entries kept at most; 0 keeps none and leaves single flight on. */
  readonly maxEntries: number
  /** Bytes kept at most, by `sizeOf`. */
  readonly maxBytes: number
  readonly sizeOf: (value: Value) => number
}

type Flight<Value> = {
  readonly controller: AbortController
  readonly promise: Promise<Value>
  joiners: number
}

/**
 * What a cache holds and how often it helped; `joined` counts calls that shared a run under way, `evictions` values
 * that had to go for others.
 */
export type CacheFigures = {
  readonly entries: number
  readonly bytes: number
  readonly hits: number
  readonly misses: number
  readonly joined: number
  readonly evictions: number
}

export class Cache<Value extends object> {
  readonly #kept: LRUCache<string, Value> | undefined
  readonly #flights = new Map<string, Flight<Value>>()
  #hits = 0
  #misses = 0
  #joined = 0
  #evictions = 0

  constructor(options: CacheOptions<Value>) {
    const { maxEntries, maxBytes, sizeOf } = options
    if (maxEntries > 0 && maxBytes > 0) {
      this.#kept = new LRUCache({
        max: maxEntries,
        maxSize: maxBytes,
        sizeCalculation: value => Math.max(1, sizeOf(value)),
        dispose: (_value, _key, reason) => {
          if (reason === 'evict') this.#evictions += 1
        },
      })
    }
  }

  /** The kept value, if any. */
  get(key: string): Value | undefined {
    const value = this.#kept?.get(key)
    if (value === undefined) this.#misses += 1
    else this.#hits += 1
    return value
  }

  /** Whether there is a kept value; counts as no use of it. */
  has(key: string): boolean {
    return this.#kept?.has(key) ?? false
  }

  /** Keeps `value`; one that is larger than the whole cache is not kept. */
  set(key: string, value: Value): void {
    this.#kept?.set(key, value)
  }

  /**
   * Drops the value of `key`. A run in flight for it goes on for those who wait, but nobody joins it any more, and
   * what comes of it is not kept.
   * @returns whether there was a kept value.
   */
  delete(key: string): boolean {
    this.#flights.delete(key)
    return this.#kept?.delete(key) ?? false
  }

  /**
   * Runs `work` for `key`, or joins the run that is in flight.
   * @param keep decides whether the outcome may be kept; it is asked once.
   * @returns the value and whether this call joined another's run.
   */
  async share(
    key: string,
    signal: AbortSignal,
    work: (signal: AbortSignal) => Promise<Value>,
    keep: (value: Value) => boolean = () => true,
  ): Promise<{ value: Value; joined: boolean }> {
    for (let first = true; ; first = false) {
      signal.throwIfAborted()
      const running = this.#flights.get(key)
      if (running === undefined || running.controller.signal.aborted) {
        return { value: await this.#wait(this.#lead(key, work, keep), signal), joined: false }
      }
      if (first) this.#joined += 1
      try {
        return { value: await this.#wait(running, signal), joined: true }
      } catch (error) {
        // The leader's failure is not ours unless we were aborted too: lead the next run ourselves.
        if (signal.aborted || this.#flights.get(key) === running) throw error
      }
    }
  }

  #lead(
    key: string,
    work: (signal: AbortSignal) => Promise<Value>,
    keep: (value: Value) => boolean,
  ): Flight<Value> {
    const controller = new AbortController()
    const promise = work(controller.signal).then(value => {
      // One that was let go of may be older than what has been kept since.
      const current = this.#flights.get(key) === flight
      if (current && keep(value)) this.set(key, value)
      return value
    })
    const flight: Flight<Value> = { controller, promise, joiners: 0 }
    this.#flights.set(key, flight)
    const forget = () => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    }
    promise.then(forget, forget)
    return flight
  }

  async #wait(flight: Flight<Value>, signal: AbortSignal): Promise<Value> {
    flight.joiners += 1
    const { promise: aborted, reject } = Promise.withResolvers<never>()
    const onAbort = () => reject(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      return await Promise.race([flight.promise, aborted])
    } finally {
      signal.removeEventListener('abort', onAbort)
      flight.joiners -= 1
      if (flight.joiners === 0) flight.controller.abort(signal.reason)
    }
  }

  /** Drops all that is kept, and lets go of all runs in flight as `delete` does of one. */
  clear(): void {
    this.#flights.clear()
    this.#kept?.clear()
  }

  get figures(): CacheFigures {
    return {
      entries: this.#kept?.size ?? 0,
      bytes: this.#kept?.calculatedSize ?? 0,
      hits: this.#hits,
      misses: this.#misses,
      joined: this.#joined,
      evictions: this.#evictions,
    }
  }
}
