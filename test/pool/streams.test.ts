/**
 * Calls that take many steps, as generations do: who begins them again after a worker's death, who gets a slot,
 * and what runs beside them. Real workers without a model.
 */
import { afterAll, describe, expect, test } from 'vitest'
import type { Part, Reply } from '../../src/core/call.ts'
import { openRunner, type Runner } from '../../src/open-runner.ts'
import type { Launch } from '../../src/pool/spawn.ts'
import { until } from '../support/condition.ts'
import { echoCall, echoLaunch, echoVariant, openEchoPool, startEchoPool } from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'
import { unrulyPackage } from '../support/unruly-package.ts'

const folder = unrulyPackage()
afterAll(() => folder.remove())

type Streamed = { readonly pid: number; readonly parts: number }

const open = (slots: number, poolSize = 1, options: { hangFloorMs?: number } = {}): Promise<Runner> =>
  openRunner({ ops: ['echo', 'stream'], poolSize, slots, ...options })

const streamVariant = { ...echoVariant, name: 'stream', op: 'stream', model: 'stream' }

const streamLaunch = (packageFolder = echoLaunch.packageFolder): Launch => ({
  ...echoLaunch,
  packageFolder,
  operations: ['{"op":"stream","slots":4}'],
})

const pids = ({ results }: Reply): number[] => (results as readonly Streamed[]).map(({ pid }) => pid)

const endless = { parts: 1_000_000, stepMs: 5 }

/** Fills slots until `free` of them is called for each. */
function occupy(runner: Runner, count: number): (() => void)[] {
  return Array.from({ length: count }, (_, index) => {
    const gone = new AbortController()
    const call = { op: 'stream', items: [`filler ${index}`], options: endless } as const
    runner.dispatch(call, { signal: gone.signal, caller: 'filler' }).catch(() => {})
    return () => gone.abort()
  })
}

describe('a stream that is not to be run again', () => {
  test('fails with a retryable error when its worker dies; others begin anew', async () => {
    await using runner = await open(4)
    const parts: Part[] = []
    let kill = () => {
      kill = () => {}
      process.kill(runner.workers()[0]?.pid as number, 'SIGKILL')
    }
    const once = runner.dispatch({
      op: 'stream',
      items: ['once', 'twice'],
      options: endless,
      restart: false,
      onPart: part => {
        parts.push(part)
        if (parts.length > 4) kill()
      },
    })
    const again = runner.dispatch({ op: 'stream', items: ['again'], options: { parts: 40, stepMs: 5 } })
    await expect(once).rejects.toMatchObject({ code: 'ER_WORKER_EXIT', retryable: true, name: 'WorkerError' })
    expect(await again).toMatchObject({ attempt: 2, results: [{ parts: 40 }] })
    expect(parts.every(({ attempt }) => attempt === 1)).toBe(true)
    expect(runner.stats()).toMatchObject({ waitingItems: 0, openCalls: 0 })
  })

  test('leaves nothing behind of it that waits, or runs on another worker', async () => {
    await using runner = await open(2, 2)
    const running = new Set<number>()
    const call = runner.dispatch({
      op: 'stream',
      items: ['a', 'b', 'c', 'd', 'e', 'f'],
      options: endless,
      restart: false,
      onPart: ({ index }) => running.add(index),
    })
    await until('all slots are taken', () => running.size === 4)
    process.kill(runner.workers()[0]?.pid as number, 'SIGKILL')
    await expect(call).rejects.toMatchObject({ code: 'ER_WORKER_EXIT' })
    const { waitingItems, openCalls } = runner.stats()
    expect({ waitingItems, openCalls }).toEqual({ waitingItems: 0, openCalls: 0 })
    // Both slots of the living worker are free again, so these need no other.
    const living = runner.workers().find(({ state }) => state === 'ready' || state === 'busy')?.pid
    const reply = await runner.dispatch({
      op: 'stream',
      items: ['g', 'h'],
      options: { parts: 2 },
      together: true,
    })
    expect(pids(reply)).toEqual([living, living])
  })

  test('is told of a worker that hangs as such', async () => {
    await using runner = await open(2, 1, { hangFloorMs: 100 })
    const call = runner.dispatch({
      op: 'stream',
      items: ['slow'],
      options: { parts: 2, stepMs: 60_000 },
      restart: false,
    })
    await expect(call).rejects.toMatchObject({ code: 'ER_WORKER_HUNG', retryable: true })
  })
})

