/**
 * The scanner that the checks of the house's shape stand on: tricky sources, each beside what must be seen
 * in it, and the sources that it must refuse.
 */
// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the strings are sources, templates among them
import { expect, test } from 'vitest'
import { exportsOf, importsOf, opensWithComment, scanSource } from './source-text.ts'

const seen = (text: string) =>
  importsOf(scanSource(text)).map(({ kind, specifier }) => `${kind} ${specifier ?? '(computed)'}`)

const exported = (text: string) =>
  exportsOf(scanSource(text)).map(
    ({ name, isType, documented }) => `${isType ? 'type ' : ''}${name}${documented ? '' : ' undocumented'}`,
  )

test.each([
  ["import a from './a.ts'", ['value ./a.ts']],
  ["import './a.ts'", ['value ./a.ts']],
  ['import"./a.ts"', ['value ./a.ts']],
  ["import * as a from './a.ts'", ['value ./a.ts']],
  ["import type { A } from './a.ts'", ['type ./a.ts']],
  ["import { type A, b } from './a.ts'", ['value ./a.ts']],
  ["import {\n  a, // from './no.ts'\n  b,\n} from './a.ts'", ['value ./a.ts']],
  ["import d, { a as b } from './a.ts'; import c from './c.ts'", ['value ./a.ts', 'value ./c.ts']],
  ["import a from './a.json' with { type: 'json' }", ['value ./a.json']],
  ["export { a } from './a.ts'", ['value ./a.ts']],
  ["export * from './a.ts'\nexport * as b from './b.ts'", ['value ./a.ts', 'value ./b.ts']],
  ["export type { A } from './a.ts'\nexport type * from './b.ts'", ['type ./a.ts', 'type ./b.ts']],
  ["const a = await import('./a.ts')", ['dynamic ./a.ts']],
  ["const a = import(\n  /* lazily */ './a.ts',\n)", ['dynamic ./a.ts']],
  ['const a = import(`./a.ts`)', ['dynamic ./a.ts']],
  ['const a = import(`./' + '${name}.ts`)', ['dynamic (computed)']],
  ["const a = import('./' + name)", ['dynamic (computed)']],
  ['const a = import(name)', ['dynamic (computed)']],
  ["let a: import('./a.ts').A", ['dynamic ./a.ts']],
  ["const a = `${await import('./a.ts')}`", ['dynamic ./a.ts']],
  ["const a = require('./a.cjs')", ['dynamic ./a.cjs']],
])('importsOf() sees every import of %j', (text, expected) => {
  expect(seen(text)).toEqual(expected)
})

test.each([
  "// import a from './a.ts'",
  "/* import a from './a.ts' */",
  'const a = "import b from \'./b.ts\'"',
  "const a = `\nimport b from './b.ts'\n`",
  "const a = /import b from '.\\/b.ts'/",
  "const a = /[/'\"`]/.test(b) // from './a.ts'",
  'const here = import.meta.url',
  "host.import('./a.ts')",
  "const a = { from: './a.ts', import: './b.ts' }",
  "export const fromWorker = 'worker'",
  "export type From = 'a' | 'b'",
])('importsOf() sees no import in %j', text => {
  expect(seen(text)).toEqual([])
})

test.each([
  ['a quotient', "const a = b / 2; import('./a.ts'); const c = d / 2"],
  ['a quotient after a bracket', "const a = (b) / 2; import('./a.ts'); const c = d[0] / 2"],
  ['a quotient after ! and ++', "const a = b! / 2 + i++ / 2; import('./a.ts'); const c = d / 2"],
  ['a regular expression with quotes', "if (/['\"`]/.test(a)) import('./a.ts')"],
  ['a regular expression after return', "const f = () => { return /'/ }; import('./a.ts')"],
  ['a template in a template', "const a = `${b ? `'${c}` : `\"`}`; import('./a.ts')"],
  ['an object in a template', "const a = `${{ b: '}' }.b}`; import('./a.ts')"],
  ['an escaped quote', "const a = 'it\\'s'; import('./a.ts')"],
  ['letters outside the first plane', "const a = '😀'; import('./a.ts')"],
  ['a #! line', "#!/usr/bin/env node it's\nimport('./a.ts')"],
])('importsOf() is not led astray by %s', (_, text) => {
  expect(seen(text)).toEqual(['dynamic ./a.ts'])
})

test('importsOf() names the line of each import', () => {
  const text = "/**\n * Two lines.\n */\nimport a from './a.ts'\n\nconst b = import('./b.ts')\n"
  expect(importsOf(scanSource(text)).map(({ line }) => line)).toEqual([4, 6])
})

test.each([
  ['/** An a. */\nexport function a() {}', ['a']],
  ['export function a() {}', ['a undocumented']],
  ['// An a.\nexport class A {}', ['A undocumented']],
  ['/** A file. */\nimport b from "b"\nexport class A {}', ['A undocumented']],
  ['/** An a. */\nconst b = 1\nexport async function* a() {}', ['a undocumented']],
  ['/** An a. */ export abstract class A {}', ['A']],
  ['/** An a. */\nexport type A = string\nexport const b = 1', ['type A', 'b undocumented']],
  ["export { a, type B, c as d } from './a.ts'", ['a', 'type B', 'd']],
  ["export type { A } from './a.ts'", ['type A']],
  ["const a = 'export class A {}'", []],
])('exportsOf() knows the names of %j and which have a doc comment', (text, expected) => {
  expect(exported(text)).toEqual(expected)
})

test('opensWithComment() looks past a #! line and nothing else', () => {
  const opens = (text: string) => opensWithComment(scanSource(text))
  expect(opens('/** What it is for. */\nconst a = 1')).toBe(true)
  expect(opens('#!/usr/bin/env node\n// What it is for.\n')).toBe(true)
  expect(opens('const a = 1 // late')).toBe(false)
  expect(opens('')).toBe(false)
})

test.each([
  ["const a = 'b", 'string without end'],
  ['const a = `b', 'template without end'],
  ['const a = 1 /* b', 'comment without end'],
  ['const a = /b\n', 'regular expression without end'],
  ['const a = [1)', ') without its partner'],
  ['function a() {', '{ without its partner'],
])('scanSource() refuses %j', (text, problem) => {
  expect(() => scanSource(text)).toThrow(problem)
})
