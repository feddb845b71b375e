/** Cells of a line, with exact offsets. Each character is looked at a few times at most. */
import type { Line } from '../facts/lines.ts'
import type { Place } from './record.ts'

/** A piece of a line at its place in the whole text. */
export type Piece = Place & { readonly text: string }

/** The cells of a line parted by a mark; quotes around a cell are taken off, doubled quotes inside are one. */
export function splitBy(line: Line, mark: string): Piece[] {
  const pieces: Piece[] = []
  const { text } = line
  let from = 0
  let quoted = false
  for (let index = 0; index <= text.length; index += 1) {
    const char = text.charAt(index)
    if (char === '"' && mark !== '|' && (quoted || text.slice(from, index).trim() === '')) quoted = !quoted
    if (index < text.length && (quoted || char !== mark)) continue
    pieces.push(pieceOf(line, from, index))
    from = index + 1
  }
  const [first] = pieces
  if (mark !== '|' || !text.trimStart().startsWith('|') || first === undefined) return pieces
  return pieces.slice(1, pieces.at(-1)?.text === '' ? -1 : undefined)
}

/** The cells of a line parted by two blanks and more. */
export function splitByBlanks(line: Line, word = /\S+(?: \S+)*/g): Piece[] {
  const pieces: Piece[] = []
  for (const match of line.text.matchAll(word)) {
    pieces.push(pieceOf(line, match.index, match.index + match[0].length))
  }
  return pieces
}

function pieceOf(line: Line, from: number, to: number): Piece {
  const raw = line.text.slice(from, to)
  const trimmed = raw.trim()
  const start = line.start + from + raw.length - raw.trimStart().length
  const bare =
    trimmed.length > 1 && trimmed.startsWith('"') && trimmed.endsWith('"')
      ? trimmed.slice(1, -1).replaceAll('""', '"')
      : trimmed
  return { start, end: start + trimmed.length, text: bare.replace(/^[*`]+([^*`]*)[*`]+$/, '$1') }
}
