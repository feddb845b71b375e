/** Messages to frames and back, what is refused on the way in, and vectors out of bytes. */
import fc from 'fast-check'
import { Packr, Unpackr } from 'msgpackr'
import { describe, expect, test } from 'vitest'
import { copyVectors, decodeMessage, encodeMessage, isWireVectors, wellFormed } from '../../src/wire/codec.ts'
import { FrameReader, headerBytes } from '../../src/wire/frame.ts'
import type { BatchMessage, ToWorker } from '../../src/wire/message.ts'
import { goldenMessages } from '../support/golden-frames.ts'

const wireError = (message: unknown = expect.any(String)) =>
  expect.objectContaining({ code: 'ER_WIRE', message })

const packer = new Packr({ useRecords: false })
const pack = (value: unknown) => new Uint8Array(packer.pack(value))

const batchOf = (items: readonly unknown[], options: Record<string, unknown> = {}): BatchMessage => ({
  type: 'batch',
  batch: 1,
  op: 'echo',
  model: 'echo',
  hangMs: 20_000,
  calls: [{ id: 1, items, options, attempt: 1, seed: null, traceparent: '' }],
})

/** What another MessagePack reader finds in the one frame that is made of a message. */
function unpacked(message: ToWorker): unknown {
  const [body, ...others] = new FrameReader().push(encodeMessage(message))
  expect(others).toEqual([])
  return new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'number' }).unpack(
    body as Uint8Array,
  )
}

describe('encodeMessage()', () => {
  test('keeps every text and every plain value', () => {
    const value = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' })
    fc.assert(
      fc.property(fc.array(value, { maxLength: 5 }), items => {
        const [call] = (unpacked(batchOf(items)) as BatchMessage).calls
        // JSON has no -0 for the reader to keep, and msgpackr's reader gives this one key another name.
        const text = JSON.stringify(items).replaceAll('"__proto__":', '"__proto_":')
        expect(call?.items).toEqual(JSON.parse(text))
      }),
      { examples: [[[JSON.parse('{"__proto__":""}')]]] },
    )
  })

  test('writes plain maps with the fields in the order of the protocol', () => {
    const message = batchOf(['x'])
    const [body] = new FrameReader().push(encodeMessage(message))
    const map = new Unpackr({ useRecords: false, mapsAsObjects: false }).unpack(body as Uint8Array)
    expect([...map.keys()]).toEqual(['type', 'batch', 'op', 'model', 'hangMs', 'calls'])
    expect([...map.get('calls')[0].keys()]).toEqual([
      'id',
      'items',
      'options',
      'attempt',
      'seed',
      'traceparent',
    ])
    expect((body as Uint8Array)[0]).toBe(0x86)
  })

  test('gives frames that later ones do not overwrite', () => {
    const first = encodeMessage(batchOf(['first']))
    const kept = Buffer.from(first)
    for (let turn = 0; turn < 100; turn += 1) encodeMessage(batchOf([`other ${turn}`.repeat(50)]))
    expect(Buffer.from(first)).toEqual(kept)
  })

  test('writes whole numbers as whole numbers, however large', () => {
    for (const seed of [2 ** 32, 2 ** 40 + 1, Number.MAX_SAFE_INTEGER]) {
      const message = batchOf([])
      const frame = Buffer.from(
        encodeMessage({ ...message, calls: message.calls.map(call => ({ ...call, seed })) }),
      )
      const after = frame.indexOf('seed') + 4
      expect([0xcf, 0xd3]).toContain(frame[after]) // uint64, int64; 0xcb would be a float
      expect(Number(frame.readBigUInt64BE(after + 1))).toBe(seed)
    }
  })

  test('refuses a message that is too long for a frame', () => {
    expect(() => encodeMessage(batchOf(['x'.repeat(64 * 1024 * 1024)]))).toThrow(wireError())
  })
})

