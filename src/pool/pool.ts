/**
 * The pool: a Dispatch over a few long-lived Python processes. Lets calls wait in one queue, cuts a batch at
 * the moment a worker is free (never on a timer), joins the answers, and loses no accepted call to a dead
 * worker. Knows processes and items; what the items mean is somebody else's affair.
 */
import { deadlinePassed, now, setTimer } from '../core/async.ts'
import type { Call, Dispatch, Reply, RunContext } from '../core/call.ts'
import { errorOf, type RunnerError } from '../core/errors.ts'
import type { ResultsMessage } from '../wire/message.ts'
import { Breaker } from './breaker.ts'
import { CostModel } from './cost-model.ts'
import { Flight } from './flight.ts'
import { figuresOf, type PoolHealth } from './health.ts'
import { type Item, Job } from './job.ts'
import { type PoolEvent, type PoolOptions, type ResolvedPoolOptions, resolvePoolOptions } from './options.ts'
import { Queue } from './queue.ts'
import { Slot } from './slot.ts'
import type { Worker } from './worker.ts'

/** A queue fuller than this part of its limit counts as saturated. */
const saturation = 0.8

/** Tokens of an item, where nothing is known of it. */
const usualTokens = 64

export class Pool {
  readonly #options: ResolvedPoolOptions
  readonly #breaker = new Breaker({ now, random: Math.random })
  readonly #queue = new Queue()
  readonly #slots: readonly Slot[]
  readonly #flights = new Map<Worker, Flight>()
  readonly #open = new Set<Job>()
  readonly #waiters = new Set<{ wanted: number; resolve: () => void; reject: (error: unknown) => void }>()
  readonly #costs = new CostModel()
  #state: 'running' | 'closing' | 'closed' = 'running'
  #closing: Promise<void> | undefined
  #keepAlive: NodeJS.Timeout | undefined
  #pumping = false
  #generations = 0
  #batches = 0
  #sliceIds = 0
  #everReady = false
  #settledCalls = 0
  #lastFailure: RunnerError | undefined
  #onIdle: (() => void) | undefined

  /** Starts `options.size` workers; they get ready in the background, and calls may come at once. */
  constructor(options: PoolOptions) {
    this.#options = resolvePoolOptions(options)
    this.#slots = Array.from(
      { length: this.#options.size },
      () =>
        new Slot(this.#options, this.#breaker, () => ++this.#generations, {
          onReady: (slot, worker) => this.#ready(slot, worker),
          onResults: (_slot, worker, message) => this.#results(worker, message),
          onDeath: (slot, worker, reason) => this.#death(slot, worker, reason),
          onBootFailure: (slot, worker, reason) => this.#bootFailure(slot, worker, reason),
        }),
    )
    for (const slot of this.#slots) slot.start()
  }

