/**
 * Finds the figures of a text in one pass: numbers with units, percentiles, dates and times, versions. Digits
 * inside identifiers are no figures. Linear; no pattern can backtrack over more than a few characters.
 */
import { type Moment, momentOf, monthPattern } from './moment.ts'
import { type Dimension, unitOf } from './unit.ts'

/** A figure in the base unit of its dimension. */
export type Quantity = {
  readonly value: number
  readonly dimension: Dimension
  /** Half of the last digit's worth, in the base unit: what rounding hides. 0 for what was counted. */
  readonly slack: number
  /** As it is written. */
  readonly text: string
  /** Of a version: its parts. */
  readonly version?: readonly number[]
}

/** A figure at its place. */
export type Token = { readonly start: number; readonly end: number } & (
  | { readonly kind: 'quantity'; readonly quantity: Quantity }
  | { readonly kind: 'moment'; readonly moment: Moment }
  | { readonly kind: 'percentile'; readonly percentile: number }
)

const small =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  )
const tens = 'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ')
const scale: Readonly<Record<string, number>> = { hundred: 100, thousand: 1000, million: 1e6, billion: 1e9 }

const pattern = new RegExp(
  [
    String.raw`(?<iso>(?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d(?!\d))?)?)`,
    String.raw`(?<date>(?<![\w.])\d{1,2}(?:st|nd|rd|th)? (?:of )?${monthPattern}\b(?:,? \d{4}(?!\d))?|\b${monthPattern} \d{1,2}(?![\d:.])(?:st|nd|rd|th)?(?:,? \d{4}(?!\d))?)`,
    String.raw`(?<clock>(?<![\w:.])\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?![\w:]))`,
    String.raw`(?<percentile>(?<![\w.])[pP]\d{2,3}(?:\.\d+)?(?![a-z\d-]|\.\d)|(?<![\w.])\d{1,2}(?:\.\d+)?(?:th|st|nd|rd)[ -]percentile|\bquantile="0?\.\d+")`,
    String.raw`(?<version>(?<![\w.])[vV]?\d+\.\d+\.\d+(?:[.-]\w+)*|(?:\b[Vv]ersions?|\b[Rr]eleases?) v?\d+(?:\.\d+)*|\bv\d+(?:\.\d+)+)`,
    String.raw`(?<name>[A-Za-z_][A-Za-z_]*[-.]?\d[\w-]*)`,
    String.raw`(?<number>(?<![\w.,/#:-]|(?<![\w-])\d{1,3}[ ])(?:[-−+](?=[\d.$€£]))?[$€£]?\d+(?:[,\u202f\u00a0]\d{3}(?!\d))*(?:\.\d+)?|(?<=[=:,;|(])-\d+(?:\.\d+)?|(?<=[,;:/])\d+(?:\.\d+)?)`,
    String.raw`(?<share>\b(?:one (?:\p{L}+ )?in (?:two|three|four|five|six|seven|eight|ten|twenty|fifty|a hundred)\b|nine in ten\b|(?:two[ -]thirds|three[ -]quarters|(?:a|one)[ -](?:third|quarter|fifth|tenth)|half)(?= of (?!an? (?:hour|day|minute|second))| the | all )))`,
    String.raw`(?<hours>\b(?:an?|one|three)[ -]quarters?(?: of)? an hour\b)`,
    String.raw`(?<word>\b(?:(?:${tens.join('|')})(?:[ -](?:${small.slice(1, 10).join('|')}))?|${small.toReversed().join('|')}|none|a dozen|twice(?! (?:as|the))|thrice|half an?(?= (?:hour|minute|second|day)\b)|an?(?= (?:hour|minute|second|day|week)\b))(?: (?:hundred|thousand|million|billion))?\b)`,
  ].join('|'),
  'giu',
)

