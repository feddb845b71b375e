/** What `check` is asked: contexts from words, a file or a stream of lines. */
import { InputError } from '../core/errors.ts'
import { type Arguments, text } from './arguments.ts'
import { parseJson, readJsonLines, readText, sourceOf, withFiles } from './input.ts'

/** One context to check; `line` counts from 1. */
export type Question = { readonly line: number; readonly context: unknown; readonly error?: unknown }

/**
 * The contexts that a command line names, as they are read.
 * @throws InputError ER_INPUT where it names none, or in two ways.
 */
export async function contextsOf(
  given: Arguments,
): Promise<{ contexts: Iterable<Question> | AsyncIterable<Question>; total?: number }> {
  const { claim, collection, source, jsonl } = given.values
  const folder = text(given, 'allow-files')
  const ways = [typeof claim === 'string', typeof jsonl === 'string', given.words.length > 0].filter(
    Boolean,
  ).length
  if (ways > 1 || given.words.length > 1 || ((source ?? collection) !== undefined && claim === undefined)) {
    throw new InputError(
      'ER_INPUT',
      `Give --claim with --source or --collection, or --jsonl, or one file; see: evidence-runner help check`,
    )
  }
  if (typeof jsonl === 'string') return { contexts: questions(jsonl, folder) }
  if (typeof claim === 'string') {
    const files = (source ?? []) as readonly string[]
    const stored = ((collection ?? []) as readonly string[]).map(name => {
      return { id: name, type: 'database', collection: name }
    })
    if (files.length + stored.length === 0)
      throw new InputError('ER_INPUT', 'A claim needs at least one --source FILE, or a --collection NAME')
    const sources = [...(await Promise.all(files.map(sourceOf))), ...stored]
    return { contexts: [{ line: 1, context: { taskId: 'cli', claim, sources } }], total: 1 }
  }
  const [file] = given.words
  if (file === undefined)
    throw new InputError('ER_INPUT', `Nothing to check; see: evidence-runner help check`)
  const value = parseJson(await readText(file), file === '-' ? 'Standard input' : file)
  const list = Array.isArray(value) ? value : [value]
  const contexts = await Promise.all(list.map((context, index) => question(index + 1, context, folder)))
  return { contexts, total: contexts.length }
}

async function* questions(file: string, folder: string | undefined): AsyncGenerator<Question> {
  for await (const read of readJsonLines(file)) {
    yield 'error' in read ? { ...read, context: undefined } : question(read.line, read.value, folder)
  }
}

/** What is wrong with a context is its own answer, not the end of the run. */
async function question(line: number, value: unknown, folder: string | undefined): Promise<Question> {
  try {
    return { line, context: await withFiles(value, folder) }
  } catch (error) {
    return { line, context: value, error }
  }
}
