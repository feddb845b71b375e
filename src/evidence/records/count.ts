/**
 * Counts of rows and lines: "The relay deferred three messages", "Half of the listed hosts run kernel 6.8". Only
 * what is complete is counted, and only where every word that tells rows apart is met.
 */
import type { Quantity } from '../facts/quantity.ts'
import type { Claim, Word } from './claim.ts'
import { asVersion } from './compare.ts'
import type { Figure } from './figure.ts'
import { type Block, type Cell, isKeyName, normOf, type Row } from './record.ts'
import { oneKind } from './rivals.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import { isStated, type Selection, selectRows } from './select.ts'
import { seriesOf } from './series.ts'
import { stanceOf, written } from './value.ts'
import { conceptOf, isGeneric, isOutcome, isPlan, isSoft, wordsIn } from './vocabulary.ts'
import { spans, timely } from './window.ts'

/** "Two hosts have no owner" chooses rows by what they lack; such rows are not counted. */
const isDenied = (claim: Claim): boolean =>
  /\b(?:not|never|without|n't|nor|lacks?|lacking|missing)\b|n't\b|\bno (?!(?:more|less|fewer|later|earlier) than)/i.test(
    claim.text,
  )

/** Concepts that only count what happens. */
export const counting: ReadonlySet<string> = new Set(
  'time times occurrence line entry row event record instance item case'.split(' ').map(conceptOf),
)

/** What the number of rows says to a claimed count or share. */
export function ruleOnCount(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const [figure, other] = countsIn(claim)
  if (
    figure === undefined ||
    claim.turned ||
    isDenied(claim) ||
    claim.limit ||
    claim.words.some(word => isPlan(word.concept) && !harmless.has(word.concept)) ||
    figure.measure !== undefined
  )
    return undefined
  for (const block of blocks) {
    if (block.rows.length < 3 || !covers(claim, block)) continue
    const ruling = countIn(claim, figure, other, block)
    if (ruling !== undefined && !isNoCount(claim, figure, block)) return ruling
  }
  return undefined
}

/** More than there are lines is a reading of something; which way a thing went, a line's words don't tell. */
const isNoCount = (claim: Claim, figure: Figure, block: Block): boolean =>
  (figure.quantity.dimension === 'number' && figure.quantity.value > 4 * block.rows.length) ||
  /\bfrom [\p{L}-]+ to [\p{L}-]+/u.test(claim.text)

/** The figure that counts, and of "two of the four steps" the four. */
function countsIn(claim: Claim): readonly [Figure | undefined, Figure | undefined] {
  const counts = claim.figures.filter(
    figure => figure.quantity.dimension === 'number' || figure.quantity.dimension === 'percent',
  )
  const [figure] = counts
  if (figure === undefined) return [onceIn(claim), undefined]
  // "Order 992 timed out": the number names what it is about.
  if (isKeyName(figure.before)) return [undefined, undefined]
  const second = [...claim.wholes, ...counts].find(each => each.start > figure.end)
  const whole =
    second !== undefined &&
    /^ ?(?:out )?of (?:the |its |all |all the )?$/.test(claim.text.slice(figure.end, second.start))
      ? second
      : undefined
  const times = /^(?:twice|thrice|once)$/i.test(figure.quantity.text)
  if (
    figure.quantity.dimension === 'number' &&
    (!Number.isInteger(figure.quantity.value) ||
      figure.quantity.text.includes('.') ||
      (figure.nouns.length === 0 && whole === undefined && !times))
  )
    return [undefined, undefined]
  return [figure, whole]
}

function onceIn(claim: Claim): Figure | undefined {
  const match = /\b(?:exactly |only |just )?once\b|\bonly one\b|\ba single\b/i.exec(claim.text)
  if (match === null) return undefined
  return {
    start: match.index,
    end: match.index + match[0].length,
    quantity: one,
    comparison: 'exact',
    nouns: [],
    before: '',
  }
}

const harmless = new Set(['timeout', 'alert', 'request', 'schedule'].map(conceptOf))

const one: Quantity = { value: 1, dimension: 'number', slack: 0, text: 'one' }

function countIn(claim: Claim, figure: Figure, whole: Figure | undefined, block: Block): Ruling | undefined {
  const conditions = claim.figures.filter(each => each !== figure && each !== whole)
  const nouns = new Set(figure.nouns)
  const counted = (word: Word) =>
    nouns.has(word.concept) && word.entity === undefined && word.start > figure.end
  // A column of that name states the number; it is no number of rows.
  if (figure.quantity.dimension === 'number' && namesColumn(block, figure)) return undefined
  const partial = figure.quantity.dimension === 'percent' && /^ ?of an? /.test(claim.text.slice(figure.end))
  if (partial || statesNumber(block, figure)) return undefined
  const noun = nounOf(claim, figure, block)
  const selection = selectRows(
    claim,
    block,
    word => counting.has(word.concept) || word === noun || isMeasured(word, conditions, block),
  )
  const kind = (word: Word) =>
    isGeneric(word.concept) && selection.telling.some(each => isBeside(claim, word, each))
  if (!answers(selection, word => counted(word) || kind(word))) return undefined
  // What is given as a reason has to be told by the rows.
  const reason = /\b(?:because|due to|owing to|caused by|for (?:its|their)|by)\b/i.exec(claim.text)
  if (
    reason !== null &&
    claim.words.some(
      word => word.start > reason.index && !selection.telling.includes(word) && !isKnown(word, block),
    )
  )
    return undefined
  if (
    reason !== null &&
    reason[0] !== 'by' &&
    claim.words.some(word => word.start > reason.index && !selection.telling.includes(word))
  )
    return undefined
  const rows = meeting(claim, selection.rows, conditions, block)
  if (rows === undefined) return undefined
  if (selection.telling.length === 0 && conditions.length === 0) return undefined
  if (block.form !== 'log' && conditions.length === 0 && !isCategory(selection, block)) return undefined
  const total = selection.all.length
  if (figure.quantity.dimension === 'percent') {
    if (!block.complete || block.form === 'log' || total === 0) return undefined
    if (noun !== undefined && !isKnown(noun, block)) return undefined
    const found = (rows.length / total) * 100
    const stance = stanceOf(figure, {
      value: Number(found.toPrecision(10)),
      dimension: 'percent',
      slack: 0,
      text: '',
    })
    return stance === 'silent'
      ? undefined
      : rule(
          stance === 'supports',
          selection.all.map(row => placeOf(block, row)),
          written(figure, 'plain'),
          `${rows.length} of ${total} rows`,
        )
  }
  if (whole !== undefined && whole.quantity.value !== total && block.form !== 'log') return undefined
  const number = distinctOf(rows, noun, claim) ?? rows.length
  if (number === 0 && figure.quantity.value !== 0) return undefined
  const stance = stanceOf(figure, { value: number, dimension: 'number', slack: 0, text: String(number) })
  if (stance === 'silent') return undefined
  // Where no row says what is counted, another number of rows may count other things.
  if (selection.unmet.some(word => word !== noun && !kind(word))) return undefined
  if (noun !== undefined && !isKnown(noun, block)) return undefined
  if (block.form === 'log' && !oneKind(rows, selection.telling)) return undefined
  const atLeast = /^(?:over|at-least)$/.test(figure.comparison) && stance === 'supports'
  if (!block.complete && !atLeast) return undefined
  return rule(
    stance === 'supports',
    rows.map(row => placeOf(block, row)),
    `${written(figure, 'plain')} counted`,
    `${number} matching ${block.form === 'log' ? 'lines' : 'rows'}`,
  )
}

/** True for words that stand next to one another. */
function isBeside(claim: Claim, a: Word, b: Word): boolean {
  const [first, second] = a.start < b.start ? [a, b] : [b, a]
  return /^[\w./:@#"]*\s+"?$/.test(claim.text.slice(first.start, second.start))
}

/** The noun that is counted, where it is no condition: no row says it, or it is what a column is named. */
function nounOf(claim: Claim, figure: Figure, block: Block): Word | undefined {
  const after = claim.words.filter(
    word =>
      word.start > figure.start &&
      figure.nouns.includes(word.concept) &&
      word.entity === undefined &&
      !counting.has(word.concept),
  )
  return (
    after.find(word =>
      block.rows.some(row =>
        row.cells.some(cell => cell.quantity === undefined && cell.own.includes(word.concept)),
      ),
    ) ?? after.find(word => !block.rows.some(row => row.labels.has(word.concept)) && !isOutcome(word.concept))
  )
}

/** A month, a day or a stretch of time that is claimed has to be what the block covers. */
export function covers(claim: Claim, block: Block): boolean {
  if (!spans(claim, block)) return false
  const { span } = claim
  if (span?.day === undefined || span.day.day !== undefined) return true
  return timely(span, { ...blankRow }, block)
}

const blankRow: Row = { start: 0, end: 0, cells: [], labels: new Set(), norm: ' ', names: [], quiet: false }

/** Rows are counted by a value that several of them may share, not by what names one row. */
function isCategory(selection: Selection, block: Block): boolean {
  return selection.telling.some(word => {
    const names = new Set(
      selection.rows.flatMap(row => row.cells.filter(cell => says(cell, word)).map(cell => cell.name)),
    )
    return [...names].some(name => {
      const values = block.rows.flatMap(row =>
        row.cells.filter(cell => cell.name === name && cell.text !== '').map(cell => cell.text),
      )
      return values.length > new Set(values).size
    })
  })
}

const says = (cell: Cell, word: Word): boolean =>
  word.entity === undefined
    ? isStated(word, cell) ||
      (cell.quantity === undefined && wordsIn(cell.text).some(part => conceptOf(part) === word.concept))
    : normOf(`${cell.name} ${cell.text}`).includes(word.entity)

/** True for a noun that a title, a column or a row holds. */
const isKnown = (noun: Word, block: Block): boolean =>
  block.words.has(noun.concept) ||
  block.rows.some(
    row =>
      row.labels.has(noun.concept) ||
      row.cells.some(cell => cell.own.includes(noun.concept) || cell.path.includes(noun.concept)),
  )

/** True where a message tells how many there were: "wrote 812 buffers". */
const statesNumber = (block: Block, figure: Figure): boolean =>
  block.form === 'log' &&
  figure.nouns.length > 0 &&
  block.rows.some(row =>
    row.cells.some(
      ({ name, own, quantity, text }) =>
        name === '' &&
        quantity?.dimension === 'number' &&
        own.at(-1) === figure.nouns[0] &&
        figure.quantity.dimension === 'number' &&
        /^[\d,]+$/.test(text) &&
        !counting.has(figure.nouns[0] ?? ''),
    ),
  )

const namesColumn = (block: Block, figure: Figure): boolean =>
  seriesOf(block).some(({ items }) =>
    items.some(
      ({ cell }) =>
        cell.quantity !== undefined &&
        figure.nouns
          .slice(0, 2)
          .some(noun => cell.own.includes(noun) && (!isSoft(noun) || cell.own.length === 1)),
    ),
  )

/** Nothing may go unmet but the counted noun itself. */
function answers(selection: Selection, counted: (word: Word) => boolean): boolean {
  return selection.unmet.every(
    word => word.entity === undefined && !isPlan(word.concept) && !isOutcome(word.concept) && counted(word),
  )
}

/** True for a word that names the column of a condition, or that its unit says. */
const isMeasured = (word: Word, conditions: readonly Figure[], block: Block): boolean =>
  word.entity === undefined &&
  conditions.some(
    condition =>
      isSoft(word.concept, condition.quantity.dimension) ||
      block.rows.some(row =>
        row.cells.some(
          cell =>
            cell.quantity !== undefined && fits(condition, cell.quantity) && cell.own.includes(word.concept),
        ),
      ),
  )

/** Rows that meet the other figures of the claim as conditions: "above 80 %", "kernel 6.8". */
function meeting(
  claim: Claim,
  rows: readonly Row[],
  conditions: readonly Figure[],
  block: Block,
): readonly Row[] | undefined {
  let left = rows
  for (const condition of conditions) {
    const said = new Set(claim.words.map(word => word.concept))
    const names = new Set(
      block.rows.flatMap(row =>
        row.cells
          .filter(
            cell =>
              cell.quantity !== undefined &&
              fits(condition, cell.quantity) &&
              (cell.own.some(concept => said.has(concept)) ||
                condition.quantity.dimension !== 'number' ||
                (isStatus(condition) && statusName.test(cell.name))),
          )
          .map(cell => cell.name),
      ),
    )
    const [name, ...more] = names
    if (name === undefined || more.length > 0 || name === '') return undefined
    left = left.filter(row =>
      row.cells.some(
        cell =>
          cell.name === name &&
          cell.quantity !== undefined &&
          stanceOf(condition, cell.quantity) === 'supports',
      ),
    )
  }
  return left
}

// "Answered with 503", of a column of status codes.
const statusName = /^(?:(?:http_?)?(?:status|code)|(?:status|response|http)_?code|sc-status)$/i
const isStatus = ({ quantity, before, comparison }: Figure): boolean =>
  comparison === 'exact' &&
  /^[1-5]\d\d$/.test(quantity.text) &&
  /^(?:with|code|status|http|as|by|a|an)$/.test(before)

const fits = (condition: Figure, found: Quantity): boolean =>
  asVersion(condition, found).quantity.dimension === found.dimension

/** How many different things, where the counted noun names a column whose values come more than once. */
function distinctOf(rows: readonly Row[], noun: Word | undefined, claim: Claim): number | undefined {
  if (noun === undefined) return undefined
  const values = rows.map(
    row => row.cells.find(cell => cell.own.includes(noun.concept) && cell.own.length === 1)?.text,
  )
  if (values.length === 0 || values.some(value => value === undefined)) return undefined
  const distinct = new Set(values).size
  return distinct === values.length || /\btimes\b|\btwice\b|\bonce\b/i.test(claim.text) ? undefined : distinct
}
