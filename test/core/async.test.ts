/** Deadlines and the signals that follow a caller's own. */
import { getEventListeners } from 'node:events'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { deadlinePassed, doneWithin, keptOnce, limitedSignal, now } from '../../src/core/async.ts'
import { DeadlineError } from '../../src/core/errors.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const forever = Number.POSITIVE_INFINITY

describe('limitedSignal()', () => {
  test('aborts after its time with a DeadlineError that names the work', () => {
    const { signal } = limitedSignal(undefined, 250, 'The check')
    vi.advanceTimersByTime(249)
    expect(signal.aborted).toBe(false)
    vi.advanceTimersByTime(1)
    expect(signal.aborted).toBe(true)
    expect(signal.reason).toBeInstanceOf(DeadlineError)
    expect(signal.reason.message).toMatch(/^The check was not done within 250 ms/)
  })

  test('follows the caller’s signal, with the caller’s reason', () => {
    const controller = new AbortController()
    const { signal } = limitedSignal(controller.signal, 250, 'x')
    const reason = { why: 'mine' }
    controller.abort(reason)
    expect(signal.reason).toBe(reason)
    vi.advanceTimersByTime(1000)
    expect(signal.reason).toBe(reason)
  })

  test('is aborted from the start when the caller’s signal is', () => {
    expect(limitedSignal(AbortSignal.abort('gone'), 250, 'x').signal.reason).toBe('gone')
  })

  test('lets go of timer and listener when released', () => {
    const controller = new AbortController()
    const { signal, release } = limitedSignal(controller.signal, 250, 'x')
    expect(getEventListeners(controller.signal, 'abort')).toHaveLength(1)
    release()
    expect(getEventListeners(controller.signal, 'abort')).toEqual([])
    expect(vi.getTimerCount()).toBe(0)
    controller.abort('late')
    expect(signal.aborted).toBe(false)
  })

  test('sets no timer for a limit without end', () => {
    const { signal } = limitedSignal(undefined, forever, 'x')
    expect(vi.getTimerCount()).toBe(0)
    expect(signal.aborted).toBe(false)
  })

  test('takes limits of weeks, which no timer can hold, for what they are', () => {
    const { signal } = limitedSignal(undefined, 40 * 24 * 3600 * 1000, 'x')
    vi.advanceTimersByTime(60_000)
    expect(signal.aborted).toBe(false)
  })
})

test('deadlinePassed() says how long it waited in whole milliseconds', () => {
  expect(deadlinePassed('embed', 12.6)).toMatchObject({
    code: 'ER_DEADLINE',
    message: 'embed was not done within 13 ms; allow more time or send less',
  })
})

test('now() is the clock of performance.now()', () => {
  vi.useRealTimers()
  const before = performance.now()
  expect(now()).toBeGreaterThanOrEqual(before)
})

describe('keptOnce()', () => {
  test('makes it once for all who ask, and again after a failure', async () => {
    let made = 0
    const get = keptOnce(async () => {
      made += 1
      if (made === 1) throw new Error('not there yet')
      return made
    })
    const first = await Promise.allSettled([get(), get()])
    expect(first.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(made).toBe(1)
    expect(await Promise.all([get(), get()])).toEqual([2, 2])
    expect(await get()).toBe(2)
  })
})

test('doneWithin() tells whether work was done in time, passes on what it fails with, and leaves no timer', async () => {
  const never = new Promise(() => {})
  const late = doneWithin(never, 100)
  await vi.advanceTimersByTimeAsync(100)
  expect(await late).toBe(false)
  expect(await doneWithin(Promise.resolve('done'), 100)).toBe(true)
  expect(await doneWithin(Promise.resolve('done'), forever)).toBe(true)
  await expect(doneWithin(Promise.reject(new Error('broken')), 100)).rejects.toThrow('broken')
  expect(vi.getTimerCount()).toBe(0)
})
