/**
 * Starts a Python process and hands over its pipes. One of the two places that know `node:child_process`,
 * and, beside the command line, the only one that reads environment variables.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { WorkerError } from '../core/errors.ts'

/** How to start one worker. */
export type Launch = {
  readonly python: string
  /** The folder that holds the package `evidence_runner`. */
  readonly packageFolder: string
  /** One JSON text an operation, see python/evidence_runner/__main__.py. */
  readonly operations: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** A started worker: its process and the three pipes to it. */
export type PythonProcess = ChildProcessByStdio<Writable, Readable, Readable>

/** The folder given by EVIDENCE_RUNNER_HOME, where environments and models are kept, if it is set. */
export const homeFromEnvironment = (): string | undefined => process.env['EVIDENCE_RUNNER_HOME'] || undefined

/** The user's cache folder by the XDG convention, if it is set. */
export const cacheFromEnvironment = (): string | undefined => process.env['XDG_CACHE_HOME'] || undefined

/** What says where models from the hub are kept, by the hub's own conventions. */
export const hubVariablesFromEnvironment = () => ({
  HF_HUB_CACHE: process.env['HF_HUB_CACHE'],
  HUGGINGFACE_HUB_CACHE: process.env['HUGGINGFACE_HUB_CACHE'],
  HF_HOME: process.env['HF_HOME'],
  XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'],
})

// Taken out of the host's environment: each of them can make a worker slow or another program altogether.
const unwanted = [
  'PYTHONDONTWRITEBYTECODE',
  'PYTHONSTARTUP',
  'PYTHONHOME',
  'PYTHONINSPECT',
  'PYTHONPATH',
  'PYTHONPYCACHEPREFIX',
  'PYTHONUNBUFFERED',
]

function environmentOf(launch: Launch): NodeJS.ProcessEnv {
  const environment = { ...process.env }
  for (const name of unwanted) delete environment[name]
  return {
    ...environment,
    PYTHONPATH: launch.packageFolder,
    PYTHONNOUSERSITE: '1',
    PYTHONIOENCODING: 'utf-8',
    // One BLAS thread a worker: two workers with two threads each wait for each other.
    OPENBLAS_NUM_THREADS: '1',
    TOKENIZERS_PARALLELISM: 'false',
    HF_HUB_OFFLINE: '1',
    ...launch.environment,
  }
}

/**
 * Starts the worker. What the system finds out later comes as the process's `error` event.
 * @throws WorkerError ER_WORKER_SPAWN for what it finds out at once.
 */
export function spawnPython(launch: Launch): PythonProcess {
  try {
    return spawn(launch.python, ['-P', '-m', 'evidence_runner', ...launch.operations], {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: environmentOf(launch),
      // A process group of its own, so that what a library starts in a worker can be ended with it.
      detached: true,
      windowsHide: true,
    })
  } catch (cause) {
    throw cannotStart(launch, cause)
  }
}

/** Ends whatever a worker's libraries have started and left behind. The worker itself is gone by then. */
export function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Nobody was left, as it should be.
  }
}

/** The error for a Python that the system refuses to run. */
export function cannotStart(launch: Launch, cause: unknown): WorkerError {
  const why = (cause as NodeJS.ErrnoException).code ?? String(cause)
  const message = `Python can't be started: ${launch.python} (${why}); run \`npx evidence-runner setup\``
  return new WorkerError('ER_WORKER_SPAWN', message, { cause })
}
