/**
 * A JSON Schema as a graph: one node for each place, references followed, so that nothing of how it was
 * written is left but what it asks of a value. Ids and the comparison of types are made from it.
 *
 *   dropped       what constrains nothing (title, description, examples, default, $schema, unknown words) and
 *                 what holds of everything, such as `minLength: 0` or `additionalProperties: {}`
 *   rewritten     const → enum of one;  anyOf in anyOf → one;  anyOf, allOf, oneOf of one → that one;
 *                 several types → anyOf;  a reference beside constraints → allOf of both;  false → not: {}
 *   sorted        names, required, the values of an enum
 *
 * A default is not kept because it says what a missing member becomes, not which values fit. The twin that
 * reads the same schemas is python/evidence_runner/schema_id.py; the rules must change in both.
 */
import * as z from 'zod'
import { errorOf } from '../core/errors.ts'
import { canonicalJson } from '../core/hash.ts'

/** A schema as it is written: draft 2020-12, plain data. */
export type JsonSchema = boolean | { readonly [keyword: string]: unknown }

/** One place of a schema; nodes may hold each other in circles. */
export type SchemaNode = {
  /** Keywords that hold no schemas. */
  readonly plain: Readonly<Record<string, unknown>>
  /** Keywords that hold one schema. */
  readonly one: ReadonlyMap<string, SchemaNode>
  /** Keywords that hold schemas by the names of members. */
  readonly named: ReadonlyMap<string, ReadonlyMap<string, SchemaNode>>
  /** Keywords that hold several: `prefixItems` in order, the others in any. */
  readonly several: ReadonlyMap<string, readonly SchemaNode[]>
}

/** Keywords by what they hold; all others constrain nothing. */
const keywords = {
  number:
    'multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems ' +
    'minContains maxContains minProperties maxProperties',
  text: '$ref pattern format contentEncoding contentMediaType',
  flag: 'uniqueItems',
  list: 'enum required',
  value: 'type const',
  one:
    'additionalProperties items not propertyNames contains if then else unevaluatedItems ' +
    'unevaluatedProperties contentSchema',
  named: 'properties patternProperties dependentSchemas',
  several: 'prefixItems anyOf allOf oneOf',
} as const
type Form = keyof typeof keywords

const formOf: ReadonlyMap<string, Form> = new Map(
  Object.entries(keywords).flatMap(([form, names]) => names.split(' ').map(name => [name, form as Form])),
)

/** What constrains nothing when it says this. */
const vacuous: Readonly<Record<string, unknown>> = {
  minLength: 0,
  minItems: 0,
  minProperties: 0,
  uniqueItems: false,
}

/** What says nothing when every value, or every text where only texts come, fits it. */
const openByDefault = ['additionalProperties', 'items', 'unevaluatedItems', 'unevaluatedProperties']

/**
 * The JSON Schema of what `schema` gives (`output`) or takes (`input`).
 * @throws InputError ER_INPUT for what JSON can't say, such as dates, bigints, functions and transforms.
 */
export function jsonSchemaOf(schema: z.ZodType, io: 'input' | 'output' = 'output'): JsonSchema {
  try {
    // An empty registry: ids and titles that were given for people change nothing of the document.
    return z.toJSONSchema(schema, { io, metadata: z.registry<Record<string, unknown>>() }) as JsonSchema
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw errorOf('ER_INPUT', `A schema says what JSON can't: ${reason}`, { cause: error })
  }
}

/**
 * The graph of a JSON Schema.
 * @throws InputError ER_INPUT for references that lead outside, nowhere or only to themselves, and for
 * keywords that don't hold what they are to.
 */
export function schemaGraph(schema: JsonSchema): SchemaNode {
  const root = new Reader(schema).node(schema)
  dropOpen(root)
  return root
}

/** Every node that can be reached from `root`, itself first. */
export function reachable(root: SchemaNode): ReadonlySet<SchemaNode> {
  const found = new Set([root])
  for (const { one, named, several } of found) {
    for (const node of one.values()) found.add(node)
    for (const members of named.values()) for (const node of members.values()) found.add(node)
    for (const nodes of several.values()) for (const node of nodes) found.add(node)
  }
  return found
}

