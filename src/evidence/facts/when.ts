/**
 * Finds the days, times and windows of a sentence, with the word that places something before, at or after
 * them, and compares them. Nothing that is not said is guessed; times with a zone are turned to UTC.
 */
import { type Moment, momentOf, monthPattern } from './moment.ts'

/** How what is said lies to the time. */
export type Relation = 'at' | 'before' | 'after' | 'by' | 'since' | 'until'

/** A day, a time, a window, at its place in the sentence. `to` is its end where it is a span. */
export type When = {
  readonly start: number
  readonly end: number
  readonly relation: Relation
  readonly year?: number
  readonly month?: number
  readonly day?: number
  /** Seconds of the day. */
  readonly clock?: number
  /** The clock is of UTC. */
  readonly utc?: boolean
  readonly weekday?: string
  readonly quarter?: number
  readonly week?: number
  /** "last week", "yesterday": told only of the same words. */
  readonly relative?: string
  readonly to?: When
}

const zones: Readonly<Record<string, number>> = {
  ...{ utc: 0, gmt: 0, z: 0, wet: 0, cet: 60, cest: 120, bst: 60, west: 60, eet: 120, eest: 180 },
  ...{ est: -300, edt: -240, cst: -360, cdt: -300, mst: -420, mdt: -360, pst: -480, pdt: -420 },
  ...{ ist: 330, jst: 540, sgt: 480, aest: 600 },
}
const zonePattern = String.raw`(?: ?\(?(?<zone>(?:UTC|GMT)[+-]\d{1,2}(?::?\d\d)?|${Object.keys(zones).join('|').toUpperCase()})\b\)?)?`

const hours = 'zero one two three four five six seven eight nine ten eleven twelve'.split(' ')

const pattern = new RegExp(
  [
    String.raw`(?<iso>(?<!\d)\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d(?!\d))?)?)`,
    String.raw`(?<date>(?<![\w.])\d{1,2}(?:st|nd|rd|th)? (?:of )?${monthPattern}\b\.?(?:,? \d{4}(?!\d))?|\b${monthPattern}\.? \d{1,2}(?![\d:.%])(?:st|nd|rd|th)?(?:,? \d{4}(?!\d))?)`,
    String.raw`(?<spoken>\b(?:half past|(?:a )?quarter past|(?:a )?quarter to) (?:${hours.join('|')}|midnight|noon)\b(?: in the (?:morning|afternoon|evening)| at night)?|\b(?:${hours.slice(1).join('|')}) (?:in the (?:morning|afternoon|evening)|at night)\b)`,
    String.raw`(?<half>(?<![\w:.])(?:\d{1,2}(?::\d\d)? ?(?:[ap]\.m\.|[ap]m\b)|noon\b|midnight\b))`,
    String.raw`(?<time>(?<![\w:.])\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?![\w:]))`,
    String.raw`(?<named>\b(?:${monthPattern}(?: \d{4}(?!\d))?|Q[1-4](?: \d{4}(?!\d))?|(?:[Ww]eek|[Cc]alendar week) \d{1,2}(?!\d)|(?:[Ff]irst|[Ss]econd|[Tt]hird|[Ff]ourth) quarter(?: of \d{4}(?!\d))?|(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day))(?![\w-])`,
    String.raw`(?<year>(?<=\b(?:[Ii]n|[Oo]f|[Ss]ince|[Dd]uring|[Uu]ntil|[Bb]y|[Ff]or|[Ss]pring|[Ss]ummer|[Aa]utumn|[Ww]inter|[Yy]ear|[Ff]rom|[Aa]fter|[Bb]efore) )(?:19|20)\d\d(?![\d.,]*\d| ?%| ?(?:[kMGT]i?B|[mµn]?s|bytes|kg|km)\b| (?!(?:was|is|has|this|its|as|us)\b)\p{Ll}+s\b))`,
    String.raw`(?<relative>\b(?:[Tt]his|[Ll]ast|[Nn]ext|[Pp]revious|[Pp]ast) (?:hour|day|week|month|quarter|year|night|weekend|spring|summer|autumn|winter)\b|\b(?:[Yy]esterday|[Tt]oday|[Tt]omorrow|[Tt]onight)\b)`,
  ].join('|'),
  'gu',
)
const zoneAfter = new RegExp(zonePattern, 'y')

