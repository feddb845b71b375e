/**
 * What a plan may do beyond computing, whether that is allowed, whether outputs may be kept, and what is odd
 * about it: leaves say it of themselves, a composite does what its leaves do. `pure` is the lack of all others.
 */
import { errorOf } from '../core/errors.ts'
import type { Limits } from '../core/ledger.ts'
import { costOf, fromLeaves, isFree, isLeaf, phasesOf } from './cost.ts'
import { childrenOf, type Effect, type PlanNode, pathOf } from './node.ts'

/** Which effects a plan may have; `pure` is always allowed. */
export type EffectPolicy = {
  /** These and no others; an empty list allows pure plans only. @default all */
  readonly allow?: readonly Effect[]
  /** None of these, whatever `allow` says. @default none */
  readonly refuse?: readonly Effect[]
}

/** Something about a plan that is worth a look before it runs; it may run all the same. */
export type PlanWarning = {
  readonly kind: 'fallible-without-retry' | 'non-deterministic-feeds-pure' | 'cost-over-budget'
  /** Where it stands; empty for the plan itself. */
  readonly path: string
  readonly message: string
}

/** Outputs of leaves with no other effects are kept: the same input and version give the same again. */
const keeping: readonly Effect[] = ['pure', 'model', 'cost', 'fallible']

/** The effects of all of a plan's leaves, sorted; `['pure']` where there are none. */
export const effectsOf = (plan: PlanNode): readonly Effect[] =>
  fromLeaves(plan, knownEffects, (node, of) => {
    const all = isLeaf(node) ? ownEffects(node) : childrenOf(node).flatMap(([, child]) => of(child))
    const effects = [...new Set(all)].filter(effect => effect !== 'pure').sort()
    return Object.freeze<readonly Effect[]>(effects.length === 0 ? ['pure'] : effects)
  })

const limited = ['nanoUsd', 'tokens', 'calls', 'workerMs'] as const satisfies readonly (keyof Limits)[]

const knownEffects = new WeakMap<PlanNode, readonly Effect[]>()

function ownEffects(leaf: PlanNode): readonly Effect[] {
  if (leaf.kind === 'stage') return leaf.effects
  if (leaf.kind !== 'remote') return []
  return [...leaf.effects, 'model', 'fallible', ...(isFree(leaf.variant.price) ? [] : (['cost'] as const))]
}

/**
 * Nothing, where the policy lets the plan run.
 * @throws PlanError ER_PLAN_INVALID with the first leaf and effect that it doesn't allow, in plan order.
 */
export function assertAllowed(plan: PlanNode, policy: EffectPolicy): void {
  const { allow, refuse = [] } = policy
  const isAllowed = (effect: Effect) =>
    effect === 'pure' || (!refuse.includes(effect) && (allow === undefined || allow.includes(effect)))
  const refusedOf = (node: PlanNode) => effectsOf(node).find(effect => !isAllowed(effect))
  let [path, node]: readonly [string, PlanNode | undefined] = ['', plan]
  while (node !== undefined) {
    const effect = refusedOf(node)
    if (effect === undefined) return
    if (isLeaf(node)) {
      const message = `${nameOf(node, path)} may have the effect ${effect}, which the policy does not allow`
      throw errorOf('ER_PLAN_INVALID', message, { path })
    }
    const next: readonly [string, PlanNode] | undefined = childrenOf(node).find(
      ([, child]) => refusedOf(child) !== undefined,
    )
    ;[path, node] = [pathOf(path, next?.[0] ?? ''), next?.[1]]
  }
}

/**
 * Whether a node's output may be kept for equal inputs. A leaf's effects decide unless it says so itself with
 * `memo`; a composite's output may be kept if those of all its leaves may. What a Parallel that settles gives
 * may hold failures, and is never kept.
 */
export const isMemoisable = (node: PlanNode): boolean =>
  fromLeaves(node, knownMemoisable, (plan, of) => {
    if (isLeaf(plan)) return memoOf(plan) ?? effectsOf(plan).every(effect => keeping.includes(effect))
    if (plan.kind === 'parallel' && plan.onError === 'settle') return false
    return childrenOf(plan).every(([, child]) => of(child))
  })

