/** The consumer of CloudEvents: envelopes, events seen before or too old, and what fails; one test with a real worker. */
import { describe, expect, test } from 'vitest'
import {
  type Acceptance,
  type DeadLetter,
  type EnhancedEvent,
  EventConsumer,
  enhancedType,
} from '../../src/adapters/a2a.ts'
import { errorOf } from '../../src/core/errors.ts'
import { EvidenceEnhancer } from '../../src/runner.ts'
import { sources } from '../support/a2a-client.ts'
import { answering, type Check, consumerOf, event, gated } from '../support/a2a-events.ts'
import { until } from '../support/condition.ts'

const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

test('a real worker answers events: a result event each, with the trace context kept', async () => {
  await using enhancer = await EvidenceEnhancer.open({ poolSize: 1, telemetry: false })
  const results: EnhancedEvent[] = []
  const letters: DeadLetter[] = []
  await using consumer = new EventConsumer(enhancer, {
    onResult: result => results.push(result),
    onDeadLetter: letter => letters.push(letter),
    source: '/agents/evidence',
  })
  async function* source() {
    yield event('a', { traceparent, tracestate: 'x=1', subject: 'gateway' })
    yield event('b', { data: { claim: '', sources } })
    yield event('a')
  }
  await consumer.consume(source())
  expect(results).toHaveLength(1)
  const { data, ...envelope } = results[0] as EnhancedEvent
  expect(envelope).toEqual({
    specversion: '1.0',
    id: '/tests#a',
    source: '/agents/evidence',
    type: enhancedType,
    subject: 'gateway',
    time: data.evidence.metadata.timestamp,
    datacontenttype: 'application/json',
    traceparent,
    tracestate: 'x=1',
  })
  expect(data.event).toEqual({ id: 'a', source: '/tests', type: 'com.example.claim.v1' })
  expect(data.evidence).toMatchObject({ taskId: 'a', verdict: 'supported', fallbackUsed: false })
  expect(letters).toMatchObject([{ event: { id: 'b' }, error: { code: 'ER_INPUT' }, attempts: 1 }])
  expect(consumer.figures).toMatchObject({
    received: 3,
    answered: 1,
    deadLettered: 1,
    duplicates: 1,
    open: 0,
  })
  expect(Buffer.byteLength(JSON.stringify(results[0]))).toBeLessThan(64 * 1024)
})

describe('an envelope', () => {
  test.each([
    ['another version', { specversion: '0.3' }, /specversion/],
    ['no id', { id: '' }, /id/],
    ['no source', { source: undefined }, /source/],
    ['no type', { type: undefined }, /type/],
    ['no data', { data: undefined }, /data/],
    ['a ttl that is no number', { ttl: 'soon' }, /ttl/],
    ['a time that is none', { time: 'yesterday' }, /time/],
  ])('with %s is a dead letter, untried', async (_, changes, told) => {
    const { consumer, letters } = consumerOf()
    const wrong = event('a', changes)
    expect(await consumer.push(wrong)).toBe('invalid' satisfies Acceptance)
    await consumer.close()
    expect(letters).toEqual([
      { event: wrong, error: expect.objectContaining({ code: 'ER_INPUT' }), attempts: 0 },
    ])
    expect(letters[0]?.error.message).toMatch(told)
  })

  test.each([[undefined], [null], [7], ['{}'], [[]]])('%j is none', async value => {
    const { consumer, letters } = consumerOf()
    expect(await consumer.push(value)).toBe('invalid')
    await consumer.close()
    expect(letters).toHaveLength(1)
  })
})

describe('an event that comes again', () => {
  test('is dropped while the first is under way and after it, by id and source together', async () => {
    const { check, open } = gated()
    const { answered, consumer, notes } = consumerOf({}, check)
    expect(await consumer.push(event('a'))).toBe('accepted')
    expect(await consumer.push(event('a', { type: 'com.example.other' }))).toBe('duplicate')
    await open('a')
    expect(await consumer.push(event('a'))).toBe('duplicate')
    expect(await consumer.push(event('a', { source: '/other' }))).toBe('accepted')
    await open('a')
    await consumer.close()
    expect(answered()).toEqual(['a', 'a'])
    expect(consumer.figures.duplicates).toBe(2)
    expect(notes[0]).toBe('event "a" of "/tests" was seen before: dropped')
  })

  test('is taken anew once it was forgotten: by forget(), or after as many others as are remembered', async () => {
    const { answered, consumer } = consumerOf({ remembered: 2, concurrency: 1 })
    const all = async function* () {
      for (const id of ['a', 'b', 'c']) yield event(id)
    }
    await consumer.consume(all())
    expect(await consumer.push(event('c'))).toBe('duplicate')
    consumer.forget(event('c'))
    expect(await consumer.push(event('c'))).toBe('accepted')
    expect(await consumer.push(event('a'))).toBe('accepted')
    await consumer.close()
    expect(answered()).toEqual(['a', 'b', 'c', 'c', 'a'])
  })
})

