/** Orders passages by how near they are to the claim, and picks few that do not repeat each other. Pure. */

import type { Candidate } from './select.ts'

/** A passage with its score and, where it was embedded, its vector. */
export type Scored = Candidate & {
  /** Its place in the question, from 1: the claim is 0. */
  readonly place: number
  readonly text: string
  /** How near it is to the claim, 0 to 1. */
  readonly score: number
  readonly vector: Float32Array | undefined
}

/**
 * Cosine of two vectors, -1 to 1. With a zero vector 0.
 * @throws RangeError when their lengths differ.
 */
export function cosine(a: Float32Array, b: Float32Array): number {
  if (a.length !== b.length)
    throw new RangeError(`Vectors of ${a.length} and ${b.length} numbers can't be compared`)
  let dot = 0
  let normA = 0
  let normB = 0
  for (let index = 0; index < a.length; index += 1) {
    const x = a[index] as number
    const y = b[index] as number
    dot += x * y
    normA += x * x
    normB += y * y
  }
  const norm = Math.sqrt(normA * normB)
  // Rounding can carry a cosine past 1 in the last bit; results promise the range.
  return norm === 0 ? 0 : Math.max(-1, Math.min(1, dot / norm))
}

/** Words decide this part of the order among passages; the rest is the similarity of their vectors. */
const overlapWeight = 0.25

/** How much a passage bears on the claim, for an order among passages. */
export const relevanceOf = ({ score, overlap }: Scored): number =>
  (1 - overlapWeight) * score + overlapWeight * overlap

/** How alike two passages are; 0 where one was not embedded. */
export const likeness = (a: Scored, b: Scored): number =>
  a.vector === undefined || b.vector === undefined ? 0 : cosine(a.vector, b.vector)

/** How many to pick, and what weighs more. */
export type RankOptions = {
  /** Picks at most. */
  readonly limit: number
  /** 1 looks at relevance alone, 0 at novelty alone. @default 0.7 */
  readonly balance?: number
}

/**
 * Maximal marginal relevance (Carbonell and Goldstein, 1998): each pick is the one with the best
 * `balance · relevance − (1 − balance) · likeness to the nearest pick so far`.
 * @returns indices in order of picking.
 */
export function pickDiverse(
  relevance: readonly number[],
  likeness: (a: number, b: number) => number,
  options: RankOptions,
): number[] {
  const { limit, balance = 0.7 } = options
  const left = new Set(relevance.keys())
  const nearest = relevance.map(() => 0)
  const picks: number[] = []
  while (picks.length < limit && left.size > 0) {
    let best = -1
    let bestValue = Number.NEGATIVE_INFINITY
    for (const index of left) {
      const value = balance * (relevance[index] as number) - (1 - balance) * (nearest[index] as number)
      if (value > bestValue) [best, bestValue] = [index, value]
    }
    left.delete(best)
    picks.push(best)
    for (const index of left) nearest[index] = Math.max(nearest[index] as number, likeness(index, best))
  }
  return picks
}
