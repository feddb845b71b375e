/**
 * What a caller asks of a language model and what comes back: requests with their defaults, as the items of a
 * `generate` call, and the worker's answers read again. How a generation is run and streamed stands in
 * generation-stream.ts.
 */
import { randomInt } from 'node:crypto'
import * as z from 'zod'
import type { Dispatch, RunContext, VariantRef } from '../core/call.ts'
import { errorOf } from '../core/errors.ts'

/** What a model is given to read. All of it is data: marks of a chat template in it are read as text. */
export type ModelInput = {
  /** Who the model is to be. @default '' */
  readonly system?: string
  /** What other requests of the same `scope` begin with, too: read once for all of them. @default '' */
  readonly shared?: string
  readonly prompt: string
  /** Beginnings are shared within one scope alone, and not at all in ''. @default '' */
  readonly scope?: string
}

/** A text to be written. */
export type GenerationRequest = ModelInput & {
  /** @default 512 */
  readonly maxTokens?: number
  /** 0 always takes the likeliest token. @default 0 */
  readonly temperature?: number
  /** Takes from the likeliest tokens that have this chance together; 1 from all. @default 1 */
  readonly topP?: number
  /** Takes from so many of the likeliest tokens; 0 from all. @default 0 */
  readonly topK?: number
  /** Texts that end the generation and are not part of it. @default [] */
  readonly stop?: readonly string[]
  /** JSON Schema, as text or as `structured()` gives it: the text is JSON that fits it. @default none */
  readonly schema?: string | { readonly schema: string }
  /** An unsigned 32-bit number. @default one is drawn, and told with the result */
  readonly seed?: number
  /** Whether the text is to come as it is written. @default true where it is read as a stream */
  readonly stream?: boolean
}

/** A question that is answered by how likely the model takes each of some answers to be. */
export type LabelRequest = ModelInput & {
  /** Whole answers, two at least, each as it would begin the model's own turn. */
  readonly labels: readonly string[]
}

/** One item of a `generate` call, every key in it. */
export type GenerationItem = {
  readonly system: string
  readonly shared: string
  readonly prompt: string
  readonly maxTokens: number
  readonly temperature: number
  readonly topP: number
  readonly topK: number
  readonly stop: readonly string[]
  readonly schema: string | null
  readonly labels: readonly string[] | null
  readonly scope: string
  readonly seed: number | null
  readonly stream: boolean
}

const read = {
  system: z.string().default(''),
  shared: z.string().default(''),
  prompt: z.string(),
  scope: z.string().default(''),
}

const requestSchema = z.strictObject({
  ...read,
  maxTokens: z.int().min(1).default(512),
  temperature: z.number().min(0).default(0),
  topP: z.number().gt(0).max(1).default(1),
  topK: z.int().min(0).default(0),
  stop: z.array(z.string().min(1)).default([]),
  schema: z.union([z.string(), z.looseObject({ schema: z.string() })]).optional(),
  seed: z.int().min(0).max(0xffff_ffff).optional(),
  stream: z.boolean().default(false),
})

const labelSchema = z.strictObject({ ...read, labels: z.array(z.string().min(1)).min(2) })

/**
 * The item of a `generate` call that writes a text.
 * @throws InputError ER_INPUT for a key that does not exist or a value out of range.
 */
export function generationItem(request: GenerationRequest, seeds: Seeds): GenerationItem {
  const { schema, seed, ...rest } = parsed(requestSchema, request, 'generation')
  const text = typeof schema === 'object' ? schema.schema : schema
  return { ...rest, schema: text ?? null, labels: null, seed: seed ?? seeds.next() }
}

/**
 * The item of a `generate` call that writes nothing and says how likely each label is.
 * @throws InputError ER_INPUT for a key that does not exist or a value out of range.
 */
export function labelItem(request: LabelRequest): GenerationItem {
  const sampling = { maxTokens: 1, temperature: 0, topP: 1, topK: 0, stop: [], seed: null, stream: false }
  return { ...parsed(labelSchema, request, 'question'), ...sampling, schema: null }
}

function parsed<Schema extends z.ZodType>(schema: Schema, value: unknown, what: string): z.output<Schema> {
  const { data, error } = schema.safeParse(value)
  if (error === undefined) return data as z.output<Schema>
  const issues = error.issues.map(({ path, message }) => `${[what, ...path].join('.')}: ${message}`)
  throw errorOf('ER_INPUT', `Invalid request: ${issues.join('; ')}`)
}

