/**
 * Which row has the most or the least, and how two rows (or two figures of one row) stand to each other: "eu-south
 * took the most orders", "Kestrel served fewer errors than Osprey".
 */
import type { Claim } from './claim.ts'
import type { Block } from './record.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import {
  type Item,
  itemsMeant,
  mayGoUnmet,
  namedAt,
  type Series,
  seriesMeant,
  seriesOf,
  unmetIn,
} from './series.ts'
import { conceptOf, isSoft } from './vocabulary.ts'

const most =
  /\b(?:most|highest|largest|biggest|greatest|longest|slowest|busiest|heaviest|hottest|warmest|maximum|top|oldest)\b/i
const fewest =
  /\b(?:fewest|least|lowest|smallest|shortest|fastest|quickest|lightest|coldest|coolest|quietest|minimum|cheapest)\b/i
const anyOther =
  /\b(more|fewer|less|higher|lower|larger|smaller|longer|shorter|slower|faster) (?:[\w-]+ ){0,4}than (?:(?:on |in |for |at )?any other|(?:all|every one of) the others?|anyone else|any of the)\b/i
const bounded = /\bat (?:the )?(?:most|least)\b/gi

/** Claims that name the row with the greatest or the least figure. */
export function ruleOnExtreme(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const text = claim.text.replace(bounded, '')
  const other = anyOther.exec(text)
  const up = other === null ? most.test(text) : /more|higher|larger|longer|slower/i.test(other[1] ?? '')
  const down = other === null ? fewest.test(text) : !up
  if (up === down || claim.negated || /\b(?:though|although|while|whereas|but)\b/i.test(claim.text))
    return undefined
  for (const block of blocks) {
    const series = seriesMeant(claim, block)
    if (series === undefined || !block.complete) continue
    // A month or a day that is one of the rows is what is named and no stretch of time.
    const { span, ...timeless } = claim
    const within = itemsMeant(claim, series)
    const items =
      span !== undefined && span.from === undefined && within.length === 1
        ? itemsMeant(timeless, series)
        : within
    if (
      items.length < 2 ||
      items.some(
        ({ cell }) =>
          cell.quantity === undefined || cell.quantity.dimension !== items[0]?.cell.quantity?.dimension,
      )
    )
      continue
    const named = items.filter(({ row }) => namedAt(claim, row, block) !== undefined)
    const [only] = named
    if (named.length !== 1 || only === undefined) continue
    if (
      !mayGoUnmet(
        unmetIn(claim, [only.row], series).filter(
          word => other === null || word.start < other.index + (other[0]?.length ?? 0),
        ),
        claim,
      )
    )
      continue
    const sorted = items.toSorted((a, b) => (amountOf(b) - amountOf(a)) * (up ? 1 : -1))
    const [best, second] = sorted
    if (best === undefined || second === undefined || amountOf(best) === amountOf(second)) continue
    const holds = best === only
    const places = (holds ? [only] : [best, only]).map(({ row, cell }) =>
      placeOf(block, row, block.form === 'table' ? undefined : cell),
    )
    return rule(
      holds,
      places,
      `${up ? 'the most' : 'the least'} of ${series.name}`,
      `${best.cell.text} against ${holds ? second.cell.text : only.cell.text}`,
      series.name,
    )
  }
  return undefined
}

const amountOf = (item: Item): number => item.cell.quantity?.value ?? 0

const comparing =
  /\b(more|fewer|less|higher|lower|larger|smaller|bigger|longer|shorter|slower|faster|quicker|greater|hotter|warmer|colder|cooler|older|newer|heavier|lighter|cheaper|busier)\b([^.;]{0,60}?)\bthan\b|\bas (many|much|high|low|long|large|fast|slow|often)\b([^.;]{0,60}?)\bas\b/i

/** Claims that hold two rows, or two figures of one row, against each other. */
export function ruleOnPair(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const match = comparing.exec(claim.text)
  if (
    match === null ||
    claim.figures.some(figure => figure.quantity.dimension !== 'version' && figure.comparison !== 'exact')
  )
    return undefined
  const turn = match.index + match[0].length
  const word = (match[1] ?? 'same').toLowerCase()
  for (const block of blocks) {
    const ruling = pairOfRows(claim, block, turn, word) ?? pairOfColumns(claim, block, turn, word)
    if (ruling !== undefined) return ruling
  }
  return undefined
}

/** Above 0 where the first has to be greater; by the word and what the figures measure. */
function wayOf(word: string, series: Series): number | undefined {
  const dimension = series.items[0]?.cell.quantity?.dimension
  if (word === 'same') return 0
  if (/^(?:more|higher|larger|bigger|greater|longer|hotter|warmer|heavier|busier)$/.test(word)) return 1
  if (/^(?:fewer|less|lower|smaller|shorter|colder|cooler|lighter|cheaper)$/.test(word)) return -1
  if (/^(?:slower|faster|quicker)$/.test(word)) {
    const slow = word === 'slower' ? 1 : -1
    if (dimension === 'time') return slow
    return dimension === 'rate' || dimension === 'byte-rate' || dimension === 'bit-rate' ? -slow : undefined
  }
  if (dimension === 'version') return word === 'newer' ? 1 : word === 'older' ? -1 : undefined
  return undefined
}

