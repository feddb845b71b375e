/**
 * Whether what a text states exactly stands in the evidence that it is about: figures, dates, times, versions,
 * identifiers with digits, and words in quotation marks. A figure may be written another way (1.2 s, 1200 ms), not
 * rounded, summed or given another unit. Not here: whether the sentence around them is true.
 */
import { type Moment, within } from '../facts/moment.ts'
import { type Quantity, type Token, tokensOf } from '../facts/quantity.ts'
import { unitOf } from '../facts/unit.ts'

/** What may be stated: the texts, and their figures as they are read. */
export type Ground = {
  readonly plain: string
  readonly quantities: readonly Quantity[]
  readonly moments: readonly Moment[]
  readonly percentiles: ReadonlySet<number>
  /** Units that stand anywhere, as `dimension factor`. */
  readonly units: ReadonlySet<string>
}

/** The ground that `texts` make together. */
export function groundOf(texts: readonly string[]): Ground {
  const tokens = texts.flatMap(tokensOf)
  const quantities = tokens.flatMap(token => (token.kind === 'quantity' ? [token.quantity] : []))
  const moments = tokens.flatMap(token => (token.kind === 'moment' ? [token.moment] : []))
  const percentiles = tokens.flatMap(token => (token.kind === 'percentile' ? [token.percentile] : []))
  const units = texts.flatMap(text => text.match(/%|°[CF]|\p{L}+/gu) ?? []).flatMap(unitName)
  return {
    plain: plain(texts.join('\n')),
    quantities,
    moments,
    percentiles: new Set(percentiles),
    units: new Set(units),
  }
}

/** What `text` states that `ground` does not, as it is written there. */
export function ungrounded(text: string, ground: Ground): string[] {
  const tokens = tokensOf(text)
  const figures = tokens.flatMap(token => {
    const written = text.slice(token.start, token.end)
    return stands(token, written, text.slice(token.end), ground) ? [] : [written]
  })
  let rest = ''
  let end = 0
  for (const token of tokens) {
    rest += `${text.slice(end, token.start)}\n`
    end = token.end
  }
  rest += text.slice(end)
  const names = (rest.match(identifier) ?? []).filter(name => !nameStands(name, ground))
  const dates = (rest.match(monthOrDay) ?? []).filter(name => !monthStands(name, ground))
  return [...figures, ...names, ...dates]
}

/** Words in quotation marks that do not stand in `ground`; a mark that is never closed quotes up to the end. */
export function unquotable(text: string, ground: Ground): string[] {
  return [...text.matchAll(quotation)].flatMap(([, ...groups]) => {
    const phrase = groups.find(group => group !== undefined) ?? ''
    const parts = plain(phrase)
      .split(/…|\.\.\./)
      .map(part => part.trim().replace(/^[.,;:!?]+|[.,;:!?]+$/g, ''))
    return parts.every(part => ground.plain.includes(part)) ? [] : [phrase]
  })
}

