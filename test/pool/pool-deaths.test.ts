/**
 * What the pool does when workers die, hang or talk nonsense while they run somebody's work: nothing that was
 * accepted is lost, and only the item that kills is to blame.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { WorkerError } from '../../src/core/errors.ts'
import type { PoolOptions } from '../../src/pool/options.ts'
import { until } from '../support/condition.ts'
import { type EchoPool, echoCall, echoes, echoLaunch, echoOf, openEchoPool } from '../support/echo-pool.ts'
import { workerRuns } from '../support/process-list.ts'
import { runContext } from '../support/run-context.ts'
import { type PackageFolder, unrulyPackage } from '../support/unruly-package.ts'

let unruly: PackageFolder
beforeAll(() => {
  unruly = unrulyPackage()
})
afterAll(() => unruly.remove())

/** A pool whose workers obey the texts `poison`, `hang`, `crash`, `refuse` and `talk`. */
const openUnrulyPool = (options: Partial<PoolOptions> = {}) =>
  openEchoPool({ launch: async () => ({ ...echoLaunch, packageFolder: unruly.path }), ...options })

const texts = (count: number) => Array.from({ length: count }, (_, index) => `caller ${index}`)

const crcs = (replies: readonly Awaited<ReturnType<EchoPool['pool']['dispatch']>>[]) =>
  replies.flatMap(echoes).map(({ crc }) => crc)

describe('a worker killed from outside', () => {
  test('under 16 callers loses none of their calls', async () => {
    await using opened = await openEchoPool()
    const [pid] = opened.pids()
    const calls = texts(16).map(text => opened.pool.dispatch(echoCall([text], { delayMs: 40 }), runContext()))
    await opened.events.when('batch-sent')
    process.kill(pid as number, 'SIGKILL')
    const replies = await Promise.all(calls)
    expect(crcs(replies)).toEqual(texts(16).map(text => echoOf(text).crc))
    for (const reply of replies) {
      expect(reply.attempt).toBe(2)
      expect(reply.wastedMs).toBeGreaterThan(0)
      expect(echoes(reply)[0]?.pid).not.toBe(pid)
    }
    expect(opened.events.named('worker-exit')).toMatchObject([
      { pid, generation: 1, code: 'ER_WORKER_EXIT', reason: expect.stringContaining('SIGKILL') },
    ])
    expect(opened.pool.health().workers).toMatchObject([{ generation: 2, restarts: 1 }])
  })

  test('again and again, under load on two workers, loses none either', async () => {
    await using opened = await openEchoPool({ size: 2, batchItems: 8 })
    let kills = 0
    const { all } = opened.events
    const work = texts(16).map(async text => {
      const replies = []
      for (let round = 0; round < 6; round += 1)
        replies.push(
          await opened.pool.dispatch(echoCall([`${text} ${round}`], { delayMs: 10 }), runContext()),
        )
      return replies
    })
    const killer = (async () => {
      for (let seen = 0; kills < 4; seen += 1) {
        const { generation, items } = await opened.events.when('batch-sent', seen + 1)
        const worker = opened.pool.health().workers.find(figures => figures.generation === generation)
        // Two deaths while it runs alone would, rightly, be held against an item.
        if (items === 1 || worker?.state !== 'busy') continue
        process.kill(worker.pid, 'SIGKILL')
        kills += 1
        await opened.events.when('worker-exit', kills)
      }
    })()
    const replies = (await Promise.all(work)).flat()
    const expected = texts(16).flatMap(text =>
      [0, 1, 2, 3, 4, 5].map(round => echoOf(`${text} ${round}`).crc),
    )
    expect(crcs(replies)).toEqual(expected)
    await killer
    expect(all.filter(({ name }) => name === 'worker-exit')).toHaveLength(4)
  })

  test('while idle is replaced before anybody asks', async () => {
    await using opened = await openEchoPool()
    process.kill(opened.pids()[0] as number, 'SIGKILL')
    const { generation } = await opened.events.when('worker-ready', 2)
    expect(generation).toBe(2)
    const reply = await opened.pool.dispatch(echoCall(['x']), runContext())
    expect(reply).toMatchObject({ attempt: 1, wastedMs: 0 })
    expect(opened.events.named('worker-exit')).toHaveLength(1)
  })

  test('takes along no call that only waited', async () => {
    await using opened = await openEchoPool({ batchItems: 1 })
    const running = opened.pool.dispatch(echoCall(['runs'], { delayMs: 40 }), runContext())
    const waiting = opened.pool.dispatch(echoCall(['waits']), runContext())
    await opened.events.when('batch-sent')
    process.kill(opened.pids()[0] as number, 'SIGKILL')
    expect(await running).toMatchObject({ attempt: 2 })
    expect(await waiting).toMatchObject({ attempt: 1, wastedMs: 0 })
  })

  test('does not run again what its caller has given up', async () => {
    await using opened = await openEchoPool()
    const controller = new AbortController()
    const options = { delayMs: 60_000 }
    const gone = opened.pool.dispatch(echoCall(['gone'], options), runContext({ signal: controller.signal }))
    await opened.events.when('batch-sent')
    controller.abort('gone')
    await expect(gone).rejects.toBe('gone')
    process.kill(opened.pids()[0] as number, 'SIGKILL')
    await opened.events.when('worker-ready', 2)
    await opened.pool.dispatch(echoCall(['next']), runContext())
    expect(opened.events.named('batch-sent')).toHaveLength(2)
  })

  test('leaves the answers that it had given', async () => {
    await using opened = await openEchoPool({ batchItems: 2 })
    // Three batches; the worker dies under the second.
    const call = echoCall(texts(6), { delayMs: 30 })
    const reply = opened.pool.dispatch(call, runContext())
    await opened.events.when('batch-sent', 2)
    const [first] = opened.pids()
    process.kill(first as number, 'SIGKILL')
    const answers = echoes(await reply)
    expect(answers.map(({ crc }) => crc)).toEqual(texts(6).map(text => echoOf(text).crc))
    expect(answers.map(({ pid }) => pid === first)).toEqual([true, true, false, false, false, false])
    expect(await reply).toMatchObject({ attempt: 2, usage: { calls: 1 } })
  })
})

