/** Holds one figure of a claim against every figure of a source; whether they are of one thing is told elsewhere. */
import type { Assertion, Candidate } from './candidate.ts'
import { holdChange } from './change-rule.ts'
import type { Comparison, Statistic } from './fact.ts'
import { hold, type Stance } from './interval.ts'
import { clean, type Quantity } from './quantity.ts'
import type { Read, Scene } from './scene.ts'
import type { Figure, Statement } from './statement.ts'
import { lengthOf } from './when.ts'

/** What the figures of `scene` would say to the claimed one. */
export function figureCandidates({ figure, statement }: Assertion, scene: Scene): Candidate[] {
  if (figure === undefined) return []
  const found: Candidate[] = []
  const blocks = new Map<number, string[]>()
  if (figure.statistic === 'total')
    for (const { unit, figures } of scene.reads) {
      const kinds = blocks.get(unit.block) ?? []
      kinds.push(...figures.map(({ quantity }) => quantity.dimension))
      blocks.set(unit.block, kinds)
    }
  for (const read of scene.reads) {
    for (const [index, given] of read.figures.entries()) {
      if (figure.change !== undefined) {
        const stance = holdChange(figure, given, read)
        if (stance !== 'silent')
          found.push({
            kind: 'change',
            stance,
            reads: [read],
            part: given.part,
            figure: given,
            found: given.quantity.text,
          })
        continue
      }
      if (given.change?.by === true) continue
      const alike = (blocks.get(read.unit.block) ?? []).filter(each => each === given.quantity.dimension)
      found.push(...valueCandidates(figure, statement, given, read, index, alike.length > 1))
    }
    if (figure.change === undefined) found.push(...spanCandidates(figure, read))
  }
  return found
}

function valueCandidates(
  figure: Figure,
  statement: Statement,
  given: Figure,
  read: Read,
  index: number,
  several: boolean,
): Candidate[] {
  const made: Candidate[] = []
  const stated = statisticFit(figure, given, statement)
  const add = (other: Figure, more: Partial<Candidate> = {}) => {
    const reached = /\bup to $/i.test(statement.text.slice(0, figure.start))
    // What is required is a figure of its own: at least 12 is not what at least 8 says.
    const alike = figure.comparison === other.comparison && bounding.has(figure.comparison)
    const stance =
      alike && required.test(statement.text) && required.test(read.text)
        ? stanceOf({ ...figure, comparison: 'exact' }, { ...other, comparison: 'exact' })
        : stanceOf(figure, other)
    // "Carries up to 400" says that 400 can be reached.
    if (
      reached &&
      stance === 'supports' &&
      stanceOf({ ...figure, comparison: 'exact' }, other) !== 'supports'
    )
      return
    if (stance === 'silent' || stated === 'no') return
    // One of several figures is not the total.
    if (figure.statistic === 'total' && given.statistic === 'plain' && several) return
    const base = {
      kind: 'value' as const,
      stance,
      reads: [read],
      part: given.part,
      figure: given,
      found: other.quantity.text,
    }
    made.push({ ...base, ...more, ...(stated === 'other' ? { otherStatistic: true } : {}) })
  }
  const rates = new Set(['byte-rate', 'bit-rate'])
  if (figure.quantity.dimension === given.quantity.dimension) add(given)
  else if (rates.has(figure.quantity.dimension) && rates.has(given.quantity.dimension)) {
    const factor = given.quantity.dimension === 'bit-rate' ? 1 / 8 : 8
    const { value, slack } = given.quantity
    add({
      ...given,
      quantity: {
        ...given.quantity,
        value: clean(value * factor),
        slack: clean(slack * factor),
        dimension: figure.quantity.dimension,
      },
    })
  } else if (figure.quantity.dimension === 'percent' && given.total !== undefined && given.total.value > 0) {
    const value = clean((given.quantity.value / given.total.value) * 100)
    add({ ...given, quantity: { ...given.quantity, value, dimension: 'percent', slack: 0 } })
  } else if (
    given.quantity.dimension === 'number' &&
    given.quantity.text.length < 8 &&
    !/^(?:19|20)\d\d$/.test(given.quantity.text)
  ) {
    const unit = unitBefore(read, index)
    if (unit !== undefined && unit.dimension === figure.quantity.dimension) {
      const value = clean(given.quantity.value * unit.factor)
      const slack = clean(0.5 * unit.factor)
      add(
        { ...given, quantity: { ...given.quantity, value, slack, dimension: unit.dimension } },
        { elliptic: true },
      )
    }
  }
  return made
}

