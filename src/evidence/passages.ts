/**
 * Cuts a source into passages with exact offsets, and notes which of a claim's terms each one holds. Pure;
 * large sources are cut in a thread.
 *
 * A passage is a sentence, a log line, a table row, or a few short lines that stand together (the keys of a
 * JSON object, say). It is trimmed, never blank, and never longer than the encoder reads.
 */
import { eachTerm, type Term } from './terms.ts'

/** Half-open, in UTF-16 units of the source's content. */
export type Span = { readonly start: number; readonly end: number }

/** Passages of one source and the terms in them, flat, so that a thread can hand it over without a copy. */
export type PassageTable = {
  /** start, end, start, end, … */
  readonly offsets: Uint32Array<ArrayBuffer>
  /** Two words a passage: bit n of the pair is set where the passage holds term n. */
  readonly masks: Uint32Array<ArrayBuffer>
}

/** About what 256 tokens hold; a longer passage would be read in part only. */
const longestPassage = 800
/** A line longer than this may hold several sentences. */
const longLine = 160
/** Lines shorter than this say little alone. */
const shortLine = 40
/** Short lines are joined up to this length. */
const joinedLength = 160

const sentences = new Intl.Segmenter('en', { granularity: 'sentence' })

/** The passages of `content`, in order, not overlapping. */
export function splitPassages(content: string): Span[] {
  const passages: Span[] = []
  for (const block of blocksOf(content)) {
    if (!holdsSentences(content, block)) passages.push({ start: block.start, end: block.end })
    else for (const sentence of sentencesOf(content, block)) passages.push(...cutLong(content, sentence))
  }
  return passages
}

/** Wrapped or long text may hold several sentences, and so may a short line of prose with a full stop inside. */
function holdsSentences(content: string, block: Block): boolean {
  if (block.prose || block.end - block.start > longLine) return true
  const text = content.slice(block.start, block.end)
  return /[.!?…][)"'”’]?\s+\p{Lu}|[。！？]./u.test(text) && isProse(text)
}

/** Passages and term masks of `content`. */
export function tabulate(content: string, terms: readonly Term[]): PassageTable {
  const spans = splitPassages(content)
  const offsets = new Uint32Array(spans.length * 2)
  const masks = new Uint32Array(spans.length * 2)
  for (const [index, span] of spans.entries()) {
    offsets[index * 2] = span.start
    offsets[index * 2 + 1] = span.end
  }
  if (spans.length === 0 || terms.length === 0) return { offsets, masks }
  const bits = new Map(terms.map((term, bit) => [term.text, bit]))
  let passage = 0
  eachTerm(content, (term, start) => {
    const bit = bits.get(term)
    if (bit === undefined) return
    while (passage < spans.length && (offsets[passage * 2 + 1] as number) <= start) passage += 1
    if (passage === spans.length || start < (offsets[passage * 2] as number)) return
    const word = passage * 2 + (bit >> 5)
    masks[word] = (masks[word] as number) | (1 << (bit & 31))
  })
  return { offsets, masks }
}

/** `last` is where its last line begins. */
type Block = Span & { readonly last: number; readonly prose: boolean }

/** Lines, with wrapped prose joined again and short neighbours put together. */
function* blocksOf(content: string): Generator<Block> {
  let open: Block | undefined
  for (const line of linesOf(content)) {
    const joined = open === undefined ? undefined : join(content, open, line)
    if (joined === undefined) {
      if (open !== undefined) yield open
      open = line
    } else open = joined
  }
  if (open !== undefined) yield open
}

const blankLine =
  /(?:\r\n|\n|\r(?!\n)|[\u2028\u2029])[^\S\n\r\u2028\u2029]*(?:\r\n|\n|\r(?!\n)|[\u2028\u2029])/

/** `open` and the line after it as one block, where they belong together. */
function join(content: string, open: Block, line: Block): Block | undefined {
  const length = line.end - open.start
  if (length > longestPassage * 4 || blankLine.test(content.slice(open.end, line.start))) return undefined
  const before = content.slice(Math.max(open.last, open.end - longLine), open.end)
  const after = content.slice(line.start, Math.min(line.end, line.start + longLine))
  const joined = { start: open.start, end: line.end, last: line.start }
  const wrapped = before.length >= shortLine && /[\p{L}\p{N},;)’'"]$/u.test(before) && /^\p{Ll}/u.test(after)
  if (wrapped && isProse(before) && isProse(after)) return { ...joined, prose: true }
  const short = !open.prose && before.length < shortLine && after.length < shortLine && length <= joinedLength
  // Rows of a table stand alone: each says something of its own.
  if (short && !isRow(before) && !isRow(after)) return { ...joined, prose: false }
  return undefined
}

/** Letters and spaces for the most part: no log line, no metric, no code. */
const isProse = (line: string): boolean => (line.match(/[\p{L}\p{M}\s]/gu)?.length ?? 0) >= line.length * 0.85

const isRow = (line: string): boolean => /[;|\t]|,\S/.test(line)

/** Trimmed lines that hold a letter or a digit. */
function* linesOf(content: string): Generator<Block> {
  const ends = /\r\n|[\n\r\u2028\u2029]|$/g
  for (let start = 0; start <= content.length; ) {
    ends.lastIndex = start
    const match = ends.exec(content)
    const end = match?.index ?? content.length
    const span = trimmed(content, { start, end })
    if (span !== undefined) yield { ...span, last: span.start, prose: false }
    start = end + Math.max(1, match?.[0].length ?? 1)
  }
}

function* sentencesOf(content: string, block: Span): Generator<Span> {
  // The segmenter ends a sentence at every line break; inside a block they are only wrapping.
  const text = content.slice(block.start, block.end).replace(/[\r\n\u2028\u2029]/g, ' ')
  for (const { index, segment } of sentences.segment(text)) {
    const span = trimmed(content, { start: block.start + index, end: block.start + index + segment.length })
    if (span !== undefined) yield span
  }
}

/** `span` in pieces of at most `longestPassage`, cut at white space where there is some. */
function* cutLong(content: string, span: Span): Generator<Span> {
  let { start } = span
  while (span.end - start > longestPassage) {
    let end = start + longestPassage
    const space = content.slice(start, end + 1).lastIndexOf(' ')
    if (space > longestPassage / 2) end = start + space
    // Never inside a surrogate pair.
    else if (/[\ud800-\udbff]/.test(content.charAt(end - 1))) end -= 1
    const piece = trimmed(content, { start, end })
    if (piece !== undefined) yield piece
    start = end
  }
  const rest = trimmed(content, { start, end: span.end })
  if (rest !== undefined) yield rest
}

/** Without white space at both ends; undefined where no letter, digit or symbol of a language is left. */
function trimmed(content: string, span: Span): Span | undefined {
  const text = content.slice(span.start, span.end)
  if (!/[\p{L}\p{N}\p{Extended_Pictographic}]/u.test(text)) return undefined
  const start = span.start + text.length - text.trimStart().length
  return { start, end: start + text.trim().length }
}