/** The figures of `text`, in order, not overlapping. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  pattern.lastIndex = 0
  for (let match = pattern.exec(text); match !== null; match = pattern.exec(text)) {
    const token = tokenOf(text, match)
    if (token === undefined) continue
    tokens.push(token)
    pattern.lastIndex = Math.max(token.end, match.index + 1)
  }
  return tokens
}

function tokenOf(text: string, match: RegExpExecArray): Token | undefined {
  const [whole] = match
  const start = match.index
  const end = start + whole.length
  const groups = match.groups ?? {}
  const dateText = groups['iso'] ?? groups['date'] ?? groups['clock']
  if (dateText !== undefined) {
    const moment = momentOf(dateText)
    return moment === undefined ? undefined : { kind: 'moment', start, end, moment }
  }
  if (groups['percentile'] !== undefined) return { kind: 'percentile', start, end, ...percentileOf(whole) }
  if (groups['version'] !== undefined) {
    return { kind: 'quantity', start, end, quantity: versionOf(whole) }
  }
  if (groups['hours'] !== undefined) {
    const value = /^three/i.test(whole) ? 2_700_000 : 900_000
    return {
      kind: 'quantity',
      start,
      end,
      quantity: { value, dimension: 'time', slack: 30_000, text: whole },
    }
  }
  if (groups['share'] !== undefined) {
    const value = shareOf(whole.toLowerCase())
    return { kind: 'quantity', start, end, quantity: { value, dimension: 'percent', slack: 1, text: whole } }
  }
  if (groups['number'] !== undefined) return measured(text, start, end, numberOf(whole), whole)
  if (groups['word'] !== undefined) return measured(text, start, end, wordNumber(whole.toLowerCase()), whole)
  return undefined
}

/** A spoken share as a percentage. */
function shareOf(text: string): number {
  const words = text.replace('-', ' ')
  if (words === 'half') return 50
  if (words === 'nine in ten') return 90
  const shares: Readonly<Record<string, number>> = {
    third: 3,
    thirds: 3,
    quarter: 4,
    quarters: 4,
    fifth: 5,
    tenth: 10,
  }
  const last = words.slice(words.lastIndexOf(' ') + 1)
  const parts = shares[last] ?? (last === 'hundred' ? 100 : wordNumber(last))
  const count = words.startsWith('two') ? 2 : words.startsWith('three') ? 3 : 1
  return clean((count / parts) * 100)
}

function percentileOf(text: string): { readonly percentile: number } {
  const figure = /\d*\.?\d+/.exec(text)?.[0] ?? ''
  if (text.startsWith('quantile')) return { percentile: clean(Number(figure) * 100) }
  return { percentile: Number(figure) === 999 ? 99.9 : Number(figure) }
}

/** A version as a figure: its parts are compared one by one. */
export function versionOf(text: string): Quantity {
  const version = (/\d+(?:\.\d+)*/.exec(text)?.[0] ?? '').split('.').map(Number)
  return { value: 0, dimension: 'version', slack: 0, text, version }
}

const numberOf = (text: string): number => Number(text.replace('−', '-').replace(/[,\u202f\u00a0+$€£]/g, ''))

function wordNumber(text: string): number {
  if (text === 'none') return 0
  if (text === 'a dozen') return 12
  if (text === 'twice') return 2
  if (text === 'thrice') return 3
  const last = text.slice(text.lastIndexOf(' ') + 1)
  const times = scale[last] ?? 1
  const rest = times === 1 ? text : text.slice(0, text.lastIndexOf(' '))
  if (rest.startsWith('half')) return 0.5
  if (rest === 'a' || rest === 'an') return 1
  const sum = rest
    .split(/[ -]/)
    .reduce(
      (all, part) =>
        all + Math.max(0, small.indexOf(part), (tens.indexOf(part) + 2) * 10 * Number(tens.includes(part))),
      0,
    )
  return sum * times
}

const halfMore = / and (?:a half|a quarter|three quarters)(?= )(?! of )/y
const unitPattern = /[ \u202f\u00a0-]?(°[CF]|%|‰|[A-Za-zµμ]+(?:\/(?:s|min|h)\b)?|\/(?:s|min|h)\b)/y
const scalePattern = / ?(k|thousand|million|billion|M)(?![A-Za-z/])/y
const perPattern = /(?: [A-Za-z]+)?(?: (?:per|a|an|every) |\/)(second|minute|hour)\b/y
const spokenHours = /^(\d{1,2})h([0-5]\d)(?![\d:])/
const durationPart = / ?(?:and )?(\d+(?:\.\d+)?) ?(h|hours?|m|min|minutes?|s|sec|seconds?|ms)(?![A-Za-z])/y

