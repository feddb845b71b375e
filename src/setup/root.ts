/**
 * Where this package lies on disk, and whether that is a checkout of the sources or an installed package.
 *
 * Works from `src/setup/` and from `dist/src/setup/` alike: it looks upward for our own package.json.
 */

import { access, readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { errorOf } from '../core/errors.ts'

/** The package on disk. `checkout`: the sources with their tools, not the published tarball. */
export type PackageRoot = {
  readonly folder: string
  readonly version: string
  readonly checkout: boolean
}

/**
 * Finds the package that holds `from`.
 *
 * @throws InputError ER_CONFIG when no folder above it is evidence-runner (a bundler moved the file).
 */
export async function findPackageRoot(from: string = import.meta.url): Promise<PackageRoot> {
  const start = dirname(fileURLToPath(from))
  for (let folder = start; ; folder = dirname(folder)) {
    const version = await versionIn(folder)
    if (version !== undefined) {
      return { folder, version, checkout: await exists(join(folder, 'python', 'pyproject.toml')) }
    }
    if (dirname(folder) === folder) break
  }
  throw errorOf(
    'ER_CONFIG',
    `No evidence-runner package around ${start}. If a bundler packed this file, keep evidence-runner external: it needs its python/ folder beside it.`,
  )
}

/**
 * The command that makes the Python environment, as a person would type it. In a checkout there is one for all;
 * elsewhere `generator` adds what language models need.
 */
export function setupCommand(root: PackageRoot, generator = false): string {
  if (root.checkout) return `sh scripts/setup (in ${root.folder})`
  return generator ? 'npx evidence-runner setup --generator' : 'npx evidence-runner setup'
}

/** True when the path can be reached; a broken link counts as missing. */
export function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function versionIn(folder: string): Promise<string | undefined> {
  try {
    const manifest: unknown = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))
    if (typeof manifest !== 'object' || manifest === null) return undefined
    const { name, version } = manifest as { name?: unknown; version?: unknown }
    return name === 'evidence-runner' && typeof version === 'string' ? version : undefined
  } catch {
    return undefined
  }
}
