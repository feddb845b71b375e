/**
 * Canonical bytes and SHA-256: the ground under every identity (execution key, trace hash, cache keys).
 *
 * Values are written as canonical JSON (RFC 8785: sorted keys, ECMAScript numbers, no white space). A tuple
 * is a tagged array, so ("a", "bc") and ("ab", "c") never meet. Typed arrays go in as the hash of their bytes
 * with kind and length.
 */
import { hash } from 'node:crypto'
import { InputError } from './errors.ts'

/** SHA-256 of a text's UTF-8 bytes or of bytes, in hex. */
export function sha256(data: string | Uint8Array): string {
  // In UTF-8 all lone surrogates are one character; texts that differ in them must not share a hash.
  if (typeof data === 'string' && !data.isWellFormed())
    return hash('sha256', Buffer.from(`\ufffe${data}`, 'utf16le'), 'hex')
  return hash('sha256', data, 'hex')
}

/** SHA-256 of a value's canonical JSON, in hex. @throws as `canonicalJson`. */
export const valueHash = (value: unknown): string => hash('sha256', canonicalJson(value), 'hex')

/** SHA-256 over the canonical JSON of the tagged tuple `[tag, ...parts]`, in hex. @throws as `canonicalJson`. */
export const contentHash = (tag: string, ...parts: readonly unknown[]): string => valueHash([tag, ...parts])

/** Objects in each other at most; more would exhaust the stack. */
const deepest = 1000

/**
 * Canonical JSON of `value` (RFC 8785). Members that are undefined are left out, as in JSON.
 * @throws InputError ER_INPUT for what JSON can't say (NaN, infinities, bigint, functions, cycles) and for
 * objects deeper in each other than 1000.
 */
export const canonicalJson = (value: unknown): string => textOf(value, [])

/** `around`: the objects that `value` stands in. Few, so that looking through them is quicker than a Set. */
function textOf(value: unknown, around: object[]): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (typeof value === 'number') return number(value)
  if (value === null || typeof value === 'boolean') return String(value)
  if (typeof value !== 'object') throw noForm(`A ${typeof value}`)
  if (around.includes(value)) throw noForm('A value that contains itself')
  if (around.length === deepest) throw noForm(`A value of more than ${deepest} levels`)
  around.push(value)
  const text = objectText(value, around)
  around.pop()
  return text
}

function objectText(value: object, around: object[]): string {
  if (Array.isArray(value)) return listText(value, around)
  if (isPlain(value)) return membersText(value, around)
  if (ArrayBuffer.isView(value)) return viewText(value)
  throw noForm(`A ${value.constructor?.name}`)
}

const noForm = (what: string) => new InputError('ER_INPUT', `${what} has no canonical form`)

/** What JSON would write member by member; a Map, a Date or a class instance would lose what it holds. */
function isPlain(value: object): value is Record<string, unknown> {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function number(value: number): string {
  if (!Number.isFinite(value)) throw noForm(`${value}`)
  return `${value}`
}

function listText(values: readonly unknown[], around: object[]): string {
  let text = ''
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index]
    text += (index === 0 ? '' : ',') + (value === undefined ? 'null' : textOf(value, around))
  }
  return `[${text}]`
}

function membersText(value: Record<string, unknown>, around: object[]): string {
  let text = ''
  // Sorted by UTF-16 code units, as RFC 8785 asks; that is what sort() does with strings.
  for (const key of Object.keys(value).sort()) {
    const member = value[key]
    if (member === undefined) continue
    text += `${text === '' ? '' : ','}${JSON.stringify(key)}:${textOf(member, around)}`
  }
  return `{${text}}`
}

/** By their tags, which subclasses such as Buffer have, too. */
const kinds: Readonly<Record<string, string>> = {
  Int8Array: 'i8',
  Uint8Array: 'u8',
  Int16Array: 'i16',
  Uint16Array: 'u16',
  Int32Array: 'i32',
  Uint32Array: 'u32',
  Float32Array: 'f32',
  Float64Array: 'f64',
}

function viewText(view: ArrayBufferView & { readonly [Symbol.toStringTag]?: string }): string {
  const tag = view[Symbol.toStringTag] ?? ''
  const kind = kinds[tag]
  if (kind === undefined) throw noForm(`A ${tag}`)
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  const count = (view as Uint8Array).length
  return `{"$bytes":"${sha256(bytes)}","$count":${count},"$kind":"${kind}"}`
}
