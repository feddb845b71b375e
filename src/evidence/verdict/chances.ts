/**
 * Chances, and the arithmetic that keeps them chances: odds, softmax, temperature and biases. A passage's
 * three chances are held as two odds against "neither" (natural logarithms), since a calibration shifts and
 * stretches those alone, and maxima of odds come before or after it to the same end. Pure.
 */

/** What one passage, or one source, says of the claim; the three add up to 1. */
export type Chances = { readonly supports: number; readonly refutes: number; readonly neither: number }

/** What all sources together say of the claim; the four add up to 1. */
export type ClaimChances = Chances & { readonly disputed: number }

/** ln(supports / neither) and ln(refutes / neither). */
export type Odds = { readonly supports: number; readonly refutes: number }

/** How numbers become chances: divided by the temperature, then a bias added for each label. */
export type Scale<Biases extends readonly number[]> = {
  readonly temperature: number
  readonly biases: Biases
}

/** Biases of supports, refutes, neither. */
export type PairScale = Scale<readonly [number, number, number]>
/** Biases of supports, refutes, disputed, neither. */
export type ClaimScale = Scale<readonly [number, number, number, number]>

/** Odds beyond this are not told apart; so none is infinite, and each can be read back from chances. */
const farthest = 300

const within = (odds: number): number => Math.max(-farthest, Math.min(farthest, odds))

/** ln Σ exp(values), without overflow. */
export function logSumExp(values: readonly number[]): number {
  const most = Math.max(...values)
  if (!Number.isFinite(most)) return most
  return most + Math.log(values.reduce((sum, value) => sum + Math.exp(value - most), 0))
}

/** exp(values) made to add up to 1. */
export function softmax(values: readonly number[]): number[] {
  const sum = logSumExp(values)
  return values.map(value => Math.exp(value - sum))
}

/** The odds behind logits of supports, refutes, neither; NaN counts as nothing said. */
export function oddsOfLogits([supports, refutes, neither]: readonly [number, number, number]): Odds {
  const against = (side: number) => (Number.isNaN(side - neither) ? -farthest : within(side - neither))
  return { supports: against(supports), refutes: against(refutes) }
}

/** The odds behind chances. */
export function oddsOfChances({ supports, refutes, neither }: Chances): Odds {
  const against = (side: number) => within(Math.log(side) - Math.log(neither))
  if (neither === 0 && supports === 0 && refutes === 0) return { supports: -farthest, refutes: -farthest }
  return {
    supports: supports === 0 ? -farthest : against(supports),
    refutes: refutes === 0 ? -farthest : against(refutes),
  }
}

/** Odds under a calibration. */
export function scaledOdds({ supports, refutes }: Odds, { temperature, biases }: PairScale): Odds {
  const [s, r, n] = biases
  return { supports: within(supports / temperature + s - n), refutes: within(refutes / temperature + r - n) }
}

/** The three chances that odds stand for. Exchanging the odds exchanges the chances, to the last bit. */
export function chancesOfOdds({ supports, refutes }: Odds): Chances {
  const most = Math.max(supports, refutes, 0)
  const [s, r, n] = [Math.exp(supports - most), Math.exp(refutes - most), Math.exp(-most)]
  const sum = s + r + n
  return { supports: s / sum, refutes: r / sum, neither: n / sum }
}

/** The four chances of a claim whose odds of being supported, and of being refuted, are these, each on its own. */
export function claimChancesOf(
  { supports, refutes }: Odds,
  { temperature, biases }: ClaimScale,
): ClaimChances {
  const values = [
    supports / temperature + biases[0],
    refutes / temperature + biases[1],
    (supports + refutes) / temperature + biases[2],
    biases[3],
  ] as const
  const most = Math.max(...values)
  const [s, r, d, n] = values.map(value => Math.exp(value - most)) as [number, number, number, number]
  const sum = s + r + (d + n)
  return { supports: s / sum, refutes: r / sum, disputed: d / sum, neither: n / sum }
}

/** Chances this small are not told apart, so that none is -Infinity. */
const leastChance = 1e-9

/** Natural logarithms of supports, refutes, disputed, neither. */
export const logsOfChances = ({ supports, refutes, disputed, neither }: ClaimChances): number[] =>
  [supports, refutes, disputed, neither].map(chance => Math.log(Math.max(leastChance, chance)))

/** Chances that a model gave to the claim as a whole, under a calibration. */
export function rescaledChances(chances: ClaimChances, { temperature, biases }: ClaimScale): ClaimChances {
  const scaled = logsOfChances(chances).map((log, place) => log / temperature + (biases[place] as number))
  const [supports, refutes, disputed, neither] = softmax(scaled) as [number, number, number, number]
  return { supports, refutes, disputed, neither }
}
