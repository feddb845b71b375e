/**
 * Templates: plain data with placeholders, filled from an instance's state and input, and what can be told of
 * them before anything runs. Paths lead through own members of objects and places of lists, never to what a
 * prototype holds.
 */
import type * as z from 'zod'
import { type ErrorCode, errorOf } from '../core/errors.ts'
import { canonicalJson } from '../core/hash.ts'
import type { Template } from './dataflow-node.ts'
import { schemaAt } from './schema-fit.ts'
import { nodeOf, type SchemaNode } from './schema-graph.ts'

/** What placeholders can name. */
export type Scope<T = unknown> = { readonly state?: T; readonly input?: T }

/** One placeholder: which of the two it names, and the members that lead on from there. */
type Placeholder = { readonly text: string; readonly root: keyof Scope; readonly path: readonly string[] }

const braces = /(\{\{[^{}]*\}\})/
const named = /^\{\{\s*(state|input)((?:\.[^.\s]+)*)\s*\}\}$/

/**
 * The template with its placeholders replaced, as new plain data.
 * @throws PlanError ER_PLAN_INVALID for a placeholder that names what is not there.
 */
export function fill(template: Template, scope: Scope): unknown {
  return mapped(template, text => {
    const parts = partsOf(text)
    const [only] = parts
    if (parts.length === 1 && only !== undefined && typeof only !== 'string') return valueFor(only, scope)
    return parts.map(part => (typeof part === 'string' ? part : textOf(valueFor(part, scope)))).join('')
  })
}

/** A template of one text, filled to a text. @throws as `fill` does, and for what is no text then. */
export function fillText(template: string, scope: Scope): string {
  const text = fill(template, scope)
  if (typeof text === 'string') return text
  throw errorOf('ER_PLAN_INVALID', `${template} is ${canonicalJson(text)}, which is not a text`)
}

/**
 * The schema of what a template is filled to, given those of what placeholders name. What it can't be filled
 * from, whatever the instance, goes to `onFault`.
 */
export function schemaOfTemplate(
  template: Template,
  schemas: Scope<SchemaNode>,
  onFault: (fault: string) => void,
): SchemaNode {
  if (typeof template === 'string') return schemaOfText(template, schemas, onFault)
  const schemaOf = (part: unknown) => schemaOfTemplate(part, schemas, onFault)
  if (Array.isArray(template)) {
    const count = template.length
    const plain = { type: 'array', minItems: count, maxItems: count }
    return nodeOf(plain, { several: new Map([['prefixItems', template.map(schemaOf)]]) })
  }
  if (!isObject(template)) {
    if (template === null || ['boolean', 'number'].includes(typeof template))
      return nodeOf({ enum: [template] })
    onFault(`a ${typeof template} is no plain data`)
    return nodeOf({})
  }
  const members = Object.entries(template).filter(([, member]) => member !== undefined)
  for (const [name] of members)
    if (name.includes('{{'))
      onFault(`the name ${JSON.stringify(name)} holds a placeholder; names stay as they are`)
  return nodeOf(
    { type: 'object', required: members.map(([name]) => name) },
    {
      one: new Map([['additionalProperties', never]]),
      named: new Map([['properties', new Map(members.map(([name, member]) => [name, schemaOf(member)]))]]),
    },
  )
}

const never = nodeOf({}, { one: new Map([['not', nodeOf({})]]) })

function schemaOfText(
  text: string,
  schemas: Scope<SchemaNode>,
  onFault: (fault: string) => void,
): SchemaNode {
  const parts = partsOf(text)
  const found = parts.map(part => {
    if (typeof part !== 'string') return schemaOfPlaceholder(part, schemas, onFault)
    if (/\{\{|\}\}/.test(part)) onFault(`${JSON.stringify(text)} holds braces that are no placeholder`)
    return undefined
  })
  if (parts.every(part => typeof part === 'string')) return nodeOf({ enum: [text] })
  return (parts.length === 1 ? found[0] : undefined) ?? nodeOf({ type: 'string' })
}

function schemaOfPlaceholder(
  { path, root, text }: Placeholder,
  schemas: Scope<SchemaNode>,
  onFault: (fault: string) => void,
): SchemaNode {
  const schema = schemas[root]
  if (schema === undefined) onFault(`${text} names the ${root}, which is not there yet`)
  const found = schema && schemaAt(schema, path)
  if (schema !== undefined && found === undefined) onFault(`${text} names nothing that the ${root} can hold`)
  return found ?? nodeOf({})
}

