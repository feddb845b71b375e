/**
 * Cold start and memory: from `open()` to the first embedding in fresh Node processes (files in the disk cache),
 * where a worker's boot spends its time, and what worker and host hold.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { Pool } from '../src/pool/pool.ts'
import { type Launch, spawnPython } from '../src/pool/spawn.ts'
import { verifyWeights } from '../src/setup/environment.ts'
import { decodeMessage } from '../src/wire/codec.ts'
import { FrameReader } from '../src/wire/frame.ts'
import type { FromWorker } from '../src/wire/message.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import { embedCall, embedLaunch, pythonEnvironment, requestContext } from './launch.ts'
import type { Goal, Report, Row } from './report.ts'
import { median } from './statistic.ts'
import { longTexts } from './texts.ts'

type Started = {
  readonly importedMs: number
  readonly openedMs: number
  readonly embeddedMs: number
  readonly closedMs: number
  readonly rssBytes: number
  readonly bootMs: number
  readonly facts: Record<string, string>
}

/** One worker's boot, in milliseconds since its spawn, as its messages came in. */
type Boot = {
  readonly helloMs: number
  readonly loadedMs: number
  readonly readyMs: number
  readonly loadMs: number
  readonly warmUpMs: number
}

const mib = 1024 * 1024

async function run({ note, quick, signal, until }: BenchmarkOptions): Promise<Report> {
  const sizes = [...new Set([1, Math.min(4, availableParallelism())])]
  const launch = await embedLaunch()
  const started = new Map(sizes.map(size => [size, [] as Started[]]))
  const boots: Boot[] = []
  const launches: number[] = []
  for (const turn of rounds(6, quick ? 6 : 16, until)) {
    note(turn === 0 ? 'once, to have files in the cache' : `start ${turn}`)
    for (const [size, list] of started) {
      const figures = await startOnce(size, signal)
      if (turn > 0) list.push(figures)
    }
    const boot = await bootOnce(launch, signal)
    if (turn > 0) {
      boots.push(boot)
      launches.push(await launchOnce())
    }
  }
  note('memory')
  const memory = await memoryRows(launch, quick, signal)
  const one = started.get(1) as Started[]
  const hostRow = {
    when: 'Node after the first embedding, pool of 1',
    mib: median(one.map(each => each.rssBytes)) / mib,
  }
  return {
    workerFacts: one[0]?.facts ?? {},
    tables: [
      {
        title: 'open() to the first embedding, fresh Node process, from sources',
        note: 'process: from the start of Node, with its imports. boot: spawn to ready of the first worker.',
        rows: sizes.map(size => startRow(size, started.get(size) as Started[])),
      },
      { title: 'One worker alone, from spawn', rows: bootRows(boots, launches) },
      { title: 'Resident memory', rows: [...memory.rows, hostRow] },
    ],
    goals: [
      ...sizes.map(
        (size): Goal => ({
          what: `open() to the first embedding, median, pool of ${size}`,
          value: median((started.get(size) as Started[]).map(each => each.embeddedMs - each.importedMs)),
          unit: 'ms',
          better: 'less',
          goal: 500,
          next: 350,
        }),
      ),
      { what: 'worker after warm-up', value: memory.warm, unit: 'MiB', better: 'less', goal: 200 },
      { what: 'worker after long texts, peak', value: memory.peak, unit: 'MiB', better: 'less', goal: 256 },
    ],
  }
}

async function startOnce(size: number, signal: AbortSignal): Promise<Started> {
  signal.throwIfAborted()
  const script = join(import.meta.dirname, 'start-child.ts')
  const child = spawn(process.execPath, [script, String(size)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    signal,
    killSignal: 'SIGKILL',
  })
  let text = ''
  child.stdout.setEncoding('utf8').on('data', (part: string) => {
    text += part
  })
  const [code] = await once(child, 'close')
  if (code !== 0) throw new Error(`start-child.ts exited with code ${code}`)
  return JSON.parse(text)
}

/** What the pool does before it spawns: finds the environment and checks the weights. */
async function launchOnce(): Promise<number> {
  const begin = performance.now()
  await verifyWeights(await pythonEnvironment())
  return performance.now() - begin
}

