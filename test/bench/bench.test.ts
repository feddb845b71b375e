/** The benchmarks can be run: some of them, quickly, as a person would. What it measures is not looked at here. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { closedLoop, openLoop, poisson } from '../../bench/callers.ts'
import { chartOf, chartsSvg, chartText } from '../../bench/histogram.ts'
import { median, percentile } from '../../bench/statistic.ts'
import { mixedTexts } from '../../bench/texts.ts'
import { FixedWindow } from '../../bench/window.ts'

const root = join(import.meta.dirname, '..', '..')
const bench = (...names: string[]) =>
  promisify(execFile)('sh', [join(root, 'scripts', 'node'), join(root, 'bench', 'run.ts'), ...names], {
    timeout: 50_000,
  })

describe('npm run bench', () => {
  it('gives JSON with machine, tables and goals when bridge is run with --quick --json', async () => {
    const { stdout } = await bench('bridge', '--quick', '--json')
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({
      benchmark: 'bridge',
      quick: true,
      seconds: expect.any(Number),
      machine: {
        cpu: expect.any(String),
        cores: expect.any(Number),
        os: expect.stringContaining(process.platform),
        node: process.versions.node,
        python: expect.stringMatching(/^3\./),
        mlx: expect.stringMatching(/^\d/),
        loadAverage: expect.any(String),
      },
    })
    const [trips, codec] = result.tables
    expect(trips.rows.length).toBeGreaterThanOrEqual(7)
    for (const row of trips.rows) {
      expect(row).toMatchObject({
        load: expect.any(String),
        n: expect.any(Number),
        poolP50Ms: expect.any(Number),
        poolP95Ms: expect.any(Number),
        rawP50Ms: expect.any(Number),
        ratioP50: expect.any(Number),
      })
    }
    expect(codec.rows[0]).toMatchObject({ what: expect.any(String), p50Us: expect.any(Number) })
    for (const goal of result.goals)
      expect(goal).toMatchObject({
        what: expect.any(String),
        value: expect.any(Number),
        goal: expect.any(Number),
      })
    expect(JSON.parse(await readFile(join(root, 'bench', 'results', 'bridge.quick.json'), 'utf8'))).toEqual(
      result,
    )
  }, 60_000)

  it('tells every side under every load, and draws them, when load is run with --quick --json', async () => {
    const { stdout } = await bench('load', '--quick', '--json')
    const { charts, goals, machine, tables } = JSON.parse(stdout)
    const [singles, interactive, eventLoop] = tables
    for (const model of ['fake', 'real']) {
      for (const load of ['one caller', '16 callers', 'Poisson at half capacity']) {
        for (const side of ['plain loop', 'pool', '10 ms window']) {
          expect(singles.rows).toContainEqual(
            expect.objectContaining({
              model,
              load,
              side,
              n: expect.any(Number),
              perSecond: expect.any(Number),
              p50Ms: expect.any(Number),
              p95Ms: expect.any(Number),
              p99Ms: expect.any(Number),
            }),
          )
        }
      }
      expect(interactive.rows).toContainEqual(
        expect.objectContaining({ model, n: expect.any(Number), p95Ms: expect.any(Number) }),
      )
      expect(eventLoop.rows).toContainEqual(expect.objectContaining({ model, p99Ms: expect.any(Number) }))
    }
    expect(machine).toMatchObject({ cores: expect.any(Number), loadAverage: expect.any(String) })
    expect(goals.length).toBeGreaterThanOrEqual(12)
    for (const goal of goals) expect(goal.value).toBeGreaterThan(-1)
    expect(charts).toHaveLength(6)
    const picture = await readFile(join(root, 'bench', 'results', 'load.quick.svg'), 'utf8')
    expect(picture).toMatch(/^<svg [^>]+>.*real model, 16 callers.*<rect.*<\/svg>\n$/s)
  }, 60_000)

  it('tells what each way to compute takes when encoder is run with --quick --json', async () => {
    const { stdout } = await bench('encoder', '--quick', '--json')
    const { goals, tables, workerFacts } = JSON.parse(stdout)
    const [alone, bulk] = tables
    expect(alone.rows).toHaveLength(7)
    for (const row of alone.rows)
      expect(row).toMatchObject({
        texts: expect.any(String),
        way: expect.any(String),
        medianMs: expect.any(Number),
        times: expect.any(Number),
      })
    expect(bulk.rows[0]).toMatchObject({ workers: 2, perSecond: expect.any(Number) })
    expect(goals.map((goal: { unit: string }) => goal.unit)).toEqual(['×', '×', '×', 'texts/s'])
    expect(workerFacts).toHaveProperty('device')
  }, 60_000)

  it('lists the benchmarks and fails when the name is not one of them', async () => {
    const failure = await bench('toString').catch((error: unknown) => error)
    expect(failure).toMatchObject({ code: 64, stdout: '', stderr: expect.stringContaining('bridge') })
  })
})

describe('percentile()', () => {
  it('gives the value at the nearest rank when the rank falls between two', () => {
    const values = [40, 10, 30, 20]
    expect(median(values)).toBe(20)
    expect(percentile(values, 0.51)).toBe(30)
    expect(percentile(values, 0.95)).toBe(40)
    expect(percentile(values, 0)).toBe(10)
    expect(values).toEqual([40, 10, 30, 20])
  })

  it('throws when there are no values', () => {
    expect(() => median([])).toThrow(RangeError)
  })
})

describe('closedLoop()', () => {
  it('asks for every text once, with as many waiting as there are callers', async () => {
    const texts = mixedTexts(50)
    const asked: string[] = []
    let open = 0
    let most = 0
    const { ms, totalMs } = await closedLoop(7, texts, async text => {
      asked.push(text)
      most = Math.max(most, ++open)
      await new Promise(setImmediate)
      open -= 1
    })
    expect(asked).toEqual(texts)
    expect(most).toBe(7)
    expect(ms).toHaveLength(50)
    expect(totalMs).toBeGreaterThan(0)
  })

  it('rejects when one call fails', async () => {
    const failing = closedLoop(2, ['a', 'b', 'c'], async text => {
      if (text === 'b') throw new Error('lost')
    })
    await expect(failing).rejects.toThrow('lost')
  })
})

describe('openLoop()', () => {
  it('asks at the times that are due, without waiting for answers', async () => {
    const due = [0, 3, 3, 6]
    const { promise: last, resolve } = Promise.withResolvers<void>()
    const begin = performance.now()
    const asked: number[] = []
    const { ms } = await openLoop(due, ['a', 'b'], async () => {
      asked.push(performance.now() - begin)
      // Nobody is answered before all have asked: a loop that waited for answers would never end.
      if (asked.length === due.length) resolve()
      await last
    })
    expect(asked).toHaveLength(4)
    for (const [index, at] of due.entries()) expect(asked[index]).toBeGreaterThanOrEqual(at)
    expect(ms).toHaveLength(4)
  })
})

describe('poisson()', () => {
  it('gives the same rising times for a seed, about as many as the rate says', () => {
    const due = poisson(400, 10_000, 1)
    expect(poisson(400, 10_000, 1)).toEqual(due)
    expect(poisson(400, 10_000, 2)).not.toEqual(due)
    expect(due).toEqual(due.toSorted((a, b) => a - b))
    // Six standard deviations of 4000 arrivals.
    expect(Math.abs(due.length - 4000)).toBeLessThan(6 * Math.sqrt(4000))
    const gaps = due.map((at, index) => at - (due[index - 1] ?? 0))
    expect(percentile(gaps, 0.5)).toBeCloseTo(2.5 * Math.LN2, 0)
  })
})

describe('FixedWindow', () => {
  const vectors = (texts: readonly string[]) => ({
    results: { count: texts.length, dimensions: 1, data: Float32Array.from(texts, Number) },
    usage: { calls: 1, tokens: 0, workerMs: 0 },
    timings: { queueMs: 0, modelMs: 0, wireMs: 0 },
    attempt: 1,
    wastedMs: 0,
  })

  it('sends what came within the window as one call and gives each its own vector', async () => {
    const sent: (readonly string[])[] = []
    const window = new FixedWindow(
      async texts => {
        sent.push(texts)
        return vectors(texts)
      },
      5,
      32,
    )
    const answers = await Promise.all(['7', '8', '9'].map(text => window.ask(text)))
    expect(answers.map(vector => vector[0])).toEqual([7, 8, 9])
    expect(sent).toEqual([['7', '8', '9']])
  })

  it('does not wait for its window when the batch is full', async () => {
    const window = new FixedWindow(async texts => vectors(texts), 2 ** 30, 2)
    const answers = await Promise.all(['1', '2'].map(text => window.ask(text)))
    expect(answers.map(vector => vector[0])).toEqual([1, 2])
  })

  it('rejects every call of a batch that fails', async () => {
    const window = new FixedWindow(() => Promise.reject(new Error('lost')), 1, 32)
    const outcomes = await Promise.allSettled(['1', '2'].map(text => window.ask(text)))
    expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  })
})

describe('chartOf()', () => {
  it('counts every value once, what is out of scale in the last step', () => {
    const values = [...Array.from({ length: 199 }, (_, index) => index / 10), 1e6]
    const chart = chartOf('times', 'ms', { one: values, none: [] })
    expect(chart.series.map(({ name }) => name)).toEqual(['one'])
    const [counts = []] = chart.series.map(each => each.counts)
    expect(counts.reduce((sum, count) => sum + count, 0)).toBe(200)
    expect(counts[0]).toBe(values.filter(value => value < chart.step).length)
    expect(counts.at(-1)).toBeGreaterThanOrEqual(1)
    expect(chartText(chart)).toContain('ms')
    expect(chartsSvg([{ ...chart, title: 'a < b & c' }])).toContain('a &lt; b &amp; c')
  })

  it('has a scale when there are no values', () => {
    expect(chartOf('times', 'ms', {})).toMatchObject({ step: 1, series: [] })
  })
})

describe('mixedTexts()', () => {
  it('gives the same, different texts of 4 to 80 words when asked twice', () => {
    const texts = mixedTexts(300)
    expect(mixedTexts(300)).toEqual(texts)
    expect(new Set(texts).size).toBe(300)
    const words = texts.map(text => text.split(' ').length)
    expect(Math.min(...words)).toBeGreaterThanOrEqual(4)
    expect(Math.max(...words)).toBeLessThanOrEqual(80)
    expect(Math.max(...words) - Math.min(...words)).toBeGreaterThan(60)
  })
})
