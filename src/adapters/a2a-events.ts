/**
 * Checks the claims of CloudEvents as they come, from any iterable or by `push`. Each event that is accepted comes
 * to exactly one end: its answer is given to `onResult`, or it is given to `onDeadLetter` with the reason. Dropped
 * with a note are only events that were seen before (by source and id) and events that are too old.
 *
 *   source ──► a place is free? ──► envelope ──► seen? too old? ──► turn of its subject ──► lane ──► onResult
 *            (pulls only then)         │                              (if ordered)       ▲     │
 *                                      └──► onDeadLetter ◄── not retryable, or too often ┴─────┘
 */
import { now, setTimer } from '../core/async.ts'
import { Cache } from '../core/cache.ts'
import { type ErrorRecord, errorOf, errorRecord, InputError } from '../core/errors.ts'
import { names } from '../core/telemetry.ts'
import type { Enhancer } from '../evidence/enhancer.ts'
import { type EvidenceContext, limits } from '../evidence/request.ts'
import type { EnhancedEvidence } from '../evidence/result.ts'
import { retrying } from '../plan/retry.ts'
import {
  type CloudEvent,
  type EnhancedEvent,
  enhancedEvent,
  eventKey,
  expiryOf,
  parseCloudEvent,
} from './a2a-cloud-event.ts'
import { charactersOf, Lanes } from './a2a-lanes.ts'
import { Places } from './a2a-places.ts'
import { type DoorCall, DoorTelemetry, type OpenCall } from './door-telemetry.ts'

/** An event that could not be handled: as it came, why, and how often it was tried. */
export type DeadLetter = {
  readonly event: unknown
  readonly error: ErrorRecord
  readonly attempts: number
}

/** How events are consumed, and who is told of their ends. */
export type EventConsumerOptions = {
  /** Given each answer; awaited. An error of it that calls itself retryable is tried again, without new work. */
  readonly onResult: (result: EnhancedEvent) => unknown
  /** Given each event that failed; awaited. */
  readonly onDeadLetter: (letter: DeadLetter) => unknown
  /** Told of events that are dropped or tried again. */
  readonly onNote?: (text: string) => void
  /** Events at work at once; long ones take a quarter of the places at most. @default 8 */
  readonly concurrency?: number
  /** Events that may have been taken from the source beyond those at work. @default concurrency */
  readonly waiting?: number
  /** Characters up to which an event's job is short. @default 8000 */
  readonly shortCharacters?: number
  /** Whether events of one source and subject are handled one after the other, as they came. @default false */
  readonly ordered?: boolean
  /** Attempts for each event, the first included. @default 5 */
  readonly attempts?: number
  /** First wait before another attempt, in milliseconds; each is twice the one before. @default 200 */
  readonly backoffMs?: number
  /** Events that are remembered, so that they are known when they come again. @default 100000 */
  readonly remembered?: number
  /** `source` of the events that carry answers. @default '/evidence-runner' */
  readonly source?: string
  /** Whether spans and metrics of events are written to the OpenTelemetry API. @default true */
  readonly telemetry?: boolean
  /** Milliseconds since 1970. @default Date.now */
  readonly clock?: () => number
}

/** What became of an event when it came. */
export type Acceptance = 'accepted' | 'duplicate' | 'expired' | 'invalid'

/** How many events came to which end; `open` are under way. */
export type EventFigures = {
  readonly received: number
  readonly open: number
  readonly answered: number
  readonly deadLettered: number
  readonly duplicates: number
  readonly expired: number
  readonly attempts: number
}

/** The longest wait between two attempts, in milliseconds. */
const mostBackoffMs = 30_000

/** A consumer of CloudEvents: `await using` it, or `close()` it, so that what it took comes to its end. */
export class EventConsumer {
  readonly #enhancer: Pick<Enhancer, 'enhanceEvidence'>
  readonly #options: EventConsumerOptions
  readonly #lanes: Lanes
  readonly #seen: Cache<object>
  /** Keys of events that are under way, which must not be forgotten. */
  readonly #inHand = new Set<string>()
  /** The last event of each subject, while there is one. */
  readonly #tails = new Map<string, Promise<void>>()
  readonly #open = new Set<Promise<void>>()
  readonly #places: Places
  readonly #door: DoorTelemetry
  readonly #stopping = new AbortController()
  readonly #ending = new AbortController()
  readonly #counts = { received: 0, answered: 0, deadLettered: 0, duplicates: 0, expired: 0, attempts: 0 }

