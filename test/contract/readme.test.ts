/** README and docs, held to what they say: examples run and print that, commands and paths exist. */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { repository } from '../support/import-graph.ts'
import {
  documentation,
  examplesOf,
  missingPaths,
  outline,
  pathsNamed,
  scriptsNamed,
} from '../support/readme-text.ts'
import { RedisServer } from '../support/redis-server.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const readme = documentation(repository)
const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  readonly scripts: object
  readonly exports: Readonly<Record<string, { readonly default?: string }>>
}
const scripts = Object.keys(manifest.scripts)
const folder = temporaryFolder()

const examples = examplesOf(readme)

/** Where an example takes a Redis to be; each run gets one of its own. */
const usualRedis = 'redis://127.0.0.1:6379'

const packages = createRequire(join(repository, 'package.json'))

/** Node strips no types below node_modules, so our own package's names become the addresses of its sources. */
function addressOf(name: string): string {
  if (name.startsWith('node:')) return name
  const own = /^evidence-runner(\/.+)?$/.exec(name)
  if (own === null) return pathToFileURL(packages.resolve(name)).href
  const built = manifest.exports[`.${own[1] ?? ''}`]?.default ?? ''
  return pathToFileURL(join(repository, built.replace(/^\.\/dist\//, '').replace(/\.js$/, '.ts'))).href
}

test('there are examples', () => {
  expect(examples.length).toBeGreaterThanOrEqual(2)
})

test.each(examples.map((example, index) => [index + 1, example] as const))(
  'example %i runs as it stands and prints what stands below it',
  async (_number, { code, printed }) => {
    expect(code).toMatch(/from 'evidence-runner/)
    const withRedis = code.includes(usualRedis)
    await using redis = withRedis ? await RedisServer.start() : undefined
    const text = redis === undefined ? code : code.replaceAll(usualRedis, redis.url)
    const file = await folder.write(
      'example.mts',
      text.replace(/(?<=from )'([^']+)'/g, (_, name: string) => JSON.stringify(addressOf(name))),
    )
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
