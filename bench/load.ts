/**
 * Single texts under load, on one worker: by one caller, by 16, and at random times at half capacity, with a fake
 * model (a device that takes 4 + n ms) and the real one. Side by side in turns: this pool (batch while busy), the
 * same pool without batching, batching on a 10 ms timer, and a perfect loop inside one Python process. Also what
 * an interactive caller feels while bulk work fills the pool, and how long Node's event loop is held up.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { isVectors, type Reply, type Timings } from '../src/core/call.ts'
import { openRunner, type Runner, type RunnerCall } from '../src/runner.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import { type Ask, closedLoop, openLoop, poisson, type Timed } from './callers.ts'
import { type Chart, chartOf } from './histogram.ts'
import { echoLaunch, embedLaunch, insteadOfWorker } from './launch.ts'
import { PythonLoop } from './python-loop.ts'
import type { Goal, Report, Row } from './report.ts'
import { median, percentile } from './statistic.ts'
import { longTexts, mixedTexts, randomFrom } from './texts.ts'
import { FixedWindow } from './window.ts'

const windowMs = 10
const callers = 16
const most = 32
const fakeModel = { delayMs: 4, perItemMs: 1, dimensions: 384 }
/** 16 texts in 20 ms are 800 a second: half of that, the same in every run. */
const fakePoissonPerSecond = 400

const sides = ['plain loop', 'pool', 'not batched', '10 ms window'] as const
type Side = (typeof sides)[number]
type Load = 'one caller' | '16 callers' | 'Poisson at half capacity'
const loads: readonly Load[] = ['one caller', '16 callers', 'Poisson at half capacity']

/** What one side has given under one load: every call's time (of the pool also its parts), each round's rate. */
type Figures = { readonly ms: number[]; readonly rates: number[]; readonly timings: Timings[] }

type Model = {
  readonly name: 'fake' | 'real'
  readonly operation: 'echo' | 'embed'
  readonly options: Readonly<Record<string, unknown>>
  readonly check: (text: string, vector: Float32Array) => boolean
  readonly texts: (count: number, seed: number) => string[]
  /** Calls a round: of one caller, of 16, and of 16 that are not batched. */
  readonly counts: { readonly one: number; readonly many: number; readonly unbatched: number }
  readonly poissonMs: number
}

const fake: Model = {
  name: 'fake',
  operation: 'echo',
  options: fakeModel,
  check: (text, vector) => {
    const hash = crc32(text)
    return vector[0] === hash >>> 16 && vector[1] === (hash & 0xffff) && vector[2] === Buffer.byteLength(text)
  },
  texts: mixedTexts,
  counts: { one: 80, many: 640, unbatched: 160 },
  poissonMs: 1500,
}

const real: Model = {
  name: 'real',
  operation: 'embed',
  options: {},
  check: (_, vector) => vector.length === 384 && Math.abs(squares(vector) - 1) < 1e-3,
  texts: mixedTexts,
  counts: { one: 24, many: 160, unbatched: 96 },
  poissonMs: 3000,
}

/** Every call has a deadline, as a request's has. */
const request = { timeoutMs: 60_000 }

const callOf = ({ operation, options }: Model, items: readonly string[]): RunnerCall => ({
  op: operation,
  items,
  options,
})

const squares = (vector: Float32Array): number => vector.reduce((sum, value) => sum + value * value, 0)

/** The sides of one model, opened and warm. */
class Sides implements AsyncDisposable {
  readonly #model: Model
  readonly #loop: PythonLoop
  readonly #pool: Runner
  readonly #single: Runner
  readonly #asks: ReadonlyMap<Side, Ask>
  /** Of the pool's replies since they were last taken away. */
  readonly timings: Timings[] = []
  /** Times in the model of the pool's batches. */
  readonly batchMs: number[]

