/**
 * The hallway: the only file that knows both sides. Puts the pool, the caches, the threads and the product
 * together, and closes them in order.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { keptOnce } from './core/async.ts'
import { budgeted } from './core/budgeted-dispatch.ts'
import type { CacheFigures } from './core/cache.ts'
import type { Dispatch, VariantRef } from './core/call.ts'
import { BatchTelemetry, measured } from './core/dispatch-telemetry.ts'
import { type ErrorRecord, errorOf, errorRecord, ModelError } from './core/errors.ts'
import type { Spend } from './core/ledger.ts'
import { names, Telemetry } from './core/telemetry.ts'
import {
  type EvidenceEnhancerConfig,
  generatorOf,
  parseConfig,
  type ResolvedConfig,
} from './evidence/config.ts'
import { Enhancer } from './evidence/enhancer.ts'
import { type CheckFigures, type FigureCheck, withinReach } from './evidence/figure-check.ts'
import { type Head, readHead } from './evidence/head/head.ts'
import { type Judges, judgesOf } from './evidence/judges.ts'
import type { EnhancerParts } from './evidence/parts.ts'
import { type PassageTable, tabulate } from './evidence/passages.ts'
import { type LibraryFigures, PromptLibrary } from './evidence/prompts/library.ts'
import { loaderOf } from './evidence/prompts/loader.ts'
import type { Tabulate } from './evidence/reading.ts'
import { type KeptFigures, KeptPassages } from './evidence/vectors/kept-passages.ts'
import { MemoryVectorStore } from './evidence/vectors/memory.ts'
import { tagOf } from './evidence/vectors/store.ts'
import { builtInPrompts } from './evidence/written/prompts.ts'
import {
  findEncoder,
  findGenerator,
  findVerifier,
  type LocatedVariant,
  launchOf,
  refuseOldNode,
  sizeOf,
} from './launch.ts'
import { EmbeddingCache } from './models/embedding.ts'
import { GenerationTally, type GenerationTotals } from './models/generation-tally.ts'
import { promptIn } from './models/prompt-folder.ts'
import type { PoolHealth } from './pool/health.ts'
import type { PoolEvent } from './pool/options.ts'
import { Pool } from './pool/pool.ts'
import type { Launch } from './pool/spawn.ts'
import { findPackageRoot } from './setup/root.ts'
import { LateStore } from './store/late-store.ts'
import type { StoreFigures } from './store/store.ts'
import { Threads } from './threads.ts'

export { refuseOldNode } from './launch.ts'
export * from './open-runner.ts'
export { openStore, type Store } from './store/store.ts'

/** The package's version; a test holds it to package.json. */
export const version = '0.1.0'

/** A source longer than this is cut in a thread; below, handing it over costs more than it saves. */
const threadFromLength = 64 * 1024

/** Sources longer than this, all together, have their figures checked in a thread. */
const figuresInThreadFrom = 16 * 1024

/** Many files, which vectors need not: loaded by the first request, while its passages are embedded. */
const arithmetic = () => import('./evidence/arithmetic.ts')

const builtIn = loaderOf(Object.values(builtInPrompts))

