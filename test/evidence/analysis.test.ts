/** Which passages are cited, and what the analysis says of them. */
import { describe, expect, test } from 'vitest'
import { chooseCited, type Scored, writeAnalysis } from '../../src/evidence/analysis.ts'
import type { Citation, Coverage } from '../../src/evidence/result.ts'

const passage = (score: number, overlap = 0, start = 0): Scored => ({
  source: 0,
  start,
  end: start + 1,
  score,
  overlap,
  vector: undefined,
})
const unlike = () => 0
const coverage: Coverage = {
  sources: 2,
  sourcesRead: 1,
  passages: 9,
  passagesRead: 4,
  characters: 90,
  charactersRead: 40,
}

describe('chooseCited()', () => {
  test('cites five at most, best first, none below half of the best, none that says nothing', () => {
    const scores = [0.2, 0.9, 0.8, 0.85, 0.7, 0.6, 0.5, 0.44, 0]
    const cited = chooseCited(
      scores.map((score, index) => passage(score, 0, index)),
      unlike,
    )
    expect(cited.map(({ score }) => score)).toEqual([0.9, 0.85, 0.8, 0.7, 0.6])
    expect(chooseCited([passage(0.9), passage(0.44, 0, 1)], unlike)).toHaveLength(1)
    expect(chooseCited([passage(0), passage(0)], unlike)).toEqual([])
    expect(chooseCited([], unlike)).toEqual([])
  })

  test('lets the words of the claim decide between passages that are as near', () => {
    const candidates = Array.from({ length: 8 }, (_, index) => passage(0.6, index === 7 ? 1 : 0, index))
    expect(chooseCited(candidates, unlike)).toContain(candidates[7])
  })

  test('puts the nearest first, even where the words speak for another', () => {
    const [wordy, near] = [passage(0.8, 1), passage(0.9, 0, 1)]
    expect(chooseCited([wordy, near], unlike)).toEqual([near, wordy])
  })

  test('leaves out what repeats a better one, while there is something else to cite', () => {
    const same = Array.from({ length: 8 }, (_, index) => passage(0.9 - index / 1000, 0, index))
    const other = passage(0.7, 0, 99)
    const cited = chooseCited([...same, other], (a, b) => (a === other || b === other ? 0 : 1))
    expect(cited).toContain(other)
    expect(cited).toContain(same[0])
  })
})

describe('writeAnalysis()', () => {
  const citation = (sourceId: string, text: string): Citation => ({
    sourceId,
    start: 0,
    end: text.length,
    text,
    stance: 'neutral',
    score: 0.5,
  })

  test('quotes every citation with its number, source and score, and claims no support', () => {
    const text = writeAnalysis([citation('a', 'The gate.'), citation('a', 'Open.')], coverage, 'similarity')
    expect(text.split('\n')).toEqual([
      'Closest to the claim by similarity: 2 passages from 1 source (read: 4 of 9 passages in 1 of 2 sources). Not verified: nearness is not support.',
      '[1] “The gate.” (a, 0.50)',
      '[2] “Open.” (a, 0.50)',
    ])
  })

  test('says so when nothing bears on the claim', () => {
    expect(writeAnalysis([], coverage, 'words')).toBe(
      'Nothing in the sources bears on the claim (read: 4 of 9 passages in 1 of 2 sources).',
    )
  })
})
