/** Who runs when: bounds, two lanes, leaving the queue, and places that are given back. */
import { setTimeout as pause } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { charactersOf, type LaneName, Lanes } from '../../src/adapters/a2a-lanes.ts'
import { Places } from '../../src/adapters/a2a-places.ts'
import { turns, until } from '../support/condition.ts'

const never = new AbortController().signal

/** Jobs that end when they are told to, and who has begun. */
class Jobs {
  readonly begun: string[] = []
  readonly #ends = new Map<string, () => void>()
  readonly #lanes: Lanes

  constructor(lanes: Lanes) {
    this.#lanes = lanes
  }

  run(lane: LaneName, name: string, signal: AbortSignal = never): Promise<string> {
    return this.#lanes.run(lane, signal, async () => {
      this.begun.push(name)
      const { promise, resolve } = Promise.withResolvers<void>()
      this.#ends.set(name, resolve)
      await promise
      return name
    })
  }

  async end(name: string): Promise<void> {
    this.#ends.get(name)?.()
    await turns()
  }
}

describe('Lanes', () => {
  test('runs as many as it may, long ones in a quarter of the places', async () => {
    const lanes = new Lanes({ concurrency: 8, waiting: 10 })
    const jobs = new Jobs(lanes)
    const all = [
      ...['l1', 'l2', 'l3'].map(name => jobs.run('long', name)),
      ...Array.from({ length: 7 }, (_, index) => jobs.run('short', `s${index}`)),
    ]
    await turns()
    expect(jobs.begun.toSorted()).toEqual(['l1', 'l2', 's0', 's1', 's2', 's3', 's4', 's5'])
    expect(lanes.figures).toEqual({
      short: { open: 7, running: 6, places: 8 },
      long: { open: 3, running: 2, places: 2 },
    })
    await jobs.end('s3')
    expect(jobs.begun.at(-1)).toBe('s6')
    await jobs.end('l1')
    expect(jobs.begun.at(-1)).toBe('l3')
    for (const name of jobs.begun) await jobs.end(name)
    expect(await Promise.all(all)).toHaveLength(10)
    expect(lanes.figures.short).toMatchObject({ open: 0, running: 0 })
  })

  test('never lets more than its concurrency run, whatever their lanes', async () => {
    for (const concurrency of [1, 2, 5]) {
      const lanes = new Lanes({ concurrency, waiting: 100 })
      let running = 0
      let most = 0
      const work = async () => {
        running += 1
        most = Math.max(most, running)
        await turns(2)
        running -= 1
      }
      await Promise.all(
        Array.from({ length: 30 }, (_, index) => lanes.run(index % 3 === 0 ? 'long' : 'short', never, work)),
      )
      expect(most).toBe(concurrency)
    }
  })

  test('refusal() says when to come back once a lane is full, and not of the other lane', async () => {
    const lanes = new Lanes({ concurrency: 4, waiting: 1 })
    const jobs = new Jobs(lanes)
    expect(lanes.refusal('long')).toBeUndefined()
    const all = [jobs.run('long', 'l1'), jobs.run('long', 'l2')]
    expect(lanes.refusal('long')).toMatchObject({ code: 'ER_QUEUE_FULL', retryable: true })
    expect(lanes.refusal('long')?.retryAfterMs).toBeGreaterThan(0)
    expect(lanes.refusal('short')).toBeUndefined()
    await turns()
    await jobs.end('l1')
    expect(lanes.refusal('long')).toBeUndefined()
    await jobs.end('l2')
    await Promise.all(all)
  })

  test('a job that is aborted while it waits leaves at once; one at work keeps its place until it ends', async () => {
    const lanes = new Lanes({ concurrency: 1, waiting: 5 })
    const jobs = new Jobs(lanes)
    const [one, two, three] = [new AbortController(), new AbortController(), new AbortController()]
    const first = jobs.run('short', 'first', one.signal)
    const second = jobs.run('short', 'second', two.signal)
    const third = jobs.run('long', 'third', three.signal)
    const fourth = jobs.run('long', 'fourth')
    await turns()
    two.abort(new Error('not needed'))
    three.abort(new Error('nor this'))
    await expect(second).rejects.toThrow('not needed')
    await expect(third).rejects.toThrow('nor this')
    one.abort(new Error('stop'))
    await turns()
    expect(jobs.begun).toEqual(['first'])
    await jobs.end('first')
    await expect(first).resolves.toBe('first')
    expect(jobs.begun).toEqual(['first', 'fourth'])
    await jobs.end('fourth')
    await fourth
    await expect(jobs.run('short', 'late', one.signal)).rejects.toThrow('stop')
  })

  test('gently() runs claims at once while no short job is about, as many as make a short job', async () => {
    const lanes = new Lanes({ concurrency: 4, waiting: 5, shortCharacters: 100 })
    const ends = ['a', 'b', 'c', 'large'].map(name => ({ name, ...Promise.withResolvers<void>() }))
    const begun: string[] = []
    const claims = ends.map(({ name, promise }) =>
      lanes.gently(name === 'large' ? 500 : 40, never, async () => {
        begun.push(name)
        await promise
      }),
    )
    await turns()
    expect(begun).toEqual(['a', 'b'])
    for (const { name, resolve } of ends) {
      await until(`${name} begins`, () => begun.includes(name))
      resolve()
    }
    await Promise.all(claims)
    // What is larger than a short job goes by itself.
    expect(begun).toEqual(['a', 'b', 'c', 'large'])
  })

  test('gently() gives claims their share of the time while short jobs are about', async () => {
    let clock = 0
    const lanes = new Lanes({ concurrency: 4, waiting: 5, clock: () => clock })
    const jobs = new Jobs(lanes)
    const done: string[] = []
    const claim = (name: string, signal: AbortSignal = never) =>
      lanes.gently(10, signal, async () => {
        clock += 100
        done.push(name)
      })
    const short = jobs.run('short', 'short')
    await claim('first')
    const gone = new AbortController()
    const left = claim('left', gone.signal)
    const claims = [claim('second'), claim('third')]
    clock += 39 * 100 - 1
    await pause(50)
    expect(done).toEqual(['first'])
    gone.abort(new Error('not needed'))
    await expect(left).rejects.toThrow('not needed')
    // Not starved, though the short job never ends.
    clock += 1
    await claims[0]
    expect(done).toEqual(['first', 'second'])
    await jobs.end('short')
    await short
    await turns()
    expect(done).toEqual(['first', 'second'])
    clock += 30
    await claims[1]
    expect(done).toEqual(['first', 'second', 'third'])
  })

  test('takes no options that mean nothing', () => {
    for (const wrong of [{ concurrency: 0 }, { concurrency: 1.5 }, { waiting: -1 }, { shortCharacters: 0 }])
      expect(() => new Lanes({ concurrency: 1, waiting: 1, ...wrong })).toThrow(/must be a whole number/)
  })
})

test('charactersOf() adds claims and sources, and counts nothing for what is no text', () => {
  const contexts = [
    { taskId: 'a', claim: 'abc', sources: [{ content: 'de' }, { content: 'f' }] },
    { taskId: 'b', claim: 7, sources: [{ content: null }, null, 'x'] },
    { taskId: 'c', sources: 'none' },
    { taskId: 'd', claim: 'gh', sources: [] },
  ]
  expect(charactersOf(contexts as never)).toBe(8)
})

describe('Places', () => {
  test('go to who asked first, and past who has left', async () => {
    const places = new Places(1)
    const gone = new AbortController()
    const order: string[] = []
    expect(await places.take(never)).toBe(true)
    const left = places.take(gone.signal).then(got => order.push(`left ${got}`))
    const first = places.take(never).then(got => order.push(`first ${got}`))
    const second = places.take(never).then(got => order.push(`second ${got}`))
    gone.abort()
    await left
    places.give()
    await first
    places.give()
    await second
    expect(order).toEqual(['left false', 'first true', 'second true'])
    expect(await places.take(gone.signal)).toBe(false)
    places.give()
    expect(await places.take(never)).toBe(true)
  })
})
