/**
 * What a caller asks of the choice of a plan: limits that hold and wishes that lean. A limit is broken for sure
 * where even the least passes it, and by expectation where the expected figure does; both rule a plan out.
 * Where only the most passes it, the plan stays and the risk is told: deadline and ledger hold it at run time.
 *
 *   hard   maxLatencyMs  costBudget  limits  resources
 *   soft   preferredStrategy  domainOrder  preferParallel        they move a score a little, see `wishWeight`
 */
import * as z from 'zod'
import type { RequestClass } from '../core/call.ts'
import { type BudgetFigures, errorOf } from '../core/errors.ts'
import type { Spend } from '../core/ledger.ts'
import { phasesOf } from './cost.ts'
import type { Span } from './estimate.ts'
import { childrenOf, type PlanNode } from './node.ts'

/** The strategies that have names, see `strategies` in `strategy.ts`. */
export const strategyNames = ['capital-efficiency', 'latency', 'cost', 'balanced'] as const
/** One of them. */
export type StrategyName = (typeof strategyNames)[number]

const amount = z.number().min(0).optional()

/** Every hint is optional. Limits may be met exactly. */
export const hintsSchema = z.strictObject({
  /** Its weights are added to those of the strategy that decides, at a quarter. @default none */
  preferredStrategy: z.enum(strategyNames).optional(),
  /** 0 to 100: above 66 interactive, below 34 bulk. @default 50 */
  priority: z.int().min(0).max(100).optional(),
  /** Wall time in milliseconds. */
  maxLatencyMs: amount,
  /** Money in nano-USD. */
  costBudget: z.int().min(0).optional(),
  /** What else a ledger counts. */
  limits: z
    .strictObject({ tokens: z.int().min(0).optional(), calls: z.int().min(0).optional(), workerMs: amount })
    .optional(),
  resources: z
    .strictObject({ cpuTimeMs: amount, memoryBytes: amount, storageBytes: amount, networkBytes: amount })
    .optional(),
  /** Names of domains, the best liked first. */
  domainOrder: z.array(z.string().min(1)).max(100).optional(),
  /** Whether plans that do several things at once are better liked. @default false */
  preferParallel: z.boolean().optional(),
})

/** Limits and wishes of one request, as checked by `hintsSchema`. */
export type Hints = Readonly<z.output<typeof hintsSchema>>

/** @throws InputError ER_INPUT naming each key that is wrong. */
export function parseHints(raw: unknown): Hints {
  const parsed = hintsSchema.safeParse(raw ?? {})
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(({ path, message }) => `${['hints', ...path].join('.')}: ${message}`)
  throw errorOf('ER_INPUT', `Invalid hints: ${issues.join('; ')}`)
}

/** How much one wish weighs beside weights of 0 to 1. */
export const wishWeight = 0.05

/** How urgent a request of this priority is, 0 to 100. */
export function requestClassOf(priority = 50): RequestClass {
  if (priority > 66) return 'interactive'
  return priority < 34 ? 'bulk' : 'normal'
}

/** Where a name stands among those liked: 1 for the first, falling in equal steps; 0 for one not named. */
export function likingOf(name: string | undefined, order: readonly string[] = []): number {
  const place = name === undefined ? -1 : order.indexOf(name)
  return place < 0 ? 0 : (order.length - place) / order.length
}

/** The wishes that a caller has; each weighs the same. */
export const wishesOf = ({ preferParallel = false, domainOrder = [] }: Hints) => [
  ...(preferParallel ? (['parallel'] as const) : []),
  ...(domainOrder.length > 0 ? (['domain'] as const) : []),
]

/** How far a plan that would run in `domain` meets the caller's wishes: 0 not at all or no wish, 1 wholly. */
export function wishesMet(hints: Hints, plan: PlanNode, domain?: string): number {
  const met = wishesOf(hints).map(wish =>
    wish === 'parallel' ? Number(runsTogether(plan)) : likingOf(domain, hints.domainOrder),
  )
  return met.reduce((sum, value) => sum + value, 0) / Math.max(1, met.length)
}

/** Whether somewhere in the plan several nodes run at the same time. */
export function runsTogether(plan: PlanNode, seen = new Set<PlanNode>()): boolean {
  if (seen.has(plan)) return false
  seen.add(plan)
  return (
    phasesOf(plan).some(({ runs, children }) => runs === 'all' && children.length > 1) ||
    childrenOf(plan).some(([, child]) => runsTogether(child, seen))
  )
}

