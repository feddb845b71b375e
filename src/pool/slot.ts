/**
 * One place for a worker. Starts a process when the breaker allows, starts the next when it has died, and
 * numbers them, so that nothing a dead one said can be taken for the living one's word.
 */
import { now } from '../core/async.ts'
import { errorOf, RunnerError } from '../core/errors.ts'
import type { ResultsMessage } from '../wire/message.ts'
import { type Breaker, spawnSpacingMs } from './breaker.ts'
import type { ResolvedPoolOptions } from './options.ts'
import { Worker, type WorkerListener } from './worker.ts'

/** Who hears what happens to the worker of a slot. */
export type SlotListener = {
  onReady(slot: Slot, worker: Worker): void
  onResults(slot: Slot, worker: Worker, message: ResultsMessage): void
  /** A worker died that had been ready. */
  onDeath(slot: Slot, worker: Worker, reason: RunnerError): void
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

  /** Ends the worker and starts no other. Resolves when every process that this slot started is gone. */
  async close(): Promise<void> {
    this.#state = 'closed'
    clearTimeout(this.#timer)
    const worker = this.#worker
    this.#worker = undefined
    if (worker !== undefined) this.#track(worker.end())
    await Promise.all(this.#leaving)
  }

  #later(ms: number): void {
    this.#timer = setTimeout(() => this.start(), ms)
    this.#timer.unref()
  }

  async #launch(): Promise<void> {
    const launch = await this.#options.launch()
    if (this.#state === 'closed') return
    const listener: WorkerListener = {
      onReady: worker => this.#listener.onReady(this, worker),
      onResults: (worker, message) => this.#listener.onResults(this, worker, message),
      onDead: (worker, reason) => this.#buried(worker, reason),
    }
    this.#worker = new Worker(this.#nextGeneration(), launch, this.#options, listener)
    this.#state = 'held'
  }

  #buried(worker: Worker, reason: RunnerError): void {
    this.#track(worker.end())
    if (this.#worker !== worker) return // ended on purpose
    this.#worker = undefined
    this.#state = 'waiting'
    if (worker.ready === undefined) this.#listener.onBootFailure(this, worker, reason)
    else this.#listener.onDeath(this, worker, reason)
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
