/**
 * Cuts a byte stream into frames and back. Knows lengths only; what a body says is the codec's affair.
 *
 *   ┌───────────────────────┬──────────────────────┐
 *   │ length: u32, little-e │ body: `length` bytes │   length counts the body alone; 1 … maxFrameBytes
 *   └───────────────────────┴──────────────────────┘
 *
 * Twin of python/evidence_runner/frame.py.
 */
import { errorOf, type RunnerError } from '../core/errors.ts'

/** Bytes before a frame's body. */
export const headerBytes = 4

/** The longest body that either side accepts: about 40,000 vectors of 384. */
export const maxFrameBytes = 64 * 1024 * 1024

/**
 * A frame around `body`, whose first `headerBytes` bytes were left free for the length.
 * @throws WorkerError ER_WIRE when the body is empty or longer than `maxFrameBytes`.
 */
export function sealFrame(frame: Uint8Array): Uint8Array {
  const length = frame.byteLength - headerBytes
  if (length < 1 || length > maxFrameBytes) {
    throw errorOf('ER_WIRE', `A frame of ${length} bytes can't be sent; the limit is ${maxFrameBytes}`)
  }
  new DataView(frame.buffer, frame.byteOffset, headerBytes).setUint32(0, length, true)
  return frame
}

/** Collects chunks and gives whole bodies, each in a buffer that nothing else uses. */
export class FrameReader {
  readonly #maxBytes: number
  // Invariant: #size is the number of bytes in #chunks; #length is the body's length once its header is read.
  #chunks: Uint8Array[] = []
  #size = 0
  #length = -1

  constructor(maxBytes: number = maxFrameBytes) {
    this.#maxBytes = maxBytes
  }

  /**
   * Takes the next bytes of the stream.
   * @returns the bodies that they completed, in order.
   * @throws WorkerError ER_WIRE for a length that can't be; the reader is of no use afterwards.
   */
  push(chunk: Uint8Array): Uint8Array[] {
    const bodies: Uint8Array[] = []
    if (chunk.byteLength > 0) {
      this.#chunks.push(chunk)
      this.#size += chunk.byteLength
    }
    for (;;) {
      if (this.#length < 0) {
        if (this.#size < headerBytes) return bodies
        const header = this.#take(headerBytes)
        this.#length = new DataView(header.buffer, header.byteOffset, headerBytes).getUint32(0, true)
        if (this.#length < 1 || this.#length > this.#maxBytes) throw this.#badLength(header)
      }
      if (this.#size < this.#length) return bodies
      bodies.push(this.#take(this.#length))
      this.#length = -1
    }
  }

  /** Bytes of a frame that has begun and is not whole. */
  get pendingBytes(): number {
    return this.#size + (this.#length < 0 ? 0 : headerBytes)
  }

  /** The next `count` bytes; joined, and so copied, only where they span chunks. */
  #take(count: number): Uint8Array {
    const first = this.#chunks[0]
    this.#size -= count
    if (first !== undefined && first.byteLength >= count) {
      if (first.byteLength === count) this.#chunks.shift()
      else this.#chunks[0] = first.subarray(count)
      return first.subarray(0, count)
    }
    const joined = new Uint8Array(count)
    let filled = 0
    let used = 0
    while (filled < count) {
      const chunk = this.#chunks[used] as Uint8Array
      const part = chunk.subarray(0, count - filled)
      joined.set(part, filled)
      filled += part.byteLength
      if (part.byteLength === chunk.byteLength) used += 1
      else this.#chunks[used] = chunk.subarray(part.byteLength)
    }
    this.#chunks.splice(0, used)
    return joined
  }

  #badLength(header: Uint8Array): RunnerError {
    const rest = this.#take(Math.min(this.#size, 64 - headerBytes))
    const detail = hexDump(new Uint8Array([...header, ...rest]))
    const length = this.#length
    return errorOf('ER_WIRE', `A frame says it is ${length} bytes long; allowed are 1 to ${this.#maxBytes}`, {
      detail,
    })
  }
}

/** The first 64 bytes in hex and as text, for error messages: often they turn out to be a banner. */
export function hexDump(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 64))
  return `${head.toString('hex').replace(/(..)(?=.)/g, '$1 ')} | ${head.toString('latin1').replace(/[^\x20-\x7e]/g, '.')}`
}
