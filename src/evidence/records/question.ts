/** Which kind of question a claim is, tried from the most to the least special; the first that is answered decides. */
import { ruleOnChange } from './change.ts'
import type { Claim, Word } from './claim.ts'
import { ruleOnCount } from './count.ts'
import { ruleOnDate } from './dates.ts'
import { ruleOnDuration, ruleOnOrder, ruleOnStretch, ruleOnTime } from './events.ts'
import type { Figure } from './figure.ts'
import { ruleOnEvent } from './happened.ts'
import { keysOf } from './keys.ts'
import { ruleOnNone } from './none.ts'
import { ruleOnRatio } from './ratio.ts'
import type { Block } from './record.ts'
import type { Ruling } from './ruling.ts'
import { ruleOnState } from './state.ts'
import { ruleOnValue } from './value.ts'
import { ruleOnExtreme, ruleOnPair } from './versus.ts'

const than =
  /\b(?:more|fewer|less|higher|lower|larger|smaller|bigger|longer|shorter|slower|faster|quicker|greater|hotter|warmer|older|newer|earlier|later)\b[^.;]{0,60}\bthan (?!\d|(?:an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|half|\$|€)\b)/i
const changing =
  /\b(?:rose|risen|grew|grown|increased|climbed|jumped|went up|doubled|tripled|quadrupled|fell|fallen|dropped (?:by|from|to)|decreased|declined|shrank|shrunk|went down|halved|cut by|reduced by|slowed down|became|got (?:slower|faster|longer|shorter|larger|smaller))\b/i

const superlative =
  /\b(?:busiest|heaviest|hottest|warmest|coldest|wettest|quietest|cheapest|top|best|worst)\b/i

/** What `blocks`, of one source, say to `claim`. */
export function questionsOf(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const keyed = withKeys(claim, blocks)
  if (
    than.test(keyed.text) ||
    /\bas (?:many|much|high|low|long|fast|slow|large)\b[^.;]{0,40}\bas (?!\d)/i.test(keyed.text)
  )
    return ruleOnExtreme(keyed, blocks) ?? ruleOnPair(keyed, blocks)
  if (changing.test(keyed.text)) {
    const ruling = ruleOnChange(keyed, blocks)
    if (ruling !== undefined || /\b(?:by|doubled|tripled|halved|quadrupled|half|from)\b/i.test(keyed.text))
      return ruling
  }
  const ordered = ruleOnOrder(keyed, blocks)
  if (ordered !== undefined) return ordered
  if (/\b(?:before|after) (?!\d)/i.test(keyed.text) && keyed.figures.length === 0 && keyed.span === undefined)
    return undefined
  if (keyed.figures.length === 0)
    return (
      ruleOnExtreme(keyed, blocks) ??
      ruleOnNone(keyed, blocks) ??
      ruleOnCount(keyed, blocks) ??
      ruleOnTime(keyed, blocks) ??
      ruleOnDate(keyed, blocks) ??
      ruleOnState(keyed, blocks) ??
      ruleOnEvent(keyed, blocks)
    )
  if (superlative.test(keyed.text)) {
    const extreme = ruleOnExtreme(keyed, blocks)
    if (extreme === undefined || extreme.stance === 'refutes') return extreme
  }
  // To look for first and last lines costs more than for one that states the figure.
  const long = blocks.some(block => block.rows.length > 1500)
  return (
    ruleOnStretch(keyed, blocks) ??
    ruleOnRatio(keyed, blocks) ??
    ruleOnCount(keyed, blocks) ??
    (long
      ? (ruleOnValues(keyed, blocks) ?? ruleOnDuration(keyed, blocks))
      : (ruleOnDuration(keyed, blocks) ?? ruleOnValues(keyed, blocks)))
  )
}

/** Numbers that name a row become words that have to be met. */
export function withKeys(claim: Claim, blocks: readonly Block[]): Claim {
  const keys = keysOf(claim, blocks)
  if (keys.length === 0) return claim
  const spent = new Set(keys.map(key => key.figure))
  const words = keys.map(({ figure, phrase }) => ({
    concept: phrase.trim().split(' ').at(-1) ?? '',
    lower: phrase.trim(),
    start: figure.start,
    entity: phrase,
    verb: false,
  }))
  return {
    ...claim,
    figures: claim.figures.filter(figure => !spent.has(figure)),
    words: [
      ...claim.words.filter(word => !keys.some(key => isNoun(word, key.phrase, key.figure.start))),
      ...words,
    ].sort((a, b) => a.start - b.start),
  }
}

/** Of "order 5520" the order is part of the key. */
const isNoun = (word: Word, phrase: string, at: number): boolean =>
  word.start < at &&
  at - word.start <= word.lower.length + 2 &&
  (phrase.startsWith(` ${word.lower} `) || phrase.startsWith(` ${word.lower}s `))

function ruleOnValues(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  const rulings = claim.figures.map((figure: Figure) => ruleOnValue(claim, figure, blocks))
  const [first] = rulings
  if (first === undefined || rulings.some(ruling => ruling === undefined)) return undefined
  const against = rulings.find(ruling => ruling?.stance === 'refutes')
  if (against !== undefined) return against
  return { ...first, places: rulings.flatMap(ruling => ruling?.places ?? []) }
}
