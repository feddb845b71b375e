/** The two checkers of figures as one: each on what it can read, together where sources agree or do not. */
import { describe, expect, test } from 'vitest'
import { checkFigures } from '../../src/evidence/arithmetic.ts'

const prose = { id: 'note', content: 'For search the 99th percentile came out at 0.84 s last week.' }
const table = { id: 'table', content: 'service,p99_ms\nsearch,840\nsuggest,1120\n' }
const otherTable = { id: 'table', content: 'service,p99_ms\nsearch,1310\nsuggest,1120\n' }
const claim = 'The 99th percentile of search was under 900 ms.'

describe('checkFigures()', () => {
  test('leaves out what is too long, the longest first, and names it', () => {
    const long = { id: 'long', content: `${'x'.repeat(99)}\n`.repeat(20_000) }
    const longer = { id: 'longer', content: long.content.repeat(2) }
    const { decision, unread } = checkFigures(claim, [longer, long, table])
    expect(unread).toEqual(['longer'])
    expect(decision.verdict).toBe('supports')
  })

  test('decides by prose, and by a table, and names the place', () => {
    for (const source of [prose, table]) {
      const { decision } = checkFigures(claim, [source])
      expect(decision.verdict).toBe('supports')
      expect(decision.spans.length).toBeGreaterThan(0)
      for (const { end, sourceId, start, text } of decision.spans) {
        expect(sourceId).toBe(source.id)
        expect(source.content.slice(start, end)).toBe(text)
      }
    }
  })

  test('sources of both kinds that agree are both named; that disagree leave it disputed, with both sides', () => {
    const agreed = checkFigures(claim, [prose, table]).decision
    expect(agreed.verdict).toBe('supports')
    expect(new Set(agreed.spans.map(({ sourceId }) => sourceId))).toEqual(new Set(['note', 'table']))
    for (const sources of [
      [prose, otherTable],
      [otherTable, prose],
    ]) {
      const { spans, verdict } = checkFigures(claim, sources).decision
      expect(verdict).toBe('disputed')
      expect(new Set(spans.map(({ stance }) => stance))).toEqual(new Set(['supports', 'refutes']))
    }
  })

  test('is silent of what no source states, and says whether the claim states a figure', () => {
    const canteen = { id: 'c', content: 'The canteen serves soup.' }
    expect(checkFigures(claim, [canteen])).toMatchObject({
      decision: { verdict: 'silent', spans: [] },
      statesFigure: true,
    })
    expect(checkFigures('The gate was painted.', [prose]).statesFigure).toBe(false)
    expect(checkFigures('Masks slow the spread of COVID-19.', [canteen]).statesFigure).toBe(false)
  })
})
