/**
 * Cells of one name over the rows of a block, and which of these series and rows a claim means. Rows that sum up
 * the others are left out.
 */
import { momentOf } from '../facts/moment.ts'
import type { Claim, Word } from './claim.ts'
import { isStatistic } from './claim.ts'
import { statisticOfCell } from './compare.ts'
import { isClassNoun, isForeign, isFrequency, isObject, metAt } from './meet.ts'
import { type Block, type Cell, isKeyName, normOf, type Row } from './record.ts'
import {
  conceptOf,
  isEnvironment,
  isNeutral,
  isOutcome,
  isPlan,
  isSoft,
  isSoftWord,
  isTelling,
} from './vocabulary.ts'
import { timely } from './window.ts'

/** A cell and its row. */
export type Item = { readonly row: Row; readonly cell: Cell }

/** Cells of one name. */
export type Series = { readonly block: Block; readonly name: string; readonly items: readonly Item[] }

const summing =
  /^(?:totals?|sum|all|average|mean|median|target|overall|goal|limit|note|avg|max|min|grand total|combined)$/i

/** True for a row that sums up others or states what they are to be. */
export const isSum = (row: Row): boolean =>
  row.cells.some(cell => cell.quantity === undefined && summing.test(cell.text))

/** The series of figures of a block. */
export function seriesOf(block: Block): Series[] {
  const byName = new Map<string, Item[]>()
  for (const row of block.rows) {
    if (row.quiet || isSum(row)) continue
    for (const cell of row.cells) {
      if (cell.name === '') continue
      const items = byName.get(cell.name) ?? []
      items.push({ row, cell })
      byName.set(cell.name, items)
    }
  }
  return [...byName].map(([name, items]) => ({ block, name, items }))
}

/** Words of a claim that count for its meaning. */
export const meantOf = (claim: Claim): Word[] => claim.words.filter(word => !isStatistic(word.lower))

/** The series of figures that the claim's words name best; undefined where two do so alike. */
export function seriesMeant(claim: Claim, block: Block, dimension?: string): Series | undefined {
  let best: Series | undefined
  let most = 0
  let tied = false
  const said = new Set(claim.words.map(word => word.concept))
  for (const series of seriesOf(block)) {
    const [first] = series.items
    if (first === undefined || !series.items.some(({ cell }) => cell.quantity !== undefined)) continue
    if (dimension !== undefined && !series.items.some(({ cell }) => cell.quantity?.dimension === dimension))
      continue
    const { own, path, name } = first.cell
    const met = own.filter(concept => said.has(concept))
    const open = own.filter(
      concept =>
        !said.has(concept) && !isSoft(concept) && !block.words.has(concept) && !/^p?\d/.test(concept),
    )
    if (open.some(concept => isOutcome(concept) || isPlan(concept) || isEnvironment(concept))) continue
    const statistic = statisticOfCell(first.cell, first.row, block)
    if (statistic !== 'plain' && !saysStatistic(claim, statistic)) continue
    const firm = met.filter(concept => !isSoft(concept)).length
    const base =
      firm * 4 +
      (met.length - firm) +
      path.filter(concept => said.has(concept)).length -
      open.length -
      (isKeyName(name) ? 4 : 0)
    if (firm === 0 && met.length === 0) continue
    const score = base + (own.length > 1 && inSequence(claim, own) ? 2 : 0)
    if (score > most) [best, most, tied] = [series, score, false]
    else if (score === most) tied = true
  }
  if (best === undefined) return countsOf(block)
  return tied ? undefined : best
}

/** True where the words of a name stand next to one another in the claim. */
const inSequence = (claim: Claim, own: readonly string[]): boolean =>
  claim.words.some((_, at) => own.every((concept, index) => claim.words[at + index]?.concept === concept))

/** The only column of figures, where it counts what the title names. */
function countsOf(block: Block): Series | undefined {
  if (block.form !== 'table') return undefined
  const columns = seriesOf(block).filter(({ items }) => items.some(({ cell }) => cell.quantity !== undefined))
  const [only] = columns
  return columns.length === 1 &&
    only !== undefined &&
    only.items[0]?.cell.own.every(concept => concept === counted)
    ? only
    : undefined
}

const counted = conceptOf('count')

/** True where the claim asks for the statistic that a name states. */
export function saysStatistic(claim: Claim, statistic: string): boolean {
  if (claim.statistic === statistic) return true
  if (/^p/.test(statistic))
    return new RegExp(
      `\\b${statistic}\\b|\\b${statistic.slice(1)}th percentile|${statistic === 'p50' ? '\\bmedian' : 'p\\b'}`,
      'i',
    ).test(claim.text)
  if (statistic === 'mean') return /\b(?:mean|average|avg)\b/i.test(claim.text)
  return statistic === 'max'
    ? /\b(?:max|maximum|peak)\b/i.test(claim.text)
    : /\b(?:min|minimum)\b/i.test(claim.text)
}

const sharedCache = new WeakMap<Block, ReadonlySet<string>>()

