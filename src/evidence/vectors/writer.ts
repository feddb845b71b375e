/**
 * Writes rows in the background, many at a time and one write at a time: rows wait until there are enough of them or
 * the oldest has waited long enough. Nobody waits for it but `flush()` and `close()`.
 */
import { doneWithin } from '../../core/async.ts'
import { type ErrorRecord, errorRecord } from '../../core/errors.ts'
import type { VectorRow } from './store.ts'

/** What a writer has done so far. */
export type WriterFigures = {
  /** Rows that wait to be written. */
  readonly waiting: number
  readonly written: number
  /** Rows that were never written: a write failed, too many waited, or the store was too slow at the end. */
  readonly dropped: number
  readonly lastError: ErrorRecord | null
}

/** When a writer writes. */
export type WriterOptions = {
  /** Rows of a write that are worth one. @default 512 */
  readonly batchRows?: number | undefined
  /** How long a row waits for others, in milliseconds. @default 1000 */
  readonly waitMs?: number | undefined
  /** Rows that wait at most; the oldest are dropped beyond. @default 20_000 */
  readonly mostWaiting?: number | undefined
  /** How long `close()` waits for the store, in milliseconds. @default 10_000 */
  readonly closeMs?: number | undefined
  /** Hears why rows were not written. */
  readonly onError?: ((error: unknown) => void) | undefined
}

/** Rows that one write hands over at most. */
const mostRowsOfWrite = 10_000

/** Rows on their way to a store. */
export class PassageWriter {
  readonly #write: (rows: VectorRow[]) => Promise<void>
  readonly #options: Required<Omit<WriterOptions, 'onError'>> & Pick<WriterOptions, 'onError'>
  /** By id, so that a passage that comes again before it was written is written once. */
  readonly #waiting = new Map<string, VectorRow>()
  #timer: NodeJS.Timeout | undefined
  #draining: Promise<void> | undefined
  #flushing = 0
  #closed = false
  #written = 0
  #dropped = 0
  #lastError: ErrorRecord | null = null

  constructor(write: (rows: VectorRow[]) => Promise<void>, options: WriterOptions = {}) {
    const { batchRows = 512, closeMs = 10_000, mostWaiting = 20_000, onError, waitMs = 1000 } = options
    this.#write = write
    this.#options = { batchRows, closeMs, mostWaiting, onError, waitMs }
  }

  /** Takes rows to be written later; costs no more than putting them aside. */
  note(rows: readonly VectorRow[]): void {
    if (this.#closed) {
      this.#dropped += rows.length
      return
    }
    for (const row of rows) {
      this.#waiting.delete(row.id)
      this.#waiting.set(row.id, row)
    }
    for (const id of this.#waiting.keys()) {
      if (this.#waiting.size <= this.#options.mostWaiting) break
      this.#waiting.delete(id)
      this.#dropped += 1
    }
    this.#wake()
  }

  /** Resolves when all that has been noted is written, or could not be. Never rejects. */
  async flush(): Promise<void> {
    this.#flushing += 1
    try {
      while (this.#waiting.size > 0 || this.#draining !== undefined) await this.#drain()
    } finally {
      this.#flushing -= 1
    }
  }

  /** Writes what waits, for as long as `closeMs` allows, and takes no more. */
  async close(): Promise<void> {
    this.#closed = true
    await doneWithin(this.flush(), this.#options.closeMs)
    clearTimeout(this.#timer)
    this.#dropped += this.#waiting.size
    this.#waiting.clear()
  }

  get figures(): WriterFigures {
    const [written, dropped, lastError] = [this.#written, this.#dropped, this.#lastError]
    return { waiting: this.#waiting.size, written, dropped, lastError }
  }

  #wake(): void {
    if (this.#draining !== undefined || this.#waiting.size === 0) return
    if (this.#waiting.size >= this.#options.batchRows || this.#flushing > 0) void this.#drain()
    else {
      this.#timer ??= setTimeout(() => void this.#drain(), this.#options.waitMs)
      // A host that has nothing else to do may end; `close()` writes what is left.
      this.#timer.unref()
    }
  }

  /** One write of what waits now, or the one under way. */
  #drain(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#draining ??= this.#writeSome().finally(() => {
      this.#draining = undefined
      this.#wake()
    })
    return this.#draining
  }

  async #writeSome(): Promise<void> {
    const rows = [...this.#waiting.values()].slice(0, mostRowsOfWrite)
    if (rows.length === 0) return
    for (const { id } of rows) this.#waiting.delete(id)
    try {
      await this.#write(rows)
      this.#written += rows.length
    } catch (error) {
      this.#dropped += rows.length
      this.#lastError = errorRecord(error)
      this.#options.onError?.(error)
    }
  }
}
