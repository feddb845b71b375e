/** Holds days, times and the order of events against those that a source gives. */
import type { Candidate } from './candidate.ts'
import { same } from './fit.ts'
import { hold } from './interval.ts'
import { contraryOf } from './lexicon.ts'
import type { Quantity } from './quantity.ts'
import type { Read, Scene } from './scene.ts'
import { type Figure, readStatement, type Statement } from './statement.ts'
import type { Term } from './term.ts'
import { daysBetween, lengthOf, orderOf, type When } from './when.ts'

/** What the times of `scene` would say to a claimed one. */
export function timeCandidates(claimed: When, statement: Statement, scene: Scene): Candidate[] {
  return scene.reads.flatMap(read =>
    read.times.flatMap((when): Candidate[] => {
      // "Two days later" moves what is said of another day.
      if (/\b(?:days?|hours?|minutes?|weeks?|months?) (?:later|earlier|before|after)\b/i.test(read.text))
        return []
      const stance = holdTime(claimed, when)
      if (stance === undefined) return []
      const turned = stance === 'supports' && isContrary(statement, read)
      const part = read.parts.find(each => each.start <= when.start && when.start < each.end)
      const bare =
        part === undefined || !read.terms.some(term => term.start >= part.start && term.end <= part.end)
      const own = bare ? undefined : part
      return [
        {
          kind: 'time',
          stance: turned ? 'refutes' : stance,
          ...(turned ? { turned } : {}),
          reads: [read],
          part: own,
          found: read.text.slice(when.start, when.end),
        },
      ]
    }),
  )
}

/** The opposite of what the claim tells is told there. */
function isContrary({ terms }: Statement, read: Read): boolean {
  const events = terms.filter(term => term.sort === 'event')
  return events.some(
    term =>
      !read.terms.some(each => same(each, term)) &&
      read.terms.some(each => contraryOf(term.key)?.has(each.key) === true),
  )
}

function holdTime(claimed: When, found: When): 'supports' | 'refutes' | undefined {
  if (claimed.clock !== undefined && found.clock === undefined && found.day === undefined) return undefined
  if (
    found.relation !== 'at' &&
    found.relation !== 'since' &&
    found.relation !== 'until' &&
    found.relation !== claimed.relation
  )
    return undefined
  if (
    claimed.year !== undefined &&
    claimed.month === undefined &&
    claimed.clock === undefined &&
    found.year !== undefined
  )
    return placed(claimed, found.year - claimed.year)
  if (claimed.weekday !== undefined && claimed.day === undefined) {
    if (found.weekday === undefined) return undefined
    if (claimed.weekday !== found.weekday) return claimed.relation === 'at' ? 'refutes' : undefined
    if (claimed.clock === undefined) return 'supports'
  }
  if (claimed.relative !== undefined || found.relative !== undefined) {
    if (claimed.relative === undefined || found.relative === undefined || claimed.clock !== undefined)
      return undefined
    return claimed.relative === found.relative ? 'supports' : 'refutes'
  }
  if (claimed.month !== undefined && claimed.day === undefined && found.month !== undefined) {
    const months =
      ((found.year ?? claimed.year ?? 0) - (claimed.year ?? found.year ?? 0)) * 12 +
      found.month -
      claimed.month
    return placed(claimed, months)
  }
  const difference = orderOf(found, claimed)
  if (difference === undefined) {
    const day = orderOf(
      { ...found, clock: undefined } as unknown as When,
      { ...claimed, clock: undefined } as unknown as When,
    )
    return day === undefined || day === 0 ? undefined : placed(claimed, day)
  }
  return placed(claimed, difference)
}

function placed({ relation }: When, difference: number): 'supports' | 'refutes' {
  const holds =
    relation === 'before'
      ? difference < 0
      : relation === 'by'
        ? difference <= 0
        : relation === 'after'
          ? difference > 0
          : difference === 0
  return holds ? 'supports' : 'refutes'
}

/** A claim that one thing came before another. */
export type Order = { readonly first: Statement; readonly second: Statement }

const orderWords =
  /^(.{8,160}?),? (?:(?:only|already|well|shortly|just|some time|long) )?(before|earlier than|prior to|ahead of|after|later than|following|as soon as|once) (.{4,160})$/i
