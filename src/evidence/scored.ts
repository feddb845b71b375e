/** The passages of a state that have been read, with how near each is to the claim. Pure. */
import { cosine, type Scored } from './rank.ts'
import type { Reading } from './reading.ts'
import type { Candidate } from './select.ts'
import type { State } from './state.ts'

/** The passages that were read, with their nearness to the claim; by words alone where nothing was embedded. */
export function scoredOf(state: State, reading: Reading, candidates: readonly Candidate[]): Scored[] {
  const [claim] = state.rows
  return candidates.flatMap((candidate, index): Scored[] => {
    const { source, start, end, overlap } = candidate
    const place = index + 1
    const text = sourceAt(reading, source).content.slice(start, end)
    if (claim === undefined)
      return [{ ...candidate, place, text, vector: undefined, score: Math.min(1, overlap) }]
    const vector = state.rows[place]
    if (vector === undefined) return []
    return [{ ...candidate, place, text, vector, score: Math.max(0, cosine(claim, vector)) }]
  })
}

/** The source at a place of the request. */
export const sourceAt = (reading: Reading, place: number) =>
  reading.sources[place] as Reading['sources'][number]
