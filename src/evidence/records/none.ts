/** Claims that something was not there: "No errors were logged", "The firewall dropped nothing on eth1". */
import type { Claim, Word } from './claim.ts'
import { counting, covers } from './count.ts'
import type { Block } from './record.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import { has, selectRows } from './select.ts'
import { type Item, itemsMeant, mayGoUnmet, namedAt, seriesMeant, unmetIn } from './series.ts'
import { conceptOf, isOutcome, isSoft } from './vocabulary.ts'

const faults = new Set(
  'error failed timeout restart warning retry evicted rejected dropped skipped crash rollback lost exception panic conflict'
    .split(' ')
    .map(conceptOf),
)

/** A column that states how many there were: all of the rows meant have to say 0. */
function zeroIn(claim: Claim, block: Block): Ruling | undefined {
  const series = seriesMeant(claim, block, 'number')
  if (series === undefined) return undefined
  const items = itemsMeant(claim, series).filter(({ cell }) => cell.quantity !== undefined)
  const named = items.filter(({ row }) => namedAt(claim, row, block) !== undefined)
  if (
    named.length === 0 &&
    claim.words.some(
      word => word.entity !== undefined && items.some(({ row }) => row.norm.includes(word.entity ?? '')),
    )
  )
    return undefined
  // A word that only some of the rows meet chooses among them; none of them has that name.
  if (named.length === 0 && claim.words.some(word => !isSoft(word.concept) && tellsApart(word, items, block)))
    return undefined
  const meant = named.length > 0 ? named : items
  const [first] = meant
  if (
    first === undefined ||
    !mayGoUnmet(
      unmetIn(
        claim,
        meant.map(({ row }) => row),
        series,
      ),
      claim,
    )
  )
    return undefined
  const above = meant.filter(({ cell }) => (cell.quantity?.value ?? 0) > 0)
  if (
    above.length === 0 &&
    (!block.complete ||
      meant.some(({ row }) => row.cells.some(cell => cell.name === series.name && cell.text === '')))
  )
    return undefined
  const places = (above.length > 0 ? above : meant).map(({ row, cell }) => placeOf(block, row, cell))
  return rule(
    above.length === 0,
    places,
    'none',
    above.length > 0 ? (above[0]?.cell.text ?? '') : '0',
    series.name,
  )
}

/** True for a word that some of the rows meet and others do not. */
function tellsApart(word: Word, items: readonly Item[], block: Block): boolean {
  if (items.some(({ cell }) => cell.own.includes(word.concept))) return false
  const met = items.filter(({ row }) => has(word, row, block)).length
  return met > 0 && met < items.length
}

/** Claims that something was not there at all. */
export function ruleOnNone(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  if ((!claim.none && !claim.nothing) || claim.figures.length > 0 || claim.turned) return undefined
  for (const block of blocks) {
    if (!covers(claim, block)) continue
    const zero = zeroIn(claim, block)
    if (zero !== undefined) return zero
    if (!claim.none) continue
    if (block.form !== 'log' && block.form !== 'table' && block.form !== 'tree') continue
    const selection = selectRows(claim, block, word => counting.has(word.concept))
    const { rows, all, telling, unmet } = selection
    // A line that holds both a fault and a good end, or a count of 0, may say either.
    if (rows.some(row => / (?:ok|success|passed|succeeded|0) /.test(row.norm))) continue
    if (
      unmet.length === 0 &&
      telling.length > 0 &&
      rows.length > 0 &&
      telling.some(word => faults.has(word.concept) || isOutcome(word.concept))
    ) {
      return rule(
        false,
        rows.map(row => placeOf(block, row)),
        'none',
        `${rows.length} matching ${block.form === 'log' ? 'lines' : 'rows'}`,
      )
    }
    if (!block.complete || all.length < (claim.span === undefined ? 2 : 1)) continue
    const fault = [...telling, ...unmet].filter(word => faults.has(word.concept))
    const missing = unmet.filter(word => !faults.has(word.concept))
    if (rows.length === 0 && fault.length === 1 && missing.length === 0)
      return rule(
        true,
        all.map(row => placeOf(block, row)),
        'none',
        `none of ${all.length} rows`,
      )
    if (block.form === 'tree') continue
    if (
      fault.length === 1 &&
      unmet.length === 1 &&
      unmet[0] === fault[0] &&
      telling.length > 0 &&
      rows.length > 1
    )
      return rule(
        true,
        rows.map(row => placeOf(block, row)),
        'none',
        `none of ${rows.length} rows`,
      )
    if (
      fault.length === 1 &&
      unmet.length === 1 &&
      unmet[0] === fault[0] &&
      telling.length === 0 &&
      claim.words.some(word => block.words.has(word.concept))
    )
      return rule(
        true,
        all.map(row => placeOf(block, row)),
        'none',
        `none of ${all.length} rows`,
      )
  }
  return undefined
}
