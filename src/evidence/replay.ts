/**
 * A recorded run, done again: whether it comes to the same, to the last bit, in what a trace covers on any
 * machine, or but for the rounding of a score.
 */
import { errorOf } from '../core/errors.ts'
import { type Difference, diffTraces } from '../core/trace-check.ts'
import type { StoredTrace } from '../plan/ports.ts'
import type { EnhanceOptions, EvidenceContext } from './request.ts'
import type { EnhancedEvidence } from './result.ts'

/** Scores this near count as the same: the portable hash rounds, and a score may lie on the edge. */
const tolerance = 1e-3

/** What a replay came to. */
export type Replay = {
  /**
   * `exact`: the same bytes. `portable`: the same decisions and texts, other last bits of vectors. `tolerance`:
   * the same verdict and citations, a score that rounds another way. `different`: something else.
   */
  readonly same: 'exact' | 'portable' | 'tolerance' | 'different'
  readonly recorded: { readonly hash: string; readonly exactHash: string }
  readonly replayed: { readonly hash: string; readonly exactHash: string }
  /** The first in plan order; absent where nothing differs. */
  readonly difference?: Difference
}

/** What a stored trace keeps of a request that it can be run again with. */
export type ReplayInputs = {
  readonly context: EvidenceContext
  readonly options: Pick<EnhanceOptions, 'reproducible' | 'strategy' | 'hints' | 'budget'>
}

/** Scores and decisions as a stored trace's facts have them. */
export type ReplayFacts = {
  readonly verdict: string
  readonly confidence: number
  readonly citations: readonly (readonly [sourceId: string, start: number, end: number, score: number])[]
}

/**
 * Runs a stored trace's request again by `run` and compares.
 * @throws InputError ER_INPUT where its inputs were not kept.
 */
export async function replayOf(
  stored: StoredTrace,
  run: (inputs: ReplayInputs) => Promise<EnhancedEvidence>,
): Promise<Replay> {
  if (stored.inputs === undefined) {
    throw errorOf(
      'ER_INPUT',
      `Trace ${stored.id} can't be replayed: its claim and sources were not kept; keep them with keepInputs (--keep-inputs)`,
    )
  }
  const evidence = await run(stored.inputs as ReplayInputs)
  const { record } = stored
  const difference = diffTraces(record, evidence.trace)
  const hashes = ({ hash, exactHash }: { hash: string; exactHash: string }) => ({ hash, exactHash })
  return {
    same: sameness(stored, evidence),
    recorded: hashes(record),
    replayed: hashes(evidence.trace),
    ...(difference === undefined ? {} : { difference }),
  }
}

function sameness(stored: StoredTrace, evidence: EnhancedEvidence): Replay['same'] {
  if (stored.record.exactHash === evidence.trace.exactHash) return 'exact'
  if (stored.record.hash === evidence.trace.hash) return 'portable'
  return isNear(stored.facts as Partial<ReplayFacts>, factsOf(evidence)) ? 'tolerance' : 'different'
}

/** What of an answer a stored trace keeps for a later comparison. */
export const factsOf = ({
  verdict,
  confidence,
  citations,
}: Pick<EnhancedEvidence, 'verdict' | 'confidence' | 'citations'>): ReplayFacts => ({
  verdict,
  confidence,
  citations: citations.map(({ sourceId, start, end, score }) => [sourceId, start, end, score]),
})

function isNear(a: Partial<ReplayFacts>, b: ReplayFacts): boolean {
  if (a.verdict !== b.verdict || a.citations?.length !== b.citations.length) return false
  if (!(Math.abs((a.confidence ?? Number.NaN) - b.confidence) <= tolerance)) return false
  return b.citations.every(([sourceId, start, end, score], index) => {
    const other = a.citations?.[index]
    return (
      other?.[0] === sourceId &&
      other[1] === start &&
      other[2] === end &&
      Math.abs(other[3] - score) <= tolerance
    )
  })
}
