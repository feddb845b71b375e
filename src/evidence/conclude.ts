/**
 * From a state to an answer: rank → analysis, confidence and related passages side by side → findings →
 * validate. The same nodes for every plan, whatever has been read. Local and pure.
 */
import type { ErrorRecord } from '../core/errors.ts'
import { portable } from '../core/trace.ts'
import { bind, type PlanNode, parallel, sequential, stage } from '../plan/node.ts'
import { type Account, accountOf, numbered, openWritten, textOf } from './account.ts'
import { type Cited, chooseCited, writeAnalysis } from './analysis.ts'
import { type FigureCheck, mostFigureCharacters } from './figure-check.ts'
import { type Judged, judgementOf } from './judgement.ts'
import { type Judges, nameOf } from './judges.ts'
import type { Scored } from './rank.ts'
import { type Reading, recipeVersion } from './reading.ts'
import type { Citation, Coverage, Findings, RelatedEvidence } from './result.ts'
import { scoredOf, sourceAt } from './scored.ts'
import type { Candidate } from './select.ts'
import { failuresOf, isEmbedded, portableState, type State } from './state.ts'
import { reportOn, timeless, type Unchecked, type ValidationSettings } from './validated.ts'
import type { ValidationReport } from './validation/report.ts'
import type { WrittenPrompts } from './written/prompts.ts'

/** Related passages of one answer at most. */
const maxRelated = 5

/** The verdicts' names should have this part of a model's chances at least. */
const leastMass = 0.05

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
  /** What the language model was asked with, where there is one. */
  readonly prompts: WrittenPrompts | undefined
  readonly validation: ValidationSettings
  /** Told of the checks with their times, which the plan's own value leaves out: they are not the same twice. */
  readonly onValidated: (report: ValidationReport) => void
  /** Told of the passages that were read, with their vectors. */
  readonly onRead: (passages: readonly Scored[]) => void
  readonly plan: string
}

type Read = State & { readonly read: State; readonly figures: FigureCheck }

type Ranked = State & {
  readonly judged: Judged
  /** What the language model's analysis came to, where one was written. */
  readonly account: Account | undefined
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
    analysis: stage<Ranked, string>('evidence.analysis', state => textFor(state, reading), {
      ...pure,
      portable: { input: portableRanked },
    }),
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
  { fallbackUsed, judges, onRead, prompts }: Envelope,
): Ranked {
  const { sources } = reading
  const scored = scoredOf(state, reading, candidates)
  onRead(scored)
  const fellBack = fallbackUsed || (!isEmbedded(state) && state.failures.length > 0)
  const opened = openWritten(reading.claim, state.written, prompts)
  const heard = { scored, sources: sources.length, figures, stances: opened.stances, fallback: fellBack }
  const judged = judgementOf(state, heard, judges)
  const account = accountOf(opened, reading.claim, judged)
  const places = new Map(sources.map(({ id }, place) => [id, place]))
  const spoken =
    account?.status === 'sound'
      ? account.spoken.flatMap(({ place }) => scored.filter(passage => passage.place === place))
      : undefined
  const cited = chooseCited(scored, judged, places, spoken)
  const citations = cited.map(({ source, start, end, stance, score }): Citation => {
    const { id, content } = sourceAt(reading, source)
    return { sourceId: id, start, end, text: content.slice(start, end), stance, score }
  })
  return { ...state, judged, account, scored, cited, citations, coverage: coverageOf(reading, scored) }
}

/** The analysis that was written, where it is sound, with what it cites; else one that only quotes. */
function textFor({ account, citations, coverage, judged, scored }: Ranked, { sources }: Reading): string {
  if (account?.status !== 'sound') return writeAnalysis(citations, coverage, judged)
  const places = account.spoken.flatMap(({ number, place }) =>
    scored.flatMap(passage => (passage.place === place ? [{ number, ...passage }] : [])),
  )
  const withNumbers = numbered(
    citations,
    account,
    ({ end, sourceId, start }) =>
      places.find(
        ({ source, ...passage }) =>
          sources[source]?.id === sourceId && passage.start < end && start < passage.end,
      )?.number,
  )
  return textOf(account.prose, withNumbers)
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
  const { account, citations, coverage, judged, parts, failures } = state
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
    warnings: [
      ...envelope.warnings,
      ...unreadWarnings(judged.figures),
      ...(account?.status === 'unsound'
        ? [`The language model's analysis was not used: ${account.reason}`]
        : []),
      ...massWarnings(state),
    ],
    metadata: {
      ...envelope.metadata,
      verificationModel: nameOf(envelope.judges, judged.judge),
      mlxModelLoaded: embedded,
      realMLXInference: embedded,
      analysisMethod: account?.status === 'sound' ? 'generated' : 'extractive',
      generation: null,
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

/** Of a model that would rather have said something else, the shares of the verdicts' names say little. */
const massWarnings = ({ judged, written }: Ranked): string[] =>
  judged.judge !== 'generator' || written === undefined || written.mass >= leastMass
    ? []
    : [
        `The language model gave the verdicts' names ${(100 * written.mass).toFixed(1)} % of its chances: what it says of them is hardly more than a guess`,
      ]

/** What was done for an answer, in the original's words and more. */
function enhancementsOf({ account, judged: { figures, judge }, ...state }: Ranked): string[] {
  return [
    isEmbedded(state) ? 'embedding-search' : 'lexical-search',
    ...(figures.statesFigure ? ['figure-check'] : []),
    ...(judge === undefined ? [] : [`verification-${judge}`]),
    ...(account?.status === 'sound' ? ['generated-analysis'] : []),
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
