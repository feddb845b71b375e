/**
 * Waits for jobs to end. BullMQ's events say when to look; since events may be lost while Redis is away, each
 * waiter also looks by itself from time to time. An event is a hint, what a look finds is the truth.
 */
import { QueueEvents } from 'bullmq'
import { now, setTimer } from '../core/async.ts'
import { DeadlineError, errorOf } from '../core/errors.ts'
import type { Progress } from '../evidence/request.ts'
import { Connection } from './bullmq-connection.ts'

/** How one end is waited for. */
type Wanted = {
  readonly signal: AbortSignal | undefined
  readonly timeoutMs: number | undefined
  readonly onProgress: ((progress: Progress) => void) | undefined
  /** How long Redis may be away. */
  readonly outageMs: number
}

/** Whose events are heard, and from which on. */
type EventsPlace = {
  readonly address: string
  readonly name: string
  readonly prefix: string
  readonly lastEventId: string
}

type Waiter = { readonly wake: () => void; readonly onProgress: Wanted['onProgress'] }

/** Between looks without an event, in milliseconds: the first, and the longest, since many may wait. */
const lookAfterMs = { first: 3000, longest: 30_000 }
/** What a look is given at least, in milliseconds: the last one, too. */
const leastLookMs = 1000

/** The ends of jobs, for all who wait for one in this process. */
export class Endings {
  readonly #waiters = new Map<string, Set<Waiter>>()
  readonly #model: Connection
  readonly #events: QueueEvents
  readonly #closing = new AbortController()

  /** Hears of events after `lastEventId`, so that none is lost between a look before and the first event. */
  constructor({ address, lastEventId, name, prefix }: EventsPlace) {
    this.#model = new Connection(address, 'model', undefined)
    this.#events = new QueueEvents(name, { connection: this.#model.redis, prefix, lastEventId })
    this.#events.on('error', () => {}) // Looks go on; the queue's own connection tells of it.
    const wake = ({ jobId }: { jobId: string }) => this.#wake(jobId)
    this.#events.on('completed', wake).on('failed', wake).on('removed', wake)
    this.#events.on('progress', ({ jobId, data }) => {
      for (const { onProgress } of this.#waiters.get(jobId) ?? []) tell(onProgress, data)
    })
  }

  /**
   * What `look` finds when it finds something. It is called at once, after each event of the job, and else every
   * few seconds.
   */
  async wait<T>(
    jobId: string,
    look: (withinMs: number, stop: AbortSignal) => Promise<T | undefined>,
    { signal, timeoutMs = Number.POSITIVE_INFINITY, onProgress, outageMs }: Wanted,
  ): Promise<T> {
    const end = now() + timeoutMs
    let pauseMs = lookAfterMs.first
    const stop = AbortSignal.any([this.#closing.signal, ...(signal === undefined ? [] : [signal])])
    let awake = Promise.withResolvers<void>()
    const waiter: Waiter = { wake: () => awake.resolve(), onProgress }
    const onStop = () => waiter.wake()
    stop.addEventListener('abort', onStop, { once: true })
    this.#waiters.set(jobId, (this.#waiters.get(jobId) ?? new Set()).add(waiter))
    try {
      for (;;) {
        stop.throwIfAborted()
        const left = end - now()
        // Before the look: what happens while it is under way has to lead to another one.
        awake = Promise.withResolvers()
        const found = await look(Math.min(outageMs, Math.max(left, leastLookMs)), stop)
        if (found !== undefined) return found
        if (left <= 0)
          throw new DeadlineError(
            'ER_DEADLINE',
            `Job ${jobId} has not ended within ${Math.round(timeoutMs)} ms`,
          )
        const timer = setTimer(Math.min(pauseMs, left), waiter.wake)
        pauseMs = Math.min(lookAfterMs.longest, pauseMs * 1.5)
        if (!stop.aborted) await awake.promise
        clearTimeout(timer)
      }
    } finally {
      stop.removeEventListener('abort', onStop)
      const others = this.#waiters.get(jobId)
      others?.delete(waiter)
      if (others?.size === 0) this.#waiters.delete(jobId)
    }
  }

  /** Lets go of Redis; who waits gets ER_CLOSED. */
  async close(): Promise<void> {
    const closed = 'The queue was closed while the job was waited for; the job goes on'
    this.#closing.abort(errorOf('ER_CLOSED', closed))
    await this.#events.close().catch(() => {})
    this.#model.close()
  }

  #wake(jobId: string): void {
    for (const { wake } of this.#waiters.get(jobId) ?? []) wake()
  }
}

function tell(onProgress: Wanted['onProgress'], data: unknown): void {
  try {
    if (typeof data === 'object' && data !== null && 'step' in data) onProgress?.(data as Progress)
  } catch {
    // A listener's trouble is its own.
  }
}
