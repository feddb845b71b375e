/** The vector store in memory: the contract, and what it drops when it is full. */
import { expect, test } from 'vitest'
import { MemoryVectorStore } from '../../../src/evidence/vectors/memory.ts'
import { at, holdsTheContract, rowAt, smallTag } from './store-contract.ts'

holdsTheContract(async () => new MemoryVectorStore())

test('drops what was used longest ago beyond its rows', async () => {
  const store = new MemoryVectorStore({ maxRows: 3 })
  await store.bind(smallTag)
  await store.upsert([rowAt(10), rowAt(20), rowAt(30)])
  await store.search(at(10), { limit: 1 })
  await store.upsert([rowAt(40)])
  const found = await store.search(at(0), { limit: 9 })
  expect(found.map(({ text }) => text)).toEqual([10, 30, 40].map(degrees => rowAt(degrees).text))
})

test('keeps to its bytes, and counts a replaced row once', async () => {
  const long = (degrees: number) => rowAt(degrees, { text: `${degrees} ${'x'.repeat(1000)}` })
  const store = new MemoryVectorStore({ maxBytes: 8000 })
  await store.bind(smallTag)
  for (let turn = 0; turn < 20; turn += 1) await store.upsert([long(1)])
  await store.upsert([long(2), long(3)])
  expect(await store.count()).toBe(3)
  await store.upsert([long(4), long(5)])
  expect(await store.count()).toBe(3)
})

test('keeps copies: what its caller does to a vector later changes nothing', async () => {
  const store = new MemoryVectorStore()
  await store.bind(smallTag)
  const row = rowAt(10)
  await store.upsert([row])
  row.vector.fill(9)
  const [found] = await store.search(at(10), { limit: 1, vectors: true })
  expect(found?.vector).toEqual(at(10))
  found?.vector?.fill(7)
  expect((await store.vectorsOf([row.id])).get(row.id)).toEqual(at(10))
})
