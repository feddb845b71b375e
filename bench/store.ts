/**
 * What the store costs those who don't wait for it (handing over a trace, noting figures), those who do (saving an
 * instance, recalling an output), and everybody else: how long it holds the event loop while it writes.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stepOf, Trace } from '../src/core/trace.ts'
import type { StoredTrace } from '../src/plan/ports.ts'
import { openStore, type Store } from '../src/store/store.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import type { Goal, Report, Row } from './report.ts'
import { median, percentile } from './statistic.ts'

/** Steps of a trace, as many as an enhancement with its passages has. */
const steps = 30
const batch = 100

async function run({ note, quick, signal, until }: BenchmarkOptions): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'evidence-runner-store-'))
  try {
    await using store = await openStore(join(folder, 'store.db'), { keepInputs: true, mostPending: 100_000 })
    const times = new Map<string, number[]>()
    const turns: number[] = []
    for (const round of rounds(3, quick ? 5 : 30, until)) {
      signal.throwIfAborted()
      if (round % 5 === 0) note(`round ${round + 1}`)
      // The first one warms up.
      await oneRound(store, round, round === 0 ? new Map() : times)
      turns.push(...(await turnsOf(store, quick ? 200 : 300)))
    }
    const { faults, dropped } = store.figures
    if (dropped > 0 || Object.keys(faults).length > 0) throw new Error(JSON.stringify(store.figures))
    return reportOf(times, turns)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

const operations = {
  write: 'traces.write(), 30 steps',
  writeInputs: 'traces.write() with inputs of 20,000 characters',
  note: 'profiles.note()',
  profile: 'profiles.get()',
  set: 'memo.set(), 16 vectors',
  small: 'memo.get(), a verdict',
  large: 'memo.get(), 16 vectors',
  miss: 'memo.get(), a miss',
  save: 'instances.save(), until it is committed',
} as const

async function oneRound(store: Store, round: number, times: Map<string, number[]>): Promise<void> {
  const measure = async (operation: keyof typeof operations, work: (turn: number) => unknown) => {
    const list = times.get(operations[operation]) ?? []
    times.set(operations[operation], list)
    for (let turn = 0; turn < batch; turn += 1) {
      const begin = performance.now()
      const result = work(turn)
      if (result instanceof Promise) await result
      list.push((performance.now() - begin) * 1000)
    }
  }
  const traces = Array.from({ length: batch }, (_, turn) => traceOf(`${round}-${turn}`))
  const vectors = Array.from({ length: 16 }, () => new Float32Array(384).fill(round))
  const inputs = { claim: 'x', sources: [{ content: 'x'.repeat(20_000) }] }
  const entry = (value: unknown) => ({ value, traceHash: '', exactHash: '' })
  store.memo.set('small', entry({ verdict: 'supported', confidence: 0.75, citations: [] }))
  store.memo.set('large', entry({ vectors }))
  await store.flush()
  await measure('write', turn => store.traces.write(traces[turn] as StoredTrace))
  await measure('writeInputs', turn => store.traces.write({ ...(traces[turn] as StoredTrace), inputs }))
  await measure('note', turn => store.profiles.note(`variant ${turn % 10}`, true, { timeMs: turn }))
  await measure('set', turn => store.memo.set(`${turn}`, entry({ vectors })))
  await store.flush()
  await measure('profile', turn => store.profiles.get(`variant ${turn % 10}`))
  await measure('small', () => store.memo.get('small'))
  await measure('large', () => store.memo.get('large'))
  await measure('miss', turn => store.memo.get(`no ${turn}`))
  const state = { done: Array.from({ length: 20 }, (_, index) => `step ${index}`) }
  await measure('save', turn =>
    store.instances.save({
      ...{ id: `${round}`, definitionId: 'd', status: 'running', nodeId: 'n', input: {}, state },
      step: turn,
    }),
  )
}

function traceOf(id: string): StoredTrace {
  const trace = new Trace()
  for (let step = 0; step < steps; step += 1)
    trace.add(stepOf({ node: `node ${step}`, version: '1', input: id, config: null }, { output: step }))
  return {
    ...{
      id,
      subject: 'evidence.enhance',
      at: new Date().toISOString(),
      status: 'ok',
      record: trace.record(),
    },
    facts: { taskId: id, spent: { calls: 1, tokens: 1000, workerMs: 30, nanoUsd: 0 } },
  }
}

/** Milliseconds that turns of the event loop took in which some of so many traces were written. */
async function turnsOf(store: Store, traces: number): Promise<number[]> {
  const trace = traceOf('hold')
  for (let count = 0; count < traces; count += 1) store.traces.write(trace)
  const turns: number[] = []
  let isDone = false
  const done = store.flush().then(() => {
    isDone = true
  })
  while (!isDone) {
    const [begin, { written }] = [performance.now(), store.figures]
    await new Promise(resolve => setImmediate(resolve))
    if (store.figures.written > written) turns.push(performance.now() - begin)
  }
  await done
  return turns
}

function reportOf(times: ReadonlyMap<string, readonly number[]>, turns: readonly number[]): Report {
  const rows = [...times].map(
    ([operation, list]): Row => ({
      operation,
      n: list.length,
      p50Us: median(list),
      p95Us: percentile(list, 0.95),
      p99Us: percentile(list, 0.99),
    }),
  )
  const p50 = (operation: keyof typeof operations): number => median(times.get(operations[operation]) ?? [])
  const goal = (what: string, value: number, unit: string, most: number): Goal => ({
    ...{ what, value, unit, better: 'less', goal: most },
  })
  const turn: Row = {
    ...{ n: turns.length, p50Ms: median(turns), p95Ms: percentile(turns, 0.95) },
    ...{ p99Ms: percentile(turns, 0.99), mostMs: Math.max(...turns) },
  }
  return {
    workerFacts: {},
    tables: [
      { title: 'One call, on an ordinary file', rows },
      {
        title: 'Turns of the event loop in which traces are written',
        note: 'A machine that has other work to do adds to them.',
        rows: [turn],
      },
    ],
    goals: [
      goal('traces.write(), median', p50('write'), 'us', 5),
      goal('traces.write() with inputs, median', p50('writeInputs'), 'us', 5),
      goal('profiles.note(), median', p50('note'), 'us', 5),
      goal('instances.save(), median', p50('save'), 'us', 500),
      goal('memo.get() of 16 vectors, median', p50('large'), 'us', 100),
      goal('turn of the event loop while writing, 99th percentile', percentile(turns, 0.99), 'ms', 5),
    ],
  }
}

export const store: Benchmark = {
  about: 'cost of the store on the path, of saving and of recalling',
  run,
}
