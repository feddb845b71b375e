/**
 * What a pool does for its callers beyond answering: fairness, early refusal, quarantine, spares, recycling,
 * streams and their cancelling. Real workers without a model.
 */
import { afterAll, describe, expect, test } from 'vitest'
import { now } from '../../src/core/async.ts'
import type { Part, RunContext } from '../../src/core/call.ts'
import type { PoolOptions } from '../../src/pool/options.ts'
import { openRunner, type Runner } from '../../src/runner.ts'
import { until } from '../support/condition.ts'
import { echoCall, echoes, echoLaunch, echoOf, openEchoPool } from '../support/echo-pool.ts'
import { workerRuns } from '../support/process-list.ts'
import { runContext } from '../support/run-context.ts'
import { unrulyPackage } from '../support/unruly-package.ts'

const folder = unrulyPackage()
afterAll(() => folder.remove())
const openUnrulyPool = (options: Partial<PoolOptions> = {}) =>
  openEchoPool({ launch: async () => ({ ...echoLaunch, packageFolder: folder.path }), ...options })

const from = (caller: string): RunContext => ({ ...runContext(), caller })

describe('callers', () => {
  test('share a class: one with many calls does not hold up one with few', async () => {
    await using opened = await openEchoPool({ batchItems: 4 })
    const order: string[] = []
    const ask = async (caller: string) => {
      await opened.pool.dispatch(echoCall(['x'], { delayMs: 5 }), from(caller))
      order.push(caller)
    }
    const greedy = Array.from({ length: 40 }, () => ask('greedy'))
    const modest = Array.from({ length: 4 }, () => ask('modest'))
    await Promise.all([...greedy, ...modest])
    expect(order.lastIndexOf('modest')).toBeLessThan(16)
  })
})

describe('a call that can’t be answered in time', () => {
  /** A pool that has learnt that a token takes about a millisecond. */
  async function taught() {
    const opened = await openEchoPool({ batchItems: 64 })
    for (const count of [1, 8, 2, 16, 4, 24]) {
      await opened.pool.dispatch(
        echoCall(
          Array.from({ length: count }, () => 'abcd'),
          { perItemMs: 3 },
        ),
        runContext(),
      )
    }
    return opened
  }

  test('is refused at once, with ER_DEADLINE where even an empty queue would not do', async () => {
    await using opened = await taught()
    const call = echoCall(
      Array.from({ length: 60 }, () => 'abcd'),
      { perItemMs: 3 },
    )
    await expect(opened.pool.dispatch(call, runContext({ deadline: now() + 60 }))).rejects.toMatchObject({
      code: 'ER_DEADLINE',
    })
    expect(opened.pool.health().openCalls).toBe(0)
  })

  test('is told when to come back where only the queue is in its way', async () => {
    await using opened = await taught()
    const calls = Array.from({ length: 8 }, () =>
      opened.pool.dispatch(
        echoCall(
          Array.from({ length: 64 }, () => 'abcd'),
          { perItemMs: 3 },
        ),
        runContext(),
      ),
    )
    const late = opened.pool.dispatch(
      echoCall(['abcd'], { perItemMs: 3 }),
      runContext({ deadline: now() + 100 }),
    )
    await expect(late).rejects.toMatchObject({ code: 'ER_QUEUE_FULL', retryAfterMs: expect.any(Number) })
    await Promise.all(calls)
  })
})

describe('an item that ended every worker', () => {
  test('is refused at the door for a while, and others of its call’s kind are not', async () => {
    await using opened = await openUnrulyPool({ quarantineMs: 60_000 })
    await expect(opened.pool.dispatch(echoCall(['poison']), runContext())).rejects.toMatchObject({
      code: 'ER_POISON',
    })
    const exits = opened.events.named('worker-exit').length
    await expect(opened.pool.dispatch(echoCall(['good', 'poison']), runContext())).rejects.toMatchObject({
      code: 'ER_POISON',
    })
    const reply = await opened.pool.dispatch(echoCall(['good']), runContext())
    expect(echoes(reply)).toMatchObject([echoOf('good')])
    expect(opened.events.named('worker-exit')).toHaveLength(exits)
    expect(opened.pool.health().quarantined).toBe(1)
  })
})

