/** The benchmarks can be run: one of them, quickly, as a person would. What it measures is not looked at here. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'
import { median, percentile } from '../../bench/statistic.ts'
import { mixedTexts } from '../../bench/texts.ts'

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
