/**
 * What `poolSize: 'auto'` rests on: workers, matrix threads a worker, and caps on a batch, side by side over the
 * real encoder. Bulk in one call, and 16 callers with a text each. In turns within one run; read the ratios.
 */
import { availableParallelism } from 'node:os'
import { isVectors } from '../src/core/call.ts'
import type { PoolOptions } from '../src/pool/options.ts'
import { Pool } from '../src/pool/pool.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import { embedCall, embedLaunch, requestContext } from './launch.ts'
import type { Goal, Report, Row } from './report.ts'
import { median, percentile } from './statistic.ts'
import { mixedTexts } from './texts.ts'

const callers = 16

type Way = {
  readonly workers: number
  readonly threads: number
  readonly caps: Pick<PoolOptions, 'batchItems' | 'batchMs'>
}

type Figures = { readonly bulk: number[]; readonly many: number[]; readonly manyMs: number[] }

async function run({ note, quick, signal, until }: BenchmarkOptions): Promise<Report> {
  const cores = availableParallelism()
  const auto = Math.min(4, cores)
  const plain: Way = { workers: auto, threads: 1, caps: {} }
  const ways: Readonly<Record<string, Way>> = {
    'as shipped': plain,
    'one worker': { ...plain, workers: 1 },
    'one worker, a thread a core': { ...plain, workers: 1, threads: cores },
    'a worker a core, as many threads each': { ...plain, threads: cores },
    'twice as many workers': { ...plain, workers: auto * 2 },
    'batches of at most 8': { ...plain, caps: { batchItems: 8 } },
    'batches of at most 16': { ...plain, caps: { batchItems: 16 } },
    'batches of at most 64': { ...plain, caps: { batchItems: 64 } },
    'batches of at most 50 ms': { ...plain, caps: { batchMs: 50 } },
  }
  const launch = await embedLaunch()
  const texts = mixedTexts(quick ? 60 : 200)
  let workerFacts: Report['workerFacts'] = {}
  const names = Object.keys(ways)
  const figures = new Map<string, Figures>(names.map(name => [name, { bulk: [], many: [], manyMs: [] }]))
  for (const round of rounds(quick ? 1 : 3, quick ? 1 : 6, until)) {
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      signal.throwIfAborted()
      note(`round ${round + 1}: ${name}`)
      const { workers, threads, caps } = ways[name] as Way
      const environment = { ...launch.environment, OPENBLAS_NUM_THREADS: String(threads) }
      await using pool = new Pool({
        ...caps,
        size: workers,
        launch: async () => ({ ...launch, environment }),
      })
      await pool.whenReady(workers, 60_000, signal)
      workerFacts = pool.health().workers[0]?.facts ?? {}
      await bulk(pool, texts.slice(0, 40))
      const { bulk: rates, many, manyMs } = figures.get(name) as Figures
      rates.push(await bulk(pool, texts))
      many.push(await singles(pool, texts, manyMs))
    }
  }
  const rows = names.map(name =>
    rowOf(name, figures.get(name) as Figures, figures.get('as shipped') as Figures),
  )
  return {
    workerFacts,
    tables: [
      {
        title: `Pools over the encoder on ${cores} cores: one call of ${texts.length} texts; ${callers} callers, a text each`,
        note: 'bulk and many: texts a second; × as shipped, each in the same rounds.',
        rows,
      },
    ],
    goals: [bestGoal(rows)],
  }
}

async function bulk(pool: Pool, texts: readonly string[]): Promise<number> {
  const begin = performance.now()
  const { results } = await pool.dispatch(embedCall(texts), requestContext())
  if (!isVectors(results) || results.count !== texts.length) throw new Error('A wrong reply')
  return (texts.length * 1000) / (performance.now() - begin)
}

async function singles(pool: Pool, texts: readonly string[], times: number[]): Promise<number> {
  const begin = performance.now()
  const left = [...texts]
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let text = left.pop(); text !== undefined; text = left.pop()) {
        const asked = performance.now()
        await pool.dispatch(embedCall([text]), requestContext())
        times.push(performance.now() - asked)
      }
    }),
  )
  return (texts.length * 1000) / (performance.now() - begin)
}

function rowOf(way: string, { bulk, many, manyMs }: Figures, shipped: Figures): Row {
  return {
    way,
    n: bulk.length,
    bulk: median(bulk),
    bulkTimes: median(bulk) / median(shipped.bulk),
    many: median(many),
    manyTimes: median(many) / median(shipped.many),
    manyP95Ms: percentile(manyMs, 0.95),
  }
}

/** Whether another way would have been better in bulk and for many callers alike. */
function bestGoal(rows: readonly Row[]): Goal {
  const others = rows.slice(1).map(row => Math.min(Number(row['bulkTimes']), Number(row['manyTimes'])))
  return {
    what: 'best other way, the lesser of its two ratios to what ships',
    value: Math.max(...others),
    unit: '×',
    better: 'less',
    goal: 1.05,
  }
}

export const sizes: Benchmark = {
  about: 'pool sizes, threads a worker and batch caps beside what ships',
  run,
}
