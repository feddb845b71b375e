/**
 * What becomes of jobs that fail, against a real Redis: what is tried again and what is not, what counts as an
 * attempt, and what a stranger's job, a closed enhancer and a fallback come to. Also the reaction by itself, for
 * every code of the table, and the trace that goes through the queue.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Answering, EvidenceConsumer, EvidenceQueue } from '../../src/adapters/bullmq.ts'
import {
  packCancelled,
  packEvidence,
  readFailure,
  readJob,
  unpackOutcome,
} from '../../src/adapters/bullmq-job.ts'
import { backOffMs, reactionTo } from '../../src/adapters/bullmq-reaction.ts'
import { type ErrorCode, errorOf, errorRules } from '../../src/core/errors.ts'
import type { Enhancer } from '../../src/evidence/enhancer.ts'
import type { EvidenceContext } from '../../src/evidence/request.ts'
import { fakeEnhancer } from '../support/fake-enhancer.ts'
import { registerSdk } from '../support/recording-sdk.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
let queues = 0
const open: { close(): Promise<void> }[] = []

beforeAll(async () => {
  server = await RedisServer.start()
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(one => one.close()))
})
afterAll(async () => {
  await server?.close()
})

const context = (number: number): EvidenceContext => ({
  taskId: `task-${number}`,
  claim: `The crane failed ${number} times in May.`,
  sources: [{ content: `In May the harbour crane failed ${number} times.` }],
})

/** An enhancer whose first calls fail as told. */
function failing(errors: readonly unknown[], { enhancer }: { enhancer: Enhancer } = fakeEnhancer()) {
  const left = [...errors]
  const calls: string[] = []
  const answering: Answering = {
    enhanceEvidence: async (given, options) => {
      calls.push(given.taskId)
      if (left.length > 0) throw left.shift()
      return enhancer.enhanceEvidence(given, options)
    },
  }
  return { answering, calls }
}

async function started(answering: Answering) {
  const name = `q${++queues}`
  const queue = new EvidenceQueue({ redis: server.url, name })
  const consumer = await EvidenceConsumer.open(answering, { redis: server.url, name })
  open.push(queue, consumer)
  return { queue, consumer, name }
}

/** What a job returned, when it has. */
async function eventuallyReturned(redis: ReturnType<RedisServer['connect']>, key: string): Promise<string> {
  for (let turn = 0; turn < 1000; turn += 1) {
    const returned = await redis.hget(key, 'returnvalue')
    if (returned !== null) return returned
    await new Promise(resolve => setTimeout(resolve, 10))
  }
  throw new Error('Not within 10 s: the job returned')
}

