/**
 * The workers of a pool and who of them serves: as many as were asked for, the other warm ones stand by and step
 * in the moment one is gone.
 */
import { figuresOf, type WorkerFigures } from './health.ts'
import type { Slot } from './slot.ts'
import type { Worker } from './worker.ts'

export class Crew {
  readonly slots: readonly Slot[]
  readonly #size: number
  readonly #active = new Set<Worker>()

  /** `size` of the workers in `slots` serve. */
  constructor(slots: readonly Slot[], size: number) {
    this.slots = slots
    this.#size = size
  }

  /** The workers that are given work. */
  get serving(): readonly Worker[] {
    return [...this.#active]
  }

  /** Warm workers, spares included. */
  get readyCount(): number {
    return this.slots.filter(({ worker }) => worker?.state === 'ready' || worker?.state === 'busy').length
  }

  /** How many calls of `op` a worker takes at once; all have the same operations. 1 before one is warm. */
  places(op: string): number {
    for (const worker of this.#active) return worker.slots(op)
    return 1
  }

  /** The serving worker with the most room for `op`, the first of several. */
  roomiest(op: string): Worker | undefined {
    let best: Worker | undefined
    for (const worker of this.#active) {
      if (best === undefined || worker.room(op) > best.room(op)) best = worker
    }
    return best
  }

  /** Whether a worker is there or on its way. */
  get alive(): boolean {
    return this.slots.some(slot => slot.alive)
  }

  get figures(): WorkerFigures[] {
    return this.slots.flatMap(slot => figuresOf(slot, this.#active))
  }

  /** What each slot is at, for a message. */
  get states(): string {
    return this.slots.map(({ worker }) => worker?.state ?? 'not started').join(', ')
  }

  /** The last words of all workers, for a message. */
  get stderrTail(): string {
    return this.slots.map(({ worker }) => worker?.stderrTail ?? '').join('\n')
  }

  /** Starts every slot that has no worker, as far as the breaker allows. */
  start(): void {
    for (const slot of this.slots) slot.start()
  }

  /** Lets warm workers step in for those that are gone. */
  muster(): void {
    const present = new Set(this.slots.flatMap(({ worker }) => (worker === undefined ? [] : [worker])))
    for (const worker of this.#active) if (!present.has(worker)) this.#active.delete(worker)
    for (const worker of present) {
      if (this.#active.size >= this.#size) return
      if (worker.state === 'ready' || worker.state === 'busy') this.#active.add(worker)
    }
  }

  /** Ends every worker. Resolves when all their processes are gone. */
  async close(): Promise<void> {
    await Promise.all(this.slots.map(slot => slot.close()))
  }
}
