/**
 * How fast texts are written: eight at once through the pool, with and without streaming, in turns with mlx_lm's
 * own batch generator; the first token of one short text; label chances beside a text of one token.
 */
import type { Runner } from '../src/runner.ts'
import { rounds } from './benchmark.ts'
import { type Bed, fullTokens, type Part, type Prompt, runDirect } from './generation-setup.ts'
import { type Cpu, withCpu } from './processor-time.ts'
import { median, percentile, spread } from './statistic.ts'

const [rateGoal, streamGoalUs, firstGoalMs] = [0.95, 150, 2]

/** Runs everything once and gives milliseconds. */
type Way = () => Promise<number>

/** Eight texts at once: pool and mlx_lm in turns. */
export async function measureRate(bed: Bed): Promise<Part> {
  const { direct, note, prompts, quick, runner, signal, size, until } = bed
  let steps = fullTokens
  const directly = (way: 'plain' | 'explicit') => async () => {
    const run = await runDirect(direct, prompts, fullTokens, way)
    steps = run.steps
    return run.totalMs
  }
  const ways = {
    plain: directly('plain'),
    explicit: directly('explicit'),
    pool: () => throughPool(runner, prompts, false),
    stream: () => throughPool(runner, prompts, true),
  } as const satisfies Record<string, Way>
  const [worker] = runner.workers()
  const pids = { plain: direct.pid, explicit: direct.pid, pool: worker?.pid ?? 0, stream: worker?.pid ?? 0 }
  const cpu = { plain: [] as Cpu[], explicit: [] as Cpu[], pool: [] as Cpu[], stream: [] as Cpu[] }
  const measured = Object.fromEntries(
    Object.entries(ways).map(([name, way]) => {
      const key = name as keyof typeof ways
      return [name, () => withCpu(cpu[key], [pids[key]], fullTokens, way)]
    }),
  ) as typeof ways
  const times = await inTurns(measured, quick ? 3 : 40, {
    ...{ signal, until, note: text => note(`rate, ${text}`) },
  })
  const tokens = prompts.length * fullTokens
  const names = {
    plain: 'mlx_lm, its default sampler',
    explicit: 'mlx_lm, a sampler and a processor a row',
    pool: 'pool',
    stream: 'pool, streaming',
  }
  const rows = Object.entries(names).map(([way, name]) => {
    const ms = times[way as keyof typeof names]
    return {
      ...{ model: size.name, way: name, n: ms.length, medianMs: median(ms), rounds: spread(ms) },
      ...{ tokensPerSecond: (tokens * 1000) / median(ms), stepMs: median(ms) / steps },
      pythonStepMs: mean(cpu[way as keyof typeof names].map(each => each.python)),
      nodeStepMs: mean(cpu[way as keyof typeof names].map(each => each.node)),
      'of plain': median(pairs(times.plain, ms, (plain, own) => plain / own)),
      'of explicit': median(pairs(times.explicit, ms, (explicit, own) => explicit / own)),
    }
  })
  const ratio = (way: 'plain' | 'explicit') => median(pairs(times[way], times.pool, (a, b) => a / b))
  return {
    tables: [
      {
        title: `${prompts.length} texts of ${fullTokens} tokens at once, greedy (${size.name})`,
        note: 'In turns; from the first call to the last token. mlx_lm gets token ids and gives them; the pool gets texts. "of": tokens per second as a share, the median of the rounds. pythonStepMs, nodeStepMs: processor time a step.',
        rows,
      },
    ],
    goals: [
      {
        what: `tokens per second, share of mlx_lm with its default sampler (${size.name})`,
        ...{ value: ratio('plain'), unit: '×', better: 'more', goal: rateGoal },
      },
      {
        what: `tokens per second, share of mlx_lm with a sampler a row (${size.name})`,
        ...{ value: ratio('explicit'), unit: '×', better: 'more', goal: rateGoal },
      },
    ],
  }
}

/**
 * What streaming adds to a step of eight, in turns of nothing else: it is a few hundredths of a step, and the noise
 * of a machine is more than that.
 */
export async function measureStream(bed: Bed): Promise<Part> {
  const { note, prompts, quick, runner, signal, size, until } = bed
  const ways = {
    off: () => throughPool(runner, prompts, false),
    on: () => throughPool(runner, prompts, true),
  } as const satisfies Record<string, Way>
  const told = (text: string) => note(`streaming, ${text}`)
  // Node compiles what runs for each part while it runs: its processor time a step halves over the first seconds.
  for (let round = 0; round < (quick ? 2 : 16); round += 1) {
    signal.throwIfAborted()
    await ways.on()
  }
  const { off, on } = await inTurns(ways, quick ? 5 : 100, { signal, until, note: told })
  const us = (ms: number) => (ms * 1000) / fullTokens
  const added = pairs(off, on, (without, with_) => us(with_ - without))
  const row = (way: string, ms: readonly number[]) => ({
    ...{ model: size.name, streaming: way, n: ms.length, stepP50Us: us(median(ms)) },
    ...{ stepP25Us: us(percentile(ms, 0.25)), stepLeastUs: us(Math.min(...ms)) },
  })
  return {
    tables: [
      {
        title: `A step of ${prompts.length} texts with and without streaming (${size.name})`,
        note: `In turns. Added, of pairs: median ${median(added).toFixed(0)} µs, quartiles ${percentile(added, 0.25).toFixed(0)} and ${percentile(added, 0.75).toFixed(0)} µs.`,
        rows: [row('off', off), row('on', on)],
      },
    ],
    goals: [
      {
        what: `streaming adds to a step of ${prompts.length}, median of pairs (${size.name})`,
        ...{ value: median(added), unit: 'µs', better: 'less', goal: streamGoalUs },
      },
    ],
  }
}

