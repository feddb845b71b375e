/**
 * The built-in verification head: a few numbers over the vectors that a claim and a passage have anyway, and over
 * signs of their words. Pure; who calls reads the file (weights/claim-head.safetensors, with its card beside it).
 *
 * It answers in two steps: does the passage bear on the claim (`relevance`), and if so, on which side (`stance`).
 * Both are logistic regressions over features; to the stance comes what pairs of directions in the two vectors say
 * together (the claim's part along one times the passage's along the other). The logits are the logarithms of the
 * three probabilities.
 */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { errorOf } from '../../core/errors.ts'
import { dot, featureNames, featuresOf } from './features.ts'
import { rarityIn } from './rarity.ts'
import { readTensors, type TensorFile } from './safetensors.ts'
import { type Rarity, type Signs, signsOf } from './signs.ts'

/** A text and its vector; the vector has length 1. */
export type HeadInput = { readonly text: string; readonly vector: Float32Array }

/** A head that is ready to answer. */
export type Head = {
  readonly name: string
  /** SHA-256 of the file. */
  readonly revision: string
  /** SHA-256 of the weights of the encoder that it was trained over; with another it says nothing. */
  readonly encoder: string
  /** The calibration that the file came with, as JSON; src/evidence/verdict/ knows its form. */
  readonly calibration: unknown
  /** The logarithms of the probabilities that the passage supports the claim, refutes it, does neither. */
  logits(claim: HeadInput, passage: HeadInput): readonly [supports: number, refutes: number, neither: number]
}

const metadataSchema = z.object({
  name: z.string().min(1),
  encoder: z.string().regex(/^[0-9a-f]{64}$/),
  dimensions: z.coerce.number().int().min(1).max(8192),
  features: z.literal(featureNames.join()),
  calibration: z.string(),
})

const broken = (why: string): Error => errorOf('ER_MODEL_LOAD', `This is no verification head: ${why}`)

/**
 * The head in the bytes of a safetensors file.
 * @throws ModelError ER_MODEL_LOAD where the file is broken or of another form.
 */
export function readHead(bytes: Uint8Array): Head {
  const file = readTensors(bytes)
  const metadata = metadataSchema.safeParse(file.metadata)
  if (!metadata.success) {
    const issue = metadata.error.issues[0]
    throw broken(`${issue?.path.join('.')} in its metadata: ${issue?.message}`)
  }
  const { calibration, dimensions, encoder, name } = metadata.data
  const regressions = regressionsOf(file, dimensions)
  const rarity = rarityIn(bytesOf(file, 'rarity'))
  const readings = new Readings(rarity, regressions, dimensions)
  return {
    name,
    revision: createHash('sha256').update(bytes).digest('hex'),
    encoder,
    calibration: jsonOf(calibration),
    logits(claim, passage) {
      const [own, other] = [readings.of(claim), readings.of(passage)]
      const features = featuresOf(own.signs, other.signs, dot(claim.vector, passage.vector))
      return logitsOf(regressions, features, dot(own.asClaim, other.asPassage))
    },
  }
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw errorOf('ER_MODEL_LOAD', 'This is no verification head: its calibration is not JSON', { cause })
  }
}

/** What a text shows by itself: its signs, and its vector's parts along the directions of either side. */
class Reading {
  readonly signs: Signs
  readonly #vector: Float32Array
  readonly #regressions: Regressions
  #asClaim: Float32Array | undefined
  #asPassage: Float32Array | undefined

  constructor({ text, vector }: HeadInput, rarity: Rarity, regressions: Regressions) {
    this.signs = signsOf(text, rarity)
    this.#vector = vector
    this.#regressions = regressions
  }

  get asClaim(): Float32Array {
    this.#asClaim ??= partsAlong(this.#regressions.claim, this.#vector)
    return this.#asClaim
  }

  get asPassage(): Float32Array {
    this.#asPassage ??= partsAlong(this.#regressions.passage, this.#vector)
    return this.#asPassage
  }
}

/** Readings by the object that holds the text: a claim that is asked about often is read once. */
class Readings {
  readonly #rarity: Rarity
  readonly #regressions: Regressions
  readonly #dimensions: number
  readonly #known = new WeakMap<HeadInput, Reading>()

  constructor(rarity: Rarity, regressions: Regressions, dimensions: number) {
    this.#rarity = rarity
    this.#regressions = regressions
    this.#dimensions = dimensions
  }

  of(input: HeadInput): Reading {
    const known = this.#known.get(input)
    if (known !== undefined) return known
    const { length } = input.vector
    if (length !== this.#dimensions)
      throw errorOf(
        'ER_MODEL_MISMATCH',
        `The head reads vectors of ${this.#dimensions} numbers, not of ${length}`,
      )
    const made = new Reading(input, this.#rarity, this.#regressions)
    this.#known.set(input, made)
    return made
  }
}

/** Two regressions over features of one scale; `weight` holds relevance first, then stance. */
type Regressions = {
  readonly mean: Float32Array
  readonly scale: Float32Array
  readonly weight: Float32Array
  readonly bias: Float32Array
  /** Directions in a claim's and in a passage's vector, row by row; a row of one belongs to that of the other. */
  readonly claim: Float32Array
  readonly passage: Float32Array
}

function regressionsOf(file: TensorFile, dimensions: number): Regressions {
  const width = featureNames.length
  const directions = file.tensors.get('claim.weight')?.shape[0] ?? 0
  return {
    claim: numbersOf(file, 'claim.weight', directions * dimensions),
    passage: numbersOf(file, 'passage.weight', directions * dimensions),
    mean: numbersOf(file, 'mean', width),
    scale: numbersOf(file, 'scale', width),
    weight: numbersOf(file, 'direct.weight', 2 * width),
    bias: numbersOf(file, 'direct.bias', 2),
  }
}

function numbersOf(file: TensorFile, name: string, length: number): Float32Array {
  const data = file.tensors.get(name)?.data
  if (!(data instanceof Float32Array)) throw broken(`it has no ${name}`)
  if (data.length !== length) throw broken(`${name} has ${data.length} numbers instead of ${length}`)
  if (!data.every(Number.isFinite)) throw broken(`${name} holds what is no number`)
  return data
}

function bytesOf(file: TensorFile, name: string): Uint8Array {
  const data = file.tensors.get(name)?.data
  if (!(data instanceof Uint8Array) || data.length === 0) throw broken(`it has no ${name}`)
  return data
}

function logitsOf(
  { bias, mean, scale, weight }: Regressions,
  features: Float32Array,
  together: number,
): readonly [number, number, number] {
  let [relevance, stance] = [bias[0] as number, (bias[1] as number) + together]
  for (let index = 0; index < features.length; index += 1) {
    const value = ((features[index] as number) - (mean[index] as number)) * (scale[index] as number)
    relevance += value * (weight[index] as number)
    stance += value * (weight[features.length + index] as number)
  }
  const bears = logSigmoid(relevance)
  return [bears + logSigmoid(stance), bears + logSigmoid(-stance), logSigmoid(-relevance)]
}

/** The parts of `vector` along each row of `directions`. */
function partsAlong(directions: Float32Array, vector: Float32Array): Float32Array {
  const parts = new Float32Array(directions.length / vector.length)
  for (let row = 0; row < parts.length; row += 1)
    parts[row] = dot(directions.subarray(row * vector.length, (row + 1) * vector.length), vector)
  return parts
}

/** The logarithm of 1 / (1 + e^-x), without overflow. */
const logSigmoid = (x: number): number => Math.min(0, x) - Math.log1p(Math.exp(-Math.abs(x)))
