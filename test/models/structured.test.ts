/**
 * Zod schemas as a grammar takes them: whatever random logits write under the mask of a schema fits that
 * schema, and has the length that was told; what can't be said is refused by its path.
 */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { structured } from '../../src/models/structured.ts'
import { repository } from '../support/import-graph.ts'
import { answerSchema } from '../support/schema-arbitrary.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const { path: folder } = temporaryFolder()
const bounds = { mostCharacters: 20, mostItems: 3 }

function python(script: string, argument: string, input = ''): string {
  const { status, stdout, stderr } = spawnSync(
    join(repository, 'python', '.venv', 'bin', 'python'),
    [join(repository, 'test', script), argument],
    { input, encoding: 'utf8', env: { ...process.env, PYTHONPATH: join(repository, 'python') } },
  )
  if (status !== 0) throw new Error(stderr)
  return stdout
}

/** An answer for each schema, drawn from random logits under the mask that a worker makes of it. */
const answersOf = (schemas: readonly string[]): string[] =>
  python('python/random_answers.py', folder, `${schemas.join('\n')}\n`)
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as string)

beforeAll(() => {
  python('support/tiny_language_model.py', folder)
})

describe('an answer', () => {
  test('fits the schema that the grammar was made of, and is no longer than was told', () => {
    const schemas = fc.sample(answerSchema, { numRuns: 150, seed: 20 })
    const made = schemas.map(schema => structured(schema, bounds))
    const answers = answersOf(made.map(({ schema }) => schema))
    expect(answers).toHaveLength(150)
    const wrong = answers.flatMap((answer, index): object[] => {
      const { parse, schema, mostCharacters } = made[index] ?? structured(z.null())
      if (Array.from(answer).length > mostCharacters) return [{ schema, answer, mostCharacters }]
      try {
        parse(answer)
        return []
      } catch (error) {
        return [{ schema, answer, error: String(error) }]
      }
    })
    expect(wrong).toEqual([])
    // Rubbish that is always the same would fit, too.
    expect(new Set(answers).size).toBeGreaterThan(100)
  })

  test('counts and matches its texts as JavaScript does', () => {
    const text = z.object({
      counted: z.string().min(12).max(12),
      matched: z.string().regex(/^\s{9}\w{9}.{9}$/),
    })
    const { schema, parse } = structured(text)
    for (const answer of answersOf(Array(40).fill(schema))) expect(parse(answer).counted).toHaveLength(12)
  })

  test('comes as long as its schema says: the longest is not far below what was told', () => {
    const { schema, mostCharacters } = structured(z.object({ text: z.string().length(40), n: z.int32() }))
    const longest = Math.max(...answersOf(Array(30).fill(schema)).map(({ length }) => length))
    expect(mostCharacters).toBe('{"text":"","n":-2147483648}'.length + 80)
    expect(longest).toBeGreaterThan(mostCharacters - 50)
  })
})

const bounded = (schema: z.ZodType, options = {}): unknown => JSON.parse(structured(schema, options).schema)

describe('the schema text', () => {
  test('has an end for every text, list and number, closes objects and holds no reference', () => {
    const cite = z.object({ number: z.int().min(1).max(9) }).meta({ id: 'cite', description: 'A cite' })
    expect(bounded(z.looseObject({ text: z.string(), cites: z.array(cite), more: cite.optional() }))).toEqual(
      {
        type: 'object',
        properties: {
          text: { type: 'string', maxLength: 400 },
          cites: { type: 'array', items: inside, minItems: 0, maxItems: 16 },
          more: inside,
        },
        required: ['text', 'cites'],
        additionalProperties: false,
      },
    )
  })
  const inside = {
    type: 'object',
    properties: { number: { type: 'integer', minimum: 1, maximum: 9 } },
    required: ['number'],
    additionalProperties: false,
  }

  test.each([
    ['its own most', z.string().max(7), { maxLength: 7 }],
    ['a least beyond our most', z.string().min(500), { minLength: 500, maxLength: 500 }],
    ['a share', z.number().min(0).max(1), { minimum: 0, maximum: 1, multipleOf: 1e-6 }],
    ['a narrow range', z.number().min(0.1).max(0.100000001), { multipleOf: 1e-10 }],
    ['a number', z.number(), { minimum: -1e9, maximum: 1e9, multipleOf: 1e-5 }],
    ['a number far out', z.number().min(3e12), { minimum: 3e12, maximum: 1e15, multipleOf: 1 }],
    ['its own step', z.number().multipleOf(0.25).max(2), { minimum: -1e9, maximum: 2, multipleOf: 0.25 }],
    ['a whole number', z.int(), { minimum: -1e15, maximum: 1e15 }],
    ['one number only', z.number().min(3).max(3), { const: 3 }],
    ['a list that must be long', z.array(z.null()).min(20), { minItems: 20, maxItems: 20 }],
    ['a record', z.record(z.string(), z.null()), { maxProperties: 16, additionalProperties: false }],
  ])('of %s', (_what, schema, expected) => {
    expect(bounded(schema)).toMatchObject(expected)
  })

  test('takes the ends of its options', () => {
    expect(bounded(z.array(z.string()), { mostCharacters: 9, mostItems: 2 })).toMatchObject({
      items: { maxLength: 9 },
      maxItems: 2,
    })
  })

  test('leaves room for a pattern, however near the end of other texts is', () => {
    expect(bounded(z.ulid(), { mostCharacters: 9 })).toMatchObject({ maxLength: 256 })
  })

  test.each([0, 1.5, -1, Number.NaN, Number.POSITIVE_INFINITY])('refuses %s as an end', most => {
    for (const name of ['mostCharacters', 'mostItems'])
      expect(() => structured(z.string(), { [name]: most })).toThrow(
        expect.objectContaining({ code: 'ER_INPUT', message: expect.stringContaining(name) }),
      )
  })
})