/** Leaves out what holds of everything; not before all is read, since what is still empty looks so, too. */
function dropOpen(root: SchemaNode): void {
  const nodes = reachable(root)
  for (let isChanged = true; isChanged; ) {
    isChanged = false
    for (const { one } of nodes)
      for (const [keyword, child] of one) {
        const isOpen = isAny(child) && [...openByDefault, 'propertyNames'].includes(keyword)
        if (!isOpen && !(keyword === 'propertyNames' && isAnyText(child))) continue
        ;(one as Map<string, SchemaNode>).delete(keyword)
        isChanged = true
      }
  }
}

/** The graph of what `schema` gives or takes. @throws as `jsonSchemaOf` does. */
export const graphOf = (schema: z.ZodType, io: 'input' | 'output' = 'output'): SchemaNode =>
  schemaGraph(jsonSchemaOf(schema, io))

/** A node of its own, for types that nobody wrote a schema of. */
export function nodeOf(
  plain: Readonly<Record<string, unknown>>,
  parts: Partial<SchemaNode> = {},
): SchemaNode {
  return { plain, one: new Map(), named: new Map(), several: new Map(), ...parts }
}

/** True for a schema that every value fits. */
export const isAny = ({ plain, one, named, several }: SchemaNode): boolean =>
  Object.keys(plain).length + one.size + named.size + several.size === 0

/** True for a schema that no value fits. */
export function isNever({ one }: SchemaNode): boolean {
  const not = one.get('not')
  return not !== undefined && isAny(not)
}

type Constraints = Readonly<Record<string, unknown>>

class Reader {
  readonly #root: JsonSchema
  readonly #read = new Map<object, Constraints>()
  readonly #nodes = new Map<Constraints, SchemaNode>()
  readonly #any: Constraints = {}
  readonly #never: Constraints = { not: true }

  constructor(root: JsonSchema) {
    this.#root = root
  }

  node(schema: unknown): SchemaNode {
    const constraints = this.#resolved(schema)
    const known = this.#nodes.get(constraints)
    if (known !== undefined) return known
    const plain: Record<string, unknown> = {}
    const one = new Map<string, SchemaNode>()
    const named = new Map<string, ReadonlyMap<string, SchemaNode>>()
    const several = new Map<string, readonly SchemaNode[]>()
    const node = { plain, one, named, several }
    this.#nodes.set(constraints, node)
    for (const [keyword, value] of Object.entries(constraints)) {
      const form = formOf.get(keyword)
      if (form === 'one') one.set(keyword, this.node(value))
      else if (form === 'named') named.set(keyword, this.#members(value as object))
      else if (form === 'several')
        several.set(keyword, this.#several(keyword, value as unknown[], constraints))
      else plain[keyword] = value
    }
    return node
  }

  #members(value: object): ReadonlyMap<string, SchemaNode> {
    return new Map(Object.entries(value).map(([name, member]) => [name, this.node(member)]))
  }

  #several(keyword: string, members: readonly unknown[], around: Constraints): readonly SchemaNode[] {
    if (keyword === 'anyOf') return this.#alternatives(members, new Set([around]))
    return members.map(member => this.node(member))
  }

