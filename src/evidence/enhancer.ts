/**
 * The product's front: checks a request, answers it from the cache or runs the recipe, and wraps what was
 * found into an answer for this caller. Knows what to do, never how a process is run.
 */
import { randomUUID } from 'node:crypto'
import { limitedSignal, now } from '../core/async.ts'
import { Cache } from '../core/cache.ts'
import type { RunContext } from '../core/call.ts'
import { errorOf, errorRecord, InputError } from '../core/errors.ts'
import { Ledger, nothingSpent, type Spend } from '../core/ledger.ts'
import { names } from '../core/telemetry.ts'
import { Trace } from '../core/trace.ts'
import { AdaptiveStrategy } from '../plan/adaptive.ts'
import type { StoredTrace } from '../plan/ports.ts'
import { chooseModels } from './choosing.ts'
import { generatorOf, ledgerOptions, type ResolvedConfig } from './config.ts'
import { embedTexts } from './embed-texts.ts'
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
  classOf,
  type EnhanceOptions,
  type EvidenceContext,
  type ParsedContext,
  parseContext,
  parseOptions,
} from './request.ts'
import { requestKey, sizeOfFindings } from './request-key.ts'
import type { EnhancedEvidence, Findings } from './result.ts'
import { explainEvidence, type Job, Pace, type RunParts } from './run.ts'
import { standardValidators } from './validation/standard.ts'
import type { CalibratedModel } from './verdict/calibration.ts'

/** Bytes of kept results at most. */
const resultCacheBytes = 64 * 1024 * 1024
const longestText = 1_000_000
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
    this.#settings = {
      maxPassages: config.maxPassages,
      confidenceBoost: config.confidenceBoost,
      useEmbeddings: config.enableEmbeddingSearch,
      fallback: config.fallback,
      writing:
        generatorOf(config) === undefined
          ? undefined
          : { maxTokens: config.maxTokens, temperature: config.temperature },
      validation: {
        ...config.validation,
        validators: standardValidators({
          consistency: { confidenceBoost: config.confidenceBoost },
          custom: config.validation.validators,
        }),
      },
    }
    this.#session = new Ledger(ledgerOptions(config.budget))
    const { dispatch, figures, load, profiles, tabulate, uncached, version } = parts
    const adaptive = new AdaptiveStrategy()
    const adapted = () => adaptive.note(load())
    const pace = new Pace(() => profiles?.get(embedProfile))
    this.#run = { dispatch, tabulate, figures, uncached, version, profiles, adapted, pace }
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
    let request: ParsedContext | undefined
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
    if (!Array.isArray(texts))
      throw new InputError('ER_INPUT', 'Invalid request: embed takes an array of texts')
    const wrong = texts.findIndex(text => typeof text !== 'string' || text.length > longestText)
    if (wrong >= 0) {
      throw new InputError(
        'ER_INPUT',
        `Invalid request: text ${wrong} is not a string of at most ${longestText} characters`,
      )
    }
    const { signal, timeoutMs, ...who } = parseOptions(options)
    const limit = timeoutMs ?? this.#config.requestTimeoutMs
    return this.#within(signal, limit, 'embed', async (limited, traceparent) => {
      const variant = await this.#parts.encoder()
      const context = this.#context(limited, now() + limit, who, traceparent, this.#session)
      return embedTexts(texts, variant, context, this.#parts.dispatch)
    })
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
   * What would be done for a request, as text: the plan with its costs, and why it and no other. Asks no worker.
   * @throws InputError; BudgetError or DeadlineError where no plan can keep the limits.
   */
  async explain(context: EvidenceContext, options: EnhanceOptions = {}): Promise<string> {
    this.#refuseClosed()
    const request = parseContext(context)
    const parsed = parseOptions(options)
    const job = await this.#job(request, parsed)
    const limit = parsed.timeoutMs ?? this.#config.requestTimeoutMs
    return this.#within(parsed.signal, limit, 'explain', signal =>
      explainEvidence(job, this.#context(signal, now() + limit, parsed, '', this.#session), this.#run),
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
    request: ParsedContext,
    options: EnhanceOptions,
    begin: number,
    ledger: Ledger,
    how: 'cached' | 'afresh' = 'cached',
  ): Promise<EnhancedEvidence> {
    const job = await this.#job(request, options)
    const key = requestKey(request, options, job.choice, job.settings)
    const kept = how === 'cached' ? this.#results.get(key) : undefined
    if (kept !== undefined) {
      this.#parts.telemetry.count(names.cacheHits)
      job.narration?.finish(kept.aiAnalysis)
      return this.#envelope(kept, request, begin, true, randomUUID())
    }
    const limit = options.timeoutMs ?? this.#config.requestTimeoutMs
    return this.#within(options.signal, limit, 'The request', async (limited, traceparent) => {
      let id: string = randomUUID()
      let known = false
      const { memo, traces } = this.#parts
      const run = async (signal: AbortSignal) => {
        const kept = how === 'cached' ? await recall(memo, key) : undefined
        known = kept !== undefined
        if (kept !== undefined) return kept
        const { caller = request.metadata?.requester, priority = request.metadata?.priority } = options
        const who = { ...options, caller, priority }
        const context = this.#context(signal, begin + limit, who, traceparent, ledger)
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
        return this.#envelope(findings, request, begin, known, id)
      }
      const { value, joined } = await this.#results.share(key, limited, run, isWhole)
      // Who joined another's run hears the whole at its end.
      job.narration?.finish(value.aiAnalysis)
      return this.#envelope(value, request, begin, joined || known, joined ? randomUUID() : id)
    })
  }

  async #job(request: ParsedContext, options: EnhanceOptions): Promise<Job> {
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

  #context(
    signal: AbortSignal,
    deadline: number,
    { caller = 'default', priority, reproducible = false, budget }: EnhanceOptions,
    traceparent: string,
    ledger: Ledger,
  ): RunContext {
    return {
      id: randomUUID(),
      signal,
      deadline,
      class: classOf(priority),
      caller,
      reproducible,
      ledger: new Ledger(ledgerOptions(budget, ledger)),
      trace: new Trace(),
      traceparent,
    }
  }

  #envelope(
    findings: Findings,
    request: ParsedContext,
    begin: number,
    cached: boolean,
    id: string,
  ): EnhancedEvidence {
    // A copy: what is kept for others must not change with what this caller does to its answer.
    const { metadata, ...found } = structuredClone(findings)
    return {
      id,
      taskId: request.taskId,
      originalClaim: request.claim,
      ...found,
      ...(cached ? { spent: nothingSpent, timings: [] } : {}),
      processingTime: now() - begin,
      cached,
      metadata: { ...metadata, timestamp: new Date().toISOString() },
    }
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
