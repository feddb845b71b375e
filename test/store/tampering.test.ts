/** Rows and bytes that others have changed: a miss or a StoreError, never a wrong value or a crash. */
import { randomUUID } from 'node:crypto'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import * as fc from 'fast-check'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { RunnerError } from '../../src/core/errors.ts'
import { openStore, type Store } from '../../src/store/store.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { sampleEntry, sampleInstance, sampleTrace, withFile } from './samples.ts'

const folder = temporaryFolder()
const original = join(folder.path, 'original.db')
const trace = sampleTrace('run', { inputs: { claim: 'x'.repeat(10_000) }, at: new Date().toISOString() })
const instance = sampleInstance('i', 3)
const entry = sampleEntry({ data: Float32Array.from({ length: 2000 }, (_, index) => Math.sqrt(index)) })

beforeAll(async () => {
  await using store = await openStore(original, { keepInputs: true })
  store.traces.write(trace)
  store.memo.set('key', entry)
  for (let run = 0; run < 5; run += 1) store.profiles.note('key', true, { timeMs: 10 })
  for (let step = 0; step < 3; step += 1) await store.instances.save(sampleInstance('i', step))
  await store.instances.save(instance)
})

/** A store over a copy that `spoil` has changed. */
async function openSpoilt(spoil: (path: string) => void): Promise<Store> {
  const path = join(folder.path, `${randomUUID()}.db`)
  copyFileSync(original, path)
  spoil(path)
  const store = await openStore(path, { keepInputs: true })
  onTestFinished(() => store.close())
  return store
}

const withSql = (sql: string) => openSpoilt(path => withFile(path, sqlite => sqlite.exec(sql)))

const unread = {
  name: 'StoreError',
  code: 'ER_STORE',
  retryable: false,
  message: expect.stringContaining('is damaged or was changed by another program'),
}

describe('a row that was changed', () => {
  test.each([
    ['its body', "UPDATE traces SET body = x'00'"],
    [
      'one byte of its body',
      "UPDATE traces SET body = CAST(substr(body, 1, 99) || x'a5' || substr(body, 101) AS BLOB)",
    ],
    ['its inputs', 'UPDATE traces SET inputs = substr(inputs, 2)'],
    ['its status', "UPDATE traces SET status = 'done'"],
    ['its hash', `UPDATE traces SET hash = '${'0'.repeat(64)}'`],
  ])('makes a trace unreadable when it is %s', async (what, sql) => {
    const store = await withSql(sql)
    await expect(store.traces.get('run')).rejects.toMatchObject(unread)
    expect(await store.traces.list()).toHaveLength(what === 'its inputs' ? 1 : 0)
    expect(store.figures.faults.unread ?? 0).toBe(what === 'its inputs' ? 0 : 1)
    expect(await store.traces.remove('run')).toBe(1)
  })

  test.each([
    ['its value', "UPDATE memo SET value = x'0102030405060708090a'"],
    [
      'one byte of its value',
      "UPDATE memo SET value = CAST(substr(value, 1, 4000) || x'a5' || substr(value, 4002) AS BLOB)",
    ],
    ['its value, gone', "UPDATE memo SET value = x''"],
    ['a number too large to be read', 'UPDATE memo SET used_ms = 9223372036854775807'],
  ])('makes a memo entry a miss when it is %s', async (_, sql) => {
    const store = await withSql(sql)
    expect(await store.memo.get('key')).toBeUndefined()
    expect(store.figures.memo).toEqual({ hits: 0, misses: 1 })
    store.memo.set('key', entry)
    await store.flush()
    expect(await store.memo.get('key')).toEqual(entry)
  })

  test.each([
    ['its body', 'UPDATE instances SET body = substr(body, 1, 40)'],
    ['its step', 'UPDATE instances SET step = 2'],
    ['its status', "UPDATE instances SET status = 'asleep'"],
    ['its id', "UPDATE instances SET id = 'j'"],
  ])('makes an instance unreadable when it is %s', async (what, sql) => {
    const store = await withSql(sql)
    await expect(store.instances.load(what === 'its id' ? 'j' : 'i')).rejects.toMatchObject(unread)
    expect(await store.instances.list()).toEqual([])
    expect(store.figures.faults.unread).toBe(1)
  })

  test.each([
    ['its times', "UPDATE profiles SET times = x'00'"],
    ['its sums', "UPDATE profiles SET sums = '[]'"],
    ['its runs', 'UPDATE profiles SET runs = -5'],
    ['a number too large to be read', 'UPDATE profiles SET runs = 9223372036854775807'],
  ])('makes a profile begin anew when it is %s', async (_, sql) => {
    const store = await withSql(sql)
    expect(store.profiles.get('key')).toBeUndefined()
    store.profiles.note('key', true, { timeMs: 20 })
    await store.flush()
    expect(store.profiles.get('key')).toMatchObject({ runs: 1, cost: { timeMs: 20 } })
  })
})

test('bytes changed anywhere in the file never give a wrong value, and never crash', async () => {
  const whole = readFileSync(original)
  const change = fc.record({
    at: fc.nat(whole.length - 1),
    length: fc.integer({ min: 1, max: 64 }),
    byte: fc.nat(255),
  })
  const seen = { refused: 0, failed: 0, missed: 0, right: 0 }
  /** What came of reading: nothing, the right value, or an error of ours. */
  const reading = async (read: () => unknown, right: unknown) => {
    try {
      const value = await read()
      if (value === undefined) seen.missed += 1
      else {
        expect(isDeepStrictEqual(value, right)).toBe(true)
        seen.right += 1
      }
    } catch (error) {
      expect(error).toBeInstanceOf(RunnerError)
      seen.failed += 1
    }
  }
  await fc.assert(
    fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), async changes => {
      const path = join(folder.path, `${randomUUID()}.db`)
      const bytes = Buffer.from(whole)
      for (const { at, length, byte } of changes) bytes.fill(byte, at, Math.min(bytes.length, at + length))
      writeFileSync(path, bytes)
      const store = await openStore(path, { keepInputs: true, busyTimeoutMs: 0 }).catch(
        (error: unknown) => error,
      )
      if (store instanceof Error) {
        expect(store).toMatchObject({ name: 'StoreError', code: 'ER_STORE' })
        seen.refused += 1
        return
      }
      const { traces, memo, instances, profiles, close } = store as Store
      await reading(() => memo.get('key'), entry)
      await reading(() => instances.load('i'), instance)
      profiles.get('key')
      traces.write(sampleTrace('another'))
      memo.set('other', entry)
      await Promise.allSettled([traces.list(), traces.get('run'), instances.save(sampleInstance('i', 4))])
      await close.call(store)
    }),
    { numRuns: 150, seed: 1 },
  )
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0)
})
