/**
 * Vectors that an earlier request left in the store, perhaps one of another process, for the passages of this one: what
 * was computed once need not be computed again.
 */
import type { Call } from '../../core/call.ts'
import { type EncoderRef, roleOptions } from '../../models/encoder.ts'
import { tokensOf } from '../asking.ts'
import type { EnhancerParts } from '../parts.ts'
import type { Reading } from '../reading.ts'
import { sourceAt } from '../scored.ts'
import { type KeptPassages, requestsCollection } from './kept-passages.ts'
import { rowId } from './store.ts'

/** Who computes vectors, and knows which of them it has. */
export type RecallParts = Pick<EnhancerParts, 'prime' | 'uncached'> & {
  readonly encoder: EncoderRef
  /** Milliseconds that a token takes, measured or guessed. */
  readonly tokenMs: number
}

/** What must be saved at least, in milliseconds: asking the store takes some ten, and has mostly nothing for new texts. */
const leastSavedMs = 100

/** Hands over the vectors of a reading's passages that the store has, where computing them takes long. Never rejects. */
export async function recallVectors(
  kept: KeptPassages,
  reading: Reading,
  { encoder, prime, tokenMs, uncached }: RecallParts,
): Promise<void> {
  if (prime === undefined) return
  const idsOf = new Map<string, string>()
  for (const { end, source, start } of reading.passages) {
    const { content, id } = sourceAt(reading, source)
    idsOf.set(content.slice(start, end), id)
  }
  const options = roleOptions(encoder, 'document')
  const call: Call = { variant: encoder, items: [...idsOf.keys()], options }
  const unknown = uncached(call)
  if (tokensOf(unknown, encoder) * tokenMs < leastSavedMs) return
  const rows = unknown.map(text => rowId(requestsCollection, idsOf.get(text) as string, text))
  const vectors = await kept.recalled(rows)
  for (const [place, text] of unknown.entries()) {
    const vector = vectors.get(rows[place] as string)
    if (vector?.length === encoder.limits.dimensions) prime(call, text, vector)
  }
}
