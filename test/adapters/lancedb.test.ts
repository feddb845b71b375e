/** The LanceDB store: the contract, what outlives a process, who may write, and how its folder is kept in order. */
import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from '@lancedb/lancedb'
import { expect, test } from 'vitest'
import { openLanceStore } from '../../src/adapters/lancedb.ts'
import { at, holdsTheContract, rowAt, smallTag } from '../evidence/vectors/store-contract.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
let stores = 0
const place = () => join(folder.path, `store-${++stores}`)

holdsTheContract(() => openLanceStore(place()))

test('what was kept is there after the folder is opened again', async () => {
  const path = place()
  const row = rowAt(30, { title: 'T', metadata: { page: 1 } })
  {
    await using store = await openLanceStore(path)
    await store.bind(smallTag)
    await store.upsert([row, rowAt(60)])
  }
  await using again = await openLanceStore(path)
  expect(await again.count()).toBe(2)
  await again.bind(smallTag)
  const [found] = await again.search(at(30), { limit: 1, vectors: true })
  expect(found).toEqual({ ...row, similarity: found?.similarity })
  expect(found?.similarity).toBeCloseTo(1, 6)
})

test('another model is refused after the folder is opened again, and nothing is mixed', async () => {
  const path = place()
  const first = await openLanceStore(path)
  await first.bind(smallTag)
  await first.upsert([rowAt(1)])
  await first.close()
  await using store = await openLanceStore(path)
  await expect(store.bind({ ...smallTag, model: 'other@1+def' })).rejects.toMatchObject({
    code: 'ER_MODEL_MISMATCH',
    message: expect.stringMatching(/small@1\+abc.*other@1\+def/),
  })
  await expect(store.upsert([rowAt(2)])).rejects.toMatchObject({ code: 'ER_INPUT' })
  expect(await store.count()).toBe(1)
})

test('one process writes; a second one is told which, and may read what the first has written', async () => {
  const path = place()
  const writer = await openLanceStore(path)
  await writer.bind(smallTag)
  await expect(openLanceStore(path)).rejects.toMatchObject({
    code: 'ER_STORE',
    retryable: true,
    message: expect.stringContaining(`process ${process.pid}`),
  })
  await using reader = await openLanceStore(path, { readOnly: true })
  await reader.bind(smallTag)
  expect(await reader.search(at(1), { limit: 1 })).toEqual([])
  await writer.upsert([rowAt(1)])
  expect(await reader.count()).toBe(1)
  await expect(reader.upsert([rowAt(2)])).rejects.toMatchObject({ code: 'ER_STORE' })
  await writer.close()
  await using next = await openLanceStore(path)
  expect(await next.count()).toBe(1)
})

test('a writer that was killed is no hindrance, and what it had written is there', async () => {
  const path = place()
  const adapter = JSON.stringify(join(import.meta.dirname, '..', '..', 'src', 'adapters', 'lancedb.ts'))
  const script = `
    import { openLanceStore } from ${adapter}
    const store = await openLanceStore(${JSON.stringify(path)})
    await store.bind(${JSON.stringify(smallTag)})
    const vector = Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0)
    const row = { collection: 'c', text: 'x', sourceId: 's', contentHash: 'h', vector, at: 1 }
    await store.upsert([{ ...row, id: 'a' }, { ...row, id: 'b' }])
    process.kill(process.pid, 'SIGKILL')`
  const { signal, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    encoding: 'utf8',
    timeout: 30_000,
  })
  expect(signal, stderr).toBe('SIGKILL')
  await using store = await openLanceStore(path)
  expect(await store.count()).toBe(2)
})

test('pieces are joined after so many writes', async () => {
  const path = place()
  await using store = await openLanceStore(path, { optimizeEvery: 5 })
  await store.bind(smallTag)
  for (let turn = 0; turn < 10; turn += 1) await store.upsert([rowAt(turn)])
  await store.settled()
  const table = await (await connect(path)).openTable('passages')
  expect((await table.stats()).fragmentStats.numFragments).toBeLessThanOrEqual(2)
  expect(await store.count()).toBe(10)
})

test('pieces that many processes have left, one or two each, are joined as well', async () => {
  const path = place()
  for (let turn = 0; turn < 9; turn += 1) {
    await using store = await openLanceStore(path, { optimizeEvery: 5 })
    await store.bind(smallTag)
    await store.upsert([rowAt(turn)])
  }
  const table = await (await connect(path)).openTable('passages')
  expect((await table.stats()).fragmentStats.numFragments).toBeLessThan(7)
  expect(await table.countRows()).toBe(9)
})