/** The times of `text`, in order. Parts that stand together are one: "on 3 June at 14:05 UTC". */
export function whensOf(text: string): When[] {
  const found: When[] = []
  for (const match of text.matchAll(pattern)) {
    const when = readWhen(text, match)
    if (when === undefined) continue
    const last = found.at(-1)
    const merged = last === undefined ? undefined : mergeWhens(text, last, when)
    if (merged === undefined) found.push(when)
    else found[found.length - 1] = merged
  }
  return joinSpans(text, found)
}

function readWhen(text: string, match: RegExpExecArray): When | undefined {
  const start = match.index
  let end = start + match[0].length
  const groups = match.groups ?? {}
  const relation = relationOf(text.slice(Math.max(0, start - 28), start))
  const place = { start, relation }
  if (groups['relative'] !== undefined)
    return { ...place, end, relative: match[0].toLowerCase().replace(/^(?:past|previous) /, 'last ') }
  if (groups['year'] !== undefined) return { ...place, end, year: Number(match[0]) }
  if (groups['named'] !== undefined) return { ...place, end, ...namedOf(match[0]) }
  if (groups['half'] ?? groups['time'] ?? groups['spoken']) {
    const clock =
      groups['time'] !== undefined
        ? momentOf(match[0])?.from
        : groups['spoken'] === undefined
          ? halfOf(match[0])
          : spokenOf(match[0])
    if (clock === undefined) return undefined
    // Before midnight is before the end of the day.
    if (match[0] === 'midnight' && (relation === 'before' || relation === 'by' || relation === 'until'))
      return { ...place, end, clock: 86_400 }
    zoneAfter.lastIndex = end
    const zone = zoneAfter.exec(text)
    const name = zone?.groups?.['zone']?.toLowerCase()
    if (name === undefined) return { ...place, end, clock }
    end += zone?.[0].length ?? 0
    const shifted = clock - minutesOf(name) * 60
    return { ...place, end, clock: ((shifted % 86_400) + 86_400) % 86_400, utc: true }
  }
  const moment = momentOf(match[0].replace('.', groups['date'] === undefined ? '.' : ''))
  if (moment === undefined) return undefined
  const { from } = moment
  const zoned = /T.*(?:Z|[+-]\d\d:?\d\d)$/.test(match[0])
  return { ...place, end, ...dayOf(moment), ...(from === undefined ? {} : { clock: from, utc: zoned }) }
}

function dayOf({ year, month, day }: Moment): Pick<When, 'year' | 'month' | 'day'> {
  return {
    ...(year === undefined ? {} : { year }),
    ...(month === undefined ? {} : { month }),
    ...(day === undefined ? {} : { day }),
  }
}

function minutesOf(name: string): number {
  const shift = /^(?:utc|gmt)([+-])(\d{1,2})(?::?(\d\d))?$/.exec(name)
  if (shift === null) return zones[name] ?? 0
  return (shift[1] === '-' ? -1 : 1) * (Number(shift[2]) * 60 + Number(shift[3] ?? 0))
}

function halfOf(text: string): number | undefined {
  const lower = text.toLowerCase()
  if (lower === 'noon') return 43_200
  if (lower === 'midnight') return 0
  const parts = /^(\d{1,2})(?::(\d\d))? ?([ap])/.exec(lower)
  const hour = Number(parts?.[1])
  if (!(hour >= 1 && hour <= 12)) return undefined
  return ((hour % 12) + (parts?.[3] === 'p' ? 12 : 0)) * 3600 + Number(parts?.[2] ?? 0) * 60
}

/** "Half past two in the afternoon"; without a part of the day the hour is taken as it is said. */
function spokenOf(text: string): number {
  const lower = text.toLowerCase()
  const name = hours.find(hour =>
    new RegExp(`\\b${hour}\\b`).test(lower.replace(/^half past|^(?:a )?quarter (?:past|to)/, '')),
  )
  const said = /midnight/.test(lower) ? 0 : /noon$/.test(lower) ? 12 : hours.indexOf(name ?? 'zero')
  const late = /afternoon|evening|at night/.test(lower) && said < 12
  const minutes = lower.startsWith('half')
    ? 30
    : /quarter past/.test(lower)
      ? 15
      : /quarter to/.test(lower)
        ? -15
        : 0
  return ((((said % 24) + (late ? 12 : 0)) * 60 + minutes + 1440) % 1440) * 60
}

const monthNames = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const ordinals = ['first', 'second', 'third', 'fourth']

