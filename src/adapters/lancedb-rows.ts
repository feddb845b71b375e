/**
 * Rows as LanceDB has them: the table's schema with the model that it is for, rows to Arrow without a JavaScript array
 * of numbers on the way, what is found back to rows, and filters as SQL.
 */
import { createRequire } from 'node:module'
import type * as Arrow from 'apache-arrow'
import { cosine } from '../evidence/rank.ts'
import type { ModelTag, VectorFilter, VectorMatch, VectorRow } from '../evidence/vectors/store.ts'

/**
 * Arrow as LanceDB has loaded it, as CommonJS: imported it would be a second copy, whose tables LanceDB takes apart and
 * puts together without their vectors.
 */
const resolved = createRequire(createRequire(import.meta.url).resolve('@lancedb/lancedb'))
const {
  Field,
  FixedSizeList,
  Float32,
  Float64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Table,
  Utf8,
  vectorFromArray,
} = resolved('apache-arrow') as typeof Arrow

/** What the table is called in the folder. */
export const tableName = 'passages'

/** Columns of a match, without its vector. */
export const matchColumns = ['id', 'collection', 'text', 'sourceId', 'contentHash', 'title', 'metadata', 'at']

/** Raised when the columns change. */
const layout = '1'
const [layoutKey, modelKey] = ['evidence-runner.layout', 'evidence-runner.model']

/** The schema of a table for vectors of `tag`. */
export function schemaOf({ dimensions, model }: ModelTag): Arrow.Schema {
  const text = (name: string, nullable = false) => new Field(name, new Utf8(), nullable)
  const vector = new FixedSizeList(dimensions, new Field('item', new Float32(), false))
  return new Schema(
    [
      ...['id', 'collection', 'text', 'sourceId', 'contentHash'].map(name => text(name)),
      text('title', true),
      text('metadata', true),
      new Field('at', new Float64(), false),
      new Field('vector', vector, false),
    ],
    new Map([
      [layoutKey, layout],
      [modelKey, model],
    ]),
  )
}

/** Whose vectors a table holds; undefined for a table that is not one of ours, or another version's. */
export function tagIn({ fields, metadata }: Arrow.Schema): ModelTag | undefined {
  const model = metadata.get(modelKey)
  const type = fields.find(({ name }) => name === 'vector')?.type as Arrow.FixedSizeList | undefined
  if (model === undefined || metadata.get(layoutKey) !== layout || type?.listSize === undefined)
    return undefined
  return { model, dimensions: type.listSize }
}

/** Rows as an Arrow table of that schema; their vectors one after the other in one buffer. */
export function arrowOf(rows: readonly VectorRow[], tag: ModelTag): Arrow.Table {
  const schema = schemaOf(tag)
  const { dimensions } = tag
  const numbers = new Float32Array(rows.length * dimensions)
  for (const [place, { vector }] of rows.entries()) numbers.set(vector, place * dimensions)
  const texts = (list: readonly (string | null)[]) => vectorFromArray(list, new Utf8()).data[0] as Arrow.Data
  const at = Float64Array.from(rows, row => row.at)
  const children = [
    ...(['id', 'collection', 'text', 'sourceId', 'contentHash'] as const).map(name =>
      texts(rows.map(row => row[name])),
    ),
    texts(rows.map(({ title }) => title ?? null)),
    texts(rows.map(({ metadata }) => (metadata === undefined ? null : JSON.stringify(metadata)))),
    makeData({ type: new Float64(), length: rows.length, data: at }),
    makeData({
      type: schema.fields.at(-1)?.type as Arrow.FixedSizeList<Arrow.Float32>,
      length: rows.length,
      nullCount: 0,
      child: makeData({ type: new Float32(), length: numbers.length, nullCount: 0, data: numbers }),
    }),
  ]
  const type = new Struct(schema.fields)
  const data = makeData({ type, length: rows.length, nullCount: 0, children })
  return new Table(schema, [new RecordBatch(schema, data)])
}

/** A row as a query gives it. */
export type FoundRow = Readonly<Record<string, unknown>>

/** What was found, as the contract has it; with its vector where it is wanted. */
export function matchOf(found: FoundRow, vectors: boolean): VectorMatch {
  const { _distance: distance, metadata, title } = found
  return {
    id: found['id'] as string,
    collection: found['collection'] as string,
    text: found['text'] as string,
    sourceId: found['sourceId'] as string,
    contentHash: found['contentHash'] as string,
    at: found['at'] as number,
    ...(typeof title === 'string' ? { title } : {}),
    ...(typeof metadata === 'string' ? { metadata: JSON.parse(metadata) as Record<string, unknown> } : {}),
    // Rounding can carry a cosine past 1; results promise the range.
    similarity: Math.max(-1, Math.min(1, 1 - (distance as number))),
    ...(vectors ? { vector: vectorIn(found) } : {}),
  }
}

/** The numbers of a row's vector, in a buffer of their own. */
export const vectorIn = ({ vector }: FoundRow): Float32Array =>
  Float32Array.from((vector as { toArray(): Float32Array }).toArray())

/** How soon a place in a list counts less: of the third place it is half of the first's. */
const rankDamping = 2
/**
 * What a place in the list of words counts, of one in the list of vectors. The best by its words alone is the third
 * then, and texts of the same words but another matter don't come before paraphrases; chosen with
 * `npm run eval -- retrieval`.
 */
const wordsWeight = 0.6

/**
 * Two lists of rows as one: each row counts by its places in both (weighted reciprocal rank fusion, after
 * Cormack and others, 2009).
 * Similarities are computed from the rows' vectors, since what was found by its words has none.
 */
export function fused(
  near: readonly FoundRow[],
  worded: readonly FoundRow[],
  vector: Float32Array,
): FoundRow[] {
  const all = new Map<string, { readonly row: FoundRow; readonly score: number }>()
  for (const [list, weight] of [[near, 1] as const, [worded, wordsWeight] as const]) {
    for (const [place, row] of list.entries()) {
      const id = row['id'] as string
      all.set(id, { row, score: (all.get(id)?.score ?? 0) + weight / (rankDamping + place) })
    }
  }
  return [...all]
    .sort(([a, { score: scoreOfA }], [b, { score }]) => score - scoreOfA || (a < b ? -1 : 1))
    .map(([, { row }]) => ({ ...row, _distance: 1 - cosine(vector, vectorIn(row)) }))
}

/** A filter as an SQL expression; undefined where it lets everything through. */
export function filterSql({
  before,
  collection,
  notContent = [],
  since,
  sourceId,
}: VectorFilter): string | undefined {
  const parts = [
    ...(collection === undefined ? [] : [`collection = ${quoted(collection)}`]),
    ...(sourceId === undefined ? [] : [`\`sourceId\` = ${quoted(sourceId)}`]),
    ...(notContent.length === 0 ? [] : [`\`contentHash\` NOT IN (${notContent.map(quoted).join(', ')})`]),
    ...(since === undefined ? [] : [`at >= ${since}`]),
    ...(before === undefined ? [] : [`at < ${before}`]),
  ]
  return parts.length === 0 ? undefined : parts.join(' AND ')
}

/** An expression for rows with one of these ids. */
export const idsSql = (ids: readonly string[]): string => `id IN (${ids.map(quoted).join(', ')})`

const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`
