/**
 * Turns a source into blocks of rows: a whole JSON document, a log, or one after the other the tables, metrics and
 * keys that stand between headings and sentences. Running text gives no block.
 */

import type { FactSource } from '../facts/fact.ts'
import { type Line, linesOf } from '../facts/lines.ts'
import { type Moment, mergeMoments } from '../facts/moment.ts'
import { tokensOf } from '../facts/quantity.ts'
import { type Unit, unitOf } from '../facts/unit.ts'
import type { Claim } from './claim.ts'
import { isLogLine, readLogLine } from './log.ts'
import { isMetric, isMetricNote, readMetrics } from './metrics.ts'
import { type Block, normOf, type Row } from './record.ts'
import { tableAt } from './table.ts'
import { isEntry, readEntries, readJson } from './tree.ts'
import { conceptOf, wordsIn } from './vocabulary.ts'
import { allWanted, lacksName, rowsWanted, wantedBy } from './wanted.ts'

/** Sources longer than this have their log lines chosen before they are read. */
const longSource = 16_000

/** Sources longer than this are read only as logs. */
const longest = 4_000_000

/** The blocks of `source`. */
export function readBlocks(source: FactSource, claim?: Claim): Block[] {
  const { content } = source
  const title = source.title ?? ''
  if (content.length > longest) return []
  if (content.length > longSource && claim !== undefined && lacksName(claim, title, content)) return []
  const head = content.trimStart().charAt(0)
  if (head === '{' || head === '[') {
    const rows = readJson(content)
    if (rows !== undefined) return [blockOf('tree', rows, [title], content)]
  }
  const lines = linesOf(content)
  const filled = lines.filter(line => line.text !== '')
  if (filled.length === 0) return []
  const [first] = lines
  const table =
    first === undefined || /^\{/.test(first.text) || isLogLine(first.text)
      ? undefined
      : tableAt(lines.slice(0, 2000), 0)
  const tabular = table !== undefined && table.rows.length >= (Math.min(filled.length, 2000) - 1) * 0.8
  if (!tabular && isLog(source, filled)) return [logOf(filled, title, content, claim)]
  const keep = content.length > longSource && claim !== undefined ? rowsWanted(claim, content) : undefined
  return blocksIn(lines, title, content, keep)
}

function isLog(source: FactSource, filled: readonly Line[]): boolean {
  const probe = filled.length > 60 ? [...filled.slice(0, 30), ...filled.slice(-30)] : filled
  if (probe.filter(line => /^\{.*\}$/.test(line.text)).length > probe.length / 2) return true
  if (probe.filter(line => isPairs(line.text)).length > probe.length * 0.6) return true
  const timed = probe.filter(line => isLogLine(line.text)).length
  if (timed > probe.length * 0.6) return true
  if (timed === 0 && probe.filter(line => isEntry(line.text)).length > probe.length * 0.6) return false
  return (
    source.type === 'log' && !probe.some(line => /[.!?]$/.test(line.text) && line.text.split(' ').length > 25)
  )
}

function logOf(filled: readonly Line[], title: string, content: string, claim: Claim | undefined): Block {
  const wanted = content.length > longSource && claim !== undefined ? wantedBy(claim, content) : allWanted
  const rows: Row[] = []
  for (const line of filled) {
    const take = wanted === allWanted || wanted.line(line.text.toLowerCase())
    rows.push(readLogLine(line, take ? wanted : undefined, rows.at(-1)?.moment))
  }
  return blockOf('log', rows, [title], content)
}

function blocksIn(
  lines: readonly Line[],
  title: string,
  content: string,
  keep?: (text: string) => boolean,
): Block[] {
  const blocks: Block[] = []
  let captions: string[] = []
  let heading = ''
  for (let index = 0; index < lines.length; ) {
    const line = lines[index] as Line
    const { text } = line
    if (text === '') {
      index += 1
      continue
    }
    const above = () => [title, heading, ...captions.slice(-2)]
    const table = tableAt(lines, index, keep)
    if (table !== undefined) {
      const after = lines
        .slice(table.next, table.next + 3)
        .map(each => each.text)
        .filter(each => /^[(#]/.test(each))
      blocks.push(blockOf('table', table.rows, [...above(), ...after], content))
      index = table.next
      captions = []
      continue
    }
    if (
      isMetric(text) ||
      isMetricNote(text) ||
      (text.startsWith('# ') && isMetric(lines[index + 1]?.text ?? ''))
    ) {
      const end = runOf(lines, index, each => isMetric(each) || each.startsWith('#'))
      const notes = lines
        .slice(index, end)
        .flatMap(each => (/^#(?! HELP| TYPE)/.test(each.text) ? [each.text] : []))
      blocks.push(blockOf('metrics', readMetrics(lines.slice(index, end)), above(), content, notes))
      index = end
      continue
    }
    if (/^#{1,6} \S/.test(text) && !isEntry(text.replace(/^#+ /, ''))) {
      heading = text
      index += 1
      continue
    }
    if ((isEntry(text) && !isPairs(text)) || (/^\s*(?:#|;|\/\/)/.test(text) && nextIsEntry(lines, index))) {
      const end = runOf(lines, index, each => isEntry(each) || /^\s*(?:#|;|\/\/|- |---)/.test(each))
      const run = lines.slice(index, end)
      const notes = run.filter(each => /^\s*(?:#|;|\/\/)/.test(each.text)).map(each => each.text)
      const rows = readEntries(run)
      if (rows.length > 0 && !isProse(run)) blocks.push(blockOf('tree', rows, above(), content, notes))
      index = end
      continue
    }
    if (isLogLine(text) || isPairs(text)) {
      const end = runOf(lines, index, each => isLogLine(each) || isPairs(each))
      const rows = lines
        .slice(index, end)
        .filter(each => each.text !== '')
        .map(each => readLogLine(each, allWanted))
      if (rows.length > 1) blocks.push(blockOf('log', rows, above(), content))
      index = end
      continue
    }
    captions.push(text.length < 120 ? text : '')
    index += 1
  }
  return blocks
}

/** A line of several `key=value` pairs. */
const isPairs = (text: string): boolean => (text.match(/(?:^|\s)[A-Za-z_][\w.-]*=\S/g)?.length ?? 0) > 1

function nextIsEntry(lines: readonly Line[], index: number): boolean {
  for (let next = index + 1; next < lines.length && next < index + 12; next += 1) {
    const text = lines[next]?.text ?? ''
    if (text !== '' && !/^\s*(?:#|;|\/\/)/.test(text)) return isEntry(text)
  }
  return false
}

/** The line after the run of lines that `holds` takes from `index` on; single blank lines do not end it. */
function runOf(lines: readonly Line[], index: number, holds: (text: string) => boolean): number {
  let end = index + 1
  for (let next = end; next < lines.length; next += 1) {
    const text = lines[next]?.text ?? ''
    if (text === '') continue
    if (!holds(text)) break
    end = next + 1
  }
  return end
}

/** Lines such as "Note: the p99 was 3 s." are sentences. */
const isProse = (run: readonly Line[]): boolean =>
  run.every(
    ({ text }) => /(?<![a-z])[a-z]{2,} [a-z]{2,} [a-z]{2,} [a-z]{2,}/.test(text) && /[.!?]$/.test(text),
  )

const partial =
  /\b(?:sampled?|sampling|truncated|rotated|cut off|first \d+ (?:rows|lines|of)|last \d+ (?:rows|lines)|limit(?:ed to)? \d+|top \d+|excerpt|extract|partial|incomplete|tail -|head -|earlier part|only part|more rows|rows? omitted|omitted|dropped \d+ (?:lines|messages)|suppressed|[?&]limit=\d+|\bpage \d+ of|[?&]page=\d|"?(?:total_)?pages"?: ?(?:[2-9]|\d\d)|"?next(?:_cursor|_token|_url)?"?: ?"[\w/]|continued in|not logged|has_more"?: ?true|next_page|\d+ of \d+ (?:rows|lines|shown)|showing \d+)|\.\.\. ?$|… ?$|^\s*(?:\.\.\.|…|\[\.\.\.\]|\(\.\.\.\))/im

function blockOf(
  form: Block['form'],
  rows: readonly Row[],
  captions: readonly string[],
  content: string,
  notes: readonly string[] = [],
): Block {
  const caption = captions.filter(Boolean).join(' | ')
  const words = new Set(wordsIn(caption).map(conceptOf))
  const head = content.length > 3000 ? `${content.slice(0, 1000)}\n${content.slice(-1000)}` : content
  const moment = dayOf(caption)
  return {
    form,
    rows,
    words,
    norm: normOf(caption),
    units: unitsIn([caption, ...notes].join(' | ')),
    zoned: /\d\d:\d\d(?::\d\d)?(?:[.,]\d+)?(?:Z|[+-]\d\d)|\b(?:UTC|GMT|CES?T)\b/.test(`${caption} ${head}`),
    complete: !partial.test(caption) && !partial.test(head),
    ...(moment === undefined ? {} : { moment }),
  }
}

function dayOf(caption: string): Moment | undefined {
  const ended = /\bending (?:at )?(\d{4}-\d\d-\d\d)T00:00/.exec(caption)?.[1]
  if (ended !== undefined) {
    const before = new Date(Date.parse(ended) - 86_400_000)
    return Number.isNaN(before.getTime())
      ? undefined
      : { year: before.getUTCFullYear(), month: before.getUTCMonth() + 1, day: before.getUTCDate() }
  }
  let found: Moment | undefined
  let clock: Moment | undefined
  let clocks = 0
  // A day in the name of a file is no part of an identifier.
  for (const token of tokensOf(caption.replace(/[-_/](?=\d{4}-\d\d-\d\d(?!\d))/g, ' '))) {
    if (token.kind === 'moment' && token.moment.from !== undefined) {
      clocks += 1
      clock = token.moment
    }
    if (token.kind !== 'moment' || token.moment.day === undefined) continue
    // Two days make a span and not the day of all.
    if (found !== undefined && found.day !== token.moment.day) return undefined
    found = mergeMoments(found, { ...token.moment })
  }
  // One time of day is that of a snapshot; two make a stretch.
  const taken: Moment | undefined =
    clocks === 1 && clock?.from !== undefined && snapshot.test(caption)
      ? { from: clock.from, ...(clock.to === undefined ? {} : { to: clock.to }) }
      : undefined
  if (found === undefined) return taken
  const { from: _from, to: _to, ...day } = found
  return { ...day, ...taken }
}

const snapshot = /\b(?:snapshot|as of|at|taken|scrape|status|dump|state|reading|page)\b[^|]{0,24}\d\d:\d\d/i

const unitName =
  /[([]\s*(?:in )?([A-Za-zµ°%/]{1,12})\s*[)\]]|\b(?:in|unit:|units:) (Mbit\/s|Gbit\/s|MB\/s|MiB\/s|milliseconds|seconds|minutes|hours|days|weeks|bytes|kilobytes|megabytes|gigabytes|percent|ms|MiB|GiB|KiB|MB|GB|kB|EUR|USD|euros?|dollars?|kW|kWh|°C|°F|[CF]|%)(?![A-Za-z])|, ([m°%µ]?[sCFW%]|ms|MiB|GiB|MB|GB)(?=$|[ ,;|)])/g

function unitsIn(caption: string): Unit[] {
  const units: Unit[] = []
  for (const match of caption.matchAll(unitName)) {
    const name = match[1] ?? match[2] ?? match[3] ?? ''
    const unit = unitOf(/^[CF]$/.test(name) ? `°${name}` : name)
    if (unit !== undefined) units.push(unit)
  }
  return units
}
