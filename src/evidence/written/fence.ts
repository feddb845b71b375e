/**
 * Fences for text that a language model is to read as evidence. Each fence line carries a key that is made from the
 * request and occurs in none of its texts, so that no text can end its own fence.
 */
import { contentHash } from '../../core/hash.ts'

/** Characters of a key; 48 bits of a hash. */
const keyLength = 12

/** A key for `texts`, the same each time; no text holds it in any case of letters. */
export function fenceKey(texts: readonly string[]): string {
  const lower = texts.map(text => text.toLowerCase())
  for (let turn = 0; ; turn += 1) {
    const key = contentHash('evidence.fence', turn, texts).slice(0, keyLength)
    if (lower.every(text => !text.includes(key))) return key
  }
}

/** `text` between two fence lines. What a line names is `what`, a few words of ours. Lone surrogates become U+FFFD. */
export function fenced(what: string, text: string, key: string): string {
  return `<<<${what} ${key}>>>\n${text.toWellFormed()}\n<<<end of ${what} ${key}>>>`
}

/** What a fence line looks like, whatever its key. */
export const fenceLine = /<<<[^<>\n]*>>>|<<<(?:end of )?(?:claim|passage)\b/i
