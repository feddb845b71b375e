/**
 * Decides a claim by arithmetic where sources state the same thing in figures, and stays silent elsewhere.
 *
 *     claim ─ readClaim ─▶ figures ─┬─ matched, compared ─▶ stance of each source ─▶ verdict
 *     source ─ readFacts ─▶ facts ──┘
 *
 * Every figure of a claim must be supported for it to be supported; one refuted figure refutes it. Sources that
 * disagree leave it open, with the spans of both. Order and repetition of sources change nothing.
 */
import { type Ruling, ruleOverEvents, ruleOverRows } from './aggregate.ts'
import { readClaim } from './claim.ts'
import { readDate, ruleOverDates } from './dates.ts'
import type { ClaimFact, Compared, DecidingSpan, Decision, Fact, FactSource } from './fact.ts'
import { hold, type Stance } from './interval.ts'
import { covers, isForeign, isTimely, sameStatistic, strangeness, wordsOf } from './match.ts'
import { type LineFilter, readFacts } from './read.ts'
import { holdShare, readSides, ruleOverSides } from './sides.ts'
import { isSoft, stemsOf } from './words.ts'

/** Sources longer than this have their log lines chosen by the claim's words before they are read. */
const longSource = 20_000

/** What figures in `sources` say to `claim`. */
export function decide(claim: string, sources: readonly FactSource[]): Decision {
  const sides = readSides(claim)
  const figures = sides === undefined ? readClaim(claim) : []
  const date = sides === undefined && figures.length === 0 ? readDate(claim) : undefined
  if (sides === undefined && date === undefined && figures.length === 0)
    return silent('the claim states no figure that can be compared')
  const distinct = [
    ...new Map(sources.map(source => [`${source.title}\n${source.content}`, source])).values(),
  ]
  const read = distinct.map(source => ({
    source,
    facts: factsOf(claim, figures.length === 1 ? figures[0] : undefined, source),
  }))
  if (sides !== undefined) {
    return conclude([
      read.map(({ source, facts }) => {
        const ruling = ruleOverSides(sides, facts)
        return ruling === undefined
          ? nothing
          : outcomeOf(`${sides.direction} ${sides.against} to ${sides.side}`, ruling, source)
      }),
    ])
  }
  if (date !== undefined) {
    return conclude([
      read.map(({ source, facts }) => {
        const ruling = ruleOverDates(date, facts)
        return ruling === undefined ? nothing : outcomeOf('the day claimed', ruling, source)
      }),
    ])
  }
  const outcomes = figures.map(figure => read.map(({ source, facts }) => ruleOn(figure, facts, source)))
  return conclude(outcomes)
}

function factsOf(claim: string, figure: ClaimFact | undefined, source: FactSource): Fact[] {
  const { title, type, content } = source
  const filtered = content.length > longSource && figure !== undefined
  return readFacts(content, {
    title,
    type,
    ...(filtered ? { keep: filterOf(claim, figure, title ?? '') } : {}),
  })
}

const spelled = /\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve)\b/

/** What a message has to hold to state a figure of that kind. */
const figurePatterns: Readonly<Record<string, RegExp>> = {
  time: /\d ?(?:[nuµμm]?s|sec|min|m|h|d|hours?|minutes?|milli|micro|days?|weeks?)/,
  bytes: /\d ?(?:[kKMGTP]i?B?|B|bytes?)\b/,
  percent: /\d ?(?:%|per)/,
  number: /(?<![\w.:-])\d[\d,.]*(?![\w%°])/,
}

/**
 * Lines that hold the beginnings of all the words that a claim needs are read whole, those that lack a level
 * or one word as events: they show what a log covers. Of a line's keys those that the claim may mean.
 */
