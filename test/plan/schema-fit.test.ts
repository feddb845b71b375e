/** What surely fits where: known pairs both ways, and on random schemas that a yes holds for every value. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod'
import { fits, schemaAt } from '../../src/plan/schema-fit.ts'
import { graphOf, isAny } from '../../src/plan/schema-graph.ts'
import { schemaId } from '../../src/plan/schema-id.ts'

/** Whether what `from` gives fits what `to` takes. */
const fitting = (from: z.ZodType, to: z.ZodType, gradual = false) =>
  fits(graphOf(from), graphOf(to, 'input'), { gradual })

const list: z.ZodType = z.object({
  head: z.number(),
  get tail() {
    return list.optional()
  },
})
const longList: z.ZodType = z.object({
  head: z.int(),
  more: z.string(),
  get tail() {
    return longList.optional()
  },
})

describe('fits()', () => {
  test.each<[string, z.ZodType, z.ZodType]>([
    ['a whole number as a number', z.int(), z.number()],
    ['a narrower range', z.number().min(1).max(2), z.number().min(0).max(2)],
    ['a range that ends before a limit', z.number().gt(0).lt(1), z.number().min(0).lte(1)],
    ['a closed range within an open one', z.number().min(1).max(2), z.number().gt(0).lt(3)],
    ['a multiple of a multiple', z.number().multipleOf(6), z.number().multipleOf(3)],
    ['a text of fewer lengths', z.string().min(2).max(3), z.string().min(1)],
    ['a text of the same form', z.email().max(20), z.email()],
    ['a text of more patterns', z.string().regex(/^a/).regex(/b$/), z.string().regex(/b$/)],
    ['a literal as a text', z.literal('abc'), z.string().max(3)],
    ['a literal by its pattern', z.literal('abc'), z.string().regex(/^a.c$/)],
    ['fewer values', z.enum(['a']), z.enum(['b', 'a'])],
    ['one of a choice', z.string(), z.union([z.number(), z.string()])],
    ['a choice within a choice', z.union([z.int(), z.null()]), z.union([z.string(), z.number()]).nullable()],
    ['anything where anything goes', z.unknown(), z.any()],
    ['nothing', z.never(), z.string()],
    ['an object with more members', z.object({ a: z.string(), b: z.int() }), z.object({ a: z.string() })],
    [
      'an object without an optional member',
      z.object({ a: z.string() }),
      z.strictObject({ a: z.string(), b: z.int().optional() }),
    ],
    ['an object without a member with a default', z.object({}), z.object({ a: z.string().default('x') })],
    ['an object as a record', z.object({ a: z.int() }), z.record(z.string(), z.number())],
    [
      'an object as a record of an enum',
      z.object({ a: z.int() }),
      z.partialRecord(z.enum(['a', 'b']), z.number()),
    ],
    [
      'a union by its kind',
      z.object({ kind: z.literal('b'), n: z.int() }),
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('a') }),
        z.object({ kind: z.literal('b'), n: z.number() }),
      ]),
    ],
    ['a tuple as a list', z.tuple([z.int(), z.number()]), z.array(z.number()).min(2)],
    ['a tuple as a longer one with a rest', z.tuple([z.int(), z.int()]), z.tuple([z.int()], z.number())],
    ['a recursive type with more members', longList, list],
    [
      'both of an intersection',
      z.object({ a: z.int(), b: z.int() }),
      z.intersection(z.object({ a: z.int() }), z.object({ b: z.number() })),
    ],
  ])('takes %s', (_, from, to) => {
    expect(fitting(from, to)).toBe(true)
  })

  test.each<[string, z.ZodType, z.ZodType]>([
    ['a text as a number', z.string(), z.number()],
    ['a number as a whole one', z.number(), z.int()],
    ['a wider range', z.number().min(0), z.number().gt(0)],
    ['a range without an end', z.number().min(0), z.number().max(9)],
    ['another multiple', z.number().multipleOf(2), z.number().multipleOf(3)],
    ['a text of any length', z.string(), z.string().min(1)],
    ['a text without the pattern', z.string().regex(/^a/), z.string().regex(/b$/)],
    ['a literal that is too long', z.literal('abc'), z.string().max(2)],
    ['more values', z.enum(['a', 'c']), z.enum(['b', 'a'])],
    ['a text as one of its values', z.string(), z.enum(['a'])],
    ['a choice too many', z.string().nullable(), z.string()],
    ['anything', z.unknown(), z.string()],
    ['something as nothing', z.string(), z.never()],
    ['an object without a member', z.object({ a: z.string() }), z.object({ a: z.string(), b: z.int() })],
    [
      'an optional member as one that is there',
      z.object({ a: z.int().optional() }),
      z.object({ a: z.int() }),
    ],
    ['a member of another type', z.object({ a: z.string() }), z.object({ a: z.int().optional() })],
    ['a member too many', z.object({ a: z.string(), b: z.int() }), z.strictObject({ a: z.string() })],
    ['an open object as a closed one', z.looseObject({ a: z.string() }), z.strictObject({ a: z.string() })],
    ['an open object with an optional member', z.looseObject({}), z.object({ a: z.string().optional() })],
    ['a record of other names', z.record(z.string(), z.int()), z.partialRecord(z.enum(['a']), z.int())],
    ['a list as a tuple', z.array(z.int()), z.tuple([z.int()])],
    ['a shorter tuple', z.tuple([z.int()]), z.tuple([z.int(), z.int()])],
    ['a tuple the other way round', z.tuple([z.int(), z.string()]), z.tuple([z.string(), z.int()])],
    ['a recursive type with fewer members', list, longList],
    [
      'a union with a kind too many',
      z.object({ kind: z.literal('c') }),
      z.discriminatedUnion('kind', [z.object({ kind: z.literal('a') }), z.object({ kind: z.literal('b') })]),
    ],
  ])('refuses %s', (_, from, to) => {
    expect(fitting(from, to)).toBe(false)
  })

  test('takes what nothing is said of, if it is to be checked later', () => {
    const from = z.object({ a: z.unknown(), b: z.int() })
    expect(fitting(from, z.object({ a: z.string(), b: z.number() }), true)).toBe(true)
    expect(fitting(from, z.object({ a: z.string(), b: z.string() }), true)).toBe(false)
    expect(fitting(from, z.object({ a: z.string() }))).toBe(false)
  })

  test('forgets what it took to be so where that was wrong', () => {
    // The first choice fails only after the recursive pair in it was taken to fit.
    const from: z.ZodType = z.object({
      get next() {
        return from.optional()
      },
      last: z.string(),
    })
    const wrong: z.ZodType = z.object({
      get next() {
        return wrong.optional()
      },
      last: z.number(),
    })
    expect(fitting(from, z.union([wrong, z.object({ next: wrong.optional() })]))).toBe(false)
  })

  test('says yes only where every value fits', () => {
    let taken = 0
    fc.assert(
      fc.property(
        schemas,
        schemas,
        fc.array(values, { minLength: 30, maxLength: 30 }),
        (from, to, candidates) => {
          if (!fitting(from, to)) return
          taken += 1
          for (const candidate of candidates) {
            const given = from.safeParse(candidate)
            if (given.success) expect(to.safeParse(given.data).success).toBe(true)
          }
        },
      ),
      { numRuns: 3000, seed: 4 },
    )
    expect(taken).toBeGreaterThan(100)
  })

  test('says yes to what is the same', () => {
    fc.assert(
      fc.property(schemas, schema => {
        expect(fits(graphOf(schema), graphOf(schema))).toBe(true)
      }),
    )
  })
})

