/**
 * A prompt as the text of a file: a small header between two lines of `---`, then the text itself, unchanged.
 *
 *     ---
 *     version: 2
 *     parameters: claim text, most integer
 *     ---
 *     Judge {{claim}} in {{most}} words.
 *
 * Kinds of parameters are text, integer, number and flag. Nothing in a header is run.
 */
import { z } from 'zod'
import { InputError } from '../../core/errors.ts'
import { checkName, nameText, type Parameters, type PromptName, type WrittenPrompt } from './prompt.ts'
import type { Value } from './template.ts'

const kinds: Readonly<Record<string, () => z.ZodType<Value>>> = {
  text: () => z.string(),
  integer: () => z.int(),
  number: () => z.number(),
  flag: () => z.boolean(),
}

/** What a file holds. */
export type Filed = {
  readonly version: string
  readonly parameters: Parameters
  readonly text: string
}

const header = /^---\r?\n((?:(?!---\r?\n)[^\n]*\n)*)---(?:\r?\n|$)/

/**
 * Reads the text of a file.
 * @throws InputError ER_INPUT for a header that is missing, or says what is not known.
 */
export function readFiled(source: string, name: Omit<PromptName, 'version'>): Filed {
  const what = nameText({ ...name, version: '?' })
  const wrong = (why: string) => new InputError('ER_INPUT', `The ${what} can't be read: ${why}`)
  const match = header.exec(source)
  if (match === null) throw wrong('it does not begin with a header between two lines of ---')
  const fields = new Map<string, string>()
  for (const line of (match[1] as string).split(/\r?\n/).filter(each => each.trim() !== '')) {
    const [, key = '', value = ''] = /^(version|parameters): *(.*?) *$/.exec(line) ?? []
    if (key === '') throw wrong(`its header has the line ${JSON.stringify(line.slice(0, 60))}`)
    if (fields.has(key)) throw wrong(`its header says ${key} twice`)
    fields.set(key, value)
  }
  const version = fields.get('version')
  if (version === undefined) throw wrong('its header names no version')
  checkName('version', version)
  const shape: Record<string, z.ZodType<Value>> = {}
  for (const parameter of (fields.get('parameters') ?? '').split(/ *, */).filter(each => each !== '')) {
    const [, key = '', kind = ''] = /^([A-Za-z][A-Za-z0-9]*) +([a-z]+)$/.exec(parameter) ?? []
    const make = Object.hasOwn(kinds, kind) ? kinds[kind] : undefined
    if (make === undefined)
      throw wrong(`${JSON.stringify(parameter)} is no parameter: a name and one of ${Object.keys(kinds)}`)
    if (Object.hasOwn(shape, key)) throw wrong(`its header has the parameter ${key} twice`)
    shape[key] = make()
  }
  return { version, parameters: z.object(shape), text: source.slice(match[0].length) }
}

/**
 * The text of a file that reads as `prompt`, with the plain kinds of its parameters: a file has no finer ones.
 * @throws InputError ER_INPUT for a parameter that is of no kind.
 */
export function filedText({ parameters, text, version, ...name }: WrittenPrompt): string {
  const list = Object.entries(parameters.shape).map(([key, schema]) => {
    const kind = kindOf(schema)
    if (kind !== undefined) return `${key} ${kind}`
    throw new InputError(
      'ER_INPUT',
      `The parameter ${key} of ${nameText({ ...name, version })} is of no kind that a file can name`,
    )
  })
  const parameterLine = list.length === 0 ? '' : `parameters: ${list.join(', ')}\n`
  return `---\nversion: ${version}\n${parameterLine}---\n${text}`
}

function kindOf(schema: z.ZodType<Value>): string | undefined {
  if (schema instanceof z.ZodString) return 'text'
  if (schema instanceof z.ZodBoolean) return 'flag'
  if (!(schema instanceof z.ZodNumber)) return undefined
  return schema.isInt ? 'integer' : 'number'
}
