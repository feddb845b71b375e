/**
 * Figures of a claim held against cells: one cell, a column reckoned up (total, mean, greatest, least), every row
 * where the claim speaks of all time or of all rows, or the last of several states.
 */
import type { Comparison, Statistic } from '../facts/fact.ts'
import { hold, type Stance } from '../facts/interval.ts'
import { clean, type Quantity } from '../facts/quantity.ts'
import type { Claim } from './claim.ts'
import { asVersion } from './compare.ts'
import type { Figure } from './figure.ts'
import { type Fit, fitsOf } from './match.ts'
import { type Block, isKeyName } from './record.ts'
import { isSpoilt, lacksFigure, outnamed, takenBack } from './rivals.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import { isSoft } from './vocabulary.ts'

/** How a claimed figure stands to a found one, rounding as the claim writes it. */
export function stanceOf(figure: Figure, found: Quantity): Stance {
  const wanted = asVersion(figure, found)
  const [parts, seen] = [wanted.quantity.version ?? [], found.version ?? []]
  // "From the 3.0 series": the parts that the claim gives are met.
  if (
    wanted.comparison === 'exact' &&
    parts.length > 0 &&
    parts.length < seen.length &&
    parts.every((part, index) => part === seen[index])
  )
    return 'supports'
  const stance = hold(
    {
      quantity: wanted.quantity,
      comparison: wanted.comparison,
      ...(wanted.other === undefined ? {} : { other: wanted.other }),
    },
    {
      quantity:
        found.dimension === 'temperature' && wanted.quantity.dimension === 'number'
          ? { ...found, dimension: 'number' }
          : found,
      comparison: 'exact',
    },
  )
  if (
    stance !== 'supports' ||
    wanted.comparison !== 'exact' ||
    found.version !== undefined ||
    wanted.quantity.value === 0
  )
    return stance
  // A round figure does not hide a great difference: 1 GiB is not half a GiB.
  const off = Math.abs(found.value / wanted.quantity.value - 1)
  return off > 0.2 ? 'refutes' : off > 0.06 ? 'silent' : 'supports'
}

const always =
  /\b(?:never|always|stayed|remained|stays|remains|throughout|all (?:day|morning|night|week|month|afternoon|evening)|at all times|at no (?:point|time)|not once|constantly|consistently|kept)\b/i

const ofAll = /^(?:no|none|neither|not an?|nobody|nothing)\b|\bnever\b|\bat no\b/i

