/** Holds changes against changes: the way, the ends, the share, the factor. */
import type { Candidate } from './candidate.ts'
import { aboutShare, hold, type Stance } from './interval.ts'
import { directionOf, factorOf } from './movement.ts'
import { clean, type Quantity } from './quantity.ts'
import type { Read, Scene } from './scene.ts'
import type { Figure, Statement } from './statement.ts'
import { orderOf, type When } from './when.ts'

/** What a claim without a figure says of a change: the way, and the new value over the old. */
export type Move = { readonly direction: 'up' | 'down'; readonly factor?: number }

const comparing =
  /\b(?:before|than|as before|used to|formerly|previously|since|from|over|after|again|what it was|ago|earlier|now)\b|\b(?:rose|risen|grew|fell|fallen|dropped|increased|decreased|declined|climbed|shrank|doubled|tripled|halved|went (?:up|down)|got (?:slower|faster|larger|smaller|worse|better))\b/i

/** The change that a claim without a figure states. */
export function moveOf({ text }: Statement): Move | undefined {
  const factor = factorOf(text)
  if (factor !== undefined) return { direction: factor > 1 ? 'up' : 'down', factor }
  const direction = directionOf(text)
  if (direction === undefined || !comparing.test(text) || /\b(?:not|never|no|n't)\b/i.test(text))
    return undefined
  if (
    /\bthan\b/i.test(text) &&
    !/\bthan (?:before|last|in \w+|it (?:was|used)|ever|previously|(?:the )?\w+ (?:before|ago|earlier))\b/i.test(
      text,
    )
  )
    return undefined
  return /\b(?:rose|risen|grew|grown|fell|fallen|dropped|increased|decreased|declined|climbed|shrank|shrunk|went (?:up|down)|got \w+er|lower|higher|faster|slower|shorter|longer|smaller|larger) ?(?:than)?\b/i.test(
    text,
  )
    ? { direction }
    : undefined
}

/** What the changes of `scene` would say to a claimed move. */
export function moveCandidates(move: Move, scene: Scene): Candidate[] {
  return scene.reads.flatMap(read => {
    const made: Candidate[] = []
    for (const figure of read.figures) {
      const stance = holdMove(move, figure, read)
      if (stance !== 'silent' && !goesOn(figure, read))
        made.push({
          kind: 'change',
          stance,
          reads: [read],
          part: figure.part,
          figure,
          found: figure.quantity.text,
        })
    }
    if (made.length === 0) {
      for (const part of read.parts) {
        const text = read.text.slice(part.start, part.end)
        const given = factorOf(text)
        if (given === undefined) continue
        const stance = move.factor === undefined ? sameWay(move, given) : near(move.factor, given)
        if (stance !== 'silent')
          made.push({ kind: 'change', stance, reads: [read], part, found: text.trim() })
      }
    }
    return made
  })
}

/** "From 80 to 40, after the second to 20": a further value follows the end of the change. */
const goesOn = (figure: Figure, { figures, text }: Read): boolean =>
  figures.some(
    other =>
      other.start > figure.end &&
      other.quantity.dimension === figure.quantity.dimension &&
      /\b(?:then|second|later|finally|to) (?:\p{L}+ )?(?:to )?$/u.test(text.slice(figure.end, other.start)),
  )

const sameWay = (move: Move, factor: number): Stance =>
  (factor > 1 ? 'up' : 'down') === move.direction ? 'supports' : 'refutes'

function near(wanted: number, given: number): Stance {
  const apart = Math.abs(given / wanted - 1)
  return apart <= aboutShare ? 'supports' : apart > 2 * aboutShare ? 'refutes' : 'silent'
}

function holdMove(move: Move, found: Figure, read: Read): Stance {
  const ends = endsOf(found, read)
  if (ends !== undefined && ends.before.dimension === ends.after.dimension && ends.before.value > 0) {
    const factor = ends.after.value / ends.before.value
    if (move.factor !== undefined) return near(move.factor, factor)
    return factor === 1 ? 'refutes' : sameWay(move, factor)
  }
  const { change } = found
  if (change === undefined || change.direction === 'same') return 'silent'
  if (move.factor === undefined) return change.direction === move.direction ? 'supports' : 'refutes'
  if (change.share === undefined) return change.direction === move.direction ? 'silent' : 'refutes'
  return near(move.factor, change.direction === 'up' ? 1 + change.share : 1 - change.share)
}

/** What a figure of a source says to a claimed change with a figure. */
export function holdChange(claim: Figure, found: Figure, read: Read): Stance {
  const wanted = claim.change
  if (wanted === undefined) return 'silent'
  const ends = endsOf(found, read)
  if (ends === undefined) {
    if (found.change === undefined || found.statistic !== claim.statistic) return 'silent'
    if (found.change.by !== wanted.by || found.quantity.dimension !== claim.quantity.dimension)
      return 'silent'
    if (found.change.direction !== wanted.direction) return 'refutes'
    return hold(claim, found)
  }
  if (found.statistic !== claim.statistic) return 'silent'
  const { before, after } = ends
  if (before.dimension !== after.dimension || before.value <= 0) return 'silent'
  const direction = after.value > before.value ? 'up' : after.value < before.value ? 'down' : 'same'
  const { quantity, other } = claim
  if (!wanted.by) {
    if (quantity.dimension !== after.dimension) return 'silent'
    if (wanted.direction !== 'same' && direction !== 'same' && wanted.direction !== direction)
      return 'refutes'
    const stances = [hold(claim, { quantity: after, comparison: 'exact' })]
    if (other !== undefined)
      stances.push(hold({ quantity: other, comparison: 'exact' }, { quantity: before, comparison: 'exact' }))
    if (stances.includes('refutes')) return 'refutes'
    return stances.every(stance => stance === 'supports') ? 'supports' : 'silent'
  }
  if (wanted.direction !== 'same' && wanted.direction !== direction) return 'refutes'
  if (wanted.share !== undefined) return holdShare(wanted.share, before.value, after.value, claim)
  const value = clean(Math.abs(after.value - before.value))
  const dimension = after.dimension === 'percent' ? 'points' : after.dimension
  if (quantity.dimension !== dimension) return 'silent'
  return hold(claim, { quantity: { ...after, value, slack: 0, dimension }, comparison: 'exact' })
}

/** The old and the new value where a sentence states both. */
export function endsOf(
  found: Figure,
  read: Read,
): { readonly before: Quantity; readonly after: Quantity } | undefined {
  if (found.change !== undefined && found.other !== undefined && !found.change.by)
    return { before: found.other, after: found.quantity }
  if (
    found.comparison === 'between' &&
    found.other !== undefined &&
    /→|->/.test(read.text.slice(found.start, found.end))
  )
    return { before: found.quantity, after: found.other }
  // "Now takes 31 minutes, it used to be 52", "40 in May, down from 52", "costs 7.80 instead of 6.50".
  const others = read.figures.filter(
    each =>
      each !== found &&
      (each.quantity.dimension === found.quantity.dimension || each.quantity.dimension === 'number'),
  )
  const [other] = others
  const timed = other === undefined || others.length > 1 ? undefined : endsInTime(found, other, read)
  if (timed !== undefined) return timed
  if (other === undefined || others.length > 1 || found.change?.by === true) return undefined
  const lead = read.text.slice(Math.max(0, other.start - 40), other.start)
  if (!formerly.test(lead)) return undefined
  const before =
    other.quantity.dimension === found.quantity.dimension
      ? other.quantity
      : elliptic(other.quantity, found.quantity)
  return before === undefined ? undefined : { before, after: found.quantity }
}

/** "1,900 in May, 1,140 in June", "0.4 % (April: 0.7 %)": the figure of the earlier time came before. */
function endsInTime(
  found: Figure,
  other: Figure,
  { times, text }: Read,
): { readonly before: Quantity; readonly after: Quantity } | undefined {
  if (found.quantity.dimension !== other.quantity.dimension || found.statistic !== other.statistic)
    return undefined
  if (found.change !== undefined || other.change !== undefined || !/^(?:exact|about)$/.test(found.comparison))
    return undefined
  const of = ({ part }: Figure) => times.filter(when => when.start >= part.start && when.end <= part.end)
  const [mine, theirs] = [of(found), of(other)]
  if (mine.length === 1 && theirs.length === 1) {
    const difference = orderOf(mine[0] as When, theirs[0] as When)
    return difference !== undefined && difference > 0
      ? { before: other.quantity, after: found.quantity }
      : undefined
  }
  // "260 after 200", "with the old page 8 %, since the redesign it is 10 %".
  const later = found.start > other.start
  const between = text.slice(later ? other.end : found.end, later ? found.start : other.start)
  if (!later && /^(?: \p{L}+){0,3} (?:after|against|following) (?:only |just )?$/u.test(between))
    return { before: other.quantity, after: found.quantity }
  const [mineText, theirText] = [found.part, other.part].map(({ start, end }) => text.slice(start, end))
  if (
    later &&
    ((/\b(?:old|before|until|without)\b/i.test(theirText ?? '') &&
      /\b(?:since|new|now|with|after)\b/i.test(mineText ?? '')) ||
      (/^(?:and |but )?(?:now|today|by now|meanwhile)\b/i.test(mineText ?? '') &&
        !/\b(?:now|today|currently)\b/i.test(theirText ?? '')))
  )
    return { before: other.quantity, after: found.quantity }
  const bracketed =
    /\($/.test(text.slice(0, other.part.start).trimEnd()) || /^\s*\(/.test(text.slice(other.part.start))
  return mine.length === 0 && theirs.length === 1 && bracketed
    ? { before: other.quantity, after: found.quantity }
    : undefined
}

const formerly =
  /\b(?:down from|up from|used to (?:be|take|need|cost)|previously|formerly|instead of|rather than|before (?:that|it was)|had (?:been|taken)|compared (?:with|to)|(?:(?<!day |week |month |night |year )after|from)) (?:about |around |roughly |nearly |an? |over |was |it was )?$/i

function elliptic(bare: Quantity, full: Quantity): Quantity | undefined {
  const number = Number(/\d[\d,]*(?:\.\d+)?/.exec(full.text)?.[0].replaceAll(',', ''))
  if (bare.dimension !== 'number' || !Number.isFinite(number) || number === 0) return undefined
  return { ...full, value: clean((bare.value * full.value) / number), text: bare.text }
}

/** A change of that share of the old value; figures of two or three digits are rounded. */
function holdShare(share: number, before: number, after: number, figure?: Figure): Stance {
  const found = Math.abs(after - before) / before
  if (figure !== undefined && figure.comparison !== 'exact' && figure.comparison !== 'about') {
    const percent = (value: number): Quantity => ({
      value: clean(value * 100),
      dimension: 'percent',
      slack: 0,
      text: '',
    })
    return hold(
      { quantity: percent(share), comparison: figure.comparison },
      { quantity: percent(found), comparison: 'exact' },
    )
  }
  const apart = Math.abs(found - share)
  if (apart <= 0.006 || apart <= share * aboutShare) return 'supports'
  return apart > Math.max(0.02, share * aboutShare * 2) ? 'refutes' : 'silent'
}
