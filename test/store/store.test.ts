/** What is written is found again, in this process and the next; what nobody waits for is written off the path. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { StoredTrace } from '../../src/plan/ports.ts'
import { openStore, type Store, type StoreOptions } from '../../src/store/store.ts'
import { turns } from '../support/condition.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { flawless, sampleEntry, sampleInstance, sampleTrace, valueIn } from './samples.ts'

const folder = temporaryFolder()
const freshPath = () => join(folder.path, `${randomUUID()}.db`)

async function open(path = freshPath(), options: StoreOptions = {}): Promise<Store> {
  const store = await openStore(path, options)
  onTestFinished(() => store.close())
  return store
}

/** Closes the store and opens its file again. */
async function reopened(store: Store, path: string): Promise<Store> {
  await store.close()
  expect(store.figures).toMatchObject(flawless)
  return open(path)
}

describe('traces', () => {
  test('are found by id and by the beginning of their hash, now and in the next process', async () => {
    const path = freshPath()
    const store = await open(path)
    const trace = sampleTrace('run-1', {
      status: 'failed',
      facts: { vector: Float32Array.of(0.5), none: Number.NaN },
    })
    store.traces.write(trace)
    store.traces.write(sampleTrace('run-2'))
    expect(await store.traces.get('run-1')).toEqual(trace)
    const next = await reopened(store, path)
    expect(await next.traces.get('run-1')).toEqual(trace)
    expect(await next.traces.get(trace.record.hash)).toEqual(trace)
    expect(await next.traces.get(trace.record.hash.slice(0, 12))).toEqual(trace)
    expect(await next.traces.get('run-3')).toBeUndefined()
    expect(await next.traces.get(trace.record.hash.slice(0, 3))).toBeUndefined()
  })

  test('are all kept when runs share an id or a hash; the newest is meant', async () => {
    const store = await open()
    const [first, second] = [1, 2].map(turn => sampleTrace('again', { input: 'same', facts: { turn } }))
    store.traces.write(first as StoredTrace)
    store.traces.write(second as StoredTrace)
    expect(await store.traces.get('again')).toEqual(second)
    expect(await store.traces.get((first as StoredTrace).record.hash.slice(0, 8))).toEqual(second)
    expect(await store.traces.list()).toHaveLength(2)
  })

  test('are not guessed when a beginning fits several hashes', async () => {
    const store = await open()
    const beginnings = new Set<string>()
    let twice: string | undefined
    for (let turn = 0; twice === undefined; turn += 1) {
      const trace = sampleTrace(`run ${turn}`)
      store.traces.write(trace)
      const beginning = trace.record.hash.slice(0, 4)
      if (beginnings.has(beginning)) twice = beginning
      beginnings.add(beginning)
    }
    await expect(store.traces.get(twice)).rejects.toMatchObject({ code: 'ER_INPUT' })
  })

  test('are listed from the newest, by subject and time, without their inputs', async () => {
    const store = await open(freshPath(), { keepInputs: true })
    const days = ['2026-01-01', '2026-01-03', '2026-01-02']
    const at = (day = '') => new Date(`${day}T00:00:00Z`)
    vi.useFakeTimers({ toFake: ['Date'], now: at('2026-01-04') })
    onTestFinished(() => void vi.useRealTimers())
    for (const [index, day] of days.entries()) {
      const subject = index === 2 ? 'plan' : 'evidence.enhance'
      store.traces.write(sampleTrace(day, { at: at(day).toISOString(), subject, inputs: { claim: 'x' } }))
    }
    const idsOf = async (...options: Parameters<Store['traces']['list']>) =>
      (await store.traces.list(...options)).map(({ id }) => id)
    expect(await idsOf()).toEqual(['2026-01-03', '2026-01-02', '2026-01-01'])
    expect(await idsOf({ limit: 2 })).toEqual(['2026-01-03', '2026-01-02'])
    expect(await idsOf({ subject: 'plan' })).toEqual(['2026-01-02'])
    expect(await idsOf({ since: at('2026-01-02') })).toEqual(['2026-01-03', '2026-01-02'])
    expect(await idsOf({ since: '2026-01-03T00:00:00.000Z' })).toEqual(['2026-01-03'])
    expect(await idsOf({ limit: 0 })).toEqual([])
    expect(Object.keys((await store.traces.list())[0] ?? {})).not.toContain('inputs')
    await expect(store.traces.list({ limit: -1 })).rejects.toMatchObject({ code: 'ER_INPUT' })
    await expect(store.traces.list({ since: 'yesterday' })).rejects.toMatchObject({ code: 'ER_INPUT' })
  })

  test('keep what runs were given only where that was asked for', async () => {
    const inputs = { context: { claim: 'the secret claim', vector: Float32Array.of(1, 2) } }
    for (const keepInputs of [false, true]) {
      const path = freshPath()
      const store = await open(path, { keepInputs })
      store.traces.write(sampleTrace('run', { inputs }))
      expect((await store.traces.get('run'))?.inputs).toEqual(keepInputs ? inputs : undefined)
      expect(valueIn(path, "SELECT count(*) FROM traces WHERE instr(inputs, 'the secret claim')")).toBe(
        keepInputs ? 1 : 0,
      )
    }
  })

  test('are gone once removed, by id or by hash, all that are meant', async () => {
    const store = await open()
    const same = sampleTrace('one', { input: 'same' })
    for (const id of ['one', 'one', 'two', 'three']) store.traces.write({ ...same, id })
    store.traces.write(sampleTrace('other'))
    expect(await store.traces.remove('one')).toBe(2)
    expect(await store.traces.remove(same.record.hash.slice(0, 10))).toBe(2)
    expect(await store.traces.remove('nobody')).toBe(0)
    expect((await store.traces.list()).map(({ id }) => id)).toEqual(['other'])
  })

  test('that can’t be kept are dropped and counted, and nothing is thrown', async () => {
    const told: unknown[] = []
    const store = await open(freshPath(), { onError: error => told.push(error), keepInputs: true })
    const circle: { self?: unknown } = {}
    circle.self = circle
    const hostile = {
      get claim() {
        throw new Error('mine')
      },
    }
    store.traces.write(sampleTrace('function', { facts: { run: () => 1 } }))
    store.traces.write(sampleTrace('circle', { facts: circle }))
    store.traces.write(sampleTrace('hostile', { inputs: hostile }))
    store.traces.write(undefined as unknown as StoredTrace)
    store.traces.write(sampleTrace('fine'))
    expect((await store.traces.list()).map(({ id }) => id)).toEqual(['fine'])
    expect(store.figures).toMatchObject({
      written: 1,
      dropped: 4,
      faults: { unkept: 4 },
      pending: 0,
      pendingBytes: 0,
    })
    expect(told).toHaveLength(1)
    expect(told[0]).toMatchObject({ name: 'StoreError', code: 'ER_STORE', retryable: false })
  })

  test('are written between turns of the event loop, few at a time', async () => {
    const path = freshPath()
    const store = await open(path)
    const trace = sampleTrace('many')
    for (let count = 0; count < 10_000; count += 1) store.traces.write(trace)
    expect(store.figures).toMatchObject({ pending: 10_000, written: 0 })
    let [turnsTaken, before, most] = [0, 0, 0]
    let isDone = false
    const done = store.flush().then(() => {
      isDone = true
    })
    while (!isDone) {
      const { written } = store.figures
      most = Math.max(most, written - before)
      before = written
      turnsTaken += 1
      await turns(1)
    }
    await done
    expect(most).toBeLessThanOrEqual(50)
    expect(turnsTaken).toBeGreaterThanOrEqual(200)
    expect(store.figures).toMatchObject({ ...flawless, written: 10_000 })
    expect(valueIn(path, 'SELECT count(*) FROM traces')).toBe(10_000)
  })

  test('reach the file without anybody asking, a while after they came', async () => {
    const path = freshPath()
    const store = await open(path)
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    store.traces.write(sampleTrace('run'))
    vi.advanceTimersByTime(99)
    await turns()
    expect(store.figures.written).toBe(0)
    vi.advanceTimersByTime(1)
    await turns()
    expect(store.figures).toMatchObject({ written: 1, pending: 0 })
    expect(valueIn(path, 'SELECT count(*) FROM traces')).toBe(1)
  })
})

