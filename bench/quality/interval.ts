/** How far a share that was counted may be from the true one. */

/** A share with its counts, and the interval that holds the true share 19 times of 20. */
export type Share = {
  readonly right: number
  readonly n: number
  /** Undefined of nothing, as is the interval. */
  readonly share: number | undefined
  readonly interval: readonly [number, number] | undefined
}

/** Of a normal distribution 95 % lie within so many standard deviations. */
const deviations = 1.959963984540054

/** Wilson's score interval at 95 %: inside 0 to 1 and honest where all or none of a few are right. */
export function shareOf(right: number, n: number): Share {
  if (n === 0) return { right, n, share: undefined, interval: undefined }
  const share = right / n
  const square = deviations ** 2 / n
  const middle = (share + square / 2) / (1 + square)
  const half = (deviations / (1 + square)) * Math.sqrt((share * (1 - share)) / n + square / (4 * n))
  return { right, n, share, interval: [Math.max(0, middle - half), Math.min(1, middle + half)] }
}

/** `47 of 50: 94.0 % (83.8 to 97.9)`, the interval at 95 %. */
export function shareText({ interval, n, right, share }: Share): string {
  if (share === undefined || interval === undefined) return '-'
  const [least, most] = interval.map(hundredfold)
  return `${right} of ${n}: ${hundredfold(share)} % (${least} to ${most})`
}

const hundredfold = (value: number): string => (100 * value).toFixed(1)
