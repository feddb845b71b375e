/**
 * The hallway: the only file that knows both sides. Puts the pool, the caches, the threads and the product
 * together, and closes them in order.
 */
import { randomUUID } from 'node:crypto'
import { budgeted } from './core/budgeted-dispatch.ts'
import type { CacheFigures } from './core/cache.ts'
import type { Dispatch, Part, Reply, RequestClass, RunContext, VariantRef } from './core/call.ts'
import { type ErrorRecord, errorRecord, InputError } from './core/errors.ts'
import { Ledger, type Spend } from './core/ledger.ts'
import { names, Telemetry } from './core/telemetry.ts'
import { Trace, type TraceRecord } from './core/trace.ts'
import {
  type Budget,
  type EvidenceEnhancerConfig,
  ledgerOptions,
  parseConfig,
  type ResolvedConfig,
} from './evidence/config.ts'
import { Enhancer } from './evidence/enhancer.ts'
import type { EnhancerParts } from './evidence/parts.ts'
import { type PassageTable, tabulate } from './evidence/passages.ts'
import type { Tabulate } from './evidence/reading.ts'
import { launchOf, modelless, sizeOf } from './launch.ts'
import { EmbeddingCache } from './models/embedding.ts'
import { builtInEncoder, encoderAt } from './models/encoder.ts'
import { type ExecuteParts, execute } from './plan/execute.ts'
import type { PlanNode } from './plan/node.ts'
import { preflight } from './plan/preflight.ts'
import type { PoolHealth } from './pool/health.ts'
import type { PoolEvent, PoolOptions } from './pool/options.ts'
import { Pool } from './pool/pool.ts'
import { LateStore } from './store/late-store.ts'
import type { StoreFigures } from './store/store.ts'
import { Threads } from './threads.ts'

export { openStore, type Store } from './store/store.ts'

/** The package's version; a test holds it to package.json. */
export const version = '0.1.0'

const leastNode = 24

/** A source longer than this is cut in a thread; below, handing it over costs more than it saves. */
const threadFromLength = 64 * 1024

/** Figures of everything that runs under one enhancer. */
export type RunnerStats = {
  readonly pool: PoolHealth | null
  readonly embeddings: CacheFigures
  readonly telemetry: Telemetry['figures']
  readonly spent: Spend
  /** Figures of the store, why there is none although one was asked for, or null. */
  readonly store: StoreFigures | ErrorRecord | null
}

/**
 * Checks claims against sources on warm MLX workers.
 *
 * @example
 * await using enhancer = await EvidenceEnhancer.open()
 * const evidence = await enhancer.enhanceEvidence({ taskId: 't1', claim, sources: [{ content }] })
 */
export class EvidenceEnhancer extends Enhancer {
  readonly #runner: EnhancerRunner

  /**
   * Starts the workers in the background; the first call awaits the warm-up. Prefer `open()`, which tells at
   * once what is missing.
   * @throws InputError ER_CONFIG for a key that does not exist or a value out of range.
   */
  constructor(config: EvidenceEnhancerConfig = {}) {
    const runner = new EnhancerRunner(parseConfig(config))
    super(runner.config, runner.parts)
    this.#runner = runner
  }

  /**
   * Starts the workers and resolves when the first is warm (all of them with `ready: 'all'`).
   * @throws WorkerError ER_WORKER_SPAWN naming the command to run when the Python environment is missing;
   * ModelError when the weights are missing or altered; OverloadError ER_WARMING after `warmUpTimeoutMs`; the
   * signal's reason.
   */
  static async open(
    config: EvidenceEnhancerConfig = {},
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<EvidenceEnhancer> {
    const enhancer = new EvidenceEnhancer(config)
    try {
      await enhancer.#runner.warm(options.signal)
      return enhancer
    } catch (error) {
      await enhancer.close()
      throw error
    }
  }

  /** Figures of pool, caches and telemetry, for people and dashboards. */
  stats(): RunnerStats {
    return { ...this.#runner.stats(), spent: this.spent }
  }
}

/** What stands behind one enhancer. */
class EnhancerRunner {
  readonly config: ResolvedConfig
  readonly parts: EnhancerParts
  readonly #telemetry: Telemetry
  readonly #threads = new Threads()
  readonly #embeddings = new EmbeddingCache()
  readonly #stopObserving: () => void
  readonly #store: LateStore | undefined
  #pool: Pool | undefined
  #encoder: Promise<VariantRef> | undefined

  constructor(config: ResolvedConfig) {
    refuseOldNode()
    this.config = config
    this.#telemetry = new Telemetry({ sink: config.telemetryCallback, openTelemetry: config.telemetry })
    if (config.store !== undefined) {
      const { path, memo: _, ...options } = config.store
      this.#store = new LateStore(path, options, error =>
        this.#telemetry.emit('store-failed', { error: errorRecord(error) }),
      )
    }
    this.parts = {
      dispatch: this.#embeddings.over(
        budgeted(this.#measured((call, context) => this.#running().dispatch(call, context))),
      ),
      tabulate: this.#tabulate,
      encoder: () => this.#encoderOf(),
      telemetry: this.#telemetry,
      workerHealth: () => this.#pool?.health() ?? noPool,
      version,
      uncached: this.#embeddings.uncached,
      load: () => loadOf(this.#pool?.health()),
      traces: this.#store?.traces,
      profiles: this.#store?.profiles,
      memo: config.store?.memo === true ? this.#store?.memo : undefined,
      close: async () => {
        this.#stopObserving()
        await this.#pool?.close()
        await this.#threads.close()
        await this.#store?.close()
      },
    }
    this.#stopObserving = this.#telemetry.observe({
      [names.waitingItems]: () => this.#pool?.health().waitingItems ?? 0,
      [names.oldestWait]: () => this.#pool?.health().oldestWaitMs ?? 0,
      [names.workersReady]: () =>
        this.#pool?.health().workers.filter(({ state }) => state === 'ready' || state === 'busy').length ?? 0,
    })
    if (config.enableEmbeddingSearch) this.#running()
  }

