/** What `enhanceEvidence` takes: the context and its options, their limits and how they are read. */
import * as z from 'zod'
import type { RequestClass } from '../core/call.ts'
import { InputError } from '../core/errors.ts'
import { type Hints, hintsSchema } from '../plan/hints.ts'
import { type Budget, budgetSchema, describeIssues, strategySchema } from './config.ts'
import type { TextListener } from './narration.ts'

/** What a request may hold at most; the table in docs/requests.md is made from these. Lengths in UTF-16 units. */
export const limits = {
  claimLength: 10_000,
  sources: 10_000,
  sourceLength: 32 * 1024 * 1024,
  totalLength: 64 * 1024 * 1024,
  idLength: 500,
} as const

/** Source types with a meaning of their own; any other is kept as text, with a warning. */
export const sourceTypes = ['document', 'file', 'log', 'metric', 'report', 'database', 'api'] as const

const contentSchema = z
  .string()
  .max(limits.sourceLength, `longer than ${limits.sourceLength} characters; send less of it`)

const sourceFields = z.strictObject({
  content: contentSchema.optional(),
  /** Instead of a content: the collection of the vector store that is searched for one. */
  collection: z.string().min(1).max(200).optional(),
  query: z.string().min(1).max(limits.claimLength).optional(),
  limit: z.int().min(1).max(1024).optional(),
  type: z.string().min(1).max(100).default('document'),
  id: z.string().min(1).max(limits.idLength).optional(),
  title: z.string().max(2000).optional(),
  path: z.string().max(4096).optional(),
  url: z.string().max(4096).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
})

const sourceSchema = sourceFields.superRefine((source, { addIssue }) => {
  const issue = (path: string, message: string) => addIssue({ code: 'custom', path: [path], message })
  const { collection, content, limit, query, type } = source
  if (collection === undefined) {
    if (content === undefined) issue('content', 'Invalid input: expected string, received undefined')
    if (query !== undefined || limit !== undefined) issue('collection', 'is needed with query and limit')
  } else if (content !== undefined) issue('content', 'is retrieved from the collection; give one of the two')
  else if (type !== 'database') issue('type', 'must be database where the content comes from a collection')
})

const contextSchema = z.strictObject({
  taskId: z.string().min(1, 'Task ID is required').max(limits.idLength),
  claim: z
    .string()
    .max(limits.claimLength, `longer than ${limits.claimLength} characters; one claim is one statement`)
    .refine(claim => /[\p{L}\p{N}]/u.test(claim), 'Claim is required: it has no letter or digit'),
  sources: z
    .array(sourceSchema)
    .min(1, 'At least one evidence source is required')
    .max(limits.sources, `more than ${limits.sources} sources; send those that bear on the claim`),
  metadata: z
    .looseObject({
      priority: z.enum(['low', 'medium', 'high']).optional(),
      domain: z.string().optional(),
      requester: z.string().optional(),
    })
    .optional(),
})

const optionsSchema = z.strictObject({
  signal: z.custom<AbortSignal>(value => value instanceof AbortSignal, 'must be an AbortSignal').optional(),
  timeoutMs: z.number().positive().optional(),
  priority: z.enum(['low', 'medium', 'high']).optional(),
  caller: z.string().min(1).max(limits.idLength).optional(),
  reproducible: z.boolean().optional(),
  budget: budgetSchema.optional(),
  strategy: strategySchema.optional(),
  hints: hintsSchema.optional(),
  onWorkerDeath: z.enum(['restart', 'fail']).optional(),
  onText: z.custom<TextListener>(value => typeof value === 'function', 'must be a function').optional(),
  onProgress: z
    .custom<(progress: Progress) => void>(value => typeof value === 'function', 'must be a function')
    .optional(),
})

type SourceInput = z.input<typeof sourceFields>
type Asked = 'content' | 'collection' | 'query' | 'limit'

