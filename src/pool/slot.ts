/**
 * One place for a worker. Starts a process when the breaker allows, starts the next when it has died, and
 * numbers them, so that nothing a dead one said can be taken for the living one's word.
 */
import { now } from '../core/async.ts'
import { errorOf, RunnerError } from '../core/errors.ts'
import type { PartsMessage, ResultsMessage } from '../wire/message.ts'
import { type Breaker, spawnSpacingMs } from './breaker.ts'
import type { ResolvedPoolOptions } from './options.ts'
import { Worker, type WorkerListener } from './worker.ts'

/** Who hears what happens to the worker of a slot. */
export type SlotListener = {
  onReady(slot: Slot, worker: Worker): void
  onResults(slot: Slot, worker: Worker, message: ResultsMessage): void
  onParts(slot: Slot, worker: Worker, message: PartsMessage): void
  /** A worker died that had been ready; `replaced` when another had taken its place before. */
  onDeath(slot: Slot, worker: Worker, reason: RunnerError, replaced: boolean): void
  /** A worker never got ready, or could not be started at all. */
  onBootFailure(slot: Slot, worker: Worker | undefined, reason: RunnerError): void
}

export class Slot {
  readonly #options: ResolvedPoolOptions
  readonly #breaker: Breaker
  readonly #listener: SlotListener
  readonly #nextGeneration: () => number
  readonly #leaving = new Set<Promise<void>>()
  #worker: Worker | undefined
  /** A successor on its way while the worker still serves: make before break. */
  #next: Worker | undefined
  /** Replaced, but not gone. */
  readonly #retired = new Set<Worker>()
  #recycling = false
  #state: 'waiting' | 'launching' | 'held' | 'closed' = 'waiting'
  #timer: NodeJS.Timeout | undefined
  #spawnedAt = Number.NEGATIVE_INFINITY
  /** Processes started after the first. */
  restarts = -1

  constructor(
    options: ResolvedPoolOptions,
    breaker: Breaker,
    nextGeneration: () => number,
    listener: SlotListener,
  ) {
    this.#options = options
    this.#breaker = breaker
    this.#nextGeneration = nextGeneration
    this.#listener = listener
  }

  /** The process in this slot, whatever its state; undefined between two. */
  get worker(): Worker | undefined {
    return this.#worker
  }

  /** True while a worker is here or on its way without a back-off in between. */
  get alive(): boolean {
    return this.#state === 'launching' || this.#state === 'held'
  }

  /** Starts a worker as soon as the breaker and the spacing allow; does nothing where there is one. */
  start(): void {
    if (this.#state !== 'waiting') return
    clearTimeout(this.#timer)
    const spacing = this.#spawnedAt + spawnSpacingMs - now()
    if (spacing > 0) {
      this.#later(spacing)
      return
    }
    const wait = this.#breaker.askToSpawn()
    if (wait === undefined) return // another slot's probe is under way; its outcome starts this one
    if (wait > 0) {
      this.#later(wait)
      return
    }
    this.#spawnedAt = now()
    this.#state = 'launching'
    this.restarts += 1
    this.#launch().catch((error: unknown) => {
      if (this.#state === 'closed') return
      this.#state = 'waiting'
      this.#listener.onBootFailure(this, undefined, asRunnerError(error))
    })
  }

  /**
   * Starts a successor; the worker serves until that is warm, and ends when what it runs is answered.
   * @returns false where one is on its way already.
   */
  recycle(): boolean {
    if (this.#recycling || this.#state !== 'held' || this.#worker?.ready === undefined) return false
    this.#recycling = true
    this.#spawn()
      .then(worker => {
        this.#next = worker
      })
      .catch(() => {
        this.#recycling = false // the old one goes on; the next occasion tries again
      })
    return true
  }

  /** Ends the worker and starts no other. Resolves when every process that this slot started is gone. */
  async close(): Promise<void> {
    this.#state = 'closed'
    clearTimeout(this.#timer)
    const workers = [this.#worker, this.#next, ...this.#retired]
    this.#worker = undefined
    this.#next = undefined
    for (const worker of workers) if (worker !== undefined) this.#track(worker.end())
    await Promise.all(this.#leaving)
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => this.start(), ms)
    this.#timer.unref()
  }

  async #launch(): Promise<void> {
    const worker = await this.#spawn()
    if (worker === undefined) return
    this.#worker = worker
    this.#state = 'held'
  }

  /** A new process; undefined where the slot was closed meanwhile. */
  async #spawn(): Promise<Worker | undefined> {
    const launch = await this.#options.launch()
    if (this.#state === 'closed') return undefined
    const listener: WorkerListener = {
      onReady: worker => this.#ready(worker),
      onResults: (worker, message) => this.#listener.onResults(this, worker, message),
      onParts: (worker, message) => this.#listener.onParts(this, worker, message),
      onDead: (worker, reason) => this.#buried(worker, reason),
    }
    return new Worker(this.#nextGeneration(), launch, this.#options, listener)
  }

  #ready(worker: Worker): void {
    if (worker === this.#next) {
      const old = this.#worker
      this.#worker = worker
      this.#next = undefined
      this.#recycling = false
      this.restarts += 1
      if (old !== undefined) {
        this.#retired.add(old)
        old.retire()
      }
    }
    this.#listener.onReady(this, worker)
  }

  #buried(worker: Worker, reason: RunnerError): void {
    this.#track(worker.end())
    this.#retired.delete(worker)
    if (this.#state === 'closed' || worker.ending) return // on purpose
    if (worker === this.#next) {
      this.#next = undefined
      this.#recycling = false
      return
    }
    const replaced = worker !== this.#worker
    if (!replaced) {
      this.#worker = undefined
      this.#state = 'waiting'
      this.#promote()
    }
    if (worker.ready === undefined) this.#listener.onBootFailure(this, worker, reason)
    else this.#listener.onDeath(this, worker, reason, replaced)
  }

  /** A successor that is on its way takes the place of one that died before its time. */
  #promote(): void {
    if (this.#next === undefined) return
    this.#worker = this.#next
    this.#next = undefined
    this.#recycling = false
    this.#state = 'held'
  }

  #track(leaving: Promise<void>): void {
    this.#leaving.add(leaving)
    leaving.finally(() => this.#leaving.delete(leaving))
  }
}

const asRunnerError = (error: unknown): RunnerError =>
  error instanceof RunnerError
    ? error
    : errorOf(
        'ER_WORKER_SPAWN',
        `A worker can't be started: ${error instanceof Error ? error.message : String(error)}; run \`npx evidence-runner doctor\``,
        { cause: error },
      )
