/**
 * From a state to an answer: rank → analysis, confidence and related passages side by side → findings →
 * validate. The same nodes for every plan, whatever has been read. Local and pure.
 */
import type { ErrorRecord } from '../core/errors.ts'
import { portable } from '../core/trace.ts'
import { bind, type PlanNode, parallel, sequential, stage } from '../plan/node.ts'
import { chooseCited, type Scored, writeAnalysis } from './analysis.ts'
import { cosine } from './rank.ts'
import { type Reading, recipeVersion } from './reading.ts'
import type { Citation, Coverage, Findings, RelatedEvidence } from './result.ts'
import type { Candidate } from './select.ts'
import { failuresOf, isEmbedded, portableState, type State } from './state.ts'
import { validateFindings } from './validate.ts'

/** The share of a lexical score that its confidence may reach: words alone never sound sure. */
const lexicalCeiling = 0.4
/** Related passages of one answer at most. */
const maxRelated = 5

/** Findings without what is known only when the run is over. */
export type Conclusions = Omit<Findings, 'trace' | 'timings' | 'spent'>

/** What findings hold that does not depend on what was read. */
export type Envelope = {
  readonly metadata: Pick<
    Findings['metadata'],
    'processor' | 'processorVersion' | 'mlxModel' | 'embeddingModel' | 'embeddingRevision'
  >
  readonly warnings: readonly string[]
  /** What went wrong before: sources that are no text, an encoder that could not be found. */
  readonly errors: readonly ErrorRecord[]
  readonly fallbackUsed: boolean
  readonly confidenceBoost: number
  readonly plan: string
}

type Ranked = State & {
  readonly scored: readonly Scored[]
  readonly cited: readonly Scored[]
  readonly citations: readonly Citation[]
  readonly coverage: Coverage
}

type Parts = {
  readonly analysis: string
  readonly confidence: number
  readonly related: readonly RelatedEvidence[]
}

/** The plan's end, over a reading's sources and the candidates that stand behind the question's passages. */
export function conclude(
  reading: Reading,
  candidates: readonly Candidate[],
  envelope: Envelope,
): PlanNode<State, Conclusions> {
  const pure = { version: recipeVersion, effects: ['pure'] as const, memo: false }
  const rank = stage<State, Ranked>('evidence.rank', state => ranked(state, reading, candidates), {
    ...pure,
    portable: { input: portableState, output: ({ cited }) => cited.map(placeOf) },
  })
  const parts = parallel({
    analysis: stage<Ranked, string>(
      'evidence.analysis',
      state => writeAnalysis(state.citations, state.coverage, isEmbedded(state) ? 'similarity' : 'words'),
      { ...pure, portable: { input: portableRanked } },
    ),
    confidence: stage<Ranked, number>(
      'evidence.confidence',
      state => confidenceOf(state, envelope.confidenceBoost),
      {
        ...pure,
        config: { confidenceBoost: envelope.confidenceBoost },
        portable: { input: portableRanked, output: portable },
      },
    ),
    related: stage<Ranked, RelatedEvidence[]>('evidence.related', state => relatedOf(state, reading), {
      ...pure,
      portable: {
        input: portableRanked,
        output: related =>
          related.map(({ source, claim, similarity }) => [source, claim, portable(similarity)]),
      },
    }),
  })
  const findings = stage<Ranked & { readonly parts: Parts }, Conclusions>(
    'evidence.findings',
    state => conclusionsOf(state, reading, envelope),
    { ...pure, portable: { input: portableRanked, output: portableConclusions } },
  )
  const validate = stage<Conclusions, Conclusions>(
    'evidence.validate',
    conclusions => {
      validateFindings(conclusions, new Map(reading.sources.map(({ id, content }) => [id, content])))
      return conclusions
    },
    { ...pure, portable: { input: portableConclusions, output: portableConclusions } },
  )
  return sequential(rank, bind({ parts }, findings), validate)
}

function ranked(state: State, reading: Reading, candidates: readonly Candidate[]): Ranked {
  const scored = scoredOf(state, candidates)
  const cited = chooseCited(scored, (a, b) =>
    a.vector === undefined || b.vector === undefined ? 0 : cosine(a.vector, b.vector),
  )
  const citations = cited.map(({ source, start, end, score }): Citation => {
    const { id, content } = sourceAt(reading, source)
    return { sourceId: id, start, end, text: content.slice(start, end), stance: 'neutral', score }
  })
  return { ...state, scored, cited, citations, coverage: coverageOf(reading, scored) }
}