describe('a job', () => {
  test('that can not succeed is not tried again, and its error comes back as it was', async () => {
    const { answering, calls } = failing([errorOf('ER_MODEL_INPUT', 'This text has no letters')])
    const { queue, consumer } = await started(answering)
    const error = await queue.wait(await queue.add(context(1))).catch((error: unknown) => error)
    expect(error).toMatchObject({
      code: 'ER_MODEL_INPUT',
      message: 'This text has no letters',
      retryable: false,
    })
    expect(calls).toHaveLength(1)
    expect(consumer.figures()).toMatchObject({ failed: 1, retried: 0 })
  })

  test('that may succeed is tried again after a back-off', async () => {
    const { answering, calls } = failing([
      errorOf('ER_WORKER_EXIT', 'It died'),
      errorOf('ER_MODEL_MEMORY', 'No room'),
    ])
    const { queue, consumer } = await started(answering)
    const evidence = await queue.wait(await queue.add(context(2), { backOffMs: 10 }))
    expect(evidence.taskId).toBe('task-2')
    expect(calls).toHaveLength(3)
    expect(consumer.figures()).toMatchObject({ done: 1, failed: 0, retried: 2 })
  })

  test('is given up after its attempts', async () => {
    const { answering, calls } = failing(
      Array.from({ length: 5 }, () => errorOf('ER_WIRE', 'A broken frame')),
    )
    const { queue, consumer } = await started(answering)
    const ticket = await queue.add(context(3), { attempts: 2, backOffMs: 10 })
    await expect(queue.wait(ticket)).rejects.toMatchObject({ code: 'ER_WIRE', retried: true })
    expect(await queue.result(ticket)).toMatchObject({ state: 'failed', error: { code: 'ER_WIRE' } })
    expect(calls).toHaveLength(2)
    expect(consumer.figures()).toMatchObject({ failed: 1, retried: 1 })
  })

  test('that meets an overload comes back when it was told to, and loses no attempt', async () => {
    const full = errorOf('ER_QUEUE_FULL', 'Full', { retryAfterMs: 20 })
    const { answering, calls } = failing([full, full, full])
    const { queue, consumer } = await started(answering)
    await queue.wait(await queue.add(context(4), { attempts: 1 }))
    expect(calls).toHaveLength(4)
    expect(consumer.figures()).toMatchObject({ done: 1, postponed: 3, retried: 0, failed: 0 })
  })

  test('of an enhancer that is closed goes to another consumer, and this one ends', async () => {
    const { enhancer } = fakeEnhancer()
    await enhancer.close()
    const { queue, consumer, name } = await started(enhancer)
    const ticket = await queue.add(context(5), { attempts: 1 })
    await consumer.ended
    expect(consumer.figures()).toMatchObject({ failed: 0, done: 0, running: 0 })
    expect(consumer.figures().givenBack).toBeGreaterThan(0)
    const other = await EvidenceConsumer.open(fakeEnhancer().enhancer, { redis: server.url, name })
    open.push(other)
    expect((await queue.wait(ticket)).taskId).toBe('task-5')
  })

  test('whose answer stood in for a lost worker is tried again; the last answer is kept', async () => {
    const lost: Answering = fakeEnhancer(
      {},
      {
        dispatch: async () => {
          throw errorOf('ER_WORKER_EXIT', 'It died')
        },
      },
    ).enhancer
    const { queue, consumer } = await started(lost)
    const evidence = await queue.wait(await queue.add(context(6), { attempts: 2, backOffMs: 10 }))
    expect(evidence.fallbackUsed).toBe(true)
    expect(consumer.figures()).toMatchObject({ done: 1, retried: 1 })
  })

  test('whose answer stood in for a worker that was not there yet comes back later', async () => {
    const { enhancer, fake } = fakeEnhancer(
      {},
      {
        dispatch: async (call, run) => {
          starts += 1
          if (starts < 3) throw errorOf('ER_WARMING', 'Not warm yet', { retryAfterMs: 20 })
          return fake.dispatch(call, run)
        },
      },
    )
    let starts = 0
    const { queue, consumer } = await started(enhancer)
    const evidence = await queue.wait(await queue.add(context(11), { attempts: 1 }))
    expect(evidence.fallbackUsed).toBe(false)
    expect(consumer.figures().postponed).toBeGreaterThan(0)
    expect(consumer.figures()).toMatchObject({ done: 1, retried: 0, failed: 0 })
  })

  test('whose outcome its first consumer had set before it died is not done again', async () => {
    const { answering, calls } = failing([])
    const { queue, consumer, name } = await started(answering)
    const ticket = await queue.add(context(12), { delayMs: 300 })
    const earlier = await fakeEnhancer().enhancer.enhanceEvidence(context(12))
    const redis = server.connect()
    await redis.set(`evidence-runner:${name}:${ticket.jobId}:outcome`, await packEvidence(earlier, 1_000_000))
    const summary = await eventuallyReturned(redis, `evidence-runner:${name}:${ticket.jobId}`)
    redis.disconnect()
    expect(JSON.parse(summary)).toMatchObject({ taskId: 'task-12', verdict: earlier.verdict })
    expect((await queue.wait(ticket)).id).toBe(earlier.id)
    expect(calls).toEqual([])
    expect(consumer.figures()).toMatchObject({ found: 1, done: 0 })
  })

  test("of a stranger's making fails and harms nobody", async () => {
    const { queue, name } = await started(fakeEnhancer().enhancer)
    const ticket = await queue.add(context(7), { delayMs: 60_000 })
    const redis = server.connect()
    await redis.hset(`evidence-runner:${name}:${ticket.jobId}`, 'data', '{"v": 9}')
    await redis.zadd(`evidence-runner:${name}:delayed`, 0, ticket.jobId)
    await redis.zadd(`evidence-runner:${name}:marker`, 0, '0')
    redis.disconnect()
    await expect(queue.wait(ticket)).rejects.toThrow(/not what a queue of this version writes/)
    await queue.wait(await queue.add(context(8)))
  })
})

