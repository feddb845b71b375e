/**
 * A zod schema as JSON Schema that a grammar can hold a language model to: every text, list and number has an
 * end, every object is closed, and there are no references.
 *
 * What it admits fits the zod schema but for checks that JSON Schema has no words for. Narrower than the zod
 * schema on purpose: where that sets no end, or counts a text in UTF-16 units, as grammars do not.
 */
import * as z from 'zod'
import {
  type Bounded,
  type Bounds,
  boundNumber,
  boundString,
  keyPattern,
  type Node,
  oneOf,
  refusal,
  widthOf,
} from './bounded-value.ts'

/** What no JSON value is, or none that a model could write. */
const unsayable = new Set<string>([
  ...['bigint', 'custom', 'date', 'file', 'function', 'map', 'nan', 'promise', 'set', 'success', 'symbol'],
  ...['transform', 'undefined', 'void'],
])

/** Objects and lists in one another at most; the grammar's compiler takes more, people rarely mean it. */
const deepest = 32

/**
 * The JSON Schema of what fits `schema`, with an end to everything.
 * @throws InputError ER_INPUT that names the path of what a grammar can't hold a model to.
 */
export const boundedSchema = (schema: z.ZodType, bounds: Bounds): Bounded =>
  bound(jsonSchemaOf(schema), '', bounds, 0)

function jsonSchemaOf(schema: z.ZodType): Node {
  try {
    return z.toJSONSchema(schema, {
      // The answer is what goes into the schema; what comes out of it may be transformed.
      io: 'input',
      unrepresentable: 'any',
      cycles: 'throw',
      reused: 'inline',
      // None of the ids that would make references, none of the descriptions.
      metadata: z.registry<Record<string, unknown>>(),
      override: ({ zodSchema, path }) => refuseUnsayable(zodSchema, placeOf(path)),
    })
  } catch (error) {
    const cycle = error instanceof Error && /Cycle detected: #\/?(\S*)/.exec(error.message)
    if (!cycle) throw error
    const path = (cycle[1] ?? '').split('/').filter(part => part !== '' && part !== '<root>')
    throw refusal(placeOf(path), 'holds itself; a grammar here has an end')
  }
}

function refuseUnsayable(schema: z.core.$ZodTypes, at: string): void {
  const { def } = schema._zod
  if (unsayable.has(def.type)) throw refusal(at, `is a ${def.type}, which JSON can't say`)
  if (def.type === 'literal' && def.values.some(value => value === undefined || typeof value === 'bigint'))
    throw refusal(at, "is a literal that JSON can't say")
  if (def.type !== 'string') return
  for (const check of def.checks ?? []) {
    const { pattern } = check._zod.def as { pattern?: unknown }
    if (pattern instanceof RegExp && /[imsvy]/.test(pattern.flags))
      throw refusal(at, `has the pattern ${pattern}, whose flags JSON Schema can't say`)
  }
}

/** A path of JSON Schema as people write one: `cites[].number`. */
function placeOf(path: readonly (string | number)[]): string {
  const parts = path.map(String)
  let at = ''
  while (parts.length > 0) {
    const word = parts.shift()
    if (word === 'properties') at += `.${parts.shift() ?? ''}`
    else if (word === 'items') at += '[]'
    else if (word === 'prefixItems') at += `[${parts.shift() ?? ''}]`
    else if (word === 'additionalProperties' || word === 'propertyNames') at += '.*'
    // A member of a union or an intersection has its place.
    else parts.shift()
  }
  return at
}

