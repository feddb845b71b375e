/** A run with its record: the trace of every request is handed on, whether it came to something or not. */
import type { RunContext } from '../core/call.ts'
import { errorRecord, RunnerError } from '../core/errors.ts'
import type { Spend } from '../core/ledger.ts'
import type { TraceRecord } from '../core/trace.ts'
import type { StoredTrace, TraceSink } from '../plan/ports.ts'
import { factsOf } from './replay.ts'
import type { EnhanceOptions } from './request.ts'
import type { Findings } from './result.ts'
import { findEvidence, type Job, type RunParts } from './run.ts'

/** What a request had used and done when it failed: `partial` of its error. */
export type PartialRun = { readonly spent: Spend; readonly trace: TraceRecord }

/**
 * Findings for one request; `traces` is told what happened.
 * @throws as `findEvidence`, with `partial` on errors of ours.
 */
export async function findRecorded(
  job: Job,
  context: RunContext,
  { reproducible, strategy, hints, budget }: EnhanceOptions,
  parts: RunParts,
  traces: TraceSink | undefined,
): Promise<Findings> {
  const at = new Date().toISOString()
  const write = (status: StoredTrace['status'], facts: StoredTrace['facts']) =>
    traces?.write({
      id: context.id,
      subject: 'evidence.enhance',
      at,
      status,
      record: context.trace.record(),
      facts: { taskId: job.request.taskId, spent: context.ledger.spent, ...facts },
      inputs: { context: job.request, options: { reproducible, strategy, hints, budget } },
    })
  try {
    const findings = await findEvidence(job, context, parts)
    write('ok', { plan: findings.plan, timings: findings.timings, ...factsOf(findings) })
    return findings
  } catch (error) {
    const partial: PartialRun = { spent: context.ledger.spent, trace: context.trace.record() }
    if (error instanceof RunnerError) error.partial = partial
    write('failed', { error: errorRecord(error) })
    throw error
  }
}
