/**
 * Queries of a LanceDB table: by vector, and by vector and words together, which finds more of what bears on a claim
 * than either alone.
 */
import type { Table } from '@lancedb/lancedb'
import type { VectorSearch } from '../evidence/vectors/store.ts'
import { type FoundRow, filterSql, fused, matchColumns } from './lancedb-rows.ts'

/** Parts of the index at most; each search looks into all. */
export const mostParts = 100
/** What the index has of a vector is rough: so many times the rows that are wanted are compared exactly … */
const leastRefined = 4
/** … and so many rows at least. */
const refinedRows = 300

/** Rows near to a vector, as LanceDB orders them. */
export async function nearestRows(
  table: Table,
  vector: Float32Array,
  { limit, vectors = false, ...filter }: VectorSearch,
): Promise<FoundRow[]> {
  const columns = [...matchColumns, '_distance', ...(vectors ? ['vector'] : [])]
  // How many parts and how exactly means nothing where there is no index.
  const query = table
    .vectorSearch(vector)
    .distanceType('cosine')
    .limit(limit)
    .select(columns)
    .nprobes(mostParts)
    .refineFactor(Math.max(leastRefined, Math.ceil(refinedRows / limit)))
  const where = filterSql(filter)
  return (where === undefined ? query : query.where(where)).toArray()
}

/** Rows near to the vector, and those with words of the text, as one list, best first, with their vectors. */
export async function rowsByWordsToo(
  table: Table,
  vector: Float32Array,
  text: string,
  search: VectorSearch,
): Promise<FoundRow[]> {
  const wide = { ...search, limit: 2 * search.limit, vectors: true }
  const words = async (): Promise<FoundRow[]> => {
    try {
      return await wordedRows(table, text, wide)
    } catch {
      // A text that has no words: the vector alone then, which tells what else is wrong.
      return []
    }
  }
  const [near, worded] = await Promise.all([nearestRows(table, vector, wide), words()])
  return fused(near, worded, vector)
}

/** Rows with words of a text, best first, with their vectors. */
async function wordedRows(
  table: Table,
  text: string,
  { limit, ...filter }: VectorSearch,
): Promise<FoundRow[]> {
  const query = table.query().fullTextSearch(text, { columns: ['text'] })
  const where = filterSql(filter)
  const found = where === undefined ? query : query.where(where)
  return found
    .select([...matchColumns, 'vector', '_score'])
    .limit(limit)
    .toArray()
}

/** Whether words can be looked for: without any index of them LanceDB gives rows as they lie there, not the best. */
export const hasWords = async (table: Table): Promise<boolean> =>
  (await table.listIndices()).some(({ columns }) => columns.includes('text'))
