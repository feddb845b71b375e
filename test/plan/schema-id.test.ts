/**
 * Ids of schemas: equal for equal shapes, however they are written and in whichever language they are read.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { graphOf, type JsonSchema, schemaGraph } from '../../src/plan/schema-graph.ts'
import { canonicalSchema, jsonSchemaId, schemaId } from '../../src/plan/schema-id.ts'
import { goldenSchemas, writtenSchemas, zodSchemas } from './golden-schemas.ts'

const refused = expect.objectContaining({ code: 'ER_INPUT' })

describe('the golden file', () => {
  const golden = goldenSchemas()

  test('has the schemas of the table', () => {
    const names = [...Object.keys(zodSchemas), ...Object.keys(writtenSchemas)]
    expect(golden.map(({ name }) => name)).toEqual(names)
    expect(golden.length).toBeGreaterThanOrEqual(25)
  })

  test.each(golden)('has the id of $name', ({ name, schema, id }) => {
    expect(jsonSchemaId(schema)).toBe(id)
    const written = zodSchemas[name]
    if (written !== undefined) expect(schemaId(written)).toBe(id)
  })

  test('has one id for each shape', () => {
    const byId = Map.groupBy(golden, ({ id }) => id)
    const shared = [...byId.values()].filter(among => among.length > 1)
    expect(shared.map(among => among.map(({ name }) => name))).toEqual([
      ['anything', 'true'],
      ['nothing', 'false'],
    ])
  })
})

describe('schemaId()', () => {
  /** §3.4 of the study: the upstream tests, and the bug that variants of an enum were lost. */
  test('gives one id for one structure and others for others', () => {
    const input = () => z.object({ name: z.string(), value: z.int(), flag: z.boolean() })
    expect(schemaId(input())).toBe(schemaId(input()))
    const changed = [
      z.object({ name: z.string(), value: z.int() }),
      z.object({ name: z.string(), value: z.number(), flag: z.boolean() }),
      z.object({ name: z.string(), value: z.int(), flags: z.boolean() }),
      z.object({ name: z.string(), value: z.int(), flag: z.boolean().optional() }),
      z.object({ name: z.string().min(1), value: z.int(), flag: z.boolean() }),
      z.looseObject({ name: z.string(), value: z.int(), flag: z.boolean() }),
      z.array(input()),
      z.enum(['a', 'b']),
      z.enum(['a', 'c']),
    ]
    expect(new Set([input(), ...changed].map(schemaId)).size).toBe(changed.length + 1)
  })

  test('does not depend on the order of members, choices and values', () => {
    const one = z.object({ a: z.union([z.string(), z.number()]), b: z.enum(['x', 'y']) })
    const other = z.object({ b: z.enum(['y', 'x']), a: z.union([z.number(), z.string()]) })
    expect(schemaId(one)).toBe(schemaId(other))
    expect(schemaId(z.tuple([z.string(), z.number()]))).not.toBe(schemaId(z.tuple([z.number(), z.string()])))
  })

  test('does not depend on what is said for people', () => {
    const told = z
      .object({
        a: z
          .string()
          .describe('a text')
          .meta({ examples: ['x'], deprecated: true }),
      })
      .meta({ id: 'Told', title: 'Told', description: 'with words' })
    expect(schemaId(told)).toBe(schemaId(z.object({ a: z.string() })))
    // Members that have such names are members.
    expect(schemaId(z.object({ title: z.string() }))).not.toBe(schemaId(z.object({})))
  })

  test('covers what lies behind a schema: a default is there, whatever it is', () => {
    const [three, four] = [3, 4].map(value => z.object({ n: z.number().default(value) }))
    expect(schemaId(three as z.ZodType)).toBe(schemaId(four as z.ZodType))
    expect(schemaId(three as z.ZodType)).toBe(schemaId(z.object({ n: z.number() })))
    expect(schemaId(three as z.ZodType)).not.toBe(schemaId(z.object({ n: z.number().optional() })))
  })

  test('does not depend on where a circle is entered, cut or unrolled', () => {
    const { 'people and pets': known } = zodSchemas
    const human: z.ZodType = z.object({
      get pets() {
        return z.array(animal)
      },
      name: z.string(),
    })
    const animal: z.ZodType = z.object({
      get owner() {
        return human.optional()
      },
      kind: z.enum(['cat', 'dog']),
    })
    expect(schemaId(z.object({ second: animal, first: human }))).toBe(schemaId(known as z.ZodType))
    const unrolled = z.object({
      second: animal,
      first: z.object({
        name: z.string(),
        pets: z.array(z.object({ kind: z.enum(['dog', 'cat']), owner: human.optional() })),
      }),
    })
    expect(schemaId(unrolled)).toBe(schemaId(known as z.ZodType))
    expect(schemaId(human)).not.toBe(schemaId(animal))
  })

  test('tells circles apart that differ only far from where one begins', () => {
    const chain = (last: string, length: number): JsonSchema => {
      const definitions: Record<string, JsonSchema> = { [`n${length}`]: { type: last } }
      for (let place = 0; place < length; place += 1)
        definitions[`n${place}`] = {
          title: `${place}`,
          minItems: place,
          items: { $ref: `#/$defs/n${place + 1}` },
        }
      return { $ref: '#/$defs/n0', $defs: definitions }
    }
    expect(jsonSchemaId(chain('string', 12))).not.toBe(jsonSchemaId(chain('number', 12)))
  })

  test.each([
    ['a date', z.date()],
    ['a bigint', z.object({ n: z.bigint() })],
    ['a transform', z.string().transform(Number)],
    ['a set', z.set(z.string())],
  ])('refuses %s', (_, schema) => {
    expect(() => schemaId(schema)).toThrow(refused)
  })
})

