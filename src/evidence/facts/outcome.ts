/** Chooses among the places of one source the one that is about the claim, or none. */
import type { Assertion, Candidate } from './candidate.ts'
import type { Scene } from './scene.ts'
import { least, margin, type Weighed, weigh } from './weigh.ts'

/** What decided. */
export type Finding = {
  readonly candidate: Candidate
  readonly stance: 'supports' | 'refutes'
  readonly worth: number
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
  const chosen = corrected(top, weighed)
  if (isTakenBack(chosen, scene)) return undefined
  const { stance } = chosen.candidate
  if (chosen.worth < least[stance]) return undefined
  if (stance === 'refutes' && isOneOfSeveral(chosen, weighed)) return undefined
  const against = weighed.find(each => each.candidate.stance !== stance && !isReplaced(each, chosen))
  if (against !== undefined && chosen.worth - against.worth < margin) return undefined
  return { candidate: chosen.candidate, stance, worth: chosen.worth }
}

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

/** Times and versions may be several: another one refutes only where it is the only one. */
function isOneOfSeveral({ candidate, worth }: Weighed, weighed: readonly Weighed[]): boolean {
  const version = candidate.figure?.quantity.dimension === 'version'
  if (candidate.kind !== 'time' && !version) return false
  return weighed.some(
    other =>
      other.candidate !== candidate &&
      other.candidate.found !== candidate.found &&
      other.worth > worth - 0.6 &&
      other.candidate.reads[0]?.corrects !== true,
  )
}

const isReplaced = (other: Weighed, chosen: Weighed): boolean =>
  chosen.candidate.reads[0]?.corrects === true &&
  (other.candidate.reads[0]?.index ?? 0) < (chosen.candidate.reads[0]?.index ?? 0)
