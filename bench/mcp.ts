/**
 * What the MCP door adds: new claims by 8 callers through the official client, over stdio and over HTTP, against the
 * library alone, in turns and at three sizes; and the door by itself, with a tool that asks no worker.
 */
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { StdioClientTransport } from '@modelcontextprotocol/client/stdio'
import { type EvidenceContext, EvidenceEnhancer } from '../src/index.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import { closedLoop } from './callers.ts'
import type { Goal, Report, Row } from './report.ts'
import { median, percentile } from './statistic.ts'
import { sentence } from './texts.ts'

const callers = 8
const sourcesOfClaim = 5
/**
 * Sentences of a source, so that a request comes to about as many tokens, and what each caller asks for in a turn: a
 * turn takes a second or two, so that a busy moment of the machine meets every way alike, and of 160 tokens so many
 * that all callers are at work for nearly all of it.
 */
const sizes = [
  { tokens: 160, sentences: 1, share: 0.6, each: 6 },
  { tokens: 400, sentences: 3, share: 0.2, each: 2 },
  { tokens: 1000, sentences: 8, share: 0.2, each: 1 },
] as const
const goals = { p95Ms: 250, ofLibrary: 1.1, doorMs: 3, cancelMs: 50 }

/** One way to check a claim; gives the tokens that it took. */
type Way = (context: EvidenceContext) => Promise<number>

async function run(options: BenchmarkOptions): Promise<Report> {
  const { note, quick, signal } = options
  note('opening the server and the library')
  await using library = await EvidenceEnhancer.open({ ready: 'all', telemetry: false, maxCacheSize: 0 })
  await using door = await openDoor()
  const ways: Record<string, Way> = {
    library: async context => (await library.enhanceEvidence(context)).spent.tokens,
    stdio: context => check(door.stdio, context),
    http: context => check(door.http, context),
  }
  const rows: (Row & { p95Ms: number; ofLibrary: number })[] = []
  const whole = (options.until - performance.now()) * 0.9
  for (const { share, ...size } of sizes) {
    const until = performance.now() + whole * share
    rows.push(...(await sizeRows(ways, size, until, options)))
  }
  signal.throwIfAborted()
  note('the door itself')
  const bare = [
    await doorRow('stdio', door.stdio, quick ? 200 : 1000),
    await doorRow('http', door.http, quick ? 200 : 1000),
  ]
  note('cancelling')
  const cancels = [
    await cancelRow('stdio', door.stdio, quick ? 3 : 40, signal),
    await cancelRow('http', door.http, quick ? 3 : 40, signal),
  ]
  const [, stdio, http] = rows
  return {
    workerFacts: library.stats().pool?.workers[0]?.facts ?? {},
    tables: [
      {
        title: `check_claim, ${callers} callers, ${sourcesOfClaim} new sources each, in turns`,
        note: 'Official client in protocol 2026-07-28. ofLibrary: p50 and p95 by those of the library alone.',
        rows,
      },
      { title: 'runner_status, which asks no worker, one caller', rows: bare },
      { title: 'From cancelling 200 texts that wait to a queue without them', rows: cancels },
    ],
    goals: [
      goal('check_claim of 160 tokens over stdio, p95', stdio?.p95Ms, 'ms', goals.p95Ms),
      goal('check_claim of 160 tokens over HTTP, p95', http?.p95Ms, 'ms', goals.p95Ms),
      goal('p95 over stdio by the library’s', stdio?.ofLibrary, '×', goals.ofLibrary),
      goal('p95 over HTTP by the library’s', http?.ofLibrary, '×', goals.ofLibrary),
      goal('the door itself over stdio, p50', Number(bare[0]?.['p50Ms']), 'ms', goals.doorMs),
      goal('the door itself over HTTP, p50', Number(bare[1]?.['p50Ms']), 'ms', goals.doorMs),
      goal('cancelling over stdio, p95', Number(cancels[0]?.['p95Ms']), 'ms', goals.cancelMs),
      goal('cancelling over HTTP, p95', Number(cancels[1]?.['p95Ms']), 'ms', goals.cancelMs),
    ],
  }
}

const goal = (what: string, value: number | undefined, unit: string, most: number): Goal => {
  return { what, value: value ?? Number.NaN, unit, better: 'less', goal: most }
}

let number = 0