test('an index is made from so many rows, and finds what comparing every row finds', async () => {
  await using store = await openLanceStore(place(), { indexFrom: 300 })
  await store.bind({ model: 'm', dimensions: 16 })
  let seed = 7
  const random = () => {
    seed = (seed * 1_664_525 + 1_013_904_223) >>> 0
    return seed / 2 ** 32 - 0.5
  }
  const vectors = Array.from({ length: 600 }, () => Float32Array.from({ length: 16 }, random))
  const rowOf = (vector: Float32Array, number: number) => rowAt(number, { vector })
  await store.upsert(vectors.slice(0, 400).map(rowOf))
  await store.settled()
  // These come after the index.
  await store.upsert(vectors.slice(400).map((vector, index) => rowOf(vector, 400 + index)))
  const cosine = (a: Float32Array, b: Float32Array) => {
    const dot = (x: Float32Array, y: Float32Array) =>
      x.reduce((sum, each, index) => sum + each * (y[index] as number), 0)
    return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
  }
  let hits = 0
  for (const query of vectors.slice(380, 420)) {
    const nearest = vectors
      .map((vector, number) => ({ text: rowOf(vector, number).text, near: cosine(query, vector) }))
      .sort((a, b) => b.near - a.near)
      .slice(0, 5)
    const found = await store.search(query, { limit: 5 })
    expect(found[0]?.text).toBe(nearest[0]?.text)
    expect(found[0]?.similarity).toBeCloseTo(1, 4)
    hits += found.filter(({ text }) => nearest.some(each => each.text === text)).length
  }
  expect(hits / 200).toBeGreaterThanOrEqual(0.95)
  const path = join(folder.path, `store-${stores}`, 'passages.lance')
  expect(readdirSync(join(path, '_indices')).length).toBeGreaterThan(0)
})

test('with a text its words are looked for, too, in what was indexed and in what came later', async () => {
  await using store = await openLanceStore(place())
  await store.bind(smallTag)
  const plain = Array.from({ length: 40 }, (_, degrees) => rowAt(degrees))
  await store.upsert([...plain, rowAt(120, { text: 'Valve PX-7741 was replaced.' })])
  await store.settled()
  await store.upsert([rowAt(150, { text: 'Valve QR-5 leaks.' })])
  const search = async (text: string, more: object = {}) => {
    const found = await store.search(at(0), { limit: 5, text, ...more })
    return found.map(match => match.text)
  }
  expect(await search('Which valve is PX-7741?')).toContain('Valve PX-7741 was replaced.')
  expect(await search('Which valve is QR-5?')).toContain('Valve QR-5 leaks.')
  expect(await search('Which valve is PX-7741?', { collection: 'none' })).toEqual([])
  expect(await search('!?')).toEqual([0, 1, 2, 3, 4].map(degrees => rowAt(degrees).text))
  const [found] = await store.search(at(120), { limit: 1, text: 'PX-7741', vectors: true })
  expect(found).toMatchObject({ text: 'Valve PX-7741 was replaced.', vector: at(120) })
  expect(found?.similarity).toBeCloseTo(1, 5)
})

test('without an index of words the vector alone decides, however the rows lie there', async () => {
  const path = place()
  {
    await using store = await openLanceStore(path)
    await store.bind(smallTag)
    // The farthest lies first: LanceDB finds words without an index as well, and gives the rows as they lie.
    for (const [degrees, text] of [
      [80, 'The third has it.'],
      [60, 'The second has it.'],
      [0, 'The first has it, as the question says.'],
    ] as const)
      await store.upsert([rowAt(degrees, { text })])
  }
  const table = await (await connect(path)).openTable('passages')
  for (const { name } of await table.listIndices()) await table.dropIndex(name)
  await using store = await openLanceStore(path, { readOnly: true })
  await store.bind(smallTag)
  const found = await store.search(at(0), { limit: 3, text: 'Has the first got it, as the question says?' })
  expect(found.map(({ text }) => text.split(' ')[1])).toEqual(['first', 'second', 'third'])
})

test('a folder of another program is told from one of ours', async () => {
  const path = place()
  const other = await connect(path)
  await other.createTable('passages', [{ id: 1, vector: [0.1, 0.2] }])
  await expect(openLanceStore(path)).rejects.toMatchObject({
    code: 'ER_STORE',
    message: expect.stringContaining('another folder'),
  })
})
