/**
 * Measured figures by key, of all processes that share the file: noted in memory, added to the file's now and then.
 */
import { RunnerError } from '../core/errors.ts'
import type { Cost } from '../plan/node.ts'
import type { Profile, Profiles as ProfilesPort } from '../plan/ports.ts'
import type { Database } from './database.ts'
import { type Faults, fault, isOfSqlite } from './faults.ts'
import { Tally } from './tally.ts'
import type { WriteQueue } from './write-queue.ts'

const sql = {
  get: 'SELECT runs, failures, sums, times FROM profiles WHERE key = ?',
  set: `INSERT INTO profiles (key, at_ms, runs, failures, sums, times) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET at_ms = excluded.at_ms, runs = excluded.runs, failures = excluded.failures,
    sums = excluded.sums, times = excluded.times`,
} as const

const rowBytes = 1500

export class Profiles implements ProfilesPort {
  readonly #database: Database
  readonly #queue: WriteQueue
  readonly #faults: Faults
  /** What is not in the file yet. */
  readonly #noted = new Map<string, Tally>()

  constructor(database: Database, queue: WriteQueue, faults: Faults) {
    database.prepare(sql)
    this.#database = database
    this.#queue = queue
    this.#faults = faults
  }

  /** Figures of all runs so far, this process's latest included; undefined where there are none. Never throws. */
  get(key: string): Profile | undefined {
    const noted = this.#noted.get(key)
    const kept = this.#readable(key)
    if (noted === undefined) return kept?.profile
    return (kept ?? new Tally()).add(noted).profile
  }

  #readable(key: string): Tally | undefined {
    try {
      return this.#kept(key)
    } catch (error) {
      this.#faults.noteLasting(error)
      return undefined
    }
  }

  /** Counts a run; never waits, never throws. */
  note(key: string, ok: boolean, cost: Partial<Cost>): void {
    let tally = this.#noted.get(key)
    if (tally === undefined) {
      tally = new Tally()
      this.#noted.set(key, tally)
      this.#queue.push({
        bytes: rowBytes,
        write: () => this.#add(key),
        end: () => void this.#noted.delete(key),
      })
    }
    tally.note(ok, cost)
  }

  #add(key: string): number {
    const noted = this.#noted.get(key)
    if (noted === undefined) return 0
    const { runs, failures, sums, times } = (this.#kept(key) ?? new Tally()).add(noted).row
    this.#database.statement(sql.set).run(key, Date.now(), runs, failures, sums, times)
    return rowBytes
  }

  /** Undefined, too, for a row that is damaged: the key is begun anew. */
  #kept(key: string): Tally | undefined {
    try {
      const row = this.#database.statement(sql.get).get(key)
      return row === undefined ? undefined : Tally.of(row)
    } catch (error) {
      if (isOfSqlite(error) || error instanceof RunnerError) throw error
      this.#faults.note(fault('unread', this.#database.path, error))
      return undefined
    }
  }
}
