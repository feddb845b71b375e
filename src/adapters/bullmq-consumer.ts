/**
 * The consumers' side: takes jobs from the queue, has an enhancer do them and writes what came of them. Any number
 * of processes and machines may run one. A job is held by a lock that is renewed; when a consumer dies, the lock
 * ends and another one does the job again, and since an outcome is set only once, it is done once in effect.
 *
 * A job runs: waiting ─▶ running ─▶ outcome set ─▶ completed
 *                           └─▶ by `reactionTo`: failed, delayed, or given back
 */
import {
  DelayedError,
  type Job,
  type RateLimiterOptions,
  UnrecoverableError,
  WaitingError,
  Worker,
} from 'bullmq'
import { doneWithin, now } from '../core/async.ts'
import { type ErrorRecord, InputError } from '../core/errors.ts'
import { names, Telemetry } from '../core/telemetry.ts'
import { Connection, type NoteListener } from './bullmq-connection.ts'
import { type ConsumerFigures, Tally } from './bullmq-figures.ts'
import { failureText, jobNames, traceparentOf } from './bullmq-job.ts'
import { cancelChannel, defaultQueue, messaging, queueName } from './bullmq-names.ts'
import { OpenedQueue } from './bullmq-opened.ts'
import { type Answering, Cancelled, Processing } from './bullmq-processing.ts'
import { backOffMs, reactionTo } from './bullmq-reaction.ts'
import { tellStored } from './bullmq-stored.ts'
import { type DoorCall, DoorTelemetry } from './door-telemetry.ts'

/** How a consumer works. */
export type ConsumeOptions = {
  /** redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// with TLS. */
  readonly redis: string
  /** Jobs at work at once in this process. @default 8 */
  readonly concurrency?: number
  /** Abort to take no more jobs, finish those at work and end. */
  readonly signal?: AbortSignal
  /** At most `max` jobs in `duration` milliseconds, all consumers of the queue together. @default no limit */
  readonly limiter?: Pick<RateLimiterOptions, 'max' | 'duration'>
  /** Producers and consumers of one name belong together. @default 'claims' */
  readonly name?: string
  /** What its keys begin with; in braces on a Redis cluster. @default 'evidence-runner' */
  readonly prefix?: string
  /** How long what came of a job is kept, in milliseconds. @default a day */
  readonly keepMs?: number
  /** Bytes of an evidence at most, compressed. @default 1 MiB */
  readonly outcomeBytes?: number
  /** How long jobs at work may go on after the signal; then they are given back, in milliseconds. @default 30_000 */
  readonly drainMs?: number
  /** A job of a consumer that died is free for others after this and `stalledMs`, in milliseconds. @default 30_000 */
  readonly lockMs?: number
  /** How often consumers look for jobs of those that died, in milliseconds. @default 15_000 */
  readonly stalledMs?: number
  /** Consumers that a job may lose before it fails: it may be what ends them. @default 5 */
  readonly stallsAtMost?: number
  /** Hears what a person who runs this wants to know, a line at a time. */
  readonly onNote?: NoteListener
  /** Whether spans and metrics are written to the OpenTelemetry API. @default true */
  readonly telemetry?: boolean
}

const defaults = {
  concurrency: 8,
  keepMs: 86_400_000,
  drainMs: 30_000,
  lockMs: 30_000,
  stalledMs: 15_000,
  stallsAtMost: 5,
} as const
/** After jobs were told to stop, before Redis is let go of, in milliseconds. */
const graceMs = 3000
/** After Redis was let go of, before BullMQ is left to itself, in milliseconds. */
const settleMs = 500
/** Between tries of BullMQ when Redis fails it, in milliseconds. */
const betweenTriesMs = 500

/** Why a job is stopped that was not cancelled: its consumer goes away. */
const leaving = Symbol('the consumer goes away')

/** One consumer at work. `consume` is the same for who only waits for its end. */
export class EvidenceConsumer {
  readonly #connection: Connection
  readonly #subscriber: Connection
  readonly #subscribed: Promise<void>
  readonly #worker: JobWorker
  readonly #tally: Tally
  readonly #door: DoorTelemetry
  readonly #processing: Processing
  readonly #note: NoteListener
  readonly #drainMs: number
  readonly #stopTelling: () => void
  readonly #ended = Promise.withResolvers<void>()
  /** Jobs whose lock is this consumer's, by id: told to stop one by one. */
  readonly #running = new Map<string, AbortController>()
  #closing: Promise<void> | undefined

