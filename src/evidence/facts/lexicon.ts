/**
 * What words of operations mean to one another: which say the same, which the opposite, which only carry a
 * figure. English. A word that is not here is taken for a name of something and has to be matched itself.
 */
import { events, objects, opposites, phrasePairs, rivals, softs } from './word-groups.ts'
import { stem } from './words.ts'

/**
 * How a word counts: an `object` or attribute has to be matched, an `event` where a claim is about what
 * happened, a `soft` word never.
 */
export type WordClass = 'object' | 'event' | 'soft'

const concepts = new Map<string, { readonly name: string; readonly sort: WordClass }>()

const members = new Map<string, readonly string[]>()

const bare = (word: string): string => word.replace('!', '')

/** A word as it is written and its stem, which others may share; a marked one as it is written only. */
const formsOf = (word: string): readonly string[] => (word.endsWith('!') ? [bare(word)] : [word, stem(word)])

function addGroups(text: string, sort: WordClass): void {
  for (const line of text.trim().split('\n')) {
    const names = line.trim().split('|')
    const name = stem(bare(names[0] ?? ''))
    members.set(name, [...(members.get(name) ?? []), ...names.map(bare)])
    for (const word of names)
      for (const form of formsOf(word)) if (!concepts.has(form)) concepts.set(form, { name, sort })
  }
}

addGroups(objects, 'object')
addGroups(events, 'event')
for (const word of softs.trim().split(/\s+/)) {
  for (const form of formsOf(word))
    if (!concepts.has(form)) concepts.set(form, { name: stem(bare(word)), sort: 'soft' })
}

// Logs are things, to log is not.
concepts.set('logs', { name: 'log', sort: 'object' })

/** The concept of a stem; undefined for a word that is not known. */
export function conceptOf(stemmed: string): { readonly name: string; readonly sort: WordClass } | undefined {
  return concepts.get(stemmed)
}

/** The words that stand for a concept. */
export const wordsOf = (concept: string): readonly string[] => members.get(concept) ?? []

const phrases = new Map<string, string>()
for (const pair of phrasePairs.trim().split(/[|\n]/)) {
  const [words = '', concept = ''] = pair.split('=')
  phrases.set(words, stem(concept))
}

/** The concept of two words that stand side by side, in small letters. */
export const phraseOf = (first: string, second: string): string | undefined =>
  phrases.get(`${first} ${second}`)

const against = new Map<string, Set<string>>()
function addAgainst(a: string, b: string): void {
  const [left, right] = [nameOf(a), nameOf(b)]
  if (left === right) return
  against.set(left, (against.get(left) ?? new Set()).add(right))
  against.set(right, (against.get(right) ?? new Set()).add(left))
}
const nameOf = (word: string): string => concepts.get(stem(word))?.name ?? stem(word)
const contraries = new Map<string, Set<string>>()
for (const pair of opposites.trim().split(/\s+/)) {
  const [a = '', b = ''] = pair.split('/').map(nameOf)
  addAgainst(a, b)
  contraries.set(a, (contraries.get(a) ?? new Set()).add(b))
  contraries.set(b, (contraries.get(b) ?? new Set()).add(a))
}
for (const line of rivals.trim().split('\n')) {
  const words = line.split(' ')
  for (const [index, a] of words.entries()) for (const b of words.slice(index + 1)) addAgainst(a, b)
}

/** Concepts that can't be said of the same thing at once. */
export const rivalsOf = (concept: string): ReadonlySet<string> | undefined => against.get(concept)

/** Of events: those that say the opposite. */
export const contraryOf = (concept: string): ReadonlySet<string> | undefined => contraries.get(concept)
