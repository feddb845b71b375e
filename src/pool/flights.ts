/** Which batches are under way on which worker. */
import { Flight } from './flight.ts'
import type { Item, Job } from './job.ts'
import type { Worker } from './worker.ts'

export class Flights {
  readonly #byWorker = new Map<Worker, Map<number, Flight>>()
  #batches = 0
  #sliceIds = 0

  /** A new flight of `items` on `worker`; it counts once it is `add`ed. */
  make(worker: Worker, items: readonly Item[]): Flight {
    const { op } = (items[0] as Item).job.call.variant
    return new Flight(++this.#batches, items, worker.stepwise(op), () => ++this.#sliceIds)
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

  /** How many batches a worker has. */
  load(worker: Worker): number {
    return this.#byWorker.get(worker)?.size ?? 0
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
