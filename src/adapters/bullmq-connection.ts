/**
 * One connection to Redis that outlives Redis: it reconnects by itself, for as long as it is wanted, and tells
 * when Redis goes and comes back. The only place that makes connections; all of the queue share the rules here.
 *
 *   connecting ─▶ up ⇄ down        closed, from anywhere, by close()
 */
import { Redis } from 'ioredis'
import { now, setTimer } from '../core/async.ts'
import { errorOf, InputError, RunnerError } from '../core/errors.ts'

/** Hears what a person who runs this wants to know, a line at a time. What it throws is ignored. */
export type NoteListener = (note: string) => void

/**
 * What a connection does with a command while Redis is away. `producer`: it fails at once, and whoever asked
 * decides how long to go on. `consumer`: it waits and is sent when Redis is back. `model`: as a consumer, but it
 * is never opened: BullMQ makes connections like it.
 */
export type ConnectionRole = 'producer' | 'consumer' | 'model'

/** The longest time between two attempts to connect, in milliseconds. */
const longestPauseMs = 2000

/** Without an answer for so long, a connection is given up and made anew, in milliseconds. */
const silentMs = 1000

/** What a caller is told to wait before it comes back when Redis is away, in milliseconds. */
const comeBackAfterMs = 2000

/** A connection to one Redis, with the rules of its role. */
export class Connection {
  readonly redis: Redis
  /** Host and port: the address without what must not be written anywhere. */
  readonly place: string
  readonly #tell: NoteListener
  #state: 'connecting' | 'up' | 'down' | 'closed' = 'connecting'
  #lastError: Error | undefined
  #reconnects = 0
  readonly #copies: Redis[] = []
  /** Settles when Redis is there, and when nobody will wait for it any more. */
  #change = Promise.withResolvers<void>()

