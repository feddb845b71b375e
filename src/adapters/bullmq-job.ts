/**
 * What lies in Redis for a job: its data, its outcome, the text of its failure, and their names. Everything that
 * comes out of Redis is checked here, since another version or a stranger may have written it.
 *
 *   <prefix>:<queue>:<job>            BullMQ's own record; data = { v, taskId, key, traceparent, body | packed }
 *   <prefix>:<queue>:<job>:outcome    gzip of { state: 'done', evidence } or { state: 'cancelled' }
 *
 * The outcome is set once and never again: whoever is first, a consumer, its successor after a crash, or the one
 * who cancels, decides for all. It has a key of its own because what a BullMQ job returns is copied into every
 * event and into its parent.
 */
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import * as z from 'zod'
import { type ErrorRecord, errorOf, InputError, isErrorCode } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import { executionKey } from '../core/trace.ts'
import {
  type EnhanceOptions,
  type EvidenceContext,
  parseContext,
  parseOptions,
  sourceId,
} from '../evidence/request.ts'
import type { EnhancedEvidence } from '../evidence/result.ts'

/** What a queue holds at most of one thing, in bytes as they lie in Redis. */
export const jobLimits = {
  /** A claim with its sources, packed. */
  jobBytes: 8 * 1024 * 1024,
  /** An evidence, packed. */
  outcomeBytes: 1024 * 1024,
  /** Claims of a batch. */
  batch: 10_000,
} as const

/** Names of the two kinds of jobs. */
export const jobNames = { claim: 'claim', batch: 'batch' } as const

/** Data of a longer JSON text is packed. */
const packFrom = 4 * 1024
/** Unpacked data at most: texts of a request within its limits, in UTF-8 and with every character escaped. */
const unpackedBytes = 512 * 1024 * 1024

const zipped = promisify(gzip)
/** Quick rather than small: it is done for every job. */
const zip = (text: string) => zipped(text, { level: 1 })
const unzip = promisify(gunzip)

/** Options of a request that travel with its job; the rest are this process's own. */
export type JobOptions = Omit<EnhanceOptions, 'signal' | 'onText' | 'onProgress'>

/** One request, checked and ready to be put into Redis. */
export type PreparedJob = {
  readonly taskId: string
  /** Equal for equal work, see `jobKey`. */
  readonly key: string
  readonly priority: 'low' | 'medium' | 'high'
  readonly data: JobData
}

const dataSchema = z.object({
  v: z.literal(1),
  taskId: z.string(),
  key: z.string(),
  traceparent: z.string().default(''),
  body: z.string().optional(),
  packed: z.base64().optional(),
})

/** The data of a claim's job as it lies in Redis. */
export type JobData = z.input<typeof dataSchema>

/** The data of a batch's job: its claims in order, by job. */
const batchSchema = z.object({
  v: z.literal(1),
  traceparent: z.string().default(''),
  jobs: z.array(z.object({ jobId: z.string(), taskId: z.string() })),
})

/** The data of a batch's job as it lies in Redis. */
export type BatchData = z.input<typeof batchSchema>

/** What a claim's job returns: enough for a list, a parent and a dashboard. The evidence lies beside it. */
export type JobSummary = {
  readonly taskId: string
  readonly verdict: EnhancedEvidence['verdict']
  readonly confidence: number
  /** Bytes of the packed outcome. */
  readonly bytes: number
}

/** What a batch's job returns. */
export type BatchSummary = {
  readonly claims: number
  readonly done: number
  readonly failed: number
  readonly verdicts: Readonly<Record<string, number>>
}

/** A checked request as data. @throws InputError ER_INPUT for what is wrong with it or too long. */
export async function prepareJob(
  context: EvidenceContext,
  options: JobOptions,
  traceparent: string,
  jobBytes: number,
): Promise<PreparedJob> {
  const key = jobKey(context, options)
  const { metadata, taskId } = context
  const priority = options.priority ?? metadata?.priority ?? 'medium'
  const text = JSON.stringify({ context, options })
  const head = { v: 1, taskId, key, ...(traceparent === '' ? {} : { traceparent }) } as const
  if (text.length < packFrom) return { taskId, key, priority, data: { ...head, body: text } }
  const packed = (await zip(text)).toString('base64')
  if (packed.length > jobBytes) {
    throw new InputError(
      'ER_INPUT',
      `Invalid request: it takes ${packed.length} bytes, compressed; the queue takes ${jobBytes}. Send less of the sources`,
    )
  }
  return { taskId, key, priority, data: { ...head, packed } }
}

/**
 * Equal for requests with equal work: the claim, the sources with their ids, types and names, and the options that
 * findings depend on. Not the task, the caller, the priority or the time allowed.
 * @throws InputError ER_INPUT naming every field that is wrong.
 */
