/**
 * Reads one sentence, clause or log message: each figure with the words of its own part, its statistic, how it
 * is compared, what changed. Claims and sources are read alike, so that they can be held side by side.
 */
import type { Change, Comparison, Statistic } from './fact.ts'
import { type Moment, mergeMoments } from './moment.ts'
import { type Quantity, type Token, tokensOf } from './quantity.ts'
import { isPlan, stemsOf } from './words.ts'

/** One figure of a sentence; offsets are in the sentence. */
export type SentenceFigure = {
  readonly start: number
  readonly end: number
  readonly quantity: Quantity
  readonly other?: Quantity
  readonly statistic: Statistic
  readonly comparison: Comparison
  readonly change?: Change
  readonly negated: boolean
  /** The time said of this figure. */
  readonly moment?: Moment
  readonly plan: boolean
  readonly own: readonly string[]
  readonly lead: readonly string[]
}

/** A sentence as it was read. */
export type Sentence = {
  readonly figures: readonly SentenceFigure[]
  /** All that is said of the time, a range ("between 14:00 and 15:00") as a window. */
  readonly moment?: Moment
  /** Stems of every word that is no figure. */
  readonly words: readonly string[]
}

const boundary = /[,;|()\n]| (?:and|but|while|whereas|then|although) /g

/** Reads `text`, one sentence. */
export function readSentence(text: string): Sentence {
  const tokens = tokensOf(text)
  const named = namesAmong(text, tokens)
  const bare = joinWindows(blank(text, tokens, named))
  // Of "four of the nine shards" the four is stated.
  const quantities = tokens.filter(
    token =>
      token.kind === 'quantity' &&
      !named.has(token) &&
      !/\d\w* of (?:the |its |all )?$|[a-z] of (?:the )(?:last )?$/.test(beforeOf(text, token, tokens)),
  )
  const moment = momentIn(text, tokens)
  const words = stemsOf(bare)
  const figures: SentenceFigure[] = []
  let done = 0
  const lead = bare.slice(0, quantities[0]?.start ?? 0)
  for (let index = 0; index < quantities.length; index += 1) {
    const token = quantities[index] as Token & { kind: 'quantity' }
    const pair = pairOf(text, token, quantities[index + 1])
    const last = pair === undefined ? token : (quantities[index + 1] as typeof token)
    const next = quantities[index + (pair === undefined ? 1 : 2)]
    const stop = nextBoundary(bare, last.end, next?.start ?? bare.length, next === undefined)
    const begin = index === 0 ? lastBoundary(lead) : done
    const own = bare.slice(begin, stop)
    const before = text.slice(begin, token.start)
    const cue = comparisonOf(before, text.slice(last.end, last.end + 24))
    const segment = text.slice(begin, stop)
    const change = changeOf(text.slice(0, stop), before, token.quantity, pair)
    const statistic =
      percentileIn(tokens, index === 0 ? 0 : begin, stop) ??
      statisticOf(bare.slice(index === 0 ? 0 : begin, stop))
    const inherited =
      index === 0 ? undefined : (percentileIn(tokens, 0, quantities[0]?.start ?? 0) ?? statisticOf(lead))
    const tail = next === undefined ? bare.slice(stop) : ''
    const told = momentIn(text, tokens, begin, stop) ?? moment
    figures.push({
      start: token.start,
      end: last.end,
      quantity: pair?.kind === 'change' ? last.quantity : token.quantity,
      ...(pair === undefined ? {} : { other: pair.kind === 'change' ? token.quantity : last.quantity }),
      statistic: statistic ?? inherited ?? 'plain',
      comparison: pair?.kind === 'between' ? 'between' : cue.comparison,
      ...(change === undefined ? {} : { change }),
      negated: cue.negated,
      ...(told === undefined ? {} : { moment: told }),
      plan:
        stemsOf(own).some(isPlan) ||
        /\b(?:will|would|should|must|shall|may|might|if|hopefully)\b/.test(segment),
      own: /\b(?:used to|previously|formerly|originally|initially|until)\b/i.test(segment)
        ? [...stemsOf(own), 'formerly']
        : stemsOf(own),
      lead: [
        ...(index > 0 && stemsOf(own).length === 0 ? (figures.at(-1)?.own ?? []) : []),
        ...stemsOf(index === 0 ? lead.slice(0, begin) : lead),
        ...stemsOf(tail),
      ],
    })
    done = stop
    if (pair !== undefined) index += 1
  }
  return { figures, ...(moment === undefined ? {} : { moment }), words }
}

