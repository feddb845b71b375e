/**
 * Dataflow instances, so that another process can go on with one: saved step by step, each save in the file before
 * it resolves. The step that is stored decides who may save: of two processes that go on with one instance, one
 * is told that it is too late.
 */
import * as z from 'zod'
import { StoreError } from '../core/errors.ts'
import type { InstanceRecord, InstanceStatus, InstanceStore } from '../plan/ports.ts'
import { type Database, untilFree } from './database.ts'
import { type Faults, fault, storeError } from './faults.ts'
import { pack, unpack } from './packing.ts'
import { flatMapInTurns } from './turn.ts'

const sql = {
  load: 'SELECT id, status, step, body FROM instances WHERE id = ?',
  step: 'SELECT step FROM instances WHERE id = ?',
  save: `INSERT INTO instances (id, status, step, at_ms, body) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET status = excluded.status, step = excluded.step, at_ms = excluded.at_ms,
    body = excluded.body`,
  list: 'SELECT id, status, step, body FROM instances WHERE ?1 IS NULL OR status = ?1 ORDER BY at_ms, id',
} as const

const status = z.enum(['running', 'paused', 'completed', 'failed', 'cancelled'])

const recordSchema = z.object({
  id: z.string(),
  definitionId: z.string(),
  status,
  nodeId: z.string(),
  step: z.int().min(0),
  input: z.unknown(),
  state: z.unknown(),
  output: z.unknown().optional(),
  error: z.object({ code: z.string(), message: z.string() }).optional(),
})

const rowSchema = z.object({ id: z.string(), status, step: z.int(), body: z.instanceof(Uint8Array) })

export class Instances implements InstanceStore {
  readonly #database: Database
  readonly #faults: Faults
  readonly #busyTimeoutMs: number

  constructor(database: Database, faults: Faults, busyTimeoutMs: number) {
    database.prepare(sql)
    this.#database = database
    this.#faults = faults
    this.#busyTimeoutMs = busyTimeoutMs
  }

  /** @throws StoreError ER_STORE when the record, or the file, can't be read. */
  async load(id: string): Promise<InstanceRecord | undefined> {
    return this.#patiently(() => {
      const row = this.#database.statement(sql.load).get(id)
      return row === undefined ? undefined : this.#recordOf(row)
    })
  }

  /**
   * Resolves when the record is committed: it survives the end of the process, however it comes.
   * @throws StoreError ER_STORE: not retryable when the stored step is not the one before (none before step 0), or
   * when the record is no plain data; retryable when the file stayed locked.
   */
  async save(record: InstanceRecord): Promise<void> {
    const { id, step } = record
    let body: Uint8Array
    try {
      body = pack(record)
    } catch (error) {
      throw storeError(error, this.#database.path, 'unkept')
    }
    await this.#patiently(() =>
      this.#database.transaction(() => {
        const stored = this.#database.statement(sql.step).get(id)?.['step']
        if ((stored ?? -1) !== step - 1) throw overtaken(record, stored)
        this.#database.statement(sql.save).run(id, record.status, step, Date.now(), body)
      }),
    )
    this.#database.noteWritten(body.length)
  }

  /** In the order of their last saves. Those that can't be read are left out and counted. */
  async list(status?: InstanceStatus): Promise<readonly InstanceRecord[]> {
    const rows = await this.#patiently(() => this.#database.statement(sql.list).all(status ?? null))
    return flatMapInTurns(rows, row => this.#listed(row))
  }

  #patiently<T>(work: () => T): Promise<T> {
    return untilFree(this.#database.path, this.#busyTimeoutMs, work)
  }

  #listed(row: object): readonly InstanceRecord[] {
    try {
      return [this.#recordOf(row)]
    } catch (error) {
      this.#faults.note(error)
      return []
    }
  }

  #recordOf(row: object): InstanceRecord {
    try {
      const { id, status, step, body } = rowSchema.parse(row)
      const record = recordSchema.parse(unpack(body))
      if (record.id !== id || record.status !== status || record.step !== step)
        throw new Error('The columns of the row are not those of the record')
      return record
    } catch (error) {
      throw fault('unread', this.#database.path, error)
    }
  }
}

const overtaken = ({ id, step }: InstanceRecord, stored: unknown): StoreError =>
  new StoreError(
    'ER_STORE',
    stored === undefined
      ? `Instance ${id} can't be saved at step ${step}: none of it is stored, it was removed meanwhile`
      : `Instance ${id} can't be saved at step ${step}: step ${stored} is stored, another process has gone on with it; load it again`,
  )
