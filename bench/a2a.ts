/**
 * The A2A door: events through the consumer beside the same claims asked of the library, at equal concurrency, and
 * short tasks over the official client, alone and beside long ones that each take the worker half a minute or more.
 */
import { randomUUID } from 'node:crypto'
import { type Message, Role, type Task, TaskState } from '@a2a-js/sdk'
import { type Client, ClientFactory } from '@a2a-js/sdk/client'
import { EventConsumer, openA2a } from '../src/adapters/a2a.ts'
import { type EvidenceContext, EvidenceEnhancer } from '../src/index.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import { closedLoop, openLoop, poisson } from './callers.ts'
import { chartOf } from './histogram.ts'
import type { Report, Row } from './report.ts'
import { median, percentile, spread } from './statistic.ts'
import { sentence } from './texts.ts'

const concurrency = 8
const sourcesOfClaim = 5
/** Claims and sources of a long task: as many claims as one message may hold, each with a worker's full batch. */
const longTask = { claims: 100, sources: 60 }

/** Short tasks are asked for as long as a long one takes by itself, and for a shorter time alone. */
const besideMs = 30_000
const aloneMs = 10_000

async function run(options: BenchmarkOptions): Promise<Report> {
  const begin = performance.now()
  await using enhancer = await EvidenceEnhancer.open({ ready: 'all', telemetry: false })
  const throughput = await throughputOf(enhancer, { ...options, until: begin + (options.until - begin) / 3 })
  const { longClaims, ms } = await shortTasks(enhancer, options)
  const p95 = percentile(ms['one caller, beside'], 0.95) / percentile(ms['one caller, alone'], 0.95)
  return {
    workerFacts: enhancer.stats().pool?.workers[0]?.facts ?? {},
    tables: [
      {
        title: `Claims with ${sourcesOfClaim} one-sentence sources, new texts each, ${concurrency} at once`,
        note: 'In turns. claimsPerS: median of the rounds. share: of the library, all rounds together.',
        rows: throughput.rows,
      },
      {
        title: 'Short tasks by the official client: one caller, and at random times at a quarter of its rate',
        note:
          `beside: two long tasks at work and one waiting, each ${longTask.claims} claims with ` +
          `${longTask.sources} sources; ${longClaims} of their claims were answered meanwhile.`,
        rows: ways.map(way => rowOf(way, ms[way])),
      },
    ],
    charts: [chartOf('Short tasks', 'ms', ms)],
    goals: [
      {
        what: 'consumer to library, claims/s',
        value: throughput.share,
        unit: '×',
        better: 'more',
        goal: 0.9,
      },
      {
        what: 'one caller, short beside long to alone, p95',
        value: p95,
        unit: '×',
        better: 'less',
        goal: 1.5,
      },
    ],
  }
}

const ways = [
  'one caller, alone',
  'one caller, beside',
  'at random times, alone',
  'at random times, beside',
] as const
type Way = (typeof ways)[number]

const rowOf = (what: string, ms: readonly number[]): Row => ({
  what,
  n: ms.length,
  p50Ms: median(ms),
  p95Ms: percentile(ms, 0.95),
  maxMs: Math.max(...ms),
})

let number = 0
const claimContext = (): EvidenceContext => {
  number += 1
  const sources = Array.from({ length: sourcesOfClaim }, (_, index) => ({
    content: sentence(number * 10 + 1 + index),
  }))
  return { taskId: `claim-${number}`, claim: sentence(number * 10), sources }
}

async function throughputOf(
  enhancer: EvidenceEnhancer,
  { note, quick, signal, until }: BenchmarkOptions,
): Promise<{ rows: Row[]; share: number }> {
  const count = quick ? 24 : 48
  const ways = { library: asked, consumer: consumed }
  const rates = { library: [] as number[], consumer: [] as number[] }
  for (const round of rounds(3, quick ? 5 : 30, until)) {
    note(round === 0 ? 'warm-up' : `consumer and library, round ${round}`)
    const order = round % 2 === 0 ? (['library', 'consumer'] as const) : (['consumer', 'library'] as const)
    for (const way of order) {
      signal.throwIfAborted()
      const contexts = Array.from({ length: count }, claimContext)
      const begin = performance.now()
      await ways[way](enhancer, contexts)
      if (round > 0) rates[way].push((count * 1000) / (performance.now() - begin))
    }
  }
  // Of all rounds together, not round by round: what else the machine does comes and goes.
  const msOf = (each: readonly number[]) => each.reduce((sum, rate) => sum + 1 / rate, 0)
  const share = msOf(rates.library) / msOf(rates.consumer)
  const rows = Object.entries(rates).map(([way, each]) => ({
    way,
    rounds: each.length,
    claimsPerS: median(each),
    spread: spread(each, 1),
    share: way === 'library' ? 1 : share,
  }))
  return { rows, share }
}