const openingOrder = /^(Before|After|Once|Prior to|Following) ([^,]{4,120}), (.{8,160})$/

/** The order that `claim` states between two events that it gives no time of. */
export function orderIn(claim: string): Order | undefined {
  const text = claim.trim().replace(/[.!]$/, '')
  const opening = openingOrder.exec(text)
  const middle = orderWords.exec(text)
  const [word, left, right] =
    opening !== null
      ? [opening[1] ?? '', opening[3] ?? '', opening[2] ?? '']
      : middle !== null
        ? [middle[2] ?? '', middle[1] ?? '', middle[3] ?? '']
        : ['', '', '']
  if (word === '' || /^(?:the )?(?:that|this|it|then)$/i.test(right)) return undefined
  const [a, b] = [readStatement(left), readStatement(right)]
  if (a.whens.length > 0 || b.whens.length > 0 || /\bnot|never|n't\b/.test(text)) return undefined
  return /^(?:before|earlier|prior|ahead)/i.test(word) ? { first: a, second: b } : { first: b, second: a }
}

/** Where a source times both events: whether they came in that order. */
export function orderCandidates(order: Order, scene: Scene): Candidate[] {
  const first = placeOf(order.first, order.second, scene)
  const second = placeOf(order.second, order.first, scene)
  if (
    first === undefined ||
    second === undefined ||
    (first.read === second.read && first.when === second.when)
  )
    return []
  const difference = orderOf(first.when, second.when)
  if (difference === undefined || difference === 0) return []
  return [
    {
      kind: 'order',
      stance: difference < 0 ? 'supports' : 'refutes',
      reads: [first.read, second.read],
      part: undefined,
      found: `${first.read.text.slice(0, 40)} / ${second.read.text.slice(0, 40)}`,
    },
  ]
}

type Place = { readonly read: Read; readonly when: When; readonly share: number }

/** The timed sentence that has most of the words of `side`, more than any other has. */
export function placeOf(side: Statement, other: Statement, scene: Scene): Place | undefined {
  const wanted = side.terms.filter(term => term.sort !== 'soft')
  if (wanted.length === 0) return undefined
  const places: Place[] = []
  for (const read of scene.reads) {
    for (const when of read.times) {
      const part =
        read.times.length === 1
          ? undefined
          : read.parts.find(each => each.start <= when.start && when.start < each.end)
      const terms =
        part === undefined
          ? read.terms
          : read.terms.filter(term => term.start >= part.start && term.end <= part.end)
      const hits = wanted.filter(term => terms.some(each => same(each, term)))
      const distinct = hits.filter(term => !other.terms.some(each => same(each, term)))
      const weight = (list: readonly Term[]) =>
        list.reduce((sum, term) => sum + (term.sort === 'event' ? 2 : 1), 0)
      if (hits.length > 0 && distinct.length > 0)
        places.push({ read, when, share: weight(hits) / weight(wanted) + distinct.length * 0.01 })
    }
  }
  const sorted = places.toSorted((a, b) => b.share - a.share)
  const [best, next] = sorted
  if (best === undefined || best.share < 0.5) return undefined
  return next !== undefined && next.share > best.share - 0.05 && next.when !== best.when ? undefined : best
}

const endings =
  /\b(?:back|up again|again|restored?|over|ended?|finished|done|resolved|recovered|resumed|fine|ok|normal|clear(?:ed)?|in place|all (?:nodes )?up|acknowledge[sd]?|working|running|complete[d]?|closed|healthy|green)\b/i
const beginnings =
  /\b(?:off|down|stop(?:s|ped)?|fail(?:s|ed|ing)?|start(?:s|ed)?|begin(?:s)?|began|begun|cut|lost|broke|first|gone|unavailable|unreachable|outage|errors?|opened|left|page[ds]?|alert|slow|sent|midnight)\b/i

/** The time between two events of a source, against a claimed duration. */
export function durationCandidates(figure: Figure, claim: Statement, scene: Scene): Candidate[] {
  if (figure.quantity.dimension !== 'time' || figure.change !== undefined || figure.statistic !== 'plain')
    return []
  const sides =
    /\bfrom (.{4,100}?) (?:until|to|till) (.{4,100}?)(?: (?:it )?(?:took|lasted|passed|went by)\b|$)/i.exec(
      claim.text,
    ) ?? /\bbetween (.{4,100}?) and (.{4,100}?)(?: (?:took|lasted|passed|there)\b|$)/i.exec(claim.text)
  const offset = offsetIn(claim, figure)
  const pair =
    offset !== undefined
      ? sidesIn(offset[0], offset[1], scene)
      : sides === null
        ? endsIn(claim, scene)
        : sidesIn(sides[1] ?? '', sides[2] ?? '', scene)
  if (pair === undefined) return []
  const [from, to] = pair
  const days = daysBetween(from.when, to.when)
  if (days === undefined) return []
  const length = lengthOf({ ...from.when, to: to.when })
  if (length === undefined || length <= 0) return []
  const quantity: Quantity = {
    value: length,
    dimension: 'time',
    slack: 0,
    text: `${length / 60_000} minutes`,
  }
  const stance = hold(figure, { quantity, comparison: 'exact' })
  if (stance === 'silent') return []
  return [
    {
      kind: 'span',
      stance,
      reads: from.read === to.read ? [from.read] : [from.read, to.read],
      part: undefined,
      found: quantity.text,
    },
  ]
}

/** "The fix came 15 minutes before the incident was closed": the earlier event, then the later one. */
function offsetIn({ text }: Statement, { start, end }: Figure): readonly [string, string] | undefined {
  const match = /^ (before|after|ahead of|later than|earlier than) (.{4,100})$/i.exec(
    text.slice(end).replace(/[.!]$/, ''),
  )
  if (match === null) return undefined
  const [first, second] = [text.slice(0, start), match[2] ?? '']
  return /^(?:before|ahead|earlier)/i.test(match[1] ?? '') ? [first, second] : [second, first]
}

function sidesIn(left: string, right: string, scene: Scene): readonly [Place, Place] | undefined {
  const [a, b] = [readStatement(left), readStatement(right)]
  const [from, to] = [placeOf(a, b, scene), placeOf(b, a, scene)]
  return from === undefined || to === undefined ? undefined : [from, to]
}

/** The one timed place that tells of the beginning and the one that tells of the end of what a claim names. */
function endsIn(claim: Statement, scene: Scene): readonly [Place, Place] | undefined {
  const wanted = claim.terms.filter(term => term.sort !== 'soft')
  const places: (Place & { readonly text: string; readonly hits: readonly Term[] })[] = []
  for (const read of scene.reads) {
    for (const when of read.times) {
      if (when.clock === undefined) continue
      const part =
        read.times.length === 1
          ? undefined
          : read.parts.find(each => each.start <= when.start && when.start < each.end)
      const [start, end] = [part?.start ?? 0, part?.end ?? read.text.length]
      const terms = read.terms.filter(term => term.start >= start && term.end <= end)
      const hits = wanted.filter(term => terms.some(each => same(each, term)))
      places.push({ read, when, share: hits.length, hits, text: read.text.slice(start, end) })
    }
  }
  const starts = places.filter(({ text }) => beginnings.test(text) && !endings.test(text))
  const ends = places.filter(({ text }) => endings.test(text))
  const named = (list: typeof places) => (list.length > 1 ? list.filter(({ hits }) => hits.length > 0) : list)
  const [from, ...moreStarts] = named(starts)
  const [to, ...moreEnds] = named(ends)
  if (from === undefined || to === undefined || moreStarts.length > 0 || moreEnds.length > 0) return undefined
  const others = from.hits.filter(term => term.sort !== 'event')
  const strange = to.read.terms.some(
    term =>
      (term.sort === 'plain' || term.sort === 'name' || term.sort === 'object') &&
      !claim.terms.some(each => same(each, term)),
  )
  if (to.read !== from.read && strange && others.some(term => !to.hits.includes(term))) return undefined
  if (
    from.hits.length === 0 ||
    (to.hits.length === 0 && to.read !== from.read && !/\b(?:outage|back|over|again|normal)\b/i.test(to.text))
  )
    return undefined
  return [from, to]
}
