/** The configuration of EvidenceEnhancer: every key, its range, its default. Parsed once, when one is made. */
import * as z from 'zod'
import { InputError } from '../core/errors.ts'
import type { Ledger, LedgerOptions } from '../core/ledger.ts'
import { nanoUsdOf } from '../core/money.ts'
import type { TelemetrySink } from '../core/telemetry.ts'
import type { Validator } from './validation/pipeline.ts'
import type { VectorStore } from './vectors/store.ts'
import { type Calibration, parseCalibration } from './verdict/calibration.ts'

/** A budget as people give it; what is absent is not limited. */
export const budgetSchema = z.strictObject({
  /** Money in US dollars; local models are free unless their owner gives them a price. */
  usd: z.number().min(0).optional(),
  tokens: z.int().min(0).optional(),
  /** Dispatches to a model. */
  calls: z.int().min(0).optional(),
  /** Milliseconds of the workers' time, all of them together. */
  workerMs: z.number().min(0).optional(),
  /** Whether work that failed unmeasured is free. @default false: its whole reservation is charged */
  refundOnFailure: z.boolean().optional(),
})

/** The most that something may use. */
export type Budget = z.input<typeof budgetSchema>

/** How a plan is chosen among those that answer a request. */
export const strategySchema = z.enum(['capital-efficiency', 'latency', 'cost', 'balanced', 'adaptive'])

