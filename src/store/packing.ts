/**
 * Plain data as bytes and back, exactly: what JSON can say as JSON, numbers that it can't say by name, typed
 * arrays as their bytes with dtype and shape. What is neither is refused, never bent into something like it.
 *
 *   crc32 of all that follows │ length of the JSON │ JSON │ 0…7 zeros │ array │ 0…7 zeros │ array …
 *           u32                       u32            UTF-8
 *
 * All numbers are little-endian, as on every machine that Node runs on today. In the JSON, an object whose only
 * member is "$" is a mark: {"$":["f32",[384],16]} an array by dtype, shape and place among the arrays' bytes,
 * {"$":"NaN"} a number or undefined, {"$":["object",…]} an object that has a member "$" itself.
 */
import { crc32 } from 'node:zlib'
import * as z from 'zod'
import { InputError } from '../core/errors.ts'

const dtypes = {
  f32: Float32Array,
  f64: Float64Array,
  i8: Int8Array,
  u8: Uint8Array,
  i16: Int16Array,
  u16: Uint16Array,
  i32: Int32Array,
  u32: Uint32Array,
} as const

type Dtype = keyof typeof dtypes
type TypedArray = InstanceType<(typeof dtypes)[Dtype]>

const specials: readonly (readonly [name: string, value: unknown])[] = [
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
  ['-0', -0],
  ['undefined', undefined],
]

const markSchema = z.union([
  z.enum(['NaN', 'Infinity', '-Infinity', '-0', 'undefined']),
  z.tuple([z.literal('object'), z.record(z.string(), z.unknown())]),
  z.tuple([
    z.enum(Object.keys(dtypes) as [Dtype, ...Dtype[]]),
    z.tuple([z.int().min(0)]),
    z.int().min(0).multipleOf(8),
  ]),
])

const headBytes = 8
const aligned = (bytes: number): number => Math.ceil(bytes / 8) * 8

/**
 * The bytes of `value`; what `unpack` gives back equals it, with plain arrays and objects of their own.
 * @throws InputError ER_INPUT for what is no plain data: a function, a Map, a class's instance, a cycle.
 */
export function pack(value: unknown): Uint8Array {
  const arrays: TypedArray[] = []
  let json: Buffer
  try {
    json = Buffer.from(JSON.stringify(marked(value, { arrays, bytes: 0 })))
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new InputError('ER_INPUT', 'A value that contains itself, or is nested too deep, is no plain data')
  }
  const start = aligned(headBytes + json.length)
  const size = arrays.reduce((sum, { byteLength }) => sum + aligned(byteLength), start)
  const packed = Buffer.alloc(size)
  packed.writeUInt32LE(json.length, 4)
  json.copy(packed, headBytes)
  let place = start
  for (const { buffer, byteOffset, byteLength } of arrays) {
    packed.set(new Uint8Array(buffer, byteOffset, byteLength), place)
    place += aligned(byteLength)
  }
  packed.writeUInt32LE(crc32(packed.subarray(4)), 0)
  return packed
}

type Arrays = { readonly arrays: TypedArray[]; bytes: number }

/** `value` as JSON can say it. */
function marked(value: unknown, arrays: Arrays): unknown {
  if (typeof value === 'number' || value === undefined) {
    const special = specials.find(([, one]) => Object.is(one, value))
    return special === undefined ? value : { $: special[0] }
  }
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return value
  if (typeof value !== 'object') throw new InputError('ER_INPUT', `A ${typeof value} is no plain data`)
  if (Array.isArray(value)) return Array.from(value, member => marked(member, arrays))
  if (ArrayBuffer.isView(value)) return markedArray(value, arrays)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null)
    throw new InputError('ER_INPUT', `A ${value.constructor.name} is no plain data`)
  // Not by assignment: that would lose a member called __proto__.
  const members = Object.fromEntries(
    Object.entries(value).map(([key, member]) => [key, marked(member, arrays)]),
  )
  return Object.hasOwn(members, '$') ? { $: ['object', members] } : members
}

function markedArray(view: ArrayBufferView, arrays: Arrays): unknown {
  const [dtype] = Object.entries(dtypes).find(([, type]) => view instanceof type) ?? ([] as readonly string[])
  if (dtype === undefined) throw new InputError('ER_INPUT', `A ${view.constructor.name} is no plain data`)
  const array = view as TypedArray
  const mark = { $: [dtype, [array.length], arrays.bytes] }
  arrays.arrays.push(array)
  arrays.bytes += aligned(array.byteLength)
  return mark
}

/**
 * The value that was packed.
 * @throws InputError ER_INPUT for bytes that are not as `pack` left them.
 */
export function unpack(packed: Uint8Array): unknown {
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength)
  if (bytes.length < headBytes || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) throw changed()
  const end = headBytes + bytes.readUInt32LE(4)
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8', headBytes, end))
    return unmarked(json, bytes.subarray(Math.min(bytes.length, aligned(end))))
  } catch {
    throw changed()
  }
}

const changed = (): InputError => new InputError('ER_INPUT', 'Packed bytes are not as they were packed')

/** Puts values in the place of marks, in the containers that the parser made. */
function unmarked(value: unknown, bytes: Uint8Array): unknown {
  if (typeof value !== 'object' || value === null) return value
  if (!Array.isArray(value) && Object.hasOwn(value, '$')) return meant(value, bytes)
  return unmarkedWithin(value, bytes)
}

function unmarkedWithin(container: object, bytes: Uint8Array): object {
  const members = container as Record<string, unknown>
  for (const key of Object.keys(members)) {
    const member = members[key]
    if (typeof member === 'object' && member !== null) members[key] = unmarked(member, bytes)
  }
  return container
}

function meant(value: object, bytes: Uint8Array): unknown {
  const mark = markSchema.parse((value as { $: unknown }).$)
  if (typeof mark === 'string') return specials.find(([name]) => name === mark)?.[1]
  if (mark[0] === 'object') return unmarkedWithin((value as { $: [string, object] }).$[1], bytes)
  const [dtype, [length], place] = mark
  const type = dtypes[dtype]
  const end = place + length * type.BYTES_PER_ELEMENT
  if (end > bytes.length) throw changed()
  // A buffer of its own: a small vector is not to hold a whole record in memory.
  return new type(new Uint8Array(bytes.subarray(place, end)).buffer, 0, length)
}
