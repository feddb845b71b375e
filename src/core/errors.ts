/**
 * Every failure that evidence-runner reports: one class for each decision a caller makes, a stable `code`
 * for programs to match on, and one table that says what each door does with a code.
 *
 * Not here: the reasons why a code is raised; they stand where it is raised. An abort is not an error of
 * ours: `signal.reason` is thrown as it came.
 */

/** What each door does with a code. `exit` is the command line's exit code. */
export type ErrorRule = {
  readonly retryable: boolean
  readonly exit: number
  readonly jsonRpc: number
  readonly a2a: 'failed' | 'rejected'
  readonly bullmq: 'retry' | 'unrecoverable'
}

const rule = (
  retryable: boolean,
  exit: number,
  jsonRpc: number,
  a2a: ErrorRule['a2a'],
  bullmq: ErrorRule['bullmq'] = retryable ? 'retry' : 'unrecoverable',
): ErrorRule => ({ retryable, exit, jsonRpc, a2a, bullmq })

/**
 * The one table of codes. Exit codes: 2 the request, 3 budget or deadline, 4 come back later, 5 a worker,
 * 6 a model, 7 the store, 8 the plan, 9 the answer was rejected (1 is left to Node itself).
 */
export const errorRules = {
  ER_INPUT: rule(false, 2, -32602, 'rejected'),
  ER_CONFIG: rule(false, 2, -32602, 'rejected'),
  ER_UNKNOWN_MODEL: rule(false, 2, -32602, 'rejected'),
  ER_UNKNOWN_OP: rule(false, 2, -32601, 'rejected'),
  ER_CLOSED: rule(false, 2, -32000, 'failed'),
  ER_BUDGET_REFUSED: rule(false, 3, -32001, 'rejected'),
  ER_BUDGET_SPENT: rule(false, 3, -32001, 'failed'),
  ER_DEADLINE: rule(false, 3, -32002, 'failed'),
  ER_QUEUE_FULL: rule(true, 4, -32003, 'rejected'),
  ER_NO_WORKER: rule(true, 4, -32003, 'rejected'),
  ER_WARMING: rule(true, 4, -32003, 'rejected'),
  ER_WORKER_SPAWN: rule(false, 5, -32004, 'failed'),
  ER_WORKER_EXIT: rule(true, 5, -32004, 'failed'),
  ER_WORKER_HUNG: rule(true, 5, -32004, 'failed'),
  ER_WIRE: rule(true, 5, -32004, 'failed'),
  ER_POISON: rule(false, 5, -32004, 'failed'),
  ER_MODEL_INPUT: rule(false, 6, -32602, 'rejected'),
  ER_MODEL_FAILED: rule(true, 6, -32005, 'failed'),
  ER_MODEL_MEMORY: rule(true, 6, -32005, 'failed'),
  ER_MODEL_LOAD: rule(false, 6, -32005, 'failed'),
  ER_MODEL_MISMATCH: rule(false, 6, -32005, 'failed'),
  ER_STORE: rule(false, 7, -32006, 'failed'),
  ER_PLAN_INVALID: rule(false, 8, -32602, 'rejected'),
  ER_REJECTED: rule(false, 9, -32007, 'failed'),
} as const satisfies Record<string, ErrorRule>

/** A stable name for one kind of failure. */
export type ErrorCode = keyof typeof errorRules

/** What an error carries beside its message. */
export type ErrorDetails = {
  /** Overrides the table where the cause decides (StoreError only). */
  readonly retryable?: boolean
  /** Where in the plan it happened, outermost first. */
  readonly path?: string
  /** The far side's own words: the tail of a worker's stderr, a hex dump of a broken frame. */
  readonly detail?: string
  /** For overload: when to come back, in milliseconds. */
  readonly retryAfterMs?: number
  /** True once a layer has tried again; no later layer repeats it. */
  readonly retried?: boolean
  /** For a budget: what there was and what was asked for. */
  readonly figures?: BudgetFigures
  readonly cause?: unknown
}

