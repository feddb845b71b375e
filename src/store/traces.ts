/**
 * Traces by the run that they are of: written off the path, read by people. A run may have been written more than
 * once, and equal runs have equal hashes: of several the newest is meant.
 */
import { errorOf } from '../core/errors.ts'
import type { TraceStep } from '../core/trace.ts'
import type { StoredTrace, TraceSink } from '../plan/ports.ts'
import { type Database, untilFree } from './database.ts'
import { type Faults, fault } from './faults.ts'
import { pack } from './packing.ts'
import { roughBytes } from './rough-bytes.ts'
import { traceOfRow } from './trace-row.ts'
import { flatMapInTurns } from './turn.ts'
import type { PendingWrite, WriteQueue } from './write-queue.ts'

/** Which traces are listed. */
export type TraceListOptions = {
  /** @default 100 */
  readonly limit?: number
  /** What ran, such as `evidence.enhance`. @default anything */
  readonly subject?: string
  /** Begun then or later; a text is ISO 8601. @default ever */
  readonly since?: string | Date
}

/** A trace as it is listed: without what it was given. */
export type ListedTrace = Omit<StoredTrace, 'inputs'>

/** How the traces of a store are written and read. */
export type TraceStoreOptions = {
  readonly keepInputs: boolean
  readonly busyTimeoutMs: number
}