const configSchema = z.strictObject({
  /**
   * A language model that writes the analysis: a folder, or a hub id such as `mlx-community/Qwen3-4B-4bit`, with
   * `@revision` where wanted, that `evidence-runner prepare` has brought. @default none: analyses quote alone
   */
  generator: z.string().min(1).optional(),
  /** The original's name for `generator`. */
  mlxModelPath: z.string().min(1).optional(),
  /**
   * The folder of an encoder checkpoint (BERT family, ModernBERT, Qwen3-Embedding), or its hub id that
   * `evidence-runner prepare` has brought. @default the built-in all-MiniLM-L6-v2
   */
  embeddingModelPath: z.string().min(1).optional(),
  /** Numbers of a vector that are kept, from its first; for encoders that were trained for it. @default all */
  embeddingDimensions: z.int().min(1).optional(),
  /** Whether a generator writes the analysis where there is one. @default true */
  enableMLXGeneration: z.boolean().default(true),
  /** Whether passages are compared by embeddings; without, by words alone and no worker is asked. @default true */
  enableEmbeddingSearch: z.boolean().default(true),
  /** Added to every confidence. A probability is not boosted unless you ask. @default 0 */
  confidenceBoost: z.number().min(0).max(0.5).default(0),
  /** Of generation alone; 0 always takes the likeliest token. @default 0.3 */
  temperature: z.number().min(0).max(2).default(0.3),
  /** Tokens of an analysis at most. Of generation alone. @default 512 */
  maxTokens: z.int().min(1).max(4096).default(512),
  /**
   * A folder with prompts of your own, `evidence/analysis-points.txt` and others, see `src/evidence/written/prompts.ts`;
   * what it lacks is the built-in one. @default the built-in ones
   */
  prompts: z.string().min(1).optional(),
  /** Generations that one worker has under way at once. @default 8 */
  slots: z.int().min(2).max(64).default(8),
  /** Bytes of prompt beginnings that one worker keeps computed. @default 256 MiB */
  prefixCacheBytes: z
    .int()
    .min(0)
    .default(256 * 1024 * 1024),
  /** Receives events, after the fact and off the path. */
  telemetryCallback: z
    .custom<TelemetrySink>(value => typeof value === 'function', 'must be a function')
    .optional(),
  /** Results kept for equal requests; 0 keeps none. @default 1000 */
  maxCacheSize: z.int().min(0).max(1_000_000).default(1000),
  /** Python processes; 'auto' is one on Apple silicon or with a generator, else one a core, at most 4. @default 'auto' */
  poolSize: z.union([z.literal('auto'), z.int().min(1).max(64)]).default('auto'),
  /** Warm workers beside those that serve, to take over at once when one dies. @default 0 */
  spares: z.int().min(0).max(16).default(0),
  /** How long `open()` waits for a warm worker. @default 60_000 */
  warmUpTimeoutMs: z.number().positive().default(60_000),
  /** What `open()` waits for. @default 'first' */
  ready: z.enum(['first', 'all']).default('first'),
  /** How long a request may take unless the call says otherwise. @default 30_000 */
  requestTimeoutMs: z.number().positive().default(30_000),
  /** Passages and texts that may wait for a worker; more are refused with ER_QUEUE_FULL. @default 10_000 */
  queueLimit: z.int().min(1).default(10_000),
  /** What a request gets when no worker can be had: a marked lexical answer, or the error. @default 'lexical' */
  fallback: z.enum(['lexical', 'error']).default('lexical'),
  /** Passages of a request that are embedded at most. @default 64 */
  maxPassages: z.int().min(1).max(1024).default(64),
  /**
   * The folder of a sequence classification or reranker checkpoint (BERT, RoBERTa, XLM-R) that says what a passage
   * says of the claim. @default the head over the embeddings that comes with the package
   */
  verifier: z.string().min(1).optional(),
  /**
   * Whose word decides where arithmetic does not: `auto` is the verifier where there is one, else the built-in head,
   * or the generator where the calibration was fitted to it; `generator` reads the chances that it gives to the
   * verdicts' names. @default 'auto'
   */
  judge: z.enum(['auto', 'generator']).default('auto'),
  /** How likely a verdict must be to be given; below, the answer is not-enough-evidence and abstains. @default 0.75 */
  threshold: z.number().min(0).max(1).default(0.75),
  /** What `evidence-runner calibrate` wrote for your domain, or none at all. @default that of the model that judges */
  calibration: z
    .union([z.literal('none'), z.custom<Calibration>(value => typeof value === 'object' && value !== null)])
    .optional(),
  /** How an answer is looked at before it leaves. */
  validation: z
    .strictObject({
      /** All checks, or up to the first that fails. @default 'collect-all' */
      mode: z.enum(['collect-all', 'fast-fail']).default('collect-all'),
      /** An answer that fails is marked in `validation`, or refused with ER_REJECTED. @default 'mark' */
      onFailure: z.enum(['mark', 'reject']).default('mark'),
      /** The least weighted mean of all scores. @default 0 */
      minimumScore: z.number().min(0).max(1).default(0),
      /** Checks of your own, run after the built-in ones. */
      validators: z
        .array(z.custom<Validator>(isValidator, 'must be a validator: name, weight, check'))
        .default([]),
    })
    .prefault({}),
  /** The most that all requests together may use; each may also have a budget of its own. @default no limit */
  budget: budgetSchema.optional(),
  /** How a request's plan is chosen, unless the call says otherwise. @default the whole is read at once */
  strategy: strategySchema.optional(),
  /** Keeps traces, and findings where asked, in a file; nothing is written without it. */
  store: z
    .strictObject({
      path: z.string().min(1),
      /** Whether claims and sources are kept, too, so that a trace can be replayed. @default false */
      keepInputs: z.boolean().default(false),
      /** Whether findings are kept, so that an equal request of another process is answered from there. @default false */
      memo: z.boolean().default(false),
      /** Older and larger ones are dropped beyond. @default 256 MiB */
      retainBytes: z.int().min(1).optional(),
      /** @default 30 */
      retainDays: z.number().positive().optional(),
    })
    .optional(),
  /**
   * Keeps the passages that requests read, with their vectors, for `relatedEvidence`, and collections of documents to
   * check claims against: in memory, or in a store that you open and close (`openLanceStore`). @default none
   */
  vectorStore: z
    .union(
      [
        z.strictObject({
          kind: z.literal('memory'),
          /** Those used longest ago are dropped beyond; every answer is compared with all. @default 10_000 */
          maxRows: z.int().min(1).optional(),
          /** @default 64 MiB */
          maxBytes: z.int().min(1).optional(),
        }),
        z.custom<VectorStore>(isVectorStore),
      ],
      "must be { kind: 'memory' } or a vector store, such as openLanceStore() gives",
    )
    .optional(),
  /** A Python that has the packages of python/locks/worker.txt. @default the one that set-up made */
  python: z.string().min(1).optional(),
  /** Whether spans and metrics go to the OpenTelemetry API. @default true */
  telemetry: z.boolean().default(true),
})

