/**
 * Workers that never get ready, and workers that break the protocol: what is said of them, who is told, and
 * that the next one takes over where there may be a next one.
 */
import { Packr } from 'msgpackr'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { now } from '../../src/core/async.ts'
import { errorOf, OverloadError, WorkerError } from '../../src/core/errors.ts'
import type { PoolOptions } from '../../src/pool/options.ts'
import type { Launch } from '../../src/pool/spawn.ts'
import { echoCall, echoes, echoLaunch, echoOf, python, startEchoPool } from '../support/echo-pool.ts'
import { workersOf } from '../support/process-list.ts'
import { runContext } from '../support/run-context.ts'
import { type PackageFolder, scriptedPackage } from '../support/unruly-package.ts'

type Step = readonly [step: string, value?: string | number]

let scripted: PackageFolder
beforeAll(() => {
  scripted = scriptedPackage()
})
afterAll(() => scripted.remove())

const scriptLaunch = (steps: readonly Step[]): Launch => ({
  python,
  packageFolder: scripted.path,
  operations: [JSON.stringify(steps)],
})

/** Opens a pool whose first workers follow these scripts, one each; later ones are real. */
function startScripted(scripts: readonly (readonly Step[])[], options: Partial<PoolOptions> = {}) {
  let launched = 0
  const launch = async () => {
    const steps = scripts[launched]
    launched += 1
    return steps === undefined ? echoLaunch : scriptLaunch(steps)
  }
  return startEchoPool({ killGraceMs: 100, launch, ...options })
}

const packer = new Packr({ useRecords: false })

/** A step that writes a message as a frame, in one piece. */
function say(message: unknown): Step {
  const body = packer.pack(message)
  const header = Buffer.alloc(4)
  header.writeUInt32LE(body.byteLength)
  return ['write', Buffer.concat([header, body]).toString('hex')]
}

const memory = { rssBytes: 1, peakBytes: 1, mlxActiveBytes: 0, mlxCacheBytes: 0 }
const hello = say({ type: 'hello', protocol: 1, pid: 1, python: '3', versions: {} })
const loaded = say({ type: 'log', level: 'info', stage: 'warming', code: '', message: 'loaded' })
const ready = say({
  type: 'ready',
  ops: ['echo'],
  models: [],
  lanes: { echo: 1 },
  loadMs: 0,
  warmUpMs: 0,
  memory,
  facts: {},
})
const started = say({ type: 'started', batch: 1 })
const list = (...values: unknown[]) => ({ results: values, usage: { tokens: 0 } })
const results = (calls: readonly unknown[], batch = 1) =>
  say({ type: 'results', batch, calls, modelMs: 1, memory })
/** Until something of the batch has come in. */
const take: Step = ['read', 4]

