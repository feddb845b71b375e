/**
 * The product's call end to end: small claims by 1, 4 and 16 callers with nothing to find in a cache, requests
 * that are in the cache, and a claim with a log of 300 KB on an enhancer that has seen nothing yet.
 */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import {
  type EnhancedEvidence,
  type EnhanceOptions,
  type EvidenceContext,
  EvidenceEnhancer,
} from '../src/index.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import type { Report, Row } from './report.ts'
import { median, percentile, spread } from './statistic.ts'
import { sentence } from './texts.ts'

const sourcesOfClaim = 5

async function run(options: BenchmarkOptions): Promise<Report> {
  const { note, quick, signal } = options
  await using enhancer = await EvidenceEnhancer.open({ ready: 'all', telemetry: false })
  const claims = await claimRows(enhancer, options)
  note('reproducible requests')
  const exact = await exactRows(enhancer, quick ? 8 : 40, signal)
  note('cached requests')
  const cached = await cachedRows(enhancer, quick ? 100 : 1000, signal)
  const workerFacts = enhancer.stats().pool?.workers[0]?.facts ?? {}
  await enhancer.close()
  const log = await logRows(options)
  return {
    workerFacts,
    tables: [
      {
        title: `Claims with ${sourcesOfClaim} one-sentence sources, new texts each`,
        note: 'Default pool size, all workers warm. rounds: claims/s of each round.',
        rows: claims,
      },
      { title: 'What reproducible costs: one caller, new claims, in turns', rows: exact },
      { title: 'The same request again (from the cache)', rows: cached.rows },
      {
        title: 'sample-01 with a log of 300 KB, new enhancer each time',
        note: 'Steps as the answer tells them, medians.',
        rows: log.rows,
      },
    ],
    goals: [
      {
        what: 'cached request, 64 KB of sources, p50',
        value: cached.p50Ms,
        unit: 'ms',
        better: 'less',
        goal: 1,
      },
      {
        what: 'claim with a log of 300 KB, median',
        value: log.medianMs,
        unit: 'ms',
        better: 'less',
        goal: 2000,
      },
    ],
  }
}

async function claimRows(
  enhancer: EvidenceEnhancer,
  { note, quick, signal, until }: BenchmarkOptions,
): Promise<Row[]> {
  const share = performance.now() + (until - performance.now()) / 2
  const figures = new Map([1, 4, 16].map(callers => [callers, { ms: [] as number[], rates: [] as number[] }]))
  let number = 0
  for (const round of rounds(3, quick ? 4 : 9, share)) {
    note(round === 0 ? 'warm-up' : `claims, round ${round}`)
    for (const [callers, { ms, rates }] of figures) {
      signal.throwIfAborted()
      const count = Math.max(quick ? 8 : 40, callers * 2)
      const contexts = Array.from({ length: count }, () => claimContext(++number)).values()
      const times: number[] = []
      const begin = performance.now()
      await Promise.all(
        Array.from({ length: callers }, async () => {
          for (const context of contexts) times.push(await timed(enhancer, context, false))
        }),
      )
      if (round === 0) continue
      rates.push((count * 1000) / (performance.now() - begin))
      ms.push(...times)
    }
  }
  return [...figures].map(([callers, { ms, rates }]) => ({
    callers,
    n: ms.length,
    p50Ms: median(ms),
    p95Ms: percentile(ms, 0.95),
    claimsPerS: median(rates),
    rounds: spread(rates, 1),
  }))
}

/** Claims with and without `reproducible`, in turns. */
async function exactRows(enhancer: EvidenceEnhancer, count: number, signal: AbortSignal): Promise<Row[]> {
  const ways = { plain: {}, reproducible: { reproducible: true } }
  const times = new Map(Object.keys(ways).map(name => [name, [] as number[]]))
  for (let turn = 0; turn < count; turn += 1) {
    for (const [place, [name, options]] of Object.entries(ways).entries()) {
      signal.throwIfAborted()
      times.get(name)?.push(await timed(enhancer, claimContext(1_000_000 + 2 * turn + place), false, options))
    }
  }
  const plain = median(times.get('plain') as number[])
  return [...times].map(([way, ms]) => ({
    way,
    n: ms.length,
    p50Ms: median(ms),
    p95Ms: percentile(ms, 0.95),
    times: median(ms) / plain,
  }))
}

