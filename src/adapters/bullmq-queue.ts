/**
 * The producers' side: puts claims into a queue on Redis, and tells what came of them. Any number of processes may
 * hold one; consumers are elsewhere. No call waits for Redis longer than `withinMs`.
 */
import { randomUUID } from 'node:crypto'
import { FlowProducer, type Queue } from 'bullmq'
import { errorOf, InputError } from '../core/errors.ts'
import { names, Telemetry, type TelemetryAttributes } from '../core/telemetry.ts'
import type { ManyOutcome } from '../evidence/outcome.ts'
import { type EvidenceContext, parseOptions } from '../evidence/request.ts'
import type { EnhancedEvidence } from '../evidence/result.ts'
import { batchOf } from './bullmq-batch.ts'
import { Connection } from './bullmq-connection.ts'
import { Endings } from './bullmq-endings.ts'
import {
  jobLimits,
  jobNames,
  type PreparedJob,
  packCancelled,
  prepareJob,
  readBatch,
  readFailure,
  unpackOutcome,
} from './bullmq-job.ts'
import { cancelChannel, defaultQueue, messaging, outcomeKey, queueName } from './bullmq-names.ts'
import { OpenedQueue } from './bullmq-opened.ts'
import {
  type AddOptions,
  jobOptionsOf,
  type QueueFigures,
  type QueueOptions,
  queueDefaults,
  type WaitOptions,
} from './bullmq-options.ts'
import {
  type BatchTicket,
  errorOfRecord,
  type JobState,
  outcomeOf,
  progressOf,
  summaryState,
  type Ticket,
} from './bullmq-outcome.ts'
import { countJobs, tellStored } from './bullmq-stored.ts'

/** Jobs that are put in, or asked for, at once. */
const together = 100
/** How long `wait` bears Redis being away, in milliseconds. */
const outageMs = 60_000

/** A queue as producers hold it. One for a process is enough. */
export class EvidenceQueue {
  readonly #options: QueueOptions
  readonly #name: string
  readonly #prefix: string
  readonly #withinMs: number
  readonly #keepMs: number
  readonly #connection: Connection
  readonly #queue: OpenedQueue
  readonly #telemetry: Telemetry
  readonly #stopTelling: () => void
  #flows: FlowProducer | undefined
  #endings: Endings | undefined
  #closed: Promise<void> | undefined

  /** Connects in the background. @throws InputError ER_CONFIG for an address or a name that can't be one. */
  constructor(options: QueueOptions) {
    this.#options = options
    const { name = defaultQueue.name, prefix = defaultQueue.prefix } = options
    this.#name = queueName(name)
    this.#prefix = prefix
    this.#withinMs = options.withinMs ?? queueDefaults.withinMs
    this.#keepMs = options.keepMs ?? queueDefaults.keepMs
    this.#telemetry = new Telemetry({ openTelemetry: options.telemetry ?? true })
    this.#connection = new Connection(options.redis, 'producer', options.onNote)
    this.#queue = new OpenedQueue(this.#connection, name, prefix)
    this.#stopTelling = tellStored(this.#telemetry, this.#connection, name, this.#queue)
  }

