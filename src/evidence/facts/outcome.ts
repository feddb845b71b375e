/** Chooses among the places of one source the one that is about the claim, or none. */
import type { Assertion, Candidate } from './candidate.ts'
import { same } from './fit.ts'
import { countedOf, type Need } from './need.ts'
import type { Scene } from './scene.ts'
import type { Term } from './term.ts'
import { least, margin, type Weighed, weigh } from './weigh.ts'

/** What decided. */
export type Finding = {
  readonly candidate: Candidate
  readonly stance: 'supports' | 'refutes'
  readonly worth: number
  /** What the claim names stands in the very sentence. */
  readonly named: boolean
}

/** What the best of the candidates says; nothing where it is too weak or another says the opposite. */
export function findingOf(
  { need }: Assertion,
  candidates: readonly Candidate[],
  scene: Scene,
): Finding | undefined {
  const weighed = candidates.map(candidate => weigh(need, candidate)).toSorted((a, b) => b.worth - a.worth)
  const [top] = weighed
  if (top === undefined) return undefined
  const early = isEarly(need, top)
  const chosen = early ? top : corrected(top, weighed)
  if (!early && isTakenBack(chosen, scene)) return undefined
  const { stance } = chosen.candidate
  if (chosen.worth < least[stance]) return undefined
  if (stance === 'refutes' && (isOneOfSeveral(chosen, weighed) || isSummed(need, chosen, scene)))
    return undefined
  const against = weighed.find(each => each.candidate.stance !== stance && !isReplaced(each, chosen))
  if (against !== undefined && chosen.worth - against.worth < margin) return undefined
  const named = chosen.fit.nameOwn > 0 && chosen.fit.plainAround + chosen.fit.objectAround === 0
  return { candidate: chosen.candidate, stance, worth: chosen.worth, named }
}

const first =
  /\b(?:first|initial(?:ly)?|preliminary|original(?:ly)?|early|at first|earlier|old) (?:guess|estimate|count|figure|notice|report|reading|number|value|version|assumption|thought|said)\b|\b(?:at first|initially|originally|withdrawn|retracted|taken back)\b/i

/** The claim itself says that it tells of what was thought first, and so does the place. */
const isEarly = ({ statement }: Need, { candidate }: Weighed): boolean =>
  first.test(statement.text) && first.test(candidate.reads[0]?.text ?? '')

/** Something behind it corrects what came before, and nobody can tell of what it speaks. */
function isTakenBack({ candidate }: Weighed, scene: Scene): boolean {
  const last = Math.max(...candidate.reads.map(read => read.index))
  return scene.reads.some(read => read.corrects && read.index > last)
}

/** A later place that corrects what came before counts, even where its words fit a little less. */
function corrected(top: Weighed, weighed: readonly Weighed[]): Weighed {
  const later = weighed.filter(
    ({ candidate, worth }) =>
      candidate.reads[0]?.corrects === true &&
      (candidate.reads[0]?.index ?? 0) > (top.candidate.reads[0]?.index ?? 0) &&
      worth > top.worth - 2,
  )
  return later.at(0) ?? top
}

/** The claimed count is what several counts of the sentence or its list come to together. */
function isSummed({ figure }: Need, { candidate }: Weighed, { reads }: Scene): boolean {
  const [read] = candidate.reads
  if (candidate.kind !== 'value' || figure?.quantity.dimension !== 'number' || read === undefined)
    return false
  const counted = candidate.figure === undefined ? undefined : countedOf(read, candidate.figure)
  const together = read.unit.item
    ? reads.filter(each => each.unit.item && each.unit.block === read.unit.block)
    : [read]
  const values = together
    .flatMap(each =>
      each.figures.filter(
        given =>
          given.quantity.dimension === 'number' &&
          !/^ of (?:them|which|these|those|whom)\b/.test(each.text.slice(given.end)) &&
          isSameCount(countedOf(each, given), counted),
      ),
    )
    .map(({ quantity }) => quantity.value)
    .slice(0, mostSummed)
  const sums = new Set([0])
  for (const value of values) for (const sum of [...sums]) sums.add(sum + value)
  return values.length > 1 && !values.includes(figure.quantity.value) && sums.has(figure.quantity.value)
}

const isSameCount = (a: Term | undefined, b: Term | undefined): boolean =>
  a === undefined || b === undefined || same(a, b)

const mostSummed = 8

/** How near another figure may come that contradicts as well, so that nobody can tell which is meant. */
const several = 0.15

/** Times and versions may be several: another one refutes only where it is the only one. */
function isOneOfSeveral(chosen: Weighed, weighed: readonly Weighed[]): boolean {
  const { candidate, worth } = chosen
  const version = candidate.figure?.quantity.dimension === 'version'
  const near = candidate.kind === 'time' || version ? 0.6 : candidate.kind === 'value' ? several : 0
  return weighed.some(
    other =>
      other.candidate !== candidate &&
      other.candidate.found !== candidate.found &&
      other.worth > worth - near &&
      !isReplaced(other, chosen) &&
      other.candidate.reads[0]?.corrects !== true,
  )
}

const isReplaced = (other: Weighed, chosen: Weighed): boolean =>
  chosen.candidate.reads[0]?.corrects === true &&
  (other.candidate.reads[0]?.index ?? 0) < (chosen.candidate.reads[0]?.index ?? 0)
