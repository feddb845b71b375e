/** What telemetry tells of calls and batches, with a real OpenTelemetry SDK. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Call, Dispatch, Reply, VariantRef } from '../../src/core/call.ts'
import { BatchTelemetry, measured } from '../../src/core/dispatch-telemetry.ts'
import { errorOf } from '../../src/core/errors.ts'
import { names, Telemetry } from '../../src/core/telemetry.ts'
import { type RecordingSdk, registerSdk } from '../support/recording-sdk.ts'
import { runContext } from '../support/run-context.ts'

let sdk: RecordingSdk
beforeEach(() => {
  sdk = registerSdk()
})
afterEach(() => sdk.shutdown())

const variant = (op: string, price = 0): VariantRef => ({
  name: `some-${op}-model`,
  op,
  model: 'some',
  revision: '1',
  weightsHash: '',
  price: { usdPer1kTokens: price, usdPerSecond: 0 },
  limits: { maxTokens: 256, dimensions: op === 'embed' ? 2 : 0 },
})

const answered =
  (results: Reply['results'], tokens = 12): Dispatch =>
  async () => ({
    results,
    usage: { calls: 1, tokens, workerMs: 4 },
    timings: { queueMs: 1, modelMs: 3, wireMs: 0.5 },
    attempt: 2,
    wastedMs: 0,
  })

const call = (op: string, price?: number): Call => ({ variant: variant(op, price), items: ['a text', 'b'] })
const vectors = { count: 2, dimensions: 2, data: new Float32Array(4) }

test('a call to embed has a span by the conventions, under that of its request', async () => {
  const telemetry = new Telemetry()
  await telemetry.span(names.spanRequest, {}, traceparent =>
    measured(answered(vectors), telemetry)(call('embed'), runContext({ traceparent })),
  )
  const [dispatched, request] = sdk.spans()
  expect(dispatched).toMatchObject({
    name: 'embeddings some-embed-model',
    kind: 2,
    attributes: {
      'gen_ai.operation.name': 'embeddings',
      'gen_ai.provider.name': 'evidence-runner',
      'gen_ai.request.model': 'some-embed-model',
      'gen_ai.embeddings.dimension.count': 2,
      'gen_ai.usage.input_tokens': 12,
      'evidence_runner.items': 2,
      'evidence_runner.attempt': 2,
      'evidence_runner.queue_ms': 1,
      'evidence_runner.model_ms': 3,
    },
  })
  expect(dispatched?.parentSpanContext?.spanId).toBe(request?.spanContext().spanId)
  expect(dispatched?.spanContext().traceId).toBe(request?.spanContext().traceId)
})

test('it is under its request even where nothing carries the context there', async () => {
  const telemetry = new Telemetry()
  let request = ''
  await telemetry.span(names.spanRequest, {}, async traceparent => {
    request = traceparent
  })
  await measured(answered([]), telemetry)(call('verify'), runContext({ traceparent: request }))
  const [outer, dispatched] = sdk.spans()
  expect(dispatched).toMatchObject({
    name: 'evidence.dispatch',
    attributes: { 'gen_ai.operation.name': 'verify' },
  })
  expect(dispatched?.parentSpanContext?.spanId).toBe(outer?.spanContext().spanId)
})

test('a generation tells of its tokens both ways and of the time to its first', async () => {
  const results = [
    { text: 'x', tokens: 5, promptTokens: 40, sharedTokens: 30, firstTokenMs: 20 },
    { text: 'y', tokens: 7, promptTokens: 10, sharedTokens: 0, firstTokenMs: 60 },
  ]
  await measured(answered(results), new Telemetry())(call('generate'), runContext())
  expect(sdk.spans()).toMatchObject([
    {
      name: 'chat some-generate-model',
      attributes: { 'gen_ai.usage.input_tokens': 50, 'gen_ai.usage.output_tokens': 12 },
    },
  ])
  const found = await sdk.metrics()
  expect(found.get(names.tokenUsage)?.dataPoints).toMatchObject([
    { attributes: { 'gen_ai.token.type': 'input' }, value: { sum: 50 } },
    { attributes: { 'gen_ai.token.type': 'output' }, value: { sum: 12 } },
  ])
  expect(found.get(names.generationTokens)?.dataPoints).toMatchObject([{ value: 12 }])
  expect(found.get(names.sharedTokens)?.dataPoints).toMatchObject([{ value: 30 }])
  expect(found.get(names.firstToken)?.dataPoints).toMatchObject([{ value: { count: 2, min: 20, max: 60 } }])
  expect(found.get(names.timeToFirstToken)?.dataPoints).toMatchObject([{ value: { min: 0.02, max: 0.06 } }])
})

test('what a call may take is held while it is under way, and what it took is committed', async () => {
  const telemetry = new Telemetry()
  const value = async (name: string) => (await sdk.metrics()).get(name)?.dataPoints[0]?.value
  const held: unknown[] = []
  const dispatch: Dispatch = async (given, context) => {
    held.push(await value(names.reservedTokens), await value(names.reservedMoney))
    return answered(vectors)(given, context)
  }
  await measured(dispatch, telemetry)(call('embed', 0.5), runContext())
  // Marks and bytes of both texts; at half a dollar a thousand.
  expect(held).toEqual([expect.any(Number), expect.any(Number)])
  expect(held[0]).toBeGreaterThanOrEqual(7)
  expect(held[1]).toBe((held[0] as number) * 500_000)
  expect(await value(names.reservedTokens)).toBe(0)
  expect(await value(names.reservedMoney)).toBe(0)
  expect(await value(names.committedTokens)).toBe(12)
  expect(await value(names.committedMoney)).toBe(6_000_000)
  expect(await value(names.committedTime)).toBe(4)
})

test('a call that fails is counted under its code, commits nothing and holds nothing', async () => {
  const error = errorOf('ER_QUEUE_FULL', 'too many')
  const failing = measured(() => Promise.reject(error), new Telemetry())
  await expect(failing(call('embed'), runContext())).rejects.toBe(error)
  expect(sdk.spans()).toMatchObject([{ attributes: { 'error.type': 'ER_QUEUE_FULL' }, status: { code: 2 } }])
  const found = await sdk.metrics()
  expect(found.get(names.dispatchDuration)?.dataPoints).toMatchObject([
    { attributes: { 'error.type': 'ER_QUEUE_FULL', 'evidence_runner.op': 'embed' }, value: { count: 1 } },
  ])
  expect(found.get(names.operationDuration)?.dataPoints).toMatchObject([
    { attributes: { 'error.type': 'ER_QUEUE_FULL', 'gen_ai.operation.name': 'embeddings' } },
  ])
  expect(found.get(names.reservedTokens)?.dataPoints).toMatchObject([{ value: 0 }])
  expect(found.has(names.committedTokens)).toBe(false)
})

const sent = (batch: number, traceparents: readonly string[], generation = 1) => ({
  ...{ batch, generation, traceparents },
  ...{ op: 'embed', items: 3, tokens: 40, queueMs: 2 },
})

test('a batch has one span when it is over, linked to each of its requests', async () => {
  const telemetry = new Telemetry()
  const batches = new BatchTelemetry(telemetry)
  const requests: string[] = []
  for (const name of ['one', 'other'])
    await telemetry.span(name, {}, async traceparent => void requests.push(traceparent))
  batches.sent(sent(1, requests))
  batches.done(1, 8)
  batches.done(1, 8)
  batches.done(2, 8)
  const [one, other, batch, ...more] = sdk.spans()
  expect(more).toEqual([])
  expect(batch).toMatchObject({
    name: 'evidence.batch',
    attributes: { 'evidence_runner.items': 3, 'evidence_runner.tokens': 40, 'evidence_runner.model_ms': 8 },
  })
  expect(batch?.links.map(({ context }) => context.spanId)).toEqual(
    [one, other].map(span => span?.spanContext().spanId),
  )
})

test('the batches of a worker that died end with its code; those of others go on', async () => {
  const telemetry = new Telemetry()
  const batches = new BatchTelemetry(telemetry)
  await telemetry.span('request', {}, async traceparent => {
    for (const [batch, generation] of [
      [1, 1],
      [2, 2],
      [3, 1],
    ] as const)
      batches.sent(sent(batch, [traceparent], generation))
  })
  batches.died(1, 'ER_WORKER_EXIT')
  batches.done(2, 5)
  const [, ...ended] = sdk.spans()
  expect(ended.map(({ attributes }) => attributes['error.type'])).toEqual([
    'ER_WORKER_EXIT',
    'ER_WORKER_EXIT',
    undefined,
  ])
})

test('a batch for nobody who is traced has its figures and no span', async () => {
  const batches = new BatchTelemetry(new Telemetry())
  batches.sent(sent(1, ['']))
  batches.done(1, 8)
  expect(sdk.spans()).toEqual([])
  const found = await sdk.metrics()
  expect(found.get(names.batchItems)?.dataPoints).toMatchObject([{ value: { sum: 3 } }])
  expect(found.get(names.batchTokens)?.dataPoints).toMatchObject([{ value: { sum: 40 } }])
})
