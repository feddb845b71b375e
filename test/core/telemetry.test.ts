/** Events off the path, whatever a sink does; spans and metrics with a real OpenTelemetry SDK. */
import { SpanStatusCode } from '@opentelemetry/api'
import { afterEach, describe, expect, test } from 'vitest'
import { errorOf } from '../../src/core/errors.ts'
import {
  continueTrace,
  currentTraceparent,
  names,
  Telemetry,
  type TelemetryEvent,
} from '../../src/core/telemetry.ts'
import { turns } from '../support/condition.ts'
import { type RecordingSdk, registerSdk } from '../support/recording-sdk.ts'

describe('events', () => {
  test('reach the sink after the turn in which they were noted, in order, with their time', async () => {
    const seen: TelemetryEvent[] = []
    const telemetry = new Telemetry({ sink: event => seen.push(event) })
    telemetry.emit('first', { size: 1 })
    telemetry.emit('second')
    expect(seen).toEqual([])
    expect(telemetry.figures.waiting).toBe(2)
    await turns()
    expect(seen).toEqual([
      { event: 'first', timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/), size: 1 },
      { event: 'second', timestamp: expect.any(String) },
    ])
    expect(telemetry.figures).toEqual({ waiting: 0, dropped: 0, sinkErrors: 0 })
  })

  test('are not kept without a sink', () => {
    const telemetry = new Telemetry()
    telemetry.emit('nobody listens')
    expect(telemetry.figures.waiting).toBe(0)
  })

  test('push out the oldest when too many wait, and are counted', async () => {
    const seen: string[] = []
    const telemetry = new Telemetry({ capacity: 3, sink: ({ event }) => seen.push(event) })
    for (const event of ['a', 'b', 'c', 'd', 'e']) telemetry.emit(event)
    expect(telemetry.figures).toEqual({ waiting: 3, dropped: 2, sinkErrors: 0 })
    await telemetry.flush()
    expect(seen).toEqual(['c', 'd', 'e'])
  })

  test('in a flood let other work take its turn', async () => {
    let seen = 0
    const telemetry = new Telemetry({ sink: () => (seen += 1) })
    for (let index = 0; index < 1000; index += 1) telemetry.emit('flood')
    await turns(1)
    expect(seen).toBeGreaterThan(0)
    expect(seen).toBeLessThan(1000)
    await telemetry.flush()
    expect(seen).toBe(1000)
  })

  test('that the sink itself causes do not block the turn', async () => {
    let seen = 0
    const telemetry: Telemetry = new Telemetry({
      sink: () => {
        seen += 1
        if (seen < 200) telemetry.emit('again')
      },
    })
    telemetry.emit('first')
    await turns(1)
    expect(seen).toBe(1)
    await telemetry.flush()
    expect(seen).toBe(200)
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('a bad sink')
      },
    ],
    ['rejects', () => Promise.reject(new Error('a bad sink'))],
    ['throws nothing at all', () => Promise.reject(undefined)],
  ])('reach all of a sink that %s, which is counted and no more', async (_, sink) => {
    const unheard: unknown[] = []
    const note = (reason: unknown) => unheard.push(reason)
    process.on('unhandledRejection', note)
    process.on('uncaughtException', note)
    let calls = 0
    const telemetry = new Telemetry({
      sink: () => {
        calls += 1
        return sink()
      },
    })
    for (const event of ['a', 'b', 'c']) expect(telemetry.emit(event)).toBeUndefined()
    await telemetry.flush()
    await turns()
    process.off('unhandledRejection', note)
    process.off('uncaughtException', note)
    expect({ calls, unheard }).toEqual({ calls: 3, unheard: [] })
    expect(telemetry.figures.sinkErrors).toBe(3)
  })

  test('do not wait for a sink that hangs', async () => {
    let calls = 0
    const telemetry = new Telemetry({
      sink: () => {
        calls += 1
        return new Promise(() => {})
      },
    })
    for (const event of ['a', 'b']) telemetry.emit(event)
    await telemetry.flush()
    expect(calls).toBe(2)
  })

  test('wait while a sink hangs with as many as may wait; the oldest give way and are counted', async () => {
    const seen: string[] = []
    const { promise: end, resolve } = Promise.withResolvers<void>()
    const telemetry = new Telemetry({
      capacity: 3,
      sink: ({ event }) => {
        seen.push(event)
        return end
      },
    })
    for (const event of ['a', 'b', 'c']) telemetry.emit(event)
    await turns()
    for (const event of ['d', 'e', 'f', 'g', 'h']) telemetry.emit(event)
    await turns()
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(telemetry.figures).toEqual({ waiting: 3, dropped: 2, sinkErrors: 0 })
    resolve()
    await turns()
    expect(seen).toEqual(['a', 'b', 'c', 'f', 'g', 'h'])
    expect(telemetry.figures.waiting).toBe(0)
  })

  test('of a sink that never ends are handed over at the end all the same', async () => {
    let calls = 0
    const sink = () => {
      calls += 1
      return new Promise(() => {})
    }
    const telemetry = new Telemetry({ capacity: 2, sink })
    for (let round = 0; round < 3; round += 1) {
      telemetry.emit('a')
      telemetry.emit('b')
      await turns()
    }
    expect(calls).toBe(2)
    await telemetry.flush()
    expect(calls).toBe(4)
    expect(telemetry.figures).toMatchObject({ waiting: 0, dropped: 2 })
  })

  test('keep their name whatever fields they have', async () => {
    const seen: TelemetryEvent[] = []
    const telemetry = new Telemetry({ sink: event => seen.push(event) })
    telemetry.emit('worker-exit', { event: 'something else', timestamp: 'never' })
    await telemetry.flush()
    expect(seen).toEqual([{ event: 'worker-exit', timestamp: expect.stringContaining('T') }])
  })
})

