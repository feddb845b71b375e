/**
 * What a plan may take, before it runs: least and most of everything that a ledger counts, of time and of
 * memory. Two operations make all figures, and no others:
 *
 *                  money, tokens, calls, worker time     time       memory
 *   in sequence    added                                 added      the most of the two
 *   in parallel    added                                 longest    added
 *
 * Of a Branch's arms the cheaper counts for the least and the dearer for the most, unit by unit. Time is that
 * of a machine wide enough for everything that may run together. Not here: what was used; the ledger has that.
 */
import type { Price } from '../core/call.ts'
import { errorOf } from '../core/errors.ts'
import {
  type Cost,
  type CostClaim,
  type CostRange,
  childrenOf,
  type PlanNode,
  pathOf,
  type RetryNode,
} from './node.ts'

type Unit = keyof Cost
type Child = readonly [label: string, node: PlanNode]

/** Children of a node that may run at the same time, or of which one runs. */
export type Phase = { readonly runs: 'all' | 'one'; readonly children: readonly Child[] }

/** What one kind of leaf may take in a plan. `count` is the number of places where it stands. */
export type CostEntry = { readonly count: number; readonly range: CostRange }

/** Costs nothing. */
export const noCost: Cost = { nanoUsd: 0, tokens: 0, calls: 0, workerMs: 0, timeMs: 0, memoryBytes: 0 }

const units = Object.keys(noCost) as readonly Unit[]
/** What can't be divided; a sum of it that is no safe integer any more counts as unbounded. */
const whole: readonly Unit[] = ['nanoUsd', 'tokens', 'calls']

/** One after the other. */
export const inSequence = (a: Cost, b: Cost): Cost =>
  each(unit => (unit === 'memoryBytes' ? Math.max(a[unit], b[unit]) : sum(unit, a, b)))

/** At the same time. */
export const inParallel = (a: Cost, b: Cost): Cost =>
  each(unit => (unit === 'timeMs' ? Math.max(a[unit], b[unit]) : sum(unit, a, b)))

/**
 * Least and most of a run of `plan`; Infinity where nothing bounds it.
 * @throws PlanError ER_PLAN_INVALID for a claim that is negative, not a number, or more at least than at most.
 */
export const costOf = (plan: PlanNode): CostRange => fold(plan, ranges, knownRanges)

/**
 * What each stage and remote leaf may take in the whole plan, by `name@version`, each place where it stands
 * counted; what costs nothing is left out. An entry is the cost of the plan if all else cost nothing.
 * @throws PlanError ER_PLAN_INVALID as `costOf` does.
 */
export const costMap = (plan: PlanNode): ReadonlyMap<string, CostEntry> => fold(plan, maps, new WeakMap())

/**
 * The paths of the leaves that decide how long the plan takes, in plan order: of what runs together the one
 * that takes longest at most, and among those that nothing bounds the one that takes longest at least.
 */
export function criticalPath(plan: PlanNode): readonly string[] {
  const paths: string[] = []
  const open: Child[] = [['', plan]]
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [path, node] = next
    if (isLeaf(node)) paths.push(path)
    for (const phase of phasesOf(node).toReversed()) {
      const [label, child] = longestOf(phase)
      open.push([pathOf(path, label), child])
    }
  }
  return paths
}

/** A node's children by when they run, in plan order; a phase is never empty. */
export function phasesOf(node: PlanNode): readonly Phase[] {
  const children = childrenOf(node)
  const phase = (start: number, end?: number): Phase => ({
    runs: 'all',
    children: children.slice(start, end),
  })
  const phases = (): readonly Phase[] => {
    switch (node.kind) {
      case 'sequential':
        return children.map((_, index) => phase(index, index + 1))
      case 'branch':
        return [phase(0, 1), { ...phase(1), runs: 'one' }]
      case 'fanout':
        return [phase(0, 1), phase(1)]
      case 'merge':
      case 'let':
        return [phase(0, -1), phase(-1)]
      default:
        return [phase(0)]
    }
  }
  return phases().filter(({ children: { length } }) => length > 0)
}

