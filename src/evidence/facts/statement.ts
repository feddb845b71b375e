/**
 * Reads one sentence: its figures with how each is compared, changed, meant and of what statistic; its times;
 * its words; and the parts it falls into. Claims and sources are read alike.
 */
import { comparisonOf } from './cue.ts'
import type { Change, Comparison, Statistic } from './fact.ts'
import { type Marks, marksOf, present } from './marks.ts'
import { changeOf } from './movement.ts'
import { asVersion, isDay, isName, isOrdinal, isPronoun, type Measured } from './naming.ts'
import { clean, type Quantity, type Token, tokensOf } from './quantity.ts'
import { statisticOf } from './statistic.ts'
import { type Term, termsOf } from './term.ts'
import { type When, whensOf } from './when.ts'

/** One figure of a sentence. */
export type Figure = {
  readonly start: number
  readonly end: number
  readonly quantity: Quantity
  /** The end of a range, or what a change began with. */
  readonly other?: Quantity
  readonly comparison: Comparison
  readonly statistic: Statistic
  readonly change?: Change
  readonly negated: boolean
  /** Of how many: "12 of 40". */
  readonly total?: Quantity
  /** The part of the sentence that it stands in. */
  readonly part: Part
}

/** A part of a sentence, between its commas and joining words. */
export type Part = { readonly start: number; readonly end: number; readonly marks: Marks }

/** A sentence as it was read. */
export type Statement = {
  readonly text: string
  readonly terms: readonly Term[]
  readonly figures: readonly Figure[]
  readonly whens: readonly When[]
  readonly parts: readonly Part[]
  readonly marks: Marks
}

/** With more figures than this, a sentence is a table of some kind. */
const mostFigures = 24

/** Reads `text`, one sentence. */
export function readStatement(text: string): Statement {
  const whens = whensOf(text)
  const all = tokensOf(text)
  const tokens = all.filter(token => token.kind !== 'moment' && !whens.some(when => overlaps(when, token)))
  tokens.push(...zerosOf(text, tokens))
  tokens.sort((a, b) => a.start - b.start)
  const parts = partsOf(text, tokens, whens)
  const versioned = tokens.map(token => asVersion(text, token))
  const quantities = versioned.filter(
    token => token.kind === 'quantity' && !isName(text, token),
  ) as Measured[]
  const names = versioned.filter(
    (token): token is Measured =>
      token.kind === 'quantity' && (isName(text, token) || token.quantity.dimension === 'version'),
  )
  const counted = quantities.filter(
    token => !isPronoun(text, token) && !isDay(text, token) && !isOrdinal(text, token),
  )
  quantities.length = 0
  quantities.push(...counted)
  const skip = [...quantities, ...tokens.filter(token => token.kind === 'percentile'), ...whens].toSorted(
    (a, b) => a.start - b.start,
  )
  const labels = names.map(({ start, end, quantity }): Term => {
    const key = quantity.version?.join('.') ?? quantity.text
    return { start, end, text: quantity.text, key, stem: key, sort: 'name' }
  })
  const terms = [
    ...termsOf(
      text,
      [...skip, ...names].toSorted((a, b) => a.start - b.start),
    ),
    ...labels,
  ].toSorted((a, b) => a.start - b.start)
  const whole = wholeOf(text, quantities)
  if (whole !== undefined) quantities.splice(quantities.indexOf(whole), 1)
  const figures: Figure[] = []
  if (quantities.length > mostFigures) return { text, terms, figures, whens, parts, marks: marksOf(text) }
  // "40 messages a second": the unit of the figure before it is no figure of its own.
  for (let index = quantities.length - 1; index > 0; index -= 1) {
    const { start, quantity } = quantities[index] as Measured
    const last = quantities[index - 1] as Measured
    const perUnit =
      /^an? /i.test(quantity.text) &&
      last.quantity.dimension === 'number' &&
      start - last.end < 24 &&
      !/[,.;]/.test(text.slice(last.end, start))
    if (
      perUnit &&
      !/\b(?:in|for|within|after|of|than|over|under|lasted|took) $/i.test(text.slice(last.end, start))
    ) {
      quantities.splice(index, 1)
      continue
    }
    if (last.quantity.dimension.endsWith('rate') && /^an? /i.test(quantity.text) && start - last.end < 24)
      quantities.splice(index, 1)
  }
  for (let index = 0; index < quantities.length; index += 1) {
    const token = quantities[index] as Measured
    const next = quantities[index + 1]
    const pair = next === undefined ? undefined : pairOf(text, token, next)
    const figure = figureOf(text, token, pair === undefined ? undefined : next, pair, tokens, parts, figures)
    const first = figures.length === 0 && pair === undefined && figure.quantity.dimension === 'number'
    figures.push(whole === undefined || !first ? figure : { ...figure, total: whole.quantity })
    if (pair !== undefined) index += 1
  }
  return { text, terms, figures, whens, parts, marks: marksOf(text) }
}

