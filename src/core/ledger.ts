/**
 * What a run has used and may use: money, tokens, calls and worker time, reserved before the work and settled
 * after it. Ledgers nest, a request in a batch in a session, and every level holds.
 *
 *   reserve(most) ──▶ settle(actual)     the rest is free again; more than was reserved is an overrun
 *        │        ├─▶ fail(measured)     the work failed: what was measured, else all of it or nothing
 *        │        └─▶ release()          the work was never begun: nothing is charged
 *        └─ BudgetError                  it would not fit: nothing has changed
 *
 * Invariant: spent + reserved passes a limit by what `overrun` counts and by nothing else. Elapsed time is not
 * here: that is a deadline. One place charges: `budgeted` for dispatches, the plan's executor for local stages.
 */
import { BudgetError, InputError } from './errors.ts'

/** What a call used. Tokens are real ones, without padding; `workerMs` is its share of its batches. */
export type Usage = {
  readonly calls: number
  readonly tokens: number
  readonly workerMs: number
}

/** What something costs, by everything that a budget can limit. */
export type Spend = Usage & {
  /** Money in 1e-9 USD: a safe integer, rounded up. Cents and dollars are for the edges. */
  readonly nanoUsd: number
}

/** What a budget can limit. */
export type Unit = keyof Spend

/** The most of each; what is absent is not limited. */
export type Limits = Partial<Spend>

/** Everything at 0. */
export const nothingSpent: Spend = Object.freeze({ calls: 0, tokens: 0, workerMs: 0, nanoUsd: 0 })

const units = ['nanoUsd', 'tokens', 'calls', 'workerMs'] as const satisfies readonly Unit[]

/** How a ledger is set up. */
export type LedgerOptions = {
  readonly limits?: Limits
  /** Every reservation and charge also counts there, and must fit there. */
  readonly parent?: Ledger
  /**
   * Whether work that failed, where nothing was measured, is charged nothing and not its reservation.
   * @default the parent's, else false
   */
  readonly refundOnFailure?: boolean
}

/** Room that is kept for work until it is over; the first of its calls counts, later ones do nothing. */
export type Reservation = {
  /**
   * Charges what was used, 0 of what is absent, and frees the rest. Without a figure, all that was reserved.
   * @throws InputError ER_INPUT for figures that are not numbers from 0; the reservation stays then.
   */
  settle(actual?: Partial<Spend>): void
  /** For work that failed: charges what was measured, else all that was reserved unless the ledger refunds. */
  fail(measured?: Partial<Spend>): void
  /** Charges nothing. */
  release(): void
}

/** Totals and limits of one request, one batch or one session. */
export class Ledger {
  readonly limits: Limits
  readonly refundOnFailure: boolean
  readonly #parent: Ledger | undefined
  #spent = nothingSpent
  #reserved = nothingSpent
  #overrun = nothingSpent
  #underWay = 0

  /** @throws InputError ER_INPUT for a limit that is negative or not a number; of all but workerMs, not whole. */
  constructor({ limits = {}, parent, refundOnFailure }: LedgerOptions = {}) {
    filled(limits, 'limit')
    this.limits = limits
    this.refundOnFailure = refundOnFailure ?? parent?.refundOnFailure ?? false
    this.#parent = parent
  }

  /** What has been used so far. */
  get spent(): Spend {
    return this.#spent
  }

  /** What is kept for work under way. */
  get reserved(): Spend {
    return this.#reserved
  }

  /** What was used beyond reservations; of a unit that is limited and has some, nothing more can be reserved. */
  get overrun(): Spend {
    return this.#overrun
  }

