/** About how much memory plain data takes, to keep what waits within bounds; not for anything exact. */

/** Members of an array that are looked at; the others are taken for as large. */
const sample = 16
/** Deeper than this, a value is taken for a small one. */
const mostDepth = 12
const smallBytes = 64

/** Bytes, roughly: texts twice a character, typed arrays by their bytes. Quick even for large values. */
export function roughBytes(value: unknown, depth = 0): number {
  if (typeof value === 'string') return 16 + 2 * value.length
  if (typeof value !== 'object' || value === null) return 8
  if (ArrayBuffer.isView(value)) return smallBytes + value.byteLength
  if (depth === mostDepth) return smallBytes
  let bytes = 32
  if (!Array.isArray(value)) {
    for (const member of Object.values(value)) bytes += 8 + roughBytes(member, depth + 1)
    return bytes
  }
  const looked = Math.min(sample, value.length)
  for (let place = 0; place < looked; place += 1) bytes += 8 + roughBytes(value[place], depth + 1)
  return looked === value.length ? bytes : (bytes * value.length) / looked
}
