/**
 * Language models in the pool, beside mlx_lm's own batch generator called directly, over models that are made
 * here: how fast, how soon, how fair, and what has to come out exactly.
 */
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import { countEqual, countPrefix, countValid } from './generation-counts.ts'
import { measureFirst, measureRate, measureStream } from './generation-rate.ts'
import { type Bed, type Part, sizes, withModel } from './generation-setup.ts'
import { measureCancel, measureFair } from './generation-slots.ts'
import type { Report } from './report.ts'

/** Which parts are run over which model, each with its share of the time. */
const [small, larger] = sizes
const plan: readonly { size: typeof small; parts: readonly [(bed: Bed) => Promise<Part>, number][] }[] = [
  {
    size: small,
    parts: [
      [measureRate, 0.15],
      [measureStream, 0.15],
      [measureFirst, 0.05],
      [measureCancel, 0.04],
      [measureFair, 0.06],
      [countEqual, 0.03],
      [countPrefix, 0.01],
      [countValid, 0.07],
    ],
  },
  {
    size: larger,
    parts: [
      [measureRate, 0.15],
      [measureStream, 0.15],
      [measureFirst, 0.06],
      [measureFair, 0.06],
    ],
  },
]

async function run(options: BenchmarkOptions): Promise<Report> {
  const begin = performance.now()
  const whole = options.until - begin
  const found: Part[] = []
  let workerFacts: Report['workerFacts'] = {}
  let share = 0
  for (const { size, parts } of plan) {
    await withModel(size, options, async (bed, facts) => {
      workerFacts = facts
      for (const [measure, part] of parts) {
        share += part
        found.push(await measure({ ...bed, until: begin + whole * share }))
      }
    })
  }
  return {
    workerFacts,
    tables: found.flatMap(({ tables }) => tables),
    goals: found.flatMap(({ goals }) => goals),
  }
}

export const generate: Benchmark = {
  about: 'language models in the pool beside mlx_lm called directly (minutes)',
  lengths: 3,
  run,
}
