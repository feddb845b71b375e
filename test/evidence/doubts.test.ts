/** Decisions by figures that are not believed, whoever made them. */
import { describe, expect, test } from 'vitest'
import { checkFigures } from '../../src/evidence/arithmetic.ts'
import { doubted } from '../../src/evidence/doubts.ts'
import type { Decision } from '../../src/evidence/facts/fact.ts'

const decision = (text: string): Decision => ({
  verdict: 'supports',
  spans: [{ sourceId: 's1', start: 0, end: text.length, text, stance: 'supports' }],
  reason: 'r',
  compared: [],
})

describe('doubted()', () => {
  test.each([
    ['other months', 'Orders rose by 10 % from May to June.', 'Orders rose by 10 % from April to May.'],
    ['asks for a version', 'The agent runs on libfoo 2.4.1.', 'libfoo>=2.4.1'],
    ['still under way', 'All tenants were moved by 18:00.', '17:00: we are moving the last tenants.'],
    ['says what is wanted', 'Search answers in 200 ms.', 'Search should answer in 200 ms.'],
    ['no years', 'The lease runs for six years.', 'The lease covers six floors.'],
  ])('is silent where it %s', (_what, claim, text) => {
    expect(doubted(claim, decision(text))).toMatchObject({ verdict: 'silent', spans: [] })
  })

  test.each([
    ['Orders rose by 10 % from May to June.', 'From May to June orders rose by 10 %.'],
    ['In March the queue held 40 jobs.', 'queue: 40 jobs'],
    ['The agent needs libfoo 2.4.1 or newer.', 'libfoo>=2.4.1'],
    ['Three files are missing.', '3 files are missing'],
    ['The lease runs for six years.', 'lease: six years'],
    ['The target for search is 200 ms.', 'target for search: 200 ms'],
  ])('stands where nothing speaks against it: %s', (claim, text) => {
    const given = decision(text)
    expect(doubted(claim, given)).toBe(given)
  })

  test('is what arithmetic comes to in the end', () => {
    const source = { id: 's', content: 'Spend fell from 900 euros in April to 600 euros in May.' }
    expect(checkFigures('Spend fell by a third from April to May.', [source]).decision.verdict).not.toBe(
      'refutes',
    )
    expect(checkFigures('Spend fell by a third from May to June.', [source]).decision.verdict).toBe('silent')
  })
})
