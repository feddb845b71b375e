/** What a store does when its file can't be written: nobody's answer waits or fails, and all of it is counted. */
import { randomUUID } from 'node:crypto'
import { copyFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { StoreError } from '../../src/core/errors.ts'
import { openStore, type StoreOptions } from '../../src/store/store.ts'
import { turns } from '../support/condition.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { flawless, sampleEntry, sampleInstance, sampleTrace, valueIn } from './samples.ts'

const folder = temporaryFolder()

/** A store with what it told. */
async function open(options: StoreOptions = {}) {
  const path = join(folder.path, `${randomUUID()}.db`)
  const told: StoreError[] = []
  const store = await openStore(path, { ...options, onError: error => told.push(error) })
  onTestFinished(() => store.close())
  return { path, store, told }
}

/** Another connection that holds the write lock until it is told to let go. */
function lock(path: string): () => void {
  const other = new DatabaseSync(path)
  onTestFinished(() => other.close())
  other.exec('BEGIN IMMEDIATE')
  return () => other.exec('ROLLBACK')
}

describe('a locked file', () => {
  test('lets everything wait in memory, tells once, and is written when it is free', async () => {
    const { path, store, told } = await open({ busyTimeoutMs: 0 })
    const free = lock(path)
    store.traces.write(sampleTrace('run'))
    store.memo.set('key', sampleEntry(1))
    store.profiles.note('key', true, { timeMs: 1 })
    expect(await store.flush()).toBe(false)
    expect(await store.flush()).toBe(false)
    expect(store.figures).toMatchObject({ pending: 3, written: 0, dropped: 0, faults: { locked: 2 } })
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ name: 'StoreError', code: 'ER_STORE', retryable: true })
    expect(await store.memo.get('key')).toEqual(sampleEntry(1))
    expect(store.profiles.get('key')).toMatchObject({ runs: 1 })
    free()
    expect(await store.flush()).toBe(true)
    expect(store.figures).toMatchObject({ pending: 0, written: 3, dropped: 0 })
    expect(store.profiles.get('key')).toMatchObject({ runs: 1 })
    expect(await store.traces.get('run')).toMatchObject({ id: 'run' })
  })

  test('that is soon free again is nothing to speak of', async () => {
    const { path, store, told } = await open({ busyTimeoutMs: 60_000 })
    const free = lock(path)
    store.traces.write(sampleTrace('run'))
    const reading = store.traces.get('run')
    await turns(10)
    expect(store.figures.pending).toBe(1)
    free()
    expect(await reading).toMatchObject({ id: 'run' })
    expect(store.figures).toMatchObject({ ...flawless, written: 1 })
    expect(told).toEqual([])
  })

  test('is tried again without anybody asking, again and again', async () => {
    const { path, store, told } = await open({ busyTimeoutMs: 1000 })
    const free = lock(path)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    store.traces.write(sampleTrace('run'))
    await vi.advanceTimersByTimeAsync(20_000)
    expect(store.figures.faults.locked).toBeGreaterThan(1)
    expect(told).toHaveLength(1)
    free()
    await vi.advanceTimersByTimeAsync(60_000)
    await turns()
    expect(store.figures).toMatchObject({ pending: 0, written: 1 })
  })

  test('is waited for by whoever saves an instance', async () => {
    const { path, store } = await open({ busyTimeoutMs: 60_000 })
    const free = lock(path)
    let isSaved = false
    const saving = store.instances.save(sampleInstance('i', 0)).then(() => {
      isSaved = true
    })
    await turns(10)
    expect(isSaved).toBe(false)
    free()
    await saving
    expect(valueIn(path, 'SELECT step FROM instances')).toBe(0)
  })

  test('fails the saving of an instance when it has waited long enough', async () => {
    const { path, store } = await open({ busyTimeoutMs: 0 })
    lock(path)
    await expect(store.instances.save(sampleInstance('i', 0))).rejects.toMatchObject({
      name: 'StoreError',
      retryable: true,
      message: expect.stringContaining('is locked by another process; try again'),
    })
    expect(await store.instances.load('i')).toBeUndefined()
  })

  test('does not keep close() for ever; what could not be written is counted', async () => {
    const { path, store } = await open()
    lock(path)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    onTestFinished(() => void vi.useRealTimers())
    store.traces.write(sampleTrace('run'))
    const closing = store.close()
    await vi.advanceTimersByTimeAsync(6000)
    await closing
    expect(store.figures).toMatchObject({ pending: 0, written: 0, dropped: 1 })
  })
})

describe('a full disk', () => {
  test('is told once, keeps what waits, and hinders nobody from reading', async () => {
    const { store, told } = await open({ maxFileBytes: 300_000, keepInputs: true })
    const inputs = 'x'.repeat(10_000)
    for (let run = 0; run < 100; run += 1) store.traces.write(sampleTrace(`${run}`, { inputs }))
    expect(await store.flush()).toBe(false)
    const { written, pending, faults } = store.figures
    expect(faults.full).toBeGreaterThan(0)
    expect(written + pending).toBe(100)
    expect(told.map(({ message }) => message)).toEqual([expect.stringContaining('There is no room left')])
    // Reading tries to write once more, and less of it at a time may still fit.
    const listed = await store.traces.list()
    expect(listed).toHaveLength(store.figures.written)
    expect(listed.length).toBeGreaterThanOrEqual(written)
    await expect(
      store.instances.save(sampleInstance('i', 0, { state: 'x'.repeat(300_000) })),
    ).rejects.toMatchObject({ name: 'StoreError', code: 'ER_STORE', retryable: false })
  })

  test('is written again when there is room', async () => {
    const { store } = await open({ maxFileBytes: 400_000, keepInputs: true })
    const write = (id: string) => store.traces.write(sampleTrace(id, { inputs: 'x'.repeat(50_000) }))
    for (const id of ['a', 'b', 'c', 'd']) write(id)
    expect(await store.flush()).toBe(true)
    for (const id of ['e', 'f', 'g', 'h']) write(id)
    expect(await store.flush()).toBe(false)
    for (const id of ['a', 'b', 'c', 'd']) await store.traces.remove(id)
    expect(await store.flush()).toBe(true)
    expect((await store.traces.list()).map(({ id }) => id).toSorted()).toEqual(['e', 'f', 'g', 'h'])
  })
})

