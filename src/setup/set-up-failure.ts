/**
 * What went wrong in a set-up, said so that a person can mend it: a full or closed disk, no network, a package
 * that is not the locked one.
 */

import { dirname } from 'node:path'
import { errorOf, RunnerError } from '../core/errors.ts'
import type { CommandResult } from './command.ts'
import type { LockName } from './environment-record.ts'
import { type PackageRoot, setupCommand } from './root.ts'

/** Room that the packages of each lock take, measured, with a margin. The one that is replaced stays meanwhile. */
const lockBytes: Readonly<Record<LockName, number>> = {
  worker: 350 * 2 ** 20,
  generate: 400 * 2 ** 20,
  dev: 50 * 2 ** 20,
}

/** Room that a new environment of these locks takes while it is made. */
export const neededBytes = (locks: readonly LockName[]): number =>
  locks.reduce((sum, name) => sum + lockBytes[name], 0)

const diskCodes = ['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'ENOTDIR', 'EEXIST'] as const

/** True when the disk refused: full, read-only, not ours, or a file where a folder must be. */
export const isDiskProblem = (error: unknown): boolean =>
  diskCodes.some(code => code === (error as NodeJS.ErrnoException | undefined)?.code)

/** A disk that is full or closed to us, in words; anything else as it came. */
export function plainly(
  error: unknown,
  root: PackageRoot,
  folder: string,
  locks: readonly LockName[],
): unknown {
  if (error instanceof RunnerError || !isDiskProblem(error)) return error
  const { code } = error as NodeJS.ErrnoException
  const parent = dirname(folder)
  const full = code === 'ENOSPC' || code === 'EDQUOT'
  const again = setupCommand(root, locks.includes('generate'))
  const elsewhere = root.checkout ? '' : ` or name another folder: EVIDENCE_RUNNER_HOME=/some/folder ${again}`
  return errorOf(
    'ER_WORKER_SPAWN',
    full
      ? `Not enough room in ${parent}: the Python environment needs ${neededBytes(locks) / 2 ** 20} MB while it is made. Make room, then run ${again} again${elsewhere}.`
      : `Cannot write to ${parent} (${code}). Make it writable for this user${elsewhere}.`,
    { cause: error },
  )
}

/** What a failed venv or pip means, in words, with the last lines of what it said. `setup`: what to run again. */
export function commandFailure(name: string, result: CommandResult, setup: string): RunnerError {
  const said = `${result.stderr}\n${result.stdout}`
  const lines = said.trim().split('\n')
  const errors = lines.filter(line => line.startsWith('ERROR'))
  const tail = (errors.length > 0 ? errors : lines).slice(-12).join('\n')
  const again = `then run ${setup} again`
  const advice: readonly (readonly [RegExp, string])[] = [
    [/No space left on device|Disk quota exceeded/, `The disk is full. Make room, ${again}.`],
    [
      /do not match the hashes/i,
      'A package differs from the one that was locked; it was not installed. Tell the maintainers, or check the package index or mirror that pip uses.',
    ],
    [
      /name resolution|getaddrinfo|ConnectTimeout|ReadTimeout|Connection(Error| refused| reset)|NewConnectionError|Max retries|ProxyError|SSLError/,
      `The package index could not be reached. Check the network, the proxy or pip's settings (pip config list), ${again}.`,
    ],
    [
      /No matching distribution|Could not find a version/,
      `pip found no such package: the index was not reached, or lacks it for this machine. Check the network and pip's settings (pip config list), ${again}.`,
    ],
    [/ensurepip/, `Python's venv is incomplete: apt-get install python3-venv (Debian, Ubuntu), ${again}.`],
  ]
  const words = advice.find(([pattern]) => pattern.test(said))?.[1] ?? `Run ${setup} again once it is mended.`
  return errorOf(
    'ER_WORKER_SPAWN',
    `${name} failed. ${words}\n${tail || (result.problem ?? `exit code ${result.code}`)}`,
  )
}