describe('decodeMessage()', () => {
  const { fromWorker } = goldenMessages()
  const messages = Object.values(fromWorker)

  test.each(messages)('takes a $type as it is', message => {
    expect(decodeMessage(pack(message))).toEqual(message)
  })

  test.each(messages)('refuses a $type that lacks a field', message => {
    for (const field of Object.keys(message)) {
      const { [field as 'type']: _, ...rest } = message
      expect(() => decodeMessage(pack(rest))).toThrow(wireError(expect.stringContaining(field)))
    }
  })

  test.each([
    ['no map', 5],
    ['a list', ['hello']],
    ['nothing', null],
    ['an unknown type', { type: 'gossip' }],
    ['a number that is no count', { type: 'started', batch: -1 }],
    ['a number that is not whole', { type: 'started', batch: 1.5 }],
    ['a text for a number', { type: 'started', batch: '1' }],
    ['NaN for a time', { ...fromWorker.results, modelMs: Number.NaN }],
    ['another kind of vector', withResults({ dtype: 'f64', shape: [1, 1], data: new Uint8Array(8) })],
    ['vectors as a list', withResults({ dtype: 'f32', shape: [1, 1], data: [1, 2, 3, 4] })],
    ['a shape of three', withResults({ dtype: 'f32', shape: [1, 1, 1], data: new Uint8Array(4) })],
    ['a reply without result and error', { ...fromWorker.results, calls: [{ id: 1, usage: { tokens: 0 } }] }],
    ['a log level that is none', { ...fromWorker.log, level: 'loud' }],
  ])('refuses %s', (_, value) => {
    expect(() => decodeMessage(pack(value))).toThrow(wireError())
  })

  test.each([
    ['bytes that are no MessagePack', Uint8Array.of(0xc1)],
    ['a map that stops in the middle', Uint8Array.of(0x82, 0xa4, 0x74)],
    ['bytes after the message', new Uint8Array(Buffer.concat([pack(fromWorker.started), pack(1)]))],
  ])('refuses %s, and shows them', (_, body) => {
    expect(() => decodeMessage(body)).toThrow(
      expect.objectContaining({
        code: 'ER_WIRE',
        detail: expect.stringMatching(/^[0-9a-f]{2}( [0-9a-f]{2})* \| /),
      }),
    )
  })

  test('names the field that is wrong', () => {
    const memory = { rssBytes: -1, peakBytes: 1, mlxActiveBytes: 0, mlxCacheBytes: 0 }
    const wrong = { ...fromWorker.pong, memory }
    expect(() => decodeMessage(pack(wrong))).toThrow(wireError(expect.stringContaining('memory.rssBytes')))
  })

  test('never throws anything but ER_WIRE, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), body => {
        try {
          decodeMessage(body)
        } catch (error) {
          expect(error).toMatchObject({ code: 'ER_WIRE' })
        }
      }),
      { numRuns: 2000 },
    )
  })

  function withResults(results: unknown): unknown {
    return { ...fromWorker.results, calls: [{ id: 1, results, usage: { tokens: 0 } }] }
  }
})

describe('copyVectors()', () => {
  const floats = Float32Array.of(1, -2.5, Number.MIN_VALUE, 3e38, 0, -0)

  test('copies from any offset, bit by bit, into the rows that it is told', () => {
    for (let offset = 0; offset < 4; offset += 1) {
      const body = new Uint8Array(floats.byteLength + offset)
      body.set(new Uint8Array(floats.buffer), offset)
      const target = new Float32Array(10).fill(9)
      copyVectors({ dtype: 'f32', shape: [3, 2], data: body.subarray(offset) }, target, 1)
      expect([...target]).toEqual([9, 9, ...floats, 9, 9])
    }
  })

  test('copies into a view that does not begin at its buffer’s start', () => {
    const buffer = new Float32Array(8)
    copyVectors(
      { dtype: 'f32', shape: [1, 2], data: new Uint8Array(floats.buffer, 0, 8) },
      buffer.subarray(3, 7),
      1,
    )
    expect([...buffer]).toEqual([0, 0, 0, 0, 0, 1, -2.5, 0])
  })

  test('gives numbers that do not change when the frame’s buffer does', () => {
    const body = new Uint8Array(new Uint8Array(floats.buffer))
    const target = new Float32Array(6)
    copyVectors({ dtype: 'f32', shape: [3, 2], data: body }, target, 0)
    body.fill(0)
    expect(target).toEqual(floats)
  })

  test.each([
    ['too few bytes', [2, 2], 12, 0],
    ['too many bytes', [2, 2], 20, 0],
    ['half a float', [1, 1], 3, 0],
    ['more rows than there is room for', [2, 2], 16, 2],
  ] as const)('refuses %s', (_, shape, bytes, row) => {
    const target = new Float32Array(6)
    expect(() =>
      copyVectors({ dtype: 'f32', shape: [...shape], data: new Uint8Array(bytes).fill(1) }, target, row),
    ).toThrow(wireError())
    expect([...target]).toEqual([0, 0, 0, 0, 0, 0])
  })

  test('isWireVectors() tells vectors from lists', () => {
    expect(isWireVectors({ dtype: 'f32', shape: [0, 4], data: new Uint8Array() })).toBe(true)
    expect(isWireVectors([])).toBe(false)
  })
})

describe('wellFormed()', () => {
  test('gives texts that have a UTF-8 form, and changes no others', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.nat({ max: 0xffff }).map(unit => String.fromCharCode(unit)) }),
        text => {
          const mended = wellFormed(text) as string
          expect(mended.isWellFormed()).toBe(true)
          expect(Buffer.from(mended).toString()).toBe(Buffer.from(text).toString())
          if (text.isWellFormed()) expect(mended).toBe(text)
        },
      ),
    )
  })

  test('mends texts and keys at any depth', () => {
    expect(wellFormed([{ 'k\ud800': ['v\udc00', 1] }, 'fine', null])).toEqual([
      { 'k\ufffd': ['v\ufffd', 1] },
      'fine',
      null,
    ])
  })

  test('leaves bytes and well-formed lists as they are, not copied', () => {
    const bytes = new Uint8Array(3)
    const list = ['fine', 1, bytes, true]
    expect(wellFormed(bytes)).toBe(bytes)
    expect(wellFormed(list)).toBe(list)
  })

  test('gives what the far side can read', () => {
    const [call] = (
      unpacked(batchOf([wellFormed('a\ud83d'), 'b'.repeat(100) + wellFormed('\udc00')])) as BatchMessage
    ).calls
    expect(call?.items).toEqual(['a\ufffd', `${'b'.repeat(100)}\ufffd`])
  })
})

test('the header is four bytes', () => {
  expect(headerBytes).toBe(4)
})