const sql = {
  insert: `INSERT INTO traces (id, hash, subject, at, at_ms, status, bytes, body, inputs)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  newestOfId: 'SELECT * FROM traces WHERE id = ? ORDER BY seq DESC LIMIT 1',
  newestOfHash: 'SELECT * FROM traces WHERE hash = ? ORDER BY seq DESC LIMIT 1',
  hashesWithPrefix: 'SELECT DISTINCT hash FROM traces WHERE hash >= ? AND hash < ? LIMIT 2',
  list: `SELECT id, hash, subject, at, status, body FROM traces
    WHERE at_ms >= ?1 AND (?2 IS NULL OR subject = ?2) ORDER BY at_ms DESC, seq DESC LIMIT ?3`,
  removeId: 'DELETE FROM traces WHERE id = ?',
  removeHash: 'DELETE FROM traces WHERE hash = ?',
} as const

/** A beginning of a hash, in hex; shorter ones say too little. */
const prefixForm = /^[0-9a-f]{4,64}$/

/** What a trace takes, about, beside its steps and its inputs, which are weighed. */
const bodyBytes = 2048
/** A step: eight hashes and its names. */
const stepBytes = 800

export class Traces implements TraceSink {
  readonly #database: Database
  readonly #queue: WriteQueue
  readonly #faults: Faults
  readonly #options: TraceStoreOptions

  constructor(database: Database, queue: WriteQueue, faults: Faults, options: TraceStoreOptions) {
    database.prepare(sql)
    this.#database = database
    this.#queue = queue
    this.#faults = faults
    this.#options = options
  }

  /** Takes a trace, to be written soon; it must not be changed from then on. Never waits, never throws. */
  write(trace: StoredTrace): void {
    try {
      this.#queue.push(new TraceWrite(this.#database, trace, this.#options.keepInputs))
    } catch (error) {
      this.#queue.refuse(error)
    }
  }

  /**
   * The newest trace of a run's id, or whose hash begins like this (4 characters at least); undefined without one.
   * What was handed to `write` before is seen.
   * @throws InputError ER_INPUT when traces of different hashes begin like this; StoreError ER_STORE when the
   * trace, or the file, can't be read.
   */
  async get(idOrHashPrefix: string): Promise<StoredTrace | undefined> {
    await this.#queue.flush()
    return this.#patiently(() => {
      const found = this.#find(idOrHashPrefix)
      return found === undefined ? undefined : this.#traceOf(found.row)
    })
  }

  /** Traces, the newest first, without their inputs. Those that can't be read are left out and counted. */
  async list({ limit = 100, subject, since }: TraceListOptions = {}): Promise<readonly ListedTrace[]> {
    const most = Number.isSafeInteger(limit) && limit >= 0 ? limit : wrongOption('limit', limit)
    const sinceMs = since === undefined ? Number.MIN_SAFE_INTEGER : new Date(since).getTime()
    if (Number.isNaN(sinceMs)) wrongOption('since', since)
    await this.#queue.flush()
    const rows = await this.#patiently(() =>
      this.#database.statement(sql.list).all(sinceMs, subject ?? null, most),
    )
    return flatMapInTurns(rows, row => this.#listed(row))
  }

  /** Removes all traces of a run's id, or of the hash that begins like this. @returns how many there were */
  async remove(idOrHashPrefix: string): Promise<number> {
    await this.#queue.flush()
    return this.#patiently(() =>
      this.#database.transaction(() => {
        const found = this.#find(idOrHashPrefix)
        if (found === undefined) return 0
        return Number(this.#database.statement(found.remove).run(found.name).changes)
      }),
    )
  }

  #patiently<T>(work: () => T): Promise<T> {
    return untilFree(this.#database.path, this.#options.busyTimeoutMs, work)
  }

  #find(name: string): { readonly row: object; readonly remove: string; readonly name: string } | undefined {
    const named = this.#database.statement(sql.newestOfId).get(name)
    if (named !== undefined) return { row: named, remove: sql.removeId, name }
    if (!prefixForm.test(name)) return undefined
    const hashes = this.#database.statement(sql.hashesWithPrefix).all(name, `${name}g`)
    if (hashes.length > 1)
      throw errorOf(
        'ER_INPUT',
        `The hashes of several traces begin with ${name}; give more of the one you mean`,
      )
    const hash = hashes[0]?.['hash']
    if (typeof hash !== 'string') return undefined
    const row = this.#database.statement(sql.newestOfHash).get(hash)
    return row === undefined ? undefined : { row, remove: sql.removeHash, name: hash }
  }

  #listed(row: object): readonly ListedTrace[] {
    try {
      return [this.#traceOf(row)]
    } catch (error) {
      this.#faults.note(error)
      return []
    }
  }

  #traceOf(row: object): StoredTrace {
    try {
      return traceOfRow(row)
    } catch (error) {
      throw fault('unread', this.#database.path, error)
    }
  }
}

class TraceWrite implements PendingWrite {
  readonly bytes: number
  readonly #database: Database
  readonly #trace: Omit<StoredTrace, 'inputs'>
  readonly #inputs: unknown

  constructor(
    database: Database,
    { id, subject, at, status, record, facts, inputs }: StoredTrace,
    keepInputs: boolean,
  ) {
    this.#database = database
    // Not the whole: what is not to be kept is not held either.
    this.#trace = { id, subject, at, status, record, facts }
    this.#inputs = keepInputs ? inputs : undefined
    const inputBytes = this.#inputs === undefined ? 0 : roughBytes(this.#inputs)
    this.bytes = bodyBytes + stepBytes * stepsOf(record.steps) + inputBytes
  }

  write(): number {
    const { id, subject, at, status, record, facts } = this.#trace
    const body = pack({ record, facts })
    const inputs = this.#inputs === undefined ? null : pack(this.#inputs)
    const bytes = body.length + (inputs?.length ?? 0)
    const begun = Date.parse(at)
    const atMs = Number.isNaN(begun) ? Date.now() : begun
    this.#database.statement(sql.insert).run(id, record.hash, subject, at, atMs, status, bytes, body, inputs)
    return bytes
  }
}

function stepsOf(steps: readonly TraceStep[]): number {
  let count = steps.length
  for (const { children } of steps) if (children.length > 0) count += stepsOf(children)
  return count
}

function wrongOption(name: string, value: unknown): never {
  throw errorOf('ER_INPUT', `${JSON.stringify(value)} is no ${name} of a list of traces`)
}
