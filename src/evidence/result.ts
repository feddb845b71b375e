/** What `enhanceEvidence` gives: its shape, field by field. A golden file under test/ holds an example. */
import type { Timings } from '../core/call.ts'
import type { ErrorRecord } from '../core/errors.ts'
import type { Spend } from '../core/ledger.ts'
import type { TraceRecord } from '../core/trace.ts'
import type { ValidationReport } from './validation/report.ts'
import type { Chances, ClaimChances } from './verdict/chances.ts'

/** What the sources say of a claim, all together. */
export type Verdict = 'supported' | 'refuted' | 'disputed' | 'not-enough-evidence'

/** What a citation says to the claim; `neutral` bears on it and decides nothing. */
export type Stance = 'supports' | 'refutes' | 'neutral'

/**
 * Who gave the confidence: arithmetic over the figures of claim and sources, the built-in head over embeddings, a
 * configured verifier, the chances that a language model gives to the verdicts' names (`generator`), or nearness
 * alone (`similarity` of vectors, `lexical` of words), which decides nothing.
 */
export type ConfidenceMethod = 'arithmetic' | 'head' | 'verifier' | 'generator' | 'similarity' | 'lexical'

/** What a confidence was fitted on: the name of the set, its claims, and the error that was left there, 0 to 1. */
export type CalibratedOn = { readonly set: string; readonly n: number; readonly ece: number }

/** A verbatim part of a source: `content.slice(start, end) === text`, offsets in UTF-16 units. */
export type Citation = {
  readonly sourceId: string
  readonly start: number
  readonly end: number
  readonly text: string
  readonly stance: Stance
  /** How likely its stance is, 0 to 1; of a neutral one how near it is to the claim. */
  readonly score: number
}

/** What one source says of the claim. */
export type Assessment = {
  readonly sourceId: string
  /** The chance that it bears on the claim, 0 to 1; 0 where nothing of it was read. */
  readonly relevance: number
  readonly probabilities: Chances
}

/** Where a passage of an earlier request is from. */
export type EarlierPassage = {
  readonly taskId: string
  readonly sourceId: string
  readonly title?: string
  /** When it was kept, ISO 8601. */
  readonly at: string
}

/** The nearest passage of a source; with a vector store a passage of an earlier request. */
export type RelatedEvidence = {
  /** The passage's text, verbatim. */
  readonly claim: string
  /** Cosine of its vector and the claim's, -1 to 1. */
  readonly similarity: number
  /** Id of its source; of an earlier request's, its task and that. */
  readonly source: string
  /** Of a passage of an earlier request. */
  readonly from?: EarlierPassage
}

/** Where a part of a retrieved source is from. */
export type RetrievedPassage = {
  /** Half-open, in UTF-16 units of the source's content, as in citations. */
  readonly start: number
  readonly end: number
  /** Id of the passage in the collection. */
  readonly id: string
  /** Id of the document that it was cut from. */
  readonly documentId: string
  readonly title?: string
  readonly metadata?: Readonly<Record<string, unknown>>
  /** Cosine of its vector and the query's, -1 to 1. */
  readonly similarity: number
  /** When it was kept, ISO 8601. */
  readonly at: string
}

/** A source whose content was retrieved. */
export type RetrievedSource = {
  readonly sourceId: string
  readonly collection: string
  /** What was looked for. */
  readonly query: string
  /** Best first, as they stand in `content`. */
  readonly passages: readonly RetrievedPassage[]
  /** What citations of this source are parts of. */
  readonly content: string
}

/** How much of the sources was looked at. */
export type Coverage = {
  readonly sources: number
  readonly sourcesRead: number
  readonly passages: number
  /** Passages that were chosen and compared with the claim. */
  readonly passagesRead: number
  readonly characters: number
  readonly charactersRead: number
}

/** A step's time in milliseconds; queue, model and wire for steps that went to a worker. */
export type StepTiming = { readonly step: string; readonly totalMs: number } & Partial<Timings>