  /**
   * Waits for Redis, then takes jobs.
   * @throws InputError ER_CONFIG for wrong options; the signal's reason where it is aborted before.
   */
  static async open(enhancer: Answering, options: ConsumeOptions): Promise<EvidenceConsumer> {
    const { concurrency = defaults.concurrency, name = defaultQueue.name, onNote, signal } = options
    queueName(name)
    if (!Number.isSafeInteger(concurrency) || concurrency < 1)
      throw new InputError('ER_CONFIG', `concurrency: ${concurrency} is not a whole number from 1`)
    const connection = new Connection(options.redis, 'consumer', onNote)
    const subscriber = new Connection(options.redis, 'consumer', undefined)
    try {
      await connection.ready(Number.POSITIVE_INFINITY, signal)
      const consumer = new EvidenceConsumer(enhancer, options, connection, subscriber)
      // Else a job that is cancelled in its first instants would run to its end.
      await consumer.#subscribed
      return consumer
    } catch (error) {
      connection.close()
      subscriber.close()
      throw error
    }
  }

  private constructor(
    enhancer: Answering,
    options: ConsumeOptions,
    connection: Connection,
    subscriber: Connection,
  ) {
    const {
      concurrency = defaults.concurrency,
      name = defaultQueue.name,
      prefix = defaultQueue.prefix,
      telemetry: on = true,
    } = options
    const telemetry = new Telemetry({ openTelemetry: on })
    this.#door = new DoorTelemetry('queue', on)
    this.#tally = new Tally(telemetry, name)
    this.#connection = connection
    this.#subscriber = subscriber
    this.#note = note => {
      try {
        options.onNote?.(note)
      } catch {
        // A listener's trouble is its own.
      }
    }
    this.#drainMs = options.drainMs ?? defaults.drainMs
    this.#worker = new JobWorker(name, (job: Job, token?: string) => this.#run(job, token), {
      connection: connection.redis,
      prefix,
      concurrency,
      autorun: false,
      lockDuration: options.lockMs ?? defaults.lockMs,
      stalledInterval: options.stalledMs ?? defaults.stalledMs,
      maxStalledCount: options.stallsAtMost ?? defaults.stallsAtMost,
      runRetryDelay: betweenTriesMs,
      ...(options.limiter === undefined ? {} : { limiter: { ...options.limiter } }),
      settings: {
        backoffStrategy: (attemptsMade, _kind, error) =>
          backOffMs(attemptsMade, firstBackOffMs(error), error instanceof Failed ? error.record : undefined),
      },
    })
    this.#processing = new Processing(enhancer, {
      redis: connection.redis,
      keys: this.#worker,
      tally: this.#tally,
      keepMs: options.keepMs ?? defaults.keepMs,
      outcomeBytes: options.outcomeBytes,
    })
    const queue = new OpenedQueue(connection, name, prefix)
    this.#stopTelling = tellStored(telemetry, connection, name, queue)
    this.#worker.on('error', error => this.#heard(error))
    this.#worker.on('stalled', () => this.#tally.count('stalled'))
    this.#subscribed = this.#listen()
    this.#worker.run().catch((error: Error) => this.#heard(error))
    this.#note(`Takes jobs of ${name} from ${connection.place}, ${concurrency} at once`)
  }

  /** Settles when no job is at work any more and Redis is let go of. */
  get ended(): Promise<void> {
    return this.#ended.promise
  }

  /** What was done so far. */
  figures(): ConsumerFigures {
    return this.#tally.figures(this.#connection.reconnects)
  }

  /** Takes no more jobs, finishes those at work and gives back what takes longer than `drainMs`. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    this.#stopTelling()
    const closed = this.#worker.close().catch(() => {})
    if (!(await doneWithin(closed, this.#drainMs)) && this.#running.size > 0) {
      for (const controller of this.#running.values()) controller.abort(leaving)
      // Without Redis nothing can be given back: the locks end by themselves, and others take the jobs.
      await doneWithin(closed, graceMs)
    }
    this.#subscriber.close()
    this.#connection.close()
    // What was under way when Redis went may never settle: then BullMQ waits for ever, and its timer keeps us.
    if (!(await doneWithin(closed, settleMs))) await this.#worker.abandon()
    this.#note('Takes no more jobs')
    this.#ended.resolve()
  }

  async #run(job: Job, token: string | undefined): Promise<unknown> {
    const begin = now()
    const controller = new AbortController()
    const id = job.id ?? ''
    this.#running.set(id, controller)
    const waitMs = (job.processedOn ?? job.timestamp) - job.timestamp - job.delay
    this.#tally.begin(job.attemptsStarted > 1 ? undefined : waitMs)
    try {
      return await this.#door.call(callOf(job, controller.signal), async open => {
        open.begin()
        if (job.name === jobNames.batch) return this.#processing.batch(job)
        return this.#processing.claim(job, controller.signal)
      })
    } catch (error) {
      throw await this.#failed(job, token, controller.signal, error)
    } finally {
      this.#running.delete(id)
      this.#tally.end(now() - begin)
    }
  }

  /** Does with a failed job what has to be done, and gives what BullMQ must be thrown for it. */
  async #failed(job: Job, token: string | undefined, signal: AbortSignal, error: unknown): Promise<Error> {
    if (error instanceof Cancelled || (signal.aborted && signal.reason instanceof Cancelled)) {
      this.#tally.count('cancelled')
      return new UnrecoverableError(failureText({ code: 'ER_INPUT', message: 'The job was cancelled' }))
    }
    const gone = signal.aborted && signal.reason === leaving
    const reaction = gone ? ({ do: 'give back' } as const) : reactionTo(error, job.attemptsStarted)
    switch (reaction.do) {
      case 'give back':
        this.#tally.count('givenBack')
        // An enhancer that is closed will not open again: without this, the job would come back at once.
        if (!gone) void this.close()
        await job.moveToWait(token)
        return new WaitingError()
      case 'postpone':
        this.#tally.count('postponed', reaction.record.code)
        await job.moveToDelayed(Date.now() + reaction.afterMs, token)
        return new DelayedError()
      case 'retry':
        this.#tally.count(
          job.attemptsMade + 1 < (job.opts.attempts ?? 1) ? 'retried' : 'failed',
          reaction.record.code,
        )
        return new Failed(reaction.record, firstOf(job))
      case 'fail':
        this.#tally.count('failed', reaction.record.code)
        return new UnrecoverableError(failureText(reaction.record))
    }
  }

  /** Hears of jobs that are cancelled while they run here. What is lost while Redis is away costs work, no more. */
  async #listen(): Promise<void> {
    const { redis } = this.#subscriber
    redis.on('message', (_channel, jobId) => this.#running.get(jobId)?.abort(new Cancelled()))
    await redis.subscribe(cancelChannel(this.#worker)).catch(() => {})
  }

  #heard(error: Error): void {
    // What the connection tells of already.
    if (/ECONN|EPIPE|ETIMEDOUT|Connection is closed|closed/.test(error.message)) return
    this.#note(`The queue had trouble: ${error.message}`)
  }
}

