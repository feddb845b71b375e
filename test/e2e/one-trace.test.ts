/** A request, its calls and the batches that carry them, over a real worker and a real SDK: one trace. */
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { continueTrace, names } from '../../src/core/telemetry.ts'
import { EvidenceEnhancer } from '../../src/index.ts'
import { Flight } from '../../src/pool/flight.ts'
import { Job } from '../../src/pool/job.ts'
import { echoCall } from '../support/echo-pool.ts'
import { type RecordingSdk, registerSdk } from '../support/recording-sdk.ts'
import { runContext } from '../support/run-context.ts'

const enhancer = await EvidenceEnhancer.open({ poolSize: 1 })
afterAll(() => enhancer.close())

let sdk: RecordingSdk
beforeEach(() => {
  sdk = registerSdk()
})
afterEach(() => sdk.shutdown())

const check = (claim: string) =>
  enhancer.enhanceEvidence({ taskId: claim, claim, sources: [{ content: `${claim} It was on a Friday.` }] })

/** A batch is over a moment after its answer has gone out. */
const over = () => new Promise(resolve => setImmediate(resolve))

const given = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

test('what a caller has begun elsewhere goes on here, to the batch on the worker', async () => {
  await continueTrace(given, () => check('The release of version 2.4 was on time.'))
  await over()
  const spans = sdk.spans()
  expect(new Set(spans.map(span => span.spanContext().traceId))).toEqual(new Set([given.split('-')[1]]))
  const request = spans.find(({ name }) => name === names.spanRequest)
  const id = request?.spanContext().spanId
  expect(request?.parentSpanContext?.spanId).toBe(given.split('-')[2])
  const dispatched = spans.filter(({ name }) => name.startsWith('embeddings '))
  const batches = spans.filter(({ name }) => name === names.spanBatch)
  expect(dispatched.length).toBeGreaterThan(0)
  expect(batches.length).toBeGreaterThan(0)
  for (const { parentSpanContext } of [...dispatched, ...batches]) expect(parentSpanContext?.spanId).toBe(id)
  for (const { links } of batches) expect(links.map(({ context }) => context.spanId)).toEqual([id])
  expect(spans.length).toBe(1 + dispatched.length + batches.length)
})

test('a batch for several requests is linked to each of them and is a part of none', async () => {
  // The first keeps the worker busy; those after it wait together.
  await Promise.all(['one', 'two', 'three', 'four'].map(word => check(`Service ${word} answers in 20 ms.`)))
  await over()
  const spans = sdk.spans()
  const requests = spans.filter(({ name }) => name === names.spanRequest).map(span => span.spanContext())
  expect(new Set(requests.map(({ traceId }) => traceId)).size).toBe(4)
  const batches = spans.filter(({ name }) => name === names.spanBatch)
  const linked = batches.flatMap(({ links }) => links.map(({ context }) => context.spanId))
  expect(new Set(linked)).toEqual(new Set(requests.map(({ spanId }) => spanId)))
  const together = batches.find(({ links }) => links.length > 1)
  expect(together).toMatchObject({ parentSpanContext: undefined })
  expect(requests.map(({ traceId }) => traceId)).not.toContain(together?.spanContext().traceId)
})

test('pool, cache and budget tell of themselves', async () => {
  await check('The disk of the server is full.')
  await check('The disk of the server is full.')
  const found = await sdk.metrics()
  const expected = [
    ...[names.requestDuration, names.dispatchDuration, names.queueDuration, names.wireDuration],
    ...[names.batchItems, names.batchTokens, names.cacheHits, names.cacheMisses, names.vectorHits],
    ...[
      names.reservedTokens,
      names.vectorMisses,
      names.committedTokens,
      names.committedTime,
      names.operationDuration,
      names.tokenUsage,
    ],
    ...[names.workersReady, names.waitingItems, names.oldestWait, names.droppedEvents, names.sinkErrors],
  ]
  expect(expected.filter(name => !found.has(name))).toEqual([])
  const value = (name: string) => found.get(name)?.dataPoints.at(-1)?.value
  expect(value(names.reservedTokens)).toBe(0)
  expect(value(names.committedTokens)).toBeGreaterThan(0)
  expect(value(names.workersReady)).toBe(1)
  expect([value(names.cacheHits), value(names.cacheMisses)]).toEqual([1, 1])
})

test('the message that goes to the worker carries the traceparent of each of its requests', () => {
  const other = given.replace('00f067aa0ba902b7', 'b7ad6b7169203331')
  const jobs = [given, other, ''].map(
    (traceparent, index) => new Job(echoCall([`text ${index}`]), runContext({ traceparent }), 0),
  )
  let id = 0
  const items = jobs.flatMap(({ queued }) => queued)
  const flight = new Flight(1, items, false, () => ++id)
  expect(flight.message(100).calls.map(({ traceparent }) => traceparent)).toEqual([given, other, ''])
  expect(flight.traceparents).toEqual([given, other])
})
