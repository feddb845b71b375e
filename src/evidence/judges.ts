/**
 * Who says what a passage says of a claim, and how its word becomes a probability: a configured verifier, else
 * the head over the embeddings, else nobody, and nearness alone decides nothing.
 */
import type { VariantRef } from '../core/call.ts'
import { errorOf } from '../core/errors.ts'
import { valueHash } from '../core/trace.ts'
import type { ResolvedConfig } from './config.ts'
import type { Head } from './head/head.ts'
import {
  belongsTo,
  type CalibratedModel,
  type Calibration,
  neutral,
  parseCalibration,
} from './verdict/calibration.ts'

/** A calibration, or none. */
export type Scaling = Calibration | typeof neutral

/** Who can be asked, each with its calibration. */
export type Judges = {
  /** Reads the vectors of the encoder that it was trained over. */
  readonly head: Head | undefined
  readonly verifier: VariantRef | undefined
  readonly scalings: { readonly head: Scaling; readonly verifier: Scaling }
  /** Of whoever is asked first: whose odds a calibration is fitted to. */
  readonly model: CalibratedModel
  /** How likely a verdict must be to be given. */
  readonly threshold: number
  /** What of the judges findings depend on, as it enters a request's key. */
  readonly identity: Identity
}

type Identity = {
  readonly head: string
  readonly verifier: string
  readonly scalings: string
  readonly threshold: number
}

/** The models that there are. */
export type JudgingModels = {
  readonly encoder?: VariantRef
  readonly head?: Head
  readonly verifier?: VariantRef | undefined
}

/**
 * The judges for these models.
 * @throws InputError ER_CONFIG where the configured calibration was fitted to another model's odds.
 */
export function judgesOf(
  { calibration, threshold }: Pick<ResolvedConfig, 'calibration' | 'threshold'>,
  { encoder, head, verifier }: JudgingModels,
): Judges {
  // Over another encoder's vectors the head's weights mean nothing.
  const fitting = head !== undefined && head.encoder === encoder?.weightsHash ? head : undefined
  const models = {
    head: { encoder: encoder?.weightsHash ?? '', judge: fitting?.revision ?? '' },
    verifier: { encoder: encoder?.weightsHash ?? '', judge: verifier?.weightsHash ?? '' },
  }
  const scalingOf = (who: 'head' | 'verifier'): Scaling => {
    if (calibration === 'none') return neutral
    if (calibration !== undefined && belongsTo(calibration, models[who])) return calibration
    if (who === 'verifier' || fitting === undefined) return neutral
    const own = parseCalibration(fitting.calibration)
    return { ...own, model: models.head }
  }
  const judges = {
    head: fitting,
    verifier,
    scalings: { head: scalingOf('head'), verifier: scalingOf('verifier') },
    model: verifier === undefined ? models.head : models.verifier,
    threshold,
  }
  const fits = typeof calibration !== 'object' || Object.values(judges.scalings).includes(calibration)
  if (encoder !== undefined && !fits) throw misfit(calibration, models)
  return { ...judges, identity: identityOf(judges) }
}

function misfit(calibration: Calibration, models: Readonly<Record<string, Calibration['model']>>): Error {
  const there = Object.entries(models).map(([who, { judge }]) => `${who} ${judge.slice(0, 12) || 'none'}`)
  return errorOf(
    'ER_CONFIG',
    `The calibration ${JSON.stringify(calibration.set)} was fitted to the judge ${calibration.model.judge.slice(0, 12)} over the encoder ${calibration.model.encoder.slice(0, 12)}, which is not in use here (${there.join(', ')}); fit it again with evidence-runner calibrate`,
  )
}

const identityOf = ({
  head,
  verifier,
  scalings,
  threshold,
}: Omit<Judges, 'identity' | 'model'>): Identity => ({
  head: head?.revision ?? '',
  verifier: verifier === undefined ? '' : `${verifier.revision}+${verifier.weightsHash}`,
  scalings: valueHash(scalings),
  threshold,
})

/** Name and revision of who judged by this method; null for a method that judges nothing. */
export function nameOf({ head, verifier }: Judges, judge: 'head' | 'verifier' | undefined): string | null {
  if (judge === 'head' && head !== undefined) return `${head.name}@${head.revision.slice(0, 12)}`
  if (judge === 'verifier' && verifier !== undefined) return `${verifier.name}@${verifier.revision}`
  return null
}
