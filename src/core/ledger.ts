/**
 * What a request has used: calls, tokens and worker time. Counts only; limits, reservations and nesting
 * belong to the budget that will stand on it.
 *
 *   dispatch ──▶ charging(dispatch) ──▶ ledger.charge(reply.usage)     one place charges, once a reply
 */
/** What a call used. Tokens are real ones, without padding; `workerMs` is its share of its batches. */
export type Usage = {
  readonly calls: number
  readonly tokens: number
  readonly workerMs: number
}

/** Totals of one request, one batch or one session. */
export class Ledger {
  readonly #parent: Ledger | undefined
  #calls = 0
  #tokens = 0
  #workerMs = 0

  /** A ledger whose charges also count in `parent`. */
  constructor(parent?: Ledger) {
    this.#parent = parent
  }

  /** Adds what one reply used. A re-run after a worker's death is not in it: that is on the house. */
  charge(usage: Usage): void {
    this.#calls += usage.calls
    this.#tokens += usage.tokens
    this.#workerMs += usage.workerMs
    this.#parent?.charge(usage)
  }

  /** What has been used so far. */
  get spent(): Usage {
    return { calls: this.#calls, tokens: this.#tokens, workerMs: this.#workerMs }
  }
}
