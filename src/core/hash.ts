/**
 * Canonical bytes and SHA-256: the ground under every identity (execution key, trace hash, cache keys).
 *
 * Values are written as canonical JSON (RFC 8785: sorted keys, ECMAScript numbers, no white space). A tuple
 * is a tagged array, so ("a", "bc") and ("ab", "c") never meet. Float32Array and bytes go in as the hash of
 * their bytes with kind and length.
 */
import { createHash, hash } from 'node:crypto'
import { InputError } from './errors.ts'

/** SHA-256 of a text's UTF-8 bytes or of bytes, in hex. */
export function sha256(data: string | Uint8Array): string {
  // In UTF-8 all lone surrogates are one character; texts that differ in them must not share a hash.
  if (typeof data === 'string' && !data.isWellFormed())
    return hash('sha256', Buffer.from(`\ufffe${data}`, 'utf16le'), 'hex')
  return hash('sha256', data, 'hex')
}

/** The bytes of a typed array or buffer, without a copy. */
const bytesOf = (view: ArrayBufferView): Uint8Array =>
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength)

/**
 * Canonical JSON of `value` (RFC 8785). Members that are undefined are left out, as in JSON.
 * @throws InputError ER_INPUT for what JSON can't say: NaN, infinities, bigint, functions, cycles.
 */
export function canonicalJson(value: unknown): string {
  const parts: string[] = []
  write(value, parts, new Set())
  return parts.join('')
}

function write(value: unknown, parts: string[], open: Set<object>): void {
  if (value === null || typeof value === 'boolean') parts.push(String(value))
  else if (typeof value === 'string') parts.push(JSON.stringify(value))
  else if (typeof value === 'number') parts.push(number(value))
  else if (typeof value !== 'object')
    throw new InputError('ER_INPUT', `A ${typeof value} has no canonical form`)
  else if (open.has(value))
    throw new InputError('ER_INPUT', 'A value that contains itself has no canonical form')
  else {
    open.add(value)
    if (ArrayBuffer.isView(value)) writeView(value, parts)
    else if (Array.isArray(value)) writeArray(value, parts, open)
    else if (isPlain(value)) writeObject(value, parts, open)
    else throw new InputError('ER_INPUT', `A ${value.constructor.name} has no canonical form`)
    open.delete(value)
  }
}

/** What JSON would write member by member; a Map, a Date or a class instance would lose what it holds. */
function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function number(value: number): string {
  if (!Number.isFinite(value)) throw new InputError('ER_INPUT', `${value} has no canonical form`)
  return JSON.stringify(value)
}

function writeView(view: ArrayBufferView, parts: string[]): void {
  const kind = view instanceof Float32Array ? 'f32' : 'u8'
  const count = view instanceof Float32Array ? view.length : view.byteLength
  parts.push(`{"$bytes":"${sha256(bytesOf(view))}","$count":${count},"$kind":"${kind}"}`)
}

function writeArray(values: readonly unknown[], parts: string[], open: Set<object>): void {
  parts.push('[')
  for (const [index, value] of values.entries()) {
    if (index > 0) parts.push(',')
    write(value === undefined ? null : value, parts, open)
  }
  parts.push(']')
}

function writeObject(value: Record<string, unknown>, parts: string[], open: Set<object>): void {
  parts.push('{')
  let first = true
  // Sorted by UTF-16 code units, as RFC 8785 asks; that is what sort() does with strings.
  for (const key of Object.keys(value).sort()) {
    if (value[key] === undefined) continue
    parts.push(first ? '' : ',', JSON.stringify(key), ':')
    write(value[key], parts, open)
    first = false
  }
  parts.push('}')
}

/** SHA-256 over the canonical JSON of the tagged tuple `[tag, ...parts]`, in hex. */
export function contentHash(tag: string, ...parts: readonly unknown[]): string {
  return createHash('sha256')
    .update(canonicalJson([tag, ...parts]))
    .digest('hex')
}
