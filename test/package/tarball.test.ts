/**
 * The package as a stranger gets it: packed, installed into an empty folder, told what is missing, set up, and
 * used. Installs from the registries for real, into temporary folders; `dist/` of this checkout stays as it is,
 * since the tree is copied before it is packed.
 */
import { execFile, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, globSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, delimiter, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { until } from '../support/condition.ts'
import { repository } from '../support/import-graph.ts'
import { recordLoads } from '../support/load-record.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

/** Registries may be slow; a step that does not end is stopped, so that nothing is left running. */
const stepLimitMs = 120_000
const testLimitMs = 180_000

const folder = temporaryFolder()
const tree = join(folder.path, 'tree')
const project = join(folder.path, 'project')
const installed = join(project, 'node_modules', 'evidence-runner')
const home = join(folder.path, 'home')

type Outcome = { readonly code: number; readonly stdout: string; readonly stderr: string }

/** The caller's environment without what `npm test` puts there for its own children, on this Node. */
function environmentWith(home: string): NodeJS.ProcessEnv {
  const ofNpm =
    /^(npm_(lifecycle|package|command|execpath|node_execpath|config_local_prefix)|INIT_CWD$|NODE_)/
  const kept = Object.entries(process.env).filter(([name]) => !ofNpm.test(name))
  const path = [dirname(process.execPath), process.env['PATH']].join(delimiter)
  return { ...Object.fromEntries(kept), PATH: path, EVIDENCE_RUNNER_HOME: home }
}

function run(command: string, args: readonly string[], cwd: string, homeFolder = home): Promise<Outcome> {
  const options = { cwd, env: environmentWith(homeFolder), timeout: stepLimitMs, maxBuffer: 2 ** 26 }
  return new Promise(resolve => {
    execFile(command, args, options, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : -1
      resolve({ code, stdout, stderr: code === -1 ? `${error?.message}\n${stderr}` : stderr })
    })
  })
}

async function must(...given: Parameters<typeof run>): Promise<Outcome> {
  const outcome = await run(...given)
  if (outcome.code !== 0) {
    const [command, args] = given
    throw new Error(
      `${command} ${args.join(' ')} gave ${outcome.code}:\n${outcome.stdout}\n${outcome.stderr}`,
    )
  }
  return outcome
}

/** A step that several tests stand on, taken by the first that comes. */
function shared<T>(step: () => Promise<T>): () => Promise<T> {
  let taken: Promise<T> | undefined
  return () => {
    taken ??= step()
    return taken
  }
}

/** Things that lie about in a checkout and must not be packed. */
const strays = [
  'python/evidence_runner/__pycache__/serve.cpython-311.pyc',
  'python/evidence_runner/__pycache__/stray.py',
  'python/evidence_runner/notes.txt',
  'python/locks/dev.txt',
  'python/.venv/bin/python',
  'test/stray.test.ts',
  'dist/src/stray.js',
  'dist/test/stray.js',
  '.env',
]

/** Packs a copy of the checkout; its address. */
const packed = shared(async () => {
  const parts = [
    'package.json',
    '.npmrc',
    'README.md',
    'LICENSE',
    'docs',
    'tsconfig.json',
    'src',
    'workers',
    'weights',
    'scripts',
  ]
  for (const part of [...parts, 'python/evidence_runner', 'python/locks', 'python/pyproject.toml'])
    cpSync(join(repository, part), join(tree, part), { recursive: true })
  symlinkSync(join(repository, 'node_modules'), join(tree, 'node_modules'))
  for (const stray of strays) {
    mkdirSync(dirname(join(tree, stray)), { recursive: true })
    writeFileSync(join(tree, stray), '# stray\n')
  }
  const { stdout } = await must('npm', ['pack', '--silent', '--pack-destination', folder.path], tree)
  return join(folder.path, basename(stdout.trim().split('\n').at(-1) ?? ''))
})

/** Installs the package into an empty project. */
const install = shared(async () => {
  const tarball = await packed()
  mkdirSync(project)
  writeFileSync(join(project, 'package.json'), '{ "type": "module", "private": true }')
  const quick = ['--prefer-offline', '--no-audit', '--no-fund']
  // npm's own pauses before it tries a registry again are 10 s and 60 s.
  const patient = ['--fetch-retries=5', '--fetch-retry-mintimeout=500', '--fetch-retry-maxtimeout=5000']
  await must('npm', ['install', ...quick, ...patient, tarball], project)
})

/** Sets up the installed package; what it said. */
const setUp = shared(async () => {
  await install()
  return must('npx', ['evidence-runner', 'setup'], project)
})

/** What a stranger writes first; the second source is cut in a thread. */
const sixLines = `import { EvidenceEnhancer } from 'evidence-runner'
await using enhancer = await EvidenceEnhancer.open({ poolSize: 1 })
const content = 'Search answered in 840 ms.\\n' + 'Nothing of note happened in this minute.\\n'.repeat(2000)
const evidence = await enhancer.enhanceEvidence({ taskId: 't', claim: 'Search answered in 840 ms.', sources: [{ content }] })
const [vector] = await enhancer.embed(['Search answered in 840 ms.'])
console.log(evidence.confidenceMethod, evidence.fallbackUsed, vector.length, evidence.citations[0].text)
`

