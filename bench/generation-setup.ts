/**
 * What the benchmark of generation stands on: tiny language models made from a seed, a pool over one of them,
 * mlx_lm's own batch generator over the same folder in the same environment, and prompts that write to the end.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { openRunner, type Runner } from '../src/runner.ts'
import type { BenchmarkOptions } from './benchmark.ts'
import { insteadOfWorker, pythonEnvironment } from './launch.ts'
import { PythonLoop } from './python-loop.ts'
import type { Goal, Table } from './report.ts'
import { longTexts } from './texts.ts'

/** Rows that a worker decodes at once. */
export const slots = 8

/** Tokens that each of the compared generations has. */
export const fullTokens = 128

/** Words of the eight prompts, which are of different lengths. */
const words = [3, 5, 8, 12, 18, 26, 36, 48]

/** A model's size, and how test/support/tiny_language_model.py makes it. */
export type ModelSize = { readonly name: string; readonly made: readonly string[] }

export const sizes: readonly [ModelSize, ModelSize] = [
  { name: '2 layers of 64', made: [] },
  { name: '4 layers of 256', made: ['--layers', '4', '--dim', '256', '--scale', '0.1'] },
]

/** A prompt, and what the model reads for it. */
export type Prompt = { readonly text: string; readonly ids: readonly number[] }

/** What mlx_lm needed for prompts that it was given at once. */
export type DirectRun = {
  readonly firstMs: number
  readonly totalMs: number
  readonly steps: number
  readonly made: readonly (readonly number[])[]
}

/** All that a part of the benchmark needs. */
export type Bed = BenchmarkOptions & {
  readonly size: ModelSize
  /** The model's. */
  readonly folder: string
  readonly runner: Runner
  readonly direct: PythonLoop
  readonly prompts: readonly Prompt[]
}

/** What a part of the benchmark found. */
export type Part = { readonly tables: readonly Table[]; readonly goals: readonly Goal[] }

/** Runs `work` over a model of `size`: made for it, and gone with everything that was started when it ends. */
export async function withModel<T>(
  size: ModelSize,
  options: BenchmarkOptions,
  work: (bed: Bed, workerFacts: Readonly<Record<string, string>>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'evidence-runner-generate-'))
  try {
    const { blasLibrary, python } = await pythonEnvironment()
    const root = join(import.meta.dirname, '..')
    const maker = join(root, 'test', 'support', 'tiny_language_model.py')
    await promisify(execFile)(python, [maker, folder, ...size.made], { timeout: 60_000 })
    const setting = JSON.stringify({ folder, blas: blasLibrary ?? null })
    const launch = { python, packageFolder: join(root, 'python'), operations: [setting] }
    await using direct = new PythonLoop(insteadOfWorker('generation.py', launch))
    const { machine } = await direct.ask<{ machine: Record<string, string> }>()
    await using runner = await openRunner({
      ...{ ops: ['generate', 'embed'], generator: folder, slots, poolSize: 1 },
    })
    const prompts = await choosePrompts(direct)
    return await work({ ...options, size, folder, runner, direct, prompts }, machine)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** An item as `direct` encodes it. */
export const plainItem = (prompt: string) => ({ system: '', shared: '', prompt })

/** Has mlx_lm write up to `tokens` tokens for each of `prompts`, all at once. */
export const runDirect = (
  direct: PythonLoop,
  prompts: readonly { readonly ids: readonly number[] }[],
  tokens: number,
  way: 'plain' | 'explicit',
): Promise<DirectRun> => direct.ask({ ids: prompts.map(({ ids }) => ids), tokens, way })

/**
 * One prompt for each length whose greedy text is not ended by the model itself before `fullTokens`, so that all
 * ways of running them have the same to do. The first character of each comes with its first token.
 */
async function choosePrompts(direct: PythonLoop): Promise<Prompt[]> {
  const chosen: Prompt[] = []
  for (const [place, count] of words.entries()) {
    const texts = longTexts(slots, count, 100 + place)
    const { ids } = await direct.ask<{ ids: number[][] }>({ encode: texts.map(plainItem) })
    const { made } = await runDirect(
      direct,
      ids.map(list => ({ ids: list })),
      fullTokens,
      'plain',
    )
    const firsts = made.map(list => list.slice(0, 1))
    const { texts: first } = await direct.ask<{ texts: string[] }>({ decode: firsts })
    const found = made.findIndex(
      (list, index) => list.length === fullTokens && /^[^\uFFFD]+$/u.test(first[index] ?? ''),
    )
    if (found < 0) throw new Error(`No prompt of ${count} words writes ${fullTokens} tokens`)
    chosen.push({ text: texts[found] as string, ids: ids[found] as number[] })
  }
  return chosen
}