describe('schemaAt()', () => {
  const state = z.object({
    a: z.object({ b: z.string().optional() }).optional(),
    list: z.array(z.int()),
    pair: z.tuple([z.string(), z.boolean()]),
    either: z.union([z.object({ x: z.int() }), z.object({ x: z.string() }), z.null()]),
    rest: z.record(z.string(), z.boolean()),
    open: z.unknown(),
  })
  const at = (path: string) => schemaAt(graphOf(state), path.split('.'))

  test.each<[string, z.ZodType]>([
    ['a.b', z.string()],
    ['list.7', z.int()],
    ['pair.1', z.boolean()],
    ['either.x', z.union([z.int(), z.string()])],
    ['rest.whatever', z.boolean()],
  ])('finds what stands at %s', (path, schema) => {
    const found = at(path)
    const node = graphOf(schema)
    expect(found !== undefined && fits(found, node) && fits(node, found)).toBe(true)
  })

  test('knows nothing of what stands in something open', () => {
    const found = at('open.a.b')
    expect(found !== undefined && isAny(found)).toBe(true)
  })

  test.each([
    'c',
    'a.c',
    'list.x',
    'list.length',
    'pair.2',
    'either.y',
    'list.0.a',
    'a.b.c',
    'a.constructor',
  ])('finds nothing at %s', path => {
    expect(at(path)).toBeUndefined()
  })
})

const leaves = fc.constantFrom<z.ZodType>(
  ...[z.string(), z.string().min(1), z.enum(['a', 'b']), z.enum(['a']), z.literal(['a', 1, null])],
  ...[z.number(), z.int(), z.number().min(0), z.number().gt(0).lt(2), z.boolean(), z.null(), z.unknown()],
)
const schemas: fc.Arbitrary<z.ZodType> = fc.letrec<{ schema: z.ZodType }>(tie => ({
  schema: fc.oneof(
    { depthSize: 'small', maxDepth: 2 },
    leaves,
    fc
      .array(tie('schema'), { minLength: 2, maxLength: 2 })
      .map(members => z.union(members as [z.ZodType, z.ZodType])),
    fc.tuple(tie('schema'), tie('schema')).map(([a, b]) => z.object({ a, b: b.optional() })),
    fc.tuple(tie('schema')).map(([a]) => z.strictObject({ a: a.optional() })),
    tie('schema').map(member => z.looseObject({ a: member })),
    tie('schema').map(member => z.record(z.string(), member)),
    fc.tuple(tie('schema'), fc.nat(2)).map(([item, count]) => z.array(item).min(count)),
    fc.tuple(tie('schema'), tie('schema')).map(([a, b]) => z.tuple([a], b)),
  ),
})).schema

const values: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown }>(tie => ({
  value: fc.oneof(
    { depthSize: 'small', maxDepth: 2 },
    fc.constantFrom<unknown>('a', 'b', '', 'c', 0, 1, 1.5, -1, 2, true, false, null),
    fc.record({ a: tie('value'), b: tie('value'), c: tie('value') }, { requiredKeys: [] }),
    fc.array(tie('value'), { maxLength: 3 }),
  ),
})).value

test('the schemas above are many', () => {
  expect(new Set(fc.sample(schemas, { numRuns: 300, seed: 1 }).map(schemaId)).size).toBeGreaterThan(100)
})
