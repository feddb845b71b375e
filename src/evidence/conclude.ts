/**
 * From a state to an answer: rank → analysis, confidence and related passages side by side → findings →
 * validate. The same nodes for every plan, whatever has been read. Local and pure.
 */
import type { ErrorRecord } from '../core/errors.ts'
import { portable } from '../core/trace.ts'
import { bind, type PlanNode, parallel, sequential, stage } from '../plan/node.ts'
import { type Cited, chooseCited, writeAnalysis } from './analysis.ts'
import { type FigureCheck, mostFigureCharacters } from './figure-check.ts'
import { type Judged, judgementOf } from './judgement.ts'
import { type Judges, nameOf } from './judges.ts'
import { cosine, type Scored } from './rank.ts'
import { type Reading, recipeVersion } from './reading.ts'
import type { Citation, Coverage, Findings, RelatedEvidence } from './result.ts'
import type { Candidate } from './select.ts'
import { failuresOf, isEmbedded, portableState, type State } from './state.ts'
import { reportOn, timeless, type Unchecked, type ValidationSettings } from './validated.ts'
import type { ValidationReport } from './validation/report.ts'

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
  readonly judges: Judges
  readonly validation: ValidationSettings
  /** Told of the checks with their times, which the plan's own value leaves out: they are not the same twice. */
  readonly onValidated: (report: ValidationReport) => void
  readonly plan: string
}

type Read = State & { readonly read: State; readonly figures: FigureCheck }

type Ranked = State & {
  readonly judged: Judged
  readonly scored: readonly Scored[]
  readonly cited: readonly Cited[]
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
): PlanNode<Read, Conclusions> {
  const pure = { version: recipeVersion, effects: ['pure'] as const, memo: false }
  const { confidenceBoost, judges } = envelope
  const rank = stage<Read, Ranked>(
    'evidence.rank',
    ({ read, figures }) => ranked(read, figures, reading, candidates, envelope),
    {
      ...pure,
      config: { threshold: judges.threshold },
      portable: {
        input: ({ read, figures }) => [portableState(read), figures.decision.verdict],
        output: ({ cited, judged }) => [cited.map(placeOf), judged.verdict],
      },
    },
  )
  const parts = parallel({
    analysis: stage<Ranked, string>(
      'evidence.analysis',
      ({ citations, coverage, judged }) => writeAnalysis(citations, coverage, judged),
      { ...pure, portable: { input: portableRanked } },
    ),
    confidence: stage<Ranked, number>(
      'evidence.confidence',
      ({ judged }) => Math.min(1, judged.confidence + confidenceBoost),
      { ...pure, config: { confidenceBoost }, portable: { input: portableRanked, output: portable } },
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
  const findings = stage<Ranked & { readonly parts: Parts }, Unchecked>(
    'evidence.findings',
    state => conclusionsOf(state, reading, envelope),
    { ...pure, portable: { input: portableRanked, output: portableConclusions } },
  )
  const validate = stage<Unchecked, Conclusions>(
    'evidence.validate',
    async (found, { signal }) => {
      const report = await reportOn(found, reading, envelope.validation, signal)
      envelope.onValidated(report)
      return { ...found, validation: timeless(report) }
    },
    { ...pure, portable: { input: portableConclusions, output: portableConclusions } },
  )
  return sequential(rank, bind({ parts }, findings), validate)
}

function ranked(
  state: State,
  figures: FigureCheck,
  reading: Reading,
  candidates: readonly Candidate[],
  { fallbackUsed, judges }: Envelope,
): Ranked {
  const { sources } = reading
  const scored = scoredOf(state, reading, candidates)
  const fellBack = fallbackUsed || (!isEmbedded(state) && state.failures.length > 0)
  const judged = judgementOf(state, scored, sources.length, judges, figures, fellBack)
  const places = new Map(sources.map(({ id }, place) => [id, place]))
  const cited = chooseCited(scored, judged, places)
  const citations = cited.map(({ source, start, end, stance, score }): Citation => {
    const { id, content } = sourceAt(reading, source)
    return { sourceId: id, start, end, text: content.slice(start, end), stance, score }
  })
  return { ...state, judged, scored, cited, citations, coverage: coverageOf(reading, scored) }
}

/** The passages that were read, with their nearness to the claim; by words alone where nothing was embedded. */
function scoredOf(state: State, reading: Reading, candidates: readonly Candidate[]): Scored[] {
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
): Unchecked {
  const { citations, coverage, judged, parts, failures } = state
  const { abstained, calibration, claim, leaning, method: confidenceMethod, verdict } = judged
  const embedded = isEmbedded(state)
  return {
    verdict,
    probabilities: claim,
    confidence: parts.confidence,
    confidenceMethod,
    calibration,
    abstained,
    leaning: leaning ?? null,
    aiAnalysis: parts.analysis,
    citations,
    assessments: reading.sources.map(({ id }, place) => {
      const { relevance, probabilities } = judged.sources[place] as Judged['sources'][number]
      return { sourceId: id, relevance, probabilities }
    }),
    relatedEvidence: parts.related,
    enhancements: enhancementsOf(state),
    coverage,
    plan: envelope.plan,
    fallbackUsed: envelope.fallbackUsed || (!embedded && failures.length > 0),
    errors: [...envelope.errors, ...failuresOf(state)],
    warnings: [...envelope.warnings, ...unreadWarnings(judged.figures)],
    metadata: {
      ...envelope.metadata,
      verificationModel: nameOf(envelope.judges, judged.judge),
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

const unreadWarnings = ({ unread }: FigureCheck): string[] =>
  unread.length === 0
    ? []
    : [
        `The figures of ${unread.length === 1 ? `source ${unread[0]}` : `${unread.length} sources`} were not checked: more than ${mostFigureCharacters} characters`,
      ]

/** What was done for an answer, in the original's words and more. */
function enhancementsOf({ judged: { figures, judge }, ...state }: Ranked): string[] {
  return [
    isEmbedded(state) ? 'embedding-search' : 'lexical-search',
    ...(figures.statesFigure ? ['figure-check'] : []),
    ...(judge === undefined ? [] : [`verification-${judge}`]),
  ]
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

const placeOf = ({ source, start, end, stance, score }: Cited) => [
  source,
  start,
  end,
  stance,
  portable(score),
]

const portableRanked = (state: Ranked) => [portableState(state), state.cited.map(placeOf)]

/** Decisions and texts; scores to four decimals, no vector, no time. */
const portableConclusions = ({
  verdict,
  confidence,
  citations,
  aiAnalysis,
  coverage,
  errors,
}: Unchecked) => ({
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