/** "Of the five replicas, two fell behind": of how many. */
function wholeOf(text: string, quantities: readonly Measured[]): Measured | undefined {
  const [whole, part] = quantities
  if (whole?.quantity.dimension !== 'number' || part?.quantity.dimension !== 'number') return undefined
  if (part.quantity.value > whole.quantity.value || part.start - whole.end > 48) return undefined
  return /^(?:[Oo]f|[Oo]ut of) (?:all )?(?:the |our |its |their |your )?$/.test(text.slice(0, whole.start))
    ? whole
    : undefined
}

const zeroPattern =
  /\b(?:[Nn]o (?!longer\b|more\b|later\b|less\b|fewer\b|one\b|sooner\b|other\b|doubt\b|need\b|matter\b|reason\b|sign\b|point\b|idea\b|use\b|way\b)|[Ww]ithout (?:a single |any )|[Nn]ot (?:a single|one|any) )(?=\p{L})/gu

/** "No errors", "without a single failure": figures of 0. */
function zerosOf(text: string, tokens: readonly Token[]): Token[] {
  return [...text.matchAll(zeroPattern)].flatMap((match): Token[] => {
    const [start, end] = [match.index, match.index + match[0].trimEnd().length]
    if (tokens.some(token => token.start < end && start < token.end)) return []
    return [
      {
        kind: 'quantity',
        start,
        end,
        quantity: { value: 0, dimension: 'number', slack: 0, text: match[0].trim() },
      },
    ]
  })
}

type Pair = 'range' | 'change' | 'share'

const overlaps = (a: { start: number; end: number }, b: { start: number; end: number }): boolean =>
  a.start < b.end && b.start < a.end

function figureOf(
  text: string,
  token: Measured,
  second: Measured | undefined,
  pair: Pair | undefined,
  tokens: readonly Token[],
  parts: readonly Part[],
  before: readonly Figure[],
): Figure {
  const part = parts.find(each => each.start <= token.start && token.start < each.end) ?? (parts[0] as Part)
  const end = second?.end ?? token.end
  const last = before.at(-1)
  // "9 min 40 s" names no minimum.
  const bare = blanked(text, tokens)
  const lead = bare.slice(
    Math.max(part.start, last === undefined || last.end > token.start ? 0 : last.end),
    token.start,
  )
  const after = text.slice(end, part.end)
  const cue = comparisonOf(text.slice(Math.max(0, token.start - 64), token.start), text.slice(end, end + 24))
  const changed = changeOf({
    text,
    part,
    start: token.start,
    end,
    quantity: token.quantity,
    pair: pair === 'change',
  })
  const own = bare.slice(part.start, part.end)
  const alone = before.every(figure => figure.part !== part)
  const percentile =
    percentileIn(tokens, part.start, part.end, token.start) ??
    percentileIn(tokens, 0, token.start, token.start)
  const near = statisticOf(alone ? own : `${lead} ${after.slice(0, 24)}`)
  const statistic =
    percentile ??
    near ??
    inheritedBy(token, last, own) ??
    (before.length === 0 ? statisticOf(bare.slice(0, token.start)) : undefined)
  // "Between 4 and 5 s": the unit behind the second is meant of the first, too.
  const begun =
    second === undefined || pair === 'share' ? token.quantity : withUnit(token.quantity, second.quantity)
  const value = pair === 'change' ? (second as Measured).quantity : begun
  const other = pair === 'change' ? begun : pair === 'range' ? second?.quantity : undefined
  return {
    start: token.start,
    end,
    quantity: value,
    ...(other === undefined ? {} : { other }),
    ...(pair === 'share' ? { total: (second as Measured).quantity } : {}),
    comparison: pair === 'range' ? 'between' : cue.comparison,
    statistic: statistic ?? 'plain',
    ...(changed === undefined ? {} : { change: changed }),
    negated: cue.negated,
    part,
  }
}

/** "Api-4 peaked at 93 %, api-5 at 61 %": without a verb the statistic goes on. */
function inheritedBy(token: Measured, last: Figure | undefined, own: string): Statistic | undefined {
  if (last === undefined || last.quantity.dimension !== token.quantity.dimension) return undefined
  return /\b(?:was|is|were|are|had|has|took|takes)\b/.test(own) || last.statistic === 'plain'
    ? undefined
    : last.statistic
}

/** The text without its figures, at the same places. */
function blanked(text: string, tokens: readonly Token[]): string {
  let [made, last] = ['', 0]
  for (const { kind, start, end } of tokens) {
    if (kind !== 'quantity' || start < last) continue
    made += text.slice(last, start) + ' '.repeat(end - start)
    last = end
  }
  return made + text.slice(last)
}

