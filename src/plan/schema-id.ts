/**
 * An id for what a schema asks for: SHA-256 over its canonical JSON Schema, equal wherever two schemas ask
 * for the same, however they are written, and equal in Python (python/evidence_runner/schema_id.py, golden
 * file test/golden/schema-ids.json).
 *
 * Where recursive types are cut into definitions depends on the place that is reached first, so no writing
 * can be taken as it is. The canonical one is the smallest graph: places that can't be told apart, however
 * far one follows them, are one definition, and definitions are numbered in the order in which they are met.
 *
 * What an id does not cover: refinements, transforms and other code, defaults, and texts for people.
 */
import type * as z from 'zod'
import { contentHash } from '../core/hash.ts'
import { type JsonSchema, jsonSchemaOf, reachable, type SchemaNode, schemaGraph } from './schema-graph.ts'

/**
 * The id of what `schema` gives: of the values that lie behind it, with members filled in that have a
 * default. 64 hex digits.
 * @throws InputError ER_INPUT for what JSON can't say, such as dates, bigints, functions and transforms.
 */
export const schemaId = (schema: z.ZodType): string => jsonSchemaId(jsonSchemaOf(schema))

/**
 * The id of a JSON Schema (draft 2020-12).
 * @throws InputError ER_INPUT for references that lead outside, nowhere or only to themselves, and for
 * keywords that don't hold what they are to.
 */
export const jsonSchemaId = (schema: JsonSchema): string => nodeId(schemaGraph(schema))

/** The id of what a node of a graph asks for. */
export const nodeId = (node: SchemaNode): string => contentHash('schema', canonicalSchema(node))

/** The one JSON Schema of all that ask for the same: numbered definitions, the first being the whole. */
export function canonicalSchema(root: SchemaNode): JsonSchema {
  const classes = classesOf(root)
  const numbers = new Map<string, number>()
  const definitions: Record<string, JsonSchema> = {}
  const reference = (node: SchemaNode): JsonSchema => {
    const kind = classes.get(node) as string
    let number = numbers.get(kind)
    if (number === undefined) {
      number = numbers.size
      numbers.set(kind, number)
      definitions[number] = described(node, classes, reference)
    }
    return { $ref: `#/$defs/${number}` }
  }
  return { ...(reference(root) as object), $defs: definitions }
}

type Classes = ReadonlyMap<SchemaNode, string>

/**
 * What each place can't be told apart from. All are equal at first; each round tells apart by what the round
 * before told apart, until one tells no more. How many rounds that takes is the same for all writings.
 */
function classesOf(root: SchemaNode): Classes {
  const nodes = reachable(root)
  let classes: Classes = new Map([...nodes].map(node => [node, '']))
  for (let count = 1; ; ) {
    const before = classes
    const classOf = (node: SchemaNode) =>
      contentHash(
        'schema-class',
        described(node, before, child => before.get(child)),
      )
    classes = new Map([...nodes].map(node => [node, classOf(node)]))
    const found = new Set(classes.values()).size
    if (found === count) return classes
    count = found
  }
}

/**
 * A node with `write` in place of its children, which are met by name, or by class where order means nothing.
 */
function described(node: SchemaNode, classes: Classes, write: (child: SchemaNode) => unknown): JsonSchema {
  const { plain, one, named, several } = node
  const written: Record<string, unknown> = { ...plain }
  for (const keyword of [...one.keys(), ...named.keys(), ...several.keys()].sort()) {
    const [child, members, list] = [one.get(keyword), named.get(keyword), several.get(keyword)]
    if (child !== undefined) written[keyword] = write(child)
    else if (list !== undefined) written[keyword] = ordered(keyword, list, classes).map(write)
    else
      written[keyword] = Object.fromEntries(
        [...(members ?? [])]
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([name, member]) => [name, write(member)]),
      )
  }
  return written
}

function ordered(keyword: string, nodes: readonly SchemaNode[], classes: Classes): readonly SchemaNode[] {
  if (keyword === 'prefixItems') return nodes
  const classOf = (node: SchemaNode) => classes.get(node) as string
  const all = nodes.toSorted((a, b) => (classOf(a) < classOf(b) ? -1 : 1))
  // Of a oneOf exactly one may fit, so there it matters if something stands in it twice.
  if (keyword === 'oneOf') return all
  return all.filter((node, index) => index === 0 || classOf(node) !== classOf(all[index - 1] as SchemaNode))
}
