/**
 * The pool: a Dispatch over a few long-lived Python processes. Lets calls wait in one queue, cuts a batch at
 * the moment a worker is free (never on a timer), joins the answers, and loses no accepted call to a dead
 * worker. Knows processes and items; what the items mean is somebody else's affair.
 */
import { deadlinePassed, KeepAlive, now, setTimer } from '../core/async.ts'
import type { Call, Dispatch, RunContext } from '../core/call.ts'
import { errorOf, type RunnerError } from '../core/errors.ts'
import type { PartsMessage, ResultsMessage } from '../wire/message.ts'
import { isSaturated, misfitOf, noWorker, refusalOf, stillWarming } from './admission.ts'
import { Breaker } from './breaker.ts'
import { batchCaps, CostModel, patienceMs } from './cost-model.ts'
import { Crew } from './crew.ts'
import { Counters } from './figures.ts'
import type { Rescue } from './flight.ts'
import { Flights } from './flights.ts'
import type { PoolHealth } from './health.ts'
import { emptyReply, type Item, Job } from './job.ts'
import { type PoolEvent, type PoolOptions, type ResolvedPoolOptions, resolvePoolOptions } from './options.ts'
import { Quarantine } from './quarantine.ts'
import { Queue } from './queue.ts'
import { Readiness } from './readiness.ts'
import { handOver, Sharing } from './sharing.ts'
import { Slot } from './slot.ts'
import { wearOf } from './wear.ts'
import type { Worker } from './worker.ts'

/** Interactive calls count as being about for this long after one came. */
const interactiveMs = 1000

export class Pool {
  readonly #options: ResolvedPoolOptions
  readonly #breaker = new Breaker({ now, random: Math.random })
  readonly #queue = new Queue()
  readonly #crew: Crew
  readonly #flights = new Flights()
  readonly #open = new Set<Job>()
  readonly #readiness = new Readiness()
  readonly #keepAlive = new KeepAlive()
  readonly #costs = new CostModel()
  readonly #counters = new Counters()
  readonly #sharing = new Sharing()
  readonly #quarantine: Quarantine
  #state: 'running' | 'closing' | 'closed' = 'running'
  #closing: Promise<void> | undefined
  #pumping = false
  #generations = 0
  #everReady = false
  #interactiveAt = Number.NEGATIVE_INFINITY
  #lastFailure: RunnerError | undefined
  #onIdle: (() => void) | undefined