const naming =
  /\b(?:build|deploy|deployment|job|run|shard|node|ticket|issue|pipeline|step|week|page|line|id|status|code|http|room|floor|rack|queue|worker|batch|order|incident|migration|phase|stage|sprint|pr|change|partition|zone|region|group|team|site|line) #?$|#$/i
const yearly = /\b(?:in|of|since|during|until|year|by|for|spring|summer|autumn|winter|q[1-4]) $/i

/** Numbers and versions that only name what other figures or a date are said of: build 812, release 4.2, 2024. */
function namesAmong(text: string, tokens: readonly Token[]): ReadonlySet<Token> {
  const isVersion = (token: Token) => token.kind === 'quantity' && token.quantity.dimension === 'version'
  const others = tokens.some(token => token.kind !== 'percentile' && !isVersion(token))
  const isName = (token: Token) => {
    if (token.kind !== 'quantity' || !/^\d+$/.test(token.quantity.text)) return false
    const before = text.slice(Math.max(0, token.start - 16), token.start)
    return naming.test(before) || (/^(?:19|20)\d\d$/.test(token.quantity.text) && yearly.test(before))
  }
  return new Set(tokens.filter(token => isName(token) || (others && isVersion(token))))
}

/** "Last year" is one word, so that it is not taken for "this year"; the length stays. */
function joinWindows(text: string): string {
  return text.replace(
    /\b(this|last|next|previous|past) (hour|day|week|month|quarter|year|night|release)\b/gi,
    (_, which: string, unit: string) => `${which}${unit} `,
  )
}

/** What stands before a figure that follows another one closely; empty where none does. */
function beforeOf(text: string, token: Token, tokens: readonly Token[]): string {
  const close = tokens.some(
    other => other.kind === 'quantity' && other.end < token.start && token.start - other.end < 12,
  )
  return close ? text.slice(Math.max(0, token.start - 24), token.start) : ''
}

/** `text` with its figures blanked out, so that their letters are no words. */
function blank(text: string, tokens: readonly Token[], named: ReadonlySet<Token>): string {
  let [made, last] = ['', 0]
  for (const token of tokens) {
    const { start, end } = token
    made += text.slice(last, start)
    made += named.has(token) ? text.slice(start, end).replace(/\.(?=\d)/g, 'x') : ' '.repeat(end - start)
    last = end
  }
  return made + text.slice(last)
}

function nextBoundary(text: string, from: number, to: number, final: boolean): number {
  boundary.lastIndex = from
  const found = boundary.exec(text)
  if (found !== null && found.index < to) return found.index
  return final ? text.length : from
}

function lastBoundary(text: string): number {
  let last = 0
  for (const match of text.matchAll(boundary)) last = match.index + 1
  return last
}

type Pair = { readonly kind: 'between' | 'change' }

function pairOf(
  text: string,
  first: Token & { kind: 'quantity' },
  second: Token | undefined,
): Pair | undefined {
  if (second?.kind !== 'quantity') return undefined
  const middle = text.slice(first.end, second.start)
  const before = text.slice(Math.max(0, first.start - 10), first.start)
  const alike =
    second.quantity.dimension === first.quantity.dimension || first.quantity.dimension === 'number'
  if (/^ and $/.test(middle) && /\bbetween $/i.test(before) && alike) return { kind: 'between' }
  if (/^ to (?:about |only |just )?$/.test(middle) && /\bfrom $/i.test(before) && alike)
    return { kind: 'change' }
  return undefined
}

function momentIn(text: string, tokens: readonly Token[], from = 0, to = text.length): Moment | undefined {
  let moment: Moment | undefined
  const moments = tokens
    .filter(token => token.kind === 'moment')
    .filter(token => token.start >= from && token.end <= to)
  for (const [index, token] of moments.entries()) {
    const before = moments[index - 1]
    const joint = before === undefined ? '' : text.slice(before.end, token.start)
    if (
      /^ ?(?:and|to|until|–|-) ?$/.test(joint) &&
      token.moment.from !== undefined &&
      moment?.from !== undefined
    ) {
      moment = { ...moment, to: token.moment.from }
    } else moment = mergeMoments(moment, token.moment)
  }
  return moment
}

function percentileIn(tokens: readonly Token[], from: number, to: number): Statistic | undefined {
  const found = tokens.findLast(
    token => token.kind === 'percentile' && token.start >= from && token.end <= to,
  )
  return found?.kind === 'percentile' ? `p${found.percentile}` : undefined
}

