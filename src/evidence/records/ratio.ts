/**
 * Shares of a whole: "fewer than half of the applications were approved" from two columns, "a quarter of the tickets
 * came from partners" from a column of counts over rows.
 */
import type { Claim } from './claim.ts'
import type { Figure } from './figure.ts'
import type { Block, Row } from './record.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import { type Item, itemsMeant, mayGoUnmet, namedAt, type Series, seriesOf, unmetIn } from './series.ts'
import { stanceOf, written } from './value.ts'
import { conceptOf, isPlan, isSoft } from './vocabulary.ts'
import { timely } from './window.ts'

/** What counts of parts and of wholes say to a claimed share. */
export function ruleOnRatio(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const [figure, ...others] = claim.figures
  if (
    figure === undefined ||
    others.length > 0 ||
    figure.quantity.dimension !== 'percent' ||
    claim.turned ||
    claim.none
  )
    return undefined
  if (
    !/^\s*(?:of|per cent of|percent of)\b/i.test(claim.text.slice(figure.end)) &&
    !/\b(?:share|rate|ratio|proportion|percentage)\b/i.test(claim.text)
  )
    return undefined
  for (const block of blocks) {
    if (block.form === 'log' || !block.complete) continue
    const ruling = ofColumns(claim, figure, block) ?? ofRows(claim, figure, block)
    if (ruling !== undefined) return ruling
  }
  return undefined
}

/** One column is a part of another: the whole is named, or is what the parts of each row add up to. */
function ofColumns(claim: Claim, figure: Figure, block: Block): Ruling | undefined {
  const columns = seriesOf(block).filter(
    ({ items }) =>
      items.every(({ cell }) => cell.quantity?.dimension === 'number') &&
      items.every(({ cell }) => !cell.own.some(isPlan)),
  )
  const said = (series: Series) =>
    (series.items[0]?.cell.own ?? []).some(
      concept => !isSoft(concept) && claim.words.some(word => word.concept === concept),
    )
  const named = columns.filter(said)
  const whole = wholeOf(columns) ?? named.toSorted((a, b) => sumOf(b.items) - sumOf(a.items))[0]
  const parts = named.filter(series => series !== whole)
  const [part] = parts
  if (
    whole === undefined ||
    part === undefined ||
    parts.length > 1 ||
    (named.length < 2 && wholeOf(columns) === undefined)
  )
    return undefined
  const chosen = rowsNamed(claim, block, part)
  if (chosen.length === 0) return undefined
  const taken = new Set(chosen)
  const pick = (series: Series) => series.items.filter(({ row }) => taken.has(row))
  const [some, all] = [sumOf(pick(part)), sumOf(pick(whole))]
  if (all <= 0 || some > all || pick(part).length !== pick(whole).length) return undefined
  const unmet = unmetIn(claim, chosen, part).filter(
    word => !(whole.items[0]?.cell.own ?? []).includes(word.concept),
  )
  if (!mayGoUnmet(unmet, claim, 0)) return undefined
  return shareOf(claim, figure, block, chosen, some, all)
}

/** Rows that the claim names, or all of its time. */
function rowsNamed(claim: Claim, block: Block, series: Series): Row[] {
  const items = itemsMeant(claim, series)
  const named = items.filter(({ row }) => namedAt(claim, row, block) !== undefined)
  if (claim.span !== undefined && !items.every(({ row }) => timely(claim.span, row, block))) return []
  return (named.length > 0 ? named : items).map(({ row }) => row)
}

/** The column that is in each row what the others add up to. */
function wholeOf(columns: readonly Series[]): Series | undefined {
  if (columns.length < 3 || (columns[0]?.items.length ?? 0) > 300) return undefined
  return columns.find(column => {
    const rest = columns.filter(each => each !== column)
    return column.items.every(({ row, cell }) => {
      const sum = rest.reduce(
        (all, series) => all + (series.items.find(item => item.row === row)?.cell.quantity?.value ?? 0),
        0,
      )
      return sum > 0 && sum === cell.quantity?.value
    })
  })
}

/** One row is a part of the sum of its column, where the rows are the parts of a whole. */
function ofRows(claim: Claim, figure: Figure, block: Block): Ruling | undefined {
  const columns = seriesOf(block).filter(
    ({ items }) =>
      items.every(({ cell }) => cell.quantity?.dimension === 'number') &&
      !items.some(({ cell }) => cell.own.some(isPlan)),
  )
  const counts = columns.filter(({ items }) =>
    (items[0]?.cell.own ?? []).some(
      concept =>
        concept === quantity || claim.words.some(word => word.concept === concept && word.start > figure.end),
    ),
  )
  const [column] = counts
  if (column === undefined || counts.length > 1 || column.items.length < 2 || block.form !== 'table')
    return undefined
  const items = itemsMeant(claim, column)
  const named = items.filter(({ row }) => namedAt(claim, row, block) !== undefined)
  const [only] = named
  if (only === undefined || named.length > 1 || items.length !== column.items.length) return undefined
  if (!mayGoUnmet(unmetIn(claim, [only.row], column), claim, 0)) return undefined
  return shareOf(
    claim,
    figure,
    block,
    items.map(({ row }) => row),
    sumOf([only]),
    sumOf(items),
  )
}

const quantity = conceptOf('count')

const sumOf = (items: readonly Item[]): number =>
  items.reduce((sum, { cell }) => sum + (cell.quantity?.value ?? 0), 0)

function shareOf(
  claim: Claim,
  figure: Figure,
  block: Block,
  rows: readonly Row[],
  some: number,
  all: number,
): Ruling | undefined {
  const value = Number(((some / all) * 100).toPrecision(10))
  const stance = stanceOf(figure, { value, dimension: 'percent', slack: 0, text: '' })
  if (stance === 'silent') return undefined
  return rule(
    stance === 'supports',
    rows.map(row => placeOf(block, row)),
    written(figure, claim.statistic),
    `${some} of ${all}`,
  )
}