function filterOf(claim: string, { must: needed, quantity }: ClaimFact, title: string): LineFilter {
  const dimension = quantity?.dimension ?? ''
  const context = new Set(stemsOf(title))
  const starts = needed.filter(word => !context.has(word)).map(word => word.slice(0, 4))
  const named = new Set(stemsOf(claim))
  const keys = new Map<string, boolean>()
  const message = figurePatterns[dimension] ?? /\d/
  return {
    part: line => {
      const lower = line.toLowerCase()
      let missing = 0
      for (const start of starts) if (!lower.includes(start)) missing += 1
      if (missing === 0) return 'all'
      return missing === 1 && needed.length > 1 ? 'event' : 'none'
    },
    message: text => message.test(text) || spelled.test(text),
    key: name => {
      const known = keys.get(name)
      if (known !== undefined) return known
      const wanted = stemsOf(name).some(word => named.has(word) || isSoft(word, 'time'))
      keys.set(name, wanted)
      return wanted
    },
  }
}

type Outcome = {
  readonly stance: Stance
  readonly spans: readonly DecidingSpan[]
  readonly compared: readonly Compared[]
  /** It disagrees with itself. */
  readonly torn: boolean
}

const nothing: Outcome = { stance: 'silent', spans: [], compared: [], torn: false }

/** What one source says to one figure. */
function ruleOn(claim: ClaimFact, facts: readonly Fact[], source: FactSource): Outcome {
  const words = wordsOf(claim)
  const fits = facts.filter(
    fact =>
      fact.quantity !== undefined &&
      isComparable(claim, fact) &&
      isSameKind(claim, fact) &&
      (!fact.negated || claim.negated) &&
      sameStatistic(claim, fact) &&
      covers(claim, fact) &&
      isTimely(claim, fact) &&
      !isForeign(claim, words, fact),
  )
  const nearest = Math.min(...fits.map(fact => strangeness(claim, words, fact)))
  const close = fits.filter(fact => strangeness(claim, words, fact) === nearest)
  const extreme = claim.statistic !== 'plain' && close.length === 0
  if (extreme || close.length > 1) {
    const ruling = ruleOverRows(claim, facts, new Set(facts.map(fact => fact.group)))
    if (ruling !== undefined) return outcomeOf(written(claim), ruling, source)
  }
  if (close.length === 0) {
    const ruling = ruleOverEvents(claim, facts)
    return ruling === undefined ? nothing : outcomeOf(written(claim), ruling, source)
  }
  return weigh(claim, close, source)
}

/** A change is held against a change; of a change, its end is held against a value. */
function isSameKind(claim: ClaimFact, fact: Fact): boolean {
  if (claim.change === undefined) return fact.change === undefined || !fact.change.by
  return fact.change !== undefined && (fact.change.by === claim.change.by || fact.other !== undefined)
}

/** The same dimension, or a share of change against a change with both its ends. */
function isComparable(claim: ClaimFact, fact: Fact): boolean {
  if (claim.change?.share !== undefined && fact.other !== undefined) return fact.change !== undefined
  return fact.quantity?.dimension === claim.quantity?.dimension
}

/** Several facts of the same thing in one source: one that corrects the others counts, or all must agree. */
function weigh(claim: ClaimFact, close: readonly Fact[], source: FactSource): Outcome {
  const correcting = close.findLast(fact => fact.corrects)
  const standing = correcting === undefined ? close : close.filter(fact => fact.start >= correcting.start)
  const rulings = standing.map(fact => ({ fact, stance: stanceOf(claim, fact) }))
  const stances = new Set(rulings.map(({ stance }) => stance))
  const mixed = standing.length > 1 && standing.some(fact => fact.form !== 'sentence')
  const values = new Set(standing.map(fact => fact.quantity?.value))
  // Rows that the claim does not tell apart say nothing of one of them.
  if (mixed && values.size > 1) return nothing
  if (stances.size > 1) {
    const told = rulings.filter(({ stance }) => stance !== 'silent')
    const both = new Set(told.map(({ stance }) => stance)).size > 1
    return {
      ...nothing,
      spans: both ? told.map(({ fact, stance }) => spanOf(fact, stance, source)) : [],
      torn: both,
    }
  }
  const [stance = 'silent'] = stances
  return outcomeOf(
    written(claim),
    { stance, facts: standing, found: standing[0]?.quantity?.text ?? '' },
    source,
  )
}