const memoOf = (leaf: PlanNode): boolean | undefined =>
  leaf.kind === 'stage' || leaf.kind === 'remote' ? leaf.memo : undefined

const knownMemoisable = new WeakMap<PlanNode, boolean>()

/**
 * What is odd about a plan, in plan order: a fallible leaf that no Retry stands around; a pure stage that takes
 * what a non-deterministic leaf gave, so that its output is no more certain than that (told where it first
 * enters, not again behind it); and, last, that the plan may take more than `budget`.
 */
export function warningsOf(plan: PlanNode, budget: Limits = {}): readonly PlanWarning[] {
  const warnings: PlanWarning[] = []
  gather({ node: plan, path: '', retried: false }, warnings)
  const { most } = costOf(plan)
  for (const unit of limited) {
    const limit = budget[unit]
    if (limit === undefined || most[unit] <= limit) continue
    const message = `The plan may take ${most[unit]} ${unit}, more than the budget of ${limit}`
    warnings.push({ kind: 'cost-over-budget', path: '', message })
  }
  return warnings
}

/** A node where it stands in a plan. */
type Place = { readonly node: PlanNode; readonly path: string; readonly retried: boolean }
/** The names of non-deterministic leaves that something depends on. */
type Sources = ReadonlySet<string>

const none: Sources = new Set()

/** Asks for children to be checked, and ends with what the output of its node depends on. */
type Check = Generator<readonly [place: Place, input: Sources], Sources, Sources>

/** Runs a check and those that it asks for; each waits in a list and not on the stack, however deep the plan. */
function gather(place: Place, warnings: PlanWarning[]): void {
  const open: Check[] = [check(place, none, warnings)]
  let answer = none
  for (let last = open.at(-1); last !== undefined; last = open.at(-1)) {
    const { done, value } = last.next(answer)
    if (done) {
      open.pop()
      answer = value
    } else open.push(check(...value, warnings))
  }
}

/** Adds the warnings of a node that is fed from `input`. */
function* check(place: Place, input: Sources, warnings: PlanWarning[]): Check {
  const { node, path, retried } = place
  if (isLeaf(node)) return checkLeaf(place, input, warnings)
  const again = retried || (node.kind === 'retry' && node.attempts > 1)
  let output = input
  for (const [index, { children }] of phasesOf(node).entries()) {
    const fed = inputOfPhase(node, index, input, output)
    // Which arm of a Branch runs hangs on its test.
    const given = node.kind === 'branch' && index > 0 ? [output] : []
    for (const [label, child] of children)
      given.push(yield [{ node: child, path: pathOf(path, label), retried: again }, fed])
    output = union(...given)
  }
  return output
}

function inputOfPhase(node: PlanNode, index: number, input: Sources, before: Sources): Sources {
  if (node.kind === 'branch') return input
  return node.kind === 'let' && index > 0 ? union(input, before) : before
}

function checkLeaf({ node, path, retried }: Place, input: Sources, warnings: PlanWarning[]): Sources {
  const effects = effectsOf(node)
  const name = nameOf(node, path)
  if (effects.includes('fallible') && !retried) {
    const message = `${name} may fail, and no Retry stands around it`
    warnings.push({ kind: 'fallible-without-retry', path, message })
  }
  if (node.kind === 'const') return none
  if (effects.includes('non-deterministic')) return union(input, new Set([name]))
  if (!effects.includes('pure')) return input
  if (input.size > 0) {
    const message = `${name} is pure and takes what ${[...input].join(', ').replaceAll('The ', 'the ')} gave, which is non-deterministic`
    warnings.push({ kind: 'non-deterministic-feeds-pure', path, message })
  }
  return none
}

const union = (...all: readonly Sources[]): Sources => new Set(all.flatMap(one => [...one]))

/** What a leaf is called in messages: what it is, and where it stands unless it is the whole plan. */
function nameOf(leaf: PlanNode, path: string): string {
  const name = leaf.kind === 'stage' || leaf.kind === 'remote' ? `${leaf.kind} ${leaf.name}` : leaf.kind
  return `The ${name}${path === '' ? '' : ` at ${path}`}`
}
