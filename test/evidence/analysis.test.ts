/** What is cited, in which order and on which side, and what the analysis says of it. */
import { describe, expect, test } from 'vitest'
import { chooseCited, writeAnalysis } from '../../src/evidence/analysis.ts'
import type { DecidingSpan, Decision } from '../../src/evidence/facts/fact.ts'
import type { Judged } from '../../src/evidence/judgement.ts'
import type { Scored } from '../../src/evidence/rank.ts'
import type { Citation, Coverage, Stance } from '../../src/evidence/result.ts'

const passage = (score: number, overlap = 0, start = 0, vector?: Float32Array): Scored => ({
  source: 0,
  start,
  end: start + 1,
  place: start + 1,
  text: 'x',
  score,
  overlap,
  vector,
})

const coverage: Coverage = {
  sources: 2,
  sourcesRead: 1,
  passages: 9,
  passagesRead: 4,
  characters: 90,
  charactersRead: 40,
}

const silent: Decision = { verdict: 'silent', spans: [], reason: '', compared: [] }

/** A judgement over as many passages as stances are given. */
const judged = (
  verdict: Judged['verdict'],
  stances: readonly (readonly [Stance, number])[] = [],
  decision = silent,
): Judged => ({
  verdict,
  confidence: 0.7,
  abstained: false,
  method: decision.verdict === 'silent' ? 'head' : 'arithmetic',
  judge: 'head',
  calibration: 'uncalibrated',
  claim: { supports: 0.7, refutes: 0.1, disputed: 0.1, neither: 0.1 },
  ground: { supports: 'strong', refutes: 'strong', figure: 'none' },
  sources: [],
  passages: stances.map(([stance, score]) => ({
    stance,
    score,
    chances: { supports: 0, refutes: 0, neither: 1 },
  })),
  figures: { decision, statesFigure: decision.verdict !== 'silent', unread: [] },
})

const neutral = (count: number) =>
  judged(
    'not-enough-evidence',
    Array.from({ length: count }, () => ['neutral', 0.1] as const),
  )
const places = new Map([['s1', 0]])
const cite = (scored: readonly Scored[], how = neutral(scored.length)) => chooseCited(scored, how, places)

