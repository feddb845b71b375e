/** How good probabilities are as such: negative log-likelihood, Brier score, AUROC of each label. */

import { type Chances, claimLabels, type Judged, type Label } from './labels.ts'
import { auroc } from './rank.ts'

export type Likelihood = {
  readonly n: number
  /** Cases whose label the probabilities do not know, such as DISPUTED for three of them; not in nll and brier. */
  readonly leftOut: number
  /** Mean of -ln of the label's probability, in nats; less is better. */
  readonly nll: number | undefined
  /** The same for one who always says how frequent the labels are in these cases. */
  readonly nllOfBaseRate: number | undefined
  /** Mean squared distance to the truth, summed over the labels: 0 to 2, less is better. */
  readonly brier: number | undefined
  readonly brierOfBaseRate: number | undefined
  /** Each label against the rest, by its probability. */
  readonly auroc: Readonly<Partial<Record<Label, number>>>
  /** SUPPORTS against REFUTES, among those labelled so, by ln supports - ln refutes. */
  readonly supportsAgainstRefutes: number | undefined
}

/** What is said to be impossible and happens costs -ln of this, not infinity. */
const leastChance = 1e-9

/** Undefined where no case has probabilities. */
export function likelihoodOf(judged: readonly Judged[]): Likelihood | undefined {
  const cases = judged.flatMap(({ chances, label }) => (chances === undefined ? [] : [{ chances, label }]))
  if (cases.length === 0) return undefined
  const known = cases.filter(({ chances, label }) => chances[label] !== undefined)
  const frequencies: Chances = Object.fromEntries(
    claimLabels.map(label => [label, known.filter(each => each.label === label).length / known.length]),
  )
  const constant = known.map(({ label }) => ({ label, chances: frequencies }))
  const sides = cases.flatMap(({ chances: { SUPPORTS = 0, REFUTES = 0 }, label }) =>
    label === 'SUPPORTS' || label === 'REFUTES'
      ? [
          {
            // A share of both would be 1 from some odds on, whatever they are.
            score: SUPPORTS === REFUTES ? 0 : Math.log(SUPPORTS) - Math.log(REFUTES),
            positive: label === 'SUPPORTS',
          },
        ]
      : [],
  )
  const areas = claimLabels.flatMap(label => {
    const having = cases.filter(({ chances }) => chances[label] !== undefined)
    const area = auroc(
      having.map(each => ({ score: each.chances[label] ?? 0, positive: each.label === label })),
    )
    return area === undefined ? [] : [[label, area] as const]
  })
  return {
    n: cases.length,
    leftOut: cases.length - known.length,
    nll: nll(known),
    nllOfBaseRate: nll(constant),
    brier: brier(known),
    brierOfBaseRate: brier(constant),
    auroc: Object.fromEntries(areas),
    supportsAgainstRefutes: auroc(sides),
  }
}

type Case = { readonly label: Label; readonly chances: Chances }

function nll(cases: readonly Case[]): number | undefined {
  if (cases.length === 0) return undefined
  const losses = cases.map(({ chances, label }) => -Math.log(Math.max(leastChance, chances[label] ?? 0)))
  return losses.reduce((sum, loss) => sum + loss, 0) / cases.length
}

function brier(cases: readonly Case[]): number | undefined {
  if (cases.length === 0) return undefined
  const losses = cases.map(({ chances, label }) =>
    claimLabels.reduce((sum, each) => sum + ((chances[each] ?? 0) - (each === label ? 1 : 0)) ** 2, 0),
  )
  return losses.reduce((sum, loss) => sum + loss, 0) / cases.length
}
