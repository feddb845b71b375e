/**
 * The queue against a real Redis with the real model: what goes round, what is shared, what is taken first, what
 * can be cancelled, and what is refused before it gets in.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import {
  type Answering,
  type ConsumeOptions,
  EvidenceConsumer,
  EvidenceQueue,
  jobKey,
  type QueueOptions,
} from '../../src/adapters/bullmq.ts'
import { type EvidenceContext, EvidenceEnhancer } from '../../src/index.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
let enhancer: EvidenceEnhancer
let queues = 0
const open: { close(): Promise<void> }[] = []

beforeAll(async () => {
  const started = await Promise.all([
    RedisServer.start(),
    EvidenceEnhancer.open({ poolSize: 1, telemetry: false }),
  ])
  ;[server, enhancer] = started
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(one => one.close()))
})
afterAll(async () => {
  await enhancer?.close()
  await server?.close()
})

/** A queue of a name that no other test has. */
function newQueue(options: Partial<QueueOptions> = {}) {
  const name = `q${++queues}`
  const queue = new EvidenceQueue({ redis: server.url, name, telemetry: false, ...options })
  open.push(queue)
  return {
    queue,
    name,
    consume: async (answering: Answering = enhancer, more: Partial<ConsumeOptions> = {}) => {
      const all = { redis: server.url, name, telemetry: false, ...more }
      const consumer = await EvidenceConsumer.open(answering, all)
      open.push(consumer)
      return consumer
    },
  }
}

const context = (number: number, more: Partial<EvidenceContext> = {}): EvidenceContext => ({
  taskId: `task-${number}`,
  claim: `The crane failed ${number} times in May.`,
  sources: [{ content: `In May the harbour crane failed ${number} times.` }],
  ...more,
})

/** An enhancer that notes what it is asked and waits for a word before each answer. */
function held() {
  const asked: string[] = []
  const gate = Promise.withResolvers<void>()
  const answering: Answering = {
    enhanceEvidence: async (given, options) => {
      asked.push(given.taskId)
      const gone = new Promise((_, reject) =>
        options?.signal?.addEventListener('abort', () => reject(options.signal?.reason), { once: true }),
      )
      gone.catch(() => {})
      await Promise.race([gate.promise, gone])
      return enhancer.enhanceEvidence(given, options)
    },
  }
  return { answering, asked, release: () => gate.resolve() }
}