describe('memo', () => {
  test('gives back what was set, at once and in the next process', async () => {
    const path = freshPath()
    const store = await open(path)
    const entry = {
      value: { output: { count: 2, dimensions: 2, data: Float32Array.of(1, 2, 3, 4) }, none: undefined },
      traceHash: 'a'.repeat(64),
      exactHash: 'b'.repeat(64),
    }
    store.memo.set('key', entry)
    expect(store.memo.get('key')).toEqual(entry)
    expect(store.memo.get('other')).toBeUndefined()
    expect(store.figures.memo).toEqual({ hits: 1, misses: 1 })
    const next = await reopened(store, path)
    expect(await next.memo.get('key')).toStrictEqual(entry)
  })

  test('keeps the last of several values of a key', async () => {
    const store = await open()
    for (const value of [1, 2]) store.memo.set('key', sampleEntry(value))
    await store.flush()
    store.memo.set('key', sampleEntry(3))
    await store.flush()
    expect(await store.memo.get('key')).toEqual(sampleEntry(3))
  })

  test('drops what was used longest ago when it holds too much, and what is larger than all of it', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-01-01') })
    onTestFinished(() => void vi.useRealTimers())
    const path = freshPath()
    const store = await open(path, { memoBytes: 20_000 })
    const text = 'x'.repeat(4000)
    const later = () => vi.setSystemTime(Date.now() + 2000)
    for (const key of ['a', 'b', 'c', 'd']) {
      store.memo.set(key, sampleEntry(text))
      await store.flush()
      later()
    }
    expect(await store.memo.get('a')).toBeDefined()
    await store.flush()
    later()
    for (const key of ['e', 'f']) store.memo.set(key, sampleEntry(text))
    store.memo.set('huge', sampleEntry('x'.repeat(20_000)))
    await store.flush()
    const kept = await Promise.all(
      ['a', 'b', 'c', 'd', 'e', 'f', 'huge'].map(async key => [key, await store.memo.get(key)]),
    )
    expect(kept.filter(([, entry]) => entry !== undefined).map(([key]) => key)).toEqual(['a', 'd', 'e', 'f'])
    const held = valueIn(path, 'SELECT bytes FROM memo_bytes') as number
    expect(held).toBe(valueIn(path, 'SELECT sum(bytes) FROM memo'))
    expect(held).toBeLessThanOrEqual(20_000)
    expect(store.figures.removed).toBe(2)
  })
})

