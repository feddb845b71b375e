/**
 * Embedding through the pool beside a perfect plain Python loop: the same encoder, environment and number of
 * processes, each handed its share of the texts as one list and timed inside. Bulk, one caller, 16 callers, and
 * a process per call. In turns within one run; read the ratios.
 */
import { availableParallelism } from 'node:os'
import { isVectors, type Timings } from '../src/core/call.ts'
import { Pool } from '../src/pool/pool.ts'
import type { Launch } from '../src/pool/spawn.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import { embedCall, embedLaunch, insteadOfWorker, requestContext } from './launch.ts'
import { type Cpu, withCpu } from './processor-time.ts'
import { PythonLoop } from './python-loop.ts'
import type { Goal, Report, Row } from './report.ts'
import { median, percentile, spread } from './statistic.ts'
import { mixedTexts } from './texts.ts'

const callSize = 20
const callsInFlight = 8
const callers = 16

/** What the rounds of one pool size have given; rates in texts a second. */
type Rounds = {
  readonly calls: number[]
  readonly whole: number[]
  readonly loop: number[]
  readonly many: number[]
  readonly loopSingles: number[]
  readonly manyMs: number[]
  readonly single: { readonly ms: number; readonly timings: Timings }[]
  readonly loopMs: number[]
  readonly loopCpu: Cpu[]
  readonly callsCpu: Cpu[]
  readonly wholeCpu: Cpu[]
}

async function run({ note, quick, signal, until }: BenchmarkOptions): Promise<Report> {
  const launch = await embedLaunch()
  const texts = mixedTexts(quick ? 120 : 400)
  const begin = performance.now()
  const sizes = [...new Set([1, Math.min(4, availableParallelism())])]
  const bulk: Row[] = []
  const latency: Row[] = []
  const goals: Goal[] = []
  let workerFacts: Report['workerFacts'] = {}
  for (const [place, size] of sizes.entries()) {
    await using pool = new Pool({ size, launch: async () => launch })
    const loops = Array.from({ length: size }, () => new PythonLoop(insteadOfWorker('loop.py', launch)))
    try {
      await Promise.all([pool.whenReady(size, 30_000, signal), ...loops.map(loop => loop.ask())])
      workerFacts = pool.health().workers[0]?.facts ?? {}
      const figures = emptyRounds()
      // Both sides once before it counts: the model has then seen these lengths on both.
      await bulkInCalls(pool, texts.slice(0, 60))
      await bulkInLoops(loops, texts.slice(0, 60))
      const share = begin + ((until - begin) * (place + 1)) / sizes.length
      for (const round of rounds(3, quick ? 3 : 8, share)) {
        note(`${size} processes, round ${round + 1}`)
        await oneRound(pool, loops, texts, round, figures, signal)
      }
      bulk.push(...bulkRows(size, texts.length, figures))
      latency.push(...latencyRows(size, figures))
      goals.push(...goalsOf(size, figures))
    } finally {
      await Promise.all(loops.map(loop => loop.close()))
    }
  }
  note('a process per call')
  bulk.push(await spawnPerCall(launch, texts.slice(0, quick ? 2 : 4), signal))
  return {
    workerFacts,
    tables: [
      {
        title: `Bulk: ${texts.length} texts of mixed length`,
        note: 'Rates in texts/s: median of the rounds. The plain loop has the same number of processes, its texts dealt out evenly. Cpu: processor time a text.',
        rows: bulk,
      },
      {
        title: 'Single texts',
        note: 'added: the call less the time in the model, both measured in the call itself.',
        rows: latency,
      },
    ],
    goals,
  }
}

const emptyRounds = (): Rounds => ({
  calls: [],
  whole: [],
  loop: [],
  many: [],
  loopSingles: [],
  manyMs: [],
  single: [],
  loopMs: [],
  loopCpu: [],
  callsCpu: [],
  wholeCpu: [],
})

