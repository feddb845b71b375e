/**
 * Documents into a collection: cut into passages as a request's sources are, embedded where they are not kept yet,
 * and kept. A document that comes again under its id replaces what was kept of it.
 */
import * as z from 'zod'
import { InputError } from '../../core/errors.ts'
import { sha256 } from '../../core/hash.ts'
import { describeIssues } from '../config.ts'
import type { Tabulate } from '../reading.ts'
import { limits } from '../request.ts'
import { looksBinary } from '../sources.ts'
import { type KeptPassages, requestsCollection } from './kept-passages.ts'
import { rowId, type VectorRow } from './store.ts'

/** A collection's name, printable. */
const collectionSchema = z
  .string()
  .min(1)
  .max(200)
  .regex(/^[^\p{Cc}]*$/u, 'has control characters')

const documentSchema = z.strictObject({
  /** What it is known by in the collection. */
  id: z.string().min(1).max(limits.idLength),
  content: z
    .string()
    .max(limits.sourceLength, `longer than ${limits.sourceLength} characters; send less of it`),
  title: z.string().max(2000).optional(),
  metadata: z.record(z.string(), z.unknown()).optional(),
})

/** A document for a collection. */
export type StoredDocument = z.input<typeof documentSchema>

/** What adding documents came to, in passages. */
export type DocumentsAdded = {
  readonly passages: number
  /** Those that were kept already and were not embedded again. */
  readonly known: number
  readonly added: number
  /** What was kept of earlier versions of these documents. */
  readonly removed: number
}

/** Who does the work. */
export type DocumentParts = {
  readonly kept: KeptPassages
  readonly tabulate: Tabulate
  readonly signal: AbortSignal
  readonly embed: (texts: readonly string[]) => Promise<Float32Array[]>
}

/** Passages that are embedded and written at a time. */
const pieceRows = 2048

/** @throws InputError ER_INPUT for what can't be a collection's name. */
export function checkCollection(collection: unknown): void {
  const name = collectionSchema.safeParse(collection)
  if (!name.success) throw new InputError('ER_INPUT', `Invalid collection: ${describeIssues(name.error)}`)
}

/** @throws InputError ER_INPUT naming what is wrong with the collection's name or a document. */
export function parseDocuments(collection: unknown, documents: unknown): StoredDocument[] {
  checkCollection(collection)
  if (collection === requestsCollection)
    throw new InputError('ER_INPUT', `Invalid collection: only requests fill ${requestsCollection}`)
  const parsed = z.array(documentSchema).min(1).max(limits.sources).safeParse(documents)
  if (!parsed.success) throw new InputError('ER_INPUT', `Invalid documents: ${describeIssues(parsed.error)}`)
  const ids = parsed.data.map(({ id }) => id)
  const twice = ids.find((id, place) => ids.indexOf(id) !== place)
  if (twice !== undefined)
    throw new InputError('ER_INPUT', `Invalid documents: two have the id ${JSON.stringify(twice)}`)
  const binary = parsed.data.find(({ content }) => looksBinary(content))
  if (binary !== undefined)
    throw new InputError(
      'ER_INPUT',
      `Invalid documents: ${JSON.stringify(binary.id)} is not text; extract its text first`,
    )
  return parsed.data
}

/** Removes documents, or all, from a collection. @throws InputError; StoreError. */
export async function removeDocuments(
  kept: KeptPassages,
  collection: string,
  ids?: readonly string[],
): Promise<number> {
  checkCollection(collection)
  if (collection === requestsCollection) await kept.flush()
  if (ids === undefined) return kept.remove({ collection })
  let removed = 0
  for (const sourceId of ids) removed += await kept.remove({ collection, sourceId })
  return removed
}

/** Keeps `documents` in `collection`. @throws StoreError; whatever embedding throws. */
export async function addDocuments(
  collection: string,
  documents: readonly StoredDocument[],
  parts: DocumentParts,
): Promise<DocumentsAdded> {
  const { embed, kept, signal } = parts
  let [passages, known, removed] = [0, 0, 0]
  for await (const piece of piecesOf(collection, documents, parts)) {
    signal.throwIfAborted()
    const vectors = new Map(await kept.vectorsOf(piece.map(({ id }) => id)))
    const fresh = piece.filter(({ id }) => !vectors.has(id))
    known += piece.length - fresh.length
    passages += piece.length
    const embedded = fresh.length === 0 ? [] : await embed(fresh.map(({ text }) => text))
    for (const [place, { id }] of fresh.entries()) vectors.set(id, embedded[place] as Float32Array)
    // Known ones, too: their document may have another title or hash now.
    await kept.keep(piece.map(row => ({ ...row, vector: vectors.get(row.id) as Float32Array })))
  }
  // At the end, so that a failure on the way leaves nothing out.
  for (const { content, id } of documents)
    removed += await kept.remove({ collection, sourceId: id, notContent: [sha256(content)] })
  return { passages, known, added: passages - known, removed }
}

type Unembedded = Omit<VectorRow, 'vector'>

/** The documents' passages, each once, some at a time. */
async function* piecesOf(
  collection: string,
  documents: readonly StoredDocument[],
  { signal, tabulate }: DocumentParts,
): AsyncGenerator<Unembedded[], void> {
  const at = Date.now()
  let piece = new Map<string, Unembedded>()
  for (const { content, id: sourceId, metadata, title } of documents) {
    const { offsets } = await tabulate(content, [], signal)
    const contentHash = sha256(content)
    for (let place = 0; place < offsets.length; place += 2) {
      const text = content.slice(offsets[place], offsets[place + 1])
      const id = rowId(collection, sourceId, text)
      piece.set(id, { id, collection, text, sourceId, contentHash, title, metadata, at })
      if (piece.size < pieceRows) continue
      yield [...piece.values()]
      piece = new Map()
    }
  }
  if (piece.size > 0) yield [...piece.values()]
}