/** What the cells that fit say to one figure. */
export function ruleOnValue(claim: Claim, figure: Figure, blocks: readonly Block[]): Ruling | undefined {
  const limited =
    claim.limit && /^(?:at-most|exact|over)$/.test(figure.comparison)
      ? { ...figure, comparison: 'exact' as Comparison }
      : figure
  if (claim.turned || /\b(?:without|only|neither|either)\b/i.test(claim.text)) return undefined
  // "4.2 was rolled back": what a claim begins with is what it is about.
  if (figure.start === 0 && /^ (?:was|is|has|had|were|got)\b/.test(claim.text.slice(figure.end)))
    return undefined
  if (
    isKeyName(figure.before) &&
    new RegExp(`^(?:the )?${figure.before} $`, 'i').test(claim.text.slice(0, figure.start))
  )
    return undefined
  const fits = fitsOf(claim, figure, blocks, claim.statistic)
  const [best] = fits
  if (best === undefined) return undefined
  const close = fits.filter(fit => fit.score === best.score)
  const block = best.block
  if (outnamed(claim, best.cell, best.row, block)) return undefined
  if (close.some(fit => isSpoilt(claim, fit.row, block))) return undefined
  if (close.length === 1 && takenBack(claim, best.row, best.cell, block)) return undefined
  if (
    /^ ?(?:out )?of (?:the |these |all |its )?(?:\d|two|three|four|five|six|seven|eight|nine|ten)\b/.test(
      claim.text.slice(figure.end),
    )
  )
    return undefined
  if (close.some(fit => fit.block !== block && fit.quantity.value !== best.quantity.value)) return undefined
  const asked = claim.statistic
  const found = best.statistic
  const claimed = written(figure, asked)
  const bound = found === 'max' || close.some(fit => fit.cell.own.some(isLimitName))
  const held = bound ? limited : figure
  if (
    close.length === 1 &&
    (asked === found || asked === 'last' || asked === 'plain' || (asked === 'total' && !isList(best)))
  )
    return always.test(claim.text) && found === 'plain' && !/kept/i.test(claim.text)
      ? againstOnly(ruleOnOne(held, best, claimed))
      : ruleOnOne(held, best, claimed)
  if (close.length === 1 && asked !== 'plain') {
    // A single row is its own maximum and total only where it says so.
    return undefined
  }
  const values = new Set(close.map(fit => fit.quantity.value))
  const versions = new Set(close.map(fit => fit.quantity.version?.join('.') ?? ''))
  if (values.size === 1 && versions.size === 1 && asked !== 'total') {
    const ruling = ruleOnOne(held, best, claimed)
    if (claim.every && ruling?.stance === 'supports' && lacksFigure(best.cell, best.row, block))
      return undefined
    return ruling === undefined
      ? undefined
      : { ...ruling, places: close.map(fit => placeOf(fit.block, fit.row, fit.cell)) }
  }
  if (!isSeries(close)) return undefined
  if (asked === 'max' || asked === 'min' || asked === 'total' || asked === 'mean')
    return ruleOnAll(asked, figure, close, claimed)
  if (asked === 'first' || asked === 'last')
    return block.complete || asked === 'first'
      ? ruleOnOne(held, inOrder(close).at(asked === 'first' ? 0 : -1) as Fit, claimed)
      : undefined
  const absorbed = /\bnever\b/i.test(claim.text) && /^at-/.test(figure.comparison)
  // "Two services had no errors" says nothing of all rows.
  if (claim.none && !absorbed && !ofAll.test(claim.text)) return undefined
  if (claim.none && !absorbed) return ruleOnNoRow(figure, close, claimed)
  if (claim.every || always.test(claim.text)) return ruleOnEvery(figure, close, claimed)
  const last = latestOf(close)
  return last === undefined ? undefined : ruleOnOne(held, last, claimed)
}

/** One reading breaks what was always so, and does not show it. */
const againstOnly = (ruling: Ruling | undefined): Ruling | undefined =>
  ruling?.stance === 'refutes' ? ruling : undefined

const isLimitName = (concept: string): boolean => /^(?:limit|maximum|quota|max)$/.test(concept)

const isList = (fit: Fit): boolean => fit.block.form === 'table' && fit.block.rows.length > 1

function ruleOnOne(figure: Figure, fit: Fit, claimed: string): Ruling | undefined {
  const stance = stanceOf(figure, fit.quantity)
  if (stance === 'silent') return undefined
  const place = placeOf(fit.block, fit.row, fit.cell)
  return rule(stance === 'supports', [place], claimed, fit.cell.text, fit.cell.name)
}

/** Cells of one name in rows of one block. */
function isSeries(fits: readonly Fit[]): boolean {
  const [first] = fits
  return fits.every(
    fit =>
      fit.block === first?.block && fit.cell.name === first?.cell.name && fit.statistic === first?.statistic,
  )
}

/** A column reckoned up; only over what is complete. */
export function ruleOnAll(
  statistic: Statistic,
  figure: Figure,
  fits: readonly Fit[],
  claimed: string,
): Ruling | undefined {
  const [first] = fits
  if (first === undefined || !first.block.complete || fits.some(fit => fit.quantity.version !== undefined))
    return undefined
  const values = fits.map(fit => fit.quantity.value)
  const sum = clean(values.reduce((all, value) => all + value, 0))
  const value =
    statistic === 'total'
      ? sum
      : statistic === 'mean'
        ? clean(sum / values.length)
        : statistic === 'max'
          ? Math.max(...values)
          : Math.min(...values)
  const deciding =
    statistic === 'max' || statistic === 'min' ? fits.filter(fit => fit.quantity.value === value) : fits
  const slack = Math.max(...fits.map(fit => fit.quantity.slack)) * (statistic === 'total' ? fits.length : 1)
  const stance = stanceOf(figure, { ...first.quantity, value, slack, text: String(value) })
  if (stance === 'silent') return undefined
  const found =
    deciding.length === 1 ? (deciding[0]?.cell.text ?? '') : `${statistic} ${value} of ${fits.length} rows`
  return rule(
    stance === 'supports',
    deciding.map(fit => placeOf(fit.block, fit.row, fit.cell)),
    claimed,
    found,
    first.cell.name,
  )
}

