/**
 * When things happened: at a time, before or after another thing, and how long it was from one to the other. An
 * event of a claim is found by its words; it has to be one line and no other, or the first or last of a few.
 */
import type { Moment } from '../facts/moment.ts'
import { order } from '../facts/moment.ts'
import type { Claim, Word } from './claim.ts'
import { metAt } from './meet.ts'
import type { Block, Row } from './record.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import { has } from './select.ts'
import type { Span } from './span.ts'
import { stanceOf, written } from './value.ts'
import { conceptOf, isGeneric, isSoft, isTelling } from './vocabulary.ts'
import { timely } from './window.ts'

const starts = conceptOf('start')
const ends = conceptOf('finish')
const parts = new Set('phase step part stage chunk'.split(' ').map(conceptOf))
const phases = new Set([starts, ends, conceptOf('stop')])

/** The line that a part of a claim tells of; undefined where none or several do. */
function eventOf(words: readonly Word[], block: Block, which: 'first' | 'last'): Row | undefined {
  const telling = words.filter(word => block.rows.some(row => has(word, row, block)))
  const unmet = words.filter(
    word =>
      !telling.includes(word) &&
      (word.entity !== undefined || !isSoft(word.concept) || phases.has(word.concept)) &&
      metAt(word, undefined, blank, block) === undefined,
  )
  if (
    telling.length === 0 ||
    unmet.some(
      word => word.entity !== undefined || isTelling(word.concept) || (word.verb && !isSoft(word.concept)),
    ) ||
    unmet.length > (telling.length > 1 ? 1 : 0)
  )
    return undefined
  if (unmet.some(word => phases.has(word.concept))) return undefined
  const rows = block.rows.filter(
    row =>
      row.moment?.from !== undefined &&
      telling.every(word => has(word, row, block) || block.words.has(word.concept)),
  )
  if (rows.length === 0 || rows.length > 6) return undefined
  return which === 'first' ? rows[0] : rows.at(-1)
}

const blank: Row = { start: 0, end: 0, cells: [], labels: new Set(), norm: ' ', names: [], quiet: false }

/** Seconds from `a` to `b`. */
function between(a: Moment, b: Moment): number | undefined {
  if (a.from === undefined || b.from === undefined) return undefined
  const day = ({ year, month, day: date }: Moment) =>
    month === undefined || date === undefined ? undefined : Date.UTC(year ?? 2001, month - 1, date) / 1000
  const [first, second] = [day(a), day(b)]
  if ((first === undefined) !== (second === undefined)) return undefined
  return Number(((second ?? 0) - (first ?? 0) + b.from - a.from).toFixed(6))
}

const orderWords = /\b(before|after|earlier than|later than|prior to|following)\b/i

/** "A happened before B", "B came at least ten minutes after A". */
export function ruleOnOrder(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const match = orderWords.exec(claim.text)
  if (match === null || claim.span !== undefined || claim.negated || claim.turned) return undefined
  const timed = claim.figures.filter(figure => figure.quantity.dimension === 'time')
  const [figure] = timed
  if (claim.figures.length > timed.length || timed.length > 1) return undefined
  const word = (match[1] ?? '').toLowerCase()
  const first = claim.words.filter(each => each.start < match.index)
  const second = claim.words.filter(each => each.start > match.index)
  const unsaid = shared(first, second)
  for (const block of blocks) {
    if (block.form !== 'log') continue
    const left = eventOf(first, block, 'first')
    const right = eventOf([...second, ...unsaid], block, 'first')
    if (left?.moment === undefined || right?.moment === undefined || left === right) continue
    const seconds = between(left.moment, right.moment)
    if (seconds === undefined || seconds === 0) continue
    const early = /before|earlier|prior/.test(word)
    const places = [placeOf(block, left), placeOf(block, right)]
    const found = `${timeText(left.moment)} and ${timeText(right.moment)}`
    if (figure === undefined) return rule(early ? seconds > 0 : seconds < 0, places, `${word} it`, found)
    const distance = early ? seconds : -seconds
    if (distance < 0) return rule(false, places, written(figure, 'plain'), found)
    const stance = stanceOf(figure, { value: distance * 1000, dimension: 'time', slack: 0, text: '' })
    if (stance !== 'silent')
      return rule(stance === 'supports', places, `${written(figure, 'plain')} ${word}`, found)
  }
  return undefined
}

/** Of "Request r-7 was answered before request r-5" the second is answered, too. */
function shared(first: readonly Word[], second: readonly Word[]): Word[] {
  if (second.some(word => word.verb || phases.has(word.concept))) return []
  return first.filter(word => word.verb)
}

const timeText = ({ from = 0 }: Moment): string =>
  [Math.floor(from / 3600), Math.floor((from % 3600) / 60), Math.floor(from % 60)]
    .map(part => String(part).padStart(2, '0'))
    .join(':')

const lasting =
  /\b(?:took|takes|taken|lasted|lasts|needed|ran for|was (?:down|out|over|offline|unavailable) (?:of \w+ )?(?:for|within)|finished (?:in|within|after)|completed (?:in|within)|within|took (?:in|within|after)|(?:open|down|closed|locked|out of service) for|duration)\b/i