/** Figures of everything that runs under one enhancer. */
export type RunnerStats = {
  readonly pool: PoolHealth | null
  readonly embeddings: CacheFigures
  readonly generations: GenerationTotals
  readonly prompts: LibraryFigures
  readonly telemetry: Telemetry['figures']
  readonly spent: Spend
  /** Figures of the store, why there is none although one was asked for, or null. */
  readonly store: StoreFigures | ErrorRecord | null
  /** Figures of what is kept in the vector store; null without one. */
  readonly vectors: KeptFigures | null
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
  readonly #batches: BatchTelemetry
  readonly #prompts = new PromptLibrary(async (wanted, signal) => {
    const { prompts } = this.config
    const own = prompts === undefined ? undefined : await promptIn(prompts, wanted)
    return own ?? builtIn(wanted, signal)
  })
  readonly #threads = new Threads()
  readonly #embeddings = new EmbeddingCache()
  readonly #generations = new GenerationTally()
  readonly #stopObserving: () => void
  readonly #store: LateStore | undefined
  readonly #kept: KeptPassages | undefined
  #pool: Pool | undefined
  readonly #encoderOf = keptOnce(() => {
    const { embeddingDimensions, embeddingModelPath } = this.config
    return findEncoder(embeddingModelPath, embeddingDimensions)
  })
  readonly #verifierOf = keptOnce(async (): Promise<LocatedVariant | undefined> => {
    const { verifier } = this.config
    return verifier === undefined ? undefined : findVerifier(verifier)
  })
  readonly #generatorOf = keptOnce(async (): Promise<LocatedVariant | undefined> => {
    const name = generatorOf(this.config)
    return name === undefined ? undefined : findGenerator(name)
  })
  readonly #judges = keptOnce(async (): Promise<Judges> => {
    const [encoder, head, verifier, generator] = await Promise.all([
      this.#encoderOf(),
      readPackagedHead(),
      this.#verifierOf(),
      this.#writer(),
    ])
    return judgesOf(this.config, { encoder: encoder.variant, head, verifier: verifier?.variant, generator })
  })
  /** Where nobody embeds, only a language model can judge. */
  readonly #judgesOfWords = keptOnce(
    async (): Promise<Judges> => judgesOf(this.config, { generator: await this.#writer() }),
  )

  constructor(config: ResolvedConfig) {
    refuseOldNode()
    this.config = config
    this.#telemetry = new Telemetry({ sink: config.telemetryCallback, openTelemetry: config.telemetry })
    this.#batches = new BatchTelemetry(this.#telemetry)
    if (config.store !== undefined) {
      const { path, memo: _, ...options } = config.store
      this.#store = new LateStore(path, options, error =>
        this.#telemetry.emit('store-failed', { error: errorRecord(error) }),
      )
    }
    this.#kept = this.#keeping()
    this.parts = {
      dispatch: this.#embeddings.over(budgeted(measured(this.#counted, this.#telemetry))),
      tabulate: this.#tabulate,
      figures: this.#figures,
      encoder: async () => (await this.#encoderOf()).variant,
      generator: async () => (await this.#generatorOf())?.variant,
      prompts: this.#prompts,
      judges: encoder => (encoder === undefined ? this.#judgesOfWords() : this.#judges()),
      telemetry: this.#telemetry,
      workerHealth: () => this.#pool?.health() ?? noPool,
      version,
      uncached: this.#embeddings.uncached,
      prime: (call, text, vector) => this.#embeddings.put(call, text, vector),
      kept: this.#kept,
      load: () => loadOf(this.#pool?.health()),
      traces: this.#store?.traces,
      profiles: this.#store?.profiles,
      memo: config.store?.memo === true ? this.#store?.memo : undefined,
      close: async () => {
        this.#stopObserving()
        await this.#pool?.close()
        await this.#threads.close()
        await this.#kept?.close()
        await this.#store?.close()
      },
    }
    this.#stopObserving = this.#telemetry.observe({
      [names.waitingItems]: () => this.#pool?.health().waitingItems ?? 0,
      [names.oldestWait]: () => this.#pool?.health().oldestWaitMs ?? 0,
      [names.workersReady]: () =>
        this.#pool?.health().workers.filter(({ state }) => state === 'ready' || state === 'busy').length ?? 0,
      [names.vectorHits]: () => this.#embeddings.figures.hits,
      [names.vectorMisses]: () => this.#embeddings.figures.misses,
      [names.droppedEvents]: () => this.#telemetry.figures.dropped,
      [names.sinkErrors]: () => this.#telemetry.figures.sinkErrors,
    })
    if (this.#asksWorkers) this.#running()
  }

  get #asksWorkers(): boolean {
    return this.config.enableEmbeddingSearch || generatorOf(this.config) !== undefined
  }

  /** The language model, where it can be had; where not, whoever needs it hears why from `generator()`. */
  async #writer(): Promise<VariantRef | undefined> {
    const found = await this.#generatorOf().catch(() => undefined)
    return found?.variant
  }

  async warm(signal?: AbortSignal): Promise<void> {
    const { enableEmbeddingSearch, ready, warmUpTimeoutMs } = this.config
    if (!this.#asksWorkers) return
    const pool = this.#running()
    await Promise.all([
      pool.whenReady(ready === 'all' ? this.#poolSize() : 1, warmUpTimeoutMs, signal),
      enableEmbeddingSearch ? this.#judges() : this.#judgesOfWords(),
      // Another model's store is a mistake of the configuration, heard at once; what else ails it is in the figures.
      this.#kept?.bound().catch(error => {
        if (error instanceof ModelError) throw error
      }),
    ])
  }

  stats(): Omit<RunnerStats, 'spent'> {
    return {
      pool: this.#pool?.health() ?? null,
      embeddings: this.#embeddings.figures,
      generations: this.#generations.totals,
      prompts: this.#prompts.figures,
      telemetry: this.#telemetry.figures,
      store: this.#store?.figures ?? null,
      vectors: this.#kept?.figures ?? null,
    }
  }

  #keeping(): KeptPassages | undefined {
    const { vectorStore } = this.config
    if (vectorStore === undefined) return undefined
    const store = 'kind' in vectorStore ? new MemoryVectorStore(vectorStore) : vectorStore
    return new KeptPassages(store, {
      tag: async () => tagOf((await this.#encoderOf()).variant),
      onError: error => this.#telemetry.emit('vector-store-failed', { error: errorRecord(error) }),
    })
  }

  /** The pool, started when it is first needed. */
  #running(): Pool {
    this.#pool ??= new Pool({
      size: this.#poolSize(),
      spares: this.config.spares,
      launch: () => this.#launch(),
      queueLimit: this.config.queueLimit,
      onEvent: event => this.#note(event),
    })
    return this.#pool
  }

  async #launch(): Promise<Launch> {
    const [encoder, verifier, generator] = await Promise.all([
      this.#encoderOf(),
      this.#verifierOf(),
      this.#generatorOf(),
    ])
    const { enableEmbeddingSearch, prefixCacheBytes: prefixBytes, ...settings } = this.config
    const ops = [
      ...(enableEmbeddingSearch ? ['embed', ...(verifier === undefined ? [] : ['verify'])] : []),
      ...(generator === undefined ? [] : ['generate']),
    ]
    return launchOf(ops, { ...settings, prefixBytes }, { encoder, verifier, generator })
  }

  #poolSize(): number {
    return sizeOf(this.config.poolSize, generatorOf(this.config) !== undefined)
  }

  readonly #figures: CheckFigures = async (claim, sources, signal) => {
    // What is too long is not handed over, only to be left out there.
    const { read, unread } = withinReach(sources)
    const length = read.reduce((sum, { content }) => sum + content.length, 0)
    const check =
      length < figuresInThreadFrom
        ? (await arithmetic()).checkFigures(claim, read)
        : await this.#threads.run<object, FigureCheck>('figures', { claim, sources: read }, signal)
    return { ...check, unread }
  }

  readonly #tabulate: Tabulate = async (content, terms, signal) => {
    if (content.length < threadFromLength) return tabulate(content, terms)
    return this.#threads.run<object, PassageTable>('tabulate', { content, terms }, signal)
  }

  readonly #counted: Dispatch = async (call, context) => {
    const reply = await this.#running().dispatch(call, context)
    this.#generations.note(call, reply)
    return reply
  }

  #note(event: PoolEvent): void {
    if (event.name === 'batch-sent') this.#batches.sent(event)
    if (event.name === 'batch-done') this.#batches.done(event.batch, event.modelMs)
    if (event.name === 'worker-ready') this.#telemetry.record(names.workerBoot, event.bootMs)
    if (event.name === 'worker-exit') {
      this.#batches.died(event.generation, event.code)
      this.#telemetry.count(names.workerExits, 1, { [names.errorType]: event.code })
    }
    if (event.name === 'worker-recycled') this.#telemetry.count(names.workerRecycled)
    // Every call would be an event of its own: spans and metrics have them already.
    if (event.name === 'call-queued' || event.name === 'call-settled') return
    const { name, ...fields } = event
    this.#telemetry.emit(name, fields)
  }
}

/** The head that comes with the package. @throws ModelError ER_MODEL_LOAD where its file is gone or broken. */
async function readPackagedHead(): Promise<Head> {
  const { folder } = await findPackageRoot()
  const file = join(folder, 'weights', 'claim-head.safetensors')
  let bytes: Uint8Array
  try {
    bytes = await readFile(file)
  } catch (cause) {
    throw errorOf('ER_MODEL_LOAD', `${file} can't be read; install evidence-runner again`, { cause })
  }
  return readHead(bytes)
}

/** How busy a pool is, 0 to 1: by its queue where anything waits, else by its workers. */
function loadOf(health: PoolHealth | undefined): number {
  if (health === undefined || health.workers.length === 0) return 0
  if (health.waitingItems > 0) return 1
  return health.workers.filter(({ state }) => state === 'busy').length / health.workers.length
}

const noPool = { live: false, ready: false, saturated: false, workers: [], lastFailure: undefined }