describe('instances', () => {
  test('are in the file when save() resolves, and load as they were saved', async () => {
    const path = freshPath()
    const store = await open(path)
    const last = sampleInstance('i', 2, {
      status: 'failed',
      error: { code: 'ER_INPUT', message: 'no' },
      output: Float32Array.of(1),
    })
    for (const record of [sampleInstance('i', 0), sampleInstance('i', 1), last]) {
      await store.instances.save(record)
      expect(valueIn(path, "SELECT step FROM instances WHERE id = 'i'")).toBe(record.step)
    }
    expect(await store.instances.load('i')).toEqual(last)
    expect(await store.instances.load('j')).toBeUndefined()
    expect(await (await reopened(store, path)).instances.load('i')).toEqual(last)
  })

  test('are listed by status', async () => {
    const store = await open()
    const statuses = ['running', 'paused', 'completed', 'running'] as const
    for (const [index, status] of statuses.entries())
      await store.instances.save(sampleInstance(`${index}`, 0, { status }))
    expect((await store.instances.list('running')).map(({ id }) => id)).toEqual(['0', '3'])
    expect((await store.instances.list()).map(({ id }) => id).toSorted()).toEqual(['0', '1', '2', '3'])
  })

  test.each([
    ['the step that is stored', 4],
    ['an older step', 3],
    ['a step further on', 6],
  ])('are refused at %s: another process has gone on', async (_, step) => {
    const store = await open()
    for (let before = 0; before <= 4; before += 1) await store.instances.save(sampleInstance('i', before))
    const saving = store.instances.save(sampleInstance('i', step))
    await expect(saving).rejects.toMatchObject({ name: 'StoreError', code: 'ER_STORE', retryable: false })
    await expect(saving).rejects.toThrow('another process has gone on')
    expect((await store.instances.load('i'))?.step).toBe(4)
    await store.instances.save(sampleInstance('i', 5))
  })

  test('are begun at step 0: what goes on without a beginning is refused', async () => {
    const store = await open()
    await expect(store.instances.save(sampleInstance('i', 3))).rejects.toThrow('it was removed meanwhile')
    expect(await store.instances.load('i')).toBeUndefined()
  })

  test('that are no plain data are refused', async () => {
    const store = await open()
    await expect(store.instances.save(sampleInstance('i', 0, { state: new Map() }))).rejects.toMatchObject({
      name: 'StoreError',
      retryable: false,
    })
  })
})