describe('a Python that can’t be started', () => {
  const nowhere: Launch = { ...echoLaunch, python: '/nowhere/bin/python3' }

  test('is told at once to whoever waits, by name', async () => {
    await using opened = startEchoPool({ size: 2, launch: async () => nowhere })
    const call = opened.pool.dispatch(echoCall(['x']), runContext())
    const waiting = opened.pool.whenReady(1, 60_000)
    const expected = {
      code: 'ER_WORKER_SPAWN',
      retryable: false,
      message: expect.stringMatching(/\/nowhere\/bin\/python3.*ENOENT.*npx evidence-runner setup/),
    }
    const outcomes = await Promise.allSettled([waiting, call])
    expect(outcomes).toMatchObject([
      { status: 'rejected', reason: expected },
      { status: 'rejected', reason: expected },
    ])
    expect(opened.pool.health()).toMatchObject({ live: false, ready: false, openCalls: 0, workers: [] })
    await expect(opened.pool.whenReady(1, 60_000)).rejects.toMatchObject(expected)
  })

  test('refuses later calls with ER_NO_WORKER and when to come back', async () => {
    await using opened = startEchoPool({ launch: async () => nowhere })
    await opened.pool.whenReady(1, 60_000).catch(() => {})
    const refused = opened.pool.dispatch(echoCall(['x']), runContext())
    await expect(refused).rejects.toBeInstanceOf(OverloadError)
    await expect(refused).rejects.toMatchObject({
      code: 'ER_NO_WORKER',
      retryable: true,
      message: expect.stringContaining('/nowhere/bin/python3'),
      cause: { code: 'ER_WORKER_SPAWN' },
    })
    const { retryAfterMs } = (await refused.catch(error => error)) as OverloadError
    expect(retryAfterMs).toBeGreaterThanOrEqual(500)
  })

  test('is not tried again in a storm, and found when it comes', async () => {
    let launches = 0
    await using opened = startEchoPool({
      launch: async () => {
        launches += 1
        return launches === 1 ? nowhere : echoLaunch
      },
    })
    await expect(opened.pool.whenReady(1, 60_000)).rejects.toMatchObject({ code: 'ER_WORKER_SPAWN' })
    expect(launches).toBe(1)
    await opened.events.when('worker-ready')
    expect(launches).toBe(2)
    const reply = await opened.pool.dispatch(echoCall(['x']), runContext())
    expect(echoes(reply)).toMatchObject([echoOf('x')])
  })

  test('in one slot leaves the calls to the other', async () => {
    let launches = 0
    await using opened = startEchoPool({
      size: 2,
      launch: async () => (++launches === 1 ? nowhere : echoLaunch),
    })
    const call = opened.pool.dispatch(echoCall(['x']), runContext())
    await opened.pool.whenReady(1, 60_000)
    expect(echoes(await call)).toMatchObject([echoOf('x')])
  })

  test('may be refused by `launch`, whose own error is told as it is', async () => {
    const error = errorOf('ER_MODEL_MISMATCH', 'the weights are others')
    await using opened = startEchoPool({ launch: () => Promise.reject(error) })
    await expect(opened.pool.whenReady(1, 60_000)).rejects.toBe(error)
  })

  test.each(['/dev/null/python', '/'])('as %s is told like any other', async path => {
    await using opened = startEchoPool({ launch: async () => ({ ...echoLaunch, python: path }) })
    await expect(opened.pool.whenReady(1, 60_000)).rejects.toMatchObject({
      code: 'ER_WORKER_SPAWN',
      message: expect.stringContaining(path),
    })
  })
})

describe('a worker that does not get ready', () => {
  const boots: [string, Step[], Partial<PoolOptions>, Record<string, unknown>][] = [
    [
      'exits',
      [
        ['say', 'one line\nNo module named mlx\n'],
        ['exit', 3],
      ],
      {},
      {
        code: 'ER_WORKER_SPAWN',
        message: expect.stringMatching(/code 3.*No module named mlx/),
        detail: 'one line\nNo module named mlx',
      },
    ],
    ['crashes', [hello, ['kill', 6]], {}, { message: expect.stringContaining('SIGABRT') }],
    [
      'says why it can’t',
      [
        hello,
        say({ type: 'log', level: 'fatal', stage: 'loading', code: 'ER_MODEL_LOAD', message: 'no weights' }),
        ['exit', 69],
      ],
      {},
      { code: 'ER_MODEL_LOAD', message: 'no weights' },
    ],
    [
      'speaks another protocol',
      [say({ type: 'hello', protocol: 99, pid: 1, python: '3', versions: {} }), ['stay']],
      {},
      { code: 'ER_WORKER_SPAWN', message: expect.stringMatching(/protocol 99 and this package 1/) },
    ],
    [
      'speaks no protocol',
      [['write', Buffer.from('Python 3.11.2 (main)\nType "help"').toString('hex')], ['stay']],
      {},
      { code: 'ER_WIRE', detail: expect.stringContaining('Python 3.11.2 (main)') },
    ],
    [
      'says that it is ready before it has said who it is',
      [ready, ['stay']],
      {},
      { message: expect.stringContaining('hello') },
    ],
    [
      'says nothing',
      [['say', 'thinking'], ['stay']],
      { helloTimeoutMs: 200 },
      { code: 'ER_WORKER_SPAWN', message: expect.stringContaining('said nothing'), detail: 'thinking' },
    ],
    [
      'does not load',
      [hello, ['stay']],
      { loadTimeoutMs: 50 },
      { code: 'ER_WORKER_SPAWN', message: expect.stringContaining('had not loaded its model') },
    ],
    [
      'does not warm up',
      [hello, loaded, ['stay']],
      { warmUpTimeoutMs: 50 },
      { code: 'ER_WORKER_SPAWN', message: expect.stringContaining('was not warm') },
    ],
  ]

  test.each(boots)('because it %s is told with its reason', async (_, steps, options, expected) => {
    let launches = 0
    const launch = async () => {
      launches += 1
      return scriptLaunch(steps)
    }
    await using opened = startEchoPool({ killGraceMs: 100, launch, ...options })
    await expect(opened.pool.whenReady(1, 60_000)).rejects.toMatchObject(expected)
    expect(opened.pool.health().lastFailure).toMatchObject(expected)
    // The next would fail the same way: nobody is kept waiting for it.
    expect(launches).toBe(1)
  })
})