/** A source that is sent; only `content` is needed. */
export type SentSource = Omit<SourceInput, Asked> & {
  readonly content: string
  readonly collection?: undefined
}
/** A source whose content is what a collection of the vector store has nearest to the claim, or to `query`. */
export type CollectionSource = Omit<SourceInput, Asked> & {
  readonly content?: undefined
  readonly type: 'database'
  readonly collection: string
  /** What is looked for. @default the claim */
  readonly query?: string | undefined
  /** Passages at most. @default 32 */
  readonly limit?: number | undefined
}
/** One source of a request: sent, or retrieved from a collection. */
export type EvidenceSource = SentSource | CollectionSource
/** A claim and its sources. Of a source only `content` is needed. */
export type EvidenceContext = Omit<z.input<typeof contextSchema>, 'sources'> & { sources: EvidenceSource[] }
/** A context as checked, with every default filled in; contents from collections are still to come. */
export type GivenContext = z.output<typeof contextSchema>
/** A context as checked, with the content of every source. */
export type ParsedContext = Omit<GivenContext, 'sources'> & {
  readonly sources: (Omit<GivenContext['sources'][number], Asked> & { readonly content: string })[]
}
/** A source as checked. */
export type ParsedSource = ParsedContext['sources'][number]

/** How one request is run. */
export type EnhanceOptions = {
  /** Abort to leave; the call throws the signal's reason. */
  readonly signal?: AbortSignal | undefined
  /** @default the configuration's requestTimeoutMs */
  readonly timeoutMs?: number | undefined
  /** low, medium and high are the classes bulk, normal and interactive. @default the context's, else medium */
  readonly priority?: 'low' | 'medium' | 'high' | undefined
  /** Fairness key: calls of one caller share its turn. @default the context's requester */
  readonly caller?: string | undefined
  /** Runs each passage alone, padded to a fixed length, so that its bytes repeat. Slower. @default false */
  readonly reproducible?: boolean | undefined
  /** The most that this request may use; it also has to fit into the configuration's. @default no limit */
  readonly budget?: Budget | undefined
  /** How its plan is chosen. @default the configuration's; without one, all passages are read at once */
  readonly strategy?: z.input<typeof strategySchema> | undefined
  /** Limits that a plan must keep, and wishes that it should. Needs a strategy. */
  readonly hints?: Hints | undefined
  /**
   * What becomes of an analysis whose worker dies in the middle of it: it is written anew, from its beginning, or
   * fails with a retryable error, so that the answer quotes alone (with `fallback: 'error'` it is thrown).
   * @default 'restart'
   */
  readonly onWorkerDeath?: 'restart' | 'fail' | undefined
  /**
   * Called with the analysis as it is being written, and at last with what of it was not told yet; after
   * `restarted` it comes anew from its beginning. What it throws is ignored.
   */
  readonly onText?: TextListener | undefined
  /** Called as steps finish; what it throws is ignored. */
  readonly onProgress?: ((progress: Progress) => void) | undefined
}

/** A step that has finished. */
export type Progress = { readonly step: string; readonly done: number; readonly total: number }

/** @throws InputError ER_INPUT naming every field that is wrong. */
export function parseContext(context: unknown): GivenContext {
  const parsed = contextSchema.safeParse(context)
  if (!parsed.success) throw new InputError('ER_INPUT', `Invalid request: ${describeIssues(parsed.error)}`)
  const { sources } = parsed.data
  const total = sources.reduce((sum, { content = '' }) => sum + content.length, 0)
  if (total > limits.totalLength) {
    throw new InputError(
      'ER_INPUT',
      `Invalid request: sources: ${total} characters together; the limit is ${limits.totalLength}`,
    )
  }
  const ids = sources.map(sourceId)
  const twice = duplicateOf(ids)
  if (twice !== undefined)
    throw new InputError('ER_INPUT', `Invalid request: sources: two have the id ${JSON.stringify(twice)}`)
  return parsed.data
}

/** @throws InputError ER_INPUT for an option that does not exist or has a wrong value. */
export function parseOptions(options: unknown): EnhanceOptions {
  const parsed = optionsSchema.safeParse(options ?? {})
  if (parsed.success) return parsed.data
  throw new InputError(
    'ER_INPUT',
    `Invalid options: ${describeIssues(parsed.error, Object.keys(optionsSchema.shape))}`,
  )
}

/** The source's own id, or s1, s2, … by its place. */
export const sourceId = (source: { readonly id?: string | undefined }, index: number): string =>
  source.id ?? `s${index + 1}`

const classes: Readonly<Record<'low' | 'medium' | 'high', RequestClass>> = {
  low: 'bulk',
  medium: 'normal',
  high: 'interactive',
}

/** The scheduling class that a priority stands for. */
export const classOf = (priority: 'low' | 'medium' | 'high' | undefined): RequestClass =>
  classes[priority ?? 'medium']

function duplicateOf(ids: readonly string[]): string | undefined {
  const seen = new Set<string>()
  return ids.find(id => seen.size === seen.add(id).size)
}
