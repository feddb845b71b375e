/** Places are found once and filled with what is given, whatever that holds; what is not asked for is refused. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { InputError } from '../../../src/core/errors.ts'
import { checkName, definePrompt } from '../../../src/evidence/prompts/prompt.ts'
import { compile, fill } from '../../../src/evidence/prompts/template.ts'

const hello = definePrompt({
  id: 'hello',
  version: '1',
  parameters: z.object({ name: z.string() }),
  text: 'Hello {{ name }}!',
})

describe('definePrompt()', () => {
  test('renders the seed’s greeting', () => {
    expect(hello.render({ name: 'World' })).toBe('Hello World!')
  })

  test('puts in numbers and flags, and one value at several places', () => {
    const prompt = definePrompt({
      id: 'several',
      version: '1',
      parameters: z.object({ most: z.int(), brief: z.boolean() }),
      text: '{{most}} of {{most}}, {{brief}} {"a": {"b": 1}}',
    })
    expect(prompt.render({ most: 3, brief: false })).toBe('3 of 3, false {"a": {"b": 1}}')
  })

  test('refuses a value that is missing, of another type or not asked for, in types and when run', () => {
    // @ts-expect-error a value is missing
    expect(() => hello.render({})).toThrow(InputError)
    // @ts-expect-error a value is of another type
    expect(() => hello.render({ name: 1 })).toThrow(/prompt\/hello@1.*name/s)
    // @ts-expect-error a value is not asked for
    expect(() => hello.render({ name: 'x', more: 'y' })).toThrow(/more/)
  })

  test('lets a schema bound its values', () => {
    const short = definePrompt({
      id: 'short',
      version: '1',
      parameters: z.object({ word: z.string().max(3) }),
      text: '{{word}}',
    })
    expect(short.render({ word: 'abc' })).toBe('abc')
    expect(() => short.render({ word: 'abcd' })).toThrow(InputError)
  })

  test('refuses places without parameter and parameters without place', () => {
    const define = (text: string, shape: Record<string, z.ZodString>) => () =>
      definePrompt({ id: 'a', version: '1', parameters: z.object(shape), text })
    expect(define('{{x}}', {})).toThrow('has a place for x, which is no parameter')
    expect(define('x', { x: z.string() })).toThrow('has no place for its parameter x')
    expect(define('{{constructor}}', {})).toThrow('has a place for constructor')
    const own = definePrompt({
      id: 'a',
      version: '1',
      parameters: z.object({ constructor: z.string() }),
      text: '{{constructor}}',
    })
    expect(() => own.render({} as never)).toThrow(InputError)
  })

  test.each(['{{', 'a {{x y}} b', '{{1x}}', '{{}}', '{{{{x}}', '{{x}'])('refuses %j as a text', text => {
    expect(() => compile(text, 'The prompt')).toThrow(/The prompt has .* which is no place/)
  })

  test.each([
    '../x',
    'a/b',
    'a\\b',
    '.',
    '..',
    '.a',
    'a..b',
    'a.',
    '',
    ' ',
    'a\0',
    'a\n',
    'é',
    'x'.repeat(101),
    '-a',
  ])('refuses %j as a name', name => {
    expect(() => checkName('id', name)).toThrow(InputError)
    expect(() => definePrompt({ id: name, version: '1', parameters: z.object({}), text: 'x' })).toThrow(
      /The id/,
    )
    expect(() => definePrompt({ id: 'a', version: name, parameters: z.object({}), text: 'x' })).toThrow(
      /The version/,
    )
  })

  test.each(['node_effect_v1', '1.0.0', 'a', '_x', 'a-b.c'])('takes %j as a name', name => {
    expect(() => checkName('id', name)).not.toThrow()
  })
})

describe('fill()', () => {
  test('never looks into a value', () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('{{name}}', '{{ other }}', '$&', '$1', '{{', '}}', '{{{{name}}}}'),
    )
    fc.assert(
      fc.property(value, value, (name, other) => {
        const template = compile('a {{name}} b {{ other }} c {{name}}', 'x')
        expect(fill(template, { name, other })).toBe(`a ${name} b ${other} c ${name}`)
      }),
    )
  })
})
