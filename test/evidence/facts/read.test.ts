/** Which facts are read from which kind of text, and where they lie. */
import { describe, expect, test } from 'vitest'
import { compareVersions } from '../../../src/evidence/facts/interval.ts'
import { momentOf, within } from '../../../src/evidence/facts/moment.ts'
import { unitsOf } from '../../../src/evidence/facts/prose.ts'
import { tokensOf } from '../../../src/evidence/facts/quantity.ts'
import { readStatement } from '../../../src/evidence/facts/statement.ts'
import { lengthOf, lies, orderOf, whensOf } from '../../../src/evidence/facts/when.ts'

const figures = (text: string) =>
  tokensOf(text).map(token =>
    token.kind === 'quantity' ? [token.quantity.value, token.quantity.dimension] : token.kind,
  )

describe('tokensOf()', () => {
  test.each([
    ['0.84 s', [[840, 'time']]],
    ['22m09s', [[1_329_000, 'time']]],
    ['1 h 20 min', [[4_800_000, 'time']]],
    ['half an hour', [[1_800_000, 'time']]],
    [
      '2Gi and 2 GB',
      [
        [2_147_483_648, 'bytes'],
        [2_000_000_000, 'bytes'],
      ],
    ],
    ['182.4 MiB', [[191_260_262.4, 'bytes']]],
    ['99.95 %', [[99.95, 'percent']]],
    ['77 °F', [[25, 'temperature']]],
    ['$1,200.50', [[1200.5, 'money-usd']]],
    ['1,234,567 rows', [[1_234_567, 'number']]],
    ['twenty-one', [[21, 'number']]],
    ['5 million', [[5_000_000, 'number']]],
    ['at the 99th percentile', ['percentile']],
    ['on 9 April 2026 at 14:00', ['moment', 'moment']],
    ['planner-3 w4 T-118', []],
  ])('of %j', (text, found) => {
    expect(figures(text)).toEqual(found)
  })
})

describe('unitsOf()', () => {
  test('cuts sentences, items and timeline lines, with what they stand under', () => {
    const text = `# Outage

The api was down, approx. 46 minutes. Nothing was lost.

Timeline:
- 09:12 first alert
- 09:58 all fine`
    const units = unitsOf(text)
    expect(units.map(unit => unit.text)).toEqual([
      'The api was down, approx. 46 minutes.',
      'Nothing was lost.',
      'Timeline:',
      '09:12 first alert',
      '09:58 all fine',
    ])
    expect(units.map(({ start, end }) => text.slice(start, end))).toEqual(units.map(unit => unit.text))
    expect(units[3]).toMatchObject({ heading: 'Outage', parent: 'Timeline:', stamp: '09:12', item: true })
  })

  test('passes over tables, metrics, entries and log lines', () => {
    const structured = [
      'service,errors\nsearch,14',
      '| service | errors |\n| --- | --- |\n| search | 14 |',
      'errors_total{service="search"} 14',
      '{ "errors": 14 }',
      'errors: 14',
      '2026-05-05T09:59:12Z ERROR scheduler worker lost',
    ]
    for (const text of structured) expect(unitsOf(text)).toEqual([])
    expect(unitsOf('errors: 14\n\nSearch had 14 errors.').map(unit => unit.text)).toEqual([
      'Search had 14 errors.',
    ])
  })
})

describe('readStatement()', () => {
  test.each([
    ['Search took less than 5 s.', 'under', 'plain'],
    ['Search took no more than 5 s.', 'at-most', 'plain'],
    ['Search never took more than 5 s.', 'at-most', 'plain'],
    ['Search took at least 5 s on average.', 'at-least', 'mean'],
    ['The median of search was about 5 s.', 'about', 'p50'],
    ['Search took between 4 and 5 s.', 'between', 'plain'],
    ['Search took 5 s or more.', 'at-least', 'plain'],
    ['Search had a p95 of 5 s.', 'exact', 'p95'],
    ['Without a single failure the run ended.', 'exact', 'plain'],
  ])('%s', (text, comparison, statistic) => {
    expect(readStatement(text).figures[0]).toMatchObject({ comparison, statistic })
  })

  test.each([
    ['Memory grew by 30 %.', { direction: 'up', share: 0.3, by: true }],
    ['Memory fell from 5 GB to 4 GB.', { direction: 'down', by: false }],
    ['The image is 38 % smaller.', { direction: 'down', share: 0.38, by: true }],
  ])('reads the change in %j', (text, change) => {
    expect(readStatement(text).figures[0]?.change).toMatchObject(change)
  })

  test('takes numbers that name something for names', () => {
    expect(readStatement('Build 812 on node 3 failed in oven 2.').figures).toEqual([])
  })

  test('tells plans, former values and questions from facts', () => {
    expect(readStatement('The limit should be 5 GB.').marks.plan).toBe(true)
    expect(readStatement('It used to be 5 GB.').marks.former).toBe(true)
    expect(readStatement('It is not known how many failed.').marks.open).toBe(true)
    expect(readStatement('It was 5 GB.').marks).toEqual({
      plan: false,
      example: false,
      former: false,
      negated: false,
      open: false,
    })
  })
})

describe('whensOf()', () => {
  test('joins what belongs together and turns zones to UTC', () => {
    expect(whensOf('On 3 June 2026 at 14:05 CEST it failed.')).toMatchObject([
      { year: 2026, month: 6, day: 3, clock: 43_500, utc: true },
    ])
    expect(whensOf('from 23:35 to 01:05').map(lengthOf)).toEqual([5_400_000])
    expect(whensOf('before 3 pm; in Q2; last week').map(({ relation }) => relation)).toEqual([
      'before',
      'at',
      'at',
    ])
  })

  test('lies() and orderOf() say nothing of what is not told', () => {
    const [june, third, clock] = whensOf('in June; 3 June; 14:00')
    if (june === undefined || third === undefined || clock === undefined)
      throw new Error('three times are there')
    expect(lies(third, june)).toBe(true)
    expect(lies(june, third)).toBeUndefined()
    expect(orderOf(third, clock)).toBeUndefined()
  })
})

describe('moments and versions', () => {
  test('are compared as what they are', () => {
    expect(compareVersions([1, 10, 0], [1, 9, 4])).toBeGreaterThan(0)
    expect(compareVersions([2], [2, 0, 0])).toBe(0)
    const day = momentOf('9 April 2026') ?? {}
    expect(within(momentOf('2026-04-09 13:52:40'), day)).toBe(true)
    expect(within(momentOf('2026-04-09T22:30:00-03:00'), day)).toBe(false)
    expect(within(momentOf('13:52'), day)).toBeUndefined()
  })
})