/** Which statistic words name; undefined where none does. */
export function statisticOf(text: string): Statistic | undefined {
  if (/\b(?:median|p50)\b/i.test(text)) return 'p50'
  if (/\b(?:average|averaged|mean|avg)(?![a-z])|[_-](?:avg|mean)\b/i.test(text)) return 'mean'
  if (
    /\b(?:max|maximum|peak|peaked|highest|longest|largest|slowest|worst|biggest|busiest)\b|_max\b/i.test(text)
  )
    return 'max'
  if (/\b(?:min|minimum|lowest|shortest|smallest|fastest)\b|_min\b/i.test(text)) return 'min'
  if (/\b(?:in all|in total|altogether|total|totalled|sum|overall)\b/i.test(text)) return 'total'
  if (
    /\b(?:latest|most recent|final|finally)\b|\blast (?!week|hour|day|month|year|night|quarter|\d)/i.test(
      text,
    )
  )
    return 'last'
  if (/\bfirst\b/i.test(text)) return 'first'
  return undefined
}

const cues: readonly (readonly [RegExp, Comparison])[] = [
  [/(?:no|not|n't|never) (?:\w+ ){0,2}?(?:more|greater|longer|higher|larger|slower|later) than $/, 'at-most'],
  [
    /(?:no|not|n't|never) (?:\w+ ){0,2}?(?:less|fewer|lower|smaller|shorter|under|below)(?: than)? $/,
    'at-least',
  ],
  [/(?:never|not|n't|without) (?:\w+ ){0,3}?(?:above|over|exceed(?:ed|s|ing)?|past|beyond) $/, 'at-most'],
  [
    /(?:never|not|n't|without) (?:\w+ ){0,3}?(?:reach(?:ed|es|ing)?|hit|attain(?:ed)?|touch(?:ed)?) $/,
    'under',
  ],
  [
    /(?:less|fewer|lower|smaller|shorter|faster|quicker|earlier|cheaper|older) than $|\b(?:under|below|beneath) $|< ?$/,
    'under',
  ],
  [/\b(?:at most|up to|within|at the most|as many as|as much as|<=|≤) $|\b(?:maximum|max) of $/, 'at-most'],
  [
    /(?:more|greater|higher|larger|longer|bigger|slower|newer|later) than $|\b(?:over|above|exceed(?:ed|s|ing)?|beyond|past|upwards of) $|> ?$/,
    'over',
  ],
  [/\b(?:at least|a minimum of|not less than|>=|≥) $/, 'at-least'],
  [
    /\b(?:about|around|roughly|approximately|approx\.|nearly|almost|close to|some|circa|ca\.) $|[~≈] ?$/,
    'about',
  ],
]

function comparisonOf(
  before: string,
  after: string,
): { readonly comparison: Comparison; readonly negated: boolean } {
  const text = ` ${before.slice(-64).toLowerCase()}`
    .replace(/\b(?:the|a|an|that of|its|only|just) $/, '')
    .replace(/\s+/g, ' ')
  if (/^ ?(?:or|and) (?:more|above|over|longer|higher|later|newer)\b/.test(after))
    return { comparison: 'at-least', negated: false }
  if (/^ ?(?:or|and) (?:less|fewer|below|under|shorter|lower)\b/.test(after))
    return { comparison: 'at-most', negated: false }
  for (const [pattern, comparison] of cues) if (pattern.test(text)) return { comparison, negated: false }
  return {
    comparison: 'exact',
    negated: /\b(?:not|never|instead of|rather than|n't|neither|nor)\b[^,;:]{0,24}$|n't [^,;:]{0,24}$/.test(
      text,
    ),
  }
}

const upward =
  /\b(?:rose|risen|rise[sn]?|grew|grown|grow[s]?|increase[ds]?|climbed|jumped|raised|went up|gone up|gained|up (?:by|from))\b/i
const downward =
  /\b(?:fell|fallen|fall[s]?|drop(?:ped|s)?|decrease[ds]?|declined|shrank|shrunk|went down|gone down|lowered|reduced|cut|lost|down (?:by|from))\b/i

function changeOf(
  text: string,
  before: string,
  quantity: Quantity,
  pair: Pair | undefined,
): Change | undefined {
  const direction = upward.test(text) ? 'up' : downward.test(text) ? 'down' : undefined
  if (direction === undefined) return undefined
  if (
    /\bby (?:about |around |roughly |nearly |almost |at least |more than |less than |over |only |just )?$/.test(
      before,
    )
  ) {
    if (quantity.dimension === 'percent') return { direction, share: quantity.value / 100, by: true }
    return { direction, by: true }
  }
  const to = /\bto (?:about |around |only |just |over |under )?$/.test(before)
  return pair?.kind === 'change' || to ? { direction, by: false } : undefined
}
