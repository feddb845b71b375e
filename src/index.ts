/** The front door: exported names, no code. */
export type { Part, Reply, RequestClass, Usage } from './core/call.ts'
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
export type { TelemetryEvent, TelemetrySink } from './core/telemetry.ts'
export type { TraceRecord, TraceStep } from './core/trace.ts'
export type { EvidenceEnhancerConfig } from './evidence/config.ts'
export type { EmbedOptions, EnhanceManyOptions, ManyOutcome } from './evidence/enhancer.ts'
export type { HealthStatus } from './evidence/health.ts'
export type { EnhanceOptions, EvidenceContext, EvidenceSource, Progress } from './evidence/request.ts'
export type {
  Assessment,
  Citation,
  Coverage,
  EnhancedEvidence,
  EvidenceMetadata,
  RelatedEvidence,
  Stance,
  StepTiming,
  Verdict,
} from './evidence/result.ts'
export type { PoolHealth } from './pool/health.ts'
export {
  EvidenceEnhancer,
  openRunner,
  type Runner,
  type RunnerCall,
  type RunnerCallOptions,
  type RunnerOptions,
  type RunnerStats,
  version,
} from './runner.ts'
