/**
 * Fits parts of a prompt into a budget of tokens: what is required stays, the rest by priority, and what had to go is
 * told. Pure and deterministic; the same parts come out in the same order, whatever their priorities.
 *
 * Not here: counting tokens. A given function estimates them; the budget holds by its word, part by part.
 */
import { InputError } from '../../core/errors.ts'

/** A piece of context that is kept or dropped as one, or cut where it may be. */
export type ContextPart = {
  readonly id: string
  readonly text: string
  /** Higher ones are kept first. */
  readonly priority: number
  /** Decides between equal priorities, higher first; then the smaller part. @default 0 */
  readonly relevance?: number
  /** Never dropped; cut only where it may be and the required parts would not fit otherwise. @default false */
  readonly required?: boolean
  /** Whether its first sentences alone are worth keeping. @default false */
  readonly mayCut?: boolean
}

/** What parts are fitted into. */
export type ContextBudget = {
  readonly tokens: number
  /** Estimates the tokens of a text: a whole number from 0. What it says of a whole text is asked once. */
  readonly tokensOf: (text: string) => number
}

/** A part that stays. */
export type KeptPart = {
  readonly id: string
  /** The part's text, or its beginning up to the end of a sentence. */
  readonly text: string
  readonly tokens: number
  readonly cut: boolean
}

/** What came of fitting. */
export type FittedContext = {
  /** In the order they were given in. */
  readonly parts: readonly KeptPart[]
  /** Of all kept parts; never more than the budget. */
  readonly tokens: number
  readonly budget: number
  /** In the order they were given in. */
  readonly dropped: readonly { readonly id: string; readonly tokens: number }[]
  /** `tokens` of the whole part, `keptTokens` of what is left of it. */
  readonly cut: readonly { readonly id: string; readonly tokens: number; readonly keptTokens: number }[]
}

type Sized = ContextPart & { readonly place: number; readonly tokens: number }

/**
 * Fits `parts` into the budget. A part that does not fit is cut where it may be, else dropped, and smaller ones
 * behind it may still find room.
 * @throws InputError ER_INPUT where the required parts alone are too large, with the figures; for a budget that is no
 * whole number from 0, an id that comes twice, or an estimate that is no number of tokens.
 */
export function fitContext(parts: readonly ContextPart[], budget: ContextBudget): FittedContext {
  const { tokens: most, tokensOf } = budget
  if (!Number.isSafeInteger(most) || most < 0)
    throw new InputError('ER_INPUT', `A budget of ${most} tokens can't be kept: a whole number from 0`)
  const sized = parts.map((part, place): Sized => ({ ...part, place, tokens: checked(tokensOf, part.text) }))
  const ids = new Set(sized.map(({ id }) => id))
  if (ids.size < sized.length) {
    const twice = sized.find(({ id, place }) => sized.findIndex(other => other.id === id) < place)
    throw new InputError('ER_INPUT', `The part ${JSON.stringify(twice?.id)} is there twice`)
  }
  const kept = new Map<number, KeptPart>()
  let left = most
  const keep = (place: number, part: KeptPart) => {
    kept.set(place, part)
    left -= part.tokens
  }
  for (const { part, place } of requiredParts(sized, budget)) keep(place, part)
  for (const part of sized.filter(({ required }) => required !== true).sort(moreWanted)) {
    if (part.tokens <= left) keep(part.place, whole(part))
    else {
      const beginning = part.mayCut === true ? cutTo(part, left, tokensOf) : undefined
      if (beginning !== undefined) keep(part.place, beginning)
    }
  }
  return {
    parts: sized.flatMap(({ place }) => kept.get(place) ?? []),
    tokens: most - left,
    budget: most,
    dropped: sized.flatMap(({ id, place, tokens }) => (kept.has(place) ? [] : [{ id, tokens }])),
    cut: sized.flatMap(({ id, place, tokens }) => {
      const part = kept.get(place)
      return part?.cut ? [{ id, tokens, keptTokens: part.tokens }] : []
    }),
  }
}

