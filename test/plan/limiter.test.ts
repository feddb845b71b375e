/** How many run at once, in what order, and that no slot is lost by those who leave, fail or never start. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { defaultWidth, Limiter } from '../../src/plan/limiter.ts'
import { turns } from '../support/condition.ts'

const never = new AbortController().signal

/** Work that ends when told to, and notes when it begins. */
function held(limiter: Limiter, begun: string[], name: string, signal = never) {
  const { promise, resolve } = Promise.withResolvers<string>()
  const run = limiter.run(signal, () => {
    begun.push(name)
    return promise
  })
  return { run, end: () => resolve(name) }
}

describe('Limiter', () => {
  test('runs as many as it is wide, the rest in the order of asking', async () => {
    const limiter = new Limiter(2)
    const begun: string[] = []
    const works = ['a', 'b', 'c', 'd'].map(name => held(limiter, begun, name))
    await turns()
    expect([begun, limiter.running, limiter.waiting]).toEqual([['a', 'b'], 2, 2])
    works[1]?.end()
    await turns()
    expect(begun).toEqual(['a', 'b', 'c'])
    for (const { end } of works) end()
    expect(await Promise.all(works.map(({ run }) => run))).toEqual(['a', 'b', 'c', 'd'])
    expect([limiter.running, limiter.waiting]).toEqual([0, 0])
  })

  test('lets nobody overtake those who wait, even in the moment when a slot becomes free', async () => {
    const limiter = new Limiter(1)
    const begun: string[] = []
    const first = held(limiter, begun, 'first')
    const second = held(limiter, begun, 'second')
    first.end()
    await first.run
    const third = held(limiter, begun, 'third')
    second.end()
    third.end()
    await Promise.all([second.run, third.run])
    expect(begun).toEqual(['first', 'second', 'third'])
  })

  test('gives the reason to whoever is aborted while waiting, and the turn to the next', async () => {
    const limiter = new Limiter(1)
    const begun: string[] = []
    const controller = new AbortController()
    const reason = new Error('gone')
    const first = held(limiter, begun, 'first')
    const second = held(limiter, begun, 'second', controller.signal)
    const third = held(limiter, begun, 'third')
    controller.abort(reason)
    await expect(second.run).rejects.toBe(reason)
    first.end()
    third.end()
    await third.run
    expect([begun, limiter.running]).toEqual([['first', 'third'], 0])
  })

  test('does not begin work whose signal is aborted between its turn and its start', async () => {
    const limiter = new Limiter(1)
    const begun: string[] = []
    const controller = new AbortController()
    const first = held(limiter, begun, 'first')
    const second = held(limiter, begun, 'second', controller.signal)
    let waiting = limiter.waiting
    first.end()
    queueMicrotask(() => {
      waiting = limiter.waiting
      controller.abort(new Error('gone'))
    })
    await expect(second.run).rejects.toThrow('gone')
    expect({ waiting, begun, running: limiter.running }).toEqual({ waiting: 0, begun: ['first'], running: 0 })
  })

  test('gives work that fails its error and its slot to the next', async () => {
    const limiter = new Limiter(1)
    const fault = new Error('no')
    await expect(limiter.run(never, () => Promise.reject(fault))).rejects.toBe(fault)
    await expect(
      limiter.run(never, () => {
        throw fault
      }),
    ).rejects.toBe(fault)
    expect(await limiter.run(never, () => 'next')).toBe('next')
  })

  test.each([0, -1, 1.5, Number.NaN])('refuses a width of %s', width => {
    expect(() => new Limiter(width)).toThrow(expect.objectContaining({ code: 'ER_INPUT' }))
  })

  test('is at least 3 wide unless told otherwise', () => {
    expect(new Limiter().width).toBe(defaultWidth())
    expect(defaultWidth()).toBeGreaterThanOrEqual(3)
  })

  test('never runs more than its width and loses no slot, whatever ends, fails or leaves', async () => {
    const work = fc.record({
      turns: fc.integer({ min: 0, max: 3 }),
      fails: fc.boolean(),
      abortAfter: fc.option(fc.integer({ min: 0, max: 5 }), { nil: undefined }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(work, { maxLength: 12 }),
        async (width, works) => {
          const limiter = new Limiter(width)
          let [underWay, most] = [0, 0]
          const runs = works.map(async ({ abortAfter, fails, turns: length }) => {
            const controller = new AbortController()
            const aborted =
              abortAfter === undefined ? undefined : turns(abortAfter).then(() => controller.abort())
            const run = limiter.run(controller.signal, async () => {
              underWay += 1
              most = Math.max(most, underWay)
              await turns(length)
              underWay -= 1
              if (fails) throw new Error('no')
            })
            await Promise.allSettled([run, aborted])
          })
          await Promise.all(runs)
          expect(most).toBeLessThanOrEqual(width)
          expect([underWay, limiter.running, limiter.waiting]).toEqual([0, 0, 0])
        },
      ),
      { numRuns: 60 },
    )
  })
})
