/**
 * Who runs when: a bounded number of jobs at once, of which long ones may take only a quarter, so that a short job
 * never waits for a long one to end.
 *
 *   long job ──► long lane (a quarter of the places) ──┐
 *                                                      ├──► all (every place, first come first served)
 *   short job ─────────────────────────────────────────┘
 *
 * A long job comes to stand among the short ones only when it has its place in the long lane. With a concurrency
 * of 1 there is one place for all, and short jobs do wait.
 *
 * A place is not all that a long job takes: it fills the workers. So it asks before each of its claims (`gently`).
 * No more of them are under way, in all long jobs, than make one short job; and while short jobs are about they get
 * a fortieth of the time: few enough that 95 of a hundred short jobs don't meet one. Once no short job has come for
 * a moment, long ones go on.
 */
import { setTimeout as pause } from 'node:timers/promises'
import PQueue from 'p-queue'
import { now } from '../core/async.ts'
import { errorOf, InputError, type RunnerError } from '../core/errors.ts'
import type { EvidenceContext } from '../evidence/request.ts'

/** Characters of claims and sources, all together, up to which a job is short. */
export const shortJobCharacters = 8000

/** How many jobs run and wait. */
export type LaneOptions = {
  /** Jobs that run at once, long and short. */
  readonly concurrency: number
  /** Short jobs that may wait, and as many long ones; beyond, a job is refused. */
  readonly waiting: number
  /** Characters up to which a job is short. @default shortJobCharacters */
  readonly shortCharacters?: number | undefined
  /** Milliseconds; never goes back. @default now */
  readonly clock?: () => number
}

/** The lane of a job, by its size. */
export type LaneName = 'short' | 'long'

type Lane = {
  readonly places: number
  /** Accepted and not yet ended. */
  open: number
  /** Of these, at work. */
  running: number
  /** A job's time, the later ones counting more; a guess before the first. */
  meanMs: number
}

/** What one lane has in hand. */
export type LaneFigures = Pick<Lane, 'open' | 'running' | 'places'>

/** How much the last job's time counts in the mean. */
const lastShare = 0.2
/** Milliseconds without a short job after which none is about. */
const quietMs = 30
/** Milliseconds after which a claim that has to wait looks again. */
const lookAgainMs = 10
/** The part of the time that long jobs get while short ones are about. */
const longShare = 1 / 40

/** The size of a job, in characters of claims and sources. What is no text, and fails later, counts nothing. */
export const charactersOf = (contexts: readonly EvidenceContext[]): number =>
  contexts.reduce((sum, { claim, sources }) => {
    const contents = Array.isArray(sources) ? sources.map(source => source?.content) : []
    return [claim, ...contents].reduce<number>(
      (length, text) => length + (typeof text === 'string' ? text.length : 0),
      sum,
    )
  }, 0)

/** The lanes of one door. */
export class Lanes {
  readonly #all: PQueue
  readonly #longOnes: PQueue
  readonly #lanes: Readonly<Record<LaneName, Lane>>
  readonly #waiting: number
  readonly #shortCharacters: number
  readonly #clock: () => number
  /** When the last short job ended, and from when on a long one may go although there are short ones. */
  #shortAt = Number.NEGATIVE_INFINITY
  #longFrom = Number.NEGATIVE_INFINITY
  /** Claims of long jobs that wait, as they came. */
  readonly #turns = new Set<object>()
  /** Claims of long jobs under way, and their characters. */
  #longClaims = 0
  #longCharacters = 0

