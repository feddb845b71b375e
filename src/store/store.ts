/**
 * What is kept on disk from run to run: traces, memoised outputs, dataflow instances and measured figures, in one
 * file that several processes may share. Answers never wait for it: all but instances is written in the background,
 * and lost when the process ends before (within `flushEveryMs`) without `close()`.
 *
 * What the file holds survives the end of any of the processes at any moment.
 */
import { type ErrorRecord, errorOf } from '../core/errors.ts'
import type { InstanceStore, MemoStore, Profiles as ProfilesPort } from '../plan/ports.ts'
import { Database, inMemory, untilFree } from './database.ts'
import { type FaultKind, Faults, storeError } from './faults.ts'
import { Instances } from './instances.ts'
import { Memo, type MemoFigures } from './memo.ts'
import { parseStoreOptions, type ResolvedStoreOptions, type StoreOptions } from './options.ts'
import { Profiles } from './profiles.ts'
import { Retention } from './retention.ts'
import { Traces } from './traces.ts'
import { WriteQueue } from './write-queue.ts'

export type { StoreOptions } from './options.ts'

/** What a store has done so far, in this process. */
export type StoreFigures = {
  /** Records that wait to be written, and their bytes in memory, about. */
  readonly pending: number
  readonly pendingBytes: number
  readonly written: number
  /** Records that were never written: too many waited, they could not be kept, or the store was closed. */
  readonly dropped: number
  /** Rows removed by retention. */
  readonly removed: number
  /** Bytes of the file that hold something, when it was last looked at. */
  readonly usedBytes: number
  readonly memo: MemoFigures
  /** How often each kind of fault came up where nobody waited. */
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
  readonly lastFault: ErrorRecord | null
}

/**
 * Opens the file at `path`, or makes it (mode 0600, folders 0700); `:memory:` keeps nothing.
 *
 * @example
 * await using store = await openStore('runs/store.db', { keepInputs: true })
 * @throws InputError ER_CONFIG for options that can't be; StoreError ER_STORE, which says what to do, for a file that
 * can't be read and written, is damaged, another program's or a newer version's; retryable while it is locked.
 */
export async function openStore(path: string, options: StoreOptions = {}): Promise<Store> {
  const resolved = parseStoreOptions(options)
  if (path === '') throw errorOf('ER_CONFIG', `A store needs a path, or ${inMemory}`)
  const { busyTimeoutMs, maxFileBytes } = resolved
  const database = await untilFree(path, busyTimeoutMs, () => new Database(path, maxFileBytes))
  try {
    return new Store(database, resolved)
  } catch (error) {
    await database.close()
    throw storeError(error, database.path)
  }
}

export class Store {
  /** Traces of runs, to write off the path and to read. */
  readonly traces: Traces
  /** Outputs by execution key. */
  readonly memo: MemoStore
  /** How far dataflow instances are. */
  readonly instances: InstanceStore
  /** Measured figures by key. */
  readonly profiles: ProfilesPort
  readonly #database: Database
  readonly #faults: Faults
  readonly #queue: WriteQueue
  readonly #retention: Retention
  readonly #memo: Memo
  #closing: Promise<void> | undefined

  /** Takes over an open database; `openStore` is the way to have one. */
  constructor(database: Database, options: ResolvedStoreOptions) {
    this.#database = database
    this.#faults = new Faults(database.path, options.onError ?? (() => {}))
    this.#retention = new Retention(database, this.#faults, options)
    this.#queue = new WriteQueue(database, this.#faults, options, () => void this.#retention.apply())
    this.#memo = new Memo(database, this.#queue, this.#faults, options.memoBytes)
    this.traces = new Traces(database, this.#queue, this.#faults, options)
    this.memo = this.#memo
    this.instances = new Instances(database, this.#faults, options.busyTimeoutMs)
    this.profiles = new Profiles(database, this.#queue, this.#faults)
    void this.#retention.apply()
  }

  /** Reads no file. */
  get figures(): StoreFigures {
    return {
      ...this.#queue.figures,
      ...this.#retention.figures,
      memo: this.#memo.figures,
      faults: this.#faults.counts,
      lastFault: this.#faults.last?.toJSON() ?? null,
    }
  }

  /**
   * Writes what waits, and drops what is too much, now.
   * @returns whether all that waited was written; if not, it is tried again in the background
   */
  async flush(): Promise<boolean> {
    const isWritten = await this.#queue.flush()
    await this.#retention.apply()
    return isWritten
  }

  /**
   * Writes what waits, for `busyTimeoutMs` at most while the file is locked, and lets go of it; idempotent, never
   * rejects.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#queue.close()
    await this.#retention.close()
    try {
      await this.#database.close()
    } catch (error) {
      this.#faults.note(error)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }
}
