/**
 * Outputs by execution key, kept from process to process; what was used longest ago goes first. Read on the path,
 * written off it. What can't be read, for whatever reason, is a miss.
 */
import * as z from 'zod'
import type { MemoEntry, MemoStore } from '../plan/ports.ts'
import type { Database } from './database.ts'
import { type Faults, fault } from './faults.ts'
import { pack, unpack } from './packing.ts'
import { roughBytes } from './rough-bytes.ts'
import type { WriteQueue } from './write-queue.ts'

const sql = {
  get: 'SELECT trace_hash, exact_hash, used_ms, value FROM memo WHERE key = ?',
  set: `INSERT INTO memo (key, trace_hash, exact_hash, used_ms, bytes, value) VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET trace_hash = excluded.trace_hash, exact_hash = excluded.exact_hash,
    used_ms = excluded.used_ms, bytes = excluded.bytes, value = excluded.value`,
  use: 'UPDATE memo SET used_ms = max(used_ms, ?) WHERE key = ?',
} as const

const rowSchema = z.object({
  trace_hash: z.string(),
  exact_hash: z.string(),
  used_ms: z.number(),
  value: z.instanceof(Uint8Array),
})

/** A use is noted when the last one was so long ago: not each hit is worth a write. */
const noteUseAfterMs = 1000
/** A row's share of indexes and columns. */
const rowBytes = 300
const useBytes = 200

/** How often it helped, in this process. */
export type MemoFigures = { readonly hits: number; readonly misses: number }

export class Memo implements MemoStore {
  readonly #database: Database
  readonly #queue: WriteQueue
  readonly #faults: Faults
  readonly #mostBytes: number
  /** What waits to be written is found already. */
  readonly #waiting = new Map<string, MemoEntry>()
  readonly #used = new Map<string, number>()
  #hits = 0
  #misses = 0

  /** @param mostBytes of all entries in the file. */
  constructor(database: Database, queue: WriteQueue, faults: Faults, mostBytes: number) {
    database.prepare(sql)
    this.#database = database
    this.#queue = queue
    this.#faults = faults
    this.#mostBytes = mostBytes
  }

  get figures(): MemoFigures {
    return { hits: this.#hits, misses: this.#misses }
  }

  get(key: string): MemoEntry | undefined {
    const entry = this.#waiting.get(key) ?? this.#read(key)
    if (entry === undefined) this.#misses += 1
    else this.#hits += 1
    return entry
  }

  #read(key: string): MemoEntry | undefined {
    try {
      const row = this.#database.statement(sql.get).get(key)
      if (row === undefined) return undefined
      const entry = this.#entryOf(row)
      if (Date.now() - entry.usedMs >= noteUseAfterMs) this.#noteUse(key)
      return entry.entry
    } catch (error) {
      this.#faults.noteLasting(error)
      return undefined
    }
  }

  #entryOf(row: object): { readonly entry: MemoEntry; readonly usedMs: number } {
    try {
      const { trace_hash: traceHash, exact_hash: exactHash, used_ms: usedMs, value } = rowSchema.parse(row)
      return { entry: { value: unpack(value), traceHash, exactHash }, usedMs }
    } catch (error) {
      throw fault('unread', this.#database.path, error)
    }
  }

  #noteUse(key: string): void {
    const isWaiting = this.#used.has(key)
    this.#used.set(key, Date.now())
    if (isWaiting) return
    this.#queue.push({
      bytes: useBytes,
      write: () => {
        this.#database.statement(sql.use).run(this.#used.get(key) ?? 0, key)
        return useBytes
      },
      end: () => void this.#used.delete(key),
    })
  }

  /** Keeps an entry, which must not be changed from then on; one that is larger than the whole memo is not kept. */
  set(key: string, entry: MemoEntry): void {
    try {
      const bytes = roughBytes(entry.value)
      this.#waiting.set(key, entry)
      this.#queue.push({
        bytes,
        write: () => this.#write(key, entry),
        end: () => {
          if (this.#waiting.get(key) === entry) this.#waiting.delete(key)
        },
      })
    } catch (error) {
      this.#queue.refuse(error)
    }
  }

  #write(key: string, { value, traceHash, exactHash }: MemoEntry): number {
    const packed = pack(value)
    const bytes = packed.length + rowBytes
    if (bytes > this.#mostBytes) return 0
    this.#database.statement(sql.set).run(key, traceHash, exactHash, Date.now(), bytes, packed)
    return bytes
  }
}
