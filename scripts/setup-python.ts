/**
 * The second half of `sh scripts/setup`, on Node 24: makes python/.venv and shows each step on a line of its
 * own. The first half (Node itself and its packages) is sh, since it must run where neither is there yet.
 *
 * Arguments: `--python COMMAND` the Python to make it from.
 */

import { parseArgs } from 'node:util'
import { createEnvironment, type SetUpProgress } from '../src/setup/environment.ts'

const { values } = parseArgs({ options: { python: { type: 'string' } } })

/** Steps that scripts/setup has shown before this one starts. */
const stepsBefore = 1

let anythingDone = false
let openLine = ''

function show({ step, steps, text, elapsedMs, warning }: SetUpProgress): void {
  anythingDone = true
  const label = `[${step + stepsBefore}/${steps + stepsBefore}] ${text} …`
  if (warning === true) {
    process.stdout.write(`${openLine === '' ? '' : '\n'}  Warning: ${text}\n`)
    openLine = ''
  } else if (elapsedMs === undefined) {
    process.stdout.write(`${openLine === '' ? '' : '\n'}${label}`)
    openLine = label
  } else {
    process.stdout.write(`${openLine === label ? '' : label} ${(elapsedMs / 1000).toFixed(1)} s\n`)
    openLine = ''
  }
}

const stopped = new AbortController()
process.once('SIGINT', () => stopped.abort('SIGINT'))
process.once('SIGTERM', () => stopped.abort('SIGTERM'))

try {
  const environment = await createEnvironment({
    // A test run needs the language models' packages as well.
    generator: true,
    developer: true,
    pythonCommand: values.python,
    onProgress: show,
    signal: stopped.signal,
  })
  if (openLine !== '') process.stdout.write('\n')
  console.log(anythingDone ? `Ready: ${environment.folder}` : 'Set up already, nothing to do.')
} catch (error) {
  if (openLine !== '') process.stdout.write('\n')
  if (stopped.signal.aborted) {
    console.error('Stopped. Run sh scripts/setup again to go on.')
    process.exitCode = 130
  } else {
    console.error(`\nSet-up failed. ${error instanceof Error ? error.message : String(error)}`)
    process.exitCode = 1
  }
}