/** What both kinds of answers tell of how they were made. */
type Made = {
  /** Tokens of the whole prompt. */
  readonly promptTokens: number
  /** Those of them that had been read before, for another request with the same beginning. */
  readonly sharedTokens: number
  /** From the worker's taking it in to the first token. */
  readonly firstTokenMs: number
  /** What the worker keeps of beginnings now. */
  readonly prefixBytes: number
}

/** A text that was written. */
export type GenerationResult = Made & {
  readonly text: string
  /** Whether it came to its end or to `maxTokens`. */
  readonly reason: 'stop' | 'length'
  /** Tokens generated. */
  readonly tokens: number
  readonly tokensPerSecond: number
  /** With it, the same model gives the same text again, as far as its arithmetic repeats. */
  readonly seed: number
  /** 1, and one more for each worker that died under it. */
  readonly attempt: number
}

/** How likely a model takes each label to be. */
export type LabelResult = Made & {
  /** The natural logarithm of the chance of each whole label, in their order. */
  readonly labels: readonly number[]
  /** The sum of their chances, 0 to 1: near 0 the model would have said something else. */
  readonly mass: number
}

/** A logarithm may be −∞, which is no number to zod. */
const figure = z.custom<number>(value => typeof value === 'number' && !Number.isNaN(value), 'not a number')
const made = { promptTokens: z.int(), sharedTokens: z.int(), firstTokenMs: figure, prefixBytes: z.int() }

const textSchema = z.object({
  text: z.string(),
  reason: z.enum(['stop', 'length']),
  tokens: z.int().min(0),
  tokensPerSecond: figure,
  ...made,
})

const labelsSchema = z.object({ labels: z.array(figure), mass: figure, ...made })

/**
 * A worker's answer to an item that writes a text; of one with a schema, what there is, complete or not.
 * @throws WorkerError ER_WIRE when it is none.
 */
export function generationResult(
  value: unknown,
  { seed }: GenerationItem,
  attempt: number,
): GenerationResult {
  return { ...answer(textSchema, value), seed: seed ?? 0, attempt }
}

/** @throws ModelError ER_MODEL_FAILED for a text that its schema's grammar could not end in time. */
export function refuseCut({ reason }: GenerationResult, { maxTokens, schema }: GenerationItem): void {
  if (schema === null || reason !== 'length') return
  throw errorOf(
    'ER_MODEL_FAILED',
    `The answer was not complete after ${maxTokens} tokens (reason length); allow more, or a shorter one`,
  )
}

/**
 * A worker's answer to an item with labels.
 * @throws WorkerError ER_WIRE when it is none.
 */
export function labelResult(value: unknown, { labels }: GenerationItem): LabelResult {
  const result = answer(labelsSchema, value)
  if (result.labels.length === labels?.length) return result
  throw errorOf(
    'ER_WIRE',
    `The worker gave ${result.labels.length} chances for ${labels?.length ?? 0} labels`,
  )
}

function answer<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(value)
  if (error === undefined) return data as z.output<Schema>
  const [issue] = error.issues
  throw errorOf(
    'ER_WIRE',
    `The worker's answer to generate makes no sense: ${issue?.path}: ${issue?.message}`,
  )
}

/**
 * Each label's share of the chances of all: softmax. Where none has any chance at all, equal shares.
 * @param logs natural logarithms, as `LabelResult.labels` has them
 */
export function shareOf(logs: readonly number[]): number[] {
  const highest = Math.max(...logs)
  if (highest === Number.NEGATIVE_INFINITY) return logs.map(() => 1 / logs.length)
  const chances = logs.map(log => Math.exp(log - highest))
  const sum = chances.reduce((total, chance) => total + chance, 0)
  return chances.map(chance => chance / sum)
}

/** Asks how likely each label is. */
export async function askLabels(
  dispatch: Dispatch,
  variant: VariantRef,
  request: LabelRequest,
  context: RunContext,
): Promise<LabelResult> {
  const item = labelItem(request)
  const { results } = await dispatch({ variant, items: [item] }, context)
  return labelResult((results as readonly unknown[])[0], item)
}

/**
 * Where the seeds of a session come from: the same first number gives the same seeds, and none comes twice in
 * 2³² draws (splitmix32, a bijection over a counter).
 */
export class Seeds {
  #counter: number

  /** `first` is an unsigned 32-bit number; drawn from the system's own source where it is left out. */
  constructor(first = randomInt(2 ** 32)) {
    this.#counter = first >>> 0
  }

  next(): number {
    this.#counter = (this.#counter + 0x9e37_79b9) >>> 0
    let mixed = this.#counter
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0_aaad)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a_2d97)
    return (mixed ^ (mixed >>> 15)) >>> 0
  }
}
