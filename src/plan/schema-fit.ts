/**
 * Whether whatever fits one schema fits another: what an output gives, and an input takes. Sound, not
 * complete: a yes holds for every value; what can't be seen from the two schemas is a no.
 *
 * The members of a `oneOf` are taken to exclude each other, as those of a discriminated union do.
 */
import { canonicalJson } from '../core/hash.ts'
import { isAny, isNever, nodeOf, type SchemaNode } from './schema-graph.ts'
import { nodeId } from './schema-id.ts'

/** How strictly two schemas are compared. */
export type FitOptions = {
  /** What any value fits is taken to fit everything: it is checked when the value is there. @default false */
  readonly gradual?: boolean
}

/** True where every value that fits `from` surely fits `to`. */
export const fits = (from: SchemaNode, to: SchemaNode, options: FitOptions = {}): boolean =>
  new Comparison(options.gradual ?? false).fits(from, to)

const any = nodeOf({})
const alike = ['pattern', 'format', 'contentEncoding', 'contentMediaType', 'uniqueItems'] as const
const lowest = ['minLength', 'minItems', 'minProperties'] as const
const highest = ['maxLength', 'maxItems', 'maxProperties'] as const

/** Keywords that are compared one by one; a schema with others is fitted by its equals only. */
const compared = new Set<string>([
  ...['type', 'enum', 'minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf', 'required'],
  ...[
    'additionalProperties',
    'propertyNames',
    'items',
    'properties',
    'prefixItems',
    'anyOf',
    'oneOf',
    'allOf',
  ],
  ...[...alike, ...lowest, ...highest],
])

class Comparison {
  readonly #gradual: boolean
  /** What is taken to be so while it is being compared, since schemas may hold themselves. */
  readonly #assumed: (readonly [SchemaNode, SchemaNode])[] = []

  constructor(gradual: boolean) {
    this.#gradual = gradual
  }

  fits(from: SchemaNode, to: SchemaNode): boolean {
    if (from === to || isAny(to) || isNever(from)) return true
    if (isNever(to)) return false
    if (isAny(from)) return this.#gradual
    if (this.#assumed.some(([one, other]) => one === from && other === to)) return true
    const before = this.#assumed.length
    this.#assumed.push([from, to])
    const holds = this.#compare(from, to)
    // What was concluded from an assumption falls with it.
    if (!holds) this.#assumed.length = before
    return holds
  }

  #compare(from: SchemaNode, to: SchemaNode): boolean {
    const choices = choicesOf(from)
    if (choices?.every(choice => this.fits(choice, to))) return true
    if (!keywordsOf(to).every(keyword => compared.has(keyword))) return nodeId(from) === nodeId(to)
    if (!(to.several.get('allOf') ?? []).every(part => this.fits(from, part))) return false
    const open = choicesOf(to)
    if (open !== undefined && !open.some(choice => this.fits(from, choice))) return false
    return partsOf(from).some(part => this.#fitsItself(part, to))
  }

  /** Leaves out what `to` combines of others. */
  #fitsItself(from: SchemaNode, to: SchemaNode): boolean {
    const values = from.plain['enum']
    if (Array.isArray(values)) return values.every(value => takes(to, value))
    if ('enum' in to.plain || !fitsType(from.plain['type'], to.plain['type'])) return false
    return (
      fitsNumbers(from.plain, to.plain) &&
      alike.every(keyword => to.plain[keyword] === undefined || from.plain[keyword] === to.plain[keyword]) &&
      (!mayBe(from, 'object') || this.#fitsObject(from, to)) &&
      (!mayBe(from, 'array') || this.#fitsArray(from, to))
    )
  }

  #fitsObject(from: SchemaNode, to: SchemaNode): boolean {
    const [has, wants] = [from.named.get('properties'), to.named.get('properties')]
    const required = new Set(listOf(from.plain['required']))
    if (!listOf(to.plain['required']).every(name => required.has(name))) return false
    const isPatterned = from.named.has('patternProperties')
    const rest = isPatterned ? any : (from.one.get('additionalProperties') ?? any)
    for (const [name, member] of wants ?? []) if (!this.fits(has?.get(name) ?? rest, member)) return false
    const restTo = to.one.get('additionalProperties') ?? any
    for (const [name, member] of has ?? []) if (!wants?.has(name) && !this.fits(member, restTo)) return false
    return this.fits(rest, restTo) && this.#fitsNames(from, to)
  }

  #fitsNames(from: SchemaNode, to: SchemaNode): boolean {
    const names = to.one.get('propertyNames')
    if (names === undefined) return true
    const own = from.one.get('propertyNames')
    if (own !== undefined && this.fits(own, names)) return true
    const isClosed = isNever(from.one.get('additionalProperties') ?? any)
    return (
      isClosed &&
      !from.named.has('patternProperties') &&
      [...(from.named.get('properties')?.keys() ?? [])].every(name => takes(names, name))
    )
  }

  #fitsArray(from: SchemaNode, to: SchemaNode): boolean {
    const [first, firstTo] = [from.several.get('prefixItems') ?? [], to.several.get('prefixItems') ?? []]
    const [rest, restTo] = [from.one.get('items') ?? any, to.one.get('items') ?? any]
    const most = from.plain['maxItems'] as number | undefined
    for (let place = 0; place < Math.max(first.length, firstTo.length); place += 1) {
      if (most !== undefined && place >= most) return true
      if (!this.fits(first[place] ?? rest, firstTo[place] ?? restTo)) return false
    }
    return this.fits(rest, restTo)
  }
}

