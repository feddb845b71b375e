/** Days and times that cells state: "The certificate of api.example expires on 10 April 2026". */
import { type Moment, order } from '../facts/moment.ts'
import { type Claim, isStatistic } from './claim.ts'
import { isForeign, metAt } from './meet.ts'
import type { Block, Cell, Row } from './record.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import { isPlan, isSoft, isSoftWord } from './vocabulary.ts'

/** What the one cell that the claim means says of its day or time. */
export function ruleOnDate(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const { span } = claim
  if (span === undefined || claim.figures.length > 0 || claim.negated || claim.turned) return undefined
  const found = blocks.flatMap(block =>
    block.form === 'table' || block.form === 'tree' ? cellsMeant(claim, block) : [],
  )
  const [only] = found
  if (only === undefined || found.length > 1) return undefined
  const holds = meets(claim, only.cell.moment ?? {})
  if (holds === undefined) return undefined
  return rule(
    holds,
    [placeOf(only.block, only.row, only.cell)],
    claim.text.slice(span.at).replace(/\.$/, ''),
    only.cell.text,
    only.cell.name,
  )
}

type Meant = { readonly block: Block; readonly row: Row; readonly cell: Cell }

/** Cells with a moment whose name the claim says, in rows that its other words meet. */
function cellsMeant(claim: Claim, block: Block): Meant[] {
  const words = claim.words.filter(
    word =>
      !isStatistic(word.lower) &&
      !(word.entity === undefined && (isSoft(word.concept) || isSoftWord(word.lower))),
  )
  return block.rows.flatMap(row => {
    if (row.quiet) return []
    return row.cells.flatMap(cell => {
      const { moment } = cell
      if (moment === undefined || (moment.day === undefined && moment.from === undefined)) return []
      const named = cell.own.filter(concept => words.some(word => word.concept === concept))
      if (named.length === 0 || cell.own.some(concept => isPlan(concept) && !named.includes(concept)))
        return []
      if (isForeign(claim, cell, row, block)) return []
      if (words.some(word => metAt(word, cell, row, block) === undefined)) return []
      return words.some(
        word =>
          metAt(word, undefined, row, { ...block, words: none, norm: ' ' }) !== undefined &&
          !cell.own.includes(word.concept),
      ) ||
        block.rows.length === 1 ||
        block.form === 'tree'
        ? [{ block, row, cell }]
        : []
    })
  })
}

const none: ReadonlySet<string> = new Set()

function meets({ span }: Claim, moment: Moment): boolean | undefined {
  if (span === undefined) return undefined
  const { from: _from, to: _to, ...date } = moment
  if (span.first !== undefined && span.last !== undefined) return undefined
  if (span.first !== undefined) return sign(order(date, span.first), difference => difference > 0)
  if (span.last !== undefined)
    return sign(order(date, span.last), difference => (span.open ? difference < 0 : difference <= 0))
  if (span.day?.day === undefined || span.from !== undefined) return undefined
  return sign(order(date, span.day), difference => difference === 0)
}

const sign = (difference: number | undefined, holds: (difference: number) => boolean): boolean | undefined =>
  difference === undefined ? undefined : holds(difference)
