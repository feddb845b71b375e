/**
 * Finds a Python on this machine that the worker's environment can be made from, or says for each one found
 * why it will not do and which command brings one that will.
 */

import { join } from 'node:path'
import { errorOf } from '../core/errors.ts'
import { runCommand } from './command.ts'

/** A Python that fits. `executable` is the real program behind a version manager's stand-in. */
export type Python = {
  readonly executable: string
  readonly version: string
}

/** Where to look for a Python. */
export type PythonSearch = {
  /** The only one to look at, when the caller names one. */
  readonly command?: string | undefined
  /** Commands to try in order. @default the usual names, then Homebrew's folder on macOS */
  readonly candidates?: readonly string[]
  readonly signal?: AbortSignal | undefined
}

/** Minor versions of Python 3 for which every locked package has a wheel. */
export const supportedMinors = { least: 11, most: 14 } as const

/** The oldest C library that the mlx wheels for Linux run on. */
const leastGlibc = [2, 35] as const

const names = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.14', 'python'] as const

/** Runs on any Python, however old, so that its answer can say what is wrong with it. */
const probeScript = `
import json, platform, sys, sysconfig
def has(name):
    try:
        import importlib.util
        return importlib.util.find_spec(name) is not None
    except Exception:
        return False
print(json.dumps({
    "executable": sys.executable,
    "version": list(sys.version_info[:3]),
    "platform": sys.platform,
    "machine": platform.machine(),
    "libc": list(platform.libc_ver()),
    "free_threaded": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
    "venv": has("venv"),
    "ensurepip": has("ensurepip"),
}))
`

type Probe = {
  readonly executable: string
  readonly version: readonly [number, number, number]
  readonly platform: string
  readonly machine: string
  readonly libc: readonly [name: string, version: string]
  readonly free_threaded: boolean
  readonly venv: boolean
  readonly ensurepip: boolean
}

/**
 * The first Python that fits.
 *
 * @throws WorkerError ER_WORKER_SPAWN when none does, with one line for each that was found.
 */
export async function findPython(search: PythonSearch = {}): Promise<Python> {
  const candidates =
    search.command === undefined ? (search.candidates ?? usualCandidates()) : [search.command]
  const refused: string[] = []
  const seen = new Set<string>()
  let lacksVenv = false
  for (const candidate of candidates) {
    const { python, reason, executable, missingVenv } = await examinePython(candidate, search.signal)
    if (python !== undefined) return python
    if (executable !== undefined && seen.has(executable)) continue
    if (executable !== undefined) seen.add(executable)
    lacksVenv ||= missingVenv
    if (reason !== 'not found' || search.command !== undefined) refused.push(`  ${candidate}: ${reason}`)
  }
  const { least, most } = supportedMinors
  throw errorOf(
    'ER_WORKER_SPAWN',
    [
      `No Python 3.${least} to 3.${most} with venv on this machine.`,
      ...(refused.length === 0 ? ['  None was found at all.'] : refused),
      `Mend it: ${mendingCommand(lacksVenv)}`,
    ].join('\n'),
  )
}

/** Looks at one command; `reason` says in a few words why it does not fit. */
async function examinePython(
  candidate: string,
  signal: AbortSignal | undefined,
): Promise<{ python?: Python; reason: string; executable?: string; missingVenv: boolean }> {
  const answer = await runCommand(candidate, ['-c', probeScript], { timeoutMs: 10_000, signal })
  if (answer.code !== 0) {
    const lastLine = answer.stderr.trim().split('\n').at(-1)
    return {
      reason: answer.problem ?? `does not run (${lastLine || `exit code ${answer.code}`})`,
      missingVenv: false,
    }
  }
  let probe: Probe
  try {
    probe = JSON.parse(answer.stdout) as Probe
  } catch {
    return { reason: 'is not a Python (it answered something else)', missingVenv: false }
  }
  const { executable } = probe
  const version = probe.version.join('.')
  const reason = unfitness(probe)
  if (reason === undefined)
    return { python: { executable, version }, reason: '', executable, missingVenv: false }
  return { reason: `${version}, ${reason}`, executable, missingVenv: reason === missingVenvReason }
}

const missingVenvReason = 'without venv or ensurepip'

function unfitness(probe: Probe): string | undefined {
  const [major, minor] = probe.version
  if (major !== 3 || minor < supportedMinors.least) return 'too old'
  if (minor > supportedMinors.most) return 'newer than the MLX packages'
  if (probe.free_threaded) return 'a free-threaded build, for which the packages have no wheels'
  if (probe.platform === 'darwin' && probe.machine !== 'arm64')
    return 'built for Intel; MLX needs Apple silicon'
  if (probe.platform === 'linux') {
    if (probe.machine !== 'x86_64' && probe.machine !== 'aarch64')
      return `for ${probe.machine}; MLX has no wheel for it`
    const [library, libraryVersion] = probe.libc
    if (library !== 'glibc') return 'not on glibc (Alpine?); MLX has no wheel for it'
    const [release = 0, point = 0] = libraryVersion.split('.').map(Number)
    if (release < leastGlibc[0] || (release === leastGlibc[0] && point < leastGlibc[1])) {
      return `on glibc ${libraryVersion}; MLX needs ${leastGlibc.join('.')} (Ubuntu 22.04, Debian 12)`
    }
  }
  if (!probe.venv || !probe.ensurepip) return missingVenvReason
  return undefined
}

function usualCandidates(): string[] {
  // A terminal's PATH may lack Homebrew's folder when an editor or an agent host starts us.
  const homebrew = process.platform === 'darwin' ? names.map(name => join('/opt/homebrew/bin', name)) : []
  return [...names, ...homebrew]
}

/** The command that brings a fitting Python to this machine. */
export function mendingCommand(lacksVenv: boolean): string {
  if (process.platform === 'darwin') return 'brew install python@3.12'
  return lacksVenv
    ? 'apt-get install python3-venv (Debian, Ubuntu), as root'
    : 'apt-get install python3 python3-venv (Debian 12, Ubuntu 24.04 or later) or dnf install python3.12 (Fedora), as root'
}
