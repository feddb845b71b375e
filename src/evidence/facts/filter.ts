/** Chooses the lines of a long source that may speak of a claim, so that the rest need not be read. */
import { wordsOf } from './lexicon.ts'
import { readStatement } from './statement.ts'

/** Sources shorter than this are read whole. */
const longSource = 20_000

/** Of more lines than this nobody can tell which one the claim is about. */
const mostLines = 300

const always = /correct|update:|revis|withdrawn|^#{1,6} /i

/** A filter for the lines of `text`; undefined where all are to be read, one that keeps none where too many fit. */
export function filterFor(claim: string, text: string, title = ''): ((line: string) => boolean) | undefined {
  if (text.length < longSource) return undefined
  const beginnings = readStatement(claim)
    .terms.filter(({ sort }) => sort !== 'soft')
    .map(({ text: word, key, sort }) =>
      sort === 'name'
        ? [word.toLowerCase()]
        : [word, ...wordsOf(key)].map(each => each.toLowerCase().slice(0, 4)),
    )
    // What the title says holds for every line.
    .filter(words => !words.some(word => title.toLowerCase().includes(word)))
  const wanted = Math.ceil(beginnings.length * 0.6)
  const fits = (line: string): boolean => {
    const lower = line.toLowerCase()
    let found = 0
    for (const words of beginnings) if (words.some(word => lower.includes(word))) found += 1
    return found >= wanted && found > 0
  }
  let count = 0
  const kept = new Set<string>()
  for (const line of text.split('\n')) {
    if (!fits(line)) continue
    count += 1
    kept.add(line.trimEnd())
    if (count > mostLines) return () => false
  }
  return line => kept.has(line) || always.test(line)
}
