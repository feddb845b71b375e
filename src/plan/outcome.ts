/**
 * What goes through a plan while it runs: values with their hashes, places where nodes run, and what comes of
 * them as steps of a trace. Nothing runs here; that is `execute.ts`.
 *
 * A hash is made once, by whoever gave the value, and covers the portable form that the giver chose. What a
 * composite puts together is hashed over the hashes of its parts. Hashes are not looked up by identity: a stage
 * that changes its input and gives it on would get the hash of what it was.
 */
import type { RunContext } from '../core/call.ts'
import { errorOf, RunnerError } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import { type StepStatus, stepOfHashes, type TraceStep, valueHash } from '../core/trace.ts'
import {
  type ConstNode,
  childrenOf,
  type PlanNode,
  type PortableForms,
  type RemoteNode,
  type Settled,
  type StageNode,
} from './node.ts'

/** Hashes of a value's portable form and of its bits. */
export type Hashes = { readonly hash: string; readonly exact: string }
/** A value on its way. */
export type Value = Hashes & { readonly value: unknown }
/** Why a node gave nothing. `stopped`: by the signal of the place where it ran, not by a fault of its own. */
export type Failure = { readonly error: unknown; readonly code: string; readonly stopped: boolean }
/** What came of a node, without its step. */
export type Result =
  | { readonly value: Value; readonly failure?: undefined }
  | { readonly value?: undefined; readonly failure: Failure }
/** What came of a node. */
export type Outcome = Result & { readonly step: TraceStep }

/** A node without children. */
export type Leaf = ConstNode | StageNode | RemoteNode
/** A node under the name that it has in the composite around it. */
export type Child = readonly [label: string, node: PlanNode]

/** What can be told of a node without running it. */
export type Facts = {
  readonly name: string
  readonly version: string
  /** Empty where the configuration has no canonical form. */
  readonly configHash: string
  readonly children: readonly Child[]
}

/** Where in the plan, and under what conditions, a node runs. */
export type Scope = {
  readonly path: string
  readonly label: string
  readonly depth: number
  readonly attempt: number
  readonly signal: AbortSignal
  readonly context: RunContext
  /** The memo's key of the nearest composite around it that has one. */
  readonly key: string | undefined
}

/** A node where it runs, and what it is given. */
export type Place<N extends PlanNode = PlanNode> = {
  readonly node: N
  readonly facts: Facts
  readonly input: Value
  readonly scope: Scope
}

const factsByNode = new WeakMap<PlanNode, Facts>()

/** The facts of a node; computed once. */
export function factsOf(node: PlanNode): Facts {
  const found = factsByNode.get(node)
  if (found !== undefined) return found
  const facts = { ...named(node), configHash: configHashOf(node), children: childrenOf(node) }
  factsByNode.set(node, facts)
  return facts
}

function named(node: PlanNode): { name: string; version: string } {
  if (node.kind === 'stage') return { name: node.name, version: node.version }
  if (node.kind !== 'remote') return { name: node.kind, version: '' }
  const { name, revision, weightsHash } = node.variant
  // As everywhere where a model decides over the output, it is part of the version.
  return { name: node.name, version: `${node.version} ${name}@${revision}+${weightsHash}` }
}

function configHashOf(node: PlanNode): string {
  try {
    return valueHash(configOf(node) ?? null)
  } catch {
    return ''
  }
}

function configOf(node: PlanNode): unknown {
  switch (node.kind) {
    case 'const':
      return node.value
    case 'stage':
    case 'remote':
      return node.config
    case 'parallel':
      return { onError: node.onError }
    case 'retry':
      return { attempts: node.attempts }
    default:
      return null
  }
}

/** The hashes of nothing: of a Const's input, and where there is no value. */
export const noHashes: Hashes = { hash: '', exact: '' }

/**
 * A value by its own canonical form.
 * @throws PlanError ER_PLAN_INVALID where it has none, with `what` as its name.
 */
export function plainValue(value: unknown, what: string): Value {
  const hash = hashOf(() => value, what)
  return { value, hash, exact: hash }
}

/**
 * What a node is given, by the form that it wants for it, if any.
 * @throws PlanError ER_PLAN_INVALID where that form is not plain data, or the node's configuration is not.
 */
export function givenTo(node: PlanNode, facts: Facts, input: Value): Value {
  if (facts.configHash === '') hashOf(() => configOf(node), `The configuration of ${facts.name}`)
  if (node.kind === 'const') return { ...input, hash: facts.configHash }
  const form = inputFormOf(node)
  if (form === undefined) return input
  const hash = hashOf(() => form(input.value as never), `The portable input of ${facts.name}`)
  return { ...input, hash }
}

/**
 * What a leaf gave, by the form that it chose for it.
 * @throws PlanError ER_PLAN_INVALID where output or form is not plain data.
 */
export function givenBy({ node, facts, input }: Place<Leaf>, output: unknown): Value {
  const value = plainValue(output, `The output of ${facts.name}`)
  const form = isStageOrRemote(node) ? node.portable?.output : undefined
  if (form === undefined) return value
  const portable = () => form(output as never, input.value as never)
  return { ...value, hash: hashOf(portable, `The portable output of ${facts.name}`) }
}

/** True where the node makes the form of its input itself, so that the value needs no other. */
export const hasInputForm = (node: PlanNode): boolean => inputFormOf(node) !== undefined

