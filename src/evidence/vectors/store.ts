/**
 * The contract of a vector store: passages with their vectors, of one model, found again by nearness. What keeps
 * them is behind it: memory (`memory.ts`), LanceDB (`src/adapters/lancedb.ts`), or a store of the caller's own.
 */
import type { VariantRef } from '../../core/call.ts'
import { errorOf } from '../../core/errors.ts'
import { sha256 } from '../../core/hash.ts'

/** Whose vectors a store holds. Vectors of two models can't be compared, so a store takes those of one. */
export type ModelTag = {
  /** Name, revision and hash of the weights. */
  readonly model: string
  readonly dimensions: number
}

/** A passage as it is kept. */
export type VectorRow = {
  /** `rowId` of its collection, source and text: the same passage of the same source is one row. */
  readonly id: string
  readonly collection: string
  readonly text: string
  /** Id of the source or document that it was cut from. */
  readonly sourceId: string
  /** Hash of the whole text that it was cut from. */
  readonly contentHash: string
  readonly title?: string | undefined
  /** Plain data, as JSON can carry it. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  readonly vector: Float32Array
  /** When it was kept, in milliseconds since 1970. */
  readonly at: number
}

/** Which rows are meant; all that are named have to hold. */
export type VectorFilter = {
  readonly collection?: string | undefined
  readonly sourceId?: string | undefined
  /** Those cut from texts with none of these hashes. */
  readonly notContent?: readonly string[] | undefined
  /** Kept at that time or later, in milliseconds since 1970. */
  readonly since?: number | undefined
  /** Kept before that time. */
  readonly before?: number | undefined
}

/** How rows are looked for. */
export type VectorSearch = VectorFilter & {
  readonly limit: number
  /**
   * What the vector was made from, for a store that can look for words, too: then those come first that are found by
   * both, or are among the first of one. Stores that can't go by the vector alone.
   */
  readonly text?: string | undefined
  /** Whether the matches bring their vectors. @default false */
  readonly vectors?: boolean
}

/** A row that was found; `vector` where it was asked for. */
export type VectorMatch = Omit<VectorRow, 'vector'> & {
  /** Cosine, -1 to 1. */
  readonly similarity: number
  readonly vector?: Float32Array | undefined
}

/** Keeps passages. A call that can't be done rejects with a StoreError; who calls for an answer goes on without. */
export type VectorStore = {
  /** Whether it can only be read: what requests read is not kept then. @default false */
  readonly readOnly?: boolean
  /**
   * Says whose vectors will come and be asked for; before all else, any number of times.
   * @throws ModelError ER_MODEL_MISMATCH where the store holds another model's.
   */
  bind(tag: ModelTag): Promise<void>
  /** Keeps rows; those with a known id are replaced, of equal ids in one call the last counts. */
  upsert(rows: readonly VectorRow[]): Promise<void>
  /** The rows nearest to `vector`, nearest first, equally near ones by id; with `text` see there. */
  search(vector: Float32Array, search: VectorSearch): Promise<VectorMatch[]>
  /** The vectors of those of `ids` that are kept. */
  vectorsOf(ids: readonly string[]): Promise<ReadonlyMap<string, Float32Array>>
  /** Removes what the filter means, and tells how many that were. */
  remove(filter: VectorFilter): Promise<number>
  count(filter?: VectorFilter): Promise<number>
  /** Names of the collections that hold anything, sorted. */
  collections(): Promise<string[]>
  close(): Promise<void>
}

/** The tag of an encoder's vectors. */
export const tagOf = ({ limits, name, revision, weightsHash }: VariantRef): ModelTag => ({
  model: `${name}@${revision}+${weightsHash}`,
  dimensions: limits.dimensions,
})

/** The id of a passage in a collection: by its text and its source. */
export const rowId = (collection: string, sourceId: string, text: string): string =>
  sha256([sha256(collection), sha256(sourceId), sha256(text)].join())

/** Of rows with equal ids the last. */
export const lastOfEach = (rows: readonly VectorRow[]): VectorRow[] => [
  ...new Map(rows.map(row => [row.id, row])).values(),
]

/** @throws ModelError ER_MODEL_MISMATCH where `held` is another model's than `wanted`. */
export function refuseOtherModel(held: ModelTag | undefined, wanted: ModelTag): void {
  if (held === undefined || (held.model === wanted.model && held.dimensions === wanted.dimensions)) return
  throw errorOf(
    'ER_MODEL_MISMATCH',
    `The vector store holds vectors of ${nameOf(held)}, and these are of ${nameOf(wanted)}; give each model a store of its own`,
  )
}

const nameOf = ({ dimensions, model }: ModelTag): string => `${model} (${dimensions} numbers)`

/**
 * The tag that a store was bound to, for vectors that are about to be used.
 * @throws InputError ER_INPUT where it was not bound; ModelError ER_MODEL_MISMATCH for a vector of another length.
 */
export function checkVectors(tag: ModelTag | undefined, vectors: readonly Float32Array[]): ModelTag {
  if (tag === undefined) throw errorOf('ER_INPUT', 'A vector store has to be bound to a model first')
  const wrong = vectors.find(({ length }) => length !== tag.dimensions)
  if (wrong !== undefined) refuseOtherModel(tag, { model: 'another model', dimensions: wrong.length })
  return tag
}
