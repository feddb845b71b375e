/**
 * The extractive analysis: picks the passages to cite and writes a text that only quotes and counts. It
 * makes no statement about support; that takes a verifier.
 */

import { pickDiverse } from './rank.ts'
import type { Citation, Coverage } from './result.ts'
import type { Candidate } from './select.ts'

/** Citations of one answer at most. */
const maxCitations = 5
/** A passage must reach this part of the best one's score to be cited. */
const leastOfBest = 0.5
/** Words decide this part of the order among passages; the rest is the similarity of their vectors. */
const overlapWeight = 0.25

/** A passage with its score and, where it was embedded, its vector. */
export type Scored = Candidate & {
  /** 0 to 1, by the method that the result names. */
  readonly score: number
  readonly vector: Float32Array | undefined
}

/** The passages to cite, best first. */
export function chooseCited(scored: readonly Scored[], likeness: (a: Scored, b: Scored) => number): Scored[] {
  const order = scored.map(({ score, overlap }) => (1 - overlapWeight) * score + overlapWeight * overlap)
  const best = Math.max(0, ...order)
  const eligible = scored.filter(
    (passage, index) => passage.score > 0 && (order[index] as number) >= best * leastOfBest,
  )
  const relevance = eligible.map(passage => order[scored.indexOf(passage)] as number)
  const picks = pickDiverse(relevance, (a, b) => likeness(eligible[a] as Scored, eligible[b] as Scored), {
    limit: maxCitations,
  })
  return picks.map(index => eligible[index] as Scored).sort((a, b) => b.score - a.score)
}

/** Analysis text over citations that have been made from the cited passages, numbered in their order. */
export function writeAnalysis(citations: readonly Citation[], coverage: Coverage, method: string): string {
  const read = `${coverage.passagesRead} of ${coverage.passages} passages in ${coverage.sourcesRead} of ${plural(coverage.sources, 'source')}`
  if (citations.length === 0) return `Nothing in the sources bears on the claim (read: ${read}).`
  const sources = new Set(citations.map(citation => citation.sourceId)).size
  const quotes = citations.map(
    ({ text, sourceId, score }, index) => `[${index + 1}] “${text}” (${sourceId}, ${score.toFixed(2)})`,
  )
  return [
    `Closest to the claim by ${method}: ${plural(citations.length, 'passage')} from ${plural(sources, 'source')} (read: ${read}). Not verified: nearness is not support.`,
    ...quotes,
  ].join('\n')
}

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