const quotation =
  /“([^”]*)(?:”|$)|«([^»]*)(?:»|$)|„([^“”]*)(?:[“”]|$)|"([^"]*)(?:"|$)|`([^`]*)(?:`|$)|‘([^’]*)’(?!\p{L})|(?<![\p{L}\p{N}])'([^']*)'(?![\p{L}\p{N}])/gu

/** Words with a digit in them, also several joined by marks: req-7f3a, v3, 10.0.0.1, /api/v2. */
const identifier = /(?:[\p{L}\p{N}_]+[-.:/@#])*[\p{L}_]*\p{N}[\p{L}\p{N}_]*(?:[-.:/@#][\p{L}\p{N}_]+)*/gu

/** "May" only where it can be no verb. */
const monthOrDay =
  /\b(?:January|February|March|April|June|July|August|September|October|November|December|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day)\b|(?<=\b(?:in|of|since|until|by|from|to|during|late|early) )May\b/g
const monthNames = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')

/** Lower case, plain quotation marks, single spaces. */
const plain = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[“”„«»]/g, '"')
    .replace(/[‘’]/g, "'")
    .replace(/\s+/g, ' ')

/** Whether `part` stands in `text` as a whole: not inside a longer word or number. */
function holds(text: string, part: string): boolean {
  for (let at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + 1)) {
    const [before, after] = [
      text.slice(Math.max(0, at - 2), at),
      text.slice(at + part.length, at + part.length + 2),
    ]
    const starts = !/[\p{L}\p{N}]$|\p{N}[.,]$/u.test(before)
    const ends = !/^[\p{L}\p{N}]|^[.,]\p{N}/u.test(after)
    if (starts && ends) return true
  }
  return false
}

/** As it is written, or as the version that it names: v3 is version 3. */
function nameStands(name: string, { plain: text, quantities }: Ground): boolean {
  const version = /^[vV](\d+(?:\.\d+)*)$/.exec(name)?.[1]
  return (
    holds(text, plain(name)) ||
    (version !== undefined && quantities.some(other => other.version?.join('.') === version))
  )
}

function stands(token: Token, written: string, after: string, ground: Ground): boolean {
  if (token.kind === 'percentile') return ground.percentiles.has(token.percentile)
  if (token.kind === 'moment')
    return (
      holds(ground.plain, plain(written)) || ground.moments.some(moment => isAt(moment, token.moment, ground))
    )
  return quantityStands(token.quantity, written, after, ground)
}

/** Every part that `stated` has is `moment`'s too; a year may stand somewhere else. */
function isAt(moment: Moment, stated: Moment, ground: Ground): boolean {
  if (within(moment, stated) !== true) return false
  return stated.year === undefined || moment.year === stated.year || holds(ground.plain, `${stated.year}`)
}

function quantityStands(quantity: Quantity, written: string, after: string, ground: Ground): boolean {
  const { dimension, value, version } = quantity
  const spelled = !/\p{N}/u.test(written)
  // "One" and "a" are seldom figures, and neither is how many passages there are.
  if (spelled && dimension === 'number' && (value <= 1 || /^ (?:passages?|sources?|points?)\b/.test(after)))
    return true
  if (version !== undefined) {
    const digits = version.join('.')
    return (
      ground.quantities.some(other => other.version?.join('.') === digits) ||
      [digits, `v${digits}`].some(text => holds(ground.plain, text))
    )
  }
  return (
    ground.quantities.some(other => sameQuantity(quantity, written, other, ground)) ||
    (dimension === 'number' && ground.moments.some(({ year }) => year === value && /^\d{4}$/.test(written)))
  )
}

function sameQuantity(stated: Quantity, written: string, other: Quantity, ground: Ground): boolean {
  if (stated.dimension === other.dimension) return stated.value === other.value
  // latency_ms=200, or a column headed "ms": the unit stands apart from the figure.
  const unit = unitName(/%|°[CF]|\p{L}+/u.exec(written)?.[0] ?? '')
  const digits = (text: string) => /\d[\d.,]*/.exec(text)?.[0]
  const number = digits(written)
  return (
    other.dimension === 'number' &&
    number !== undefined &&
    number === digits(other.text) &&
    unit.some(name => ground.units.has(name))
  )
}

/** A unit by what it measures, so that its names are alike. */
function unitName(word: string): string[] {
  const unit = word === 'pct' ? unitOf('%') : (unitOf(word) ?? unitOf(word.toLowerCase()))
  return unit === undefined ? [] : [`${unit.dimension} ${unit.factor} ${unit.shift ?? 0}`]
}

function monthStands(name: string, { moments, plain: text }: Ground): boolean {
  const full = name.toLowerCase()
  const month = full.endsWith('day') ? -1 : monthNames.indexOf(full.slice(0, 3)) + 1
  const written = new RegExp(`\\b(?:${full}|${full.slice(0, 3)}|${full.slice(0, 4)})\\b`)
  return written.test(text) || moments.some(moment => moment.month === month)
}
