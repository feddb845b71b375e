/**
 * `evidence-runner collection …`: fills, lists and empties the collections of a vector store, which claims are
 * checked against by a source `{ "type": "database", "collection": NAME }` or `check --collection NAME`.
 */
import { existsSync } from 'node:fs'
import { basename } from 'node:path'
import { type ErrorRecord, errorRecord, InputError } from '../core/errors.ts'
import { checkCollection, parseDocuments, type StoredDocument } from '../evidence/vectors/documents.ts'
import { requestsCollection } from '../evidence/vectors/kept-passages.ts'
import type { EvidenceEnhancer } from '../runner.ts'
import { type Arguments, text } from './arguments.ts'
import { readJsonLines, readText } from './input.ts'
import { openFolder } from './keeping.ts'
import type { LanceStore } from './lancedb.ts'

/** What was asked for. */
export type CollectionRequest = { readonly folder: string } & (
  | { readonly action: 'list' }
  | {
      readonly action: 'add'
      readonly name: string
      readonly files: readonly string[]
      readonly jsonl?: string
    }
  | { readonly action: 'remove'; readonly name: string; readonly ids: readonly string[] }
)

/** What it came to: lines for people and the same as data, with what was wrong with single documents. */
export type CollectionAnswer = {
  readonly lines: readonly string[]
  readonly data: unknown
  readonly faults: readonly ErrorRecord[]
}

/** Who does the work of `add`. */
export type CollectionParts = {
  /** An enhancer over this store. */
  readonly enhancerOver: (
    store: LanceStore,
  ) => Promise<Pick<EvidenceEnhancer, 'addDocuments' | typeof Symbol.asyncDispose>>
  readonly signal: AbortSignal
  readonly onProgress: (documents: number) => void
}

/** Documents, and their characters, that are handed over at a time: enough for a write that is worth one. */
const [batchDocuments, batchLength] = [1000, 4 * 1024 * 1024]

/** @throws InputError ER_INPUT for an action that does not exist, or one that lacks something. */
export function parseCollectionWords(given: Arguments): CollectionRequest {
  const [action, name, ...rest] = given.words
  const [folder, jsonl] = [text(given, 'vector-store'), text(given, 'jsonl')]
  if (folder === undefined) throw wrong('needs the folder of the store: --vector-store DIR')
  if (action === 'list') {
    if (name !== undefined) throw wrong('list takes no name')
    return { folder, action }
  }
  if (action !== 'add' && action !== 'remove') throw wrong('takes one of list, add, remove')
  if (name === undefined) throw wrong(`${action} takes the name of a collection`)
  checkCollection(name)
  if (action === 'remove') return { folder, action, name, ids: rest }
  if (name === requestsCollection) throw wrong(`can't add to ${name}: only requests fill it`)
  if ((jsonl === undefined) === (rest.length === 0)) throw wrong('add takes files, or --jsonl FILE')
  return { folder, action, name, files: rest, ...(jsonl === undefined ? {} : { jsonl }) }
}

const wrong = (what: string): InputError =>
  new InputError('ER_INPUT', `collection ${what}; see: evidence-runner help collection`)

/** Does what was asked for. @throws StoreError; InputError; whatever embedding throws. */
export async function answerCollection(
  request: CollectionRequest,
  parts: CollectionParts,
): Promise<CollectionAnswer> {
  const { action, folder } = request
  if (action !== 'add' && !existsSync(folder))
    throw new InputError('ER_INPUT', `There is no vector store in ${folder}; collection add makes one`)
  await using store = await openFolder(folder, { readOnly: action === 'list' })
  switch (action) {
    case 'list':
      return await listed(store)
    case 'add':
      return await added(request, store, parts)
    case 'remove':
      return await removed(request, store)
  }
}

async function listed(store: LanceStore): Promise<CollectionAnswer> {
  const data: { readonly collection: string; readonly passages: number }[] = []
  for (const collection of await store.collections())
    data.push({ collection, passages: await store.count({ collection }) })
  const lines = data.map(({ collection, passages }) => `${collection}  ${counted(passages, 'passage')}`)
  return { lines: lines.length === 0 ? ['No collections yet'] : lines, data, faults: [] }
}

async function removed(
  { ids, name }: { readonly ids: readonly string[]; readonly name: string },
  store: LanceStore,
): Promise<CollectionAnswer> {
  let passages = 0
  const filters = ids.length === 0 ? [{}] : ids.map(sourceId => ({ sourceId }))
  for (const filter of filters) passages += await store.remove({ collection: name, ...filter })
  const lines = [`${counted(passages, 'passage')} removed from ${name}`]
  return { lines, data: { collection: name, removed: passages }, faults: [] }
}

async function added(
  request: Extract<CollectionRequest, { action: 'add' }>,
  store: LanceStore,
  { enhancerOver, onProgress, signal }: CollectionParts,
): Promise<CollectionAnswer> {
  const { name: collection } = request
  await using enhancer = await enhancerOver(store)
  const faults: ErrorRecord[] = []
  const sums = { documents: 0, passages: 0, known: 0, added: 0, removed: 0 }
  for await (const batch of batchesOf(documentsOf(request, faults))) {
    const came = await enhancer.addDocuments(collection, batch, { signal })
    sums.documents += batch.length
    for (const name of ['passages', 'known', 'added', 'removed'] as const) sums[name] += came[name]
    onProgress(sums.documents)
  }
  const lines = [
    `${counted(sums.documents, 'document')} in ${collection}: ${counted(sums.passages, 'passage')}, ${sums.added} of them new, ${sums.removed} old ones removed`,
  ]
  return { lines, data: { collection, ...sums, failed: faults.length }, faults }
}

/** The documents that were named, each as it is read; what is wrong with one is noted and the rest go on. */
async function* documentsOf(
  { files, jsonl, name }: Extract<CollectionRequest, { action: 'add' }>,
  faults: ErrorRecord[],
): AsyncGenerator<StoredDocument, void> {
  if (jsonl === undefined) {
    // One that can't be read ends it: it was named by mistake.
    for (const file of files) {
      const content = await readText(file)
      yield* parseDocuments(name, [{ id: file, title: basename(file), content }])
    }
    return
  }
  for await (const read of readJsonLines(jsonl)) {
    if ('error' in read) {
      faults.push(errorRecord(read.error))
      continue
    }
    try {
      yield* parseDocuments(name, [documentOf(read.value)])
    } catch (error) {
      const { message, ...record } = errorRecord(error)
      faults.push({ ...record, message: `line ${read.line}: ${message}` })
    }
  }
}

/** A line of JSON as a document: `text` is another name for `content`, as in `embed`, and an id may be a number. */
function documentOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  const { id, text, ...rest } = value as Readonly<Record<string, unknown>>
  return {
    ...rest,
    id: typeof id === 'number' ? String(id) : id,
    ...(text === undefined ? {} : { content: text }),
  }
}

/** Documents some at a time; one that comes again is in a later batch, where it replaces the earlier one. */
async function* batchesOf(documents: AsyncIterable<StoredDocument>): AsyncGenerator<StoredDocument[], void> {
  let batch = new Map<string, StoredDocument>()
  let length = 0
  for await (const document of documents) {
    const full = batch.size >= batchDocuments || length >= batchLength
    if (full || batch.has(document.id)) {
      yield [...batch.values()]
      batch = new Map()
      length = 0
    }
    batch.set(document.id, document)
    length += document.content.length
  }
  if (batch.size > 0) yield [...batch.values()]
}

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
