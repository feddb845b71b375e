/** Reads and writes safetensors: a JSON header of names, types, shapes and places, then the numbers. */
import * as z from 'zod'
import { errorOf } from '../../core/errors.ts'

/** A block of numbers. */
export type Tensor = {
  readonly dtype: 'F32' | 'I32' | 'U8'
  readonly shape: readonly number[]
  readonly data: Float32Array | Int32Array | Uint8Array
}

/** What a file holds. */
export type TensorFile = {
  readonly tensors: ReadonlyMap<string, Tensor>
  readonly metadata: Readonly<Record<string, string>>
}

const arrays = { F32: Float32Array, I32: Int32Array, U8: Uint8Array } as const
const longestHeader = 1_000_000

const entrySchema = z.object({
  dtype: z.enum(['F32', 'I32', 'U8']),
  shape: z.array(z.int().min(0)).max(4),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
})
const metadataSchema = z.record(z.string(), z.string())

const broken = (why: string): Error => errorOf('ER_MODEL_LOAD', `These are no safetensors: ${why}`)

/**
 * The tensors in `bytes`, as copies of their own.
 * @throws ModelError ER_MODEL_LOAD for bytes that are cut off or make no sense.
 */
export function readTensors(bytes: Uint8Array): TensorFile {
  if (bytes.length < 8) throw broken('too short')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const headerLength = Number(view.getBigUint64(0, true))
  if (headerLength > longestHeader || 8 + headerLength > bytes.length) throw broken('the header is cut off')
  const header = headerOf(bytes.subarray(8, 8 + headerLength))
  const body = bytes.subarray(8 + headerLength)
  const tensors = new Map<string, Tensor>()
  let metadata: Record<string, string> = {}
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') {
      const parsed = metadataSchema.safeParse(value)
      if (!parsed.success) throw broken('the metadata are no texts')
      metadata = parsed.data
    } else tensors.set(name, tensorOf(name, value, body))
  }
  return { tensors, metadata }
}

function headerOf(bytes: Uint8Array): Readonly<Record<string, unknown>> {
  try {
    const header: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    if (typeof header === 'object' && header !== null && !Array.isArray(header))
      return header as Readonly<Record<string, unknown>>
  } catch {
    // Told below, as one thing.
  }
  throw broken('the header is not JSON')
}

function tensorOf(name: string, value: unknown, body: Uint8Array): Tensor {
  const entry = entrySchema.safeParse(value)
  if (!entry.success) throw broken(`the entry of ${name} makes no sense`)
  const { data_offsets: offsets, dtype, shape } = entry.data
  const [start, end] = offsets
  const count = shape.reduce((all, one) => all * one, 1)
  const { BYTES_PER_ELEMENT: width } = arrays[dtype]
  if (end > body.length || end - start !== count * width) throw broken(`${name} is cut off`)
  // A copy begins at a multiple of 4, where the numbers of a file need not. (A Buffer's slice would be no copy.)
  const copy = new Uint8Array(body.subarray(start, end))
  return { dtype, shape, data: new arrays[dtype](copy.buffer, copy.byteOffset, count) }
}

/** The bytes of a file with these tensors, in the order given. */
export function tensorFile(
  tensors: Readonly<Record<string, Tensor>>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: metadata }
  let length = 0
  for (const [name, { data, dtype, shape }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [length, length + data.byteLength] }
    length += data.byteLength
  }
  const text = JSON.stringify(header)
  // Padded with spaces to a multiple of 8, so that the numbers begin at one.
  const encoded = new TextEncoder().encode(text)
  const padded = Math.ceil(encoded.length / 8) * 8
  const file = new Uint8Array(8 + padded + length).fill(0x20, 8, 8 + padded)
  new DataView(file.buffer).setBigUint64(0, BigInt(padded), true)
  file.set(encoded, 8)
  let place = 8 + padded
  for (const { data } of Object.values(tensors)) {
    file.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), place)
    place += data.byteLength
  }
  return file
}
