/**
 * The words, names and numbers of a text, for choosing passages without a model. Pure; runs in threads too.
 *
 * Letters and digits are separate terms ("200ms" is 200 and ms), so are the parts of identifiers; scripts
 * without spaces give one term a character.
 */

/** One distinct term of a claim and how much it tells, before rarity: numbers and names tell more than words. */
export type Term = { readonly text: string; readonly weight: number }

/** Distinct terms of a claim at most: two bit masks of 32. */
export const maxTerms = 64

const pattern =
  /(?=[\p{L}\p{M}\p{N}])[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}]|\p{Nd}+(?:[.,]\p{Nd}+)*|[\p{L}\p{M}]+/gu

// Words that stand in nearly every English sentence and choose nothing.
const stopWords = new Set(
  `a an and are as at be been but by did do does for from had has have if in into is it its no not of on or over
   s than that the their then there these they this to was were when which while with within without would will`.split(
    /\s+/,
  ),
)

/** Calls `visit` with each term of `text` in its normal form, and where it begins. */
export function eachTerm(text: string, visit: (term: string, start: number) => void): void {
  for (const match of text.matchAll(pattern)) {
    const term = normalForm(match[0])
    if (!stopWords.has(term)) visit(term, match.index)
  }
}

/** The distinct terms of a claim, at most `maxTerms`, numbers and names first. */
export function termsOf(claim: string): readonly Term[] {
  const weights = new Map<string, number>()
  for (const match of claim.matchAll(pattern)) {
    const term = normalForm(match[0])
    if (stopWords.has(term)) continue
    weights.set(term, Math.max(weights.get(term) ?? 0, weightOf(match[0], match.index)))
  }
  return [...weights]
    .map(([text, weight]) => ({ text, weight }))
    .sort((a, b) => b.weight - a.weight)
    .slice(0, maxTerms)
}

function weightOf(word: string, index: number): number {
  if (/^\p{Nd}/u.test(word)) return 1.5
  // A capital inside the sentence is a name, an acronym or a constant.
  if (/^\p{Lu}/u.test(word) && index > 0) return 1.3
  return 1
}

/** Lower case, compatibility forms folded, thousands marks dropped, a plural s taken off. */
function normalForm(word: string): string {
  const folded = word.normalize('NFKC').toLowerCase()
  if (/^\p{Nd}/u.test(folded)) return folded.replace(/,(?=\p{Nd}{3}(?:\D|$))/gu, '').replace(/\.0+$/, '')
  if (folded.length > 3 && folded.endsWith('s') && !folded.endsWith('ss')) return folded.slice(0, -1)
  return folded
}

/** Every term of `text` in its normal form, in order. */
export function termsIn(text: string): string[] {
  const terms: string[] = []
  eachTerm(text, term => terms.push(term))
  return terms
}
