/**
 * Reads sentence pairs with a score, from JSON Lines of { a, b, score } or a table with tabs, and measures cosines
 * against the scores.
 */
import * as z from 'zod'
import { parseJson, readText } from '../../src/adapters/input.ts'
import { InputError } from '../../src/core/errors.ts'
import { describeIssues } from '../../src/evidence/config.ts'
import { pearson, spearman } from './rank.ts'

const pairSchema = z.object({ a: z.string(), b: z.string(), score: z.number() })

/** Two sentences and how alike people find them, on any scale. */
export type SentencePair = z.output<typeof pairSchema>

/** What the columns of known tables are called. */
const columnNames = {
  a: ['a', 'sentence1', 'sentence_a'],
  b: ['b', 'sentence2', 'sentence_b'],
  score: ['score', 'similarity', 'relatedness_score'],
}

/** @throws InputError naming the file and the first line that can't be used. */
export async function readPairs(file: string): Promise<SentencePair[]> {
  const lines = (await readText(file))
    .replace(/^\ufeff/, '')
    .split('\n')
    .map((content, index) => ({ content: content.replace(/\r$/, ''), line: index + 1 }))
    .filter(({ content }) => content.trim() !== '')
  const [first, ...rest] = lines
  if (first === undefined) throw new InputError('ER_INPUT', `${file} has no line with a sentence pair`)
  if (first.content.trimStart().startsWith('{')) {
    return lines.map(({ content, line }) => pairOf(parseJson(content, `${file}: line ${line}`), file, line))
  }
  const columns = headingOf(first.content)
  const rows = columns === undefined ? lines : rest
  if (rows.length === 0) throw new InputError('ER_INPUT', `${file} has a heading and no sentence pair`)
  return rows.map(({ content, line }) => rowOf(content.split('\t'), columns ?? [0, 1, 2], file, line))
}

/** Spearman's and Pearson's correlation of cosines and scores; undefined where one side does not vary. */
export type PairQuality = {
  readonly pairs: number
  readonly spearman: number | undefined
  readonly pearson: number | undefined
}

/** @param cosines one a score, in the same order. */
export const pairQuality = (scores: readonly number[], cosines: readonly number[]): PairQuality => ({
  pairs: scores.length,
  spearman: spearman(cosines, scores),
  pearson: pearson(cosines, scores),
})

/** Places of a, b and score, where the first line names them; undefined where it is a pair itself. */
function headingOf(line: string): readonly [number, number, number] | undefined {
  const names = line.split('\t').map(name => name.trim().toLowerCase())
  const place = (known: readonly string[]) => names.findIndex(name => known.includes(name))
  const [a, b, score] = [place(columnNames.a), place(columnNames.b), place(columnNames.score)]
  return a < 0 || b < 0 || score < 0 ? undefined : [a, b, score]
}

function rowOf(
  cells: readonly string[],
  [a, b, score]: readonly [number, number, number],
  file: string,
  line: number,
): SentencePair {
  const given = cells[score]
  if (given === undefined) {
    throw new InputError(
      'ER_INPUT',
      `${file}: line ${line}: ${cells.length} columns; wanted: a, b and score with tabs between them`,
    )
  }
  const number = given.trim() === '' ? Number.NaN : Number(given)
  if (!Number.isFinite(number))
    throw new InputError('ER_INPUT', `${file}: line ${line}: score ${JSON.stringify(given)} is not a number`)
  return pairOf({ a: cells[a], b: cells[b], score: number }, file, line)
}

function pairOf(value: unknown, file: string, line: number): SentencePair {
  const parsed = pairSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new InputError('ER_INPUT', `${file}: line ${line}: ${describeIssues(parsed.error)}`)
}