const spendUnits = ['nanoUsd', 'tokens', 'calls', 'workerMs'] as const satisfies readonly (keyof Spend)[]
const figureNames = [
  ...['timeMs', ...spendUnits, 'cpuTimeMs'],
  ...['memoryBytes', 'storageBytes', 'networkBytes'],
] as readonly FigureName[]

/** What can be limited. */
export type FigureName =
  | 'timeMs'
  | keyof Spend
  | 'cpuTimeMs'
  | 'memoryBytes'
  | 'storageBytes'
  | 'networkBytes'

/** What a plan takes of each. */
export type Figures = Readonly<Record<FigureName, Span>>

/** The most of each figure; what is absent is not limited. */
export type FigureLimits = Partial<Readonly<Record<FigureName, number>>>

/** A limit that a plan does not keep. */
export type Breach = {
  readonly figure: FigureName
  /** Which decision the caller has: allow more money and work, more time, or another plan. */
  readonly kind: 'budget' | 'latency' | 'resource'
  readonly allowed: number
  /** The least, or where that would fit, what is expected. */
  readonly requested: number
  readonly reason: string
}

/** What a caller's hints, the rest of the budget and the rest of the time allow together. */
export function limitsOf(
  { maxLatencyMs, costBudget, limits, resources }: Hints,
  left: Partial<Spend> = {},
  timeLeftMs?: number,
): FigureLimits {
  const asked = { ...resources, ...limits, nanoUsd: costBudget, timeMs: maxLatencyMs }
  const rest: FigureLimits = { ...left, ...(timeLeftMs === undefined ? {} : { timeMs: timeLeftMs }) }
  const entries = figureNames.map(name => {
    const most = Math.min(asked[name] ?? Number.POSITIVE_INFINITY, rest[name] ?? Number.POSITIVE_INFINITY)
    return [name, most] as const
  })
  return Object.fromEntries(entries.filter(([, most]) => most < Number.POSITIVE_INFINITY))
}

/** The limits that `figures` break; none for a plan that may be chosen. */
export function breachesOf(figures: Figures, limits: FigureLimits): readonly Breach[] {
  return limited(limits).flatMap(([figure, allowed]) => {
    const { least, expected } = figures[figure]
    if (!(least > allowed || expected > allowed)) return []
    const requested = least > allowed ? least : expected
    const how = least > allowed ? 'takes at least' : 'is expected to take'
    const reason = `it ${how} ${say(figure, requested)}, and ${say(figure, allowed)} may be taken`
    return [{ figure, kind: kindOf(figure), allowed, requested, reason }]
  })
}

/** The limits that `figures` keep as far as is expected and may break all the same. */
export function risksOf(figures: Figures, limits: FigureLimits): readonly string[] {
  return limited(limits).flatMap(([figure, allowed]) => {
    const { most } = figures[figure]
    if (most <= allowed) return []
    const bound = most === Number.POSITIVE_INFINITY ? 'more than that' : `up to ${say(figure, most)}`
    return [`${say(figure, allowed)} may be taken, and it might take ${bound}`]
  })
}

/** The figures of a budget's refusal, for an error; undefined for what is no budget. */
export function budgetFiguresOf({ figure, allowed, requested }: Breach): BudgetFigures | undefined {
  const unit = spendUnits.find(name => name === figure)
  return unit === undefined ? undefined : { unit, spent: 0, reserved: 0, budget: allowed, requested }
}

/** A figure in words, such as `120 ms` or `3 calls`. */
export const say = (figure: FigureName, value: number): string => `${short(value)} ${words[figure]}`

/** A number with six digits, or all of a whole one. */
export const short = (value: number): string =>
  String(Number.isInteger(value) ? value : Number(value.toPrecision(6)))

const words: Readonly<Record<FigureName, string>> = {
  timeMs: 'ms',
  nanoUsd: 'nano-USD',
  tokens: 'tokens',
  calls: 'calls',
  workerMs: 'ms of worker time',
  cpuTimeMs: 'ms of CPU time',
  memoryBytes: 'bytes of memory',
  storageBytes: 'bytes of storage',
  networkBytes: 'bytes of network',
}

function kindOf(figure: FigureName): Breach['kind'] {
  if (figure === 'timeMs') return 'latency'
  return spendUnits.some(unit => unit === figure) ? 'budget' : 'resource'
}

const limited = (limits: FigureLimits) =>
  figureNames.flatMap(name => {
    const allowed = limits[name]
    return allowed === undefined ? [] : [[name, allowed] as const]
  })
