/**
 * The vector store on disk: how long 10,000 vectors take to be kept, how long the ten nearest of 100,000 take to be
 * found and how many of them are the right ones; the store in memory beside it; and what keeping passages costs an
 * answer.
 *
 * The vectors are made here, 384 numbers each: around 2,000 directions, as texts of one domain lie, and, harder for an
 * index than any texts, evenly in all directions. A query is a vector that is kept, moved by noise of its own.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type LanceStore, openLanceStore } from '../src/adapters/lancedb.ts'
import { MemoryVectorStore } from '../src/evidence/vectors/memory.ts'
import type { VectorRow, VectorStore } from '../src/evidence/vectors/store.ts'
import { EvidenceEnhancer } from '../src/index.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import type { Report, Row } from './report.ts'
import { median, percentile } from './statistic.ts'
import { sentence } from './texts.ts'

const dimensions = 384
const tag = { model: 'bench@1', dimensions }
const batch = 10_000
const wanted = 10
const memoryRows = 10_000

async function run(options: BenchmarkOptions): Promise<Report> {
  const total = options.quick ? 30_000 : 100_000
  const folder = await mkdtemp(join(tmpdir(), 'evidence-runner-vectors-'))
  try {
    const near = await measured(join(folder, 'near'), 'around directions', total, options)
    const even = await measured(join(folder, 'even'), 'evenly', 30_000, options)
    const memory = await memoryRow(options)
    const answers = await answerRows(join(folder, 'answers'), options)
    return {
      workerFacts: {},
      tables: [
        {
          title: `Upserts of ${batch} rows into LanceDB, one after the other`,
          rows: [near.upserts, even.upserts],
        },
        {
          title: `The ${wanted} nearest of all rows`,
          note: 'recall: of the ten that comparing every row finds. before: no index yet, every row is compared.',
          rows: [...near.searches, ...even.searches, memory],
        },
        { title: 'An answer with new passages each time, one caller, in turns', rows: answers },
      ],
      goals: [
        {
          what: `LanceDB, upsert of ${batch}, slowest`,
          value: near.slowestMs,
          unit: 'ms',
          better: 'less',
          goal: 3000,
        },
        {
          what: `LanceDB, top ${wanted} of ${total}, p95`,
          value: near.p95Ms,
          unit: 'ms',
          better: 'less',
          goal: 20,
        },
        {
          what: `LanceDB, top ${wanted} of ${total}, recall`,
          value: near.recall,
          unit: '',
          better: 'more',
          goal: 0.95,
        },
      ],
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

type Measured = {
  readonly upserts: Row
  readonly searches: Row[]
  readonly slowestMs: number
  readonly p95Ms: number
  readonly recall: number
}

async function measured(
  folder: string,
  vectors: Spread,
  total: number,
  { note, quick, signal }: BenchmarkOptions,
): Promise<Measured> {
  const made = new Vectors(vectors, total)
  // The index is made when all is there, so that both ways are seen.
  const filling = await openLanceStore(folder, { indexFrom: Number.POSITIVE_INFINITY })
  await filling.bind(tag)
  const times: number[] = []
  for (let start = 0; start < total; start += batch) {
    signal.throwIfAborted()
    note(`${vectors}: row ${start}`)
    times.push(await timeOf(() => filling.upsert(made.rows(start, start + batch))))
  }
  const again = await timeOf(() => filling.upsert(made.rows(0, batch)))
  if ((await filling.count()) !== total) throw new Error('Rows were lost or are there twice')
  note(`${vectors}: comparing every row`)
  const queries = Array.from({ length: quick ? 20 : 100 }, (_, turn) => made.near((turn * 7919) % total))
  const truth = queries.map(query => made.nearest(query, wanted))
  const before = await searchFigures(filling, queries.slice(0, 10), truth, signal)
  await filling.close()
  const store = await openLanceStore(folder)
  await store.bind(tag)
  note(`${vectors}: making the index`)
  // A write is what makes it look after itself.
  await store.upsert(made.rows(0, 1))
  const indexMs = await timeOf(() => store.settled())
  const after = await searchFigures(store, queries, truth, signal)
  await store.close()
  const name = `LanceDB, ${total} ${vectors}`
  return {
    upserts: {
      vectors,
      n: times.length,
      medianMs: median(times),
      maxMs: Math.max(...times),
      sameAgainMs: again,
      indexOfAllMs: indexMs,
    },
    searches: [
      { store: `${name}, before`, ...before },
      { store: name, ...after },
    ],
    slowestMs: Math.max(...times),
    p95Ms: after.p95Ms,
    recall: after.recall,
  }
}

async function searchFigures(
  store: VectorStore | LanceStore,
  queries: readonly Float32Array[],
  truth: readonly ReadonlySet<string>[],
  signal: AbortSignal,
): Promise<{ n: number; p50Ms: number; p95Ms: number; recall: number }> {
  const times: number[] = []
  let hits = 0
  for (const query of queries.slice(0, 5)) await store.search(query, { limit: wanted })
  for (const [turn, query] of queries.entries()) {
    signal.throwIfAborted()
    const begin = performance.now()
    const found = await store.search(query, { limit: wanted })
    times.push(performance.now() - begin)
    hits += found.filter(({ id }) => truth[turn]?.has(id)).length
  }
  const [n, p50Ms, p95Ms] = [times.length, median(times), percentile(times, 0.95)]
  return { n, p50Ms, p95Ms, recall: hits / (n * wanted) }
}

async function memoryRow({ note, quick, signal }: BenchmarkOptions): Promise<Row> {
  note('in memory')
  const made = new Vectors('around directions', memoryRows)
  const store = new MemoryVectorStore()
  await store.bind(tag)
  await store.upsert(made.rows(0, memoryRows))
  const queries = Array.from({ length: quick ? 20 : 60 }, (_, turn) => made.near((turn * 7919) % memoryRows))
  const truth = queries.map(query => made.nearest(query, wanted))
  return { store: `memory, ${memoryRows}`, ...(await searchFigures(store, queries, truth, signal)) }
}

/** What a store adds to an answer, in turns with none. */
async function answerRows(folder: string, { note, quick, signal, until }: BenchmarkOptions): Promise<Row[]> {
  note('answers')
  await using store = await openLanceStore(folder)
  const settings = { poolSize: 1, ready: 'all', telemetry: false, maxCacheSize: 0 } as const
  await using plain = await EvidenceEnhancer.open(settings)
  await using keeping = await EvidenceEnhancer.open({ ...settings, vectorStore: store })
  await using memory = await EvidenceEnhancer.open({ ...settings, vectorStore: { kind: 'memory' } })
  const ways = { 'without a store': plain, 'in memory': memory, LanceDB: keeping }
  const times = new Map(Object.keys(ways).map(name => [name, [] as number[]]))
  let number = 0
  for (const turn of rounds(20, quick ? 20 : 120, until)) {
    for (const [name, enhancer] of Object.entries(ways)) {
      signal.throwIfAborted()
      const from = 10 * ++number
      const sources = Array.from({ length: 5 }, (_, index) => ({ content: sentence(from + 1 + index) }))
      const context = { taskId: `${number}`, claim: sentence(from), sources }
      const ms = await timeOf(() => enhancer.enhanceEvidence(context))
      if (turn >= 3) times.get(name)?.push(ms)
    }
  }
  return [...times].map(([way, ms]) => {
    const {
      written = 0,
      dropped = 0,
      failedSearches = 0,
    } = ways[way as keyof typeof ways].stats().vectors ?? {}
    return {
      way,
      n: ms.length,
      p50Ms: median(ms),
      p95Ms: percentile(ms, 0.95),
      written,
      dropped,
      failedSearches,
    }
  })
}