function isValidator(value: unknown): boolean {
  const { name, weight, check } = (value ?? {}) as Partial<Record<keyof Validator, unknown>>
  return typeof name === 'string' && name !== '' && typeof weight === 'number' && typeof check === 'function'
}

function isVectorStore(value: unknown): boolean {
  const store = (value ?? {}) as Readonly<Record<string, unknown>>
  return ['bind', 'upsert', 'search', 'vectorsOf', 'remove', 'count', 'collections'].every(
    name => typeof store[name] === 'function',
  )
}

/** What a caller may give; every key is optional. */
export type EvidenceEnhancerConfig = z.input<typeof configSchema>
/** The configuration with every default filled in. */
export type ResolvedConfig = z.output<typeof configSchema>

/** @throws InputError ER_CONFIG naming the key and what it takes. */
export function parseConfig(config: unknown): ResolvedConfig {
  const parsed = configSchema.safeParse(config ?? {})
  if (parsed.success) {
    const { calibration, generator, judge, mlxModelPath, enableMLXGeneration } = parsed.data
    if (generator !== undefined && mlxModelPath !== undefined && generator !== mlxModelPath)
      throw invalid('generator: mlxModelPath is another name for it; give one of the two')
    if (judge === 'generator' && ((generator ?? mlxModelPath) === undefined || !enableMLXGeneration))
      throw invalid('judge: there is no generator to ask; name one')
    if (parsed.data.vectorStore !== undefined && !parsed.data.enableEmbeddingSearch)
      throw invalid('vectorStore: nothing is embedded for it without enableEmbeddingSearch')
    if (calibration === undefined || calibration === 'none') return parsed.data
    return { ...parsed.data, calibration: parseCalibration(calibration) }
  }
  throw invalid(describeIssues(parsed.error, Object.keys(configSchema.shape)))
}

const invalid = (what: string): InputError => new InputError('ER_CONFIG', `Invalid configuration: ${what}`)

/** The language model that is to be used; undefined where none is configured or generation is switched off. */
export const generatorOf = ({
  enableMLXGeneration,
  generator,
  mlxModelPath,
}: Pick<ResolvedConfig, 'enableMLXGeneration' | 'generator' | 'mlxModelPath'>): string | undefined =>
  enableMLXGeneration ? (generator ?? mlxModelPath) : undefined

/** A budget as a ledger counts it, under `parent`'s. */
export function ledgerOptions(budget: Budget | undefined, parent?: Ledger): LedgerOptions {
  const { usd, refundOnFailure, ...limits } = budget ?? {}
  return {
    limits: { ...limits, ...(usd === undefined ? {} : { nanoUsd: nanoUsdOf(usd) }) },
    ...(refundOnFailure === undefined ? {} : { refundOnFailure }),
    ...(parent === undefined ? {} : { parent }),
  }
}

/** What is wrong, key by key; for an unknown key also which there are. */
export function describeIssues(error: z.ZodError, known: readonly string[] = []): string {
  return error.issues
    .map(issue => {
      const place = issue.path.join('.')
      const hint =
        issue.code === 'unrecognized_keys' && known.length > 0 ? ` (there are ${known.join(', ')})` : ''
      return `${place === '' ? '' : `${place}: `}${issue.message}${hint}`
    })
    .join('; ')
}
