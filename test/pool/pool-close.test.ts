/**
 * The end of a pool, in good order or not: work in flight, the processes, and whatever else would keep a host
 * alive or outlive it.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { until } from '../support/condition.ts'
import { echoCall, echoes, echoLaunch, echoOf, openEchoPool, startEchoPool } from '../support/echo-pool.ts'
import { workerRuns, workersOf } from '../support/process-list.ts'
import { runContext } from '../support/run-context.ts'

const closed = { code: 'ER_CLOSED', retryable: false }

describe('close()', () => {
  test('lets what runs and what waits finish, and takes nothing new', async () => {
    const { pool, events, pids } = await openEchoPool({ batchItems: 2 })
    const [pid] = pids()
    const texts = ['a', 'b', 'c', 'd', 'e']
    const calls = texts.map(text => pool.dispatch(echoCall([text], { delayMs: 30 }), runContext()))
    await events.when('batch-sent')
    const closing = pool.close()
    await expect(pool.dispatch(echoCall(['late']), runContext())).rejects.toMatchObject(closed)
    expect((await Promise.all(calls)).flatMap(echoes)).toEqual(texts.map(text => ({ ...echoOf(text), pid })))
    await closing
    await expect(pool.dispatch(echoCall(['later']), runContext())).rejects.toMatchObject(closed)
    await expect(pool.dispatch(echoCall([]), runContext())).rejects.toMatchObject(closed)
    expect(workerRuns(pid as number)).toBe(false)
    expect(pool.health()).toMatchObject({ live: false, ready: false, openCalls: 0, workers: [] })
  })

  test('may be called again and again', async () => {
    const { pool, pids } = await openEchoPool()
    const [pid] = pids()
    await Promise.all([pool.close(), pool.close()])
    await pool.close()
    await pool[Symbol.asyncDispose]()
    expect(workerRuns(pid as number)).toBe(false)
  })

  test('ends work that takes longer than drainMs, and its process', async () => {
    const { pool, events, pids } = await openEchoPool({ drainMs: 30, killGraceMs: 100 })
    const [pid] = pids()
    const long = pool.dispatch(echoCall(['x'], { delayMs: 60_000 }), runContext())
    const outcome = expect(long).rejects.toMatchObject(closed)
    await events.when('batch-sent')
    await pool.close()
    await outcome
    expect(workerRuns(pid as number)).toBe(false)
  })

  test('kills a worker that does not go when asked', async () => {
    const { pool, pids } = await openEchoPool({ killGraceMs: 30 })
    const [pid] = pids()
    process.kill(pid as number, 'SIGSTOP')
    await pool.close()
    expect(workerRuns(pid as number)).toBe(false)
  })

  test('waits for a killed worker’s successor, if it has accepted calls', async () => {
    const { pool, events, pids } = await openEchoPool()
    process.kill(pids()[0] as number, 'SIGKILL')
    await events.when('worker-exit')
    const call = pool.dispatch(echoCall(['x']), runContext())
    await pool.close()
    expect(echoes(await call)).toMatchObject([echoOf('x')])
  })

  test('in the middle of a start leaves no process and tells who waits', async () => {
    const { pool } = startEchoPool({ size: 2 })
    const waiting = expect(pool.whenReady(1, 60_000)).rejects.toMatchObject(closed)
    await until('a worker is starting', () => pool.health().workers.length > 0)
    const pids = pool.health().workers.map(({ pid }) => pid)
    await pool.close()
    await waiting
    for (const pid of pids) expect(workerRuns(pid)).toBe(false)
  })

  test('before a worker was launched launches none', async () => {
    let release = (_: typeof echoLaunch) => {}
    const launch = new Promise<typeof echoLaunch>(resolve => {
      release = resolve
    })
    const before = workersOf()
    const { pool } = startEchoPool({ launch: () => launch })
    await pool.close()
    release(echoLaunch)
    await launch
    expect(pool.health().workers).toEqual([])
    expect(workersOf()).toEqual(before)
  })

  test('while no worker can be had leaves no probe behind', async () => {
    const { pool } = startEchoPool({ launch: async () => ({ ...echoLaunch, python: '/nowhere' }) })
    await pool.whenReady(1, 60_000).catch(() => {})
    await pool.close()
    expect(pool.health()).toMatchObject({ live: false, workers: [] })
  })

  test('makes whenReady() refuse at once', async () => {
    const { pool } = await openEchoPool()
    await pool.close()
    await expect(pool.whenReady(1, 1000)).rejects.toMatchObject(closed)
  })
})

type Host = { readonly process: ChildProcessByStdio<null, Readable, null>; readonly said: Said }
type Said = { readonly pids: number[]; readonly before: string[]; readonly after: string[] }

/** Runs test/support/pool-host.ts and waits until it has said who its workers are. */
async function startHost(mode: 'close' | 'leave' | 'busy'): Promise<Host> {
  const file = join(import.meta.dirname, '..', 'support', 'pool-host.ts')
  const child = spawn(process.execPath, [file, mode], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.setEncoding('utf8')
  for await (const part of child.stdout.iterator({ destroyOnReturn: false })) {
    text += part
    if (text.includes('\n')) break
  }
  child.stdout.resume()
  return { process: child, said: JSON.parse(text) as Said }
}

const exitOf = async ({ process: child }: Host) =>
  child.exitCode ?? child.signalCode ?? (await once(child, 'exit'))[0]

describe('a host', () => {
  test('that closes its pool ends by itself; no process, timer or pipe is left', async () => {
    const host = await startHost('close')
    expect(await exitOf(host)).toBe(0)
    expect(host.said.pids).toHaveLength(2)
    for (const pid of host.said.pids) expect(workerRuns(pid)).toBe(false)
    expect(host.said.after.toSorted()).toEqual(host.said.before.toSorted())
  })

  test('that never closes its pool ends by itself, too, and its workers with it', async () => {
    const host = await startHost('leave')
    expect(await exitOf(host)).toBe(0)
    await until('its workers are gone', () => !host.said.pids.some(workerRuns))
  })

  test('that is killed takes its workers along, busy as they are', async () => {
    const host = await startHost('busy')
    expect(host.said.pids.filter(workerRuns)).toHaveLength(2)
    host.process.kill('SIGKILL')
    await until('its workers are gone', () => !host.said.pids.some(workerRuns), 3000)
  })
})