/** "The east gate for 25 minutes, the west gate for 70": the unit of the figure before a bare one. */
function unitBefore(
  read: Read,
  index: number,
): { readonly dimension: Quantity['dimension']; readonly factor: number } | undefined {
  const bare = read.figures[index]
  if (
    bare === undefined ||
    !/^\s*(?:$|[,.;)]|and\b|for\b|in\b|on\b|by\b|now\b)/.test(read.text.slice(bare.end))
  )
    return undefined
  const before = read.figures.slice(0, index).findLast(each => each.quantity.dimension !== 'number')
  if (before === undefined) return undefined
  const number = Number(/\d[\d,]*(?:\.\d+)?/.exec(before.quantity.text)?.[0].replaceAll(',', ''))
  if (!Number.isFinite(number) || number === 0) return undefined
  return { dimension: before.quantity.dimension, factor: before.quantity.value / number }
}

/** A span of times in one sentence against a duration. */
function spanCandidates(figure: Figure, read: Read): Candidate[] {
  if (figure.quantity.dimension !== 'time') return []
  return read.times.flatMap((when): Candidate[] => {
    const length = lengthOf(when)
    if (length === undefined || length <= 0) return []
    const quantity: Quantity = {
      value: length,
      dimension: 'time',
      slack: 0,
      text: `${length / 60_000} minutes`,
    }
    const span = { quantity, comparison: 'exact' as const }
    const stance = rounded(figure, span, hold(figure, span))
    const part = read.parts.find(each => each.start <= when.start && when.start < each.end)
    return stance === 'silent' ? [] : [{ kind: 'span', stance, reads: [read], part, found: quantity.text }]
  })
}

const bounding: ReadonlySet<Comparison> = new Set(['at-least', 'at-most', 'under', 'over'])
const required =
  /\b(?:needs?|requires?|required|must|shall|(?:has|have) to|limit(?:s|ed)?|allow(?:s|ed)?|permit(?:s|ted)?|may|can|covers|minimum|maximum)\b/i

function stanceOf(figure: Figure, found: Figure): Stance {
  if (figure.total !== undefined && found.total !== undefined && figure.total.value !== found.total.value)
    return 'refutes'
  // "About 5 %" of a source is held against a claimed 5 % as it stands; a little apart it is not sure.
  const loose =
    found.comparison === 'about' && (figure.comparison === 'exact' || figure.comparison === 'about')
  const given: Figure = loose ? { ...found, comparison: 'exact' } : found
  const held = rounded(figure, given, hold(figure, given))
  const close =
    Math.abs(found.quantity.value - figure.quantity.value) <= Math.abs(figure.quantity.value) * 0.1
  const stance = loose && held === 'refutes' && close ? 'silent' : held
  if (found.comparison === 'between' && figure.comparison === 'exact') return 'silent'
  if (figure.negated === found.negated || stance === 'silent') return stance
  if (found.negated && stance === 'refutes') return 'silent'
  return stance === 'supports' ? 'refutes' : 'supports'
}

/** 1.5 may be rounded to 2; but who says 2 GiB does not mean 1.5. */
export function rounded(
  figure: Figure,
  found: Pick<Figure, 'quantity' | 'comparison'>,
  stance: Stance,
): Stance {
  if (stance !== 'supports' || figure.comparison !== 'exact' || found.comparison !== 'exact') return stance
  const { value, dimension } = figure.quantity
  if (dimension === 'number' || dimension === 'version' || value === 0) return stance
  const apart = Math.abs(found.quantity.value - value) / Math.abs(value)
  return apart <= 0.05 ? stance : apart > 0.12 ? 'refutes' : 'silent'
}

const counted = new Set<Statistic>(['plain', 'count', 'total', 'last', 'first'])
const universal =
  /\b(?:never|no|none|at no time|stayed|remained|always|all|every|each|nobody|any|throughout|at all times|constantly)\b/i

/** Whether one statistic can be held against the other: `other` where it takes a reading. */
function statisticFit(claim: Figure, found: Figure, { text }: Statement): 'same' | 'other' | 'no' {
  const [wanted, given] = [claim.statistic, found.statistic]
  if (wanted === given) return 'same'
  if (counted.has(wanted) && counted.has(given)) return 'same'
  const upper = claim.comparison === 'over' || claim.comparison === 'at-least'
  // "Went past", "never exceeded" are told by the highest value.
  if (wanted === 'plain' && given === 'max') return upper || universal.test(text) ? 'same' : 'other'
  if (wanted === 'max' && given === 'plain')
    return found.comparison === 'at-most' || found.comparison === 'under' ? 'same' : 'other'
  if (wanted === 'plain' && given === 'min') return upper && universal.test(text) ? 'same' : 'other'
  if (wanted === 'min' && given === 'plain') return 'other'
  return 'no'
}
