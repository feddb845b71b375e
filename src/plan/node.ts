/**
 * A plan as a value: ten kinds of node, and a function for each that makes one. Nothing runs here; what a plan
 * costs, whether it may run and how it runs is asked of the other files of this room.
 *
 *   Const  Stage  Remote                         leaves
 *   Sequential  Parallel  Branch  Fanout  Merge  Retry  Let      composites, whose children are nodes
 *
 * A node is frozen, the lists in it too, and may stand in several plans and places; what is computed of it is
 * kept by the node. Functions have names and versions: they are what goes into a plan's identity, since code
 * has none.
 */
import type { Call, Reply, RunContext, VariantRef } from '../core/call.ts'
import { errorOf } from '../core/errors.ts'
import type { Spend } from '../core/ledger.ts'

/** What a leaf may do beyond computing; a plan has those of all its leaves. */
export type Effect =
  | 'pure'
  | 'network'
  | 'model'
  | 'cost'
  | 'file'
  | 'process'
  | 'non-deterministic'
  | 'fallible'
  | 'unknown'

/** What running something takes: what a ledger counts, and time and memory, which add up in another way. */
export type Cost = Spend & {
  /** Wall time in milliseconds. */
  readonly timeMs: number
  readonly memoryBytes: number
}

/** The least and the most that something may take; Infinity where nothing bounds it. */
export type CostRange = { readonly least: Cost; readonly most: Cost }

/** What is told of a cost; the rest is 0. One figure stands for least and most. */
export type CostClaim = Partial<Cost> | { readonly least: Partial<Cost>; readonly most: Partial<Cost> }

/** What a stage is told beside its input. */
export type StepContext = {
  /** Aborted when the caller has gone, the deadline has passed or a sibling has failed. */
  readonly signal: AbortSignal
  readonly context: RunContext
  /** Where in the plan it stands, such as `0/passages`. */
  readonly path: string
  /** 1, and one more for each time that a Retry around it has tried again. */
  readonly attempt: number
}

/** The forms of a leaf's values that its portable trace hash covers. @default the values themselves */
export type PortableForms<I, O> = {
  readonly input?: (input: I) => unknown
  readonly output?: (output: O, input: I) => unknown
}

/** What a stage is beside its function. */
export type StageOptions<I, O> = {
  /** Raise it when the same input may get another output. @default '1' */
  readonly version?: string
  /** What else decides over the output; plain data. */
  readonly config?: unknown
  /** @default ['unknown'] */
  readonly effects?: readonly Effect[]
  /** @default nothing */
  readonly cost?: CostClaim
  /** Whether the output may be kept although the effects speak against it. @default by the effects */
  readonly memo?: boolean
  readonly portable?: PortableForms<I, O>
}

/** What a remote leaf is beside its variant. */
export type RemoteOptions<I, O> = {
  /** @default the variant's operation */
  readonly name?: string
  /** Raise it when `call` or `result` changes. @default '1' */
  readonly version?: string
  /** What else decides over the output, such as the options of the call; plain data. */
  readonly config?: unknown
  /** The call for an input. @default its items are the input */
  readonly call?: (input: I) => Omit<Call, 'variant'>
  /** What the reply means. @default its results */
  readonly result?: (reply: Reply, input: I) => O
  /** Effects that the variant doesn't tell, such as 'network' or, where it draws lots, 'non-deterministic'. */
  readonly effects?: readonly Effect[]
  /** Least and most of one dispatch. @default at least one call, and no bound but the price of a free variant */
  readonly cost?: CostClaim
  readonly memo?: boolean
  readonly portable?: PortableForms<I, O>
}

/** How long to wait before trying again: `baseMs · factor^(n−1)`, at most `mostMs`, of which a random part. */
export type Backoff = {
  /** @default 100 */
  readonly baseMs?: number
  /** At least 1. @default 2 */
  readonly factor?: number
  /** @default 30_000 */
  readonly mostMs?: number
  /** The part of it that is left to chance, 0 to 1. @default 0.5 */
  readonly jitter?: number
}

// What a node takes and gives is known to the compiler only.
declare const types: unique symbol
type Typed<I, O> = { readonly [types]?: (input: I) => O }

