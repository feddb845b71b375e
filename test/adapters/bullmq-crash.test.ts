/**
 * What is left when something dies in the middle: a consumer by SIGKILL, Redis by SIGKILL, a Redis that neither
 * answers nor goes. Real processes, the real model; every job has to be done once in effect.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { EvidenceConsumer, EvidenceQueue } from '../../src/adapters/bullmq.ts'
import { type EvidenceContext, EvidenceEnhancer } from '../../src/index.ts'
import { startConsumer } from '../support/queue-process.ts'
import { RedisServer } from '../support/redis-server.ts'

let server: RedisServer
let enhancer: EvidenceEnhancer
const open: { close(): Promise<void> }[] = []

beforeAll(async () => {
  ;[server, enhancer] = await Promise.all([
    RedisServer.start(),
    EvidenceEnhancer.open({ poolSize: 1, telemetry: false }),
  ])
})
afterEach(async () => {
  await Promise.all(open.splice(0).map(one => one.close()))
})
afterAll(async () => {
  await enhancer?.close()
  await server?.close()
})

const contexts = (count: number): EvidenceContext[] =>
  Array.from({ length: count }, (_, number) => ({
    taskId: `task-${number}`,
    claim: `The crane failed ${number + 2} times in May.`,
    sources: [{ content: `In May the harbour crane failed ${number + 2} times.` }],
  }))

function newQueue(name: string, withinMs = 5000): EvidenceQueue {
  const queue = new EvidenceQueue({ redis: server.url, name, withinMs, telemetry: false })
  open.push(queue)
  return queue
}

/** Resolves when so many jobs are done. */
async function whenDone(queue: EvidenceQueue, count: number): Promise<void> {
  const end = performance.now() + 30_000
  while ((await queue.figures()).done < count) {
    if (performance.now() > end) throw new Error(`Not within 30 s: ${count} jobs done`)
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

/** How often each job was told to have ended, by job. */
async function endings(name: string): Promise<Map<string, number>> {
  const redis = server.connect()
  const told = new Map<string, number>()
  for (const [, fields] of await redis.xrange(`evidence-runner:${name}:events`, '-', '+')) {
    const event = Object.fromEntries(
      Array.from({ length: fields.length / 2 }, (_, index) => [fields[2 * index], fields[2 * index + 1]]),
    )
    if (event['event'] !== 'completed' && event['event'] !== 'failed') continue
    told.set(event['jobId'] ?? '', (told.get(event['jobId'] ?? '') ?? 0) + 1)
  }
  redis.disconnect()
  return told
}

describe('two consumers', () => {
  test('of which one is killed in the middle do every job once in effect', async () => {
    const name = 'killed'
    const queue = newQueue(name)
    const options = { redis: server.url, name, concurrency: 4, lockMs: 1000, stalledMs: 300 }
    const [first, second] = await Promise.all([startConsumer(options), startConsumer(options)])
    const tickets = await queue.addMany(contexts(200))
    await whenDone(queue, 60)
    await first.kill()
    const answers = await Promise.all(tickets.map(ticket => queue.wait(ticket, { timeoutMs: 30_000 })))
    const figures = await second.end()
    expect(answers.map(({ taskId, verdict }) => [taskId, verdict])).toEqual(
      tickets.map(({ taskId }) => [taskId, 'supported']),
    )
    expect(figures.stalled).toBeGreaterThan(0)
    const told = await endings(name)
    expect(tickets.map(({ jobId }) => told.get(jobId))).toEqual(tickets.map(() => 1))
    expect(await queue.figures()).toMatchObject({ done: 200, failed: 0, waiting: 0, running: 0 })
  })
})

describe('Redis', () => {
  test('killed in the middle and started again loses nothing, and producers hear of it in time', async () => {
    const notes: string[] = []
    const name = 'restarted'
    const queue = newQueue(name)
    const impatient = newQueue(name, 200)
    const consumer = await EvidenceConsumer.open(enhancer, {
      redis: server.url,
      name,
      lockMs: 1000,
      stalledMs: 300,
      telemetry: false,
      onNote: note => notes.push(note),
    })
    open.push(consumer)
    const tickets = await queue.addMany(contexts(60))
    const waiting = Promise.all(tickets.map(ticket => queue.wait(ticket, { timeoutMs: 30_000 })))
    await whenDone(queue, 10)
    await server.kill()
    const [refused] = contexts(61).slice(60) as [EvidenceContext]
    await expect(impatient.add(refused)).rejects.toMatchObject({ code: 'ER_STORE', retryable: true })
    await expect(impatient.result(tickets[0] as never)).rejects.toMatchObject({ code: 'ER_STORE' })
    // Within its time Redis comes back, so that this one gets in.
    const patient = queue.add({ ...refused, taskId: 'patient' })
    await server.restart()
    expect((await queue.wait(await patient)).taskId).toBe('patient')
    const answers = await waiting
    expect(answers.map(({ taskId }) => taskId)).toEqual(tickets.map(({ taskId }) => taskId))
    expect((await impatient.add(refused)).taskId).toBe(refused.taskId)
    expect(consumer.figures().reconnects).toBe(1)
    expect(notes.filter(note => /can't be reached/.test(note))).toHaveLength(1)
    expect(notes.filter(note => /is back/.test(note))).toHaveLength(1)
  })

  test('that takes commands and gives no answer is given up after the time allowed', async () => {
    const queue = newQueue('frozen', 1000)
    const [context] = contexts(1) as [EvidenceContext]
    await queue.add(context)
    server.freeze()
    try {
      await expect(queue.add({ ...context, claim: 'Another one.' })).rejects.toMatchObject({
        code: 'ER_STORE',
      })
    } finally {
      server.thaw()
    }
    expect((await queue.add(context)).shared).toBe(true)
  })

  test('gone for good keeps no consumer from ending', async () => {
    const own = await RedisServer.start()
    try {
      const consumer = await EvidenceConsumer.open(enhancer, {
        redis: own.url,
        drainMs: 200,
        telemetry: false,
      })
      await own.kill()
      await consumer.close()
      expect(consumer.figures().running).toBe(0)
    } finally {
      await own.close()
    }
  })

  test('that is not there yet is waited for, until the signal', async () => {
    const own = await RedisServer.start()
    try {
      await own.kill()
      const leaving = new AbortController()
      const opening = EvidenceConsumer.open(enhancer, { redis: own.url, signal: leaving.signal })
      leaving.abort(new Error('enough'))
      await expect(opening).rejects.toThrow('enough')
      const later = EvidenceConsumer.open(enhancer, { redis: own.url, telemetry: false })
      await own.restart()
      await (await later).close()
    } finally {
      await own.close()
    }
  })
})
