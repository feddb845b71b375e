/**
 * The command line as a real process: starts `node src/adapters/cli.ts`, collects what it says, and feeds its
 * standard input. Colours are neither forced nor forbidden by the host's environment.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

export const repository = join(import.meta.dirname, '..', '..')
export const samples = join(repository, 'scripts', 'samples')

/** What a command line run came to. */
export type Outcome = {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export type CommandLineOptions = {
  /** Standard input; without it, it ends at once. */
  readonly input?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly cwd?: string
  /** The command line's file. @default that of this repository */
  readonly program?: string
}

let homePath: string | undefined

/** A home folder of this test process's own, so that no test writes into the user's store. */
function home(): string {
  if (homePath === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'evidence-runner-home-'))
    process.once('exit', () => rmSync(made, { recursive: true, force: true }))
    homePath = made
  }
  return homePath
}

const colourSettings = ['FORCE_COLOR', 'NO_COLOR', 'NODE_DISABLE_COLORS', 'NODE_OPTIONS']

/** The command line with `words` as others start it, and the environment that it is started in. */
export function cliCommand(
  words: readonly string[],
  program = join(repository, 'src', 'adapters', 'cli.ts'),
): {
  readonly command: string
  readonly args: string[]
  readonly environment: Record<string, string>
} {
  const given = Object.entries(process.env).filter(([name]) => !colourSettings.includes(name))
  const environment = Object.fromEntries(given.map(([name, value = '']) => [name, value]))
  return {
    command: process.execPath,
    args: [program, ...words],
    environment,
  }
}

/** Starts the command line with `words`; the caller talks to its pipes. */
export function startCommandLine(
  words: readonly string[],
  options: CommandLineOptions = {},
): ChildProcessWithoutNullStreams {
  const { args, command, environment } = cliCommand(words, options.program)
  return spawn(command, args, {
    cwd: options.cwd ?? repository,
    env: { ...environment, EVIDENCE_RUNNER_HOME: home(), ...options.environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  })
}

/** Runs the command line to its end. */
export async function runCommandLine(
  words: readonly string[],
  options: CommandLineOptions = {},
): Promise<Outcome> {
  const child = startCommandLine(words, options)
  child.stdin.on('error', () => {}) // it may end without reading
  child.stdin.end(options.input ?? '')
  const ended = endOf(child)
  const [stdout, stderr, { code, signal }] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    ended,
  ])
  return { code, signal, stdout, stderr }
}

/** How a process ended. */
export function endOf(
  child: ChildProcessWithoutNullStreams,
): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => resolve({ code, signal }))
  })
}

/** Standard output as JSON, a value a line. */
export const jsonLines = (stdout: string): Record<string, unknown>[] =>
  stdout
    .split('\n')
    .filter(line => line !== '')
    .map(line => JSON.parse(line) as Record<string, unknown>)
