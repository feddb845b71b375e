/** The quality table: shares with their intervals, operational claims counted by hand, figures beside their goals. */
import { describe, expect, it } from 'vitest'
import { claimsFigures, similarityFigures } from '../../bench/eval-goals.ts'
import { askAltered, operationalText } from '../../bench/eval-operational.ts'
import { figuresMarkdown, figuresText, isMet } from '../../bench/quality/goals.ts'
import { shareOf } from '../../bench/quality/interval.ts'
import type { LabelledClaim } from '../../bench/quality/labelled.ts'
import type { Label } from '../../bench/quality/labels.ts'
import { type AnsweredTwice, operationalQuality } from '../../bench/quality/operational.ts'
import type { EvidenceContext, ManyOutcome } from '../../src/index.ts'

describe('shareOf()', () => {
  it.each([
    [8, 10, 0.4902, 0.9433],
    [0, 10, 0, 0.2775],
    [10, 10, 0.7225, 1],
    [1, 2, 0.0945, 0.9055],
  ])("gives Wilson's interval for %i of %i", (right, n, least, most) => {
    const { interval, share } = shareOf(right, n)
    expect(share).toBe(right / n)
    expect(interval?.[0]).toBeCloseTo(least, 4)
    expect(interval?.[1]).toBeCloseTo(most, 4)
  })

  it('knows no share of nothing', () => {
    expect(shareOf(0, 0)).toEqual({ right: 0, n: 0, share: undefined, interval: undefined })
  })
})

const span = { sourceId: 's', start: 10, end: 20 }
const claimOf = (label: Label, more: Partial<LabelledClaim> = {}): LabelledClaim => ({
  ...{ line: 1, context: { taskId: 't', claim: 'c', sources: [] }, sourceIds: ['s'], evidenceLabels: [] },
  ...{ label, kind: 'plain', decisive: [] },
  ...more,
})
const changedTo = (label: Label, change = 'number') => ({
  altered: { context: { taskId: 't-altered', claim: 'd', sources: [] }, label, change },
})
const answer = (verdict: string, citations: readonly object[] = [], confidenceMethod = 'arithmetic') =>
  ({ verdict, citations, confidenceMethod }) as unknown as ManyOutcome
const failure: ManyOutcome = { line: 1, error: { code: 'ER_DEADLINE', message: 'late' } as never }
const cite = (start: number, end: number, sourceId = 's') => ({ sourceId, start, end })

const answered: readonly AnsweredTwice[] = [
  // Right, the second citation hits; the altered claim gets the right other verdict.
  {
    claim: claimOf('SUPPORTS', { ...changedTo('REFUTES'), decisive: [span] }),
    outcome: answer('supported', [cite(0, 10), cite(19, 30)]),
    altered: answer('refuted'),
  },
  // Wrong, the first citation hits; the altered claim gets the same verdict, which is right there.
  {
    claim: claimOf('REFUTES', { ...changedTo('SUPPORTS', 'unit'), decisive: [span] }),
    outcome: answer('supported', [cite(10, 11)]),
    altered: answer('supported'),
  },
  // Silent, and rightly so; the altered claim is decided wrongly, which moves no decided verdict.
  {
    claim: claimOf('NOT_ENOUGH_INFO', { ...changedTo('REFUTES'), kind: 'units' }),
    outcome: answer('not-enough-evidence', [], 'head'),
    altered: answer('supported'),
  },
  // Decided by the head, falls silent; no citation, although something decides.
  {
    claim: claimOf('REFUTES', {
      ...changedTo('NOT_ENOUGH_INFO', 'subject'),
      kind: 'units',
      decisive: [span],
    }),
    outcome: answer('refuted', [], 'head'),
    altered: answer('not-enough-evidence'),
  },
  // Disputed is neither decided nor silent; without an altered form.
  { claim: claimOf('NOT_ENOUGH_INFO'), outcome: answer('disputed') },
  { claim: claimOf('SUPPORTS', changedTo('REFUTES')), outcome: failure, altered: failure },
]

const counts = ({ n, right }: { readonly n: number; readonly right: number }) => [right, n]

