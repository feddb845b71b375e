/** The few figures that benchmarks report: percentiles by nearest rank, so that each is a value that was seen. */

/**
 * The value at rank ceil(q · n), counted from 1.
 * @param q from 0 to 1.
 * @throws RangeError when there is no value.
 */
export function percentile(values: readonly number[], q: number): number {
  if (values.length === 0) throw new RangeError('No values, no percentile')
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] as number
}

/** The 50th percentile by nearest rank. */
export const median = (values: readonly number[]): number => percentile(values, 0.5)

/** Least and most, as text: how far rounds lay apart. */
export const spread = (values: readonly number[], digits = 0): string =>
  `${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)}`
