/**
 * The door to many machines: producers put claims into a queue on Redis, consumers with an enhancer each take
 * them out. Needs the optional packages bullmq and ioredis.
 *
 * @example
 * await using queue = new EvidenceQueue({ redis: 'redis://127.0.0.1:6379' })
 * const ticket = await queue.add({ taskId: 't1', claim, sources: [{ content }] })
 * const evidence = await queue.wait(ticket)
 */
export type { NoteListener } from './bullmq-connection.ts'
export { type ConsumeOptions, consume, EvidenceConsumer } from './bullmq-consumer.ts'
export type { ConsumerFigures, Durations } from './bullmq-figures.ts'
export { type BatchSummary, type JobOptions, jobKey, jobLimits } from './bullmq-job.ts'
export type { AddOptions, QueueFigures, QueueOptions, WaitOptions } from './bullmq-options.ts'
export type { BatchTicket, JobState, Ticket } from './bullmq-outcome.ts'
export type { Answering } from './bullmq-processing.ts'
export { EvidenceQueue } from './bullmq-queue.ts'
