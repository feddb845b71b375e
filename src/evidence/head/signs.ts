/** What one text shows without the other: its words, numbers and names, and how it speaks of them. */
import {
  absolutes,
  assurances,
  doubts,
  downward,
  grammar,
  hedges,
  negations,
  opposites,
  plans,
  upward,
  writtenNumbers,
} from './lexicon.ts'
import { piecesOf, stemOf } from './stem.ts'

/** How rare a stem is, from 0 (in every text) to 1 (never seen while training). */
export type Rarity = (stem: string) => number

/** A content word where it stands. */
export type Word = { readonly rarity: number; readonly negated: boolean }

/** The signs of one text, computed once however many texts it is compared with. */
export type Signs = {
  /** Content words, numbers among them; the first place of each counts. */
  readonly words: ReadonlyMap<string, Word>
  readonly numbers: ReadonlySet<string>
  readonly names: ReadonlySet<string>
  /** Neighbouring content words, joined by a space. */
  readonly neighbours: ReadonlySet<string>
  /** Sides of opposites (lexicon.ts) that the text speaks of, and the stem that does. */
  readonly sides: ReadonlyMap<number, string>
  readonly length: number
  readonly negations: number
  readonly doubts: number
  readonly assurances: number
  readonly hedges: number
  readonly absolutes: number
  readonly plans: number
  readonly up: number
  readonly down: number
  readonly question: boolean
}

/** A negation reaches this many words on, and ends with a clause. */
const reach = 6

/** Reads `text`; `rarity` weighs its words. */
export function signsOf(text: string, rarity: Rarity): Signs {
  const words = new Map<string, Word>()
  const [numbers, names, neighbours] = [new Set<string>(), new Set<string>(), new Set<string>()]
  const sides = new Map<number, string>()
  const counts = { negations: 0, doubts: 0, assurances: 0, hedges: 0, absolutes: 0, plans: 0, up: 0, down: 0 }
  const pieces = piecesOf(text)
  let [negatedUntil, before, end] = [-1, '', 0]
  for (const [index, piece] of pieces.entries()) {
    const gap = text.slice(end, piece.start)
    end = piece.start + piece.text.length
    if (/[.;:!?]/.test(gap)) negatedUntil = -1
    const digits = /^\p{N}/u.test(piece.text)
    const stem = digits ? numberOf(piece.text) : stemOf(piece.text)
    if (digits) numbers.add(stem)
    const written = digits ? undefined : writtenNumbers.get(piece.text.toLowerCase())
    if (written !== undefined && stem !== 'one') numbers.add(written)
    if (isNegation(stem)) {
      counts.negations += 1
      negatedUntil = index + reach
    }
    if (doubts.has(stem)) counts.doubts += 1
    if (assurances.has(stem)) counts.assurances += 1
    if (hedges.has(stem)) counts.hedges += 1
    if (absolutes.has(stem)) counts.absolutes += 1
    if (plans.has(stem)) counts.plans += 1
    if (upward.has(stem)) counts.up += 1
    if (downward.has(stem)) counts.down += 1
    for (const side of opposites.get(stem) ?? []) if (!sides.has(side)) sides.set(side, stem)
    if (grammar.has(stem)) continue
    if (isName(piece.text, index > 0 && !/[.!?]/.test(gap))) names.add(stem)
    if (!words.has(stem)) words.set(stem, { rarity: rarity(stem), negated: index <= negatedUntil })
    if (before !== '') neighbours.add(`${before} ${stem}`)
    before = stem
  }
  const question = text.trimEnd().endsWith('?')
  return { words, numbers, names, neighbours, sides, length: pieces.length, ...counts, question }
}

const isNegation = (stem: string): boolean => negations.has(stem) || stem.endsWith("n't")

/** Digits without thousands marks and without a fraction of zeros. */
const numberOf = (text: string): string => text.replace(/,(?=\p{N}{3})/gu, '').replace(/\.0+$/, '')

/** A capital that no sentence begins with, or one inside the word. */
function isName(word: string, inside: boolean): boolean {
  if (/^.+\p{Lu}/u.test(word)) return true
  return inside && /^\p{Lu}/u.test(word)
}
