/**
 * Cuts a source into what it says in words: sentences, list items and timeline lines, each with its heading,
 * the item it stands under and what came before. Tables, metrics, entries and log lines are passed over.
 */
import { entryOf, isLogLine, type Line, linesOf, metricOf, tableAt } from './lines.ts'

/** A sentence or item at its place, in UTF-16 units of the source. */
export type Unit = {
  readonly start: number
  readonly end: number
  readonly text: string
  /** Of the paragraph or list; counted from 0. */
  readonly block: number
  /** The heading it stands under, and the line that its list hangs on. */
  readonly heading: string
  readonly parent: string
  /** Who wrote it or when, where the line begins with that: "nia:", "09:12". */
  readonly stamp: string
  readonly item: boolean
  /** Struck out or quoted from an earlier message. */
  readonly struck: boolean
}

/** What `text` says in words; with `wanted`, of long texts only what that lets pass. */
export function unitsOf(text: string, wanted?: (line: string) => boolean): Unit[] {
  return new Cutter(text, wanted).cut()
}

/** What is longer is no sentence that somebody wrote. */
const longest = 800

const bullet = /^(\s*)(?:[-*•–+]|\d{1,2}[.)])\s+(?:\[[ xX]\]\s+)?/
const stamped = /^(\[?\d{1,2}:\d\d(?::\d\d)?(?: ?(?:UTC|GMT|CET|CEST|Z))?\]?[.:,]?(?: [–—-])?)\s+/
const speaker =
  /^((?:@?[\p{L}][\p{L}\d._-]{0,20}(?: \([^)]{1,20}\))?|(?:Comment|Update|Note|Reply|Message) \d{1,2}(?: \([^)]{1,30}\))?)(?: \d{1,2}:\d\d)?): (?=\S)/u

class Cutter {
  readonly #text: string
  readonly #wanted: ((line: string) => boolean) | undefined
  readonly #units: Unit[] = []
  #heading = ''
  #parent = ''
  #block = 0

  constructor(text: string, wanted: ((line: string) => boolean) | undefined) {
    this.#text = text
    this.#wanted = wanted
  }

  cut(): Unit[] {
    const lines = linesOf(this.#text)
    for (let index = 0; index < lines.length; ) {
      const line = lines[index] as Line
      const { text } = line
      if (text.trim() === '') {
        this.#block += 1
        this.#parent = ''
        index += 1
        continue
      }
      if (this.#wanted !== undefined && !this.#wanted(text) && !/^#{1,6} |:$/.test(text)) {
        index += 1
        continue
      }
      index = this.#line(lines, index)
    }
    return this.#units
  }

  #line(lines: readonly Line[], index: number): number {
    const line = lines[index] as Line
    const { text } = line
    const table = /[|\t;,]/.test(text) ? tableAt(lines, index) : undefined
    if (table?.table.head.every(cell => !/\s\S+\s/.test(cell.text)) === true) return table.next
    if (isStructured(text)) return index + 1
    const head = /^#{1,6} (.*)$/.exec(text) ?? /^\*\*(.{1,80})\*\*$/.exec(text)
    if (head !== null) {
      this.#heading = head[1] ?? ''
      this.#parent = ''
      this.#block += 1
      return index + 1
    }
    const item = bullet.exec(text)
    let offset = item?.[0].length ?? 0
    const quoted = /^\s*>\s?/.exec(text)
    if (quoted !== null) offset = quoted[0].length
    const time = stamped.exec(text.slice(offset))
    const said = time === null ? speaker.exec(text.slice(offset)) : null
    const stamp = time?.[1] ?? (said !== null && !isLabel(said[1] ?? '') ? said[1] : undefined)
    // A line that ends with a colon, or a short one without a stop before a list, heads what follows.
    const next = lines[index + 1]?.text ?? ''
    const heads =
      /:$/.test(text) ||
      (text.length < 60 && !/[.!?]$/.test(text) && item === null && time === null && said === null)
    if (heads && (bullet.test(next) || (/:$/.test(text) && text.length < 80)) && !bullet.test(text))
      this.#parent = text
    let last = index
    if (item === null && time === null && said === null && quoted === null) {
      while (last + 1 < lines.length && continues(lines[last] as Line, lines[last + 1] as Line)) last += 1
    }
    const end = (lines[last] as Line).end
    const isItem = item !== null
    if (!isItem && !heads) this.#parent = ''
    this.#sentences(line.start + (time === null ? offset : offset), end, {
      stamp: stamp ?? '',
      item: isItem || time !== null,
      struck: quoted !== null || /^\s*(?:[-*] )?~~.*~~\s*$/.test(text),
    })
    return last + 1
  }

  #sentences(start: number, end: number, given: Pick<Unit, 'stamp' | 'item' | 'struck'>): void {
    const text = this.#text.slice(start, end)
    for (const { from, to } of sentencesOf(text)) {
      const raw = text.slice(from, to)
      const lead = raw.length - raw.trimStart().length
      const bare = raw.trim()
      if (bare === '' || bare.length > longest || !/\p{L}/u.test(bare)) continue
      const at = start + from + lead
      this.#units.push({
        start: at,
        end: at + bare.length,
        text: bare.replace(/[\r\n]/g, ' '),
        block: this.#block,
        heading: this.#heading,
        parent: this.#parent,
        ...given,
        struck: given.struck || /^~~.*~~[.!]?$/.test(bare),
      })
    }
  }
}