describe('streams under a worker that is killed', () => {
  test('begin anew side by side, each told of one death', async () => {
    await using runner = await open(4)
    const running = new Set<string>()
    let most = 0
    const steps = new Map<string, number>()
    const ask = (name: string, items: string[]) =>
      runner.dispatch({
        op: 'stream',
        items,
        options: { parts: 12, stepMs: 15 },
        onPart: ({ index, attempt }) => {
          const key = `${name} ${index}`
          if (attempt === 1 && steps.size === 4 && running.size === 0)
            process.kill(runner.workers()[0]?.pid as number, 'SIGKILL')
          if (attempt === 1) steps.set(key, 1)
          else {
            running.add(key)
            steps.set(key, (steps.get(key) ?? 0) + 1)
            if (steps.get(key) === 13) running.delete(key)
            most = Math.max(most, running.size)
          }
        },
      })
    const replies = await Promise.all([ask('three', ['a', 'b', 'c']), ask('one', ['d'])])
    expect(replies.map(({ attempt }) => attempt)).toEqual([2, 2])
    expect(most).toBe(4)
    expect(runner.stats().workers).toMatchObject([{ restarts: 1 }])
  })

  test('are tried alone from the second death on, and the one that kills is refused', async () => {
    await using opened = await openEchoPool({ launch: async () => streamLaunch(folder.path) })
    const ask = (text: string) =>
      opened.pool.dispatch({ variant: streamVariant, items: [text] }, runContext())
    const [poison, ...good] = await Promise.allSettled(['poison', 'a', 'b', 'c'].map(ask))
    expect(poison).toMatchObject({ status: 'rejected', reason: { code: 'ER_POISON' } })
    expect(good.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled'])
    expect(opened.events.named('worker-exit')).toHaveLength(4)
    expect(opened.pool.health()).toMatchObject({ quarantined: 1, openCalls: 0 })
  })
})

test('a stream that says nothing for long is not killed as long as it makes steps', async () => {
  // Killed after 1.2 s of silence; it says nothing for 2.4 s.
  await using runner = await open(2, 1, { hangFloorMs: 400 })
  const reply = await runner.dispatch({
    op: 'stream',
    items: ['silent'],
    options: { parts: 80, stepMs: 30, silent: true },
  })
  expect(reply).toMatchObject({ attempt: 1, results: [{ parts: 80 }] })
  expect(runner.workers()).toMatchObject([{ generation: 1 }])
})

describe('items that go together', () => {
  test('are on one worker, where others are divided among all', async () => {
    await using runner = await open(8, 2)
    const items = ['a', 'b', 'c', 'd']
    const options = { parts: 4, stepMs: 5 }
    const apart = await runner.dispatch({ op: 'stream', items, options })
    const together = await runner.dispatch({ op: 'stream', items, options, together: true })
    expect(new Set(pids(together)).size).toBe(1)
    expect(new Set(pids(apart)).size).toBe(2)
  })

  test('wait for room for all of them, which nobody else takes', async () => {
    await using runner = await open(4)
    const free = occupy(runner, 3)
    await until('they run', () => runner.stats().waitingItems === 0)
    const order: string[] = []
    const ask = async (name: string, items: string[], together: boolean) => {
      await runner.dispatch({ op: 'stream', items, options: { parts: 2 }, together })
      order.push(name)
    }
    const first = ask('first', ['a', 'b'], true)
    const second = ask('second', ['c'], false)
    await runner.dispatch({ op: 'echo', items: ['beside'] })
    expect(runner.stats().waitingItems).toBe(3)
    free[0]?.()
    await Promise.all([first, second])
    expect(order).toEqual(['first', 'second'])
    for (const each of free) each()
  })

  test('that are more than a worker takes are refused', async () => {
    await using runner = await open(2)
    const call = { op: 'stream', items: ['a', 'b', 'c'], options: { parts: 1 }, together: true } as const
    await expect(runner.dispatch(call)).rejects.toMatchObject({ code: 'ER_INPUT' })
    expect(await runner.dispatch({ ...call, together: false })).toMatchObject({ results: [{}, {}, {}] })
  })
})

test('items that go together and came before any worker was warm are refused when it is, where they don’t fit', async () => {
  await using opened = startEchoPool({ launch: async () => streamLaunch() })
  const ask = (count: number) =>
    opened.pool.dispatch(
      { variant: streamVariant, items: Array(count).fill('x'), together: true },
      runContext(),
    )
  const [five, four] = await Promise.allSettled([ask(5), ask(4)])
  expect(five).toMatchObject({ status: 'rejected', reason: { code: 'ER_INPUT' } })
  expect(four).toMatchObject({ status: 'fulfilled' })
})

test('streams of interactive callers get a free slot before those of bulk callers', async () => {
  await using runner = await open(2)
  const free = occupy(runner, 2)
  await until('they run', () => runner.stats().waitingItems === 0)
  const order: string[] = []
  const ask = async (kind: 'bulk' | 'interactive', index: number) => {
    const call = { op: 'stream', items: [`${kind} ${index}`], options: { parts: 3, stepMs: 2 } } as const
    await runner.dispatch(call, { class: kind })
    order.push(kind)
  }
  const bulk = Array.from({ length: 6 }, (_, index) => ask('bulk', index))
  const interactive = Array.from({ length: 6 }, (_, index) => ask('interactive', index))
  free[0]?.()
  await Promise.all([...bulk, ...interactive])
  // One slot: of six turns a bulk call may have had one.
  expect(order.lastIndexOf('interactive')).toBeLessThanOrEqual(6)
  free[1]?.()
})

test('what takes one step is served between two steps of eight streams', async () => {
  await using runner = await open(8)
  let steps = 0
  const gone = new AbortController()
  const call = {
    op: 'stream',
    items: Array.from({ length: 8 }, (_, index) => `stream ${index}`),
    options: { parts: 1_000_000, stepMs: 20 },
    onPart: ({ index }: Part) => {
      steps += index === 0 ? 1 : 0
    },
  } as const
  const streams = runner.dispatch(call, { signal: gone.signal })
  streams.catch(() => {})
  await until('they run', () => steps > 0)
  const waited: number[] = []
  for (let index = 0; index < 20; index += 1) {
    const before = steps
    await runner.dispatch({ op: 'echo', items: [`text ${index}`] })
    waited.push(steps - before)
  }
  // The step that was under way, and one more where that had just begun when the batch was read.
  expect(waited.toSorted((a, b) => a - b)[18]).toBeLessThanOrEqual(2)
  gone.abort()
  await expect(streams).rejects.toThrow()
})

test('batches beside streams are cut short, so that those stand still for no longer', async () => {
  await using opened = await openEchoPool({
    launch: async () => ({ ...echoLaunch, operations: ['{"op":"echo"}', '{"op":"stream","slots":2}'] }),
  })
  const ask = (count: number) =>
    opened.pool.dispatch(echoCall(Array(count).fill('text'), { perItemMs: 5 }), runContext())
  // What an item takes is learnt from batches of several sizes.
  for (const count of [1, 4, 8, 2, 12]) await ask(count)
  const batchesOf = async (count: number) => {
    const before = opened.events.named('batch-sent').length
    await ask(count)
    return opened.events.named('batch-sent').length - before
  }
  expect(await batchesOf(40)).toBe(1)
  const gone = new AbortController()
  const stream = { variant: streamVariant, items: ['beside'], options: endless }
  opened.pool.dispatch(stream, runContext({ signal: gone.signal })).catch(() => {})
  await until('it runs', () => opened.pool.health().waitingItems === 0)
  expect(await batchesOf(40)).toBeGreaterThan(1)
  gone.abort()
})