async function oneRound(
  pool: Pool,
  loops: readonly PythonLoop[],
  texts: readonly string[],
  round: number,
  figures: Rounds,
  signal: AbortSignal,
): Promise<void> {
  const rate = (ms: number, count = texts.length) => (count * 1000) / ms
  const poolPids = pool.health().workers.map(({ pid }) => pid)
  const loopPids = loops.map(({ pid }) => pid)
  const turns = [
    async () =>
      figures.loop.push(
        rate(await withCpu(figures.loopCpu, loopPids, texts.length, () => bulkInLoops(loops, texts))),
      ),
    async () =>
      figures.calls.push(
        rate(await withCpu(figures.callsCpu, poolPids, texts.length, () => bulkInCalls(pool, texts))),
      ),
    async () =>
      figures.whole.push(
        rate(await withCpu(figures.wholeCpu, poolPids, texts.length, () => bulkAsOne(pool, texts))),
      ),
  ]
  // Forth and back: a machine that slows down or speeds up favours neither side.
  for (const turn of round % 2 === 0 ? turns : turns.toReversed()) {
    signal.throwIfAborted()
    await turn()
  }
  const some = texts.slice(0, Math.ceil(texts.length / 6))
  const part = texts.slice(0, Math.ceil(texts.length / 3))
  figures.loopSingles.push(rate(await singlesInLoops(loops, part, []), part.length))
  figures.many.push(rate(await manyCallers(pool, part, figures.manyMs), part.length))
  signal.throwIfAborted()
  for (const text of some) {
    const call = embedCall([text])
    const context = requestContext()
    const begin = performance.now()
    const { timings } = await pool.dispatch(call, context)
    figures.single.push({ ms: performance.now() - begin, timings })
    // Text by text in turns: one is compared with the other milliseconds apart.
    await singlesInLoops(loops.slice(0, 1), [text], figures.loopMs)
  }
}

async function bulkInCalls(pool: Pool, texts: readonly string[]): Promise<number> {
  const calls = Array.from({ length: Math.ceil(texts.length / callSize) }, (_, index) =>
    texts.slice(index * callSize, (index + 1) * callSize),
  ).values()
  const begin = performance.now()
  await Promise.all(
    Array.from({ length: callsInFlight }, async () => {
      for (const items of calls) await embedded(pool, items)
    }),
  )
  return performance.now() - begin
}

async function bulkAsOne(pool: Pool, texts: readonly string[]): Promise<number> {
  const begin = performance.now()
  await embedded(pool, texts)
  return performance.now() - begin
}

async function manyCallers(pool: Pool, texts: readonly string[], times: number[]): Promise<number> {
  const waiting = texts.values()
  const begin = performance.now()
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (const text of waiting) {
        const asked = performance.now()
        await embedded(pool, [text])
        times.push(performance.now() - asked)
      }
    }),
  )
  return performance.now() - begin
}

async function embedded(pool: Pool, items: readonly string[]): Promise<void> {
  const { results } = await pool.dispatch(embedCall(items), requestContext())
  if (!isVectors(results) || results.count !== items.length) throw new Error('A wrong reply')
}

/** The slowest process's own time for one forward over its share. */
async function bulkInLoops(loops: readonly PythonLoop[], texts: readonly string[]): Promise<number> {
  return slowest(loops, texts, false, [])
}

async function singlesInLoops(
  loops: readonly PythonLoop[],
  texts: readonly string[],
  times: number[],
): Promise<number> {
  return slowest(loops, texts, true, times)
}

async function slowest(
  loops: readonly PythonLoop[],
  texts: readonly string[],
  each: boolean,
  times: number[],
): Promise<number> {
  const sorted = texts.toSorted((a, b) => a.length - b.length)
  const sums = await Promise.all(
    loops.map(async (loop, place) => {
      // Dealt out by length, forth and back, so that no process has more to do than another.
      const turn = (index: number) => {
        const at = index % (2 * loops.length)
        return at < loops.length ? at : 2 * loops.length - 1 - at
      }
      const share = loops.length === 1 ? texts : sorted.filter((_, index) => turn(index) === place)
      const { ms } = await loop.ask<{ ms: number[] }>({ texts: share, each })
      times.push(...ms)
      return ms.reduce((sum, value) => sum + value, 0)
    }),
  )
  return Math.max(...sums)
}

