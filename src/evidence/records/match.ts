/**
 * Which cells a figure of a claim may be about. Words of the claim must be met by the cell's name, the names above
 * it, its row or the title; what tells a cell apart (another thing, statistic, environment, a limit, a plan) must be
 * said by the claim. Words that only carry a figure, and verbs, may stay unmet.
 */
import type { Statistic } from '../facts/fact.ts'
import type { Quantity } from '../facts/quantity.ts'
import { type Claim, isStatistic, neededOf, type Word } from './claim.ts'
import { comparable, statisticNames, statisticOfCell } from './compare.ts'
import type { Figure } from './figure.ts'
import { measureOf } from './measure.ts'
import { halfNamed, isBound, isClassNoun, isForeign, isObject, metAt } from './meet.ts'
import { type Block, type Cell, normOf, type Row } from './record.ts'
import {
  conceptOf,
  isEnvironment,
  isGeneric,
  isNeutral,
  isOutcome,
  isPlan,
  isSoft,
  isTelling,
  wordsIn,
} from './vocabulary.ts'
import { spans, timely } from './window.ts'

/** A cell that a figure may be about, its value in the figure's dimension. */
export type Fit = {
  readonly block: Block
  readonly row: Row
  readonly cell: Cell
  readonly quantity: Quantity
  readonly score: number
  readonly statistic: Statistic
}

/** The cells of `blocks` that `figure` may be about, best first. */
export function fitsOf(claim: Claim, figure: Figure, blocks: readonly Block[], statistic: Statistic): Fit[] {
  const needed = neededOf(claim, figure.quantity.dimension)
  const fits: Fit[] = []
  const entities = new Set(claim.words.flatMap(word => word.entity ?? []))
  for (const block of blocks) {
    const others = labelsOf(block)
    if (!spans(claim, block)) continue
    for (const row of block.rows) {
      if (row.quiet || row.cells.length === 0 || !timely(claim.span, row, block)) continue
      let half: boolean | undefined
      for (const cell of row.cells) {
        if (cell.quantity === undefined) continue
        // A count in a message is of what the words beside it say.
        if (
          cell.name === '' &&
          cell.quantity?.dimension === 'number' &&
          !figure.nouns
            .concat(figure.before === '' ? [] : conceptOf(figure.before))
            .some(noun => cell.own.includes(noun)) &&
          !saidBeside(claim, cell)
        )
          continue
        const quantity = comparable(figure, cell, row, block)
        if (quantity === undefined || !headMet(claim, figure, cell, row, block)) continue
        half ??= halfNamed(claim, row, block)
        if (half) break
        if (cell.name !== '' && entities.size > 0 && entities.has(normOf(`${cell.name} ${cell.text}`)))
          continue
        const score = scoreOf(claim, figure, needed, cell, row, block, others)
        if (score === undefined) continue
        const own = statisticOfCell(cell, row, block)
        if (!statisticFits(claim, statistic, own)) continue
        fits.push({ block, row, cell, quantity, score, statistic: own })
      }
    }
  }
  return fits.sort((a, b) => b.score - a.score)
}

const saidBeside = (claim: Claim, cell: Cell): boolean =>
  claim.figures.length === 1 &&
  claim.figures[0]?.nouns.length === 0 &&
  cell.own.some(concept => !isSoft(concept) && claim.words.some(word => word.concept === concept))

/** True where the name of a cell is what the claim says was done: "received 484 parcels" of `received`. */
function isDone(claim: Claim, cell: Cell): boolean {
  const firm = cell.own.filter(concept => !isSoft(concept))
  const said = (concept: string) => claim.words.filter(word => word.concept === concept)
  return (
    firm.length > 0 &&
    firm.every(concept => said(concept).length > 0) &&
    firm.some(concept => said(concept).some(word => word.verb))
  )
}

/** True where the claim says a word of the name itself and no synonym of it. */
const isLiteral = (claim: Claim, cell: Cell): boolean =>
  cell.name !== '' &&
  wordsIn(cell.name).some(part => claim.words.some(word => word.lower === part.toLowerCase()))

const isCount = (figure: Figure): boolean => figure.quantity.dimension === 'number'

