/** What counts as a term of a claim, and how much it weighs. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eachTerm, maxTerms, termsIn, termsOf } from '../../src/evidence/terms.ts'

describe('termsIn()', () => {
  test.each([
    ['The gate was open', ['gate', 'open']],
    ['200ms', ['200', 'ms']],
    ['checkout_gateway.retries', ['checkout', 'gateway', 'retrie']],
    ['retries', ['retrie']],
    ['loss pass', ['loss', 'pass']],
    ['1,234,567 and 12.00', ['1234567', '12']],
    ['0.84', ['0.84']],
    ['Ünïcode ﬁle １２', ['ünïcode', 'file', '12']],
    ['时钟快', ['时', '钟', '快']],
    ['', []],
  ])('of %j are %j', (text, terms) => {
    expect(termsIn(text)).toEqual(terms)
  })
})

describe('eachTerm()', () => {
  test('gives offsets at which the term begins', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 200 }), text => {
        let last = -1
        eachTerm(text, (_term, start) => {
          expect(start).toBeGreaterThan(last)
          expect(text.slice(start)).toMatch(/^[\p{L}\p{M}\p{N}\p{S}]/u)
          last = start
        })
      }),
    )
  })
})

describe('termsOf()', () => {
  test('puts numbers first, then names, then words, each once', () => {
    expect(termsOf('The gate failed 8 times; gates at Delft failed 8 times')).toEqual([
      { text: '8', weight: 1.5 },
      { text: 'delft', weight: 1.3 },
      { text: 'gate', weight: 1 },
      { text: 'failed', weight: 1 },
      { text: 'time', weight: 1 },
    ])
  })

  test('keeps 64 at most, the heaviest', () => {
    const claim = `${Array.from({ length: 100 }, (_, index) => `word${'abcdefghij'[index % 10]}${'abcdefghij'[Math.floor(index / 10)]}`).join(' ')} 42 Zürich`
    const terms = termsOf(claim)
    expect(terms).toHaveLength(maxTerms)
    expect(terms.slice(0, 2).map(({ text }) => text)).toEqual(['42', 'zürich'])
  })
})
