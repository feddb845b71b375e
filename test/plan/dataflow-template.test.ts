/** Filling templates from state and input, and reading and setting members by path. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { fill, fillText, pathNames, plainCopy, valueAt, withValue } from '../../src/plan/dataflow-template.ts'

const scope = {
  state: { text: 'a', n: 1.5, yes: true, none: null, list: ['x', { y: 2 }], deep: { er: { st: 'z' } } },
  input: { claim: '{{state.text}}', dollar: '$& $1' },
}
const refused = (text: string) =>
  expect.objectContaining({ code: 'ER_PLAN_INVALID', message: expect.stringContaining(text) })

describe('fill()', () => {
  test.each<[unknown, unknown]>([
    ['{{state.n}}', 1.5],
    ['{{ state.list }}', ['x', { y: 2 }]],
    ['{{state.list.1.y}}', 2],
    ['{{state.none}}', null],
    ['{{state}}', scope.state],
    ['n={{state.n}}, {{state.text}}{{state.yes}} {{state.none}}', 'n=1.5, atrue null'],
    ['all: {{state.list}}', 'all: ["x",{"y":2}]'],
    [' {{state.n}}', ' 1.5'],
    ['', ''],
    ['no placeholder', 'no placeholder'],
    [
      { a: ['{{state.text}}', { b: '{{state.deep.er.st}}' }], c: 7, d: undefined },
      { a: ['a', { b: 'z' }], c: 7 },
    ],
    [null, null],
    // What a placeholder stands for is not looked at again.
    ['{{input.claim}}', '{{state.text}}'],
    ['<{{input.claim}}>', '<{{state.text}}>'],
    ['{{input.dollar}}{{state.text}}', '$& $1a'],
  ])('makes of %j what it stands for', (template, filled) => {
    expect(fill(template, scope)).toEqual(filled)
  })

  test.each([
    '{{state.nope}}',
    '{{state.deep.er.st.length}}',
    '{{state.list.2}}',
    '{{state.list.length}}',
    '{{state.list.-1}}',
    '{{state.text.0}}',
    '{{state.constructor}}',
    '{{state.__proto__}}',
    '{{state.deep.toString}}',
    '{{input.n}}',
  ])('names %s, which is not there', template => {
    expect(() => fill({ a: [`x ${template}`] }, scope)).toThrow(refused(template))
    expect(() => fill(template, scope)).toThrow(refused(template))
  })

  test('gives data of its own', () => {
    const filled = fill({ list: '{{state.list}}' }, scope) as { list: unknown[] }
    filled.list.push('more')
    ;(filled.list[1] as { y: number }).y = 3
    expect(scope.state.list).toEqual(['x', { y: 2 }])
  })

  test('keeps members that have special names', () => {
    const template = JSON.parse('{"__proto__": {"a": "{{state.n}}"}, "constructor": "{{state.text}}"}')
    const filled = fill(template, scope) as object
    expect(Object.getPrototypeOf(filled)).toBe(Object.prototype)
    expect(JSON.stringify(filled)).toBe('{"__proto__":{"a":1.5},"constructor":"a"}')
    expect(valueAt(filled, ['__proto__', 'a'])).toBe(1.5)
  })

  test('is any value where the template is one placeholder', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const plain = JSON.parse(JSON.stringify(value))
        expect(fill('{{state}}', { state: plain })).toEqual(plain)
        expect(fill({ a: ['{{input.v}}'] }, { input: { v: plain } })).toEqual({ a: [plain] })
      }),
    )
  })
})

describe('fillText()', () => {
  test('gives texts only', () => {
    expect(fillText('in {{state.n}}', scope)).toBe('in 1.5')
    expect(fillText('{{state.text}}', scope)).toBe('a')
    expect(() => fillText('{{state.n}}', scope)).toThrow(refused('{{state.n}} is 1.5, which is not a text'))
  })
})

describe('withValue()', () => {
  test.each<[unknown, string, unknown]>([
    [{ a: 1, b: 2 }, 'a', { a: 'new', b: 2 }],
    [{}, 'a.b.c', { a: { b: { c: 'new' } } }],
    [{ list: ['x', 'y'] }, 'list.1', { list: ['x', 'new'] }],
    [{ list: ['x'] }, 'list.1', { list: ['x', 'new'] }],
    [{ list: [{ a: 1 }] }, 'list.0.b', { list: [{ a: 1, b: 'new' }] }],
    [{ a: 1 }, '', 'new'],
    [undefined, 'a', { a: 'new' }],
  ])('sets in %j what is at %s', (value, path, changed) => {
    const before = structuredClone(value)
    expect(withValue(value, pathNames(path), 'new')).toEqual(changed)
    expect(value).toEqual(before)
  })

  test.each<[unknown, string]>([
    [{ a: 'text' }, 'a.b'],
    [{ a: null }, 'a.b'],
    [{ list: [] }, 'list.1'],
    [{ list: [] }, 'list.length'],
    [{ list: [] }, 'list.push'],
  ])('refuses %j at %s', (value, path) => {
    expect(() => withValue(value, pathNames(path), 'new')).toThrow(refused('There is no member'))
  })

  test('touches no prototype', () => {
    const changed = withValue({}, ['__proto__', 'polluted'], true) as object
    expect(Object.getPrototypeOf(changed)).toBe(Object.prototype)
    expect(Object.hasOwn(changed, '__proto__')).toBe(true)
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined()
  })

  test('is found again where it was put', () => {
    const names = fc.array(fc.constantFrom('a', 'b', '__proto__', '0'), { maxLength: 4 })
    const holders = fc.constantFrom<unknown>({}, { a: {} }, { b: { a: {} }, a: {} })
    fc.assert(
      fc.property(holders, names, fc.jsonValue(), (value, path, member) => {
        expect(valueAt(withValue(value, path, member), path)).toBe(member)
      }),
    )
  })
})

describe('plainCopy()', () => {
  test('is what JSON would give back, frozen', () => {
    fc.assert(
      fc.property(fc.jsonValue(), value => {
        const copy = plainCopy(value, 'It')
        expect(copy).toEqual(JSON.parse(JSON.stringify(value)))
        expect(typeof copy !== 'object' || copy === null || (Object.isFrozen(copy) && copy !== value)).toBe(
          true,
        )
      }),
    )
    expect(plainCopy({ a: undefined, b: [undefined, -0] }, 'It')).toEqual({ b: [null, 0] })
    const twice = { same: 1 }
    expect(plainCopy([twice, twice], 'It')).toEqual([twice, twice])
  })

  test.each<[string, unknown]>([
    ['Date', new Date(0)],
    ['Map', new Map()],
    ['Float32Array', new Float32Array(2)],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['1', 1n],
    ['undefined', undefined],
  ])('refuses what holds %s', (kind, value) => {
    expect(() => plainCopy(kind === 'undefined' ? value : { a: [value] }, 'It')).toThrow(
      refused(`It is not plain data: it holds ${kind}`),
    )
  })

  test('refuses what holds itself', () => {
    const value: { self?: unknown } = {}
    value.self = [value]
    expect(() => plainCopy(value, 'It')).toThrow(refused('it holds itself'))
  })
})