describe('an item that kills its worker', () => {
  test('is refused with ER_POISON, and the rest of its batch is answered', async () => {
    await using opened = await openUnrulyPool()
    const good = texts(5).map(text => opened.pool.dispatch(echoCall([text]), runContext()))
    const poison = opened.pool.dispatch(echoCall(['poison']), runContext())
    await expect(poison).rejects.toBeInstanceOf(WorkerError)
    await expect(poison).rejects.toMatchObject({
      code: 'ER_POISON',
      retryable: false,
      retried: true,
      message: expect.stringContaining('Item 0 of a call to echo'),
      cause: { code: 'ER_WORKER_EXIT' },
    })
    expect(crcs(await Promise.all(good))).toEqual(texts(5).map(text => echoOf(text).crc))
    // Once with the others, then twice alone.
    expect(opened.events.named('worker-exit')).toHaveLength(3)
    await opened.pool.dispatch(echoCall(['and on']), runContext())
  })

  test('fails its call alone, whose other items are not run for nothing', async () => {
    await using opened = await openUnrulyPool({ batchItems: 4 })
    const call = echoCall(['a', 'poison', ...texts(50)])
    const poison = opened.pool.dispatch(call, runContext())
    const good = opened.pool.dispatch(echoCall(['good']), runContext())
    await expect(poison).rejects.toMatchObject({
      code: 'ER_POISON',
      message: expect.stringContaining('Item 1 of a call to echo'),
    })
    expect(crcs([await good])).toEqual([echoOf('good').crc])
    expect(opened.pool.health()).toMatchObject({ waitingItems: 0, waitingBytes: 0, openCalls: 0 })
  })

  test('is tried on one worker while the others serve', async () => {
    await using opened = await openUnrulyPool({ size: 2 })
    const poisons = ['poison', 'poison'].map(text => opened.pool.dispatch(echoCall([text]), runContext()))
    const outcomes = Promise.allSettled(poisons)
    // Both died of the first round; from here on suspects run one after the other.
    await opened.events.when('worker-exit', 2)
    const replies = await Promise.all(
      texts(8).map(text => opened.pool.dispatch(echoCall([text]), runContext())),
    )
    expect(crcs(replies)).toEqual(texts(8).map(text => echoOf(text).crc))
    for (const outcome of await outcomes)
      expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'ER_POISON' } })
    expect(opened.events.named('worker-exit')).toHaveLength(6)
    // From being sent to the worker's death: no two of the suspects' runs overlap.
    const { all } = opened.events
    const runs = opened.events
      .named('worker-exit')
      .slice(2)
      .map(exit => ({
        from: all.findLastIndex(event => event.name === 'batch-sent' && event.generation === exit.generation),
        to: all.indexOf(exit),
      }))
    for (const [index, run] of runs.slice(1).entries())
      expect(run.from).toBeGreaterThan(runs[index]?.to as number)
  })

  test('does not open the breaker, however often it comes', async () => {
    await using opened = await openUnrulyPool({ quarantineMs: 0 })
    const { pool, events } = opened
    const refused = { code: 'ER_POISON' }
    for (let time = 0; time < 4; time += 1)
      await expect(pool.dispatch(echoCall(['poison']), runContext())).rejects.toMatchObject(refused)
    const exits = events.named('worker-exit').length
    const last = pool.dispatch(echoCall(['poison']), runContext())
    // Between two workers an open breaker would turn new calls away.
    await events.when('worker-exit', exits + 1)
    const good = pool.dispatch(echoCall(['good']), runContext())
    expect(await Promise.allSettled([last, good])).toMatchObject([
      { status: 'rejected', reason: refused },
      { status: 'fulfilled' },
    ])
  })

  test('shows what the worker said on stderr', async () => {
    await using opened = await openUnrulyPool()
    const crash = opened.pool.dispatch(echoCall(['crash']), runContext())
    await expect(crash).rejects.toMatchObject({
      code: 'ER_POISON',
      message: expect.stringContaining('code 70'),
      detail: expect.stringMatching(/Traceback.*RuntimeError: the operation crashed, as it was told to/s),
    })
  })
})

