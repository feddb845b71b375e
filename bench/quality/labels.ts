/** The labels that people give, and how answers of the library read in the same words. */
import type { Verdict } from '../../src/index.ts'

/** What a claim's sources say of it together. */
export const claimLabels = ['SUPPORTS', 'REFUTES', 'DISPUTED', 'NOT_ENOUGH_INFO'] as const
/** What one source says of a claim. */
export const sourceLabels = ['SUPPORTS', 'REFUTES', 'NOT_ENOUGH_INFO'] as const

export type Label = (typeof claimLabels)[number]
export type SourceLabel = (typeof sourceLabels)[number]

/** A chance for each label; labels that the answer knows nothing of are absent. */
export type Chances = Readonly<Partial<Record<Label, number>>>

/** One thing that people labelled, and what was answered. */
export type Judged = {
  readonly label: Label
  /** Undefined where no verdict was given. */
  readonly answer: Label | undefined
  /** Of the answer: how likely it is said to be right, 0 to 1. */
  readonly confidence: number
  readonly chances: Chances | undefined
}

const labelOfVerdict: Readonly<Record<Verdict, Label>> = {
  supported: 'SUPPORTS',
  refuted: 'REFUTES',
  disputed: 'DISPUTED',
  'not-enough-evidence': 'NOT_ENOUGH_INFO',
}

/** The label that a verdict stands for; undefined for one that decides nothing. */
export const labelOf = (verdict: string): Label | undefined =>
  Object.hasOwn(labelOfVerdict, verdict) ? labelOfVerdict[verdict as Verdict] : undefined

const keys = {
  supports: 'SUPPORTS',
  refutes: 'REFUTES',
  disputed: 'DISPUTED',
  neither: 'NOT_ENOUGH_INFO',
} as const

/** `probabilities` of a result or an assessment in the words of labels; undefined where they are not complete. */
export function chancesOf(probabilities: unknown): Chances | undefined {
  const given = Object.entries(keys).flatMap(([key, label]) => {
    const value = (probabilities as Readonly<Record<string, unknown>> | null | undefined)?.[key]
    return typeof value === 'number' && Number.isFinite(value) ? [[label, value] as const] : []
  })
  const chances: Chances = Object.fromEntries(given)
  return sourceLabels.every(label => chances[label] !== undefined) ? chances : undefined
}

/** The likeliest label; of equally likely ones the first in the order of `claimLabels`. */
export function likeliest(chances: Chances): { readonly label: Label; readonly chance: number } {
  let best: { label: Label; chance: number } = { label: 'NOT_ENOUGH_INFO', chance: Number.NEGATIVE_INFINITY }
  for (const label of claimLabels) {
    const chance = chances[label]
    if (chance !== undefined && chance > best.chance) best = { label, chance }
  }
  return best
}

/** The likeliest label as the answer, held against what people say. */
export function judgedBy(label: Label, probabilities: unknown): Judged {
  const chances = chancesOf(probabilities)
  const best = chances === undefined ? undefined : likeliest(chances)
  return { label, answer: best?.label, confidence: best?.chance ?? 0, chances }
}
