/** What is kept, cut and dropped of a context, and that the budget holds whatever the parts are. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InputError } from '../../../src/core/errors.ts'
import { type ContextPart, fitContext, roughTokens } from '../../../src/evidence/prompts/context.ts'

/** One token a word. */
const words = (text: string): number => text.split(/\s+/).filter(word => word !== '').length
const into = (parts: readonly ContextPart[], tokens: number) => fitContext(parts, { tokens, tokensOf: words })
const part = (id: string, text: string, priority = 0, more: Partial<ContextPart> = {}): ContextPart => ({
  id,
  text,
  priority,
  ...more,
})

describe('fitContext()', () => {
  test('keeps all that fits, in the order given', () => {
    const parts = [part('a', 'one two', 1), part('b', 'three', 2)]
    expect(into(parts, 3)).toEqual({
      parts: [
        { id: 'a', text: 'one two', tokens: 2, cut: false },
        { id: 'b', text: 'three', tokens: 1, cut: false },
      ],
      tokens: 3,
      budget: 3,
      dropped: [],
      cut: [],
    })
  })

  test('takes what is required first, then by priority, relevance and size', () => {
    const parts = [
      part('low', 'a a', 1),
      part('large', 'b b b', 2),
      part('small', 'c c', 2),
      part('relevant', 'd d d', 2, { relevance: 1 }),
      part('needed', 'e e', -5, { required: true }),
    ]
    const kept = (tokens: number) => into(parts, tokens).parts.map(({ id }) => id)
    expect(kept(2)).toEqual(['needed'])
    expect(kept(5)).toEqual(['relevant', 'needed'])
    expect(kept(7)).toEqual(['small', 'relevant', 'needed'])
    expect(kept(10)).toEqual(['large', 'small', 'relevant', 'needed'])
    expect(kept(12)).toEqual(['low', 'large', 'small', 'relevant', 'needed'])
  })

  test('lets a smaller part behind take the room that a larger one could not', () => {
    const { dropped, parts } = into([part('large', 'a a a a', 2), part('small', 'b', 1)], 3)
    expect(parts.map(({ id }) => id)).toEqual(['small'])
    expect(dropped).toEqual([{ id: 'large', tokens: 4 }])
  })

  test('cuts at the end of a sentence where it may, and says so', () => {
    const text = 'One two. Three four five. Six.'
    const { cut, parts, tokens } = into([part('a', text, 0, { mayCut: true })], 5)
    expect(parts).toEqual([{ id: 'a', text: 'One two. Three four five.', tokens: 5, cut: true }])
    expect(cut).toEqual([{ id: 'a', tokens: 6, keptTokens: 5 }])
    expect(tokens).toBe(5)
    expect(into([part('a', text, 0, { mayCut: true })], 1).parts).toEqual([])
    expect(into([part('a', text)], 5).dropped).toEqual([{ id: 'a', tokens: 6 }])
  })

  test('cuts what is required only where it must, the least wanted first, and refuses what can’t be cut', () => {
    const parts = [
      part('a', 'One two. Three.', 2, { required: true, mayCut: true }),
      part('b', 'Four five. Six.', 1, { required: true, mayCut: true }),
      part('c', 'seven', 0, { required: true }),
    ]
    expect(into(parts, 7).cut).toEqual([])
    expect(into(parts, 6).cut.map(({ id }) => id)).toEqual(['b'])
    expect(into(parts, 5).cut.map(({ id }) => id)).toEqual(['a', 'b'])
    expect(() => into(parts, 4)).toThrow(InputError)
    expect(() => into(parts, 4)).toThrow(
      'The required parts need 5 tokens and there is room for 4 (a 3, b 3, c 1)',
    )
  })

  test('prefers the smaller of two alike, and cuts what is required no shorter than it must', () => {
    expect(into([part('large', 'a a a'), part('small', 'b b')], 3).dropped).toEqual([
      { id: 'large', tokens: 3 },
    ])
    const three = part('a', 'One. Two. Three.', 0, { required: true, mayCut: true })
    expect(into([three], 2).parts).toMatchObject([{ text: 'One. Two.' }])
  })

  test('refuses a budget, an estimate or ids that are none', () => {
    expect(() => into([], -1)).toThrow(InputError)
    expect(() => into([], 1.5)).toThrow(InputError)
    expect(() => into([part('a', 'x'), part('a', 'y')], 5)).toThrow('The part "a" is there twice')
    for (const wrong of [Number.NaN, -1, 0.5])
      expect(() => fitContext([part('a', 'x')], { tokens: 1, tokensOf: () => wrong })).toThrow(InputError)
  })

  const sentence = fc
    .array(fc.constantFrom('alpha', 'beta', '3.5', 'Dr.', '网关', '🔋'), { minLength: 1, maxLength: 6 })
    .map(list => `${list.join(' ')}. `)
  const parts = fc
    .array(
      fc.record({
        text: fc.array(sentence, { maxLength: 5 }).map(list => list.join('')),
        priority: fc.integer({ min: 0, max: 3 }),
        relevance: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: 0 }),
        required: fc.boolean(),
        mayCut: fc.boolean(),
      }),
      { maxLength: 8 },
    )
    .map(list => list.map((each, index) => ({ ...each, id: `p${index}` })))
  const estimate = fc.constantFrom(words, roughTokens, (text: string) => text.length)

  test('never goes beyond the budget, loses no required part, and accounts for every part', () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: 0, max: 60 }), estimate, (list, tokens, tokensOf) => {
        let fitted: ReturnType<typeof fitContext>
        try {
          fitted = fitContext(list, { tokens, tokensOf })
        } catch (error) {
          expect(error).toBeInstanceOf(InputError)
          const required = list.filter(({ required }) => required)
          expect(required.reduce((sum, { text }) => sum + tokensOf(text), 0)).toBeGreaterThan(tokens)
          return
        }
        const kept = new Map(fitted.parts.map(one => [one.id, one]))
        expect(fitted.tokens).toBeLessThanOrEqual(tokens)
        expect(fitted.tokens).toBe(fitted.parts.reduce((sum, one) => sum + tokensOf(one.text), 0))
        expect([...kept.keys()]).toEqual(list.map(({ id }) => id).filter(id => kept.has(id)))
        expect(fitted.dropped).toEqual(
          list.flatMap(({ id, text }) => (kept.has(id) ? [] : [{ id, tokens: tokensOf(text) }])),
        )
        for (const { id, mayCut, required, text } of list) {
          const one = kept.get(id)
          if (required) expect(one).toBeDefined()
          if (one === undefined) continue
          expect(text.startsWith(one.text)).toBe(true)
          expect(one.cut).toBe(one.text !== text)
          if (one.cut) expect(mayCut).toBe(true)
          if (one.cut) expect(one.text).toMatch(/\.$/)
        }
        // Nothing that was dropped whole would have fitted beside what was kept.
        const left = tokens - fitted.tokens
        for (const { tokens: size } of fitted.dropped) expect(size).toBeGreaterThan(left)
        expect(fitContext(list, { tokens, tokensOf })).toEqual(fitted)
      }),
    )
  })

  test('keeps no part of a lower priority in the place of one that would have fitted', () => {
    fc.assert(
      fc.property(parts, fc.integer({ min: 0, max: 60 }), (list, tokens) => {
        const free = list.map(each => ({ ...each, required: false, mayCut: false }))
        const fitted = fitContext(free, { tokens, tokensOf: words })
        for (const { id } of fitted.dropped) {
          const gone = free.find(each => each.id === id) as (typeof free)[number]
          const before = fitted.parts
            .map(kept => free.find(each => each.id === kept.id) as (typeof free)[number])
            .filter(kept => kept.priority >= gone.priority)
            .reduce((sum, kept) => sum + words(kept.text), 0)
          expect(before + words(gone.text)).toBeGreaterThan(tokens)
        }
      }),
    )
  })
})

describe('roughTokens()', () => {
  test('is a third of the bytes, rounded up', () => {
    expect(['', 'a', 'abc', 'abcd', '网关'].map(roughTokens)).toEqual([0, 1, 1, 2, 2])
  })
})
