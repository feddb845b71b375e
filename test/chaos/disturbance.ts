/**
 * A load of 16 callers on a pool, first left alone, then with a worker killed every second: how much is
 * answered in each, what is lost, wrong or hung, how long it takes to be answered again, what memory does.
 */
import { setTimeout as pause } from 'node:timers/promises'
import type { Call, Reply } from '../../src/core/call.ts'
import { OverloadError } from '../../src/core/errors.ts'
import type { PoolEvent, PoolOptions } from '../../src/pool/options.ts'
import { Pool } from '../../src/pool/pool.ts'
import { runContext } from '../support/run-context.ts'

/** Work for callers: the next call, and whether its answer is right. */
export type Load = {
  readonly name: string
  readonly launch: PoolOptions['launch']
  next(): { readonly call: Call; right(reply: Reply): boolean }
}

/** What came of it; `ok` says whether all was well. */
export type Report = { readonly name: string; readonly ok: boolean } & Readonly<
  Record<string, string | number | boolean>
>

const callers = 16
const killEveryMs = 1000
/** A call that takes longer has hung. */
const hungMs = 30_000
/** Part of the time that is left undisturbed, to compare with. */
const calmPart = 0.25

/** Runs `load` for `totalMs`. */
export async function disturb(
  load: Load,
  totalMs: number,
  workers: { readonly size: number; readonly spares: number },
): Promise<Report> {
  const watch = new Watch()
  const pool = new Pool({ ...workers, launch: load.launch, onEvent: watch.note })
  try {
    await pool.whenReady(workers.size, 60_000)
    await drive(pool, load, Math.min(2000, totalMs / 20)) // warm on both sides before memory is read
    const before = memory(pool)
    const calm = await drive(pool, load, totalMs * calmPart)
    const killing = new AbortController()
    const killer = kill(pool, watch, killing.signal)
    const wild = await drive(pool, load, totalMs * (1 - calmPart))
    killing.abort()
    await killer
    const after = memory(pool)
    const bad = wild.lost + wild.wrong + wild.hung + calm.lost + calm.wrong + calm.hung
    return {
      name: `${load.name}, ${callers} callers, ${workers.size} workers, ${workers.spares} spares`,
      ok: bad === 0,
      kills: watch.kills,
      calls: wild.calls,
      lost: wild.lost,
      wrong: wild.wrong,
      hung: wild.hung,
      'refused, and came again': wild.refused,
      rejections: [...wild.codes].map(([code, count]) => `${count} ${code}`).join(', ') || 'none',
      'calls a second, undisturbed': Math.round(calm.rate),
      'calls a second, disturbed': Math.round(wild.rate),
      'disturbed against undisturbed': `${Math.round((100 * wild.rate) / calm.rate)} %`,
      'slowest call, undisturbed': `${Math.round(calm.slowestMs)} ms`,
      'slowest call, disturbed': `${Math.round(wild.slowestMs)} ms`,
      'answered again after': spread(watch.gapsMs),
      'the successor answers after': spread(watch.takeoversMs),
      'Node, before and after': `${before.node} → ${after.node} MB`,
      'workers, before and after': `${before.workers} → ${after.workers} MB`,
    }
  } finally {
    await pool.close()
  }
}

type Tally = {
  calls: number
  lost: number
  wrong: number
  hung: number
  refused: number
  slowestMs: number
  rate: number
  readonly codes: Map<string, number>
}

/** Every caller sends its next call when it has the answer to the last. */
async function drive(pool: Pool, load: Load, forMs: number): Promise<Tally> {
  const tally: Tally = {
    calls: 0,
    lost: 0,
    wrong: 0,
    hung: 0,
    refused: 0,
    slowestMs: 0,
    rate: 0,
    codes: new Map(),
  }
  const begin = performance.now()
  const one = async (caller: string) => {
    while (performance.now() - begin < forMs) await call(pool, load, caller, tally)
  }
  await Promise.all(Array.from({ length: callers }, (_, index) => one(`caller ${index}`)))
  tally.rate = (1000 * (tally.calls - tally.lost - tally.hung)) / (performance.now() - begin)
  return tally
}

async function call(pool: Pool, load: Load, caller: string, tally: Tally): Promise<void> {
  const { call, right } = load.next()
  const begin = performance.now()
  const { promise: late, resolve } = Promise.withResolvers<'hung'>()
  const timer = setTimeout(resolve, hungMs, 'hung')
  try {
    const reply = await Promise.race([pool.dispatch(call, runContext({ caller })), late])
    tally.calls += 1
    if (reply === 'hung') tally.hung += 1
    else if (!right(reply)) tally.wrong += 1
    tally.slowestMs = Math.max(tally.slowestMs, performance.now() - begin)
  } catch (error) {
    const code = (error as { code?: string }).code ?? String(error)
    tally.codes.set(code, (tally.codes.get(code) ?? 0) + 1)
    if (error instanceof OverloadError) {
      tally.refused += 1
      await pause(error.retryAfterMs)
    } else {
      tally.calls += 1
      tally.lost += 1
    }
  } finally {
    clearTimeout(timer)
  }
}

/** Kills one of the warm workers every second. */
async function kill(pool: Pool, watch: Watch, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await pause(killEveryMs, undefined, { signal }).catch(() => {})
    if (signal.aborted) return
    const warm = pool.health().workers.filter(({ state }) => state === 'ready' || state === 'busy')
    const victim = warm[Math.floor(Math.random() * warm.length)]
    if (victim === undefined) continue
    watch.killed(victim.generation)
    process.kill(victim.pid, 'SIGKILL')
  }
}

/** Times between a kill and the next answers. */
class Watch {
  kills = 0
  readonly gapsMs: number[] = []
  readonly takeoversMs: number[] = []
  readonly #served = new Set<number>()
  #killedAt: number | undefined
  #vacantAt: number | undefined

  readonly note = (event: PoolEvent): void => {
    if (event.name !== 'batch-done') return
    const at = performance.now()
    if (this.#killedAt !== undefined) this.gapsMs.push(at - this.#killedAt)
    this.#killedAt = undefined
    if (!this.#served.has(event.generation) && this.#vacantAt !== undefined) {
      this.takeoversMs.push(at - this.#vacantAt)
      this.#vacantAt = undefined
    }
    this.#served.add(event.generation)
  }

  killed(generation: number): void {
    this.kills += 1
    this.#killedAt = performance.now()
    // One that never served left no place to be taken over.
    if (this.#served.has(generation)) this.#vacantAt ??= performance.now()
  }
}

const megabyte = 1024 * 1024

function memory(pool: Pool): { node: number; workers: string } {
  const workers = pool.health().workers.map(({ memory }) => Math.round((memory?.rssBytes ?? 0) / megabyte))
  return { node: Math.round(process.memoryUsage().rss / megabyte), workers: workers.join(' + ') }
}

function spread(times: readonly number[]): string {
  if (times.length === 0) return 'never seen'
  const sorted = times.toSorted((a, b) => a - b)
  const median = sorted[Math.floor(sorted.length / 2)] ?? 0
  return `${Math.round(median)} ms median, ${Math.round(sorted.at(-1) ?? 0)} ms at most, ${times.length} times`
}
