/** Holds a claimed duration against the time between two events that a source tells of. */
import type { Candidate } from './candidate.ts'
import { rounded } from './figure-rule.ts'
import { same } from './fit.ts'
import { hold } from './interval.ts'
import type { Quantity } from './quantity.ts'
import type { Read, Scene } from './scene.ts'
import { type Figure, readStatement, type Statement } from './statement.ts'
import type { Term } from './term.ts'
import { type Place, placeOf } from './time-rule.ts'
import { daysBetween, lengthOf, type When } from './when.ts'

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
        ? (endsIn(claim, scene) ?? outageIn(claim, scene))
        : sidesIn(sides[1] ?? '', sides[2] ?? '', scene)
  if (pair === undefined) return dayCandidates(figure, claim, scene)
  const [from, to] = pair
  const days = daysBetween(from.when, to.when)
  if (days === undefined) return []
  const dated = from.when.clock === undefined && to.when.clock === undefined && from.when.day !== undefined
  const length = dated ? days * 86_400_000 : lengthOf({ ...from.when, to: to.when })
  if (length === undefined || length <= 0) return []
  const quantity: Quantity = {
    value: length,
    dimension: 'time',
    slack: 0,
    text: dated ? `${days} days` : `${length / 60_000} minutes`,
  }
  const span = { quantity, comparison: 'exact' as const }
  const stance = rounded(figure, span, hold(figure, span))
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
  const titled =
    from.read === to.read &&
    wanted.length > 0 &&
    wanted.every(term => scene.title.terms.some(each => same(each, term)))
  if (titled) return [from, to]
  if (
    from.hits.length === 0 ||
    (to.hits.length === 0 && to.read !== from.read && !/\b(?:outage|back|over|again|normal)\b/i.test(to.text))
  )
    return undefined
  return [from, to]
}

/** A timeline of one outage from its first trouble to the line that says that it is over. */
function outageIn(claim: Statement, scene: Scene): readonly [Place, Place] | undefined {
  if (!/\b(?:outage|incident|disruption|interruption|downtime)\b/i.test(claim.text)) return undefined
  if (!/\b(?:lasted|took|went on|was over (?:after|in)|duration)\b/i.test(claim.text)) return undefined
  const wanted = claim.terms.filter(({ sort }) => sort === 'name' || sort === 'plain' || sort === 'object')
  const lines = scene.reads.filter(({ times }) => times.length === 1 && times[0]?.clock !== undefined)
  const [first, last] = [lines[0], lines.filter(({ text }) => over.test(text))]
  const [end, ...more] = last
  if (first === undefined || end === undefined || more.length > 0 || first === end) return undefined
  if (lines.length < 3 || !beginnings.test(first.text) || endings.test(first.text)) return undefined
  const told = [scene.title.terms, first.terms, end.terms]
  if (!wanted.every(term => told.some(terms => terms.some(each => same(each, term))))) return undefined
  const place = (read: Read): Place => ({ read, when: read.times[0] as When, share: 1 })
  return [place(first), place(end)]
}

const over =
  /\b(?:end of (?:the )?(?:outage|incident|disruption)|(?:outage|incident) (?:is |was )?(?:over|closed|ended|ends|resolved)|all clear|(?:fully )?(?:restored|recovered)|resolved|over)\b/i

/** "Ordered on 3 March, delivered on 14 March": the days between the only two that tell of the thing. */
function dayCandidates(figure: Figure, claim: Statement, scene: Scene): Candidate[] {
  if (!/\b(?:days?|weeks?)\b/i.test(figure.quantity.text)) return []
  if (!/\b(?:took|needed|lasted|passed|waited|after|later|within)\b/i.test(claim.text)) return []
  const things = claim.terms.filter(({ sort }) => sort === 'name' || sort === 'plain' || sort === 'object')
  const events = claim.terms.filter(({ sort }) => sort === 'event')
  const places = scene.reads.flatMap(read =>
    read.times
      .filter(when => when.day !== undefined && when.month !== undefined && when.to === undefined)
      .map(when => ({ read, when, hits: things.filter(term => read.terms.some(each => same(each, term))) })),
  )
  const most = Math.max(0, ...places.map(({ hits }) => hits.length))
  const told = places.filter(({ hits }) => hits.length === most)
  const [from, to] = told
  if (most === 0 || from === undefined || to === undefined || told.length !== 2 || from.read === to.read)
    return []
  if (from.read.figures.length + to.read.figures.length > 0) return []
  if (!events.some(term => to.read.terms.some(each => same(each, term)))) return []
  const days = daysBetween(from.when, to.when)
  if (days === undefined || days <= 0) return []
  const quantity: Quantity = { value: days * 86_400_000, dimension: 'time', slack: 0, text: `${days} days` }
  const stance = hold(
    { ...figure, quantity: { ...figure.quantity, slack: 0 } },
    { quantity, comparison: 'exact' },
  )
  return stance === 'silent'
    ? []
    : [{ kind: 'span', stance, reads: [to.read, from.read], part: undefined, found: quantity.text }]
}
