/**
 * Reads tables: comma, semicolon, tab or bar between the cells, Markdown, the output of psql and of tools that
 * line columns up with blanks. A table has a head of names and rows that are as wide.
 */
import type { Line } from '../facts/lines.ts'
import { type Piece, splitBy, splitByBlanks } from './lines.ts'
import { cellOf, figureOf, momentIn, type Row, rowOf } from './record.ts'

/** A table's rows and the line after it. */
export type Found = { readonly rows: readonly Row[]; readonly next: number; readonly head: readonly string[] }

const isRule = (text: string): boolean => /^[\s|+:=-]+$/.test(text) && /[-=]{2}/.test(text)

/** The table that begins at line `index`; of a long one the rows that `keep` takes, after the first few. */
export function tableAt(
  lines: readonly Line[],
  index: number,
  keep?: (text: string) => boolean,
): Found | undefined {
  const first = lines[index]
  const second = lines[index + 1]
  if (first === undefined || second === undefined || first.text === '' || second.text === '') return undefined
  if (isRule(first.text) && first.text.includes('+')) return tableAt(lines, index + 1, keep)
  for (const mark of ['|', '\t', ';', ',', '  ']) {
    if (!first.text.includes(mark)) continue
    const found = tableBy(lines, index, mark, keep)
    if (
      found !== undefined &&
      !(mark === '  ' && found.head.some(name => / /.test(name)) && narrow(lines, index))
    )
      return found
  }
  if (narrow(lines, index)) return tableBy(lines, index, ' ', keep)
  return undefined
}

const cut = (line: Line, mark: string): Piece[] =>
  mark === '  ' ? splitByBlanks(line) : mark === ' ' ? splitByBlanks(line, /\S+/g) : splitBy(line, mark)

/** Words in columns: the first lines have as many words each, of the head none is a figure and of the next one is. */
function narrow(lines: readonly Line[], index: number): boolean {
  const near = lines
    .slice(index, index + 4)
    .filter(line => line.text !== '')
    .map(line => line.text.trim().split(/\s+/))
  const [head, ...rows] = near
  if (head === undefined || head.length < 2 || rows.length < 2 || !/ {2}/.test(lines[index + 1]?.text ?? ''))
    return false
  return (
    rows.every(row => row.length === head.length) &&
    head.every(name => !/^[\d.,%]+$/.test(name)) &&
    rows.every(row => row.some(cell => /^-?\d/.test(cell)))
  )
}

function tableBy(
  lines: readonly Line[],
  index: number,
  mark: string,
  keep?: (text: string) => boolean,
): Found | undefined {
  const first = lines[index] as Line
  const named = cut(mark === ',' || mark === ';' ? { ...first, ...uncommented(first) } : first, mark)
  const head = mark === '  ' ? withLabels(named, first, lines[index + 1]) : named
  if (head.length < 2 || !isHead(head)) return undefined
  const rows: Row[] = []
  let next = index + 1
  let plain = 0
  for (; next < lines.length; next += 1) {
    const line = lines[next] as Line
    if (line.text === '') {
      if (mark === '  ' || mark === '|' || !sameWidth(lines[next + 1], head, mark)) break
      continue
    }
    if (isRule(line.text)) continue
    const quiet = /^\s*(?:#|--|\/\/)/.test(line.text)
    if (quiet) {
      if (mark === '|' || mark === '  ') break
      continue
    }
    // Of a long table only the rows that may matter are taken apart, after the first few.
    if (
      keep !== undefined &&
      rows.length > 3 &&
      (mark === ',' || mark === ';' || mark === '\t') &&
      !keep(line.text)
    )
      continue
    const pieces = fitted(cut(line, mark), line, head, first.start, mark)
    if (pieces === undefined) break
    if (pieces.some(piece => /\d/.test(piece?.text ?? ''))) plain += 1
    rows.push(rowOf(cellsOf(head, pieces), line))
  }
  // Prose with commas has no rows as wide; a lone row of words is no table.
  if (rows.length === 0 || (plain === 0 && rows.length < 2)) return undefined
  return { rows, next, head: head.map(({ text }) => text) }
}

/** Where the head begins with blanks and rows have one cell more, their first cells name them. */
function withLabels(head: readonly Piece[], first: Line, second: Line | undefined): readonly Piece[] {
  if (!/^\s{3,}\S/.test(first.text) || second === undefined || /^\s/.test(second.text)) return head
  if (cut(second, '  ').length !== head.length + 1) return head
  return [{ start: first.start, end: first.start + 2, text: 'name' }, ...head]
}

const uncommented = (line: Line): { text: string; start: number } => {
  const lead = /^\s*# ?/.exec(line.text)?.[0].length ?? 0
  return { text: line.text.slice(lead), start: line.start + lead }
}

const sameWidth = (line: Line | undefined, head: readonly Piece[], mark: string): boolean =>
  line !== undefined && line.text !== '' && cut(line, mark).length === head.length

/** The cells of a row under their heads; one that is short is told by where its cells stand. */
function fitted(
  pieces: readonly Piece[],
  line: Line,
  head: readonly Piece[],
  headStart: number,
  mark: string,
): readonly (Piece | undefined)[] | undefined {
  if (pieces.length === head.length) return pieces
  if (mark !== '  ') return undefined
  if (pieces.length < 2 || pieces.length > head.length) return undefined
  const placed: (Piece | undefined)[] = head.map(() => undefined)
  for (const piece of pieces) {
    const [from, to] = [piece.start - line.start, piece.end - line.start]
    const at = head.findIndex((name, column) => {
      const [left, right] = [name.start - headStart, name.end - headStart]
      return placed[column] === undefined && from < right + 1 && to > left - 1
    })
    if (at < 0) return undefined
    placed[at] = piece
  }
  return placed
}

function cellsOf(head: readonly Piece[], pieces: readonly (Piece | undefined)[]) {
  return head.flatMap((name, column) => {
    const piece = pieces[column]
    return piece === undefined ? [] : [cellOf(name.text, bare(piece.text), piece)]
  })
}

const bare = (text: string): string => (/^(?:-|—|–|n\/a|null|\(null\)|none|nan)$/i.test(text) ? '' : text)

/** Names are short, begin with a letter and are no values. */
function isHead(cells: readonly Piece[]): boolean {
  const named = cells.filter(({ text }) => text !== '')
  if (named.length < cells.length - 1) return false
  const unlike = new Set(named.map(({ text }) => text.toLowerCase())).size === named.length
  return (
    unlike &&
    named.every(
      ({ text }) =>
        text.length <= 40 &&
        /^[\p{L}#%_*]/u.test(text) &&
        !/[.!?]$|: |=/.test(text) &&
        !/^\p{L}+(?: \p{L}+){4,}/u.test(text) &&
        (momentIn(text) === undefined || /^[A-Za-z]{3,9}$/.test(text)) &&
        figureOf(text, '') === undefined,
    )
  )
}
