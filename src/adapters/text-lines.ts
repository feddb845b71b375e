/** What `embed` takes, a text a line, and what it gives and shows of a vector. */
import { type ErrorRecord, errorRecord, InputError } from '../core/errors.ts'
import type { EvidenceEnhancer } from '../runner.ts'
import type { JsonLine } from './input.ts'

/** The vector of a line's text, or what is wrong with it. */
export type Embedded =
  | { readonly id: string | number; readonly vector: readonly number[] }
  | { readonly id?: string | number; readonly line: number; readonly error: ErrorRecord }

/** Embeds a line. What is wrong with it is its answer. @throws the signal's reason, and nothing else. */
export async function embedLine(
  enhancer: Pick<EvidenceEnhancer, 'embed'>,
  line: JsonLine,
  signal: AbortSignal,
): Promise<Embedded> {
  let id: string | number | undefined
  try {
    if ('error' in line) throw line.error
    const wanted = textLine(line.value)
    if (wanted === undefined)
      throw new InputError('ER_INPUT', `Line ${line.line} is not {"id", "text"} with a text`)
    id = wanted.id
    const [vector] = await enhancer.embed([wanted.text], { signal })
    return { id: id ?? line.line, vector: [...(vector as Float32Array)] }
  } catch (error) {
    signal.throwIfAborted()
    return { ...(id === undefined ? {} : { id }), line: line.line, error: errorRecord(error) }
  }
}

/** The first numbers of a vector, for people. */
export const sample = (vector: readonly number[]): string =>
  vector
    .slice(0, 6)
    .map(value => value.toFixed(4))
    .join(' ')

/** The text of a line, with the id that it brings; undefined where it is none. */
function textLine(value: unknown): { id: string | number | undefined; text: string } | undefined {
  const { id, text } = (value ?? {}) as { id?: unknown; text?: unknown }
  if (typeof text !== 'string' || !(id === undefined || typeof id === 'string' || typeof id === 'number'))
    return undefined
  return { id, text }
}

/** Words of the command line as lines, numbered from 1. */
export function* wordsAsLines(words: readonly string[]): Generator<JsonLine> {
  for (const [index, word] of words.entries()) yield { line: index + 1, value: { id: index + 1, text: word } }
}
