/** Plain data goes through bytes and back exactly; other data, and other bytes, are refused. */
import { isDeepStrictEqual } from 'node:util'
import { crc32 } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../../src/core/errors.ts'
import { pack, unpack } from '../../src/store/packing.ts'

const key = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom('$', '__proto__', 'constructor', 'toJSON'),
)

const arrays = fc.oneof(
  fc.float32Array(),
  fc.float64Array(),
  fc.int8Array(),
  fc.uint8Array(),
  fc.int16Array(),
  fc.uint16Array(),
  fc.int32Array(),
  fc.uint32Array(),
)

const { plain } = fc.letrec(tie => ({
  plain: fc.oneof(
    { maxDepth: 4 },
    fc.string({ unit: 'binary' }),
    fc.double(),
    fc.constantFrom(null, undefined, true, false, -0, 'NaN'),
    arrays,
    fc.array(tie('plain'), { maxLength: 4 }),
    fc.array(fc.tuple(key, tie('plain')), { maxLength: 4 }).map(members => Object.fromEntries(members)),
  ),
}))

describe('pack() and unpack()', () => {
  test('give back plain data exactly, signs of zero and members that are undefined too', () => {
    fc.assert(
      fc.property(plain, value => {
        expect(isDeepStrictEqual(unpack(pack(value)), value)).toBe(true)
      }),
      { numRuns: 500 },
    )
  })

  test('keep lone surrogates, which are no UTF-8', () => {
    expect(unpack(pack({ '\ud800': ['\udfff'] }))).toEqual({ '\ud800': ['\udfff'] })
  })

  test('keep what a view shows, not what lies around it, and give it a buffer of its own', () => {
    const whole = Float32Array.of(1, 2, 3, 4)
    const [row, other] = unpack(pack([whole.subarray(1, 3), whole.subarray(3)])) as Float32Array[]
    expect(row).toEqual(Float32Array.of(2, 3))
    expect(row?.buffer.byteLength).toBe(8)
    expect(other?.buffer).not.toBe(row?.buffer)
  })

  test('notice any byte that changed, and never fail otherwise', () => {
    fc.assert(
      fc.property(plain, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, change) => {
        const packed = pack(value)
        const place = at % packed.length
        packed[place] = (packed[place] as number) ^ change
        expect(() => unpack(packed)).toThrow(InputError)
      }),
      { numRuns: 500 },
    )
  })

  test('refuse bytes that were never packed', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), bytes => {
        expect(() => unpack(bytes)).toThrow(InputError)
      }),
    )
  })

  test.each([
    ['an array beyond the bytes', { $: ['f32', [8], 0] }],
    ['a place that is not aligned', { $: ['f32', [1], 4] }],
    ['a length that is no number', { $: ['f32', ['1'], 0] }],
    ['a dtype that does not exist', { $: ['f16', [1], 0] }],
    ['an unknown name', { $: 'nil' }],
    ['a mark of another form', { $: 7 }],
  ])('refuse %s, checksum or not', (_, json) => {
    const text = Buffer.from(JSON.stringify(json))
    const bytes = Buffer.alloc(Math.ceil((8 + text.length) / 8) * 8 + 16)
    bytes.writeUInt32LE(text.length, 4)
    text.copy(bytes, 8)
    bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
    expect(() => unpack(bytes)).toThrow('not as they were packed')
  })

  test.each([
    ['a function', { run: () => 1 }],
    ['a bigint', 1n],
    ['a symbol', [Symbol('x')]],
    ['a Map', new Map()],
    ['a Date', { at: new Date(0) }],
    ['a class’s instance', new InputError('ER_INPUT', 'x')],
    ['a view without a dtype', new DataView(new ArrayBuffer(8))],
    ['64-bit integers', BigInt64Array.of(1n)],
  ])('refuse %s', (_, value) => {
    expect(() => pack(value)).toThrow('is no plain data')
  })

  test('refuse a value that contains itself, and one that is nested deeper than the stack', () => {
    const circle: unknown[] = []
    circle.push(circle)
    let deep: unknown = 0
    for (let depth = 0; depth < 100_000; depth += 1) deep = [deep]
    expect(() => pack(circle)).toThrow('contains itself')
    expect(() => pack(deep)).toThrow('nested too deep')
  })
})
