/**
 * Runs one cell of the chaos matrix: a pool is brought into a state, one of its workers misbehaves, callers
 * come and go all the while, and in the end the books must balance: every promise settled once, every answer
 * its own caller's, the ledger what was answered, and nothing left of it in this process or beside it.
 */
import { readFileSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import type { PoolOptions } from '../../src/pool/options.ts'
import { Pool } from '../../src/pool/pool.ts'
import { EventLog, echoes } from '../support/echo-pool.ts'
import { workersOf } from '../support/process-list.ts'
import { ChaosPackage } from './chaos-package.ts'
import { type Cell, marksOf } from './faults.ts'
import { footprint, leftSince } from './footprint.ts'
import { type Sent, Traffic } from './traffic.ts'

/** What became of a cell. */
export type Outcome = Cell & {
  readonly calls: number
  readonly answered: number
  readonly rejected: Readonly<Record<string, number>>
  /** Codes with which workers went. */
  readonly exits: readonly string[]
  /** Processes that were there when the pool was closed. */
  readonly survivors: number
  /** Descriptors that were open more than before. */
  readonly descriptors: number
  readonly ms: number
  readonly ok: boolean
  readonly why?: string
}

/** How long calls and `close()` may take before they count as hung, in milliseconds. */
export const usualPatienceMs = 15_000

const queueLimit = 16
const batchItems = 4
const recycleBytes = 64 * 1024 * 1024

const pressures: Partial<Record<Cell['state'], Partial<PoolOptions>>> = {
  'batch in flight': { size: 2 },
  'queue full': { queueLimit, batchItems },
  draining: { batchItems },
}

/** Runs a cell; the outcome says whether all was well. */
export async function runCell(cell: Cell, patienceMs = usualPatienceMs): Promise<Outcome> {
  const begin = performance.now()
  const folder = new ChaosPackage(cell)
  const before = await footprint()
  const run = new Run(cell, folder, patienceMs)
  const wrong: string[] = []
  try {
    await run.play()
  } catch (error) {
    wrong.push((error as Error).message)
  }
  wrong.push(...(await run.end()))
  const left = await leftSince(before)
  wrong.push(...left.left.map(each => `left: ${each}`))
  folder.remove()
  const { traffic, exits, survivors } = run
  return {
    ...cell,
    calls: traffic.all.length,
    answered: traffic.answered.length,
    rejected: traffic.rejected,
    exits,
    survivors: survivors.length,
    descriptors: left.descriptors,
    ms: Math.round(performance.now() - begin),
    ok: wrong.length === 0,
    ...(wrong.length === 0 ? {} : { why: wrong.slice(0, 6).join('; ') }),
  }
}

class Run {
  readonly #cell: Cell
  readonly #folder: ChaosPackage
  readonly #patienceMs: number
  readonly #events = new EventLog()
  readonly #pool: Pool
  readonly #size: number
  readonly traffic: Traffic
  survivors: number[] = []
  #launches = 0
  #closing: Promise<void> | undefined

  constructor(cell: Cell, folder: ChaosPackage, patienceMs: number) {
    this.#cell = cell
    this.#folder = folder
    this.#patienceMs = patienceMs
    const options: PoolOptions = {
      size: 1,
      launch: async () => folder.launch(this.#nextRole()),
      onEvent: this.#events.note,
      // A healthy worker answers in a millisecond; on a busy machine it may be a few hundred.
      hangFloorMs: 800,
      hangFactor: 1,
      loadTimeoutMs: 800,
      killGraceMs: 100,
      ...(cell.fault === 'memory growth' ? { recycleBytes } : {}),
      ...pressures[cell.state],
    }
    this.#size = options.size
    this.#pool = new Pool(options)
    this.traffic = new Traffic(this.#pool)
  }

  /** Codes with which workers went, in order. */
  get exits(): string[] {
    return this.#events.named('worker-exit').map(({ code }) => code)
  }

  async play(): Promise<void> {
    const { state } = this.#cell
    await this.#pool.whenReady(this.#size, this.#patienceMs)
    // A worker that has settled work is one that the breaker trusts; and an answer to say again is needed.
    await this.#within('the first calls', Promise.all(this.traffic.burst(this.#size, { items: 1 }).map(done)))
    await this.#enter()
    if (state === 'draining') {
      this.#closing = this.#pool.close()
      this.traffic.burst(2, { may: ['ER_CLOSED'] })
    }
    await this.#folder.strike()
    if (state !== 'draining') await this.#goOn()
    await this.#within('calls', Promise.all(this.traffic.all.map(done)))
    await this.#seeMarks()
    if (state === 'draining') return
    await this.#pool.whenReady(this.#size, this.#patienceMs)
    const last = this.traffic.burst(6)
    await this.#within('the last calls', Promise.all(last.map(done)))
  }

  /** Closes the pool, and tells what is wrong with what there was. */
  async end(): Promise<string[]> {
    const wrong: string[] = []
    const closed = this.#closing ?? this.#pool.close()
    await this.#within('close()', closed).catch((error: Error) => wrong.push(error.message))
    this.survivors = this.#survivors()
    wrong.push(...this.survivors.map(pid => `process ${pid} survived, ${this.#originOf(pid)}`))
    for (const pid of this.survivors) process.kill(pid, 'SIGKILL')
    const { openCalls, waitingItems, settledCalls } = this.#pool.health()
    if (openCalls + waitingItems > 0) wrong.push(`${openCalls} calls are open, ${waitingItems} items wait`)
    const refusals = ['ER_CLOSED', 'ER_QUEUE_FULL', 'ER_NO_WORKER']
    const taken = this.traffic.all.filter(({ rejection }) => !refusals.includes(rejection ?? '')).length
    // A caller may be turned away at the door for being late or gone already.
    const turnedAway = this.traffic.all.filter(({ rejection }) =>
      /abort|DEADLINE/.test(rejection ?? ''),
    ).length
    if (settledCalls > taken || settledCalls < taken - turnedAway)
      wrong.push(`${settledCalls} calls settled in the pool, ${taken} were taken`)
    return [...wrong, ...this.traffic.complaints(), ...this.#strangers()]
  }

  #nextRole() {
    this.#launches += 1
    if (this.#launches === 1) return 'struck'
    return this.#launches === this.#size + 1 ? 'late' : 'calm'
  }

  /** Brings the pool into the state, with work that the struck worker holds where there is any. */
  async #enter(): Promise<void> {
    const { fault, state } = this.#cell
    const held = state !== 'idle'
    const leaves = fault === 'reply after cancel'
    const hurries = fault === 'late reply'
    const gone = leaves ? { may: ['abort'] } : hurries ? { may: ['ER_DEADLINE'], deadlineMs: 150 } : {}
    const first = this.#sentBatches()
    const leavers: Sent[] = []
    if (!held) {
      if (leaves || hurries) leavers.push(this.traffic.send({ ...gone, delayMs: 250 }))
    } else if (state === 'one in flight') {
      leavers.push(this.traffic.send({ hold: true, items: 1, ...gone }))
    } else {
      leavers.push(...this.traffic.burst(4, { hold: true, items: 1, ...gone }))
      this.traffic.burst(state === 'queue full' ? 0 : 6, { hold: true })
    }
    if (held || leavers.length > 0)
      await this.#within('the batch', this.#events.when('batch-sent', first + 1))
    if (state === 'queue full') await this.#fill()
    if (leaves) for (const sent of leavers) sent.leave()
    if (leaves || hurries) await this.#within('those who left', Promise.all(leavers.map(done)))
    // Idle again: the worker has answered what nobody waits for any more.
    if (!held && (leaves || hurries)) await this.#until('the pool to be idle', () => this.#idle)
  }

  /** Lets calls wait until no more are taken. */
  async #fill(): Promise<void> {
    while (this.#pool.health().waitingItems < queueLimit) this.traffic.send({ items: 1 })
    this.traffic.burst(3, { may: ['ER_QUEUE_FULL'] })
    await pause(0)
    if (this.traffic.rejected['ER_QUEUE_FULL'] !== 3) throw new Error('the full queue took calls')
  }

  /** New calls while the fault does its work. */
  async #goOn(): Promise<void> {
    const { fault, state } = this.#cell
    if (state === 'queue full') {
      this.traffic.burst(3, { may: ['ER_QUEUE_FULL'] })
      return
    }
    const refused = marksOf(this.#cell).late === 'ER_WORKER_SPAWN' ? ['ER_NO_WORKER'] : []
    if (fault === 'stdin not read') this.traffic.send({ items: 3, characters: 2 ** 20 })
    if (refused.length === 0) this.traffic.mixture(8)
    else this.traffic.burst(8, { may: refused })
    // One after the other, so that each is a batch of its own.
    for (let time = 0; time < 4 || (fault === 'crash on the Nth request' && this.exits.length < 2); time += 1)
      await this.#within('a call', this.traffic.send({ may: refused }).settled)
  }

  /** Waits until the fault has shown itself, and sees to it that it did so as it should. */
  async #seeMarks(): Promise<void> {
    const { struck, late } = marksOf(this.#cell)
    const expected = [struck, late].filter(code => code !== undefined)
    await this.#until(`the deaths ${expected}`, () => this.exits.length >= expected.length)
    if (this.exits.join() !== expected.join()) {
      const reasons = this.#events.named('worker-exit').map(({ code, reason }) => `${code} ${reason}`)
      throw new Error(`workers went with ${reasons.join(', ') || 'nothing'} instead of ${expected}`)
    }
    if (this.#cell.fault === 'memory growth') await this.#seeGrowth()
  }

  /** A worker that holds too much is replaced, once it is old enough for that to help. */
  async #seeGrowth(): Promise<void> {
    if (this.#cell.state === 'draining') return
    const end = performance.now() + this.#patienceMs
    while (this.#events.named('worker-recycled').length === 0) {
      if (performance.now() > end) throw new Error('the worker that grew was not recycled')
      await this.#within('a call', this.traffic.send().settled)
      await pause(100)
    }
    await this.#events.when('worker-ready', this.#size + 1)
  }

  get #idle(): boolean {
    return this.#pool.health().workers.every(({ state }) => state === 'ready')
  }

  #sentBatches(): number {
    return this.#events.named('batch-sent').length
  }

  /** Answers of processes that the pool never called ready. */
  #strangers(): string[] {
    const known = new Set(this.#events.named('worker-ready').map(({ pid }) => pid))
    const pids = this.traffic.answered.flatMap(({ reply }) => (reply === undefined ? [] : echoes(reply)))
    return pids.every(({ pid }) => known.has(pid)) ? [] : ['an answer came from nobody']
  }

  /** Where a process comes from, in words. */
  #originOf(pid: number): string {
    if (pid === this.#folder.grandchild) return 'a grandchild'
    const worker = this.#events.named('worker-ready').find(event => event.pid === pid)
    if (worker === undefined) return 'a worker that was never ready'
    const recycled = this.#events.named('worker-recycled').some(event => event.pid === pid)
    return `worker ${worker.generation}${recycled ? ', which had been recycled' : ''}`
  }

  #survivors(): number[] {
    const told = [...this.#events.named('worker-ready'), ...this.#events.named('worker-exit')].map(
      ({ pid }) => pid,
    )
    const { grandchild } = this.#folder
    const others = grandchild === undefined ? [] : [grandchild]
    return [...new Set([...workersOf(), ...told, ...others])].filter(runs)
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const end = performance.now() + this.#patienceMs
    while (!holds()) {
      if (performance.now() > end) throw new Error(`waited in vain for ${what}`)
      await pause(5)
    }
  }

  async #within<T>(what: string, promise: Promise<T>): Promise<T> {
    const { promise: late, reject } = Promise.withResolvers<never>()
    const timer = setTimeout(() => reject(new Error(`hung: ${what}`)), this.#patienceMs)
    try {
      return await Promise.race([promise, late])
    } finally {
      clearTimeout(timer)
    }
  }
}

const done = ({ settled }: Sent): Promise<void> => settled

/** True for a process that has not ended; one that ended and was not waited for has. */
function runs(pid: number): boolean {
  if (pid === 0) return false
  if (process.platform === 'linux') {
    try {
      const status = readFileSync(`/proc/${pid}/stat`, 'latin1')
      return status.charAt(status.lastIndexOf(')') + 2) !== 'Z'
    } catch {
      return false
    }
  }
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}
