/** The embedding cache: each text computed once for a model's revision, whoever asks and how often. */
import { describe, expect, test } from 'vitest'
import { type Call, isVectors, type Reply, row } from '../../src/core/call.ts'
import { errorOf } from '../../src/core/errors.ts'
import { EmbeddingCache } from '../../src/models/embedding.ts'
import { dimensions, FakeDispatch, vectorOf } from '../support/fake-dispatch.ts'
import { fakeEncoder } from '../support/fake-enhancer.ts'
import { runContext } from '../support/run-context.ts'

const call = (items: readonly string[], more: Partial<Call> = {}): Call => ({
  variant: fakeEncoder,
  items,
  options: {},
  ...more,
})

function rowsOf({ results }: Reply): Float32Array[] {
  if (!isVectors(results)) throw new Error('These are no vectors')
  return Array.from({ length: results.count }, (_, index) => row(results, index))
}

function cached(options = {}) {
  const fake = new FakeDispatch()
  const cache = new EmbeddingCache(options)
  return { fake, cache, dispatch: cache.over(fake.dispatch) }
}

describe('EmbeddingCache', () => {
  test('computes each text once, within a call and over calls, and keeps the order', async () => {
    const { fake, cache, dispatch } = cached()
    const first = await dispatch(call(['a', 'b', 'a', 'c']), runContext())
    const second = await dispatch(call(['d', 'c', 'b', 'd']), runContext())
    expect(fake.calls.map(({ call }) => call.items)).toEqual([['a', 'b', 'c'], ['d']])
    expect(rowsOf(first)).toEqual(['a', 'b', 'a', 'c'].map(vectorOf))
    expect(rowsOf(second)).toEqual(['d', 'c', 'b', 'd'].map(vectorOf))
    expect(cache.figures).toMatchObject({ entries: 4, hits: 2, misses: 4 })
  })

  test('a call that it knows whole asks nobody and costs nothing', async () => {
    const { fake, dispatch } = cached()
    await dispatch(call(['a']), runContext())
    const reply = await dispatch(call(['a', 'a']), runContext())
    expect(fake.calls).toHaveLength(1)
    expect(reply.usage).toEqual({ calls: 0, tokens: 0, workerMs: 0 })
    expect(reply.timings).toEqual({ queueMs: 0, modelMs: 0, wireMs: 0 })
  })

  test('lets what it asks for be shared with equal texts in flight', async () => {
    const { fake, dispatch } = cached()
    await dispatch(call(['a', 'b']), runContext())
    expect(fake.calls[0]?.call.share).toBe(true)
  })

  test.each([
    ['another revision', { variant: { ...fakeEncoder, revision: '2' } }],
    ['other weights', { variant: { ...fakeEncoder, weightsHash: 'def' } }],
    ['another model', { variant: { ...fakeEncoder, model: 'other' } }],
    ['another way to run', { options: { pad: 'fixed' } }],
    ['another role of the text', { options: { as: 'query' } }],
    ['another instruction', { options: { as: 'query', instruction: 'find errors' } }],
  ])('keeps vectors of %s apart', async (_what, other) => {
    const { fake, dispatch } = cached()
    await dispatch(call(['a']), runContext())
    await dispatch(call(['a'], other), runContext())
    await dispatch(call(['a'], other), runContext())
    expect(fake.calls).toHaveLength(2)
  })

  test('keeps nothing of a failure', async () => {
    const { fake, dispatch } = cached()
    fake.before = () => {
      if (fake.calls.length === 1) throw errorOf('ER_NO_WORKER', 'none')
    }
    await expect(dispatch(call(['a']), runContext())).rejects.toMatchObject({ code: 'ER_NO_WORKER' })
    expect(rowsOf(await dispatch(call(['a']), runContext()))).toEqual([vectorOf('a')])
  })

  test('hands out memory of its own: a caller who writes into it changes no other answer', async () => {
    const { dispatch } = cached()
    const [mine] = rowsOf(await dispatch(call(['a']), runContext()))
    mine?.fill(9)
    expect(rowsOf(await dispatch(call(['a']), runContext()))).toEqual([vectorOf('a')])
  })

  test('is bounded by entries and by bytes, and can be cleared', async () => {
    const few = cached({ maxEntries: 2 })
    await few.dispatch(call(['a', 'b', 'c']), runContext())
    expect(few.cache.figures.entries).toBe(2)
    few.cache.clear()
    expect(few.cache.figures.entries).toBe(0)
    const small = cached({ maxBytes: 600 })
    await small.dispatch(call(['a', 'b', 'c']), runContext())
    // 16 floats and what stands beside them.
    expect(small.cache.figures.bytes).toBeLessThanOrEqual(600)
    expect(small.cache.figures.entries).toBe(Math.floor(600 / (dimensions * 4 + 200)))
    const none = cached({ maxEntries: 0 })
    await none.dispatch(call(['a']), runContext())
    expect(rowsOf(await none.dispatch(call(['a']), runContext()))).toEqual([vectorOf('a')])
    expect(none.fake.calls).toHaveLength(2)
  })

  test('lets other operations pass', async () => {
    const { fake, dispatch } = cached()
    const echo = call(['a'], { variant: { ...fakeEncoder, op: 'echo' } })
    await dispatch(echo, runContext())
    await dispatch(echo, runContext())
    expect(fake.calls).toHaveLength(2)
  })

  test('answers an empty call with no vectors', async () => {
    const { fake, dispatch } = cached()
    const { results } = await dispatch(call([]), runContext())
    expect(results).toMatchObject({ count: 0, dimensions })
    expect(fake.calls).toEqual([])
  })
})
