/** What is kept, and that equal work in flight is done once, whoever of its callers leaves. */
import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { Cache } from '../../src/core/cache.ts'
import { turns } from '../support/condition.ts'

type Value = { readonly text: string; readonly bytes?: number }

const open = (maxEntries = 10, maxBytes = 1000) =>
  new Cache<Value>({ maxEntries, maxBytes, sizeOf: ({ bytes = 1 }) => bytes })

/** Work that ends when the test says so. */
function slowWork() {
  const runs: { signal: AbortSignal; resolve: (value: Value) => void; reject: (error: unknown) => void }[] =
    []
  const work = (signal: AbortSignal) =>
    new Promise<Value>((resolve, reject) => {
      runs.push({ signal, resolve, reject })
    })
  return { runs, work }
}

const forever = () => new AbortController().signal

describe('get() and set()', () => {
  test('keep values and count hits and misses', () => {
    const cache = open()
    expect(cache.get('a')).toBeUndefined()
    cache.set('a', { text: 'a', bytes: 5 })
    expect(cache.get('a')).toEqual({ text: 'a', bytes: 5 })
    expect(cache.figures).toEqual({ entries: 1, bytes: 5, hits: 1, misses: 1, joined: 0, evictions: 0 })
    cache.clear()
    expect(cache.get('a')).toBeUndefined()
    expect(cache.figures).toMatchObject({ entries: 0, bytes: 0 })
  })

  test('never hold more bytes than allowed; the one used longest ago goes first', () => {
    const cache = open(10, 100)
    for (const text of ['a', 'b', 'c']) cache.set(text, { text, bytes: 30 })
    cache.get('a')
    cache.set('d', { text: 'd', bytes: 40 })
    expect(['a', 'b', 'c', 'd'].map(key => cache.get(key)?.text)).toEqual(['a', undefined, 'c', 'd'])
    expect(cache.figures.bytes).toBe(100)
  })

  test('never hold more entries than allowed', () => {
    const cache = open(2)
    for (const text of ['a', 'b', 'c']) cache.set(text, { text })
    expect(cache.figures).toMatchObject({ entries: 2, evictions: 1 })
  })

  test('count as evicted what had to go for others, and nothing else', () => {
    const cache = open(10, 100)
    for (const text of ['a', 'b', 'c']) cache.set(text, { text, bytes: 30 })
    cache.set('c', { text: 'c again', bytes: 35 })
    cache.delete('b')
    cache.set('huge', { text: 'huge', bytes: 101 })
    expect(cache.figures.evictions).toBe(0)
    cache.set('d', { text: 'd', bytes: 90 })
    expect(cache.figures).toMatchObject({ entries: 1, evictions: 2 })
    cache.clear()
    expect(cache.figures.evictions).toBe(2)
  })

  test('do not keep a value that is larger than the whole cache, nor empty it for that', () => {
    const cache = open(10, 100)
    cache.set('a', { text: 'a', bytes: 50 })
    cache.set('huge', { text: 'huge', bytes: 101 })
    expect(cache.get('huge')).toBeUndefined()
    expect(cache.get('a')).toBeDefined()
  })

  test('count a value without size as one byte', () => {
    const cache = open()
    cache.set('a', { text: 'a', bytes: 0 })
    expect(cache.get('a')).toBeDefined()
  })

  test.each([
    [0, 100],
    [10, 0],
  ])('keep nothing with %i entries and %i bytes', (entries, bytes) => {
    const cache = open(entries, bytes)
    cache.set('a', { text: 'a' })
    expect(cache.get('a')).toBeUndefined()
    expect(cache.figures.entries).toBe(0)
  })
})

describe('delete()', () => {
  test('drops one value and says whether there was one', () => {
    const cache = open()
    cache.set('a', { text: 'a' })
    cache.set('b', { text: 'b' })
    expect([cache.delete('a'), cache.delete('a')]).toEqual([true, false])
    expect([cache.has('a'), cache.has('b')]).toEqual([false, true])
    expect(open(0).delete('a')).toBe(false)
  })

  test('lets go of a run in flight: nobody joins it, and what comes of it is not kept', async () => {
    const cache = open()
    const { runs, work } = slowWork()
    const before = cache.share('a', forever(), work)
    cache.delete('a')
    const after = cache.share('a', forever(), work)
    expect(runs).toHaveLength(2)
    runs[1]?.resolve({ text: 'new' })
    expect(await after).toEqual({ value: { text: 'new' }, joined: false })
    runs[0]?.resolve({ text: 'old' })
    expect(await before).toEqual({ value: { text: 'old' }, joined: false })
    expect(cache.get('a')).toEqual({ text: 'new' })
  })

  test('does not keep the run that was in flight either where nothing came after', async () => {
    const cache = open()
    const { runs, work } = slowWork()
    const call = cache.share('a', forever(), work)
    cache.delete('a')
    runs[0]?.resolve({ text: 'old' })
    await call
    expect(cache.has('a')).toBe(false)
  })
})

