/** Single flight in the pool: equal items are computed once, and nobody suffers for another. Real workers. */
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { now } from '../../src/core/async.ts'
import type { Call, RequestClass, RunContext } from '../../src/core/call.ts'
import type { PoolOptions } from '../../src/pool/options.ts'
import {
  type EchoPool,
  echoCall,
  echoes,
  echoLaunch,
  echoOf,
  openEchoPool,
  startEchoPool,
} from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'
import { unrulyPackage } from '../support/unruly-package.ts'

const folder = unrulyPackage()
afterAll(() => folder.remove())
const openUnrulyPool = (options: Partial<PoolOptions> = {}) =>
  openEchoPool({ launch: async () => ({ ...echoLaunch, packageFolder: folder.path }), ...options })

const shared = (items: readonly unknown[], options?: Call['options']): Call => ({
  ...echoCall(items, options),
  share: true,
})

const inClass = (kind: RequestClass): RunContext => ({ ...runContext(), class: kind })

/** How many items were sent to workers. */
const sentItems = ({ events }: EchoPool) =>
  events.named('batch-sent').reduce((sum, { items }) => sum + items, 0)

/** Occupies the only worker, so that what comes after waits in the queue. */
async function busy({ pool, events }: EchoPool, delayMs = 40) {
  const sent = events.named('batch-sent').length
  const done = pool.dispatch(echoCall(['busy'], { delayMs }), runContext())
  await events.when('batch-sent', sent + 1)
  return done
}

describe('equal items of calls that share', () => {
  test('run once; the first is charged, the others pay nothing', async () => {
    await using opened = await openEchoPool()
    const contexts = [runContext(), runContext(), runContext()]
    const replies = await Promise.all([
      opened.pool.dispatch(shared(['a', 'b']), contexts[0] as RunContext),
      opened.pool.dispatch(shared(['b', 'c', 'b']), contexts[1] as RunContext),
      opened.pool.dispatch(shared(['a']), contexts[2] as RunContext),
    ])
    expect(replies.map(echoes)).toMatchObject(
      [['a', 'b'], ['b', 'c', 'b'], ['a']].map(texts => texts.map(echoOf)),
    )
    expect(sentItems(opened)).toBe(3)
    expect(replies.map(({ usage }) => usage.calls)).toEqual([1, 1, 0])
    expect(opened.pool.health()).toMatchObject({ sharedItems: 3, openCalls: 0, waitingItems: 0 })
  })

  test('are told apart by options, and calls that don’t share run on their own', async () => {
    await using opened = await openEchoPool()
    await Promise.all([
      opened.pool.dispatch(shared(['a']), runContext()),
      opened.pool.dispatch(shared(['a'], { perItemMs: 1 }), runContext()),
      opened.pool.dispatch(echoCall(['a']), runContext()),
      opened.pool.dispatch({ ...shared(['a']), seed: 1 }, runContext()),
      opened.pool.dispatch(shared(['["a"]', '"a"']), runContext()),
    ])
    expect(sentItems(opened)).toBe(6)
  })

  test('a call takes what another has had already while that is still open', async () => {
    await using opened = await openEchoPool({ batchItems: 1 })
    const slow = opened.pool.dispatch(shared(['longer', 'b'], { delayMs: 30 }), runContext())
    await opened.events.when('batch-done')
    const reply = await opened.pool.dispatch(shared(['longer'], { delayMs: 30 }), runContext())
    expect(echoes(reply)).toMatchObject([echoOf('longer')])
    expect(reply.usage).toEqual({ calls: 0, tokens: 0, workerMs: 0 })
    await slow
    expect(sentItems(opened)).toBe(2)
  })
})

