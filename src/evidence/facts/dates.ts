/**
 * Claims of a day or a time that a thing happened once: the same words with the same day support it, with
 * another day they refute it, where such a thing happens only once (a release is published, a key expires).
 */
import type { Ruling } from './aggregate.ts'
import { readClaim } from './claim.ts'
import type { Fact } from './fact.ts'
import { isForeign } from './match.ts'
import { type Moment, order } from './moment.ts'
import { readSentence } from './sentence.ts'
import { isSoft, stem } from './words.ts'

/** A claim whose only figure is a day or a time. */
export type DateClaim = {
  readonly moment: Moment
  readonly must: readonly string[]
  readonly words: ReadonlySet<string>
  readonly place: 'on' | 'before' | 'after'
}

const once = new Set(
  'published released launched expires expired founded introduced merged retired created born signed'
    .split(' ')
    .map(stem),
)

/** The day that `claim` states; undefined where it states other figures, none, or a denial. */
export function readDate(claim: string): DateClaim | undefined {
  const read = readSentence(claim)
  const { moment } = read
  if (moment === undefined || read.figures.length > 0 || /\b(?:not|never|no|none|between|n't)\b/i.test(claim))
    return undefined
  if (moment.from !== moment.to || (moment.day === undefined && moment.from === undefined)) return undefined
  const place = /\b(?:before|until|by) /i.test(claim)
    ? 'before'
    : /\b(?:after|since) /i.test(claim)
      ? 'after'
      : 'on'
  const must = [...new Set(read.words)].filter(
    word => !isSoft(word) && word !== 'befor' && word !== 'before' && word !== 'after',
  )
  return must.length < 2
    ? undefined
    : { moment, must, words: new Set([...read.words, 'after', 'befor']), place }
}

/** What the sentences of one source say of the day. */
export function ruleOverDates(claim: DateClaim, facts: readonly Fact[]): Ruling | undefined {
  const anchor = readClaim('1 x')[0]
  if (anchor === undefined) return undefined
  const fits = facts.filter(
    fact =>
      fact.quantity === undefined &&
      fact.form === 'sentence' &&
      !fact.negated &&
      fact.moment !== undefined &&
      claim.must.every(word => fact.own.has(word)) &&
      !isForeign(anchor, claim.words, fact),
  )
  const [only] = fits
  if (fits.length !== 1 || only?.moment === undefined) return undefined
  const difference = order(only.moment, sameParts(claim.moment, only.moment))
  if (difference === undefined || only.moment.from !== only.moment.to) return undefined
  const holds =
    claim.place === 'on' ? difference === 0 : claim.place === 'before' ? difference < 0 : difference > 0
  const found = 'the day stated'
  if (holds) return { stance: 'supports', facts: [only], found }
  return claim.must.some(word => once.has(word)) ? { stance: 'refutes', facts: [only], found } : undefined
}

/** The claimed moment with a time only where both have one. */
function sameParts(claimed: Moment, found: Moment): Moment {
  if (claimed.from !== undefined || found.from === undefined) return claimed
  return { ...claimed, from: found.from, to: found.from }
}