function pairOfRows(claim: Claim, block: Block, turn: number, word: string): Ruling | undefined {
  const meant = seriesMeant(claim, block)
  const series = /faster|slower|quicker/.test(word)
    ? (meant ?? onlyOf(block, 'time'))
    : /newer|older/.test(word)
      ? (meant ?? onlyOf(block, 'version'))
      : meant
  if (series === undefined) return undefined
  // Two months that are named are the rows and no stretch of time.
  const { span, ...timeless } = claim
  const months = span !== undefined && span.from === undefined && span.day?.day === undefined
  const items = itemsMeant(months ? timeless : claim, series).filter(
    ({ cell }) => cell.quantity !== undefined,
  )
  const placed = items.flatMap(item => {
    const at = namedAt(claim, item.row, block)
    return at === undefined ? [] : [{ item, at }]
  })
  const lefts = placed.filter(({ at }) => at < turn)
  const rights = placed.filter(({ at }) => at >= turn)
  const [left, right] = [lefts[0], rights[0]]
  if (left === undefined || right === undefined) return undefined
  const aged = /newer|older/.test(word)
  const unmet = unmetIn(claim, [left.item.row, right.item.row], series).filter(
    each => !aged || !versioned.has(each.concept),
  )
  if (!mayGoUnmet(unmet, claim)) return undefined
  const way = wayOf(word, series)
  if (way === undefined) return undefined
  if (lefts.length > 1 || rights.length > 1)
    return block.form === 'metrics' && block.complete
      ? compareSums(
          block,
          lefts.map(({ item }) => item),
          rights.map(({ item }) => item),
          way,
          series.name,
        )
      : undefined
  return compare(block, left.item, right.item, way, series.name, word, claim.negated)
}

const versioned = new Set('build version release firmware kernel image newer older'.split(' ').map(conceptOf))

/** The one series of a dimension. */
function onlyOf(block: Block, dimension: string): Series | undefined {
  const timed = seriesOf(block).filter(series =>
    series.items.some(({ cell }) => cell.quantity?.dimension === dimension),
  )
  return timed.length === 1 ? timed[0] : undefined
}

function compare(
  block: Block,
  left: Item,
  right: Item,
  way: number,
  name: string,
  word: string,
  negated: boolean,
): Ruling | undefined {
  const [a, b] = [left.cell.quantity, right.cell.quantity]
  if (a === undefined || b === undefined || a.dimension !== b.dimension) return undefined
  const difference =
    a.version === undefined ? Math.sign(a.value - b.value) : later(a.version, b.version ?? [])
  const holds = way === 0 ? difference === 0 : difference === way
  const places =
    left.row === right.row
      ? [placeOf(block, left.row)]
      : [left, right].map(({ row, cell }) => placeOf(block, row, cell))
  return rule(
    holds !== negated,
    places,
    `${word}${word === 'same' ? '' : ' than'}`,
    `${left.cell.text} against ${right.cell.text}`,
    name,
  )
}

/** Which of two versions is the later, part by part. */
function later(a: readonly number[], b: readonly number[]): number {
  for (let at = 0; at < Math.max(a.length, b.length); at += 1) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0)
    if (difference !== 0) return Math.sign(difference)
  }
  return 0
}

/** Counters that are split by further labels are added up. */
function compareSums(
  block: Block,
  left: readonly Item[],
  right: readonly Item[],
  way: number,
  name: string,
): Ruling | undefined {
  if ([...left, ...right].some(({ cell }) => cell.quantity?.dimension !== 'number') || way === 0)
    return undefined
  const [a, b] = [left, right].map(items => items.reduce((sum, item) => sum + amountOf(item), 0))
  if (a === undefined || b === undefined || a === b) return undefined
  const places = [...left, ...right].map(({ row, cell }) => placeOf(block, row, cell))
  return rule(
    Math.sign(a - b) === way,
    places,
    way > 0 ? 'more than' : 'fewer than',
    `${a} against ${b}`,
    name,
  )
}

/** Two figures of the one row that is named, or of the only one: "closed more issues than it opened". */
function pairOfColumns(claim: Claim, block: Block, turn: number, word: string): Ruling | undefined {
  if (block.form !== 'table' && block.form !== 'tree') return undefined
  const way = /^(?:more|higher|larger|longer|bigger|greater)$/.test(word)
    ? 1
    : /^(?:fewer|less|lower|smaller|shorter)$/.test(word)
      ? -1
      : undefined
  if (way === undefined || claim.negated) return undefined
  const rows = block.rows.filter(row => !row.quiet && row.cells.some(cell => cell.quantity !== undefined))
  const named = rows.length === 1 ? rows : rows.filter(row => namedAt(claim, row, block) !== undefined)
  const [row] = named
  if (row === undefined || named.length > 1) return undefined
  const sides = row.cells.flatMap(cell => {
    if (cell.quantity === undefined || cell.own.length === 0) return []
    const firm = cell.own.filter(concept => !isSoft(concept) || concept === conceptOf('open'))
    const word = claim.words.find(each => firm.includes(each.concept))
    return word === undefined || !firm.every(concept => claim.words.some(each => each.concept === concept))
      ? []
      : [{ cell, at: word.start }]
  })
  const [left, ...lefts] = sides.filter(({ at }) => at < turn)
  const [right, ...rights] = sides.filter(({ at }) => at >= turn)
  if (left === undefined || right === undefined || lefts.length > 0 || rights.length > 0) return undefined
  const series = {
    block,
    name: left.cell.name,
    items: [
      { row, cell: left.cell },
      { row, cell: right.cell },
    ],
  }
  // Of "closed more issues than it opened" the issues are what both columns count.
  const unmet = unmetIn(claim, [row], series).filter(
    each => !right.cell.own.includes(each.concept) && !(each.start > left.at && each.start < turn),
  )
  if (!mayGoUnmet(unmet, claim)) return undefined
  return compare(
    block,
    { row, cell: left.cell },
    { row, cell: right.cell },
    way,
    `${left.cell.name} and ${right.cell.name}`,
    word,
    false,
  )
}
