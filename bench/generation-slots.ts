/**
 * Who waits for whom: a ninth call until a cancelled one has left its slot, counted in steps, and embeddings
 * beside eight texts that are being written.
 */

import { setImmediate as nextTurn } from 'node:timers/promises'
import { findGenerator, launchOf } from '../src/launch.ts'
import { builtInEncoder } from '../src/models/encoder.ts'
import { generationItem, Seeds } from '../src/models/generation.ts'
import type { Runner } from '../src/runner.ts'
import { rounds } from './benchmark.ts'
import { type Bed, type Part, type Prompt, slots } from './generation-setup.ts'
import { PythonLoop } from './python-loop.ts'
import { median, percentile } from './statistic.ts'
import { sentence } from './texts.ts'

/** Long enough that no text ends while it is looked at; those of the prompts do not end by themselves either. */
const longTokens = 1200

/** Rows that write and tell how many steps they have made. */
class Writers {
  /** Steps so far: the most that any row has written. */
  steps = 0
  readonly #controllers: AbortController[] = []
  readonly #ended: Promise<unknown>[] = []
  #heard = Promise.withResolvers<void>()

  constructor(runner: Runner, prompt: Prompt, count: number) {
    const seeds = new Seeds(1)
    const item = { prompt: prompt.text, maxTokens: longTokens, stream: true }
    for (let row = 0; row < count; row += 1) {
      const controller = new AbortController()
      this.#controllers.push(controller)
      const onPart = ({ delta }: { delta: unknown }) => {
        this.steps = Math.max(this.steps, (delta as { tokens: number }).tokens)
        this.#heard.resolve()
        this.#heard = Promise.withResolvers<void>()
      }
      const call = { op: 'generate', items: [generationItem(item, seeds)], onPart } as const
      this.#ended.push(runner.dispatch(call, { signal: controller.signal }).catch(() => {}))
    }
  }

  async until(steps: number): Promise<void> {
    while (this.steps < steps) await this.#heard.promise
  }

  cancel(row: number): void {
    this.#controllers[row]?.abort()
  }