  constructor({ clock = now, concurrency, waiting, shortCharacters = shortJobCharacters }: LaneOptions) {
    this.#clock = clock
    const wrong = Object.entries({ concurrency, shortCharacters }).find(
      ([, value]) => !Number.isSafeInteger(value) || value < 1,
    )
    if (wrong !== undefined)
      throw new InputError('ER_CONFIG', `${wrong[0]} must be a whole number from 1, not ${wrong[1]}`)
    if (!Number.isSafeInteger(waiting) || waiting < 0)
      throw new InputError('ER_CONFIG', `waiting must be a whole number from 0, not ${waiting}`)
    const longPlaces = Math.max(1, Math.floor(concurrency / 4))
    this.#all = new PQueue({ concurrency })
    this.#longOnes = new PQueue({ concurrency: longPlaces })
    this.#lanes = {
      short: { places: concurrency, open: 0, running: 0, meanMs: 250 },
      long: { places: longPlaces, open: 0, running: 0, meanMs: 10_000 },
    }
    this.#waiting = waiting
    this.#shortCharacters = shortCharacters
  }

  /** The lane of a job of so many characters. */
  laneOf(characters: number): LaneName {
    return characters <= this.#shortCharacters ? 'short' : 'long'
  }

  /** The error for one more job in a lane that has no room for it, with when to come back; else undefined. */
  refusal(name: LaneName): RunnerError | undefined {
    const { meanMs, open, places } = this.#lanes[name]
    if (open < places + this.#waiting) return undefined
    const retryAfterMs = Math.ceil(meanMs * Math.max(1, (open - places + 1) / places))
    const message = `${open} ${name} jobs run or wait, and no more may; come back after ${retryAfterMs} ms`
    return errorOf('ER_QUEUE_FULL', message, { retryAfterMs })
  }

  /**
   * Runs `work` when its turn has come; the signal, aborted while it waits, takes it out of the queue at once.
   * Refuses nothing: ask `refusal` before.
   * @throws what `work` throws; the signal's reason.
   */
  async run<T>(name: LaneName, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const lane = this.#lanes[name]
    // p-queue gives a running job's place away when its signal is aborted, before the work has ended: it is
    // told of an abort only while the job waits.
    const waiting = new AbortController()
    const leave = () => waiting.abort(signal.reason)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    const begin = async () => {
      signal.removeEventListener('abort', leave)
      lane.running += 1
      const begun = this.#clock()
      try {
        return await work()
      } finally {
        lane.running -= 1
        if (!signal.aborted) lane.meanMs += lastShare * (this.#clock() - begun - lane.meanMs)
      }
    }
    const enter = () => this.#all.add(begin, { signal: waiting.signal })
    lane.open += 1
    try {
      return await (name === 'short' ? enter() : this.#longOnes.add(enter, { signal: waiting.signal }))
    } finally {
      lane.open -= 1
      if (name === 'short') this.#shortAt = this.#clock()
      signal.removeEventListener('abort', leave)
    }
  }

  /**
   * Runs one claim of a long job when there is room for it and no short job is about, or long ones have their share.
   * @throws what `work` throws; the signal's reason.
   */
  async gently<T>(characters: number, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const turn = {}
    this.#turns.add(turn)
    try {
      while (this.#turns.values().next().value !== turn || !this.#mayGo(characters)) {
        signal.throwIfAborted()
        await pause(lookAgainMs, undefined, { signal }).catch(() => {})
      }
      signal.throwIfAborted()
    } finally {
      this.#turns.delete(turn)
    }
    this.#longClaims += 1
    this.#longCharacters += characters
    const begun = this.#clock()
    try {
      return await work()
    } finally {
      this.#longClaims -= 1
      this.#longCharacters -= characters
      const end = this.#clock()
      this.#longFrom = end + (end - begun) * (1 / longShare - 1)
    }
  }

  #mayGo(characters: number): boolean {
    const at = this.#clock()
    if (this.#lanes.short.open === 0 && at >= this.#shortAt + quietMs)
      return this.#longClaims === 0 || this.#longCharacters + characters <= this.#shortCharacters
    return this.#longClaims === 0 && at >= this.#longFrom
  }

  get figures(): Readonly<Record<LaneName, LaneFigures>> {
    const of = ({ open, running, places }: Lane) => ({ open, running, places })
    return { short: of(this.#lanes.short), long: of(this.#lanes.long) }
  }
}