/** What is counted has to be met: "1,000 requests" is not the number of workers. */
function headMet(claim: Claim, figure: Figure, cell: Cell, row: Row, block: Block): boolean {
  if (figure.quantity.dimension !== 'number' || figure.measure !== undefined) return true
  const heads = figure.nouns.filter(
    noun => !isSoft(noun) && !claim.words.some(word => word.concept === noun && word.verb),
  )
  if (heads.length === 0 || cell.quantity?.dimension !== 'number') return true
  const unsaid = heads.filter(noun => !cell.own.includes(noun))
  if (unsaid.length < heads.length && unsaid.length <= 1) return true
  const happened = isDone(claim, cell)
  if (
    happened &&
    heads.length === 1 &&
    (/^(?:total|max|min)$/.test(claim.statistic) ||
      claim.words.some(
        word => !isSoft(word.concept) && !cell.own.includes(word.concept) && row.labels.has(word.concept),
      ))
  )
    return true
  const free =
    happened || cell.own.length === 0 || cell.own.every(own => isSoft(own) || statisticNames.has(own))
  return heads.every(
    noun =>
      cell.own.includes(noun) ||
      cell.path.includes(noun) ||
      row.labels.has(noun) ||
      (block.words.has(noun) && free),
  )
}

/** A value is taken for the statistic asked for where both say the same or the rows can be reckoned up. */
function statisticFits(claim: Claim, wanted: Statistic, found: Statistic): boolean {
  if (wanted === found) return true
  if (found === 'plain')
    return (
      wanted === 'total' ||
      wanted === 'max' ||
      wanted === 'min' ||
      wanted === 'mean' ||
      wanted === 'first' ||
      wanted === 'last'
    )
  if (found === 'max' && (wanted === 'plain' || wanted === 'last')) return claim.limit
  return found !== 'mean' && wanted === 'last' && !/^p/.test(found) && found !== 'min'
}

const times = conceptOf('times')
const waiting = new Set('wait delay idle queue postpone pause sleep'.split(' ').map(conceptOf))
const bareUnit = /^(?:sec|second|minut|hour|ms|millisecond)$/
const dimensionOnly = (cell: Cell): boolean => cell.own.every(concept => bareUnit.test(concept))
const timeUnit = /^(?:seconds?|minutes?|hours?|days?|weeks?|months?|years?|cent)$/i
const counters = new Set(['total', 'count', 'sum'].map(conceptOf))
const bounding = new Set(['refused', 'kept', 'accepted', 'killed', 'cut', 'allow', 'permit'].map(conceptOf))

const labelSets = new WeakMap<Block, ReadonlySet<string>>()

/** The concepts of the texts of all rows. */
function labelled(block: Block): ReadonlySet<string> {
  const known = labelSets.get(block)
  if (known !== undefined) return known
  const all = new Set(block.rows.flatMap(row => [...row.labels]))
  labelSets.set(block, all)
  return all
}

/** All that rows of a block are named by: a word that names another row must not go unmet here. */
export function labelsOf(block: Block): ReadonlySet<string> {
  if (block.form === 'log') return new Set()
  const all = new Set<string>()
  for (const row of block.rows) {
    for (const label of row.labels) all.add(label)
    if (block.form !== 'table')
      for (const cell of row.cells) for (const concept of [...cell.own, ...cell.path]) all.add(concept)
  }
  for (const cell of block.rows[0]?.cells ?? []) for (const concept of cell.own) all.add(concept)
  return all
}

