/**
 * What is dropped, and when: whatever is older than so many days; of the memo what was used longest ago, beyond its
 * share; and the oldest of all while the file holds more than it may. Instances that run or wait are never dropped.
 *
 * It works in small transactions with turns of the event loop between them, as the write queue does.
 */
import * as z from 'zod'
import type { Database } from './database.ts'
import type { Faults } from './faults.ts'
import { nextTurn } from './turn.ts'

/** What may be kept. */
export type RetentionOptions = {
  readonly retainBytes: number
  readonly retainDays: number
  readonly memoBytes: number
}

/** What the removal of a row writes, about: the pages that it stood on. */
const rowBytes = 4096
/** Rows that one transaction looks at. */
const atOnce = 64
/** Between two looks at what is too old. */
const dayMs = 86_400_000
const lookEveryMs = dayMs / 24
/** Pages handed back to the file system at once. */
const pagesAtOnce = 64

const finished = "status NOT IN ('running', 'paused')"

/** The oldest rows of a table, by its index of time. */
const oldest = (table: string, row: string, at: string, bytes: string, where = '1') =>
  `SELECT * FROM (SELECT '${table}' AS "table", ${row} AS row, ${at} AS at, ${bytes} AS bytes FROM ${table}
    WHERE ${where} ORDER BY ${at} LIMIT ${atOnce})`

const sql = {
  oldestMemo: oldest('memo', 'entry', 'used_ms', 'bytes'),
  oldest: `${[
    oldest('traces', 'seq', 'at_ms', 'bytes'),
    oldest('memo', 'entry', 'used_ms', 'bytes'),
    oldest('instances', 'rowid', 'at_ms', 'length(body)', finished),
    oldest('profiles', 'rowid', 'at_ms', 'length(times)'),
  ].join(' UNION ALL ')} ORDER BY at LIMIT ${atOnce}`,
  memoBytes: 'SELECT bytes FROM memo_bytes',
} as const

const removal = {
  traces: 'DELETE FROM traces WHERE seq = ?',
  memo: 'DELETE FROM memo WHERE entry = ?',
  instances: `DELETE FROM instances WHERE rowid = ? AND ${finished}`,
  profiles: 'DELETE FROM profiles WHERE rowid = ?',
} as const

const candidatesSchema = z.array(
  z.object({
    table: z.enum(['traces', 'memo', 'instances', 'profiles']),
    row: z.int(),
    at: z.number(),
    bytes: z.number(),
  }),
)

type Candidate = z.output<typeof candidatesSchema>[number]

export class Retention {
  readonly #database: Database
  readonly #faults: Faults
  readonly #options: RetentionOptions
  #lookedMs = Number.NEGATIVE_INFINITY
  #run: Promise<void> | undefined
  #isWanted = false
  #usedBytes = 0
  #removed = 0
  #state: 'open' | 'closed' = 'open'

  constructor(database: Database, faults: Faults, options: RetentionOptions) {
    database.prepare(sql)
    database.prepare(removal)
    this.#database = database
    this.#faults = faults
    this.#options = options
  }

  /** Rows dropped so far, and what the file held when it was last looked at. */
  get figures(): { readonly removed: number; readonly usedBytes: number } {
    return { removed: this.#removed, usedBytes: this.#usedBytes }
  }

  /** Drops what is too much, in the background; what can't be done now is done another time. Never throws. */
  apply(): Promise<void> {
    this.#isWanted = true
    this.#run ??= this.#applyWhileWanted().finally(() => {
      this.#run = undefined
    })
    return this.#run
  }

  async #applyWhileWanted(): Promise<void> {
    while (this.#isWanted && this.#state === 'open') {
      this.#isWanted = false
      await this.#apply()
    }
  }

  async #apply(): Promise<void> {
    try {
      const isTime = Date.now() - this.#lookedMs > lookEveryMs
      for (const step of [isTime && this.#dropOld, this.#dropUnused, this.#dropOldest, this.#giveBack]) {
        while (step && this.#state === 'open' && step()) await nextTurn()
      }
      if (isTime) this.#lookedMs = Date.now()
    } catch (error) {
      this.#faults.noteLasting(error)
    }
  }

  readonly #dropOld = (): boolean => {
    const before = Date.now() - this.#options.retainDays * dayMs
    return this.#drop(sql.oldest, candidates => candidates.filter(({ at }) => at < before))
  }

  readonly #dropUnused = (): boolean => {
    const held = Number(this.#database.statement(sql.memoBytes).get()?.['bytes'])
    const excess = held - this.#options.memoBytes
    return excess > 0 && this.#drop(sql.oldestMemo, candidates => upTo(excess, candidates))
  }

  readonly #dropOldest = (): boolean => {
    this.#usedBytes = this.#database.usedBytes
    const excess = this.#usedBytes - this.#options.retainBytes
    return excess > 0 && this.#drop(sql.oldest, candidates => upTo(excess, candidates))
  }

  readonly #giveBack = (): boolean => this.#database.giveBack(pagesAtOnce)

  /** One transaction. @returns whether anything was dropped */
  #drop(query: string, choose: (candidates: readonly Candidate[]) => readonly Candidate[]): boolean {
    // Looked at before, without the lock: there may be nothing to do.
    if (choose(this.#candidates(query)).length === 0) return false
    const removed = this.#database.transaction(() => {
      let count = 0
      for (const { table, row } of choose(this.#candidates(query)))
        count += Number(this.#database.statement(removal[table]).run(row).changes)
      return count
    })
    this.#database.noteWritten(removed * rowBytes)
    this.#removed += removed
    return removed > 0
  }

  #candidates(query: string): readonly Candidate[] {
    return candidatesSchema.parse(this.#database.statement(query).all())
  }

  /** Stops at the next turn. */
  async close(): Promise<void> {
    this.#state = 'closed'
    await this.#run
  }
}

/** The first of them that hold `excess` bytes together. */
function upTo(excess: number, candidates: readonly Candidate[]): readonly Candidate[] {
  let left = excess
  return candidates.filter(({ bytes }) => {
    const isNeeded = left > 0
    left -= Math.max(1, bytes)
    return isNeeded
  })
}
