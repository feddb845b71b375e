/**
 * What forbids an answer by a cell that fits: another cell of its row that the claim names better (even one without
 * a value), a later event that takes the row back, lines of several kinds counted as one.
 */
import type { Claim, Word } from './claim.ts'
import { type Block, type Cell, isKeyName, normOf, type Row } from './record.ts'
import { conceptOf, isSoft, wordsIn } from './vocabulary.ts'

const nothing = /^(?:|null|none|n\/?a\b.*|nan|unknown|missing|no data|not \w+|-+|–|—|\?+|tbd|\[\])$/i

/** True where a cell beside `cell` is what the claim names, by more of its words or with no value at all. */
export function outnamed(claim: Claim, cell: Cell, row: Row, block: Block): boolean {
  if (cell.name === '' || row.cells.length > 200) return false
  const own = saidBy(claim, cell, block)
  const beside = block.form === 'metrics' || block.form === 'tree' ? near(row, block) : row.cells
  for (const rival of beside) {
    if (rival === cell || rival.name === cell.name || rival.own.length === 0) continue
    const empty = rival.quantity === undefined && nothing.test(rival.text)
    if (!empty && (rival.quantity === undefined || isKeyName(rival.name))) continue
    if (rival.own.every(concept => cell.own.includes(concept))) continue
    const said = saidBy(claim, rival, block)
    if (said.length < rival.own.length) continue
    const firm = said.filter(concept => !isSoft(concept) || /\d/.test(concept))
    if (firm.length === 0) continue
    if (said.length > own.length || (empty && said.length >= own.length)) return true
  }
  return false
}

/** Cells of the row, and of one without further names also those of rows like it. */
function near(row: Row, block: Block): readonly Cell[] {
  if (block.form === 'tree' || block.rows.length > 300) return row.cells
  return block.rows.filter(each => each.names.join() === row.names.join()).flatMap(each => each.cells)
}

const heard = new WeakMap<Claim, ReadonlySet<string>>()

/** All words of the claim, those of its figures and keys too. */
function plainWords(claim: Claim): ReadonlySet<string> {
  const known = heard.get(claim) ?? new Set(wordsIn(claim.text).map(conceptOf))
  heard.set(claim, known)
  return known
}

/** The concepts of a cell's name that the claim says. */
function saidBy(claim: Claim, cell: Cell, block: Block): string[] {
  return cell.own.filter(
    concept =>
      block.words.has(concept) ||
      claim.words.some(word => word.concept === concept) ||
      plainWords(claim).has(concept) ||
      (/^\d+$/.test(concept) && new RegExp(`(?<!\\d)${concept}(?!\\d)`).test(claim.text)),
  )
}

const events = /^(?:event|events|ev|action|activity|what|change|operation|op)$/i
const back =
  / (?:un[a-z]{3,}ed|revert\w*|rollback|rolled back|cancell?ed|void|voided|withdrawn|recalled|reset|undone|undo|retracted|rescinded|invalidated|amended|superseded) /

const spoilt =
  / (?:void|invalid|unreliable|faulty|stuck|broken|disregard|ignore|do not use|not valid|wrong|miscounted|estimated|test data|placeholder) /

/** True where a remark beside the figures of a table says that they are not to be trusted. */
export function isSpoilt(claim: Claim, row: Row, block: Block): boolean {
  if (block.form === 'log' || block.form === 'metrics' || block.rows.length > 500) return false
  return (
    block.rows.some(each =>
      each.cells.some(
        cell =>
          cell.quantity === undefined &&
          remark.test(cell.name) &&
          spoilt.test(normOf(cell.text)) &&
          (each === row ||
            /\b(?:values|readings|earlier|all|since|before|previous|above|rows?)\b/i.test(cell.text)),
      ),
    ) && !spoilt.test(normOf(claim.text))
  )
}

const remark = /^(?:notes?|remarks?|comments?|info|hint|flags?|quality|description|reason)$/i

/** True where a later row takes back what `row` states, or goes on to other events of the same thing. */
export function takenBack(claim: Claim, row: Row, cell: Cell, block: Block): boolean {
  if (block.form === 'metrics' || block.rows.length > 2000 || claim.span !== undefined) return false
  const at = block.rows.indexOf(row)
  const later = block.rows.slice(at + 1)
  if (block.form === 'log') return later.some(each => back.test(each.norm) && sharesName(each, row, claim))
  if (!row.cells.some(each => events.test(each.name))) return false
  return later.some(
    each =>
      back.test(each.norm) ||
      (each.moment !== undefined && !each.cells.some(({ name }) => name === cell.name)),
  )
}

/** True where both rows tell of the same thing, or one of them names none. */
function sharesName(a: Row, b: Row, claim: Claim): boolean {
  const named = claim.words.filter(word => !isSoft(word.concept) && b.labels.has(word.concept))
  return named.length === 0 || named.some(word => a.labels.has(word.concept))
}

const leveled = /^(?:err|fail|warn|fatal|crit|except|panic)/

/** True where the lines that `telling` chooses are of one kind: a level, a field, or messages that are alike. */
export function oneKind(rows: readonly Row[], telling: readonly Word[]): boolean {
  const [first] = rows
  if (first === undefined || rows.length > 400) return true
  const loose = telling.filter(
    word =>
      word.entity === undefined &&
      !leveled.test(word.lower) &&
      !rows.every(row =>
        row.cells.some(
          cell =>
            cell.name !== '' &&
            cell.text.length <= 30 &&
            wordsIn(cell.text).some(part => conceptOf(part) === word.concept),
        ),
      ),
  )
  if (loose.length === 0) return true
  // The same word at the end of each line is a state, whatever stands before it.
  if (
    loose.every(word =>
      rows.every(row => conceptOf(row.norm.trim().split(' ').at(-1) ?? '') === word.concept),
    )
  )
    return true
  const shape = shapeOf(first)
  return rows.every(row => alike(shape, shapeOf(row)))
}

const shapeOf = (row: Row): ReadonlySet<string> =>
  new Set(row.norm.split(' ').filter(word => /^\p{L}{2,}$/u.test(word)))

function alike(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  const shared = [...a].filter(word => b.has(word)).length
  return shared * 2 > Math.min(a.size, b.size)
}

/** True where a row of the same kind has no figure in that column: what is said of all is then not shown. */
export function lacksFigure(cell: Cell, row: Row, block: Block): boolean {
  if (block.rows.length > 3000) return true
  const [first] = row.cells
  return block.rows.some(
    each =>
      !each.quiet &&
      each.cells.length > 1 &&
      each.cells[0]?.name === first?.name &&
      !each.cells.some(({ name, quantity }) => name === cell.name && quantity !== undefined),
  )
}
