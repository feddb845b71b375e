/** The README, held to what it says: its example runs and prints that, its commands and paths exist. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { repository } from '../support/import-graph.ts'
import { examplesOf, missingPaths, outline, pathsNamed, scriptsNamed } from '../support/readme-text.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const readme = readFileSync(join(repository, 'README.md'), 'utf8')
const scripts = Object.keys(
  (JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as { scripts: object }).scripts,
)
const folder = temporaryFolder()

const examples = examplesOf(readme)

test('there are examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(2)
})

test.each(examples.map((example, index) => [index + 1, example] as const))(
  'example %i runs as it stands and prints what stands below it',
  async (_number, { code, printed }) => {
    const own = "'evidence-runner'"
    expect(code).toContain(`from ${own}`)
    // Node strips no types below node_modules, so the package's name becomes the address of its sources.
    const frontDoor = JSON.stringify(pathToFileURL(join(repository, 'src', 'index.ts')).href)
    const file = await folder.write('example.mts', code.replaceAll(own, frontDoor))
    const { status, stdout, stderr } = spawnSync(process.execPath, [file], {
      cwd: folder.path,
      encoding: 'utf8',
      timeout: 50_000,
      killSignal: 'SIGKILL',
    })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).not.toBe('')
    if (printed !== undefined) expect(outline(stdout)).toEqual(outline(printed))
  },
)

test('every npm script that the README names is in package.json', () => {
  const named = scriptsNamed(readme)
  expect(named).toContain('test')
  expect(named.filter(name => !scripts.includes(name))).toEqual([])
})

test('every path that the README names exists', () => {
  const paths = pathsNamed(readme)
  expect(paths.length).toBeGreaterThan(5)
  expect(missingPaths(paths, repository)).toEqual([])
})

test('every shell script that the README names exists', () => {
  const named = [...readme.matchAll(/\bsh (scripts\/[\w.-]+)/g)].map(([, path = '']) => path)
  expect(named.filter(path => !existsSync(join(repository, path)))).toEqual([])
})

const fence = '```'

test('examplesOf() takes the TypeScript blocks, each with the text right after it', () => {
  const block = (language: string, text: string) => `${fence}${language}\n${text}\n${fence}\n`
  const first = block('sh', 'npm test') + block('ts', 'const a = 1')
  expect(examplesOf(first + block('text', 'a') + block('ts', 'b'))).toEqual([
    { code: 'const a = 1\n', printed: 'a\n' },
    { code: 'b\n', printed: undefined },
  ])
  expect(examplesOf(first + block('sh', 'b') + block('text', 'c'))[0]?.printed).toBeUndefined()
  expect(examplesOf(block('sh', 'npm test'))).toEqual([])
})

test('scriptsNamed() knows npm run with options, and the short forms', () => {
  const text = '`npm run lint`, npm run -s cli -- check, npm -s run a:b\nnpm test; npm install x; npmx run no'
  expect(scriptsNamed(text)).toEqual(['a:b', 'cli', 'lint', 'test'])
})

test('pathsNamed() takes what looks like a path of ours, outside code blocks', () => {
  const text = `\`src/a.ts\` \`src/b/\` \`src/a.ts:12\` \`package.json\` \`a/b\` \`src/*.ts\` \`x.json\`\n${fence}\n\`src/no.ts\`\n${fence}\n`
  expect(pathsNamed(text)).toEqual(['package.json', 'src/a.ts', 'src/b/'])
  expect(missingPaths(['src/index.ts', 'src/gone.ts', 'src/core/'], repository)).toEqual(['src/gone.ts'])
})

test('outline() compares words and lets numbers differ', () => {
  expect(outline('score: 0.81 of s1\n')).toEqual(outline('score: 0.79 of s1  \n\n'))
  expect(outline('score: 0.81 of s1')).not.toEqual(outline('score: 0.81 of s2'))
  expect(outline('score: 1')).not.toEqual(outline('point: 1'))
})
