/**
 * The words of a sentence as the checker sees them: names that must be met to the letter, plain words, things
 * and events of the lexicon, and soft words that only carry a figure.
 */
import { conceptOf, phraseOf } from './lexicon.ts'
import { isEnvironment, stem } from './words.ts'

/** What a word is worth: a `name` and a `plain` word stand for the thing itself. */
export type TermSort = 'name' | 'plain' | 'object' | 'event' | 'soft' | 'place'

/** One word at its place. */
export type Term = {
  readonly start: number
  readonly end: number
  readonly text: string
  /** What it is compared by: the concept, the stem, or the letters of a name. */
  readonly key: string
  readonly stem: string
  readonly sort: TermSort
}

const wordPattern =
  /[\p{L}\p{N}_][\p{L}\p{M}\p{N}_]*(?:['’](?!s\b)\p{L}+)?(?:[-./:@+#][\p{L}\p{N}_][\p{L}\p{N}_]*)*/gu
const grammar = new Set(
  `a an the and or but nor so if as at be is are was were been being am do does did has have had will would shall
  should can could may might must of in on to for from by with it its they them their he she his her we us our you
  i my your me this that these those there here than then not no never none without neither per via s t don
  too also just only even now how why what when where which who whom whose while because although though`.split(
    /\s+/,
  ),
)

// "Dropped by half" loses nothing.
const moving = /^(?:drop(?:s|ped|ping)?|lost)$/
const movedBy = /^ (?:by|to|from|below|under|sharply|slightly|again)\b/

// "A second camera" is one more.
const ordinal =
  /\ba second (?!(?:of|and|or|per|later|ago|to|in|for|after|before|on|at|with|is|was|each|when|while|as|than|but|from|during|over)\b)\p{Ll}/u

/** The words of `text` but grammar, two that stand for one thing joined; `skip` are places of figures and times. */
export function termsOf(
  text: string,
  skip: readonly { readonly start: number; readonly end: number }[],
): Term[] {
  const terms: Term[] = []
  let place = 0
  let last:
    | { readonly lower: string; readonly start: number; readonly end: number; readonly index: number }
    | undefined
  for (const match of text.matchAll(wordPattern)) {
    const [word] = match
    const start = match.index
    const end = start + word.length
    while (place < skip.length && (skip[place]?.end ?? 0) <= start) place += 1
    const within = skip[place]
    if (within !== undefined && start < within.end && end > within.start) {
      last = undefined
      continue
    }
    const lower = word.toLowerCase()
    const joined = last !== undefined && start - last.end <= 1 ? phraseOf(last.lower, lower) : undefined
    if (joined !== undefined && last !== undefined) {
      if (last.index >= 0) terms.length = last.index
      const concept = conceptOf(joined)
      const sort = isEnvironment(joined) ? 'place' : (concept?.sort ?? 'plain')
      terms.push({
        start: last.start,
        end,
        text: text.slice(last.start, end),
        key: concept?.name ?? joined,
        stem: joined,
        sort,
      })
      last = undefined
      continue
    }
    const unit =
      lower === 'second' &&
      !ordinal.test(text.slice(Math.max(0, start - 3), end + 24)) &&
      /\b(?:per|an?|every|each|one) $|\/$/i.test(text.slice(Math.max(0, start - 6), start))
    // "Block A" is a name.
    const letter = word === 'A' && last !== undefined && start - last.end === 1 && !isOpening(text, start)
    const known = unit || (grammar.has(lower) && !letter && !/^\p{Lu}{2,}$/u.test(word))
    last = { lower, start, end, index: known ? -1 : terms.length }
    const moved = moving.test(lower) && movedBy.test(text.slice(end, end + 12))
    if (moved) terms.push({ start, end, text: word, key: lower, stem: lower, sort: 'soft' })
    else if (!known) terms.push(termOf(text, word, start))
  }
  return terms
}

function termOf(text: string, word: string, start: number): Term {
  const end = start + word.length
  const made = (key: string, stemmed: string, sort: TermSort): Term => ({
    start,
    end,
    text: word,
    key,
    stem: stemmed,
    sort,
  })
  const quoted = /[`"'“‘]/.test(text.charAt(start - 1)) && /[`"'”’]/.test(text.charAt(end))
  const compound = /[-./:@+#_]/.test(word)
  if (compound || /\d/.test(word) || /[a-z][A-Z]/.test(word)) {
    const spelled = word.toLowerCase()
    const dashed = conceptOf(spelled) ?? conceptOf(stem(spelled.replace(/-/g, '')))
    if (dashed !== undefined && !quoted) return made(dashed.name, spelled, dashed.sort)
    if (/^\p{L}+(?:-\p{L}+)+$/u.test(word) && word === spelled && !quoted) {
      const parts = spelled.split('-').map(part => conceptOf(stem(part)))
      if (parts.every(part => part?.sort === 'soft' || (part === undefined && false)))
        return made(spelled, spelled, 'soft')
    }
    return made(nameKey(word), spelled, 'name')
  }
  const stemmed = stem(word)
  if (isEnvironment(stemmed)) return made(stemmed, stemmed, 'place')
  if (/^(?:US|EU|UK|IT|AP|AM|PM|Windows)$/.test(word)) return made(word, word, 'name')
  const concept = conceptOf(word.toLowerCase()) ?? conceptOf(stemmed)
  const capital = /^\p{Lu}/u.test(word)
  const opens = isOpening(text, start)
  if (quoted && concept?.sort !== 'soft') return made(concept?.name ?? stemmed, stemmed, 'name')
  if (concept !== undefined) return made(concept.name, stemmed, concept.sort)
  if (word.length > 4 && /ly$/.test(word) && !capital) return made(stemmed, stemmed, 'soft')
  if (capital && !opens) return made(stemmed, stemmed, 'name')
  if (/^\p{Lu}{2,}$/u.test(word)) return made(stemmed, stemmed, 'name')
  // "Weighs 40 kg", "carries up to 400": what stands right before a figure with an s is a verb.
  if (
    /[a-z]s$/.test(word) &&
    /^ (?:(?:about|over|under|up to|at least|at most|at|only|roughly|almost|nearly|an?|the) )*[\d$€£]/.test(
      text.slice(end, end + 24),
    )
  )
    return made(stemmed, stemmed, 'soft')
  return made(stemmed, stemmed, 'plain')
}

/** A name without what its writers differ in: case and what joins its parts. */
export const nameKey = (word: string): string => word.toLowerCase().replace(/[-_/:@+#]/g, '')

function isOpening(text: string, start: number): boolean {
  const before = text.slice(Math.max(0, start - 4), start)
  return start === 0 || /[.!?:;*•–—-]\s*["'“(]?$|^\s*["'“(]?$/.test(before)
}
