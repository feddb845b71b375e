/** What `embed` takes, a text a line, and what it shows of a vector. */
import type { JsonLine } from './input.ts'

/** The first numbers of a vector, for people. */
export const sample = (vector: readonly number[]): string =>
  vector
    .slice(0, 6)
    .map(value => value.toFixed(4))
    .join(' ')

/** The text of a line, with the id that it brings; undefined where it is none. */
export function textLine(value: unknown): { id: string | number | undefined; text: string } | undefined {
  const { id, text } = (value ?? {}) as { id?: unknown; text?: unknown }
  if (typeof text !== 'string' || !(id === undefined || typeof id === 'string' || typeof id === 'number'))
    return undefined
  return { id, text }
}

/** Words of the command line as lines, numbered from 1. */
export function* wordsAsLines(words: readonly string[]): Generator<JsonLine> {
  for (const [index, word] of words.entries()) yield { line: index + 1, value: { id: index + 1, text: word } }
}
