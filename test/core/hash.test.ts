/** Canonical JSON by RFC 8785, its refusals, and hashes that meet only for equal values. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, contentHash, sha256, valueHash } from '../../src/core/hash.ts'

const refused = expect.objectContaining({ code: 'ER_INPUT' })

describe('canonicalJson() by RFC 8785', () => {
  test('gives the example of section 3.2.2', () => {
    const value = {
      numbers: [JSON.parse('333333333.33333329'), 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      string: '\u20ac$\u000f\nA\'B"\\\\"/',
      literals: [null, true, false],
    }
    expect(canonicalJson(value)).toBe(
      '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],' +
        '"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
    )
  })

  test('sorts keys by UTF-16 code units, as section 3.2.3 has it', () => {
    const value = {
      '\u20ac': 'Euro Sign',
      '\r': 'Carriage Return',
      '\ufb33': 'Hebrew Letter Dalet With Dagesh',
      '1': 'One',
      '\u{1f600}': 'Emoji: Grinning Face',
      '\u0080': 'Control',
      '\u00f6': 'Latin Small Letter O With Diaeresis',
    }
    expect(Object.values(JSON.parse(canonicalJson(value)))).toContain('Emoji: Grinning Face')
    expect([...canonicalJson(value).matchAll(/:"([^"]*)"/g)].map(([, name]) => name)).toEqual([
      'Carriage Return',
      'One',
      'Control',
      'Latin Small Letter O With Diaeresis',
      'Euro Sign',
      'Emoji: Grinning Face',
      'Hebrew Letter Dalet With Dagesh',
    ])
  })

  /** Appendix B: IEEE 754 bits and their text. */
  test.each([
    ['0000000000000000', '0'],
    ['8000000000000000', '0'],
    ['0000000000000001', '5e-324'],
    ['8000000000000001', '-5e-324'],
    ['7fefffffffffffff', '1.7976931348623157e+308'],
    ['ffefffffffffffff', '-1.7976931348623157e+308'],
    ['4340000000000000', '9007199254740992'],
    ['c340000000000000', '-9007199254740992'],
    ['4430000000000000', '295147905179352830000'],
    ['44b52d02c7e14af5', '9.999999999999997e+22'],
    ['44b52d02c7e14af6', '1e+23'],
    ['44b52d02c7e14af7', '1.0000000000000001e+23'],
    ['444b1ae4d6e2ef4e', '999999999999999700000'],
    ['444b1ae4d6e2ef4f', '999999999999999900000'],
    ['444b1ae4d6e2ef50', '1e+21'],
    ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
    ['3eb0c6f7a0b5ed8d', '0.000001'],
    ['41b3de4355555553', '333333333.3333332'],
    ['41b3de4355555554', '333333333.33333325'],
    ['41b3de4355555555', '333333333.3333333'],
    ['41b3de4355555556', '333333333.3333334'],
    ['41b3de4355555557', '333333333.33333343'],
    ['becbf647612f3696', '-0.0000033333333333333333'],
    ['43143ff3c1cb0959', '1424953923781206.2'],
  ])('writes the number of bits %s as %s', (bits, text) => {
    expect(canonicalJson(Buffer.from(bits, 'hex').readDoubleBE())).toBe(text)
  })

  test('escapes what must be escaped and nothing else', () => {
    expect(canonicalJson('\u0000\b\t\n\f\r\u001f "\\/\u007f\u2028é😀')).toBe(
      '"\\u0000\\b\\t\\n\\f\\r\\u001f \\"\\\\/\u007f\u2028é😀"',
    )
  })

  test('leaves out members that are undefined, and writes null for elements that are', () => {
    expect(canonicalJson({ b: undefined, a: [undefined, 1] })).toBe('{"a":[null,1]}')
  })

  test('agrees with JSON on what a value is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        expect(JSON.parse(canonicalJson(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

describe('canonicalJson() refuses', () => {
  const cycle: unknown[] = []
  cycle.push({ cycle })
  test.each([
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['a bigint', 1n],
    ['a function', () => {}],
    ['a symbol', Symbol('x')],
    ['undefined', undefined],
    ['a cycle', cycle],
    ['a Map', new Map([['a', 1]])],
    ['a Set', new Set([1])],
    ['a Date', new Date(0)],
    ['bare memory', new ArrayBuffer(4)],
    ['a view of no kind', new DataView(new ArrayBuffer(4))],
    ['big integers', new BigInt64Array(1)],
    ['an instance', new (class Thing {})()],
    ['an object without a class', Object.create(Object.create(null))],
  ])('%s, alone or inside', (_, value) => {
    expect(() => canonicalJson(value)).toThrow(refused)
    if (value !== undefined) expect(() => canonicalJson([{ x: value }])).toThrow(refused)
  })

  test('more than 1000 levels, before the stack is exhausted', () => {
    const nested = (levels: number) => {
      let value: unknown = 1
      for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? [value] : { value }
      return value
    }
    expect(canonicalJson(nested(1000))).toContain('[1]')
    for (const levels of [1001, 100_000]) expect(() => canonicalJson(nested(levels))).toThrow(refused)
  })

  test('no value for standing in two places', () => {
    const shared = { a: 1 }
    expect(canonicalJson([shared, shared, { shared }])).toBe('[{"a":1},{"a":1},{"shared":{"a":1}}]')
  })
})

describe('bytes', () => {
  const floats = Float32Array.of(1, -2.5, 0)

  test('go in by their own hash, with kind and length', () => {
    const digest = createHash('sha256').update(new Uint8Array(floats.buffer)).digest('hex')
    expect(canonicalJson(floats)).toBe(`{"$bytes":"${digest}","$count":3,"$kind":"f32"}`)
    expect(canonicalJson(new Uint8Array(floats.buffer))).toBe(
      `{"$bytes":"${digest}","$count":12,"$kind":"u8"}`,
    )
  })

  test('of a view are those that it shows', () => {
    const padded = Float32Array.of(9, 1, -2.5, 0, 9)
    expect(contentHash('x', padded.subarray(1, 4))).toBe(contentHash('x', floats))
    expect(contentHash('x', padded.subarray(0, 3))).not.toBe(contentHash('x', floats))
  })

  test('of every kind of number go in, and kinds never meet', () => {
    const { buffer } = new Uint8Array(8)
    const views = [
      new Int8Array(buffer),
      new Uint8Array(buffer),
      new Int16Array(buffer),
      new Uint16Array(buffer),
      new Int32Array(buffer),
      new Uint32Array(buffer),
      new Float32Array(buffer),
      new Float64Array(buffer),
    ]
    expect(new Set(views.map(view => contentHash('x', view))).size).toBe(views.length)
    expect(canonicalJson(new Uint32Array(buffer))).toMatch(/"\$count":2,"\$kind":"u32"\}$/)
    expect(canonicalJson(Buffer.from(buffer))).toBe(canonicalJson(new Uint8Array(buffer)))
  })

  test('tell 0 from -0, and floats from their bytes', () => {
    expect(contentHash('x', Float32Array.of(0))).not.toBe(contentHash('x', Float32Array.of(-0)))
    expect(contentHash('x', floats)).not.toBe(contentHash('x', new Uint8Array(floats.buffer)))
  })
})