/** The same number of claims by each way, in short turns whose order moves on; the first warms up. */
async function sizeRows(
  ways: Readonly<Record<string, Way>>,
  { each, sentences, tokens }: Omit<(typeof sizes)[number], 'share'>,
  until: number,
  { note, quick, signal }: BenchmarkOptions,
) {
  const figures = new Map(
    Object.keys(ways).map(name => [
      name,
      { ms: [] as number[], rates: [] as number[], tokens: [] as number[] },
    ]),
  )
  const count = callers * each
  const all = Object.entries(ways)
  for (const round of rounds(quick ? 2 : 4, quick ? 8 : 61, until)) {
    if (round % 10 === 0) note(`${tokens} tokens, ${round === 0 ? 'warm-up' : `round ${round}`}`)
    for (const place of all.keys()) {
      const [name, way] = all[(place + round) % all.length] as [string, Way]
      signal.throwIfAborted()
      const contexts = Array.from({ length: count }, () => claimContext(++number, sentences))
      const taken: number[] = []
      const { ms, totalMs } = await closedLoop(callers, contexts, async context => {
        taken.push(await way(context))
      })
      const of = figures.get(name)
      if (round === 0 || of === undefined) continue
      of.rates.push((count * 1000) / totalMs)
      of.ms.push(...ms)
      of.tokens.push(...taken)
    }
  }
  const alone = figures.get('library')?.ms ?? []
  return [...figures].map(([way, { ms, rates, tokens: taken }]) => ({
    way,
    tokens: median(taken),
    n: ms.length,
    p50Ms: median(ms),
    p95Ms: percentile(ms, 0.95),
    claimsPerS: median(rates),
    p50OfLibrary: median(ms) / median(alone),
    ofLibrary: percentile(ms, 0.95) / percentile(alone, 0.95),
  }))
}

async function doorRow(way: string, client: Client, count: number): Promise<Row> {
  const times: number[] = []
  for (let turn = -20; turn < count; turn += 1) {
    const begin = performance.now()
    await client.callTool({ name: 'runner_status', arguments: {} })
    if (turn >= 0) times.push(performance.now() - begin)
  }
  return { way, n: count, p50Ms: median(times), p95Ms: percentile(times, 0.95) }
}

const waiting = async (client: Client): Promise<number> => {
  const { structuredContent } = await client.callTool({ name: 'runner_status', arguments: {} })
  return (structuredContent as { waitingItems: number }).waitingItems
}

/** As a client sees it, so that asking is in the figure. */
async function cancelRow(way: string, client: Client, count: number, signal: AbortSignal): Promise<Row> {
  const times: number[] = []
  for (let turn = 0; turn < count; turn += 1) {
    signal.throwIfAborted()
    const leaving = new AbortController()
    const texts = Array.from({ length: 200 }, (_, place) => sentence(++number * 100 + place))
    const call = client.callTool(
      { name: 'embed_texts', arguments: { texts, timeoutMs: 600_000 } },
      { signal: leaving.signal },
    )
    const left = call.then(
      () => Promise.reject(new Error('Done before it was cancelled')),
      () => {},
    )
    while ((await waiting(client)) < 50) await pause(1)
    const begin = performance.now()
    leaving.abort()
    while ((await waiting(client)) > 0) await pause(1)
    times.push(performance.now() - begin)
    await left
  }
  return { way, n: count, p50Ms: median(times), p95Ms: percentile(times, 0.95) }
}

async function check(client: Client, context: EvidenceContext): Promise<number> {
  const { isError, structuredContent } = await client.callTool({ name: 'check_claim', arguments: context })
  const answer = structuredContent as { cached: boolean; fallbackUsed: boolean; spent: { tokens: number } }
  if (isError || answer.cached || answer.fallbackUsed)
    throw new Error('Not the answer that was to be measured')
  return answer.spent.tokens
}

const claimContext = (claim: number, sentences: number): EvidenceContext => {
  const first = claim * 100
  return {
    taskId: `claim-${claim}`,
    claim: sentence(first),
    sources: Array.from({ length: sourcesOfClaim }, (_, source) => ({
      content: Array.from({ length: sentences }, (_, place) =>
        sentence(first + 1 + source * sentences + place),
      ).join(' '),
    })),
  }
}

async function openDoor() {
  const negotiation = { versionNegotiation: { mode: { pin: '2026-07-28' } } } as const
  const transport = new StdioClientTransport({
    command: process.execPath,
    args: [join(import.meta.dirname, 'mcp-child.ts')],
    stderr: 'pipe',
  })
  const [stdio, http] = [0, 1].map(() => new Client({ name: 'bench', version: '1' }, negotiation)) as [
    Client,
    Client,
  ]
  const { promise, reject, resolve } = Promise.withResolvers<string>()
  let said = ''
  const heard = (transport.stderr as Readable).setEncoding('utf8')
  heard.on('data', chunk => {
    said += chunk
    const found = /\{"url":"([^"]+)"\}/.exec(said)
    if (found !== null) resolve(found[1] as string)
  })
  heard.once('end', () => reject(new Error(`The server ended: ${said}`)))
  await stdio.connect(transport)
  await http.connect(new StreamableHTTPClientTransport(new URL(await promise)))
  await Promise.all([stdio.listTools(), http.listTools()])
  return {
    stdio,
    http,
    [Symbol.asyncDispose]: async () => {
      await http.close()
      await stdio.close()
    },
  }
}

export const mcp: Benchmark = {
  about: 'the MCP door: check_claim over stdio and HTTP against the library',
  run,
}
