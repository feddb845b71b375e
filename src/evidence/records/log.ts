/**
 * Reads log lines: time, level, `key=value` pairs, the fields of a JSON line, and the figures of the message with
 * the words beside them. Whoever asks tells which lines matter, so that a long log is looked at only where it must.
 */

import type { Line } from '../facts/lines.ts'
import { type Moment, momentOf } from '../facts/moment.ts'
import { tokensOf } from '../facts/quantity.ts'
import { type Cell, cellOf, isKeyName, normOf, type Row, rowOf } from './record.ts'
import { readJson } from './tree.ts'
import { conceptOf, conceptsIn, wordsIn } from './vocabulary.ts'
import type { Wanted } from './wanted.ts'

const isoTime =
  /^\[?(\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?: ?(?:Z|UTC|[+-]\d\d:?\d\d))?)\]?/
const isoDate = /^\[?(\d{4}-\d\d-\d\d)\]?(?=[\s|,;])/
const clockTime = /^\[?(\d{1,2}:\d\d(?::\d\d(?:[.,]\d{1,9})?)?)\]?(?=[\s|,;\]]|Z)/
const sysTime = /^([A-Z][a-z]{2}) +(\d{1,2}) (\d\d:\d\d:\d\d)/
const accessTime = /\[(\d\d)\/([A-Z][a-z]{2})\/(\d{4}):(\d\d:\d\d:\d\d)(?: ([+-]\d{4}))?\]/
const keyTime =
  /(?:^|[\s{,])"?(?:time|ts|t|timestamp|at|date|@timestamp)"?[=:] ?"?(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)/

/** The time at which a line was written and where its text goes on. */
export function timeOf(text: string): { readonly moment: Moment; readonly after: number } | undefined {
  const full = isoTime.exec(text)
  if (full !== null) {
    const moment = momentOf(
      (full[1] ?? '')
        .replaceAll('/', '-')
        .replace(/ ?UTC$/, 'Z')
        .replace(/ (?=[+-]\d\d:?\d\d$)/, ''),
    )
    return moment === undefined ? undefined : { moment, after: full[0].length }
  }
  const first = text.charCodeAt(0)
  if ((first >= 48 && first <= 57) || first === 91) {
    const clock = clockTime.exec(text)
    const moment = clock === null ? undefined : momentOf(clock[1] ?? '')
    if (clock !== null && moment !== undefined) return { moment, after: clock[0].length }
    const day = isoDate.exec(text)
    const date = day === null ? undefined : momentOf(day[1] ?? '')
    if (day !== null && date !== undefined) return { moment: date, after: day[0].length }
  }
  const system = sysTime.exec(text)
  if (system !== null) {
    const day = momentOf(`${system[2]} ${system[1]}`)
    const clock = momentOf(system[3] ?? '')
    if (day !== undefined && clock !== undefined)
      return { moment: { ...day, ...clock }, after: system[0].length }
  }
  const access = text.length < 600 ? accessTime.exec(text) : null
  if (access !== null) {
    const day = momentOf(`${Number(access[1])} ${access[2]} ${access[3]}`)
    const clock = momentOf(access[4] ?? '')
    if (day !== undefined && clock !== undefined) return { moment: { ...day, ...clock }, after: 0 }
  }
  const keyed = keyTime.exec(text.slice(0, 200))
  const moment = keyed === null ? undefined : momentOf(keyed[1] ?? '')
  return moment === undefined ? undefined : { moment, after: 0 }
}

/** True for a line that begins with a time or names a level. */
export const isLogLine = (text: string): boolean =>
  timeOf(text) !== undefined ||
  /^\S* ?\[?(?:ERROR|WARN(?:ING)?|INFO|DEBUG|FATAL|TRACE)\b/.test(text) ||
  /^\[ *\d+\.\d+s?\] /.test(text)

const pairs = /([A-Za-z_][\w.-]{0,60})=(?:"([^"]*)"|'([^']*)'|<([^<>]*)>|([^\s,;)\]}]+))/g

/** A line that is read when it is looked at; one that nobody asks for gives its time only. */
class LogRow implements Row {
  readonly start: number
  readonly end: number
  readonly quiet = false
  readonly moment: Moment
  readonly #line: Line
  readonly #after: number
  readonly #wanted: Wanted | undefined
  #cells: readonly Cell[] | undefined
  #labels: ReadonlySet<string> | undefined
  #norm: string | undefined

  constructor(line: Line, after: number, moment: Moment, wanted: Wanted | undefined) {
    this.start = line.start
    this.end = line.end
    this.moment = moment
    this.#line = line
    this.#after = after
    this.#wanted = wanted
  }

  get cells(): readonly Cell[] {
    this.#cells ??= this.#wanted === undefined ? [] : cellsOf(this.#line, this.#after, this.#wanted)
    return this.#cells
  }

  get labels(): ReadonlySet<string> {
    this.#labels ??= this.#wanted === undefined ? none : labelsIn(this.#line.text.slice(this.#after))
    return this.#labels
  }

  get norm(): string {
    this.#norm ??= this.#wanted === undefined ? ' ' : normOf(this.#line.text.slice(this.#after))
    return this.#norm
  }

  get names(): readonly string[] {
    return this.cells
      .filter(
        cell =>
          cell.name !== '' && cell.text.length <= 48 && (cell.quantity === undefined || isKeyName(cell.name)),
      )
      .map(cell => (cell.quantity === undefined ? cell.text : `${cell.name} ${cell.text}`))
  }
}

const labelsIn = (text: string): ReadonlySet<string> => {
  const labels = new Set(wordsIn(text).map(conceptOf))
  if (/ (?:password|publickey) for /.test(text)) labels.add(login)
  return labels
}

// As a secure shell's log tells of a login.
const login = conceptOf('login')

const noTime: Moment = {}

/** `line` as a row; `wanted` is left out for a line that does not matter. */
export function readLogLine(line: Line, wanted: Wanted | undefined, before?: Moment): Row {
  const { text } = line
  const time = timeOf(text)
  // A line that goes on from the one before, as of a stack trace, has that one's time.
  const moment = time?.moment ?? (before !== undefined && /^\s/.test(text) ? before : undefined)
  const after =
    time?.after ?? /^<\d+>\d? ?\S*/.exec(text)?.[0].length ?? /^\[ *\d+\.\d+s?\]/.exec(text)?.[0].length ?? 0
  if (wanted !== undefined) {
    const rows = text.startsWith('{') ? readJson(text, line.start) : undefined
    const web = rows === undefined ? access.exec(text) : null
    if (rows !== undefined)
      return timed(
        rowOf(
          rows.flatMap(row => row.cells),
          line,
        ),
        moment,
      )
    if (web !== null) return timed(accessRow(line, web), moment)
  }
  return new LogRow(line, after, moment ?? noTime, wanted)
}

const timed = (row: Row, moment: Moment | undefined): Row => (moment === undefined ? row : { ...row, moment })

/** The pairs of a line and the figures of the rest of it. */
function cellsOf(line: Line, after: number, wanted: Wanted): Cell[] {
  const cells: Cell[] = []
  const { text } = line
  let message = ' '.repeat(after)
  let from = after
  for (const match of text.matchAll(pairs)) {
    const end = match.index + match[0].length
    if (match.index < from) continue
    // What a pair says is not said again by the message.
    message += text.slice(from, match.index) + ' '.repeat(match[0].length)
    from = end
    const name = match[1] ?? ''
    if (!wanted.key(name)) continue
    const value = match[2] ?? match[3] ?? match[4] ?? match[5] ?? ''
    cells.push(cellOf(name, value, { start: line.start + match.index, end: line.start + end }))
  }
  cells.push(...figuresOf(message + text.slice(from), line.start))
  return cells
}

const none: ReadonlySet<string> = new Set()

const access = /^(\S+) \S+ \S+ \[[^\]]+\] "([A-Z]+) ([^\s"]+)(?: [^"]*)?" (\d{3}) (\d+|-)(?: ([\d.]+)$)?/

/** A line of a web server's access log. */
function accessRow(line: Line, match: RegExpExecArray): Row {
  const named: readonly (readonly [string, string | undefined])[] = [
    ['address', match[1]],
    ['method', match[2]],
    ['path', match[3]],
    ['status', match[4]],
    ['size_bytes', match[5]],
    ['duration_s', match[6]],
  ]
  const cells = named.flatMap(([name, text]) =>
    text === undefined || text === '-' ? [] : [cellOf(name, text, line)],
  )
  return rowOf(cells, line, 'request')
}

const vague =
  /(?:\b(?:about|around|roughly|approximately|up to|over|more than|less than|under|below|above|nearly|almost|at least|at most|of|limit|threshold|than|than the|the first|instead of|not)|[~<>≈]=?) ?$/i

const figured = /(?:^|[^\w.:/-])[$€£]?-?\d/
const spelled = /\b(?:one|two|three|four|five|six|seven|eight|nine|ten|twelve|twice)\b/

/** The figures of a message; the words at either side say what each is of. */
function figuresOf(message: string, offset: number): Cell[] {
  if (!figured.test(message) && !spelled.test(message)) return []
  return tokensOf(message).flatMap(token => {
    // Of "4 -> 6" the first is what was before.
    // "Around 5 %", "of 6", "> 4G": no figure that stands for itself.
    if (vague.test(message.slice(Math.max(0, token.start - 16), token.start))) return []
    if (message.charAt(token.start - 1) === '[' && message.charAt(token.end) === ']') return []
    if (token.kind !== 'quantity' || /^ ?%? ?(?:->|→|=>)/.test(message.slice(token.end, token.end + 5)))
      return []
    const before = conceptsIn(message.slice(Math.max(0, token.start - 30), token.start)).slice(-2)
    const behind = conceptsIn(message.slice(token.end, token.end + 24).replace(/[,;(|].*$/s, '')).slice(0, 2)
    const own = [...before, ...behind]
    return [
      {
        start: offset + token.start,
        end: offset + token.end,
        name: '',
        own,
        path: [],
        text: token.quantity.text,
        quantity: token.quantity,
      },
    ]
  })
}