async function cachedRows(
  enhancer: EvidenceEnhancer,
  count: number,
  signal: AbortSignal,
): Promise<{ rows: Row[]; p50Ms: number }> {
  const contexts = {
    '5 sentences': claimContext(-1),
    '1 source of 64 KB': sized(1, 65_536),
    '16 sources of 4 KB': sized(16, 4096),
  }
  const rows: Row[] = []
  let worst = 0
  for (const [name, context] of Object.entries(contexts)) {
    signal.throwIfAborted()
    await enhancer.enhanceEvidence(context)
    const times: number[] = []
    for (let turn = 0; turn < count; turn += 1) times.push(await timed(enhancer, context, true))
    rows.push({
      request: name,
      n: count,
      p50Us: median(times) * 1000,
      p95Us: percentile(times, 0.95) * 1000,
    })
    if (name !== '5 sentences') worst = Math.max(worst, median(times))
  }
  return { rows, p50Ms: worst }
}

async function logRows({
  note,
  quick,
  signal,
  until,
}: BenchmarkOptions): Promise<{ rows: Row[]; medianMs: number }> {
  const context = await sampleWithLog()
  const answers: EnhancedEvidence[] = []
  const times: number[] = []
  for (const turn of rounds(3, quick ? 3 : 9, until)) {
    signal.throwIfAborted()
    note(`log of 300 KB, ${turn + 1}`)
    await using enhancer = await EvidenceEnhancer.open({ ready: 'all', telemetry: false })
    const begin = performance.now()
    answers.push(await enhancer.enhanceEvidence(context))
    times.push(performance.now() - begin)
  }
  const steps = (answers[0]?.timings ?? []).map(({ step }, place) => {
    const values = answers.map(answer => answer.timings[place]?.totalMs ?? 0)
    return { what: step, n: times.length, medianMs: median(values), maxMs: Math.max(...values) }
  })
  return {
    rows: [{ what: 'whole', n: times.length, medianMs: median(times), maxMs: Math.max(...times) }, ...steps],
    medianMs: median(times),
  }
}

async function timed(
  enhancer: EvidenceEnhancer,
  context: EvidenceContext,
  cached: boolean,
  options: EnhanceOptions = {},
): Promise<number> {
  const begin = performance.now()
  const evidence = await enhancer.enhanceEvidence(context, options)
  const ms = performance.now() - begin
  if (evidence.cached !== cached || evidence.fallbackUsed)
    throw new Error('Not the answer that was to be measured')
  return ms
}

const claimContext = (number: number): EvidenceContext => ({
  taskId: `claim-${number}`,
  claim: sentence(number * 10),
  sources: Array.from({ length: sourcesOfClaim }, (_, index) => ({
    content: sentence(number * 10 + 1 + index),
  })),
})

/** A request with `count` sources of `length` characters each. */
function sized(count: number, length: number): EvidenceContext {
  const content = (source: number) =>
    Array.from({ length: Math.ceil(length / 60) }, (_, index) => sentence(source * 10_000 + index, 5))
      .join('\n')
      .slice(0, length)
  return {
    taskId: `cached-${count}`,
    claim: sentence(1, 6),
    sources: Array.from({ length: count }, (_, index) => ({ content: content(index) })),
  }
}

async function sampleWithLog(): Promise<EvidenceContext> {
  const file = join(import.meta.dirname, '..', 'scripts', 'samples', 'claims.jsonl')
  const [line = ''] = (await readFile(file, 'utf8')).split('\n')
  const sample = JSON.parse(line)
  for (const source of sample.sources) {
    if (source.content === undefined)
      source.content = await readFile(join(dirname(file), source.path), 'utf8')
  }
  return sample
}

export const enhance: Benchmark = {
  about: 'enhanceEvidence end to end: claims, cached requests, a large log',
  run,
}