describe('a file that is gone', () => {
  test.each([
    ['removed', (path: string) => rmSync(path)],
    ['moved away', (path: string) => renameSync(path, `${path}.old`)],
    [
      'replaced',
      (path: string) => {
        copyFileSync(path, `${path}.copy`)
        renameSync(`${path}.copy`, path)
      },
    ],
  ])('because it was %s takes nothing more, and says so', async (_, spoil) => {
    const { path, store, told } = await open()
    await store.instances.save(sampleInstance('i', 0))
    spoil(path)
    await expect(store.instances.save(sampleInstance('i', 1))).rejects.toMatchObject({
      name: 'StoreError',
      retryable: false,
      message: expect.stringContaining('was moved away or removed; open the store again'),
    })
    store.traces.write(sampleTrace('run'))
    expect(await store.flush()).toBe(false)
    expect(store.figures).toMatchObject({ written: 0, pending: 1, faults: { gone: 1 } })
    expect(told).toHaveLength(1)
    expect((await store.instances.load('i'))?.step).toBe(0)
    await store.close()
    expect(store.figures).toMatchObject({ dropped: 1, pending: 0 })
  })
})

describe('what waits in memory', () => {
  test('is bounded by records: the oldest go, and are counted', async () => {
    const { store, told } = await open({ mostPending: 10 })
    for (let run = 0; run < 25; run += 1) store.traces.write(sampleTrace(`${run}`))
    expect(store.figures).toMatchObject({ pending: 10, dropped: 15, faults: { overflow: 15 } })
    expect(told).toHaveLength(1)
    const kept = (await store.traces.list()).map(({ id }) => Number(id)).toSorted((a, b) => a - b)
    expect(kept).toEqual(Array.from({ length: 10 }, (_, index) => index + 15))
  })

  test('is bounded by bytes, whatever it is', async () => {
    const { store } = await open({ mostPendingBytes: 1_000_000, keepInputs: true })
    for (let run = 0; run < 50; run += 1) {
      store.traces.write(sampleTrace(`${run}`, { inputs: { text: 'x'.repeat(50_000) } }))
      store.memo.set(`${run}`, sampleEntry({ data: new Float32Array(20_000) }))
      expect(store.figures.pendingBytes).toBeLessThanOrEqual(1_000_000)
    }
    const { pending, dropped } = store.figures
    expect(pending + dropped).toBe(100)
    expect(pending).toBeGreaterThan(4)
    // What was dropped is not found in memory either.
    expect(await store.memo.get('0')).toBeUndefined()
    expect(await store.memo.get('49')).toBeDefined()
  })

  test('takes a record that is larger than the bound, alone', async () => {
    const { store } = await open({ mostPendingBytes: 1000 })
    store.memo.set('key', sampleEntry('x'.repeat(10_000)))
    expect(store.figures).toMatchObject({ pending: 1, dropped: 0 })
    await store.flush()
    expect(store.figures).toMatchObject({ ...flawless, written: 1 })
  })
})

describe('onError', () => {
  test('hears of each kind of fault at most once a minute', async () => {
    const { path, store, told } = await open({ mostPending: 2, busyTimeoutMs: 0 })
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const free = lock(path)
    for (let minute = 0; minute < 3; minute += 1) {
      for (let run = 0; run < 5; run += 1) {
        store.traces.write(sampleTrace('run'))
        await store.flush()
      }
      vi.advanceTimersByTime(60_000)
    }
    free()
    const words = told.map(({ message }) => (message.includes('locked') ? 'locked' : 'overflow'))
    expect(words.toSorted()).toEqual(['locked', 'locked', 'locked', 'overflow', 'overflow', 'overflow'])
    expect(store.figures.faults).toMatchObject({ locked: 15, overflow: 13 })
  })

  test('may throw; that is its own affair', async () => {
    const path = join(folder.path, `${randomUUID()}.db`)
    const store = await openStore(path, {
      onError: () => {
        throw new Error('mine')
      },
    })
    store.traces.write(sampleTrace('run', { facts: { run: () => 1 } }))
    expect(await store.flush()).toBe(true)
    await store.close()
    expect(store.figures).toMatchObject({ dropped: 1, faults: { unkept: 1 } })
  })
})

test('a file that is written over by something else is told of, and nothing is thrown where nobody waits', async () => {
  const { path, store, told } = await open()
  for (let run = 0; run < 50; run += 1) store.traces.write(sampleTrace(`${run}`))
  await store.close()
  writeFileSync(path, Buffer.alloc(40_000, 'spoilt'), { flag: 'r+' })
  await expect(openStore(path)).rejects.toMatchObject({ name: 'StoreError' })
  expect(told).toEqual([])
})