describe('flush()', () => {
  test('resolves at once when nothing waits', async () => {
    await new Telemetry({ sink: () => {} }).flush()
  })

  test('may run twice at a time and hands over each event once', async () => {
    const seen: string[] = []
    const telemetry = new Telemetry({ sink: ({ event }) => seen.push(event) })
    for (let index = 0; index < 300; index += 1) telemetry.emit(`${index}`)
    await Promise.all([telemetry.flush(), telemetry.flush()])
    expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => `${index}`))
  })
})

describe('OpenTelemetry', () => {
  let sdk: RecordingSdk | undefined
  afterEach(async () => {
    await sdk?.shutdown()
    sdk = undefined
  })

  test('gets spans with attributes, nested as the work is', async () => {
    sdk = registerSdk()
    const telemetry = new Telemetry()
    const parents: string[] = []
    const result = await telemetry.span(names.spanRequest, { [names.op]: 'embed' }, async outer => {
      parents.push(outer)
      await turns(1)
      return telemetry.span(names.spanDispatch, {}, async inner => {
        parents.push(inner)
        return 'done'
      })
    })
    expect(result).toBe('done')
    const [inner, outer] = sdk.spans()
    expect(outer).toMatchObject({ name: 'evidence.enhance', attributes: { 'evidence_runner.op': 'embed' } })
    expect(inner).toMatchObject({ name: 'evidence.dispatch', parentSpanContext: outer?.spanContext() })
    expect(parents).toEqual(
      [outer, inner].map(span => `00-${span?.spanContext().traceId}-${span?.spanContext().spanId}-01`),
    )
  })

  test('gets errors on the span, which go on as they came', async () => {
    sdk = registerSdk()
    const telemetry = new Telemetry()
    const error = errorOf('ER_DEADLINE', 'late')
    await expect(telemetry.span('work', {}, () => Promise.reject(error))).rejects.toBe(error)
    await expect(telemetry.span('work', {}, () => Promise.reject('text'))).rejects.toBe('text')
    expect(sdk.spans()).toMatchObject([
      { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'ER_DEADLINE' } },
      { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'unknown' } },
    ])
  })

  test('gets durations and counts', async () => {
    sdk = registerSdk()
    const telemetry = new Telemetry()
    telemetry.record(names.dispatchDuration, 12, { [names.op]: 'embed' })
    telemetry.record(names.dispatchDuration, 30, { [names.op]: 'embed' })
    telemetry.count(names.workerExits)
    telemetry.count(names.workerExits, 2)
    const found = await sdk.metrics()
    expect(found.get(names.dispatchDuration)?.dataPoints).toMatchObject([
      { attributes: { 'evidence_runner.op': 'embed' }, value: { count: 2, sum: 42, min: 12, max: 30 } },
    ])
    expect(found.get(names.workerExits)?.dataPoints).toMatchObject([{ value: 3 }])
  })

  test('gets them too when it is registered after the first were noted', async () => {
    const telemetry = new Telemetry()
    telemetry.record(names.queueDuration, 1)
    telemetry.count(names.cacheHits)
    await telemetry.span('early', {}, async () => {})
    sdk = registerSdk()
    telemetry.record(names.queueDuration, 2)
    telemetry.count(names.cacheHits)
    await telemetry.span('late', {}, async () => {})
    expect(sdk.spans().map(({ name }) => name)).toEqual(['late'])
    const found = await sdk.metrics()
    expect([...found.keys()].toSorted()).toEqual([names.cacheHits, names.queueDuration].toSorted())
  })

  test('reads figures when it collects, until it is told to stop', async () => {
    sdk = registerSdk()
    let waiting = 3
    const stop = new Telemetry().observe({ [names.waitingItems]: () => waiting })
    const found = async () => JSON.stringify([...((await sdk?.metrics()) ?? [])])
    expect(await found()).toContain('"value":3')
    waiting = 5
    expect(await found()).toContain('"value":5')
    stop()
    waiting = 7
    expect(await found()).not.toContain('"value":7')
  })

  test('gets nothing when it is switched off', async () => {
    sdk = registerSdk()
    const telemetry = new Telemetry({ openTelemetry: false })
    telemetry.record(names.dispatchDuration, 12)
    telemetry.count(names.workerExits)
    expect(await telemetry.span('work', {}, async traceparent => traceparent)).toBe('')
    expect(sdk.spans()).toEqual([])
    expect((await sdk.metrics()).size).toBe(0)
  })

  test('may be missing: work runs as ever, without a traceparent', async () => {
    const telemetry = new Telemetry()
    telemetry.record(names.dispatchDuration, 12)
    telemetry.count(names.workerExits)
    expect(await telemetry.span('work', {}, async traceparent => traceparent)).toBe('')
    await expect(telemetry.span('work', {}, () => Promise.reject(new Error('no')))).rejects.toThrow('no')
  })

  test('is told at collection of figures that were asked for before it was registered', async () => {
    const telemetry = new Telemetry()
    let reads = 0
    const waiting = () => {
      reads += 1
      return 3
    }
    const stop = telemetry.observe({ [names.waitingItems]: waiting, [names.droppedEvents]: () => 7 })
    sdk = registerSdk()
    telemetry.count(names.workerExits)
    const found = await sdk.metrics()
    expect(found.get(names.waitingItems)?.dataPoints).toMatchObject([{ value: 3 }])
    expect(found.get(names.droppedEvents)?.dataPoints).toMatchObject([{ value: 7 }])
    expect(reads).toBe(1)
    stop()
    await sdk.metrics()
    expect(reads).toBe(1)
  })

  test('gets the unit, the text and the buckets of the table with each metric', async () => {
    sdk = registerSdk()
    const telemetry = new Telemetry()
    telemetry.record(names.queueDuration, 0.7)
    telemetry.count(names.reservedTokens, 40)
    telemetry.count(names.reservedTokens, -15)
    const found = await sdk.metrics()
    expect(found.get(names.queueDuration)).toMatchObject({
      descriptor: { unit: 'ms', description: 'From a call to the pool to the worker' },
      dataPoints: [{ value: { buckets: { boundaries: expect.arrayContaining([0.5, 1, 320]) } } }],
    })
    expect(found.get(names.reservedTokens)?.dataPoints).toMatchObject([{ value: 25 }])
  })

  test('may throw wherever it is asked: work goes on and comes to the same', async () => {
    const boom = () => {
      throw new Error('a bad processor')
    }
    const fine = async () => {}
    sdk = registerSdk([{ onStart: () => {}, onEnd: boom, forceFlush: fine, shutdown: fine }])
    const telemetry = new Telemetry()
    expect(await telemetry.span('ends badly', {}, async () => 'done')).toBe('done')
    const error = new Error('its own')
    await expect(telemetry.span('ends badly', {}, () => Promise.reject(error))).rejects.toBe(error)
    expect(telemetry.figures.sinkErrors).toBe(2)
    await sdk.shutdown()
    sdk = registerSdk([{ onStart: boom, onEnd: () => {}, forceFlush: fine, shutdown: fine }])
    expect(await telemetry.span('begins badly', {}, async traceparent => traceparent)).toBe('')
    const past = { beginMs: 0, endMs: 1, requests: [`00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`] }
    telemetry.pastSpan('begins badly', {}, past)
    expect(telemetry.figures.sinkErrors).toBe(4)
  })

  test('gets a span under a traceparent that came from elsewhere, and only under a true one', async () => {
    sdk = registerSdk()
    const telemetry = new Telemetry()
    const [trace, parent] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7']
    const given = `00-${trace}-${parent}-01`
    await continueTrace(given, () => telemetry.span('continued', {}, async () => {}))
    await telemetry.span('placed', {}, async () => {}, { parent: given, kind: 'server' })
    for (const wrong of [
      undefined,
      '',
      'nonsense',
      `00-${'0'.repeat(32)}-${parent}-01`,
      `ff-${trace}-${parent}-01`,
    ])
      await continueTrace(wrong, () => telemetry.span('alone', {}, async () => {}))
    const [continued, placed, ...alone] = sdk.spans()
    expect(continued).toMatchObject({ parentSpanContext: { traceId: trace, spanId: parent } })
    expect(placed).toMatchObject({ parentSpanContext: { traceId: trace, spanId: parent }, kind: 1 })
    expect(alone.map(({ parentSpanContext }) => parentSpanContext)).toEqual(alone.map(() => undefined))
    expect(alone).toHaveLength(5)
  })

  test('tells the traceparent of where one is, to be carried elsewhere', async () => {
    expect(currentTraceparent()).toBe('')
    sdk = registerSdk()
    expect(currentTraceparent()).toBe('')
    const [seen, own] = await new Telemetry().span('here', {}, async own => [currentTraceparent(), own])
    expect(seen).toBe(own)
    expect(seen).toMatch(/^00-[\da-f]{32}-[\da-f]{16}-01$/)
  })

  test('gets past work with its times and a link to each request: in its trace where it is one', async () => {
    sdk = registerSdk()
    const telemetry = new Telemetry()
    const requests: string[] = []
    for (const name of ['one', 'other']) {
      await telemetry.span(name, {}, async traceparent => {
        requests.push(traceparent)
      })
    }
    const work = { beginMs: 1000, endMs: 1250 }
    telemetry.pastSpan('both', {}, { ...work, requests, error: 'ER_WORKER_EXIT' })
    telemetry.pastSpan('single', {}, { ...work, requests: [requests[0] ?? '', requests[0] ?? ''] })
    telemetry.pastSpan('for nobody', {}, { ...work, requests: ['', 'nonsense'] })
    const [one, other, both, single, none] = sdk.spans()
    expect(none).toBeUndefined()
    const contexts = [one, other].map(span => span?.spanContext())
    expect(both?.links.map(({ context }) => context.spanId)).toEqual(contexts.map(found => found?.spanId))
    expect(both).toMatchObject({
      parentSpanContext: undefined,
      attributes: { 'error.type': 'ER_WORKER_EXIT' },
    })
    expect(contexts.map(found => found?.traceId)).not.toContain(both?.spanContext().traceId)
    expect(both?.duration).toEqual([0, 250_000_000])
    expect(single?.links).toHaveLength(1)
    expect(single?.parentSpanContext).toMatchObject({ spanId: contexts[0]?.spanId })
    expect(single?.spanContext().traceId).toBe(contexts[0]?.traceId)
  })
})