describe('contentHash()', () => {
  test('is the SHA-256 of the tagged tuple', () => {
    expect(contentHash('tag', 'a', { c: 2, b: 1 })).toBe(sha256('["tag","a",{"b":1,"c":2}]'))
    expect(valueHash({ c: 2, b: 1 })).toBe(sha256('{"b":1,"c":2}'))
    expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(sha256(Buffer.from('ä'))).toBe(sha256('ä'))
  })

  test('keeps apart what was joined differently', () => {
    const hashes = [
      contentHash('t', 'a', 'bc'),
      contentHash('t', 'ab', 'c'),
      contentHash('t', 'abc'),
      contentHash('t', ['a', 'bc']),
      contentHash('t', 'a', 'bc', ''),
      contentHash('ta', 'bc'),
      contentHash('t', 'a', ['bc']),
      contentHash('t', 'a","bc'),
    ]
    expect(new Set(hashes).size).toBe(hashes.length)
  })

  test('keeps apart lone surrogates, which are one character in UTF-8', () => {
    const texts = ['\ud800', '\ud801', '\ufffd', '\\ud800']
    expect(new Set(texts.map(text => contentHash('t', text))).size).toBe(4)
    expect(new Set(texts.map(text => sha256(text))).size).toBe(4)
  })

  test('keeps apart 1, "1", true and null', () => {
    expect(new Set([1, '1', true, null, [1], { 1: 1 }].map(value => contentHash('t', value))).size).toBe(6)
  })

  test('does not depend on the order of keys', () => {
    const shuffle = (value: unknown): unknown => {
      if (Array.isArray(value)) return value.map(shuffle)
      if (value === null || typeof value !== 'object') return value
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([key, item]) => [key, shuffle(item)]),
      )
    }
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), value => {
        expect(contentHash('t', shuffle(value))).toBe(contentHash('t', value))
      }),
    )
  })

  test('differs for values that differ', () => {
    const plain = (value: unknown) => JSON.stringify(value, (_, item) => (Object.is(item, -0) ? 0 : item))
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 2 }), fc.jsonValue({ maxDepth: 2 }), (one, two) => {
        fc.pre(plain(one) !== plain(two))
        fc.pre(canonicalJson(one) !== canonicalJson(two))
        expect(contentHash('t', one)).not.toBe(contentHash('t', two))
      }),
    )
  })
})
