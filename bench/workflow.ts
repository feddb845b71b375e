/**
 * Staged workflows by themselves, without models: how long the way from one stage to the next takes, what the
 * order of steps costs beside the steps, and how much faster than one after the other they are.
 */
import { StagedParallelExecutor, type WorkflowStage } from '../src/plan/workflow.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import type { Report, Row } from './report.ts'
import { median, percentile, spread } from './statistic.ts'

const stepMs = 50
const [stageCount, width] = [6, 3]

/** `count` stages of `wide` steps, each of which does what `handler` does. */
const stagesOf = (
  count: number,
  wide: number,
  handler: (stage: number) => unknown,
  inTurn: boolean,
): readonly WorkflowStage[] =>
  Array.from({ length: count }, (_, stage) => ({
    stageId: `stage-${stage + 1}`,
    stageNumber: stage + 1,
    dependencies: inTurn && stage > 0 ? [`stage-${stage}`] : [],
    steps: Array.from({ length: wide }, (_, place) => ({
      stepId: `step-${place + 1}`,
      handler: () => handler(stage),
    })),
  }))

const pause = () => new Promise<void>(resolve => setTimeout(resolve, stepMs))

/** Milliseconds from the end of a stage's last step to the start of the next stage's first, for each stage but one. */
async function transitions(count: number, wide: number, signal: AbortSignal): Promise<readonly number[]> {
  const starts = new Float64Array(count).fill(Number.POSITIVE_INFINITY)
  const ends = new Float64Array(count)
  const stamp = async (stage: number) => {
    starts[stage] = Math.min(starts[stage] as number, performance.now())
    // A turn of the event loop, so that a stage's steps lie side by side.
    await new Promise(resolve => setImmediate(resolve))
    ends[stage] = performance.now()
    return stage
  }
  const executor = new StagedParallelExecutor({ maxParallelTasks: wide })
  const result = await executor.executeWorkflow('transitions', stagesOf(count, wide, stamp, true), { signal })
  if (!result.success) throw new Error('A workflow failed')
  return Array.from(
    { length: count - 1 },
    (_, stage) => (starts[stage + 1] as number) - (ends[stage] as number),
  )
}

/** Wall time and speed-up of workflows of steps that only wait. */
async function waiting(
  names: readonly [stages: number, steps: number, width: number],
  least: number,
  most: number,
  { signal, until }: Pick<BenchmarkOptions, 'signal' | 'until'>,
): Promise<{ readonly wallMs: readonly number[]; readonly speedups: readonly number[] }> {
  const [count, wide, slots] = names
  const executor = new StagedParallelExecutor({ maxParallelTasks: slots })
  const [wallMs, speedups]: [number[], number[]] = [[], []]
  for (const _ of rounds(least, most, until)) {
    signal.throwIfAborted()
    const result = await executor.executeWorkflow('waiting', stagesOf(count, wide, pause, false), { signal })
    if (!result.success) throw new Error('A workflow failed')
    wallMs.push(result.totalDurationMs)
    speedups.push(result.overallSpeedup)
  }
  return { wallMs, speedups }
}

async function run({ note, quick, signal, until }: BenchmarkOptions): Promise<Report> {
  const begin = performance.now()
  const shared = { signal, until: begin + Math.min(until - begin, 15_000) }
  const ways: Row[] = []
  let transitionMs = 0
  for (const wide of [1, 3, 10]) {
    note(`from stage to stage, ${wide} steps wide`)
    const times: number[] = []
    for (const round of rounds(3, quick ? 5 : 20, shared.until)) {
      signal.throwIfAborted()
      const found = await transitions(100, wide, signal)
      // The first rounds run code that is not compiled yet.
      if (round > 1) times.push(...found)
    }
    if (wide === width) transitionMs = median(times)
    ways.push({ steps: wide, n: times.length, medianMs: median(times), p95Ms: percentile(times, 0.95) })
  }
  const total = stageCount * width
  const shapes = [
    {
      name: `${stageCount} stages of ${width}`,
      shape: [stageCount, width, width],
      ideal: stageCount * stepMs,
    },
    {
      name: `${stageCount} stages of ${width}, one slot`,
      shape: [stageCount, width, 1],
      ideal: total * stepMs,
    },
    { name: '1 stage of 40, 4 slots', shape: [1, 40, 4], ideal: 10 * stepMs },
  ] as const
  const rows: Row[] = []
  for (const { ideal, name, shape } of shapes) {
    note(`steps of ${stepMs} ms: ${name}`)
    const { speedups, wallMs } = await waiting(shape, quick ? 1 : 3, quick ? 2 : 8, shared)
    rows.push({
      workflow: name,
      n: wallMs.length,
      idealMs: ideal,
      medianMs: median(wallMs),
      rounds: spread(wallMs),
      overIdeal: median(wallMs) / ideal,
      speedup: median(speedups),
    })
  }
  const [staged] = rows as [Row]
  return {
    workerFacts: {},
    tables: [
      {
        title: 'From the end of a stage to the start of the next, 100 stages one after the other',
        note: 'Times of single transitions, those of the first two rounds left out.',
        rows: ways,
      },
      { title: `Steps that wait ${stepMs} ms each`, note: 'rounds: least–most ms.', rows },
    ],
    goals: [
      {
        what: `from stage to stage, ${width} steps wide, median`,
        value: transitionMs,
        unit: 'ms',
        better: 'less',
        goal: 1,
      },
      {
        what: `${total} steps of ${stepMs} ms in ${stageCount} stages`,
        value: staged['medianMs'] as number,
        unit: 'ms',
        better: 'less',
        goal: stageCount * stepMs * 1.15,
      },
      {
        what: `speed-up over one after the other, ${width} at once`,
        value: staged['speedup'] as number,
        unit: '×',
        better: 'more',
        goal: 2,
        next: 2.8,
      },
    ],
  }
}

export const workflow: Benchmark = {
  about: 'staged workflows: the way from stage to stage, and the gain of running side by side',
  run,
}