/** How long something took, from the line of its start to the line of its end. */
export function ruleOnDuration(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const [figure, ...others] = claim.figures
  if (
    figure === undefined ||
    others.length > 0 ||
    figure.quantity.dimension !== 'time' ||
    !lasting.test(claim.text)
  )
    return undefined
  for (const block of blocks) {
    if (block.form !== 'log') continue
    const words = claim.words.filter(word => !phases.has(word.concept) && word.concept !== conceptOf('took'))
    const begin = phaseRow(words, block, starts, claim.span)
    const end = phaseRow(words, block, ends, claim.span)
    if (begin?.moment === undefined || end?.moment === undefined || begin === end) continue
    const seconds = between(begin.moment, end.moment)
    if (seconds === undefined || seconds <= 0) continue
    const stance = stanceOf(figure, { value: seconds * 1000, dimension: 'time', slack: 0, text: '' })
    if (stance === 'silent') continue
    return rule(
      stance === 'supports',
      [placeOf(block, begin), placeOf(block, end)],
      written(figure, 'plain'),
      `${seconds} s from start to end`,
    )
  }
  return undefined
}

const stretch = /\b(?:from|between) (?!\d)(.{3,60}?) (?:to|until|and) (?!\d)/i

/** "40 minutes from the first alert to the all-clear": the time from one line to another. */
export function ruleOnStretch(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const [figure, ...others] = claim.figures
  const match = stretch.exec(claim.text)
  if (
    figure === undefined ||
    match === null ||
    others.length > 0 ||
    figure.quantity.dimension !== 'time' ||
    claim.negated ||
    claim.span !== undefined
  )
    return undefined
  const turn = match.index + match[0].length
  const stop = figure.start > turn ? figure.start : claim.text.length
  const left = claim.words.filter(word => word.start > match.index && word.start < turn)
  const right = claim.words.filter(word => word.start >= turn && word.start < stop && !word.verb)
  for (const block of blocks) {
    if (block.form !== 'log' || left.length === 0 || right.length === 0) continue
    const begin = eventOf(left, block, /\blast\b/i.test(match[0]) ? 'last' : 'first')
    const end = eventOf(right, block, /\bfirst\b/i.test(claim.text.slice(turn)) ? 'first' : 'last')
    if (begin?.moment === undefined || end?.moment === undefined || begin === end) continue
    const seconds = between(begin.moment, end.moment)
    if (seconds === undefined || seconds <= 0) continue
    // What stands before the two has to be named, too.
    const before = claim.words.filter(word => word.start < match.index && !isSoft(word.concept) && !word.verb)
    if (before.some(word => metAt(word, undefined, begin, block) === undefined)) continue
    const stance = stanceOf(figure, { value: seconds * 1000, dimension: 'time', slack: 1000, text: '' })
    if (stance === 'silent') continue
    return rule(
      stance === 'supports',
      [placeOf(block, begin), placeOf(block, end)],
      written(figure, 'plain'),
      `${seconds} s from one to the other`,
    )
  }
  return undefined
}

/** The one line of what the words name that says it began, or ended. */
function phaseRow(words: readonly Word[], block: Block, phase: string, span?: Span): Row | undefined {
  const meant = words.filter(word => word.entity !== undefined || !isSoft(word.concept))
  const telling = meant.filter(word => block.rows.some(row => has(word, row, block)))
  const unmet = meant.filter(word => !telling.includes(word) && !block.words.has(word.concept))
  if (
    unmet.some(word => !word.verb && !isGeneric(word.concept)) ||
    (telling.length === 0 && unmet.some(word => !isGeneric(word.concept)))
  )
    return undefined
  const rows = block.rows.filter(
    row =>
      row.moment?.from !== undefined &&
      row.labels.has(phase) &&
      timely(span, row, block) &&
      ![...parts].some(part => row.labels.has(part) && !words.some(word => word.concept === part)) &&
      telling.every(word => has(word, row, block) || block.words.has(word.concept)),
  )
  return rows.length === 1 ? rows[0] : undefined
}

/** "The deploy finished at 14:05": the time of the one line that says so. */
export function ruleOnTime(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const { span } = claim
  if (
    span === undefined ||
    claim.figures.length > 0 ||
    claim.negated ||
    span.first !== undefined ||
    span.last !== undefined
  )
    return undefined
  const single = span.from !== undefined && span.to !== undefined && span.to - span.from <= 60
  const pointed = single
    ? /\b(?:at|around)\s*$/i.test(claim.text.slice(0, span.at))
    : span.from === undefined && span.to === undefined && span.day?.day !== undefined
  if (!pointed) return undefined
  for (const block of blocks) {
    if (span.zoned && !block.zoned && single) continue
    const { span: _span, ...timeless } = claim
    const row = block.form === 'log' ? eventOf(timeless.words, block, 'last') : undefined
    if (row?.moment === undefined) continue
    const only = eventOf(timeless.words, block, 'first')
    if (only !== row) continue
    const wanted: Moment = {
      ...(span.day ?? {}),
      ...(single ? { from: span.from ?? 0, to: span.from ?? 0 } : {}),
    }
    const { from = 0, to: _to, ...date } = row.moment
    const found: Moment = single ? { ...date, from: Math.floor(from / 60) * 60, to: from } : date
    const difference = order(found, span.day === undefined ? { ...date, ...wanted } : wanted)
    if (difference === undefined) continue
    return rule(
      difference === 0,
      [placeOf(block, row)],
      claim.text.slice(span.at, span.at + 20),
      timeText(row.moment),
    )
  }
  return undefined
}
