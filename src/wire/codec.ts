/**
 * Message ⇄ frame. MessagePack with plain maps only: msgpackr's records and other extensions are its own
 * and no other reader knows them. Vectors stay raw bytes inside; floats are never packed one by one.
 */
import { Packr, RESERVE_START_SPACE, Unpackr } from 'msgpackr'
import { errorOf } from '../core/errors.ts'
import { headerBytes, hexDump, sealFrame } from './frame.ts'
import { isHotMessage } from './hot-message.ts'
import { type FromWorker, fromWorker, type ToWorker, type WireVectors } from './message.ts'

const options = {
  useRecords: false,
  mapsAsObjects: true,
  int64AsType: 'number',
  variableMapSize: true,
} as const
const packer = new Packr(options)
const unpacker = new Unpackr(options)

/**
 * The whole frame for `message`.
 * @throws WorkerError ER_WIRE when it is larger than a frame may be.
 */
export function encodeMessage(message: ToWorker): Uint8Array {
  return sealFrame(packer.pack(wholeSeeds(message), RESERVE_START_SPACE + headerBytes))
}

/** msgpackr writes whole numbers over 32 bits as floats, and Python would take the seed for one. */
function wholeSeeds(message: ToWorker): unknown {
  if (message.type !== 'batch' || message.calls.every(({ seed }) => (seed ?? 0) <= 0xffffffff)) return message
  const calls = message.calls.map(call => ({ ...call, seed: call.seed === null ? null : BigInt(call.seed) }))
  return { ...message, calls }
}

/**
 * The message in a frame's body, checked field by field. Vectors in it are views on `body`: copy them out.
 * @throws WorkerError ER_WIRE with a hex dump in `detail`.
 */
export function decodeMessage(body: Uint8Array): FromWorker {
  let value: unknown
  try {
    value = unpacker.unpack(body)
  } catch (cause) {
    throw errorOf('ER_WIRE', 'A frame from the worker is not MessagePack', { detail: hexDump(body), cause })
  }
  if (isHotMessage(value)) return value
  const parsed = fromWorker.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const place = issue === undefined ? 'the message' : issue.path.join('.') || 'the message'
  throw errorOf(
    'ER_WIRE',
    `A message from the worker is not one of the protocol: ${place}: ${issue?.message}`,
    {
      detail: hexDump(body),
    },
  )
}

/** True for results that are vectors, as against a list. */
export const isWireVectors = (value: WireVectors | readonly unknown[]): value is WireVectors =>
  !Array.isArray(value)

/**
 * Copies the rows of `vectors` into `target`, from row `firstRow` on.
 * @throws WorkerError ER_WIRE when shape and bytes do not agree.
 */
export function copyVectors(vectors: WireVectors, target: Float32Array, firstRow: number): void {
  const [count, dimensions] = vectors.shape
  const floats = count * dimensions
  const offset = firstRow * dimensions
  if (vectors.data.byteLength !== floats * 4 || offset + floats > target.length) {
    throw errorOf(
      'ER_WIRE',
      `Vectors of shape ${count} × ${dimensions} came with ${vectors.data.byteLength} bytes`,
    )
  }
  // Bytes, not floats: the body may lie at any offset, and both sides are little-endian.
  new Uint8Array(target.buffer, target.byteOffset + offset * 4, floats * 4).set(vectors.data)
}

/**
 * `value` with every lone surrogate replaced by U+FFFD, so that it has a UTF-8 form. What was well-formed
 * comes back as it is, not copied.
 */
export function wellFormed(value: unknown): unknown {
  if (typeof value === 'string') return value.isWellFormed() ? value : value.toWellFormed()
  if (Array.isArray(value)) {
    const mended = value.map(wellFormed)
    return mended.some((item, index) => item !== value[index]) ? mended : value
  }
  if (value !== null && typeof value === 'object' && !ArrayBuffer.isView(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key.toWellFormed(), wellFormed(item)]),
    )
  }
  return value
}
