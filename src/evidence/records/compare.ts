/**
 * When the value of a cell can be held against a figure: the same dimension, a unit that a caption states, bits and
 * bytes, versions; and which statistic the names of a cell state.
 */
import type { Statistic } from '../facts/fact.ts'
import { type Quantity, versionOf } from '../facts/quantity.ts'
import type { Figure } from './figure.ts'
import { type Measure, measureOf } from './measure.ts'
import { type Block, type Cell, inUnit, isKeyName, type Row } from './record.ts'
import { conceptOf, wordsIn } from './vocabulary.ts'

/** The value of a cell in the dimension that a figure is in; undefined where they can't be compared. */
export function comparable(figure: Figure, cell: Cell, row: Row, block: Block): Quantity | undefined {
  const { quantity } = cell
  if (quantity === undefined) return undefined
  const wanted = figure.quantity.dimension
  if (figure.measure !== undefined) return inMeasure(figure.measure, cell, quantity, block)
  if (quantity.dimension === wanted) return quantity
  if (wanted === 'version' && quantity.dimension === 'number') return undefined
  if (wanted === 'number' && quantity.dimension === 'temperature')
    return figure.nouns.includes('degre') ? quantity : undefined
  if (wanted === 'number' && quantity.dimension === 'version') return quantity
  if (wanted === 'byte-rate' && quantity.dimension === 'bit-rate') return scaled(quantity, 1 / 8, wanted)
  if (wanted === 'bit-rate' && quantity.dimension === 'byte-rate') return scaled(quantity, 8, wanted)
  if (quantity.dimension !== 'number') return undefined
  if (wanted === 'number') return quantity
  // What names a row is of no unit, whatever the title states of the others.
  if (isKeyName(cell.name)) return undefined
  const bits = block.units.find(each => each.dimension === 'bit-rate')
  if (wanted === 'byte-rate' && bits !== undefined && block.units.length === 1)
    return scaled(inUnit(quantity, bits), 1 / 8, wanted)
  const [unit, ...others] = block.units.filter(each => each.dimension === wanted)
  if (unit !== undefined && others.length === 0 && cell.name !== '') return inUnit(quantity, unit)
  const currency = /^money-(\w+)$/.exec(wanted)?.[1]
  if (currency !== undefined && (row.norm.includes(` ${currency} `) || block.norm.includes(` ${currency} `)))
    return { ...quantity, dimension: wanted }
  if (
    wanted === 'percent' &&
    quantity.value >= 0 &&
    quantity.value <= 100 &&
    cell.own.includes(conceptOf('share'))
  )
    return quantity.value <= 1 && quantity.text.includes('.')
      ? scaled(quantity, 100, wanted)
      : { ...quantity, dimension: wanted }
  if (wanted === 'rate' && /per_?(?:sec|second)|rps|qps|tps/i.test(cell.name))
    return { ...quantity, dimension: wanted }
  return undefined
}

/** The value in the measure of the claim's word, where the cell's name, its text or the title says its own. */
function inMeasure(measure: Measure, cell: Cell, quantity: Quantity, block: Block): Quantity | undefined {
  if (quantity.dimension !== 'number') return undefined
  const parts = wordsIn(cell.name)
  const captions = block.norm.trim().split(' ')
  const own =
    measureOf(parts.at(-1) ?? '') ??
    captions.map(word => measureOf(word, false)).find(each => each?.family === measure.family)
  const told =
    cell.name === '' ? cell.own.map(word => measureOf(word, false)).find(each => each !== undefined) : own
  return told === undefined || told.family !== measure.family
    ? undefined
    : scaled(quantity, Number((told.factor / measure.factor).toPrecision(12)), 'number')
}

const scaled = (quantity: Quantity, factor: number, dimension: Quantity['dimension']): Quantity => ({
  ...quantity,
  value: quantity.value * factor,
  slack: quantity.slack * factor,
  dimension,
})

/** The claimed figure as it is held against a value of another kind: 6.8 is a version beside versions. */
export function asVersion(figure: Figure, found: Quantity): Figure {
  if (found.dimension !== 'version' || figure.quantity.dimension !== 'number') return figure
  return { ...figure, quantity: versionOf(figure.quantity.text) }
}

/** Concepts that name a statistic. */
export const statisticNames: ReadonlyMap<string, Statistic> = new Map<string, Statistic>([
  [conceptOf('average'), 'mean'],
  [conceptOf('median'), 'p50'],
  [conceptOf('maximum'), 'max'],
  [conceptOf('minimum'), 'min'],
])

/** The statistic that the name of a cell, its row or the title states. */
export function statisticOfCell(cell: Cell, row: Row, block: Block): Statistic {
  for (const concept of cell.path.length === 0 ? cell.own : [...cell.own, ...cell.path]) {
    const named = statisticNames.get(concept)
    if (named !== undefined) return named
    const percentile = /^(?:p|q)(\d\d(?:\d)?)$/.exec(concept)?.[1]
    if (percentile !== undefined)
      return percentile === '50' ? 'p50' : `p${percentile === '999' ? 99.9 : Number(percentile)}`
  }
  const quantile = block.form === 'log' ? null : / quantile p(\d+)(?: (\d+))? /.exec(row.norm)
  if (quantile !== null)
    return `p${Number(quantile[2] === undefined || Number(quantile[2]) > 9 ? quantile[1] : `${quantile[1]}.${quantile[2]}`)}`
  if (block.form !== 'log')
    for (const [concept, statistic] of statisticNames) if (row.labels.has(concept)) return statistic
  return titleStatistic(block)
}

const titles = new WeakMap<Block, Statistic>()

/** The statistic that the title of a block states of all that it holds. */
function titleStatistic(block: Block): Statistic {
  const known = titles.get(block)
  if (known !== undefined) return known
  const made = readTitle(block)
  titles.set(block, made)
  return made
}

function readTitle(block: Block): Statistic {
  const words = [...block.words]
  const titled = words
    .map(word => statisticNames.get(word))
    .find(found => found !== undefined && found !== 'max' && found !== 'min')
  const percentiles = words.filter(word => /^p\d\d\d?$/.test(word))
  if (titled === undefined && percentiles.length === 1) return `p${Number(percentiles[0]?.slice(1))}`
  return titled ?? 'plain'
}