/** The child of a phase that lies on the critical path; of equals the first. */
export function longestOf({ children: [first, ...others] }: Phase): Child {
  let [longest, time] = [first as Child, timeOf(first as Child)]
  for (const child of others) {
    const [most, least] = timeOf(child)
    if (most > time[0] || (most === time[0] && least > time[1])) [longest, time] = [child, [most, least]]
  }
  return longest
}

const timeOf = ([, node]: Child): readonly [most: number, least: number] => {
  const { least, most } = costOf(node)
  return [most.timeMs, least.timeMs]
}

/** What a fold makes of leaves, and of what it made of a node's children. */
type Algebra<T> = {
  readonly nothing: T
  readonly leaf: (leaf: PlanNode) => T
  readonly inSequence: (a: T, b: T) => T
  readonly inParallel: (a: T, b: T) => T
  readonly either: (a: T, b: T) => T
  readonly again: (inner: T, retry: RetryNode) => T
}

function fold<T extends object>(plan: PlanNode, algebra: Algebra<T>, known: WeakMap<PlanNode, T>): T {
  return fromLeaves(plan, known, (node, of) => {
    if (isLeaf(node)) return algebra.leaf(node)
    const made = phasesOf(node)
      .map(({ runs, children }) =>
        children.map(([, child]) => of(child)).reduce(runs === 'all' ? algebra.inParallel : algebra.either),
      )
      .reduce(algebra.inSequence, algebra.nothing)
    return node.kind === 'retry' ? algebra.again(made, node) : made
  })
}

/**
 * What `make` makes of `plan` from what it made of its children, kept in `known`: each node once, however often
 * it stands in the plan, and however deep, since nothing here recurs.
 */
export function fromLeaves<T extends object | string | number | boolean>(
  plan: PlanNode,
  known: WeakMap<PlanNode, T>,
  make: (node: PlanNode, of: (child: PlanNode) => T) => T,
): T {
  const found = known.get(plan)
  if (found !== undefined) return found
  const of = (child: PlanNode) => known.get(child) as T
  const open = [plan]
  for (let node = open.at(-1); node !== undefined; node = open.at(-1)) {
    const before = open.length
    for (const [, child] of childrenOf(node)) if (!known.has(child)) open.push(child)
    if (open.length > before) continue
    open.pop()
    if (!known.has(node)) known.set(node, make(node, of))
  }
  return of(plan)
}

const knownRanges = new WeakMap<PlanNode, CostRange>()

const both =
  (combine: (a: Cost, b: Cost) => Cost) =>
  (a: CostRange, b: CostRange): CostRange => ({
    least: combine(a.least, b.least),
    most: combine(a.most, b.most),
  })

const ranges: Algebra<CostRange> = {
  nothing: { least: noCost, most: noCost },
  leaf: rangeOfLeaf,
  inSequence: both(inSequence),
  inParallel: both(inParallel),
  either: (a, b) => ({
    least: each(unit => Math.min(a.least[unit], b.least[unit])),
    most: each(unit => Math.max(a.most[unit], b.most[unit])),
  }),
  again: ({ least, most }, retry) => ({
    least,
    most: inSequence(repeated(most, retry.attempts), { ...noCost, timeMs: longestWaitsMs(retry) }),
  }),
}

const entries =
  (combine: (a: CostRange, b: CostRange) => CostRange) =>
  (a: ReadonlyMap<string, CostEntry>, b: ReadonlyMap<string, CostEntry>): ReadonlyMap<string, CostEntry> => {
    const none: CostEntry = { count: 0, range: ranges.nothing }
    const entryOf = (key: string): CostEntry => {
      const [one, other] = [a.get(key) ?? none, b.get(key) ?? none]
      return { count: one.count + other.count, range: combine(one.range, other.range) }
    }
    return new Map([...new Set([...a.keys(), ...b.keys()])].map(key => [key, entryOf(key)]))
  }

