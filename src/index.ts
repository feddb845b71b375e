/** The front door: exported names, no code. */
export { budgeted } from './core/budgeted-dispatch.ts'
export type {
  Call,
  Dispatch,
  Part,
  Reply,
  RequestClass,
  RunContext,
  Usage,
  VariantRef,
  Vectors,
} from './core/call.ts'
export {
  BudgetError,
  DeadlineError,
  type ErrorCode,
  type ErrorRecord,
  type ErrorRule,
  errorRules,
  InputError,
  ModelError,
  OverloadError,
  PlanError,
  RejectedError,
  RunnerError,
  StoreError,
  WorkerError,
} from './core/errors.ts'
export { Ledger, type Limits, type Spend } from './core/ledger.ts'
export { nanoUsdOf, usdText } from './core/money.ts'
export type { TelemetryEvent, TelemetrySink } from './core/telemetry.ts'
export { Trace, type TraceRecord, type TraceStep } from './core/trace.ts'
export { type Difference, diffTraces, type Mismatch, parseTrace, verifyTrace } from './core/trace-check.ts'
export type { Budget, EvidenceEnhancerConfig } from './evidence/config.ts'
export type { HealthStatus } from './evidence/health.ts'
export type { TextEvent, TextListener } from './evidence/narration.ts'
export type { EmbedOptions, EnhanceManyOptions, ManyOutcome } from './evidence/outcome.ts'
export type { PartialRun } from './evidence/record.ts'
export type { Replay } from './evidence/replay.ts'
export type {
  CollectionSource,
  EnhanceOptions,
  EvidenceContext,
  EvidenceSource,
  Progress,
  SentSource,
} from './evidence/request.ts'
export type {
  Assessment,
  CalibratedOn,
  Citation,
  ConfidenceMethod,
  Coverage,
  EarlierPassage,
  EnhancedEvidence,
  EvidenceMetadata,
  RelatedEvidence,
  RetrievedPassage,
  RetrievedSource,
  Stance,
  StepTiming,
  Verdict,
} from './evidence/result.ts'
export type { Outcome as ValidationOutcome, Validator } from './evidence/validation/pipeline.ts'
export type {
  Check as ValidationCheck,
  Fault as ValidationFault,
  ValidationReport,
} from './evidence/validation/report.ts'
export type { DocumentsAdded, StoredDocument } from './evidence/vectors/documents.ts'
export type {
  ModelTag,
  VectorFilter,
  VectorMatch,
  VectorRow,
  VectorSearch,
  VectorStore,
} from './evidence/vectors/store.ts'
export { type CalibratedModel, type Calibration, parseCalibration } from './evidence/verdict/calibration.ts'
export type { Chances, ClaimChances } from './evidence/verdict/chances.ts'
export { fitCalibration, type LabelledAnswer } from './evidence/verdict/fit.ts'
export {
  type GenerationItem,
  type GenerationRequest,
  type GenerationResult,
  generationItem,
  type LabelRequest,
  type LabelResult,
  labelItem,
  type ModelInput,
  Seeds,
  shareOf,
} from './models/generation.ts'
export type { GenerationEvent, GenerationStream } from './models/generation-stream.ts'
export { type Structured, type StructuredOptions, structured } from './models/structured.ts'
export { AdaptiveStrategy } from './plan/adaptive.ts'
export { canonicalise, contentId } from './plan/canonical.ts'
export { costMap, costOf, criticalPath } from './plan/cost.ts'
export { defineDataflow } from './plan/dataflow.ts'
export { action, type Dataflow } from './plan/dataflow-node.ts'
export { memoryInstances } from './plan/dataflow-record.ts'
export { DataflowRunner } from './plan/dataflow-run.ts'
export { chooseDomain, type Domain, explainDomainChoice } from './plan/domain.ts'
export { assertAllowed, effectsOf, warningsOf } from './plan/effects.ts'
export { type ExecuteParts, execute, type PlanEvent } from './plan/execute.ts'
export { explain } from './plan/explain.ts'
export type { Hints } from './plan/hints.ts'
export { Limiter } from './plan/limiter.ts'
export { memoryMemo } from './plan/memo.ts'
export {
  bind,
  branch,
  type Cost,
  type CostRange,
  constant,
  type Effect,
  fanout,
  merge,
  type PlanNode,
  parallel,
  remote,
  retry,
  type Settled,
  type StepContext,
  sequential,
  stage,
} from './plan/node.ts'
export type { InstanceStore, MemoStore, Profiles, StoredTrace, TraceSink } from './plan/ports.ts'
export { preflight } from './plan/preflight.ts'
export { schemaId } from './plan/schema-id.ts'
export { choosePlan, explainChoice, strategies } from './plan/strategy.ts'
export {
  StagedParallelExecutor,
  type WorkflowResult,
  type WorkflowStage,
  type WorkflowStep,
  workflowPlan,
} from './plan/workflow.ts'
export type { PoolHealth } from './pool/health.ts'
export {
  EvidenceEnhancer,
  openRunner,
  openStore,
  type PlanRun,
  type Runner,
  type RunnerCall,
  type RunnerCallOptions,
  type RunnerGenerateOptions,
  type RunnerOptions,
  type RunnerPlanOptions,
  type RunnerStats,
  type Store,
  version,
} from './runner.ts'
