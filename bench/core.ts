/**
 * The shared core by itself, without a process: what counting and hashing add to everything that runs. Of what
 * takes less than the clock can tell, each sample holds many.
 */
import { Bench } from 'tinybench'
import { budgeted, leastOf, mostOf } from '../src/core/budgeted-dispatch.ts'
import { type Call, free, type Reply } from '../src/core/call.ts'
import { canonicalJson, sha256, valueHash } from '../src/core/hash.ts'
import { Ledger } from '../src/core/ledger.ts'
import { type Execution, executionKey, recordOf, stepOf } from '../src/core/trace.ts'
import { verifyTrace } from '../src/core/trace-check.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { requestContext } from './launch.ts'
import type { Goal, Report, Row } from './report.ts'
import { mixedTexts, sentence } from './texts.ts'

/** One thing that is measured; `many` of it in a sample. */
type Case = {
  readonly what: string
  readonly many: number
  readonly run: () => unknown
  /** The most that it may take, in microseconds. */
  readonly goalUs?: number
}

const bytes = 65_536
const most = { calls: 1, tokens: 200, workerMs: 0, nanoUsd: 0 }
const used = { calls: 1, tokens: 120, workerMs: 12.5, nanoUsd: 0 }
const reply: Reply = {
  results: [],
  usage: used,
  timings: { queueMs: 0, modelMs: 0, wireMs: 0 },
  attempt: 1,
  wastedMs: 0,
}
const small: Execution = { node: 'embed', version: '1', input: { text: sentence(1) }, config: { k: 3 } }

/** `levels` ledgers in each other, each with a limit that is never reached. */
function nested(levels: number): Ledger {
  const limits = { tokens: Number.MAX_SAFE_INTEGER, calls: Number.MAX_SAFE_INTEGER }
  return levels === 1 ? new Ledger({ limits }) : new Ledger({ limits, parent: nested(levels - 1) })
}

/** A request whose canonical JSON has about 64 KB, in sixteen sources of `text`. */
const requestOf = (text: string) => ({
  taskId: 'task',
  claim: sentence(1),
  sources: Array.from({ length: 16 }, (_, index) => ({
    id: `source-${index}`,
    type: 'log',
    content: text.repeat(Math.ceil(bytes / 16 / text.length)).slice(0, bytes / 16 - 80),
  })),
})

function callOf(items: readonly string[]): Call {
  const limits = { maxTokens: 256, dimensions: 384 }
  const variant = { name: 'v', op: 'embed', model: 'm', revision: '1', weightsHash: '', price: free, limits }
  return { variant, items }
}

function ledgerCases(): Case[] {
  const [one, three] = [nested(1), nested(3)]
  const context = { ...requestContext(), ledger: three }
  const dispatch = budgeted(async () => reply)
  const [text, texts] = [callOf([sentence(1)]), callOf(mixedTexts(64))]
  const unbounded = ['workerMs'] as const
  return [
    { what: 'reserve + settle', many: 1000, run: () => one.reserve(most).settle(used), goalUs: 1 },
    {
      what: 'the same, with worker time that nothing bounds',
      many: 1000,
      run: () => one.reserve(most, unbounded).settle(used),
    },
    { what: 'reserve + settle, 3 levels', many: 1000, run: () => three.reserve(most).settle(used) },
    { what: 'left, 3 levels', many: 1000, run: () => three.left },
    { what: 'least and most of a text', many: 100, run: () => [leastOf(text), mostOf(text)] },
    { what: 'least and most of 64 texts', many: 10, run: () => [leastOf(texts), mostOf(texts)] },
    { what: 'a budgeted dispatch of a text, 3 levels', many: 1, run: () => dispatch(text, context) },
  ]
}

function hashCases(): Case[] {
  const plain = requestOf('the breaker opened after a timeout of "3 s", said the log\n')
  const wide = requestOf('the breaker opened after a timeout of “3 s”, said the log\n')
  const rows = Array.from({ length: 2000 }, (_, index) => ({ id: index, score: index / 7, kind: 'log' }))
  const vectors = new Float32Array(64 * 384).map((_, index) => index / 7)
  const json = canonicalJson(plain)
  const step = stepOf(small, { output: { ok: true } })
  const record = recordOf(Array.from({ length: 100 }, () => stepOf(small, { output: 1, children: [step] })))
  return [
    { what: '64 KB of texts in an object', many: 1, run: () => valueHash(plain), goalUs: 300 },
    {
      what: 'the same with curly quotes: two bytes a character in memory',
      many: 1,
      run: () => valueHash(wide),
    },
    { what: 'SHA-256 alone of its canonical JSON', many: 1, run: () => sha256(json) },
    {
      what: `${rows.length} small objects (${Math.round(canonicalJson(rows).length / 1024)} KB)`,
      many: 1,
      run: () => valueHash(rows),
    },
    { what: '64 × 384 floats', many: 1, run: () => valueHash(vectors) },
    { what: 'executionKey of a small execution', many: 100, run: () => executionKey(small), goalUs: 10 },
    { what: 'its step in a trace', many: 100, run: () => stepOf(small, { output: { ok: true } }) },
    { what: 'verifyTrace of 200 steps', many: 1, run: () => verifyTrace(record) },
  ]
}

async function run({ note, quick, signal }: BenchmarkOptions): Promise<Report> {
  note('counting')
  const counting = await measured(ledgerCases(), quick, signal)
  note('hashing')
  const hashing = await measured(hashCases(), quick, signal)
  return {
    workerFacts: {},
    tables: [
      { title: 'Ledger (tinybench)', note: 'a: how many a sample; times for one.', rows: counting.rows },
      { title: 'Hashes and traces (tinybench)', rows: hashing.rows },
    ],
    goals: [...counting.goals, ...hashing.goals],
  }
}

async function measured(cases: readonly Case[], quick: boolean, signal: AbortSignal) {
  const bench = new Bench({ time: quick ? 100 : 1000, warmupTime: quick ? 50 : 250, signal })
  for (const { what, many, run } of cases) bench.add(what, many === 1 ? run : () => repeat(run, many))
  await bench.run()
  const rows: Row[] = []
  const goals: Goal[] = []
  for (const [index, { name, result }] of bench.tasks.entries()) {
    if (!('latency' in result)) throw new Error(`${name} did not run`)
    const { goalUs, many } = cases[index] as Case
    const us = (ms: number) => (ms * 1000) / many
    const { mean, p50, p99, samplesCount } = result.latency
    rows.push({ what: name, a: many, n: samplesCount, p50Us: us(p50), meanUs: us(mean), p99Us: us(p99) })
    if (goalUs !== undefined)
      goals.push({ what: `${name}, p50`, value: us(p50), unit: 'µs', better: 'less', goal: goalUs })
  }
  return { rows, goals }
}

/** What comes of it is kept until the next: the compiler must not leave it out. */
let kept: unknown

function repeat(run: () => unknown, many: number): void {
  for (let turn = 0; turn < many; turn += 1) kept = run()
  if (kept === bytes) throw new Error('This is a bug: nothing measured comes to this')
}

export const core: Benchmark = { about: 'ledger, hashes and traces by themselves (seconds)', run }
