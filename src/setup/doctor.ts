/**
 * Examines what evidence-runner stands on, from Node to the weights, and says for each thing that is not as
 * it should be which command mends it. Reads and runs things; changes nothing. Works on a machine where
 * nothing is installed.
 */

import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { locateEnvironment } from './environment.ts'
import {
  environmentFolder,
  flawOf,
  type HomeOptions,
  homeFolder,
  type LockName,
  lockFile,
  lockNames,
  type PythonEnvironment,
  readRecord,
} from './environment-record.ts'
import { inspectEnvironment, inspectGenerator, type PartReport } from './inspection.ts'
import { findPython } from './python.ts'
import { exists, findPackageRoot, type PackageRoot, setupCommand } from './root.ts'
import { neededBytes } from './set-up-failure.ts'
import { verifyWeights } from './weights.ts'

/** One thing that was examined. `mend` is there when a command or a setting makes it right. */
export type Finding = {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
  readonly mend?: string
}

/** What to examine. */
export type ExamineOptions = HomeOptions & {
  /** The caller's own Python, by path. @default the environment that set-up makes */
  readonly python?: string | undefined
  /** Whether a language model is to run here: what it needs must be there then. @default false */
  readonly generator?: boolean
  /** The package to examine. @default the one that holds this file */
  readonly root?: PackageRoot
  readonly signal?: AbortSignal | undefined
}

/**
 * Everything that was examined, in the order in which to mend it. What cannot be looked at before something
 * earlier is mended is left out.
 *
 * @throws `signal.reason` when aborted, and nothing else.
 */
export async function examine(options: ExamineOptions = {}): Promise<Finding[]> {
  const findings = [examineNode(), examineMachine()]
  let root: PackageRoot
  try {
    root = options.root ?? (await findPackageRoot())
  } catch (error) {
    return [...findings, { name: 'Package', ok: false, detail: textOf(error) }]
  }
  const located = await locateEnvironment({ ...options, root }).catch((error: unknown) => textOf(error))
  if (typeof located === 'string') {
    findings.push(await examineBasePython(options.signal), {
      name: 'Environment',
      ok: false,
      detail: located,
      mend: setupCommand(root, options.generator),
    })
  } else {
    findings.push(...(await examineEnvironment(located, root, options)))
  }
  const locks: LockName[] = root.checkout
    ? [...lockNames]
    : options.generator === true
      ? ['worker', 'generate']
      : ['worker']
  const needed = typeof located === 'string' ? neededBytes(locks) : comfortableBytes
  findings.push(await examineDisk(root, options, needed))
  return findings
}

/** Enough for the store, traces and models' small files once the environment is there. */
const comfortableBytes = 100 * 2 ** 20

function examineNode(): Finding {
  const ok = Number(process.versions.node.split('.')[0]) >= 24
  const name = 'Node'
  if (ok) return { name, ok, detail: process.version }
  const mend =
    process.platform === 'darwin' ? 'brew install node@24' : 'install Node 24 or later, or sh scripts/setup'
  return { name, ok, detail: `${process.version}, needs 24 or later`, mend }
}

function examineMachine(): Finding {
  const machine = `${process.platform} ${process.arch}`
  const ok = ['darwin arm64', 'linux x64', 'linux arm64'].includes(machine)
  return {
    name: 'Machine',
    ok,
    detail: ok ? machine : `${machine}: MLX runs on macOS with Apple silicon and on Linux (x86_64, aarch64)`,
  }
}

async function examineBasePython(signal: AbortSignal | undefined): Promise<Finding> {
  try {
    const { version, executable } = await findPython({ signal })
    return { name: 'Python', ok: true, detail: `${version}, ${executable}` }
  } catch (error) {
    signal?.throwIfAborted()
    const [detail = '', mend] = textOf(error).split('\nMend it: ')
    return { name: 'Python', ok: false, detail, ...(mend === undefined ? {} : { mend }) }
  }
}

