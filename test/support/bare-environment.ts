/**
 * A Python environment made of another's parts: the same interpreter, and of its packages those that a test
 * allows. Without a fast matrix library beside it, so MLX takes the one in its wheel.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { repository } from './command-line.ts'

/** The environment that `npm run setup` made. */
export const environment = join(repository, 'python', '.venv')

/** Where an environment keeps its packages, from its folder. */
export const library = join('lib', readdirSync(join(environment, 'lib'))[0] as string, 'site-packages')

/** Makes an environment at `home`, with those packages that `keep` allows. @returns its Python. */
export function makeEnvironment(home: string, keep: (packageName: string) => boolean = () => true): string {
  mkdirSync(join(home, library), { recursive: true })
  const base = spawnSync(
    join(environment, 'bin', 'python'),
    ['-c', 'import sys; print(sys._base_executable)'],
    { encoding: 'utf8' },
  ).stdout.trim()
  mkdirSync(join(home, 'bin'))
  symlinkSync(base, join(home, 'bin', 'python'))
  writeFileSync(
    join(home, 'pyvenv.cfg'),
    `home = ${join(base, '..')}\ninclude-system-site-packages = false\n`,
  )
  for (const entry of readdirSync(join(environment, library))) {
    if (keep(entry)) symlinkSync(join(environment, library, entry), join(home, library, entry))
  }
  return join(home, 'bin', 'python')
}
