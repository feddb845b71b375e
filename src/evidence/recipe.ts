/**
 * How findings are made, in order: passages → embed → rank → analysis → validate. Each step leaves its time
 * and its trace; nothing here knows of processes, caches or callers.
 */
import { now } from '../core/async.ts'
import {
  type Dispatch,
  isVectors,
  type Reply,
  type RunContext,
  row,
  type VariantRef,
  type Vectors,
} from '../core/call.ts'
import { type ErrorRecord, errorRecord, RunnerError } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import { portable } from '../core/trace.ts'
import { chooseCited, type Scored, writeAnalysis } from './analysis.ts'
import type { PassageTable } from './passages.ts'
import { cosine } from './rank.ts'
import type { ParsedContext, ParsedSource, Progress } from './request.ts'
import type { Citation, Coverage, Findings, RelatedEvidence, StepTiming } from './result.ts'
import { type Candidate, selectPassages } from './select.ts'
import { oddTypes, type Readable, readSources } from './sources.ts'
import { type Term, termsOf } from './terms.ts'
import { validateFindings } from './validate.ts'

/** Raised when the same request may get another answer; part of every execution key. */
export const recipeVersion = '1'

/** The share of a lexical score that its confidence may reach: words alone never sound sure. */
const lexicalCeiling = 0.4
/** Related passages of one answer at most. */
const maxRelated = 5

/** Cuts a source and notes the claim's terms; in a thread where it is large. */
export type Tabulate = (content: string, terms: readonly Term[], signal: AbortSignal) => Promise<PassageTable>

/** Who does the work of a recipe. */
export type RecipeParts = {
  readonly dispatch: Dispatch
  readonly tabulate: Tabulate
  readonly version: string
}

/** Who embeds, or why nobody can. */
export type EncoderChoice = { readonly encoder: VariantRef; readonly failure?: ErrorRecord }

/** What of the configuration decides over findings; part of the key that they are cached under. */
export type RecipeSettings = {
  readonly maxPassages: number
  readonly confidenceBoost: number
  readonly useEmbeddings: boolean
  readonly fallback: 'lexical' | 'error'
  readonly generator: string | undefined
}

const steps = ['passages', 'embed', 'rank', 'analysis', 'validate'] as const

/** Notes each step's time and trace, and tells who listens. */
class Steps {
  readonly timings: StepTiming[] = []
  readonly #context: RunContext
  readonly #onProgress: ((progress: Progress) => void) | undefined

  constructor(context: RunContext, onProgress: ((progress: Progress) => void) | undefined) {
    this.#context = context
    this.#onProgress = onProgress
  }

  done(step: (typeof steps)[number], since: number, reply?: Reply): void {
    this.timings.push({ step, totalMs: now() - since, ...reply?.timings })
    try {
      const heard: unknown = this.#onProgress?.({ step, done: steps.indexOf(step) + 1, total: steps.length })
      Promise.resolve(heard).catch(() => {})
    } catch {
      // A listener's fault is its own, now or later.
    }
    this.#context.signal.throwIfAborted()
  }

  trace(
    step: (typeof steps)[number],
    input: unknown,
    config: unknown,
    output: unknown,
    version = recipeVersion,
  ): void {
    this.#context.trace.add(steps.indexOf(step), { node: `evidence.${step}`, version, input, config }, output)
  }
}

/**
 * Findings for one request.
 * @throws InputError when no source can be read; whatever the dispatch throws, unless the settings allow a
 * lexical answer and the reason is that no worker could do it.
 */
export async function findEvidence(
  request: ParsedContext,
  choice: EncoderChoice,
  context: RunContext,
  parts: RecipeParts,
  settings: RecipeSettings,
  onProgress?: (progress: Progress) => void,
): Promise<Findings> {
  const progress = new Steps(context, onProgress)
  const errors: ErrorRecord[] = []
  const sources = readSources(request.sources, errors)
  const { encoder } = choice

  let since = now()
  const terms = termsOf(request.claim)
  const tables = await Promise.all(
    sources.map(({ binary, content }) => (binary ? nothing : parts.tabulate(content, terms, context.signal))),
  )
  const candidates = selectPassages(tables, terms, settings.maxPassages)
  const passageTexts = candidates.map(
    ({ source, start, end }) => sources[source]?.content.slice(start, end) ?? '',
  )
  progress.trace(
    'passages',
    [request.claim, sources.map(({ id, hash }) => [id, hash])],
    { maxPassages: settings.maxPassages },
    candidates.map(({ source, start, end, overlap }) => [source, start, end, portable(overlap)]),
  )
  progress.done('passages', since)

  since = now()
  const texts = [request.claim, ...passageTexts]
  const { vectors, reply, failure } = await embedOrFallBack(texts, choice, context, parts, settings)
  if (failure !== undefined) errors.push(failure)
  const hashes = texts.map(text => sha256(text))
  progress.trace(
    'embed',
    hashes,
    { reproducible: context.reproducible },
    vectors === undefined ? null : hashes,
    `${encoder.name}@${encoder.revision}+${encoder.weightsHash}`,
  )
  progress.done('embed', since, reply)

  since = now()
  const scored = score(candidates, vectors)
  const cited = chooseCited(scored, (a, b) =>
    a.vector === undefined || b.vector === undefined ? 0 : cosine(a.vector, b.vector),
  )
  progress.trace(
    'rank',
    hashes,
    {},
    cited.map(({ source, start, end, score }) => [source, start, end, portable(score)]),
  )
  progress.done('rank', since)

  since = now()
  const citations = cited.map(passage => citationOf(passage, sources))
  const coverage = coverageOf(sources, tables, candidates)
  const aiAnalysis = writeAnalysis(citations, coverage, vectors === undefined ? 'words' : 'similarity')
  progress.trace(
    'analysis',
    citations.map(({ sourceId, start, end }) => [sourceId, start, end]),
    {},
    aiAnalysis,
  )
  progress.done('analysis', since)

  since = now()
  const best = citations[0]?.score ?? 0
  const base = vectors === undefined ? best * lexicalCeiling : best
  const confidence = best === 0 ? 0 : Math.min(1, base + settings.confidenceBoost)
  const confidenceMethod = vectors === undefined ? 'lexical' : 'similarity'
  const findings: Omit<Findings, 'trace' | 'timings'> = {
    verdict: 'unverified',
    confidence,
    confidenceMethod,
    calibration: 'none',
    aiAnalysis,
    citations,
    assessments: sources.map(({ id }, place) => ({
      sourceId: id,
      relevance: Math.max(
        0,
        ...scored.filter(passage => passage.source === place).map(passage => passage.score),
      ),
    })),
    relatedEvidence: relatedOf(scored, sources, vectors),
    enhancements: vectors === undefined ? ['lexical-search'] : ['embedding-search'],
    coverage,
    spent: context.ledger.spent,
    fallbackUsed: failure !== undefined,
    errors,
    warnings: warningsOf(request.sources, settings),
    metadata: {
      processor: 'evidence-runner',
      processorVersion: parts.version,
      mlxModel: null,
      embeddingModel: encoder.name,
      embeddingRevision: encoder.revision,
      mlxModelLoaded: vectors !== undefined,
      realMLXInference: vectors !== undefined,
      analysisMethod: 'extractive',
      confidenceMethod,
      vectorSimilarityUsed: vectors !== undefined,
      mlxConfidenceScores: vectors === undefined ? [] : citations.map(citation => citation.score),
      embeddingVectors: vectors === undefined ? null : [...row(vectors, 0)],
    },
  }
  const complete = { ...findings, timings: progress.timings, trace: context.trace.record() }
  validateFindings(complete, new Map(sources.map(({ id, content }) => [id, content])))
  progress.trace('validate', aiAnalysis, {}, [findings.verdict, portable(confidence)])
  progress.done('validate', since)
  return { ...complete, trace: context.trace.record() }
}

