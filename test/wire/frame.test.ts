/** Frames out of a byte stream, however it was cut; and the streams that are none. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameReader, headerBytes, hexDump, maxFrameBytes, sealFrame } from '../../src/wire/frame.ts'

/** A frame around `body`. */
function frame(body: Uint8Array): Uint8Array {
  const whole = new Uint8Array(headerBytes + body.byteLength)
  whole.set(body, headerBytes)
  return sealFrame(whole)
}

const joined = (parts: readonly Uint8Array[]) => new Uint8Array(Buffer.concat(parts))

const bodies = fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 8 })
/** How a stream is cut: sizes of its chunks, used round and round; 0 is an empty chunk. */
const sizes = fc.array(fc.oneof(fc.constant(1), fc.nat({ max: 50 })), { minLength: 1, maxLength: 12 })

function* cut(stream: Uint8Array, chunkSizes: readonly number[]): Generator<Uint8Array> {
  for (let from = 0, turn = 0; from < stream.byteLength; turn += 1) {
    const size = chunkSizes[turn % chunkSizes.length] as number
    // Sizes of nothing but 0 would go on for ever.
    const end = from + (turn > 1000 ? stream.byteLength : size)
    yield stream.slice(from, end)
    from = end
  }
}

describe('FrameReader', () => {
  test('gives the same bodies however the stream is cut', () => {
    fc.assert(
      fc.property(bodies, sizes, (sent, chunkSizes) => {
        const reader = new FrameReader()
        const stream = joined(sent.map(frame))
        const got: Uint8Array[] = []
        let read = 0
        for (const chunk of cut(stream, chunkSizes)) {
          got.push(...reader.push(chunk))
          read += chunk.byteLength
          const whole = got.reduce((sum, body) => sum + headerBytes + body.byteLength, 0)
          expect(reader.pendingBytes).toBe(read - whole)
        }
        expect(got.map(body => [...body])).toEqual(sent.map(body => [...body]))
        expect(reader.pendingBytes).toBe(0)
      }),
      { numRuns: 500 },
    )
  })

  test('takes a stream byte by byte', () => {
    const sent = [Uint8Array.of(1), Uint8Array.of(2, 3, 4, 5, 6, 7), new Uint8Array(300).fill(8)]
    const reader = new FrameReader()
    const got = [...joined(sent.map(frame))].flatMap(byte => reader.push(Uint8Array.of(byte)))
    expect(got.map(body => [...body])).toEqual(sent.map(body => [...body]))
  })

  test('leaves a body alone when the stream goes on', () => {
    const reader = new FrameReader()
    const [first] = reader.push(frame(Uint8Array.of(1, 2, 3)))
    const [second] = [...cut(frame(Uint8Array.of(4, 5, 6)), [2])].flatMap(chunk => reader.push(chunk))
    reader.push(frame(new Uint8Array(50).fill(9)))
    expect([...(first as Uint8Array)]).toEqual([1, 2, 3])
    expect([...(second as Uint8Array)]).toEqual([4, 5, 6])
  })

  test('is not fooled by a body that looks like frames', () => {
    const inner = joined([frame(Uint8Array.of(1)), frame(Uint8Array.of(2))])
    expect(new FrameReader().push(frame(inner)).map(body => [...body])).toEqual([[...inner]])
  })

  test('accepts a body of exactly the limit and refuses one more', () => {
    expect(new FrameReader(8).push(frame(new Uint8Array(8)))).toHaveLength(1)
    expect(() => new FrameReader(8).push(frame(new Uint8Array(9)))).toThrow(
      expect.objectContaining({
        code: 'ER_WIRE',
        message: 'A frame says it is 9 bytes long; allowed are 1 to 8',
      }),
    )
  })

  test('refuses a length from its header alone, before the body is there', () => {
    const header = Buffer.alloc(headerBytes)
    header.writeUInt32LE(maxFrameBytes + 1)
    expect(() => new FrameReader().push(header)).toThrow(expect.objectContaining({ code: 'ER_WIRE' }))
  })

  test('refuses length zero', () => {
    expect(() => new FrameReader().push(new Uint8Array(4))).toThrow(
      expect.objectContaining({ code: 'ER_WIRE', detail: '00 00 00 00 | ....' }),
    )
  })

  test('gives the frames before a broken one no more once it throws', () => {
    const reader = new FrameReader()
    expect(reader.push(frame(Uint8Array.of(1)))).toHaveLength(1)
    expect(() => reader.push(new Uint8Array(4))).toThrow()
  })

  test('shows the first 64 bytes from the bad header on, however they came', () => {
    const banner = Buffer.from(`Traceback (most recent call last):\n  File "x"${'.'.repeat(80)}`)
    const expected = hexDump(banner)
    const read = (chunks: Iterable<Uint8Array>) => {
      const reader = new FrameReader()
      for (const chunk of chunks) reader.push(chunk)
    }
    expect(() => read([banner])).toThrow(expect.objectContaining({ detail: expected }))
    // The rest of a banner that comes later is not waited for.
    expect(() => read(cut(banner, [4]))).toThrow(
      expect.objectContaining({ detail: hexDump(banner.subarray(0, 4)) }),
    )
    expect(() => read([frame(Uint8Array.of(7)), banner])).toThrow(
      expect.objectContaining({ detail: expected }),
    )
  })
})

describe('sealFrame()', () => {
  test('writes the length of the body, little-endian', () => {
    expect([...sealFrame(new Uint8Array(headerBytes + 258))].slice(0, 4)).toEqual([2, 1, 0, 0])
  })

  test('writes it in place, wherever the frame lies in its buffer', () => {
    const buffer = new Uint8Array(20).fill(255)
    const sealed = sealFrame(buffer.subarray(3, 10))
    expect(sealed.buffer).toBe(buffer.buffer)
    expect([...buffer.subarray(2, 8)]).toEqual([255, 3, 0, 0, 0, 255])
  })

  test('refuses an empty body and one over the limit', () => {
    expect(() => sealFrame(new Uint8Array(headerBytes))).toThrow(expect.objectContaining({ code: 'ER_WIRE' }))
    // Not touched by anybody, so it takes no memory.
    const long = new Uint8Array(headerBytes + maxFrameBytes + 1)
    expect(() => sealFrame(long)).toThrow(expect.objectContaining({ code: 'ER_WIRE' }))
    expect(() => sealFrame(long.subarray(1))).not.toThrow()
  })
})

describe('hexDump()', () => {
  test('gives bytes in hex and as text, with dots for what is no letter', () => {
    expect(hexDump(Buffer.from('Hi!\n\u00e9'))).toBe('48 69 21 0a c3 a9 | Hi!...')
    expect(hexDump(new Uint8Array())).toBe(' | ')
  })

  test('stops after 64 bytes', () => {
    expect(hexDump(new Uint8Array(65).fill(97))).toBe(`${'61 '.repeat(63)}61 | ${'a'.repeat(64)}`)
  })
})