function withUnit(bare: Quantity, full: Quantity): Quantity {
  if (bare.dimension !== 'number' || full.dimension === 'number') return bare
  const number = Number(/\d[\d,]*(?:\.\d+)?/.exec(full.text)?.[0].replaceAll(',', ''))
  if (!Number.isFinite(number) || number === 0) return bare
  return { ...bare, value: clean((bare.value * full.value) / number), dimension: full.dimension }
}

function pairOf(text: string, first: Measured, second: Measured): Pair | undefined {
  const between = text.slice(first.end, second.start)
  const before = text.slice(Math.max(0, first.start - 20), first.start)
  const alike =
    second.quantity.dimension === first.quantity.dimension || first.quantity.dimension === 'number'
  if (!alike) return undefined
  if (/^ (?:\w+ )?and $/.test(between) && /\bbetween (?:about )?$/i.test(before)) return 'range'
  if (
    /^ ?[–-] ?$/.test(between) ||
    /^ ?(?:→|->) ?$/.test(between) ||
    (/^ to $/.test(between) && !/\bfrom (?:about |around |roughly )?$/i.test(before))
  ) {
    return /\b(?:from|rose|fell|went|grew|dropped|climbed) $/i.test(before) ? 'change' : 'range'
  }
  if (
    /^ (?:\w+ ){0,2}(?:up |down )?to (?:about |only |just |around |roughly |nearly |over )?$/.test(between)
  ) {
    if (/\bfrom (?:about |around |roughly |an average of |over |nearly )?$/i.test(before)) return 'change'
  }
  if (
    /^ (?:out )?of (?:all )?(?:the |its |our |your |my |their |his |her |these |those )?$/.test(between) &&
    first.quantity.dimension === 'number'
  )
    return 'share'
  return undefined
}

function percentileIn(
  tokens: readonly Token[],
  from: number,
  to: number,
  near: number,
): Statistic | undefined {
  const found = tokens
    .filter(token => token.kind === 'percentile' && token.start >= from && token.end <= to)
    .toSorted((a, b) => Math.abs(a.start - near) - Math.abs(b.start - near))[0]
  return found?.kind === 'percentile' ? `p${found.percentile}` : undefined
}

const boundary =
  /[,;:](?=\s)|\s[–—-]\s|[()]|\s(?=(?:and|but|while|whereas|although|though|because|after|before|when|until|since|which|who|so|then|as|if|unless|compared|against|instead|down from|up from)\b)/g

const leading =
  /^\s(?:since|until|before|after) (?:(?:about|around|only|almost|nearly|just|the|at|on|roughly|over|under) )*$/

const longestLabel = 32
const correcting = /^\s*(?:correction|update|edit|note|error|erratum|final|actual)\b/i

/** The parts of a sentence. A bracket that follows a figure belongs to it. */
function partsOf(text: string, tokens: readonly Token[], whens: readonly When[]): Part[] {
  const cuts = [0]
  for (const match of text.matchAll(boundary)) {
    const at = match.index + 1
    const joined = text.slice(match.index, match.index + 5)
    // "between 4 and 5", "of 2 and 3": a joint between two figures is none between parts.
    const figures = tokens.some(token => match.index - token.end <= 1 && match.index >= token.end)
    const follows = tokens.some(token => token.start - match.index >= 0 && token.start - match.index <= 5)
    if (
      /^ and/.test(joined) &&
      figures &&
      follows &&
      /\bbetween\b/i.test(text.slice(Math.max(0, match.index - 40), match.index))
    )
      continue
    if (joined.startsWith('(') && figures) continue
    // "Failed since 5 May", "replaced after 30 hours" are one part.
    const near = [...tokens, ...whens].find(each => each.start > match.index && each.start - match.index < 28)
    if (near !== undefined && leading.test(text.slice(match.index, near.start))) continue
    // "Was down from 14:05" is no comparison.
    if (
      /^ (?:down|up)/.test(joined) &&
      /\b(?:was|were|is|are|been|be|went)$/.test(text.slice(0, match.index))
    )
      continue
    // A label stands with what it labels: "(May: 260 ms)".
    const last = cuts.at(-1) ?? 0
    if (
      joined.startsWith(':') &&
      match.index - last <= longestLabel &&
      !correcting.test(text.slice(last, match.index))
    )
      continue
    if (at > (cuts.at(-1) ?? 0) + 1) cuts.push(at)
  }
  return cuts.map((start, index) => {
    const end = cuts[index + 1] ?? text.length
    const part = text.slice(start, end)
    const marks = marksOf(part)
    // "In May it was 120; today it is 140": what a part tells of the past is former where another tells of now.
    const nowElsewhere = present.test(text.slice(0, start)) || present.test(text.slice(end))
    const former =
      marks.former ||
      (nowElsewhere && !present.test(part) && /\b(?:was|were|had|took)\b/.test(part)) ||
      (/^(?:until|till)\b/.test(text.slice(end)) && /\b(?:was|were|had)\b/.test(part))
    return { start, end, marks: { ...marks, former } }
  })
}