describe('jsonSchemaId()', () => {
  test.each<[string, JsonSchema, JsonSchema]>([
    [
      'several types and a choice of one each',
      { type: ['null', 'string'] },
      { anyOf: [{ type: 'string' }, { type: 'null' }] },
    ],
    ['const and enum of one', { const: { b: 1, a: 2 } }, { enum: [{ a: 2, b: 1 }] }],
    [
      'choices in choices',
      { anyOf: [{ anyOf: [{ type: 'null' }, {}] }, false] },
      { anyOf: [{}, { not: {} }, { type: 'null' }] },
    ],
    ['a choice of one', { anyOf: [{ allOf: [{ minimum: 1 }] }] }, { minimum: 1 }],
    [
      'what holds of everything',
      { minLength: 0, required: [], properties: {}, items: true, title: 't' },
      true,
    ],
    [
      'a reference',
      { items: { $ref: '#/$defs/a' }, $defs: { a: { type: 'null' } } },
      { items: { type: 'null' } },
    ],
    [
      'a recursive choice',
      { anyOf: [{ type: 'null' }, { $ref: '#' }] },
      { anyOf: [{ type: 'null' }, { type: 'null' }] },
    ],
    ['one name twice', { required: ['a', 'b', 'a'] }, { required: ['b', 'a'] }],
    ['numbers that are one', { enum: [1, 1, -0] }, { enum: [0, 1] }],
  ])('is the same for %s', (_, one, other) => {
    expect(jsonSchemaId(one)).toBe(jsonSchemaId(other))
  })

  test.each<[string, JsonSchema]>([
    ['lead outside', { $ref: 'https://example.org/schema' }],
    ['lead nowhere', { items: { $ref: '#/$defs/a' } }],
    ['lead to themselves', { $ref: '#' }],
    [
      'lead in a circle',
      { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } },
    ],
    ['can not be read', { $ref: '#/%E0%A4%A' }],
  ])('refuses references that %s', (_, schema) => {
    expect(() => jsonSchemaId(schema)).toThrow(refused)
  })

  test.each<[string, JsonSchema]>([
    ['a list for one schema', { items: [{ type: 'string' }] }],
    ['a text for a number', { minimum: '1' }],
    ['no choice', { anyOf: [] }],
    ['what is no schema', { properties: { a: 'string' } }],
  ])('refuses %s', (_, schema) => {
    expect(() => jsonSchemaId(schema)).toThrow(refused)
  })

  test('takes what holds itself for no open end', () => {
    const list: JsonSchema = { items: { $ref: '#' } }
    expect(jsonSchemaId(list)).not.toBe(jsonSchemaId(true))
    expect(jsonSchemaId({ items: { items: { additionalProperties: true } } })).toBe(jsonSchemaId(true))
  })

  test('is that of its canonical form, which is its own', () => {
    for (const { schema, id } of goldenSchemas()) {
      const canonical = canonicalSchema(schemaGraph(schema))
      expect(jsonSchemaId(canonical)).toBe(id)
      expect(canonicalSchema(schemaGraph(canonical))).toEqual(canonical)
    }
    expect(canonicalSchema(graphOf(z.array(z.null())))).toEqual({
      $ref: '#/$defs/0',
      $defs: { 0: { type: 'array', items: { $ref: '#/$defs/1' } }, 1: { type: 'null' } },
    })
  })

  test('survives every other way to write a schema', () => {
    fc.assert(
      fc.property(written, fc.integer(), (schema, seed) => {
        const id = jsonSchemaId(schema)
        expect(jsonSchemaId(rewritten(schema, seed))).toBe(id)
      }),
      { numRuns: 300 },
    )
  })
})

