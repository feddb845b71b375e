/**
 * The front of this room: where the Python environment is, how to make it, and whether its weights are whole.
 *
 * `locateEnvironment` runs at every start of a pool and looks at file facts only; `createEnvironment` runs
 * once per installation.
 */

import { readdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { errorOf } from '../core/errors.ts'
import {
  builtInWeightsSha256,
  environmentFolder,
  environmentOf,
  flawOf,
  type HomeOptions,
  modelFolderIn,
  type PythonEnvironment,
  readRecord,
} from './environment-record.ts'
import { exists, findPackageRoot, type PackageRoot, setupCommand } from './root.ts'

export type { PythonEnvironment } from './environment-record.ts'
export { homeFolder } from './environment-record.ts'
export { type CreateOptions, createEnvironment, type SetUpProgress } from './install.ts'
export { verifyWeights } from './weights.ts'

/** Where to look. */
export type LocateOptions = HomeOptions & {
  /** The caller's own Python, by path: it brings the packages of python/locks/ that are needed itself. */
  readonly python?: string | undefined
  /** Asks for what language models need, too (python/locks/generate.txt). @default false */
  readonly generator?: boolean
  /** The package to look for. @default the one that holds this file */
  readonly root?: PackageRoot
}

/**
 * Where the environment is. Starts no process; about a millisecond.
 *
 * @throws WorkerError ER_WORKER_SPAWN when there is none that fits, naming the command that makes it.
 */
export async function locateEnvironment(options: LocateOptions = {}): Promise<PythonEnvironment> {
  if (options.python !== undefined) return givenEnvironment(options.python)
  const root = options.root ?? (await findPackageRoot())
  const folder = await environmentFolder(root, options)
  const record = await readRecord(folder)
  const flaw = await flawOf(root, folder, record, ['worker'])
  const generator = options.generator === true
  if (record === undefined || flaw !== undefined) {
    throw errorOf(
      'ER_WORKER_SPAWN',
      `No Python environment for the workers: ${flaw}. Make it: ${setupCommand(root, generator)}`,
    )
  }
  const lack = generator ? await flawOf(root, folder, record, ['generate']) : undefined
  if (lack !== undefined) {
    throw errorOf(
      'ER_WORKER_SPAWN',
      `The Python environment has no packages for language models: ${lack}. Add them: ${setupCommand(root, true)}`,
    )
  }
  return environmentOf(folder, record, root.checkout ? 'checkout' : 'home')
}

/** An environment that we did not make: its packages lie where every venv and prefix has them. */
async function givenEnvironment(command: string): Promise<PythonEnvironment> {
  const python = resolve(command)
  if (!(await exists(python))) {
    throw errorOf(
      'ER_WORKER_SPAWN',
      `No Python at ${python}. Give the full path of one, for example $(which python3)`,
    )
  }
  const folder = dirname(dirname(python))
  const libraries = await readdir(join(folder, 'lib')).catch(() => [])
  const sites = libraries
    .filter(name => /^python3\.\d+$/.test(name))
    .map(name => join(folder, 'lib', name, 'site-packages'))
  const withModel: string[] = []
  for (const site of sites) if (await exists(modelFolderIn(site))) withModel.push(site)
  const blas = join(folder, 'blas', 'libopenblas.so')
  return {
    folder,
    python,
    modelFolder: modelFolderIn(withModel[0] ?? sites[0] ?? join(folder, 'lib', 'site-packages')),
    blasLibrary: (await exists(blas)) ? blas : undefined,
    weightsSha256: builtInWeightsSha256,
    source: 'given',
  }
}