  private constructor(model: Model, loop: PythonLoop, pool: Runner, single: Runner, batchMs: number[]) {
    this.batchMs = batchMs
    this.#model = model
    this.#loop = loop
    this.#pool = pool
    this.#single = single
    const ask = (to: Runner, timings: Timings[] = []): Ask => {
      return async text => {
        const reply = await to.dispatch(callOf(model, [text]), request)
        timings.push(reply.timings)
        this.#checked(text, vectorOf(reply))
      }
    }
    const window = new FixedWindow(texts => pool.dispatch(callOf(model, texts), request), windowMs, most)
    this.#asks = new Map<Side, Ask>([
      ['pool', ask(pool, this.timings)],
      ['not batched', ask(single)],
      ['10 ms window', async text => this.#checked(text, await window.ask(text))],
    ])
  }

  static async open(model: Model): Promise<Sides> {
    const batchMs: number[] = []
    const launch = model.operation === 'echo' ? await echoLaunch() : await embedLaunch()
    const loop = new PythonLoop(insteadOfWorker('callers.py', launch))
    const [pool, single] = await Promise.all([
      openRunner({
        ops: [model.operation],
        poolSize: 1,
        onEvent: event => {
          if (event.name === 'batch-done') batchMs.push(event.modelMs)
        },
      }),
      openRunner({ ops: [model.operation], poolSize: 1, batchItems: 1 }),
      loop.ask(),
    ])
    return new Sides(model, loop, pool, single, batchMs)
  }

  get pool(): Runner {
    return this.#pool
  }

  closed(side: Side, count: number, texts: readonly string[]): Promise<Timed> {
    const ask = this.#asks.get(side)
    if (ask !== undefined) return closedLoop(count, texts, ask)
    return this.#loop.ask({ callers: count, texts, options: this.#model.options, most })
  }

  open(side: Side, due: readonly number[], texts: readonly string[]): Promise<Timed> {
    const ask = this.#asks.get(side)
    if (ask !== undefined) return openLoop(due, texts, ask)
    return this.#loop.ask({ due, texts, options: this.#model.options, most })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([
      this.#loop.close(),
      this.#pool[Symbol.asyncDispose](),
      this.#single[Symbol.asyncDispose](),
    ])
  }

  #checked(text: string, vector: Float32Array): void {
    if (!this.#model.check(text, vector)) throw new Error(`A wrong answer to ${text}`)
  }
}

function vectorOf({ results }: Reply): Float32Array {
  if (!isVectors(results) || results.count !== 1) throw new Error('A wrong reply')
  return results.data
}

/** Everything that one model's rounds have given. */
type Outcome = {
  readonly figures: Map<Load, Map<Side, Figures>>
  /** Poisson arrivals a second. */
  offeredPerSecond: number
  /** Of each round: how often it was looked, and what was seen. */
  readonly delays: {
    readonly n: number
    readonly p50Ms: number
    readonly p99Ms: number
    readonly maxMs: number
  }[]
  readonly interactive: { readonly besideBulk: number[]; readonly batch: number[] }
  facts: Readonly<Record<string, string>>
}

async function run({ note, quick, signal, until }: BenchmarkOptions): Promise<Report> {
  const scale = quick ? 0.1 : 1
  const begin = performance.now()
  const outcomes = new Map<Model, Outcome>()
  for (const [place, model] of [fake, real].entries()) {
    const outcome = emptyOutcome()
    outcomes.set(model, outcome)
    await using opened = await Sides.open(model)
    outcome.facts = opened.pool.stats().workers[0]?.facts ?? {}
    await oneRound(opened, model, quick ? 0.05 : 0.3, 0, signal, emptyOutcome())
    const share = begin + ((until - begin) * (place + 1)) / 2
    for (const round of rounds(quick ? 1 : 2, quick ? 1 : 8, share)) {
      note(`${model.name} model, round ${round + 1}`)
      await oneRound(opened, model, scale, round, signal, outcome)
      await besideBulk(opened, model, quick ? 300 : 3000, round, signal, outcome)
    }
  }
  const rows = [...outcomes].flatMap(([model, outcome]) => loadRows(model, outcome))
  return {
    workerFacts: outcomes.get(real)?.facts ?? {},
    tables: [
      {
        title: 'Single texts on one worker',
        note: 'perSecond: median of the rounds. offered: arrivals a second. queue, model, wire: medians of reply.timings.',
        rows,
      },
      {
        title: 'One interactive caller beside bulk work that fills the worker',
        note: 'Texts of equal length. batch: time in the model of one batch while bulk is alone.',
        rows: [...outcomes].map(([model, outcome]) => interactiveRow(model, outcome)),
      },
      {
        title: `Node's event loop under ${callers} callers`,
        note: 'As monitorEventLoopDelay gives it, which looks every millisecond: 1 ms is no delay. Medians of the rounds; max of all.',
        rows: [...outcomes].map(([{ name }, { delays }]) => ({ model: name, ...delayOf(delays) })),
      },
    ],
    charts: [...outcomes].flatMap(([model, { figures }]) => chartsOf(model, figures)),
    goals: goalsOf(outcomes),
  }
}

const emptyOutcome = (): Outcome => ({
  figures: new Map(
    loads.map(load => [
      load,
      new Map(sides.map(side => [side, { ms: [], rates: [], timings: [] } satisfies Figures])),
    ]),
  ),
  offeredPerSecond: 0,
  delays: [],
  interactive: { besideBulk: [], batch: [] },
  facts: {},
})

