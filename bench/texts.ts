/** Texts about software operations, always the same for the same seed: 4 to 80 words, most of them short. */

const subjects = [
  'the checkout gateway',
  'a nightly backup job',
  'the payments queue',
  'the search indexer',
  'our primary database',
  'the image resizer',
  'one of the edge nodes',
  'the deploy pipeline',
  'the login service',
  'the metrics collector',
]
const verbs = ['restarted', 'timed out', 'recovered', 'was rolled back', 'fell behind', 'rejected requests']
const details = [
  'after eight consecutive timeouts',
  'because a certificate had expired',
  'while the replica was catching up',
  'with a median wait of 97 seconds',
  'once the disk reached 92 percent',
  'during the second canary stage',
  'although every health check was green',
  'so the on-call engineer raised the limit',
  'and the error budget for the week was spent',
  'until the cache had been warmed again',
  'when version 4.17.2 was switched on',
  'for eleven minutes on edge-4',
]

/** A generator of numbers from 0 to 1 (mulberry32). */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** `count` texts, no two of them equal. */
export function mixedTexts(count: number, seed = 1): string[] {
  const random = randomFrom(seed)
  // Squared, so that short texts are common and long ones occur, as in real passages.
  return Array.from({ length: count }, (_, index) => text(random, 4 + Math.round(76 * random() ** 2), index))
}

/** `count` texts of `words` words each. */
export function longTexts(count: number, words: number, seed = 2): string[] {
  const random = randomFrom(seed)
  return Array.from({ length: count }, (_, index) => text(random, words, index))
}

/** One sentence of 12 to 25 words; others for another `number`. */
export function sentence(number: number, seed = 3): string {
  const random = randomFrom(seed * 1_000_003 + number)
  return `${text(random, 12 + Math.round(13 * random()), number)}.`
}

function text(random: () => number, words: number, number: number): string {
  const pick = (list: readonly string[]) => list[Math.floor(random() * list.length)] as string
  const made = [`Incident ${number}:`, pick(subjects), pick(verbs)].join(' ').split(' ')
  while (made.length < words) made.push(...pick(details).split(' '))
  return made.slice(0, words).join(' ')
}