/** Why something did not fit into a budget, in the unit that refused it. */
export type BudgetFigures = {
  readonly unit: 'nanoUsd' | 'tokens' | 'calls' | 'workerMs'
  readonly spent: number
  readonly reserved: number
  readonly budget: number
  readonly requested: number
}

/** The base of all errors of ours. Match on `code`, or on the class for the decision it stands for. */
export class RunnerError extends Error {
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly retryAfterMs: number | undefined
  readonly figures: BudgetFigures | undefined
  path: string | undefined
  detail: string | undefined
  retried: boolean
  /** What a request had used and done when it failed, as `{ spent, trace }`, where that is known. */
  partial: object | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = new.target.name
    this.code = code
    this.retryable = details.retryable ?? errorRules[code].retryable
    this.retryAfterMs = details.retryAfterMs
    this.figures = details.figures
    this.path = details.path
    this.detail = details.detail
    this.retried = details.retried ?? false
    this.partial = undefined
  }

  /** What crosses a border: code, text and when to come back; never a traceback. */
  toJSON(): ErrorRecord {
    return {
      code: this.code,
      message: this.message,
      ...(this.path === undefined ? {} : { path: this.path }),
      ...(this.retryAfterMs === undefined ? {} : { retryAfterMs: this.retryAfterMs }),
    }
  }
}

/** An error as data, in results and JSON Lines. */
export type ErrorRecord = {
  readonly code: ErrorCode
  readonly message: string
  readonly path?: string
  readonly retryAfterMs?: number
}

/** Fix the request. ER_INPUT, ER_CONFIG, ER_UNKNOWN_MODEL, ER_UNKNOWN_OP, ER_CLOSED. */
export class InputError extends RunnerError {}
/** Ask for less or allow more. ER_BUDGET_REFUSED, ER_BUDGET_SPENT. */
export class BudgetError extends RunnerError {}
/** Allow more time. ER_DEADLINE. */
export class DeadlineError extends RunnerError {}
/** Come back after `retryAfterMs`. ER_QUEUE_FULL, ER_NO_WORKER, ER_WARMING. */
export class OverloadError extends RunnerError {}
/** Usually nothing to do: the pool has already tried again. ER_WORKER_*, ER_WIRE, ER_POISON. */
export class WorkerError extends RunnerError {}
/** Change the input or the model. ER_MODEL_*. */
export class ModelError extends RunnerError {}
/** Mend the store; answers do not depend on it. ER_STORE. */
export class StoreError extends RunnerError {}
/** Fix the plan. ER_PLAN_INVALID. */
export class PlanError extends RunnerError {}
/** Read the verdict. ER_REJECTED. */
export class RejectedError extends RunnerError {}

const classes: readonly [prefix: string, type: typeof RunnerError][] = [
  ['ER_BUDGET', BudgetError],
  ['ER_DEADLINE', DeadlineError],
  ['ER_QUEUE_FULL', OverloadError],
  ['ER_NO_WORKER', OverloadError],
  ['ER_WARMING', OverloadError],
  ['ER_WORKER', WorkerError],
  ['ER_WIRE', WorkerError],
  ['ER_POISON', WorkerError],
  ['ER_MODEL', ModelError],
  ['ER_STORE', StoreError],
  ['ER_PLAN', PlanError],
  ['ER_REJECTED', RejectedError],
]

/** True for a string that the table of codes knows. */
export const isErrorCode = (code: unknown): code is ErrorCode =>
  typeof code === 'string' && Object.hasOwn(errorRules, code)

/** The error of the class that the table gives `code`; the rest are InputErrors. */
export function errorOf(code: ErrorCode, message: string, details: ErrorDetails = {}): RunnerError {
  const type = classes.find(([prefix]) => code.startsWith(prefix))?.[1] ?? InputError
  return new type(code, message, details)
}

/** Any thrown value as a record for a result's `errors[]`; what is not ours becomes ER_MODEL_FAILED. */
export function errorRecord(error: unknown): ErrorRecord {
  if (error instanceof RunnerError) return error.toJSON()
  return { code: 'ER_MODEL_FAILED', message: error instanceof Error ? error.message : String(error) }
}
