/** Answers against labels: who was taken for whom, and the figures that follow from those counts. */
import { claimLabels, type Label } from './labels.ts'

/** One label's row. */
export type ClassFigures = {
  readonly label: Label
  /** How often people gave it. */
  readonly n: number
  /** How often it was answered. */
  readonly answered: number
  /** Of what was answered so, the part that is so; undefined where it was never answered. */
  readonly precision: number | undefined
  /** Of what is so, the part that was answered so; undefined where it never is. */
  readonly recall: number | undefined
  readonly f1: number
}

export type Confusion = {
  readonly n: number
  readonly right: number
  readonly accuracy: number
  /** Mean F1 over the labels that were given or answered; one that was never right counts 0. */
  readonly macroF1: number
  readonly classes: readonly ClassFigures[]
  /** `counts[label][answer]`, over the labels that were given or answered. */
  readonly counts: Readonly<Partial<Record<Label, Readonly<Partial<Record<Label, number>>>>>>
}

/** Undefined where there is nothing to compare. */
export function confusionOf(
  pairs: readonly { readonly label: Label; readonly answer: Label }[],
): Confusion | undefined {
  if (pairs.length === 0) return undefined
  const used = claimLabels.filter(label => pairs.some(pair => pair.label === label || pair.answer === label))
  const count = (label: Label, answer: Label) =>
    pairs.filter(pair => pair.label === label && pair.answer === answer).length
  const counts = Object.fromEntries(
    used.map(label => [label, Object.fromEntries(used.map(answer => [answer, count(label, answer)]))]),
  )
  const classes = used.map(label => {
    const n = pairs.filter(pair => pair.label === label).length
    const answered = pairs.filter(pair => pair.answer === label).length
    const right = count(label, label)
    return {
      label,
      n,
      answered,
      precision: answered === 0 ? undefined : right / answered,
      recall: n === 0 ? undefined : right / n,
      f1: (2 * right) / (n + answered),
    }
  })
  const right = pairs.filter(({ answer, label }) => answer === label).length
  return {
    n: pairs.length,
    right,
    accuracy: right / pairs.length,
    macroF1: classes.reduce((sum, { f1 }) => sum + f1, 0) / classes.length,
    classes,
    counts,
  }
}
