/**
 * Runs a plan: the only place where nodes become work. What each kind of node does is told beside its type; here
 * is what holds for all of them.
 *
 *   - Leaves share one Limiter. Composites hold no slot, so however plans nest, they can't wait for themselves.
 *   - Whatever was begun has ended when `execute` settles, failed or aborted: nothing runs on behind it.
 *   - A run that fails leaves its whole tree of steps in the trace too: what failed, what was never begun.
 *   - One place charges: local stages are charged here, remote leaves by the dispatch.
 */
import { limitedSignal } from '../core/async.ts'
import type { Dispatch, RunContext } from '../core/call.ts'
import { errorOf } from '../core/errors.ts'
import type { Ledger, Spend } from '../core/ledger.ts'
import { costOf } from './cost.ts'
import { Course, failureOf, type Listeners, stoppedBy, under, type Work } from './course.ts'
import { Limiter } from './limiter.ts'
import { type Landed, Memo, type MemoTier } from './memo.ts'
import {
  type ConstNode,
  type PlanNode,
  pathOf,
  type RemoteNode,
  type RetryNode,
  type StageNode,
} from './node.ts'
import {
  type Child,
  ended,
  executionKeyOf,
  type Failure,
  factsOf,
  givenBy,
  givenTo,
  hasInputForm,
  listOf,
  noHashes,
  notBegun,
  type Outcome,
  objectOf,
  type Place,
  plainValue,
  type Result,
  type Scope,
  scopeOf,
  settledOf,
  type Value,
} from './outcome.ts'
import type { MemoStore } from './ports.ts'
import { retrying } from './retry.ts'

export type { PlanEvent } from './course.ts'

/** Who does the work of a plan. */
export type ExecuteParts = Listeners & {
  /** Charges what its calls use. */
  readonly dispatch: Dispatch
  /** Not one of which the caller holds a slot. @default one for this run, of the default width */
  readonly limiter?: Limiter
  /** Where outputs are kept. @default nowhere */
  readonly memo?: MemoStore
  /** @default 'shallow' */
  readonly memoTier?: MemoTier
}

/** Of so many composites in each other one lets go of the stack, so that depth can't exhaust it. */
const levelsAtOnce = 50

/**
 * Runs `plan` on `input` and gives its output. One step for the whole is added to the context's trace, whether
 * it succeeds or fails.
 * @throws what the first node to fail threw, with its `path` filled in; the signal's reason; DeadlineError
 * ER_DEADLINE; BudgetError ER_BUDGET_SPENT; PlanError ER_PLAN_INVALID for a test that is not a boolean and for
 * values that can't be hashed.
 */
export async function execute<I, O>(
  plan: PlanNode<I, O>,
  input: I,
  context: RunContext,
  parts: ExecuteParts,
): Promise<O> {
  const { failure, step, value } = await new Run(context, parts).whole(plan, input)
  context.trace.add(step)
  if (failure !== undefined) throw failure.error
  return value.value as O
}

/** What came of a composite's children: those that were begun, in plan order, and what follows from them. */
type Made = { readonly outcomes: readonly Outcome[]; readonly result: Result }

class Run {
  readonly #dispatch: Dispatch
  readonly #limiter: Limiter
  readonly #memo: Memo | undefined
  readonly #course: Course

  constructor(context: RunContext, parts: ExecuteParts) {
    const { dispatch, limiter = new Limiter(), memo, memoTier = 'shallow' } = parts
    this.#dispatch = dispatch
    this.#limiter = limiter
    this.#memo = memo === undefined ? undefined : new Memo(memo, memoTier, context.reproducible)
    this.#course = new Course(context, parts)
  }

  async whole(node: PlanNode, value: unknown): Promise<Outcome> {
    const { context } = this.#course
    const { signal } = context
    const scope = { path: '', label: '', depth: 0, attempt: 1, signal, context, key: undefined }
    const unknown = { value, ...noHashes }
    try {
      return await this.#node(node, hasInputForm(node) ? unknown : plainValue(value, 'The input'), scope)
    } catch (error) {
      const place = { node, facts: factsOf(node), input: unknown, scope }
      return ended(place, { failure: failureOf(error, scope) })
    } finally {
      this.#course.close()
    }
  }

  /** Never rejects, and resolves when all that it has begun is over; so do the others that give outcomes. */
  async #node(node: PlanNode, input: Value, scope: Scope): Promise<Outcome> {
    if (scope.depth % levelsAtOnce === levelsAtOnce - 1) await undefined
    if (this.#course.isDue) await this.#course.turn()
    const facts = factsOf(node)
    let place: Place = { node, facts, input, scope }
    const stop = this.#course.stopped(scope.signal)
    if (stop !== undefined) return notBegun(place, stop)
    try {
      place = { ...place, input: givenTo(node, facts, input) }
    } catch (error) {
      return ended(place, { failure: failureOf(error, scope) })
    }
    const key = this.#memo?.keyOf(node, place.input.hash, scope.depth === 0, () => executionKeyOf(place))
    // A plan in its canonical form may be one with a part of itself, which must not wait for the whole.
    return key === undefined || key === scope.key ? this.#perform(place) : this.#shared(place, key)
  }