  /** Starts `options.size` workers and the spares; they get ready in the background, and calls may come at once. */
  constructor(options: PoolOptions) {
    this.#options = resolvePoolOptions(options)
    this.#quarantine = new Quarantine(this.#options.quarantineMs, now)
    const listener = {
      onReady: (_slot: Slot, worker: Worker) => this.#ready(worker),
      onResults: (slot: Slot, worker: Worker, message: ResultsMessage) =>
        this.#results(slot, worker, message),
      onParts: (_slot: Slot, worker: Worker, message: PartsMessage) => this.#parts(worker, message),
      onDeath: (slot: Slot, worker: Worker, reason: RunnerError, replaced: boolean) =>
        this.#death(slot, worker, reason, replaced),
      onBootFailure: (slot: Slot, worker: Worker | undefined, reason: RunnerError) =>
        this.#bootFailure(slot, worker, reason),
    }
    const count = this.#options.size + this.#options.spares
    const nextGeneration = () => ++this.#generations
    const slots = Array.from(
      { length: count },
      () => new Slot(this.#options, this.#breaker, nextGeneration, listener),
    )
    this.#crew = new Crew(slots, this.#options.size)
    this.#crew.start()
  }

  /**
   * Resolves when `wanted` workers are warm.
   * @throws the first boot failure, when no worker is left that could get ready; OverloadError ER_WARMING after
   * `timeoutMs`; the signal's reason.
   */
  async whenReady(wanted: number, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    if (this.#crew.readyCount >= wanted) return
    if (this.#state !== 'running') throw errorOf('ER_CLOSED', 'The pool is closed; open another one')
    if (!this.#everReady && !this.#crew.alive && this.#lastFailure !== undefined) throw this.#lastFailure
    const waiting = this.#readiness.wait(wanted, timeoutMs, () => stillWarming(this.#crew, timeoutMs), signal)
    this.#watch()
    try {
      await waiting
    } finally {
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
    this.#refuse(call, context)
    if (call.items.length === 0) return emptyReply(call)
    const job = new Job(call, context, now())
    const { outrun, known } = this.#sharing.join(job)
    const refusal = refusalOf(job, this.#options, {
      queue: this.#queue,
      costs: this.#costs,
      workers: this.#crew.readyCount || this.#options.size,
      slots: op => this.#crew.places(op),
      now: now(),
    })
    for (const item of outrun) this.#queue.withhold(item)
    if (refusal !== undefined) {
      this.#leave(job)
      throw refusal
    }
    if (context.class === 'interactive') this.#interactiveAt = now()
    this.#hold(job)
    for (const pair of known) handOver(pair)
    if (job.open && job.queued.length > 0) this.#queue.add(job)
    const name = 'call-queued'
    const { op } = call.variant
    const items = job.items.length
    this.#note({ name, op, items, class: context.class, waitingItems: this.#queue.items })
    this.#schedule()
    return job.done
  }

  health(): PoolHealth {
    const oldest = this.#queue.oldestAt
    return {
      live: this.#state === 'running' && this.#crew.alive,
      ready: this.#state === 'running' && this.#crew.readyCount > 0,
      saturated: isSaturated(this.#queue, this.#options),
      waitingItems: this.#queue.items,
      waitingBytes: this.#queue.bytes,
      oldestWaitMs: oldest === undefined ? 0 : now() - oldest,
      openCalls: this.#open.size,
      ...this.#counters.figures,
      sharedItems: this.#sharing.joined,
      quarantined: this.#quarantine.size,
      workers: this.#crew.figures,
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

  /** What speaks against any call now, and against this one whatever its size. */
  #refuse(call: Call, context: RunContext): void {
    if (this.#state !== 'running') throw errorOf('ER_CLOSED', 'The pool is closed; open another one')
    context.signal.throwIfAborted()
    if (context.deadline <= now()) throw deadlinePassed(call.variant.op, 0)
    if (!this.#crew.alive && this.#breaker.state !== 'closed')
      throw noWorker(this.#breaker.retryAfterMs, this.#lastFailure)
    const poisonous = this.#quarantine.check(call)
    if (poisonous !== undefined) throw poisonous
  }

  /** Ties the job to its caller's clock and abort, and lets go of both when it settles. */
  #hold(job: Job): void {
    const { signal, deadline } = job.context
    const leave = (error: unknown) => this.#abandon(job, error)
    const onAbort = () => leave(signal.reason)
    signal.addEventListener('abort', onAbort, { once: true })
    const waitMs = deadline - now()
    const timer = setTimer(waitMs, () => leave(deadlinePassed(job.call.variant.op, waitMs)))
    this.#open.add(job)
    this.#watch()
    job.onSettle(ok => {
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
      this.#open.delete(job)
      this.#leave(job)
      const totalMs = now() - job.enqueuedAt
      this.#counters.settled(ok, totalMs)
      this.#note({ name: 'call-settled', op: job.call.variant.op, ok, totalMs })
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
    // Idle ones first. Those at work will ask for more: what waits is theirs, too, or the last batch would be
    // one worker's alone.
    const serving = this.#crew.serving.toSorted((a, b) => this.#flights.load(a) - this.#flights.load(b))
    const idle = serving.filter(worker => this.#flights.load(worker) === 0).length
    // What takes many steps leaves room for more: round by round, lest the first worker get all of it.
    for (let sent = true; sent && this.#queue.items > 0; ) {
      sent = false
      for (const [index, worker] of serving.entries()) {
        const items = this.#cut(worker, serving.length - index, index + 1 < idle)
        if (items.length === 0) continue
        this.#send(worker, items)
        sent = true
      }
    }
  }

  #cut(worker: Worker, among: number, othersIdle: boolean): Item[] {
    const brief = this.#flights.streams(worker) || now() - this.#interactiveAt < interactiveMs
    return this.#queue.cut({
      ...batchCaps(this.#options, this.#costs, brief),
      among,
      othersIdle,
      // Suspects run one at a time, so that they can't take every worker down together.
      allowAlone: !this.#flights.anyAlone,
      room: op => worker.room(op),
      roomiest: op => worker === this.#crew.roomiest(op),
    })
  }

  #send(worker: Worker, items: readonly Item[]): void {
    const { op } = (items[0] as Item).job.call.variant
    const flight = this.#flights.make(worker, items)
    const predictedMs = this.#costs.predict(op, flight.tokens)
    const hangMs = patienceMs(this.#options, predictedMs, worker.slots(op) > 1)
    try {
      worker.run(flight.message(hangMs))
    } catch (cause) {
      // It has no wire form; sent again it would have none either. The worker is free for what waits behind.
      const error = errorOf('ER_INPUT', `A call to ${op} can't be sent: ${(cause as Error).message}`, {
        cause,
      })
      for (const item of items) this.#drop(item.job, error)
      return
    }
    this.#flights.add(worker, flight)
    const queueMs = flight.sentAt - (items[0] as Item).job.enqueuedAt
    this.#counters.sent(items.length, queueMs)
    const { told, tokens, traceparents } = flight
    this.#note({ name: 'batch-sent', ...told, generation: worker.generation, tokens, queueMs, traceparents })
  }

  #results(slot: Slot, worker: Worker, message: ResultsMessage): void {
    const flight = this.#flights.get(worker, message.batch)
    if (flight === undefined)
      throw errorOf('ER_WIRE', `The worker answered batch ${message.batch}, which nobody asked for`)
    // An error in one slice settles the whole call: the rest of it need not run.
    const { settled, loose, timed } = flight.settle(message)
    for (const job of settled) this.#queue.remove(job)
    for (const item of loose) this.#wait(this.#sharing.succeed(item))
    for (const tokens of timed) this.#costs.learn(flight.op, tokens, message.modelMs)
    if (worker.settled === 0) this.#breaker.noteSettled()
    worker.settled += worker.slots(flight.op) > 1 ? message.calls.length : flight.items.length
    if (flight.over) {
      this.#flights.remove(worker, flight)
      const { told } = flight
      this.#note({ name: 'batch-done', ...told, generation: worker.generation, modelMs: message.modelMs })
    }
    this.#recycle(slot, worker)
    this.#schedule()
  }

  #parts(worker: Worker, message: PartsMessage): void {
    const flights = this.#flights.of(worker)
    for (const { id, delta } of message.calls) flights.some(flight => flight.deliver(id, delta))
  }

  #recycle(slot: Slot, worker: Worker): void {
    const reason = wearOf(worker, this.#options.recycleBytes)
    if (reason === undefined || slot.worker !== worker || !slot.recycle()) return
    this.#note({ name: 'worker-recycled', pid: worker.pid, generation: worker.generation, reason })
  }

  #ready(worker: Worker): void {
    this.#everReady = true
    this.#breaker.noteReady()
    const { pid, generation, bootMs } = worker
    this.#note({ name: 'worker-ready', pid, generation, bootMs })
    this.#crew.start() // those that stood back for this probe
    this.#crew.muster()
    this.#readiness.tell(this.#crew.readyCount)
    // What came before anybody knew how many slots there are may not fit.
    for (const job of this.#open) {
      const misfit = misfitOf(job, worker.slots(job.call.variant.op))
      if (misfit !== undefined) this.#drop(job, misfit)
    }
    this.#schedule()
  }

  #death(slot: Slot, worker: Worker, reason: RunnerError, replaced: boolean): void {
    this.#noteExit(worker, reason)
    this.#crew.muster()
    const flights = this.#flights.take(worker)
    // A suspect that dies alone is to blame itself; its deaths say nothing about the workers.
    const barren = worker.settled === 0 && !replaced && !flights.some(flight => flight.alone)
    if (barren) this.#breaker.noteBarrenDeath()
    this.#rescue(Flights.rescue(flights, reason), barren)
    slot.start()
    this.#schedule()
  }

  /** Items of a dead worker's batches wait again, at the head; one that died alone too often is refused. */
  #rescue({ again, anew, poisoned, ended, wastedMs }: Rescue, barren: boolean): void {
    this.#counters.wasted(wastedMs)
    for (const { job, error } of ended) this.#abandon(job, error)
    for (const item of [...again, ...anew]) item.counted += Number(barren)
    for (const { item, error } of poisoned) {
      for (const { job } of item.followers) this.#drop(job, error)
      this.#breaker.forgiveBarrenDeaths(item.counted)
      this.#quarantine.add(item.job.call, item.job.call.items[item.index])
      this.#drop(item.job, error)
    }
    const wanted = (item: Item) => (item.job.open ? item : this.#sharing.succeed(item))
    this.#queue.again(again.flatMap(wanted))
    this.#queue.again(anew.flatMap(wanted), { alone: false })
  }

  #bootFailure(slot: Slot, worker: Worker | undefined, reason: RunnerError): void {
    if (worker !== undefined) this.#noteExit(worker, reason)
    this.#lastFailure = reason
    if (worker?.killedFromOutside) this.#breaker.noteBarrenDeath()
    else this.#breaker.noteFailedBoot()
    if (!this.#everReady && !this.#crew.alive && this.#breaker.state !== 'closed') {
      // Not a crash: the next start would fail the same way, so nobody is left waiting for it.
      this.#readiness.refuse(reason)
      for (const job of this.#open) this.#drop(job, reason)
    }
    slot.start()
  }

  #noteExit({ pid, generation }: Worker, reason: RunnerError): void {
    this.#lastFailure = reason
    this.#note({ name: 'worker-exit', pid, generation, code: reason.code, reason: reason.message })
  }

  #note(event: PoolEvent): void {
    try {
      this.#options.onEvent(event)
    } catch {} // a listener's fault must not be taken for a worker's
  }

  /** Drops a job, and stops what runs of it. */
  #abandon(job: Job, error: unknown): void {
    this.#drop(job, error)
    this.#flights.cancel(job)
  }

  #drop(job: Job, error: unknown): void {
    this.#queue.remove(job)
    job.fail(error)
  }

  /** What others wanted of a settled job waits for them. */
  #leave(job: Job): void {
    this.#wait(this.#sharing.leave(job))
  }

  #wait(heirs: readonly Item[]): void {
    for (const item of heirs) this.#queue.enlist(item)
    this.#schedule()
  }

  /** Workers and their pipes never keep the host's event loop alive; open work does. */
  #watch(): void {
    this.#keepAlive.hold(this.#open.size > 0 || this.#readiness.waiting)
  }

  async #close(): Promise<void> {
    this.#state = 'closing'
    this.#readiness.refuse(errorOf('ER_CLOSED', 'The pool was closed while it warmed up'))
    if (this.#open.size > 0 && (this.#crew.alive || this.#breaker.state === 'closed')) {
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
    for (const job of this.#open) this.#drop(job, closed)
    await this.#crew.close()
    // The event loop lets go of handles and timers at the end of its turn.
    await new Promise(resolve => setImmediate(resolve))
    this.#state = 'closed'
  }
}
