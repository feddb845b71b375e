/**
 * Passages from run to run: what requests have read is kept, off the path, and found again by what is asked later. A
 * store that fails or hangs changes no answer: it is as one that holds nothing, and the reason is told.
 */
import { type ErrorRecord, errorOf, errorRecord, RunnerError } from '../../core/errors.ts'
import {
  type ModelTag,
  rowId,
  type VectorFilter,
  type VectorMatch,
  type VectorRow,
  type VectorStore,
} from './store.ts'
import { PassageWriter, type WriterFigures, type WriterOptions } from './writer.ts'

/** The collection of what requests have read. It can be searched as any other; only requests fill it. */
export const requestsCollection = 'requests'

/** What was kept and found so far. */
export type KeptFigures = WriterFigures & {
  /** Looks for related passages, and for vectors. */
  readonly searches: number
  /** Those that failed or took too long. */
  readonly failedSearches: number
  /** Vectors of passages that were read before and did not have to be computed again. */
  readonly recalled: number
}

/** How passages are kept. */
export type KeptOptions = Omit<WriterOptions, 'onError'> & {
  /** Whose vectors are kept; asked when the store is first needed. */
  readonly tag: () => Promise<ModelTag>
  /** Hears what went wrong where nobody waits for it. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** How long an answer waits for what the store has for it, in milliseconds. @default 500 */
  readonly relatedWithinMs?: number | undefined
}

/** A passage that was read, with its vector. */
export type ReadPassage = Pick<
  VectorRow,
  'text' | 'sourceId' | 'contentHash' | 'title' | 'metadata' | 'vector'
>

/** Hashes that a search leaves out at most; those of more sources are left out of what it finds. */
const mostHashes = 500

export class KeptPassages {
  readonly #store: VectorStore
  readonly #options: KeptOptions
  readonly #writer: PassageWriter
  #bound: Promise<VectorStore> | undefined
  /** A search that took too long and is not over yet: until it is, no other is begun. */
  #late: Promise<unknown> | undefined
  #searches = 0
  #failedSearches = 0
  #recalled = 0
  #lastError: ErrorRecord | null = null

  constructor(store: VectorStore, options: KeptOptions) {
    this.#store = store
    this.#options = options
    const onError = (error: unknown) => this.#fail(error)
    const write = async (rows: VectorRow[]) => (await this.bound()).upsert(rows)
    this.#writer = new PassageWriter(write, { ...options, onError })
  }

  /**
   * The store, bound to the model.
   * @throws ModelError ER_MODEL_MISMATCH where it holds another model's vectors; StoreError.
   */
  bound(): Promise<VectorStore> {
    this.#bound ??= this.#bind().catch((error: unknown) => {
      // What was out of reach may be there the next time.
      this.#bound = undefined
      throw error
    })
    return this.#bound
  }

  /** Keeps what a request has read, later; nothing in a store that can only be read. */
  note(passages: readonly ReadPassage[]): void {
    if (this.#store.readOnly === true) return
    const at = Date.now()
    this.#writer.note(
      passages.map(passage => ({
        ...passage,
        id: rowId(requestsCollection, passage.sourceId, passage.text),
        collection: requestsCollection,
        at,
      })),
    )
  }

  /** Passages of earlier requests near to `vector`, none of the texts with `ownHashes`. Never rejects. */
  async related(
    vector: Float32Array,
    ownHashes: ReadonlySet<string>,
    limit: number,
  ): Promise<readonly VectorMatch[]> {
    const notContent = [...ownHashes].slice(0, mostHashes)
    const search = { collection: requestsCollection, notContent, limit }
    const found = await this.#soon('related passages', store => store.search(vector, search))
    return found?.filter(({ contentHash }) => !ownHashes.has(contentHash)) ?? []
  }

  /** The vectors of passages that requests have read before, by their ids. Never rejects. */
  async recalled(ids: readonly string[]): Promise<ReadonlyMap<string, Float32Array>> {
    const vectors = await this.#soon('vectors of earlier requests', store => store.vectorsOf(ids))
    this.#recalled += vectors?.size ?? 0
    return vectors ?? new Map()
  }

  /**
   * The passages of a collection nearest to `vector` and the text that it was made from, with their vectors.
   * @throws InputError ER_INPUT where there is no such collection; StoreError where the store can't be read.
   */
  async nearest(
    vector: Float32Array,
    text: string,
    collection: string,
    limit: number,
  ): Promise<VectorMatch[]> {
    return this.#asked(async store => {
      if (collection === requestsCollection) await this.flush()
      const found = await store.search(vector, { collection, limit, text, vectors: true })
      if (found.length > 0) return found
      const known = await store.collections()
      const there = known.length === 0 ? 'there is none' : `there are ${known.slice(0, 20).join(', ')}`
      throw errorOf('ER_INPUT', `The vector store has no collection ${JSON.stringify(collection)}: ${there}`)
    })
  }

  /** The vectors of those of `ids` that are kept. @throws StoreError */
  async vectorsOf(ids: readonly string[]): Promise<ReadonlyMap<string, Float32Array>> {
    return this.#asked(store => store.vectorsOf(ids))
  }

  /** Keeps rows now. @throws StoreError */
  async keep(rows: readonly VectorRow[]): Promise<void> {
    return this.#asked(store => store.upsert(rows))
  }

  /** Removes rows, and tells how many. @throws StoreError */
  async remove(filter: VectorFilter): Promise<number> {
    return this.#asked(store => store.remove(filter))
  }

  /** Resolves when what requests have read so far is written, or could not be. */
  flush(): Promise<void> {
    return this.#writer.flush()
  }

  /** Writes what waits. The store stays open: it is its maker's. */
  close(): Promise<void> {
    return this.#writer.close()
  }

  get figures(): KeptFigures {
    const [searches, failedSearches, lastError] = [this.#searches, this.#failedSearches, this.#lastError]
    return { ...this.#writer.figures, lastError, searches, failedSearches, recalled: this.#recalled }
  }

  async #bind(): Promise<VectorStore> {
    await this.#store.bind(await this.#options.tag())
    return this.#store
  }

  async #asked<T>(work: (store: VectorStore) => Promise<T>): Promise<T> {
    try {
      return await work(await this.bound())
    } catch (cause) {
      if (cause instanceof RunnerError) throw cause
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw errorOf('ER_STORE', `The vector store failed: ${reason}`, { cause })
    }
  }

  /** What a store has, if it tells in time; else nothing, and until it does nothing more is asked of it. */
  async #soon<T>(what: string, work: (store: VectorStore) => Promise<T>): Promise<T | undefined> {
    if (this.#late !== undefined) return undefined
    this.#searches += 1
    const asked = (async () => ({ found: await work(await this.bound()) }))()
    const { promise: lapse, resolve } = Promise.withResolvers<undefined>()
    const timer = setTimeout(resolve, this.#options.relatedWithinMs ?? 500, undefined)
    try {
      const answer = await Promise.race([asked, lapse])
      if (answer !== undefined) return answer.found
      this.#late = asked
        .catch(() => {})
        .finally(() => {
          this.#late = undefined
        })
      throw errorOf('ER_STORE', `The vector store is too slow: the answer went without ${what}`)
    } catch (error) {
      this.#failedSearches += 1
      this.#fail(error)
      return undefined
    } finally {
      clearTimeout(timer)
    }
  }

  #fail(error: unknown): void {
    this.#lastError =
      error instanceof RunnerError ? errorRecord(error) : { ...errorRecord(error), code: 'ER_STORE' }
    this.#options.onError?.(error)
  }
}
