/** Which items run next, and that the counts always say what waits. No process, no clock. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RequestClass } from '../../src/core/call.ts'
import { type Item, Job } from '../../src/pool/job.ts'
import { type BatchCaps, Queue } from '../../src/pool/queue.ts'
import { echoCall, echoVariant } from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'

const caps = (changes: Partial<BatchCaps> = {}): BatchCaps => ({
  items: 32,
  tokens: 1_000_000,
  among: 1,
  allowAlone: true,
  ...changes,
})

type JobOptions = { class?: RequestClass; deadline?: number; model?: string; at?: number }

function job(items: readonly string[], options: JobOptions = {}): Job {
  const { class: kind = 'normal', deadline = Number.POSITIVE_INFINITY, model = 'echo', at = 0 } = options
  const call = { ...echoCall(items), variant: { ...echoVariant, model } }
  const made = new Job(call, runContext({ class: kind, deadline }), at)
  made.done.catch(() => {})
  return made
}

const values = (items: readonly Item[]) => items.map(({ value }) => value)

/** A queue that holds these jobs. */
function queueOf(...jobs: Job[]): Queue {
  const queue = new Queue()
  for (const waiting of jobs) queue.add(waiting)
  return queue
}

describe('cut()', () => {
  test('gives nothing when nothing waits', () => {
    expect(new Queue().cut(caps())).toEqual([])
  })

  test('joins jobs in the order of their arrival', () => {
    const queue = queueOf(job(['a', 'b']), job(['c']), job(['d', 'e']))
    expect(values(queue.cut(caps({ items: 4 })))).toEqual(['a', 'b', 'c', 'd'])
    expect(values(queue.cut(caps()))).toEqual(['e'])
    expect(queue.cut(caps())).toEqual([])
  })

  test('puts the earliest deadline first, inside a class', () => {
    const queue = queueOf(
      job(['none']),
      job(['late'], { deadline: 300 }),
      job(['early'], { deadline: 100 }),
      job(['also early'], { deadline: 100 }),
    )
    expect(values(queue.cut(caps()))).toEqual(['early', 'also early', 'late', 'none'])
  })

  test('stops at the cap on tokens, but always gives one item', () => {
    const queue = queueOf(job(['x'.repeat(400), 'y'.repeat(40), 'z'.repeat(40)]))
    // 2 tokens, and one more for every four characters.
    expect(values(queue.cut(caps({ tokens: 50 })))).toEqual(['x'.repeat(400)])
    expect(values(queue.cut(caps({ tokens: 23 })))).toEqual(['y'.repeat(40)])
    expect(values(queue.cut(caps({ tokens: 24 })))).toEqual(['z'.repeat(40)])
  })

  test('divides what waits among the idle workers', () => {
    const queue = queueOf(job(['a', 'b', 'c']), job(['d', 'e', 'f', 'g']))
    expect(values(queue.cut(caps({ among: 3 })))).toEqual(['a', 'b', 'c'])
    expect(values(queue.cut(caps({ among: 2 })))).toEqual(['d', 'e'])
    expect(values(queue.cut(caps({ among: 1 })))).toEqual(['f', 'g'])
  })

  test('lets no further call join a batch that is long enough', () => {
    const queue = queueOf(job(['a', 'b']), job(['c', 'd']), job(['e']))
    const joined = () => 9 // three tokens an item
    expect(values(queue.cut(caps({ joined })))).toEqual(['a', 'b', 'c', 'd'])
    expect(values(queue.cut(caps({ joined })))).toEqual(['e'])
    expect(values(queueOf(job(['a', 'b', 'c', 'd', 'e'])).cut(caps({ joined })))).toHaveLength(5)
  })

  test('keeps a short call whole unless another worker idles', () => {
    const joined = () => 12
    for (const [items, othersIdle, taken] of [
      [4, false, 4],
      [4, true, 2],
      [6, false, 3],
    ] as const) {
      const queue = queueOf(job(Array.from('abcdef').slice(0, items)))
      expect(queue.cut(caps({ joined, among: 2, othersIdle }))).toHaveLength(taken)
    }
  })

  test('never mixes models', () => {
    const queue = queueOf(
      job(['a'], { model: 'one' }),
      job(['b'], { model: 'two' }),
      job(['c'], { model: 'one' }),
    )
    expect(values(queue.cut(caps()))).toEqual(['a', 'c'])
    expect(values(queue.cut(caps()))).toEqual(['b'])
  })

  test('gives an item that must run alone by itself, before all others, and only when it may', () => {
    const dead = job(['suspect', 'other'])
    const queue = queueOf(dead)
    const batch = queue.cut(caps())
    queue.add(job(['fresh']))
    queue.again(batch)
    expect(queue.items).toBe(3)
    expect(values(queue.cut(caps({ allowAlone: false })))).toEqual(['fresh'])
    expect(queue.cut(caps({ allowAlone: false }))).toEqual([])
    const [suspect] = queue.cut(caps())
    expect(suspect).toMatchObject({ value: 'suspect', alone: true })
    expect(values(queue.cut(caps()))).toEqual(['other'])
    expect(queue.items).toBe(0)
  })
})