  /** The members of an anyOf and of those in it. */
  #alternatives(members: readonly unknown[], open: Set<Constraints>): SchemaNode[] {
    return members.flatMap(member => {
      const constraints = this.#resolved(member)
      const { anyOf } = constraints
      if (!Array.isArray(anyOf) || Object.keys(constraints).length > 1) return [this.node(constraints)]
      // A choice that leads back to itself adds nothing to what may be chosen.
      return open.has(constraints) ? [] : this.#alternatives(anyOf, new Set([...open, constraints]))
    })
  }

  /** What a schema asks for, behind all references and choices of one. */
  #resolved(schema: unknown): Constraints {
    const passed = new Set<Constraints>()
    for (let constraints = this.#constraints(schema); ; ) {
      if (passed.has(constraints)) throw refusal('refers to itself and says nothing else')
      passed.add(constraints)
      const [[keyword, value] = ['', undefined], ...others] = Object.entries(constraints)
      if (others.length > 0) return constraints
      if (keyword === '$ref') constraints = this.#constraints(this.#at(value as string))
      else if (['anyOf', 'allOf', 'oneOf'].includes(keyword) && (value as unknown[]).length === 1)
        constraints = this.#constraints((value as unknown[])[0])
      else return constraints
    }
  }

  #constraints(schema: unknown): Constraints {
    if (schema === true) return this.#any
    if (schema === false) return this.#never
    if (typeof schema !== 'object' || schema === null || Array.isArray(schema))
      throw refusal(`is ${JSON.stringify(schema)} where a schema is to be`)
    const known = this.#read.get(schema)
    if (known !== undefined) return known
    const constraints = rewritten(selected(schema as Constraints))
    this.#read.set(schema, constraints)
    this.#read.set(constraints, constraints)
    return constraints
  }

  #at(reference: string): unknown {
    if (!/^#(?:\/|$)/.test(reference)) throw refusal(`refers to ${reference}, which lies outside it`)
    let found: unknown = this.#root
    for (const step of decoded(reference).split('/').slice(1)) {
      const name = step.replaceAll('~1', '/').replaceAll('~0', '~')
      if (typeof found !== 'object' || found === null || !Object.hasOwn(found, name))
        throw refusal(`refers to ${reference}, which is not there`)
      found = (found as Constraints)[name]
    }
    return found
  }
}

function isAnyText({ plain, one, named, several }: SchemaNode): boolean {
  return plain['type'] === 'string' && Object.keys(plain).length + one.size + named.size + several.size === 1
}

/** The keywords that constrain something, as they are written. */
function selected(schema: Constraints): Constraints {
  const kept: [string, unknown][] = []
  for (const [keyword, value] of Object.entries(schema)) {
    const form = formOf.get(keyword)
    if (form === undefined || value === undefined) continue
    if (!isOfForm[form](value)) throw refusal(`has a ${keyword} of ${JSON.stringify(value)}`)
    if (keyword in vacuous && vacuous[keyword] === value) continue
    if ((form === 'named' || keyword === 'required') && Object.keys(value as object).length === 0) continue
    kept.push([keyword, value])
  }
  return Object.fromEntries(kept)
}

const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)

const isOfForm: Readonly<Record<Form, (value: unknown) => boolean>> = {
  number: value => typeof value === 'number',
  text: value => typeof value === 'string',
  flag: value => typeof value === 'boolean',
  list: Array.isArray,
  value: () => true,
  one: value => isObject(value) || typeof value === 'boolean',
  named: isObject,
  several: value => Array.isArray(value) && value.length > 0,
}

/** The one writing of what has several. */
function rewritten(schema: Constraints): Constraints {
  const { $ref, const: only, ...constraints } = schema as Record<string, unknown>
  if (Object.hasOwn(schema, 'const')) {
    const among = (constraints['enum'] ?? [only]) as unknown[]
    constraints['enum'] = among.filter(value => canonicalJson(value) === canonicalJson(only))
  }
  for (const keyword of ['enum', 'required', 'type'])
    if (Array.isArray(constraints[keyword])) constraints[keyword] = sorted(constraints[keyword])
  const { type } = constraints
  if (Array.isArray(type) && type.length === 1) constraints['type'] = type[0]
  const isReference = $ref !== undefined
  const others = Object.keys(constraints).length
  if (isReference) return others === 0 ? { $ref } : { allOf: [{ $ref }, constraints] }
  return Array.isArray(constraints['type']) && others === 1
    ? { anyOf: constraints['type'].map(one => ({ type: one })) }
    : constraints
}

/** Values in the order of their canonical JSON, each once. */
function sorted(values: readonly unknown[]): unknown[] {
  const texts = new Map(values.map(value => [canonicalJson(value), value]))
  return [...texts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, value]) => value)
}

function decoded(reference: string): string {
  try {
    return decodeURIComponent(reference)
  } catch {
    throw refusal(`refers to ${reference}, which is no reference`)
  }
}

const refusal = (what: string) => errorOf('ER_INPUT', `A JSON Schema ${what}`)
