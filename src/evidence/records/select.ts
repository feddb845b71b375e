/**
 * Which rows of a block meet the words of a claim: those with the state, the name and the level that it names. A
 * word that no row and no title meets leaves the question open.
 */
import type { Claim, Word } from './claim.ts'
import { isStatistic } from './claim.ts'
import { metAt } from './meet.ts'
import type { Block, Cell, Row } from './record.ts'
import { isSum } from './series.ts'
import {
  conceptOf,
  isEnvironment,
  isGeneric,
  isKnownWord,
  isSoft,
  isSoftWord,
  stateOf,
  wordsIn,
} from './vocabulary.ts'
import { timely } from './window.ts'

/** Rows that meet all the words that rows can meet, and the words that nothing meets. */
export type Selection = {
  readonly rows: readonly Row[]
  /** Rows that lie in the claim's time. */
  readonly all: readonly Row[]
  /** Words that tell rows apart. */
  readonly telling: readonly Word[]
  readonly unmet: readonly Word[]
}

/** The rows of `block` that the claim's words choose; words for which `leave` holds are not looked for. */
export function selectRows(claim: Claim, block: Block, leave: (word: Word) => boolean): Selection {
  const all = block.rows.filter(
    row =>
      !row.quiet &&
      row.norm !== ' ' &&
      !isSum(row) &&
      timely(claim.span, row, block) &&
      !isElsewhere(claim, row, block),
  )
  // Lines of a long log that hold none of the claim's words were not read.
  const whole =
    block.form !== 'log' ||
    block.rows.length === all.length ||
    all.length === 0 ||
    !block.rows.some(row => row.norm === ' ')
  const columns = new Set(
    block.form === 'log'
      ? []
      : block.rows
          .slice(0, 3)
          .flatMap(row => row.cells.flatMap(cell => (cell.quantity === undefined ? cell.own : []))),
  )
  const telling: Word[] = []
  const unmet: Word[] = []
  let rows: readonly Row[] = all
  for (const word of claim.words) {
    if (leave(word) || isTitleOf(claim, word, all)) continue
    const exact = all.filter(row => isValue(word, row))
    const holding = exact.length > 0 ? exact : all.filter(row => has(word, row, block))
    const soft =
      word.entity === undefined && (isSoft(word.concept) || isSoftWord(word.lower) || isStatistic(word.lower))
    // What the title names is said of all rows, what a column is named after tells none apart.
    if (
      word.entity !== undefined &&
      block.norm.includes(word.kind === undefined ? word.entity : ` ${word.kind}${word.entity}`) &&
      holding.length < all.length
    )
      continue
    if (holding.length === 0 && word.entity === undefined && columns.has(word.concept)) {
      const filled = all.filter(row => isFilled(word, row))
      if (filled.length === all.length) continue
      // "Have an owner": rows with none are left out; what else such a claim may mean is not known.
      if (/\b(?:has|have|had|with)\b/i.test(claim.text)) {
        telling.push(word)
        rows = rows.filter(row => filled.includes(row))
      } else unmet.push(word)
      continue
    }
    if (holding.length === 0) {
      if (!soft && metAt(word, undefined, { ...emptyRow }, block) === undefined) unmet.push(word)
      continue
    }
    if (holding.length === all.length && whole) continue
    // What the title says of all rows need not be said by each.
    if (soft && exact.length === 0) continue
    if (exact.length === 0 && word.entity === undefined && block.words.has(word.concept)) continue
    telling.push(word)
    const chosen = new Set(holding)
    rows = rows.filter(row => chosen.has(row))
  }
  return { rows, all, telling, unmet }
}

/** True for a row with a value in the column that the word names. */
const isFilled = (word: Word, row: Row): boolean =>
  row.cells.some(cell => cell.own.includes(word.concept) && !/^(?:|no|none|null|false|-)$/i.test(cell.text))

/** Of "user kessler" the user only says what kessler is. */
function isTitleOf(claim: Claim, word: Word, rows: readonly Row[]): boolean {
  if (!isGeneric(word.concept) || word.entity !== undefined) return false
  const next = claim.words.find(each => each.start > word.start)
  if (next === undefined || next.verb || isKnownWord(next.lower)) return false
  return (
    /^\w+ "?$/.test(claim.text.slice(word.start, next.start)) &&
    rows.some(row => row.labels.has(next.concept))
  )
}

/** True for rows of an environment that the claim does not name. */
function isElsewhere(claim: Claim, row: Row, block: Block): boolean {
  const said = (concept: string) => claim.words.some(word => word.concept === concept)
  const foreign = (concept: string) => isEnvironment(concept) && !said(concept)
  return [...block.words].some(foreign) || (block.form !== 'log' && [...row.labels].some(foreign))
}

const emptyRow: Row = { start: 0, end: 0, cells: [], labels: new Set(), norm: ' ', names: [], quiet: false }

/** True where the word is the whole of a value, such as a state. */
const isValue = (word: Word, row: Row): boolean => row.cells.some(cell => isStated(word, cell))

/** True for a cell that states the word, by its text or by its name and a yes or no. */
export function isStated(word: Word, cell: Cell): boolean {
  if (cell.name === '' || cell.text.length > 30 || cell.quantity !== undefined) return false
  const flag = /^(?:true|yes)$/i.test(cell.text)
    ? 'same'
    : /^(?:false|no)$/i.test(cell.text)
      ? 'opposite'
      : ''
  if (flag !== '') return stateOf(cell.name.toLowerCase(), word.lower) === flag
  const parts = wordsIn(cell.text)
  const [only] = parts
  return (
    parts.length === 1 &&
    only !== undefined &&
    (conceptOf(only) === word.concept || stateOf(only.toLowerCase(), word.lower) === 'same')
  )
}

/** Whether a row meets a word; errors are told by their level where lines have one. */
export function has(word: Word, row: Row, block: Block): boolean {
  if (word.entity === undefined && block.form === 'log') {
    if (/^errors?$/.test(word.lower)) return / (?:error|err|fatal|critical) /.test(row.norm)
    if (/^fail/.test(word.lower)) return / (?:fail|failed|failure|failures|failing|fails) /.test(row.norm)
    if (/^warn/.test(word.lower)) return / warn(?:ing)? /.test(row.norm)
  }
  const at = metAt(word, undefined, row, { ...block, words: none, norm: ' ' })
  return at !== undefined && !(at === 'row' && !row.labels.has(word.concept) && word.entity === undefined)
}

const none: ReadonlySet<string> = new Set()