async function bootOnce(launch: Launch, signal: AbortSignal): Promise<Boot> {
  signal.throwIfAborted()
  const begin = performance.now()
  const child = spawnPython(launch)
  const exited = once(child, 'exit')
  const reader = new FrameReader()
  const seen: { message: FromWorker; atMs: number }[] = []
  child.stderr.resume()
  const { promise: ready, resolve, reject } = Promise.withResolvers<void>()
  child.stdout.on('data', (chunk: Buffer) => {
    for (const body of reader.push(chunk)) {
      const message = decodeMessage(body)
      seen.push({ message, atMs: performance.now() - begin })
      if (message.type === 'ready') resolve()
    }
  })
  exited.then(() => reject(new Error('The worker exited before it was ready')), reject)
  await ready
  child.stdin.end()
  await exited
  const at = (type: FromWorker['type']) => seen.find(({ message }) => message.type === type)?.atMs ?? 0
  const last = seen.find(({ message }) => message.type === 'ready')?.message
  if (last?.type !== 'ready') throw new Error('No ready message')
  return {
    helloMs: at('hello'),
    loadedMs: at('log'),
    readyMs: at('ready'),
    loadMs: last.loadMs,
    warmUpMs: last.warmUpMs,
  }
}

function startRow(size: number, list: readonly Started[]): Row {
  const of = (pick: (each: Started) => number) => median(list.map(pick))
  return {
    poolSize: size,
    n: list.length,
    medianMs: of(each => each.embeddedMs - each.importedMs),
    maxMs: Math.max(...list.map(each => each.embeddedMs - each.importedMs)),
    openMs: of(each => each.openedMs - each.importedMs),
    bootMs: of(each => each.bootMs),
    firstEmbedMs: of(each => each.embeddedMs - each.openedMs),
    importMs: of(each => each.importedMs),
    processMs: of(each => each.embeddedMs),
    closeMs: of(each => each.closedMs - each.embeddedMs),
  }
}

function bootRows(boots: readonly Boot[], launches: readonly number[]): Row[] {
  const row = (step: string, values: readonly number[]) => ({
    step,
    n: values.length,
    medianMs: median(values),
    maxMs: Math.max(...values),
  })
  return [
    row('before: find the environment, check the weights', launches),
    row(
      'spawn to hello',
      boots.map(each => each.helloMs),
    ),
    row(
      'hello to loaded',
      boots.map(each => each.loadedMs - each.helloMs),
    ),
    row(
      'loaded to ready',
      boots.map(each => each.readyMs - each.loadedMs),
    ),
    row(
      'spawn to ready',
      boots.map(each => each.readyMs),
    ),
    row(
      'load, by the worker',
      boots.map(each => each.loadMs),
    ),
    row(
      'warm-up, by the worker',
      boots.map(each => each.warmUpMs),
    ),
  ]
}

async function memoryRows(
  launch: Launch,
  quick: boolean,
  signal: AbortSignal,
): Promise<{ rows: Row[]; warm: number; peak: number }> {
  // 300 words are more than the 256 tokens that the encoder reads.
  const texts = longTexts(quick ? 96 : 200, 300)
  const rows: Row[] = []
  let warm = 0
  let peak = 0
  for (const [name, options] of [
    ['as shipped', {}],
    ['batches of 32 whole', { batchTokens: 1_000_000 }],
  ] as const) {
    await using pool = new Pool({ size: 1, launch: async () => launch, ...options })
    await pool.whenReady(1, 30_000, signal)
    const before = await resident(pool)
    for (let from = 0; from < texts.length; from += 32) {
      signal.throwIfAborted()
      await pool.dispatch(embedCall(texts.slice(from, from + 32)), requestContext())
    }
    const after = await resident(pool)
    warm = Math.max(warm, before.now)
    peak = Math.max(peak, after.peak)
    rows.push(
      { when: `worker after warm-up (${name})`, mib: before.now, peakMib: before.peak },
      {
        when: `worker after ${texts.length} long texts in calls of 32 (${name})`,
        mib: after.now,
        peakMib: after.peak,
      },
    )
  }
  return { rows, warm, peak }
}

/** In MiB: from the system where it tells at any time, else the worker's own last figures. */
async function resident(pool: Pool): Promise<{ now: number; peak: number }> {
  const [worker] = pool.health().workers
  const status = await readFile(`/proc/${worker?.pid}/status`, 'utf8').catch(() => '')
  const kib = (field: string) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1])
  if (status !== '') return { now: kib('VmRSS') / 1024, peak: kib('VmHWM') / 1024 }
  const { rssBytes = 0, peakBytes = 0 } = worker?.memory ?? {}
  return { now: rssBytes / mib, peak: peakBytes / mib }
}

export const start: Benchmark = { about: 'open() to the first embedding; memory of worker and host', run }
