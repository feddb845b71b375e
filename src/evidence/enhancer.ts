/**
 * The product's front: checks a request, answers it from the cache or runs the recipe, and wraps what was
 * found into an answer for this caller. Knows what to do, never how a process is run.
 */
import { randomUUID } from 'node:crypto'
import { limitedSignal, now } from '../core/async.ts'
import { Cache } from '../core/cache.ts'
import {
  type Dispatch,
  free,
  isVectors,
  type RunContext,
  row,
  type Usage,
  type VariantRef,
} from '../core/call.ts'
import { type ErrorRecord, errorOf, errorRecord, InputError } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import { Ledger } from '../core/ledger.ts'
import { names, type Telemetry } from '../core/telemetry.ts'
import { executionKey, Trace } from '../core/trace.ts'
import type { ResolvedConfig } from './config.ts'
import { type HealthStatus, healthOf, type WorkerHealth } from './health.ts'
import { overMany } from './many.ts'
import {
  type EncoderChoice,
  findEvidence,
  meansNoWorker,
  type RecipeSettings,
  recipeVersion,
  type Tabulate,
} from './recipe.ts'
import {
  classOf,
  type EnhanceOptions,
  type EvidenceContext,
  type ParsedContext,
  parseContext,
  parseOptions,
  sourceId,
} from './request.ts'
import type { EnhancedEvidence, Findings } from './result.ts'

/** What the enhancer is made of; `runner.ts` puts it together. */
export type EnhancerParts = {
  readonly dispatch: Dispatch
  readonly tabulate: Tabulate
  readonly encoder: () => Promise<VariantRef>
  readonly telemetry: Telemetry
  readonly workerHealth: () => WorkerHealth
  readonly version: string
  readonly close: () => Promise<void>
}

/** An answer, or what went wrong in its place. `line` counts from 1. */
export type ManyOutcome =
  | EnhancedEvidence
  | { readonly taskId?: string; readonly line: number; readonly error: ErrorRecord }

/** How many requests are run; the rest holds for each of them. */
export type EnhanceManyOptions = EnhanceOptions & {
  /** Requests under way at most. @default 8 */
  readonly concurrency?: number
  /** In the order of the contexts, or as each is done. @default true */
  readonly ordered?: boolean
}

/** How texts are embedded; as for a request, without its progress. */
export type EmbedOptions = Pick<
  EnhanceOptions,
  'signal' | 'timeoutMs' | 'priority' | 'caller' | 'reproducible'
>

/** Bytes of kept results at most. */
const resultCacheBytes = 64 * 1024 * 1024
/** Texts of one dispatch; a longer list goes in pieces, so that it never fills the queue alone. */
const embedChunk = 512
const embedChunksUnderWay = 4
const longestText = 1_000_000
/** Stands where no encoder is asked, or none can be found. */
const noEncoder: VariantRef = {
  name: 'none',
  op: 'embed',
  model: 'none',
  revision: '',
  weightsHash: '',
  price: free,
  limits: { maxTokens: 0, dimensions: 0 },
}
const nothingSpent: Usage = { calls: 0, tokens: 0, workerMs: 0 }

