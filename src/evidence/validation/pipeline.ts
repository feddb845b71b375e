/**
 * Runs validators over an answer and says what they found. A validator is a plain function with a name, a
 * weight and a time limit; one that throws, runs late or answers nonsense fails its own check and no more.
 *
 * They run in the order given, cheapest first. One that answers at once costs no turn of the event loop;
 * those that wait do so side by side, or one after another where the first failure ends it (fast-fail).
 */
import { now, setTimer } from '../../core/async.ts'
import { InputError } from '../../core/errors.ts'
import type { Check, Fault, Severity, ValidationReport } from './report.ts'
import type { Subject } from './subject.ts'

/** What a validator says: how good it is, 0 to 1, and what is wrong. */
export type Outcome = { readonly score: number; readonly faults: readonly Fault[] }

/** A check by name. */
export type Validator = {
  readonly name: string
  /** Its part in the whole score, 0 or more; with 0 its faults count and its score doesn't. */
  readonly weight: number
  /** How long it may take; one that waits is left then, one that holds the event loop is heard out. @default 1_000 */
  readonly timeoutMs?: number
  /** `signal` is aborted when the time is over or the caller leaves. */
  readonly check: (subject: Subject, signal: AbortSignal) => Outcome | Promise<Outcome>
}

/** How validators are run. */
export type ValidateOptions = {
  /** Whether all are run, or those after a failed one are skipped. @default 'collect-all' */
  readonly mode?: 'collect-all' | 'fast-fail'
  /** The least score, 0 to 1. @default 0 */
  readonly minimumScore?: number
  /** Abort to leave; `validate` throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
}

const defaultTimeoutMs = 1000
const severities: readonly string[] = ['critical', 'error', 'warning', 'info'] satisfies Severity[]

/** @throws InputError ER_CONFIG where there is no validator, two share a name, or a weight is out of range. */
export async function validate(
  subject: Subject,
  validators: readonly Validator[],
  options: ValidateOptions = {},
): Promise<ValidationReport> {
  checkValidators(validators)
  const { mode = 'collect-all', minimumScore = 0, signal } = options
  const startedAt = now()
  const checks: (Check | Promise<Check>)[] = []
  for (const validator of validators) {
    signal?.throwIfAborted()
    const begun = run(subject, validator, signal)
    if (mode === 'collect-all') {
      checks.push(begun)
      continue
    }
    const check = begun instanceof Promise ? await begun : begun
    checks.push(check)
    if (check.verdict === 'failed') break
  }
  const done = checks.some(check => check instanceof Promise)
    ? await Promise.all(checks)
    : (checks as readonly Check[])
  signal?.throwIfAborted()
  const skipped = validators.slice(done.length).map(skippedCheck)
  return reportOf([...done, ...skipped], minimumScore, now() - startedAt)
}

/** What all checks together come to. */
function reportOf(checks: readonly Check[], minimumScore: number, durationMs: number): ValidationReport {
  const ran = checks.filter(({ verdict }) => verdict !== 'skipped')
  const weights = ran.reduce((sum, { weight }) => sum + weight, 0)
  const score = weights === 0 ? 1 : ran.reduce((sum, check) => sum + check.score * check.weight, 0) / weights
  const failed = score < minimumScore || ran.some(({ verdict }) => verdict === 'failed')
  const marked = ran.some(({ faults }) => faults.some(({ severity }) => severity === 'warning'))
  return { verdict: failed ? 'failed' : marked ? 'marked' : 'passed', score, durationMs, checks }
}

/** Starts a validator; a promise only where it gave one. Neither throws nor rejects. */
function run(
  subject: Subject,
  validator: Validator,
  parent: AbortSignal | undefined,
): Check | Promise<Check> {
  const { check, timeoutMs = defaultTimeoutMs } = validator
  const startedAt = now()
  const controller = new AbortController()
  const finish = (faults: readonly Fault[], score: number) =>
    checkOf(validator, score, faults, now() - startedAt)
  const settle = (outcome: unknown) => {
    const { score, faults } = soundOutcome(validator.name, outcome)
    const late = now() - startedAt > timeoutMs
    return late ? finish([...faults, lateFault(validator, timeoutMs)], 0) : finish(faults, score)
  }
  const fail = (error: unknown) => finish([thrownFault(validator, error)], 0)
  try {
    const given: unknown = check(subject, controller.signal)
    if (!isPromiseLike(given)) return settle(given)
    return new Promise(resolve => {
      const leave = () => {
        controller.abort(parent?.reason)
        end(finish([{ severity: 'error', message: `${validator.name} was left alone` }], 0))
      }
      const timer = setTimer(Math.max(0, timeoutMs - (now() - startedAt)), () => {
        const fault = lateFault(validator, timeoutMs)
        controller.abort(new Error(fault.message))
        end(finish([fault], 0))
      })
      const end = (ended: Check) => {
        clearTimeout(timer)
        parent?.removeEventListener('abort', leave)
        resolve(ended)
      }
      if (parent?.aborted) leave()
      parent?.addEventListener('abort', leave, { once: true })
      // What comes after the limit is heard by no one, and a rejection then must not end the process.
      Promise.resolve(given).then(settle).catch(fail).then(end)
    })
  } catch (error) {
    return fail(error)
  }
}

function checkOf(validator: Validator, score: number, faults: readonly Fault[], durationMs: number): Check {
  const failed = faults.some(({ severity }) => severity === 'critical' || severity === 'error')
  const { name, weight } = validator
  return { name, verdict: failed ? 'failed' : 'passed', score, weight, durationMs, faults }
}

const skippedCheck = ({ name, weight }: Validator): Check => {
  return { name, verdict: 'skipped', score: 0, weight, durationMs: 0, faults: [] }
}

const lateFault = ({ name }: Validator, timeoutMs: number): Fault => ({
  severity: 'error',
  message: `${name} was not done within ${timeoutMs} ms; allow it more time or make it quicker`,
})

const thrownFault = ({ name }: Validator, error: unknown): Fault => ({
  severity: 'critical',
  message: `${name} could not check the answer: ${messageOf(error)}`,
})

/** A validator of the user's may answer anything; what is no outcome fails its check. */
function soundOutcome(name: string, outcome: unknown): Outcome {
  const { score, faults } = (outcome ?? {}) as Partial<Outcome>
  const wrong =
    typeof score !== 'number' || !(score >= 0 && score <= 1)
      ? `a score of ${describe(score)} instead of 0 to 1`
      : !Array.isArray(faults)
        ? 'no list of faults'
        : faults.every(isFault)
          ? undefined
          : 'a fault without severity or message'
  if (wrong === undefined) return { score: score as number, faults: faults as readonly Fault[] }
  return { score: 0, faults: [{ severity: 'error', message: `${name} answered with ${wrong}` }] }
}

function isFault(fault: unknown): boolean {
  const { severity, message } = (fault ?? {}) as Partial<Fault>
  return severities.includes(severity as string) && typeof message === 'string' && message !== ''
}

function checkValidators(validators: readonly Validator[]): void {
  if (validators.length === 0) throw new InputError('ER_CONFIG', 'At least one validator is required')
  const names = new Set<string>()
  for (const { name, weight, timeoutMs = defaultTimeoutMs } of validators) {
    if (names.size === names.add(name).size)
      throw new InputError('ER_CONFIG', `Two validators have the name ${JSON.stringify(name)}`)
    if (!(weight >= 0 && weight < Number.POSITIVE_INFINITY))
      throw new InputError('ER_CONFIG', `The validator ${name} has a weight of ${weight}; it is 0 or more`)
    if (!(timeoutMs > 0))
      throw new InputError('ER_CONFIG', `The validator ${name} has a time limit of ${timeoutMs} ms`)
  }
}

const isPromiseLike = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as PromiseLike<unknown> | undefined)?.then === 'function'

const describe = (value: unknown): string => (typeof value === 'number' ? String(value) : typeof value)

function messageOf(error: unknown): string {
  try {
    return error instanceof Error ? error.message : String(error)
  } catch {
    return 'it threw something that has no text'
  }
}
