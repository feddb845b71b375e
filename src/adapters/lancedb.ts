/**
 * A vector store that lasts: passages in a folder, by LanceDB. One process writes at a time; others may read it.
 *
 * Writes go one after the other: LanceDB duplicates rows where two merges run at once. Each makes a version and
 * a piece of the table, so rows should come many at a time, and pieces are joined after every so many writes.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Connection, connect, Index, type Table } from '@lancedb/lancedb'
import { errorOf, RunnerError } from '../core/errors.ts'
import {
  checkVectors,
  lastOfEach,
  type ModelTag,
  refuseOtherModel,
  type VectorFilter,
  type VectorMatch,
  type VectorRow,
  type VectorSearch,
  type VectorStore,
} from '../evidence/vectors/store.ts'
import { takeSetUpLock } from '../setup/set-up-lock.ts'
import {
  arrowOf,
  type FoundRow,
  filterSql,
  idsSql,
  matchOf,
  schemaOf,
  tableName,
  tagIn,
  vectorIn,
} from './lancedb-rows.ts'
import { hasWords, mostParts, nearestRows, rowsByWordsToo } from './lancedb-search.ts'

/** How a folder is opened. */
export type LanceStoreOptions = {
  /** Whether it is only read; then another process may be writing. @default false */
  readonly readOnly?: boolean
  /** How long to wait for another writer to let go of the folder, in milliseconds. @default 0 */
  readonly waitMs?: number
  /** Writes after which the table's pieces are joined and old versions dropped. @default 20 */
  readonly optimizeEvery?: number
  /** Rows from which searches go by an index; with fewer every row is compared. @default 10_000 */
  readonly indexFrom?: number
}

/** Rows of one merge at most. */
const mergeRows = 10_000
/** Ids of one query at most. */
const queryIds = 500
/** Versions younger than this are kept: a reader may be at work on one. */
const versionsKeptMs = 10 * 60_000
/** Rows of a part of the index, about. */
const partRows = 3000
/** A table that has grown by this factor since its index was made gets another one. */
const indexGrowth = 4

/**
 * Opens the store in `folder`, or makes one. It is its caller's to close, after the enhancers that use it.
 *
 * @example
 * await using store = await openLanceStore('evidence/vectors')
 * await using enhancer = await EvidenceEnhancer.open({ vectorStore: store })
 * @throws StoreError ER_STORE, retryable, where another process writes to it; ER_STORE for what can't be read.
 */
export async function openLanceStore(folder: string, options: LanceStoreOptions = {}): Promise<LanceStore> {
  const { readOnly = false } = options
  if (folder === '') throw errorOf('ER_CONFIG', 'A LanceDB store needs a folder')
  return told(folder, async () => {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const lock = readOnly ? undefined : await takeFolder(folder, options.waitMs ?? 0)
    try {
      // A reader looks for what the writer has written since, at most so many seconds ago.
      const connection = await connect(folder, readOnly ? { readConsistencyInterval: 1 } : {})
      const names = await connection.tableNames()
      const table = names.includes(tableName) ? await connection.openTable(tableName) : undefined
      return new LanceStore(folder, connection, await opened(table, folder), lock, options)
    } catch (error) {
      await lock?.[Symbol.asyncDispose]()
      throw error
    }
  })
}

type Opened = { readonly table: Table; readonly tag: ModelTag }

/** Passages in a folder. Make one by `openLanceStore`. */
export class LanceStore implements VectorStore {
  readonly #folder: string
  readonly #connection: Connection
  readonly #lock: AsyncDisposable | undefined
  readonly #optimizeEvery: number
  readonly #indexFrom: number
  #opened: Opened | undefined
  #bound: ModelTag | undefined
  /** The last write that was asked for; the next one waits for it. */
  #turn: Promise<unknown> = Promise.resolve()
  #writes = 0
  /** Whether the pieces that were there before are among the writes. */
  #counted = false
  /** Rows that there were when the index was made; undefined until it is known whether there is one. */
  #indexedRows: number | undefined
  #indexFailed = false
  #wordsIndexed = false
  #closed: Promise<void> | undefined

  constructor(
    folder: string,
    connection: Connection,
    opened: Opened | undefined,
    lock: AsyncDisposable | undefined,
    { indexFrom = 10_000, optimizeEvery = 20 }: LanceStoreOptions,
  ) {
    this.#folder = folder
    this.#connection = connection
    this.#opened = opened
    this.#lock = lock
    this.#indexFrom = indexFrom
    this.#optimizeEvery = optimizeEvery
  }

