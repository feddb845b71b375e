/** What a pool says of itself: three questions that must not be mixed up, and the figures of its workers. */
import type { RunnerError } from '../core/errors.ts'
import type { ReadyMessage, WorkerMemory } from '../wire/message.ts'
import type { Slot } from './slot.ts'
import type { WorkerState } from './worker.ts'

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
  readonly memory: WorkerMemory | undefined
  readonly facts: ReadyMessage['facts']
}

/** The pool at one moment: three questions that must not be mixed up, and its figures. */
export type PoolHealth = {
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
  readonly settledCalls: number
  readonly workers: readonly WorkerFigures[]
  readonly lastFailure: RunnerError | undefined
}

/** The figures of the worker in a slot, if there is one. */
export function figuresOf(slot: Slot): WorkerFigures[] {
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
      memory: worker.memory,
      facts: worker.ready?.facts ?? {},
    },
  ]
}
