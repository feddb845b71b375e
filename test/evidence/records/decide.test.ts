/**
 * What structured sources decide, by kind, and what they leave open: claims of another thing, of other sources, with
 * other numbers. A floor under what the development pairs came to; long and hostile input.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decideRecords } from '../../../src/evidence/records/decide.ts'
import { type Case, cases } from './cases.ts'
import { logCases } from './log-cases.ts'
import { mixedCases } from './mixed-cases.ts'
import { moreCases } from './more-cases.ts'
import { plainCases } from './plain-cases.ts'
import { trapCases } from './trap-cases.ts'

const kinds = Object.entries({
  ...cases,
  ...moreCases,
  ...logCases,
  ...mixedCases,
  ...plainCases,
  ...trapCases,
})
const all: readonly Case[] = kinds.flatMap(([, list]) => list)

const verdictOf = (claim: string, { title, type, content }: Case) =>
  decideRecords(claim, [{ id: 's', title, type, content }]).verdict

for (const [kind, list] of kinds) {
  describe(`decideRecords() of ${kind}`, () => {
    for (const { title, type, content, claims } of list) {
      test.each(claims)(`${title}: %s`, (claim, verdict) => {
        const decision = decideRecords(claim, [{ id: 's', title, type, content }])
        expect(decision.verdict, decision.reason).toBe(verdict)
        for (const { start, end, text } of decision.spans) expect(content.slice(start, end)).toBe(text)
        expect(decision.spans.length > 0).toBe(verdict !== 'silent')
      })
    }
  })
}

describe('decideRecords() with a claim changed', () => {
  const names =
    /(?<![\w-])(?:ledger|invoices|mailing|archive|us-east|eu-west|eu-north|checkout|search|n1|n2|\/login|\/cart|tarwalk|tarscan|a1|a2|migration|rollback|home|api\.example|shop\.example|e2e|cart-7d9|checkout-55|search-9f|dark-mode|beta-search|Signups|Churn|queue|Disk|Image|database|cache)(?![\w-])/

  test('is silent of a thing that no source names', () => {
    const decided = all.flatMap(source =>
      source.claims.flatMap(([claim]) => {
        const changed = claim.replace(names, 'zephyr')
        return changed !== claim && verdictOf(changed, source) !== 'silent' ? [changed] : []
      }),
    )
    expect(decided).toEqual([])
  })

  test('does not support another number', () => {
    const wrong = all.flatMap(source =>
      source.claims.flatMap(([claim, verdict]) => {
        if (
          verdict !== 'supports' ||
          /\b(?:below|above|more|less|least|after|before|maximum|exceeded)\b/.test(claim)
        )
          return []
        const changed = claim.replace(/(?<![\w.-])\d[\d,.]*\d|(?<![\w.-])\d/, found =>
          String(Number(found.replaceAll(',', '')) * 7 + 3),
        )
        return changed !== claim && verdictOf(changed, source) === 'supports' ? [changed] : []
      }),
    )
    expect(wrong).toEqual([])
  })

  test('seldom decides by a source about other things', () => {
    let [decided, count] = [0, 0]
    for (const source of all) {
      for (const other of all) {
        if (other.title === source.title) continue
        for (const [claim, verdict] of source.claims) {
          if (verdict === 'silent') continue
          count += 1
          if (verdictOf(claim, other) !== 'silent') decided += 1
        }
      }
    }
    expect(decided / count).toBeLessThan(0.005)
  })
})

describe('decideRecords() over several sources', () => {
  const content = 'host,disk_used_pct\nalpha,40\nbeta,90\n'
  const other = 'host,disk_used_pct\nalpha,40\nbeta,20\n'
  const claim = 'Disk usage on beta is above 80 %.'

  test('leaves a claim disputed where they differ', () => {
    const sources = [
      { id: 'a', content },
      { id: 'b', content: other },
    ]
    expect(decideRecords(claim, sources).verdict).toBe('disputed')
    expect(decideRecords(claim, sources.toReversed())).toEqual(decideRecords(claim, sources))
  })

  test('takes a source that is given twice once', () => {
    const twice = decideRecords(claim, [
      { id: 'a', content },
      { id: 'c', content },
    ])
    expect(twice).toEqual(decideRecords(claim, [{ id: 'a', content }]))
  })
})

describe('decideRecords() of long and hostile input', () => {
  test('counts over a long log', () => {
    const lines = Array.from({ length: 3000 }, (_, index) =>
      index % 100 === 7
        ? `2026-06-03T10:00:00Z ERROR worker-2 cannot reach ldap`
        : `2026-06-03T10:00:00Z INFO worker-${index % 7} handled request id=${index} duration_ms=${index % 900}`,
    )
    const sources = [{ id: 'a', title: 'worker log', type: 'log', content: lines.join('\n') }]
    expect(decideRecords('The worker logged 30 errors.', sources).verdict).toBe('supports')
    expect(decideRecords('The worker logged 31 errors.', sources).verdict).toBe('refutes')
    expect(decideRecords('The slowest request took 899 ms.', sources).verdict).toBe('supports')
  })

  test.each([
    ['brackets', '['.repeat(50_000)],
    ['quotes', '"'.repeat(50_000)],
    ['blanks', `a${' '.repeat(50_000)}b`],
    ['commas', `${','.repeat(20_000)}\n${','.repeat(20_000)}`],
    ['keys', 'a: '.repeat(20_000)],
    ['pairs', 'a="'.repeat(20_000)],
    ['digits', '1'.repeat(50_000)],
  ])('reads %s without much ado', (_, content) => {
    expect(decideRecords('The host alpha has 3 errors.', [{ id: 'a', content }]).verdict).toBe('silent')
  })
})

type Pair = {
  readonly taskId: string
  readonly claim: string
  readonly sources: readonly {
    readonly id: string
    readonly title: string
    readonly type: string
    readonly content: string
  }[]
  readonly label: string
}

describe('the development pairs', () => {
  const labels = { supports: 'SUPPORTS', refutes: 'REFUTES', silent: 'NOT_ENOUGH_INFO', disputed: 'DISPUTED' }

  // A file may grow; the floors are those of the pairs that they were taken from.
  test.each([
    ['development-structured', 282, 51, 0.58],
    ['development-mixed', 240, 45, 0.57],
  ])('of %s come to no less than they did', (name, count, most, share) => {
    const file = new URL(`../../golden/${name}.jsonl`, import.meta.url)
    const results = readFileSync(file, 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(line => JSON.parse(line) as Pair)
      .filter(({ taskId }) => Number(taskId.slice(-3)) <= count)
      .map(({ claim, sources, label }) => ({ label, found: labels[decideRecords(claim, sources).verdict] }))
    const decided = results.filter(({ found }) => found !== 'NOT_ENOUGH_INFO')
    const right = (list: typeof results) => list.filter(({ found, label }) => found === label).length
    expect(right(decided) / decided.length).toBeGreaterThanOrEqual(0.97)
    expect(right(decided)).toBeGreaterThanOrEqual(most)
    expect(right(results) / results.length).toBeGreaterThanOrEqual(share)
  })
})