function stanceOf(claim: ClaimFact, fact: Fact): Stance {
  const stance = claim.change === undefined ? hold(claim, fact) : holdChange(claim, fact)
  if (claim.negated === fact.negated || stance === 'silent') return stance
  return stance === 'supports' ? 'refutes' : 'supports'
}

/** Changes: the way first, then both ends or the share, computed where only one side states it. */
function holdChange(claim: ClaimFact, fact: Fact): Stance {
  if (claim.change === undefined || fact.change === undefined) return 'silent'
  if (claim.change.direction !== fact.change.direction) {
    const ended = claim.change.by || fact.other !== undefined
    return ended ? 'refutes' : 'silent'
  }
  if (claim.change.share !== undefined && fact.other !== undefined) {
    return claim.comparison === 'exact' || claim.comparison === 'about'
      ? holdShare(claim.change.share, fact)
      : 'silent'
  }
  const ends = [hold(claim, fact)]
  if (claim.other !== undefined && fact.other !== undefined) {
    ends.push(
      hold({ quantity: claim.other, comparison: 'exact' }, { quantity: fact.other, comparison: 'exact' }),
    )
  } else if (claim.other !== undefined) return 'silent'
  if (ends.includes('refutes')) return 'refutes'
  return ends.every(stance => stance === 'supports') ? 'supports' : 'silent'
}

const written = ({ statistic, comparison, quantity }: ClaimFact): string =>
  `${statistic} ${comparison} ${quantity?.text ?? ''}`

function outcomeOf(claimed: string, { stance, facts, found }: Ruling, source: FactSource): Outcome {
  if (stance === 'silent') return nothing
  const compared = [{ sourceId: source.id, claimed, found }]
  return { stance, spans: facts.map(fact => spanOf(fact, stance, source)), compared, torn: false }
}

function spanOf(fact: Fact, stance: Stance, source: FactSource): DecidingSpan {
  const { start, end } = fact
  const side = stance === 'refutes' ? 'refutes' : 'supports'
  return { sourceId: source.id, start, end, text: source.content.slice(start, end), stance: side }
}

function conclude(outcomes: readonly (readonly Outcome[])[]): Decision {
  const all = outcomes.flat()
  const spans = distinctSpans(all.flatMap(outcome => outcome.spans))
  const compared = all
    .flatMap(outcome => outcome.compared)
    .toSorted((a, b) => compareText(a.sourceId, b.sourceId) || compareText(a.claimed, b.claimed))
  const disputed = outcomes.some(
    each =>
      each.some(({ torn }) => torn) ||
      new Set(each.map(({ stance }) => stance).filter(s => s !== 'silent')).size > 1,
  )
  if (disputed) return { verdict: 'silent', spans, reason: 'the sources disagree', compared }
  const verdicts = outcomes.map(each => each.find(({ stance }) => stance !== 'silent')?.stance ?? 'silent')
  if (verdicts.includes('refutes')) {
    const against = spans.filter(span => span.stance === 'refutes')
    return { verdict: 'refutes', spans: against, reason: reasonOf(compared, 'does not meet'), compared }
  }
  if (verdicts.every(verdict => verdict === 'supports')) {
    return { verdict: 'supports', spans, reason: reasonOf(compared, 'meets'), compared }
  }
  return silent('no source states the same statistic of the same thing')
}

const reasonOf = (compared: readonly Compared[], verb: string): string =>
  compared
    .map(({ found, claimed }) => `${found} ${verb} ${claimed.replace(/^plain /, '').replace(/^exact /, '')}`)
    .join('; ')

const silent = (reason: string): Decision => ({ verdict: 'silent', spans: [], reason, compared: [] })

function distinctSpans(spans: readonly DecidingSpan[]): DecidingSpan[] {
  const byPlace = new Map(
    spans.map(span => [`${span.sourceId}:${span.start}:${span.end}:${span.stance}`, span]),
  )
  return [...byPlace.values()].sort((a, b) => compareText(a.sourceId, b.sourceId) || a.start - b.start)
}

const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
