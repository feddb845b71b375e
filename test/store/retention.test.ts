/** What is dropped: what is too old, and the oldest of what is too much; never an instance that runs or waits. */
import { randomUUID } from 'node:crypto'
import { statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { sampleEntry, sampleInstance, sampleTrace, valueIn } from './samples.ts'

const folder = temporaryFolder()
const freshPath = () => join(folder.path, `${randomUUID()}.db`)
const dayMs = 86_400_000

async function open(path: string, options: StoreOptions = {}): Promise<Store> {
  const store = await openStore(path, options)
  onTestFinished(() => store.close())
  return store
}

/** Lets the test say what day it is. */
function calendar(): (day: number) => void {
  vi.useFakeTimers({ toFake: ['Date'], now: 0 })
  onTestFinished(() => void vi.useRealTimers())
  return day => void vi.setSystemTime(Date.UTC(2026, 0, 1) + day * dayMs)
}

const idsOf = async (store: Store) => (await store.traces.list()).map(({ id }) => id).toSorted()

describe('retention by days', () => {
  test('drops what is older when a store is opened', async () => {
    const setDay = calendar()
    const path = freshPath()
    for (const day of [0, 20]) {
      setDay(day)
      await using store = await openStore(path)
      store.traces.write(sampleTrace(`day-${day}`))
      store.memo.set(`day-${day}`, sampleEntry(day))
      store.profiles.note(`day-${day}`, true, {})
      for (const status of ['running', 'paused', 'completed', 'failed', 'cancelled'] as const)
        await store.instances.save(sampleInstance(`${status}-${day}`, 0, { status }))
    }
    setDay(31)
    const store = await open(path)
    await store.flush()
    expect(await idsOf(store)).toEqual(['day-20'])
    expect(await store.memo.get('day-0')).toBeUndefined()
    expect(await store.memo.get('day-20')).toBeDefined()
    expect(store.profiles.get('day-0')).toBeUndefined()
    expect((await store.instances.list()).map(({ id }) => id)).toEqual([
      'paused-0',
      'running-0',
      'cancelled-20',
      'completed-20',
      'failed-20',
      'paused-20',
      'running-20',
    ])
    expect(store.figures.removed).toBe(6)
  })

  test('drops it from a store that stays open, too, once something is written', async () => {
    const setDay = calendar()
    setDay(0)
    const store = await open(freshPath(), { retainDays: 2 })
    store.traces.write(sampleTrace('old'))
    await store.flush()
    setDay(3)
    store.traces.write(sampleTrace('new'))
    await store.flush()
    expect(await idsOf(store)).toEqual(['new'])
  })

  test('drops however much there is', async () => {
    const path = freshPath()
    const at = new Date(Date.now() - 40 * dayMs).toISOString()
    await using before = await openStore(path, { retainDays: 100 })
    for (let run = 0; run < 500; run += 1) before.traces.write(sampleTrace(`${run}`, { at }))
    before.traces.write(sampleTrace('today'))
    await before.flush()
    const store = await open(path)
    await store.flush()
    expect(await idsOf(store)).toEqual(['today'])
    expect(store.figures.removed).toBe(500)
  })
})

describe('retention by bytes', () => {
  const retainBytes = 400_000

  test('drops the oldest of all kinds while the file holds more', async () => {
    const setDay = calendar()
    const path = freshPath()
    const store = await open(path, { retainBytes, memoBytes: retainBytes, keepInputs: true })
    const text = 'x'.repeat(20_000)
    for (let day = 0; day < 20; day += 1) {
      setDay(day)
      store.traces.write(sampleTrace(`${day}`.padStart(2, '0'), { inputs: text }))
      store.memo.set(`${day}`, sampleEntry(text))
      await store.instances.save(
        sampleInstance(`${day}`, 0, { status: day % 2 === 0 ? 'completed' : 'paused', state: text }),
      )
      await store.flush()
      expect(store.figures.usedBytes).toBeLessThanOrEqual(retainBytes)
    }
    const traces = await idsOf(store)
    expect(traces.length).toBeGreaterThan(1)
    // The newest of them, without a gap.
    expect(traces).toEqual(
      Array.from({ length: traces.length }, (_, index) => `${20 - traces.length + index}`),
    )
    const kept = (await store.instances.list()).map(({ id }) => Number(id))
    expect(kept.filter(day => day % 2 === 1)).toHaveLength(10)
    expect(kept.filter(day => day % 2 === 0).length).toBeLessThan(10)
    expect(await store.memo.get('0')).toBeUndefined()
    expect(await store.memo.get('19')).toBeDefined()
  })

  test('ends when there is nothing left that may be dropped', async () => {
    const store = await open(freshPath(), { retainBytes: 1 })
    await store.instances.save(sampleInstance('i', 0))
    store.traces.write(sampleTrace('run'))
    await store.flush()
    expect(await idsOf(store)).toEqual([])
    expect((await store.instances.list()).map(({ id }) => id)).toEqual(['i'])
  })

  test('makes the file smaller when much of it has become free', async () => {
    const path = freshPath()
    await using store = await openStore(path, { keepInputs: true })
    for (let run = 0; run < 40; run += 1)
      store.traces.write(sampleTrace('run', { inputs: 'x'.repeat(50_000) }))
    await store.close()
    const before = statSync(path).size
    await using again = await openStore(path)
    await again.traces.remove('run')
    again.traces.write(sampleTrace('new'))
    await again.flush()
    await again.close()
    expect(statSync(path).size).toBeLessThan(before / 2)
    expect(valueIn(path, 'PRAGMA integrity_check')).toBe('ok')
  })
})
