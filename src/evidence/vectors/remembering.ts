/** What becomes of the passages that a request has read: near ones of earlier requests are found, and they are kept. */
import type { Scored } from '../rank.ts'
import type { Reading } from '../reading.ts'
import type { RelatedEvidence } from '../result.ts'
import { sourceAt } from '../scored.ts'
import type { KeptPassages, ReadPassage } from './kept-passages.ts'
import type { VectorMatch } from './store.ts'

/** Related passages of one answer at most, and how many are looked at for them: texts may be there twice. */
const [maxRelated, lookedAt] = [5, 20]

/** What of a request decides over what is kept. */
export type RememberOptions = {
  readonly taskId: string
  /** Sources whose content was retrieved: it is kept already. */
  readonly retrieved?: ReadonlySet<string> | undefined
}

/**
 * Passages of earlier requests near to the claim, none of this request's own; what it has read is kept for later ones.
 * Undefined where nothing was embedded.
 */
export async function rememberPassages(
  kept: KeptPassages,
  reading: Reading,
  read: readonly Scored[],
  claim: readonly number[] | null,
  { retrieved = new Set(), taskId }: RememberOptions,
): Promise<readonly RelatedEvidence[] | undefined> {
  if (claim === null) return undefined
  const own = new Set(reading.sources.map(({ hash }) => hash))
  const texts = new Set(read.map(({ text }) => text))
  const matches = await kept.related(Float32Array.from(claim), own, lookedAt + Math.min(texts.size, lookedAt))
  kept.note(
    read.flatMap(({ source, start, end, text, vector }): ReadPassage[] => {
      const { hash: contentHash, id: sourceId, title } = sourceAt(reading, source)
      if (vector === undefined || retrieved.has(sourceId)) return []
      return [{ text, sourceId, contentHash, title, metadata: { taskId, start, end }, vector }]
    }),
  )
  return matches
    .filter(({ text }) => texts.size !== texts.add(text).size)
    .slice(0, maxRelated)
    .map(relatedFrom)
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
