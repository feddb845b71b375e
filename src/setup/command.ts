/**
 * Runs one short-lived program to its end and collects what it printed. For set-up and the doctor only;
 * workers are started by the pool.
 */

import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

/** How a program ended. `code` is undefined when it could not be started or was killed; `problem` says why. */
export type CommandResult = {
  readonly code: number | undefined
  readonly stdout: string
  readonly stderr: string
  readonly problem: string | undefined
}

/** How a program is run. */
export type CommandOptions = {
  readonly signal?: AbortSignal | undefined
  /** @default no limit */
  readonly timeoutMs?: number
  readonly folder?: string
  /** Called with each line of its standard output as it comes. */
  readonly onLine?: (line: string) => void
}

/**
 * Settings of the caller's that would send packages, byte-code or imports somewhere else than the
 * environment that we make. What says where packages come from (indexes, proxies, certificates) stays.
 */
const misleading =
  /^(PYTHON(?!UNBUFFERED|UTF8|IOENCODING)|PIP_(USER|TARGET|PREFIX|ROOT|REQUIREMENT|CONSTRAINT|NO_COMPILE|DRY_RUN|PYTHON)$|__PYVENV_LAUNCHER__$)/

/** The caller's environment without what would mislead Python and pip. */
function childEnvironment(): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !misleading.test(name))
  return { ...Object.fromEntries(kept), PIP_USER: '0', PIP_NO_INPUT: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1' }
}

/**
 * Runs `command` and waits for it. An exit code other than 0 is a result, not an error.
 *
 * @throws `signal.reason` when aborted; the program and its children are stopped first.
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { signal, timeoutMs, folder, onLine } = options
  signal?.throwIfAborted()
  // A process group of its own: stopping it also stops what it started (venv runs pip in a child).
  const child = spawn(command, args, {
    cwd: folder,
    detached: true,
    env: childEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let problem: string | undefined
  const stop = () => {
    if (child.pid === undefined) return
    try {
      process.kill(-child.pid, 'SIGKILL')
    } catch {
      // It has ended already.
    }
  }
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          problem = `no answer within ${timeoutMs / 1000} s`
          stop()
        }, timeoutMs)
  signal?.addEventListener('abort', stop, { once: true })

  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk))
  if (onLine !== undefined) createInterface({ input: child.stdout }).on('line', onLine)
  const code = await new Promise<number | undefined>(resolve => {
    child.once('error', error => {
      problem = (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'not found' : error.message
      resolve(undefined)
    })
    child.once('close', (exitCode, killedBy) => {
      if (killedBy !== null) problem ??= `ended by ${killedBy}`
      resolve(exitCode ?? undefined)
    })
  })
  clearTimeout(timer)
  signal?.removeEventListener('abort', stop)
  signal?.throwIfAborted()
  return {
    code,
    problem,
    stdout: Buffer.concat(stdout).toString(),
    stderr: Buffer.concat(stderr).toString(),
  }
}
