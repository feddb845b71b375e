/** Joining slices to one reply, settling once, and what becomes of items on their way in. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Reply, Vectors } from '../../src/core/call.ts'
import { ModelError } from '../../src/core/errors.ts'
import { type BatchTimes, type Item, Job } from '../../src/pool/job.ts'
import type { WireReply } from '../../src/wire/message.ts'
import { echoCall } from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'

const job = (count: number, at = 0): Job =>
  new Job(echoCall(Array.from({ length: count }, (_, index) => `item ${index}`)), runContext(), at)

const times = (changes: Partial<BatchTimes> = {}): BatchTimes => ({
  sentAt: 100,
  receivedAt: 130,
  modelMs: 20,
  share: 1,
  ...changes,
})

/** Vectors of [index, index + 0.5] for these items, as bytes at an odd offset. */
function vectors(items: readonly Item[], dimensions = 2): WireReply {
  const floats = Float32Array.from(
    items.flatMap(({ index }) => Array.from({ length: dimensions }, (_, d) => index + d / 2)),
  )
  const body = new Uint8Array(floats.byteLength + 1)
  body.set(new Uint8Array(floats.buffer), 1)
  return {
    id: 1,
    results: { dtype: 'f32', shape: [items.length, dimensions], data: body.subarray(1) },
    usage: { tokens: items.length },
  }
}

const list = (items: readonly Item[]): WireReply => ({
  id: 1,
  results: items.map(({ index }) => ({ index })),
  usage: { tokens: items.length },
})

const failure = (code: string): WireReply => ({
  id: 1,
  error: { code, message: 'it went wrong' },
  usage: { tokens: 0 },
})

/** Any way to cut the indices 0 … n-1, in any order, into slices. */
const slicing = fc
  .integer({ min: 1, max: 12 })
  .chain(count =>
    fc.tuple(
      fc.shuffledSubarray(
        Array.from({ length: count }, (_, index) => index),
        { minLength: count, maxLength: count },
      ),
      fc.array(fc.integer({ min: 1, max: 5 }), { minLength: count, maxLength: count }),
    ),
  )
  .map(([order, sizes]) => {
    const slices: number[][] = []
    let from = 0
    for (const size of sizes) {
      if (from < order.length) slices.push(order.slice(from, from + size))
      from += size
    }
    return slices
  })

describe('accept()', () => {
  test('joins vectors of slices that come in any order and any cut', async () => {
    await fc.assert(
      fc.asyncProperty(slicing, async slices => {
        const count = slices.flat().length
        const joined = job(count)
        for (const slice of slices) {
          expect(joined.open).toBe(true)
          const items = slice.map(index => joined.items[index] as Item)
          joined.accept(items, vectors(items), times())
        }
        expect(joined.open).toBe(false)
        const { results, usage } = await joined.done
        const { data, ...shape } = results as Vectors
        expect(shape).toEqual({ count, dimensions: 2 })
        expect([...data]).toEqual(Array.from({ length: count }, (_, index) => [index, index + 0.5]).flat())
        expect(usage).toMatchObject({ calls: 1, tokens: count })
      }),
    )
  })

  test('joins lists of slices that come in any order and any cut', async () => {
    await fc.assert(
      fc.asyncProperty(slicing, async slices => {
        const count = slices.flat().length
        const joined = job(count)
        for (const slice of slices) {
          const items = slice.map(index => joined.items[index] as Item)
          joined.accept(items, list(items), times())
        }
        expect((await joined.done).results).toEqual(Array.from({ length: count }, (_, index) => ({ index })))
      }),
    )
  })

  test('sums what the slices used', async () => {
    const joined = job(3, 40)
    const [a, b, c] = joined.items as [Item, Item, Item]
    joined.accept([a, b], vectors([a, b]), times({ modelMs: 10, share: 0.5 }))
    joined.accept([c], vectors([c]), times({ modelMs: 8, share: 1 }))
    expect(await joined.done).toMatchObject({
      usage: { calls: 1, tokens: 3, workerMs: 13 },
      timings: { queueMs: 60, modelMs: 8, wireMs: 22 },
      attempt: 1,
      wastedMs: 0,
    } satisfies Partial<Reply>)
  })

  test('tells of workers that died under it', async () => {
    const joined = job(1)
    joined.waste(30)
    joined.waste(12)
    joined.accept(joined.items, vectors(joined.items), times())
    expect(await joined.done).toMatchObject({ attempt: 3, wastedMs: 42 })
  })

  test('settles the whole call at the first slice that fails, with the worker’s code', async () => {
    const joined = job(3)
    const [a, b] = joined.items as [Item, Item]
    joined.accept([a], vectors([a]), times())
    joined.accept([b], failure('ER_MODEL_INPUT'), times())
    expect(joined.open).toBe(false)
    await expect(joined.done).rejects.toBeInstanceOf(ModelError)
    await expect(joined.done).rejects.toMatchObject({ code: 'ER_MODEL_INPUT', message: 'it went wrong' })
  })

  test('makes ER_MODEL_FAILED of a code that nobody knows', async () => {
    const joined = job(1)
    joined.accept(joined.items, failure('toString'), times())
    await expect(joined.done).rejects.toMatchObject({ code: 'ER_MODEL_FAILED' })
  })

  test.each([
    ['too few vectors', (items: readonly Item[]) => vectors(items.slice(1))],
    ['too few values', (items: readonly Item[]) => list(items.slice(1))],
    ['too many values', (items: readonly Item[]) => list([...items, ...items])],
  ])('refuses %s with ER_WIRE and stays open', (_, reply) => {
    const joined = job(2)
    expect(() => joined.accept(joined.items, reply(joined.items), times())).toThrow(
      expect.objectContaining({ code: 'ER_WIRE' }),
    )
    expect(joined.open).toBe(true)
  })

  test('refuses slices whose vectors differ in length', () => {
    const joined = job(2)
    const [a, b] = joined.items as [Item, Item]
    joined.accept([a], vectors([a], 4), times())
    expect(() => joined.accept([b], vectors([b], 2), times())).toThrow(
      expect.objectContaining({ code: 'ER_WIRE' }),
    )
  })

  test('refuses values after vectors', () => {
    const joined = job(2)
    const [a, b] = joined.items as [Item, Item]
    joined.accept([a], vectors([a]), times())
    expect(() => joined.accept([b], list([b]), times())).toThrow(expect.objectContaining({ code: 'ER_WIRE' }))
  })
})

