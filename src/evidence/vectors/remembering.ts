/** What becomes of the passages that a request has read: they are kept, and later requests find near ones among them. */
import type { Scored } from '../rank.ts'
import type { Reading } from '../reading.ts'
import type { ParsedSource } from '../request.ts'
import type { RelatedEvidence } from '../result.ts'
import { sourceAt } from '../scored.ts'
import type { KeptPassages, ReadPassage } from './kept-passages.ts'
import type { VectorMatch } from './store.ts'

/** Related passages of one answer at most, and how many are looked at for them: some say what is said already. */
const [maxRelated, lookedAt] = [5, 40]

/** What of a request decides over what is kept. */
export type RememberOptions = {
  readonly taskId: string
  /** Sources whose content was retrieved: it is kept already. */
  readonly retrieved?: ReadonlySet<string> | undefined
}

/** Keeps what a request has read for later ones, off the path. */
export function notePassages(
  kept: KeptPassages,
  reading: Reading,
  read: readonly Scored[],
  { retrieved = new Set(), taskId }: RememberOptions,
): void {
  kept.note(
    read.flatMap(({ source, start, end, text, vector }): ReadPassage[] => {
      const { hash: contentHash, id: sourceId, title } = sourceAt(reading, source)
      if (vector === undefined || retrieved.has(sourceId)) return []
      return [{ text, sourceId, contentHash, title, metadata: { taskId, start, end }, vector }]
    }),
  )
}

/**
 * Passages of earlier requests near to the claim, whose vector is given; none that one of this request's own sources
 * holds. No part of findings, which may be older than what the store has now. Never rejects.
 */
export async function relatedPassages(
  kept: KeptPassages,
  sources: readonly ParsedSource[],
  hashes: readonly string[],
  claim: readonly number[],
): Promise<readonly RelatedEvidence[]> {
  const related: RelatedEvidence[] = []
  const texts = new Set<string>()
  for (const match of await kept.related(Float32Array.from(claim), new Set(hashes), lookedAt)) {
    const { text } = match
    if (texts.size === texts.add(text).size || sources.some(({ content }) => content.includes(text))) continue
    related.push(relatedFrom(match))
    if (related.length === maxRelated) break
  }
  return related
}

function relatedFrom({ at, metadata, similarity, sourceId, text, title }: VectorMatch): RelatedEvidence {
  const taskId = String(metadata?.['taskId'] ?? '')
  return {
    claim: text,
    similarity,
    source: `${taskId}/${sourceId}`,
    from: { taskId, sourceId, ...(title === undefined ? {} : { title }), at: new Date(at).toISOString() },
  }
}