async function examineEnvironment(
  environment: PythonEnvironment,
  root: PackageRoot,
  { signal, generator = false }: ExamineOptions,
): Promise<Finding[]> {
  const { folder, python, blasLibrary, source } = environment
  const record = source === 'given' ? undefined : await readRecord(folder)
  // A worker that is given no library looks for the system's own.
  const library = process.platform === 'linux' ? (blasLibrary ?? 'libopenblas.so.0') : undefined
  const [inspection, languageModels] = await Promise.all([
    inspectEnvironment(python, library, root.folder, { signal }),
    inspectGenerator(python, { signal }),
  ])
  const mendPackages =
    source === 'given'
      ? pipCommand(python, root, ['worker'])
      : `rm -rf ${folder}, then ${setupCommand(root, languageModels !== undefined)}`

  const part = (name: string, report: PartReport | undefined, mend: string): Finding => {
    const problem = report === undefined ? (inspection.problem ?? 'gave no answer') : report.problem
    return problem === undefined
      ? { name, ok: true, detail: report!.detail }
      : { name, ok: false, detail: problem, mend }
  }
  const findings: Finding[] = [
    {
      name: 'Python',
      ok: true,
      detail: record === undefined ? python : `${record.pythonVersion}, ${record.pythonProgram}`,
    },
    { name: 'Environment', ok: true, detail: `${folder} (${source})` },
    part('MLX', inspection.mlx, mendPackages),
  ]
  if (library !== undefined) {
    const mend =
      blasLibrary === undefined
        ? 'apt-get install libopenblas0-pthread (Debian, Ubuntu), as root'
        : mendPackages
    const { ok, detail, ...rest } = part('BLAS', inspection.blas, mend)
    const words = ok
      ? `${library} ${detail}`.trim()
      : `no fast one, models run 5 to 20 times slower (${detail})`
    findings.push({ ...rest, ok, detail: words })
  }
  findings.push(
    part('tokenizers', inspection.tokenizers, mendPackages),
    part('msgpack', inspection.msgpack, mendPackages),
    part(
      'Worker package',
      inspection.worker,
      root.checkout ? 'git checkout -- python' : 'npm install evidence-runner',
    ),
    await examineWeights(environment, root),
    await examineGenerator(environment, root, languageModels, generator),
  )
  return findings
}

/** Without them all else works, so that their absence is a fault only where a language model is to run. */
async function examineGenerator(
  { folder, python, source }: PythonEnvironment,
  root: PackageRoot,
  report: PartReport | undefined,
  wanted: boolean,
): Promise<Finding> {
  const name = 'Language models'
  const mend =
    source === 'given' ? pipCommand(python, root, ['worker', 'generate']) : setupCommand(root, true)
  if (report === undefined) {
    if (wanted) return { name, ok: false, detail: 'their packages are not installed', mend }
    return { name, ok: true, detail: `not installed; only a generator needs them: ${mend}` }
  }
  if (report.problem !== undefined) {
    const again = source === 'given' ? mend : `rm -rf ${folder}, then ${mend}`
    return { name, ok: false, detail: report.problem, mend: again }
  }
  const flaw =
    source === 'given' ? undefined : await flawOf(root, folder, await readRecord(folder), ['generate'])
  return flaw === undefined
    ? { name, ok: true, detail: report.detail }
    : { name, ok: false, detail: flaw, mend }
}

const pipCommand = (python: string, root: PackageRoot, locks: readonly LockName[]): string =>
  [
    `${python} -m pip install --require-hashes --no-deps`,
    ...locks.map(each => `-r ${lockFile(root, each)}`),
  ].join(' ')

async function examineWeights(environment: PythonEnvironment, root: PackageRoot): Promise<Finding> {
  const name = 'Weights'
  try {
    const { sha256 } = await verifyWeights(environment)
    return { name, ok: true, detail: `SHA-256 ${sha256.slice(0, 12)}…, ${environment.modelFolder}` }
  } catch (error) {
    const [detail = '', mend = setupCommand(root)] = textOf(error).split(' Mend it: ')
    return { name, ok: false, detail, mend }
  }
}

async function examineDisk(root: PackageRoot, options: HomeOptions, needed: number): Promise<Finding> {
  const name = 'Disk space'
  const wanted = root.checkout ? await environmentFolder(root) : homeFolder(options)
  let folder = wanted
  while (!(await exists(folder)) && dirname(folder) !== folder) folder = dirname(folder)
  try {
    const { bavail, bsize } = await statfs(folder)
    const free = bavail * bsize
    const detail = `${Math.round(free / 2 ** 20)} MB free for ${wanted}`
    if (free >= needed) return { name, ok: true, detail }
    return { name, ok: false, detail: `${detail}, needs ${needed / 2 ** 20} MB`, mend: otherHome(root) }
  } catch (error) {
    return { name, ok: false, detail: textOf(error), mend: otherHome(root) }
  }
}

const otherHome = (root: PackageRoot): string =>
  root.checkout ? 'make room on this disk' : 'make room, or set EVIDENCE_RUNNER_HOME to a folder elsewhere'

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
