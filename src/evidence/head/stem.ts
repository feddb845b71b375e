/** Words of a text as the head sees them: pieces, and one form for the forms of a word. */

const pattern = /\p{N}+(?:[.,:]\p{N}+)*|[\p{L}\p{M}]+(?:['’]\p{L}+)?/gu

/** One piece of a text: a word or a number, where it begins. */
export type Piece = { readonly text: string; readonly start: number }

/** Words read of one text at most; the encoder reads fewer. */
const mostPieces = 400

/** The words and numbers of `text`, in order. */
export function piecesOf(text: string): Piece[] {
  const pieces: Piece[] = []
  for (const match of text.matchAll(pattern)) {
    pieces.push({ text: match[0], start: match.index })
    if (pieces.length === mostPieces) break
  }
  return pieces
}

const endings: readonly (readonly [ending: string, instead: string, least: number])[] = [
  ['ization', 'ize', 4],
  ['fulness', 'ful', 3],
  ['iveness', 'ive', 3],
  ['ically', 'ic', 3],
  ['ation', 'at', 3],
  ['ments', '', 4],
  ['ment', '', 4],
  ['ities', 'ity', 3],
  ['ness', '', 4],
  ['ies', 'y', 2],
  ['ied', 'y', 2],
  ['sses', 'ss', 2],
  ['ing', '', 3],
  ['edly', '', 4],
  ['ed', '', 3],
  ['ly', '', 4],
  ['es', '', 4],
  ['s', '', 3],
]

/** Lower case, folded, the common English endings taken off; a word that is short stays. */
export function stemOf(word: string): string {
  const lower = word.normalize('NFKC').toLowerCase().replace('’', "'")
  const bare = lower.endsWith("'s") ? lower.slice(0, -2) : lower
  if (bare.length <= 3 || bare.endsWith('ss')) return bare
  for (const [ending, instead, least] of endings) {
    if (bare.endsWith(ending) && bare.length - ending.length >= least)
      return settled(bare.slice(0, bare.length - ending.length) + instead)
  }
  return settled(bare)
}

/** Doubled last consonants and a last e differ between forms of one word ("stopped", "close", "closing"). */
function settled(stem: string): string {
  const [before, last] = [stem.at(-2), stem.at(-1)]
  if (stem.length > 4 && before === last && last !== 's' && last !== 'l') return stem.slice(0, -1)
  if (stem.length > 4 && last === 'e') return stem.slice(0, -1)
  return stem
}