describe('a worker that hangs', () => {
  test('is killed; the item that hangs is refused and the rest answered', async () => {
    await using opened = await openUnrulyPool({ hangFloorMs: 150 })
    const [pid] = opened.pids()
    const good = texts(3).map(text => opened.pool.dispatch(echoCall([text]), runContext()))
    const hang = opened.pool.dispatch(echoCall(['hang']), runContext())
    await expect(hang).rejects.toMatchObject({ code: 'ER_POISON', cause: { code: 'ER_WORKER_HUNG' } })
    expect(crcs(await Promise.all(good))).toEqual(texts(3).map(text => echoOf(text).crc))
    // Once with the others; a hang alone is proof enough.
    expect(opened.events.named('worker-exit').map(({ code }) => code)).toEqual([
      'ER_WORKER_HUNG',
      'ER_WORKER_HUNG',
    ])
    await until('the hung worker is gone', () => !workerRuns(pid as number))
  })

  test('before it reads its batch is killed, too, and the call answered by the next', async () => {
    await using opened = await openEchoPool({ hangFloorMs: 200 })
    const [pid] = opened.pids()
    process.kill(pid as number, 'SIGSTOP')
    const reply = await opened.pool.dispatch(echoCall(['x']), runContext())
    expect(echoes(reply)).toMatchObject([echoOf('x')])
    expect(reply.attempt).toBe(2)
    expect(opened.events.named('worker-exit')).toMatchObject([{ pid, code: 'ER_WORKER_HUNG' }])
  })

  test('is given `hangFactor` times the time that such batches took', async () => {
    await using opened = await openEchoPool({ hangFloorMs: 100, hangFactor: 20 })
    await opened.pool.dispatch(echoCall(['learn'], { delayMs: 60 }), runContext())
    const reply = await opened.pool.dispatch(echoCall(['slow'], { delayMs: 300 }), runContext())
    expect(reply.attempt).toBe(1)
  })
})

test('a worker that prints where frames go breaks no frame', async () => {
  await using opened = await openUnrulyPool()
  const replies = await Promise.all(
    ['talk', 'x'].map(text => opened.pool.dispatch(echoCall([text]), runContext())),
  )
  expect(crcs(replies)).toEqual(['talk', 'x'].map(text => echoOf(text).crc))
  expect(opened.events.named('worker-exit')).toEqual([])
})

test('an operation that refuses one text fails that call alone', async () => {
  await using opened = await openUnrulyPool()
  const outcomes = await Promise.allSettled(
    ['a', 'refuse', 'b'].map(text => opened.pool.dispatch(echoCall([text]), runContext())),
  )
  expect(outcomes).toMatchObject([
    { status: 'fulfilled' },
    { status: 'rejected', reason: { code: 'ER_MODEL_INPUT', message: 'the operation refuses this text' } },
    { status: 'fulfilled' },
  ])
  expect(opened.events.named('batch-sent')).toHaveLength(1)
})
