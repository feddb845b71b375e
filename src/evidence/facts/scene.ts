/** A source as the checker of prose reads it: each sentence with the words and times that stand around it. */
import type { FactSource } from './fact.ts'
import { type Unit, unitsOf } from './prose.ts'
import { readStatement, type Statement } from './statement.ts'
import type { Term } from './term.ts'
import { fill, type When } from './when.ts'

/** A sentence in its surroundings. */
export type Read = Statement & {
  readonly unit: Unit
  readonly source: FactSource
  readonly index: number
  /** Words of the sentence before, of its list's head, of heading and title. */
  readonly context: readonly (readonly Term[])[]
  /** Times of those, nearest first. */
  readonly around: readonly When[]
  /** Its own times, with the day that stands around it; the time of its line first. */
  readonly times: readonly When[]
  readonly corrects: boolean
  /** What its context says of how it is meant. */
  readonly planned: boolean
}

/** A source that was read. */
export type Scene = {
  readonly source: FactSource
  readonly reads: readonly Read[]
  readonly title: Statement
}

const correction =
  /\b(?:correction|corrected|corrects|revised|amended|erratum|supersedes?|superseded|turned out to be|recounted|final figure|update:|edit:|sorry|in fact|i was wrong|was wrong|mistake|misread|miscounted|typo|should have said|should read|scratch that|strike that|take (?:that|it|this) back|never mind|in the end|reopened|ignore|forget|withdrawn|(?:was|been|is) replaced|than we (?:first )?thought|no longer valid|taken back|retracted|obsolete|outdated|disregard|not true|in reality|after a last check|misread|wrong axis|read the wrong|measured properly)\b|^(?:update|edit|correction)\b/i
const plannedAround =
  /\b(?:plan|plans|planned|proposal|proposed|goals?|targets?|objectives?|forecast|roadmap|draft|wish ?list|todo|to do|next steps?|backlog|action items?|ideas?|example|rfc)\b/i

/** The sentences of `source`, those only that `wanted` lets pass where it is given. */
export function readScene(source: FactSource, wanted?: (line: string) => boolean): Scene {
  const title = readStatement(source.title ?? '')
  const units = unitsOf(source.content, wanted)
  const reads: Read[] = []
  const known = new Map<string, Statement>()
  const around = (text: string): Statement => {
    const read = known.get(text) ?? readStatement(text)
    known.set(text, read)
    return read
  }
  for (const [index, unit] of units.entries()) {
    const statement = readStatement(unit.text)
    const last = reads.at(-1)
    const before =
      last !== undefined && (last.unit.block === unit.block || unit.block - last.unit.block === 1)
        ? last
        : undefined
    const heading = around(unit.heading)
    const parent = around(unit.parent)
    const stamp = around(unit.stamp)
    const inherited = unit.item && before?.unit.item === true ? [] : (before?.terms ?? [])
    const context = [parent.terms, inherited, heading.terms, title.terms]
    const days = [
      ...stamp.whens,
      ...parent.whens,
      ...(before === undefined ? [] : before.times.filter(when => when.day !== undefined)),
      ...heading.whens,
      ...title.whens,
    ]
    const base = days.find(when => when.day !== undefined)
    const own = [
      ...(/\d:\d\d/.test(unit.stamp) ? stamp.whens : []),
      ...statement.whens.filter(
        when => !stamp.whens.some(each => each.clock === when.clock && when.start < 8),
      ),
    ]
    const times = own.map(when => {
      const day = statement.whens.find(each => each.day !== undefined) ?? base
      const to = when.to === undefined ? undefined : fill(when.to, day)
      return { ...fill(when, day), ...(to === undefined ? {} : { to }) }
    })
    reads.push({
      ...statement,
      unit,
      source,
      index,
      context,
      around: [...times, ...days],
      times,
      corrects:
        correction.test(unit.text) ||
        correction.test(unit.stamp) ||
        (last?.corrects === true && !source.content.slice(last.unit.end, unit.start).includes('\n')),
      planned:
        plannedAround.test(unit.heading) ||
        plannedAround.test(unit.parent) ||
        /\b(?:plan|proposal|forecast|roadmap|draft|rfc)\b/i.test(source.title ?? ''),
    })
  }
  return { source, reads, title }
}

/** Several sources as one, for what one of them can't tell alone. */
export function joinScenes(scenes: readonly Scene[]): Scene | undefined {
  const [first] = scenes
  if (first === undefined || scenes.length < 2) return undefined
  const reads = scenes.flatMap(scene => scene.reads).map((read, index) => ({ ...read, index }))
  return { source: first.source, title: first.title, reads }
}