/** Schemas that all hold of what fits `node`, which may be compared in its place. */
function partsOf(node: SchemaNode): readonly SchemaNode[] {
  const parts = node.several.get('allOf') ?? []
  const joined = parts.map(part => {
    const isPlain = part.one.size + part.named.size + part.several.size === 0
    return isPlain ? { ...node, plain: { ...node.plain, ...part.plain } } : part
  })
  return [node, ...joined]
}

/** Whether a value surely fits; of objects and lists only what stands in an enum does. */
function takes(node: SchemaNode, value: unknown): boolean {
  const { plain, several } = node
  if (isAny(node)) return true
  if (isNever(node) || !keywordsOf(node).every(keyword => compared.has(keyword))) return false
  const choices = choicesOf(node)
  if (choices !== undefined && !choices.some(choice => takes(choice, value))) return false
  if (!(several.get('allOf') ?? []).every(part => takes(part, value))) return false
  const values = plain['enum']
  if (Array.isArray(values) && !values.some(one => canonicalJson(one) === canonicalJson(value))) return false
  if (typeof value === 'object' && value !== null) return Array.isArray(values)
  if (!fitsType(typeOf(value), plain['type'])) return false
  if (typeof value === 'number')
    return fitsNumbers({ minimum: value, maximum: value, multipleOf: value }, plain)
  if (typeof value !== 'string') return true
  const { pattern, format, contentEncoding, contentMediaType } = plain
  if (pattern !== undefined && !new RegExp(pattern as string, 'u').test(value)) return false
  const lengths = { minLength: value.length, maxLength: value.length }
  return fitsNumbers(lengths, plain) && (format ?? contentEncoding ?? contentMediaType) === undefined
}

function fitsType(from: unknown, to: unknown): boolean {
  if (to === undefined) return true
  const allowed = listOf(to)
  const types = listOf(from)
  const isAllowed = (type: string) =>
    allowed.includes(type) || (type === 'integer' && allowed.includes('number'))
  return types.length > 0 && types.every(isAllowed)
}

/** Every number that holds for `from` holds for `to`, too. */
function fitsNumbers(
  from: Readonly<Record<string, unknown>>,
  to: Readonly<Record<string, unknown>>,
): boolean {
  const { exclusiveMaximum, exclusiveMinimum, maximum, minimum, multipleOf } = numbersOf(from)
  const wants = numbersOf(to)
  const least = Math.max(minimum ?? -Infinity, exclusiveMinimum ?? -Infinity)
  const most = Math.min(maximum ?? Infinity, exclusiveMaximum ?? Infinity)
  const [isAbove, isBelow] = [least === exclusiveMinimum, most === exclusiveMaximum]
  if (wants.minimum !== undefined && least < wants.minimum) return false
  if (wants.maximum !== undefined && most > wants.maximum) return false
  const [above, below] = [wants.exclusiveMinimum, wants.exclusiveMaximum]
  if (above !== undefined && !(least > above || (isAbove && least === above))) return false
  if (below !== undefined && !(most < below || (isBelow && most === below))) return false
  if (wants.multipleOf !== undefined && !Number.isInteger((multipleOf ?? Number.NaN) / wants.multipleOf))
    return false
  const [numbers, limits] = [from as Record<string, number>, to as Record<string, number>]
  return (
    lowest.every(keyword => (limits[keyword] ?? 0) <= (numbers[keyword] ?? 0)) &&
    highest.every(keyword => (limits[keyword] ?? Infinity) >= (numbers[keyword] ?? Infinity))
  )
}

type Numbers = Partial<
  Record<'minimum' | 'maximum' | 'exclusiveMinimum' | 'exclusiveMaximum' | 'multipleOf', number>
>

const numbersOf = (plain: Readonly<Record<string, unknown>>) => plain as Numbers

const choicesOf = ({ several }: SchemaNode): readonly SchemaNode[] | undefined =>
  several.get('anyOf') ?? several.get('oneOf')

const keywordsOf = ({ plain, one, named, several }: SchemaNode): readonly string[] => [
  ...Object.keys(plain),
  ...one.keys(),
  ...named.keys(),
  ...several.keys(),
]

/** One text, or several, as a list. */
const listOf = (texts: unknown): readonly string[] =>
  texts === undefined ? [] : Array.isArray(texts) ? texts : [texts as string]

const mayBe = ({ plain }: SchemaNode, type: string): boolean =>
  plain['type'] === undefined || listOf(plain['type']).includes(type)

function typeOf(value: unknown): string {
  if (value === null) return 'null'
  return Number.isInteger(value) ? 'integer' : typeof value
}

/**
 * What stands at `path` in values of a schema, be it there or not; undefined where nothing can stand. Members
 * are names of objects and places of lists.
 */
export function schemaAt(node: SchemaNode, path: readonly string[]): SchemaNode | undefined {
  let found: SchemaNode | undefined = node
  for (const name of path) found = found && memberOf(found, name)
  return found
}

function memberOf(node: SchemaNode, name: string): SchemaNode | undefined {
  if (isAny(node)) return node
  const parts = choicesOf(node) ?? node.several.get('allOf')
  if (parts !== undefined) {
    const found = parts.flatMap(part => memberOf(part, name) ?? [])
    return found.length > 1 ? nodeOf({}, { several: new Map([['anyOf', found]]) }) : found[0]
  }
  const place = Number(name)
  const isPlace = /^\d+$/.test(name) && mayBe(node, 'array')
  const ofList = isPlace ? (node.several.get('prefixItems')?.[place] ?? restOf(node, 'items')) : undefined
  const own = node.named.get('properties')?.get(name)
  const ofObject = mayBe(node, 'object') ? (own ?? restOf(node, 'additionalProperties')) : undefined
  return ofList ?? ofObject
}

function restOf(node: SchemaNode, keyword: string): SchemaNode | undefined {
  const rest = node.one.get(keyword) ?? any
  return isNever(rest) ? undefined : rest
}