/** What is tried again takes what it is that is tried. */
function inputFormOf(node: PlanNode): PortableForms<never, unknown>['input'] {
  if (node.kind === 'retry') return inputFormOf(node.node)
  return isStageOrRemote(node) ? node.portable?.input : undefined
}

const isStageOrRemote = (node: PlanNode): node is StageNode | RemoteNode =>
  node.kind === 'stage' || node.kind === 'remote'

function hashOf(form: () => unknown, what: string): string {
  try {
    return valueHash(form() ?? null)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw errorOf('ER_PLAN_INVALID', `${what} can't be hashed: ${why}`, { cause })
  }
}

/** A value that a composite put together, hashed over its parts: names, and hashes of what they stand for. */
export function joined(tag: string, value: unknown, parts: readonly (string | Hashes)[]): Value {
  const over = (of: (hashes: Hashes) => string) =>
    sha256(JSON.stringify([tag, ...parts.map(part => (typeof part === 'string' ? part : of(part)))]))
  const hash = over(hashes => hashes.hash)
  const isPlain = parts.every(part => typeof part === 'string' || part.hash === part.exact)
  return { value, hash, exact: isPlain ? hash : over(hashes => hashes.exact) }
}

/** What an error leaves in a trace: its code, `ABORTED`, or `ERROR` where it has none. */
export const codeOf = (error: unknown, stopped: boolean): string =>
  error instanceof RunnerError ? error.code : stopped ? 'ABORTED' : 'ERROR'

/** The hashes of a failure. */
export function failureHashes({ code }: Failure): Hashes {
  const hash = valueHash(code)
  return { hash, exact: hash }
}

/** The outcome of a node that ran. `children` are the outcomes of those of its own that were begun, in plan order. */
export function ended(place: Place, result: Result, children: readonly Outcome[] = []): Outcome {
  const steps = children.map(({ step }) => step)
  if (result.failure === undefined)
    return { ...result, step: stepAt(place, 'ok', place.input.hash, result.value, steps) }
  const rest = neverBegun(place, children.length).map(([label, node]) => skippedStep(node, label))
  const hashes = failureHashes(result.failure)
  return { ...result, step: stepAt(place, 'failed', place.input.hash, hashes, [...steps, ...rest]) }
}

/** The outcome of a node that was never begun. The whole plan was asked for: it has failed then. */
export function notBegun(place: Place, failure: Failure): Outcome {
  const { node, scope } = place
  return scope.depth === 0 ? ended(place, { failure }) : { failure, step: skippedStep(node, scope.label) }
}

function neverBegun({ facts, node }: Place, begun: number): readonly Child[] {
  // With one arm of a Branch begun, the other was not meant to be.
  return node.kind === 'branch' && begun === 2 ? [] : facts.children.slice(begun)
}

function stepAt(
  { facts, scope }: Place,
  status: StepStatus,
  inputHash: string,
  output: Hashes,
  children: readonly TraceStep[],
): TraceStep {
  const { name, version, configHash } = facts
  return stepOfHashes({
    node: name,
    version,
    label: scope.label,
    status,
    inputHash,
    configHash,
    outputHash: output.hash,
    exactOutputHash: output.exact,
    children,
  })
}

function skippedStep(node: PlanNode, label: string): TraceStep {
  const { name, version, configHash } = factsOf(node)
  const nothing = { inputHash: '', outputHash: '', exactOutputHash: '', children: [] }
  return stepOfHashes({ node: name, version, label, status: 'skipped', configHash, ...nothing })
}

/** The key of a leaf's execution. */
export const executionKeyOf = (place: Place): string =>
  stepAt(place, 'skipped', place.input.hash, noHashes, []).executionKey

/** What a Parallel's branches gave, by name. */
export function objectOf(children: readonly Child[], outcomes: readonly Outcome[]): Value {
  const entries = children.map(([name], place) => [name, valueAt(outcomes, place)] as const)
  return joined(
    'object',
    Object.fromEntries(entries.map(([name, { value }]) => [name, value])),
    entries.flat(),
  )
}

/** What became of each branch of a Parallel, by name. */
export function settledOf(children: readonly Child[], outcomes: readonly Outcome[]): Value {
  const parts: (string | Hashes)[] = []
  const settled = outcomes.map(({ failure, value }, place): [string, Settled<unknown>] => {
    const [name] = children[place] as Child
    parts.push(name, failure === undefined ? 'fulfilled' : 'rejected', value ?? failureHashes(failure))
    if (failure !== undefined) return [name, { status: 'rejected', reason: failure.error }]
    return [name, { status: 'fulfilled', value: value.value }]
  })
  return joined('settled', Object.fromEntries(settled), parts)
}

/** What several gave, in their order. */
export function listOf(outcomes: readonly Outcome[]): Value {
  const values = outcomes.map((_, place) => valueAt(outcomes, place))
  return joined(
    'list',
    values.map(({ value }) => value),
    values,
  )
}

/** The input's members and those that a Let binds over them. */
export function scopeOf(input: Value, bindings: readonly Child[], outcomes: readonly Outcome[]): Value {
  if (bindings.length === 0) return input
  const bound = objectOf(bindings, outcomes)
  const { value } = input
  const members = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {}
  return joined('scope', { ...members, ...(bound.value as object) }, [input, bound])
}

/** Where none has failed. */
const valueAt = (outcomes: readonly Outcome[], place: number): Value => outcomes[place]?.value as Value