/** Who made the answer, when, and with which models. */
export type EvidenceMetadata = {
  readonly processor: 'evidence-runner'
  readonly processorVersion: string
  /** When this answer was given, ISO 8601. */
  readonly timestamp: string
  /** The language model that was asked, with its revision; null where none was. */
  readonly mlxModel: string | null
  readonly embeddingModel: string
  readonly embeddingRevision: string
  /** Who judged the passages: name and revision of the head or the verifier; null where nobody did. */
  readonly verificationModel: string | null
  /** True where an MLX worker computed the vectors of this answer. */
  readonly mlxModelLoaded: boolean
  readonly realMLXInference: boolean
  /** `generated`: a language model wrote it and it passed the checks; `extractive`: it only quotes and counts. */
  readonly analysisMethod: 'extractive' | 'generated'
  /** What asking the language model took; null where none answered. */
  readonly generation: GenerationFigures | null
  readonly confidenceMethod: ConfidenceMethod
  readonly vectorSimilarityUsed: boolean
  /** Scores of the citations, best first; empty without embeddings. */
  readonly mlxConfidenceScores: readonly number[]
  /** The claim's vector; null without embeddings. */
  readonly embeddingVectors: readonly number[] | null
}

/** How a language model came to its text. */
export type GenerationFigures = {
  /** Tokens that it wrote. */
  readonly tokens: number
  readonly promptTokens: number
  /** Of these, the ones that had been computed for another call already. */
  readonly sharedTokens: number
  /** Milliseconds from its worker's taking the call to the first token. */
  readonly firstTokenMs: number
  readonly tokensPerSecond: number
  readonly seed: number
  /** Versions of the prompts. */
  readonly prompts: string
}

/** What was found, before it is put into an envelope for one caller. */
export type Findings = {
  readonly verdict: Verdict
  /** Of the four verdicts, adding up to 1. */
  readonly probabilities: ClaimChances
  /** The probability of the verdict, 0 to 1; with words alone at most 0.4. */
  readonly confidence: number
  readonly confidenceMethod: ConfidenceMethod
  /** What the confidence was calibrated on; `uncalibrated` makes it a score, not a probability. */
  readonly calibration: CalibratedOn | 'uncalibrated'
  /** True where something looked likeliest and not likely enough to say so: see `threshold`. */
  readonly abstained: boolean
  /** The verdict that an abstaining answer leans to; null where it leans to none. */
  readonly leaning: Verdict | null
  readonly aiAnalysis: string
  readonly citations: readonly Citation[]
  readonly assessments: readonly Assessment[]
  readonly relatedEvidence: readonly RelatedEvidence[]
  readonly enhancements: readonly string[]
  readonly coverage: Coverage
  /** The way it was found: `at once`, `step by step`, `few at once`, `in pieces`, `by words`, … */
  readonly plan: string
  readonly timings: readonly StepTiming[]
  readonly trace: TraceRecord
  readonly spent: Spend
  readonly fallbackUsed: boolean
  /** Parts that failed while others succeeded. */
  readonly errors: readonly ErrorRecord[]
  /** What was odd about the request and taken anyway. */
  readonly warnings: readonly string[]
  /** How the answer was looked at before it left: each check with its score and what it found. */
  readonly validation: ValidationReport
  readonly metadata: Omit<EvidenceMetadata, 'timestamp'>
}

/** One answer. Equal requests share findings; id, taskId, processingTime and timestamp are this caller's. */
export type EnhancedEvidence = Omit<Findings, 'metadata'> & {
  readonly id: string
  readonly taskId: string
  readonly originalClaim: string
  /** Milliseconds from call to answer. */
  readonly processingTime: number
  /** Found for an earlier or a simultaneous equal request; `spent` is zero then. */
  readonly cached: boolean
  /** What was retrieved for sources that asked for a collection; absent where none did. */
  readonly retrieved?: readonly RetrievedSource[]
  readonly metadata: EvidenceMetadata
}
