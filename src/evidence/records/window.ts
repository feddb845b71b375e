/** Whether rows and blocks are of the time that a claim speaks of. */
import type { Claim } from './claim.ts'
import type { Block, Row } from './record.ts'
import { inSpan, type Span } from './span.ts'

/** Whether a row lies in the time that the claim states; the title's day stands for rows without one. */
export function timely(span: Span | undefined, row: Row, block: Block): boolean {
  if (span === undefined) return true
  // A clock time in a named zone says nothing of clocks in one that is not told.
  if (span.zoned && !block.zoned && (span.from !== undefined || span.to !== undefined)) return false
  const { moment } = row
  const dated = moment?.day !== undefined || moment?.month !== undefined
  const own = dated || block.moment === undefined ? moment : { ...block.moment, ...moment }
  const found = inSpan(own ?? block.moment, span)
  if (found !== undefined) return found
  return namedSpan(span, row, block)
}

const monthNames =
  'january february march april may june july august september october november december'.split(' ')

/** A month or a year that a title or a row names in its words. */
function namedSpan(span: Span, row: Row, block: Block): boolean {
  const { day } = span
  if (day === undefined || day.day !== undefined || span.from !== undefined || span.to !== undefined)
    return false
  const text = block.norm + row.norm
  const month = day.month === undefined ? '' : (monthNames[day.month - 1] ?? '')
  const number = String(day.month ?? 0).padStart(2, '0')
  const named =
    day.month === undefined ||
    text.includes(` ${month} `) ||
    text.includes(` ${month.slice(0, 3)} `) ||
    new RegExp(` ${day.year ?? '(?:19|20)\\d\\d'} ${number} `).test(text)
  const dated =
    day.year === undefined ||
    text.includes(` ${day.year} `) ||
    (day.month !== undefined && !/ (?:19|20)\d\d /.test(text))
  return named && dated
}

/** A stretch of time told in words has to stand in the title. */
export const spans = (claim: Claim, block: Block): boolean =>
  claim.stretch === undefined ||
  block.norm.includes(stretchWords(claim.stretch)) ||
  block.rows.some(row => row.norm.includes(stretchWords(claim.stretch ?? ''))) ||
  block.rows.some(row => row.norm.includes(shortDay(claim.stretch ?? '')))

/** A day of the week as columns shorten it. */
const shortDay = (text: string): string =>
  ` ${/\b(mon|tue|wed|thu|fri|sat|sun)[a-z]*day\b/.exec(text)?.[1] ?? '?'} `

const stretchWords = (text: string): string =>
  text.replace(/^ (?:in |during |over |for |since |within )?(?:the |on )?/, ' ')
