/**
 * Who says what a passage says of a claim, and how its word becomes a probability: a configured verifier, else
 * the head over the embeddings, else nobody, and nearness alone decides nothing. Of the claim as a whole a language
 * model can be asked instead.
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
  /** The language model whose chances of the verdicts' names decide; undefined where it is not to judge. */
  readonly generator: VariantRef | undefined
  readonly scalings: Readonly<Record<Who, Scaling>>
  /** Of whoever is asked first: whose odds a calibration is fitted to. */
  readonly model: CalibratedModel
  /** How likely a verdict must be to be given. */
  readonly threshold: number
  /** What of the judges findings depend on, as it enters a request's key. */
  readonly identity: Identity
}

type Who = 'head' | 'verifier' | 'generator'

type Identity = {
  readonly head: string
  readonly verifier: string
  readonly generator: string
  readonly scalings: string
  readonly threshold: number
}

/** The models that there are. */
export type JudgingModels = {
  readonly encoder?: VariantRef
  readonly head?: Head
  readonly verifier?: VariantRef | undefined
  readonly generator?: VariantRef | undefined
}

/**
 * The judges for these models.
 * @throws InputError ER_CONFIG where the configured calibration was fitted to another model's odds.
 */
export function judgesOf(
  {
    calibration,
    judge,
    threshold,
  }: Pick<ResolvedConfig, 'calibration' | 'threshold'> & Partial<Pick<ResolvedConfig, 'judge'>>,
  { encoder, generator, head, verifier }: JudgingModels,
): Judges {
  // Over another encoder's vectors the head's weights mean nothing.
  const fitting = head !== undefined && head.encoder === encoder?.weightsHash ? head : undefined
  const models = {
    head: { encoder: encoder?.weightsHash ?? '', judge: fitting?.revision ?? '' },
    verifier: { encoder: encoder?.weightsHash ?? '', judge: verifier?.weightsHash ?? '' },
    // It reads the passages itself, whoever chose them.
    generator: { encoder: 'none', judge: generator === undefined ? '' : revisionOf(generator) },
  }
  const fittedToGenerator = typeof calibration === 'object' && belongsTo(calibration, models.generator)
  const judging = judge === 'generator' || fittedToGenerator ? generator : undefined
  const scalingOf = (who: Who): Scaling => {
    if (calibration === 'none') return neutral
    if (calibration !== undefined && belongsTo(calibration, models[who])) return calibration
    if (who !== 'head' || fitting === undefined) return neutral
    const own = parseCalibration(fitting.calibration)
    return { ...own, model: models.head }
  }
  const judges = {
    head: fitting,
    verifier,
    generator: judging,
    scalings: {
      head: scalingOf('head'),
      verifier: scalingOf('verifier'),
      generator: scalingOf('generator'),
    },
    model: judging !== undefined ? models.generator : verifier === undefined ? models.head : models.verifier,
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
  generator,
  head,
  verifier,
  scalings,
  threshold,
}: Omit<Judges, 'identity' | 'model'>): Identity => ({
  head: head?.revision ?? '',
  verifier: verifier === undefined ? '' : revisionOf(verifier),
  generator: generator === undefined ? '' : revisionOf(generator),
  scalings: valueHash(scalings),
  threshold,
})

/** A model's revision and weights in one. */
export const revisionOf = ({ revision, weightsHash }: VariantRef): string => `${revision}+${weightsHash}`

/** Name and revision of who judged by this method; null for a method that judges nothing. */
export function nameOf({ generator, head, verifier }: Judges, judge: Who | undefined): string | null {
  if (judge === 'generator' && generator !== undefined) return `${generator.name}@${generator.revision}`
  if (judge === 'head' && head !== undefined) return `${head.name}@${head.revision.slice(0, 12)}`
  if (judge === 'verifier' && verifier !== undefined) return `${verifier.name}@${verifier.revision}`
  return null
}