  /**
   * Puts a claim in. Where an equal one waits or runs, its job stands for this one, too: the ticket says so. Equal
   * are the claim, the sources and the options that findings depend on; priority, attempts, delay and time limit
   * are those of the one that was first.
   * @throws InputError ER_INPUT for a wrong request; StoreError ER_STORE, retryable, where Redis is away;
   * OverloadError ER_QUEUE_FULL where Redis is full.
   */
  add(context: EvidenceContext, options: AddOptions = {}): Promise<Ticket> {
    return this.#adding(async traceparent =>
      this.#put(await this.#prepare(context, options, traceparent), options),
    )
  }

  /** Puts claims in, each as `add` does; the tickets are in their order. Nothing is put in where one is wrong. */
  addMany(contexts: Iterable<EvidenceContext>, options: AddOptions = {}): Promise<Ticket[]> {
    return this.#adding(async (traceparent, note) => {
      const prepared = await this.#prepareAll(contexts, options, traceparent)
      note({ [names.messageCount]: prepared.length })
      const tickets: Ticket[] = []
      for (let at = 0; at < prepared.length; at += together) {
        const part = prepared.slice(at, at + together)
        tickets.push(...(await Promise.all(part.map(job => this.#put(job, options)))))
      }
      return tickets
    })
  }

  /**
   * Puts claims in as one batch: all of them or none, with a job above them that ends when each has ended, well or
   * not. Equal claims of the batch share a job; jobs outside of it stand for none of them.
   * @throws as `add`; InputError ER_INPUT for no claim or more than 10 000.
   */
  addBatch(contexts: Iterable<EvidenceContext>, options: AddOptions = {}): Promise<BatchTicket> {
    return this.#adding(async (traceparent, note) => {
      const prepared = await this.#prepareAll(contexts, options, traceparent)
      note({ [names.messageCount]: prepared.length })
      if (prepared.length === 0 || prepared.length > jobLimits.batch) {
        throw new InputError(
          'ER_INPUT',
          `Invalid request: a batch of ${prepared.length} claims; it takes 1 to ${jobLimits.batch}`,
        )
      }
      const { flow, ticket } = batchOf(prepared, options, {
        queueName: this.#name,
        keepMs: this.#keepMs,
        traceparent,
      })
      await this.#attempt(async () => this.#flow().add(flow))
      this.#added(ticket.jobs)
      return ticket
    })
  }

  /**
   * What came of a job so far.
   * @throws StoreError ER_STORE, retryable, where Redis is away.
   */
  async result(job: Ticket | string): Promise<JobState> {
    const { jobId, taskId } = ticketOf(job)
    return this.#attempt(queue => this.#look(queue, jobId, taskId))
  }

  /**
   * The evidence of a job, when it has ended; for the ticket's own task where a job stands for several.
   * @throws the job's error as the table has it; an AbortError where it was cancelled; DeadlineError after
   * `timeoutMs`; InputError ER_INPUT for a job that is not known or kept no longer; the signal's reason;
   * StoreError ER_STORE where Redis is away for more than a minute.
   */
  async wait(job: Ticket | string, options: WaitOptions = {}): Promise<EnhancedEvidence> {
    const state = await this.#ended(job, options)
    if (state.state === 'done' && state.evidence !== undefined) return state.evidence
    if (state.state === 'failed') throw errorOfRecord(state.error)
    if (state.state === 'cancelled') throw new DOMException('The job was cancelled', 'AbortError')
    throw new InputError('ER_INPUT', `Job ${state.jobId} is a batch, not known, or kept no longer`)
  }

  /**
   * What came of a batch when all of it has ended: an outcome a claim, in their order.
   * @throws as `wait`, but for the errors of the claims: they stand in their places.
   */
  async collect(batch: BatchTicket, options: Omit<WaitOptions, 'onProgress'> = {}): Promise<ManyOutcome[]> {
    await this.#ended(batch.jobId, options)
    const outcomes: ManyOutcome[] = []
    for (let at = 0; at < batch.jobs.length; at += together) {
      const part = batch.jobs.slice(at, at + together)
      const states = await Promise.all(part.map(ticket => this.result(ticket)))
      outcomes.push(...states.map((state, index) => outcomeOf(state, part[index] as Ticket, at + index + 1)))
    }
    return outcomes
  }

  /**
   * Cancels a job: one that waits is taken out, one that runs is stopped. A job that stands for several is
   * cancelled for all of them, a batch claim by claim.
   * @returns false where it had ended otherwise before
   * @throws StoreError ER_STORE, retryable, where Redis is away.
   */
  async cancel(job: Ticket | BatchTicket | string): Promise<boolean> {
    const { jobId } = ticketOf(job)
    const packed = await packCancelled()
    return this.#attempt(async queue => {
      if ((await queue.getJobState(jobId)) !== 'waiting-children')
        return this.#cancelOne(queue, jobId, packed)
      const { jobs } = readBatch((await queue.getJob(jobId))?.data)
      let any = false
      for (const id of new Set(jobs.map(claim => claim.jobId)))
        any = (await this.#cancelOne(queue, id, packed)) || any
      return any
    })
  }

  async #cancelOne(queue: Queue, jobId: string, packed: Buffer): Promise<boolean> {
    const { redis } = this.#connection
    const key = outcomeKey(queue, jobId)
    const state = await queue.getJobState(jobId)
    if (state !== 'unknown' && state !== 'completed' && state !== 'failed')
      await redis.set(key, packed, 'PX', this.#keepMs, 'NX')
    // Who set the outcome first has decided; a second try finds its own.
    if ((await redis.getBuffer(key))?.equals(packed) !== true) return false
    await redis.publish(cancelChannel(queue), jobId)
    // Fails for a job that runs: its consumer was told.
    await queue.remove(jobId).catch(() => 0)
    return true
  }

  /** @throws StoreError ER_STORE, retryable, where Redis is away. */
  async figures(): Promise<QueueFigures> {
    return this.#attempt(countJobs)
  }

  /** Lets go of Redis; jobs that were put in stay. Who waits gets ER_CLOSED. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#stopTelling()
    await this.#endings?.close()
    this.#connection.close()
    await Promise.allSettled([this.#queue.close(), this.#flows?.close()])
  }

  /** Under a span that the jobs' own spans are parts of, wherever they are done. */
  #adding<T>(
    work: (traceparent: string, note: (attributes: TelemetryAttributes) => void) => Promise<T>,
  ): Promise<T> {
    this.#refuseClosed()
    return this.#telemetry.span(names.spanAdd, messaging('send', this.#name), work, { kind: 'producer' })
  }

  /** Counts claims that were put in, each with its ticket. */
  #added(tickets: readonly Ticket[]): void {
    for (const { shared } of tickets) {
      const by = { [names.queue]: this.#name, [names.outcome]: shared ? 'shared' : 'new' }
      this.#telemetry.count(names.jobsAdded, 1, by)
    }
  }

  async #prepare(context: EvidenceContext, options: AddOptions, traceparent: string): Promise<PreparedJob> {
    const { attempts: _a, backOffMs: _b, delayMs: _d, deduplicate: _u, ...request } = options
    return prepareJob(
      context,
      parseOptions(request),
      traceparent,
      this.#options.jobBytes ?? jobLimits.jobBytes,
    )
  }

  async #prepareAll(
    contexts: Iterable<EvidenceContext>,
    options: AddOptions,
    traceparent: string,
  ): Promise<PreparedJob[]> {
    const prepared: PreparedJob[] = []
    for (const context of contexts) prepared.push(await this.#prepare(context, options, traceparent))
    return prepared
  }

  /** One id for all tries, so that a try whose answer was lost is not done twice. */
  async #put(job: PreparedJob, options: AddOptions): Promise<Ticket> {
    const { data, key, taskId } = job
    const jobId = randomUUID()
    const { deduplicate = true } = options
    const opts = {
      ...jobOptionsOf(options, job, this.#keepMs),
      jobId,
      ...(deduplicate ? { deduplication: { id: key } } : {}),
    }
    const added = await this.#attempt(queue => queue.add(jobNames.claim, data, opts))
    const ticket = { jobId: added.id ?? jobId, taskId, shared: (added.id ?? jobId) !== jobId }
    this.#added([ticket])
    return ticket
  }

  async #ended(job: Ticket | string, { signal, timeoutMs, onProgress }: WaitOptions): Promise<JobState> {
    const { jobId, taskId } = ticketOf(job)
    this.#refuseClosed()
    const endings = this.#endings ?? (await this.#hear(signal))
    const look = async (withinMs: number, stop: AbortSignal): Promise<JobState | undefined> => {
      const state = await this.#connection.attempt(
        () => this.#look(this.#queue.get(), jobId, taskId),
        withinMs,
        stop,
      )
      return state.ended ? state : undefined
    }
    return endings.wait(jobId, look, { signal, timeoutMs, onProgress, outageMs })
  }

  /** Begins to hear of jobs that end. Of two that begin at once the second finds the first's. */
  async #hear(signal: AbortSignal | undefined): Promise<Endings> {
    const latest = () =>
      this.#connection.redis.xrevrange(this.#queue.get().toKey('events'), '+', '-', 'COUNT', 1)
    const [event] = await this.#connection.attempt(latest, outageMs, signal)
    this.#refuseClosed()
    this.#endings ??= new Endings({
      address: this.#options.redis,
      name: this.#name,
      prefix: this.#prefix,
      lastEventId: event?.[0] ?? '0-0',
    })
    return this.#endings
  }

  async #look(queue: Queue, jobId: string, taskId: string | undefined): Promise<JobState> {
    const { redis } = this.#connection
    const [packed, fields, state] = await Promise.all([
      redis.getBuffer(outcomeKey(queue, jobId)),
      redis.hmget(queue.toKey(jobId), 'failedReason', 'returnvalue', 'progress'),
      queue.getJobState(jobId),
    ])
    if (packed !== null) {
      const outcome = await unpackOutcome(packed)
      if (outcome.state === 'cancelled') return { state: 'cancelled', ended: true, jobId }
      const { evidence } = outcome
      return {
        state: 'done',
        ended: true,
        jobId,
        evidence: taskId === undefined ? evidence : { ...evidence, taskId },
      }
    }
    const [failedReason, returned, progress] = fields
    switch (state) {
      case 'failed':
        return { state: 'failed', ended: true, jobId, error: readFailure(failedReason ?? '') }
      case 'completed':
        return summaryState(jobId, returned)
      case 'unknown':
        return { state: 'unknown', ended: true, jobId }
      case 'active':
        return { state: 'running', ended: false, jobId, ...progressOf(progress) }
      case 'delayed':
        return { state: 'delayed', ended: false, jobId }
      default:
        return { state: 'waiting', ended: false, jobId }
    }
  }

  #attempt<T>(work: (queue: Queue) => Promise<T>, withinMs = this.#withinMs): Promise<T> {
    this.#refuseClosed()
    return this.#connection.attempt(() => work(this.#queue.get()), withinMs)
  }

  #flow(): FlowProducer {
    if (this.#flows === undefined) {
      const flows = new FlowProducer({ connection: this.#connection.redis, prefix: this.#prefix })
      flows.on('error', () => {})
      flows.waitUntilReady().catch(() => {
        if (this.#flows === flows) this.#flows = undefined
      })
      this.#flows = flows
    }
    return this.#flows
  }

  #refuseClosed(): void {
    if (this.#closed !== undefined) throw errorOf('ER_CLOSED', 'The queue is closed; open another one')
  }
}

const ticketOf = (job: Ticket | BatchTicket | string): { jobId: string; taskId: string | undefined } => {
  if (typeof job === 'string') return { jobId: job, taskId: undefined }
  return { jobId: job.jobId, taskId: 'taskId' in job ? job.taskId : undefined }
}