  /** Whether it was opened to be read only. */
  get readOnly(): boolean {
    return this.#lock === undefined
  }

  async bind(tag: ModelTag): Promise<void> {
    refuseOtherModel(this.#bound ?? this.#opened?.tag, tag)
    this.#bound = tag
  }

  async upsert(rows: readonly VectorRow[]): Promise<void> {
    const tag = checkVectors(
      this.#bound,
      rows.map(({ vector }) => vector),
    )
    const wanted = lastOfEach(rows)
    if (wanted.length === 0) return
    await this.#write(async () => {
      const table = await this.#made(tag)
      for (let start = 0; start < wanted.length; start += mergeRows) {
        const piece = arrowOf(wanted.slice(start, start + mergeRows), tag)
        await table.mergeInsert('id').whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(piece)
        this.#writes += 1
      }
    })
    this.#maintain()
  }

  async search(vector: Float32Array, search: VectorSearch): Promise<VectorMatch[]> {
    const { limit, text, vectors = false } = search
    checkVectors(this.#bound, [vector])
    const table = await this.#table()
    if (table === undefined) return []
    if (text !== undefined && (await this.#read(() => this.#findsWords(table)))) {
      const both = await this.#read(() => rowsByWordsToo(table, vector, text, search))
      return both.slice(0, limit).map(row => matchOf(row, vectors))
    }
    const found = await this.#read(() => nearestRows(table, vector, search))
    return found
      .map(row => matchOf(row, vectors))
      .filter(({ similarity }) => !Number.isNaN(similarity))
      .sort((a, b) => b.similarity - a.similarity || (a.id < b.id ? -1 : 1))
  }

  async vectorsOf(ids: readonly string[]): Promise<ReadonlyMap<string, Float32Array>> {
    const vectors = new Map<string, Float32Array>()
    const table = await this.#table()
    if (table === undefined) return vectors
    return this.#read(async () => {
      for (let start = 0; start < ids.length; start += queryIds) {
        const some = ids.slice(start, start + queryIds)
        const query = table.query().where(idsSql(some)).select(['id', 'vector']).limit(some.length)
        const found: FoundRow[] = await query.toArray()
        for (const row of found) vectors.set(row['id'] as string, vectorIn(row))
      }
      return vectors
    })
  }

  async remove(filter: VectorFilter): Promise<number> {
    const table = await this.#table()
    if (table === undefined) return 0
    const where = filterSql(filter) ?? 'true'
    const removed = await this.#write(async () => {
      const count = await table.countRows(where)
      // Nothing to remove would be a version of its own all the same.
      if (count > 0) await table.delete(where)
      this.#writes += count > 0 ? 1 : 0
      return count
    })
    this.#maintain()
    return removed
  }

  async count(filter: VectorFilter = {}): Promise<number> {
    const table = await this.#table()
    return table === undefined ? 0 : this.#read(() => table.countRows(filterSql(filter)))
  }

  async collections(): Promise<string[]> {
    const table = await this.#table()
    if (table === undefined) return []
    return this.#read(async () => {
      const names = new Set<string>()
      for await (const batch of table.query().select(['collection'])) {
        for (const name of batch.getChild('collection') ?? []) names.add(name as string)
      }
      return [...names].sort()
    })
  }

  /** Resolves when every write so far is done, with the joining of pieces and the index that they called for. */
  async settled(): Promise<void> {
    await this.#turn
  }

  /** Lets writes finish, then lets go of the folder. Idempotent. */
  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  async #close(): Promise<void> {
    await this.#turn
    this.#opened?.table.close()
    this.#connection.close()
    await this.#lock?.[Symbol.asyncDispose]()
  }

  /** The table, where there is one; of another model's vectors never. */
  async #table(): Promise<Table | undefined> {
    this.#refuseClosed()
    if (this.#opened === undefined && this.#lock === undefined) {
      // The writer may have made it since.
      const names = await this.#read(() => this.#connection.tableNames())
      if (names.includes(tableName))
        this.#opened = await opened(await this.#connection.openTable(tableName), this.#folder)
    }
    if (this.#bound !== undefined) refuseOtherModel(this.#opened?.tag, this.#bound)
    return this.#opened?.table
  }

  /** The table, made where there is none. Within a write. */
  async #made(tag: ModelTag): Promise<Table> {
    const table = (await this.#table()) ?? (await this.#connection.createEmptyTable(tableName, schemaOf(tag)))
    this.#opened ??= { table, tag }
    return table
  }

  #read<T>(work: () => Promise<T>): Promise<T> {
    return told(this.#folder, work)
  }

  #write<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseClosed()
    if (this.#lock === undefined)
      throw errorOf('ER_STORE', `${this.#folder} was opened to be read only; nothing can be kept in it`)
    const mine = this.#turn.then(() => told(this.#folder, work))
    this.#turn = mine.catch(() => {})
    return mine
  }

  /** Joins pieces and makes the index when it is time, as the next write; nobody waits for it. */
  #maintain(): void {
    if (this.#closed !== undefined) return
    this.#write(async () => {
      const table = this.#opened?.table
      if (table === undefined) return
      await this.#index(table)
      if (!(await this.#isDue(table))) return
      this.#writes = 0
      await table.optimize({ cleanupOlderThan: new Date(Date.now() - versionsKeptMs) })
    }).catch(() => {
      // Without it searches are slower and the folder larger, and the next time may do.
    })
  }

  /** Whether there were writes enough; the pieces that earlier processes left, which may have written little, count. */
  async #isDue(table: Table): Promise<boolean> {
    if (!this.#counted) {
      this.#writes = Math.max(this.#writes, (await table.stats()).fragmentStats.numSmallFragments)
      this.#counted = true
    }
    return this.#writes >= this.#optimizeEvery
  }

  async #index(table: Table): Promise<void> {
    await this.#indexWords(table)
    if (this.#indexFailed) return
    const rows = await table.countRows()
    if (rows < this.#indexFrom) return
    this.#indexedRows ??= (await table.indexStats('vector_idx'))?.numIndexedRows ?? 0
    if (this.#indexedRows > 0 && rows < this.#indexedRows * indexGrowth) return
    const numPartitions = Math.max(1, Math.min(mostParts, Math.round(rows / partRows)))
    try {
      const config = Index.ivfRq({ distanceType: 'cosine', numPartitions })
      await table.createIndex('vector', { config, replace: true })
      await table.createIndex('id', { config: Index.btree(), replace: true })
      this.#indexedRows = rows
    } catch {
      // Vectors of a length that can't be indexed so: every row is compared then.
      this.#indexFailed = true
    }
  }

  /** The index of words; rows that come later are looked through until the next joining of pieces. */
  async #indexWords(table: Table): Promise<void> {
    if (await this.#findsWords(table)) return
    await table.createIndex('text', { config: Index.fts({ withPosition: false }) })
    this.#wordsIndexed = true
  }

  async #findsWords(table: Table): Promise<boolean> {
    this.#wordsIndexed ||= await hasWords(table)
    return this.#wordsIndexed
  }

  #refuseClosed(): void {
    if (this.#closed !== undefined) throw errorOf('ER_CLOSED', `The store in ${this.#folder} is closed`)
  }
}

