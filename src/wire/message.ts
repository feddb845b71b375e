/**
 * What the two sides say to each other, field by field. Twin of python/evidence_runner/message.py: the same
 * messages and fields in the same order; golden frames under test/golden are read and written by both.
 */
import * as z from 'zod'

/** Raised when a message changes; `hello` must bring the same number, or the worker is refused at once. */
export const protocolVersion = 1

/** `n` rows of `d` numbers as raw little-endian bytes. */
export type WireVectors = { dtype: 'f32'; shape: [number, number]; data: Uint8Array }

/** One slice of a caller's call inside a batch; `id` is unique within the worker's generation. */
export type WireCall = {
  id: number
  items: readonly unknown[]
  options: Readonly<Record<string, unknown>>
  attempt: number
  seed: number | null
  traceparent: string
}

/** Calls that run together on one worker. */
export type BatchMessage = {
  type: 'batch'
  batch: number
  op: string
  model: string
  hangMs: number
  calls: readonly WireCall[]
}

/** Node → Python. */
export type ToWorker =
  | BatchMessage
  | { type: 'cancel'; id: number }
  | { type: 'ping'; id: number }
  | { type: 'shutdown' }

const count = z.int().min(0)

/** Figures of a worker's memory, in bytes; MLX's are 0 where MLX is not loaded. */
const memory = z.object({ rssBytes: count, peakBytes: count, mlxActiveBytes: count, mlxCacheBytes: count })

const hello = z.object({
  type: z.literal('hello'),
  protocol: z.int(),
  pid: z.int().min(1),
  python: z.string(),
  versions: z.record(z.string(), z.string()),
})

const loadedModel = z.object({
  op: z.string(),
  name: z.string(),
  revision: z.string(),
  sha256: z.string(),
  dimensions: count,
  maxTokens: count,
})

const ready = z.object({
  type: z.literal('ready'),
  ops: z.array(z.string()),
  models: z.array(loadedModel),
  lanes: z.record(z.string(), z.int().min(1)),
  loadMs: z.number().min(0),
  warmUpMs: z.number().min(0),
  memory,
  facts: z.record(z.string(), z.string()),
})

const started = z.object({ type: z.literal('started'), batch: count })

const wireVectors = z.object({
  dtype: z.literal('f32'),
  shape: z.tuple([count, count]),
  data: z.instanceof(Uint8Array),
})

const wireError = z.object({ code: z.string(), message: z.string() })

const wireUsage = z.object({ tokens: count })

const wireReply = z.union([
  z.object({ id: count, results: z.union([wireVectors, z.array(z.unknown())]), usage: wireUsage }),
  z.object({ id: count, error: wireError, usage: wireUsage }),
])

const results = z.object({
  type: z.literal('results'),
  batch: count,
  calls: z.array(wireReply),
  modelMs: z.number().min(0),
  memory,
})

const parts = z.object({
  type: z.literal('parts'),
  calls: z.array(z.object({ id: count, delta: z.unknown() })),
})

const pong = z.object({
  type: z.literal('pong'),
  id: count,
  lastStepAt: z.number(),
  inStep: z.boolean(),
  memory,
})

/** A line for the host's log; `fatal` with a code says why the worker is about to exit. */
const log = z.object({
  type: z.literal('log'),
  level: z.enum(['info', 'warning', 'fatal']),
  stage: z.enum(['loading', 'warming', 'serving']),
  code: z.string(),
  message: z.string(),
})

/** Python → Node. */
export const fromWorker = z.discriminatedUnion('type', [hello, ready, started, results, parts, pong, log])

/** Any message of a worker. */
export type FromWorker = z.infer<typeof fromWorker>
/** The first message, before the heavy imports. */
export type HelloMessage = z.infer<typeof hello>
/** Loaded and warm: what this worker can do. */
export type ReadyMessage = z.infer<typeof ready>
/** The answers to a batch. */
export type ResultsMessage = z.infer<typeof results>
/** What a step added to each streaming call. */
export type PartsMessage = z.infer<typeof parts>
/** The answer to one call of a batch: its results or its error. */
export type WireReply = z.infer<typeof wireReply>
/** What a worker holds, in bytes. */
export type WorkerMemory = z.infer<typeof memory>
