/** What a pool says of itself: three questions that must not be mixed up, and the figures of its workers. */
import type { RunnerError } from '../core/errors.ts'
import type { ReadyMessage, WorkerMemory } from '../wire/message.ts'
import type { Figures } from './figures.ts'
import type { Slot } from './slot.ts'
import type { Worker, WorkerState } from './worker.ts'

/** One worker, as the pool sees it; times in milliseconds. */
export type WorkerFigures = {
  readonly pid: number
  readonly generation: number
  readonly state: WorkerState
  readonly settled: number
  readonly bootMs: number
  readonly loadMs: number
  readonly warmUpMs: number
  readonly restarts: number
  /** Serves, as against a spare that stands by. */
  readonly active: boolean
  readonly memory: WorkerMemory | undefined
  readonly facts: ReadyMessage['facts']
}

/** The pool at one moment: three questions that must not be mixed up, and its figures. */
export type PoolHealth = Figures & {
  /** A worker is there, or on its way. */
  readonly live: boolean
  /** A worker is warm: calls are answered. */
  readonly ready: boolean
  /** The queue is full, or nearly: new calls may be refused. */
  readonly saturated: boolean
  readonly waitingItems: number
  readonly waitingBytes: number
  readonly oldestWaitMs: number
  readonly openCalls: number
  /** Items that got the answer of an equal item of another call, since the start. */
  readonly sharedItems: number
  /** Items that are refused because they ended every worker. */
  readonly quarantined: number
  readonly workers: readonly WorkerFigures[]
  readonly lastFailure: RunnerError | undefined
}

/** The figures of the worker in a slot, if there is one. */
export function figuresOf(slot: Slot, active: ReadonlySet<Worker>): WorkerFigures[] {
  const { worker } = slot
  if (worker === undefined) return []
  return [
    {
      pid: worker.pid,
      generation: worker.generation,
      state: worker.state,
      settled: worker.settled,
      bootMs: worker.bootMs,
      loadMs: worker.ready?.loadMs ?? 0,
      warmUpMs: worker.ready?.warmUpMs ?? 0,
      restarts: slot.restarts,
      active: active.has(worker),
      memory: worker.memory,
      facts: worker.ready?.facts ?? {},
    },
  ]
}