type Tree = { value: number; next?: Tree | undefined }
const tree: z.ZodType<Tree> = z.object({
  value: z.int(),
  get next() {
    return tree.optional()
  },
})
const within = (inner: z.ZodType) => z.object({ a: z.array(z.tuple([z.int(), inner])) })

describe('what a grammar has no words for', () => {
  test.each([
    ['a date', z.date(), 'is a date'],
    ['a big integer', z.bigint(), 'is a bigint'],
    ['a map', z.map(z.string(), z.int()), 'is a map'],
    ['a set', z.set(z.int()), 'is a set'],
    ['a symbol', z.symbol(), 'is a symbol'],
    ['a check of its own kind', z.custom<string>(() => true), 'is a custom'],
    ['an instance', z.instanceof(URL), 'is a custom'],
    ['a transform with nothing before it', z.transform(String), 'is a transform'],
    ['undefined', z.undefined(), 'is a undefined'],
    ['no number', z.nan(), 'is a nan'],
    ['a file', z.file(), 'is a file'],
    ['a promise', z.promise(z.int()), 'is a promise'],
    ['a literal that is no JSON', z.literal([1n, 'x']), 'is a literal'],
    ['anything', z.any(), 'may be anything'],
    ['what nobody knows', z.unknown(), 'may be anything'],
    ['nothing', z.never(), 'may be anything or nothing'],
    ['no choice', z.enum([]), 'may be anything or nothing'],
    ['a union of none', z.union([]), 'admits nothing'],
    ['an impossible range', z.number().gt(3).lt(3), 'admits no number'],
    ['a range too far out', z.number().min(1e16), 'admits no number'],
    ['a step too fine', z.number().multipleOf(1e-12), 'steps of 1e-12'],
    ['itself', tree, 'holds itself'],
    ['a pattern that looks ahead', z.string().regex(/^(?=a)/), 'looks around or back'],
    ['a pattern that looks back', z.string().regex(/(a)\1/), 'looks around or back'],
    ['a pattern with flags', z.string().regex(/a/i), 'flags'],
    ['a format without a pattern', z.jwt(), 'the format jwt'],
    ['keys of a pattern', z.record(z.string().regex(/a/), z.int()), 'keys of a pattern'],
    ['an intersection of texts', z.intersection(z.string(), z.enum(['a'])), 'intersection'],
  ])('%s is refused by its path', (_what, schema, reason) => {
    const message = expect.stringMatching(new RegExp(`^The schema at a\\[\\]\\[1\\]\\S* .*${reason}`))
    expect(() => structured(within(schema))).toThrow(
      expect.objectContaining({ name: 'InputError', code: 'ER_INPUT', message }),
    )
  })

  test('is refused at the top, too', () => {
    expect(() => structured(z.date())).toThrow("The schema is a date, which JSON can't say")
  })
})

describe('parse', () => {
  const { parse } = structured(
    z.object({
      cites: z.array(z.int()).refine(cites => new Set(cites).size === cites.length, 'twice the same'),
      text: z.string().transform(text => text.length),
    }),
  )
  const failed = (message: string) =>
    expect.objectContaining({
      name: 'ModelError',
      code: 'ER_MODEL_FAILED',
      message: expect.stringMatching(message),
    })

  test('gives what comes out of the schema', () => {
    expect(parse('{"cites":[1,2],"text":"abc"}')).toEqual({ cites: [1, 2], text: 3 })
  })

  test('refuses what a refinement refuses, by its name', () => {
    expect(() => parse('{"cites":[1,1],"text":""}')).toThrow(
      failed('^The answer does not fit.*cites: twice the same'),
    )
  })

  test('refuses what lacks a key, and what is no JSON', () => {
    expect(() => parse('{"cites":[]}')).toThrow(failed('text: '))
    expect(() => parse('{"cites":[')).toThrow(failed('^The answer is not JSON: '))
  })
})
