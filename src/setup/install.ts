/**
 * Makes the Python environment that workers run on, from a hash-locked list of packages, and proves that it
 * works before it counts.
 *
 *   lock folder ─ look again ─ venv ─ pip ─ BLAS ─ weights ─ record ─ rename into place ─ unlock
 *
 * All is made in a folder beside the final one and renamed at the end: whatever interrupts it leaves either
 * the environment as it was or none, and running it again mends that.
 */

import { mkdir, readdir, readFile, realpath, rename, rm, stat, statfs, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { errorOf, RunnerError } from '../core/errors.ts'
import { type CommandResult, runCommand } from './command.ts'
import {
  environmentFolder,
  environmentOf,
  flawOf,
  type HomeOptions,
  type LockName,
  lockFile,
  lockHash,
  lockNames,
  type PythonEnvironment,
  pythonIn,
  readRecord,
  recordVersion,
  writeRecord,
} from './environment-record.ts'
import { chooseBlas } from './fast-blas.ts'
import { inspectGenerator } from './inspection.ts'
import { findPython } from './python.ts'
import { exists, findPackageRoot, type PackageRoot, setupCommand } from './root.ts'
import { commandFailure, neededBytes, plainly } from './set-up-failure.ts'
import { takeSetUpLock } from './set-up-lock.ts'
import { verifyWeights } from './weights.ts'

/** One line of progress: without `elapsedMs` when a step starts, with it when the step is done. */
export type SetUpProgress = {
  readonly step: number
  readonly steps: number
  readonly text: string
  readonly elapsedMs?: number
  /** The text says what works less well than it could, and what mends it. */
  readonly warning?: boolean
}

/** What to make, from what, and who hears of it. */
export type CreateOptions = HomeOptions & {
  /** Adds what language models need. One that has it already keeps it. @default false */
  readonly generator?: boolean
  /** Adds what the tests and checks of the Python side need. @default false */
  readonly developer?: boolean
  /** The Python to make it from. @default the first that fits, see python.ts */
  readonly pythonCommand?: string | undefined
  readonly onProgress?: (event: SetUpProgress) => void
  readonly signal?: AbortSignal | undefined
  /** The package to make it for. @default the one that holds this file */
  readonly root?: PackageRoot
}

const steps = 3

/**
 * Makes the environment, or returns at once when the one that is there fits. Safe to run twice at a time.
 *
 * @throws WorkerError ER_WORKER_SPAWN when it cannot be made; the message says what to do.
 * @throws ModelError ER_MODEL_MISMATCH or ER_MODEL_LOAD when the packaged weights are not the expected ones.
 * @throws `signal.reason` when aborted; what was begun is removed.
 */
export async function createEnvironment(options: CreateOptions = {}): Promise<PythonEnvironment> {
  const { signal } = options
  signal?.throwIfAborted()
  const root = options.root ?? (await findPackageRoot())
  const folder = await environmentFolder(root, options)
  const wanted = await wantedLocks(root, folder, options)
  const ready = await fittingEnvironment(root, folder, wanted)
  if (ready !== undefined) return ready

  let locks = wanted
  try {
    await makeHome(dirname(folder))
    await using _lock = await takeSetUpLock(`${folder}.lock`, {
      signal,
      onWait: pid => {
        const other = pid === undefined ? '' : ` (process ${pid})`
        options.onProgress?.({ step: 1, steps, text: `Waiting for another set-up${other}` })
      },
    })
    // What another set-up has added while this one waited is kept, too.
    locks = await wantedLocks(root, folder, options)
    const readyMeanwhile = await fittingEnvironment(root, folder, locks)
    if (readyMeanwhile !== undefined) return readyMeanwhile
    await removeLeftovers(folder)
    const made = await make(root, folder, locks, options)
    // Once more: pip of a set-up that was killed may have gone on writing for a while.
    await removeLeftovers(folder)
    return made
  } catch (error) {
    throw plainly(error, root, folder, locks)
  }
}

/** What was asked for, and what the environment that is there was made with. */
async function wantedLocks(
  root: PackageRoot,
  folder: string,
  { generator = false, developer = false }: CreateOptions,
): Promise<LockName[]> {
  const asked: Record<LockName, boolean> = { worker: true, generate: generator, dev: developer }
  const kept = (await readRecord(folder))?.locks ?? {}
  const there = await Promise.all(lockNames.map(name => exists(lockFile(root, name))))
  return lockNames.filter((name, index) => asked[name] || (kept[name] !== undefined && there[index]))
}

/** The environment when nothing is to be done. Weights that are not as they should be make it unfit. */
async function fittingEnvironment(
  root: PackageRoot,
  folder: string,
  locks: readonly LockName[],
): Promise<PythonEnvironment | undefined> {
  const record = await readRecord(folder)
  if (record === undefined || (await flawOf(root, folder, record, locks)) !== undefined) return undefined
  const environment = environmentOf(folder, record, root.checkout ? 'checkout' : 'home')
  try {
    await verifyWeights(environment)
    return environment
  } catch (error) {
    if (error instanceof RunnerError) return undefined
    throw error
  }
}

async function make(
  root: PackageRoot,
  folder: string,
  locks: readonly LockName[],
  options: CreateOptions,
): Promise<PythonEnvironment> {
  const { signal } = options
  const draft = `${folder}.draft-${process.pid}`
  const step = async <T>(number: number, text: string, work: () => Promise<T>): Promise<T> => {
    const startedAt = performance.now()
    options.onProgress?.({ step: number, steps, text })
    const result = await work()
    options.onProgress?.({ step: number, steps, text, elapsedMs: performance.now() - startedAt })
    return result
  }
  const failure = (name: string, result: CommandResult) =>
    commandFailure(name, result, setupCommand(root, locks.includes('generate')))
  const warn = (text: string) => options.onProgress?.({ step: steps, steps, text, warning: true })

  try {
    await refuseFullDisk(dirname(folder), neededBytes(locks))
    const pythonVersion = await step(1, 'Python environment', async () => {
      const base = await findPython({ command: options.pythonCommand, signal })
      await mkdir(draft)
      await writeFile(join(draft, '.gitignore'), '*\n')
      const made = await runCommand(base.executable, ['-m', 'venv', draft], { signal })
      if (made.code !== 0) throw failure(`${base.executable} -m venv`, made)
      return base.version
    })
    const python = pythonIn(draft)
    const sitePackages = join('lib', `python${pythonVersion.split('.', 2).join('.')}`, 'site-packages')

    await step(2, 'Python packages', async () => {
      const installed = await runCommand(python, ['-m', 'pip', ...pipArguments(root, locks)], { signal })
      if (installed.code !== 0) throw failure('pip install', installed)
      await compileWorkerPackage(python, root, signal)
    })

    await step(
      3,
      process.platform === 'linux' ? 'Fast matrix library, model weights' : 'Model weights',
      async () => {
        const { library, inspection } = await chooseBlas(draft, sitePackages, root, warn, signal)
        const { mlx, tokenizers, msgpack } = inspection
        const generator = locks.includes('generate') ? await inspectGenerator(python, { signal }) : undefined
        const broken = [mlx, tokenizers, msgpack, generator].find(part => part?.problem !== undefined)
        const problem = broken?.problem ?? (mlx === undefined ? inspection.problem : undefined)
        if (problem !== undefined) {
          throw errorOf(
            'ER_WORKER_SPAWN',
            `The Python packages were installed but do not work here: ${problem}`,
          )
        }
        const record = {
          recordVersion,
          packageVersion: root.version,
          locks: Object.fromEntries(
            await Promise.all(locks.map(async name => [name, await lockHash(root, name)])),
          ),
          pythonVersion,
          pythonProgram: await realpath(python),
          sitePackages,
          blasLibrary: library ?? null,
          blasCore: inspection.blas?.detail || null,
        }
        await verifyWeights(environmentOf(draft, record, 'home'))
        await pointScriptsTo(folder, draft)
        await writeRecord(draft, record)
      },
    )
    signal?.throwIfAborted()
    await putInPlace(draft, folder)
  } catch (error) {
    await rm(draft, { recursive: true, force: true }).catch(() => {})
    throw error
  }
  const finished = await readRecord(folder)
  return environmentOf(folder, finished!, root.checkout ? 'checkout' : 'home')
}

/** `--compile` because the caller's pip settings may say no: without byte-code each worker start compiles anew. */
function pipArguments(root: PackageRoot, locks: readonly LockName[]): string[] {
  const files = locks.flatMap(name => ['--requirement', lockFile(root, name)])
  return [
    ...['install', '--quiet', '--progress-bar', 'off', '--no-warn-script-location', '--compile'],
    ...['--require-hashes', '--no-deps', '--only-binary', ':all:', ...files],
  ]
}

/** Best effort: an installed package may lie in a folder that this user cannot write to. */
async function compileWorkerPackage(
  python: string,
  root: PackageRoot,
  signal: AbortSignal | undefined,
): Promise<void> {
  const sources = join(root.folder, 'python', 'evidence_runner')
  await runCommand(python, ['-m', 'compileall', '-q', sources], { signal })
}

/** Scripts in bin/ name the folder they were made in; they are to name the one they end up in. */
async function pointScriptsTo(folder: string, draft: string): Promise<void> {
  const scripts = join(draft, 'bin')
  for (const entry of await readdir(scripts, { withFileTypes: true })) {
    const path = join(scripts, entry.name)
    if (!entry.isFile() || (await stat(path)).size > 100_000) continue
    const text = await readFile(path, 'latin1')
    if (text.includes(draft)) await writeFile(path, text.replaceAll(draft, folder), 'latin1')
  }
}

/** A folder cannot be renamed onto one with content, so the old one steps aside first. */
async function putInPlace(draft: string, folder: string): Promise<void> {
  const old = `${folder}.old-${process.pid}`
  await rename(folder, old).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT') throw error
  })
  await rename(draft, folder)
  await rm(old, { recursive: true, force: true })
}

/** What interrupted set-ups left beside the folder. Only under the lock. */
async function removeLeftovers(folder: string): Promise<void> {
  const prefixes = [`${basename(folder)}.draft-`, `${basename(folder)}.old-`]
  for (const name of await readdir(dirname(folder))) {
    if (!prefixes.some(prefix => name.startsWith(prefix))) continue
    await rm(join(dirname(folder), name), { recursive: true, force: true, maxRetries: 3 }).catch(() => {})
  }
}

async function makeHome(home: string): Promise<void> {
  try {
    await mkdir(home, { recursive: true })
  } catch (error) {
    // On a read-only disk Node reports ENOENT for the deepest folder.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') Object.assign(error as Error, { code: 'EROFS' })
    throw error
  }
}

async function refuseFullDisk(folder: string, needed: number): Promise<void> {
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize >= needed) return
  throw Object.assign(new Error('no space left'), { code: 'ENOSPC' })
}
