/**
 * The pool over healthy echo workers: whose answer is whose, what rides together, who is refused and what a
 * caller who leaves takes along. Deaths, boots and closing have files of their own.
 */
import { getEventListeners } from 'node:events'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { now } from '../../src/core/async.ts'
import type { Call, Vectors } from '../../src/core/call.ts'
import { DeadlineError, InputError, ModelError, OverloadError } from '../../src/core/errors.ts'
import { turns } from '../support/condition.ts'
import { type EchoPool, echoCall, echoes, echoOf, echoVariant, openEchoPool } from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'

/** Occupies a pool of one worker: resolves once the worker runs a call that takes `delayMs`. */
async function occupy({ pool, events }: EchoPool, delayMs = 200): Promise<Promise<unknown>[]> {
  const sent = events.named('batch-sent').length
  const running = pool.dispatch(echoCall(['occupied'], { delayMs }), runContext())
  await events.when('batch-sent', sent + 1)
  return [running]
}

const withoutPid = ({ crc, bytes }: { crc: number; bytes: number }) => ({ crc, bytes })

describe('dispatch()', () => {
  let shared: EchoPool
  beforeAll(async () => {
    shared = await openEchoPool({ size: 2, batchItems: 5 })
  })
  afterAll(() => shared.pool.close())

  const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }))
  const calls = fc.array(fc.array(text, { maxLength: 12 }), { minLength: 1, maxLength: 12 })

  test('gives each of many callers the answers to its own items, in order', async () => {
    await fc.assert(
      fc.asyncProperty(calls, async lists => {
        const replies = await Promise.all(
          lists.map(items => shared.pool.dispatch(echoCall(items), runContext())),
        )
        for (const [index, reply] of replies.entries()) {
          const expected = (lists[index] as string[]).map(item => echoOf(item.toWellFormed()))
          expect(echoes(reply).map(withoutPid)).toEqual(expected)
          expect(reply).toMatchObject({ attempt: 1, wastedMs: 0 })
        }
      }),
      { numRuns: 60 },
    )
    expect(shared.events.named('worker-exit')).toEqual([])
  })

  test('joins a call that rode many batches and both workers in order', async () => {
    const before = shared.events.named('batch-sent').length
    const items = Array.from({ length: 100 }, (_, index) => `item ${index}`)
    const reply = await shared.pool.dispatch(echoCall(items, { delayMs: 2 }), runContext())
    expect(echoes(reply).map(withoutPid)).toEqual(items.map(echoOf))
    expect(new Set(echoes(reply).map(({ pid }) => pid))).toEqual(new Set(shared.pids()))
    expect(shared.events.named('batch-sent').length - before).toBeGreaterThanOrEqual(20)
    expect(reply.usage).toMatchObject({ calls: 1, tokens: 0 })
  })

  test('tells where the time went', async () => {
    const { usage, timings } = await shared.pool.dispatch(echoCall(['x'], { delayMs: 20 }), runContext())
    expect(timings.modelMs).toBeGreaterThanOrEqual(20)
    expect(timings.queueMs).toBeGreaterThanOrEqual(0)
    expect(timings.wireMs).toBeGreaterThanOrEqual(0)
    expect(usage.workerMs).toBeCloseTo(timings.modelMs, 6)
  })

  test('shares the time of a batch among its calls', async () => {
    await using opened = await openEchoPool()
    const replies = await Promise.all(
      ['one', 'two', 'six'].map(item =>
        opened.pool.dispatch(echoCall([item], { delayMs: 30 }), runContext()),
      ),
    )
    const whole = replies[0]?.timings.modelMs as number
    const sum = replies.reduce((total, { usage }) => total + usage.workerMs, 0)
    expect(opened.events.named('batch-sent')).toHaveLength(1)
    expect(sum).toBeCloseTo(whole, 6)
  })

  test('answers a call without items without a worker', async () => {
    const before = shared.events.all.length
    const reply = await shared.pool.dispatch(echoCall([]), runContext())
    expect(echoes(reply)).toEqual([])
    expect(reply.usage).toEqual({ calls: 0, tokens: 0, workerMs: 0 })
    expect(shared.events.all.length).toBe(before)
  })

  test('gives vectors in a buffer that no other call shares', async () => {
    const [one, two] = await Promise.all(
      ['one', 'two'].map(item => shared.pool.dispatch(echoCall([item]), runContext())),
    )
    const [first, second] = [one, two].map(reply => (reply?.results as Vectors | undefined)?.data)
    expect(first?.byteOffset).toBe(0)
    expect(first?.buffer.byteLength).toBe(16)
    expect(first?.buffer).not.toBe(second?.buffer)
  })

  test('lets go of the caller’s signal when it has answered', async () => {
    const { signal } = new AbortController()
    await Promise.all(
      [['a'], ['b'], [5]].map(items =>
        shared.pool.dispatch(echoCall(items), runContext({ signal })).catch(() => {}),
      ),
    )
    expect(getEventListeners(signal, 'abort')).toEqual([])
    expect(shared.pool.health().openCalls).toBe(0)
  })

  test('mends lone surrogates in options as it does in items', async () => {
    await using opened = await openEchoPool()
    const call = echoCall(['x\ud800'], { note: 'a lone \ud800 surrogate', '\udfff': 1 })
    const reply = await opened.pool.dispatch(call, runContext())
    expect(echoes(reply).map(withoutPid)).toEqual([echoOf('x\ufffd')])
    expect(opened.events.named('worker-exit')).toEqual([])
  })
})