describe('chooseCited()', () => {
  test('cites five at most, best first, none below half of the best, none that says nothing', () => {
    const scores = [0.2, 0.9, 0.8, 0.85, 0.7, 0.6, 0.5, 0.44, 0]
    const cited = cite(scores.map((score, index) => passage(score, 0, index)))
    expect(cited.map(({ score }) => score)).toEqual([0.9, 0.85, 0.8, 0.7, 0.6])
    expect(cite([passage(0.9), passage(0.44, 0, 1)])).toHaveLength(1)
    expect(cite([passage(0), passage(0, 0, 1)])).toEqual([])
    expect(cite([])).toEqual([])
  })

  test('lets the words of the claim decide between passages that are as near', () => {
    const candidates = Array.from({ length: 8 }, (_, index) => passage(0.6, index === 7 ? 1 : 0, index))
    expect(cite(candidates).map(({ start }) => start)).toContain(7)
  })

  test('puts the nearest first, even where the words speak for another', () => {
    expect(cite([passage(0.8, 1), passage(0.9, 0, 1)]).map(({ start }) => start)).toEqual([1, 0])
  })

  test('leaves out what repeats a better one, while there is something else to cite', () => {
    const [one, another] = [Float32Array.of(1, 0), Float32Array.of(0, 1)]
    const same = Array.from({ length: 8 }, (_, index) => passage(0.9 - index / 1000, 0, index, one))
    const cited = cite([...same, passage(0.7, 0, 99, another)]).map(({ start }) => start)
    expect(cited).toContain(99)
    expect(cited).toContain(0)
  })

  test('puts those that take the side of the verdict first, surest first, and keeps the others neutral', () => {
    const scored = [passage(0.9), passage(0.5, 0, 1), passage(0.6, 0, 2), passage(0.55, 0, 3)]
    const stances = [
      ['neutral', 0.2],
      ['supports', 0.7],
      ['supports', 0.8],
      ['refutes', 0.6],
    ] as const
    expect(cite(scored, judged('supported', stances)).map(({ start, stance }) => [start, stance])).toEqual([
      [2, 'supports'],
      [1, 'supports'],
      [0, 'neutral'],
      [3, 'neutral'],
    ])
  })

  test('cites both sides of a dispute, however many there are on one', () => {
    const scored = Array.from({ length: 8 }, (_, index) => passage(0.5, 0, index))
    const stances = scored.map((_, index) =>
      index === 7 ? (['refutes', 0.6] as const) : (['supports', 0.9] as const),
    )
    const cited = cite(scored, judged('disputed', stances))
    expect(cited).toHaveLength(5)
    expect(cited.at(-1)).toMatchObject({ start: 7, stance: 'refutes' })
  })

  test('names the spans that arithmetic names, and no passage that holds one of them again', () => {
    const span: DecidingSpan = { sourceId: 's1', start: 1, end: 2, text: 'x', stance: 'supports' }
    const decision: Decision = { ...silent, verdict: 'supports', spans: [span] }
    const scored = [passage(0.9), passage(0.8, 0, 1)]
    const stances = [
      ['refutes', 0.9],
      ['refutes', 0.9],
    ] as const
    expect(cite(scored, judged('supported', stances, decision))).toEqual([
      { source: 0, start: 1, end: 2, stance: 'supports', score: 0.7 },
      { source: 0, start: 0, end: 1, stance: 'neutral', score: 0.9 },
    ])
  })

  test('takes no side where nearness alone speaks, nor for a figure that was not found', () => {
    const scored = [passage(0.9)]
    const said = judged('not-enough-evidence', [['supports', 0.9]])
    const leaning = { ...said, abstained: true, leaning: 'supported' as const }
    const stanceIn = (how: Judged) => cite(scored, how)[0]?.stance
    expect(stanceIn(leaning)).toBe('supports')
    expect(stanceIn({ ...leaning, method: 'similarity' })).toBe('neutral')
    expect(stanceIn({ ...leaning, ground: { ...leaning.ground, figure: 'open' } })).toBe('neutral')
  })
})

describe('writeAnalysis()', () => {
  const citation = (sourceId: string, text: string, stance: Stance = 'neutral'): Citation => ({
    sourceId,
    start: 0,
    end: text.length,
    text,
    stance,
    score: 0.5,
  })

  test('says what was found and how, and quotes every citation with its number, source, side and score', () => {
    const citations = [citation('a', 'The gate.', 'supports'), citation('a', 'Open.')]
    expect(writeAnalysis(citations, coverage, judged('supported')).split('\n')).toEqual([
      'Supported by the head over the embeddings. 2 passages from 1 source cited (read: 4 of 9 passages in 1 of 2 sources).',
      '[1] “The gate.” (a, supports, 0.50)',
      '[2] “Open.” (a, neutral, 0.50)',
    ])
  })

  test('gives the reason where figures decided', () => {
    const decision: Decision = { ...silent, verdict: 'refutes', reason: '0.84 s is not under 800 ms' }
    expect(writeAnalysis([citation('a', '0.84 s')], coverage, judged('refuted', [], decision))).toMatch(
      /^Refuted by arithmetic over the figures\. 0\.84 s is not under 800 ms\. 1 passage/,
    )
  })

  test('says so when nothing bears on the claim, or when it is too close to say', () => {
    expect(writeAnalysis([], coverage, neutral(0))).toBe(
      'Not enough evidence by the head over the embeddings. Nothing in the sources bears on the claim (read: 4 of 9 passages in 1 of 2 sources).',
    )
    const close = { ...neutral(0), abstained: true, leaning: 'refuted' as const }
    expect(writeAnalysis([], coverage, close)).toMatch(/: too close to say; it leans to refuted\. /)
  })
})