describe('whenReady()', () => {
  test('gives up after its time with ER_WARMING and says how far the workers are', async () => {
    const steps: Step[] = [['say', 'reading weights'], hello, ['stay']]
    await using opened = startScripted([steps])
    const warming = opened.pool.whenReady(1, 400)
    await expect(warming).rejects.toMatchObject({
      code: 'ER_WARMING',
      retryable: true,
      retryAfterMs: 1000,
      message: expect.stringContaining('loading'),
      detail: 'reading weights',
    })
  })

  test('throws the signal’s own reason', async () => {
    await using opened = startScripted([[hello, ['stay']]])
    const reason = { why: 'enough' }
    await expect(opened.pool.whenReady(1, 60_000, AbortSignal.abort(reason))).rejects.toBe(reason)
    const controller = new AbortController()
    const waiting = opened.pool.whenReady(1, 60_000, controller.signal)
    controller.abort(reason)
    await expect(waiting).rejects.toBe(reason)
  })

  test('waits for as many as are wanted', async () => {
    let release = (_: Launch) => {}
    const second = new Promise<Launch>(resolve => {
      release = resolve
    })
    let launches = 0
    await using opened = startEchoPool({
      size: 2,
      launch: async () => (++launches === 1 ? echoLaunch : second),
    })
    let all = false
    const waiting = opened.pool.whenReady(2, 60_000).then(() => {
      all = true
    })
    await opened.pool.whenReady(1, 60_000)
    expect(all).toBe(false)
    release(echoLaunch)
    await waiting
    expect(opened.pids()).toHaveLength(2)
  })
})