const maps: Algebra<ReadonlyMap<string, CostEntry>> = {
  nothing: new Map(),
  leaf: leaf => {
    const range = costOf(leaf)
    if (leaf.kind !== 'stage' && leaf.kind !== 'remote') return new Map()
    if (units.every(unit => range.most[unit] === 0)) return new Map()
    return new Map([[`${leaf.name}@${leaf.version}`, { count: 1, range }]])
  },
  inSequence: entries(ranges.inSequence),
  inParallel: entries(ranges.inParallel),
  either: entries(ranges.either),
  again: (inner, { attempts }) =>
    new Map(
      [...inner].map(([key, { count, range }]) => [
        key,
        { count, range: { least: range.least, most: repeated(range.most, attempts) } },
      ]),
    ),
}

/** True for nodes without children. */
export const isLeaf = ({ kind }: PlanNode): boolean =>
  kind === 'const' || kind === 'stage' || kind === 'remote'

function rangeOfLeaf(leaf: PlanNode): CostRange {
  if (leaf.kind === 'stage') return claimed(leaf.cost, leaf.name)
  if (leaf.kind !== 'remote') return ranges.nothing
  if (leaf.cost !== undefined) return claimed(leaf.cost, leaf.name)
  // How many items a dispatch will have, and so its tokens, is known with its input only.
  const unknown = Number.POSITIVE_INFINITY
  const nanoUsd = isFree(leaf.variant.price) ? 0 : unknown
  const most = { ...noCost, calls: 1, tokens: unknown, workerMs: unknown, timeMs: unknown, nanoUsd }
  return { least: { ...noCost, calls: 1 }, most }
}

/** True for what costs no money. */
export const isFree = ({ usdPer1kTokens, usdPerSecond }: Price): boolean =>
  usdPer1kTokens === 0 && usdPerSecond === 0

function claimed(claim: CostClaim, name: string): CostRange {
  const { least, most } = 'least' in claim ? claim : { least: claim, most: claim }
  const range = { least: checked(least, name), most: checked(most, name) }
  const wrong = units.find(unit => range.least[unit] > range.most[unit])
  if (wrong === undefined) return range
  const [from, to] = [range.least[wrong], range.most[wrong]]
  throw errorOf('ER_PLAN_INVALID', `${name} claims at least ${from} and at most ${to} ${wrong}`)
}

/** The claim with what it leaves out, in whole figures where there are no parts, rounded up. */
const checked = (claim: Partial<Cost>, name: string): Cost =>
  each(unit => {
    const figure = claim[unit] ?? 0
    const rounded = whole.includes(unit) ? Math.ceil(figure) : figure
    if (rounded >= 0 && bounded(unit, rounded) === rounded) return rounded
    throw errorOf('ER_PLAN_INVALID', `${name} claims a cost of ${figure} ${unit}`)
  })

/** `cost`, `times` times in sequence. */
function repeated(cost: Cost, times: number): Cost {
  let [result, power] = [noCost, cost]
  for (let left = times; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result = inSequence(result, power)
    power = inSequence(power, power)
  }
  return result
}

/** All waits of a Retry that fails until its last attempt, where chance takes nothing off them. */
function longestWaitsMs({ attempts, backoff: { baseMs, factor, mostMs } }: RetryNode): number {
  const waits = attempts - 1
  if (waits === 0 || baseMs === 0) return 0
  if (baseMs >= mostMs) return waits * mostMs
  if (factor === 1) return waits * baseMs
  const growing = Math.min(waits, Math.ceil(Math.log(mostMs / baseMs) / Math.log(factor)))
  return (baseMs * (factor ** growing - 1)) / (factor - 1) + (waits - growing) * mostMs
}

const each = (figureOf: (unit: Unit) => number): Cost => ({
  nanoUsd: figureOf('nanoUsd'),
  tokens: figureOf('tokens'),
  calls: figureOf('calls'),
  workerMs: figureOf('workerMs'),
  timeMs: figureOf('timeMs'),
  memoryBytes: figureOf('memoryBytes'),
})

const sum = (unit: Unit, a: Cost, b: Cost): number => bounded(unit, a[unit] + b[unit])

const bounded = (unit: Unit, figure: number): number =>
  whole.includes(unit) && figure > Number.MAX_SAFE_INTEGER ? Number.POSITIVE_INFINITY : figure
