/**
 * Fits one temperature and a bias for each label by penalised maximum likelihood: with w = 1 / temperature,
 * -Σ ln softmax(w · score + bias)[label] + the penalty, which is convex in w and the biases, so that Newton's
 * steps end at the one minimum, whatever the start. Pure.
 */
import { logSumExp, type Scale, softmax } from './chances.ts'

/** Scores of one case, one a label, and the place of the right one. */
export type ScoredCase = { readonly scores: readonly number[]; readonly label: number }

/**
 * What is believed beforehand, worth so many cases. `w`: of a gamma distribution around 1, which keeps w above 0;
 * `bias`: of a normal distribution around 0. A few dozen cases of few labels would else send the temperature
 * anywhere, up to answers that are all alike.
 */
export type Belief = { readonly w: number; readonly bias: number }

const steps = 200
/** Newton ends where no step would gain more than this, in nats. */
const enough = 1e-10
/** 1 / the highest temperature: all but the labels' frequencies is gone there. */
const leastW = 0.02
/** 1 / the lowest temperature. */
const mostW = 50

/** Biases come in the order of the labels. Without a case, what is believed beforehand. */
export function fitScale<const Labels extends readonly string[]>(
  cases: readonly ScoredCase[],
  labels: Labels,
  belief: Belief,
): Scale<{ readonly [Place in keyof Labels]: number }> {
  const free = minimum(cases, [1, ...labels.map(() => 0)], belief, true)
  const w = Math.min(mostW, Math.max(leastW, free[0] as number))
  // A w that lies outside is held at the border, and the biases are fitted beside it.
  const found = w === free[0] ? free : minimum(cases, [w, ...free.slice(1)], belief, false)
  return { temperature: 1 / w, biases: found.slice(1) as { [Place in keyof Labels]: number } }
}

/** Newton's method with steps that are halved until they gain. `found[0]` is w, the rest are biases. */
function minimum(
  cases: readonly ScoredCase[],
  start: readonly number[],
  belief: Belief,
  moveW: boolean,
): number[] {
  let found = [...start]
  let loss = lossOf(cases, found, belief)
  for (let step = 0; step < steps; step += 1) {
    const { gradient, curvature } = slopeOf(cases, found, belief)
    if (!moveW) {
      gradient[0] = 0
      curvature[0] = curvature.map((_, column) => (column === 0 ? 1 : 0))
      for (const row of curvature.slice(1)) row[0] = 0
    }
    const move = solved(curvature, gradient)
    const promise = move.reduce((sum, each, place) => sum + each * (gradient[place] as number), 0)
    if (promise < enough) break
    let part = 1
    let next = found
    let nextLoss = loss
    while (part > 1e-9) {
      next = found.map((value, place) => value - part * (move[place] as number))
      nextLoss = lossOf(cases, next, belief)
      if (nextLoss <= loss - 1e-4 * part * promise) break
      part /= 2
    }
    if (nextLoss >= loss) break
    found = next
    loss = nextLoss
  }
  return found
}

const valuesOf = (scores: readonly number[], [w = 1, ...biases]: readonly number[]): number[] =>
  scores.map((score, label) => w * score + (biases[label] as number))

function lossOf(cases: readonly ScoredCase[], at: readonly number[], belief: Belief): number {
  let loss = 0
  for (const { label, scores } of cases) {
    const values = valuesOf(scores, at)
    loss += logSumExp(values) - (values[label] as number)
  }
  const [w = 1, ...biases] = at
  if (w <= 0) return Number.POSITIVE_INFINITY
  const square = biases.reduce((sum, bias) => sum + bias * bias, 0)
  return loss + belief.w * (w - 1 - Math.log(w)) + (belief.bias * square) / 2
}

/** First and second derivatives of the loss. */
function slopeOf(cases: readonly ScoredCase[], at: readonly number[], belief: Belief) {
  const size = at.length
  const gradient = at.map((value, place) => (place === 0 ? belief.w * (1 - 1 / value) : belief.bias * value))
  const curvature = at.map((value, row) =>
    at.map((_, column) => (row !== column ? 0 : row === 0 ? belief.w / value ** 2 : belief.bias)),
  )
  for (const { label, scores } of cases) {
    const chances = softmax(valuesOf(scores, at))
    const expected = chances.reduce((sum, chance, place) => sum + chance * (scores[place] as number), 0)
    gradient[0] = (gradient[0] as number) + expected - (scores[label] as number)
    const first = curvature[0] as number[]
    for (const [place, chance] of chances.entries()) {
      const score = scores[place] as number
      const row = curvature[place + 1] as number[]
      gradient[place + 1] = (gradient[place + 1] as number) + chance - (place === label ? 1 : 0)
      first[0] = (first[0] as number) + chance * (score - expected) ** 2
      const mixed = chance * (score - expected)
      first[place + 1] = (first[place + 1] as number) + mixed
      row[0] = (row[0] as number) + mixed
      for (let other = 1; other < size; other += 1) {
        const both = other === place + 1 ? chance : 0
        row[other] = (row[other] as number) + both - chance * (chances[other - 1] as number)
      }
    }
  }
  return { gradient, curvature }
}

/** x of matrix · x = right, by elimination; the matrix is positive definite, so no pivot is 0. */
function solved(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const rows = matrix.map((row, place) => [...row, right[place] as number])
  const size = rows.length
  for (let pivot = 0; pivot < size; pivot += 1) {
    const top = rows[pivot] as number[]
    for (let below = pivot + 1; below < size; below += 1) {
      const row = rows[below] as number[]
      const factor = (row[pivot] as number) / (top[pivot] as number)
      for (let column = pivot; column <= size; column += 1)
        row[column] = (row[column] as number) - factor * (top[column] as number)
    }
  }
  const found = Array.from({ length: size }, () => 0)
  for (let place = size - 1; place >= 0; place -= 1) {
    const row = rows[place] as number[]
    let rest = row[size] as number
    for (let column = place + 1; column < size; column += 1)
      rest -= (row[column] as number) * (found[column] as number)
    found[place] = rest / (row[place] as number)
  }
  return found
}
