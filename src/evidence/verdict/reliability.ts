/**
 * Whether what is said to be likely comes true as often as was said. Cases of equal confidence are not told
 * apart, so no figure depends on the order that they came in. Pure; chance has a fixed seed.
 */

/** How likely something was said to be, and whether it was so. */
export type Said = { readonly confidence: number; readonly right: boolean }

type Rated = { readonly confidence: number; readonly right: number }

/** In a smaller bin chance alone would look like an error. */
const leastOfBin = 20
const mostBins = 10
const draws = 200

/** Expected calibration error over bins of equal mass: ten, fewer where they would hold less than 20 cases. */
export function errorOf(cases: readonly Said[]): number {
  return errorOfSorted(sorted(cases))
}

/**
 * The mean calibration error of `n` cases if every confidence were true: what chance alone makes at this n.
 * The confidences are those given, again and again where n is more than there are.
 */
export function errorOfPerfect(n: number, confidences: readonly number[]): number {
  if (n === 0 || confidences.length === 0) return 0
  const known = confidences.toSorted((a, b) => a - b)
  const random = randomFrom(1)
  const taken = Array.from(
    { length: n },
    (_, index) => known[Math.floor((index * known.length) / n)] as number,
  )
  let sum = 0
  for (let draw = 0; draw < draws; draw += 1)
    sum += errorOfSorted(taken.map(confidence => ({ confidence, right: random() < confidence ? 1 : 0 })))
  return sum / draws
}

/** The share of the most confident part that is right; at least one case. */
export function accuracyOfSurest(cases: readonly Said[], part: number): number {
  const surest = level(sorted(cases).reverse())
  return mean(surest.slice(0, Math.max(1, Math.round(part * surest.length))).map(({ right }) => right))
}

const sorted = (cases: readonly Said[]): Rated[] =>
  cases
    .map(({ confidence, right }) => ({ confidence, right: right ? 1 : 0 }))
    .sort((a, b) => a.confidence - b.confidence)

function errorOfSorted(cases: readonly Rated[]): number {
  const levelled = level(cases)
  const count = Math.max(1, Math.min(mostBins, Math.floor(levelled.length / leastOfBin)))
  let sum = 0
  for (let bin = 0; bin < count; bin += 1) {
    const [from, to] = [bin, bin + 1].map(edge => Math.floor((edge * levelled.length) / count))
    let difference = 0
    for (const { confidence, right } of levelled.slice(from, to)) difference += confidence - right
    sum += Math.abs(difference)
  }
  return levelled.length === 0 ? 0 : sum / levelled.length
}

/** Sorted cases, each with the mean outcome of those with its confidence. */
function level(cases: readonly Rated[]): Rated[] {
  const levelled: Rated[] = []
  for (let first = 0; first < cases.length; first = levelled.length) {
    const { confidence } = cases[first] as Rated
    let [next, right] = [first, 0]
    for (; cases[next]?.confidence === confidence; next += 1) right += (cases[next] as Rated).right
    for (let place = first; place < next; place += 1)
      levelled.push({ confidence, right: right / (next - first) })
  }
  return levelled
}

/** NaN for no value. */
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length

/** Numbers from 0 to 1 that repeat with the seed (mulberry32, Tommy Ettinger, public domain). */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
