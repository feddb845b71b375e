/** What producers are given for a job: a ticket when it is put in, and its state when they ask. */
import { type ErrorRecord, errorOf, type RunnerError } from '../core/errors.ts'
import type { ManyOutcome } from '../evidence/outcome.ts'
import type { Progress } from '../evidence/request.ts'
import type { EnhancedEvidence } from '../evidence/result.ts'
import type { BatchSummary } from './bullmq-job.ts'

/** A claim that was put in. */
export type Ticket = {
  readonly jobId: string
  readonly taskId: string
  /** True where the job of an equal claim stands for this one. */
  readonly shared: boolean
}

/** A batch that was put in: its own job and a ticket for each claim, in their order. */
export type BatchTicket = { readonly jobId: string; readonly jobs: readonly Ticket[] }

/** What came of a job so far. `unknown`: it was never put in, or what came of it is kept no longer. */
export type JobState = { readonly jobId: string } & (
  | {
      readonly state: 'done'
      readonly ended: true
      /** Of a claim. Without the claim's vector. */
      readonly evidence?: EnhancedEvidence
      /** Of a batch. */
      readonly batch?: BatchSummary
    }
  | { readonly state: 'failed'; readonly ended: true; readonly error: ErrorRecord }
  | { readonly state: 'cancelled' | 'unknown'; readonly ended: true }
  | { readonly state: 'running'; readonly ended: false; readonly progress?: Progress }
  | { readonly state: 'waiting' | 'delayed'; readonly ended: false }
)

/** The error behind a record. */
export const errorOfRecord = ({ code, message, path, retryAfterMs }: ErrorRecord): RunnerError =>
  errorOf(code, message, {
    ...(path === undefined ? {} : { path }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    retried: true,
  })

/** What came of one claim of many, `line` from 1. */
export function outcomeOf(state: JobState, { taskId }: Ticket, line: number): ManyOutcome {
  if (state.state === 'done' && state.evidence !== undefined) return state.evidence
  if (state.state === 'failed') return { taskId, line, error: state.error }
  const message =
    state.state === 'cancelled' ? 'The job was cancelled' : 'What came of the job is kept no longer'
  return { taskId, line, error: { code: 'ER_INPUT', message } }
}

/** The state of a batch that ended, or a claim whose evidence is kept no longer. */
export function summaryState(jobId: string, returned: string | null | undefined): JobState {
  const summary: unknown = JSON.parse(returned ?? 'null')
  if (typeof summary === 'object' && summary !== null && 'claims' in summary)
    return { state: 'done', ended: true, jobId, batch: summary as BatchSummary }
  return { state: 'unknown', ended: true, jobId }
}

/** The latest step of a job that was told. */
export function progressOf(
  text: string | null | undefined,
): Pick<Extract<JobState, { state: 'running' }>, 'progress'> {
  const progress: unknown = JSON.parse(text ?? 'null')
  return typeof progress === 'object' && progress !== null && 'step' in progress
    ? { progress: progress as Progress }
    : {}
}
