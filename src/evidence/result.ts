/** What `enhanceEvidence` gives: its shape, field by field. A golden file under test/ holds an example. */
import type { Timings } from '../core/call.ts'
import type { ErrorRecord } from '../core/errors.ts'
import type { Spend } from '../core/ledger.ts'
import type { TraceRecord } from '../core/trace.ts'

/** `unverified` while no verifier is there: what was found is near to the claim, not known to support it. */
export type Verdict = 'supported' | 'refuted' | 'disputed' | 'not-enough-evidence' | 'unverified'

/** What a citation says to the claim; `neutral` while no verifier is there. */
export type Stance = 'supports' | 'refutes' | 'neutral'

/** A verbatim part of a source: `content.slice(start, end) === text`, offsets in UTF-16 units. */
export type Citation = {
  readonly sourceId: string
  readonly start: number
  readonly end: number
  readonly text: string
  readonly stance: Stance
  /** How near it is to the claim, by `confidenceMethod`; 0 to 1. */
  readonly score: number
}

/** How near one source came to the claim. */
export type Assessment = {
  readonly sourceId: string
  /** Score of the source's best passage, 0 to 1; 0 where nothing of it was read. */
  readonly relevance: number
}

/** The nearest passage of a source. */
export type RelatedEvidence = {
  /** The passage's text, verbatim. */
  readonly claim: string
  /** Cosine of its vector and the claim's, -1 to 1. */
  readonly similarity: number
  /** Id of its source. */
  readonly source: string
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
  /** The language model that wrote the analysis; null while there is none. */
  readonly mlxModel: string | null
  readonly embeddingModel: string
  readonly embeddingRevision: string
  /** True where an MLX worker computed the vectors of this answer. */
  readonly mlxModelLoaded: boolean
  readonly realMLXInference: boolean
  readonly analysisMethod: 'extractive'
  readonly confidenceMethod: 'similarity' | 'lexical'
  readonly vectorSimilarityUsed: boolean
  /** Scores of the citations, best first; empty without embeddings. */
  readonly mlxConfidenceScores: readonly number[]
  /** The claim's vector; null without embeddings. */
  readonly embeddingVectors: readonly number[] | null
}

/** What was found, before it is put into an envelope for one caller. */
export type Findings = {
  readonly verdict: Verdict
  readonly confidence: number
  readonly confidenceMethod: 'similarity' | 'lexical'
  /** What the confidence was calibrated on; none yet, so read it as a score, not as a probability. */
  readonly calibration: 'none'
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
  readonly metadata: EvidenceMetadata
}
