/**
 * One live process: one generation of one slot. Knows its state, its pipe and the batch it is running, and
 * dies exactly once, with a reason. It never decides what happens next; its listener does.
 *
 *   handshaking ──hello──▶ loading ──log──▶ warming ──ready──▶ ready ⇄ busy ──drain()──▶ draining
 *        └───────────────┬─────┴───────────────┴────────────────┴───────┴───────────────────┘
 *                        ▼ exit, broken frame, deadline of the step, hang
 *                       dead
 */
import { doneWithin, now } from '../core/async.ts'
import { type ErrorCode, errorOf, isErrorCode, type RunnerError } from '../core/errors.ts'
import { decodeMessage, encodeMessage } from '../wire/codec.ts'
import { FrameReader } from '../wire/frame.ts'
import {
  type BatchMessage,
  type FromWorker,
  type PartsMessage,
  protocolVersion,
  type ReadyMessage,
  type ResultsMessage,
  type WorkerMemory,
} from '../wire/message.ts'
import { Lanes } from './lanes.ts'
import type { ResolvedPoolOptions } from './options.ts'
import { cannotStart, endGroup, type Launch, type PythonProcess, spawnPython } from './spawn.ts'

/** Where a worker is in its life; see above. */
export type WorkerState = 'handshaking' | 'loading' | 'warming' | 'ready' | 'busy' | 'draining' | 'dead'

/** Who hears what happens to a worker. */
export type WorkerListener = {
  /** Loaded, warm and free. */
  onReady(worker: Worker): void
  /** Calls were answered. Throw WorkerError ER_WIRE if the answer makes no sense. */
  onResults(worker: Worker, message: ResultsMessage): void
  /** Calls that take many steps made one. */
  onParts(worker: Worker, message: PartsMessage): void
  /** Gone, with the reason. Comes exactly once; nothing comes after it. */
  onDead(worker: Worker, reason: RunnerError): void
}

/** Signals that people and kernels send; a program that crashes gets others. */
const outsideSignals: readonly string[] = ['SIGKILL', 'SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT']

/** What of stderr is kept for error messages. */
const stderrTailBytes = 16 * 1024

/** How long after a process's exit its last output is awaited: a grandchild may hold the pipe open for ever. */
const flushMs = 50

export class Worker {
  readonly generation: number
  readonly #options: ResolvedPoolOptions
  readonly #listener: WorkerListener
  readonly #process: PythonProcess
  readonly #reader = new FrameReader()
  readonly #spawnedAt = now()
  readonly #exited: Promise<void>
  readonly #closed: Promise<unknown>
  #state: WorkerState = 'handshaking'
  #ready: ReadyMessage | undefined
  #memory: WorkerMemory | undefined
  #lanes: Lanes | undefined
  #retiring = false
  #ending = false
  #clock: NodeJS.Timeout | undefined
  #fatal: { code: ErrorCode; message: string } | undefined
  #stderr = ''
  #killed = false
  #exit: { code: number | null; signal: string | null } | undefined
  /** Items answered since it was ready. */
  settled = 0

  constructor(generation: number, launch: Launch, options: ResolvedPoolOptions, listener: WorkerListener) {
    this.generation = generation
    this.#options = options
    this.#listener = listener
    this.lifeItems = options.recycleItems * (1 + Math.random() / 10)
    this.#process = spawnPython(launch)
    this.#exited = new Promise(resolve => this.#listen(launch, resolve))
    this.#closed = Promise.all(this.#pipes.map(pipe => new Promise(resolve => pipe.once('close', resolve))))
    this.#arm(options.helloTimeoutMs, () => this.#late('said nothing', options.helloTimeoutMs))
  }

  get state(): WorkerState {
    return this.#state
  }

  /** 0 when the process could not even be started. */
  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** What it said when it got ready. */
  get ready(): ReadyMessage | undefined {
    return this.#ready
  }

  get memory(): WorkerMemory | undefined {
    return this.#memory
  }

  /** Items after which it is replaced: the option's, and up to a tenth more, lest all go at once. */
  readonly lifeItems: number

  get ageMs(): number {
    return now() - this.#spawnedAt
  }

  /** From spawn to ready, in milliseconds. */
  bootMs = 0

  /** True when somebody else ended the process, which says nothing about how the next will do. */
  get killedFromOutside(): boolean {
    return !this.#killed && outsideSignals.includes(this.#exit?.signal ?? '')
  }

  /** True when it was told to end, so that its exit is no news. */
  get ending(): boolean {
    return this.#ending
  }

