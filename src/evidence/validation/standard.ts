/** The validators that every answer goes through, cheapest first, and then those of the caller. */
import { citationIntegrity } from './citation-integrity.ts'
import { completeness } from './completeness.ts'
import { type ConsistencyOptions, consistency } from './consistency.ts'
import type { Validator } from './pipeline.ts'
import { type QualityOptions, quality } from './quality.ts'
import { type SafetyOptions, safety } from './safety/safety.ts'

/** How the built-in validators are set, and what comes after them. */
export type StandardOptions = {
  readonly consistency?: ConsistencyOptions
  readonly quality?: QualityOptions
  /** `false` leaves sources unread. @default {} */
  readonly safety?: SafetyOptions | false
  /** Run after the built-in ones, in their order. */
  readonly custom?: readonly Validator[]
}

/** Make them once and use them for every answer. */
export function standardValidators(options: StandardOptions = {}): readonly Validator[] {
  const { custom = [] } = options
  return [
    completeness,
    consistency(options.consistency),
    quality(options.quality),
    citationIntegrity,
    ...(options.safety === false ? [] : [safety(options.safety)]),
    ...custom,
  ]
}
