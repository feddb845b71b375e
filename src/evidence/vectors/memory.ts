/**
 * A vector store in memory: compares with every row, drops those that were used longest ago when there are too
 * many. For one process, and for as many rows as that is quick for.
 */
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
} from './store.ts'

/** Bounds of a store in memory. */
export type MemoryStoreOptions = {
  /** @default 10_000 */
  readonly maxRows?: number | undefined
  /** Bytes of texts and vectors. @default 64 MiB */
  readonly maxBytes?: number | undefined
}

/** Bytes that a row takes beside text and vector: ids, objects, its place in the map. */
const rowOverheadBytes = 500

/** Passages in memory; gone with the process. */
export class MemoryVectorStore implements VectorStore {
  /** In the order of use, longest ago first. */
  readonly #rows = new Map<string, KeptRow>()
  readonly #maxRows: number
  readonly #maxBytes: number
  #bytes = 0
  #tag: ModelTag | undefined

  constructor({ maxBytes = 64 * 1024 * 1024, maxRows = 10_000 }: MemoryStoreOptions = {}) {
    this.#maxRows = maxRows
    this.#maxBytes = maxBytes
  }

  async bind(tag: ModelTag): Promise<void> {
    refuseOtherModel(this.#tag, tag)
    this.#tag = tag
  }

  async upsert(rows: readonly VectorRow[]): Promise<void> {
    const vectors = rows.map(({ vector }) => vector)
    checkVectors(this.#tag, vectors)
    for (const row of lastOfEach(rows)) {
      this.#drop(row.id)
      // A copy: a view would keep the whole reply alive that it was cut from.
      this.#rows.set(row.id, { ...row, vector: row.vector.slice(), norm: normOf(row.vector) })
      this.#bytes += bytesOf(row)
    }
    for (const id of this.#rows.keys()) {
      if (this.#rows.size <= this.#maxRows && this.#bytes <= this.#maxBytes) break
      this.#drop(id)
    }
  }

  async search(vector: Float32Array, search: VectorSearch): Promise<VectorMatch[]> {
    const { limit, vectors = false } = search
    checkVectors(this.#tag, [vector])
    const norm = normOf(vector)
    const best: Found[] = []
    for (const row of this.#matching(search)) {
      // Rounding can carry a cosine past 1 in the last bit; results promise the range.
      const near = Math.max(-1, Math.min(1, dotOf(vector, row.vector) / (norm * row.norm || 1)))
      keepBest(best, { row, similarity: near }, limit)
    }
    return best.map(({ row, similarity }) => {
      this.#rows.delete(row.id)
      this.#rows.set(row.id, row)
      const { norm: _norm, vector: own, ...rest } = row
      return { ...rest, similarity, ...(vectors ? { vector: own.slice() } : {}) }
    })
  }

  async vectorsOf(ids: readonly string[]): Promise<ReadonlyMap<string, Float32Array>> {
    return new Map(
      ids.flatMap(id => {
        const row = this.#rows.get(id)
        return row === undefined ? [] : [[id, row.vector.slice()] as const]
      }),
    )
  }

  async remove(filter: VectorFilter): Promise<number> {
    const ids = [...this.#matching(filter)].map(({ id }) => id)
    for (const id of ids) this.#drop(id)
    return ids.length
  }

  async count(filter: VectorFilter = {}): Promise<number> {
    return [...this.#matching(filter)].length
  }

  async collections(): Promise<string[]> {
    return [...new Set([...this.#rows.values()].map(({ collection }) => collection))].sort()
  }

  async close(): Promise<void> {
    this.#rows.clear()
    this.#bytes = 0
  }

  *#matching(filter: VectorFilter): Generator<KeptRow> {
    const { before = Number.POSITIVE_INFINITY, collection, since = 0, sourceId } = filter
    const unwanted = new Set(filter.notContent)
    for (const row of this.#rows.values()) {
      if (collection !== undefined && row.collection !== collection) continue
      if (sourceId !== undefined && row.sourceId !== sourceId) continue
      if (unwanted.has(row.contentHash) || row.at < since || row.at >= before) continue
      yield row
    }
  }

  #drop(id: string): void {
    const row = this.#rows.get(id)
    if (row === undefined) return
    this.#rows.delete(id)
    this.#bytes -= bytesOf(row)
  }
}

/** `norm`: the length of its vector. */
type KeptRow = VectorRow & { readonly norm: number }
type Found = { readonly row: KeptRow; readonly similarity: number }

const isBefore = (a: Found, b: Found): boolean =>
  a.similarity > b.similarity || (a.similarity === b.similarity && a.row.id < b.row.id)

/** Puts `found` at its place among the best so far, of which there are `limit` at most. */
function keepBest(best: Found[], found: Found, limit: number): void {
  const last = best.at(-1)
  if (best.length === limit && last !== undefined && !isBefore(found, last)) return
  let place = best.length
  while (place > 0 && isBefore(found, best[place - 1] as Found)) place -= 1
  best.splice(place, 0, found)
  if (best.length > limit) best.pop()
}

/** Four sums side by side, which a processor adds up at once: a search does this for every row. */
function dotOf(a: Float32Array, b: Float32Array): number {
  let [first, second, third, fourth] = [0, 0, 0, 0]
  const whole = a.length - (a.length % 4)
  for (let place = 0; place < whole; place += 4) {
    first += (a[place] as number) * (b[place] as number)
    second += (a[place + 1] as number) * (b[place + 1] as number)
    third += (a[place + 2] as number) * (b[place + 2] as number)
    fourth += (a[place + 3] as number) * (b[place + 3] as number)
  }
  for (let place = whole; place < a.length; place += 1) first += (a[place] as number) * (b[place] as number)
  return first + second + third + fourth
}

const normOf = (vector: Float32Array): number => Math.sqrt(dotOf(vector, vector))

const bytesOf = ({ text, title = '', vector }: VectorRow): number =>
  2 * (text.length + title.length) + vector.byteLength + rowOverheadBytes