/** What came of the attempt to embed: vectors and the reply, or the reason why there are none. */
type Embedded = { vectors?: Vectors; reply?: Reply; failure?: ErrorRecord }

async function embedOrFallBack(
  texts: readonly string[],
  { encoder, failure }: EncoderChoice,
  context: RunContext,
  parts: RecipeParts,
  settings: RecipeSettings,
): Promise<Embedded> {
  if (!settings.useEmbeddings) return {}
  if (failure !== undefined) return { failure }
  try {
    const options = context.reproducible ? { pad: 'fixed' } : {}
    const reply = await parts.dispatch({ variant: encoder, items: texts, options }, context)
    if (!isVectors(reply.results)) throw new Error('This is a bug: embed gave no vectors')
    return { vectors: reply.results, reply }
  } catch (error) {
    if (settings.fallback === 'error' || !meansNoWorker(error)) throw error
    return { failure: errorRecord(error) }
  }
}

/** True where words can stand in: a worker could not be had or could not do it. Not for overload, deadline or abort. */
export const meansNoWorker = (error: unknown): boolean =>
  error instanceof RunnerError && /^ER_(NO_WORKER|WARMING|WORKER_|WIRE|POISON|MODEL_)/.test(error.code)

const nothing: PassageTable = { offsets: new Uint32Array(), masks: new Uint32Array() }

function score(candidates: readonly Candidate[], vectors: Vectors | undefined): Scored[] {
  if (vectors === undefined)
    return candidates.map(candidate => ({ ...candidate, score: candidate.overlap, vector: undefined }))
  const claim = row(vectors, 0)
  return candidates.map((candidate, index) => {
    const vector = row(vectors, index + 1)
    return { ...candidate, vector, score: Math.max(0, cosine(claim, vector)) }
  })
}

function citationOf({ source, start, end, score }: Scored, sources: readonly Readable[]): Citation {
  const { id, content } = sources[source] as Readable
  return { sourceId: id, start, end, text: content.slice(start, end), stance: 'neutral', score }
}

/** The nearest passage of each source, nearest first. */
function relatedOf(
  scored: readonly Scored[],
  sources: readonly Readable[],
  vectors: Vectors | undefined,
): RelatedEvidence[] {
  if (vectors === undefined) return []
  const nearest = new Map<number, Scored>()
  for (const passage of scored) {
    if (passage.score > (nearest.get(passage.source)?.score ?? 0)) nearest.set(passage.source, passage)
  }
  return [...nearest.values()]
    .sort((a, b) => b.score - a.score)
    .slice(0, maxRelated)
    .map(({ source, start, end, score }) => {
      const { id, content } = sources[source] as Readable
      return { claim: content.slice(start, end), similarity: score, source: id }
    })
}

function coverageOf(
  sources: readonly Readable[],
  tables: readonly PassageTable[],
  candidates: readonly Candidate[],
): Coverage {
  return {
    sources: sources.length,
    sourcesRead: new Set(candidates.map(candidate => candidate.source)).size,
    passages: tables.reduce((sum, table) => sum + table.offsets.length / 2, 0),
    passagesRead: candidates.length,
    characters: sources.reduce((sum, { content }) => sum + content.length, 0),
    charactersRead: candidates.reduce((sum, { start, end }) => sum + end - start, 0),
  }
}

function warningsOf(sources: readonly ParsedSource[], settings: RecipeSettings): string[] {
  const warnings = oddTypes(sources)
  if (settings.generator !== undefined) {
    warnings.push(
      `mlxModelPath ${JSON.stringify(settings.generator)} was not used: this version writes extractive analyses only`,
    )
  }
  return warnings
}
