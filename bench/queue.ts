/**
 * The queue beside the library: claims through Redis with one consumer against direct calls, two consumers against
 * one (each a process with one worker), and how soon a job that comes to an idle queue is begun. Every claim is new.
 * Starts a redis-server of its own, which writes each command to disk before it answers.
 */
import { EvidenceConsumer, EvidenceQueue } from '../src/adapters/bullmq.ts'
import { type EvidenceContext, EvidenceEnhancer } from '../src/index.ts'
import { startConsumer } from '../test/support/queue-process.ts'
import { RedisServer } from '../test/support/redis-server.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import { closedLoop } from './callers.ts'
import type { Report, Row } from './report.ts'
import { median, percentile, spread } from './statistic.ts'
import { sentence } from './texts.ts'

/** Jobs at work at once in a process, and calls at once in the direct runs. */
const concurrency = 8

let numbers = 0
const claimContext = (): EvidenceContext => {
  const number = ++numbers
  return {
    taskId: `claim-${number}`,
    claim: sentence(number * 10),
    sources: Array.from({ length: 5 }, (_, index) => ({ content: sentence(number * 10 + 1 + index) })),
  }
}
const claims = (count: number) => Array.from({ length: count }, claimContext)

async function run(options: BenchmarkOptions): Promise<Report> {
  const redis = await RedisServer.start()
  try {
    const { rates, workerFacts } = await throughput(redis, options)
    const start = await starts(redis, options)
    /** Of rounds, whose turns lie side by side: the machine is a different one from minute to minute. */
    const times = (way: string, of: string) => {
      const others = rates.get(of) ?? []
      return median((rates.get(way) ?? []).map((rate, round) => rate / (others[round] ?? Number.NaN)))
    }
    return {
      workerFacts,
      tables: [
        {
          title: `New claims with 5 one-sentence sources, ${concurrency} at once, one worker a process`,
          note: 'Ways in turns. rounds: claims/s of each. times: of the direct calls of the same round, median.',
          rows: [...rates].map(([way, list]): Row => {
            return {
              way,
              n: list.length,
              claimsPerS: median(list),
              rounds: spread(list, 1),
              times: times(way, 'direct'),
            }
          }),
        },
        {
          title: 'An idle queue, one job after the other',
          rows: [
            {
              what: 'from add() to its start',
              n: start.length,
              p50Ms: median(start),
              p95Ms: percentile(start, 0.95),
            },
          ],
        },
      ],
      goals: [
        goal('one consumer, of direct', times('one consumer', 'direct'), 'times', 'more', 0.8),
        goal('two consumers, of one', times('two consumers', 'one consumer'), 'times', 'more', 1.6),
        goal('enqueue to start, idle, p50', median(start), 'ms', 'less', 20),
      ],
    }
  } finally {
    await redis.close()
  }
}

const goal = (what: string, value: number, unit: string, better: 'less' | 'more', aim: number) =>
  ({ what, value, unit, better, goal: aim }) as const

/** Claims a second of each way, round by round; consumers are processes, so that both have a loop of their own. */
async function throughput(redis: RedisServer, { note, quick, signal, until }: BenchmarkOptions) {
  await using enhancer = await EvidenceEnhancer.open({ poolSize: 1, ready: 'all', telemetry: false })
  await using one = new EvidenceQueue({ redis: redis.url, name: 'one', telemetry: false })
  await using two = new EvidenceQueue({ redis: redis.url, name: 'two', telemetry: false })
  const started = await Promise.all(
    ['one', 'two', 'two'].map(name => startConsumer({ redis: redis.url, name, concurrency })),
  )
  try {
    const ways: Readonly<Record<string, (contexts: EvidenceContext[]) => Promise<unknown>>> = {
      direct: contexts => closedLoop(concurrency, contexts, context => enhancer.enhanceEvidence(context)),
      'one consumer': contexts => through(one, contexts),
      'two consumers': contexts => through(two, contexts),
    }
    const rates = new Map(Object.keys(ways).map(way => [way, [] as number[]]))
    const share = performance.now() + (until - performance.now()) * 0.8
    for (const round of rounds(3, quick ? 4 : 9, share)) {
      for (const [way, work] of Object.entries(ways)) {
        signal.throwIfAborted()
        note(`${way}, ${round === 0 ? 'warm-up' : `round ${round}`}`)
        const contexts = claims(quick ? 40 : 100)
        const begin = performance.now()
        await work(contexts)
        if (round > 0) rates.get(way)?.push((contexts.length * 1000) / (performance.now() - begin))
      }
    }
    return { rates, workerFacts: enhancer.stats().pool?.workers[0]?.facts ?? {} }
  } finally {
    await Promise.all(started.map(consumer => consumer.end()))
  }
}

/** From the first add to the last evidence in the producer's hands. */
async function through(queue: EvidenceQueue, contexts: readonly EvidenceContext[]): Promise<void> {
  const tickets = await queue.addMany(contexts)
  await Promise.all(tickets.map(ticket => queue.wait(ticket)))
}

/** Milliseconds from `add()` to the consumer's call of the enhancer, in one process with one clock. */
async function starts(redis: RedisServer, { note, quick, signal }: BenchmarkOptions): Promise<number[]> {
  note('enqueue to start')
  await using enhancer = await EvidenceEnhancer.open({ poolSize: 1, ready: 'all', telemetry: false })
  const begun = new Map<string, number>()
  const noting: Pick<EvidenceEnhancer, 'enhanceEvidence'> = {
    enhanceEvidence: (context, options) => {
      begun.set(context.taskId, performance.now())
      return enhancer.enhanceEvidence(context, options)
    },
  }
  await using queue = new EvidenceQueue({ redis: redis.url, name: 'idle', telemetry: false })
  await using _consumer = await EvidenceConsumer.open(noting, {
    redis: redis.url,
    name: 'idle',
    telemetry: false,
  })
  const times: number[] = []
  for (const context of claims(quick ? 20 : 100)) {
    signal.throwIfAborted()
    const begin = performance.now()
    await queue.wait(await queue.add(context))
    times.push((begun.get(context.taskId) ?? Number.NaN) - begin)
    // Long enough for the consumer to lie down again.
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  // The first ones open connections.
  return times.slice(5)
}

export const queue: Benchmark = {
  about: 'claims through Redis: one and two consumers beside direct calls, enqueue to start',
  run,
}