/** One short text, alone: when its first token is there; and label chances. */
export async function measureFirst(bed: Bed): Promise<Part> {
  const { direct, note, prompts, quick, runner, signal, size, until } = bed
  const [short] = prompts as readonly [Prompt]
  const first = {
    direct: async () => (await runDirect(direct, [short], 8, 'plain')).firstMs,
    pool: () => firstText(runner, short.text, 8),
  } as const satisfies Record<string, Way>
  const answers = {
    one: () => timed(async () => runner.generate({ prompt: short.text, maxTokens: 1 }).result),
    labels: () => timed(async () => runner.label({ prompt: short.text, labels: ['supports', 'refutes'] })),
    oneOfOne: () => timed(async () => runner.label({ prompt: short.text, labels: ['a', 'b'] })),
  } as const satisfies Record<string, Way>
  const begin = performance.now()
  const turns = { signal, note: (text: string) => note(`first, ${text}`) }
  const times = {
    ...(await inTurns(first, quick ? 20 : 300, { ...turns, until: begin + (until - begin) * 0.7 })),
    ...(await inTurns(answers, quick ? 20 : 100, { ...turns, until })),
  }
  const names = {
    direct: 'first token, mlx_lm',
    pool: 'first token, pool, streaming',
    one: 'a text of one token, pool',
    labels: 'two labels of several tokens, pool',
    oneOfOne: 'two labels of one token, pool',
  }
  const rows = Object.entries(names).map(([way, what]) => {
    const ms = times[way as keyof typeof names]
    return { model: size.name, what, n: ms.length, medianMs: median(ms), leastMs: Math.min(...ms) }
  })
  const added = median(pairs(times.direct, times.pool, (alone, pool) => pool - alone))
  return {
    tables: [
      {
        title: `One short prompt of ${short.ids.length} tokens, alone (${size.name})`,
        note: 'In turns; from the call to the first text, or to the answer.',
        rows,
      },
    ],
    goals: [
      {
        what: `time to the first token, pool beyond mlx_lm (${size.name})`,
        ...{ value: added, unit: 'ms', better: 'less', goal: firstGoalMs },
      },
    ],
  }
}

/** Milliseconds of each way, a round each in turns; the first round warms and is not kept. */
async function inTurns<Names extends string>(
  ways: Readonly<Record<Names, Way>>,
  most: number,
  { note, signal, until }: { note: (text: string) => void; signal: AbortSignal; until: number },
): Promise<Record<Names, number[]>> {
  const list = Object.entries<Way>(ways)
  const times = Object.fromEntries(list.map(([name]) => [name, [] as number[]])) as Record<Names, number[]>
  for (const round of rounds(Math.min(4, most + 1), most + 1, until)) {
    if (round % 50 === 0) note(`round ${round} of ${most}`)
    // Begun with another one each time, so that what comes after what is the same for all.
    const first = round % list.length
    for (const [name, way] of [...list.slice(first), ...list.slice(0, first)]) {
      signal.throwIfAborted()
      const ms = await way()
      if (round > 0) times[name as Names].push(ms)
    }
  }
  return times
}

async function throughPool(runner: Runner, prompts: readonly Prompt[], stream: boolean): Promise<number> {
  return await timed(async () => {
    const texts = prompts.map(({ text }) =>
      runner.generate({ prompt: text, maxTokens: fullTokens, stream }, { timeoutMs: 60_000 }),
    )
    const results = await Promise.all(
      texts.map(async each => {
        let read = ''
        if (stream) for await (const event of each) if (event.type === 'text') read += event.text
        const result = await each.result
        if (stream && read !== result.text) throw new Error('The text that came is not the text')
        return result
      }),
    )
    if (results.some(({ tokens }) => tokens !== fullTokens)) throw new Error('Not all wrote to the end')
  })
}

/** Milliseconds until the first text of a generation, which is read to its end. */
async function firstText(runner: Runner, prompt: string, maxTokens: number): Promise<number> {
  const begin = performance.now()
  let first = Number.NaN
  for await (const event of runner.generate({ prompt, maxTokens }))
    if (event.type === 'text' && Number.isNaN(first)) first = performance.now() - begin
  return first
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const begin = performance.now()
  await work()
  return performance.now() - begin
}

/** What each round says when it compares two ways. */
const pairs = (
  first: readonly number[],
  second: readonly number[],
  compare: (a: number, b: number) => number,
): number[] => first.map((value, round) => compare(value, second[round] as number))

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
