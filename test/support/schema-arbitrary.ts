/** Zod schemas as fast-check makes them: of everything that a language model's answer may be held to. */
import fc from 'fast-check'
import * as z from 'zod'

/** Quotes, backslashes, controls, what takes one UTF-16 unit and what takes two. */
const piece = fc.constantFrom(
  'a',
  'Z',
  '0',
  ' ',
  '"',
  '\\',
  '\n',
  '\r',
  '\u0001',
  '\u007f',
  'é',
  '語',
  '😀',
  '{',
)
const text = fc.string({ unit: piece, maxLength: 6 })

const range = (least: number, most: number) =>
  fc.tuple(fc.integer({ min: least, max: most }), fc.integer({ min: 0, max: most - least }))

const strings = fc.oneof(
  fc.constant(z.string()),
  range(0, 5).map(([low, more]) =>
    z
      .string()
      .min(low)
      .max(low + more),
  ),
  fc.integer({ min: 0, max: 9 }).map(length => z.string().length(length)),
  fc.constantFrom(
    ...[/a/, /^[a-z]{2,5}$/, /^\d+\s\w.$/, /^[äöü]+$/, /^a|b$/].map(pattern => z.string().regex(pattern)),
    ...[
      z.string().startsWith('x').endsWith('z'),
      z.string().regex(/^.*b/).max(6),
      z.string().lowercase().max(5),
    ],
    ...[z.email(), z.url(), z.uuid(), z.iso.date(), z.iso.datetime(), z.iso.time(), z.ipv4(), z.ipv6()],
    ...[z.ulid(), z.nanoid(), z.base64(), z.templateLiteral(['a', z.int(), z.enum(['b', 'c'])])],
  ),
)

const numbers = fc.oneof(
  fc.constantFrom(z.number(), z.int(), z.int32(), z.float32(), z.number().positive(), z.int().nonnegative()),
  range(-50, 50).map(([low, more]) =>
    z
      .int()
      .min(low)
      .max(low + more),
  ),
  range(-50, 50).map(([low, more]) =>
    z
      .number()
      .min(low / 7)
      .max((low + more + 1) / 7),
  ),
  range(-9, 9).map(([low, more]) =>
    z
      .number()
      .gt(low)
      .lt(low + more + 1),
  ),
  range(0, 9).map(([low, more]) =>
    z
      .number()
      .min(low)
      .max(low + more + 1)
      .multipleOf(0.01),
  ),
  fc.constantFrom(z.number().min(1e12), z.number().max(-3e9), z.number().gt(1e-9).lt(2e-9), z.int().gt(1e14)),
)

const fixed = fc.oneof(
  fc.constantFrom(z.boolean(), z.null(), z.literal([1, 'é', null, true, 1e-7, -0.5])),
  fc.uniqueArray(text, { minLength: 1, maxLength: 4 }).map(values => z.enum(values)),
  text.map(value => z.literal(value)),
)

const { schema } = fc.letrec<{ schema: z.ZodType; deep: z.ZodType }>(tie => ({
  schema: fc.oneof({ maxDepth: 3, depthSize: 'small' }, fc.oneof(strings, numbers, fixed), tie('deep')),
  deep: fc.oneof(
    fc
      .dictionary(text, fc.tuple(tie('schema'), fc.constantFrom('', 'optional', 'nullable', 'transform')), {
        maxKeys: 4,
        noNullPrototype: true,
      })
      .chain(shape =>
        fc
          .constantFrom(z.object, z.strictObject, z.looseObject)
          .map(make =>
            make(
              Object.fromEntries(
                Object.entries(shape).map(([key, [inner, how]]) => [key, changed(inner, how)] as const),
              ),
            ),
          ),
      ),
    tie('schema').map(inner => z.array(inner)),
    fc.tuple(tie('schema'), range(0, 3)).map(([inner, [low, more]]) =>
      z
        .array(inner)
        .min(low)
        .max(low + more),
    ),
    fc.tuple(tie('schema'), tie('schema')).map(([one, other]) => z.tuple([one, other.optional()])),
    fc.tuple(tie('schema'), tie('schema')).map(([one, other]) => z.tuple([one], other)),
    fc.tuple(tie('schema'), tie('schema')).map(members => z.union(members)),
    tie('schema').map(inner => z.record(z.string(), inner)),
    tie('schema').map(inner => z.record(z.enum(['a', '"']), inner)),
    tie('schema').map(inner => z.partialRecord(z.enum(['a', 'é']), inner)),
    fc
      .tuple(tie('schema'), tie('schema'))
      .map(([one, other]) =>
        z.discriminatedUnion('kind', [
          z.object({ kind: z.literal('one'), one }),
          z.object({ kind: z.literal('other'), other: other.optional() }),
        ]),
      ),
    fc
      .tuple(tie('schema'), tie('schema'))
      .map(([a, b]) => z.intersection(z.object({ a }), z.object({ b: b.nullable() }))),
  ),
}))

function changed(inner: z.ZodType, how: string): z.ZodType {
  if (how === 'optional') return inner.optional()
  if (how === 'nullable') return inner.nullable()
  return how === 'transform' ? inner.transform(value => [value]) : inner
}

/** Any schema that `structured` takes. */
export const answerSchema: fc.Arbitrary<z.ZodType> = schema