describe('share()', () => {
  test('does equal work once and different work apart', async () => {
    const cache = open()
    const { runs, work } = slowWork()
    const calls = ['a', 'a', 'b', 'a'].map(key => cache.share(key, forever(), work))
    expect(runs).toHaveLength(2)
    runs[0]?.resolve({ text: 'for a' })
    runs[1]?.resolve({ text: 'for b' })
    expect(await Promise.all(calls)).toEqual([
      { value: { text: 'for a' }, joined: false },
      { value: { text: 'for a' }, joined: true },
      { value: { text: 'for b' }, joined: false },
      { value: { text: 'for a' }, joined: true },
    ])
    expect(cache.figures.joined).toBe(2)
  })

  test('keeps the outcome', async () => {
    const cache = open()
    await cache.share('a', forever(), async () => ({ text: 'kept' }))
    expect(cache.get('a')).toEqual({ text: 'kept' })
  })

  test('does not keep what `keep` says no to; it is asked once', async () => {
    const cache = open()
    const { runs, work } = slowWork()
    const asked: Value[] = []
    const keep = (value: Value) => {
      asked.push(value)
      return false
    }
    const calls = [1, 2].map(() => cache.share('a', forever(), work, keep))
    runs[0]?.resolve({ text: 'half' })
    await Promise.all(calls)
    expect(asked).toEqual([{ text: 'half' }])
    expect(cache.get('a')).toBeUndefined()
  })

  test('runs again once the last run is over', async () => {
    const cache = open(0)
    let count = 0
    const work = async () => {
      count += 1
      return { text: `${count}` }
    }
    await cache.share('a', forever(), work)
    expect(await cache.share('a', forever(), work)).toEqual({ value: { text: '2' }, joined: false })
  })

  test('does nothing for a caller who has already gone', async () => {
    const { runs, work } = slowWork()
    await expect(open().share('a', AbortSignal.abort('gone'), work)).rejects.toBe('gone')
    expect(runs).toHaveLength(0)
  })

  test('lets a leader go without taking the others along', async () => {
    const cache = open()
    const { runs, work } = slowWork()
    const leader = new AbortController()
    const reason = { why: 'mine alone' }
    const led = cache.share('a', leader.signal, work)
    const joined = cache.share('a', forever(), work)
    leader.abort(reason)
    await expect(led).rejects.toBe(reason)
    expect(runs[0]?.signal.aborted).toBe(false)
    runs[0]?.resolve({ text: 'for the rest' })
    expect(await joined).toEqual({ value: { text: 'for the rest' }, joined: true })
    expect(runs).toHaveLength(1)
  })

  test('aborts the work when the last one leaves, with that one’s reason', async () => {
    const cache = open()
    const { runs, work } = slowWork()
    const [one, two] = [new AbortController(), new AbortController()]
    const calls = [one, two].map(({ signal }) => cache.share('a', signal, work))
    one.abort('first')
    await expect(calls[0]).rejects.toBe('first')
    expect(runs[0]?.signal.aborted).toBe(false)
    two.abort('last')
    await expect(calls[1]).rejects.toBe('last')
    expect(runs[0]?.signal).toMatchObject({ aborted: true, reason: 'last' })
  })

  test('does not join work that was aborted, and its late end changes nothing', async () => {
    const cache = open()
    const { runs, work } = slowWork()
    const gone = new AbortController()
    const left = cache.share('a', gone.signal, work)
    gone.abort('gone')
    await expect(left).rejects.toBe('gone')
    const next = cache.share('a', forever(), work)
    expect(runs).toHaveLength(2)
    runs[0]?.reject(new Error('aborted'))
    await turns()
    const third = cache.share('a', forever(), work)
    expect(runs).toHaveLength(2)
    runs[1]?.resolve({ text: 'fresh' })
    expect((await Promise.all([next, third])).map(({ value }) => value.text)).toEqual(['fresh', 'fresh'])
  })

  test('keeps no error, and gives the leader his own alone: a joiner leads the next run', async () => {
    const cache = open()
    const { runs, work } = slowWork()
    const led = cache.share('a', forever(), work)
    const joined = [1, 2].map(() => cache.share('a', forever(), work))
    const error = new Error('the leader’s budget')
    runs[0]?.reject(error)
    await expect(led).rejects.toBe(error)
    await turns()
    expect(runs).toHaveLength(2)
    runs[1]?.resolve({ text: 'second try' })
    const outcomes = await Promise.all(joined)
    expect(outcomes.map(({ value }) => value.text)).toEqual(['second try', 'second try'])
    expect(outcomes.map(({ joined: rode }) => rode).toSorted()).toEqual([false, true])
    expect(cache.figures.joined).toBe(2)
    expect(cache.get('a')).toEqual({ text: 'second try' })
  })

  test('gives each caller an error of its own when all runs fail', async () => {
    const cache = open()
    let count = 0
    const work = async () => {
      await turns(1)
      count += 1
      throw new Error(`run ${count}`)
    }
    const outcomes = await Promise.allSettled([1, 2, 3].map(() => cache.share('a', forever(), work)))
    const messages = outcomes.map(outcome => (outcome as PromiseRejectedResult).reason.message)
    expect(messages.toSorted()).toEqual(['run 1', 'run 2', 'run 3'])
  })

  test('leaves no listener on a caller’s signal', async () => {
    const cache = open()
    const { signal } = new AbortController()
    await cache.share('a', signal, async () => ({ text: 'x' }))
    await cache.share('b', signal, () => Promise.reject(new Error('no'))).catch(() => {})
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('leaves no rejection unheard when everybody has gone', async () => {
    const unheard: unknown[] = []
    const note = (reason: unknown) => unheard.push(reason)
    process.on('unhandledRejection', note)
    const { runs, work } = slowWork()
    const gone = new AbortController()
    const left = open().share('a', gone.signal, work)
    gone.abort('gone')
    await expect(left).rejects.toBe('gone')
    runs[0]?.reject(new Error('aborted'))
    await turns()
    process.off('unhandledRejection', note)
    expect(unheard).toEqual([])
  })
})