/** The required parts, those that may be cut cut as far as need be, the least wanted first. */
function requiredParts(
  sized: readonly Sized[],
  { tokens: most, tokensOf }: ContextBudget,
): { readonly place: number; readonly part: KeptPart }[] {
  const required = sized.filter(part => part.required === true).sort(moreWanted)
  const kept = required.map(part => ({ place: part.place, part: whole(part) }))
  let sum = kept.reduce((all, { part }) => all + part.tokens, 0)
  for (let index = required.length - 1; index >= 0 && sum > most; index -= 1) {
    const part = required[index] as Sized
    if (part.mayCut !== true) continue
    const shorter =
      cutTo(part, Math.max(0, most - (sum - part.tokens)), tokensOf) ?? firstSentence(part, tokensOf)
    if (shorter === undefined) continue
    sum += shorter.tokens - part.tokens
    kept[index] = { place: part.place, part: shorter }
  }
  if (sum <= most) return kept
  const list = required.map(({ id, tokens }) => `${id} ${tokens}`).join(', ')
  throw new InputError(
    'ER_INPUT',
    `The required parts need ${sum} tokens and there is room for ${most} (${list})`,
  )
}

const whole = ({ id, text, tokens }: Sized): KeptPart => ({ id, text, tokens, cut: false })

/** Priority, then relevance, then the smaller, then the earlier. */
function moreWanted(a: Sized, b: Sized): number {
  return (
    b.priority - a.priority ||
    (b.relevance ?? 0) - (a.relevance ?? 0) ||
    a.tokens - b.tokens ||
    a.place - b.place
  )
}

/** Its longest beginning of whole sentences that takes at most `most` tokens; undefined where not even one does. */
function cutTo(part: Sized, most: number, tokensOf: (text: string) => number): KeptPart | undefined {
  if (most <= 0) return undefined
  const ends = sentenceEnds(part.text)
  // More text seldom takes fewer tokens: the search may be a little short where it does, and never too long.
  let [low, high] = [0, ends.length]
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    if (checked(tokensOf, part.text.slice(0, ends[middle - 1])) <= most) low = middle
    else high = middle - 1
  }
  return low === 0 ? undefined : beginningOf(part, ends[low - 1] as number, tokensOf)
}

function firstSentence(part: Sized, tokensOf: (text: string) => number): KeptPart | undefined {
  const [end] = sentenceEnds(part.text)
  if (end === undefined) return undefined
  const beginning = beginningOf(part, end, tokensOf)
  return beginning.tokens < part.tokens ? beginning : undefined
}

function beginningOf(part: Sized, end: number, tokensOf: (text: string) => number): KeptPart {
  const text = part.text.slice(0, end)
  return { id: part.id, text, tokens: checked(tokensOf, text), cut: true }
}

const sentences = new Intl.Segmenter('en', { granularity: 'sentence' })

/** Where sentences end, without the space behind them; the end of the whole text is none. */
function sentenceEnds(text: string): number[] {
  const ends: number[] = []
  for (const { index, segment } of sentences.segment(text)) {
    const end = index + segment.trimEnd().length
    if (end > index && end < text.trimEnd().length) ends.push(end)
  }
  return ends
}

function checked(tokensOf: (text: string) => number, text: string): number {
  const tokens = tokensOf(text)
  if (Number.isSafeInteger(tokens) && tokens >= 0) return tokens
  throw new InputError('ER_INPUT', `An estimate of ${tokens} is no number of tokens`)
}

/**
 * About how many tokens a text is for a language model whose tokens are pieces of words: a third of its bytes in
 * UTF-8, which is rather too many for prose (four characters a token) and about right for logs and figures.
 */
export const roughTokens = (text: string): number => Math.ceil(Buffer.byteLength(text) / 3)