describe('the three classes', () => {
  /** Fills every class with more than will be asked for. */
  const filled = (...kinds: RequestClass[]) =>
    queueOf(...kinds.flatMap(kind => Array.from({ length: 600 }, () => job(['x'], { class: kind }))))

  /** How many items of each class the next `count` one-item batches hold. */
  function turnsOf(queue: Queue, count: number): Record<RequestClass, number> {
    const taken = { interactive: 0, normal: 0, bulk: 0 }
    for (let turn = 0; turn < count; turn += 1)
      for (const item of queue.cut(caps({ items: 1 }))) taken[item.job.context.class] += 1
    return taken
  }

  test('get 8, 3 and 1 of every twelve turns', () => {
    expect(turnsOf(filled('interactive', 'normal', 'bulk'), 120)).toEqual({
      interactive: 80,
      normal: 30,
      bulk: 10,
    })
  })

  test('share the turns of a class that has nothing', () => {
    const { interactive, bulk } = turnsOf(filled('interactive', 'bulk'), 90)
    expect(interactive).toBe(80)
    expect(bulk).toBe(10)
  })

  test('take one batch each in turn by what they were given, not by how often', () => {
    const queue = filled('interactive', 'bulk')
    const batches = Array.from({ length: 9 }, () => queue.cut(caps({ items: 8 })))
    expect(batches.filter(([first]) => first?.job.context.class === 'bulk')).toHaveLength(1)
  })

  test.each([[['bulk', 'interactive']], [['interactive', 'bulk']]] as [RequestClass[]][])(
    'do not pay for turns that they took when nobody else waited, whoever of %j comes first',
    kinds => {
      const queue = filled('bulk')
      turnsOf(queue, 600)
      expect(queue.items).toBe(0)
      for (const kind of kinds)
        for (let index = 0; index < 200; index += 1) queue.add(job(['x'], { class: kind }))
      expect(turnsOf(queue, 90).bulk).toBeGreaterThanOrEqual(9)
    },
  )

  test('do not save up turns while they have nothing', () => {
    const queue = filled('interactive')
    turnsOf(queue, 400)
    for (let index = 0; index < 200; index += 1) queue.add(job(['x'], { class: 'bulk' }))
    expect(turnsOf(queue, 90).bulk).toBeLessThanOrEqual(11)
  })
})

describe('remove()', () => {
  test('takes out what was not handed out yet', () => {
    const [one, two] = [job(['a', 'b', 'c']), job(['d'])]
    const queue = queueOf(one, two)
    queue.cut(caps({ items: 2 }))
    queue.remove(one)
    expect(queue.items).toBe(1)
    expect(values(queue.cut(caps()))).toEqual(['d'])
  })

  test('takes out items that were to run again', () => {
    const [one, two] = [job(['a', 'b']), job(['c'])]
    const queue = queueOf(one, two)
    queue.again(queue.cut(caps()))
    queue.remove(one)
    expect(queue.items).toBe(1)
    expect(values(queue.cut(caps()))).toEqual(['c'])
    queue.remove(one)
    expect(queue).toMatchObject({ items: 0, bytes: 0 })
  })
})