describe('a spare', () => {
  test('takes over the moment a worker dies, and another spare follows', async () => {
    await using opened = await openEchoPool({ spares: 1 })
    await opened.pool.whenReady(2, 10_000)
    const serving = () => opened.pool.health().workers.find(worker => worker.active)
    const first = serving()?.pid as number
    const call = opened.pool.dispatch(echoCall(['again'], { delayMs: 200 }), runContext())
    await opened.events.when('batch-sent')
    const ready = opened.events.named('worker-ready').length
    process.kill(first, 'SIGKILL')
    const reply = await call
    expect(echoes(reply)).toMatchObject([echoOf('again')])
    // Answered by a worker that was warm before the death: none had to start for it.
    const before = opened.events
      .named('worker-ready')
      .slice(0, ready)
      .map(({ pid }) => pid)
    expect(before).toContain(echoes(reply)[0]?.pid)
    await opened.pool.whenReady(2, 10_000)
    expect(opened.pool.health().workers.filter(worker => worker.active)).toHaveLength(1)
  })
})

describe('recycling', () => {
  test('replaces a worker that has answered its share, loses nothing and leaves no process', async () => {
    const opened = await openEchoPool({ recycleItems: 20 })
    const pids = new Set<number>()
    for (let index = 0; index < 120; index += 1) {
      const [answer] = echoes(
        await opened.pool.dispatch(echoCall([`text ${index}`], { delayMs: 2 }), runContext()),
      )
      expect(answer).toMatchObject(echoOf(`text ${index}`))
      pids.add(answer?.pid as number)
    }
    expect(pids.size).toBeGreaterThan(1)
    expect(opened.events.named('worker-recycled').length).toBeGreaterThan(0)
    expect(opened.pool.health().lastFailure).toBeUndefined()
    await opened.pool.close()
    await until('all are gone', () => ![...pids].some(workerRuns))
  })
})

describe('a stream', () => {
  const open = (): Promise<Runner> => openRunner({ ops: ['echo', 'stream'], poolSize: 1, slots: 2 })

  test('hands on its parts in order and leaves room for what takes one step', async () => {
    await using runner = await open()
    const parts: Part[] = []
    const stream = runner.dispatch({
      op: 'stream',
      items: ['a'],
      options: { parts: 6, stepMs: 15 },
      onPart: part => parts.push(part),
    })
    let streaming = true
    void stream.then(() => {
      streaming = false
    })
    await until('it has begun', () => parts.length > 0)
    await runner.dispatch({ op: 'echo', items: ['between'] })
    expect(streaming).toBe(true)
    expect((await stream).results).toMatchObject([{ parts: 6 }])
    const numbers = parts.map(({ delta }) => (delta as { part: number }).part)
    expect(numbers.map(number => number - (numbers[0] ?? 0))).toEqual([0, 1, 2, 3, 4, 5])
    expect(parts.every(({ index, attempt }) => index === 0 && attempt === 1)).toBe(true)
  })

  test('that is aborted frees its slot at once and leaves the others alone', async () => {
    await using runner = await open()
    const gone = new AbortController()
    const endless = runner.dispatch(
      { op: 'stream', items: ['endless'], options: { parts: 10_000, stepMs: 5 } },
      { signal: gone.signal },
    )
    const other = runner.dispatch({ op: 'stream', items: ['other'], options: { parts: 20, stepMs: 5 } })
    const waiting = runner.dispatch({ op: 'stream', items: ['waiting'], options: { parts: 2 } })
    await until('both run', () => runner.stats().waitingItems === 1)
    gone.abort(new Error('nobody listens'))
    await expect(endless).rejects.toThrow('nobody listens')
    // Two slots, one of them busy: this can only be answered in the slot that was freed.
    expect((await waiting).results).toMatchObject([{ parts: 2 }])
    expect((await other).results).toMatchObject([{ parts: 20 }])
    expect(runner.workers()).toMatchObject([{ generation: 1 }])
  })

  test('begins anew when its worker dies', async () => {
    await using runner = await open()
    const attempts = new Set<number>()
    const reply = await runner.dispatch({
      op: 'stream',
      items: ['twice'],
      options: { parts: 8, stepMs: 5 },
      onPart: ({ attempt }) => {
        if (!attempts.has(attempt) && attempt === 1)
          process.kill(runner.workers()[0]?.pid as number, 'SIGKILL')
        attempts.add(attempt)
      },
    })
    expect(reply).toMatchObject({ attempt: 2, results: [{ parts: 8 }] })
    expect([...attempts]).toEqual([1, 2])
  })
})