export class Enhancer {
  readonly #config: ResolvedConfig
  readonly #parts: EnhancerParts
  readonly #settings: RecipeSettings
  readonly #session = new Ledger()
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
      generator: config.enableMLXGeneration ? config.mlxModelPath : undefined,
    }
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
    const begin = now()
    this.#refuseClosed()
    const { telemetry } = this.#parts
    let request: ParsedContext | undefined
    try {
      request = parseContext(context)
      telemetry.emit('evidence_enhancement_started', { taskId: request.taskId, processor: 'evidence-runner' })
      const evidence = await this.#enhance(request, parseOptions(options), begin)
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
    const { concurrency = 8, ordered = true, ...each } = options
    if (!Number.isInteger(concurrency) || concurrency < 1) {
      throw new InputError(
        'ER_INPUT',
        `Invalid options: concurrency: ${concurrency} is not a whole number from 1`,
      )
    }
    const work = async (context: EvidenceContext, index: number): Promise<ManyOutcome> => {
      try {
        return await this.enhanceEvidence(context, each)
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
    const { caller = 'default', priority, reproducible = false, signal, timeoutMs } = parseOptions(options)
    const limit = timeoutMs ?? this.#config.requestTimeoutMs
    return this.#within(signal, limit, 'embed', async (limited, traceparent, abort) => {
      const variant = await this.#parts.encoder()
      const context = this.#context(limited, now() + limit, { caller, priority, reproducible }, traceparent)
      const chunks = Array.from({ length: Math.ceil(texts.length / embedChunk) }, (_, index) =>
        texts.slice(index * embedChunk, (index + 1) * embedChunk),
      )
      const work = async (items: readonly string[]) => {
        try {
          return await this.#parts.dispatch(
            { variant, items, options: reproducible ? { pad: 'fixed' } : {} },
            context,
          )
        } catch (error) {
          return { error }
        }
      }
      const vectors: Float32Array[] = []
      for await (const reply of overMany(chunks, work, { concurrency: embedChunksUnderWay })) {
        if ('error' in reply) {
          abort(reply.error) // nobody waits for the other pieces any more
          throw reply.error
        }
        if (!isVectors(reply.results)) throw new Error('This is a bug: embed gave no vectors')
        for (let index = 0; index < reply.results.count; index += 1)
          vectors.push(row(reply.results, index).slice())
      }
      return vectors
    })
  }

  async health(): Promise<HealthStatus> {
    const workers = this.#parts.workerHealth()
    const model = workers.ready ? (await this.#parts.encoder()).name : undefined
    return healthOf(workers, this.#config, model, this.#results.figures.entries)
  }

  /** What all requests together have used. */
  get spent(): Usage {
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

  async #enhance(request: ParsedContext, options: EnhanceOptions, begin: number): Promise<EnhancedEvidence> {
    const choice = await this.#chooseEncoder()
    const key = this.#key(request, options, choice)
    const kept = this.#results.get(key)
    if (kept !== undefined) {
      this.#parts.telemetry.count(names.cacheHits)
      return this.#envelope(kept, request, begin, true)
    }
    const limit = options.timeoutMs ?? this.#config.requestTimeoutMs
    return this.#within(options.signal, limit, 'The request', async (limited, traceparent) => {
      const run = (signal: AbortSignal) => {
        const caller = options.caller ?? request.metadata?.requester ?? 'default'
        const priority = options.priority ?? request.metadata?.priority
        const reproducible = options.reproducible ?? false
        const context = this.#context(signal, begin + limit, { caller, priority, reproducible }, traceparent)
        return findEvidence(request, choice, context, this.#parts, this.#settings, options.onProgress)
      }
      const { value, joined } = await this.#results.share(
        key,
        limited,
        run,
        findings => !findings.fallbackUsed,
      )
      return this.#envelope(value, request, begin, joined)
    })
  }

  /** The encoder that will be asked; where words may stand in, also the reason why there is none. */
  async #chooseEncoder(): Promise<EncoderChoice> {
    if (!this.#settings.useEmbeddings) return { encoder: noEncoder }
    try {
      return { encoder: await this.#parts.encoder() }
    } catch (error) {
      if (this.#settings.fallback === 'error' || !meansNoWorker(error)) throw error
      return { encoder: noEncoder, failure: errorRecord(error) }
    }
  }

  /** Everything that the findings depend on; not the task, which has no part in them. */
  #key(request: ParsedContext, options: EnhanceOptions, { encoder }: EncoderChoice): string {
    return executionKey({
      node: 'evidence.enhance',
      version: `${recipeVersion} ${encoder.name}@${encoder.revision}+${encoder.weightsHash}`,
      input: [
        request.claim,
        request.sources.map((source, index) => [
          sourceId(source, index),
          source.type,
          sha256(source.content),
        ]),
      ],
      config: { ...this.#settings, reproducible: options.reproducible ?? false },
    })
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
    who: { caller: string; priority: EnhanceOptions['priority']; reproducible: boolean },
    traceparent: string,
  ): RunContext {
    return {
      id: randomUUID(),
      signal,
      deadline,
      class: classOf(who.priority),
      caller: who.caller,
      reproducible: who.reproducible,
      ledger: new Ledger(this.#session),
      trace: new Trace(),
      traceparent,
    }
  }

  #envelope(findings: Findings, request: ParsedContext, begin: number, cached: boolean): EnhancedEvidence {
    // A copy: what is kept for others must not change with what this caller does to its answer.
    const { metadata, ...found } = structuredClone(findings)
    return {
      id: randomUUID(),
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

/** The task's name where the context has one, whatever else is wrong with it. */
function taskIdOf(context: unknown): { taskId?: string } {
  const taskId = (context as { taskId?: unknown } | null)?.taskId
  return typeof taskId === 'string' ? { taskId } : {}
}

/** About what findings take in memory: their texts, twice a character, and their numbers. */
function sizeOfFindings(findings: Findings): number {
  const texts = findings.citations.reduce((sum, { text }) => sum + text.length, 0)
  const related = findings.relatedEvidence.reduce((sum, { claim }) => sum + claim.length, 0)
  const numbers = (findings.metadata.embeddingVectors?.length ?? 0) * 8
  return (
    2 * (texts + related + findings.aiAnalysis.length) + numbers + findings.assessments.length * 100 + 4000
  )
}