describe('the trace', () => {
  test('goes from the producer through the queue to the consumer as one', async () => {
    const sdk = registerSdk()
    try {
      const { enhancer } = fakeEnhancer()
      const { queue, consumer } = await started(enhancer)
      await queue.wait(await queue.add(context(9)))
      const batch = await queue.addBatch([context(10)])
      await queue.collect(batch)
      await consumer.close() // A job's span ends after its outcome can be seen.
      const spans = sdk.spans()
      const adds = spans.filter(({ name }) => name === 'evidence.queue.add')
      const done = spans.filter(({ name }) => name === 'evidence.queue.process')
      expect(adds).toHaveLength(2)
      // A claim's job, a claim of the batch, and the batch's own.
      const [first, second] = adds.map(span => span.spanContext())
      const wanted = [first, second, second]
      expect(done.map(span => span.parentSpanContext?.spanId)).toEqual(wanted.map(span => span?.spanId))
      expect(done.map(span => span.spanContext().traceId)).toEqual(wanted.map(span => span?.traceId))
    } finally {
      await sdk.shutdown()
    }
  })
})

describe('reactionTo()', () => {
  const codes = Object.keys(errorRules) as ErrorCode[]

  test.each(codes)('follows the table for %s', code => {
    const { bullmq } = errorRules[code]
    const { do: reaction } = reactionTo(errorOf(code, 'x'), 1)
    if (code === 'ER_CLOSED') expect(reaction).toBe('give back')
    else if (['ER_QUEUE_FULL', 'ER_NO_WORKER', 'ER_WARMING'].includes(code)) expect(reaction).toBe('postpone')
    else expect(reaction).toBe(bullmq === 'retry' ? 'retry' : 'fail')
  })

  test('lets an overload cost an attempt when it never ends', () => {
    const full = errorOf('ER_QUEUE_FULL', 'Full', { retryAfterMs: 70 })
    expect(reactionTo(full, 50)).toMatchObject({ do: 'postpone', afterMs: 70 })
    expect(reactionTo(full, 51)).toMatchObject({ do: 'retry' })
  })

  test('tries again what is not ours, and what its cause calls passing', () => {
    expect(reactionTo(new Error('odd'), 1)).toMatchObject({ do: 'retry', record: { message: 'odd' } })
    expect(reactionTo(errorOf('ER_STORE', 'Busy', { retryable: true }), 1)).toMatchObject({ do: 'retry' })
  })

  test('backOffMs() doubles up to a minute and waits as long as it was told', () => {
    for (const [attempt, full] of [
      [1, 100],
      [2, 200],
      [5, 1600],
      [30, 60_000],
    ] as const) {
      const ms = backOffMs(attempt, 100, undefined)
      expect(ms).toBeGreaterThanOrEqual(full / 2)
      expect(ms).toBeLessThanOrEqual(full)
    }
    expect(backOffMs(1, 100, { code: 'ER_WIRE', message: '', retryAfterMs: 5000 })).toBe(5000)
  })
})

describe('what lies in Redis', () => {
  test('is checked when it comes out', async () => {
    for (const data of [
      undefined,
      {},
      { v: 1, taskId: 'a', key: 'b', packed: 'AAAA' },
      { v: 1, taskId: 'a', key: 'b' },
    ])
      await expect(readJob(data)).rejects.toMatchObject({ code: 'ER_INPUT' })
    await expect(unpackOutcome(Buffer.from('nothing'))).rejects.toMatchObject({ code: 'ER_STORE' })
    expect(await unpackOutcome(await packCancelled())).toEqual({ state: 'cancelled' })
    expect(readFailure('{"code":"ER_WIRE","message":"x"}')).toEqual({ code: 'ER_WIRE', message: 'x' })
    expect(readFailure('job stalled more than allowable limit').code).toBe('ER_WORKER_EXIT')
    expect(readFailure('{"code":"ER_NEW","message":"x"}').code).toBe('ER_MODEL_FAILED')
  })
})