function namedOf(text: string): Partial<When> {
  const year = /\b\d{4}$/.exec(text)?.[0]
  const dated = year === undefined ? {} : { year: Number(year) }
  const lower = text.toLowerCase()
  if (/day$/.test(lower)) return { weekday: lower }
  if (/^q[1-4]/.test(lower)) return { quarter: Number(lower[1]), ...dated }
  if (/week/.test(lower)) return { week: Number(/\d+/.exec(lower)?.[0]) }
  if (/quarter/.test(lower)) return { quarter: ordinals.indexOf(lower.split(' ')[0] ?? '') + 1, ...dated }
  return { month: monthNames.indexOf(lower.slice(0, 3)) + 1, ...dated }
}

function relationOf(before: string): Relation {
  const text = before
    .toLowerCase()
    .replace(/\b(?:the|about|around|early|late|shortly|just|on|at|morning of|end of|of|evening of)\s+$/g, '')
  const word =
    /\b(before|prior to|ahead of|earlier than|after|later than|following|past|by|no later than|since|until|till|up to)\s+(?:(?:the|about|around|shortly|just|on|at)\s+)*$/.exec(
      text,
    )?.[1]
  switch (word) {
    case 'before':
    case 'prior to':
    case 'ahead of':
    case 'earlier than':
      return 'before'
    case 'after':
    case 'later than':
    case 'following':
    case 'past':
      return 'after'
    case 'by':
    case 'no later than':
      return 'by'
    case 'since':
      return 'since'
    case 'until':
    case 'till':
    case 'up to':
      return 'until'
    default:
      return 'at'
  }
}

const fields = ['year', 'month', 'day', 'clock', 'weekday', 'quarter', 'week', 'relative'] as const

