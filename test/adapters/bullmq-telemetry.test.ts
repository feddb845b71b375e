/**
 * What metrics tell of a queue on a real Redis: what was put in, how long it waited, what became of it and what lies
 * there; the spans of both sides; and that an SDK which throws, or a Redis that hangs, holds nothing up.
 */
import { SpanKind } from '@opentelemetry/api'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Answering, EvidenceConsumer, EvidenceQueue } from '../../src/adapters/bullmq.ts'
import { errorOf } from '../../src/core/errors.ts'
import { names } from '../../src/core/telemetry.ts'
import type { EvidenceContext } from '../../src/evidence/request.ts'
import { registerBrokenSdk } from '../support/broken-sdk.ts'
import { fakeEnhancer } from '../support/fake-enhancer.ts'
import { type RecordingSdk, registerSdk } from '../support/recording-sdk.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
let queues = 0
const endings: (() => unknown)[] = []

beforeAll(async () => {
  server = await RedisServer.start()
})
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end()
})
afterAll(async () => {
  await server?.close()
})

function sdkOf(): RecordingSdk {
  const sdk = registerSdk()
  endings.push(() => sdk.shutdown())
  return sdk
}

const context = (number: number): EvidenceContext => ({
  taskId: `task-${number}`,
  claim: `The crane failed ${number} times in May.`,
  sources: [{ content: `In May the harbour crane failed ${number} times.` }],
})

function queueOf() {
  const name = `q${++queues}`
  const queue = new EvidenceQueue({ redis: server.url, name })
  endings.push(() => queue.close())
  const consumed = async (answering: Answering = fakeEnhancer().enhancer) => {
    const consumer = await EvidenceConsumer.open(answering, { redis: server.url, name })
    endings.push(() => consumer.close())
    return consumer
  }
  return { queue, name, consumed }
}

/** A metric's figures, without the name of the queue. */
async function pointsOf(sdk: RecordingSdk, metric: string): Promise<Record<string, unknown>[]> {
  const points = (await sdk.metrics()).get(metric)?.dataPoints ?? []
  return points.map(({ attributes: { [names.queue]: _, ...by }, value }) => ({
    ...by,
    value: typeof value === 'number' ? value : (value as { count: number }).count,
  }))
}

const storedOf = async (sdk: RecordingSdk) =>
  Object.fromEntries(
    (await pointsOf(sdk, names.jobsStored)).map(point => [point[names.state], point['value']]),
  )

