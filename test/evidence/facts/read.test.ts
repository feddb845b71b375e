/** Which facts are read from which kind of text, and where they lie. */
import { describe, expect, test } from 'vitest'
import { readClaim } from '../../../src/evidence/facts/claim.ts'
import { compareVersions } from '../../../src/evidence/facts/interval.ts'
import { momentOf, within } from '../../../src/evidence/facts/moment.ts'
import { tokensOf } from '../../../src/evidence/facts/quantity.ts'
import { readFacts } from '../../../src/evidence/facts/read.ts'

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

describe('readFacts()', () => {
  test.each([
    ['a sentence', 'All is well. The p99 of search was 840 ms.', 'The p99 of search was 840 ms.', 840, 'p99'],
    [
      'a metric',
      '# TYPE x gauge\nx_seconds{quantile="0.5"} 0.1',
      'x_seconds{quantile="0.5"} 0.1',
      100,
      'p50',
    ],
    ['a CSV row', 'name,size_mib\na,2', 'a,2', 2_097_152, 'plain'],
    ['a Markdown row', '| name | max_ms |\n|---|---|\n| a | 7 |', '| a | 7 |', 7, 'max'],
    ['a JSON entry', '{\n  "sizeBytes": 12\n}', '"sizeBytes": 12', 12, 'plain'],
    ['a YAML entry', 'a:\n  timeout_ms: 2000', 'timeout_ms: 2000', 2000, 'plain'],
    [
      'a log line',
      '2026-05-05T09:55:00Z INFO job took=3s',
      '2026-05-05T09:55:00Z INFO job took=3s',
      3000,
      'plain',
    ],
  ])('finds the figure of %s at its place', (_, text, place, value, statistic) => {
    const fact = readFacts(text).find(({ quantity }) => quantity !== undefined)
    expect(fact).toMatchObject({ statistic, quantity: { value } })
    expect(text.slice(fact?.start, fact?.end)).toBe(place)
  })

  test('takes a limit for a plan and a correction for one', () => {
    expect(readFacts('The limit is 5 GB.')[0]).toMatchObject({ modality: 'plan' })
    expect(readFacts('Correction: it was 5 GB.')[0]).toMatchObject({ corrects: true, modality: 'fact' })
  })
})

describe('readClaim()', () => {
  test.each([
    ['Search took less than 5 s.', 'under', 'plain'],
    ['Search took no more than 5 s.', 'at-most', 'plain'],
    ['Search never took more than 5 s.', 'at-most', 'max'],
    ['Search took at least 5 s on average.', 'at-least', 'mean'],
    ['The median of search was about 5 s.', 'about', 'p50'],
    ['Search took between 4 and 5 s.', 'between', 'plain'],
    ['No errors were logged by search.', 'exact', 'count'],
  ])('%s', (claim, comparison, statistic) => {
    expect(readClaim(claim)[0]).toMatchObject({ comparison, statistic })
  })

  test('finds no figure where none is stated', () => {
    expect(readClaim('The gateway no longer writes tokens to its log.')).toEqual([])
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
