/**
 * The prompt library by itself: finding a kept prompt, loading one from a folder, rendering one of 20 KB (seed 001
 * counts about 2 MB for 100), and how often prompts are found over uses of the seed's mix and of Zipf's law.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Bench } from 'tinybench'
import { PromptLibrary } from '../src/evidence/prompts/library.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import type { Goal, Report, Row } from './report.ts'
import { sentence } from './texts.ts'

const characters = 20_000
const promptCount = 200
const places = 10
/** Uses of the first five prompts in 103 calls, as the seed's own test has them. */
const seedMix = [40, 30, 10, 5, 18]
const values = Object.fromEntries(
  Array.from({ length: places }, (_, index) => [`part${index}`, sentence(index)]),
)

const idOf = (index: number): string => `template_${index}`

function textOf(index: number): string {
  const parameters = Object.keys(values)
    .map(name => `${name} text`)
    .join(', ')
  let body = ''
  for (let line = 0; body.length < characters; line += 1)
    body += `${sentence(index * 1000 + line)} {{part${line % places}}}\n`
  return `---\nversion: 1\nparameters: ${parameters}\n---\n${body}`
}

/** A number from 0 to 1 for each call, the same in each run (mulberry32). */
function* numbers(seed: number): Generator<number, never> {
  for (let state = seed; ; ) {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    yield ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** `count` uses of prompts by their weights. */
function usesOf(weights: readonly number[], count: number): string[] {
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const draw = numbers(7)
  return Array.from({ length: count }, () => {
    let left = draw.next().value * total
    const index = weights.findIndex(weight => {
      left -= weight
      return left < 0
    })
    return idOf(Math.max(0, index))
  })
}

const zipf = Array.from({ length: promptCount }, (_, index) => 1 / (index + 1))

async function run({ note, quick, signal }: BenchmarkOptions): Promise<Report> {
  const folder = await mkdtemp(join(tmpdir(), 'prompts-'))
  try {
    note(`writing ${promptCount} prompts of ${characters / 1000} KB`)
    for (let index = 0; index < promptCount; index += 1)
      await writeFile(join(folder, `${idOf(index)}.txt`), textOf(index))
    const open = () => new PromptLibrary(({ id }) => readFile(join(folder, `${id}.txt`), 'utf8'))
    note('finding, loading and rendering')
    const times = await timesOf(open(), quick, signal)
    note('counting hits')
    const mixes = [
      await hitsOver('the seed’s mix of 103, all prompts new', open(), usesOf(seedMix, 103)),
      await hitsOver('the same for 10,000 uses', open(), usesOf(seedMix, 10_000)),
      await hitsOver(
        'the same, its last 18 spread over 18 prompts',
        open(),
        usesOf([40, 30, 10, 5, ...Array<number>(18).fill(1)], 10_000),
      ),
      await hitsOver(`Zipf's law over ${promptCount} prompts, 100 kept`, open(), usesOf(zipf, 10_000)),
      await preloaded(open()),
    ]
    const goals: Goal[] = [
      { what: 'finding a kept prompt, p99', value: times.find.p99Ms, unit: 'ms', better: 'less', goal: 1 },
      { what: 'rendering, p99', value: times.render.p99Ms, unit: 'ms', better: 'less', goal: 10 },
      { what: 'hit rate, seed’s mix', value: mixes[1]?.hitRate ?? 0, unit: '', better: 'more', goal: 0.95 },
    ]
    const tables = [
      {
        title: `Prompts of ${characters / 1000} KB with ${places} parameters (tinybench)`,
        rows: Object.values(times),
      },
      { title: 'How often a prompt was found', rows: mixes },
    ]
    return { workerFacts: {}, tables, goals }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Times = { readonly what: string; readonly n: number; readonly p50Ms: number; readonly p99Ms: number }

async function timesOf(library: PromptLibrary, quick: boolean, signal: AbortSignal) {
  await library.preload(Array.from({ length: 100 }, (_, index) => ({ id: idOf(index) })))
  const bench = new Bench({ time: quick ? 150 : 1500, warmupTime: quick ? 50 : 500, signal })
  const prompt = await library.get({ id: idOf(0) })
  let turn = 0
  bench.add('finding a kept prompt', async () => {
    turn += 1
    await library.get({ id: idOf(turn % 100) })
  })
  bench.add('loading one from a folder', async () => {
    library.invalidate({ id: idOf(1) })
    await library.get({ id: idOf(1) })
  })
  bench.add('rendering', () => {
    prompt.render(values)
  })
  await bench.run()
  const [find, load, render] = bench.tasks.map(({ name, result }): Times => {
    if (!('latency' in result)) throw new Error(`${name} did not run`)
    const { p50, p99, samplesCount } = result.latency
    return { what: name, n: samplesCount, p50Ms: p50, p99Ms: p99 }
  }) as [Times, Times, Times]
  return { find, load, render }
}

async function hitsOver(what: string, library: PromptLibrary, uses: readonly string[]) {
  for (const id of uses) await library.get({ id })
  const { evictions, hitRate, hits, misses } = library.figures
  return { what, uses: hits + misses, misses, evictions, hitRate } satisfies Row
}

/** What preloading by observed use is worth: one library observes, all is let go of, and the uses come again. */
async function preloaded(library: PromptLibrary) {
  const uses = usesOf(zipf, 1000)
  for (const id of uses) await library.get({ id })
  library.clear()
  await library.preloadMostUsed()
  const before = library.figures
  for (const id of uses) await library.get({ id })
  const { evictions, hits, misses } = library.figures
  const counted = { hits: hits - before.hits, misses: misses - before.misses }
  return {
    what: 'Zipf’s law again after preloading the 20 most used',
    uses: uses.length,
    misses: counted.misses,
    evictions: evictions - before.evictions,
    hitRate: counted.hits / uses.length,
  } satisfies Row
}

/** Prompts in the process, without a worker. */
export const promptLibrary: Benchmark = {
  about: 'the prompt library: lookup, render, hit rate (seconds)',
  run,
}