/** "Duration: 46 minutes" names what follows, "nia: done" who says it. */
const isLabel = (name: string): boolean =>
  !/^[\p{Ll}\d._@-]+(?: \(.*)?$|^\p{Lu}\p{Ll}+ \([^)]*\)$|^(?:Comment|Update|Note|Reply|Message) \d/u.test(
    name,
  )

function isStructured(text: string): boolean {
  if (/^\s*(?:[{}[\]]|"[^"]*":|<\/?\w|\|.*\||-{3,}$|={3,}$|# (?:HELP|TYPE)\b)/.test(text)) return true
  if (metricOf(text) !== undefined) return true
  // Times to the second, several pairs or columns of white space are written by programs.
  if (
    /^\s*\[?\d\d:\d\d:\d\d\b/.test(text) ||
    /\S {2,}\S+ {2,}\S/.test(text.trim()) ||
    /\b\w+=\S+ +\w+=\S/.test(text) ||
    /^\s*\[?\d{1,2}:\d\d\b.* \w+=\d/.test(text)
  )
    return true
  if (/^\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d/.test(text) || (isLogLine(text) && !stamped.test(text))) return true
  if (/^\[?\d\d:\d\d(?::\d\d)?\]? +\[?(?:ERROR|WARN|INFO|DEBUG|FATAL|TRACE)\b/.test(text)) return true
  const entry = entryOf(text)
  if (entry === undefined) return /^[\w.-]+=\S*$/.test(text.trim())
  // A key of small letters with one value is of a file, not of a report.
  return /^[a-z\d_.-]+$/.test(entry.name) && !/\s\S+\s/.test(entry.text)
}

function continues(before: Line, line: Line): boolean {
  if (line.text.trim() === '' || /[.!?:]["')]?$/.test(before.text)) return false
  if (before.text.length < 50) return false
  return /^\p{Ll}/u.test(line.text) && !isStructured(line.text) && !bullet.test(line.text)
}

const stop = /[.!?]["'”’)]*(?=\s|$)/g
const abbreviated =
  /(?:\b(?:e\.g|i\.e|approx|ca|vs|fig|dr|mr|mrs|etc|incl|dept|inc|ltd|jan|feb|aug|sept|oct|nov|a\.m|p\.m)|(?<!\d ?)\b\p{L})\.$/iu

/** The places of the sentences of `text`. */
export function sentencesOf(text: string): { readonly from: number; readonly to: number }[] {
  const found: { from: number; to: number }[] = []
  let from = 0
  for (const match of text.matchAll(stop)) {
    const to = match.index + match[0].length
    const next = text.slice(to, to + 12).trimStart()
    if (
      match[0].startsWith('.') &&
      abbreviated.test(text.slice(Math.max(from, match.index - 8), match.index + 1))
    ) {
      if (
        !/^\p{Lu}\p{Ll}/u.test(next) ||
        !/(?:etc|[ap]\.m)\.$/i.test(text.slice(Math.max(0, match.index - 6), match.index + 1))
      )
        continue
    }
    found.push({ from, to })
    from = to
  }
  if (from < text.length) found.push({ from, to: text.length })
  return found
}
