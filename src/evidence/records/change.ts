/**
 * Changes from one row to another: "Signups doubled from April to May", "fell by 8 %", "grew from 12 to 15". The two
 * ends are the rows that the claim names, in its order; where it names none, the first and the last in time.
 */
import type { Comparison } from '../facts/fact.ts'
import { clean, type Quantity } from '../facts/quantity.ts'
import type { Claim } from './claim.ts'
import type { Figure } from './figure.ts'
import { isForeign } from './meet.ts'
import type { Block } from './record.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import { type Item, mayGoUnmet, namedAt, type Series, seriesMeant, unmetIn } from './series.ts'
import { inOrder, stanceOf } from './value.ts'

const rising =
  /\b(?:rose|risen|rise|rises|grew|grown|grow|grows|increased?|increases|climbed|jumped|went up|gone up|higher|gained|up by|more than (?:double|triple)d|doubled|tripled|quadrupled|swelled|became (?:\w+ (?:\w+ )?)?(?:slower|longer|larger|bigger)|got (?:slower|longer|larger|bigger|worse)|slowed)\b/i
const falling =
  /\b(?:fell|fallen|fall|falls|dropped?|drops|decreased?|decreases|declined?|shrank|shrunk|shrinks?|went down|gone down|lower|reduced|halved|cut|lost|down by|became (?:\w+ (?:\w+ )?)?(?:faster|shorter|smaller)|got (?:faster|shorter|smaller)|sank|sunk)\b/i
