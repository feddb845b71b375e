/** The head: what it computes from a file, and which files it refuses. */
import { describe, expect, test } from 'vitest'
import { featureNames } from '../../../src/evidence/head/features.ts'
import { readHead } from '../../../src/evidence/head/head.ts'
import { type Tensor, tensorFile } from '../../../src/evidence/head/safetensors.ts'

const width = featureNames.length
const encoder = 'a'.repeat(64)
const metadata = {
  name: 'tiny',
  encoder,
  dimensions: '2',
  features: featureNames.join(),
  calibration: '{"version":1}',
}

const numbers = (values: Iterable<number>, shape: readonly number[]): Tensor => ({
  dtype: 'F32',
  shape,
  data: Float32Array.from(values),
})

/** A head over two dimensions: relevance is twice the cosine, stance the product of the first dimensions. */
const tensors = (): Record<string, Tensor> => ({
  mean: numbers(new Float32Array(width), [width]),
  scale: numbers(new Float32Array(width).fill(1), [width]),
  'direct.weight': numbers(Float32Array.of(2, ...new Float32Array(2 * width - 1)), [2, width]),
  'direct.bias': numbers([0, 0.25], [2]),
  'claim.weight': numbers([1, 0], [1, 2]),
  'passage.weight': numbers([3, 0], [1, 2]),
  rarity: { dtype: 'U8', shape: [4], data: Uint8Array.of(255, 255, 255, 255) },
})

const bytes = (changed: Record<string, Tensor> = {}, data: Record<string, string> = {}) =>
  tensorFile({ ...tensors(), ...changed }, { ...metadata, ...data })

const input = (text: string, ...vector: number[]) => ({ text, vector: Float32Array.from(vector) })
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x))

describe('readHead', () => {
  test('says what it is', () => {
    const head = readHead(bytes())
    expect(head).toMatchObject({ name: 'tiny', encoder, calibration: { version: 1 } })
    expect(head.revision).toMatch(/^[0-9a-f]{64}$/)
    expect(readHead(bytes({}, { name: 'other' })).revision).not.toBe(head.revision)
  })

  test('computes relevance, then stance', () => {
    const logits = readHead(bytes()).logits(input('a claim', 0.6, 0.8), input('a passage', 1, 0))
    const [relevance, stance] = [sigmoid(2 * 0.6), sigmoid(0.25 + 0.6 * 3 * 1)]
    expect(logits[0]).toBeCloseTo(Math.log(relevance * stance), 5)
    expect(logits[1]).toBeCloseTo(Math.log(relevance * (1 - stance)), 5)
    expect(logits[2]).toBeCloseTo(Math.log(1 - relevance), 5)
  })

  test('the three are logarithms of probabilities that add up to 1, at any distance', () => {
    const head = readHead(bytes({ 'claim.weight': numbers([900, 0], [1, 2]) }))
    for (const passage of [input('up', 1, 0), input('down', -1, 0), input('aside', 0, 1)]) {
      const logits = head.logits(input('claim', 1, 0), passage)
      expect(logits.every(Number.isFinite)).toBe(true)
      expect(logits.reduce((sum, logit) => sum + Math.exp(logit), 0)).toBeCloseTo(1, 6)
    }
  })

  test('answers the same however often and in which order it is asked', () => {
    const head = readHead(bytes())
    const [claim, one, two] = [input('Up 4', 0.6, 0.8), input('down 5', 0.8, 0.6), input('no', 0, 1)]
    const first = head.logits(claim, one)
    head.logits(claim, two)
    head.logits(one, claim)
    expect(head.logits(claim, one)).toEqual(first)
    expect(readHead(bytes()).logits({ ...claim }, { ...one })).toEqual(first)
  })

  test('refuses vectors of another length', () => {
    const head = readHead(bytes())
    expect(() => head.logits(input('a', 1, 0), input('b', 1, 0, 0))).toThrow(
      expect.objectContaining({ code: 'ER_MODEL_MISMATCH' }),
    )
  })

  test.each<[string, () => Uint8Array]>([
    ['no bytes', () => new Uint8Array()],
    ['a cut-off file', () => bytes().subarray(0, -1)],
    ['features of another time', () => bytes({}, { features: 'cosine' })],
    ['an encoder that is no hash', () => bytes({}, { encoder: 'mini' })],
    ['dimensions that are no number', () => bytes({}, { dimensions: 'many' })],
    ['a calibration that is not JSON', () => bytes({}, { calibration: '{' })],
    ['a weight too few', () => bytes({ 'direct.weight': numbers([1], [1]) })],
    ['directions without partners', () => bytes({ 'passage.weight': numbers([], [0]) })],
    ['a number that is none', () => bytes({ 'direct.bias': numbers([0, Number.NaN], [2]) })],
    ['bytes where numbers belong', () => bytes({ mean: tensors()['rarity'] as Tensor })],
    ['no rarities', () => bytes({ rarity: { dtype: 'U8', shape: [0], data: new Uint8Array() } })],
  ])('refuses %s', (_, made) => {
    expect(() => readHead(made())).toThrow(
      expect.objectContaining({ name: 'ModelError', code: 'ER_MODEL_LOAD' }),
    )
  })
})