test('oldestAt is when the longest-waiting job came', () => {
  const queue = queueOf(job(['a'], { at: 30, deadline: 1 }), job(['b'], { at: 10, class: 'bulk' }))
  expect(queue.oldestAt).toBe(10)
  queue.again(queue.cut(caps({ items: 1 })))
  while (queue.items > 0) queue.cut(caps())
  expect(queue.oldestAt).toBeUndefined()
})

describe('whatever happens', () => {
  const action = fc.oneof(
    fc.record({
      do: fc.constant('add' as const),
      texts: fc.array(fc.string({ maxLength: 30 }), { minLength: 1, maxLength: 6 }),
      class: fc.constantFrom<RequestClass>('interactive', 'normal', 'bulk'),
      deadline: fc.constantFrom(10, 20, Number.POSITIVE_INFINITY),
      model: fc.constantFrom('one', 'two'),
    }),
    fc.record({
      do: fc.constant('cut' as const),
      items: fc.integer({ min: 1, max: 6 }),
      tokens: fc.integer({ min: 1, max: 40 }),
      among: fc.integer({ min: 1, max: 3 }),
      allowAlone: fc.boolean(),
    }),
    fc.record({ do: fc.constant('die' as const), which: fc.nat() }),
    fc.record({ do: fc.constant('remove' as const), which: fc.nat() }),
  )

  test('items and bytes count what waits, each item is handed out once a life, and none is lost', () => {
    fc.assert(
      fc.property(fc.array(action, { maxLength: 50 }), actions => {
        const queue = new Queue()
        const jobs: Job[] = []
        const waiting = new Set<Item>()
        const running: Item[][] = []
        for (const step of actions) {
          if (step.do === 'add') {
            const added = job(step.texts, step)
            jobs.push(added)
            for (const item of added.items) waiting.add(item)
            queue.add(added)
          } else if (step.do === 'cut') {
            const batch = queue.cut(step)
            expect(batch.length).toBeLessThanOrEqual(step.items)
            expect(new Set(batch.map(item => item.job.batchKey)).size).toBeLessThanOrEqual(1)
            if (batch.some(item => item.alone)) expect(batch).toHaveLength(1)
            if (batch.length > 1)
              expect(batch.reduce((sum, { tokens }) => sum + tokens, 0)).toBeLessThanOrEqual(step.tokens)
            if (batch.length === 0) expect([...waiting].every(item => item.alone)).toBe(true)
            for (const item of batch) expect(waiting.delete(item)).toBe(true)
            if (batch.length > 0) running.push(batch)
          } else if (step.do === 'die' && running.length > 0) {
            const [batch = []] = running.splice(step.which % running.length, 1)
            for (const item of batch) waiting.add(item)
            queue.again(batch)
          } else if (step.do === 'remove' && jobs.length > 0) {
            const gone = jobs[step.which % jobs.length] as Job
            for (const item of gone.items) waiting.delete(item)
            // The pool drops the items of a settled job that are running still.
            for (const batch of running)
              batch.splice(0, batch.length, ...batch.filter(item => item.job !== gone))
            queue.remove(gone)
          }
          expect(queue.items).toBe(waiting.size)
          expect(queue.bytes).toBe([...waiting].reduce((sum, { bytes }) => sum + bytes, 0))
        }
        for (let batch = queue.cut(caps()); batch.length > 0; batch = queue.cut(caps()))
          for (const item of batch) expect(waiting.delete(item)).toBe(true)
        expect(waiting.size).toBe(0)
      }),
      { numRuns: 300 },
    )
  })
})

test('a caller whose job was cut in the middle is not passed over by callers who keep coming back', () => {
  const queue = new Queue()
  const from = (caller: string, items: readonly string[]) => {
    const made = new Job(echoCall(items), { ...runContext(), caller }, 0)
    made.done.catch(() => {})
    queue.add(made)
  }
  from('patient', ['p', 'p', 'p', 'p', 'p', 'p'])
  for (let caller = 0; caller < 8; caller += 1) from(`caller ${caller}`, ['x'])
  let served = 0
  for (let round = 0; round < 60 && served < 6; round += 1) {
    for (const { job: done, value } of queue.cut(caps({ items: 2 }))) {
      if (value === 'p') served += 1
      else from(done.context.caller, ['x'])
    }
  }
  expect(served).toBe(6)
})