export function jobKey(context: EvidenceContext, options: JobOptions = {}): string {
  const { claim, sources } = parseContext(context)
  const { budget, hints, reproducible = false, strategy } = parseOptions(options)
  return executionKey({
    node: 'evidence.queue',
    version: '1',
    input: [
      claim,
      sources.map((source, index) => [
        sourceId(source, index),
        source.type,
        source.title ?? source.path ?? '',
        // What a collection holds is only known where the job is done.
        source.content === undefined
          ? [source.collection, source.query, source.limit]
          : sha256(source.content),
      ]),
    ],
    config: { budget, hints, reproducible, strategy },
  })
}

/** A claim's job as it was put in. @throws InputError ER_INPUT for data that no queue of ours wrote. */
export async function readJob(data: unknown): Promise<{
  readonly context: EvidenceContext
  readonly options: JobOptions
}> {
  const parsed = dataSchema.safeParse(data)
  if (!parsed.success) throw foreign()
  const { body, packed } = parsed.data
  try {
    const text = packed === undefined ? (body ?? '') : String(await unpack(Buffer.from(packed, 'base64')))
    const { context, options } = JSON.parse(text)
    return { context, options: parseOptions(options) }
  } catch (cause) {
    if (cause instanceof InputError) throw cause
    throw foreign(cause)
  }
}

/** Where the trace of whoever put a job in is carried on from, whatever else its data are. */
export function traceparentOf(data: unknown): string | undefined {
  const { traceparent } = (data ?? {}) as { traceparent?: unknown }
  return typeof traceparent === 'string' ? traceparent : undefined
}

/** A batch's job as it was put in. @throws InputError ER_INPUT for data that no queue of ours wrote. */
export function readBatch(data: unknown): z.output<typeof batchSchema> {
  const parsed = batchSchema.safeParse(data)
  if (!parsed.success) throw foreign()
  return parsed.data
}

const foreign = (cause?: unknown) =>
  new InputError('ER_INPUT', 'The data of this job is not what a queue of this version writes', { cause })

/** How a job ended, as it lies in Redis. */
export type Outcome =
  | { readonly state: 'done'; readonly evidence: EnhancedEvidence }
  | { readonly state: 'cancelled' }

/**
 * Evidence packed to be kept, without the claim's vector.
 * @throws InputError ER_INPUT where it is longer than the limit.
 */
export async function packEvidence(evidence: EnhancedEvidence, mostBytes: number): Promise<Buffer> {
  const kept = { ...evidence, metadata: { ...evidence.metadata, embeddingVectors: null } }
  const packed = await zip(JSON.stringify({ state: 'done', evidence: kept } satisfies Outcome))
  if (packed.length <= mostBytes) return packed
  throw new InputError(
    'ER_INPUT',
    `The evidence takes ${packed.length} bytes, compressed; the queue keeps ${mostBytes}. Send fewer sources with a claim`,
  )
}

/** The outcome of a job that was cancelled, packed. */
export const packCancelled = async (): Promise<Buffer> =>
  zip(JSON.stringify({ state: 'cancelled' } satisfies Outcome))

/** What `packEvidence` or `packCancelled` made. @throws StoreError ER_STORE where it is something else. */
export async function unpackOutcome(packed: Buffer): Promise<Outcome> {
  try {
    const outcome = JSON.parse(String(await unpack(packed)))
    if (outcome.state === 'cancelled' || (outcome.state === 'done' && typeof outcome.evidence === 'object'))
      return outcome
  } catch {
    // Told below.
  }
  throw errorOf('ER_STORE', 'The outcome of this job is not what a queue of this version writes')
}

const unpack = (packed: Buffer) => unzip(packed, { maxOutputLength: unpackedBytes })

/** The summary of an evidence. */
export const summaryOf = ({ taskId, verdict, confidence }: EnhancedEvidence, bytes: number): JobSummary => ({
  taskId,
  verdict,
  confidence,
  bytes,
})

/** Why a job failed, as the text that BullMQ keeps. */
export const failureText = (record: ErrorRecord): string => JSON.stringify(record)

/** The record behind such a text; a text that BullMQ itself wrote becomes one that fits. */
export function readFailure(text: string): ErrorRecord {
  try {
    const record = JSON.parse(text)
    if (isErrorCode(record?.code) && typeof record.message === 'string') return record
  } catch {
    // BullMQ's own.
  }
  return /stalled/.test(text)
    ? { code: 'ER_WORKER_EXIT', message: `Its consumers died or hung each time: ${text}` }
    : { code: 'ER_MODEL_FAILED', message: text }
}