describe('an event that is too old', () => {
  const time = '2026-01-01T00:00:00Z'
  const at = Date.parse(time)

  test.each([
    ['ttl from its time', { time, ttl: 1000 }, 1000],
    ['ttl as text', { time, ttl: '1000' }, 1000],
    ['expirytime', { expirytime: '2026-01-01T00:00:05Z' }, 5000],
    ['the earlier of both', { time, ttl: 9000, expirytime: '2026-01-01T00:00:05Z' }, 5000],
  ])('by %s is dropped with a note; just before it is answered', async (_, changes, lives) => {
    let clock = at + lives
    const { answered, consumer, letters, notes } = consumerOf({ clock: () => clock })
    expect(await consumer.push(event('old', changes))).toBe('expired')
    clock -= 1
    expect(await consumer.push(event('young', changes))).toBe('accepted')
    await consumer.close()
    expect(answered()).toEqual(['young'])
    expect(letters).toEqual([])
    expect(notes).toEqual(['event "old" of "/tests" is too old: dropped'])
  })

  test('only when its turn comes is dropped then', async () => {
    let clock = at
    const { check, open } = gated()
    const { answered, consumer } = consumerOf({ clock: () => clock, concurrency: 1 }, check)
    await consumer.push(event('first'))
    // Without a time it lives from its arrival.
    expect(await consumer.push(event('second', { ttl: 10 }))).toBe('accepted')
    clock += 10
    await open('first')
    await consumer.close()
    expect(answered()).toEqual(['first'])
    expect(consumer.figures).toMatchObject({ answered: 1, expired: 1, deadLettered: 0 })
  })
})

describe('an event that fails', () => {
  const failing = (times: number, error: () => Error): Check => {
    let left = times
    return async context => {
      left -= 1
      if (left >= 0) throw error()
      return answering.enhanceEvidence(context)
    }
  }
  const overload = () => errorOf('ER_QUEUE_FULL', 'full', { retryAfterMs: 1 })

  test('is tried again while its error is retryable', async () => {
    const { answered, consumer, letters, notes } = consumerOf({}, failing(3, overload))
    await consumer.push(event('a'))
    await consumer.close()
    expect([answered(), letters]).toEqual([['a'], []])
    expect(consumer.figures.attempts).toBe(4)
    expect(notes).toHaveLength(3)
    expect(notes[0]).toMatch(/^event "a" of "\/tests" failed: attempt 2 in \d+ ms$/)
  })

  test('is a dead letter after all attempts', async () => {
    const { consumer, letters } = consumerOf({ attempts: 3 }, failing(9, overload))
    await consumer.push(event('a'))
    await consumer.close()
    expect(letters).toMatchObject([{ event: { id: 'a' }, error: { code: 'ER_QUEUE_FULL' }, attempts: 3 }])
  })

  test.each([
    ['that nothing can mend', () => errorOf('ER_MODEL_INPUT', 'no')],
    ['that the pool has tried again', () => errorOf('ER_WORKER_EXIT', 'gone', { retried: true })],
    ['that is not ours', () => new Error('foreign')],
  ])('with an error %s is a dead letter at once', async (_, error) => {
    const { consumer, letters } = consumerOf({}, failing(9, error))
    await consumer.push(event('a'))
    await consumer.close()
    expect(letters).toMatchObject([{ error: { message: error().message }, attempts: 1 }])
  })

  test('is not tried again when it would be too old then', async () => {
    const { consumer, letters } = consumerOf({ backoffMs: 60_000 }, failing(9, overload))
    await consumer.push(event('a', { ttl: 5000 }))
    await consumer.close()
    expect(letters).toMatchObject([{ error: { code: 'ER_QUEUE_FULL' }, attempts: 1 }])
  })

  test('to be delivered is delivered again without new work, or is a dead letter', async () => {
    const given: string[] = []
    let left = 2
    const onResult = ({ data }: EnhancedEvent) => {
      given.push(data.event.id)
      left -= 1
      if (left >= 0) throw overload()
      if (data.event.id === 'b') throw new Error('unwanted')
    }
    const { consumer, letters } = consumerOf({ concurrency: 1, onResult })
    await consumer.push(event('a'))
    await until('a is answered', () => consumer.figures.answered === 1)
    await consumer.push(event('b'))
    await consumer.close()
    expect(given).toEqual(['a', 'a', 'a', 'b'])
    expect(consumer.figures).toMatchObject({ attempts: 2, answered: 1, deadLettered: 1 })
    expect(letters).toMatchObject([{ event: { id: 'b' }, error: { message: 'unwanted' } }])
  })

  test('and is not even taken as a dead letter is told of, and stops nothing', async () => {
    const onDeadLetter = () => Promise.reject(new Error('no room'))
    const { answered, consumer, notes } = consumerOf({ onDeadLetter })
    await consumer.push(event('a', { data: {} }))
    await consumer.push(event('b'))
    await consumer.close()
    expect(answered()).toEqual(['b'])
    expect(notes).toContain('a dead letter was not taken: Error: no room')
  })
})