  async end(): Promise<void> {
    for (const controller of this.#controllers) controller.abort()
    await Promise.all(this.#ended)
  }
}

/**
 * Steps that others make from a cancel until the call that waits for the slot has its first token, beside those
 * that a call needs which finds a slot free. Reading its prompt takes the same steps in both.
 */
export async function measureCancel(bed: Bed): Promise<Part> {
  const { note, prompts, quick, runner, signal, size, until } = bed
  const [short] = prompts as readonly [Prompt]
  const steps: Record<'free' | 'cancelled', number[]> = { free: [], cancelled: [] }
  const waits: Record<'free' | 'cancelled', number[]> = { free: [], cancelled: [] }
  for (const round of rounds(4, quick ? 10 : 80, until)) {
    if (round % 20 === 0) note(`cancel, round ${round}`)
    for (const kind of ['free', 'cancelled'] as const) {
      signal.throwIfAborted()
      const writers = new Writers(runner, short, kind === 'free' ? slots - 1 : slots)
      try {
        await writers.until(12 + (round % 5))
        // The call that waits is asked for well before the cancel, and stands in the pool's queue by then.
        const waiting = kind === 'cancelled' ? firstPart(runner, short.text) : undefined
        await writers.until(20 + (round % 5))
        const [begun, at] = [writers.steps, performance.now()]
        if (waiting !== undefined) writers.cancel(round % slots)
        await (waiting ?? firstPart(runner, short.text))
        steps[kind].push(writers.steps - begun)
        waits[kind].push(performance.now() - at)
      } finally {
        await writers.end()
      }
    }
  }
  const rows = (['free', 'cancelled'] as const).map(kind => ({
    model: size.name,
    call: kind === 'free' ? 'finds a slot free' : 'waits for a slot, one is cancelled',
    ...{ n: steps[kind].length, stepsP50: median(steps[kind]), stepsMost: Math.max(...steps[kind]) },
    stepsMean: mean(steps[kind]),
    waitP50Ms: median(waits[kind]),
  }))
  note('cancel, at the pipe')
  const atPipe = await cancelAtPipe(bed, quick ? 10 : 60)
  return {
    tables: [
      {
        title: `From a cancel that is written until the worker says that the slot is free (${size.name})`,
        note: 'At the pipe, without the pool: frames of parts that come in between, one a step, and those of them that have text of the cancelled row.',
        rows: [
          {
            ...{ n: atPipe.length, framesP50: median(atPipe.map(({ frames }) => frames)) },
            framesMost: Math.max(...atPipe.map(({ frames }) => frames)),
            ownMost: Math.max(...atPipe.map(({ own }) => own)),
            waitP50Ms: median(atPipe.map(({ ms }) => ms)),
          },
        ],
      },
      {
        title: `Steps of the others until a call's first token (${size.name})`,
        note: 'From the call, or from the cancel that makes room for it. Reading its prompt is in both.',
        rows,
      },
    ],
    goals: [
      {
        what: `steps from a cancel to a free slot, p50 (${size.name})`,
        ...{ value: median(steps.cancelled) - median(steps.free), unit: 'steps', better: 'less', goal: 1 },
      },
      {
        what: `steps of a cancelled row after the cancel is written, p95 (${size.name})`,
        value: percentile(
          atPipe.map(({ own }) => own),
          0.95,
        ),
        ...{ unit: 'steps', better: 'less', goal: 1 },
      },
    ],
  }
}

/** Speaks to a worker itself: what comes after a `cancel` has been written and before its row's answer. */
async function cancelAtPipe({ folder, prompts, signal }: Bed, count: number) {
  const generator = await findGenerator(folder)
  const launch = await launchOf(
    ['generate'],
    { slots },
    { encoder: { variant: builtInEncoder, folder: undefined }, generator },
  )
  await using worker = new PythonLoop(launch)
  const next = (message?: object) => worker.ask<Frame>(message)
  for (let frame = await next(); frame.type !== 'ready'; ) frame = await next()
  const [short] = prompts as readonly [Prompt]
  const item = { prompt: short.text, maxTokens: longTokens, stream: true }
  const seeds = new Seeds(2)
  const found: { frames: number; own: number; ms: number }[] = []
  for (let batch = 1; batch <= count; batch += 1) {
    signal.throwIfAborted()
    const calls = Array.from({ length: slots }, (_, index) => ({
      ...{ id: batch * slots + index, items: [generationItem(item, seeds)], options: {} },
      ...{ attempt: 1, seed: null, traceparent: '' },
    }))
    const { model } = generator.variant
    let frame = await next({ type: 'batch', batch, op: 'generate', model, hangMs: 20_000, calls })
    for (let steps = 0; steps < 15 + (batch % 5); frame = await next()) if (frame.type === 'parts') steps += 1
    // The cancelled one is another each time; the others are ended after it, unmeasured.
    const [gone, ...others] = [...calls.slice(batch % slots), ...calls.slice(0, batch % slots)]
    // Not behind the worker: else frames that were written before the cancel would count.
    for (let behind = 1; behind > 0; ) {
      await nextTurn()
      behind = worker.early
      while (worker.early > 0) await next()
    }
    const at = performance.now()
    let [frames, own] = [0, 0]
    frame = await next({ type: 'cancel', id: gone?.id })
    for (; !answers(frame, gone?.id); frame = await next()) {
      if (frame.type !== 'parts') continue
      frames += 1
      own += frame.calls.some(({ id }) => id === gone?.id) ? 1 : 0
    }
    found.push({ frames, own, ms: performance.now() - at })
    for (const { id } of others)
      for (frame = await next({ type: 'cancel', id }); !answers(frame, id); ) frame = await next()
  }
  return found
}

/** What a worker writes, as far as it is looked at here. */
type Frame =
  | { readonly type: 'ready' | 'hello' | 'log' | 'started' }
  | { readonly type: 'parts' | 'results'; readonly calls: readonly { readonly id: number }[] }

const answers = (frame: Frame, call: number | undefined): boolean =>
  frame.type === 'results' && frame.calls.some(({ id }) => id === call)

/** Embeddings of one text at a time: alone, and while eight texts are written in the same process. */
export async function measureFair(bed: Bed): Promise<Part> {
  const { note, prompts, quick, runner, signal, size, until } = bed
  const alone: number[] = []
  const beside: number[] = []
  const stepMs: number[] = []
  const block = quick ? 20 : 60
  let number = 0
  for (const round of rounds(2, quick ? 2 : 12, until)) {
    note(`embeddings beside texts, round ${round + 1}`)
    signal.throwIfAborted()
    await embedBlock(runner, block, alone, () => number++)
    // What a step of eight takes when nothing else is asked for.
    const texts = prompts.map(
      ({ text }) => runner.generate({ prompt: text, maxTokens: 64 }, { signal }).result,
    )
    for (const { tokensPerSecond } of await Promise.all(texts)) stepMs.push(1000 / tokensPerSecond)
    const writing = keepWriting(runner, prompts)
    await Promise.all(writing.begun)
    try {
      await embedBlock(runner, block, beside, () => number++)
    } finally {
      await writing.end()
    }
  }
  const [p95Alone, p95Beside] = [percentile(alone, 0.95), percentile(beside, 0.95)]
  const step = median(stepMs)
  const row = (what: string, ms: readonly number[]) => ({
    ...{ model: size.name, what, n: ms.length },
    ...{ p50Ms: median(ms), p95Ms: percentile(ms, 0.95), mostMs: Math.max(...ms) },
  })
  return {
    tables: [
      {
        title: `Embedding one text at a time, same worker (${size.name})`,
        note: `One step of ${slots} texts alone: ${step.toFixed(2)} ms (median).`,
        rows: [row('alone', alone), row(`beside ${slots} texts being written`, beside)],
      },
    ],
    goals: [
      {
        what: `embedding p95 beside ${slots} texts, of 2 × alone + one step (${size.name})`,
        ...{ value: p95Beside / (2 * p95Alone + step), unit: '×', better: 'less', goal: 1 },
      },
    ],
  }
}

/** Keeps a text being written for each of the prompts until it is told to end. */
function keepWriting(runner: Runner, prompts: readonly Prompt[]) {
  const controller = new AbortController()
  const begun: Promise<void>[] = []
  const done = prompts.map(async ({ text }) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    begun.push(promise)
    while (!controller.signal.aborted) {
      const stream = runner.generate(
        { prompt: text, maxTokens: longTokens, stream: true },
        { signal: controller.signal },
      )
      try {
        for await (const _ of stream) resolve()
      } catch (error) {
        if (!controller.signal.aborted) throw error
      }
    }
  })
  return {
    begun,
    end: async () => {
      controller.abort()
      await Promise.all(done)
    },
  }
}

async function embedBlock(runner: Runner, count: number, times: number[], next: () => number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const text = sentence(next())
    const begin = performance.now()
    await runner.dispatch({ op: 'embed', items: [text] })
    times.push(performance.now() - begin)
  }
}

/** When the first token of a text has come; the text is stopped then. */
async function firstPart(runner: Runner, prompt: string): Promise<void> {
  for await (const event of runner.generate({ prompt, maxTokens: longTokens }))
    if (event.type === 'text') return
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length