  /**
   * Resolves when `wanted` workers are warm.
   * @throws the first boot failure, when no worker is left that could get ready; OverloadError ER_WARMING after
   * `timeoutMs`; the signal's reason.
   */
  async whenReady(wanted: number, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#readyCount() >= wanted) return
    if (this.#state !== 'running') throw errorOf('ER_CLOSED', 'The pool is closed; open another one')
    if (!this.#everReady && !this.#anyAlive() && this.#lastFailure !== undefined) throw this.#lastFailure
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const waiter = { wanted, resolve, reject }
    const timer = setTimer(timeoutMs, () => reject(this.#stillWarming(timeoutMs)))
    const onAbort = () => reject(signal?.reason)
    if (signal?.aborted) onAbort()
    signal?.addEventListener('abort', onAbort, { once: true })
    this.#waiters.add(waiter)
    this.#watch()
    try {
      await promise
    } finally {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      this.#waiters.delete(waiter)
      this.#watch()
    }
  }

  /**
   * Runs a call.
   * @throws OverloadError when it can't be taken, DeadlineError when the context's deadline passes first,
   * WorkerError ER_POISON when one of its items kills workers, ModelError when a model refuses or fails it,
   * the signal's own reason when the caller aborts.
   */
  readonly dispatch: Dispatch = async (call, context) => {
    this.#admit(call, context)
    if (call.items.length === 0) return emptyReply(call)
    const job = new Job(call, context, now())
    this.#hold(job)
    this.#queue.add(job)
    this.#schedule()
    return job.done
  }

  health(): PoolHealth {
    const oldest = this.#queue.oldestAt
    const { queueLimit, queueBytes } = this.#options
    return {
      live: this.#state === 'running' && this.#anyAlive(),
      ready: this.#state === 'running' && this.#readyCount() > 0,
      saturated: this.#queue.items >= queueLimit * saturation || this.#queue.bytes >= queueBytes * saturation,
      waitingItems: this.#queue.items,
      waitingBytes: this.#queue.bytes,
      oldestWaitMs: oldest === undefined ? 0 : now() - oldest,
      openCalls: this.#open.size,
      settledCalls: this.#settledCalls,
      workers: this.#slots.flatMap(figuresOf),
      lastFailure: this.#lastFailure,
    }
  }

  /** Takes no new work, lets what is in flight finish for `drainMs`, then ends every process. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #admit(call: Call, context: RunContext): void {
    if (this.#state !== 'running') throw errorOf('ER_CLOSED', 'The pool is closed; open another one')
    context.signal.throwIfAborted()
    if (context.deadline <= now()) throw deadlinePassed(call.variant.op, 0)
    if (!this.#anyAlive() && this.#breaker.state !== 'closed') throw this.#noWorker()
    const { queueLimit, queueBytes } = this.#options
    const { length } = call.items
    if (length > queueLimit) {
      throw errorOf(
        'ER_INPUT',
        `${length} items in one call; the queue takes ${queueLimit}: send them in pieces`,
      )
    }
    const crowded = this.#queue.items + length > queueLimit
    if (!crowded && this.#queue.bytes <= queueBytes) return
    const retryAfterMs = Math.max(50, Math.round(this.#queue.items * this.#msPerItem()))
    const why = crowded
      ? `${this.#queue.items} of ${queueLimit} items wait`
      : `${this.#queue.bytes} of ${queueBytes} bytes wait`
    throw errorOf(
      'ER_QUEUE_FULL',
      `${why} and ${length} items more don't fit; come back in ${retryAfterMs} ms`,
      { retryAfterMs },
    )
  }

  /** Ties the job to its caller's clock and abort, and lets go of both when it settles. */
  #hold(job: Job): void {
    const { signal, deadline } = job.context
    const leave = (error: unknown) => {
      this.#queue.remove(job)
      job.fail(error)
    }
    const onAbort = () => leave(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const waitMs = deadline - now()
    const timer = setTimer(waitMs, () => leave(deadlinePassed(job.call.variant.op, waitMs)))
    this.#open.add(job)
    this.#watch()
    job.onSettle(() => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      this.#open.delete(job)
      this.#settledCalls += 1
      this.#watch()
      if (this.#open.size === 0) this.#onIdle?.()
    })
  }

  /** One turn of the event loop lets callers who resume together ride together. */
  #schedule(): void {
    if (this.#pumping) return
    this.#pumping = true
    setImmediate(() => {
      this.#pumping = false
      this.#pump()
    })
  }

  #pump(): void {
    const idle = this.#slots.flatMap(({ worker }) => (worker?.state === 'ready' ? [worker] : []))
    // Those at work will ask for more: what waits is theirs, too, or the last batch would be one worker's alone.
    const busy = this.#flights.size
    for (const [index, worker] of idle.entries()) {
      const items = this.#queue.cut({
        items: this.#options.batchItems,
        tokens: this.#options.batchTokens,
        among: idle.length - index + busy,
        // Suspects run one at a time, so that they can't take every worker down together.
        allowAlone: ![...this.#flights.values()].some(flight => flight.alone),
      })
      if (items.length > 0) this.#send(worker, items)
    }
  }

  #send(worker: Worker, items: readonly Item[]): void {
    const flight = new Flight(++this.#batches, items, () => ++this.#sliceIds)
    const { op } = flight
    const predictedMs = this.#costs.predict(op, flight.tokens)
    const hangMs = Math.max(this.#options.hangFloorMs, this.#options.hangFactor * predictedMs)
    try {
      worker.run(flight.message(hangMs))
    } catch (cause) {
      // It has no wire form; sent again it would have none either. The worker is free for what waits behind.
      const error = errorOf('ER_INPUT', `A call to ${op} can't be sent: ${(cause as Error).message}`, {
        cause,
      })
      for (const item of items) this.#drop(item.job, error)
      this.#schedule()
      return
    }
    this.#flights.set(worker, flight)
    const queueMs = flight.sentAt - (items[0] as Item).job.enqueuedAt
    this.#note({ name: 'batch-sent', generation: worker.generation, op, items: items.length, queueMs })
  }

  #results(worker: Worker, message: ResultsMessage): void {
    const flight = this.#flights.get(worker)
    if (flight === undefined)
      throw errorOf('ER_WIRE', `The worker answered batch ${message.batch}, which nobody asked for`)
    // An error in one slice settles the whole call: the rest of it need not run.
    for (const job of flight.settle(message)) this.#queue.remove(job)
    this.#flights.delete(worker)
    if (worker.settled === 0) this.#breaker.noteSettled()
    worker.settled += flight.items.length
    const { op, items } = flight
    const { modelMs } = message
    this.#costs.learn(op, flight.tokens, modelMs)
    this.#note({ name: 'batch-done', generation: worker.generation, op, items: items.length, modelMs })
    this.#schedule()
  }

  #ready(_slot: Slot, worker: Worker): void {
    this.#everReady = true
    this.#breaker.noteReady()
    this.#note({
      name: 'worker-ready',
      pid: worker.pid,
      generation: worker.generation,
      bootMs: worker.bootMs,
    })
    for (const slot of this.#slots) slot.start() // those that stood back for this probe
    const ready = this.#readyCount()
    for (const waiter of this.#waiters) if (ready >= waiter.wanted) waiter.resolve()
    this.#schedule()
  }

  #death(slot: Slot, worker: Worker, reason: RunnerError): void {
    this.#noteExit(worker, reason)
    const flight = this.#flights.get(worker)
    this.#flights.delete(worker)
    // A suspect that dies alone is to blame itself; its deaths say nothing about the workers.
    const barren = worker.settled === 0 && !flight?.alone
    if (barren) this.#breaker.noteBarrenDeath()
    if (flight !== undefined) this.#rescue(flight, reason, barren)
    slot.start()
    this.#schedule()
  }

