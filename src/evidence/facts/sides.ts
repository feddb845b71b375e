/**
 * Claims that hold two values of one source against each other: "went up from spring to autumn", "doubled from
 * A to B", "more errors than search". Each side must be one fact of the same column, key or metric.
 */
import type { Ruling } from './aggregate.ts'
import { readClaim } from './claim.ts'
import type { ClaimFact, Fact, Statistic } from './fact.ts'
import { aboutShare, compareVersions, hold, type Stance } from './interval.ts'
import { holds, isForeign } from './match.ts'
import { clean } from './quantity.ts'
import { readSentence, statisticOf } from './sentence.ts'
import { isSoft, partsOf, stemsOf } from './words.ts'

/** A claim of two sides. */
export type SidesClaim = {
  /** The side that is said to be so, and the one it is held against. */
  readonly side: string
  readonly against: string
  /** Stems of what is measured, that both sides must hold. */
  readonly must: readonly string[]
  readonly direction: 'up' | 'down' | 'faster' | 'slower'
  /** The new value over the old, where the claim says it. */
  readonly factor?: number
  readonly statistic: Statistic
  readonly words: ReadonlySet<string>
}

const upward =
  /\b(?:rose|risen|grew|grown|increased|climbed|jumped|went up|gone up|larger|bigger|higher|longer|more|greater|doubled|tripled)\b/i
const downward =
  /\b(?:fell|fallen|dropped|decreased|declined|shrank|shrunk|went down|gone down|smaller|lower|shorter|fewer|less|halved)\b/i

/** The two sides of `claim`; undefined where it has none, or states figures of its own. */
export function readSides(claim: string): SidesClaim | undefined {
  const text = claim.trim().replace(/\.$/, '')
  const trend =
    /^(.*?)\bfrom (?:the |release |version )?([^,;]{1,60}?) to (?:the |release |version )?([^,;]{1,60})$/i.exec(
      text,
    )
  if (trend !== null) {
    const [, head = '', old = '', now = ''] = trend
    return sidesOf(text, head, now, old, head)
  }
  const than =
    /^([^,;]{1,120}?)\b(more|fewer|less|higher|lower|larger|smaller|bigger|greater|longer|shorter|faster|slower)\b([^,;]{0,60}?) than (?:the one of |that of |those of |in |on |at |did )?(?:the )?([^,;]{1,60})$/i.exec(
      text,
    )
  if (than === null) return undefined
  const [, head = '', word = '', measure = '', other = ''] = than
  return sidesOf(text, word, head, other, measure)
}

