/** Holds days, times and the order of events against those that a source gives. */
import type { Candidate } from './candidate.ts'
import { same } from './fit.ts'
import { contraryOf } from './lexicon.ts'
import type { Read, Scene } from './scene.ts'
import { readStatement, type Statement } from './statement.ts'
import type { Term } from './term.ts'
import { orderOf, type When } from './when.ts'

/** What the times of `scene` would say to a claimed one. */
export function timeCandidates(claimed: When, statement: Statement, scene: Scene): Candidate[] {
  return scene.reads.flatMap(read =>
    read.times.flatMap((when): Candidate[] => {
      // "Two days later" moves what is said of another day.
      if (/\b(?:days?|hours?|minutes?|weeks?|months?) (?:later|earlier|before|after)\b/i.test(read.text))
        return []
      const stance = holdTime(claimed, when)
      // "Was found open at 6" says nothing of when it was opened.
      if (stance === undefined || (stance === 'refutes' && isSeen(read.text, statement.text))) return []
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

const seen = /\b(?:found|seen|noticed|discovered|still|already|had been|had)\b/i
const isSeen = (text: string, claim: string): boolean => seen.test(text) && !seen.test(claim)

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

/** A timed sentence and how much of what is wanted stands there. */
export type Place = { readonly read: Read; readonly when: When; readonly share: number }

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
