/** Which passages are worth embedding: the cap, the share of each source, rarity, and the same every time. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { tabulate } from '../../src/evidence/passages.ts'
import { selectPassages } from '../../src/evidence/select.ts'
import { termsOf } from '../../src/evidence/terms.ts'

const chosen = (claim: string, contents: readonly string[], maxPassages: number) => {
  const terms = termsOf(claim)
  return selectPassages(
    contents.map(content => tabulate(content, terms)),
    terms,
    maxPassages,
  ).map(candidate => ({
    ...candidate,
    text: (contents[candidate.source] as string).slice(candidate.start, candidate.end),
  }))
}

/** Lines that no rule joins. */
const lines = (...texts: string[]): string => texts.join('\n\n')

describe('selectPassages()', () => {
  test('keeps to the cap and to the order of sources and text, and repeats itself', () => {
    const source = fc
      .array(fc.constantFrom('gate open', 'gate shut', 'north gate 7', 'nothing', 'North 7 7'), {
        maxLength: 30,
      })
      .map(texts => lines(...texts))
    fc.assert(
      fc.property(fc.array(source, { maxLength: 8 }), fc.integer({ min: 1, max: 40 }), (contents, cap) => {
        const picks = chosen('The North gate 7 was open', contents, cap)
        const total = chosen('x', contents, 1e9).length
        expect(picks).toHaveLength(Math.min(cap, total))
        for (const [index, { source, start, overlap }] of picks.entries()) {
          expect(overlap).toBeGreaterThanOrEqual(0)
          expect(overlap).toBeLessThanOrEqual(1 + 1e-9)
          const before = picks[index - 1]
          if (before !== undefined) {
            expect(source * 1e6 + start).toBeGreaterThan(before.source * 1e6 + before.start)
          }
        }
        expect(chosen('The North gate 7 was open', contents, cap)).toEqual(picks)
      }),
    )
  })

  test('keeps the best passage of each source, however many better ones another source has', () => {
    const log = lines(...Array.from({ length: 200 }, (_, index) => `The gate was open at ${index}.`))
    const report = lines('Soup on Monday.', 'A gate was seen.', 'Rain on Friday.')
    const picks = chosen('The gate was open at 5.', [log, report, 'Nothing to tell.'], 8)
    expect(picks).toHaveLength(8)
    expect(picks.filter(({ source }) => source === 1).map(({ text }) => text)).toEqual(['A gate was seen.'])
    expect(picks.filter(({ source }) => source === 2)).toHaveLength(1)
  })

  test('with more sources than room keeps those that say most', () => {
    const contents = Array.from({ length: 20 }, (_, index) =>
      index === 13 ? 'The gate was open.' : `Line ${index}.`,
    )
    expect(chosen('The gate was open.', contents, 2).map(({ source }) => source)).toContain(13)
  })

  test('a rare word wins over a common one, and a number over a word as rare', () => {
    const log = lines(
      ...Array.from({ length: 50 }, (_, index) => `gateway answered ${index + 100}`),
      'breaker tripped',
    )
    expect(chosen('gateway breaker', [log], 1).map(({ text }) => text)).toEqual(['breaker tripped'])
    const even = lines(
      ...Array.from({ length: 20 }, (_, index) => `row ${'abcdefghijklmnopqrst'[index]}`),
      'breaker',
      '417',
    )
    expect(chosen('the breaker 417', [even], 1).map(({ text }) => text)).toEqual(['417'])
  })

  test('with no passage or no term chooses without failing', () => {
    expect(chosen('gate', ['', '---'], 5)).toEqual([])
    expect(chosen('the', ['a b', 'c d'], 1)).toMatchObject([{ overlap: 0 }])
    expect(selectPassages([], [], 5)).toEqual([])
  })
})
