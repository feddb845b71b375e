/** Every number that the pool has to reach, in one run: the other benchmarks one after the other, their goals together. */
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { bridge } from './bridge.ts'
import { embed } from './embed.ts'
import { encoder } from './encoder.ts'
import { growth } from './growth.ts'
import { load } from './load.ts'
import { recovery } from './recovery.ts'
import type { Goal, Report, Table } from './report.ts'
import { start } from './start.ts'

/** Each with its part of the time. */
const parts: Readonly<Record<string, readonly [Benchmark, number]>> = {
  bridge: [bridge, 0.1],
  load: [load, 0.3],
  embed: [embed, 0.25],
  encoder: [encoder, 0.1],
  start: [start, 0.15],
  recovery: [recovery, 0.08],
  growth: [growth, 0.02],
}

async function run({ note, quick, signal, until }: BenchmarkOptions): Promise<Report> {
  const begin = performance.now()
  const tables: Table[] = []
  const goals: Goal[] = []
  let charts: Report['charts'] = []
  let workerFacts: Report['workerFacts'] = {}
  let share = 0
  for (const [name, [benchmark, part]] of Object.entries(parts)) {
    share += part
    const report = await benchmark.run({
      quick,
      signal,
      until: begin + (until - begin) * share,
      note: text => note(`${name}: ${text}`),
    })
    tables.push(...report.tables.map(table => ({ ...table, title: `${name}: ${table.title}` })))
    goals.push(...report.goals.map(goal => ({ ...goal, what: `${name}: ${goal.what}` })))
    charts = [...charts, ...(report.charts ?? [])]
    workerFacts = { ...workerFacts, ...report.workerFacts }
  }
  return { workerFacts, tables, goals, charts }
}

export const pool: Benchmark = { about: 'every number of the pool, with its goal (minutes)', lengths: 5, run }
