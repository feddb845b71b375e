/** Laws of the arithmetic: what a change of a claim or of its sources may do to a verdict, and what not. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decide } from '../../../src/evidence/facts/decide.ts'
import type { FactSource } from '../../../src/evidence/facts/fact.ts'

const numbers = fc.integer({ min: 2, max: 900 })
const subjects = ['search', 'checkout', 'billing', 'indexer', 'mailer']

/** One figure of one subject, as several kinds of source write it. */
const forms: readonly ((subject: string, ms: number) => string)[] = [
  (subject, ms) => `The p99 latency of ${subject} was ${ms} ms.`,
  (subject, ms) => `For ${subject} the 99th percentile latency came out at ${ms / 1000} s.`,
  (subject, ms) =>
    `Nothing was changed. In ${subject}, p99 latency came to ${ms} ms, as measured by the probes.`,
  (subject, ms) => `- ${subject}: p99 latency ${ms} ms\n- proxy: p99 latency 4 ms`,
]

const world = fc.record({
  subject: fc.constantFrom(...subjects),
  ms: numbers,
  form: fc.constantFrom(...forms),
})

const verdictOf = (claim: string, sources: readonly FactSource[]) => decide(claim, sources).verdict

describe('a decided verdict', () => {
  test('follows the number that is claimed, in any unit', () => {
    fc.assert(
      fc.property(world, numbers, ({ subject, ms, form }, limit) => {
        const source = { id: 's1', content: form(subject, ms) }
        const claim = (figure: string) => `The p99 latency of ${subject} was under ${figure}.`
        const expected = ms < limit ? 'supports' : 'refutes'
        expect(verdictOf(claim(`${limit} ms`), [source])).toBe(expected)
        expect(verdictOf(claim(`${limit / 1000} seconds`), [source])).toBe(expected)
      }),
    )
  })

  test('turns with a number past the value, or with the other comparison', () => {
    fc.assert(
      fc.property(world, ({ subject, ms, form }) => {
        const source = { id: 's1', content: form(subject, ms) }
        expect(verdictOf(`The p99 latency of ${subject} was ${ms} ms.`, [source])).toBe('supports')
        expect(verdictOf(`The p99 latency of ${subject} was ${ms * 3} ms.`, [source])).toBe('refutes')
        expect(verdictOf(`The p99 latency of ${subject} was over ${ms} ms.`, [source])).toBe('refutes')
        expect(verdictOf(`The p99 latency of ${subject} was at least ${ms} ms.`, [source])).toBe('supports')
      }),
    )
  })

  test('falls silent with another subject, statistic, unit of another kind, or day', () => {
    fc.assert(
      fc.property(world, ({ subject, ms, form }) => {
        const source = { id: 's1', content: form(subject, ms) }
        expect(verdictOf(`The p99 latency of gateway was ${ms} ms.`, [source])).toBe('silent')
        expect(verdictOf(`The median latency of ${subject} was ${ms} ms.`, [source])).toBe('silent')
        expect(verdictOf(`The p99 latency of ${subject} was ${ms} MB.`, [source])).toBe('silent')
        expect(verdictOf(`On 3 May 2026 the p99 latency of ${subject} was ${ms} ms.`, [source])).toBe(
          'silent',
        )
        expect(verdictOf(`The p99 latency of ${subject} on staging was ${ms} ms.`, [source])).toBe('silent')
      }),
    )
  })

  test('is the same for any order of the sources, for repeated ones and beside irrelevant ones', () => {
    const irrelevant: FactSource[] = [
      { id: 'x1', content: 'New colleagues get a laptop, a badge and 3 vouchers.' },
      { id: 'x2', content: 'Room birch is at 21.4 °C.' },
      { id: 'x3', content: 'The p99 latency of gateway was 77 ms.' },
    ]
    fc.assert(
      fc.property(
        world,
        numbers,
        fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }),
        (given, limit, order) => {
          const { subject, ms, form } = given
          const source = { id: 's1', content: form(subject, ms) }
          const claim = `The p99 latency of ${subject} was under ${limit} ms.`
          const alone = decide(claim, [source])
          const all = [source, ...irrelevant]
          const shuffled = order.map(index => all[index] as FactSource)
          expect(decide(claim, shuffled)).toEqual(alone)
          expect(decide(claim, [source, { ...source, id: 's2' }]).verdict).toBe(alone.verdict)
        },
      ),
    )
  })

  test('is disputed where two sources disagree; both are cited', () => {
    const sources = [
      { id: 'a', content: 'The p99 latency of search was 840 ms.' },
      { id: 'b', content: 'The p99 latency of search was 1.2 s.' },
    ]
    for (const given of [sources, sources.toReversed()]) {
      const { verdict, spans } = decide('The p99 latency of search was under 900 ms.', given)
      expect(verdict).toBe('disputed')
      expect(spans.map(({ sourceId, stance }) => [sourceId, stance])).toEqual([
        ['a', 'supports'],
        ['b', 'refutes'],
      ])
    }
  })

  test('is never reached by a plan, a target or a limit', () => {
    fc.assert(
      fc.property(fc.constantFrom(...subjects), numbers, (subject, ms) => {
        const plans = [
          `The target for the p99 latency of ${subject} is ${ms} ms.`,
          `The p99 latency of ${subject} should be ${ms} ms.`,
          `We expect the p99 latency of ${subject} to be ${ms} ms.`,
          `Proposal: keep the p99 latency of ${subject} at ${ms} ms.`,
        ]
        for (const content of plans) {
          expect(verdictOf(`The p99 latency of ${subject} was ${ms} ms.`, [{ id: 's1', content }])).toBe(
            'silent',
          )
        }
      }),
    )
  })
})

describe('decide()', () => {
  test('takes any text without a throw, and cites it word for word', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'grapheme', maxLength: 300 }),
        fc.string({ maxLength: 120 }),
        (content, claim) => {
          for (const { start, end, text } of decide(`${claim} 5 errors`, [{ id: 's1', content }]).spans) {
            expect(content.slice(start, end)).toBe(text)
          }
        },
      ),
    )
  })

  test('comes to an end on hostile lines', () => {
    const hostile = [
      '9'.repeat(4000),
      '1,'.repeat(2000),
      'a_'.repeat(2000),
      ' - '.repeat(2000),
      '"x": '.repeat(800),
    ]
    const content = Array.from({ length: 16 }, () => hostile.join('\n')).join('\n')
    const { verdict } = decide('The search service had 5 errors in x 9.', [{ id: 's1', content }])
    expect(verdict).toBe('silent')
  })
})
