/**
 * Whether a fact is of the very thing that a claim speaks of: its words, statistic, dimension, time and
 * modality. In doubt it is not, and the claim stays open.
 */
import type { ClaimFact, Fact } from './fact.ts'
import { within } from './moment.ts'
import { isElsewhere, isEnvironment, isPlan, isSoft, partsOf, stem } from './words.ts'

/** Stems of the claim, to be looked up. */
export type ClaimWords = ReadonlySet<string>

/** All stems of a claimed figure. */
export const wordsOf = (claim: ClaimFact): ClaimWords => new Set([...claim.own, ...claim.lead])

/** True where `fact` holds `word`, or a word that tells the same. */
export function holds(fact: Fact, word: string): boolean {
  return fact.own.has(word) || fact.lead.has(word) || fact.context.has(word)
}

/** True where every word that the claim needs stands with the fact. */
export function covers(claim: ClaimFact, fact: Fact): boolean {
  if (claim.must.length === 0) return false
  // A figure under a key or in a column is of what that says, not of what else its line holds.
  const keyed = fact.form === 'cell' || fact.form === 'metric' || fact.group.startsWith('log =')
  if (keyed && fact.quantity !== undefined && !isNamed(claim, fact)) return false
  // What belongs to the second figure of a sentence begins anew where it names something of its own.
  const fresh = fact.form === 'sentence' && / [1-9]\d*$/.test(fact.group) && namesItsOwn(claim, fact)
  return claim.must.every(
    word => fact.own.has(word) || fact.context.has(word) || (!fresh && fact.lead.has(word)),
  )
}

function isNamed(claim: ClaimFact, fact: Fact): boolean {
  if (fact.own.size === 0) return true
  const dimension = fact.quantity?.dimension
  return [...fact.own].some(word => claim.own.has(word) || claim.lead.has(word) || isSoft(word, dimension))
}

function namesItsOwn(claim: ClaimFact, fact: Fact): boolean {
  return [...fact.own].some(
    word => !claim.own.has(word) && !claim.lead.has(word) && !isSoft(word, fact.quantity?.dimension),
  )
}

/** True where the fact speaks of another part, environment or plan than the claim names. */
export function isForeign(claim: ClaimFact, words: ClaimWords, fact: Fact): boolean {
  const planned = fact.modality === 'plan'
  const wanted = claim.modality === 'plan' || [...words].some(isPlan)
  if (planned !== wanted) return true
  for (const set of [fact.own, fact.lead, fact.context]) {
    for (const word of set) {
      if (words.has(word)) continue
      if (fact.form === 'line' ? isEnvironment(word) : isElsewhere(word)) return true
      if (/^(?:19|20)\d\d$/.test(word) && set === fact.own && fact.form === 'sentence') return true
      if (isPlan(word) && set !== fact.lead) return true
    }
  }
  // What a container requests is neither its limit nor its use.
  const steps = fact.form === 'entry' ? fact.labels.filter(label => label.name === 'path') : []
  if (
    steps.some(step => /^(?:requests|reservations|defaults?)$/.test(step.text) && !words.has(stem(step.text)))
  )
    return true
  return fact.labels.some(label => isOtherName(words, label.text))
}

/** True for a compound name of which the claim has a part only: payments-capture where it says payments. */
export function isOtherName(words: ClaimWords, text: string): boolean {
  if (!/^[\p{L}\d]+(?:[-_.][\p{L}\d]+)+$/u.test(text)) return false
  const parts = partsOf(text)
    .filter(part => !/\d/.test(part))
    .map(stem)
  return parts.some(part => words.has(part)) && parts.some(part => !words.has(part) && !isSoft(part))
}

/** Whether the claim's day or window holds the fact: false where it does not or nobody can tell. */
export function isTimely(claim: ClaimFact, fact: Fact): boolean {
  if (claim.moment === undefined) return true
  return within(fact.moment, claim.moment) === true
}

/** True where the statistics are the same, or one of the kinds that say the same. */
export function sameStatistic(claim: ClaimFact, fact: Fact): boolean {
  const [wanted, given] = [claim.statistic, fact.statistic]
  if (wanted === given) return true
  const counted = new Set(['plain', 'count', 'total'])
  if (claim.quantity?.dimension === 'number' && counted.has(wanted) && counted.has(given)) {
    return fact.form !== 'cell' || wanted !== 'total'
  }
  // What a sentence calls the last or the total is what a claim may state without the word.
  return wanted === 'plain' && given === 'last' && claim.quantity?.dimension === 'version'
}

/** Words at the figure that the claim does not have: the fewer, the nearer the fact is to what is claimed. */
export function strangeness(claim: ClaimFact, words: ClaimWords, fact: Fact): number {
  let strange = 0
  const dimension = claim.quantity?.dimension
  for (const word of fact.own) if (!words.has(word) && !isSoft(word, dimension)) strange += 1
  if (fact.form === 'sentence' || fact.form === 'line') {
    for (const word of fact.lead) if (!words.has(word) && !isSoft(word, dimension)) strange += 0.25
  }
  return strange
}
