/**
 * What it takes to check a claim once vectors are there, in this thread: the head over five passages with the
 * verdict that is made of it, and arithmetic over a log of 300 KB, which is made here and always the same.
 */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { checkFigures } from '../src/evidence/arithmetic.ts'
import { decide } from '../src/evidence/facts/decide.ts'
import { type Head, type HeadInput, readHead } from '../src/evidence/head/head.ts'
import { decideRecords } from '../src/evidence/records/decide.ts'
import { neutral } from '../src/evidence/verdict/calibration.ts'
import { judge, verdictOf } from '../src/evidence/verdict/judge.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import type { Goal, Report, Table } from './report.ts'
import { randomFrom, sentence } from './texts.ts'

const logBytes = 300 * 1024
const [arithmeticGoalMs, headGoalMs] = [30, 3]
/** Of the built-in encoder. */
const dimensions = 384
const passageCount = 5

const services = ['gateway', 'checkout', 'search', 'billing']
const hosts = ['edge-1', 'edge-2', 'edge-3', 'edge-4', 'edge-5']

/** Lines of a service log with times, levels, hosts and figures; ends with the first line beyond `bytes`. */
export function serviceLog(bytes: number, seed = 7): string {
  const random = randomFrom(seed)
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] as string
  const start = Date.UTC(2026, 2, 4, 8)
  const lines: string[] = []
  for (let length = 0; length < bytes; length += (lines.at(-1) ?? '').length + 1) {
    const time = new Date(start + lines.length * 1700).toISOString()
    const [service, host, ms] = [pick(services), pick(hosts), Math.round(20 + 900 * random() ** 3)]
    const message =
      random() < 0.03
        ? `ERROR ${service} ${host} request timed out after ${1000 + ms} ms, attempt ${1 + Math.floor(3 * random())}`
        : `INFO ${service} ${host} request served in ${ms} ms, ${Math.round(9000 * random())} bytes, status 200`
    lines.push(`${time} ${message}`)
  }
  return `${lines.join('\n')}\n`
}

/** Claims that ask for different work over the same log. */
const claims = [
  'The log has at least 5 errors of the checkout service.',
  'No request of the gateway took longer than 5 s.',
  'The last request of billing was served in under 2 seconds.',
  'The search service was deployed twice on edge-3.',
  'The disk of the build machine is 91 % full.',
]

const checkers = {
  'both, as a request runs them': (claim: string, source: Source) => checkFigures(claim, [source]).decision,
  'structured sources': (claim: string, source: Source) => decideRecords(claim, [source]),
  prose: (claim: string, source: Source) => decide(claim, [source]),
} as const

type Source = { readonly id: string; readonly type: string; readonly title: string; readonly content: string }

async function run({ quick, signal }: BenchmarkOptions): Promise<Report> {
  const arithmetic = await measureArithmetic(quick, signal)
  const head = await measureHead(quick, signal)
  return {
    workerFacts: {},
    tables: [arithmetic.table, head.table],
    goals: [...arithmetic.goals, ...head.goals],
  }
}

type Part = { readonly table: Table; readonly goals: readonly Goal[] }

async function measureArithmetic(quick: boolean, signal: AbortSignal): Promise<Part> {
  const content = serviceLog(logBytes)
  const source = { id: 's1', type: 'log', title: 'Service log', content }
  const cases = claims.flatMap(claim =>
    Object.entries(checkers).map(([name, check]) => ({ name, claim, check })),
  )
  const bench = new Bench({ time: quick ? 200 : 1000, warmupTime: quick ? 200 : 500, signal })
  for (const [place, { check, claim }] of cases.entries())
    bench.add(String(place), () => check(claim, source))
  const times = await timesOf(bench)
  const rows = cases.map(({ check, claim, name }, place) => ({
    claim,
    checker: name,
    verdict: check(claim, source).verdict,
    ...(times[place] as Times),
  }))
  const goals = rows
    .filter(({ checker }) => checker === 'both, as a request runs them')
    .map(({ claim, p50Ms }) => {
      const what = `arithmetic on a log of 300 KB, p50: ${claim}`
      return { what, value: p50Ms, unit: 'ms', better: 'less', goal: arithmeticGoalMs } as const
    })
  const note = `${Math.round(content.length / 1024)} KB, ${content.split('\n').length - 1} lines`
  return { table: { title: 'Arithmetic on a log (tinybench)', note, rows }, goals }
}

async function measureHead(quick: boolean, signal: AbortSignal): Promise<Part> {
  const head = readHead(await readFile(join(import.meta.dirname, '..', 'weights', 'claim-head.safetensors')))
  const random = randomFrom(11)
  // Other texts each time, as other objects: what was made of one that was seen is kept.
  const inputs = Array.from({ length: 600 }, (_, index) => ({
    text: sentence(index),
    vector: unitVector(random),
  }))
  let turn = 0
  const next = (): HeadInput => ({ ...(inputs[turn++ % inputs.length] as HeadInput) })
  const bench = new Bench({ time: quick ? 200 : 1000, warmupTime: quick ? 200 : 500, signal })
  bench.add('odds of five passages', () => {
    const claim = next()
    return Array.from({ length: passageCount }, () => head.logits(claim, next()))
  })
  bench.add('odds and verdict', () => verdictBy(head, next))
  const rows = (await timesOf(bench)).map((times, place) => ({
    what: bench.tasks[place]?.name ?? '',
    ...times,
  }))
  const [, whole] = rows
  const what = 'head over 5 passages beyond their embedding, to the verdict, p50'
  return {
    table: { title: 'The head over passages that are embedded (tinybench)', rows },
    goals: [{ what, value: whole?.p50Ms ?? Number.NaN, unit: 'ms', better: 'less', goal: headGoalMs }],
  }
}

function verdictBy(head: Head, next: () => HeadInput) {
  const claim = next()
  const readings = Array.from({ length: passageCount }, (_, source) => {
    const passage = next()
    const { text } = passage
    return { source, start: 0, end: text.length, text, relevance: 0, logits: head.logits(claim, passage) }
  })
  const { claim: chances, ground } = judge(readings, passageCount, neutral)
  return verdictOf(chances, 0.6, ground)
}

function unitVector(random: () => number): Float32Array {
  const vector = Float32Array.from({ length: dimensions }, () => random() - 0.5)
  const length = Math.hypot(...vector)
  return vector.map(value => value / length)
}

type Times = { readonly n: number; readonly p50Ms: number; readonly p99Ms: number }

/** Runs all tasks; times in their order. */
async function timesOf(bench: Bench): Promise<Times[]> {
  await bench.run()
  return bench.tasks.map(({ name, result }) => {
    if (!('latency' in result)) throw new Error(`${name} did not run`)
    const { p50, p99, samplesCount } = result.latency
    return { n: samplesCount, p50Ms: p50, p99Ms: p99 }
  })
}

export const verify: Benchmark = { about: 'what checking adds once vectors are there (seconds)', run }