const asked = (enhancer: EvidenceEnhancer, contexts: readonly EvidenceContext[]) =>
  closedLoop(concurrency, contexts, context => enhancer.enhanceEvidence(context))

async function consumed(enhancer: EvidenceEnhancer, contexts: readonly EvidenceContext[]): Promise<void> {
  let answered = 0
  await using consumer = new EventConsumer(enhancer, {
    concurrency,
    onResult: () => {
      answered += 1
    },
    onDeadLetter: ({ error }) => {
      throw new Error(error.message)
    },
  })
  await consumer.consume(contexts.map(eventOf))
  if (answered !== contexts.length) throw new Error(`${answered} of ${contexts.length} events were answered`)
}

const eventOf = (data: EvidenceContext) => ({
  specversion: '1.0',
  id: data.taskId,
  source: '/bench',
  type: 'com.example.claim.v1',
  data,
})

async function shortTasks(
  enhancer: EvidenceEnhancer,
  { note, quick, signal, until }: BenchmarkOptions,
): Promise<{ ms: Record<Way, number[]>; longClaims: number }> {
  await using server = await openA2a(enhancer, { concurrency, graceMs: 0 })
  const client = await new ClientFactory().createFromUrl(server.url)
  const ms = Object.fromEntries(ways.map(way => [way, [] as number[]])) as Record<Way, number[]>
  let longClaims = 0
  const one = async () => {
    signal.throwIfAborted()
    const task = await send(client, claimContext())
    if (task.status?.state !== TaskState.TASK_STATE_COMPLETED) throw new Error('A short task failed')
  }
  const some = async (into: number[], durationMs: number) => {
    const end = performance.now() + durationMs
    while (performance.now() < end) {
      const begin = performance.now()
      await one()
      into.push(performance.now() - begin)
    }
  }
  note('short tasks, warm-up')
  await some([], 1000)
  for (const round of rounds(1, quick ? 1 : 2, until)) {
    for (const where of ['alone', 'beside'] as const) {
      note(`short tasks ${where}, round ${round + 1}`)
      const long =
        where === 'alone' ? [] : await Promise.all([0, 1, 2].map(() => send(client, longTasks(), true)))
      // They have to be at work before the first short one comes.
      while (server.executor.figures.long.running < Math.min(2, long.length)) await new Promise(setImmediate)
      await some(ms[`one caller, ${where}`], (where === 'alone' ? aloneMs : besideMs) / (quick ? 5 : 1))
      const perSecond = 250 / median(ms['one caller, alone'])
      const due = poisson(perSecond, quick ? 3000 : 10_000, round + 1)
      const timed = await openLoop(due, due.map(String), one)
      ms[`at random times, ${where}`].push(...timed.ms)
      for (const { id } of long) {
        const { artifacts, status } = await client.cancelTask({ tenant: '', id, metadata: undefined })
        if (status?.state !== TaskState.TASK_STATE_CANCELED) throw new Error('A long task was over too soon')
        longClaims += artifacts.length
      }
    }
    // What the worker has under way still ends.
    await some([], 200)
  }
  return { ms, longClaims }
}

function longTasks(): object {
  const claims = Array.from({ length: longTask.claims }, () => {
    number += 10
    const sources = Array.from({ length: longTask.sources }, (_, index) => ({
      content: sentence(number * 10 + 1 + index, 7),
    }))
    return { claim: sentence(number * 10, 8), sources }
  })
  return { claims }
}

async function send(client: Client, data: object, returnImmediately = false): Promise<Task> {
  const message: Message = {
    messageId: randomUUID(),
    contextId: '',
    taskId: '',
    role: Role.ROLE_USER,
    parts: [
      {
        content: { $case: 'data', value: data },
        metadata: undefined,
        filename: '',
        mediaType: 'application/json',
      },
    ],
    metadata: undefined,
    extensions: [],
    referenceTaskIds: [],
  }
  const configuration = { acceptedOutputModes: [], taskPushNotificationConfig: undefined, returnImmediately }
  return (await client.sendMessage({ tenant: '', message, configuration, metadata: undefined })) as Task
}

export const a2a: Benchmark = {
  about: 'the A2A door: events beside the library, short tasks beside long ones',
  run,
}