describe('profiles', () => {
  test('add up over processes, what is not written yet included', async () => {
    const path = freshPath()
    const [one, two] = [await open(path), await open(path)]
    for (let run = 0; run < 5; run += 1) one.profiles.note('fast', true, { timeMs: 10, tokens: 4 })
    one.profiles.note('fast', false, { timeMs: 10_000 })
    await one.flush()
    two.profiles.note('fast', true, { timeMs: 10, tokens: 10 })
    expect(two.profiles.get('fast')).toMatchObject({ runs: 7, failures: 1, cost: { tokens: 5 } })
    await two.flush()
    expect(one.profiles.get('fast')).toEqual(two.profiles.get('fast'))
    expect(one.profiles.get('slow')).toBeUndefined()
    await two.close()
    expect((await reopened(one, path)).profiles.get('fast')).toMatchObject({ runs: 7, failures: 1 })
  })

  test('wait as one record a key, however often that is noted', async () => {
    const store = await open()
    for (let run = 0; run < 1000; run += 1) store.profiles.note(run % 2 === 0 ? 'a' : 'b', true, {})
    expect(store.figures.pending).toBe(2)
  })
})

describe('openStore()', () => {
  test('keeps nothing in :memory:, and knows everything until it is closed', async () => {
    const store = await open(':memory:')
    store.traces.write(sampleTrace('run'))
    await store.instances.save(sampleInstance('i', 0))
    store.memo.set('key', sampleEntry(1))
    expect(await store.traces.get('run')).toMatchObject({ id: 'run' })
    expect(await store.instances.load('i')).toEqual(sampleInstance('i', 0))
    expect(await (await open(':memory:')).traces.get('run')).toBeUndefined()
  })

  test.each([
    { retainBytes: 0 },
    { retainDays: -1 },
    { mostPending: 1.5 },
    { onError: 'log' },
    { retain: 1 },
  ])('refuses %o', async options => {
    await expect(openStore(freshPath(), options as StoreOptions)).rejects.toMatchObject({ code: 'ER_CONFIG' })
  })

  test('refuses an empty path', async () => {
    await expect(openStore('')).rejects.toMatchObject({ code: 'ER_CONFIG' })
  })

  test('takes keys that are undefined for absent ones', async () => {
    await open(freshPath(), { retainBytes: undefined, retainDays: undefined, onError: undefined })
  })
})

describe('close()', () => {
  test('writes what waits, and is the same end for all who ask', async () => {
    const path = freshPath()
    const store = await open(path)
    for (let run = 0; run < 200; run += 1) store.traces.write(sampleTrace(`${run}`))
    await Promise.all([store.close(), store.close(), store[Symbol.asyncDispose]()])
    expect(valueIn(path, 'SELECT count(*) FROM traces')).toBe(200)
    expect(store.figures).toMatchObject({ ...flawless, written: 200 })
  })

  test('leaves a store that drops what it is given, finds nothing, and says why', async () => {
    const store = await open()
    await store.close()
    store.traces.write(sampleTrace('late'))
    store.memo.set('key', sampleEntry(1))
    store.profiles.note('key', true, {})
    expect(await store.memo.get('key')).toBeUndefined()
    expect(store.profiles.get('key')).toBeUndefined()
    expect(store.figures).toMatchObject({ dropped: 3, pending: 0, faults: {} })
    await expect(store.traces.get('late')).rejects.toMatchObject({ code: 'ER_CLOSED' })
    await expect(store.instances.save(sampleInstance('i', 0))).rejects.toMatchObject({ code: 'ER_CLOSED' })
    expect(await store.flush()).toBe(true)
  })
})