function sidesOf(
  text: string,
  verb: string,
  side: string,
  against: string,
  measure: string,
): SidesClaim | undefined {
  const figures = readSentence(measure).figures.filter(({ quantity }) => quantity.dimension !== 'version')
  const sided = [side, against].some(part =>
    readSentence(part).figures.some(({ quantity }) => quantity.dimension !== 'version'),
  )
  if (sided || figures.length > 1 || /\b(?:not|never|no|n't)\b/i.test(text)) return undefined
  const direction = directionOf(verb)
  if (direction === undefined) return undefined
  const share = figures[0]?.change?.share
  if (figures.length === 1 && share === undefined) return undefined
  const stated = /\bdoubled\b/i.test(verb)
    ? 2
    : /\btripled\b/i.test(verb)
      ? 3
      : /\bhalved\b/i.test(verb)
        ? 0.5
        : undefined
  const factor = stated ?? (share === undefined ? undefined : 1 + (direction === 'down' ? -share : share))
  return {
    side,
    against,
    must: stemsOf(measure).filter(word => !isSoft(word) && !/^\d/.test(word)),
    direction,
    ...(factor === undefined ? {} : { factor }),
    statistic: percentileOf(text) ?? statisticOf(text) ?? 'plain',
    words: new Set(stemsOf(text)),
  }
}

function percentileOf(text: string): Statistic | undefined {
  const found = /\bp(\d{2}(?:\.\d+)?)\b|\b(\d{2}(?:\.\d+)?)th percentile/i.exec(text)
  return found === null ? undefined : `p${Number(found[1] ?? found[2])}`
}

function directionOf(text: string): SidesClaim['direction'] | undefined {
  if (/\bfaster\b/i.test(text)) return 'faster'
  if (/\bslower\b/i.test(text)) return 'slower'
  const [up, down] = [upward.test(text), downward.test(text)]
  return up === down ? undefined : up ? 'up' : 'down'
}

/** What one source says of the two sides; undefined where it does not state both. */
export function ruleOverSides(claim: SidesClaim, facts: readonly Fact[]): Ruling | undefined {
  const anchor = readClaim('1 x')[0] as ClaimFact
  const shared = ['percent', 'percentag', 'share', 'ratio', 'rat'].some(word => claim.words.has(word))
  const fits = facts.filter(
    fact =>
      fact.quantity !== undefined &&
      fact.quantity.dimension !== 'version' &&
      fact.statistic === claim.statistic &&
      fact.labels.length > 0 &&
      (!shared || fact.quantity.dimension === 'percent') &&
      claim.must.every(word => holds(fact, word)) &&
      !isForeign(anchor, claim.words, fact),
  )
  const left = fits.filter(fact => stands(fact, claim.side, claim.against))
  const right = fits.filter(fact => stands(fact, claim.against, claim.side))
  const [one] = left
  const [other] = right
  if (left.length !== 1 || right.length !== 1 || one?.quantity === undefined || other?.quantity === undefined)
    return undefined
  if (one.group !== other.group && one.form !== 'entry') return undefined
  if (one.quantity.dimension !== other.quantity.dimension) return undefined
  const found = `${other.quantity.text} to ${one.quantity.text}`
  return {
    stance: stanceOf(claim, one.quantity.value, other.quantity.value, one.quantity.dimension),
    facts: [other, one],
    found,
  }
}

/** True where a label of the fact names `side`, whole, and not the other one. */
function stands(fact: Fact, side: string, other: string): boolean {
  const names = fact.labels.filter(label => /\p{L}|\d/u.test(label.text))
  const hits = names.filter(label => isIn(label.text, side) && !isIn(label.text, other))
  const rest = names.filter(label => isIn(label.text, other) && !isIn(label.text, side))
  return hits.length > 0 && rest.length === 0
}

function isIn(label: string, side: string): boolean {
  if (/^v?\d+(?:\.\d+)+$/.test(label)) {
    const version = (text: string) => text.replace(/^v/, '').split('.').map(Number)
    return [...side.matchAll(/\d+(?:\.\d+)+/g)].some(
      ([text]) => compareVersions(version(text), version(label)) === 0,
    )
  }
  const words = new Set([...stemsOf(side), ...partsOf(side).map(part => part.toLowerCase())])
  const parts = stemsOf(label)
  return parts.length > 0 && parts.every(part => words.has(part))
}

function stanceOf(claim: SidesClaim, value: number, before: number, dimension: string): Stance {
  const { direction, factor } = claim
  const timed = direction === 'faster' || direction === 'slower'
  if (timed && dimension !== 'time') return 'silent'
  const up = direction === 'up' || direction === 'slower'
  if (value === before) return 'refutes'
  if (value > before !== up) return 'refutes'
  if (factor === undefined) return 'supports'
  if (before <= 0) return 'silent'
  const figure = (number: number) => ({
    value: clean(number),
    dimension: 'number' as const,
    slack: 0,
    text: '',
  })
  return hold(
    { quantity: figure(factor), comparison: 'about' },
    { quantity: figure(value / before), comparison: 'exact' },
  )
}

/** "By 30 %" or "doubled" against a change whose two ends a sentence states; `aboutShare` is allowed. */
export function holdShare(share: number, fact: Fact): Stance {
  const [now, before] = [fact.quantity?.value, fact.other?.value]
  if (now === undefined || before === undefined || before <= 0) return 'silent'
  const found = Math.abs(now - before) / before
  const apart = Math.abs(found - share)
  if (apart <= 0.005 || apart <= share * aboutShare) return 'supports'
  return apart > Math.max(0.02, share * aboutShare * 2) ? 'refutes' : 'silent'
}