describe('a leader that goes', () => {
  test('before it ran hands its place on; nothing runs when nobody is left', async () => {
    await using opened = await openEchoPool()
    const worked = busy(opened)
    await opened.events.when('batch-sent')
    const [one, two] = [new AbortController(), new AbortController()]
    const first = opened.pool.dispatch(shared(['x', 'y']), runContext({ signal: one.signal }))
    const second = opened.pool.dispatch(shared(['y']), runContext())
    const third = opened.pool.dispatch(shared(['z']), runContext({ signal: two.signal }))
    one.abort(new Error('gone'))
    two.abort(new Error('gone, too'))
    await expect(first).rejects.toThrow('gone')
    await expect(third).rejects.toThrow('gone, too')
    const reply = await second
    expect(echoes(reply)).toMatchObject([echoOf('y')])
    expect(reply.usage.calls).toBe(1)
    await worked
    expect(sentItems(opened)).toBe(2) // the busy one and y
  })

  test.each([
    ['by an abort', () => ({ signal: AbortSignal.timeout(10) })],
    ['by its deadline', () => ({ deadline: now() + 10 })],
  ])('while it runs %s leaves the run to those who joined', async (_how, limits) => {
    await using opened = await openEchoPool()
    const first = opened.pool.dispatch(shared(['x'], { delayMs: 60 }), runContext(limits()))
    const failed = expect(first).rejects.toThrow()
    await opened.events.when('batch-sent')
    const second = opened.pool.dispatch(shared(['x'], { delayMs: 60 }), runContext())
    await failed
    expect(echoes(await second)).toMatchObject([echoOf('x')])
    expect(sentItems(opened)).toBe(1)
  })

  test('with an error of its own leaves the others to try themselves', async () => {
    await using opened = await openUnrulyPool()
    const worked = busy(opened)
    await opened.events.when('batch-sent')
    const outcomes = await Promise.allSettled([
      opened.pool.dispatch(shared(['x', 'refuse']), runContext()),
      opened.pool.dispatch(shared(['x']), runContext()),
      opened.pool.dispatch(shared(['refuse']), runContext()),
      worked,
    ])
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'rejected', 'fulfilled'])
    expect(outcomes[2]).toMatchObject({ reason: { code: 'ER_MODEL_INPUT' } })
  })

  test('and whose worker dies: those who joined are answered by the next worker', async () => {
    await using opened = await openEchoPool()
    const gone = new AbortController()
    const first = opened.pool.dispatch(shared(['x'], { delayMs: 50 }), runContext({ signal: gone.signal }))
    await opened.events.when('batch-sent')
    const second = opened.pool.dispatch(shared(['x'], { delayMs: 50 }), runContext())
    gone.abort(new Error('gone'))
    await expect(first).rejects.toThrow('gone')
    process.kill(opened.pids()[0] as number, 'SIGKILL')
    expect(echoes(await second)).toMatchObject([echoOf('x')])
    expect(opened.events.named('worker-exit')).toHaveLength(1)
  })

  test('because it is poison takes those with it who asked for the same, and no further worker', async () => {
    await using opened = await openUnrulyPool()
    const outcomes = await Promise.allSettled([
      opened.pool.dispatch(shared(['poison']), runContext()),
      opened.pool.dispatch(shared(['poison', 'good']), runContext()),
      opened.pool.dispatch(shared(['good']), runContext()),
    ])
    expect(outcomes).toMatchObject([
      { reason: { code: 'ER_POISON' } },
      { reason: { code: 'ER_POISON' } },
      { status: 'fulfilled' },
    ])
    expect(opened.events.named('worker-exit')).toHaveLength(3) // together, and twice alone
  })
})

test('what waits in a less urgent class moves up with the most urgent who wants it', async () => {
  await using opened = await openEchoPool({ batchItems: 1 })
  const worked = busy(opened)
  await opened.events.when('batch-sent')
  const order: string[] = []
  const ask = async (name: string, items: readonly string[], kind: RequestClass) => {
    await opened.pool.dispatch(shared(items), inClass(kind))
    order.push(name)
  }
  await Promise.all([
    ask('bulk', ['s', 't'], 'bulk'),
    ...Array.from({ length: 6 }, (_, index) => ask('normal', [`n${index}`], 'normal')),
    ask('urgent', ['t'], 'interactive'),
    worked,
  ])
  expect(order.indexOf('urgent')).toBe(0)
  expect(order).toHaveLength(8)
  expect(sentItems(opened)).toBe(1 + 2 + 6)
})

test('close() answers or refuses everybody who shares', async () => {
  const { pool } = startEchoPool({ drainMs: 0 })
  await pool.whenReady(1, 30_000)
  const calls = [1, 2, 3].map(() => pool.dispatch(shared(['x'], { delayMs: 5000 }), runContext()))
  const outcomes = Promise.allSettled(calls)
  await pool.close()
  expect(await outcomes).toMatchObject([1, 2, 3].map(() => ({ reason: { code: 'ER_CLOSED' } })))
})

test('whatever callers do, each has its own answer or its own error, and nothing is left waiting', async () => {
  await using opened = await openUnrulyPool({ size: 2, batchItems: 3 })
  const action = fc.record({
    texts: fc.array(fc.constantFrom('a', 'bb', 'ccc', 'dddd', 'refuse'), { minLength: 1, maxLength: 5 }),
    kind: fc.constantFrom<RequestClass>('interactive', 'normal', 'bulk'),
    leaves: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined }),
    share: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(fc.array(action, { minLength: 2, maxLength: 20 }), async actions => {
      const answered = actions.map(async ({ texts, kind, leaves, share }) => {
        const controller = new AbortController()
        const call = { ...echoCall(texts, { delayMs: 1 }), share }
        const reply = opened.pool.dispatch(call, { ...inClass(kind), signal: controller.signal })
        if (leaves !== undefined) setTimeout(() => controller.abort(new Error('left')), leaves)
        try {
          expect(echoes(await reply)).toMatchObject(texts.map(echoOf))
          expect(texts).not.toContain('refuse')
        } catch (error) {
          const own = error as { code?: string; message: string }
          if (own.code === 'ER_MODEL_INPUT') expect(texts).toContain('refuse')
          else if (own.message !== 'left' || leaves === undefined) throw error
        }
      })
      await Promise.all(answered)
      expect(opened.pool.health()).toMatchObject({ waitingItems: 0, waitingBytes: 0, openCalls: 0 })
    }),
    { numRuns: 60, seed: 4 },
  )
})