describe('dispatch() answers a failing call alone', () => {
  const bad: [string, Call, string, typeof ModelError | typeof InputError][] = [
    ['item that the model refuses', echoCall(['fine', 5]), 'ER_MODEL_INPUT', ModelError],
    [
      'model',
      { ...echoCall(['x']), variant: { ...echoVariant, model: 'no' } },
      'ER_UNKNOWN_MODEL',
      InputError,
    ],
    ['operation', { ...echoCall(['x']), variant: { ...echoVariant, op: 'no' } }, 'ER_UNKNOWN_OP', InputError],
  ]

  test.each(bad)('when it has a wrong %s', async (_, call, code, type) => {
    await using opened = await openEchoPool()
    const running = await occupy(opened)
    const good = ['a', 'b', 'c'].map(item => opened.pool.dispatch(echoCall([item]), runContext()))
    const failing = opened.pool.dispatch(call, runContext())
    await expect(failing).rejects.toBeInstanceOf(type)
    await expect(failing).rejects.toMatchObject({ code })
    expect((await Promise.all(good)).flatMap(echoes).map(withoutPid)).toEqual(['a', 'b', 'c'].map(echoOf))
    await Promise.all(running)
    expect(opened.events.named('worker-exit')).toEqual([])
  })

  test('when one of its many batches fails: the rest of it leaves the queue', async () => {
    await using opened = await openEchoPool({ batchItems: 2 })
    // The longest items go first, so this is in the first batch.
    const refused = { text: 'not a text'.repeat(10) }
    const items = [...Array.from({ length: 50 }, (_, index) => `item ${index}`), refused]
    await expect(opened.pool.dispatch(echoCall(items), runContext())).rejects.toMatchObject({
      code: 'ER_MODEL_INPUT',
    })
    expect(opened.pool.health()).toMatchObject({ waitingItems: 0, waitingBytes: 0, openCalls: 0 })
    expect(opened.events.named('batch-sent')).toHaveLength(1)
  })

  test('when it is too long for a frame: what waits behind it is answered', async () => {
    await using opened = await openEchoPool({ queueBytes: 2 ** 30 })
    const [pid] = opened.pids()
    const context = runContext({ deadline: now() + 5000 })
    const long = opened.pool.dispatch(echoCall(['x'.repeat(65 * 1024 * 1024)]), context)
    const short = opened.pool.dispatch(echoCall(['short']), context)
    await expect(long).rejects.toMatchObject({ message: expect.stringContaining('67108864') })
    expect(echoes(await short)).toEqual([{ ...echoOf('short'), pid }])
  })
})

