/**
 * Tells from a claim which lines and keys of a long log may matter: lines that hold one of its rarer words (or one of
 * the same meaning), keys that it names or that hold what its figures measure.
 */
import { type Claim, isStatistic } from './claim.ts'
import { nameConcepts } from './record.ts'
import { conceptOf, formsOf, isSoft, isSoftWord } from './vocabulary.ts'

/** Tests for a line, in small letters, and for the name of a pair. */
export type Wanted = { readonly line: (lower: string) => boolean; readonly key: (name: string) => boolean }

/** All lines and keys. */
export const allWanted: Wanted = { line: () => true, key: () => true }

/** Lines that are looked at to learn how common a word is. */
const probes = 64

/** The tests for `content`, a long log. */
export function wantedBy(claim: Claim, content: string): Wanted {
  const sample = sampleOf(content)
  const patterns = claim.words.flatMap(word => {
    if (isStatistic(word.lower)) return []
    if (word.entity === undefined && (isSoft(word.concept) || isSoftWord(word.lower))) return []
    const forms = word.entity === undefined ? formsOf(word.concept, word.lower) : [word.entity.trim()]
    const pattern = forms.map(form => form.replace(/[^\p{L}\p{N}]+/gu, '[^a-z0-9]{1,2}')).join('|')
    return pattern === '' ? [] : [pattern]
  })
  const rare = patterns.filter(pattern => {
    const test = new RegExp(pattern, 'u')
    return sample.filter(line => test.test(line)).length <= sample.length * 0.4
  })
  const any = rare.length === 0 ? undefined : new RegExp(rare.join('|'), 'u')
  const said = new Set(claim.words.map(word => word.concept))
  const keys = new Map<string, boolean>()
  return {
    line: lower => any === undefined || any.test(lower),
    key: name => {
      const known = keys.get(name)
      if (known !== undefined) return known
      const wanted =
        nameConcepts(name).some(concept => said.has(concept) || concept === latency) || units.test(name)
      keys.set(name, wanted)
      return wanted
    },
  }
}

const latency = conceptOf('latency')
const units = /(?:_|\b)(?:ms|s|sec|seconds|bytes|kb|mb|gb|kib|mib|percent|pct|status|code|level|lvl)$/i

function sampleOf(content: string): string[] {
  const lines: string[] = []
  const step = Math.max(1, Math.floor(content.length / probes))
  for (let at = 0; at < content.length; at += step) {
    const start = content.indexOf('\n', at) + 1
    if (start === 0) break
    const end = content.indexOf('\n', start)
    lines.push(content.slice(start, end < 0 ? content.length : Math.min(end, start + 2000)).toLowerCase())
  }
  return lines
}

const reckoning =
  /\b(?:most|least|fewest|than|average|mean|total|altogether|together|rank|only|except|but|between|first|last|share|rate)\b|(?:%|percent|half|third|quarter|\d|one|two|three|four|five|six|seven|eight|nine|ten) of\b/i

/** The test for the lines of a long table that a claim of named rows may be about; undefined where all may be. */
export function rowsWanted(claim: Claim, content: string): ((text: string) => boolean) | undefined {
  if (claim.every || claim.none || claim.statistic !== 'plain' || claim.turned || reckoning.test(claim.text))
    return undefined
  if (!claim.words.some(word => word.entity !== undefined)) return undefined
  const { line } = wantedBy(claim, content)
  return text => line(text.toLowerCase())
}

/** True where a name with a number in it, that the claim gives, stands nowhere in a source. */
export function lacksName(claim: Claim, title: string, content: string): boolean {
  const names = claim.words.filter(word => word.entity !== undefined && /\d/.test(word.entity))
  if (names.length === 0) return false
  const text = `${title} ${content}`.toLowerCase()
  return names.some(({ entity = '' }) =>
    entity
      .trim()
      .split(' ')
      .some(part => !text.includes(part)),
  )
}
