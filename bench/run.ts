/**
 * Runs a benchmark: `npm run bench -- NAME [--json] [--quick]`; without a name, lists them. Prints tables (or
 * JSON) and writes bench/results/NAME.json (NAME.quick.json) with the machine's facts, and NAME.svg where there
 * is a chart. Each run has a time limit.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { a2a } from './a2a.ts'
import type { Benchmark } from './benchmark.ts'
import { bridge } from './bridge.ts'
import { core } from './core.ts'
import { embed } from './embed.ts'
import { encoder } from './encoder.ts'
import { enhance } from './enhance.ts'
import { generate } from './generate.ts'
import { growth } from './growth.ts'
import { chartsSvg } from './histogram.ts'
import { load } from './load.ts'
import { machineFacts } from './machine.ts'
import { mcp } from './mcp.ts'
import { plan } from './plan.ts'
import { pool } from './pool.ts'
import { promptLibrary } from './prompts.ts'
import { queue } from './queue.ts'
import { recovery } from './recovery.ts'
import { type Result, resultText } from './report.ts'
import { sizes } from './sizes.ts'
import { start } from './start.ts'
import { store } from './store.ts'
import { validation } from './validation.ts'
import { vectors } from './vectors.ts'
import { verify } from './verify.ts'
import { workflow } from './workflow.ts'

const benchmarks: Readonly<Record<string, Benchmark>> = {
  bridge,
  load,
  embed,
  encoder,
  sizes,
  start,
  recovery,
  growth,
  pool,
  core,
  plan,
  enhance,
  generate,
  prompts: promptLibrary,
  store,
  validation,
  verify,
  vectors,
  mcp,
  a2a,
  queue,
  workflow,
}

/** What a benchmark aims at, and when it is ended. */
const times = { full: { aimMs: 100_000, limitMs: 240_000 }, quick: { aimMs: 15_000, limitMs: 120_000 } }
/** Between telling a benchmark that its time is over and ending the process. */
const graceMs = 3000

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { json: { type: 'boolean', default: false }, quick: { type: 'boolean', default: false } },
})

async function measure(name: string, benchmark: Benchmark): Promise<Result> {
  const { quick } = values
  const { lengths = 1 } = benchmark
  const [aimMs, limitMs] = Object.values(quick ? times.quick : times.full).map(ms => ms * lengths) as [
    number,
    number,
  ]
  const controller = new AbortController()
  const late = setTimeout(() => {
    controller.abort(new Error(`${name} was not done within ${limitMs / 1000} s`))
    // Whatever does not listen ends with us: every child reads our pipe and leaves when it closes.
    setTimeout(() => process.exit(124), graceMs).unref()
  }, limitMs)
  const machine = await machineFacts()
  const startedAt = new Date().toISOString()
  const begin = performance.now()
  try {
    const report = await benchmark.run({
      quick,
      until: begin + aimMs,
      signal: controller.signal,
      note: text => console.error(`${name}: ${text}`),
    })
    return {
      benchmark: name,
      quick,
      startedAt,
      seconds: (performance.now() - begin) / 1000,
      machine,
      ...report,
    }
  } finally {
    clearTimeout(late)
  }
}

const [name] = positionals
const chosen = name === undefined || !Object.hasOwn(benchmarks, name) ? undefined : benchmarks[name]
if (name === undefined || chosen === undefined) {
  const list = Object.entries(benchmarks)
    .map(([known, { about }]) => `  ${known.padEnd(10)}${about}`)
    .join('\n')
  console.error(
    `${name === undefined ? '' : `No benchmark ${name}. `}npm run bench -- NAME [--json] [--quick]\n${list}`,
  )
  process.exitCode = name === undefined ? 0 : 64
} else {
  const result = await measure(name, chosen).catch((error: unknown) => {
    console.error(error)
    process.exit(1)
  })
  const json = `${JSON.stringify(result, null, 2)}\n`
  const folder = join(import.meta.dirname, 'results')
  await mkdir(folder, { recursive: true })
  const file = join(folder, `${name}${values.quick ? '.quick' : ''}`)
  await writeFile(`${file}.json`, json)
  if (result.charts !== undefined) await writeFile(`${file}.svg`, chartsSvg(result.charts))
  process.stdout.write(values.json ? json : `${resultText(result)}\n`)
}
