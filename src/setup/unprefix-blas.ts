/**
 * Gives MLX on Linux a fast BLAS without root: rewrites the OpenBLAS of the `scipy-openblas32` wheel so that
 * its functions carry their ordinary names (`cblas_sgemm`, not `scipy_cblas_sgemm`).
 *
 * MLX's own wheel carries the reference BLAS, 15 to 30 times slower. Its calls go to whichever library in the
 * process offered the name first, so a worker that opens our copy globally before it imports mlx uses it.
 *
 * What is rewritten, in a 64-bit little-endian ELF file (the same on x86_64 and aarch64):
 *
 *   .dynsym    one 24-byte record for each symbol; its first word is where the name starts in .dynstr.
 *              Six bytes further on, the same text reads without `scipy_`, so no string is moved.
 *   .gnu.hash  the look-up table, made from hashes of the old names, ordered by bucket. Ordering records
 *              anew would upset version and relocation tables, so in its place goes an older kind of table:
 *              SysV hash = [bucket count, symbol count, first symbol of each bucket, next symbol of each symbol].
 *   .dynamic   16-byte entries (tag, value); the entry that points to the table gets the tag of the older kind.
 */

import { errorOf } from '../core/errors.ts'

const symbolBytes = 24
const dynamicEntryBytes = 16
const sysvHashTag = 4n
const gnuHashTag = 0x6ffffef5n

/** Fewer buckets than this for thousands of symbols would make each look-up crawl. */
const leastBuckets = 16

type Section = { readonly name: number; readonly offset: number; readonly size: number }

/**
 * A copy of the shared library `original` in which every symbol that it defines has lost `prefix`.
 *
 * @throws WorkerError ER_WORKER_SPAWN when the bytes are not such a library; nothing is guessed.
 */
export function withoutSymbolPrefix(original: Uint8Array, prefix = 'scipy_'): Buffer {
  const bytes = Buffer.from(original)
  const refuse = (reason: string) =>
    errorOf('ER_WORKER_SPAWN', `Cannot drop the prefix ${prefix} from this library: ${reason}`)

  // "\x7fELF", class 2 (64 bits), data 1 (little-endian).
  if (bytes.length < 64 || bytes.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') {
    throw refuse('it is no 64-bit little-endian ELF file')
  }
  try {
    const sections = sectionsOf(bytes)
    const section = (name: string): Section => {
      const found = sections.get(name)
      if (found === undefined) throw refuse(`it has no section ${name}`)
      return found
    }
    const symbols = section('.dynsym')
    const strings = section('.dynstr')
    const table = section('.gnu.hash')
    const symbolCount = symbols.size / symbolBytes

    let renamed = 0
    const names: Buffer[] = []
    for (let index = 0; index < symbolCount; index++) {
      const record = symbols.offset + index * symbolBytes
      const defined = bytes.readUInt16LE(record + 6) !== 0
      const nameAt = bytes.readUInt32LE(record)
      let name = textAt(bytes, strings.offset + nameAt)
      if (defined && name.toString('latin1', 0, prefix.length) === prefix) {
        bytes.writeUInt32LE(nameAt + prefix.length, record)
        name = name.subarray(prefix.length)
        renamed += 1
      }
      names.push(name)
    }
    if (renamed === 0) throw refuse('none of its symbols has it')

    writeSysvHash(bytes, table, names, refuse)

    const dynamic = section('.dynamic')
    let pointers = 0
    for (let at = dynamic.offset; at < dynamic.offset + dynamic.size; at += dynamicEntryBytes) {
      if (bytes.readBigUInt64LE(at) !== gnuHashTag) continue
      bytes.writeBigUInt64LE(sysvHashTag, at)
      pointers += 1
    }
    if (pointers !== 1) throw refuse(`it has ${pointers} entries for its look-up table instead of 1`)
    return bytes
  } catch (error) {
    if (error instanceof RangeError) throw refuse('it is cut short')
    throw error
  }
}

/** Section headers by name. The header's fields: name 0 (4 bytes), file offset 24 and size 32 (8 bytes each). */
function sectionsOf(bytes: Buffer): Map<string, Section> {
  const headersAt = Number(bytes.readBigUInt64LE(40))
  const headerBytes = bytes.readUInt16LE(58)
  const count = bytes.readUInt16LE(60)
  const nameTableIndex = bytes.readUInt16LE(62)
  const headers = Array.from({ length: count }, (_, index): Section => {
    const at = headersAt + index * headerBytes
    return {
      name: bytes.readUInt32LE(at),
      offset: Number(bytes.readBigUInt64LE(at + 24)),
      size: Number(bytes.readBigUInt64LE(at + 32)),
    }
  })
  const nameTable = headers[nameTableIndex]?.offset ?? 0
  return new Map(headers.map(header => [textAt(bytes, nameTable + header.name).toString('latin1'), header]))
}

/** Fills the space of the old table; what the bucket list leaves over goes unused. */
function writeSysvHash(
  bytes: Buffer,
  table: Section,
  names: readonly Buffer[],
  refuse: (reason: string) => Error,
): void {
  const wordsLeft = Math.floor(table.size / 4) - 2 - names.length
  if (wordsLeft < leastBuckets) throw refuse('its look-up table has no room for another kind')
  const buckets = new Uint32Array(wordsLeft)
  const chains = new Uint32Array(names.length)
  // Symbol 0 is the undefined symbol and ends every chain.
  for (let index = 1; index < names.length; index++) {
    const bucket = sysvHash(names[index]!) % buckets.length
    chains[index] = buckets[bucket]!
    buckets[bucket] = index
  }
  let at = table.offset
  for (const word of [buckets.length, names.length]) at = bytes.writeUInt32LE(word, at)
  for (const word of buckets) at = bytes.writeUInt32LE(word, at)
  for (const word of chains) at = bytes.writeUInt32LE(word, at)
}

/** The hash of the System V ABI, "Hash Table" chapter. */
function sysvHash(name: Buffer): number {
  let hash = 0
  for (const byte of name) {
    hash = ((hash << 4) + byte) >>> 0
    const top = (hash & 0xf0000000) >>> 0
    hash = ((hash ^ (top >>> 24)) & ~top) >>> 0
  }
  return hash
}

/** The bytes up to the next zero. */
function textAt(bytes: Buffer, start: number): Buffer {
  const end = bytes.indexOf(0, start)
  if (end === -1) throw new RangeError('text without an end')
  return bytes.subarray(start, end)
}