  /** @throws InputError ER_CONFIG for an option out of range. */
  constructor(enhancer: Pick<Enhancer, 'enhanceEvidence'>, options: EventConsumerOptions) {
    const { attempts = 5, concurrency = 8, remembered = 100_000, shortCharacters } = options
    const { waiting = concurrency } = options
    const wrong = Object.entries({ attempts, remembered }).find(
      ([, value]) => !(Number.isSafeInteger(value) && value > 0),
    )
    if (wrong !== undefined)
      throw new InputError('ER_CONFIG', `${wrong[0]} must be a whole number from 1, not ${wrong[1]}`)
    this.#enhancer = enhancer
    this.#options = options
    this.#lanes = new Lanes({ concurrency, waiting, shortCharacters })
    this.#places = new Places(concurrency + waiting)
    this.#door = new DoorTelemetry('events', options.telemetry)
    this.#seen = new Cache({ maxEntries: remembered, maxBytes: Number.MAX_SAFE_INTEGER, sizeOf: () => 1 })
  }

  /**
   * Takes one event, waiting while there is no place for it. Its end is told to `onResult` or `onDeadLetter`.
   * @throws InputError ER_CLOSED once the consumer is closed; the event was not taken.
   */
  async push(event: unknown): Promise<Acceptance> {
    if (!(await this.#places.take(this.#stopping.signal))) throw closedError()
    return this.#take(event).acceptance
  }

  /**
   * Takes all events of a source, no more of them than there are places, and resolves when the last has come to its
   * end. Aborting the signal, or closing the consumer, ends the taking; what was taken is handled.
   * @throws what the source throws, once what it had given has come to its end.
   */
  async consume(
    events: Iterable<unknown> | AsyncIterable<unknown>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<void> {
    const { promise: stopped, resolve: onStop } = Promise.withResolvers<void>()
    const signals = [this.#stopping.signal, ...(options.signal === undefined ? [] : [options.signal])]
    const stop = AbortSignal.any(signals)
    stop.addEventListener('abort', () => onStop(), { once: true })
    const iterator =
      Symbol.asyncIterator in events ? events[Symbol.asyncIterator]() : events[Symbol.iterator]()
    const taken = new Set<Promise<void>>()
    let failure: { readonly error: unknown } | undefined
    while (failure === undefined && (await this.#places.take(stop))) {
      const next = nextOf(iterator)
      const came = await Promise.race([next, stopped])
      if (came !== undefined && 'value' in came) {
        const { done } = this.#take(came.value)
        taken.add(done)
        done.then(() => taken.delete(done))
        continue
      }
      this.#places.give()
      if (came === undefined) {
        this.#tooLate(next)
        // Not awaited: a generator that waits for its next event can't return before it has come.
        Promise.resolve(iterator.return?.()).catch(() => {})
        break
      }
      if ('ended' in came) break
      failure = came
    }
    await Promise.all(taken)
    if (failure !== undefined) throw failure.error
  }

  /** Forgets that an event was seen, so that it is taken when it comes again: a dead letter that was mended. */
  forget(event: Pick<CloudEvent, 'id' | 'source'>): void {
    this.#seen.delete(eventKey(event))
  }

  get figures(): EventFigures {
    return { ...this.#counts, open: this.#open.size }
  }

  /**
   * Takes no more, and resolves when all that was taken has come to its end; what has not after `graceMs` ends as a
   * dead letter (ER_CLOSED). Idempotent.
   */
  async close(graceMs = Number.POSITIVE_INFINITY): Promise<void> {
    this.#stopping.abort()
    const late = setTimer(graceMs, () => this.#ending.abort(closedError()))
    while (this.#open.size > 0) await Promise.all(this.#open)
    clearTimeout(late)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Takes an event for which there is a place, and gives the place back when it has come to its end. */
  #take(raw: unknown): { readonly acceptance: Acceptance; readonly done: Promise<void> } {
    this.#counts.received += 1
    const [acceptance, work] = this.#look(raw)
    const done = work.then(() => {
      this.#open.delete(done)
      this.#places.give()
    })
    this.#open.add(done)
    return { acceptance, done }
  }

  #look(raw: unknown): [Acceptance, Promise<void>] {
    let event: CloudEvent
    try {
      event = parseCloudEvent(raw)
    } catch (error) {
      this.#door.refused('ER_INPUT')
      return ['invalid', this.#bury(raw, error, 0)]
    }
    const key = eventKey(event)
    const said = `${JSON.stringify(event.id)} of ${JSON.stringify(event.source)}`
    if (this.#inHand.has(key) || this.#seen.has(key)) {
      this.#counts.duplicates += 1
      this.#door.refused('duplicate')
      this.#note(`event ${said} was seen before: dropped`)
      return ['duplicate', Promise.resolve()]
    }
    const expiresAt = expiryOf(event, this.#clock())
    if (this.#clock() >= expiresAt) {
      this.#expire(said)
      return ['expired', Promise.resolve()]
    }
    this.#inHand.add(key)
    const call = callOf(event, this.#ending.signal)
    const work = this.#door
      .call(call, open => this.#inTurn(event, () => this.#handle(raw, event, expiresAt, said, open)))
      .catch(() => {}) // It was buried; the error was for telemetry.
    return [
      'accepted',
      work.then(() => {
        this.#inHand.delete(key)
        this.#seen.set(key, remembered)
      }),
    ]
  }

  /** Runs `work` after the last event of the same source and subject, where order is asked for. */
  async #inTurn({ source, subject }: CloudEvent, work: () => Promise<void>): Promise<void> {
    if (this.#options.ordered !== true || subject === undefined) return work()
    const key = `${source}\u0000${subject}`
    const mine = (this.#tails.get(key) ?? Promise.resolve()).then(work)
    const tail = mine.catch(() => {})
    this.#tails.set(key, tail)
    try {
      await mine
    } finally {
      if (this.#tails.get(key) === tail) this.#tails.delete(key)
    }
  }

  /** Brings an event to its end. @throws what it was buried or dropped for, once that is done. */
  async #handle(
    raw: unknown,
    event: CloudEvent,
    expiresAt: number,
    said: string,
    open: OpenCall,
  ): Promise<void> {
    const { attempts = 5, backoffMs = 200, onResult, source = '/evidence-runner' } = this.#options
    let evidence: EnhancedEvidence | undefined
    let tried = 0
    const work = async (): Promise<Made> => {
      try {
        evidence ??= await this.#check(event, expiresAt, () => {
          tried += 1
          this.#counts.attempts += 1
          open.begin()
        })
        open.begin()
        await onResult(enhancedEvent(event, evidence, source))
        return 'answered'
      } catch (error) {
        return { error }
      }
    }
    const made = await retrying(work, made => (made === 'answered' ? undefined : made), {
      attempts,
      backoff: { baseMs: backoffMs, factor: 2, mostMs: mostBackoffMs, jitter: 0.5 },
      signal: this.#ending.signal,
      deadline: now() + (expiresAt - this.#clock()),
      onRetry: (attempt, waitMs) => {
        open.pause()
        this.#note(`event ${said} failed: attempt ${attempt} in ${Math.round(waitMs)} ms`)
      },
    })
    if (made === 'answered') {
      this.#counts.answered += 1
      return
    }
    if (tried === 0 && made.error === tooOld) this.#expire(said)
    else await this.#bury(raw, made.error, tried)
    throw made.error
  }

  /** The answer to an event, when its turn has come in its lane. */
  async #check(event: CloudEvent, expiresAt: number, onBegin: () => void): Promise<EnhancedEvidence> {
    const context = { taskId: event.id, ...event.data } as EvidenceContext
    const characters = charactersOf([context])
    const lane = this.#lanes.laneOf(characters)
    const { signal } = this.#ending
    return this.#lanes.run(lane, signal, () => {
      if (this.#clock() >= expiresAt) throw tooOld
      onBegin()
      const caller = event.source.slice(0, limits.idLength)
      // A long event's passages let those of others go first.
      const priority = lane === 'long' ? 'low' : undefined
      const work = () => this.#enhancer.enhanceEvidence(context, { signal, caller, priority })
      return lane === 'long' ? this.#lanes.gently(characters, signal, work) : work()
    })
  }

  async #bury(event: unknown, error: unknown, attempts: number): Promise<void> {
    this.#counts.deadLettered += 1
    try {
      await this.#options.onDeadLetter({ event, error: errorRecord(error), attempts })
    } catch (failure) {
      this.#note(`a dead letter was not taken: ${failure}`)
    }
  }

  #expire(said: string): void {
    this.#counts.expired += 1
    this.#door.refused('expired')
    this.#note(`event ${said} is too old: dropped`)
  }

  /** An event that was asked for before the taking ended and came after it. */
  #tooLate(next: Promise<Came>): void {
    next.then(async came => {
      if (!('value' in came)) return
      await this.push(came.value).catch(error => this.#bury(came.value, error, 0))
    })
  }

  #note(text: string): void {
    try {
      this.#options.onNote?.(text)
    } catch {
      // Who is told changes nothing of what is done.
    }
  }

  #clock(): number {
    return (this.#options.clock ?? Date.now)()
  }
}

/** An event as telemetry sees it; its type and source are its sender's words and name no metric. */
const callOf = ({ id, source, traceparent, type }: CloudEvent, signal: AbortSignal): DoorCall => ({
  ...{ asked: 'claim', span: names.spanEvent, kind: 'consumer', signal, traceparent },
  attributes: { [names.eventId]: id, [names.eventSource]: source, [names.eventType]: type },
})

/** How an attempt ended. */
type Made = 'answered' | { readonly error: unknown }
/** What a source did when it was asked for its next event. */
type Came = { readonly value: unknown } | { readonly ended: true } | { readonly error: unknown }

/** What is kept of an event that was seen: nothing but its key. */
const remembered = Object.freeze({})

const tooOld = errorOf('ER_DEADLINE', 'The event was too old before its turn came')

const closedError = () => errorOf('ER_CLOSED', 'The consumer is closed')

async function nextOf(iterator: Iterator<unknown> | AsyncIterator<unknown>): Promise<Came> {
  try {
    const { done, value } = await iterator.next()
    return done === true ? { ended: true } : { value }
  } catch (error) {
    return { error }
  }
}