const steady =
  /\b(?:unchanged|same as|stayed (?:the same|constant|flat)|did not change|didn't change|remained (?:the same|constant|flat))\b/i

const factors: readonly (readonly [RegExp, number])[] = [
  [/\bdoubled\b|\btwice (?:as|the|its)\b/i, 2],
  [/\btripled\b|\btrebled\b|\bthree times\b/i, 3],
  [/\bquadrupled\b|\bfour times\b/i, 4],
  [/\bhalved\b|\b(?:in|by|to) half\b|\bhalf (?:of )?(?:what|its|the)\b/i, 0.5],
  [/\bto a third\b/i, 1 / 3],
  [/\bto a quarter\b/i, 0.25],
  [/\bto a fifth\b/i, 0.2],
  [/\bby a third\b/i, Number.NaN],
]

const monthNames =
  'January February March April May June July August September October November December'.split(' ')

/** What rows of two times say to a claimed change. */
export function ruleOnChange(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const up = rising.test(claim.text)
  const down = falling.test(claim.text)
  const same = steady.test(claim.text)
  if (claim.every || /\b(?:steadily|continuously|constantly)\b/i.test(claim.text)) return undefined
  if (Number(up) + Number(down) + Number(same) !== 1 || (claim.negated && !same)) return undefined
  for (const block of blocks) {
    if (block.form === 'log' || !block.complete) continue
    const series = seriesMeant({ ...claim, words: claim.words }, block)
    if (series === undefined) continue
    const ends = endsOf(claim, series)
    if (ends === undefined) continue
    const [before, after] = ends
    if (
      !mayGoUnmet(
        unmetIn(claim, [before.row, after.row], series).filter(
          word =>
            !monthNames.some(name => name.toLowerCase() === word.lower) &&
            // "Between the two releases", of a column that is named so.
            before.row.cells[0]?.own.includes(word.concept) !== true,
        ),
        claim,
      )
    )
      continue
    const [a, b] = [before.cell.quantity, after.cell.quantity]
    if (a === undefined || b === undefined || a.dimension !== b.dimension || a.version !== undefined) continue
    const holds = meets(claim, a, b, up, down)
    if (holds === undefined) continue
    const places = [before, after].map(({ row, cell }) => placeOf(block, row, cell))
    return rule(
      holds,
      places,
      claimedOf(claim, up, down),
      `${before.cell.text} to ${after.cell.text}`,
      series.name,
    )
  }
  return undefined
}

const claimedOf = (claim: Claim, up: boolean, down: boolean): string =>
  `${up ? 'a rise' : down ? 'a fall' : 'no change'}${claim.figures.length === 0 ? '' : ` (${claim.figures.map(figure => figure.quantity.text).join(', ')})`}`

/** The two rows: those that the claim names, in the order of its "from … to", else first and last in time. */
function endsOf(claim: Claim, series: Series): readonly [Item, Item] | undefined {
  const { block } = series
  const items = series.items.filter(
    ({ row, cell }) => cell.quantity !== undefined && !isForeign(claim, cell, row, block),
  )
  const placed = items
    .flatMap(item => {
      const at = namedAt(claim, item.row, block)
      return at === undefined ? [] : [{ item, at }]
    })
    .toSorted((a, b) => a.at - b.at)
  const [first, second] = placed
  if (placed.length === 2 && first !== undefined && second !== undefined && first.at !== second.at) {
    return /\b(?:than|compared (?:with|to)|over|against) /i.test(claim.text.slice(first.at, second.at))
      ? [second.item, first.item]
      : [first.item, second.item]
  }
  // The rows of the one thing that the claim names, by version or time: "the error rate on /login doubled".
  const chosen = placed.length === 2 && first?.at === second?.at ? placed.map(({ item }) => item) : items
  const ordered = inOrder(
    chosen.map(item => ({
      ...item,
      block,
      quantity: item.cell.quantity as Quantity,
      score: 0,
      statistic: 'plain' as const,
    })),
  )
  const timed = chosen.every(
    ({ row }) =>
      row.moment !== undefined ||
      /(?:^|[_\b])(?:release|version|week|month|day|hour|year|quarter|build|scan|run|round|sprint|date)\b/i.test(
        row.cells[0]?.name ?? '',
      ),
  )
  if (
    placed.length === 1 &&
    first !== undefined &&
    timed &&
    /\b(?:in|with) (?:release|version|v?\d)/i.test(claim.text)
  ) {
    const at = ordered.findIndex(({ row }) => row === first.item.row)
    const before = ordered[at - 1]
    return before === undefined ? undefined : [before, first.item]
  }
  const [begin, end] = [ordered[0], ordered.at(-1)]
  if (
    (placed.length > 0 && chosen === items) ||
    !timed ||
    claim.span !== undefined ||
    begin === undefined ||
    end === undefined ||
    begin === end
  )
    return undefined
  return [begin, end]
}

function meets(claim: Claim, a: Quantity, b: Quantity, up: boolean, down: boolean): boolean | undefined {
  const difference = clean(b.value - a.value)
  const right = up ? difference > 0 : down ? difference < 0 : difference === 0
  const factor = factors.find(([pattern]) => pattern.test(claim.text))?.[1]
  const figures = claim.figures.filter(figure => figure.quantity.dimension !== 'version')
  if (!right) return false
  if (factor !== undefined && factor > 1 === up) {
    if (Number.isNaN(factor) || a.value === 0) return undefined
    const found = b.value / a.value
    const cue =
      /\b(more than|over|at least|nearly|almost|about|roughly|less than) (?:doubled|tripled|quadrupled|halved|twice|to a)/i
        .exec(claim.text)?.[1]
        ?.toLowerCase()
    if (cue === 'more than' || cue === 'over') return factor > 1 ? found > factor : found < factor
    if (cue === 'at least') return factor > 1 ? found >= factor : found <= factor
    if (cue === 'about' || cue === 'roughly')
      return Math.abs(found / factor - 1) <= 0.05
        ? true
        : Math.abs(found / factor - 1) > 0.1
          ? false
          : undefined
    if (cue !== undefined) return undefined
    const off = Math.abs(found / factor - 1)
    return off <= 0.005 ? true : off > 0.04 ? false : undefined
  }
  if (figures.length === 0) return factor === undefined || Number.isNaN(factor) ? true : undefined
  return figures.every(figure => figureMeets(claim, figure, a, b, difference))
    ? true
    : figures.some(figure => figureMeets(claim, figure, a, b, difference) === undefined)
      ? undefined
      : false
}

function figureMeets(
  claim: Claim,
  figure: Figure,
  a: Quantity,
  b: Quantity,
  difference: number,
): boolean | undefined {
  const before = claim.text.slice(Math.max(0, figure.start - 28), figure.start)
  const by = /\bby (?:\w+ ){0,3}$/i.test(before)
  const size = Math.abs(difference)
  const against = (value: number, quantity: Quantity): boolean | undefined => {
    const stance = stanceOf(figure, { ...quantity, value: clean(value), slack: 0, text: String(value) })
    return stance === 'silent' ? undefined : stance === 'supports'
  }
  if (figure.quantity.dimension === 'points')
    return a.dimension === 'percent' ? against(size, { ...a, dimension: 'points' }) : undefined
  if (figure.quantity.dimension === 'percent' && a.dimension !== 'percent') {
    if (a.value === 0) return undefined
    return share(figure, (size / Math.abs(a.value)) * 100)
  }
  if (figure.quantity.dimension !== a.dimension) return undefined
  if (a.dimension === 'percent' && by) return undefined
  if (by) return against(size, a)
  if (/\bfrom (?:(?!to )[a-z]+ ){0,2}$/i.test(before)) return against(a.value, a)
  if (/\bto (?:[a-z]+ ){0,3}$/i.test(before)) return against(b.value, b)
  return undefined
}

/** A share by which something changed, rounded as the claim writes it. */
function share(figure: Figure, found: number): boolean | undefined {
  const { value, slack } = figure.quantity
  const holds: Partial<Record<Comparison, boolean>> = {
    under: found < value,
    'at-most': found <= value,
    over: found > value,
    'at-least': found >= value,
    about: Math.abs(found - value) <= Math.max(slack, value * 0.05),
    exact: Math.abs(found - value) <= Math.max(slack, 0.5),
  }
  if (figure.comparison === 'exact' && holds.exact === false && Math.abs(found - value) < 1.2)
    return undefined
  return holds[figure.comparison]
}
