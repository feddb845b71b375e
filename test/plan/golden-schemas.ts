/**
 * Schemas whose ids stand in test/golden/schema-ids.json, where Python reads them, too: those of zod, as it
 * writes them, and JSON Schemas as others may write them. As a program it writes that file anew:
 *
 *   scripts/node test/plan/golden-schemas.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'
import { type JsonSchema, jsonSchemaOf } from '../../src/plan/schema-graph.ts'
import { jsonSchemaId } from '../../src/plan/schema-id.ts'

const path = join(import.meta.dirname, '..', 'golden', 'schema-ids.json')

const tree: z.ZodType = z.object({
  value: z.number(),
  get children() {
    return z.array(tree)
  },
})
const person: z.ZodType = z.object({
  name: z.string(),
  get pets() {
    return z.array(pet)
  },
})
const pet: z.ZodType = z.object({
  kind: z.enum(['dog', 'cat']),
  get owner() {
    return person.optional()
  },
})

/** By name; the names of the file. */
export const zodSchemas: Readonly<Record<string, z.ZodType>> = {
  string: z.string(),
  integer: z.int(),
  number: z.number(),
  'number between': z.number().gt(1e-7).lt(1e21).multipleOf(0.1),
  boolean: z.boolean(),
  null: z.null(),
  anything: z.unknown(),
  nothing: z.never(),
  'text of a length': z.string().min(1).max(10),
  'text of two patterns': z
    .string()
    .regex(/^a/)
    .regex(/\u20ac$/),
  email: z.email(),
  'date and time': z.iso.datetime(),
  enum: z.enum(['b', 'a', '\u{1f600}', '\ufb33', '\ud800', '"\\\n\u007f']),
  literals: z.literal([1, 'a', null, true, -0, 1e300, 123456789012345680000]),
  list: z.array(z.string()).min(1).max(4),
  tuple: z.tuple([z.string(), z.number()], z.boolean()),
  record: z.record(z.string(), z.number()),
  'record of an enum': z.record(z.enum(['x', 'y']), z.int()),
  'test input': z.object({ name: z.string(), value: z.int(), flag: z.boolean() }),
  'test state': z.object({ data: z.int().optional() }),
  'object open to others': z.looseObject({ a: z.string() }),
  'object with a default': z.object({ a: z.string(), n: z.number().default(3) }),
  union: z.union([z.string(), z.union([z.object({ a: z.string() }), z.boolean()])]).nullable(),
  'discriminated union': z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('a') }),
    z.object({ kind: z.literal('b'), n: z.number() }),
  ]),
  intersection: z.intersection(z.object({ a: z.string() }), z.record(z.string(), z.unknown())),
  tree,
  'people and pets': z.object({ first: person, second: pet }),
  json: z.json(),
}

/** By name; not as zod writes them. */
export const writtenSchemas: Readonly<Record<string, JsonSchema>> = {
  true: true,
  false: false,
  'names of other planes': {
    type: 'object',
    properties: { '\ufb33': true, '\u{1f600}': { type: 'string' }, '\u20ac': {}, '': { type: 'null' } },
  },
  'property names that are keywords': {
    type: 'object',
    properties: { title: { type: 'string', title: 'T' }, $ref: { type: 'null' }, required: { minLength: 2 } },
    required: ['title'],
  },
  'condition and dependence': {
    if: { properties: { a: { const: 1 } } },
    // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
    then: { required: ['b', 'a'] },
    else: false,
    dependentSchemas: { b: { minProperties: 2 } },
    patternProperties: { '^x-': { type: ['string', 'integer'] } },
    unevaluatedProperties: false,
  },
  'a reference beside a constraint': {
    $ref: '#/$defs/text~1of%20any~0kind',
    minLength: 3,
    $defs: { 'text/of any~kind': { type: 'string' } },
  },
  'exactly one of two equals': { oneOf: [{ type: 'string' }, { type: 'string' }, { type: 'null' }] },
  'a list that contains': {
    contains: { type: 'integer' },
    minContains: 2,
    maxContains: 5,
    uniqueItems: true,
  },
  'numbers as they come': { enum: [0.1, 1e21, 1e-7, 5e-324, 9007199254740991, 100, -1.5, 1e23, 0.000001] },
  'a circle of two': {
    $ref: '#/$defs/ping',
    $defs: {
      ping: { type: 'object', properties: { next: { $ref: '#/$defs/pong' } } },
      pong: { type: 'object', properties: { next: { $ref: '#/$defs/ping' } }, required: ['next'] },
    },
  },
}

/** One schema of the file. */
export type GoldenSchema = { readonly name: string; readonly schema: JsonSchema; readonly id: string }

/** What stands in the file. */
export const goldenSchemas = (): readonly GoldenSchema[] => JSON.parse(readFileSync(path, 'utf8'))

if (process.argv[1] === import.meta.filename) {
  const fromZod = Object.entries(zodSchemas).map(([name, schema]) => [name, jsonSchemaOf(schema)] as const)
  const all = [...fromZod, ...Object.entries(writtenSchemas)]
  const golden = all.map(([name, schema]) => ({ name, schema, id: jsonSchemaId(schema) }))
  writeFileSync(path, `${JSON.stringify(golden, null, 2)}\n`)
}
