/**
 * Items that ended every worker that ran them are refused at the door for a while, so that a caller's own
 * retries can't take the pool down again. Kept by the hash of what would be run.
 */
import type { Call } from '../core/call.ts'
import { errorOf, type RunnerError } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'

/** Keys kept at most; the oldest goes first. */
const most = 1000

export class Quarantine {
  readonly #ttlMs: number
  readonly #now: () => number
  readonly #until = new Map<string, number>()

  constructor(ttlMs: number, now: () => number) {
    this.#ttlMs = ttlMs
    this.#now = now
  }

  get size(): number {
    return this.#until.size
  }

  /** Refuses the item from now on. */
  add(call: Call, item: unknown): void {
    if (this.#ttlMs <= 0) return
    this.#until.set(keyOf(call, item), this.#now() + this.#ttlMs)
    if (this.#until.size > most) this.#until.delete(this.#until.keys().next().value as string)
  }

  /** The refusal, if one of the call's items is in quarantine. Costs nothing while nobody is. */
  check(call: Call): RunnerError | undefined {
    if (this.#until.size === 0) return undefined
    const now = this.#now()
    for (const [key, until] of this.#until) if (until <= now) this.#until.delete(key)
    for (const [index, item] of call.items.entries()) {
      const until = this.#until.get(keyOf(call, item))
      if (until === undefined) continue
      const seconds = Math.ceil((until - now) / 1000)
      const message = `Item ${index} of a call to ${call.variant.op} ended every worker that ran it before; refused for ${seconds} s more`
      return errorOf('ER_POISON', message, { retried: true })
    }
    return undefined
  }
}

const keyOf = ({ variant, options }: Call, item: unknown): string =>
  sha256(JSON.stringify([variant.op, variant.model, variant.revision, options ?? {}, item]) ?? '')