/** The passages that were read, with their nearness to the claim; by words alone where nothing was embedded. */
function scoredOf(state: State, candidates: readonly Candidate[]): Scored[] {
  const [claim, ...rows] = state.rows
  if (claim === undefined)
    return candidates.map(candidate => ({ ...candidate, score: candidate.overlap, vector: undefined }))
  return candidates.flatMap((candidate, index) => {
    const vector = rows[index]
    return vector === undefined ? [] : [{ ...candidate, vector, score: Math.max(0, cosine(claim, vector)) }]
  })
}

function confidenceOf(state: Ranked, boost: number): number {
  const best = state.citations[0]?.score ?? 0
  const base = isEmbedded(state) ? best : best * lexicalCeiling
  return best === 0 ? 0 : Math.min(1, base + boost)
}

/** The nearest passage of each source, nearest first. */
function relatedOf(state: Ranked, reading: Reading): RelatedEvidence[] {
  if (!isEmbedded(state)) return []
  const nearest = new Map<number, Scored>()
  for (const passage of state.scored) {
    if (passage.score > (nearest.get(passage.source)?.score ?? 0)) nearest.set(passage.source, passage)
  }
  return [...nearest.values()]
    .sort((a, b) => b.score - a.score)
    .slice(0, maxRelated)
    .map(({ source, start, end, score }) => {
      const { id, content } = sourceAt(reading, source)
      return { claim: content.slice(start, end), similarity: score, source: id }
    })
}

function conclusionsOf(
  state: Ranked & { readonly parts: Parts },
  reading: Reading,
  envelope: Envelope,
): Conclusions {
  const { citations, coverage, parts, scored, failures } = state
  const embedded = isEmbedded(state)
  const confidenceMethod = embedded ? 'similarity' : 'lexical'
  return {
    verdict: 'unverified',
    confidence: parts.confidence,
    confidenceMethod,
    calibration: 'none',
    aiAnalysis: parts.analysis,
    citations,
    assessments: reading.sources.map(({ id }, place) => ({
      sourceId: id,
      relevance: Math.max(0, ...scored.filter(({ source }) => source === place).map(({ score }) => score)),
    })),
    relatedEvidence: parts.related,
    enhancements: [embedded ? 'embedding-search' : 'lexical-search'],
    coverage,
    plan: envelope.plan,
    fallbackUsed: envelope.fallbackUsed || (!embedded && failures.length > 0),
    errors: [...envelope.errors, ...failuresOf(state)],
    warnings: envelope.warnings,
    metadata: {
      ...envelope.metadata,
      mlxModelLoaded: embedded,
      realMLXInference: embedded,
      analysisMethod: 'extractive',
      confidenceMethod,
      vectorSimilarityUsed: embedded,
      mlxConfidenceScores: embedded ? citations.map(({ score }) => score) : [],
      embeddingVectors: state.rows[0] === undefined ? null : [...state.rows[0]],
    },
  }
}

function coverageOf(reading: Reading, scored: readonly Scored[]): Coverage {
  return {
    sources: reading.sources.length,
    sourcesRead: new Set(scored.map(({ source }) => source)).size,
    passages: reading.tables.reduce((sum, table) => sum + table.offsets.length / 2, 0),
    passagesRead: scored.length,
    characters: reading.sources.reduce((sum, { content }) => sum + content.length, 0),
    charactersRead: scored.reduce((sum, { start, end }) => sum + end - start, 0),
  }
}

const sourceAt = (reading: Reading, place: number) => reading.sources[place] as Reading['sources'][number]

const placeOf = ({ source, start, end, score }: Scored) => [source, start, end, portable(score)]

const portableRanked = (state: Ranked) => [portableState(state), state.cited.map(placeOf)]

/** Decisions and texts; scores to four decimals, no vector, no time. */
const portableConclusions = ({
  verdict,
  confidence,
  citations,
  aiAnalysis,
  coverage,
  errors,
}: Conclusions) => ({
  verdict,
  confidence: portable(confidence),
  citations: citations.map(({ sourceId, start, end, stance, score }) => [
    sourceId,
    start,
    end,
    stance,
    portable(score),
  ]),
  aiAnalysis,
  coverage,
  errors: errors.map(({ code }) => code),
})