describe('operationalQuality()', () => {
  const quality = operationalQuality(answered)

  it('counts right, decided and moved verdicts as worked out by hand', () => {
    const { all, altered, kinds, labels, methods } = quality
    expect([all.right, all.decided, all.rightOfDecided].map(counts)).toEqual([
      [3, 6],
      [3, 6],
      [2, 3],
    ])
    expect(kinds.map(({ name, right }) => [name, ...counts(right)])).toEqual([
      ['plain', 1, 4],
      ['units', 2, 2],
    ])
    expect(methods.map(({ name, rightOfDecided }) => [name, ...counts(rightOfDecided)])).toEqual([
      ['arithmetic', 1, 2],
      ['error', 0, 0],
      ['head', 1, 1],
    ])
    expect(labels.map(({ name, right }) => [name, ...counts(right)])).toEqual([
      ['NOT_ENOUGH_INFO', 1, 2],
      ['REFUTES', 1, 2],
      ['SUPPORTS', 1, 2],
    ])
    expect(counts(altered.moved)).toEqual([2, 3])
    expect(altered.changes.map(({ moved, name }) => [name, ...counts(moved)])).toEqual([
      ['number', 1, 1],
      ['subject', 1, 1],
      ['unit', 0, 1],
    ])
    expect([altered.all.right, altered.all.rightOfDecided].map(counts)).toEqual([
      [3, 5],
      [2, 3],
    ])
  })

  it('counts citations that hit among all that say what decides and among those decided', () => {
    const { all, decided } = quality.hits
    expect([all.any, all.first].map(counts)).toEqual([
      [2, 3],
      [1, 3],
    ])
    expect(decided).toEqual(all)
    const undecided = operationalQuality([{ ...(answered[0] as AnsweredTwice), outcome: failure }])
    expect([undecided.hits.all.any, undecided.hits.decided.any].map(counts)).toEqual([
      [0, 1],
      [0, 0],
    ])
  })

  it('is said in tables, and beside its goals', () => {
    const text = operationalText(quality)
    expect(text).toMatch(/^units +2 +2 of 2: 100\.0 % \(34\.2 to 100\.0\) +1 /m)
    expect(text).toMatch(/^unit +1 +0 of 1: 0\.0 %/m)
    const validation = { p50Ms: 0.2, p99Ms: 1.5 }
    const file = {
      file: 'folder/own.jsonl',
      claims: 6,
      failed: [1],
      operational: quality,
      validation,
    } as never
    const figures = claimsFigures({ files: [file] })
    const [accuracy, precision, moved] = figures
    expect(accuracy).toMatchObject({ of: 'own.jsonl', n: 6, value: 0.5, goal: 0.85 })
    expect(precision).toMatchObject({ n: 3, value: 2 / 3, goal: 0.97 })
    expect(moved).toMatchObject({ n: 3, value: 2 / 3, goal: 0.95 })
    expect(figures.map(isMet)).toEqual([...new Array(8).fill(false), true])
    expect(figures.at(-1)).toMatchObject({ n: 5, value: 1.5, goal: 5, note: 'p50 0.200' })
  })
})

describe('askAltered()', () => {
  it('asks only the altered forms and gives each answer to its claim', async () => {
    const asked: string[] = []
    const checker = {
      async *enhanceMany(contexts: Iterable<EvidenceContext> | AsyncIterable<EvidenceContext>) {
        for await (const { claim, taskId } of contexts) {
          asked.push(taskId)
          yield { ...answer('supported'), taskId: claim } as ManyOutcome
        }
      },
    }
    const named = (name: string): Partial<LabelledClaim> => ({
      altered: { context: { taskId: name, claim: name, sources: [] }, label: 'REFUTES', change: 'x' },
    })
    const outcome = answer('refuted')
    const twice = await askAltered(
      checker,
      [
        { claim: claimOf('SUPPORTS', named('a')), outcome },
        { claim: claimOf('SUPPORTS'), outcome },
        { claim: claimOf('SUPPORTS', named('b')), outcome },
      ],
      { concurrency: 2 },
    )
    expect(asked).toEqual(['a', 'b'])
    expect(twice.map(({ altered }) => (altered as { taskId?: string } | undefined)?.taskId)).toEqual([
      'a',
      undefined,
      'b',
    ])
  })
})

describe('similarityFigures()', () => {
  const figuresOf = (file: string, pairs: number, spearman: number | undefined) =>
    similarityFigures({ files: [{ file, pairs, spearman, pearson: 0 }] })

  it('holds a known set against its published score, to a hundredth', () => {
    const [near] = figuresOf('/tmp/SICK-R.tsv', 9927, 0.77534)
    expect(near).toMatchObject({ value: 0.05, note: '77.53 against 77.58', n: 9927 })
    expect(near && isMet(near)).toBe(true)
    const [far] = figuresOf('sts13.tsv', 1500, 0.8066)
    expect(far && isMet(far)).toBe(false)
  })

  it('measures nothing of a part of a set, and says nothing of an unknown one', () => {
    const [part] = figuresOf('sts16.tsv', 1000, 0.7899)
    expect(part).toMatchObject({ value: undefined, note: '1186 pairs were published' })
    expect(figuresOf('own.tsv', 10, 0.5)).toEqual([])
    expect(figuresOf('to-string.tsv', 10, 0.5)).toEqual([])
  })
})

describe('figures', () => {
  const figure = {
    what: 'error | pair',
    of: 'set',
    n: 1500,
    value: 0.0301,
    better: 'less',
    goal: 0.03,
  } as const

  it('are met by what they are, not by what is shown of them', () => {
    expect(isMet(figure)).toBe(false)
    expect(isMet({ ...figure, value: 0.03 })).toBe(true)
    expect(isMet({ ...figure, better: 'more' })).toBe(true)
    expect([undefined, Number.NaN].map(value => isMet({ ...figure, value }))).toEqual([undefined, undefined])
  })

  it('are printed with data, count, goal and what stands beside, as text and as Markdown', () => {
    const figures = [
      { ...figure, aim: 0.02, note: '0.021 by chance' },
      { ...figure, what: 'other', value: undefined, n: 0, digits: 1, goal: 15 },
    ]
    expect(figuresText(figures)).toMatch(
      /^error \| pair +set +1,500 +0\.030 +≤ 0\.03, aim 0\.02 +NO +0\.021 by chance$/m,
    )
    const { goal: _, ...aimless } = figure
    expect(isMet(aimless)).toBeUndefined()
    expect(figuresText([aimless])).toMatch(/^error \| pair +set +1,500 +0\.030$/m)
    expect(figuresMarkdown(figures).split('\n')).toEqual([
      '| what | data | n | measured | goal | met | beside |',
      '| --- | --- | ---: | ---: | --- | --- | --- |',
      '| error \\| pair | set | 1,500 | 0.030 | ≤ 0.03, aim 0.02 | NO | 0.021 by chance |',
      '| other | set |  | - | ≤ 15 | not measured |  |',
    ])
  })
})