test('npm pack takes what runs and nothing else', { timeout: testLimitMs }, async () => {
  const { stdout } = await must('tar', ['-tzf', await packed()], folder.path)
  const listed = stdout
    .trim()
    .split('\n')
    .map(path => path.replace(/^package\//, ''))
    .sort()
  const at = (pattern: string) =>
    globSync(pattern, { cwd: repository }).map(path => path.replaceAll('\\', '/'))
  const compiled = at('{src,workers}/**/*.ts').flatMap(path =>
    ['.js', '.d.ts'].map(ending => `dist/${path.replace(/\.ts$/, ending)}`),
  )
  const worker = [
    ...at('python/evidence_runner/**/*.py'),
    'python/locks/worker.txt',
    'python/locks/generate.txt',
    ...at('weights/claim-head.*'),
    ...at('docs/*.md'),
  ]
  expect(listed).toEqual([...compiled, ...worker, 'LICENSE', 'README.md', 'package.json'].sort())
})

test('the packed package.json brings no Node of its own', { timeout: testLimitMs }, async () => {
  await install()
  expect(readFileSync(join(installed, 'package.json'), 'utf8')).not.toContain('node-linux')
  expect(globSync('node_modules/node-linux-*', { cwd: project })).toEqual([])
})

test('open() without set-up fails and names the command', { timeout: testLimitMs }, async () => {
  await install()
  const empty = join(folder.path, 'empty-home')
  await folder.write('project/first.mjs', sixLines)
  const { code, stdout, stderr } = await run(process.execPath, ['first.mjs'], project, empty)
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
  expect(stderr).toContain("code: 'ER_WORKER_SPAWN'")
  expect(stderr).toContain('npx evidence-runner setup')
  const doctor = await run('npx', ['evidence-runner', 'doctor'], project, empty)
  expect(doctor.code).toBe(5)
  expect(doctor.stdout).toContain('npx evidence-runner setup')
})

test('after npx evidence-runner setup it works, a large source in a thread', {
  timeout: testLimitMs,
}, async () => {
  const { stdout: said } = await setUp()
  expect(said).toContain(home)
  const script = await folder.write('project/second.mjs', sixLines)
  const options = { folder: project, environment: environmentWith(home) }
  const { code, stdout, stderr, loaded } = recordLoads(script, options)
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: 'arithmetic false 384 Search answered in 840 ms.\n',
    stderr: '',
  })
  expect(loaded.filter(url => url.endsWith('/evidence-runner/dist/workers/tabulate.js'))).toHaveLength(1)
})

test('the doctor finds nothing wrong after set-up', { timeout: testLimitMs }, async () => {
  await setUp()
  const { code, stdout } = await run('npx', ['evidence-runner', 'doctor'], project)
  expect(stdout).not.toContain('fault')
  expect(code).toBe(0)
})

test('setup run again changes nothing', { timeout: testLimitMs }, async () => {
  await setUp()
  const before = filesUnder(home)
  expect(Object.keys(before).length).toBeGreaterThan(100)
  const { stderr } = await must('npx', ['evidence-runner', 'setup'], project)
  // No step was taken: each would have been told.
  expect(stderr).not.toMatch(/\[\d\/\d\]/)
  expect(filesUnder(home)).toEqual(before)
})

test('no process of the package is left', { timeout: testLimitMs }, async () => {
  await setUp()
  const left = () =>
    execFileSync('ps', ['-axww', '-o', 'args='], { encoding: 'utf8' })
      .split('\n')
      .filter(line => line.includes(home) || line.includes(installed))
  await until('every process of the package has ended', () => left().length === 0)

  // One that had stayed would have been seen.
  const planted = spawn(process.execPath, ['-e', 'process.stdin.resume()', home], {
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  await until('the planted process shows', () => left().length === 1)
  planted.stdin.end()
  await once(planted, 'exit')
})

test('a consumer in TypeScript gets the types', { timeout: testLimitMs }, async () => {
  await install()
  await folder.write(
    'project/consumer.ts',
    `import { type EnhancedEvidence, EvidenceEnhancer, errorRules, RunnerError, version } from 'evidence-runner'
await using enhancer: EvidenceEnhancer = await EvidenceEnhancer.open({ poolSize: 'auto' })
const evidence: EnhancedEvidence = await enhancer.enhanceEvidence({ taskId: 't', claim: 'c', sources: [{ content: 's' }] })
const vectors: Float32Array[] = await enhancer.embed(['a'])
const retryable: boolean = errorRules.ER_QUEUE_FULL.retryable
export const names: string[] = [evidence.verdict, evidence.citations[0]?.text ?? '', version, RunnerError.name]
// @ts-expect-error: there is no such key
await EvidenceEnhancer.open({ poolsize: 1 })
// @ts-expect-error: a number is no verdict, so verdicts are typed
export const wrong: number = evidence.verdict
export { retryable, vectors }
`,
  )
  const roots = join(repository, 'node_modules', '@types')
  await folder.write(
    'project/tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        ...{ module: 'nodenext', target: 'es2024', lib: ['es2024', 'esnext.disposable'] },
        ...{ strict: true, noEmit: true, types: ['node'], typeRoots: [roots] },
      },
      files: ['consumer.ts'],
    }),
  )
  const tsc = join(repository, 'node_modules', 'typescript', 'bin', 'tsc')
  const { code, stdout } = await run(process.execPath, [tsc, '-p', '.'], project)
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' })
})

/** Size and time of every file, by path. */
function filesUnder(root: string): Record<string, string> {
  const paths = globSync('**', { cwd: root })
  const facts = paths.map(path => {
    const { size, mtimeMs } = statSync(join(root, path))
    return [path, `${size} ${mtimeMs}`] as const
  })
  return Object.fromEntries(facts)
}