  /** The tail of what it wrote to stderr. */
  get stderrTail(): string {
    return this.#stderr.trim()
  }

  /** How many items of `op` it can take now. */
  room(op: string): number {
    return this.#takesWork ? (this.#lanes?.room(op) ?? 0) : 0
  }

  /** How many calls of `op` it takes at once: 1 where that finishes in one step, or before it is ready. */
  slots(op: string): number {
    return this.#lanes?.slots(op) ?? 1
  }

  /**
   * Gives it a batch to run. Only where there is room.
   * @throws WorkerError ER_WIRE when the batch has no wire form; the worker is as before then.
   */
  run(batch: BatchMessage): void {
    if (!this.#takesWork) throw new Error(`This is a bug: a batch for a worker that is ${this.#state}`)
    const frame = encodeMessage(batch)
    this.#lanes?.begin(batch)
    this.#state = 'busy'
    this.#write(frame)
  }

  /** Tells it that nobody waits for these calls any more. */
  cancel(calls: readonly number[]): void {
    if (this.#state !== 'busy') return
    for (const id of calls) this.#write(encodeMessage({ type: 'cancel', id }))
  }

  /** Takes no more work; ends when what it runs is answered. */
  retire(): void {
    this.#retiring = true
    if (this.#lanes?.idle ?? true) void this.end()
  }

  get #takesWork(): boolean {
    return (this.#state === 'ready' || this.#state === 'busy') && !this.#retiring
  }

  /** Ends it: asks first, then SIGTERM, then SIGKILL. Resolves when the process is gone. */
  async end(): Promise<void> {
    if (this.#state !== 'dead') {
      this.#ending = true
      this.#state = 'draining'
      this.#disarm()
      this.#lanes?.clear()
      this.#write(encodeMessage({ type: 'shutdown' }))
      this.#process.stdin.end()
      await this.#climb()
    }
    await this.#exited
    await this.#closed
  }

  get #pipes() {
    const { stdin, stdout, stderr } = this.#process
    return [stdin, stdout, stderr]
  }

  /** Kills it at once, for `reason`. */
  kill(reason: RunnerError): void {
    this.#killed = true
    this.#process.kill('SIGKILL')
    this.#die(reason)
  }

  async #climb(): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      if (await doneWithin(this.#exited, this.#options.killGraceMs)) return
      this.#process.kill(signal)
    }
  }