  async #shared(place: Place, key: string): Promise<Outcome> {
    const { signal, label, path } = place.scope
    let own: Outcome | undefined
    const kept = await (this.#memo as Memo).share(key, signal, async () => {
      own = await this.#perform({ ...place, scope: { ...place.scope, key } })
      return landedOf(own)
    })
    if (own !== undefined) return own
    if (kept === undefined) return notBegun(place, this.#course.stopped(signal) as Failure)
    this.#course.tell({ kind: 'memo', path, name: place.facts.name })
    const { output: value, step } = kept
    const { outputHash: hash, exactOutputHash: exact } = step
    return { step: { ...step, label }, value: { value, hash, exact } }
  }

  async #perform(place: Place): Promise<Outcome> {
    const { node } = place
    if (node.kind === 'stage' || node.kind === 'remote') return this.#leaf({ ...place, node })
    const work: Work = { since: this.#course.begin(place), cost: {} }
    const { outcomes, result } = await this.#composite(place)
    this.#course.end(place, result, work)
    return ended(place, result, outcomes)
  }

  async #composite({ node, facts, input, scope }: Place): Promise<Made> {
    const { children, configHash } = facts
    switch (node.kind) {
      case 'sequential':
        return this.#inOrder(children, input, scope)
      case 'parallel':
        return node.onError === 'settle'
          ? this.#settled(children, input, scope)
          : this.#joined(children, input, scope)
      case 'branch':
        return this.#oneOf(children, input, scope)
      case 'fanout':
        return this.#fromOne(children, input, scope)
      case 'merge':
        return this.#intoOne(children, input, scope, listOf)
      case 'let': {
        const names = node.bindings
        return this.#intoOne(children, input, scope, outcomes => scopeOf(input, names, outcomes))
      }
      case 'retry':
        return this.#again(node, children[0] as Child, input, scope)
      default:
        return {
          outcomes: [],
          result: { value: { value: (node as ConstNode).value, hash: configHash, exact: configHash } },
        }
    }
  }

  /** A child under its name; what it is given comes from whoever asks. */
  #child([label, node]: Child, input: Value, scope: Scope): Promise<Outcome> {
    const { path, depth, attempt, signal, context, key } = scope
    const inside = { path: pathOf(path, label), label, depth: depth + 1, attempt, signal, context, key }
    return this.#node(node, input, inside)
  }

  async #inOrder(children: readonly Child[], input: Value, scope: Scope): Promise<Made> {
    const outcomes: Outcome[] = []
    let value = input
    for (const child of children) {
      const outcome = await this.#child(child, value, scope)
      outcomes.push(outcome)
      if (outcome.failure !== undefined) return { outcomes, result: outcome }
      value = outcome.value
    }
    return { outcomes, result: { value } }
  }

  async #oneOf([test, yes, no]: readonly Child[], input: Value, scope: Scope): Promise<Made> {
    const tested = await this.#child(test as Child, input, scope)
    if (tested.failure !== undefined) return { outcomes: [tested], result: tested }
    const { value } = tested.value
    if (typeof value !== 'boolean') {
      const kind = value === null ? 'null' : typeof value
      const error = errorOf(
        'ER_PLAN_INVALID',
        `A Branch's test gives true or false, not a value of type ${kind}`,
      )
      return { outcomes: [tested], result: { failure: failureOf(error, scope) } }
    }
    const outcome = await this.#child((value ? yes : no) as Child, input, scope)
    return { outcomes: [tested, outcome], result: outcome }
  }

  async #fromOne([source, ...targets]: readonly Child[], input: Value, scope: Scope): Promise<Made> {
    const given = await this.#child(source as Child, input, scope)
    if (given.failure !== undefined) return { outcomes: [given], result: given }
    const { failure, outcomes } = await this.#together(targets, given.value, scope)
    const result = failure === undefined ? { value: listOf(outcomes) } : { failure }
    return { outcomes: [given, ...outcomes], result }
  }

  /** All but the last together, then the last on what `combine` makes of them. */
  async #intoOne(
    children: readonly Child[],
    input: Value,
    scope: Scope,
    combine: (outcomes: readonly Outcome[]) => Value,
  ): Promise<Made> {
    const { failure, outcomes } = await this.#together(children.slice(0, -1), input, scope)
    if (failure !== undefined) return { outcomes, result: { failure } }
    const last = await this.#child(children.at(-1) as Child, combine(outcomes), scope)
    return { outcomes: [...outcomes, last], result: last }
  }

  async #joined(children: readonly Child[], input: Value, scope: Scope): Promise<Made> {
    const { failure, outcomes } = await this.#together(children, input, scope)
    return { outcomes, result: failure === undefined ? { value: objectOf(children, outcomes) } : { failure } }
  }

  async #settled(children: readonly Child[], input: Value, scope: Scope): Promise<Made> {
    const outcomes = await Promise.all(children.map(child => this.#child(child, input, scope)))
    // What the caller's own signal has stopped is no outcome of a branch.
    const stopped = outcomes.find(({ failure }) => failure?.stopped)?.failure
    return {
      outcomes,
      result: stopped === undefined ? { value: settledOf(children, outcomes) } : { failure: stopped },
    }
  }

  /** Until all are over; the first failure stops the others, and is the one that is told. */
  async #together(
    children: readonly Child[],
    input: Value,
    scope: Scope,
  ): Promise<{ readonly outcomes: readonly Outcome[]; readonly failure: Failure | undefined }> {
    const [only, ...siblings] = children
    if (only === undefined) return { outcomes: [], failure: undefined }
    if (siblings.length === 0) {
      const outcome = await this.#child(only, input, scope)
      return { outcomes: [outcome], failure: outcome.failure }
    }
    const { abort, release, signal } = limitedSignal(scope.signal, Number.POSITIVE_INFINITY, 'The plan')
    const among = { ...scope, signal, context: under(signal, scope.context) }
    let first: Failure | undefined
    const outcomes = await Promise.all(
      children.map(async child => {
        const outcome = await this.#child(child, input, among)
        if (outcome.failure === undefined || first !== undefined) return outcome
        first = outcome.failure
        abort(undefined)
        return outcome
      }),
    )
    release()
    return { outcomes, failure: first }
  }

  async #again(node: RetryNode, child: Child, input: Value, scope: Scope): Promise<Made> {
    const { attempts, backoff } = node
    const { context, path, signal } = scope
    const outcome = await retrying(
      attempt => this.#child(child, input, { ...scope, attempt: scope.attempt + attempt - 1 }),
      ({ failure }) => failure,
      {
        attempts,
        backoff,
        signal,
        deadline: context.deadline,
        onRetry: attempt => this.#course.tell({ kind: 'retry', path, name: node.kind, attempt }),
      },
    )
    // Aborted while it waited: what the last attempt came to is not why it ended.
    const isStopped = outcome.failure !== undefined && signal.aborted
    return { outcomes: [outcome], result: isStopped ? { failure: stoppedBy(signal) } : outcome }
  }

  async #leaf(place: Place<StageNode | RemoteNode>): Promise<Outcome> {
    const { scope } = place
    const work: Work = { since: undefined, cost: {} }
    try {
      const waits = this.#limiter.isFull
      const value = await this.#limiter.run(scope.signal, () => this.#inSlot(place, work, waits))
      this.#course.end(place, { value }, work)
      return ended(place, { value })
    } catch (error) {
      const failure = failureOf(error, scope)
      if (work.since === undefined) return notBegun(place, failure)
      this.#course.end(place, { failure }, work)
      return ended(place, { failure })
    }
  }

  async #inSlot(place: Place<StageNode | RemoteNode>, work: Work, waited: boolean): Promise<Value> {
    const { signal } = place.scope
    if (this.#course.isDue || (waited && this.#course.isShaken)) await this.#course.turn()
    try {
      const stop = this.#course.stopped(signal)
      if (stop !== undefined) throw stop.error
      work.since = this.#course.begin(place)
      const output = await this.#run(place, work)
      // Whoever has aborted gets the abort, also where the leaf did not listen and came to its end.
      signal.throwIfAborted()
      return givenBy(place, output)
    } catch (error) {
      // Before the slot goes to a sibling, which this may stop.
      this.#course.noteFailure()
      throw error
    }
  }

  async #run({ node, input, scope }: Place<StageNode | RemoteNode>, work: Work): Promise<unknown> {
    const { signal, context, path, attempt } = scope
    if (node.kind === 'remote') {
      const reply = await this.#dispatch({ ...node.call(input.value), variant: node.variant }, context)
      work.cost = reply.usage
      return node.result(reply, input.value)
    }
    const most = mostOf(node, context.ledger)
    const reservation = most && context.ledger.reserve(most)
    try {
      const output = await node.run(input.value, { signal, context, path, attempt })
      reservation?.settle()
      work.cost = most ?? work.cost
      return output
    } catch (error) {
      reservation?.fail()
      throw error
    }
  }
}

/**
 * What to reserve for a stage; undefined where it is nothing. What nothing bounds fits into no budget: where
 * there is one it is refused, and where there is none the least is charged.
 */
function mostOf(stage: StageNode, ledger: Ledger): Spend | undefined {
  const { least, most } = costOf(stage)
  const asked = (unit: keyof Spend) => {
    if (most[unit] !== Number.POSITIVE_INFINITY) return most[unit]
    return ledger.left[unit] === Number.POSITIVE_INFINITY ? least[unit] : Number.MAX_SAFE_INTEGER
  }
  const { nanoUsd, tokens, calls, workerMs } = most
  if (nanoUsd + tokens + calls + workerMs === 0) return undefined
  return {
    nanoUsd: asked('nanoUsd'),
    tokens: asked('tokens'),
    calls: asked('calls'),
    workerMs: asked('workerMs'),
  }
}

/** What others who wait for an execution can use of it. */
function landedOf({ failure, step, value }: Outcome): Landed {
  if (failure === undefined) return { output: value.value, step }
  return failure.stopped ? 'stopped' : 'failed'
}