describe('metrics', () => {
  test('tell what was put in, what lies there, and what became of it', async () => {
    const sdk = sdkOf()
    const { queue, consumed } = queueOf()
    const first = await queue.add(context(1))
    const twin = await queue.add(context(1))
    await queue.add(context(2), { delayMs: 3_600_000 })
    const batch = await queue.addBatch([context(3), context(4)])
    expect(await pointsOf(sdk, names.jobsAdded)).toEqual([
      { [names.outcome]: 'new', value: 4 },
      { [names.outcome]: 'shared', value: 1 },
    ])
    const none = { waiting: 0, delayed: 1, running: 0, batches: 0, done: 0, failed: 0 }
    expect(await storedOf(sdk)).toEqual({ ...none, waiting: 3, batches: 1 })

    const left = [errorOf('ER_INPUT', 'wrong')]
    const { enhancer } = fakeEnhancer()
    const consumer = await consumed({
      enhanceEvidence: async (given, options) => {
        if (given.taskId === 'task-1' && left.length > 0) throw left.pop()
        return enhancer.enhanceEvidence(given, options)
      },
    })
    await expect(queue.wait(first)).rejects.toMatchObject({ code: 'ER_INPUT' })
    await expect(queue.wait(twin)).rejects.toMatchObject({ code: 'ER_INPUT' })
    await queue.collect(batch)
    await consumer.close()
    expect(await pointsOf(sdk, names.jobsHandled)).toEqual(
      expect.arrayContaining([
        { [names.outcome]: 'failed', [names.errorType]: 'ER_INPUT', value: 1 },
        { [names.outcome]: 'done', value: 3 },
      ]),
    )
    expect(await pointsOf(sdk, names.jobsWait)).toEqual([{ value: 4 }])
    const by = { [names.door]: 'queue' }
    expect(await pointsOf(sdk, names.doorDuration)).toEqual(
      expect.arrayContaining([
        { ...by, [names.asked]: 'claim', value: 2 },
        { ...by, [names.asked]: 'claim', [names.errorType]: 'ER_INPUT', value: 1 },
        { ...by, [names.asked]: 'batch', value: 1 },
      ]),
    )
    expect(await pointsOf(sdk, names.doorRunning)).toEqual([{ ...by, value: 0 }])
    expect(await storedOf(sdk)).toEqual({ ...none, done: 3, failed: 1 })
  })

  test('count a start that is made again under the reason, and its wait once', async () => {
    const sdk = sdkOf()
    const { queue, consumed } = queueOf()
    const left = [errorOf('ER_WORKER_EXIT', 'died'), errorOf('ER_QUEUE_FULL', 'full', { retryAfterMs: 10 })]
    const { enhancer } = fakeEnhancer()
    const consumer = await consumed({
      enhanceEvidence: async (given, options) => {
        const error = left.pop()
        if (error !== undefined) throw error
        return enhancer.enhanceEvidence(given, options)
      },
    })
    await queue.wait(await queue.add(context(5), { backOffMs: 10 }))
    await consumer.close()
    expect(await pointsOf(sdk, names.jobsHandled)).toEqual([
      { [names.outcome]: 'postponed', [names.errorType]: 'ER_QUEUE_FULL', value: 1 },
      { [names.outcome]: 'retried', [names.errorType]: 'ER_WORKER_EXIT', value: 1 },
      { [names.outcome]: 'done', value: 1 },
    ])
    expect(await pointsOf(sdk, names.jobsWait)).toEqual([{ value: 1 }])
    const starts = sdk.spans().filter(({ name }) => name === names.spanProcess)
    expect(starts.map(({ attributes }) => attributes['error.type'])).toEqual([
      'ER_QUEUE_FULL',
      'ER_WORKER_EXIT',
      undefined,
    ])
  })

  test('are told of what lies there by a consumer alone, too', async () => {
    const sdk = sdkOf()
    const { queue, consumed } = queueOf()
    await queue.add(context(6), { delayMs: 3_600_000 })
    await queue.close()
    expect(await storedOf(sdk)).toEqual({})
    const consumer = await consumed()
    expect(await storedOf(sdk)).toMatchObject({ delayed: 1, waiting: 0 })
    await consumer.close()
  })

  test('come without those of a Redis that hangs, and soon', async () => {
    const sdk = sdkOf()
    const { queue } = queueOf()
    await queue.add(context(7))
    server.freeze()
    try {
      expect(await storedOf(sdk)).toEqual({})
      expect(await pointsOf(sdk, names.jobsAdded)).toEqual([{ [names.outcome]: 'new', value: 1 }])
    } finally {
      server.thaw()
    }
    expect(await storedOf(sdk)).toMatchObject({ waiting: 1 })
  })
})

test('spans say which queue and which job, by the conventions for messaging', async () => {
  const sdk = sdkOf()
  const { queue, name, consumed } = queueOf()
  const consumer = await consumed()
  const ticket = await queue.add(context(8))
  await queue.wait(ticket)
  await consumer.close()
  await queue.addBatch([context(10), context(11)])
  const of = { 'messaging.system': 'bullmq', 'messaging.destination.name': name }
  expect(sdk.spans().filter(span => span.name.startsWith('evidence.queue'))).toMatchObject([
    {
      name: 'evidence.queue.add',
      kind: SpanKind.PRODUCER,
      attributes: { ...of, 'messaging.operation.type': 'send' },
    },
    {
      name: 'evidence.queue.process',
      kind: SpanKind.CONSUMER,
      attributes: { ...of, 'messaging.operation.type': 'process', 'messaging.message.id': ticket.jobId },
    },
    { name: 'evidence.queue.add', attributes: { ...of, 'messaging.batch.message_count': 2 } },
  ])
})

test('an SDK all of whose parts throw changes no answer of a queue', async () => {
  endings.push(registerBrokenSdk())
  const { queue, consumed } = queueOf()
  const consumer = await consumed()
  const evidence = await queue.wait(await queue.add(context(9)))
  const { verdict } = await fakeEnhancer().enhancer.enhanceEvidence(context(9))
  expect(evidence).toMatchObject({ taskId: 'task-9', verdict })
  await consumer.close()
  expect(consumer.figures()).toMatchObject({ done: 1, failed: 0, running: 0 })
})
