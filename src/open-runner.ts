/**
 * The pool by itself, over whatever operations are asked for: for harnesses, for plans of one's own and for work
 * that is not about evidence. No cache, no fallback.
 */
import { randomUUID } from 'node:crypto'
import { budgeted } from './core/budgeted-dispatch.ts'
import type { Dispatch, Part, Reply, RequestClass, RunContext, VariantRef } from './core/call.ts'
import { errorOf } from './core/errors.ts'
import { Ledger, type Spend } from './core/ledger.ts'
import { Trace, type TraceRecord } from './core/trace.ts'
import { type Budget, ledgerOptions } from './evidence/config.ts'
import { findEncoder, findGenerator, launchOf, modelless, refuseOldNode, sizeOf } from './launch.ts'
import {
  askLabels,
  type GenerationRequest,
  type LabelRequest,
  type LabelResult,
  Seeds,
} from './models/generation.ts'
import { type GenerationStream, streamGeneration } from './models/generation-stream.ts'
import { type ExecuteParts, execute } from './plan/execute.ts'
import type { PlanNode } from './plan/node.ts'
import { preflight } from './plan/preflight.ts'
import type { PoolHealth } from './pool/health.ts'
import type { PoolOptions } from './pool/options.ts'
import { Pool } from './pool/pool.ts'

/** What `openRunner` takes: the operations to load, and the pool's own options. */
export type RunnerOptions = Partial<Omit<PoolOptions, 'size' | 'launch'>> & {
  /** `echo` and `stream` need no model, `generate` a `generator`. */
  readonly ops: readonly ('echo' | 'stream' | 'embed' | 'generate')[]
  /** @default 'auto' */
  readonly poolSize?: number | 'auto'
  /** Calls of `stream` or `generate` that a worker takes at once, 2 at least. @default 4 and 8 */
  readonly slots?: number
  /** A language model: its folder, or its id on the hub, `owner/name` or `owner/name@revision`, fetched before. */
  readonly generator?: string
  /** Bytes of prompts' beginnings that a worker keeps for others that begin alike. @default 256 MiB */
  readonly prefixBytes?: number
  /** A language model that is expected to need more than this is not loaded. @default what the machine has */
  readonly memoryBytes?: number
  /** Of the generator of seeds, for generations that are to repeat; an unsigned 32-bit number. @default drawn */
  readonly seed?: number
  /** Another encoder: its folder, or its id on the hub. @default the built-in one */
  readonly embeddingModelPath?: string
  /** Numbers of a vector that are kept. @default all */
  readonly embeddingDimensions?: number
  /** A Python that has the packages already. @default the one that set-up made */
  readonly python?: string
  /** How long to wait until all workers are warm. @default 60_000 */
  readonly readyTimeoutMs?: number
}

/** One piece of work for a runner. */
export type RunnerCall = {
  readonly op: RunnerOptions['ops'][number]
  /** Texts; for `generate` objects with every key, see `GenerationItem`. */
  readonly items: readonly unknown[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly seed?: number
  /** Whether it runs again after a worker's death. If not, it fails with a retryable WorkerError. @default true */
  readonly restart?: boolean
  /** All its items go to one worker at the same time. @default false */
  readonly together?: boolean
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

/** How one generation is run. */
export type RunnerGenerateOptions = RunnerCallOptions & {
  /** Whether it begins anew when its worker dies; if not, it fails with a retryable WorkerError. @default true */
  readonly restart?: boolean
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
  /**
   * Has the generator write a text, which can be read as it is written.
   * @throws InputError ER_UNKNOWN_OP where there is no generator; all else is told by what it returns.
   */
  generate(request: GenerationRequest, options?: RunnerGenerateOptions): GenerationStream
  /** Asks the generator how likely it takes each of some answers to be. */
  label(request: LabelRequest, options?: RunnerCallOptions): Promise<LabelResult>
  /**
   * What a remote node of a plan names to have an operation run here.
   * @throws InputError ER_UNKNOWN_OP for `generate` where there is no generator.
   */
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
    generator: generatorName,
    prefixBytes,
    memoryBytes,
    seed,
    embeddingModelPath,
    embeddingDimensions,
    python,
    readyTimeoutMs = 60_000,
    ...rest
  } = options
  const encoder = await findEncoder(embeddingModelPath, embeddingDimensions)
  if (ops.includes('generate') && generatorName === undefined) {
    throw errorOf(
      'ER_CONFIG',
      'generate needs a generator: the folder of a language model, or its id on the hub',
    )
  }
  const generator = generatorName === undefined ? undefined : await findGenerator(generatorName)
  const size = sizeOf(poolSize, ops.includes('generate'))
  const settings = { embeddingDimensions, python, slots, prefixBytes, memoryBytes }
  const launch = () => launchOf(ops, settings, { encoder, generator })
  const pool = new Pool({ ...rest, size, launch })
  try {
    await pool.whenReady(size + (rest.spares ?? 0), readyTimeoutMs)
  } catch (error) {
    await pool.close()
    throw error
  }
  const session = new Ledger()
  const seeds = new Seeds(seed)
  const variant = (op: RunnerCall['op']) => {
    if (op === 'embed') return encoder.variant
    if (op !== 'generate') return modelless(op)
    if (generator !== undefined) return generator.variant
    throw errorOf('ER_UNKNOWN_OP', 'This runner has no generator; name one where it is opened')
  }
  const dispatch = budgeted(pool.dispatch)
  return {
    dispatch: ({ op, ...call }, options = {}) =>
      dispatch({ ...call, variant: variant(op) }, contextOf(options, session)),
    generate: (request, { restart = true, ...options } = {}) =>
      streamGeneration(dispatch, variant('generate'), request, contextOf(options, session), {
        restart,
        seeds,
      }),
    label: async (request, options = {}) =>
      askLabels(dispatch, variant('generate'), request, contextOf(options, session)),
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