  #listen(launch: Launch, onExited: () => void): void {
    const { stdout, stderr } = this.#process
    // The pool keeps the event loop alive while it has work; an idle worker must not.
    this.#process.unref()
    for (const pipe of this.#pipes) (pipe as unknown as { unref(): void }).unref()
    this.#process.on('error', cause => {
      if (this.#process.pid !== undefined) return // a signal that could not be delivered; the exit will tell
      onExited()
      this.#die(cannotStart(launch, cause))
    })
    this.#process.on('exit', (code, signal) => {
      this.#exit = { code, signal }
      endGroup(this.pid)
      onExited()
      const settle = () => this.#die(this.#exitReason())
      if (stdout.closed) {
        settle()
        return
      }
      const late = setTimeout(settle, flushMs)
      stdout.once('close', () => {
        clearTimeout(late)
        settle()
      })
    })
    // EPIPE is a worker's death, and its exit tells; an unheard error would be the host's.
    for (const pipe of this.#pipes) pipe.on('error', () => {})
    stdout.on('data', (chunk: Buffer) => this.#receive(chunk))
    stderr.setEncoding('utf8')
    stderr.on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-stderrTailBytes)
    })
  }

  #receive(chunk: Buffer): void {
    if (this.#state === 'dead') return
    try {
      for (const body of this.#reader.push(chunk)) this.#handle(decodeMessage(body))
    } catch (error) {
      this.kill(error as RunnerError)
    }
  }

  #handle(message: FromWorker): void {
    // What a worker still says of batches while it ends concerns nobody.
    if (this.#state === 'draining' && ['started', 'results', 'parts'].includes(message.type)) return
    switch (message.type) {
      case 'hello':
        this.#expect(message.type, 'handshaking', 'draining')
        this.#hello(message.protocol)
        break
      case 'log':
        if (message.level === 'fatal')
          this.#fatal = { code: fatalCode(message.code), message: message.message }
        else if (message.stage === 'warming' && this.#state === 'loading')
          this.#step('warming', this.#options.warmUpTimeoutMs)
        break
      case 'ready':
        this.#expect(message.type, 'loading', 'warming', 'draining')
        this.#becomeReady(message)
        break
      case 'started':
        this.#running.started(message.batch)
        break
      case 'results':
        this.#results(message)
        break
      case 'pong':
        this.#memory = message.memory
        break
      case 'parts':
        this.#running.stepped(message.calls)
        this.#listener.onParts(this, message)
        break
    }
  }

  #expect(type: string, ...states: readonly WorkerState[]): void {
    if (states.includes(this.#state)) return
    const when = this.#state === 'handshaking' ? 'before hello' : `while it was ${this.#state}`
    throw errorOf('ER_WIRE', `The worker sent ${type} ${when}`)
  }

  #hello(protocol: number): void {
    if (protocol !== protocolVersion) {
      throw errorOf(
        'ER_WORKER_SPAWN',
        `The worker speaks protocol ${protocol} and this package ${protocolVersion}; run \`npx evidence-runner setup\` to bring them together`,
      )
    }
    if (this.#state === 'handshaking') this.#step('loading', this.#options.loadTimeoutMs)
  }

  #step(state: 'loading' | 'warming', limitMs: number): void {
    this.#state = state
    this.#arm(limitMs, () =>
      this.#late(state === 'loading' ? 'had not loaded its model' : 'was not warm', limitMs),
    )
  }

  #becomeReady(message: ReadyMessage): void {
    if (this.#state === 'draining') return
    this.#disarm()
    this.#ready = message
    this.#lanes = new Lanes(message.lanes, batch => this.#hung(batch))
    this.#memory = message.memory
    this.#state = 'ready'
    this.bootMs = now() - this.#spawnedAt
    this.#listener.onReady(this)
  }

  #results(message: ResultsMessage): void {
    this.#running.answered(message)
    this.#memory = message.memory
    if (this.#state === 'busy' && this.#running.idle) this.#state = 'ready'
    this.#listener.onResults(this, message)
    if (this.#retiring && this.#running.idle) void this.end()
  }

  /** What it runs. @throws WorkerError ER_WIRE for a worker that speaks of batches before it was ready. */
  get #running(): Lanes {
    if (this.#lanes === undefined)
      throw errorOf('ER_WIRE', `The worker spoke of a batch while it was ${this.#state}`)
    return this.#lanes
  }

  #write(frame: Uint8Array): void {
    if (this.#process.stdin.writable) this.#process.stdin.write(frame)
  }

  /** Runs `onLate` after `ms`, unless the clock is set again or stopped before. */
  #arm(ms: number, onLate: () => void): void {
    clearTimeout(this.#clock)
    const clock = setTimeout(() => {
      // The host's own stall must not be charged to the worker: what it has sent meanwhile is read first.
      setImmediate(() => {
        if (this.#clock === clock) onLate()
      })
    }, ms)
    clock.unref()
    this.#clock = clock
  }

  #disarm(): void {
    clearTimeout(this.#clock)
    this.#clock = undefined
  }

  #late(what: string, afterMs: number): void {
    this.kill(
      errorOf(
        'ER_WORKER_SPAWN',
        `A worker ${what} after ${Math.round(afterMs / 1000)} s; run \`npx evidence-runner doctor\``,
        {
          detail: this.stderrTail,
        },
      ),
    )
  }

  #hung({ op, hangMs }: BatchMessage): void {
    const message = `A worker ran ${op} for more than ${Math.round(hangMs / 1000)} s and was killed`
    this.kill(errorOf('ER_WORKER_HUNG', message, { detail: this.stderrTail }))
  }

  #exitReason(): RunnerError {
    const detail = this.stderrTail
    const how = this.#exit?.signal ?? `code ${this.#exit?.code}`
    if (this.#fatal !== undefined) return errorOf(this.#fatal.code, this.#fatal.message, { detail })
    if (this.#ready !== undefined) return errorOf('ER_WORKER_EXIT', `A worker exited (${how})`, { detail })
    const last = detail.split('\n').at(-1)
    const why = last ? `: ${last}` : ''
    return errorOf(
      'ER_WORKER_SPAWN',
      `A worker exited while ${this.#state} (${how})${why}; run \`npx evidence-runner doctor\``,
      { detail },
    )
  }

  #die(reason: RunnerError): void {
    if (this.#state === 'dead') return
    this.#state = 'dead'
    this.#disarm()
    this.#lanes?.clear()
    for (const pipe of this.#pipes) pipe.destroy()
    this.#listener.onDead(this, reason)
  }
}

const fatalCode = (code: string): ErrorCode => (isErrorCode(code) ? code : 'ER_WORKER_SPAWN')
