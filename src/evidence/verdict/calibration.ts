/**
 * A calibration: how a verifier's odds become chances that hold, what it was fitted on, and how far off it
 * was there. The shape of its JSON file and of the configuration's value; `fit.ts` makes one.
 */
import * as z from 'zod'
import { InputError } from '../../core/errors.ts'
import type { ClaimScale, PairScale } from './chances.ts'

const number = z.number().min(-100).max(100)
const temperature = z.number().min(0.01).max(100)
const measured = {
  /** Cases that it was fitted on. */
  n: z.int().min(0),
  /** Expected calibration error on cases that were left out of the fit; null where there were too few. */
  ece: z.number().min(0).max(1).nullable(),
  /** Mean -ln of the right label's chance, on cases that were left out of the fit. */
  nll: z.number().min(0).nullable(),
  /** The same for one who always says how frequent each label is. */
  baseNll: z.number().min(0).nullable(),
}

const calibrationSchema = z.strictObject({
  version: z.literal(1),
  /** Name of what it was fitted on. */
  set: z.string().min(1).max(200),
  /** Claims that it was fitted on. */
  n: z.int().min(1),
  /** Expected calibration error of a claim's likeliest label, on claims that were left out of the fit. */
  ece: z.number().min(0).max(1),
  /** Of one passage or source. Biases of supports, refutes, neither. */
  pair: z.strictObject({ temperature, biases: z.tuple([number, number, number]).readonly(), ...measured }),
  /** Of the whole claim. Biases of supports, refutes, disputed, neither. */
  claim: z.strictObject({
    temperature,
    biases: z.tuple([number, number, number, number]).readonly(),
    ...measured,
  }),
  /** Whose odds it was fitted to. */
  model: z.strictObject({
    /** Hash of the encoder's weights. */
    encoder: z.string().min(1).max(200),
    /** Revision of the head or of the verifier. */
    judge: z.string().min(1).max(200),
  }),
})

/** How odds become chances, what that was fitted on and how well it holds. */
export type Calibration = z.output<typeof calibrationSchema>

/** Whose odds a calibration was fitted to. */
export type CalibratedModel = Calibration['model']

/** What judging needs of a calibration. */
export type Scales = { readonly pair: PairScale; readonly claim: ClaimScale }

/** Odds as they came. */
export const neutral: Scales & { readonly set: 'uncalibrated' } = {
  set: 'uncalibrated',
  pair: { temperature: 1, biases: [0, 0, 0] },
  claim: { temperature: 1, biases: [0, 0, 0, 0] },
}

/** @throws InputError ER_CONFIG naming every field that is wrong. */
export function parseCalibration(value: unknown): Calibration {
  const parsed = calibrationSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  )
  throw new InputError(
    'ER_CONFIG',
    `Invalid calibration: ${faults.join('; ')}; evidence-runner calibrate makes one`,
  )
}

/** What a result says of its calibration. */
export type SaidCalibration = Pick<Calibration, 'set' | 'n' | 'ece'> | 'uncalibrated'

/** What a result says of its calibration. */
export const saidOf = (calibration: Calibration | typeof neutral): SaidCalibration =>
  'n' in calibration ? { set: calibration.set, n: calibration.n, ece: calibration.ece } : 'uncalibrated'

/** Whether a calibration was fitted to the odds of this encoder and judge; another's would not hold. */
export const belongsTo = ({ model }: Calibration, { encoder, judge }: CalibratedModel): boolean =>
  model.encoder === encoder && model.judge === judge
