/**
 * What every file of the house must be like: a name that says something, an opening comment, a sentence on
 * each export, and no more lines than one noun needs. Each rule is also shown a file that breaks it.
 */
import { expect, test } from 'vitest'
import { badNames, longFiles, mostLines, silentExports, silentFiles } from '../support/house-rules.ts'
import { readTexts, sourceFiles } from '../support/import-graph.ts'

const product = readTexts('src/**/*.ts', 'workers/**/*.ts')
const around = readTexts('test/**/*.ts', 'bench/**/*.ts', 'bench/**/*.mjs', 'scripts/*.ts', 'scripts/*.mjs')
const python = readTexts(
  'python/evidence_runner/**/*.py',
  'test/python/**/*.py',
  'scripts/*.py',
  'bench/**/*.py',
)

test('every file has a name that says what it holds', () => {
  expect(badNames(Object.keys({ ...product, ...around, ...python }))).toEqual([])
})

test.each([
  'src/core/utils.ts',
  'src/core/string-utils.ts',
  'src/pool/pool-manager.ts',
  'src/core/types.ts',
  'src/evidence/evidence-service.ts',
  'src/core/common.ts',
  'src/pool/pool.impl.ts',
  'test/support/test-helpers.ts',
  'python/evidence_runner/helpers.py',
  'test/python/test_utils.py',
])('badNames() refuses %s', path => {
  expect(badNames([path])).toEqual([expect.stringContaining('which says nothing')])
})

test('badNames() refuses other spellings than kebab-case, and snake_case outside Python', () => {
  expect(
    badNames(['src/core/runContext.ts', 'src/core/run_context.ts', 'python/runContext.py']),
  ).toHaveLength(3)
  expect(badNames(['src/core/run-context.ts', 'python/evidence_runner/run_context.py'])).toEqual([])
  expect(badNames(['python/evidence_runner/__main__.py', 'test/pool/pool.test.ts'])).toEqual([])
})

test(`no file of the product has more than ${mostLines} lines`, () => {
  expect(longFiles({ ...product, ...python })).toEqual([])
})

test('longFiles() names a file that is one line too long', () => {
  expect(longFiles({ 'src/a.ts': 'a\n'.repeat(mostLines + 1), 'src/b.ts': 'b\n'.repeat(mostLines) })).toEqual(
    [`src/a.ts has ${mostLines + 1} lines, more than ${mostLines}`],
  )
})

test('every TypeScript file opens with a comment that says what it is for', () => {
  expect(silentFiles(sourceFiles({ ...product, ...around }))).toEqual([])
})

test('every Python file opens with a docstring or a comment', () => {
  const silent = Object.entries(python).filter(([, text]) => !opensInWords(text))
  expect(silent.map(([path]) => path)).toEqual([])
  expect(opensInWords('import os\n# late')).toBe(false)
  expect(opensInWords('')).toBe(false)
})

const opensInWords = (text: string): boolean => /^(?:#!.*\n)?\s*(?:"""|#)/.test(text)

test('silentFiles() names a file that opens with code', () => {
  expect(silentFiles(sourceFiles({ 'src/a.ts': "import b from 'b'\n/** Late. */\n" }))).toEqual([
    'src/a.ts does not open with a comment',
  ])
})

test('every exported name of the product has a doc comment', () => {
  expect(silentExports(sourceFiles(product))).toEqual([])
})

test('silentExports() names an export without one, unless the file is named after it', () => {
  const opening = '/** What it is for. */\nimport b from "b"\n'
  const files = sourceFiles({
    'src/pool/pool.ts': `${opening}export type PoolOptions = {}\nexport class Pool {}\n`,
    'src/core/run-context.ts': `${opening}export type RunContext = {}\n/** A key. */\nexport const key = 1\n`,
  })
  expect(silentExports(files)).toEqual(['src/pool/pool.ts:3 exports PoolOptions without a doc comment'])
})
