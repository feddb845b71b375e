/**
 * The product's front: checks a request, answers it from the cache or runs the recipe, and wraps what was
 * found into an answer for this caller. Knows what to do, never how a process is run.
 */
import { randomUUID } from 'node:crypto'
import { limitedSignal, now } from '../core/async.ts'
import { Cache } from '../core/cache.ts'
import { errorOf, errorRecord, InputError } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import { Ledger, type Spend } from '../core/ledger.ts'
import { errorTypeOf, names } from '../core/telemetry.ts'
import { AdaptiveStrategy } from '../plan/adaptive.ts'
import type { StoredTrace } from '../plan/ports.ts'
import { type Asked, answered } from './answered.ts'
import { chooseModels } from './choosing.ts'
import { ledgerOptions, type ResolvedConfig } from './config.ts'
import { checkTexts, embedTexts } from './embed-texts.ts'
import { type HealthStatus, healthOf } from './health.ts'
import { overMany } from './many.ts'
import { Narration } from './narration.ts'
import { type EmbedOptions, type EnhanceManyOptions, type ManyOutcome, taskIdOf } from './outcome.ts'
import type { EnhancerParts } from './parts.ts'
import { embedProfile, type RecipeSettings } from './recipe.ts'
import { findRecorded } from './record.ts'
import { recall, remember } from './remember.ts'
import { type Replay, replayOf } from './replay.ts'
import {
  type EnhanceOptions,
  type EvidenceContext,
  type GivenContext,
  parseContext,
  parseOptions,
} from './request.ts'
import { requestKey, sizeOfFindings } from './request-key.ts'
import type { EnhancedEvidence, Findings } from './result.ts'
import { explainEvidence, type Job, Pace, type RunParts } from './run.ts'
import { contextOf, whoAsks } from './run-context.ts'
import { settingsOf } from './settings.ts'
import {
  addDocuments,
  type DocumentsAdded,
  parseDocuments,
  removeDocuments,
  type StoredDocument,
} from './vectors/documents.ts'
import { isComplete, noStore, type Retrieved, withRetrieved } from './vectors/retrieval.ts'
import type { CalibratedModel } from './verdict/calibration.ts'

/** Bytes of kept results at most. */
const resultCacheBytes = 64 * 1024 * 1024
/** How long documents may take to be added, unless the call says otherwise. */
const addingMs = 24 * 60 * 60_000
export class Enhancer {
  readonly #config: ResolvedConfig
  readonly #parts: EnhancerParts
  readonly #settings: RecipeSettings
  readonly #session: Ledger
  readonly #run: RunParts
  readonly #results: Cache<Findings>
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined

