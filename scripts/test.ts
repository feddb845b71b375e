/**
 * What `npm test` runs once the machine is set up: type check, lint and format of both languages, then the
 * tests of both. Its last line is the total, alone: `N passed, N failed`; each check counts as one.
 *
 * Arguments are parts of test file names: `npm test -- pool` runs only the tests of the files that match.
 * `--checks` (npm run lint) runs the checks and no test.
 */

import { spawn } from 'node:child_process'
import { existsSync, globSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'

type Tally = { passed: number; failed: number; skipped: number }

const root = join(import.meta.dirname, '..')
const python = join(root, 'python', '.venv', 'bin', 'python')
const filters = process.argv.slice(2).filter(argument => argument !== '--checks')
const checksOnly = process.argv.includes('--checks')
const reports = mkdtempSync(join(tmpdir(), 'evidence-runner-test-'))

const total: Tally = { passed: 0, failed: 0, skipped: 0 }
const broken: string[] = []

/** Runs a program with its output straight to ours, or to an open file. */
function run(command: string, args: readonly string[], cwd: string, file?: number): Promise<number> {
  const PYTHONPATH = [join(root, 'python'), process.env['PYTHONPATH']].filter(Boolean).join(delimiter)
  const stdio = file === undefined ? ('inherit' as const) : ['ignore' as const, file, file]
  const child = spawn(command, args, { cwd, stdio, env: { ...process.env, PYTHONPATH } })
  return new Promise(resolve => {
    child.once('error', error => {
      console.error(error.message)
      resolve(127)
    })
    child.once('close', (code, signal) => resolve(code ?? (signal === null ? 1 : 128)))
  })
}

/** One part under a heading. `count` turns its exit code into a tally. */
async function part(
  name: string,
  command: string,
  args: readonly string[],
  count: (code: number) => Tally,
  cwd = root,
): Promise<void> {
  await told(name, () => run(command, args, cwd), count)
}

/** Waits for a part under its heading. */
async function told(
  name: string,
  work: () => Promise<number>,
  count: (code: number) => Tally,
): Promise<void> {
  console.log(`\n── ${name}`)
  const startedAt = performance.now()
  const tally = count(await work())
  total.passed += tally.passed
  total.failed += tally.failed
  total.skipped += tally.skipped
  if (tally.failed > 0) broken.push(name)
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1)
  console.log(`${tally.failed > 0 ? 'Failed' : 'Fine'}: ${name}, ${seconds} s`)
}

/** A check is one thing that passes or fails. */
const oneCheck = (code: number): Tally => ({
  passed: code === 0 ? 1 : 0,
  failed: code === 0 ? 0 : 1,
  skipped: 0,
})

/** A runner that fails without naming a test (a file that cannot be loaded, a crash) counts as one failure. */
function withExitCode(tally: Tally, code: number): Tally {
  return code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally
}

const vitestReport = join(reports, 'vitest.json')

function vitestTally(code: number): Tally {
  const tally = { passed: 0, failed: 0, skipped: 0 }
  if (!existsSync(vitestReport)) return withExitCode(tally, code)
  const report = JSON.parse(readFileSync(vitestReport, 'utf8')) as {
    testResults: { status: string; assertionResults: { status: string }[] }[]
  }
  for (const { status, assertionResults } of report.testResults) {
    for (const test of assertionResults) {
      if (test.status === 'passed') tally.passed += 1
      else if (test.status === 'failed') tally.failed += 1
      else tally.skipped += 1
    }
    const namedFailure = assertionResults.some(test => test.status === 'failed')
    if (status === 'failed' && !namedFailure) tally.failed += 1
  }
  return withExitCode(tally, code)
}

const pytestReport = join(reports, 'pytest.xml')

function pytestTally(code: number): Tally {
  const suite = existsSync(pytestReport)
    ? /<testsuite [^>]*>/.exec(readFileSync(pytestReport, 'utf8'))?.[0]
    : undefined
  const number = (name: string) => Number(new RegExp(` ${name}="(\\d+)"`).exec(suite ?? '')?.[1] ?? 0)
  const failed = number('failures') + number('errors')
  const skipped = number('skipped')
  return withExitCode({ passed: number('tests') - failed - skipped, failed, skipped }, code)
}

const node = process.execPath
const matches = (files: string[]) => files.filter(file => filters.every(filter => file.includes(filter)))
const typescriptTests = matches(globSync('test/**/*.test.ts', { cwd: root }))
const pythonTests = matches(globSync('test/python/**/test_*.py', { cwd: root }))

if (filters.length === 0) {
  const ruff = ['-m', 'ruff']
  const pythonFolders = ['python', 'scripts', 'test', 'bench'].filter(folder =>
    existsSync(join(root, folder)),
  )
  const ruffTarget = ['--quiet', '--config', 'python/pyproject.toml', ...pythonFolders]
  await part('Type check', node, ['node_modules/typescript/bin/tsc', '-p', '.'], oneCheck)
  // From scripts/, where biome.json is: from the root it would take it for a second, nested one and stop.
  const biome = join(root, 'node_modules/@biomejs/biome/bin/biome')
  const here = globSync(['*.ts', '*.mjs'], { cwd: import.meta.dirname })
  const folders = ['src', 'workers', 'test', 'bench'].filter(folder => existsSync(join(root, folder)))
  await part(
    'TypeScript lint and format',
    node,
    [biome, 'ci', ...here, ...folders.map(folder => `../${folder}`), '../package.json', '../tsconfig.json'],
    oneCheck,
    import.meta.dirname,
  )
  await part('Python lint', python, [...ruff, 'check', ...ruffTarget], oneCheck)
  await part('Python format', python, [...ruff, 'format', '--check', ...ruffTarget], oneCheck)
}
// Both languages' tests wait more than they compute, so they run side by side; each has its turn to speak.
const pythonOutput = join(reports, 'pytest.txt')
let pythonRun: Promise<number> | undefined
if (pythonTests.length > 0 && !checksOnly) {
  const settings = ['-c', 'python/pyproject.toml', '--rootdir=.', '--quiet', `--junitxml=${pytestReport}`]
  pythonRun = run(python, ['-m', 'pytest', ...settings, ...pythonTests], root, openSync(pythonOutput, 'w'))
}
if (typescriptTests.length > 0 && !checksOnly) {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${vitestReport}`]
  const limits = ['--testTimeout=60000', '--hookTimeout=60000', '--pool=forks', '--maxWorkers=2']
  await part(
    'TypeScript tests',
    node,
    ['node_modules/vitest/vitest.mjs', 'run', ...typescriptTests, '--dir=test', ...reporters, ...limits],
    vitestTally,
  )
}
if (pythonRun !== undefined) {
  const ran = pythonRun
  const work = async () => {
    const code = await ran
    process.stdout.write(readFileSync(pythonOutput, 'utf8'))
    return code
  }
  await told('Python tests', work, pytestTally)
}
rmSync(reports, { recursive: true, force: true })

if (filters.length > 0 && typescriptTests.length + pythonTests.length === 0) {
  console.error(`No test file has ${filters.join(' and ')} in its name.`)
  total.failed += 1
}
if (broken.length > 0) console.log(`\nFailed: ${broken.join(', ')}`)
console.log('')
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
)
process.exitCode = total.failed > 0 ? 1 : 0