async function spawnPerCall(launch: Launch, texts: readonly string[], signal: AbortSignal): Promise<Row> {
  const rates: number[] = []
  for (const text of texts) {
    signal.throwIfAborted()
    const begin = performance.now()
    await using once = new PythonLoop(insteadOfWorker('loop.py', launch, 'cold'))
    await once.ask()
    await once.ask({ texts: [text], each: true })
    rates.push(1000 / (performance.now() - begin))
  }
  return {
    what: 'a process per call, one text',
    processes: 1,
    n: rates.length,
    rate: median(rates),
    rounds: spread(rates, 1),
  }
}

function bulkRows(size: number, count: number, figures: Rounds): Row[] {
  const plain = median(figures.loop)
  const row = (what: string, rates: readonly number[], texts = count, cpu: readonly Cpu[] = []) => ({
    what,
    processes: size,
    n: rates.length,
    texts,
    rate: median(rates),
    toLoop: median(rates) / plain,
    rounds: spread(rates),
    ...(cpu.length === 0
      ? {}
      : { pythonCpuMs: median(cpu.map(each => each.python)), nodeCpuMs: median(cpu.map(each => each.node)) }),
  })
  const part = Math.ceil(count / 3)
  return [
    row('plain loop, one list', figures.loop, count, figures.loopCpu),
    row(`pool, calls of ${callSize}, ${callsInFlight} in flight`, figures.calls, count, figures.callsCpu),
    row('pool, one call', figures.whole, count, figures.wholeCpu),
    row('plain loop, text by text', figures.loopSingles, part),
    row(`pool, ${callers} callers, single texts`, figures.many, part),
  ]
}

function latencyRows(size: number, { loopMs, manyMs, single }: Rounds): Row[] {
  const row = (what: string, values: readonly number[]) => ({
    what,
    processes: size,
    n: values.length,
    p50Ms: median(values),
    p95Ms: percentile(values, 0.95),
  })
  return [
    row('plain loop, forward', loopMs),
    row(
      'one caller, call',
      single.map(({ ms }) => ms),
    ),
    row(
      'one caller, in the model',
      single.map(({ timings }) => timings.modelMs),
    ),
    row(
      'one caller, added',
      single.map(({ ms, timings }) => ms - timings.modelMs),
    ),
    row(
      '  of it queue',
      single.map(({ timings }) => timings.queueMs),
    ),
    row(
      '  of it wire',
      single.map(({ timings }) => timings.wireMs),
    ),
    row(`${callers} callers, call`, manyMs),
  ]
}

function goalsOf(size: number, figures: Rounds): Goal[] {
  const plain = median(figures.loop)
  const ratio = (what: string, rates: readonly number[]): Goal => ({
    what: `${what} to the plain loop, ${size} processes`,
    value: median(rates) / plain,
    unit: '×',
    better: 'more',
    goal: 0.9,
    next: 0.97,
  })
  return [
    ratio(`bulk in calls of ${callSize}`, figures.calls),
    ratio('bulk as one call', figures.whole),
    {
      what: `latency added to one embedding, p50, ${size} processes`,
      value: median(figures.single.map(({ ms, timings }) => ms - timings.modelMs)),
      unit: 'ms',
      better: 'less',
      goal: 1,
      next: 0.3,
    },
    {
      what: `${callers} callers, single texts, to the unbatched loop, ${size} processes`,
      value: median(figures.many) / median(figures.loopSingles),
      unit: '×',
      better: 'more',
      goal: 1,
      next: 1.3,
    },
  ]
}

export const embed: Benchmark = { about: 'embedding through the pool beside a perfect Python loop', run }