/** Any plan: it takes an `I` and gives an `O`. */
export type PlanNode<I = never, O = unknown> = (
  | ConstNode
  | StageNode
  | RemoteNode
  | SequentialNode
  | ParallelNode
  | BranchNode
  | FanoutNode
  | MergeNode
  | RetryNode
  | LetNode
) &
  Typed<I, O>

/** A value. */
export type ConstNode = { readonly kind: 'const'; readonly value: unknown }
/** A function of this process. */
export type StageNode = {
  readonly kind: 'stage'
  readonly name: string
  readonly run: (input: unknown, step: StepContext) => unknown
} & Required<Pick<StageOptions<unknown, unknown>, 'version' | 'effects' | 'cost'>> &
  Pick<StageOptions<unknown, unknown>, 'config' | 'memo' | 'portable'>
/** One dispatch. */
export type RemoteNode = {
  readonly kind: 'remote'
  readonly name: string
  readonly variant: VariantRef
  readonly version: string
  readonly call: (input: unknown) => Omit<Call, 'variant'>
  readonly result: (reply: Reply, input: unknown) => unknown
} & Required<Pick<RemoteOptions<unknown, unknown>, 'effects'>> &
  Pick<RemoteOptions<unknown, unknown>, 'config' | 'cost' | 'memo' | 'portable'>
/** In order; what one gives, the next takes. Without nodes it gives what it took. */
export type SequentialNode = { readonly kind: 'sequential'; readonly nodes: readonly PlanNode[] }
/** Together, each with the whole input; gives an object by name. */
export type ParallelNode = {
  readonly kind: 'parallel'
  /** In the order of their names. */
  readonly branches: readonly (readonly [name: string, node: PlanNode])[]
  /** `fail`: the first error aborts the siblings and is thrown. `settle`: every outcome is given, `Settled`. */
  readonly onError: 'fail' | 'settle'
}
/** One of two. */
export type BranchNode = {
  readonly kind: 'branch'
  readonly test: PlanNode
  readonly yes: PlanNode
  readonly no: PlanNode
}
/** The source once, then the targets together on what it gave; gives an array in their order. */
export type FanoutNode = {
  readonly kind: 'fanout'
  readonly source: PlanNode
  readonly targets: readonly PlanNode[]
}
/** The sources together, each with the whole input; the target takes the array of what they gave. */
export type MergeNode = {
  readonly kind: 'merge'
  readonly sources: readonly PlanNode[]
  readonly target: PlanNode
}
/** Again after an error that says it may be tried again. */
export type RetryNode = {
  readonly kind: 'retry'
  readonly node: PlanNode
  /** In all, the first included; at least 1. */
  readonly attempts: number
  readonly backoff: Required<Backoff>
}
/** The bindings together, each with the whole input, then the body on the input's members and theirs. */
export type LetNode = {
  readonly kind: 'let'
  readonly bindings: readonly (readonly [name: string, node: PlanNode])[]
  readonly body: PlanNode
}

/** What a Parallel that settles gives for a branch. */
export type Settled<O> =
  | { readonly status: 'fulfilled'; readonly value: O }
  | { readonly status: 'rejected'; readonly reason: unknown }

type Input<N> = N extends Typed<infer I, unknown> ? I : never
type Output<N> = N extends Typed<never, infer O> ? O : never
type Named = Readonly<Record<string, PlanNode>>
type Outputs<B extends Named> = { readonly [K in keyof B]: Output<B[K]> }
type SettledOutputs<B extends Named> = { readonly [K in keyof B]: Settled<Output<B[K]>> }
type OutputList<L extends readonly PlanNode[]> = { readonly [K in keyof L]: Output<L[K]> }
/** What is input to all of several. */
type CommonInput<N> = (N extends PlanNode ? (input: Input<N>) => void : never) extends (
  input: infer I,
) => void
  ? I
  : never

/** What a body needs that the bindings don't give. */
type Unbound<S, B extends Named> = object & Omit<S, keyof B>
/** Bindings that give what the body takes under their names, else `never`. */
type Fitting<S, B extends Named> = Outputs<B> extends Pick<S, keyof S & keyof B> ? unknown : never
/** Lists whose length the compiler doesn't know, else `never`. */
type Unchecked<L extends readonly unknown[]> = number extends L['length'] ? unknown : never

