/** Until when a run may go on, that it leaves the rest of the process its turns, and what it tells to whom. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import { errorOf } from '../../src/core/errors.ts'
import { type ExecuteParts, execute, type PlanEvent } from '../../src/plan/execute.ts'
import { Limiter } from '../../src/plan/limiter.ts'
import { constant, type PlanNode, parallel, remote, retry, sequential, stage } from '../../src/plan/node.ts'
import type { Profiles } from '../../src/plan/ports.ts'
import { turns } from '../support/condition.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { runContext } from '../support/run-context.ts'

const { dispatch } = new FakeDispatch()
const busy = () => errorOf('ER_MODEL_FAILED', 'the model failed')
const add = (by: number) => stage<number, number>(`add-${by}`, input => input + by)

afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

describe('a deadline', () => {
  const run = <I>(plan: PlanNode<I, unknown>, input: I, deadline: number) =>
    execute(plan, input, runContext({ deadline }), { dispatch })

  test('that has passed lets nothing begin', async () => {
    let runs = 0
    const plan = sequential(stage<null, number>('counts', () => ++runs))
    await expect(run(plan, null, performance.now() - 1)).rejects.toMatchObject({ code: 'ER_DEADLINE' })
    expect(runs).toBe(0)
  })

  test('is looked at before each leaf, so that work which blocks the timer is no way around it', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    let now = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    const ran: number[] = []
    const step = stage<unknown, unknown>('step', () => {
      ran.push(ran.length)
      now += 40
    })
    const settles = parallel({ only: sequential(step, step, step, step) }, { onError: 'settle' })
    await expect(run(settles, null, now + 100)).rejects.toMatchObject({ code: 'ER_DEADLINE' })
    expect(ran.length).toBe(3)
  })

  test('aborts the stage that is under way, which is then waited for', async () => {
    vi.useFakeTimers()
    const noted: unknown[] = []
    const plan = stage<null, void>('waits', async (_, { signal }) => {
      await new Promise(done => signal.addEventListener('abort', done))
      noted.push((signal.reason as { code?: string }).code)
    })
    const made = run(plan, null, performance.now() + 5000).catch((error: unknown) => noted.push(error))
    await vi.advanceTimersByTimeAsync(4999)
    expect(noted).toEqual([])
    await vi.advanceTimersByTimeAsync(1)
    await made
    expect(noted).toEqual(['ER_DEADLINE', expect.objectContaining({ code: 'ER_DEADLINE' })])
    expect((noted[1] as Error).message).toContain('5000 ms')
  })

  test('far away leaves no timer behind', async () => {
    vi.useFakeTimers()
    expect(await run(add(1), 1, performance.now() + 60_000)).toBe(2)
    expect(vi.getTimerCount()).toBe(0)
  })

  test('that a further attempt would pass ends a Retry with its error', async () => {
    const fails = stage<null, never>('fails', () => Promise.reject(busy()))
    const plan = retry(fails, 5, { baseMs: 3_600_000, mostMs: 3_600_000 })
    await expect(run(plan, null, performance.now() + 60_000)).rejects.toMatchObject({
      code: 'ER_MODEL_FAILED',
    })
  })
})

test('a long run of short stages lets the event loop turn', async () => {
  let clock = performance.now()
  vi.spyOn(performance, 'now').mockImplementation(() => clock)
  // By its own clock, each stage takes 4 ms.
  const step = stage<unknown, unknown>('step', () => {
    clock += 4
  })
  let seen = 0
  const watch = () => {
    seen += 1
    next = setImmediate(watch)
  }
  let next = setImmediate(watch)
  await execute(sequential<null>(...Array(30).fill(step)), null, runContext(), { dispatch })
  clearImmediate(next)
  expect(seen).toBeGreaterThanOrEqual(9)
})

describe('events', () => {
  const told = async (plan: PlanNode<number, unknown>, parts: Partial<ExecuteParts> = {}) => {
    const events: PlanEvent[] = []
    const onEvent = (event: PlanEvent) => events.push(event)
    await execute(plan, 1, runContext(), { dispatch, onEvent, ...parts }).catch(() => {})
    for (const { kind, ms } of events)
      expect(kind === 'end' ? (ms as number) >= 0 : ms === undefined).toBe(true)
    return events.map(({ kind, path, name, status, attempt }) =>
      [kind, path, name, status ?? attempt].filter(part => part !== undefined).join(' '),
    )
  }

  test('tell of each node as it begins and ends, leaves when they have their slot', async () => {
    const plan = sequential(
      parallel({ a: add(1), b: constant(2) }),
      stage('end', () => 3),
    )
    expect(await told(plan, { limiter: new Limiter(1) })).toEqual([
      'start  sequential',
      'start 0 parallel',
      'start 0/a add-1',
      'start 0/b const',
      'end 0/b const ok',
      'end 0/a add-1 ok',
      'end 0 parallel ok',
      'start 1 end',
      'end 1 end ok',
      'end  sequential ok',
    ])
  })

  test('tell of failures, of attempts to come, and not of what is never begun', async () => {
    const fails = stage<number, never>('fails', () => Promise.reject(busy()))
    expect(await told(sequential(retry(fails, 2, { baseMs: 0 }), add(1)))).toEqual([
      'start  sequential',
      'start 0 retry',
      'start 0 fails',
      'end 0 fails failed',
      'retry 0 retry 2',
      'start 0 fails',
      'end 0 fails failed',
      'end 0 retry failed',
      'end  sequential failed',
    ])
  })

  test.each([
    ['throws', () => assertNever()],
    ['rejects later', async () => assertNever()],
  ])('do no harm where the listener %s', async (_, onEvent) => {
    const profiles: Profiles = { get: () => undefined, note: assertNever }
    expect(await execute(add(1), 1, runContext(), { dispatch, onEvent, profiles })).toBe(2)
    await turns()
  })
})

const assertNever = (): never => {
  throw new Error('a listener’s fault')
}

test('profiles are told what each leaf used, not of what was stopped from outside', async () => {
  const notes: unknown[][] = []
  const profiles: Profiles = { get: () => undefined, note: (...note) => notes.push(note) }
  const variant = {
    ...{ name: 'v', op: 'embed', model: 'm', revision: 'r', weightsHash: 'w' },
    price: { usdPer1kTokens: 0, usdPerSecond: 0 },
    limits: { maxTokens: 512, dimensions: 16 },
  }
  const costly = stage<unknown, string[]>('costly', () => ['x', 'y'], { version: '3', cost: { nanoUsd: 5 } })
  const fails = stage<unknown, never>('fails', () => turns(1).then(() => Promise.reject(busy())))
  const waits = stage<unknown, unknown>('waits', async (_, { signal }) => {
    await new Promise(done => signal.addEventListener('abort', done))
  })
  const plan = sequential(costly, remote<string[], unknown>(variant), parallel({ fails, waits }))
  await expect(execute(plan, null, runContext(), { dispatch, profiles })).rejects.toThrow('failed')
  const timeMs = expect.any(Number)
  expect(notes).toEqual([
    ['costly@3', true, { nanoUsd: 5, tokens: 0, calls: 0, workerMs: 0, timeMs }],
    ['embed@1', true, { calls: 1, tokens: 20, workerMs: 2, timeMs }],
    ['fails@1', false, { timeMs }],
  ])
})