type Spread = 'around directions' | 'evenly'

/** Vectors that are the same in every run. */
class Vectors {
  readonly #data: Float32Array
  readonly #norms: Float64Array
  readonly #total: number
  #seed = 1

  constructor(spread: Spread, total: number) {
    this.#total = total
    this.#data = new Float32Array(total * dimensions)
    this.#norms = new Float64Array(total)
    const centres = Float32Array.from({ length: 2000 * dimensions }, () => this.#random())
    for (let row = 0; row < total; row += 1) {
      const centre = Math.floor((this.#random() + 0.5) * 2000) * dimensions
      for (let place = 0; place < dimensions; place += 1) {
        const own = this.#random()
        this.#data[row * dimensions + place] =
          spread === 'evenly' ? own : (centres[centre + place] as number) + 1.2 * own
      }
      this.#norms[row] = Math.hypot(...this.#vector(row))
    }
  }

  rows(start: number, end: number): VectorRow[] {
    return Array.from({ length: Math.min(end, this.#total) - start }, (_, index) => ({
      id: idOf(start + index),
      collection: 'bench',
      text: `Passage ${start + index} says something of about the length that a sentence has.`,
      sourceId: `s${(start + index) % 100}`,
      contentHash: idOf((start + index) % 1000),
      vector: this.#vector(start + index),
      at: 1,
    }))
  }

  /** A vector near to that of a row. */
  near(row: number): Float32Array {
    return this.#vector(row).map(value => value + 0.8 * this.#random())
  }

  /** Ids of the nearest rows by comparing all. */
  nearest(query: Float32Array, count: number): Set<string> {
    const best: { row: number; cosine: number }[] = []
    for (let row = 0; row < this.#total; row += 1) {
      let dot = 0
      for (let place = 0; place < dimensions; place += 1)
        dot += (this.#data[row * dimensions + place] as number) * (query[place] as number)
      const cosine = dot / (this.#norms[row] as number)
      if (best.length === count && cosine <= (best.at(-1)?.cosine ?? 0)) continue
      best.push({ row, cosine })
      best.sort((a, b) => b.cosine - a.cosine).splice(count)
    }
    return new Set(best.map(({ row }) => idOf(row)))
  }

  #vector(row: number): Float32Array {
    return this.#data.slice(row * dimensions, (row + 1) * dimensions)
  }

  /** From -0.5 to 0.5. */
  #random(): number {
    this.#seed = (this.#seed * 1_664_525 + 1_013_904_223) >>> 0
    return this.#seed / 2 ** 32 - 0.5
  }
}

const idOf = (row: number): string => row.toString(16).padStart(64, '0')

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

export const vectors: Benchmark = {
  about: 'the vector store: bulk upserts, the nearest of 100,000 and their recall, what it costs an answer',
  run,
}
