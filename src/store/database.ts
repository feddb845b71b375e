/**
 * One file of SQLite, shared with other processes: how it is opened, written in short transactions and let go.
 * Not for what is in it. Nothing here waits on a lock: what is locked fails at once, and `untilFree` tries again
 * between turns of the event loop.
 */
import { closeSync, existsSync, mkdirSync, openSync, type Stats, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { errorOf, RunnerError } from '../core/errors.ts'
import { Checkpoints } from './checkpoints.ts'
import { fault, kindOf, storeError } from './faults.ts'
import { migrate, refuseForeign } from './schema.ts'
import { loadSqlite } from './sqlite.ts'

/** The path of a store that is in memory alone. */
export const inMemory = ':memory:'

/** What a transaction takes of the log beside the records: pages of indexes and tables. */
const overheadBytes = 2 ** 14
/** Pages of log from which on whoever writes folds it in after all, where the thread can't keep up: 32 MiB. */
const checkpointAnywayPages = 8192
const pageBytes = 4096

export class Database {
  readonly path: string
  readonly #sqlite: DatabaseSync
  readonly #identity: Pick<Stats, 'dev' | 'ino'> | undefined
  readonly #statements = new Map<string, StatementSync>()
  readonly #checkpoints: Checkpoints | undefined
  #state: 'open' | 'closed' = 'open'

  /** Opens the file at `path`, or makes it. Synchronous; throws whatever SQLite and the file system throw. */
  constructor(path: string, maxFileBytes: number) {
    this.path = path === inMemory ? path : resolve(path)
    if (path !== inMemory) makeFile(this.path)
    const { DatabaseSync } = loadSqlite()
    this.#sqlite = new DatabaseSync(this.path, { timeout: 0 })
    try {
      refuseForeign(this.#sqlite, this.path)
      this.#configure(maxFileBytes)
      migrate(this.#sqlite)
      this.#refuseReadOnly()
    } catch (error) {
      this.#sqlite.close()
      throw error
    }
    if (path === inMemory) return
    this.#identity = statSync(this.path)
    this.#checkpoints = new Checkpoints(this.path)
  }

  #configure(maxFileBytes: number): void {
    // The first two only take in a file that is still empty; in this order.
    this.#sqlite.exec(`PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = INCREMENTAL`)
    const mode = this.#sqlite.prepare('PRAGMA journal_mode = WAL').get()?.['journal_mode']
    if (mode !== 'wal' && mode !== 'memory') throw fault('unreachable', this.path)
    this.#sqlite.exec(
      // NORMAL: what is committed survives the end of the process, and a power cut can't damage the file.
      `PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = ${checkpointAnywayPages}; PRAGMA trusted_schema = OFF;
       PRAGMA temp_store = MEMORY; PRAGMA cache_size = -4096;
       PRAGMA max_page_count = ${Math.min(2 ** 32 - 2, Math.ceil(maxFileBytes / pageBytes))}`,
    )
  }

  /** SQLite opens what it may only read, and says so at the first write alone. */
  #refuseReadOnly(): void {
    try {
      this.#sqlite.exec('BEGIN IMMEDIATE; ROLLBACK')
    } catch (error) {
      // Whoever holds the lock may write, but we can't tell of us: the first write will.
      if (kindOf(error) !== 'locked') throw error
    }
  }

  /** Prepares what will be needed, so that a file of another form is noticed at once. */
  prepare(statements: Readonly<Record<string, string>>): void {
    for (const sql of Object.values(statements)) this.statement(sql)
  }

  /** The statement for `sql`, prepared once. */
  statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql)
    if (statement === undefined) {
      if (this.#state === 'closed') throw closedStore(this.path)
      statement = this.#sqlite.prepare(sql)
      this.#statements.set(sql, statement)
    }
    return statement
  }

  /**
   * Runs `work` in a transaction that holds the write lock from its beginning.
   * @throws what SQLite throws, 'locked' at once; StoreError when the file is no longer there.
   */
  transaction<T>(work: () => T): T {
    if (this.#state === 'closed') throw closedStore(this.path)
    // A file that was removed is still written without an error, and nobody will ever find it; looked at before,
    // so that one that was moved is not written any more, and after, so that what was committed is where it is
    // sought.
    this.#refuseGone()
    this.#sqlite.exec('BEGIN IMMEDIATE')
    let result: T
    try {
      result = work()
      this.#sqlite.exec('COMMIT')
    } catch (error) {
      if (this.#sqlite.isTransaction) this.#sqlite.exec('ROLLBACK')
      throw error
    }
    this.#refuseGone()
    return result
  }

  /** Notes what a transaction wrote, about. */
  noteWritten(bytes: number): void {
    this.#checkpoints?.note(bytes + overheadBytes)
  }

  #refuseGone(): void {
    if (this.#identity === undefined) return
    const now = statSync(this.path, { throwIfNoEntry: false })
    if (now?.ino !== this.#identity.ino || now.dev !== this.#identity.dev) throw fault('gone', this.path)
  }

  /** Bytes of the file that hold something. */
  get usedBytes(): number {
    return (this.#pages('page_count') - this.#pages('freelist_count')) * pageBytes
  }

  /** Hands up to `mostPages` back to the file system where half of the file is free. @returns whether it did */
  giveBack(mostPages: number): boolean {
    const [all, free] = [this.#pages('page_count'), this.#pages('freelist_count')]
    if (free < mostPages || free * 2 < all) return false
    this.transaction(() => this.#sqlite.exec(`PRAGMA incremental_vacuum(${mostPages})`))
    this.noteWritten(mostPages * pageBytes)
    return true
  }

  #pages(pragma: 'page_count' | 'freelist_count'): number {
    return Number(this.statement(`PRAGMA ${pragma}`).get()?.[pragma])
  }

  /** Lets go of the file; idempotent. What is not committed by now is not written. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    await this.#checkpoints?.close()
    this.#statements.clear()
    this.#sqlite.close()
  }
}

/** The error of whatever is asked of a store after its end. */
const closedStore = (path: string): RunnerError =>
  errorOf('ER_CLOSED', `The store ${path} is closed; open another`)

/** Makes a folder and those above it, one by one: Node's own way goes round for ever below /proc. */
function makeFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST') return
    if (code !== 'ENOENT' || dirname(path) === path || existsSync(dirname(path))) throw error
    makeFolder(dirname(path))
    // Another process may be making the same.
    makeFolder(path)
  }
}

/**
 * Makes an empty file for the owner alone, where there is none. One that is there is never opened here: closing
 * it would take this process's locks off it, those of other connections too (POSIX advisory locks).
 */
function makeFile(path: string): void {
  makeFolder(dirname(path))
  try {
    closeSync(openSync(path, 'wx', 0o600))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

const longestPauseMs = 50

/**
 * What `work` gives, tried again while the file is locked.
 * @throws StoreError ER_STORE, retryable when the file was still locked after `withinMs`; errors of ours as they are.
 */
export async function untilFree<T>(path: string, withinMs: number, work: () => T): Promise<T> {
  const end = performance.now() + withinMs
  for (let pauseMs = 1; ; pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
    try {
      return work()
    } catch (error) {
      if (error instanceof RunnerError) throw error
      if (kindOf(error) !== 'locked' || performance.now() >= end) throw storeError(error, path)
    }
    // Two that wait for each other must not come back at the same moment.
    await new Promise(done => setTimeout(done, pauseMs * (0.5 + Math.random())))
  }
}