/** The pieces of a text: what stands there as it is, and placeholders. */
function partsOf(text: string): readonly (string | Placeholder)[] {
  const pieces = text.split(braces).filter(piece => piece !== '')
  if (pieces.length === 0) return ['']
  return pieces.map(piece => {
    const [, root, path = ''] = named.exec(piece) ?? []
    if (root === undefined) return piece
    return { text: piece, root: root as keyof Scope, path: path === '' ? [] : path.slice(1).split('.') }
  })
}

function valueFor({ path, root, text }: Placeholder, scope: Scope): unknown {
  const value = valueAt(scope[root], path)
  if (value !== undefined) return mapped(value, part => part)
  throw errorOf('ER_PLAN_INVALID', `${text} names nothing: the ${root} has no such member now`)
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : canonicalJson(value))

/** A path as it is written, `a.b.0`, as its members. */
export const pathNames = (path: string): readonly string[] => (path === '' ? [] : path.split('.'))

/** What stands at `path`; undefined where nothing does. */
export function valueAt(value: unknown, path: readonly string[]): unknown {
  let found = value
  for (const name of path) {
    const isThere = Array.isArray(found) ? /^\d+$/.test(name) : isObject(found)
    if (!isThere || !Object.hasOwn(found as object, name)) return undefined
    found = (found as Record<string, unknown>)[name]
  }
  return found
}

/**
 * A copy of `value` with `member` at `path`; objects on the way are made where there are none.
 * @throws PlanError ER_PLAN_INVALID where something else stands on the way, or a list has no such place.
 */
export function withValue(value: unknown, path: readonly string[], member: unknown): unknown {
  const [name, ...rest] = path
  if (name === undefined) return member
  if (Array.isArray(value) && /^\d+$/.test(name) && Number(name) <= value.length) {
    const list = [...value]
    list[Number(name)] = withValue(value[Number(name)], rest, member)
    return list
  }
  if (value !== undefined && !isObject(value))
    throw errorOf('ER_PLAN_INVALID', `There is no member ${name} to be set in ${canonicalJson(value)}`)
  const own = value !== undefined && Object.hasOwn(value, name) ? value[name] : undefined
  return { ...value, [name]: withValue(own, rest, member) }
}

/** `value` as `schema` gives it. @throws RunnerError with `code` where it doesn't fit. */
export function checked<T>(schema: z.ZodType<T>, value: unknown, code: ErrorCode, what: string): T {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issues = parsed.error.issues.map(
    ({ message, path }) => `${path.map(String).join('.') || 'it'}: ${message}`,
  )
  throw errorOf(code, `${what} doesn't fit its schema: ${issues.join('; ')}`)
}

/**
 * A frozen copy of plain data: what would come back if it were written as JSON and read again.
 * @throws PlanError ER_PLAN_INVALID, naming `what`, for what JSON can't say.
 */
export const plainCopy = (value: unknown, what: string): unknown => copy(value, what, new Set())

function copy(value: unknown, what: string, open: Set<object>): unknown {
  if (value === null || typeof value === 'boolean' || typeof value === 'string') return value
  // JSON has no negative zero.
  if (typeof value === 'number' && Number.isFinite(value)) return value + 0
  if (typeof value !== 'object' || !isPlain(value) || open.has(value)) {
    const kind =
      typeof value === 'object' ? (open.has(value) ? 'itself' : value.constructor.name) : String(value)
    throw errorOf('ER_PLAN_INVALID', `${what} is not plain data: it holds ${kind}`)
  }
  open.add(value)
  const copied = Array.isArray(value)
    ? Array.from(value, item => (item === undefined ? null : copy(item, what, open)))
    : Object.fromEntries(
        Object.entries(value).flatMap(([name, member]) =>
          member === undefined ? [] : [[name, copy(member, what, open)]],
        ),
      )
  open.delete(value)
  return Object.freeze(copied)
}

/** Plain data anew, with each text replaced by what `change` makes of it. */
function mapped(value: unknown, change: (text: string) => unknown): unknown {
  if (typeof value === 'string') return change(value)
  if (Array.isArray(value)) return value.map(item => mapped(item, change))
  if (!isObject(value)) return value
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return Object.fromEntries(members.map(([name, member]) => [name, mapped(member, change)]))
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value)
  return Array.isArray(value) || prototype === Object.prototype || prototype === null
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
