/**
 * Killing the one worker every second under 16 callers, on a fake model (4 + n ms): nothing may be lost, wrong or
 * unanswered; how soon there are answers again; and what of the undisturbed rate is left.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { crc32 } from 'node:zlib'
import { isVectors } from '../src/core/call.ts'
import { openRunner, type Runner } from '../src/runner.ts'
import type { Benchmark, BenchmarkOptions } from './benchmark.ts'
import type { Goal, Report, Row } from './report.ts'
import { median, percentile } from './statistic.ts'

const callers = 16
const killEveryMs = 1000
const fakeModel = { delayMs: 4, perItemMs: 1, dimensions: 384 }
/** A call that is not answered this long after the last kill is counted as never answered. */
const patienceMs = 15_000

type Outcome = {
  answered: number
  lost: number
  wrong: number
  hung: number
  readonly ms: number[]
  /** From each kill to the first answer of another process. */
  readonly backMs: number[]
  perSecond: number
  /** Those that hit a process which had answered. */
  kills: number
}

async function run({ note, quick, signal }: BenchmarkOptions): Promise<Report> {
  const kills = quick ? 3 : 20
  const rows: Row[] = []
  const goals: Goal[] = []
  for (const spares of [0, 1]) {
    await using pool = await openRunner({ ops: ['echo'], poolSize: 1, spares })
    note(`${spares} spares, undisturbed`)
    const calm = await underLoad(pool, 0, quick ? 1000 : 4000, signal)
    note(`${spares} spares, ${kills} kills`)
    const disturbed = await underLoad(pool, kills, kills * killEveryMs, signal)
    rows.push(rowOf(spares, calm), rowOf(spares, disturbed))
    goals.push(...goalsOf(spares, calm, disturbed))
  }
  return {
    workerFacts: {},
    tables: [
      {
        title: `A worker killed every ${killEveryMs / 1000} s, ${callers} callers, one worker, fake model`,
        note: 'back: from the kill to the first answer of another process.',
        rows,
      },
    ],
    goals,
  }
}

async function underLoad(
  pool: Runner,
  kills: number,
  durationMs: number,
  signal: AbortSignal,
): Promise<Outcome> {
  const outcome: Outcome = {
    answered: 0,
    lost: 0,
    wrong: 0,
    hung: 0,
    ms: [],
    backMs: [],
    perSecond: 0,
    kills: 0,
  }
  const dead = new Set<number>()
  const waiting = new Set<number>()
  let killedAt: number | undefined
  let pid: number | undefined
  let done = 0
  let over = false
  let number = 0
  const begin = performance.now()
  const caller = async () => {
    while (!over && !signal.aborted) {
      const id = number++
      const text = `${id} the breaker opened after a timeout`
      waiting.add(id)
      const asked = performance.now()
      try {
        const { results } = await pool.dispatch(
          { op: 'echo', items: [text], options: fakeModel },
          { timeoutMs: 60_000 },
        )
        const hash = crc32(text)
        const vector = isVectors(results) ? results.data : new Float32Array(4)
        if (vector[0] !== hash >>> 16 || vector[1] !== (hash & 0xffff)) outcome.wrong += 1
        else outcome.answered += 1
        outcome.ms.push(performance.now() - asked)
        if (dead.has(vector[3] as number)) continue
        pid = vector[3]
        if (killedAt !== undefined) {
          outcome.backMs.push(performance.now() - killedAt)
          killedAt = undefined
        }
      } catch {
        outcome.lost += 1
        await wait(10)
      } finally {
        waiting.delete(id)
      }
    }
  }
  const all = Promise.all(Array.from({ length: callers }, caller))
  for (let kill = 0; kill < kills; kill += 1) {
    await wait(killEveryMs / 2, undefined, { signal })
    // The one that answered last; not while none has answered since the last kill.
    if (pid !== undefined && !dead.has(pid)) {
      dead.add(pid)
      killedAt = performance.now()
      process.kill(pid, 'SIGKILL')
      done += 1
    }
    await wait(killEveryMs / 2, undefined, { signal })
  }
  if (kills === 0) await wait(durationMs, undefined, { signal })
  outcome.perSecond = (outcome.answered * 1000) / (performance.now() - begin)
  over = true
  await Promise.race([all, wait(patienceMs, undefined, { ref: false })])
  outcome.hung = waiting.size
  outcome.kills = done
  return outcome
}

const rowOf = (spares: number, outcome: Outcome): Row => ({
  spares,
  kills: outcome.kills,
  answered: outcome.answered,
  lost: outcome.lost,
  wrong: outcome.wrong,
  hung: outcome.hung,
  perSecond: outcome.perSecond,
  p50Ms: median(outcome.ms),
  p99Ms: percentile(outcome.ms, 0.99),
  maxMs: Math.max(...outcome.ms),
  ...(outcome.backMs.length === 0
    ? {}
    : { backP50Ms: median(outcome.backMs), backMaxMs: Math.max(...outcome.backMs) }),
})

function goalsOf(spares: number, calm: Outcome, disturbed: Outcome): Goal[] {
  const with_ = spares === 0 ? 'without a spare' : 'with a spare'
  const none = (what: string, value: number): Goal => ({
    what: `kills, ${with_}: ${what}`,
    value,
    unit: 'calls',
    better: 'less',
    goal: 0,
  })
  return [
    none('lost', disturbed.lost),
    none('wrong', disturbed.wrong),
    none('never answered', disturbed.hung),
    {
      what: `kills, ${with_}: until answered again, p50`,
      value: disturbed.backMs.length === 0 ? Number.POSITIVE_INFINITY : median(disturbed.backMs),
      unit: 'ms',
      better: 'less',
      goal: spares === 0 ? 250 : 36,
    },
    {
      what: `kills, ${with_}: rate to undisturbed`,
      value: disturbed.perSecond / calm.perSecond,
      unit: '×',
      better: 'more',
      goal: spares === 0 ? 0.6 : 0.9,
    },
  ]
}

export const recovery: Benchmark = { about: 'a worker killed every second under 16 callers', run }
