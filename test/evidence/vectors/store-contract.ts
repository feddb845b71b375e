/** What every vector store has to hold to, as tests that each store's own file runs. */
import { expect, test } from 'vitest'
import { rowId, type VectorRow, type VectorStore } from '../../../src/evidence/vectors/store.ts'

/** A model of vectors as short as a test can read. */
export const smallTag = { model: 'small@1+abc', dimensions: 8 }

/** A unit vector in the plane of the first two numbers, `degrees` from the first; eight numbers. */
export function at(degrees: number): Float32Array {
  const angle = (degrees / 180) * Math.PI
  return Float32Array.of(Math.cos(angle), Math.sin(angle), 0, 0, 0, 0, 0, 0)
}

/** A row whose text says where its vector points. */
export function rowAt(degrees: number, more: Partial<VectorRow> = {}): VectorRow {
  const { collection = 'angles', sourceId = 's1', text = `It points to ${degrees} degrees.` } = more
  const id = rowId(collection, sourceId, text)
  return { id, collection, text, sourceId, contentHash: 'h1', vector: at(degrees), at: 1000, ...more }
}

const degreesOf = (texts: readonly { readonly text: string }[]) =>
  texts.map(({ text }) => Number(/\d+/.exec(text)?.[0]))

/** Registers the tests; `open` gives a store that holds nothing. */
export function holdsTheContract(open: () => Promise<VectorStore>): void {
  const bound = async () => {
    const store = await open()
    await store.bind(smallTag)
    return store
  }

  test('finds the nearest first, with cosines, and what a row was kept with', async () => {
    const store = await bound()
    const kept = rowAt(30, { title: "Angles' title", metadata: { page: 3, tags: ['a'] } })
    await store.upsert([rowAt(90), kept, rowAt(60), rowAt(180)])
    const found = await store.search(at(20), { limit: 3 })
    expect(degreesOf(found)).toEqual([30, 60, 90])
    const cosines = [10, 40, 70].map(degrees => Math.cos((degrees / 180) * Math.PI))
    for (const [place, { similarity }] of found.entries())
      expect(similarity).toBeCloseTo(cosines[place] as number, 5)
    const { vector: _vector, ...rest } = kept
    expect(found[0]).toEqual({ ...rest, similarity: found[0]?.similarity })
    await store.close()
  })

  test('a known id is replaced, and of equal ids in one call the last counts', async () => {
    const store = await bound()
    await store.upsert([rowAt(10), rowAt(20), { ...rowAt(10), title: 'second' }])
    expect(await store.count()).toBe(2)
    await store.upsert([{ ...rowAt(20), vector: at(21), title: 'again' }])
    expect(await store.count()).toBe(2)
    const found = await store.search(at(21), { limit: 2, vectors: true })
    expect(found.map(({ title }) => title)).toEqual(['again', 'second'])
    expect(found[0]?.vector).toEqual(at(21))
    await store.close()
  })

  test('writes at the same time leave one row an id', async () => {
    const store = await bound()
    const batch = (title: string) => Array.from({ length: 40 }, (_, turn) => rowAt(turn, { title }))
    await Promise.all(['a', 'b', 'c', 'd'].map(title => store.upsert(batch(title))))
    expect(await store.count()).toBe(40)
    const found = await store.search(at(0), { limit: 100 })
    expect(new Set(found.map(({ id }) => id)).size).toBe(40)
    expect(found.every(({ title }) => title === 'd')).toBe(true)
    await store.close()
  })

  test('filters by collection, source, text and time', async () => {
    const store = await bound()
    await store.upsert([
      rowAt(10, { contentHash: 'h1', at: 100 }),
      rowAt(20, { sourceId: 's2', contentHash: 'h2', at: 200 }),
      rowAt(30, { sourceId: "it's", contentHash: 'h3', at: 300 }),
      rowAt(40, { collection: "other's", contentHash: 'h4', at: 400 }),
    ])
    const found = async (filter: object) =>
      degreesOf(await store.search(at(0), { limit: 9, ...filter })).sort((a, b) => a - b)
    expect(await found({ collection: 'angles' })).toEqual([10, 20, 30])
    expect(await found({ collection: "other's" })).toEqual([40])
    expect(await found({ collection: 'none' })).toEqual([])
    expect(await found({ sourceId: "it's" })).toEqual([30])
    expect(await found({ notContent: ['h1', 'h3'] })).toEqual([20, 40])
    expect(await found({ since: 200, before: 400 })).toEqual([20, 30])
    expect(await store.count({ collection: 'angles' })).toBe(3)
    expect(await store.collections()).toEqual(['angles', "other's"])
    expect(await store.remove({ collection: 'angles', sourceId: 's2' })).toBe(1)
    expect(await store.remove({ collection: 'angles', notContent: ['h1'] })).toBe(1)
    expect(await found({})).toEqual([10, 40])
    await store.close()
  })

  test('gives back the vectors of the ids that it holds, to the last bit', async () => {
    const store = await bound()
    const rows = [rowAt(33), rowAt(77)]
    await store.upsert(rows)
    const vectors = await store.vectorsOf([rows[0]?.id ?? '', rowAt(1).id, rows[1]?.id ?? ''])
    expect([...vectors.keys()].sort()).toEqual(rows.map(({ id }) => id).sort())
    for (const { id, vector } of rows) expect(vectors.get(id)).toEqual(vector)
    await store.close()
  })

  test('refuses another model, before and after it holds anything', async () => {
    const store = await bound()
    await expect(store.bind({ ...smallTag, model: 'small@2+abc' })).rejects.toMatchObject({
      code: 'ER_MODEL_MISMATCH',
    })
    await store.bind(smallTag)
    await store.upsert([rowAt(1)])
    await expect(store.bind({ model: smallTag.model, dimensions: 16 })).rejects.toThrow(/8 numbers/)
    const long = { ...rowAt(2), vector: new Float32Array(16).fill(1) }
    await expect(store.upsert([rowAt(3), long])).rejects.toMatchObject({ code: 'ER_MODEL_MISMATCH' })
    await expect(store.search(new Float32Array(4), { limit: 1 })).rejects.toMatchObject({
      code: 'ER_MODEL_MISMATCH',
    })
    expect(await store.count()).toBe(1)
    await store.close()
  })

  test('holds nothing at first, and finds nothing', async () => {
    const store = await bound()
    expect(await store.search(at(1), { limit: 5 })).toEqual([])
    expect([await store.count(), await store.collections(), await store.remove({})]).toEqual([0, [], 0])
    expect((await store.vectorsOf(['x'])).size).toBe(0)
    await store.close()
  })
}