/** A number with what follows it: unit, scale, "per second", more parts of a duration. */
function measured(
  text: string,
  start: number,
  after: number,
  number: number,
  written: string,
): Token | undefined {
  if (!Number.isFinite(number)) return undefined
  let [value, end] = [number, after]
  const digits = /\.(\d+)/.exec(written)?.[1]?.length ?? 0
  let slack = digits > 0 ? 0.5 * 10 ** -digits : 0
  const scaled = /\d/.test(written) ? at(scalePattern, text, end) : undefined
  if (scaled !== undefined) {
    const name = scaled[1] ?? ''
    const times = name === 'k' ? 1000 : name === 'M' ? 1e6 : (scale[name] ?? 1)
    slack = Math.max(slack, 0.5 * 10 ** -digits) * times
    value = clean(value * times)
    end += scaled[0].length
  }
  const more = at(halfMore, text, end)
  if (more !== undefined) {
    value += /quarters/.test(more[0]) ? 0.75 : /quarter/.test(more[0]) ? 0.25 : 0.5
    end += more[0].length
  }
  const made = (dimension: Dimension, factor: number, shift: number, stop: number): Token => {
    const exact = clean(value * factor + shift)
    const width = dimension === 'number' ? slack : Math.max(slack, 0.5 * 10 ** -digits) * factor
    const quantity = { value: exact, dimension, slack: clean(width), text: text.slice(start, stop) }
    return { kind: 'quantity', start, end: stop, quantity }
  }
  const spoken = spokenHours.exec(text.slice(start, start + 6))
  if (spoken !== null) {
    const [whole, hours, minutes] = spoken
    const value = Number(hours) * 3_600_000 + Number(minutes) * 60_000
    const stop = start + whole.length
    return {
      kind: 'quantity',
      start,
      end: stop,
      quantity: { value, dimension: 'time', slack: 30_000, text: whole },
    }
  }
  const money = /[$€£]/.exec(written)?.[0]
  if (money !== undefined) {
    const unit = unitOf(money)
    if (unit !== undefined) return made(unit.dimension, unit.factor, 0, end)
  }
  const cent = at(/ ?per cent(?:age points?)?\b| ?-?percentage points?\b/y, text, end)
  if (cent !== undefined)
    return made(/point/.test(cent[0]) ? 'points' : 'percent', 1, 0, end + cent[0].length)
  const degrees = at(/ degrees(?: (?:Celsius|Fahrenheit|C\b|F\b))?| ?[CF]\b(?!\+)/y, text, end)
  if (degrees !== undefined && /\d|minus/.test(written + degrees[0])) {
    const unit = unitOf(/F/.test(degrees[0]) ? '°F' : '°C')
    if (unit !== undefined && /\d|degrees/.test(written + degrees[0]))
      return made('temperature', unit.factor, unit.shift ?? 0, end + degrees[0].length)
  }
  const named = at(unitPattern, text, end)
  const points = named === undefined ? undefined : at(/[ -]?percentage points?/y, text, end)
  if (points !== undefined) return made('points', 1, 0, end + points[0].length)
  const minutes = named?.[0] === 'm'
  const unit =
    named === undefined ? undefined : (unitOf(named[1] ?? '') ?? (minutes ? unitOf('min') : undefined))
  if (named !== undefined && unit !== undefined) {
    end += named[0].length
    if (unit.dimension === 'time')
      return duration(text, start, end, clean(value * unit.factor), digits, unit.factor)
    const rate =
      unit.dimension === 'bytes' ? at(/(?:\/| per | a | every | each )s(?:econd)?\b/y, text, end) : undefined
    if (rate !== undefined) return made('byte-rate', unit.factor, 0, end + rate[0].length)
    return made(unit.dimension, unit.factor, unit.shift ?? 0, end)
  }
  // Digits that run on into letters are part of a name.
  if (/[A-Za-z_]/.test(text.charAt(end)) && scaled === undefined) {
    const part = at(durationPart, text, start)
    return part === undefined ? undefined : duration(text, start, start, 0, 0, 1)
  }
  const per = at(perPattern, text, end)
  if (per !== undefined && !/^one|^an? /i.test(written)) {
    const unitName = per[1] ?? ''
    const divisor = unitName === 'second' ? 1 : unitName === 'minute' ? 60 : 3600
    return made('rate', 1 / divisor, 0, end)
  }
  return made('number', 1, 0, end)
}

/** A duration with the parts that follow it: 1 h 20 min, 22m09s. */
function duration(
  text: string,
  start: number,
  from: number,
  first: number,
  digits: number,
  factor: number,
): Token {
  let [sum, end, last] = [first, from, factor]
  for (let part = at(durationPart, text, end); part !== undefined; part = at(durationPart, text, end)) {
    const name = part[2] === 'm' ? 'min' : (part[2] ?? '')
    const next = unitOf(name)?.factor ?? 0
    if (next === 0 || (end > start && next >= last)) break
    sum = clean(sum + Number(part[1]) * next)
    last = next
    end += part[0].length
  }
  const half =
    end === from
      ? at(/ and (a half|a quarter|three quarters)\b(?! of (?:an?|the|all|our|its)\b)/y, text, end)
      : undefined
  if (half !== undefined) {
    sum = clean(sum + factor * (half[1] === 'a half' ? 0.5 : half[1] === 'a quarter' ? 0.25 : 0.75))
    end += half[0].length
  }
  const slack = clean(0.5 * 10 ** -digits * last)
  return {
    kind: 'quantity',
    start,
    end,
    quantity: { value: sum, dimension: 'time', slack, text: text.slice(start, end) },
  }
}

function at(sticky: RegExp, text: string, index: number): RegExpExecArray | undefined {
  sticky.lastIndex = index
  return sticky.exec(text) ?? undefined
}

/** Without what binary fractions add past the twelfth digit: decimal factors stay exact. */
export const clean = (value: number): number => Number(value.toPrecision(12))