function mergeWhens(text: string, first: When, second: When): When | undefined {
  const between = text.slice(first.end, second.start)
  if (!/^,?\s*(?:\(|at|on|in|of)?\s*(?:the\s+)?$/i.test(between)) return undefined
  if (fields.some(field => first[field] !== undefined && second[field] !== undefined)) return undefined
  // "in March 14:05" is none; two clocks never merge.
  const relation = first.relation === 'at' ? second.relation : first.relation
  return { ...first, ...second, start: first.start, end: second.end, relation }
}

const isMoved = (text: string, first: When, second: When): boolean =>
  /^ to (?:the )?$/.test(text.slice(first.end, second.start)) &&
  /\b(?:moved?|moves|postponed|changed|shifted|pushed|put|delayed|rescheduled|deferred|extended|brought) (?:\p{L}+ )?from (?:the )?$/u.test(
    text.slice(Math.max(0, first.start - 40), first.start),
  )

function joinSpans(text: string, whens: readonly When[]): When[] {
  const joined: When[] = []
  for (let index = 0; index < whens.length; index += 1) {
    const [first, second] = [whens[index] as When, whens[index + 1]]
    const before = text.slice(Math.max(0, first.start - 12), first.start)
    // "Moved from 15 May to 1 June": what it was moved from is past.
    if (second !== undefined && isMoved(text, first, second)) continue
    const between = second === undefined ? '' : text.slice(first.end, second.start)
    const spans =
      (/^ ?[–-] ?$|^ (?:to|until|till|through) (?:the )?(?:about |around )?$/.test(between) ||
        (/\bbetween (?:the )?$/i.test(before) && /^ and $/.test(between))) &&
      second !== undefined
    if (spans && second !== undefined) {
      const end = fill(second, first)
      joined.push({ ...fill(first, second), relation: 'at', end: second.end, to: end })
      index += 1
    } else joined.push(first)
  }
  return joined
}

/** `when` with the day of `from` where it has none; its clock stays its own. */
export function fill(when: When, from: When | undefined): When {
  if (from === undefined) return when
  if (when.clock !== undefined && when.day === undefined && when.month === undefined) {
    const { year, month, day, weekday } = from
    if (when.weekday !== undefined && weekday !== undefined && when.weekday !== weekday) return when
    return {
      ...when,
      ...(year === undefined ? {} : { year }),
      ...(month === undefined ? {} : { month }),
      ...(day === undefined ? {} : { day }),
      ...(weekday === undefined || when.weekday !== undefined ? {} : { weekday }),
      ...(from.utc === true && when.utc === undefined && from.clock !== undefined ? { utc: true } : {}),
    }
  }
  if (when.year === undefined && from.year !== undefined && when.month !== undefined)
    return { ...when, year: from.year }
  if (when.month === undefined && when.quarter === undefined && when.clock === undefined) return when
  return when
}

/** Whether `found` lies in the window that `claimed` names: false where another is named, undefined where none is. */
export function lies(found: When, claimed: When): boolean | undefined {
  // What holds of several days is not said of one of them.
  if (
    found.to !== undefined &&
    claimed.to === undefined &&
    claimed.clock === undefined &&
    isLonger(found, found.to, claimed)
  )
    return false
  let told = false
  for (const field of ['year', 'month', 'day', 'weekday', 'quarter', 'week', 'relative'] as const) {
    const wanted = claimed[field]
    if (wanted === undefined) continue
    const given = field === 'quarter' ? (found.quarter ?? quarterOf(found)) : found[field]
    if (given === undefined) {
      if (field === 'year' && (found.month !== undefined || found.quarter !== undefined)) continue
      if (field === 'weekday' && found.day !== undefined && claimed.day !== undefined) continue
      return undefined
    }
    if (given !== wanted) return false
    told = true
  }
  if (claimed.clock !== undefined) {
    if (found.clock === undefined) return undefined
    const end = claimed.to?.clock
    if (end === undefined) return found.clock === claimed.clock
    return found.clock >= claimed.clock && (found.to?.clock ?? found.clock) <= end
  }
  return told ? true : undefined
}

const isLonger = (from: When, to: When, claimed: When): boolean =>
  (claimed.weekday !== undefined && from.weekday !== to.weekday && to.weekday !== undefined) ||
  (claimed.day !== undefined && from.day !== to.day && to.day !== undefined) ||
  (claimed.month !== undefined && from.month !== to.month && to.month !== undefined)

const quarterOf = ({ month }: When): number | undefined =>
  month === undefined ? undefined : Math.ceil(month / 3)

/** Below 0 where `a` is earlier than `b`, 0 where they are the same as far as both are told; else undefined. */
export function orderOf(a: When, b: When): number | undefined {
  if (
    a.utc !== b.utc &&
    (a.utc === true || b.utc === true) &&
    a.clock !== undefined &&
    b.clock !== undefined
  ) {
    // A time without a zone is taken for one of the same zone.
  }
  if (a.year !== undefined && b.year !== undefined && a.year !== b.year) return a.year - b.year
  if (a.month !== undefined && b.month !== undefined) {
    if (a.month !== b.month) return a.month - b.month
    if (a.day !== undefined && b.day !== undefined) {
      if (a.day !== b.day) return a.day - b.day
      if (a.clock !== undefined && b.clock !== undefined) return a.clock - b.clock
      return a.clock === undefined && b.clock === undefined ? 0 : undefined
    }
    return a.day === undefined && b.day === undefined ? 0 : undefined
  }
  if (a.month !== undefined || b.month !== undefined) {
    const [dated, other] = a.month === undefined ? [b, a] : [a, b]
    if (other.quarter !== undefined) {
      const difference = (quarterOf(dated) ?? 0) - other.quarter
      return difference === 0 ? undefined : a.month === undefined ? -difference : difference
    }
    return undefined
  }
  if (a.quarter !== undefined && b.quarter !== undefined) return a.quarter - b.quarter
  if (a.week !== undefined && b.week !== undefined) return a.week - b.week
  if (a.weekday !== undefined && b.weekday !== undefined && a.weekday !== b.weekday) return undefined
  if (a.clock !== undefined && b.clock !== undefined) return a.clock - b.clock
  if (a.year !== undefined && b.year !== undefined) return 0
  return undefined
}

/** The length of a span in milliseconds, past midnight where its end comes before its start. */
export function lengthOf({ to, ...from }: When): number | undefined {
  if (to === undefined || from.clock === undefined || to.clock === undefined) return undefined
  const days = daysBetween(from, to)
  if (days === undefined) return undefined
  const seconds = days * 86_400 + to.clock - from.clock
  return (seconds < 0 && days === 0 ? seconds + 86_400 : seconds) * 1000
}

/** Whole days from one day to another; 0 where neither names one. */
export function daysBetween(from: When, to: When): number | undefined {
  if (from.day === undefined || from.month === undefined || to.day === undefined || to.month === undefined)
    return from.day === undefined || to.day === undefined ? 0 : undefined
  const year = from.year ?? to.year ?? 2025
  const [a, b] = [Date.UTC(year, from.month - 1, from.day), Date.UTC(to.year ?? year, to.month - 1, to.day)]
  return Math.round((b - a) / 86_400_000)
}