/** Every side once under every load, in another order from round to round. */
async function oneRound(
  opened: Sides,
  model: Model,
  scale: number,
  round: number,
  signal: AbortSignal,
  outcome: Outcome,
): Promise<void> {
  const count = (full: number, least: number = callers) => Math.max(least, Math.round(full * scale))
  const done = (load: Load, side: Side, timed: Timed) => {
    const timings = opened.timings.splice(0)
    keep(outcome, load, side, timed, side === 'pool' ? timings : [])
  }
  const { counts } = model
  const texts = model.texts(count(counts.many), round + 1)
  const order = round % 2 === 0 ? sides : sides.toReversed()
  for (const side of order) {
    signal.throwIfAborted()
    done('one caller', side, await opened.closed(side, 1, texts.slice(0, count(counts.one, 4))))
  }
  for (const side of order) {
    signal.throwIfAborted()
    // A new one each time: one that was stopped counts the time in between as a delay.
    const delay = monitorEventLoopDelay({ resolution: 1 })
    if (side === 'pool') delay.enable()
    const some = side === 'not batched' ? texts.slice(0, count(counts.unbatched)) : texts
    done('16 callers', side, await opened.closed(side, callers, some))
    if (side !== 'pool') continue
    delay.disable()
    outcome.delays.push({
      n: delay.count,
      p50Ms: delay.percentile(50) / 1e6,
      p99Ms: delay.percentile(99) / 1e6,
      maxMs: delay.max / 1e6,
    })
  }
  if (outcome.offeredPerSecond === 0) {
    const capacity = median(figuresOf(outcome, '16 callers', 'plain loop').rates)
    outcome.offeredPerSecond = model.name === 'fake' ? fakePoissonPerSecond : capacity / 2
  }
  const due = poisson(outcome.offeredPerSecond, model.poissonMs * scale, round + 1)
  for (const side of order) {
    signal.throwIfAborted()
    // Without batching half of the batched capacity is more than can be answered: its queue would only grow.
    if (side === 'not batched') continue
    done('Poisson at half capacity', side, await opened.open(side, due, texts))
  }
}

function keep(
  outcome: Outcome,
  load: Load,
  side: Side,
  { ms, totalMs }: Timed,
  timings: readonly Timings[],
): void {
  const figures = figuresOf(outcome, load, side)
  for (const each of timings) figures.timings.push(each)
  // One by one: a spread of thousands would be that many arguments.
  for (const value of ms) figures.ms.push(value)
  figures.rates.push((ms.length * 1000) / totalMs)
}

const figuresOf = ({ figures }: Outcome, load: Load, side: Side): Figures =>
  figures.get(load)?.get(side) as Figures

/** Keeps the worker full of bulk work, notes what its batches take, then asks for single texts beside it. */
async function besideBulk(
  { batchMs, pool }: Sides,
  model: Model,
  durationMs: number,
  round: number,
  signal: AbortSignal,
  { interactive }: Outcome,
): Promise<void> {
  // As long as each other to the character: else the pool's longest-first order would make batches grow.
  const texts = longTexts(3000, 30, round + 11).map(text => text.slice(0, 140))
  const over = new AbortController()
  const gone = AbortSignal.any([signal, over.signal])
  const filling = (async () => {
    for (;;) await pool.dispatch(callOf(model, texts), { caller: 'bulk', class: 'bulk', signal: gone })
  })().catch(error => {
    if (!gone.aborted) throw error
  })
  filling.catch(() => {})
  const random = randomFrom(round + 21)
  try {
    // Batches of bulk alone, the first aside: the pool may only just have learnt what a text costs.
    batchMs.length = 0
    while (batchMs.length < 3) await Promise.race([wait(5, undefined, { signal }), filling])
    const alone = batchMs.slice(1)
    interactive.batch.push(...alone)
    const end = performance.now() + durationMs
    for (const text of model.texts(10_000, round + 31)) {
      // At no fixed place within the batch that is running.
      await wait(random() * 2 * median(alone), undefined, { signal })
      if (performance.now() > end && interactive.besideBulk.length > 0) break
      const asked = performance.now()
      await pool.dispatch(callOf(model, [text]), { ...request, caller: 'person', class: 'interactive' })
      interactive.besideBulk.push(performance.now() - asked)
    }
  } finally {
    over.abort()
    await filling
    // What is running still runs to its end.
    await pool.dispatch(callOf(model, ['over']), request)
  }
}

