/**
 * The encoder by itself, inside one Python process with one thread, without the pool: its formulas beside MLX's
 * own, its sub-batches beside batches in arrival order, in turns. Then bulk on two workers, for the rate.
 */
import { isVectors } from '../src/core/call.ts'
import { openRunner } from '../src/runner.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import { embedLaunch, insteadOfWorker } from './launch.ts'
import { PythonLoop } from './python-loop.ts'
import type { Goal, Report, Row } from './report.ts'
import { median, spread } from './statistic.ts'
import { mixedTexts, sentence } from './texts.ts'

type Way = {
  readonly arithmetic: 'shipped' | 'kernels' | 'textbook'
  readonly passes: 'cut' | 'arrival'
}

const shipped: Way = { arithmetic: 'shipped', passes: 'cut' }
const ways: Readonly<Record<string, Way>> = {
  'as shipped': shipped,
  "MLX's fused kernels (mx.fast, mx.erf)": { arithmetic: 'kernels', passes: 'cut' },
  'textbook formulas (mx.erf, mx.softmax)': { arithmetic: 'textbook', passes: 'cut' },
}
const orders: Readonly<Record<string, Way>> = {
  'as shipped': shipped,
  'arrival order, padded to the longest of 32': { arithmetic: 'shipped', passes: 'arrival' },
}
const workers = 2

async function run({ note, quick, signal, until }: BenchmarkOptions): Promise<Report> {
  const begin = performance.now()
  const launch = await embedLaunch()
  const large = quick ? 32 : 400
  const cases = [
    { name: '32 equal texts', texts: new Array<string>(32).fill(sentence(1)), ways },
    { name: '64 texts of mixed length', texts: mixedTexts(64), ways: orders },
    { name: `${large} texts of mixed length`, texts: mixedTexts(large), ways: orders },
  ]
  const times = cases.map(({ ways }) => new Map(Object.keys(ways).map(name => [name, [] as number[]])))
  let workerFacts: Report['workerFacts'] = {}
  {
    await using loop = new PythonLoop(insteadOfWorker('encoder.py', launch))
    workerFacts = (await loop.ask<{ machine: Record<string, string> }>()).machine
    const share = begin + (until - begin) * 0.7
    for (const round of rounds(quick ? 1 : 3, quick ? 1 : 10, share)) {
      note(`encoder alone, round ${round + 1}`)
      for (const [place, { texts, ways }] of cases.entries()) {
        // The small ones oftener, to be as sure of them.
        for (let turn = 0; turn < (quick || place === 2 ? 1 : 3); turn += 1) {
          const list = Object.entries(ways)
          for (const [name, way] of (round + turn) % 2 === 0 ? list : list.toReversed()) {
            signal.throwIfAborted()
            const { ms } = await loop.ask<{ ms: number }>({ texts, ...way })
            times[place]?.get(name)?.push(ms)
          }
        }
      }
    }
  }
  note('bulk on two workers')
  const bulk = mixedTexts(large)
  const rates: number[] = []
  {
    await using pool = await openRunner({ ops: ['embed'], poolSize: workers })
    await pool.dispatch({ op: 'embed', items: bulk.slice(0, quick ? 10 : 60) })
    for (const _ of rounds(quick ? 1 : 3, quick ? 1 : 8, until)) {
      signal.throwIfAborted()
      const asked = performance.now()
      const { results } = await pool.dispatch({ op: 'embed', items: bulk }, { signal })
      if (!isVectors(results) || results.count !== bulk.length) throw new Error('A wrong reply')
      rates.push((bulk.length * 1000) / (performance.now() - asked))
    }
  }
  const rows = cases.flatMap(({ name, texts }, place) => rowsOf(name, texts.length, times[place] as Times))
  return {
    workerFacts,
    tables: [
      {
        title: 'The encoder alone: texts to vectors in one process, one thread',
        note: 'times: how many times as long as the encoder as shipped takes.',
        rows,
      },
      {
        title: `Bulk: ${bulk.length} texts of mixed length in one call`,
        rows: [{ workers, n: rates.length, perSecond: median(rates), rounds: spread(rates) }],
      },
    ],
    goals: [
      timesGoal("32 equal texts: MLX's own kernels take", times[0] as Times, 1, 1.5),
      timesGoal('64 mixed texts: arrival order takes', times[1] as Times, 1, 2.5),
      timesGoal(`${cases[2]?.texts.length} mixed texts: arrival order takes`, times[2] as Times, 1, 2.5),
      {
        what: `bulk of mixed lengths, ${workers} workers (quiet machine)`,
        value: median(rates),
        unit: 'texts/s',
        better: 'more',
        goal: 150,
      },
    ],
  }
}

type Times = ReadonlyMap<string, readonly number[]>

function rowsOf(name: string, count: number, times: Times): Row[] {
  const least = median(times.get('as shipped') as readonly number[])
  return [...times].map(([way, ms]) => ({
    texts: name,
    way,
    n: ms.length,
    medianMs: median(ms),
    minMs: Math.min(...ms),
    perSecond: (count * 1000) / median(ms),
    times: median(ms) / least,
  }))
}

function timesGoal(what: string, times: Times, other: number, goal: number): Goal {
  const lists = [...times.values()]
  const [asShipped, compared] = [lists[0], lists[other]] as [number[], number[]]
  return { what, value: median(compared) / median(asShipped), unit: '×', better: 'more', goal }
}

export const encoder: Benchmark = { about: 'the encoder alone, beside other ways to compute the same', run }
