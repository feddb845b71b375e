/**
 * Claims about figures and operations, each with one altered claim about the same source: how many are decided
 * and rightly so, whether a change of number, unit or subject moves the verdict, and whether what is cited
 * decides. An error counts as an answer that is wrong and decides nothing. Pure.
 */
import type { ManyOutcome } from '../../src/index.ts'
import { overlaps } from './claim-quality.ts'
import { type Share, shareOf } from './interval.ts'
import type { LabelledClaim } from './labelled.ts'
import { type Label, labelOf } from './labels.ts'

/** A claim, what was answered to it, and to its altered form where it has one. */
export type AnsweredTwice = {
  readonly claim: LabelledClaim
  readonly outcome: ManyOutcome
  readonly altered?: ManyOutcome
}

/** Answers of some of the claims. */
export type PartFigures = {
  readonly name: string
  readonly right: Share
  /** Answered supported or refuted. */
  readonly decided: Share
  /** Of these, with the right one. */
  readonly rightOfDecided: Share
}

/** Citations that have a character in common with what decides. */
export type HitFigures = { readonly any: Share; readonly first: Share }

export type OperationalQuality = {
  readonly all: PartFigures
  /** In the order of their names. */
  readonly kinds: readonly PartFigures[]
  /** By what the answer says its confidence comes from. */
  readonly methods: readonly PartFigures[]
  readonly labels: readonly PartFigures[]
  readonly hits: {
    /** Among claims that say what decides them. */
    readonly all: HitFigures
    /** Among those of them that were decided. */
    readonly decided: HitFigures
  }
  readonly altered: {
    /** Of the decided verdicts, those that are another or none for the altered claim. */
    readonly moved: Share
    /** The same by what was changed. */
    readonly changes: readonly { readonly name: string; readonly moved: Share }[]
    /** The altered claims against their own labels. */
    readonly all: PartFigures
  }
}

/** One claim and its answer, as far as they are counted. */
type Case = {
  readonly label: Label
  readonly answer: Label | undefined
  readonly kind: string
  readonly method: string
}

/** Whether claims are of this kind: any has an altered form. */
export const isOperational = (claims: readonly LabelledClaim[]): boolean =>
  claims.some(({ altered }) => altered !== undefined)

/** @param answered in any order; claims without a label are left out. */
export function operationalQuality(answered: readonly AnsweredTwice[]): OperationalQuality {
  const cases = answered.flatMap(({ claim: { kind = 'other', label }, outcome }) =>
    label === undefined ? [] : [caseOf(label, kind, outcome)],
  )
  const altered = answered.flatMap(each =>
    each.claim.altered === undefined || each.altered === undefined
      ? []
      : [
          {
            change: each.claim.altered.change,
            before: answerOf(each.outcome),
            after: caseOf(each.claim.altered.label, '', each.altered),
          },
        ],
  )
  type Change = (typeof altered)[number]
  const hasMoved = ({ after, before }: Change) => after.answer !== before
  const decidedBefore = altered.filter(({ before }) => isDecided(before))
  const marked = answered
    .filter(({ claim }) => claim.decisive.length > 0)
    .map(({ claim, outcome }) => ({ decided: isDecided(answerOf(outcome)), hits: hitsOf(claim, outcome) }))
  return {
    all: figuresOf('all', cases),
    kinds: groupsOf(cases, ({ kind }) => kind, figuresOf),
    methods: groupsOf(cases, ({ method }) => method, figuresOf),
    labels: groupsOf(cases, ({ label }) => label, figuresOf),
    hits: {
      all: hitFigures(marked.map(({ hits }) => hits)),
      decided: hitFigures(marked.filter(({ decided }) => decided).map(({ hits }) => hits)),
    },
    altered: {
      moved: count(decidedBefore, hasMoved),
      changes: groupsOf(
        decidedBefore,
        ({ change }) => change,
        (name, inside) => ({ name, moved: count(inside, hasMoved) }),
      ),
      all: figuresOf(
        'altered',
        altered.map(({ after }) => after),
      ),
    },
  }
}

const answerOf = (outcome: ManyOutcome): Label | undefined =>
  'error' in outcome ? undefined : labelOf(outcome.verdict)

const caseOf = (label: Label, kind: string, outcome: ManyOutcome): Case => ({
  ...{ label, kind, answer: answerOf(outcome) },
  method: 'error' in outcome ? 'error' : outcome.confidenceMethod,
})

const isDecided = (answer: Label | undefined): boolean => answer === 'SUPPORTS' || answer === 'REFUTES'

function figuresOf(name: string, cases: readonly Case[]): PartFigures {
  const isRight = ({ answer, label }: Case) => answer === label
  return {
    name,
    right: count(cases, isRight),
    decided: count(cases, ({ answer }) => isDecided(answer)),
    rightOfDecided: count(
      cases.filter(({ answer }) => isDecided(answer)),
      isRight,
    ),
  }
}

const groupsOf = <T, R>(
  cases: readonly T[],
  nameOf: (each: T) => string,
  figures: (name: string, inside: readonly T[]) => R,
): R[] =>
  [...Map.groupBy(cases, nameOf)]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, inside]) => figures(name, inside))

const hitsOf = ({ decisive }: LabelledClaim, outcome: ManyOutcome): readonly boolean[] =>
  'error' in outcome ? [] : outcome.citations.map(citation => decisive.some(span => overlaps(citation, span)))

const hitFigures = (hits: readonly (readonly boolean[])[]): HitFigures => ({
  any: count(hits, each => each.includes(true)),
  first: count(hits, ([first]) => first === true),
})

const count = <T>(all: readonly T[], is: (each: T) => boolean): Share =>
  shareOf(all.filter(is).length, all.length)
