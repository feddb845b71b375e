/** What calibrating is worth on general text: answers raw, as they were given, and under fitted calibrations. Pure. */
import { cosine } from '../../src/evidence/rank.ts'
import type { Answered } from './claim-quality.ts'
import type { LabelledClaim } from './labelled.ts'
import { auroc, type Scored } from './rank.ts'
import {
  type RawAnswer,
  type RefitQuality,
  rawAnswer,
  refitQuality,
  type StateQuality,
  stateQuality,
} from './refit.ts'

export type GeneralQuality = {
  /** As they were given. */
  readonly given: StateQuality
  /** Without a calibration. */
  readonly raw: StateQuality
  /** Under calibrations that were fitted on some of the claims. */
  readonly refit: RefitQuality
  /** AUROC of relevance by the cosine of claim and whole source alone; undefined where it is not known. */
  readonly cosineAuroc: number | undefined
}

/** Answers without a calibration, and cosines of claims and whole sources; empty where they are not known. */
export type Beside = { readonly raw: readonly Answered[]; readonly cosines: readonly Scored[] }

/** @param given answers as the library gives them. */
export const generalQuality = (given: readonly Answered[], { cosines, raw }: Beside): GeneralQuality => {
  const without = answersOf(raw)
  return {
    ...{ given: stateQuality(answersOf(given)), raw: stateQuality(without), refit: refitQuality(without) },
    cosineAuroc: auroc(cosines),
  }
}

/** How near each labelled source is to its claim, and whether it is relevant. */
export const cosinesOf = (
  claims: readonly LabelledClaim[],
  vectors: ReadonlyMap<string, Float32Array>,
): Scored[] =>
  claims.flatMap(({ context: { claim, sources }, evidenceLabels }) =>
    evidenceLabels.flatMap((label, place) => {
      const [a, b] = [vectors.get(claim), vectors.get(sources[place]?.content ?? '')]
      return a === undefined || b === undefined
        ? []
        : [{ score: cosine(a, b), positive: label !== 'NOT_ENOUGH_INFO' }]
    }),
  )

const answersOf = (answered: readonly Answered[]): RawAnswer[] =>
  answered.flatMap(({ claim, outcome }) => ('error' in outcome ? [] : [rawAnswer(claim, outcome)]))
