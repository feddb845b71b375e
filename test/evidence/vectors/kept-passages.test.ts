/** Passages from request to request: what is written when, and that nothing an answer does waits for the store. */
import { afterEach, expect, test, vi } from 'vitest'
import { KeptPassages, requestsCollection } from '../../../src/evidence/vectors/kept-passages.ts'
import { MemoryVectorStore } from '../../../src/evidence/vectors/memory.ts'
import { rowId, type VectorRow } from '../../../src/evidence/vectors/store.ts'
import { PassageWriter } from '../../../src/evidence/vectors/writer.ts'
import { at, rowAt, smallTag } from './store-contract.ts'

afterEach(() => {
  vi.useRealTimers()
})

const rows = (count: number, from = 0) => Array.from({ length: count }, (_, index) => rowAt(from + index))

test('rows wait for others, and are written together', async () => {
  vi.useFakeTimers()
  const writes: number[] = []
  const writer = new PassageWriter(
    async batch => {
      writes.push(batch.length)
    },
    { batchRows: 10, waitMs: 500 },
  )
  writer.note(rows(3))
  writer.note(rows(3, 2))
  await vi.advanceTimersByTimeAsync(499)
  expect(writes).toEqual([])
  await vi.advanceTimersByTimeAsync(1)
  expect(writes).toEqual([5])
  writer.note(rows(12, 20))
  await vi.advanceTimersByTimeAsync(0)
  expect(writes).toEqual([5, 12])
  expect(writer.figures).toEqual({ waiting: 0, written: 17, dropped: 0, lastError: null })
})

test('one write at a time, and what comes meanwhile goes with the next', async () => {
  let release = () => {}
  const writes: VectorRow[][] = []
  let underWay = 0
  const writer = new PassageWriter(
    async batch => {
      underWay += 1
      expect(underWay).toBe(1)
      writes.push(batch)
      await new Promise<void>(resolve => {
        release = resolve
      })
      underWay -= 1
    },
    { batchRows: 1 },
  )
  writer.note(rows(1))
  await vi.waitFor(() => expect(writes.length).toBe(1))
  writer.note(rows(1, 5))
  writer.note(rows(2, 6))
  const flushed = writer.flush()
  release()
  await vi.waitFor(() => expect(writes.length).toBe(2))
  release()
  await flushed
  expect(writes.map(batch => batch.length)).toEqual([1, 3])
})

test('a write that fails is told and counted, and the next one goes on', async () => {
  const told: unknown[] = []
  let fails = true
  const writer = new PassageWriter(
    async () => {
      if (fails) throw new Error('disk full')
    },
    { onError: error => told.push(error) },
  )
  writer.note(rows(4))
  await writer.flush()
  fails = false
  writer.note(rows(2))
  await writer.flush()
  expect(writer.figures).toMatchObject({ written: 2, dropped: 4, lastError: { message: 'disk full' } })
  expect(told).toHaveLength(1)
})

test('too many rows push out the oldest; a store that hangs does not hold up the end', async () => {
  const writer = new PassageWriter(() => new Promise(() => {}), { mostWaiting: 5, closeMs: 20 })
  writer.note(rows(8))
  expect(writer.figures).toMatchObject({ waiting: 5, dropped: 3 })
  await writer.close()
  writer.note(rows(1))
  expect(writer.figures).toMatchObject({ waiting: 0, written: 0 })
  expect(writer.figures.dropped).toBeGreaterThanOrEqual(4)
})

const passage = (degrees: number, contentHash = 'h1') => ({
  text: `It points to ${degrees} degrees.`,
  sourceId: 's1',
  contentHash,
  vector: at(degrees),
})

test('related passages are those of other texts, nearest first', async () => {
  const kept = new KeptPassages(new MemoryVectorStore(), { tag: async () => smallTag })
  kept.note([passage(10, 'own'), passage(20, 'a'), passage(50, 'b')])
  await kept.flush()
  const found = await kept.related(at(0), new Set(['own']), 5)
  expect(found.map(({ contentHash }) => contentHash)).toEqual(['a', 'b'])
  expect(kept.figures).toMatchObject({ written: 3, searches: 1, failedSearches: 0 })
  await kept.close()
})

test('vectors are recalled by id, and a store that fails has none', async () => {
  const store = new MemoryVectorStore()
  const kept = new KeptPassages(store, { tag: async () => smallTag })
  kept.note([passage(10), passage(20)])
  await kept.flush()
  const id = (degrees: number) => rowId(requestsCollection, 's1', passage(degrees).text)
  const found = await kept.recalled([id(10), id(30)])
  expect([...found]).toEqual([[id(10), at(10)]])
  store.vectorsOf = async () => {
    throw new Error('the disk is gone')
  }
  expect((await kept.recalled([id(10)])).size).toBe(0)
  expect(kept.figures).toMatchObject({ recalled: 1, searches: 2, failedSearches: 1 })
  await kept.close()
})

test('a search that hangs is waited for once, and no other is begun until it is over', async () => {
  const store = new MemoryVectorStore()
  let release = () => {}
  let asked = 0
  store.search = () => {
    asked += 1
    return new Promise(resolve => {
      release = () => resolve([])
    })
  }
  const told: unknown[] = []
  const kept = new KeptPassages(store, {
    tag: async () => smallTag,
    relatedWithinMs: 5,
    onError: error => told.push(error),
  })
  expect(await kept.related(at(0), new Set(), 5)).toEqual([])
  expect(await kept.related(at(0), new Set(), 5)).toEqual([])
  expect([asked, told.length]).toEqual([1, 1])
  expect(kept.figures).toMatchObject({ failedSearches: 1, lastError: { code: 'ER_STORE' } })
  release()
  await new Promise(resolve => setImmediate(resolve))
  await kept.related(at(0), new Set(), 5)
  expect(asked).toBe(2)
  release()
  await kept.close()
})

test('another model is refused where somebody waits, and told where nobody does', async () => {
  const store = new MemoryVectorStore()
  await store.bind({ ...smallTag, model: 'other' })
  const told: unknown[] = []
  const kept = new KeptPassages(store, { tag: async () => smallTag, onError: error => told.push(error) })
  await expect(kept.nearest(at(0), 'x', 'c', 1)).rejects.toMatchObject({ code: 'ER_MODEL_MISMATCH' })
  expect(await kept.related(at(0), new Set(), 1)).toEqual([])
  kept.note([passage(1)])
  await kept.flush()
  expect(told).toHaveLength(2)
  expect(kept.figures).toMatchObject({ dropped: 1, lastError: { code: 'ER_MODEL_MISMATCH' } })
})
