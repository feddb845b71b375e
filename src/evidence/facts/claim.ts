/** Reads a claim: its figures, and for each the words that the evidence must hold. */
import type { ClaimFact, Comparison, Statistic } from './fact.ts'
import type { Moment } from './moment.ts'
import { readSentence, type SentenceFigure, statisticOf } from './sentence.ts'
import { isSoft, stemsOf } from './words.ts'

/** Every figure that `claim` states, "no errors" as a count of 0; empty where it states none. */
export function readClaim(claim: string): ClaimFact[] {
  const text = claim.trim()
  // "All 14 passed" also says that there are no others; no single figure can tell.
  if (/\ball (?:the |of the |its )?(?:\d|two|three|four|five|six|seven|eight|nine|ten|twelve)/i.test(text))
    return []
  const read = readSentence(text)
  const universal = universalOf(text)
  const facts = read.figures.map(figure => factOf(text, figure, universal, read.moment))
  const none = noneOf(text, read.moment)
  return none === undefined ? facts : [...facts, none]
}

function factOf(
  text: string,
  figure: SentenceFigure,
  universal: Statistic | undefined,
  moment: Moment | undefined,
): ClaimFact {
  const { quantity, other, change, comparison, negated, own, lead } = figure
  const stated = figure.statistic
  const statistic =
    stated === 'plain' && universal !== undefined ? universalFor(comparison, universal) : stated
  return {
    start: 0,
    end: text.length,
    form: 'sentence',
    quantity,
    ...(other === undefined ? {} : { other }),
    ...(change === undefined ? {} : { change }),
    statistic,
    comparison,
    modality: figure.plan ? 'plan' : 'fact',
    negated,
    own: new Set(own),
    lead: new Set(lead),
    context: new Set(),
    labels: [],
    group: '',
    corrects: false,
    ...(moment === undefined ? {} : { moment }),
    must: [...new Set([...own, ...lead])].filter(word => !isSoft(word, quantity.dimension)),
  }
}

/** "Never above" is said of the highest, "always above" of the lowest. */
function universalFor(comparison: Comparison, universal: Statistic): Statistic {
  if (universal === 'max') return comparison === 'at-least' || comparison === 'over' ? 'min' : 'max'
  return universal
}

function universalOf(text: string): Statistic | undefined {
  return /\b(?:never|always|at no time|at all times|throughout|stayed|remained|constantly|every)\b/i.test(
    text,
  )
    ? 'max'
    : undefined
}

/** "No errors were logged", "none failed" is read by its words: the rest of the claim with a count of 0. */
function noneOf(text: string, moment: Moment | undefined): ClaimFact | undefined {
  const match = /\bno (?!longer\b|more\b|less\b|fewer\b|later\b|one\b|sooner\b|other\b)(?=\p{L})/iu.exec(text)
  if (match === null) return undefined
  const rest = `${text.slice(0, match.index)} ${text.slice(match.index + match[0].length)}`
  const read = readSentence(rest)
  if (read.figures.length > 0 || statisticOf(rest) !== undefined) return undefined
  return {
    start: 0,
    end: text.length,
    form: 'sentence',
    quantity: { value: 0, dimension: 'number', slack: 0, text: 'no' },
    statistic: 'count',
    comparison: 'exact',
    modality: /\b(?:will|should|must|may|might)\b/.test(text) ? 'plan' : 'fact',
    negated: false,
    own: new Set(stemsOf(rest)),
    lead: new Set(),
    context: new Set(),
    labels: [],
    group: '',
    corrects: false,
    ...(moment === undefined ? {} : { moment }),
    must: [...new Set(read.words)].filter(word => !isSoft(word, 'number')),
  }
}