/** A value, whatever the input. It must be plain data. */
export const constant = <O>(value: O): PlanNode<unknown, O> => node({ kind: 'const', value })

/**
 * A local function.
 * @throws PlanError ER_PLAN_INVALID without a name.
 */
export function stage<I, O>(
  name: string,
  run: (input: I, step: StepContext) => O | Promise<O>,
  options: StageOptions<I, O> = {},
): PlanNode<I, O> {
  checkName('stage', name)
  const { version = '1', cost = {} } = options
  const effects = listOf(options.effects ?? ['unknown'])
  return node({ ...options, kind: 'stage', name, run, version, effects, cost } as unknown as StageNode)
}

/**
 * One dispatch to a variant.
 * @throws PlanError ER_PLAN_INVALID without a name.
 */
export function remote<I, O>(variant: VariantRef, options: RemoteOptions<I, O> = {}): PlanNode<I, O> {
  const { name = variant.op, version = '1' } = options
  checkName('remote leaf', name)
  const { call = (items: I) => ({ items: items as readonly unknown[] }) } = options
  const { result = (reply: Reply) => reply.results as O } = options
  const effects = listOf(options.effects ?? [])
  const own = { kind: 'remote', name, variant, version, effects, call, result }
  return node({ ...options, ...own } as unknown as RemoteNode)
}

type SequentialBuilder = {
  <A>(): PlanNode<A, A>
  <A, B>(a: PlanNode<A, B>): PlanNode<A, B>
  <A, B, C>(a: PlanNode<A, B>, b: PlanNode<B, C>): PlanNode<A, C>
  <A, B, C, D>(a: PlanNode<A, B>, b: PlanNode<B, C>, c: PlanNode<C, D>): PlanNode<A, D>
  <A, B, C, D, E>(a: PlanNode<A, B>, b: PlanNode<B, C>, c: PlanNode<C, D>, d: PlanNode<D, E>): PlanNode<A, E>
  <A, B, C, D, E, F>(
    a: PlanNode<A, B>,
    b: PlanNode<B, C>,
    c: PlanNode<C, D>,
    d: PlanNode<D, E>,
    e: PlanNode<E, F>,
  ): PlanNode<A, F>
  /** Unchecked by the compiler. */
  <I = never, O = unknown, L extends readonly PlanNode[] = readonly PlanNode[]>(
    ...nodes: L & Unchecked<L>
  ): PlanNode<I, O>
}

/**
 * Nodes in order, each taking what the one before it gives; none gives what it took. For more than five, nest. A
 * list that is put together at run time is not checked by the compiler: `sequential<I, O>(...nodes)`.
 */
export const sequential = ((...nodes: readonly PlanNode[]): PlanNode =>
  node({ kind: 'sequential', nodes: listOf(nodes) })) as SequentialBuilder

type ParallelBuilder = {
  <B extends Named>(
    branches: B,
    options?: { readonly onError?: 'fail' },
  ): PlanNode<CommonInput<B[keyof B]>, Outputs<B>>
  <B extends Named>(
    branches: B,
    options: { readonly onError: 'settle' },
  ): PlanNode<CommonInput<B[keyof B]>, SettledOutputs<B>>
}

/** Nodes together; an object of what they gave, or, where they settle, of what became of each. */
export const parallel = ((
  branches: Named,
  { onError = 'fail' }: { readonly onError?: 'fail' | 'settle' } = {},
): PlanNode => node({ kind: 'parallel', branches: sortedEntries(branches), onError })) as ParallelBuilder

/** `yes` or `no`, as `test` gives true or false; all three take the same input. */
export const branch = <I, O, P>(
  test: PlanNode<I, boolean>,
  yes: PlanNode<I, O>,
  no: PlanNode<I, P>,
): PlanNode<I, O | P> => node({ kind: 'branch', test, yes, no } as BranchNode)

/** One source for several targets. */
export const fanout = <I, M, const L extends readonly PlanNode<M>[]>(
  source: PlanNode<I, M>,
  targets: L,
): PlanNode<I, OutputList<L>> => node({ kind: 'fanout', source, targets: listOf(targets) } as FanoutNode)

