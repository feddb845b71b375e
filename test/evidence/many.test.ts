/** overMany(): order, bounds, and how a run ends when its source or its caller is slow, fails or leaves. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { overMany } from '../../src/evidence/many.ts'
import { turns } from '../support/condition.ts'

/** A source of numbers that the test feeds, and that notes whether it was closed. */
function feed() {
  const given: number[] = []
  let wake = () => {}
  const state = { closed: false, ended: false, failure: undefined as Error | undefined, asked: 0 }
  const iterator: AsyncIterableIterator<number> = {
    [Symbol.asyncIterator]: () => iterator,
    next: async () => {
      state.asked += 1
      while (given.length === 0 && !state.ended && state.failure === undefined) {
        await new Promise<void>(resolve => {
          wake = resolve
        })
      }
      const value = given.shift()
      if (value !== undefined) return { done: false, value }
      if (state.failure !== undefined) throw state.failure
      return { done: true, value: undefined }
    },
    return: async () => {
      state.closed = true
      return { done: true, value: undefined }
    },
  }
  return {
    iterator,
    state,
    give: (...values: number[]) => {
      given.push(...values)
      wake()
    },
    end: () => {
      state.ended = true
      wake()
    },
    fail: (error: Error) => {
      state.failure = error
      wake()
    },
  }
}

/** Work that finishes when the test says so. */
function gates() {
  const open = new Map<number, (outcome: string) => void>()
  return {
    work: (item: number) => new Promise<string>(resolve => open.set(item, resolve)),
    finish: (item: number) => open.get(item)?.(`done ${item}`),
    get started() {
      return [...open.keys()]
    },
  }
}

const double = async (item: number) => item * 2

describe('overMany()', () => {
  test('gives one outcome an item, in order, whatever the order of finishing and the bound', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 5 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 10 }),
        fc.boolean(),
        async (delays, concurrency, ordered) => {
          let underWay = 0
          let most = 0
          const work = async (delay: number, index: number) => {
            underWay += 1
            most = Math.max(most, underWay)
            await turns(delay)
            underWay -= 1
            return index
          }
          const outcomes = await Array.fromAsync(overMany(delays, work, { concurrency, ordered }))
          expect(ordered ? outcomes : outcomes.toSorted((a, b) => a - b)).toEqual([...delays.keys()])
          expect(most).toBeLessThanOrEqual(concurrency)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('unordered gives the quick one first; ordered waits for the slow one', async () => {
    for (const ordered of [true, false]) {
      const { work, finish } = gates()
      const run = overMany([1, 2], work, { concurrency: 2, ordered })
      const first = run.next()
      await turns()
      finish(2)
      await turns()
      finish(1)
      const outcomes = [(await first).value, (await run.next()).value]
      expect(outcomes).toEqual(ordered ? ['done 1', 'done 2'] : ['done 2', 'done 1'])
      expect((await run.next()).done).toBe(true)
    }
  })

  test('takes no more from the source than may be under way', async () => {
    const source = feed()
    const gate = gates()
    source.give(1, 2, 3, 4, 5)
    const run = overMany(source.iterator, gate.work, { concurrency: 2 })
    const first = run.next()
    await turns(10)
    expect(source.state.asked).toBe(2)
    expect(gate.started).toEqual([1, 2])
    gate.finish(1)
    await first
    source.end()
    const rest = Array.fromAsync(run)
    for (const item of [2, 3, 4, 5]) {
      await turns(10)
      gate.finish(item)
    }
    expect(await rest).toHaveLength(4)
  })

  test('a slow source does not hold back what is done', async () => {
    const source = feed()
    const run = overMany(source.iterator, double, { concurrency: 4 })
    source.give(1)
    expect(await run.next()).toEqual({ done: false, value: 2 })
    source.give(2)
    expect(await run.next()).toEqual({ done: false, value: 4 })
    source.end()
    expect((await run.next()).done).toBe(true)
  })

  test('slow work does not hold back the source', async () => {
    const source = feed()
    const { work, finish } = gates()
    const run = overMany(source.iterator, work, { concurrency: 3 })
    const first = run.next()
    source.give(1)
    await turns()
    source.give(2, 3)
    await turns(10)
    expect(source.state.asked).toBe(3)
    for (const item of [1, 2, 3]) finish(item)
    expect((await first).value).toBe('done 1')
    await run.return()
  })

  test('a source that fails ends the run with its error, after the outcomes of what it gave', async () => {
    const source = feed()
    source.give(1, 2)
    source.fail(new Error('The disk is gone'))
    const run = overMany(source.iterator, double, { concurrency: 8 })
    expect((await run.next()).value).toBe(2)
    expect((await run.next()).value).toBe(4)
    await expect(run.next()).rejects.toThrow('The disk is gone')
  })

  test('leaving the loop early closes the source', async () => {
    const source = feed()
    source.give(1, 2, 3)
    for await (const outcome of overMany(source.iterator, double, { concurrency: 1 })) {
      expect(outcome).toBe(2)
      break
    }
    expect(source.state.closed).toBe(true)
  })

  test('an abort ends the run with its reason while the source is silent, and closes the source', async () => {
    const source = feed()
    const controller = new AbortController()
    const run = overMany(source.iterator, double, { concurrency: 2, signal: controller.signal })
    const next = run.next()
    await turns()
    controller.abort('enough')
    await expect(next).rejects.toBe('enough')
    expect(source.state.closed).toBe(true)
  })

  test('an abort ends the run while the work is silent, and one that came before takes nothing', async () => {
    const controller = new AbortController()
    const run = overMany([1], () => new Promise(() => {}), { concurrency: 1, signal: controller.signal })
    const next = run.next()
    await turns()
    controller.abort('enough')
    await expect(next).rejects.toBe('enough')
    const source = feed()
    const late = overMany(source.iterator, double, { concurrency: 1, signal: controller.signal })
    await expect(late.next()).rejects.toBe('enough')
  })

  test('work that rejects ends the run with its error, and the others are not unheard', async () => {
    const work = async (item: number) => {
      if (item > 1) throw new Error(`bad ${item}`)
      return item
    }
    const run = overMany([1, 2, 3], work, { concurrency: 3 })
    expect((await run.next()).value).toBe(1)
    await expect(run.next()).rejects.toThrow('bad 2')
  })

  test('leaves no listener on the signal', async () => {
    const { signal } = new AbortController()
    let listeners = 0
    const add = signal.addEventListener.bind(signal)
    const remove = signal.removeEventListener.bind(signal)
    signal.addEventListener = (...args: Parameters<typeof add>) => {
      listeners += 1
      add(...args)
    }
    signal.removeEventListener = (...args: Parameters<typeof remove>) => {
      listeners -= 1
      remove(...args)
    }
    await Array.fromAsync(overMany([1, 2, 3], double, { concurrency: 2, signal }))
    expect(listeners).toBe(0)
  })
})
