/** How rare words are: one number a bucket of a small hash table, learned from the training texts. */
import type { Rarity } from './signs.ts'

/** The bucket of a stem in a table of `size`: FNV-1a over its UTF-16 units. */
export function bucketOf(stem: string, size: number): number {
  let hash = 0x811c9dc5
  for (let index = 0; index < stem.length; index += 1) {
    hash ^= stem.charCodeAt(index)
    hash = Math.imul(hash, 0x01000193)
  }
  return (hash >>> 0) % size
}

/** Looks rarities up in `table` (0 to 255; 255 is never seen). */
export const rarityIn =
  (table: Uint8Array): Rarity =>
  stem =>
    (table[bucketOf(stem, table.length)] as number) / 255

/**
 * The table for `texts` of stems: the logarithm of how few of them hold a word of the bucket.
 * A bucket that none holds is 255.
 */
export function rarityTable(texts: Iterable<ReadonlySet<string>>, size: number): Uint8Array {
  const counts = new Uint32Array(size)
  let all = 0
  for (const stems of texts) {
    all += 1
    for (const bucket of new Set([...stems].map(stem => bucketOf(stem, size))))
      counts[bucket] = (counts[bucket] as number) + 1
  }
  return Uint8Array.from(counts, count =>
    Math.round((255 * Math.log((all + 1) / (count + 1))) / Math.log(all + 1)),
  )
}