describe('a worker that breaks the protocol', () => {
  const boot = [hello, loaded, ready]
  const breaches: [string, Step[], string][] = [
    [
      'writes garbage',
      [take, ['write', Buffer.from('Traceback (most recent').toString('hex')], ['stay']],
      'ER_WIRE',
    ],
    ['says too long a length', [take, ['write', 'ffffffff00'], ['stay']], 'ER_WIRE'],
    ['says length zero', [take, ['write', '00000000'], ['stay']], 'ER_WIRE'],
    ['writes no MessagePack', [take, ['write', '01000000c1'], ['stay']], 'ER_WIRE'],
    ['writes an unknown message', [take, say({ type: 'gossip' }), ['stay']], 'ER_WIRE'],
    ['lacks a field', [take, say({ type: 'started' }), ['stay']], 'ER_WIRE'],
    ['stops inside a frame', [take, started, ['write', '20000000'], ['exit', 0]], 'ER_WORKER_EXIT'],
    ['exits as if all were well', [take, ['exit', 0]], 'ER_WORKER_EXIT'],
    ['starts another batch', [take, say({ type: 'started', batch: 7 }), ['stay']], 'ER_WIRE'],
    ['answers another batch', [take, results([{ id: 1, ...list('x') }], 7), ['stay']], 'ER_WIRE'],
    ['answers what nobody asked', [results([{ id: 1, ...list('x') }]), ['stay']], 'ER_WIRE'],
    ['leaves a call unanswered', [take, started, results([{ id: 9, ...list('x') }]), ['stay']], 'ER_WIRE'],
    ['gives too few results', [take, started, results([{ id: 1, ...list() }]), ['stay']], 'ER_WIRE'],
    ['gives too many results', [take, started, results([{ id: 1, ...list(1, 2) }]), ['stay']], 'ER_WIRE'],
    [
      'gives vectors of another size than it says',
      [
        take,
        started,
        results([
          { id: 1, results: { dtype: 'f32', shape: [1, 4], data: Buffer.alloc(12) }, usage: { tokens: 0 } },
        ]),
        ['stay'],
      ],
      'ER_WIRE',
    ],
    [
      'streams a call that does not stream',
      [take, say({ type: 'parts', calls: [{ id: 1, delta: 'x' }] }), ['stay']],
      'ER_WIRE',
    ],
    ['says again that it is ready', [take, started, ready, ['stay']], 'ER_WIRE'],
    ['says hello again', [take, hello, ['stay']], 'ER_WIRE'],
  ]

  test.each(breaches)('and %s is replaced, and its call answered by the next', async (_, steps, code) => {
    await using opened = startScripted([[...boot, ...steps]], { hangFloorMs: 1000 })
    const reply = await opened.pool.dispatch(echoCall(['mine']), runContext({ deadline: now() + 3000 }))
    expect(echoes(reply)).toMatchObject([echoOf('mine')])
    expect(opened.events.named('worker-exit')).toMatchObject([{ generation: 1, code }])
    expect(workersOf()).toContain(echoes(reply)[0]?.pid)
  })

  test('shows the bytes that broke it', async () => {
    const steps: Step[] = [...boot, take, ['write', Buffer.from('HTTP/1.1 200 OK').toString('hex')], ['stay']]
    await using opened = startScripted([steps])
    await opened.pool.dispatch(echoCall(['mine']), runContext())
    const { lastFailure } = opened.pool.health()
    expect(lastFailure).toBeInstanceOf(WorkerError)
    expect(lastFailure).toMatchObject({
      code: 'ER_WIRE',
      detail: '48 54 54 50 2f 31 2e 31 20 32 30 30 20 4f 4b | HTTP/1.1 200 OK',
    })
  })

  test('after it has answered some calls of a batch: those keep their answers', async () => {
    const answers = results([
      { id: 1, ...list('kept') },
      { id: 2, ...list('one', 'too many') },
    ])
    await using opened = startScripted([[...boot, ['read', 4], started, answers, ['stay']]])
    await opened.pool.whenReady(1, 30_000)
    const [first, second] = await Promise.all(
      ['first', 'second'].map(item => opened.pool.dispatch(echoCall([item]), runContext())),
    )
    expect(first).toMatchObject({ results: ['kept'], attempt: 1 })
    expect(echoes(second as never)).toMatchObject([echoOf('second')])
    expect(second?.attempt).toBe(2)
  })

  test('but says one thing too many in its figures is not replaced', async () => {
    const extra = say({
      type: 'results',
      batch: 1,
      calls: [{ id: 1, ...list('x') }],
      modelMs: 1,
      memory,
      new: 1,
    })
    await using opened = startScripted([[...boot, take, started, extra, ['stay']]])
    const reply = await opened.pool.dispatch(echoCall(['mine']), runContext())
    expect(reply.results).toEqual(['x'])
    expect(opened.events.named('worker-exit')).toEqual([])
  })
})
