/** Calls whose items must go together: that they do, that others may pass, and that nobody waits for ever. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RequestClass } from '../../src/core/call.ts'
import { type Item, Job } from '../../src/pool/job.ts'
import { type BatchCaps, Queue } from '../../src/pool/queue.ts'
import { echoCall, echoVariant } from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'

type JobOptions = { op?: string; together?: boolean; class?: RequestClass; caller?: string }

function job(items: readonly string[], options: JobOptions = {}): Job {
  const { op = 'stream', together = false, class: kind = 'normal', caller = 'test' } = options
  const call = { ...echoCall(items), variant: { ...echoVariant, op }, together }
  const made = new Job(call, runContext({ class: kind, caller }), 0)
  made.done.catch(() => {})
  return made
}

const together = (items: readonly string[], options: JobOptions = {}) =>
  job(items, { ...options, together: true })

/** Caps for a worker with so much room for streams; it takes any number of what takes one step. */
const caps = (room: number, changes: Partial<BatchCaps> = {}): BatchCaps => ({
  items: 32,
  tokens: 1_000_000,
  among: 1,
  allowAlone: true,
  room: op => (op === 'stream' ? room : Number.POSITIVE_INFINITY),
  ...changes,
})

const values = (items: readonly Item[]) => items.map(({ value }) => value)

function queueOf(...jobs: Job[]): Queue {
  const queue = new Queue()
  for (const waiting of jobs) queue.add(waiting)
  return queue
}

describe('items that go together', () => {
  test('are one batch, whatever the caps, and nobody else is in it', () => {
    const long = 'x'.repeat(400)
    const queue = queueOf(together([long, long, long]), job(['a']))
    expect(values(queue.cut(caps(4, { items: 1, tokens: 10, tokensOf: () => 1, among: 3 })))).toEqual([
      long,
      long,
      long,
    ])
    expect(values(queue.cut(caps(1)))).toEqual(['a'])
    expect(queue).toMatchObject({ items: 0, bytes: 0 })
  })

  test('wait until there is room for all of them, and the worker with the most room is kept free', () => {
    const queue = queueOf(together(['a', 'b', 'c']), job(['later']))
    expect(queue.cut(caps(2))).toEqual([])
    expect(values(queue.cut(caps(3)))).toEqual(['a', 'b', 'c'])
    expect(values(queue.cut(caps(3)))).toEqual(['later'])
  })

  test('do not keep another worker waiting, nor what takes one step', () => {
    const queue = queueOf(together(['a', 'b', 'c']), job(['later']), job(['short'], { op: 'echo' }))
    expect(values(queue.cut(caps(2)))).toEqual(['short'])
    expect(queue.cut(caps(2))).toEqual([])
    expect(values(queue.cut(caps(1, { roomiest: () => false })))).toEqual(['later'])
  })

  test('do not join a batch that others began', () => {
    const queue = queueOf(job(['a']), together(['b', 'c']), job(['d']))
    expect(values(queue.cut(caps(8)))).toEqual(['a', 'd'])
    expect(values(queue.cut(caps(8)))).toEqual(['b', 'c'])
  })

  test('are passed by eight more urgent items, and by none that is not', () => {
    const queue = queueOf(together(['a', 'b', 'c'], { class: 'bulk' }))
    expect(queue.cut(caps(2))).toEqual([])
    for (let index = 0; index < 20; index += 1) queue.add(job([`urgent ${index}`], { class: 'interactive' }))
    for (let index = 0; index < 20; index += 1) queue.add(job([`equal ${index}`], { class: 'bulk' }))
    const passed: unknown[] = []
    for (let turn = 0; turn < 40; turn += 1) passed.push(...values(queue.cut(caps(2, { items: 1 }))))
    // The first had its own turn, as its class is served before the other where both stand level.
    expect(passed).toEqual(Array.from({ length: 1 + 8 }, (_, index) => `urgent ${index}`))
    expect(values(queue.cut(caps(3)))).toEqual(['a', 'b', 'c'])
  })

  test('that come again after a worker’s death run one by one, as all suspects do', () => {
    const queue = queueOf(together(['a', 'b']))
    queue.again(queue.cut(caps(2)))
    expect(values(queue.cut(caps(2)))).toEqual(['a'])
    expect(values(queue.cut(caps(2)))).toEqual(['b'])
  })

  test('come again as before where they are not suspected yet, beside others of their kind, and first', () => {
    const queue = queueOf(together(['a', 'b', 'c']), job(['d']))
    const gone = [...queue.cut(caps(4)), ...queue.cut(caps(1))]
    queue.add(job(['new'], { class: 'interactive' }))
    queue.again(gone, { alone: false })
    expect(queue.items).toBe(5)
    expect(values(queue.cut(caps(3, { allowAlone: false })))).toEqual(['a', 'b', 'c'])
    expect(values(queue.cut(caps(3, { allowAlone: false })))).toEqual(['d'])
    expect(values(queue.cut(caps(3)))).toEqual(['new'])
    expect(queue).toMatchObject({ items: 0, bytes: 0 })
  })

  test('leave nothing behind when their caller goes', () => {
    const gone = together(['a', 'b', 'c'])
    const queue = queueOf(gone, job(['next']))
    expect(queue.cut(caps(2))).toEqual([])
    queue.remove(gone)
    expect(values(queue.cut(caps(2)))).toEqual(['next'])
  })
})

