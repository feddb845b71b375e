/** Chance that repeats with its seed. */

/** Numbers from 0 to 1 (a linear congruential generator, Numerical Recipes). */
export function generator(seed: number): () => number {
  let state = seed >>> 0
  const next = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 4294967296
  }
  for (let index = 0; index < 16; index += 1) next()
  return next
}

/** A number of the standard normal distribution (Box and Muller). */
export const gaussian = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
