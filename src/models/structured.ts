/**
 * Answers of a language model as values of a zod schema: the schema as a worker's grammar wants it, and the
 * answer's text read back.
 *
 * The grammar sees to the shape while the model writes. What JSON Schema has no words for, such as a
 * refinement, is checked when the answer is read.
 */
import type * as z from 'zod'
import { errorOf } from '../core/errors.ts'
import { boundedSchema } from './bounded-schema.ts'
import type { Bounds } from './bounded-value.ts'

/** Ends for what a schema itself leaves open. */
export type StructuredOptions = {
  /** Characters of a text whose schema has no `max`; 256 at least where it has a pattern. @default 400 */
  readonly mostCharacters?: number
  /** Items of a list whose schema has no `max`, and keys of a record. @default 16 */
  readonly mostItems?: number
}

/** A zod schema, ready to be written to and read from. */
export type Structured<T> = {
  /** JSON Schema text for a generation's `schema`. */
  readonly schema: string
  /**
   * How long the longest answer is, in characters; a model's token is one at least but for characters that
   * take several. An answer that `maxTokens` cuts before its end fails.
   */
  readonly mostCharacters: number
  /** @throws ModelError ER_MODEL_FAILED when the text is not JSON, or doesn't fit the zod schema. */
  parse(text: string): T
}

/**
 * What holds a language model's answer to `schema`.
 * @throws InputError ER_INPUT naming the path of what JSON or a grammar can't say: dates, functions, anything
 * at all, schemas that hold themselves.
 */
export function structured<S extends z.ZodType>(
  schema: S,
  options: StructuredOptions = {},
): Structured<z.output<S>> {
  const { node, longest } = boundedSchema(schema, boundsOf(options))
  return {
    schema: JSON.stringify(node),
    mostCharacters: longest,
    parse: text => parseAnswer(schema, text),
  }
}

function boundsOf({ mostCharacters = 400, mostItems = 16 }: StructuredOptions): Bounds {
  for (const [name, value] of Object.entries({ mostCharacters, mostItems }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw errorOf('ER_INPUT', `${name} must be a whole number of at least 1, not ${value}`)
  return { mostCharacters, mostItems }
}

function parseAnswer<S extends z.ZodType>(schema: S, text: string): z.output<S> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw errorOf('ER_MODEL_FAILED', `The answer is not JSON: ${(cause as Error).message}`, { cause })
  }
  const { success, data, error } = schema.safeParse(value)
  if (success) return data
  const issues = error.issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join('.')}: ${message}`,
  )
  throw errorOf('ER_MODEL_FAILED', `The answer does not fit its schema: ${issues.join('; ')}`)
}
