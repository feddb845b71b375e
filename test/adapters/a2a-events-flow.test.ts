/** The consumer of CloudEvents: order, back-pressure, its end, and the law that every event comes to one end. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventConsumerOptions } from '../../src/adapters/a2a.ts'
import { errorOf } from '../../src/core/errors.ts'
import { claim, sources } from '../support/a2a-client.ts'
import { answering, consumerOf, event, gated } from '../support/a2a-events.ts'
import { turns, until } from '../support/condition.ts'

describe('order', () => {
  test('holds within a source and subject where it is asked for, and binds nobody else', async () => {
    const { begun, check, open } = gated()
    const { answered, consumer } = consumerOf({ ordered: true }, check)
    const subject = 'one'
    for (const id of ['a', 'b', 'c']) await consumer.push(event(id, { subject }))
    await consumer.push(event('d', { subject: 'two' }))
    await consumer.push(event('e', { subject, source: '/other' }))
    await consumer.push(event('f'))
    await turns()
    expect(begun.toSorted()).toEqual(['a', 'd', 'e', 'f'])
    for (const id of ['f', 'e', 'd', 'a', 'b', 'c']) await open(id)
    await consumer.close()
    expect(answered().filter(id => 'abc'.includes(id))).toEqual(['a', 'b', 'c'])
  })

  test('holds through an attempt that has to be made again', async () => {
    let failures = 2
    const { answered, consumer } = consumerOf({ ordered: true }, async context => {
      if (context.taskId === 'a' && failures-- > 0) throw errorOf('ER_WARMING', 'not yet')
      return answering.enhanceEvidence(context)
    })
    for (const id of ['a', 'b']) await consumer.push(event(id, { subject: 'one' }))
    await consumer.close()
    expect(answered()).toEqual(['a', 'b'])
  })
})

describe('back-pressure', () => {
  test('pulls no more than run and wait, and runs no more than its concurrency', async () => {
    const { check, most, open } = gated()
    const { answered, consumer } = consumerOf({ concurrency: 2, waiting: 3 }, check)
    let pulled = 0
    async function* source() {
      for (let number = 0; number < 20; number += 1) {
        pulled += 1
        yield event(`${number}`)
      }
    }
    const consumed = consumer.consume(source())
    await until('it pulls', () => pulled === 5)
    await turns(20)
    for (let number = 0; number < 20; number += 1) {
      expect(pulled).toBe(Math.min(20, number + 5))
      await open(`${number}`)
      await turns(5)
    }
    await consumed
    expect(most()).toBe(2)
    expect(answered()).toHaveLength(20)
  })

  test('push() waits for a place', async () => {
    const { check, open } = gated()
    const { consumer } = consumerOf({ concurrency: 1, waiting: 0 }, check)
    await consumer.push(event('a'))
    let taken = false
    const second = consumer.push(event('b')).then(() => {
      taken = true
    })
    await turns()
    expect(taken).toBe(false)
    await open('a')
    await second
    await open('b')
    await consumer.close()
  })

  test('a long event lets short ones pass', async () => {
    const { begun, check, open } = gated()
    const { consumer } = consumerOf({ concurrency: 2, waiting: 4, shortCharacters: 1000 }, check)
    const long = { data: { claim, sources: [{ content: 'x'.repeat(1000) }] } }
    for (const id of ['l1', 'l2', 'l3']) await consumer.push(event(id, long))
    for (const id of ['s1', 's2']) await consumer.push(event(id))
    await turns()
    expect(begun).toEqual(['l1', 's1'])
    await open('s1')
    expect(begun).toEqual(['l1', 's1', 's2'])
    for (const id of ['s2', 'l1', 'l2', 'l3']) await open(id)
    await consumer.close()
  })
})

describe('the end', () => {
  test('close() takes no more, and resolves when what was taken is done', async () => {
    const { check, open } = gated()
    const { answered, consumer } = consumerOf({}, check)
    await consumer.push(event('a'))
    let closed = false
    const closing = consumer.close().then(() => {
      closed = true
    })
    await expect(consumer.push(event('b'))).rejects.toMatchObject({ code: 'ER_CLOSED' })
    await turns()
    expect(closed).toBe(false)
    await open('a')
    await closing
    await consumer.close()
    expect(answered()).toEqual(['a'])
  })

  test('close(0) makes dead letters of what is still at work, in its turn or between attempts', async () => {
    const { check } = gated()
    const { consumer, letters } = consumerOf(
      { ordered: true, backoffMs: 60_000 },
      async (context, options) => {
        if (context.taskId === 'c') throw errorOf('ER_WARMING', 'not yet')
        return check(context, options)
      },
    )
    await consumer.push(event('a', { subject: 'one' }))
    await consumer.push(event('b', { subject: 'one' }))
    await consumer.push(event('c'))
    await turns()
    await consumer.close(0)
    expect(letters.map(({ event, error }) => [(event as { id: string }).id, error.code]).toSorted()).toEqual([
      ['a', 'ER_CLOSED'],
      ['b', 'ER_CLOSED'],
      ['c', 'ER_WARMING'],
    ])
  })

  test('of a silent source comes with the signal or with close(), and what it gives late is not lost', async () => {
    const { answered, consumer, letters } = consumerOf()
    const [first, second] = [Promise.withResolvers<object>(), Promise.withResolvers<object>()]
    async function* silent(gate: Promise<object>) {
      yield await gate
    }
    const stop = new AbortController()
    const one = consumer.consume(silent(first.promise), { signal: stop.signal })
    const two = consumer.consume(silent(second.promise))
    await turns()
    stop.abort()
    await one
    first.resolve(event('a'))
    await until('a is answered', () => consumer.figures.answered === 1)
    await consumer.close()
    await two
    second.resolve(event('b'))
    await until('b is a dead letter', () => letters.length === 1)
    expect(answered()).toEqual(['a'])
    expect(letters).toMatchObject([{ event: { id: 'b' }, error: { code: 'ER_CLOSED' }, attempts: 0 }])
  })

  test('of a source that throws is told once what it had given is done', async () => {
    const { answered, consumer } = consumerOf()
    function* broken() {
      yield event('a')
      throw new Error('cut')
    }
    await expect(consumer.consume(broken())).rejects.toThrow('cut')
    expect(answered()).toEqual(['a'])
    await consumer.consume([event('b')])
    expect(answered()).toEqual(['a', 'b'])
  })
})

/** What happens to an event: it fails so often, with such an error, and then is answered. */
const fates = fc.record({
  id: fc.integer({ min: 0, max: 12 }).map(String),
  subject: fc.constantFrom(undefined, 'one', 'two'),
  failures: fc.integer({ min: 0, max: 4 }),
  code: fc.constantFrom('ER_QUEUE_FULL' as const, 'ER_MODEL_FAILED' as const, 'ER_MODEL_INPUT' as const),
  turns: fc.integer({ min: 0, max: 3 }),
  valid: fc.boolean(),
})