/** Several sources for one target. */
export const merge = <const L extends readonly PlanNode[], O>(
  sources: L,
  target: PlanNode<OutputList<L>, O>,
): PlanNode<CommonInput<L[number]>, O> =>
  node({ kind: 'merge', sources: listOf(sources), target } as MergeNode)

/**
 * Tries again after retryable errors, and after no others. Around another Retry that waits alike it multiplies
 * the attempts.
 * @throws PlanError ER_PLAN_INVALID where `attempts` is not a whole number from 1, or the back-off makes no sense.
 */
export function retry<I, O>(inner: PlanNode<I, O>, attempts: number, backoff: Backoff = {}): PlanNode<I, O> {
  if (!Number.isSafeInteger(attempts) || attempts < 1)
    throw errorOf('ER_PLAN_INVALID', `A Retry takes a whole number of attempts from 1, not ${attempts}`)
  const { baseMs = 100, factor = 2, mostMs = 30_000, jitter = 0.5 } = backoff
  const waits = Object.freeze({ baseMs, factor, mostMs, jitter })
  const isSound = (name: string, value: number) =>
    Number.isFinite(value) && value >= (name === 'factor' ? 1 : 0) && (name !== 'jitter' || value <= 1)
  for (const [name, value] of Object.entries(waits))
    if (!isSound(name, value)) throw errorOf('ER_PLAN_INVALID', `A back-off has no ${name} of ${value}`)
  // What was tried again is tried by nobody else: two that wait alike are one, with as many attempts as both.
  const again = inner as PlanNode
  const alike = again.kind === 'retry' && sameWaits(again.backoff, waits) ? again : undefined
  return node({
    kind: 'retry',
    node: alike?.node ?? inner,
    attempts: Math.min(Number.MAX_SAFE_INTEGER, attempts * (alike?.attempts ?? 1)),
    backoff: waits,
  } as RetryNode)
}

const sameWaits = (a: Required<Backoff>, b: Required<Backoff>): boolean =>
  a.baseMs === b.baseMs && a.factor === b.factor && a.mostMs === b.mostMs && a.jitter === b.jitter

/** Values by name for a body; they shadow members of the input. */
export const bind = <S, B extends Named, O>(
  bindings: B & Fitting<S, B>,
  body: PlanNode<S, O>,
): PlanNode<Unbound<S, B> & CommonInput<B[keyof B]>, O> =>
  node({ kind: 'let', bindings: sortedEntries(bindings), body } as LetNode)

/** The children of a node by the labels that they have in paths and traces, in plan order; none of a leaf. */
export function childrenOf(parent: PlanNode): readonly (readonly [label: string, node: PlanNode])[] {
  const numbered = (nodes: readonly PlanNode[], prefix = '') =>
    nodes.map((child, index) => [`${prefix}${index}`, child] as const)
  switch (parent.kind) {
    case 'const':
    case 'stage':
    case 'remote':
      return []
    case 'sequential':
      return numbered(parent.nodes)
    case 'parallel':
      return parent.branches
    case 'branch':
      return [['test', parent.test] as const, ['yes', parent.yes] as const, ['no', parent.no] as const]
    case 'fanout':
      return [['source', parent.source] as const, ...numbered(parent.targets, 'target-')]
    case 'merge':
      return [...numbered(parent.sources, 'source-'), ['target', parent.target] as const]
    case 'retry':
      return [['', parent.node] as const]
    case 'let':
      return [...parent.bindings, ['body', parent.body] as const]
  }
}

/** Where a child of the node at `path` stands; the child of a Retry stands where the Retry does. */
export const pathOf = (path: string, label: string): string =>
  path === '' || label === '' ? path + label : `${path}/${label}`

function checkName(what: string, name: string): void {
  if (name === '') throw errorOf('ER_PLAN_INVALID', `A ${what} needs a name`)
}

const sortedEntries = (named: Named): readonly (readonly [string, PlanNode])[] =>
  listOf(
    Object.entries(named)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(entry => Object.freeze(entry)),
  )

const listOf = <T>(list: readonly T[]): readonly T[] => Object.freeze([...list])

const node = <N extends object>(made: N): N => Object.freeze(made)
