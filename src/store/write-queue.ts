/**
 * Writes that nobody waits for: a bounded ring in memory, written in short transactions between turns of the
 * event loop. What can't be written now, because the file stays locked or the disk is full, waits and is tried
 * again; when more waits than may, the oldest is dropped and counted.
 *
 *   push() ──▶ ring ──flushEveryMs──▶ slice, turn, slice, turn … ──▶ file
 *                ▲                      │
 *                └── failed: pause ◀────┘
 */
import { type Database, untilFree } from './database.ts'
import { type FaultKind, type Faults, isOfSqlite } from './faults.ts'
import { nextTurn, turnMs } from './turn.ts'

/** One record that is to be written. */
export type PendingWrite = {
  /** What it holds in memory, about. */
  readonly bytes: number
  /**
   * Writes it, within a transaction; may be called again when that comes to nothing.
   * @returns the bytes that it takes in the file, about
   * @throws anything but an error of SQLite for a record that can't be kept, before it writes any of it.
   */
  write(): number
  /** Called once, when it is written or dropped. */
  end?(): void
}

/** Bounds of a queue. */
export type WriteQueueOptions = {
  readonly mostPending: number
  readonly mostPendingBytes: number
  /** From the first write that waits to the file. */
  readonly flushEveryMs: number
  /** For how long a locked file is nothing to speak of. */
  readonly busyTimeoutMs: number
}

/** What a slice takes at most, beside the time of a turn; one record is always taken. */
const slice = { records: 50, bytes: 2 ** 19 } as const

/** Before the next try after a fault of the file, doubling. */
const pause = { leastMs: 1000, mostMs: 30_000 } as const

/** Faults of the file, which may pass; after others the records are to blame. */
const mayPass: readonly FaultKind[] = ['locked', 'full', 'damaged', 'forbidden', 'gone', 'unreachable']

export class WriteQueue {
  readonly #database: Database
  readonly #faults: Faults
  readonly #options: WriteQueueOptions
  readonly #onWritten: () => void
  /** The ring: what waits stands from `#first` on; undefined what turned out not to be writable. */
  #ring: (PendingWrite | undefined)[] = []
  #first = 0
  #bytes = 0
  #timer: NodeJS.Timeout | undefined
  #run: Promise<boolean> | undefined
  #failures = 0
  #written = 0
  #dropped = 0
  #state: 'open' | 'closed' = 'open'

  /** @param onWritten called after all that waited was written. */
  constructor(database: Database, faults: Faults, options: WriteQueueOptions, onWritten: () => void) {
    this.#database = database
    this.#faults = faults
    this.#options = options
    this.#onWritten = onWritten
  }

  get figures(): {
    readonly pending: number
    readonly pendingBytes: number
    readonly written: number
    readonly dropped: number
  } {
    const [pending, pendingBytes] = [this.#pending, this.#bytes]
    return { pending, pendingBytes, written: this.#written, dropped: this.#dropped }
  }

  get #pending(): number {
    return this.#ring.length - this.#first
  }

  /** Takes a record; never waits, never throws. */
  push(write: PendingWrite): void {
    if (this.#state === 'closed') {
      this.#dropped += 1
      write.end?.()
      return
    }
    this.#ring.push(write)
    this.#bytes += write.bytes
    const { mostPending, mostPendingBytes, flushEveryMs } = this.#options
    while (this.#pending > mostPending || (this.#bytes > mostPendingBytes && this.#pending > 1))
      this.#overflow()
    if (this.#run === undefined) this.#schedule(flushEveryMs)
  }

  /** Counts a record that can't be kept, for what was thrown over it. */
  refuse(error: unknown): void {
    this.#faults.note(error, 'unkept')
    this.#dropped += 1
  }

  #overflow(): void {
    this.#dropped += 1
    this.#take(1)
    this.#faults.noteKind('overflow')
  }

  #schedule(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      void this.flush()
    }, ms).unref()
  }

  /**
   * Writes what waits, as soon as the file is free.
   * @returns whether nothing is left; false after a fault of the file, which is noted.
   */
  flush(): Promise<boolean> {
    this.#run ??= this.#write().finally(() => {
      this.#run = undefined
      if (this.#pending > 0 && this.#state === 'open') this.#schedule(this.#pauseMs)
    })
    return this.#run
  }

  get #pauseMs(): number {
    if (this.#failures === 0) return this.#options.flushEveryMs
    return Math.min(pause.mostMs, pause.leastMs * 2 ** (this.#failures - 1))
  }

  async #write(): Promise<boolean> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { path } = this.#database
    const before = this.#written
    while (this.#pending > 0) {
      let tried = 0
      try {
        await untilFree(path, this.#options.busyTimeoutMs, () => {
          tried = Math.min(slice.records, this.#pending)
          this.#slice()
        })
      } catch (error) {
        if (mayPass.includes(this.#faults.note(error))) {
          this.#failures += 1
          return false
        }
        this.#dropped += tried
        this.#take(tried)
      }
      this.#failures = 0
      await nextTurn()
    }
    if (this.#written > before) this.#onWritten()
    return true
  }

  /** One transaction; throws what the database throws, and then nothing was written. */
  #slice(): void {
    let [count, kept, bytes] = [0, 0, 0]
    this.#database.transaction(() => {
      const begin = performance.now()
      const most = Math.min(slice.records, this.#pending)
      while (count < most && bytes < slice.bytes && (count === 0 || performance.now() - begin < turnMs)) {
        const written = this.#writeAt(this.#first + count)
        count += 1
        if (written === undefined) continue
        kept += 1
        bytes += written
      }
    })
    this.#database.noteWritten(bytes)
    this.#written += kept
    this.#take(count)
  }

  /** @returns the bytes written; undefined for what can't be kept, which is let go of */
  #writeAt(place: number): number | undefined {
    try {
      return this.#ring[place]?.write()
    } catch (error) {
      if (isOfSqlite(error)) throw error
      this.refuse(error)
      this.#release(place)
      return undefined
    }
  }

  /** Lets go of the first `count`. */
  #take(count: number): void {
    for (let taken = 0; taken < count; taken += 1) {
      this.#release(this.#first)
      this.#first += 1
    }
    if (this.#first * 2 < this.#ring.length) return
    this.#ring = this.#ring.slice(this.#first)
    this.#first = 0
  }

  #release(place: number): void {
    const write = this.#ring[place]
    this.#ring[place] = undefined
    this.#bytes -= write?.bytes ?? 0
    write?.end?.()
  }

  /** Writes what waits, once more, and takes nothing from then on. What can't be written is dropped. */
  async close(): Promise<void> {
    await this.flush()
    this.#state = 'closed'
    clearTimeout(this.#timer)
    this.#dropped += this.#pending
    this.#take(this.#pending)
  }
}
