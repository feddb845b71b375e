/**
 * Days and times of day as far as a text states them, compared without guessing what it leaves out.
 * Times with an offset are turned to UTC where the day is known.
 */

/** `from` and `to` in seconds of the day, equal for a point in time; `to` is past the day where it wraps. */
export type Moment = {
  readonly year?: number
  readonly month?: number
  readonly day?: number
  readonly from?: number
  readonly to?: number
}

const months = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')

/** The pattern of a month's name, for larger patterns. */
export const monthPattern =
  '(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)'

const iso = /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d+))?)?\s?(Z|[+-]\d\d:?\d\d)?)?$/
const dayFirst = new RegExp(`^(\\d{1,2})(?:st|nd|rd|th)? (?:of )?(${monthPattern})\\.?,?(?: (\\d{4}))?$`, 'i')
const monthFirst = new RegExp(`^(${monthPattern})\\.? (\\d{1,2})(?:st|nd|rd|th)?(?:,? (\\d{4}))?$`, 'i')
const clock = /^(\d{1,2}):(\d\d)(?::(\d\d)(?:[.,]\d+)?)?$/

/** The moment that `text`, all of it, names. */
export function momentOf(text: string): Moment | undefined {
  const full = iso.exec(text)
  if (full !== null) return isoMoment(full)
  const time = clock.exec(text)
  if (time !== null) {
    const from = Number(time[1]) * 3600 + Number(time[2]) * 60 + Number(time[3] ?? 0)
    return from <= 86_400 ? { from, to: from } : undefined
  }
  const first = dayFirst.exec(text)
  if (first !== null) return dated(first[3], first[2] ?? '', first[1] ?? '')
  const second = monthFirst.exec(text)
  return second === null ? undefined : dated(second[3], second[1] ?? '', second[2] ?? '')
}

function dated(year: string | undefined, month: string, day: string): Moment | undefined {
  const index = months.indexOf(month.slice(0, 3).toLowerCase())
  if (index < 0 || Number(day) > 31 || Number(day) < 1) return undefined
  return { ...(year === undefined ? {} : { year: Number(year) }), month: index + 1, day: Number(day) }
}

function isoMoment(parts: RegExpExecArray): Moment | undefined {
  const [, year, month, day, hour, minute, second, fraction, zone] = parts
  if (Number(month) > 12 || Number(day) > 31) return undefined
  const date = { year: Number(year), month: Number(month), day: Number(day) }
  if (hour === undefined) return date
  const from =
    Number(hour) * 3600 + Number(minute) * 60 + Number(second ?? 0) + Number(`0.${fraction ?? '0'}`)
  if (zone === undefined || zone === 'Z') return { ...date, from, to: from }
  const sign = zone.startsWith('-') ? 1 : -1
  const shift = sign * (Number(zone.slice(1, 3)) * 3600 + Number(zone.slice(-2)) * 60)
  const utc = new Date(Date.UTC(date.year, date.month - 1, date.day) + (from + shift) * 1000)
  const seconds = utc.getUTCHours() * 3600 + utc.getUTCMinutes() * 60 + (from % 60)
  const moved = { year: utc.getUTCFullYear(), month: utc.getUTCMonth() + 1, day: utc.getUTCDate() }
  return { ...moved, from: seconds, to: seconds }
}

/** What is known of both; the first one's word goes first. */
export function mergeMoments(first: Moment | undefined, second: Moment | undefined): Moment | undefined {
  if (first === undefined) return second
  return second === undefined ? first : { ...second, ...first }
}

/** Whether `moment` lies in `window`; undefined where one of them does not say enough. */
export function within(moment: Moment | undefined, window: Moment): boolean | undefined {
  for (const part of ['year', 'month', 'day'] as const) {
    if (window[part] === undefined) continue
    if (moment?.[part] === undefined) {
      if (part === 'year' && moment?.month !== undefined) continue
      return undefined
    }
    if (moment[part] !== window[part]) return false
  }
  if (window.from === undefined || window.to === undefined) return true
  if (moment?.from === undefined || moment.to === undefined) return undefined
  if (window.from === window.to) {
    // A window written to the minute holds the whole minute.
    const end = window.to % 60 === 0 ? window.to + 60 : window.to + 1
    return moment.from >= window.from && moment.from < end
  }
  return moment.from >= window.from && moment.to <= window.to
}

/** Below 0 where `a` is earlier than `b`, above where later, 0 where equal; undefined where unknown. */
export function order(a: Moment | undefined, b: Moment | undefined): number | undefined {
  if (a === undefined || b === undefined) return undefined
  for (const part of ['year', 'month', 'day', 'from'] as const) {
    const [left, right] = [a[part], b[part]]
    if (left === undefined && right === undefined) continue
    if (left === undefined || right === undefined) {
      if (part === 'year') continue
      return undefined
    }
    if (left !== right) return left - right
  }
  return 0
}