test('each event is answered exactly once or is a dead letter, whatever fails, in the order of its subject', async () => {
  const template = await answering.enhanceEvidence({ taskId: 't', claim, sources })
  const settings = fc.record({
    concurrency: fc.integer({ min: 1, max: 4 }),
    waiting: fc.integer({ min: 0, max: 3 }),
    ordered: fc.boolean(),
    attempts: fc.integer({ min: 1, max: 3 }),
  })
  const law = async (plan: (typeof fates extends fc.Arbitrary<infer T> ? T : never)[], options: object) => {
    // Of valid events with one id the first to come counts.
    const wanted = new Map(
      plan
        .filter(({ valid }) => valid)
        .toReversed()
        .map(fate => [fate.id, fate]),
    )
    const order = [...new Set(plan.filter(({ valid }) => valid).map(({ id }) => id))]
    const left = new Map([...wanted].map(([id, { failures }]) => [id, failures]))
    const { attempts, concurrency, ordered, waiting } = options as Required<EventConsumerOptions>
    const ends: string[] = []
    let running = 0
    let most = 0
    const told = consumerOf(
      {
        ...options,
        backoffMs: 0,
        onDeadLetter: letter => {
          told.letters.push(letter)
          ends.push((letter.event as { id: string }).id)
        },
        onResult: result => {
          told.results.push(result)
          ends.push(result.data.event.id)
        },
      },
      async ({ taskId }) => {
        const { code, turns: length } = wanted.get(taskId) as (typeof plan)[number]
        running += 1
        most = Math.max(most, running)
        await turns(length)
        running -= 1
        const failures = left.get(taskId) ?? 0
        left.set(taskId, failures - 1)
        if (failures > 0) throw errorOf(code, 'again')
        return { ...template, taskId }
      },
    )
    let pulled = 0
    let mostAhead = 0
    function* source() {
      for (const { id, subject, valid } of plan) {
        pulled += 1
        mostAhead = Math.max(mostAhead, told.consumer.figures.open + 1)
        yield event(id, { subject, ...(valid ? {} : { type: '' }) })
      }
    }
    await told.consumer.consume(source())
    const { answered, deadLettered, duplicates, open, received } = told.consumer.figures
    expect(open).toBe(0)
    expect(received).toBe(plan.length)
    expect(pulled).toBe(plan.length)
    expect(answered + deadLettered + duplicates).toBe(plan.length)
    expect(most).toBeLessThanOrEqual(concurrency)
    expect(mostAhead).toBeLessThanOrEqual(concurrency + waiting)
    for (const [id, { code, failures }] of wanted) {
      const succeeds = failures === 0 || (code !== 'ER_MODEL_INPUT' && failures < attempts)
      expect(told.answered().filter(each => each === id)).toHaveLength(succeeds ? 1 : 0)
      const buried = told.letters.filter(
        each => each.attempts > 0 && (each.event as { id: string }).id === id,
      )
      expect(buried).toHaveLength(succeeds ? 0 : 1)
    }
    expect(told.letters.filter(each => each.attempts === 0)).toHaveLength(
      plan.filter(({ valid }) => !valid).length,
    )
    if (!ordered) return
    for (const subject of ['one', 'two']) {
      const mine = order.filter(id => wanted.get(id)?.subject === subject)
      const invalid = new Set(plan.filter(({ valid }) => !valid).map(({ id }) => id))
      const clear = (id: string) => mine.includes(id) && !invalid.has(id)
      expect(ends.filter(clear)).toEqual(mine.filter(clear))
    }
  }
  await fc.assert(fc.asyncProperty(fc.array(fates, { maxLength: 25 }), settings, law), { numRuns: 150 })
})