describe('batches', () => {
  test('join callers that come in the same turn of the event loop', async () => {
    await using opened = await openEchoPool()
    const texts = Array.from({ length: 16 }, (_, index) => `caller ${index}`)
    await Promise.all(
      texts.map(async item => {
        await Promise.resolve()
        return opened.pool.dispatch(echoCall([item]), runContext())
      }),
    )
    expect(opened.events.named('batch-sent')).toMatchObject([{ items: 16 }])
  })

  test('hold whatever came while the last one ran', async () => {
    await using opened = await openEchoPool()
    const running = await occupy(opened)
    const waiting: Promise<unknown>[] = []
    for (let caller = 0; caller < 16; caller += 1) {
      waiting.push(opened.pool.dispatch(echoCall([`caller ${caller}`]), runContext()))
      await turns(1)
    }
    await Promise.all([...running, ...waiting])
    expect(opened.events.named('batch-sent').map(({ items }) => items)).toEqual([1, 16])
  })

  test('are split among idle workers', async () => {
    await using opened = await openEchoPool({ size: 2 })
    const replies = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        opened.pool.dispatch(echoCall([`${index}`], { delayMs: 20 }), runContext()),
      ),
    )
    expect(opened.events.named('batch-sent').map(({ items }) => items)).toEqual([4, 4])
    expect(new Set(replies.flatMap(echoes).map(({ pid }) => pid)).size).toBe(2)
  })

  test('keep to the caps on items and tokens, but let one long item go', async () => {
    await using opened = await openEchoPool({ batchItems: 3, batchTokens: 50 })
    const items = ['a', 'b', 'c', 'd', 'x'.repeat(1000), 'e'.repeat(100), 'f'.repeat(100)]
    const reply = await opened.pool.dispatch(echoCall(items), runContext())
    expect(echoes(reply).map(withoutPid)).toEqual(items.map(echoOf))
    // Longest first: 1,000 letters are about 252 tokens, 100 are 27, one is 3.
    expect(opened.events.named('batch-sent').map(event => event.items)).toEqual([1, 1, 3, 2])
  })
})

describe('a caller’s deadline', () => {
  test('detaches that caller and leaves batch and worker alone', async () => {
    await using opened = await openEchoPool()
    const [pid] = opened.pids()
    const options = { delayMs: 400 }
    const impatient = opened.pool.dispatch(echoCall(['a'], options), runContext({ deadline: now() + 40 }))
    const patient = opened.pool.dispatch(echoCall(['b'], options), runContext())
    await expect(impatient).rejects.toBeInstanceOf(DeadlineError)
    await expect(impatient).rejects.toMatchObject({ code: 'ER_DEADLINE' })
    expect(opened.pool.health().openCalls).toBe(1)
    expect(echoes(await patient)).toEqual([{ ...echoOf('b'), pid }])
    expect(opened.events.named('batch-sent')).toMatchObject([{ items: 2 }])
    expect(opened.events.named('worker-exit')).toEqual([])
    // The next caller's answer is its own, not the one that came too late.
    const next = await opened.pool.dispatch(echoCall(['c']), runContext())
    expect(echoes(next)).toEqual([{ ...echoOf('c'), pid }])
  })

  test('takes waiting items out of the queue', async () => {
    await using opened = await openEchoPool()
    const running = await occupy(opened, 300)
    const late = opened.pool.dispatch(echoCall(['a', 'b']), runContext({ deadline: now() + 30 }))
    expect(opened.pool.health().waitingItems).toBe(2)
    await expect(late).rejects.toMatchObject({ code: 'ER_DEADLINE' })
    expect(opened.pool.health()).toMatchObject({ waitingItems: 0, waitingBytes: 0 })
    await Promise.all(running)
    expect(opened.events.named('batch-sent')).toHaveLength(1)
  })

  test('that has passed refuses the call at the door', async () => {
    await using opened = await openEchoPool()
    const late = opened.pool.dispatch(echoCall(['a']), runContext({ deadline: now() - 1 }))
    await expect(late).rejects.toMatchObject({ code: 'ER_DEADLINE' })
    expect(opened.events.named('batch-sent')).toEqual([])
  })

  test('may be weeks away', async () => {
    await using opened = await openEchoPool()
    const deadline = now() + 40 * 24 * 3600 * 1000
    const reply = await opened.pool.dispatch(echoCall(['a'], { delayMs: 30 }), runContext({ deadline }))
    expect(echoes(reply).map(withoutPid)).toEqual([echoOf('a')])
  })
})

