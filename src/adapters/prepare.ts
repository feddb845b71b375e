/**
 * `evidence-runner prepare NAME…`: puts models of the hub onto this machine, says beforehand how large they are
 * and how much room there is, and afterwards what to write to use just these. A local folder is only checked.
 */
import { InputError } from '../core/errors.ts'
import type { PreparedModel, PrepareEvent } from '../setup/prepare.ts'
import { inWords, type Memory, type ModelFacts, megabytes, memoryHere, modelFactsOf } from './model-facts.ts'

/** Who fetches, and who hears of it. */
export type PrepareParts = {
  /** `prepareModel` of src/setup/prepare.ts with this run's settings. */
  readonly prepare: (name: string, onEvent: (event: PrepareEvent) => void) => Promise<PreparedModel>
  /** A line about what is to come. */
  readonly onNote?: ((line: string) => void) | undefined
  /** In MB, for a bar. */
  readonly onProgress?: ((label: string, done: number, total: number) => void) | undefined
  /** @default this machine's */
  readonly memory?: Memory
}

/** A model that is ready to be used. */
export type PreparedReport = PreparedModel & ModelFacts

/** What came of it: lines for people, and the same as data. */
export type PrepareAnswer = { readonly lines: readonly string[]; readonly data: readonly PreparedReport[] }

/** @throws InputError ER_INPUT without a name. */
export function parsePrepareWords(words: readonly string[]): readonly string[] {
  if (words.length > 0) return words
  throw new InputError(
    'ER_INPUT',
    'prepare takes models, such as mlx-community/Qwen3-4B-4bit or a folder; see: evidence-runner help prepare',
  )
}

/**
 * Prepares one model after the other.
 * @throws as `prepareModel`; ModelError ER_MODEL_LOAD, too, for a folder that can't be used, with the reason.
 */
export async function answerPrepare(names: readonly string[], parts: PrepareParts): Promise<PrepareAnswer> {
  const { prepare, onNote, onProgress, memory = memoryHere() } = parts
  const data: PreparedReport[] = []
  const lines: string[] = []
  for (const name of names) {
    const model = await prepare(name, event => {
      if (event.event === 'plan') onNote?.(planned(name, event))
      else onProgress?.(`MB of ${name}`, wholeMegabytes(event.done), wholeMegabytes(event.total))
    })
    const facts = await modelFactsOf(model.folder, memory)
    data.push({ ...model, ...facts })
    lines.push(...ready(model, facts, memory))
  }
  return { lines, data }
}

const wholeMegabytes = (bytes: number): number => Math.round(bytes / 2 ** 20)

function planned(name: string, plan: Extract<PrepareEvent, { event: 'plan' }>): string {
  const { bytes, cache, commit, files, free, present } = plan
  const missing = bytes - present
  const what = `${name} at ${commit.slice(0, 12)}: ${files} files, ${megabytes(bytes)}`
  if (missing <= 0) return `${what}, all of it in ${cache}`
  const here = present === 0 ? '' : `, ${megabytes(present)} of it here already`
  return `${what}${here}; ${megabytes(missing)} to come into ${cache}, where ${megabytes(free)} are free`
}

function ready(model: PreparedModel, facts: ModelFacts, memory: Memory): string[] {
  const { asked, commit, folder, pinned } = model
  const unasked = commit !== undefined && !asked ? ', as the cache has it; the hub was not asked' : ''
  return [
    `Ready: ${pinned}${unasked}`,
    ...(pinned === folder ? [] : [`  folder: ${folder}`]),
    `  ${inWords(facts, memory)}`,
    ...(facts.fits ? [] : ['  It does not fit into the memory that is free here; use a smaller one.']),
    `  Name it so in a configuration, or: evidence-runner check --generator ${pinned} …`,
  ]
}
