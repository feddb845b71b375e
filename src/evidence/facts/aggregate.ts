/**
 * Claims about many lines or rows at once: how many there are, the highest, the lowest, the last. Only where
 * the lines that are there can tell: a window must be covered, an event must be one the source knows.
 */
import type { ClaimFact, Fact } from './fact.ts'
import { hold, type Stance } from './interval.ts'
import { covers, isForeign, isOtherName, isTimely, wordsOf } from './match.ts'
import { order, within } from './moment.ts'

/** What many facts together say, and those that decided. */
export type Ruling = { readonly stance: Stance; readonly facts: readonly Fact[]; readonly found: string }

/** The highest, lowest, sum, mean, first or last of the rows that the claim speaks of; undefined where unsure. */
export function ruleOverRows(
  claim: ClaimFact,
  facts: readonly Fact[],
  columns: ReadonlySet<string>,
): Ruling | undefined {
  const words = wordsOf(claim)
  const fits = facts.filter(
    fact =>
      fact.quantity?.dimension === claim.quantity?.dimension &&
      fact.statistic === 'plain' &&
      !fact.negated &&
      covers(claim, fact) &&
      isTimely(claim, fact) &&
      !isForeign(claim, words, fact),
  )
  const groups = Map.groupBy(fits, fact => fact.group)
  const [only] = groups.values()
  if (groups.size !== 1 || only === undefined || only.length < 2 || columns.size === 0) return undefined
  const sorted = only.toSorted((a, b) => (a.quantity?.value ?? 0) - (b.quantity?.value ?? 0))
  const chosen = pick(claim, only, sorted)
  if (chosen === undefined) return undefined
  return { stance: hold(claim, chosen), facts: [chosen], found: chosen.quantity?.text ?? '' }
}

function pick(claim: ClaimFact, facts: readonly Fact[], sorted: readonly Fact[]): Fact | undefined {
  switch (claim.statistic) {
    case 'max':
      return sorted.at(-1)
    case 'min':
      return sorted[0]
    case 'last':
    case 'first': {
      const timed = facts.every(fact => fact.moment?.from !== undefined || fact.moment?.day !== undefined)
      if (!timed) return undefined
      const inTime = facts.toSorted((a, b) => order(a.moment, b.moment) ?? 0)
      return inTime.at(claim.statistic === 'last' ? -1 : 0)
    }
    case 'total': {
      const [first] = facts
      if (first?.quantity === undefined) return undefined
      const value = Number(facts.reduce((sum, fact) => sum + (fact.quantity?.value ?? 0), 0).toPrecision(12))
      return { ...first, end: first.end, quantity: { ...first.quantity, value, text: String(value) } }
    }
    default:
      return undefined
  }
}

const levels = new Set(['error', 'warn', 'fatal'])

/** How many event lines or rows the claim's words and window choose; undefined where nobody can tell. */
export function ruleOverEvents(claim: ClaimFact, facts: readonly Fact[]): Ruling | undefined {
  if (claim.quantity?.dimension !== 'number' || claim.must.length === 0 || claim.change !== undefined)
    return undefined
  if (claim.statistic !== 'plain' && claim.statistic !== 'count' && claim.statistic !== 'max')
    return undefined
  const events = facts.filter(fact => fact.quantity === undefined && fact.form !== 'sentence')
  if (events.length === 0) return undefined
  const words = wordsOf(claim)
  const chosen = events.filter(
    fact => covers(claim, fact) && !fact.labels.some(label => isOtherName(words, label.text)),
  )
  const window = claim.moment
  const hits = window === undefined ? chosen : chosen.filter(fact => within(fact.moment, window) === true)
  if (window !== undefined && chosen.some(fact => within(fact.moment, window) === undefined)) return undefined
  if (hits.some(fact => isForeign({ ...claim, modality: fact.modality }, words, { ...fact, labels: [] })))
    return undefined
  // At a point of time something is in a state; what lines say is what happened.
  if (window?.from !== undefined && window.from === window.to) return undefined
  if (hits.length === 0) return ruleOverNone(claim, events, chosen)
  // Lines of one event may be many: only levels, rows and lines of one form are counted.
  const levelled = claim.must.some(word => levels.has(word))
  const rows = hits.every(fact => fact.form === 'cell')
  const countable = levelled || rows || new Set(hits.map(shapeOf)).size === 1
  if (levelled && hits.some(fact => !isLevelled(fact))) return undefined
  if (!countable && claim.quantity.value !== 0) return undefined
  if (rows && !claim.must.some(word => hits.every(fact => fact.own.has(word) || fact.context.has(word))))
    return undefined
  const counted = { ...claim.quantity, value: hits.length, slack: 0, text: String(hits.length) }
  const stance = hold(claim, { quantity: counted, comparison: 'exact' })
  return { stance, facts: hits.slice(0, 12), found: `${hits.length} lines` }
}

/** None in the window: only a source that reaches to both its ends and knows such events can say so. */
function ruleOverNone(
  claim: ClaimFact,
  events: readonly Fact[],
  chosen: readonly Fact[],
): Ruling | undefined {
  const { moment: window, quantity } = claim
  if (quantity === undefined || window?.from === undefined || window.to === undefined) return undefined
  const known = chosen.length > 0 || claim.must.some(word => levels.has(word))
  const entities = claim.must.filter(word => !levels.has(word))
  const near = events.filter(fact =>
    entities.every(word => fact.own.has(word) || fact.lead.has(word) || fact.context.has(word)),
  )
  const days = near.filter(fact => within(fact.moment, { ...window, from: 0, to: 86_400 }) === true)
  const before = days.findLast(fact => (fact.moment?.from ?? Infinity) <= (window.from ?? 0))
  const after = days.find(fact => (fact.moment?.from ?? 0) >= (window.to ?? 0))
  if (!known || before === undefined || after === undefined) return undefined
  const none = { ...quantity, value: 0, slack: 0, text: '0' }
  return {
    stance: hold(claim, { quantity: none, comparison: 'exact' }),
    facts: [before, after],
    found: 'none',
  }
}

const isLevelled = (fact: Fact): boolean => [...levels].some(level => fact.own.has(level))

/** The words of a line without what differs from one event to the next. */
const shapeOf = (fact: Fact): string => [...fact.own].filter(word => !/\d/.test(word)).join(' ')