function loadRows(model: Model, outcome: Outcome): Row[] {
  return loads.flatMap(load =>
    sides.flatMap((side): Row[] => {
      const { ms, rates, timings } = figuresOf(outcome, load, side)
      if (ms.length === 0) return []
      const part = (pick: (each: Timings) => number) => (side === 'pool' ? median(timings.map(pick)) : '')
      return [
        {
          model: model.name,
          load,
          side,
          n: ms.length,
          offeredPerSecond: load === 'Poisson at half capacity' ? outcome.offeredPerSecond : '',
          perSecond: median(rates),
          p50Ms: median(ms),
          p95Ms: percentile(ms, 0.95),
          p99Ms: percentile(ms, 0.99),
          queueMs: part(each => each.queueMs),
          modelMs: part(each => each.modelMs),
          wireMs: part(each => each.wireMs),
        },
      ]
    }),
  )
}

function interactiveRow(model: Model, { interactive: { batch, besideBulk: ms } }: Outcome): Row {
  return {
    model: model.name,
    n: ms.length,
    p50Ms: median(ms),
    p95Ms: percentile(ms, 0.95),
    p99Ms: percentile(ms, 0.99),
    batchMs: median(batch),
    ratioP95: percentile(ms, 0.95) / median(batch),
  }
}

const delayOf = (delays: Outcome['delays']) => ({
  n: delays.reduce((sum, { n }) => sum + n, 0),
  p50Ms: median(delays.map(each => each.p50Ms)),
  p99Ms: median(delays.map(each => each.p99Ms)),
  maxMs: Math.max(...delays.map(each => each.maxMs)),
})

const chartsOf = (model: Model, figures: Outcome['figures']): Chart[] =>
  [...figures].map(([load, bySide]) =>
    chartOf(
      `${model.name} model, ${load}`,
      'ms',
      Object.fromEntries([...bySide].map(([side, { ms }]) => [side, ms])),
    ),
  )

function goalsOf(outcomes: ReadonlyMap<Model, Outcome>): Goal[] {
  const ofFake = outcomes.get(fake) as Outcome
  const ofReal = outcomes.get(real) as Outcome
  const p = (outcome: Outcome, load: Load, side: Side, q: number) =>
    percentile(figuresOf(outcome, load, side).ms, q)
  const rate = (outcome: Outcome, side: Side) => median(figuresOf(outcome, '16 callers', side).rates)
  const less = (what: string, value: number, goal: number, unit = '×'): Goal => ({
    what,
    value,
    unit,
    better: 'less',
    goal,
  })
  const more = (what: string, value: number, goal: number): Goal => ({
    what,
    value,
    unit: '×',
    better: 'more',
    goal,
  })
  const p95To = (outcome: Outcome, load: Load, side: Side) =>
    p(outcome, load, 'pool', 0.95) / p(outcome, load, side, 0.95)
  const interactive = ({ interactive: { batch, besideBulk: ms } }: Outcome) =>
    percentile(ms, 0.95) / median(batch)
  return [
    less(
      'fake, one caller, p50 over the plain loop',
      p(ofFake, 'one caller', 'pool', 0.5) - p(ofFake, 'one caller', 'plain loop', 0.5),
      0.2,
      'ms',
    ),
    more('fake, 16 callers, rate to the plain loop', rate(ofFake, 'pool') / rate(ofFake, 'plain loop'), 0.97),
    less('fake, 16 callers, p95 to the plain loop', p95To(ofFake, '16 callers', 'plain loop'), 1.05),
    more('fake, 16 callers, rate to no batching', rate(ofFake, 'pool') / rate(ofFake, 'not batched'), 2),
    // 20 ms of model are 0.67 of 20 ms and the window: with 16 callers in step no pool can do better than that.
    less('fake, 16 callers, p95 to a 10 ms window', p95To(ofFake, '16 callers', '10 ms window'), 0.6),
    less(
      'fake, Poisson, p95 to a 10 ms window',
      p95To(ofFake, 'Poisson at half capacity', '10 ms window'),
      0.6,
    ),
    more('real, 16 callers, rate to no batching', rate(ofReal, 'pool') / rate(ofReal, 'not batched'), 1.3),
    less('real, 16 callers, p95 to a 10 ms window', p95To(ofReal, '16 callers', '10 ms window'), 0.8),
    less('fake, event-loop delay p99, 16 callers', delayOf(ofFake.delays).p99Ms, 5, 'ms'),
    less('real, event-loop delay p99, 16 callers', delayOf(ofReal.delays).p99Ms, 5, 'ms'),
    less('fake, interactive p95 to one bulk batch', interactive(ofFake), 2),
    less('real, interactive p95 to one bulk batch', interactive(ofReal), 2),
  ]
}

export const load: Benchmark = {
  about: 'single texts by 1 and 16 callers and at random times, beside other ways to batch',
  lengths: 1.5,
  run,
}
