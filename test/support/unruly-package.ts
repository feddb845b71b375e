/**
 * Package folders whose workers misbehave: Launch runs `-m evidence_runner` in a folder, so a folder with a
 * few files exchanged is another worker. The rest of the real package is linked, not copied.
 */
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { repository } from './import-graph.ts'

const real = join(repository, 'python', 'evidence_runner')

/** A temporary folder for Launch's `packageFolder`. */
export type PackageFolder = { readonly path: string; remove(): void }

/** The real worker with an `echo` and a `stream` that obey the texts of unruly_echo.py and unruly_stream.py. */
export function unrulyPackage(): PackageFolder {
  const folder = temporary()
  const target = join(folder.path, 'evidence_runner')
  link(real, target, ['ops'])
  const exchanged = ['echo.py', 'stream.py']
  link(join(real, 'ops'), join(target, 'ops'), exchanged)
  for (const name of exchanged) {
    symlinkSync(join(real, 'ops', name), join(target, 'ops', `calm_${name}`))
    copyFileSync(join(import.meta.dirname, `unruly_${name}`), join(target, 'ops', name))
  }
  return folder
}

/** A worker that does what the first of its `operations` says; see scripted_worker.py. */
export function scriptedPackage(): PackageFolder {
  const folder = temporary()
  const target = join(folder.path, 'evidence_runner')
  mkdirSync(target)
  copyFileSync(join(import.meta.dirname, 'scripted_worker.py'), join(target, '__main__.py'))
  return folder
}

function temporary(): PackageFolder {
  const path = mkdtempSync(join(tmpdir(), 'evidence-runner-package-'))
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) }
}

/** Links what is in `from`, but not `others`, into a new folder `to`. */
function link(from: string, to: string, others: readonly string[]): void {
  mkdirSync(to)
  for (const name of readdirSync(from)) {
    if (name === '__pycache__' || others.includes(name)) continue
    symlinkSync(join(from, name), join(to, name))
  }
}