  /** What could still be reserved, all levels considered; Infinity where nothing limits. */
  get left(): Spend {
    const above = this.#parent?.left
    return eachUnit(unit => Math.min(this.#room(unit), above?.[unit] ?? Number.POSITIVE_INFINITY))
  }

  /**
   * Keeps room for work that is to begin: all of it on every level, or none. What needs nothing is never refused.
   * @param unbounded Units of which nobody can tell beforehand how much it will be: there must be more left than
   * `most` has, and what is used beyond that is an overrun only where it passes the limit.
   * @throws BudgetError ER_BUDGET_SPENT with the figures of the level that refused; InputError ER_INPUT for figures
   * that are not numbers from 0, or add up to more than can be counted.
   */
  reserve(most: Partial<Spend>, unbounded: readonly Unit[] = []): Reservation {
    const asked = filled(most, 'reservation')
    this.#admit(asked, unbounded)
    this.#hold(asked)
    let open = true
    const close = (actual: Spend) => {
      if (open) this.#settle(asked, actual, unbounded)
      open = false
    }
    return {
      settle: actual => close(actual === undefined ? asked : filled(actual, 'charge')),
      fail: measured => {
        if (measured !== undefined) close(filled(measured, 'charge'))
        else close(this.refundOnFailure ? nothingSpent : asked)
      },
      release: () => close(nothingSpent),
    }
  }

  #room(unit: Unit): number {
    const limit = this.limits[unit]
    if (limit === undefined) return Number.POSITIVE_INFINITY
    return this.#overrun[unit] > 0 ? 0 : Math.max(0, limit - this.#spent[unit] - this.#reserved[unit])
  }

  #admit(asked: Spend, unbounded: readonly Unit[]): void {
    for (const unit of units) {
      if (this.limits[unit] === undefined) continue
      const room = this.#room(unit)
      if (asked[unit] > room || (asked[unit] === room && unbounded.includes(unit)))
        throw this.#refusal(unit, asked[unit])
    }
    if (this.#parent !== undefined) this.#parent.#admit(asked, unbounded)
    // The outermost level counts the most.
    else filled(sum(sum(this.#spent, this.#reserved), asked), 'sum')
  }

  #refusal(unit: Unit, requested: number): BudgetError {
    const [spent, reserved, budget] = [this.#spent[unit], this.#reserved[unit], this.limits[unit] as number]
    return new BudgetError(
      'ER_BUDGET_SPENT',
      `The budget of ${budget} ${unit} has no room for ${requested || 'any'} more: ${spent} spent, ${reserved} reserved`,
      { figures: { unit, spent, reserved, budget, requested } },
    )
  }

  #hold(asked: Spend): void {
    this.#underWay += 1
    this.#reserved = sum(this.#reserved, asked)
    if (this.#parent !== undefined) this.#parent.#hold(asked)
  }

  #settle(asked: Spend, actual: Spend, unbounded: readonly Unit[]): void {
    this.#underWay -= 1
    // Parts of milliseconds do not add up exactly, but of nothing under way nothing is reserved.
    this.#reserved = this.#underWay === 0 ? nothingSpent : sum(this.#reserved, asked, -1)
    this.#spent = sum(this.#spent, actual)
    if (exceeds(actual, asked)) {
      const overrun = eachUnit(unit => this.#overrunOf(unit, asked, actual, unbounded))
      this.#overrun = sum(this.#overrun, overrun)
    }
    if (this.#parent !== undefined) this.#parent.#settle(asked, actual, unbounded)
  }

  #overrunOf(unit: Unit, asked: Spend, actual: Spend, unbounded: readonly Unit[]): number {
    if (!unbounded.includes(unit)) return Math.max(0, actual[unit] - asked[unit])
    const allowed = (this.limits[unit] ?? Number.POSITIVE_INFINITY) + this.#overrun[unit]
    return Math.max(0, this.#spent[unit] + this.#reserved[unit] - allowed)
  }
}

// By name and not in a loop: this is done for everything that runs, and takes a third of the time.

const sum = (a: Spend, b: Spend, sign: 1 | -1 = 1): Spend => ({
  nanoUsd: a.nanoUsd + sign * b.nanoUsd,
  tokens: a.tokens + sign * b.tokens,
  calls: a.calls + sign * b.calls,
  workerMs: a.workerMs + sign * b.workerMs,
})

const exceeds = (a: Spend, b: Spend): boolean =>
  a.nanoUsd > b.nanoUsd || a.tokens > b.tokens || a.calls > b.calls || a.workerMs > b.workerMs

/** What is absent is 0. @throws InputError ER_INPUT for what can't be counted. */
function filled({ nanoUsd = 0, tokens = 0, calls = 0, workerMs = 0 }: Partial<Spend>, what: string): Spend {
  const spend = { nanoUsd, tokens, calls, workerMs }
  if (isCount(nanoUsd) && isCount(tokens) && isCount(calls) && workerMs >= 0 && workerMs < Infinity)
    return spend
  const unit = units.find(name => !isCount(spend[name])) as Unit
  const kind = unit === 'workerMs' ? 'number' : 'whole number'
  throw new InputError(
    'ER_INPUT',
    `A ${what} of ${spend[unit]} ${unit} is no ${kind} from 0 that can be counted`,
  )
}

const isCount = (figure: number): boolean => figure >= 0 && Number.isSafeInteger(figure)

const eachUnit = (of: (unit: Unit) => number): Spend => ({
  nanoUsd: of('nanoUsd'),
  tokens: of('tokens'),
  calls: of('calls'),
  workerMs: of('workerMs'),
})