  constructor(config: ResolvedConfig, parts: EnhancerParts) {
    this.#config = config
    this.#parts = parts
    this.#settings = settingsOf(config)
    this.#session = new Ledger(ledgerOptions(config.budget))
    const { dispatch, figures, kept, load, prime, profiles, tabulate, uncached, version } = parts
    const adaptive = new AdaptiveStrategy()
    const adapted = () => adaptive.note(load())
    const pace = new Pace(() => profiles?.get(embedProfile))
    this.#run = { dispatch, tabulate, figures, uncached, version, profiles, adapted, pace, kept, prime }
    this.#results = new Cache({
      maxEntries: config.maxCacheSize,
      maxBytes: resultCacheBytes,
      sizeOf: sizeOfFindings,
    })
  }

  /**
   * Checks one claim against its sources.
   * @throws InputError, DeadlineError, OverloadError, the signal's reason; WorkerError and ModelError only with
   * `fallback: 'error'`.
   */
  async enhanceEvidence(context: EvidenceContext, options: EnhanceOptions = {}): Promise<EnhancedEvidence> {
    return this.#answer(context, options, this.#session)
  }

  async #answer(
    context: EvidenceContext,
    options: EnhanceOptions,
    ledger: Ledger,
  ): Promise<EnhancedEvidence> {
    const begin = now()
    this.#refuseClosed()
    const { telemetry } = this.#parts
    let request: GivenContext | undefined
    try {
      request = parseContext(context)
      telemetry.emit('evidence_enhancement_started', { taskId: request.taskId, processor: 'evidence-runner' })
      const evidence = await this.#enhance(request, parseOptions(options), begin, ledger)
      telemetry.emit('evidence_enhancement_completed', {
        taskId: evidence.taskId,
        processingTime: evidence.processingTime,
        confidence: evidence.confidence,
      })
      telemetry.record(names.requestDuration, evidence.processingTime)
      return evidence
    } catch (error) {
      const taskId = request === undefined ? {} : { taskId: request.taskId }
      telemetry.emit('evidence_enhancement_error', {
        ...taskId,
        error: String(error),
        processingTime: now() - begin,
      })
      telemetry.record(names.requestDuration, now() - begin, { [names.errorType]: errorTypeOf(error) })
      throw error
    }
  }

  /** Checks each context of an iterable. What is wrong with one comes in its place; the rest go on. */
  enhanceMany(
    contexts: Iterable<EvidenceContext> | AsyncIterable<EvidenceContext>,
    options: EnhanceManyOptions = {},
  ): AsyncGenerator<ManyOutcome, void, undefined> {
    const { concurrency = 8, ordered = true, totalBudget, ...each } = options
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new InputError(
        'ER_INPUT',
        `Invalid options: concurrency: ${concurrency} is not a whole number from 1`,
      )
    }
    const ledger =
      totalBudget === undefined ? this.#session : new Ledger(ledgerOptions(totalBudget, this.#session))
    const work = async (context: EvidenceContext, index: number): Promise<ManyOutcome> => {
      try {
        return await this.#answer(context, each, ledger)
      } catch (error) {
        each.signal?.throwIfAborted()
        return { ...taskIdOf(context), line: index + 1, error: errorRecord(error) }
      }
    }
    return overMany(contexts, work, { concurrency, ordered, signal: each.signal })
  }

  /**
   * Vectors of texts, in order, each a Float32Array of its own.
   * @throws InputError for what is not a text; else as `enhanceEvidence`, but never falls back.
   */
  async embed(texts: readonly string[], options: EmbedOptions = {}): Promise<Float32Array[]> {
    this.#refuseClosed()
    checkTexts(texts)
    const { signal, timeoutMs, ...who } = parseOptions(options)
    const limit = timeoutMs ?? this.#config.requestTimeoutMs
    return this.#within(signal, limit, 'embed', async (limited, traceparent) => {
      const variant = await this.#parts.encoder()
      const context = contextOf(limited, now() + limit, who, traceparent, this.#session)
      return embedTexts(texts, variant, context, this.#parts.dispatch)
    })
  }

  /**
   * Keeps documents in a collection of the vector store, for sources such as
   * `{ type: 'database', collection: 'handbook' }`. Passages that are kept already are not embedded again; a document
   * replaces what was kept under its id.
   * @throws InputError without a vector store, or for what is no document; StoreError; else as `embed`.
   */
  async addDocuments(
    collection: string,
    documents: readonly StoredDocument[],
    options: EmbedOptions = {},
  ): Promise<DocumentsAdded> {
    this.#refuseClosed()
    const { dispatch, encoder, kept, tabulate } = this.#parts
    if (kept === undefined) throw noStore('documents are kept in one')
    const given = parseDocuments(collection, documents)
    const { signal, timeoutMs: limit = addingMs, priority = 'low', ...who } = parseOptions(options)
    return this.#within(signal, limit, 'addDocuments', async (limited, traceparent) => {
      const variant = await encoder()
      const context = contextOf(limited, now() + limit, { ...who, priority }, traceparent, this.#session)
      const embed = (texts: readonly string[]) => embedTexts(texts, variant, context, dispatch, 'document')
      return addDocuments(collection, given, { kept, tabulate, signal: limited, embed })
    })
  }

  /**
   * Removes documents from a collection, or the whole of it, and tells how many passages that were.
   * @throws InputError without a vector store; StoreError.
   */
  async removeDocuments(collection: string, ids?: readonly string[]): Promise<number> {
    this.#refuseClosed()
    const { kept } = this.#parts
    if (kept === undefined) throw noStore('documents are kept in one')
    return removeDocuments(kept, collection, ids)
  }

  async health(): Promise<HealthStatus> {
    const workers = this.#parts.workerHealth()
    const model = workers.ready ? (await this.#parts.encoder()).name : undefined
    return healthOf(workers, this.#config, model, this.#results.figures.entries)
  }

  /** Whose odds a calibration for this enhancer has to be fitted to. */
  async judging(): Promise<CalibratedModel> {
    return (await chooseModels(this.#parts, this.#settings)).judges.model
  }

  /** What all requests together have used. */
  get spent(): Spend {
    return this.#session.spent
  }

  /** Lets what is under way finish, then ends every process and thread. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  /** The original's name for `close()`. */
  cleanup(): Promise<void> {
    return this.close()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /**
   * What would be done for a request, as text: the plan with its costs, and why it and no other. Asks no worker,
   * but for what a source that asks for a collection is searched by.
   * @throws InputError; BudgetError or DeadlineError where no plan can keep the limits.
   */
  async explain(context: EvidenceContext, options: EnhanceOptions = {}): Promise<string> {
    this.#refuseClosed()
    const parsed = parseOptions(options)
    const job = await this.#job(
      await this.#retrieved(parseContext(context), parsed, now(), this.#session),
      parsed,
    )
    const limit = parsed.timeoutMs ?? this.#config.requestTimeoutMs
    return this.#within(parsed.signal, limit, 'explain', signal =>
      explainEvidence(job, contextOf(signal, now() + limit, parsed, '', this.#session), this.#run),
    )
  }

  /**
   * Runs the request of a stored trace again, past every cache, and compares.
   * @throws InputError ER_INPUT where its claim and sources were not kept; else as `enhanceEvidence`.
   */
  async replay(stored: StoredTrace, options: Pick<EnhanceOptions, 'signal'> = {}): Promise<Replay> {
    return replayOf(stored, async inputs => {
      const request = parseContext(inputs.context)
      const parsed = parseOptions({ ...inputs.options, ...options })
      return this.#enhance(request, parsed, now(), this.#session, 'afresh')
    })
  }

  async #enhance(
    given: GivenContext,
    options: EnhanceOptions,
    begin: number,
    above: Ledger,
    how: 'cached' | 'afresh' = 'cached',
  ): Promise<EnhancedEvidence> {
    const retrieved = await this.#retrieved(given, options, begin, above)
    const { ledger, request } = retrieved
    const hashes = request.sources.map(({ content }) => sha256(content))
    const asked: Asked = { ...retrieved, begin, hashes }
    const job = await this.#job(asked, options)
    const key = requestKey(request, hashes, options, job.choice, job.settings)
    const kept = how === 'cached' ? this.#results.get(key) : undefined
    if (kept !== undefined) {
      this.#parts.telemetry.count(names.cacheHits, 1, { [names.cache]: 'results' })
      job.narration?.finish(kept.aiAnalysis)
      return this.#answered(kept, asked, true, randomUUID())
    }
    if (how === 'cached') this.#parts.telemetry.count(names.cacheMisses, 1, { [names.cache]: 'results' })
    const limit = options.timeoutMs ?? this.#config.requestTimeoutMs
    return this.#within(options.signal, limit, 'The request', async (limited, traceparent) => {
      let id: string = randomUUID()
      let known = false
      const { memo, traces } = this.#parts
      const run = async (signal: AbortSignal) => {
        const kept = how === 'cached' ? await recall(memo, key) : undefined
        known = kept !== undefined
        if (kept !== undefined) return kept
        const context = contextOf(signal, begin + limit, whoAsks(request, options), traceparent, ledger)
        id = context.id
        const findings = await findRecorded(job, context, options, this.#run, traces)
        if (how === 'cached' && isWhole(findings)) remember(memo, key, findings)
        return findings
      }
      // What a budget cut short is this caller's alone: neither kept nor shared.
      if (how === 'afresh' || options.budget !== undefined || ledger !== this.#session) {
        const findings = await run(limited)
        if (how === 'cached' && isWhole(findings)) this.#results.set(key, findings)
        job.narration?.finish(findings.aiAnalysis)
        return this.#answered(findings, asked, known, id)
      }
      const { value, joined } = await this.#results.share(key, limited, run, isWhole)
      // Who joined another's run hears the whole at its end.
      job.narration?.finish(value.aiAnalysis)
      return this.#answered(value, asked, joined || known, joined ? randomUUID() : id)
    })
  }

  /** The request with the contents that it asked for; what that takes counts as its own. */
  async #retrieved(
    given: GivenContext,
    options: EnhanceOptions,
    begin: number,
    ledger: Ledger,
  ): Promise<Retrieved> {
    if (isComplete(given)) return { request: given, retrieved: [], ledger }
    const { dispatch, encoder, kept, prime } = this.#parts
    if (kept === undefined) throw noStore('a source asks for a collection of one')
    const limit = options.timeoutMs ?? this.#config.requestTimeoutMs
    return this.#within(options.signal, limit, 'The request', async (signal, traceparent) => {
      const own = new Ledger(ledgerOptions(options.budget, ledger))
      const context = contextOf(signal, begin + limit, whoAsks(given, options), traceparent, own)
      const parts = { kept, prime, variant: await encoder(), context, dispatch }
      return { ...(await withRetrieved(given, parts)), ledger: own }
    })
  }

  async #job({ request, retrieved }: Retrieved, options: EnhanceOptions): Promise<Job> {
    const strategy = options.strategy ?? this.#config.strategy
    const { onText, onWorkerDeath = 'restart' } = options
    return {
      request,
      narration: onText === undefined ? undefined : new Narration(request.taskId, onText),
      restart: onWorkerDeath === 'restart',
      choice: await chooseModels(this.#parts, this.#settings),
      settings: this.#settings,
      wishes: { strategy, hints: options.hints },
      onProgress: options.onProgress,
      retrieved: new Set(retrieved.map(({ sourceId }) => sourceId)),
    }
  }

  /** Runs `work` under a span, the caller's signal and a time limit. */
  async #within<T>(
    signal: AbortSignal | undefined,
    timeoutMs: number,
    what: string,
    work: (signal: AbortSignal, traceparent: string, abort: (reason: unknown) => void) => Promise<T>,
  ): Promise<T> {
    const limited = limitedSignal(signal, timeoutMs, what)
    try {
      limited.signal.throwIfAborted()
      return await this.#parts.telemetry.span(names.spanRequest, {}, traceparent =>
        work(limited.signal, traceparent, limited.abort),
      )
    } finally {
      limited.release()
    }
  }

  #answered(findings: Findings, asked: Asked, cached: boolean, id: string): Promise<EnhancedEvidence> {
    return answered(findings, asked, this.#parts.kept, cached, id)
  }

  #refuseClosed(): void {
    if (this.#closing.signal.aborted) throw errorOf('ER_CLOSED', 'The enhancer is closed; open another one')
  }

  async #close(): Promise<void> {
    this.#closing.abort()
    await this.#parts.close()
    await this.#parts.telemetry.flush()
    this.#results.clear()
  }
}

/** Whether findings are all that could be found: nothing stood in, nothing was cut short. */
const isWhole = ({ fallbackUsed, errors }: Findings): boolean =>
  !fallbackUsed && !errors.some(({ code }) => code !== 'ER_INPUT')
