/**
 * Whether a place of a source is about what the claim says. Everything that the claim names has to be met and
 * nothing may be meant otherwise; what then still differs costs worth, and the worthiest place is believed.
 */
import type { Candidate } from './candidate.ts'
import { type Fit, type FitPart, fitOf } from './fit.ts'
import { isThing, type Need } from './need.ts'

/** Any of these means that the place speaks of something else, or means it otherwise. */
const vetoes: readonly FitPart[] = [
  'nameMissing',
  'plainMissing',
  'objectMissing',
  'planOther',
  'exampleOther',
  'open',
  'boundOther',
  'placeOther',
  'rival',
  'contrary',
  'timeOther',
  'timeUntold',
  'countedOther',
  'otherStatistic',
  'displaced',
  'negatedOther',
  'zeroOther',
]

const costs: Readonly<Partial<Record<FitPart, number>>> = {
  eventMissing: 0.3,
  verbMissing: 0.6,
  nameAround: 0.2,
  plainAround: 0.2,
  objectAround: 0.2,
  eventNear: 0.15,
  nameNear: 0.3,
  plainNear: 0.2,
  objectNear: 0.1,
  strangeNames: 0.3,
  strangeWords: 0.06,
  strangeThings: 0.1,
  modified: 0.6,
  formerOther: 1.2,
  elliptic: 0.1,
  struck: 1,
  nameOwn: -0.1,
  plainOwn: -0.1,
  objectOwn: -0.1,
  eventOwn: -0.1,
  equal: -0.15,
}

const unparted: ReadonlySet<string> = new Set(['list', 'span'])

/** What stands beside the things that are compared is of the others. */
const strange: ReadonlySet<string> = new Set(['strangeNames', 'strangeWords', 'strangeThings', 'modified'])

/** A candidate with its worth. */
export type Weighed = { readonly candidate: Candidate; readonly fit: Fit; readonly worth: number }

/** How much `candidate` is worth; below 0 it is about something else. */
export function weigh(need: Need, candidate: Candidate): Weighed {
  const fit = fitOf(need, candidate)
  const goesOn =
    (candidate.reads[0]?.corrects === true || isPronoun(candidate, fit)) &&
    fit.plainAround + fit.nameAround + fit.objectAround + fit.eventAround > 0
  let worth = fit.known === 0 && !goesOn ? -1 : 1
  for (const name of vetoes)
    if (fit[name] > 0 && !(name === 'displaced' && candidate.kind === 'compare')) worth -= 2 * fit[name]
  if (
    isOfEvent(candidate, need) &&
    fit.eventMissing + fit.eventAround + fit.verbMissing > 0 &&
    (fit.leadEvent === 0 || fit.nameAround > 0)
  )
    worth -= 1
  // "Skipped 51 rows and loaded 9,000": the other verb has a figure of its own.
  const near = fit.eventNear + fit.verbNear > 0 && fit.eventOwn + fit.verbOwn === 0
  if (candidate.kind === 'value' && near && fit.eventOther + fit.verbOther > 0) worth -= 1
  // People are spoken of everywhere.
  if (candidate.stance === 'refutes' && candidate.kind === 'value' && isThin(need)) worth -= 0.5
  // Where a claim names no thing at all, what happened is all that it is about.
  if (
    candidate.kind !== 'version' &&
    fit.eventMissing > 0 &&
    !need.terms.some(term => isThing(term) || term.sort === 'object')
  )
    worth -= 1
  if (isElliptic(candidate, fit))
    worth += 0.2 * (fit.plainNear + fit.nameNear) + 0.1 * fit.objectNear + 0.15 * fit.eventNear
  // Of several times in a sentence, the one beside the event is its own.
  if (
    candidate.kind === 'time' &&
    candidate.part !== undefined &&
    fit.eventNear > 0 &&
    fit.eventOwn === 0 &&
    (candidate.reads[0]?.times.length ?? 0) > 1
  )
    worth -= 1
  // Whether a version has something is said in many ways.
  if (candidate.kind === 'version') worth += (costs.eventMissing ?? 0) * fit.eventMissing
  if (candidate.kind !== 'version' && fit.eventMissing > 0 && fit.eventOther > 0) worth -= 0.6
  const bystanders =
    candidate.kind === 'compare' ||
    candidate.kind === 'order' ||
    (unparted.has(candidate.kind) && candidate.part === undefined)
  for (const [name, cost] of Object.entries(costs))
    if (!bystanders || !strange.has(name))
      worth -=
        (candidate.kind === 'version' && name === 'strangeNames' ? 0.5 : 1) * cost * fit[name as FitPart]
  return { candidate, fit, worth }
}

const isThin = ({ terms }: Need): boolean => {
  const [only, ...more] = terms.filter(({ sort }) => sort !== 'soft')
  return more.length === 0 && only?.key === 'user'
}

/** "They took 31 hours" goes on with what the sentence before is about, where it names nothing else. */
const isPronoun = ({ reads, kind }: Candidate, fit: Fit): boolean =>
  kind === 'value' &&
  fit.strangeNames + fit.strangeWords + fit.strangeThings === 0 &&
  /^(?:\p{L}+,? ){0,4}(?:it|they|this|these|those)\b/iu.test(reads[0]?.text ?? '')

/** "40 on Sunday and 12 on Monday": a later figure that names nothing of its own goes on with what was said. */
const isElliptic = ({ figure, reads }: Candidate, fit: Fit): boolean =>
  figure !== undefined &&
  (reads[0]?.figures.indexOf(figure) ?? 0) > 0 &&
  fit.strangeNames + fit.strangeWords + fit.strangeThings === 0

/** Times and counts are of what happened, so that has to be told there. */
const isOfEvent = ({ kind, told }: Candidate, { figure }: Need): boolean =>
  told !== true &&
  (kind === 'time' ||
    figure?.quantity.dimension === 'number' ||
    (kind === 'value' && figure?.quantity.dimension === 'version'))

/** From this worth on a place is believed to be about the claim, to support it and to refute it. */
export const least = { supports: 0.5, refutes: 0.7 } as const

/** How much better it has to be than a place that says the opposite. */
export const margin = 0.15