async function opened(table: Table | undefined, folder: string): Promise<Opened | undefined> {
  if (table === undefined) return undefined
  const tag = tagIn(await table.schema())
  if (tag !== undefined) return { table, tag }
  throw errorOf(
    'ER_STORE',
    `${join(folder, tableName)} is not a table of this version of evidence-runner; give another folder`,
  )
}

async function takeFolder(folder: string, waitMs: number): Promise<AsyncDisposable> {
  let owner: number | undefined
  const waiting = new AbortController()
  let timer: NodeJS.Timeout | undefined
  try {
    // Only of an owner that lives: a dead one's lock is taken over, which needs its time.
    const onWait = (pid: number | undefined) => {
      owner = pid
      timer = setTimeout(() => waiting.abort(), waitMs)
    }
    return await takeSetUpLock(join(folder, 'writer'), { signal: waiting.signal, onWait })
  } catch (cause) {
    if (!waiting.signal.aborted) throw cause
    throw errorOf(
      'ER_STORE',
      `${folder} is written by process ${owner ?? 'unknown'}, and one process writes at a time; open it with readOnly, or wait for it with waitMs`,
      { cause, retryable: true },
    )
  } finally {
    clearTimeout(timer)
  }
}

/** Runs `work`; what LanceDB throws becomes an error of ours. */
async function told<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof RunnerError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw errorOf('ER_STORE', `The vector store in ${folder} failed: ${reason}`, { cause })
  }
}