async function eventually<T>(look: () => Promise<T> | T, holds: (value: T) => boolean): Promise<T> {
  const end = performance.now() + 10_000
  for (;;) {
    const value = await look()
    if (holds(value)) return value
    if (performance.now() > end) throw new Error(`Not within 10 s: ${JSON.stringify(value)}`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

describe('a claim', () => {
  test('comes back as the enhancer itself answers it, with its trace and without the vector', async () => {
    const { queue, consume } = newQueue()
    await consume()
    const ticket = await queue.add(context(2))
    const evidence = await queue.wait(ticket)
    const direct = await enhancer.enhanceEvidence(context(2))
    expect(evidence.verdict).toBe('supported')
    expect(evidence.trace).toEqual(direct.trace)
    expect(evidence.citations).toEqual(direct.citations)
    expect(direct.metadata.embeddingVectors).not.toBeNull()
    expect(evidence.metadata).toEqual({
      ...direct.metadata,
      embeddingVectors: null,
      timestamp: evidence.metadata.timestamp,
    })
    expect(await queue.result(ticket.jobId)).toEqual({
      state: 'done',
      ended: true,
      jobId: ticket.jobId,
      evidence,
    })
  })

  test('with long sources is packed on its way and whole at its end', async () => {
    const { queue, consume, name } = newQueue()
    const log = Array.from({ length: 250 }, (_, line) => `${line} the pump ran at ${line % 7} bar`).join('\n')
    const long = context(3, { sources: [{ content: log }, { content: 'The crane failed 3 times in May.' }] })
    const ticket = await queue.add(long)
    const redis = server.connect()
    const stored = await redis.hget(`evidence-runner:${name}:${ticket.jobId}`, 'data')
    redis.disconnect()
    expect(stored?.length).toBeLessThan(log.length / 2)
    await consume()
    const { coverage } = await queue.wait(ticket)
    expect(coverage.characters).toBe(log.length + 'The crane failed 3 times in May.'.length)
  })

  test('that is wrong or too long is refused before it gets in', async () => {
    const { queue } = newQueue({ jobBytes: 2000 })
    const noise = Array.from({ length: 3000 }, () => Math.random().toString(36)).join(' ')
    await expect(queue.add({ ...context(1), sources: [] })).rejects.toMatchObject({ code: 'ER_INPUT' })
    await expect(queue.add(context(1), { attempts: 0 })).rejects.toMatchObject({ code: 'ER_INPUT' })
    await expect(queue.add(context(1), { wrong: 1 } as object)).rejects.toThrow(/wrong/)
    await expect(queue.add(context(1, { sources: [{ content: noise }] }))).rejects.toThrow(
      /takes \d+ bytes, compressed; the queue takes 2000/,
    )
    expect((await queue.figures()).waiting).toBe(0)
  })

  test('whose evidence is too long fails and says so', async () => {
    const { queue, consume } = newQueue()
    const consumer = await consume(enhancer, { outcomeBytes: 100 })
    const ticket = await queue.add(context(4))
    await expect(queue.wait(ticket)).rejects.toThrow(/the queue keeps 100\. Send fewer sources/)
    expect(consumer.figures()).toMatchObject({ failed: 1, retried: 0, done: 0 })
  })

  test('tells of its steps while it runs', async () => {
    const { queue, consume } = newQueue()
    const told = Promise.withResolvers<void>()
    const step = { step: 'reading', done: 1, total: 2 }
    await consume({
      enhanceEvidence: async (given, options) => {
        // Steps of quick jobs are not told.
        await new Promise(resolve => setTimeout(resolve, 300))
        options?.onProgress?.(step)
        await told.promise
        return enhancer.enhanceEvidence(given, options)
      },
    })
    const ticket = await queue.add(context(9))
    const steps: unknown[] = []
    const evidence = queue.wait(ticket, { onProgress: heard => told.resolve(void steps.push(heard)) })
    await told.promise
    await evidence
    expect(steps).toContainEqual(step)
  })

  test('is refused while Redis is full', async () => {
    const { queue } = newQueue()
    await queue.add(context(10))
    const redis = server.connect()
    await redis.config('SET', 'maxmemory', '1')
    try {
      const error = await queue.add(context(11)).catch((error: unknown) => error)
      expect(error).toMatchObject({ code: 'ER_QUEUE_FULL', retryable: true, retryAfterMs: 2000 })
    } finally {
      await redis.config('SET', 'maxmemory', '0')
      redis.disconnect()
    }
    expect((await queue.add(context(11))).shared).toBe(false)
  })

  test('is not known where it never was put in', async () => {
    const { queue } = newQueue()
    expect(await queue.result('nothing')).toEqual({ state: 'unknown', ended: true, jobId: 'nothing' })
    await expect(queue.wait('nothing')).rejects.toMatchObject({ code: 'ER_INPUT' })
  })
})

describe('equal claims', () => {
  test('are one job while it waits or runs, and a new one afterwards', async () => {
    const { queue, consume } = newQueue()
    const { answering, asked, release } = held()
    const first = await queue.add(context(5))
    const second = await queue.add({ ...context(5), taskId: 'other' }, { priority: 'high' })
    await consume(answering)
    await eventually(
      () => asked,
      tasks => tasks.length === 1,
    )
    const third = await queue.add({ ...context(5), taskId: 'third' })
    release()
    expect([first.shared, second.shared, third.shared]).toEqual([false, true, true])
    const answers = await Promise.all([first, second, third].map(ticket => queue.wait(ticket)))
    expect(answers.map(({ taskId }) => taskId)).toEqual(['task-5', 'other', 'third'])
    const later = await queue.add(context(5))
    expect(later.shared).toBe(false)
    await queue.wait(later)
    expect(asked).toEqual(['task-5', 'task-5'])
  })

  test('are jobs of their own where that is asked for', async () => {
    const { queue } = newQueue()
    const tickets = await queue.addMany([context(6), context(6)], { deduplicate: false })
    expect(new Set(tickets.map(({ jobId }) => jobId)).size).toBe(2)
  })

  test('jobKey() tells apart what findings depend on and nothing else', () => {
    const key = jobKey(context(7))
    expect(jobKey({ ...context(7), taskId: 'x', metadata: { priority: 'high' } })).toBe(key)
    expect(jobKey(context(7), { priority: 'low', timeoutMs: 5, caller: 'me' })).toBe(key)
    const others = [
      jobKey(context(8)),
      jobKey(context(7), { reproducible: true }),
      jobKey(context(7), { budget: { calls: 1 } }),
      jobKey(context(7, { sources: [{ content: context(7).sources[0]?.content as string, id: 'a' }] })),
      jobKey(context(7, { sources: [{ content: 'x' }] })),
    ]
    expect(new Set([key, ...others]).size).toBe(6)
  })
})

describe('priorities', () => {
  test('are taken in their order, equal ones as they came', async () => {
    const { queue, consume } = newQueue()
    const { answering, asked, release } = held()
    release()
    const tickets = [
      await queue.add(context(11), { priority: 'low' }),
      await queue.add(context(12)),
      await queue.add(context(13, { metadata: { priority: 'high' } })),
      await queue.add(context(14), { priority: 'high' }),
    ]
    await consume(answering, { concurrency: 1 })
    await Promise.all(tickets.map(ticket => queue.wait(ticket)))
    expect(asked).toEqual(['task-13', 'task-14', 'task-12', 'task-11'])
  })

  test('a delayed job waits for its time while others run', async () => {
    const { queue, consume } = newQueue()
    const late = await queue.add(context(15), { delayMs: 60_000 })
    await consume()
    await queue.wait(await queue.add(context(16)))
    expect(await queue.result(late)).toEqual({ state: 'delayed', ended: false, jobId: late.jobId })
    await expect(queue.wait(late, { timeoutMs: 20 })).rejects.toMatchObject({ code: 'ER_DEADLINE' })
  })
})

describe('a batch', () => {
  test('ends when all of its claims have, each in its place, equal ones once', async () => {
    const { queue, consume } = newQueue()
    const { answering, asked, release } = held()
    release()
    const contexts = [context(21), context(22), { ...context(21), taskId: 'again' }]
    const batch = await queue.addBatch(contexts)
    expect(await queue.figures()).toMatchObject({ waiting: 2, batches: 1 })
    await consume(answering)
    const outcomes = await queue.collect(batch)
    expect(outcomes.map(outcome => outcome.taskId)).toEqual(['task-21', 'task-22', 'again'])
    expect(outcomes.every(outcome => 'verdict' in outcome && outcome.verdict === 'supported')).toBe(true)
    expect(asked.toSorted()).toEqual(['task-21', 'task-22'])
    expect(await queue.result(batch.jobId)).toMatchObject({
      batch: { claims: 3, done: 3, failed: 0, verdicts: { supported: 3 } },
    })
  })

  test('with claims that fail tells them in their places', async () => {
    const { queue, consume } = newQueue()
    const failing: Answering = {
      enhanceEvidence: (given, options) =>
        enhancer.enhanceEvidence(given, {
          ...options,
          ...(given.taskId === 'task-24' ? { budget: { tokens: 0 } } : {}),
        }),
    }
    await consume(failing)
    const batch = await queue.addBatch([context(23), context(24), context(25)])
    const outcomes = await queue.collect(batch)
    expect(outcomes[1]).toMatchObject({ taskId: 'task-24', line: 2, error: { code: 'ER_BUDGET_REFUSED' } })
    expect([outcomes[0], outcomes[2]]).toMatchObject([{ verdict: 'supported' }, { verdict: 'supported' }])
    expect(await queue.result(batch.jobId)).toMatchObject({ batch: { claims: 3, done: 2, failed: 1 } })
  })

  test('of nothing is refused', async () => {
    await expect(newQueue().queue.addBatch([])).rejects.toMatchObject({ code: 'ER_INPUT' })
  })
})

describe('cancel()', () => {
  test('takes out a job that waits', async () => {
    const { queue } = newQueue()
    const ticket = await queue.add(context(31))
    const waiting = queue.wait(ticket)
    const heard = expect(waiting).rejects.toMatchObject({ name: 'AbortError' })
    expect(await queue.cancel(ticket)).toBe(true)
    await heard
    expect(await queue.result(ticket)).toEqual({ state: 'cancelled', ended: true, jobId: ticket.jobId })
    expect((await queue.figures()).waiting).toBe(0)
    expect((await queue.add(context(31))).shared).toBe(false)
  })

  test('stops a job that runs, through the signal', async () => {
    const { queue, consume } = newQueue()
    const { answering, asked } = held()
    const consumer = await consume(answering)
    const ticket = await queue.add(context(32))
    await eventually(
      () => asked,
      tasks => tasks.length === 1,
    )
    expect(await queue.cancel(ticket)).toBe(true)
    await expect(queue.wait(ticket)).rejects.toMatchObject({ name: 'AbortError' })
    const figures = await eventually(
      () => consumer.figures(),
      ({ running }) => running === 0,
    )
    expect(figures).toMatchObject({ cancelled: 1, retried: 0, done: 0 })
  })

  test('comes too late for one that has ended', async () => {
    const { queue, consume } = newQueue()
    await consume()
    const ticket = await queue.add(context(33))
    await queue.wait(ticket)
    expect(await queue.cancel(ticket)).toBe(false)
    expect((await queue.wait(ticket)).verdict).toBe('supported')
  })

  test('of a batch ends it, with what was done already', async () => {
    const { queue, consume } = newQueue()
    const { answering, asked } = held()
    const batch = await queue.addBatch([context(34), context(35)])
    await consume(answering, { concurrency: 1 })
    await eventually(
      () => asked,
      tasks => tasks.length === 1,
    )
    expect(await queue.cancel(batch)).toBe(true)
    const outcomes = await queue.collect(batch)
    expect(outcomes).toMatchObject([
      { error: { message: 'The job was cancelled' } },
      { error: { message: 'The job was cancelled' } },
    ])
  })
})

describe('a consumer', () => {
  test('takes no more jobs of all than the limiter allows', async () => {
    const { queue, consume } = newQueue()
    const { answering, asked, release } = held()
    release()
    await queue.addMany([context(41), context(42), context(43), context(44)])
    await consume(answering, { limiter: { max: 2, duration: 60_000 } })
    await eventually(
      () => queue.figures(),
      ({ done }) => done === 2,
    )
    expect(asked).toHaveLength(2)
    expect(await queue.figures()).toMatchObject({ waiting: 2, running: 0 })
  })

  test('finishes what is at work when it is closed, and takes no more', async () => {
    const { queue, consume } = newQueue()
    const { answering, asked, release } = held()
    const consumer = await consume(answering, { concurrency: 1 })
    const [first, second] = await queue.addMany([context(45), context(46)])
    await eventually(
      () => asked,
      tasks => tasks.length === 1,
    )
    const closed = consumer.close()
    release()
    await closed
    expect(await queue.result(first as never)).toMatchObject({ state: 'done' })
    expect(await queue.result(second as never)).toMatchObject({ state: 'waiting' })
    expect(asked).toHaveLength(1)
  })

  test('gives back what takes longer than it may, without an attempt', async () => {
    const { queue, consume } = newQueue()
    const { answering, asked } = held()
    const consumer = await consume(answering, { drainMs: 50 })
    const ticket = await queue.add(context(47), { attempts: 1 })
    await eventually(
      () => asked,
      tasks => tasks.length === 1,
    )
    await consumer.close()
    expect(consumer.figures()).toMatchObject({ givenBack: 1, failed: 0, running: 0 })
    expect(await queue.result(ticket)).toMatchObject({ state: 'waiting' })
    await consume()
    expect((await queue.wait(ticket)).verdict).toBe('supported')
  })

  test('refuses wrong options', async () => {
    const { consume } = newQueue()
    await expect(consume(enhancer, { concurrency: 0 })).rejects.toMatchObject({ code: 'ER_CONFIG' })
    await expect(consume(enhancer, { name: 'a:b' })).rejects.toMatchObject({ code: 'ER_CONFIG' })
    const wrong: Promise<unknown> = consume(enhancer, { redis: 'http://user:secret@host' })
    const error = await wrong.catch((error: unknown) => error)
    expect(error).toMatchObject({ code: 'ER_CONFIG' })
    expect(String(error)).not.toContain('secret')
  })
})
