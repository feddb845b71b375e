/** The figures of a claim: how each is compared, what is counted or measured, fractions in words. */
import type { Comparison } from '../facts/fact.ts'
import { type Quantity, type Token, tokensOf } from '../facts/quantity.ts'
import { type Measure, measureOf } from './measure.ts'
import { conceptOf, grammar, wordsIn } from './vocabulary.ts'

/** A figure of a claim. */
export type Figure = {
  readonly start: number
  readonly end: number
  readonly quantity: Quantity
  readonly other?: Quantity
  readonly comparison: Comparison
  /** Of a length, a mass and the like: what the word behind it measures. */
  readonly measure?: Measure
  /** Concepts of the words behind it, nearest first: what is counted. */
  readonly nouns: readonly string[]
  /** The word before it, in small letters. */
  readonly before: string
}

const cues: readonly (readonly [RegExp, Comparison])[] = [
  [
    /\b(?:at least|no (?:less|fewer) than|not (?:less|fewer) than|a minimum of|minimum of|no earlier than)\s*$/i,
    'at-least',
  ],
  [
    /\b(?:at (?:the )?most|no more than|not more than|up to|no longer than|no higher than|not over|not above|not exceed(?:ed|ing|s)?|never (?:exceed(?:ed|s)?|above|over|rose above|went (?:above|over))|within|a maximum of|maximum of|never more than|no later than|didn't exceed|did not exceed)\s*$/i,
    'at-most',
  ],
  [
    /\b(?:never|not|n't) (?:fell |dropped |went |dips? |dipped |fall |drop |go )?(?:below|under)\s*$/i,
    'at-least',
  ],
  [/\b(?:never|not|n't) (?:\w+ )?(?:less|fewer) than\s*$/i, 'at-least'],
  [/\b(?:never|not|n't) (?:\w+ ){0,2}(?:above|over|more than|beyond)\s*$/i, 'at-most'],
  [
    /\b(?:less than|fewer than|under|below|lower than|smaller than|shorter than|faster than|short of|older than|before|cheaper than|colder than|cooler than)(?: the)?\s*$/i,
    'under',
  ],
  [
    /\b(?:more than|over|above|exceed(?:s|ed|ing)?|greater than|higher than|longer than|larger than|slower than|bigger than|beyond|in excess of|newer than|warmer than|hotter than|upwards of|past)(?: the)?\s*$/i,
    'over',
  ],
  [
    /\b(?:about|around|roughly|approximately|some|nearly|almost|close to|circa|approx\.?|~|or so)\s*$/i,
    'about',
  ],
]

function comparisonOf(before: string, after: string): Comparison {
  if (
    /^\s*(?:\w+ )?(?:or|and) (?:more|above|over|higher|newer|later|longer|greater|up|slower|warmer|hotter|larger|bigger)\b/i.test(
      after,
    ) ||
    /^\+/.test(after)
  )
    return 'at-least'
  if (
    /^\s*(?:\w+ )?or (?:less|fewer|below|under|lower|older|shorter|earlier|faster|colder|cooler|cheaper|smaller)\b/i.test(
      after,
    )
  )
    return 'at-most'
  for (const [pattern, comparison] of cues) if (pattern.test(before)) return comparison
  return 'exact'
}

const fractions: readonly (readonly [RegExp, number])[] = [
  [/\btwo[ -]thirds\b/gi, 200 / 3],
  [/\b(?:a|one)[ -]third\b/gi, 100 / 3],
  [/\bthree[ -]quarters\b/gi, 75],
  [
    /\b(?:a|one)[ -]quarter(?= (?:of|larger|smaller|more|less|longer|shorter|faster|slower|higher|lower|fewer|bigger)\b)/gi,
    25,
  ],
  [
    /\b(?:a|one)[ -]third(?= (?:larger|smaller|more|less|longer|shorter|higher|lower|fewer|bigger)\b)/gi,
    100 / 3,
  ],
  [/\b(?:half|one half)(?= (?:of|the|all)\b)/gi, 50],
  [/(?<=\bby )(?:a|one) half\b|(?<=\bby )half\b/gi, 50],
  [/\b(?:a|one)[ -]fifth\b/gi, 20],
  [/\b(?:a|one)[ -]tenth\b/gi, 10],
  [/\btwo[ -]fifths\b/gi, 40],
  [/\bthree[ -]fifths\b/gi, 60],
  [/\bfour[ -]fifths\b/gi, 80],
  [/(?<=\bby )(?:a|one) quarter\b/gi, 25],
]

/** The figures among `tokens` of `text`, in order. */
export function figuresOf(text: string, tokens: readonly Token[]): Figure[] {
  const quantities = tokens.filter(token => token.kind === 'quantity')
  const figures: Figure[] = []
  for (let index = 0; index < quantities.length; index += 1) {
    const token = quantities[index]
    if (token?.kind !== 'quantity') continue
    const following = quantities[index + 1]
    const before = text.slice(Math.max(0, token.start - 40), token.start)
    const gap = following === undefined ? '' : text.slice(token.end, following.start)
    const ranged = /\bbetween\s*$/i.test(before) && /^ and $/.test(gap) && following?.kind === 'quantity'
    const after = text.slice(ranged && following !== undefined ? following.end : token.end)
    let { quantity } = token
    const other = ranged && following?.kind === 'quantity' ? following.quantity : undefined
    if (other !== undefined && quantity.dimension === 'number' && other.dimension !== 'number') {
      const again = tokensOf(`${quantity.text}${other.text.slice(other.text.search(/[^\d.,]/))}`)[0]
      if (again?.kind === 'quantity') quantity = again.quantity
    }
    // Of "from 200 to 240 seconds" the first has the unit of the second.
    if (
      !ranged &&
      quantity.dimension === 'number' &&
      following?.kind === 'quantity' &&
      following.quantity.dimension !== 'number' &&
      following.quantity.dimension !== 'version' &&
      /^ (?:to|or|up to) $/.test(gap)
    ) {
      const unit = following.quantity.text.slice(following.quantity.text.search(/[^\d.,]/))
      const again = tokensOf(`${quantity.text}${unit}`)[0]
      if (again?.kind === 'quantity') quantity = again.quantity
    }
    if (ranged) index += 1
    const word = /^ ?([A-Za-z]+[23]?)/.exec(after)?.[1] ?? ''
    const measured = quantity.dimension === 'number' ? measureOf(word) : undefined
    figures.push({
      start: token.start,
      end: ranged && following !== undefined ? following.end : token.end,
      quantity,
      ...(other === undefined ? {} : { other }),
      comparison: ranged ? 'between' : comparisonOf(before, after),
      ...(measured === undefined ? {} : { measure: measured }),
      nouns: nounsAfter(after),
      before: /([\p{L}\p{N}_-]+)\s*$/u.exec(before)?.[1]?.toLowerCase() ?? '',
    })
  }
  for (const [pattern, share] of fractions) {
    for (const match of text.matchAll(pattern)) {
      const [start, end] = [match.index, match.index + match[0].length]
      const at = figures.findIndex(figure => figure.start < end && figure.end > start)
      if (at >= 0) figures.splice(at, 1)
      const quantity: Quantity = { value: share, dimension: 'percent', slack: 0.5, text: match[0] }
      const before = text.slice(Math.max(0, start - 40), start)
      figures.push({
        start,
        end,
        quantity,
        comparison: comparisonOf(before, text.slice(end)),
        nouns: nounsAfter(text.slice(end)),
        before: '',
      })
    }
  }
  for (const match of text.matchAll(
    /\b(\w+) (?:out of|in) (?:every )?(ten|five|four|three|20|10|100|a hundred)\b(?= [a-z])/gi,
  )) {
    const [part, whole] = [match[1] ?? '', match[2] ?? ''].map(numberIn)
    if (part === undefined || whole === undefined || whole === 0) continue
    const [start, end] = [match.index, match.index + match[0].length]
    for (let at = figures.length - 1; at >= 0; at -= 1)
      if ((figures[at]?.start ?? 0) < end && (figures[at]?.end ?? 0) > start) figures.splice(at, 1)
    figures.push({
      start,
      end,
      quantity: { value: (part / whole) * 100, dimension: 'percent', slack: 0.5, text: match[0] },
      comparison: comparisonOf(text.slice(Math.max(0, start - 40), start), ''),
      nouns: nounsAfter(text.slice(end)),
      before: '',
    })
  }
  return figures.sort((a, b) => a.start - b.start)
}

const ordinal = /^(?:the|an?|its|his|her|their|every|each|another)? ?(?:second|third|fourth|quarter)$/i
const lasting =
  /^ (?:ago|before|after|later|earlier|long|each|per|on|in|at|to|for|of|and|or|from|until|than)\b/i

/** Of "a second time" the second is no length of time. */
export const isOrdinal = (text: string, { start, end }: Token): boolean =>
  ordinal.test(text.slice(start, end)) &&
  (/^ [a-z]/i.test(text.slice(end))
    ? !lasting.test(text.slice(end))
    : /\b(?:the|a|in|came|was) $/i.test(text.slice(0, start))) &&
  !/\bper $/i.test(text.slice(0, start))

/** Of "the green one" the one is no number. */
export const isPronoun = (text: string, { start, end }: Token): boolean =>
  /^one$/i.test(text.slice(start, end)) &&
  (/\b(?:the|another|this|that|which|no|each|every|any)(?: [\w-]+)? $/i.test(text.slice(0, start)) ||
    /^\s*(?:[.,;]|$|another|of (?:the|its)\b(?! \w+ (?:is|was|are|were|has|have)))/.test(text.slice(end)))

/** A number that the claim takes for granted. */
export const isWhole = (text: string, { start, quantity, comparison, nouns }: Figure): boolean =>
  quantity.dimension === 'number' &&
  Number.isInteger(quantity.value) &&
  !/\./.test(quantity.text) &&
  comparison === 'exact' &&
  nouns.length > 0 &&
  /\b(?:the|these|those|all|its|both|other|last|first|next|past|previous) $/i.test(text.slice(0, start))

function numberIn(word: string): number | undefined {
  const [token] = tokensOf(word)
  return token?.kind === 'quantity' && token.quantity.dimension === 'number'
    ? token.quantity.value
    : undefined
}

/** Concepts of the few words behind a figure, up to a mark or a verb. */
function nounsAfter(after: string): string[] {
  const clause = /^[^,;.:!?]*/.exec(after)?.[0] ?? ''
  const parts = clause.trim().split(/\s+/).slice(0, 5)
  const nouns: string[] = []
  for (const part of parts) {
    const lower = part.toLowerCase()
    if (/^(?:of|the|its|all|other|different|distinct|such|these|those)$/.test(lower)) continue
    // Of "two of the five uploads" both numbers count uploads.
    if (
      nouns.length === 0 &&
      /^(?:\d+|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)$/.test(lower)
    )
      continue
    if (grammar.has(lower)) break
    for (const word of wordsIn(part)) nouns.push(conceptOf(word))
  }
  return nouns
}