describe('an abort', () => {
  const reason = { why: 'the caller’s own' }

  test('before the call throws the signal’s reason and reaches no worker', async () => {
    await using opened = await openEchoPool()
    const signal = AbortSignal.abort(reason)
    const aborted = opened.pool.dispatch(echoCall(['a']), runContext({ signal }))
    await expect(aborted).rejects.toBe(reason)
    expect(opened.events.named('batch-sent')).toEqual([])
  })

  test('while the call waits throws the reason and empties its place in the queue', async () => {
    await using opened = await openEchoPool()
    const running = await occupy(opened)
    const controller = new AbortController()
    const aborted = opened.pool.dispatch(echoCall(['a']), runContext({ signal: controller.signal }))
    const other = opened.pool.dispatch(echoCall(['b']), runContext())
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    expect(opened.pool.health().waitingItems).toBe(1)
    await Promise.all([...running, other])
    expect(opened.events.named('batch-sent').map(({ items }) => items)).toEqual([1, 1])
  })

  test('while the call runs throws the reason at once and leaves the batch alone', async () => {
    await using opened = await openEchoPool()
    const controller = new AbortController()
    const options = { delayMs: 300 }
    const aborted = opened.pool.dispatch(echoCall(['a'], options), runContext({ signal: controller.signal }))
    const other = opened.pool.dispatch(echoCall(['b'], options), runContext())
    await opened.events.when('batch-sent')
    controller.abort(reason)
    await expect(aborted).rejects.toBe(reason)
    expect(opened.events.named('batch-done')).toEqual([])
    expect(echoes(await other).map(withoutPid)).toEqual([echoOf('b')])
    expect(opened.events.named('worker-exit')).toEqual([])
  })
})

describe('a full queue', () => {
  test('refuses new calls with ER_QUEUE_FULL and loses none that wait', async () => {
    await using opened = await openEchoPool({ queueLimit: 4 })
    const running = await occupy(opened)
    const waiting = ['a', 'b', 'c', 'd'].map(item => opened.pool.dispatch(echoCall([item]), runContext()))
    expect(opened.pool.health().saturated).toBe(true)
    const refused = opened.pool.dispatch(echoCall(['e']), runContext())
    await expect(refused).rejects.toBeInstanceOf(OverloadError)
    await expect(refused).rejects.toMatchObject({ code: 'ER_QUEUE_FULL', retryable: true })
    const error = await refused.catch((thrown: OverloadError) => thrown)
    expect((error as OverloadError).retryAfterMs).toBeGreaterThan(0)
    expect((await Promise.all(waiting)).flatMap(echoes).map(withoutPid)).toEqual(
      ['a', 'b', 'c', 'd'].map(echoOf),
    )
    await Promise.all(running)
    expect(opened.pool.health().saturated).toBe(false)
    await opened.pool.dispatch(echoCall(['e']), runContext())
  })

  test('is full by bytes, too', async () => {
    await using opened = await openEchoPool({ queueBytes: 100 })
    const running = await occupy(opened)
    const waiting = opened.pool.dispatch(echoCall(['x'.repeat(101)]), runContext())
    await expect(opened.pool.dispatch(echoCall(['y']), runContext())).rejects.toMatchObject({
      code: 'ER_QUEUE_FULL',
    })
    await Promise.all([...running, waiting])
  })
})

test('health() gives figures of the queue and of each worker', async () => {
  await using opened = await openEchoPool({ size: 2 })
  await opened.pool.dispatch(echoCall(['a', 'b', 'c']), runContext())
  const health = opened.pool.health()
  expect(health).toMatchObject({
    live: true,
    ready: true,
    saturated: false,
    waitingItems: 0,
    waitingBytes: 0,
    oldestWaitMs: 0,
    openCalls: 0,
    settledCalls: 1,
    lastFailure: undefined,
  })
  expect(health.workers.map(({ generation }) => generation)).toEqual([1, 2])
  expect(health.workers.reduce((sum, { settled }) => sum + settled, 0)).toBe(3)
  for (const worker of health.workers) {
    expect(worker).toMatchObject({ state: 'ready', restarts: 0 })
    expect(worker.memory?.rssBytes).toBeGreaterThan(1_000_000)
  }
})
