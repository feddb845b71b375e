/**
 * The labelled development pairs, as a floor under what the checker of prose has reached on them. They were
 * used to build it, so this says nothing of how well it does elsewhere.
 */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { decide } from '../../../src/evidence/facts/decide.ts'
import type { Decision, FactSource } from '../../../src/evidence/facts/fact.ts'

type Span = { readonly sourceId: string; readonly start: number; readonly end: number }
type Pair = {
  readonly claim: string
  readonly sources: readonly FactSource[]
  readonly label: string
  readonly decisive: readonly Span[]
  readonly altered: { readonly claim: string; readonly label: string }
}

const pairs = readFileSync(new URL('../../golden/development-prose.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line) as Pair)

const labels: Readonly<Record<Decision['verdict'], string>> = {
  supports: 'SUPPORTS',
  refutes: 'REFUTES',
  disputed: 'DISPUTED',
  silent: 'NOT_ENOUGH_INFO',
}

const share = (part: readonly unknown[], all: readonly unknown[]): number => part.length / all.length

describe('decide() on the development pairs', () => {
  const answers = pairs.flatMap(pair =>
    [pair, pair.altered].map(({ claim, label }) => {
      const decision = decide(claim, pair.sources)
      return { pair, label, decision, right: labels[decision.verdict] === label }
    }),
  )
  const decided = answers.filter(
    ({ decision }) => decision.verdict === 'supports' || decision.verdict === 'refutes',
  )

  test('is right in nearly all that it decides', () => {
    expect(decided.length).toBeGreaterThanOrEqual(122)
    expect(
      share(
        decided.filter(({ right }) => right),
        decided,
      ),
    ).toBeGreaterThanOrEqual(0.97)
  })

  test('is right as often as it was, silence counted', () => {
    const original = answers.filter((_, index) => index % 2 === 0)
    expect(
      share(
        original.filter(({ right }) => right),
        original,
      ),
    ).toBeGreaterThanOrEqual(0.5)
  })

  test('cites a sentence that decides', () => {
    const cited = answers.filter(
      ({ right, decision, pair }, index) =>
        index % 2 === 0 && right && decision.spans.length > 0 && pair.decisive.length > 0,
    )
    const hits = cited.filter(({ decision, pair }) =>
      decision.spans.some(span =>
        pair.decisive.some(
          ({ sourceId, start, end }) => sourceId === span.sourceId && start < span.end && span.start < end,
        ),
      ),
    )
    expect(share(hits, cited)).toBeGreaterThanOrEqual(0.95)
  })
})
