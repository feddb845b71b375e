/**
 * The pool by itself, over whatever operations are asked for: for harnesses, for plans of one's own and for work
 * that is not about evidence. No cache, no fallback.
 */
import { randomUUID } from 'node:crypto'
import { budgeted } from './core/budgeted-dispatch.ts'
import type { Dispatch, Part, Reply, RequestClass, RunContext, VariantRef } from './core/call.ts'
import { Ledger, type Spend } from './core/ledger.ts'
import { Trace, type TraceRecord } from './core/trace.ts'
import { type Budget, ledgerOptions } from './evidence/config.ts'
import { launchOf, modelless, refuseOldNode, sizeOf } from './launch.ts'
import { builtInEncoder, encoderAt } from './models/encoder.ts'
import { type ExecuteParts, execute } from './plan/execute.ts'
import type { PlanNode } from './plan/node.ts'
import { preflight } from './plan/preflight.ts'
import type { PoolHealth } from './pool/health.ts'
import type { PoolOptions } from './pool/options.ts'
import { Pool } from './pool/pool.ts'

/** What `openRunner` takes: the operations to load, and the pool's own options. */
export type RunnerOptions = Partial<Omit<PoolOptions, 'size' | 'launch'>> & {
  /** `echo` and `stream` need no model. */
  readonly ops: readonly ('echo' | 'stream' | 'embed')[]
  /** @default 'auto' */
  readonly poolSize?: number | 'auto'
  /** Calls of `stream` that a worker takes at once. @default 4 */
  readonly slots?: number
  /** The folder of another encoder. @default the built-in one */
  readonly embeddingModelPath?: string
  /** A Python that has the packages already. @default the one that set-up made */
  readonly python?: string
  /** How long to wait until all workers are warm. @default 60_000 */
  readonly readyTimeoutMs?: number
}

/** One piece of work for a runner. */
export type RunnerCall = {
  readonly op: 'echo' | 'stream' | 'embed'
  readonly items: readonly unknown[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly seed?: number
  readonly onPart?: (part: Part) => void
}

/** How one call is run. */
export type RunnerCallOptions = {
  readonly signal?: AbortSignal
  /** @default none */
  readonly timeoutMs?: number
  /** @default 'normal' */
  readonly class?: RequestClass
  /** Fairness key. @default 'default' */
  readonly caller?: string
}

/** How one plan is run. */
export type RunnerPlanOptions = RunnerCallOptions &
  Omit<ExecuteParts, 'dispatch'> & {
    /** The most that it may use. @default no limit */
    readonly budget?: Budget
    /** Kept to by its dispatches, each alone and padded to a fixed length. @default false */
    readonly reproducible?: boolean
  }

/** What a plan came to. */
export type PlanRun<O> = {
  readonly value: O
  readonly spent: Spend
  readonly trace: TraceRecord
}

/** The pool by itself, for harnesses and for work that is not about evidence: no cache, no fallback. */
export type Runner = {
  dispatch(call: RunnerCall, options?: RunnerCallOptions): Promise<Reply>
  /** What a remote node of a plan names to have an operation run here. */
  variant(op: RunnerCall['op']): VariantRef
  /** For what takes a Dispatch, such as a workflow or a dataflow; charges what its calls use. */
  readonly dispatcher: Dispatch
  /** Runs a plan whose remote nodes name this runner's variants. */
  execute<I, O>(plan: PlanNode<I, O>, input: I, options?: RunnerPlanOptions): Promise<PlanRun<O>>
  stats(): PoolHealth
  /** The living workers, spares included. */
  workers(): readonly { readonly pid: number; readonly generation: number; readonly state: string }[]
  close(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Opens a pool over the given operations and waits until every worker is warm.
 * @throws as `EvidenceEnhancer.open()` does.
 */
export async function openRunner(options: RunnerOptions): Promise<Runner> {
  refuseOldNode()
  const {
    ops,
    poolSize = 'auto',
    slots,
    embeddingModelPath,
    python,
    readyTimeoutMs = 60_000,
    ...rest
  } = options
  const encoder = embeddingModelPath === undefined ? builtInEncoder : await encoderAt(embeddingModelPath)
  const size = sizeOf(poolSize)
  const launch = () => launchOf(ops, { embeddingModelPath, python, slots }, { encoder })
  const pool = new Pool({ ...rest, size, launch })
  try {
    await pool.whenReady(size + (rest.spares ?? 0), readyTimeoutMs)
  } catch (error) {
    await pool.close()
    throw error
  }
  const session = new Ledger()
  const variant = (op: RunnerCall['op']) => (op === 'embed' ? encoder : modelless(op))
  const dispatch = budgeted(pool.dispatch)
  return {
    dispatch: ({ op, ...call }, options = {}) =>
      dispatch({ ...call, variant: variant(op) }, contextOf(options, session)),
    variant,
    dispatcher: dispatch,
    execute: async (plan, input, options = {}) => {
      const { budget, caller, class: _, reproducible, signal, timeoutMs, ...parts } = options
      const context = contextOf(options, session)
      preflight(plan, { ledger: context.ledger, deadline: context.deadline, now: performance.now() })
      const value = await execute(plan, input, context, { ...parts, dispatch })
      return { value, spent: context.ledger.spent, trace: context.trace.record() }
    },
    stats: () => pool.health(),
    workers: () => pool.health().workers.map(({ pid, generation, state }) => ({ pid, generation, state })),
    close: () => pool.close(),
    [Symbol.asyncDispose]: () => pool.close(),
  }
}

const neverAborted = new AbortController().signal

const contextOf = (
  {
    budget,
    caller = 'default',
    class: kind = 'normal',
    reproducible = false,
    signal,
    timeoutMs,
  }: RunnerPlanOptions,
  session: Ledger,
): RunContext => ({
  id: randomUUID(),
  signal: signal ?? neverAborted,
  deadline: timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs,
  class: kind,
  caller,
  reproducible,
  ledger: new Ledger(ledgerOptions(budget, session)),
  trace: new Trace(),
  traceparent: '',
})
