/**
 * When a dead worker may be replaced. A generation that settled work is replaced at once and not counted;
 * several in a row that settled nothing open the breaker, and single probes follow at growing distances.
 *
 *   closed ──5 barren deaths in 60 s, or a failed boot──▶ open ──back-off over──▶ half-open (one probe)
 *     ▲                                                    ▲                          │ dies
 *     └──────────────────── a worker got ready ────────────┴──────────────────────────┘
 */
export type BreakerOptions = {
  readonly now: () => number
  /** From 0 to 1. */
  readonly random: () => number
}

const windowMs = 60_000
const tolerated = 5
const firstBackOffMs = 500
const longestBackOffMs = 30_000

/** Between two spawns in one slot at the least, in milliseconds. */
export const spawnSpacingMs = 200

export class Breaker {
  readonly #options: BreakerOptions
  #barren: number[] = []
  #state: 'closed' | 'open' | 'half-open' = 'closed'
  #failures = 0
  #openUntil = 0

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  get state(): 'closed' | 'open' | 'half-open' {
    return this.#state
  }

  /** How long new calls should stay away, in milliseconds; 0 while closed. */
  get retryAfterMs(): number {
    return this.#state === 'closed' ? 0 : Math.max(firstBackOffMs, this.#openUntil - this.#options.now())
  }

  /** A worker died without having settled anything since it was ready. */
  noteBarrenDeath(): void {
    const at = this.#options.now()
    this.#barren = [...this.#barren.filter(time => at - time < windowMs), at]
    if (this.#state !== 'closed' || this.#barren.length >= tolerated) this.#open()
  }

  /** So many deaths that were counted turned out to be a poisonous item's doing. */
  forgiveBarrenDeaths(count: number): void {
    this.#barren.splice(Math.max(0, this.#barren.length - count))
  }

  /** A worker never got ready. One is enough: the next would fail the same way. */
  noteFailedBoot(): void {
    this.#open()
  }

  /** A worker got ready. Past failures still count until one settles work. */
  noteReady(): void {
    this.#state = 'closed'
  }

  /** A worker settled work: all is well. */
  noteSettled(): void {
    this.#barren = []
    this.#failures = 0
  }

  /**
   * How long a slot must wait before it spawns; undefined when another slot's probe is under way.
   * A caller that gets 0 while the breaker is open has become the probe.
   */
  askToSpawn(): number | undefined {
    if (this.#state === 'closed') return 0
    if (this.#state === 'half-open') return undefined
    const wait = this.#openUntil - this.#options.now()
    if (wait > 0) return wait
    this.#state = 'half-open'
    return 0
  }

  #open(): void {
    // Full jitter: the whole back-off is drawn, so that pools that fail together don't come back together.
    const ceiling = Math.min(longestBackOffMs, firstBackOffMs * 2 ** this.#failures)
    this.#openUntil = this.#options.now() + firstBackOffMs / 2 + this.#options.random() * ceiling
    this.#failures += 1
    this.#state = 'open'
  }
}