const slots = 4

/** Workers with slots, and one queue before them, as the pool has them. */
class Floor {
  readonly queue = new Queue()
  readonly rows: Item[][]

  constructor(workers: number) {
    this.rows = Array.from({ length: workers }, () => [])
  }

  room(worker: number): number {
    return slots - (this.rows[worker] as Item[]).length
  }

  /** Hands out all that may go. @returns the batches. */
  pump(): Item[][] {
    const batches: Item[][] = []
    for (let sent = true; sent; ) {
      sent = false
      for (const [worker, rows] of this.rows.entries()) {
        const rooms = this.rows.map((_, index) => this.room(index))
        const roomiest = rooms.indexOf(Math.max(...rooms)) === worker
        const items = this.queue.cut(
          caps(this.room(worker), { roomiest: () => roomiest, among: this.rows.length }),
        )
        if (items.length === 0) continue
        expect(items.length).toBeLessThanOrEqual(this.room(worker))
        rows.push(...items)
        batches.push(items)
        sent = true
      }
    }
    return batches
  }

  /** Lets the row end that a number chooses. */
  end(which: number): Item | undefined {
    const busy = this.rows.filter(rows => rows.length > 0)
    const rows = busy[which % Math.max(1, busy.length)]
    return rows?.splice(which % rows.length, 1)[0]
  }
}

const kinds = fc.constantFrom<RequestClass>('interactive', 'normal', 'bulk')
const callers = fc.constantFrom('one', 'two')

describe('whatever happens', () => {
  const action = fc.oneof(
    fc.record({
      do: fc.constant('add' as const),
      count: fc.integer({ min: 1, max: slots }),
      together: fc.boolean(),
      class: kinds,
      caller: callers,
    }),
    fc.record({ do: fc.constant('end' as const), which: fc.nat() }),
  )

  test('items that go together do, no worker gets more than it takes, and all are served in the end', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3 }), fc.array(action, { maxLength: 60 }), (workers, actions) => {
        const floor = new Floor(workers)
        let waiting = 0
        const pump = () => {
          for (const batch of floor.pump()) {
            waiting -= batch.length
            const { job: first } = batch[0] as Item
            if (first.call.together) expect(batch).toHaveLength(first.items.length)
            else expect(batch.every(item => !item.job.call.together)).toBe(true)
          }
          expect(floor.queue.items).toBe(waiting)
        }
        for (const step of actions) {
          if (step.do === 'end') floor.end(step.which)
          else {
            floor.queue.add(job(Array(step.count).fill('x'), step))
            waiting += step.count
          }
          pump()
        }
        for (let turn = 0; waiting > 0; turn += 1) {
          expect(floor.end(turn)).toBeDefined()
          pump()
        }
      }),
      { numRuns: 300 },
    )
  })

  test('a call is not starved by more urgent ones that never end', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3 }),
        fc.array(fc.nat(), { minLength: 400, maxLength: 400 }),
        (workers, ends) => {
          const floor = new Floor(workers)
          const patient = together(['a', 'b', 'c', 'd'], { class: 'bulk', caller: 'patient' })
          const urgent = () => floor.queue.add(job(['x'], { class: 'interactive', caller: 'greedy' }))
          for (let index = 0; index < slots * workers * 2; index += 1) urgent()
          floor.pump()
          floor.queue.add(patient)
          let served = false
          for (const which of ends) {
            floor.end(which)
            urgent()
            served ||= floor.pump().some(batch => batch[0]?.job === patient)
            if (served) break
          }
          expect(served).toBe(true)
        },
      ),
      { numRuns: 100 },
    )
  })
})