  async warm(signal?: AbortSignal): Promise<void> {
    const { enableEmbeddingSearch, ready, warmUpTimeoutMs } = this.config
    if (!enableEmbeddingSearch) return
    await this.#running().whenReady(ready === 'all' ? this.#poolSize() : 1, warmUpTimeoutMs, signal)
  }

  stats(): Omit<RunnerStats, 'spent'> {
    return {
      pool: this.#pool?.health() ?? null,
      embeddings: this.#embeddings.figures,
      telemetry: this.#telemetry.figures,
      store: this.#store?.figures ?? null,
    }
  }

  /** The pool, started when it is first needed. */
  #running(): Pool {
    this.#pool ??= new Pool({
      size: this.#poolSize(),
      spares: this.config.spares,
      launch: async () => launchOf(['embed'], this.config, await this.#encoderOf()),
      queueLimit: this.config.queueLimit,
      onEvent: event => this.#note(event),
    })
    return this.#pool
  }

  #poolSize(): number {
    return sizeOf(this.config.poolSize)
  }

  #encoderOf(): Promise<VariantRef> {
    const { embeddingModelPath } = this.config
    this.#encoder ??=
      embeddingModelPath === undefined ? Promise.resolve(builtInEncoder) : encoderAt(embeddingModelPath)
    // A folder that could not be read may be there the next time.
    this.#encoder.catch(() => {
      this.#encoder = undefined
    })
    return this.#encoder
  }

  readonly #tabulate: Tabulate = async (content, terms, signal) => {
    if (content.length < threadFromLength) return tabulate(content, terms)
    return this.#threads.run<object, PassageTable>('tabulate', { content, terms }, signal)
  }

  #measured(next: Dispatch): Dispatch {
    return async (call, context) => {
      const attributes = { [names.op]: call.variant.op, [names.model]: call.variant.name }
      const begin = performance.now()
      try {
        const reply = await next(call, context)
        this.#telemetry.record(names.queueDuration, reply.timings.queueMs, attributes)
        return reply
      } finally {
        this.#telemetry.record(names.dispatchDuration, performance.now() - begin, attributes)
      }
    }
  }

  #note(event: PoolEvent): void {
    if (event.name === 'batch-sent')
      this.#telemetry.record(names.batchItems, event.items, { [names.op]: event.op })
    if (event.name === 'worker-exit')
      this.#telemetry.count(names.workerExits, 1, { [names.errorType]: event.code })
    if (event.name === 'worker-recycled') this.#telemetry.count(names.workerRecycled)
    // Every call would be an event of its own: spans and metrics have them already.
    if (event.name === 'call-queued' || event.name === 'call-settled') return
    const { name, ...fields } = event
    this.#telemetry.emit(name, fields)
  }
}

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
  const launch = () => launchOf(ops, { embeddingModelPath, python, slots }, encoder)
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

/** @throws InputError ER_CONFIG on a Node that lacks what this package is built on. */
export function refuseOldNode(): void {
  const [major = 0] = process.versions.node.split('.').map(Number)
  if (major >= leastNode) return
  throw new InputError(
    'ER_CONFIG',
    `evidence-runner needs Node ${leastNode} or later; this is ${process.version}`,
  )
}

/** How busy a pool is, 0 to 1: by its queue where anything waits, else by its workers. */
function loadOf(health: PoolHealth | undefined): number {
  if (health === undefined || health.workers.length === 0) return 0
  if (health.waitingItems > 0) return 1
  return health.workers.filter(({ state }) => state === 'busy').length / health.workers.length
}

const noPool = { live: false, ready: false, saturated: false, workers: [], lastFailure: undefined }
