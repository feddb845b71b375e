/**
 * What one worker has under way: its batches by number, each with a hang clock of its own, and the room that is
 * left. Operations that finish in one step share one lane, which takes one batch at a time; an operation that
 * takes many steps has a lane of its own with a slot for each call.
 */
import { errorOf } from '../core/errors.ts'
import type { BatchMessage, ResultsMessage } from '../wire/message.ts'

type Running = {
  readonly message: BatchMessage
  /** Calls that have not been answered. */
  readonly open: Set<number>
  /** Whether the worker has said that it runs. */
  started: boolean
  clock: NodeJS.Timeout
}

export class Lanes {
  readonly #slots: Readonly<Record<string, number>>
  readonly #onHung: (batch: BatchMessage) => void
  readonly #running = new Map<number, Running>()

  /** `slots` as the worker's `ready` gives them; `onHung` is told of a batch that made no progress in time. */
  constructor(slots: Readonly<Record<string, number>>, onHung: (batch: BatchMessage) => void) {
    this.#slots = slots
    this.#onHung = onHung
  }

  get idle(): boolean {
    return this.#running.size === 0
  }

  /** Whether `op` takes many steps, so that each of its items is a call of its own. */
  stepwise(op: string): boolean {
    return this.slots(op) > 1
  }

  /** How many calls of `op` the worker takes at once: 1 for an operation that finishes in one step. */
  slots(op: string): number {
    return this.#slots[op] ?? 1
  }

  /** How many items of `op` may come now: free slots, or any number where the one-step lane is free. */
  room(op: string): number {
    const batches = [...this.#running.values()]
    if (!this.stepwise(op)) {
      return batches.some(({ message }) => !this.stepwise(message.op)) ? 0 : Number.POSITIVE_INFINITY
    }
    const taken = batches.reduce((sum, { message, open }) => sum + (message.op === op ? open.size : 0), 0)
    return this.slots(op) - taken
  }

  /** Notes a batch that was sent. Its clock runs from now, for a worker that has stopped reading. */
  begin(message: BatchMessage): void {
    const open = new Set(message.calls.map(call => call.id))
    this.#running.set(message.batch, { message, open, started: false, clock: this.#clock(message) })
  }

  /** Takes a batch back that could not be sent. */
  undo(message: BatchMessage): void {
    this.#drop(message.batch)
  }

  /** The worker runs it: its clock starts anew. */
  started(batch: number): void {
    const running = this.#running.get(batch)
    if (running === undefined)
      throw errorOf('ER_WIRE', `The worker started batch ${batch}, which it was not given`)
    running.started = true
    this.#rewind(running)
    this.#alive()
  }

  /** Calls made a step: their batches are alive. */
  stepped(calls: readonly { readonly id: number }[]): void {
    for (const { id } of calls) {
      const running = [...this.#running.values()].find(({ open }) => open.has(id))
      if (running === undefined || !this.stepwise(running.message.op)) {
        throw errorOf('ER_WIRE', `The worker sent parts of call ${id}, which does not stream`)
      }
    }
    this.#alive()
  }

  /** Answers came. A one-step batch is over with its first answer, one of many steps when all calls have theirs. */
  answered({ batch, calls }: ResultsMessage): void {
    const running = this.#running.get(batch)
    if (running === undefined || !running.started) {
      throw errorOf(
        'ER_WIRE',
        `The worker answered batch ${batch}, which it was not given or had not started`,
      )
    }
    for (const { id } of calls) {
      if (!running.open.delete(id)) {
        throw errorOf(
          'ER_WIRE',
          `The worker answered call ${id} of batch ${batch} twice, or was never given it`,
        )
      }
    }
    if (!this.stepwise(running.message.op) || running.open.size === 0) this.#drop(batch)
    this.#alive()
  }

  /** Stops every clock. */
  clear(): void {
    for (const batch of [...this.#running.keys()]) this.#drop(batch)
  }

  /** The worker does something: its streams are not hung, whichever of its work it was. */
  #alive(): void {
    for (const running of this.#running.values()) {
      if (running.started && this.stepwise(running.message.op)) this.#rewind(running)
    }
  }

  #drop(batch: number): void {
    clearTimeout(this.#running.get(batch)?.clock)
    this.#running.delete(batch)
  }

  #rewind(running: Running): void {
    clearTimeout(running.clock)
    running.clock = this.#clock(running.message)
  }

  #clock(message: BatchMessage): NodeJS.Timeout {
    const clock = setTimeout(() => {
      // The host's own stall must not be charged to the worker: what it has sent meanwhile is read first.
      setImmediate(() => {
        if (this.#running.get(message.batch)?.clock === clock) this.#onHung(message)
      })
    }, message.hangMs)
    return clock.unref()
  }
}
