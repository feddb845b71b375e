/** The time that a claim speaks of: a day, a month, a clock time, from here to there, before or after. */
import { type Moment, mergeMoments, order } from '../facts/moment.ts'
import type { Token } from '../facts/quantity.ts'

/** A stretch of time; an end that is left out is open. */
export type Span = {
  /** Day, month or year of all of it. */
  readonly day?: Moment
  /** Seconds of the day. */
  readonly from?: number
  readonly to?: number
  /** True where `to` itself lies outside. */
  readonly open: boolean
  /** First and last day of a stretch of days. */
  readonly first?: Moment
  readonly last?: Moment
  readonly at: number
  /** True where the claim names a time zone. */
  readonly zoned: boolean
}

const zones: Readonly<Record<string, number>> = {
  ...{
    UTC: 0,
    GMT: 0,
    CET: 1,
    CEST: 2,
    BST: 1,
    EST: -5,
    EDT: -4,
    PST: -8,
    PDT: -7,
    JST: 9,
    CST: -6,
    CDT: -5,
  },
}

const monthName =
  /\b(?:[Ii]n|[Ff]or|[Oo]f|[Dd]uring|[Ss]ince|[Uu]ntil|[Ff]rom|to|[Tt]hroughout) (January|February|March|April|May|June|July|August|September|October|November|December)(?: (\d{4}))?(?! \d)\b/
const monthNames =
  'January February March April May June July August September October November December'.split(' ')

/** The time that `text` states, and the tokens that state it. */
export function spanIn(
  text: string,
  tokens: readonly Token[],
): readonly [Span | undefined, ReadonlySet<Token>] {
  const spent = new Set<Token>()
  let day: Moment | undefined
  const days: { moment: Moment; lead: string }[] = []
  const clocks: { seconds: number; lead: string; minute: boolean }[] = []
  let at = text.length
  for (const token of tokens) {
    if (token.kind !== 'moment') continue
    spent.add(token)
    at = Math.min(at, token.start)
    const lead = text.slice(Math.max(0, token.start - 24), token.start).toLowerCase()
    const { from, to, ...date } = token.moment
    if (from !== undefined && to !== undefined) {
      const zone = /^ ([A-Z]{2,4})\b/.exec(text.slice(token.end))?.[1] ?? ''
      const shift = (zones[zone] ?? 0) * 3600
      clocks.push({ seconds: from - shift, lead, minute: from % 60 === 0 })
    }
    if (date.month !== undefined || date.year !== undefined) days.push({ moment: date, lead })
  }
  const month = monthName.exec(text)
  if (month !== null && days.length === 0) {
    at = Math.min(at, month.index)
    day = {
      ...(month[2] === undefined ? {} : { year: Number(month[2]) }),
      month: monthNames.indexOf(month[1] ?? '') + 1,
    }
    if (month[2] !== undefined) {
      for (const token of tokens) {
        if (
          token.kind === 'quantity' &&
          token.start > month.index &&
          token.end <= month.index + month[0].length
        )
          spent.add(token)
      }
    }
  }
  // A bare year such as "in 2026" is a time and no figure.
  for (const token of tokens) {
    if (token.kind !== 'quantity' || !/^(?:19|20)\d\d$/.test(token.quantity.text)) continue
    if (!/\b(?:in|of|since|until|during|year|quarter|by) $/i.test(text.slice(0, token.start))) continue
    spent.add(token)
    day = mergeMoments(day, { year: Number(token.quantity.text) })
  }
  if (days.length === 1) day = mergeMoments(days[0]?.moment, day)
  const [first, last] = days.length === 2 ? [days[0]?.moment, days[1]?.moment] : []
  if (days.length > 2) return [undefined, spent]
  const [early, late] = clocks
  if (day === undefined && early === undefined && first === undefined) return [undefined, spent]
  const zoned = /\b(?:UTC|GMT|CES?T|BST|ES?DT|PS?DT|JST)\b|\dZ\b/.test(text)
  const base = {
    at,
    zoned,
    ...(day === undefined ? {} : { day }),
    ...(first === undefined || last === undefined ? {} : { first, last }),
  }
  if (early === undefined) {
    const lead = days[0]?.lead ?? ''
    const [single] = days
    if (single !== undefined && days.length === 1 && /\b(?:after|since|from) (?:the )?$/.test(lead))
      return [{ at, zoned, first: single.moment, open: false }, spent]
    if (single !== undefined && days.length === 1 && /\b(?:before|until|by|till) (?:the )?$/.test(lead))
      return [{ at, zoned, last: single.moment, open: /before $/.test(lead) }, spent]
    return [{ ...base, open: false }, spent]
  }
  if (late !== undefined) return [{ ...base, from: early.seconds, to: late.seconds, open: true }, spent]
  if (/\b(?:after|since|from)\s*$/.test(early.lead))
    return [{ ...base, from: early.seconds, open: false }, spent]
  if (/\b(?:before|until|till|by)\s*$/.test(early.lead))
    return [{ ...base, to: early.seconds, open: true }, spent]
  return [{ ...base, from: early.seconds, to: early.seconds + (early.minute ? 60 : 1), open: true }, spent]
}

/** Whether `moment`, of a row or of a title, lies in the span; undefined where it says too little. */
export function inSpan(moment: Moment | undefined, span: Span): boolean | undefined {
  if (span.day !== undefined) {
    for (const part of ['year', 'month', 'day'] as const) {
      const wanted = span.day[part]
      if (wanted === undefined) continue
      const found = moment?.[part]
      if (found === undefined) {
        if (part === 'year' && moment?.month !== undefined) continue
        return undefined
      }
      if (found !== wanted) return false
    }
  }
  if (span.first !== undefined || span.last !== undefined) {
    const { from: _from, to: _to, ...date } = moment ?? {}
    if (span.first !== undefined) {
      const side = order(date, span.first)
      if (side === undefined) return undefined
      if (side < 0) return false
    }
    if (span.last !== undefined) {
      const side = order(date, span.last)
      if (side === undefined) return undefined
      if (side > 0 || (span.open && side === 0)) return false
    }
  }
  if (span.from === undefined && span.to === undefined) return true
  if (moment?.from === undefined) return undefined
  if (span.from !== undefined && moment.from < span.from) return false
  if (span.to !== undefined && (span.open ? moment.from >= span.to : moment.from > span.to)) return false
  return true
}
