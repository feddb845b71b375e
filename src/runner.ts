/**
 * The hallway: the only file that knows both sides. Puts the pool, the caches, the threads and the product
 * together, and closes them in order.
 */
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import type { CacheFigures } from './core/cache.ts'
import type { Dispatch, Part, Reply, RequestClass, Usage, VariantRef } from './core/call.ts'
import { charging } from './core/charging.ts'
import { InputError } from './core/errors.ts'
import { Ledger } from './core/ledger.ts'
import { names, Telemetry } from './core/telemetry.ts'
import { Trace } from './core/trace.ts'
import { type EvidenceEnhancerConfig, parseConfig, type ResolvedConfig } from './evidence/config.ts'
import { Enhancer, type EnhancerParts } from './evidence/enhancer.ts'
import { type PassageTable, tabulate } from './evidence/passages.ts'
import type { Tabulate } from './evidence/recipe.ts'
import { EmbeddingCache } from './models/embedding.ts'
import { builtInEncoder, encoderAt } from './models/encoder.ts'
import type { PoolHealth } from './pool/health.ts'
import type { PoolEvent, PoolOptions } from './pool/options.ts'
import { Pool } from './pool/pool.ts'
import { cacheFromEnvironment, homeFromEnvironment, type Launch } from './pool/spawn.ts'
import { locateEnvironment, verifyWeights } from './setup/environment.ts'
import { findPackageRoot } from './setup/root.ts'
import { Threads } from './threads.ts'

/** The package's version; a test holds it to package.json. */
export const version = '0.1.0'

const leastNode = 24

/** A source longer than this is cut in a thread; below, handing it over costs more than it saves. */
const threadFromLength = 64 * 1024
/** Workers that `poolSize: 'auto'` starts at most; each holds the model once. */
const mostAutoWorkers = 4

/** Figures of everything that runs under one enhancer. */
export type RunnerStats = {
  readonly pool: PoolHealth | null
  readonly embeddings: CacheFigures
  readonly telemetry: Telemetry['figures']
  readonly spent: Usage
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
  #pool: Pool | undefined
  #encoder: Promise<VariantRef> | undefined

  constructor(config: ResolvedConfig) {
    refuseOldNode()
    this.config = config
    this.#telemetry = new Telemetry({ sink: config.telemetryCallback, openTelemetry: config.telemetry })
    this.parts = {
      dispatch: this.#embeddings.over(
        charging(this.#measured((call, context) => this.#running().dispatch(call, context))),
      ),
      tabulate: this.#tabulate,
      encoder: () => this.#encoderOf(),
      telemetry: this.#telemetry,
      workerHealth: () => this.#pool?.health() ?? noPool,
      version,
      close: async () => {
        this.#stopObserving()
        await this.#pool?.close()
        await this.#threads.close()
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

/** The pool by itself, for harnesses and for work that is not about evidence: no cache, no fallback. */
export type Runner = {
  dispatch(call: RunnerCall, options?: RunnerCallOptions): Promise<Reply>
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
  const neverAborted = new AbortController().signal
  return {
    dispatch: (
      { op, ...call },
      { signal = neverAborted, timeoutMs, class: kind = 'normal', caller = 'default' } = {},
    ) =>
      pool.dispatch(
        { ...call, variant: op === 'embed' ? encoder : modelless(op) },
        {
          id: '',
          signal,
          deadline: timeoutMs === undefined ? Number.POSITIVE_INFINITY : performance.now() + timeoutMs,
          class: kind,
          caller,
          reproducible: false,
          ledger: new Ledger(session),
          trace: new Trace(),
          traceparent: '',
        },
      ),
    stats: () => pool.health(),
    workers: () => pool.health().workers.map(({ pid, generation, state }) => ({ pid, generation, state })),
    close: () => pool.close(),
    [Symbol.asyncDispose]: () => pool.close(),
  }
}

const modelless = (op: string): VariantRef => ({
  ...builtInEncoder,
  name: op,
  op,
  model: op,
  revision: '1',
  weightsHash: '',
  limits: { maxTokens: 0, dimensions: 0 },
})

function sizeOf(poolSize: number | 'auto'): number {
  if (poolSize !== 'auto') return poolSize
  // On Apple silicon all workers would share one GPU: batching serves it better than replicas.
  if (process.platform === 'darwin') return 1
  return Math.min(mostAutoWorkers, availableParallelism())
}

type LaunchSettings = {
  readonly embeddingModelPath?: string | undefined
  readonly python?: string | undefined
  readonly slots?: number | undefined
}

/** How a worker with these operations is started; checks the ground first, so that a fault is told by its name. */
async function launchOf(
  ops: readonly string[],
  { embeddingModelPath, python, slots }: LaunchSettings,
  encoder: VariantRef,
): Promise<Launch> {
  const [environment, root] = await Promise.all([
    locateEnvironment({ home: homeFromEnvironment(), cacheFolder: cacheFromEnvironment(), python }),
    findPackageRoot(),
  ])
  if (ops.includes('embed') && embeddingModelPath === undefined) await verifyWeights(environment)
  const embed = {
    folder: embeddingModelPath === undefined ? environment.modelFolder : resolve(embeddingModelPath),
    name: encoder.model,
    revision: encoder.revision,
    sha256: encoder.weightsHash,
    blas: environment.blasLibrary ?? null,
  }
  const operations = ops.map(op =>
    JSON.stringify({
      op,
      ...(op === 'embed' ? embed : {}),
      ...(op === 'stream' ? { slots: slots ?? 4 } : {}),
    }),
  )
  return { python: environment.python, packageFolder: join(root.folder, 'python'), operations }
}

/** @throws InputError ER_CONFIG on a Node that lacks what this package is built on. */
export function refuseOldNode(): void {
  const [major = 0] = process.versions.node.split('.').map(Number)
  if (major >= leastNode) return
  throw new InputError(
    'ER_CONFIG',
    `evidence-runner needs Node ${leastNode} or later; this is ${process.version}`,
  )
}

const noPool = { live: false, ready: false, saturated: false, workers: [], lastFailure: undefined }
