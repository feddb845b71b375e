/**
 * Findings as one caller gets them. What they depend on is in their key, so that equal requests share them; the
 * task, the times and what a vector store has now are this answer's own.
 */
import { now } from '../core/async.ts'
import { nothingSpent } from '../core/ledger.ts'
import type { EnhancedEvidence, Findings } from './result.ts'
import type { KeptPassages } from './vectors/kept-passages.ts'
import { relatedPassages } from './vectors/remembering.ts'
import type { Retrieved } from './vectors/retrieval.ts'

/** Whose answer it is, and how it was come by. */
export type Asked = Retrieved & {
  /** When it was asked, on the clock of `now()`. */
  readonly begin: number
  /** Of the content of each source, in order. */
  readonly hashes: readonly string[]
}

/** The answer with `id` to what was asked. */
export async function answered(
  findings: Findings,
  { begin, hashes, ledger, request, retrieved }: Asked,
  kept: KeptPassages | undefined,
  cached: boolean,
  id: string,
): Promise<EnhancedEvidence> {
  const { embeddingVectors: claim } = findings.metadata
  const related =
    kept === undefined || claim === null
      ? undefined
      : await relatedPassages(kept, request.sources, hashes, claim)
  // A copy: what is kept for others must not change with what this caller does to its answer.
  const { metadata, ...found } = structuredClone(findings)
  return {
    id,
    taskId: request.taskId,
    originalClaim: request.claim,
    ...found,
    ...(related === undefined ? {} : { relatedEvidence: related }),
    ...(cached ? { spent: nothingSpent, timings: [] } : {}),
    ...(retrieved.length === 0 ? {} : { retrieved, spent: ledger.spent }),
    processingTime: now() - begin,
    cached,
    metadata: { ...metadata, timestamp: new Date().toISOString() },
  }
}
