/** Which batches are under way on which worker. */
import type { RunnerError } from '../core/errors.ts'
import { Flight, type Rescue } from './flight.ts'
import type { Item, Job } from './job.ts'
import type { Worker } from './worker.ts'

export class Flights {
  readonly #byWorker = new Map<Worker, Map<number, Flight>>()
  #batches = 0
  #sliceIds = 0

  /** A new flight of `items` on `worker`; it counts once it is `add`ed. */
  make(worker: Worker, items: readonly Item[]): Flight {
    const { op } = (items[0] as Item).job.call.variant
    return new Flight(++this.#batches, items, worker.slots(op) > 1, () => ++this.#sliceIds)
  }

  add(worker: Worker, flight: Flight): void {
    const flights = this.#byWorker.get(worker)
    if (flights === undefined) this.#byWorker.set(worker, new Map([[flight.batch, flight]]))
    else flights.set(flight.batch, flight)
  }

  get(worker: Worker, batch: number): Flight | undefined {
    return this.#byWorker.get(worker)?.get(batch)
  }

  of(worker: Worker): Flight[] {
    return [...(this.#byWorker.get(worker)?.values() ?? [])]
  }

  /** How much a worker has to do: batches of one step, and calls that make many. */
  load(worker: Worker): number {
    let load = 0
    for (const flight of this.#byWorker.get(worker)?.values() ?? []) load += flight.weight
    return load
  }

  /** Whether a worker has calls that make many steps. */
  streams(worker: Worker): boolean {
    return (
      this.#byWorker
        .get(worker)
        ?.values()
        .some(({ stepwise }) => stepwise) ?? false
    )
  }

  remove(worker: Worker, flight: Flight): void {
    this.#byWorker.get(worker)?.delete(flight.batch)
  }

  /** Forgets a worker that has gone. @returns what it had under way. */
  take(worker: Worker): Flight[] {
    const flights = this.of(worker)
    this.#byWorker.delete(worker)
    return flights
  }

  /** Sorts what a worker that has died of `reason` owed in all its flights. */
  static rescue(flights: readonly Flight[], reason: RunnerError): Rescue {
    const told = new Set<Job>()
    const rescues = flights.map(flight => flight.rescue(reason, told))
    return {
      again: rescues.flatMap(({ again }) => again),
      anew: rescues.flatMap(({ anew }) => anew),
      poisoned: rescues.flatMap(({ poisoned }) => poisoned),
      ended: rescues.flatMap(({ ended }) => ended),
      wastedMs: rescues.reduce((sum, { wastedMs }) => sum + wastedMs, 0),
    }
  }

  /** Whether a suspect runs somewhere, in a batch of its own. */
  get anyAlone(): boolean {
    return this.#byWorker.values().some(flights => flights.values().some(flight => flight.alone))
  }

  /** Tells the workers to drop what they have of a job whose caller has gone. */
  cancel(job: Job): void {
    for (const [worker, flights] of this.#byWorker) {
      for (const flight of flights.values()) worker.cancel(flight.unwantedOf(job))
    }
  }
}