/** Every row has to meet the figure; one that does not breaks it. */
export function ruleOnEvery(figure: Figure, fits: readonly Fit[], claimed: string): Ruling | undefined {
  const stances = fits.map(fit => ({ fit, stance: stanceOf(figure, fit.quantity) }))
  const against = stances.filter(({ stance }) => stance === 'refutes').map(({ fit }) => fit)
  const name = fits[0]?.cell.name ?? ''
  if (against.length > 0)
    return rule(
      false,
      against.map(fit => placeOf(fit.block, fit.row, fit.cell)),
      claimed,
      against
        .map(fit => fit.cell.text)
        .slice(0, 5)
        .join(', '),
      name,
    )
  const [first] = fits
  if (first === undefined || stances.some(({ stance }) => stance !== 'supports') || !first.block.complete)
    return undefined
  if (first.cell.name !== '' && lacksFigure(first.cell, first.row, first.block)) return undefined
  return rule(
    true,
    fits.map(fit => placeOf(fit.block, fit.row, fit.cell)),
    claimed,
    `each of ${fits.length} rows`,
    name,
  )
}

/** No row may meet the figure. */
function ruleOnNoRow(figure: Figure, fits: readonly Fit[], claimed: string): Ruling | undefined {
  const stances = fits.map(fit => ({ fit, stance: stanceOf(figure, fit.quantity) }))
  const breaking = stances.filter(({ stance }) => stance === 'supports').map(({ fit }) => fit)
  const name = fits[0]?.cell.name ?? ''
  if (breaking.length > 0)
    return rule(
      false,
      breaking.map(fit => placeOf(fit.block, fit.row, fit.cell)),
      `none ${claimed}`,
      breaking
        .map(fit => fit.cell.text)
        .slice(0, 5)
        .join(', '),
      name,
    )
  if (stances.some(({ stance }) => stance !== 'refutes') || !fits[0]?.block.complete) return undefined
  return rule(
    true,
    fits.map(fit => placeOf(fit.block, fit.row, fit.cell)),
    `none ${claimed}`,
    `none of ${fits.length} rows`,
    name,
  )
}

/** Rows by their time where they have one, else as they stand. */
export function inOrder(fits: readonly Fit[]): Fit[] {
  const time = (fit: Fit): number | undefined => {
    const { year, month, day, from } = fit.row.moment ?? {}
    if (from === undefined && month === undefined) return undefined
    return ((year ?? 0) * 372 + (month ?? 0) * 31 + (day ?? 0)) * 86_400 + (from ?? 0)
  }
  if (fits.some(fit => time(fit) === undefined)) return fits.toSorted((a, b) => a.row.start - b.row.start)
  return fits.toSorted((a, b) => (time(a) ?? 0) - (time(b) ?? 0) || a.row.start - b.row.start)
}

const corrects =
  /\b(?:correct(?:ion|ed|s|ing)?|revised|recount(?:ed)?|supersedes?|superseded|amended|final|replaces?|actually|now|set to|set|config|override|effective|reload(?:ed)?|changed to|updated|scaled|->|→|resized|raised to|lowered to|increased to|reduced to)\b|->|→/i

/** Of several states of one thing in a log that goes on, the last; where nothing says so, none. */
function latestOf(fits: readonly Fit[]): Fit | undefined {
  const [first] = fits
  if (first === undefined || first.block.form !== 'log' || !first.block.complete) return undefined
  const ordered = inOrder(fits)
  const last = ordered.at(-1)
  if (last === undefined) return undefined
  return corrects.test(last.row.norm) || last.cell.own.some(concept => isSoft(concept) && concept === 'stat')
    ? last
    : undefined
}

/** The claimed figure in words. */
export const written = (figure: Figure, statistic: Statistic): string =>
  [
    statistic === 'plain' ? '' : statistic,
    figure.comparison === 'exact' ? '' : figure.comparison,
    figure.quantity.text,
    figure.other?.text ?? '',
  ]
    .filter(Boolean)
    .join(' ')