/** One start of a job as telemetry sees it. */
function callOf({ data, id = '', name, queueName }: Job, signal: AbortSignal): DoorCall {
  return {
    ...{ asked: name === jobNames.batch ? 'batch' : 'claim', span: names.spanProcess, kind: 'consumer' },
    ...{ traceparent: traceparentOf(data), signal },
    attributes: { ...messaging('process', queueName), [names.messageId]: id },
  }
}

class JobWorker extends Worker {
  /** Lets the locks of its jobs end, and its timers: for a worker whose `close` can't be waited for. */
  async abandon(): Promise<void> {
    await this.pause(true)
    await this.lockManager.close()
  }
}

/** What BullMQ is thrown for an attempt that another one may follow. */
class Failed extends Error {
  readonly record: ErrorRecord
  /** The job's first back-off. */
  readonly firstMs: number

  constructor(record: ErrorRecord, firstMs: number) {
    super(failureText(record))
    this.record = record
    this.firstMs = firstMs
  }
}

const fallbackFirstMs = 1000
const firstBackOffMs = (error: Error | undefined): number =>
  error instanceof Failed ? error.firstMs : fallbackFirstMs

function firstOf({ opts: { backoff } }: Job): number {
  return typeof backoff === 'object' ? (backoff.delay ?? fallbackFirstMs) : fallbackFirstMs
}

/**
 * Does jobs until the signal is aborted and those at work are through.
 * @returns what was done
 * @throws InputError ER_CONFIG for wrong options.
 */
export async function consume(enhancer: Answering, options: ConsumeOptions): Promise<ConsumerFigures> {
  const { signal } = options
  const consumer = await EvidenceConsumer.open(enhancer, options)
  const onAbort = () => void consumer.close()
  if (signal?.aborted) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })
  await consumer.ended
  signal?.removeEventListener('abort', onAbort)
  return consumer.figures()
}