/** Texts that name every row of a block tell none of them apart. */
function sharedNames(block: Block): ReadonlySet<string> {
  const known = sharedCache.get(block)
  if (known !== undefined) return known
  const [first, ...rest] = block.rows.filter(row => row.names.length > 0)
  const shared = new Set(
    rest.length === 0 ? [] : (first?.names ?? []).filter(name => rest.every(row => row.names.includes(name))),
  )
  sharedCache.set(block, shared)
  return shared
}

/** Where in the claim a row is named, by all words of one of its names; undefined where it is not. */
export function namedAt(claim: Claim, row: Row, block: Block): number | undefined {
  let at: number | undefined
  const shared = sharedNames(block)
  for (const text of row.names) {
    if (shared.has(text)) continue
    const place = placeIn(claim, text, block)
    if (place !== undefined && (at === undefined || place < at)) at = place
  }
  return at ?? momentAt(claim, row)
}

const monthNames =
  'January February March April May June July August September October November December'.split(' ')

/** Where the claim names the month, the day or the time of a row. */
function momentAt(claim: Claim, { moment }: Row): number | undefined {
  if (moment?.month !== undefined && moment.day === undefined) {
    const found = claim.text.search(new RegExp(`\\b${monthNames[moment.month - 1]}\\b`))
    return found < 0 ? undefined : found
  }
  if (moment === undefined) return undefined
  for (const match of claim.text.matchAll(
    /\d{4}-\d\d-\d\d|\b\d{1,2}:\d\d\b|\b\d{1,2} [A-Z][a-z]+\b|\b[A-Z][a-z]+ \d{1,2}\b/g,
  )) {
    const said = momentOf(match[0])
    if (said === undefined) continue
    if (
      said.from !== undefined
        ? said.from === moment.from
        : said.day === moment.day && said.month === moment.month
    )
      return match.index
  }
  return undefined
}

const weekday = /^(?:mon|tues|wednes|thurs|fri|satur|sun)day$/

/** Where all words of `text` stand in the claim. */
export function placeIn(claim: Claim, text: string, block: Block): number | undefined {
  const parts = normOf(text).trim().split(' ').filter(Boolean)
  if (parts.length === 0 || parts.length > 5) return undefined
  const whole = parts.join(' ')
  const [head = ''] = parts
  if (parts.length > 1 && claim.text.toLowerCase().includes(head)) {
    const found = claim.text
      .toLowerCase()
      .search(
        new RegExp(
          `(?<![\\p{L}\\p{N}])${parts.join('[^\\p{L}\\p{N}]{1,2}')}(?![\\p{L}\\p{N}]|[-_.]\\p{L})`,
          'u',
        ),
      )
    if (found >= 0) return found
  }
  const entity = claim.words.find(word => word.entity?.trim() === whole || word.lower === whole)
  if (entity !== undefined) return entity.start
  let first: number | undefined
  for (const part of parts) {
    const concept = conceptOf(part)
    const word = claim.words.find(
      each =>
        each.concept === concept &&
        (each.entity === undefined || each.entity.trim() === part || weekday.test(each.lower)),
    )
    if (word === undefined) {
      if (isSoft(concept) || block.words.has(concept)) continue
      const number = /^\d+$/.test(part) ? claim.text.search(new RegExp(`\\b${part}\\b`)) : -1
      if (number < 0) return undefined
      first = Math.min(first ?? number, number)
      continue
    }
    first = Math.min(first ?? word.start, word.start)
  }
  return first
}

/** Words that neither the rows, the series nor the title meet. */
export function unmetIn(claim: Claim, rows: readonly Row[], series: Series): Word[] {
  const { block } = series
  const cell = series.items[0]?.cell
  const dimension = cell?.quantity?.dimension
  return meantOf(claim).filter(
    word =>
      !((isSoft(word.concept, dimension) || isSoftWord(word.lower)) && word.entity === undefined) &&
      !rows.some(row => metAt(word, undefined, row, block) !== undefined) &&
      !(cell !== undefined && isObject(claim, word, cell, block)) &&
      !isFrequency(word, block) &&
      !(cell !== undefined && (cell.own.includes(word.concept) || cell.path.includes(word.concept))) &&
      !block.words.has(word.concept),
  )
}

/** True where what stays unmet is at most a verb or one plain noun, no name and nothing that changes the meaning. */
export function mayGoUnmet(unmet: readonly Word[], claim: Claim, nouns = 1): boolean {
  if (
    unmet.some(
      word =>
        word.entity !== undefined ||
        isPlan(word.concept) ||
        isEnvironment(word.concept) ||
        isTelling(word.concept) ||
        (word.verb && !isNeutral(word.concept, word.lower)) ||
        /^(?:un|non|dis|mis)[a-z]{4,}$/.test(word.lower),
    )
  )
    return false
  const plain = unmet.filter(word => !word.verb)
  return plain.length <= nouns && plain.every(word => isClassNoun(claim, word))
}

/** Items in the claim's time that are no plan and of no other environment. */
export function itemsMeant(claim: Claim, series: Series): Item[] {
  return series.items.filter(
    ({ row, cell }) => timely(claim.span, row, series.block) && !isForeign(claim, cell, row, series.block),
  )
}
