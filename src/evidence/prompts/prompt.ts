/**
 * A prompt: a text with typed places, known by type, id and version. It is cut up once, and rendering checks the
 * values and puts them in. Not here: keeping many of them (library.ts), and prompts as files (header.ts).
 */
import { z } from 'zod'
import { InputError } from '../../core/errors.ts'
import { compile, fill, type Template, type Value } from './template.ts'

/** What a prompt takes: a zod object of texts, numbers and booleans. */
export type Parameters = z.ZodObject<Record<string, z.ZodType<Value>>>

/** What a prompt is known by. Texts of one version never change. */
export type PromptName = {
  /** What kind of work it is for; texts of two types may share an id. */
  readonly type: string
  readonly id: string
  readonly version: string
}

/** A prompt as it is written down. */
export type PromptDefinition<Shape extends Parameters> = {
  readonly id: string
  readonly version: string
  /** @default 'prompt' */
  readonly type?: string
  readonly parameters: Shape
  /** With a place `{{name}}` for each parameter. */
  readonly text: string
}

/** A prompt as far as it can be kept and written down, whatever its parameters. */
export type WrittenPrompt<Shape extends Parameters = Parameters> = PromptName & {
  readonly parameters: Shape
  readonly text: string
}

/** A prompt that can be rendered. */
export type Prompt<Shape extends Parameters = Parameters> = WrittenPrompt<Shape> & {
  /**
   * The text with its values.
   * @throws InputError ER_INPUT for a value that is missing, not asked for, or of the wrong type.
   */
  readonly render: (values: Readonly<z.input<Shape>>) => string
}

/** The type of prompts that name none. */
export const standardType = 'prompt'

const longestName = 100
// No slash, no backslash, no dot at the start and none beside another: a name can't lead out of a folder.
const name = /^[A-Za-z0-9_][A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]+)*$/

/**
 * Checks a type, an id or a version: letters, digits, `_`, `-` and single dots inside, at most 100.
 * @throws InputError ER_INPUT for anything else, a path above all.
 */
export function checkName(what: string, value: string): void {
  if (typeof value === 'string' && value.length <= longestName && name.test(value)) return
  const shown = JSON.stringify(String(value).slice(0, 60))
  throw new InputError(
    'ER_INPUT',
    `The ${what} ${shown} of a prompt can't be taken: letters, digits, _, - and single dots, ${longestName} at most`,
  )
}

/** A name for messages. */
export const nameText = ({ type, id, version }: PromptName): string => `prompt ${type}/${id}@${version}`

/**
 * A prompt from its parts.
 * @throws InputError ER_INPUT where names are no names, or places and parameters are not the same.
 */
export function definePrompt<Shape extends Parameters>(definition: PromptDefinition<Shape>): Prompt<Shape> {
  const { id, version, type = standardType, parameters, text } = definition
  checkName('type', type)
  checkName('id', id)
  checkName('version', version)
  return promptOver(compile(text, nameText({ type, id, version })), { id, version, type, parameters, text })
}

/** A prompt over a text that has been cut up already. @throws as `definePrompt` where its places don't fit. */
export function promptOver<Shape extends Parameters>(
  template: Template,
  { id, version, type, parameters, text }: Required<PromptDefinition<Shape>>,
): Prompt<Shape> {
  const what = nameText({ type, id, version })
  const asked = Object.keys(parameters.shape)
  const missing = asked.filter(key => !template.names.includes(key))
  const unknown = template.names.filter(key => !asked.includes(key))
  if (missing.length + unknown.length > 0)
    throw new InputError(
      'ER_INPUT',
      `The ${what} ${[
        ...missing.map(key => `has no place for its parameter ${key}`),
        ...unknown.map(key => `has a place for ${key}, which is no parameter`),
      ].join(' and ')}`,
    )
  const strict = parameters.strict()
  return {
    id,
    version,
    type,
    parameters,
    text,
    render: values => {
      const { data, error } = strict.safeParse(values)
      if (data !== undefined) return fill(template, data as Readonly<Record<string, Value>>)
      throw new InputError('ER_INPUT', `The ${what} can't be rendered: ${z.prettifyError(error)}`)
    },
  }
}
