/** Events off the path, whatever a sink does; spans and metrics with a real OpenTelemetry SDK. */
import { context, metrics, SpanStatusCode, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'
import { afterEach, describe, expect, test } from 'vitest'
import { errorOf } from '../../src/core/errors.ts'
import { names, Telemetry, type TelemetryEvent } from '../../src/core/telemetry.ts'
import { turns } from '../support/condition.ts'

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

/** Registers an SDK that keeps what it is given. */
function registerSdk() {
  const spans = new InMemorySpanExporter()
  const figures = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  const reader = new PeriodicExportingMetricReader({ exporter: figures, exportIntervalMillis: 3_600_000 })
  const tracers = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter: spans })] })
  const meters = new MeterProvider({ readers: [reader] })
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
  trace.setGlobalTracerProvider(tracers)
  metrics.setGlobalMeterProvider(meters)
  return {
    spans: () => spans.getFinishedSpans(),
    metrics: async () => {
      await meters.forceFlush()
      const all = figures.getMetrics().at(-1)?.scopeMetrics ?? []
      return new Map(all.flatMap(scope => scope.metrics.map(metric => [metric.descriptor.name, metric])))
    },
    shutdown: async () => {
      await Promise.all([tracers.shutdown(), meters.shutdown()])
    },
  }
}

describe('OpenTelemetry', () => {
  let sdk: ReturnType<typeof registerSdk> | undefined
  afterEach(async () => {
    await sdk?.shutdown()
    sdk = undefined
    for (const api of [context, trace, metrics]) api.disable()
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
      { status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'DeadlineError' } },
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
})
