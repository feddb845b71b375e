/** Measures that look at order alone: ranks, the area under the ROC curve, Spearman's and Pearson's correlation. */

/** Ranks from 1, in the order of `values`; equal values share the mean of their ranks. */
export function meanRanks(values: readonly number[]): number[] {
  const order = values.map((_, index) => index).sort((a, b) => at(values, a) - at(values, b))
  const ranks = new Array<number>(values.length)
  for (let first = 0; first < order.length; ) {
    let last = first
    while (last + 1 < order.length && at(values, at(order, last + 1)) === at(values, at(order, first)))
      last += 1
    for (let place = first; place <= last; place += 1) ranks[at(order, place)] = (first + last) / 2 + 1
    first = last + 1
  }
  return ranks
}

/** A score, and whether it belongs to what is looked for. */
export type Scored = { readonly score: number; readonly positive: boolean }

/**
 * How likely a positive has a higher score than a negative, a tie counting half: 0.5 is chance (Mann and Whitney's
 * U over the number of pairs). Undefined where either side is empty.
 */
export function auroc(scored: readonly Scored[]): number | undefined {
  const positives = scored.filter(({ positive }) => positive).length
  const negatives = scored.length - positives
  if (positives === 0 || negatives === 0) return undefined
  const ranks = meanRanks(scored.map(({ score }) => score))
  const sum = ranks.reduce((total, rank, index) => total + (scored[index]?.positive === true ? rank : 0), 0)
  return (sum - (positives * (positives + 1)) / 2) / (positives * negatives)
}

/** Pearson's correlation; undefined where one side does not vary. */
export function pearson(a: readonly number[], b: readonly number[]): number | undefined {
  if (a.length !== b.length) throw new RangeError(`${a.length} values can't be compared with ${b.length}`)
  const [meanA, meanB] = [mean(a), mean(b)]
  let [both, squaresA, squaresB] = [0, 0, 0]
  for (const [index, value] of a.entries()) {
    const [fromA, fromB] = [value - meanA, at(b, index) - meanB]
    both += fromA * fromB
    squaresA += fromA ** 2
    squaresB += fromB ** 2
  }
  return squaresA === 0 || squaresB === 0 ? undefined : both / Math.sqrt(squaresA * squaresB)
}

/** Spearman's correlation: Pearson's of the mean ranks, which holds with ties, too. */
export const spearman = (a: readonly number[], b: readonly number[]): number | undefined =>
  pearson(meanRanks(a), meanRanks(b))

/** The arithmetic mean; NaN of nothing. */
export const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

const at = (values: readonly number[], index: number): number => values[index] as number
