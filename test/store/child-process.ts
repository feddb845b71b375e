/** Programs of the tests, run by this Node in a process of their own, and ended with the test. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'

/** What a program came to. */
export type Outcome = {
  readonly code: number | null
  readonly signal: string | null
  readonly stdout: string
  readonly stderr: string
}

/** A program under way; `onLine` hears each whole line of its standard output. */
export type Running = { readonly child: ChildProcess; readonly outcome: Promise<Outcome> }

/** Starts test/store/`name` with `args`. */
export function start(
  name: string,
  args: readonly string[],
  onLine: (line: string) => void = () => {},
): Running {
  const child = spawn(process.execPath, [join(import.meta.dirname, name), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let [stdout, stderr, rest] = ['', '', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    const lines = (rest + text).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const outcome = once(child, 'close').then(([code, signal]) => ({ code, signal, stdout, stderr }))
  return { child, outcome }
}