  /** Items of a dead worker's batch wait again, at the head; one that died alone too often is refused. */
  #rescue(flight: Flight, reason: RunnerError, barren: boolean): void {
    const { again, poisoned } = flight.rescue(reason)
    for (const item of again) item.counted ||= barren
    for (const { item, error } of poisoned) {
      if (item.counted) this.#breaker.forgiveBarrenDeath()
      this.#drop(item.job, error)
    }
    this.#queue.again(again)
  }

  #bootFailure(slot: Slot, worker: Worker | undefined, reason: RunnerError): void {
    if (worker !== undefined) this.#noteExit(worker, reason)
    this.#lastFailure = reason
    if (worker?.killedFromOutside) this.#breaker.noteBarrenDeath()
    else this.#breaker.noteFailedBoot()
    if (!this.#everReady && !this.#anyAlive() && this.#breaker.state !== 'closed') {
      // Not a crash: the next start would fail the same way, so nobody is left waiting for it.
      for (const waiter of this.#waiters) waiter.reject(reason)
      for (const job of this.#queue.drain()) job.fail(reason)
    }
    slot.start()
  }

  #noteExit(worker: Worker, reason: RunnerError): void {
    this.#lastFailure = reason
    const { pid, generation } = worker
    this.#note({ name: 'worker-exit', pid, generation, code: reason.code, reason: reason.message })
  }

  #note(event: PoolEvent): void {
    this.#options.onEvent(event)
  }

  #drop(job: Job, error: unknown): void {
    this.#queue.remove(job)
    job.fail(error)
  }

  /** How long one more item of usual length takes, all workers together; the ground for retry hints. */
  #msPerItem(): number {
    const perItem = Math.max(0.1, this.#costs.slowest() * usualTokens)
    return perItem / Math.max(1, this.#readyCount())
  }

  #readyCount(): number {
    return this.#slots.filter(({ worker }) => worker?.state === 'ready' || worker?.state === 'busy').length
  }

  #anyAlive(): boolean {
    return this.#slots.some(slot => slot.alive)
  }

  #noWorker(): RunnerError {
    const retryAfterMs = Math.round(this.#breaker.retryAfterMs)
    const reason = this.#lastFailure
    const message = `No worker can be had; come back in ${retryAfterMs} ms. The last one: ${reason?.message ?? 'unknown'}`
    return errorOf('ER_NO_WORKER', message, {
      retryAfterMs,
      cause: reason,
      ...(reason?.detail === undefined ? {} : { detail: reason.detail }),
    })
  }

  #stillWarming(timeoutMs: number): RunnerError {
    const states = this.#slots.map(({ worker }) => worker?.state ?? 'not started').join(', ')
    const detail = this.#slots.map(({ worker }) => worker?.stderrTail ?? '').join('\n')
    const message = `No worker was warm after ${timeoutMs} ms (${states}); raise warmUpTimeoutMs or run \`npx evidence-runner doctor\``
    return errorOf('ER_WARMING', message, { retryAfterMs: 1000, detail })
  }

  /** Workers and their pipes never keep the host's event loop alive; open work does. */
  #watch(): void {
    const needed = this.#open.size > 0 || this.#waiters.size > 0
    if (needed && this.#keepAlive === undefined) this.#keepAlive = setInterval(() => {}, 2 ** 30)
    if (!needed && this.#keepAlive !== undefined) {
      clearInterval(this.#keepAlive)
      this.#keepAlive = undefined
    }
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    for (const waiter of this.#waiters)
      waiter.reject(errorOf('ER_CLOSED', 'The pool was closed while it warmed up'))
    if (this.#open.size > 0 && (this.#anyAlive() || this.#breaker.state === 'closed')) {
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#onIdle = resolve
      const timer = setTimeout(resolve, this.#options.drainMs)
      await promise
      clearTimeout(timer)
    }
    const closed = errorOf(
      'ER_CLOSED',
      `The pool was closed, and its work was not done within ${this.#options.drainMs} ms`,
    )
    this.#queue.drain()
    for (const job of this.#open) job.fail(closed)
    await Promise.all(this.#slots.map(slot => slot.close()))
    // The event loop lets go of handles and timers at the end of its turn.
    await new Promise(resolve => setImmediate(resolve))
    this.#state = 'closed'
  }
}

function emptyReply(call: Call): Reply {
  const { dimensions } = call.variant.limits
  return {
    results: dimensions > 0 ? { count: 0, dimensions, data: new Float32Array() } : [],
    usage: { calls: 0, tokens: 0, workerMs: 0 },
    timings: { queueMs: 0, modelMs: 0, wireMs: 0 },
    attempt: 1,
    wastedMs: 0,
  }
}
