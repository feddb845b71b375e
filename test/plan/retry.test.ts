/** After which errors work is tried again, how long is waited before it, and when it is given up. */
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { errorOf, RunnerError } from '../../src/core/errors.ts'
import { backoffMs, isRetryable, type RetryOptions, retrying } from '../../src/plan/retry.ts'

const backoff = { baseMs: 100, factor: 2, mostMs: 1000, jitter: 0.5 }
const busy = () => errorOf('ER_MODEL_FAILED', 'the model failed')

afterEach(() => {
  vi.useRealTimers()
})

/** Runs outcomes one after the other, an error or a value, and notes the waits; chance takes nothing off. */
async function tried(outcomes: readonly unknown[], changes: Partial<RetryOptions> = {}) {
  const waits: number[] = []
  const numbers: number[] = []
  const last = await retrying(
    async attempt => {
      numbers.push(attempt)
      return outcomes[attempt - 1]
    },
    made => (made instanceof Error ? { error: made } : undefined),
    {
      attempts: 4,
      backoff,
      signal: new AbortController().signal,
      deadline: Number.POSITIVE_INFINITY,
      random: () => 0,
      pause: async ms => {
        waits.push(ms)
      },
      ...changes,
    },
  )
  return { last, waits, numbers }
}

describe('retrying()', () => {
  test('gives what the first attempt gives where that goes well', async () => {
    expect(await tried(['fine'])).toEqual({ last: 'fine', waits: [], numbers: [1] })
  })

  test('tries again after retryable errors, waiting longer each time', async () => {
    const { last, waits, numbers } = await tried([busy(), busy(), busy(), 'fine'])
    expect({ last, waits, numbers }).toEqual({ last: 'fine', waits: [100, 200, 400], numbers: [1, 2, 3, 4] })
  })

  test('gives the last error, marked as tried again, when the attempts are used up', async () => {
    const errors = [busy(), busy(), busy(), busy()]
    const { last, numbers } = await tried(errors)
    expect([last, numbers.length]).toEqual([errors[3], 4])
    expect(errors.map(({ retried }) => retried)).toEqual([false, false, false, true])
  })

  test('does not call an error tried again that was not', async () => {
    const error = busy()
    await tried([error], { attempts: 1 })
    expect(error.retried).toBe(false)
  })

  test.each([
    ['is not retryable', errorOf('ER_BUDGET_SPENT', 'no money')],
    ['a layer below has tried again', new RunnerError('ER_MODEL_FAILED', 'no', { retried: true })],
    ['says nothing of it', new Error('no')],
  ])('does not try again after an error that %s', async (_, error) => {
    expect(await tried([error, 'fine'])).toEqual({ last: error, waits: [], numbers: [1] })
    expect(isRetryable(error)).toBe(false)
  })

  test('gives up at once where the wait would outlast the deadline', async () => {
    const error = busy()
    const deadline = performance.now() + 60_000
    const long = { ...backoff, baseMs: 3_600_000, mostMs: 3_600_000 }
    expect(await tried([error, 'fine'], { deadline, backoff: long })).toMatchObject({
      last: error,
      waits: [],
    })
    expect(await tried([busy(), 'fine'], { deadline })).toMatchObject({ last: 'fine', waits: [100] })
  })

  test('never tries again after an abort, before the wait or in it', async () => {
    const controller = new AbortController()
    const error = busy()
    const pause = async () => controller.abort()
    expect(await tried([error, 'fine'], { signal: controller.signal, pause })).toMatchObject({ numbers: [1] })
    expect(await tried([error, 'fine'], { signal: controller.signal })).toMatchObject({
      numbers: [1],
      waits: [],
    })
  })

  test('waits as long as whoever is overloaded asks for, up to the most', async () => {
    const overloaded = (retryAfterMs: number) => errorOf('ER_QUEUE_FULL', 'full', { retryAfterMs })
    const { waits } = await tried([overloaded(700), overloaded(5), overloaded(60_000), 'fine'])
    expect(waits).toEqual([700, 200, 1000])
  })

  test('tells of each attempt that is to come', async () => {
    const told: [number, number][] = []
    await tried([busy(), busy(), 'fine'], { onRetry: (attempt, ms) => told.push([attempt, ms]) })
    expect(told).toEqual([
      [2, 100],
      [3, 200],
    ])
  })

  test('waits by a timer of its own, which an abort ends', async () => {
    vi.useFakeTimers()
    const controller = new AbortController()
    const runs: number[] = []
    const run = retrying(
      async attempt => {
        runs.push(attempt)
        return busy()
      },
      error => ({ error }),
      { attempts: 3, backoff: { ...backoff, jitter: 0 }, signal: controller.signal, deadline: 1e12 },
    )
    await vi.advanceTimersByTimeAsync(99)
    expect(runs).toEqual([1])
    await vi.advanceTimersByTimeAsync(1)
    expect([runs, vi.getTimerCount()]).toEqual([[1, 2], 1])
    controller.abort()
    await run
    expect([runs, vi.getTimerCount()]).toEqual([[1, 2], 0])
  })
})

describe('backoffMs()', () => {
  test('lies between its part without chance and its full length, which is capped', () => {
    const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
    const shape = fc.record({
      baseMs: fc.integer({ min: 0, max: 1000 }),
      factor: fc.double({ min: 0.5, max: 10, noNaN: true }),
      mostMs: fc.integer({ min: 0, max: 60_000 }),
      jitter: random,
    })
    fc.assert(
      fc.property(shape, fc.integer({ min: 2, max: 2000 }), random, (shaped, attempt, chance) => {
        const full = backoffMs({ ...shaped, jitter: 0 }, attempt, chance)
        const ms = backoffMs(shaped, attempt, chance)
        expect(full).toBeLessThanOrEqual(shaped.mostMs)
        expect(full).toBe(
          shaped.baseMs === 0 ? 0 : Math.min(shaped.mostMs, shaped.baseMs * shaped.factor ** (attempt - 2)),
        )
        expect(ms).toBeLessThanOrEqual(full)
        expect(ms).toBeGreaterThanOrEqual(full * (1 - shaped.jitter) - 1e-9)
      }),
    )
  })
})