function bound(node: Node | boolean | undefined, at: string, bounds: Bounds, depth: number): Bounded {
  if (typeof node !== 'object' || node.not !== undefined)
    throw refusal(at, 'may be anything or nothing; a grammar needs to know what')
  if (depth > deepest) throw refusal(at, `lies more than ${deepest} lists and objects deep`)
  const { const: value, enum: values, anyOf: members = node.oneOf, type } = node
  if (value !== undefined) return oneOf([value])
  if (values !== undefined) return oneOf(values)
  if (members !== undefined)
    return anyOf(
      members.map(member => bound(member, at, bounds, depth)),
      at,
    )
  if (Array.isArray(type))
    return anyOf(
      type.map((one: NonNullable<Node['type']>) => bound({ ...node, type: one }, at, bounds, depth)),
      at,
    )
  if (type === 'null') return oneOf([null])
  if (type === 'boolean') return { node: { type }, longest: 5 }
  if (type === 'string') return boundString(node, at, bounds)
  if (type === 'integer' || type === 'number') return boundNumber(node, at)
  if (type === 'array') return boundArray(node, at, bounds, depth)
  if (type === 'object') return boundObject(node, at, bounds, depth)
  throw refusal(
    at,
    node.allOf === undefined
      ? 'may be anything; a grammar needs to know what'
      : 'is an intersection of things that are not all objects, or share keys',
  )
}

function anyOf(members: readonly Bounded[], at: string): Bounded {
  const [first] = members
  if (first === undefined) throw refusal(at, 'admits nothing')
  if (members.length === 1) return first
  return {
    node: { anyOf: members.map(({ node }) => node) },
    longest: Math.max(0, ...members.map(({ longest }) => longest)),
  }
}

function boundArray(node: Node, at: string, bounds: Bounds, depth: number): Bounded {
  const first = (node.prefixItems ?? []).map((item, index) =>
    bound(item, `${at}[${index}]`, bounds, depth + 1),
  )
  const { minItems = 0, items = false } = node
  if (items === true || Array.isArray(items)) throw refusal(at, 'has items of any kind')
  const rest = items === false ? undefined : bound(items, `${at}[]`, bounds, depth + 1)
  const most =
    rest === undefined ? first.length : (node.maxItems ?? Math.max(minItems, first.length + bounds.mostItems))
  const lengths = Array.from({ length: most }, (_, index) => (first[index] ?? rest)?.longest ?? 0)
  return {
    node: {
      type: 'array',
      ...(first.length > 0 ? { prefixItems: first.map(({ node }) => node) } : {}),
      items: rest?.node ?? false,
      minItems,
      maxItems: most,
    },
    longest: longestOf(lengths),
  }
}

function boundObject(node: Node, at: string, bounds: Bounds, depth: number): Bounded {
  const { properties = {}, required = [], propertyNames, additionalProperties, patternProperties } = node
  if (patternProperties !== undefined) throw refusal(at, 'has keys of a pattern; name them')
  if (propertyNames !== undefined && typeof additionalProperties === 'object') {
    const inner = bound(additionalProperties, `${at}.*`, bounds, depth + 1)
    return typeof propertyNames === 'object' ? boundRecord(node, propertyNames, inner, at, bounds) : inner
  }
  const members = Object.entries(properties).map(
    ([key, value]) => [key, bound(value, `${at}.${key}`, bounds, depth + 1)] as const,
  )
  return closedObject(members, required)
}

function closedObject(
  members: readonly (readonly [string, Bounded])[],
  required: readonly string[],
): Bounded {
  return {
    node: {
      type: 'object',
      properties: Object.fromEntries(members.map(([key, { node }]) => [key, node])),
      required: [...required],
      additionalProperties: false,
    },
    longest: longestOf(members.map(([key, { longest }]) => widthOf(key) + 1 + longest)),
  }
}

function boundRecord(node: Node, names: Node, inner: Bounded, at: string, bounds: Bounds): Bounded {
  const keys = names.enum ?? (names.const === undefined ? undefined : [names.const])
  if (keys !== undefined)
    return closedObject(
      keys.map(key => [String(key), inner] as const),
      node.required ?? [],
    )
  const { pattern, longest } = keyPattern(names, at, bounds)
  return {
    node: {
      type: 'object',
      patternProperties: { [pattern]: inner.node },
      additionalProperties: false,
      maxProperties: bounds.mostItems,
    },
    longest: longestOf(Array.from({ length: bounds.mostItems }, () => longest + 1 + inner.longest)),
  }
}

/** Brackets, and a comma between two. */
const longestOf = (parts: readonly number[]): number =>
  parts.reduce((sum, part) => sum + part, 2 + Math.max(0, parts.length - 1))