  /** @throws InputError ER_CONFIG for an address that is not redis:// or rediss://. */
  constructor(address: string, role: ConnectionRole, onNote: NoteListener | undefined) {
    this.place = placeOf(address)
    this.#tell = note => {
      try {
        onNote?.(note)
      } catch {
        // A listener's trouble is its own.
      }
    }
    this.redis = new Redis(address, {
      connectionName: 'evidence-runner',
      lazyConnect: role === 'model',
      // 0: what is under way fails when Redis goes; a producer repeats it itself, under the same job id.
      maxRetriesPerRequest: role === 'producer' ? 0 : null,
      enableOfflineQueue: role !== 'producer',
      connectTimeout: 5000,
      keepAlive: 10_000,
      // Spread, so that a fleet does not come back in one instant.
      retryStrategy: times =>
        Math.min(longestPauseMs, 50 * 2 ** Math.min(times, 10)) * (0.5 + Math.random() / 2),
      // A former primary: the next connection may reach the new one.
      reconnectOnError: ({ message }) => (message.startsWith('READONLY') ? 2 : false),
    })
    // BullMQ makes connections like this one where commands block, and can't end them when Redis is gone.
    const duplicate = this.redis.duplicate.bind(this.redis)
    this.redis.duplicate = options => {
      const copy = duplicate(options)
      copy.on('error', () => {}) // This one tells; without a listener ioredis would write to stderr.
      this.#copies.push(copy)
      return copy
    }
    this.redis.on('ready', () => this.#up())
    this.redis.on('close', () => this.#down())
    this.redis.on('error', (error: Error) => {
      this.#lastError = error
    })
  }

  /** How often Redis came back. */
  get reconnects(): number {
    return this.#reconnects
  }

  /**
   * Resolves when Redis answers.
   * @throws StoreError ER_STORE, retryable, after `withinMs`; InputError ER_CLOSED; the signal's reason.
   */
  async ready(withinMs: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    if (this.#state === 'closed') throw errorOf('ER_CLOSED', 'The queue is closed; open another one')
    if (this.#answers) return
    const { promise: over, resolve } = Promise.withResolvers<void>()
    const onAbort = () => resolve()
    signal?.addEventListener('abort', onAbort, { once: true })
    const timer = setTimer(withinMs, onAbort)
    await Promise.race([this.#change.promise, over])
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
    signal?.throwIfAborted()
    if (!this.#answers) throw this.away()
  }

  /**
   * Runs `work` and, where Redis goes away meanwhile, runs it again, until it is through or `withinMs` is over.
   * Work has to bear being done twice.
   * @throws StoreError ER_STORE, retryable where Redis was away; OverloadError ER_QUEUE_FULL where it is full.
   */
  async attempt<T>(work: () => Promise<T>, withinMs: number, signal?: AbortSignal): Promise<T> {
    const end = now() + withinMs
    for (;;) {
      await this.ready(Math.max(0, end - now()), signal)
      try {
        return await this.#bounded(work(), end - now())
      } catch (error) {
        const kind = kindOf(error)
        if (kind === 'ours' || (kind === 'odd' && this.#answers)) throw error
        if (kind === 'full') {
          throw errorOf('ER_QUEUE_FULL', 'Redis has no room for more jobs; come back later', {
            retryAfterMs: comeBackAfterMs,
            cause: error,
          })
        }
        if (kind === 'refused') {
          const { message } = error as Error
          throw errorOf('ER_STORE', `Redis at ${this.place} refused: ${message}`, { cause: error })
        }
        this.#lastError = error as Error
        if (now() >= end) throw this.away()
        // The event that tells of the end may come a turn later than the failure.
        await new Promise(resolve => setTimeout(resolve, 20))
      }
    }
  }

  /** Lets go of Redis at once. Idempotent. */
  close(): void {
    this.#state = 'closed'
    for (const redis of [this.redis, ...this.#copies]) redis.disconnect()
    this.#change.resolve()
  }

  /** The error for Redis not answering. */
  away(): RunnerError {
    const why = this.#lastError === undefined ? '' : ` (${this.#lastError.message})`
    return errorOf('ER_STORE', `Redis at ${this.place} does not answer${why}; come back later`, {
      retryable: true,
      retryAfterMs: comeBackAfterMs,
      cause: this.#lastError,
    })
  }

  async #bounded<T>(work: Promise<T>, ms: number): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimer(Math.max(0, ms), () => {
      // A connection that takes commands and gives no answer may be dead without knowing it.
      if (ms >= silentMs && this.#answers) this.redis.disconnect(true)
      reject(this.away())
    })
    try {
      return await Promise.race([work, late])
    } finally {
      clearTimeout(timer)
      work.catch(() => {}) // Nobody may hear it any more.
    }
  }

  get #answers(): boolean {
    return this.redis.status === 'ready'
  }

  #up(): void {
    if (this.#state === 'closed') return
    if (this.#state === 'down') {
      this.#reconnects += 1
      this.#tell(`Redis at ${this.place} is back`)
    }
    this.#state = 'up'
    this.#change.resolve()
  }

  #down(): void {
    if (this.#state === 'closed' || this.#state === 'down') return
    const why = this.#lastError === undefined ? '' : `: ${this.#lastError.message}`
    this.#tell(`Redis at ${this.place} can't be reached${why}; trying again`)
    if (this.#state === 'up') this.#change = Promise.withResolvers()
    this.#state = 'down'
  }
}

function placeOf(address: string): string {
  const url = URL.canParse(address) ? new URL(address) : undefined
  // The address is not repeated: it may hold a password.
  if (url === undefined || !['redis:', 'rediss:'].includes(url.protocol) || url.hostname === '')
    throw new InputError(
      'ER_CONFIG',
      'The address of Redis must be redis://HOST[:PORT] or rediss://HOST[:PORT]',
    )
  return `${url.hostname}:${url.port || '6379'}`
}

/** Answers of Redis that pass by themselves: it is loading, moving, or busy with a script. */
const passing = /^(?:LOADING|READONLY|MASTERDOWN|BUSY|TRYAGAIN|CLUSTERDOWN|UNBLOCKED)\b/

const lost =
  /closed|ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN|isn't writeable|max retries|aborted|timed out/i

function kindOf(error: unknown): 'ours' | 'full' | 'refused' | 'away' | 'odd' {
  if (error instanceof RunnerError) return 'ours'
  const { name, message = '' } = (error ?? {}) as Partial<Error>
  // Redis before 7 wraps what a script's command said into words of its own.
  if (/(?:^|-)OOM /.test(message)) return 'full'
  if (passing.test(message)) return 'away'
  if (name === 'ReplyError') return 'refused'
  return lost.test(message) ? 'away' : 'odd'
}