describe('settling', () => {
  const endings: Record<string, (ended: Job) => void> = {
    'an answer': ended => ended.accept(ended.items, list(ended.items), times()),
    'a failure': ended => ended.accept(ended.items, failure('ER_MODEL_FAILED'), times()),
    'fail()': ended => ended.fail(new Error('gone')),
  }
  const names = Object.keys(endings)
  const pairs = names.flatMap(first => names.map(second => ({ first, second })))

  test.each(pairs)(
    'happens once: by $first; $second that comes later is dropped',
    async ({ first, second }) => {
      const ended = job(1)
      let releases = 0
      ended.onSettle(() => {
        releases += 1
      })
      endings[first]?.(ended)
      const outcome = await Promise.allSettled([ended.done])
      endings[second]?.(ended)
      expect(await Promise.allSettled([ended.done])).toEqual(outcome)
      expect(releases).toBe(1)
      expect(ended.open).toBe(false)
    },
  )

  test('throws a caller’s reason as it came', async () => {
    const reason = { why: 'enough' }
    const ended = job(1)
    ended.fail(reason)
    await expect(ended.done).rejects.toBe(reason)
  })
})

describe('items', () => {
  /** As they stand in the call, which is not the order in which they run. */
  const inCallOrder = (values: readonly unknown[]) =>
    new Job(echoCall(values), runContext(), 0).items.toSorted((a, b) => a.index - b.index)

  test('are mended where they have no UTF-8 form, and kept otherwise', () => {
    const data = { text: 'fine', list: ['fine'] }
    const values = inCallOrder(['a\ud800', ['b\udc00'], data]).map(({ value }) => value)
    expect(values).toEqual(['a\ufffd', ['b\ufffd'], data])
  })

  test('are sized by their text, and never nothing', () => {
    const sizes = inCallOrder(['', 'x'.repeat(400), { a: 1 }, undefined, null]).map(({ tokens }) => tokens)
    expect(sizes).toEqual([2, 102, 4, 2, 3])
  })

  test('run longest first; of equal length, in the order of the call', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 40 })), texts => {
        const { items } = new Job(echoCall(texts), runContext(), 0)
        for (const [place, item] of items.slice(1).entries()) {
          const before = items[place] as Item
          expect(before.tokens).toBeGreaterThanOrEqual(item.tokens)
          if (before.tokens === item.tokens) expect(before.index).toBeLessThan(item.index)
        }
        expect(items.map(({ index }) => index).toSorted((a, b) => a - b)).toEqual([...texts.keys()])
        expect(items.every(({ index, value }) => value === texts[index])).toBe(true)
      }),
    )
  })
})