function scoreOf(
  claim: Claim,
  figure: Figure,
  needed: readonly Word[],
  cell: Cell,
  row: Row,
  block: Block,
  others: ReadonlySet<string>,
): number | undefined {
  const per = /\bper ([a-z]+)/i.exec(claim.text)?.[1]
  if (per !== undefined && !timeUnit.test(per) && ![...cell.own, ...cell.path].includes(conceptOf(per)))
    return undefined
  if (
    isCount(figure) &&
    claim.words.some(word => /^(?:needs?|needed|requires?|expects?|wants?)$/.test(word.lower))
  )
    return undefined
  if (
    cell.name !== '' &&
    dimensionOnly(cell) &&
    claim.words.some(word => waiting.has(word.concept) && !row.labels.has(word.concept))
  )
    return undefined
  let score = 0
  let named = false
  let nouns = 0
  const happened = isDone(claim, cell)
  const firmly = cell.own.some(
    concept => !isSoft(concept) && claim.words.some(word => word.concept === concept),
  )
  for (const word of claim.words) {
    const at = metAt(word, cell, row, block)
    if (at !== undefined) {
      score += at === 'own' ? 3 : at === 'row' ? 2 : 1
      if (at !== 'block') named = true
      continue
    }
    if (isStatistic(word.lower)) continue
    if (
      claim.limit &&
      (isBound(word.concept) || bounding.has(word.concept)) &&
      [...cell.own, ...cell.path].some(isBound)
    )
      continue
    if (needed.includes(word)) {
      const fixed =
        word.entity !== undefined ||
        isTelling(word.concept) ||
        isPlan(word.concept) ||
        isEnvironment(word.concept) ||
        (others.has(word.concept) && !(happened && figure.nouns[0] === word.concept && isCount(figure)))
      if (fixed) return undefined
      const kind = isClassNoun(claim, word, cell, row, block) || isObject(claim, word, cell, block)
      if (!word.verb && !kind && !(happened && figure.nouns.includes(word.concept))) return undefined
      if (word.verb && (labelled(block).has(word.concept) || !isNeutral(word.concept, word.lower)))
        return undefined
      if (
        word.verb &&
        (!firmly ||
          claim.figures.some(
            figure => /^(?:twice|thrice)$/i.test(figure.quantity.text) || figure.nouns[0] === times,
          ))
      )
        return undefined
      if (!word.verb && !(kind && isGeneric(word.concept))) nouns += 1
      if (nouns > (firmly ? 1 : 0)) return undefined
    }
    if (
      block.rows.length > 1 &&
      block.form !== 'log' &&
      !block.words.has(word.concept) &&
      !needed.includes(word) &&
      labelled(block).has(word.concept)
    )
      score -= 2
    score -= word.verb ? 1 : 0
  }
  if (
    nouns > 0 &&
    block.form === 'tree' &&
    cell.path.some(
      concept => !claim.words.some(word => word.concept === concept) && !block.words.has(concept),
    )
  )
    return undefined
  if (
    nouns > 0 &&
    cell.own.some(
      concept =>
        !claim.words.some(word => word.concept === concept) &&
        !statisticNames.has(concept) &&
        !counters.has(concept),
    )
  )
    return undefined
  if (
    cell.quantity?.dimension === 'bytes' &&
    cell.own.includes('total') &&
    !/\b(?:total|has|have|with|installed|capacity|size|altogether)\b/i.test(claim.text)
  )
    return undefined
  const reckoned = /^(?:total|max|min|mean)$/.test(claim.statistic)
  if (!named && block.rows.length > 1 && !reckoned && !claim.every && !claim.none) return undefined
  if (isForeign(claim, cell, row, block)) return undefined
  const said = new Set(claim.words.map(word => word.concept))
  const dimension = cell.quantity?.dimension
  const quantile = /^p\d/.test(claim.statistic) && claim.statistic === statisticOfCell(cell, row, block)
  const carried = (concept: string) =>
    quantile ||
    isSoft(concept, dimension) ||
    statisticNames.has(concept) ||
    isBound(concept) ||
    measureOf(concept, false) !== undefined ||
    (dimension === 'time' && bareUnit.test(concept)) ||
    /^p?\d/.test(concept)
  if (
    cell.name !== '' &&
    cell.own.some(concept => !carried(concept)) &&
    !cell.own.some(
      concept => said.has(concept) && (!isSoft(concept) || !cell.own.some(each => !isSoft(each))),
    )
  )
    return undefined
  for (const concept of cell.name === '' ? [] : cell.own) {
    if (!said.has(concept) && isSoft(concept) && !block.words.has(concept)) score -= 0.5
    if (
      said.has(concept) ||
      isSoft(concept) ||
      block.words.has(concept) ||
      row.labels.has(concept) ||
      statisticNames.has(concept) ||
      /^p?\d/.test(concept)
    )
      continue
    if (isOutcome(concept)) return undefined
    score -= 1
  }
  return score + (isLiteral(claim, cell) ? 0.25 : 0)
}