/** Schemas with two definitions that may refer to each other. */
const written: fc.Arbitrary<Record<string, unknown>> = fc
  .letrec<{ schema: Record<string, unknown> }>(tie => ({
    schema: fc.oneof(
      { depthSize: 0.3, maxDepth: 3 },
      fc.constantFrom<Record<string, unknown>>(
        { type: 'string' },
        { enum: [1, 'a', null] },
        { minimum: 0.5 },
      ),
      fc.constantFrom<Record<string, unknown>>({ $ref: '#/$defs/a' }, { $ref: '#/$defs/b' }),
      fc.record({
        properties: fc.dictionary(fc.constantFrom('x', 'y', '\ufb33'), tie('schema')),
        required: fc.constant(['y', 'x']),
      }),
      fc.record({
        prefixItems: fc.array(tie('schema'), { minLength: 1, maxLength: 2 }),
        items: tie('schema'),
      }),
      fc.record({ anyOf: fc.array(tie('schema'), { minLength: 2, maxLength: 3 }) }),
      fc.record({
        oneOf: fc.array(tie('schema'), { minLength: 2, maxLength: 3 }),
        type: fc.constant(['object', 'array']),
      }),
    ),
  }))
  .schema.chain(root =>
    fc.record({
      type: fc.constant('object'),
      properties: fc.constant({ root }),
      $defs: fc.constant({ a: { items: root }, b: { properties: { a: { $ref: '#/$defs/a' } }, title: 'B' } }),
    }),
  )

/**
 * The same schema with members, choices and names in another order, other names of definitions, and more
 * words.
 */
function rewritten(schema: Record<string, unknown>, seed: number): JsonSchema {
  let state = seed
  const next = (count: number) => {
    state = (Math.imul(state, 1103515245) + 12345) | 0
    return (state >>> 16) % count
  }
  const shuffled = <T>(values: readonly T[]): T[] =>
    values
      .map(value => [next(1000), value] as const)
      .sort(([a], [b]) => a - b)
      .map(([, value]) => value)
  const names = { a: 'zz/~', b: 'a' }
  const change = (value: unknown, keyword = ''): unknown => {
    if (Array.isArray(value))
      return (keyword === 'prefixItems' ? value : shuffled(value)).map(item => change(item))
    if (typeof value !== 'object' || value === null) return value
    const { $ref } = value as { $ref?: string }
    if ($ref === '#/$defs/b') return { $ref: '#/$defs/a', title: 'a name' }
    // In place of a reference, what it leads to, now and then.
    if ($ref === '#/$defs/a' && next(3) === 0)
      return { items: change((schema['$defs'] as { a: { items: unknown } }).a.items) }
    if ($ref === '#/$defs/a') return { $ref: '#/$defs/zz~1~0' }
    const members = Object.entries(value).map(([name, member]) => {
      const isNames = keyword === '$defs'
      return [isNames ? names[name as 'a' | 'b'] : name, change(member, keyword === 'properties' ? '' : name)]
    })
    const words = keyword === 'properties' || keyword === '$defs' ? [] : [['description', `words ${next(9)}`]]
    return Object.fromEntries(shuffled([...members, ...words]))
  }
  return change(schema) as JsonSchema
}
