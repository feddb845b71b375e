/** A batch as BullMQ takes it: a job for each claim, and one above them that runs when they have ended. */
import { randomUUID } from 'node:crypto'
import type { FlowJob } from 'bullmq'
import { type BatchData, jobNames, type PreparedJob } from './bullmq-job.ts'
import { type AddOptions, jobOptionsOf } from './bullmq-options.ts'
import type { BatchTicket, Ticket } from './bullmq-outcome.ts'

/** Where a batch goes and what it brings along. */
export type BatchPlace = {
  readonly queueName: string
  readonly keepMs: number
  readonly traceparent: string
}

/**
 * The flow and the ticket of a batch. Equal claims share a job here and only here: BullMQ leaves a child that an
 * outside job stands for out of its parent's count, and the parent would end before it.
 */
export function batchOf(
  prepared: readonly PreparedJob[],
  options: AddOptions,
  { keepMs, queueName, traceparent }: BatchPlace,
): { readonly flow: FlowJob; readonly ticket: BatchTicket } {
  const { deduplicate = true } = options
  const known = new Map<string, string>()
  const children: NonNullable<FlowJob['children']> = []
  const jobs = prepared.map((job): Ticket => {
    const { data, key, taskId } = job
    const other = deduplicate ? known.get(key) : undefined
    if (other !== undefined) return { jobId: other, taskId, shared: true }
    const jobId = randomUUID()
    known.set(key, jobId)
    // A claim that fails is told in its place; the rest go on.
    const opts = { ...jobOptionsOf(options, job, keepMs), jobId, ignoreDependencyOnFailure: true }
    children.push({ name: jobNames.claim, queueName, data, opts })
    return { jobId, taskId, shared: false }
  })
  const ticket = { jobId: randomUUID(), jobs }
  const data: BatchData = { v: 1, traceparent, jobs: jobs.map(({ jobId, taskId }) => ({ jobId, taskId })) }
  const [first] = prepared
  if (first === undefined) throw new Error('This is a bug: a batch of nothing')
  const { removeOnFail, ...each } = jobOptionsOf(options, first, keepMs)
  // Its summary is in its own record: kept as long as the outcomes.
  const opts = { ...each, removeOnFail, removeOnComplete: removeOnFail, delay: 0, jobId: ticket.jobId }
  return { flow: { name: jobNames.batch, queueName, data, opts, children }, ticket }
}
