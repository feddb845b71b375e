/**
 * The strategy by load: busy, soonest answers first, so that the queue empties; idle, the cheapest; between,
 * balanced. It changes late and back later still, so that a noisy load does not make it flap.
 *
 *                 load ≥ busyAt                          load ≤ idleAt
 *   latency ◀──────────────────────── balanced ────────────────────────▶ cost
 *           ────────────────────────▶          ◀────────────────────────
 *                 load < busyUntil                       load > idleUntil
 *
 * Load is smoothed over time, not over samples: how often it is told does not matter. Between two changes
 * there is at least `dwellMs`. It measures nothing: who knows the load tells it.
 */
import { errorOf } from '../core/errors.ts'
import type { StrategyName } from './hints.ts'

/** Thresholds of the smoothed load, 0 to 1, in the order idleAt < idleUntil ≤ busyUntil < busyAt. */
export type AdaptiveOptions = {
  /** @default 0.8 */
  readonly busyAt?: number
  /** @default 0.6 */
  readonly busyUntil?: number
  /** @default 0.4 */
  readonly idleUntil?: number
  /** @default 0.2 */
  readonly idleAt?: number
  /** The least time between two changes, in milliseconds. @default 5000 */
  readonly dwellMs?: number
  /** What was so long ago counts 1/e of what is now, in milliseconds; 0 smooths nothing. @default 2000 */
  readonly memoryMs?: number
  /** Milliseconds on a clock that never goes back. @default performance.now */
  readonly now?: () => number
}

type Mode = Extract<StrategyName, 'latency' | 'balanced' | 'cost'>

/** How it stands, as plain data. */
export type AdaptiveState = {
  readonly strategy: Mode
  /** The smoothed load, 0 to 1; NaN before the first was told. */
  readonly load: number
  /** When the strategy last changed or was made, on its clock. */
  readonly since: number
  readonly changes: number
}

const defaults = {
  busyAt: 0.8,
  busyUntil: 0.6,
  idleUntil: 0.4,
  idleAt: 0.2,
  dwellMs: 5000,
  memoryMs: 2000,
  now: (): number => performance.now(),
} satisfies Required<AdaptiveOptions>

/** One for each load that is watched; it keeps its state for as long as it lives. */
export class AdaptiveStrategy {
  readonly #options: Required<AdaptiveOptions>
  #strategy: Mode = 'balanced'
  #load = Number.NaN
  #toldAt = 0
  #since: number
  #changes = 0

  /** @throws InputError ER_CONFIG for thresholds out of order and times below 0. */
  constructor(options: AdaptiveOptions = {}) {
    this.#options = checked({ ...defaults, ...options })
    this.#since = this.#options.now()
  }

  /** What to choose plans by now. */
  get strategy(): Mode {
    return this.#strategy
  }

  get state(): AdaptiveState {
    return { strategy: this.#strategy, load: this.#load, since: this.#since, changes: this.#changes }
  }

  /**
   * Takes the load as it is now and gives the strategy for it. Above 1 counts as 1, below 0 as 0.
   * @throws InputError ER_INPUT for what is not a number.
   */
  note(load: number): Mode {
    if (Number.isNaN(load)) throw errorOf('ER_INPUT', 'A load is a number from 0 to 1, not NaN')
    const { dwellMs, now } = this.#options
    const at = now()
    this.#smooth(Math.min(1, Math.max(0, load)), at)
    const next = this.#next()
    if (next !== this.#strategy && at - this.#since >= dwellMs) {
      this.#strategy = next
      this.#since = at
      this.#changes += 1
    }
    return this.#strategy
  }

  #smooth(load: number, at: number): void {
    const { memoryMs } = this.#options
    const kept = memoryMs === 0 ? 0 : Math.exp((this.#toldAt - at) / memoryMs)
    this.#load = Number.isNaN(this.#load) ? load : kept * this.#load + (1 - kept) * load
    this.#toldAt = at
  }

  #next(): Mode {
    const { busyAt, busyUntil, idleUntil, idleAt } = this.#options
    if (this.#load >= (this.#strategy === 'latency' ? busyUntil : busyAt)) return 'latency'
    if (this.#load <= (this.#strategy === 'cost' ? idleUntil : idleAt)) return 'cost'
    return 'balanced'
  }
}

function checked(options: Required<AdaptiveOptions>): Required<AdaptiveOptions> {
  const { busyAt, busyUntil, idleUntil, idleAt, dwellMs, memoryMs } = options
  const inOrder = idleAt >= 0 && idleAt < idleUntil && idleUntil <= busyUntil && busyUntil < busyAt
  if (!(inOrder && busyAt <= 1))
    throw errorOf(
      'ER_CONFIG',
      `Thresholds must rise from 0 to 1: ${idleAt}, ${idleUntil}, ${busyUntil}, ${busyAt}`,
    )
  if (dwellMs >= 0 && memoryMs >= 0) return options
  throw errorOf('ER_CONFIG', `Times must not be below 0: dwellMs ${dwellMs}, memoryMs ${memoryMs}`)
}
