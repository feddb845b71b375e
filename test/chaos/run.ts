/**
 * `npm run chaos`: every cell of the chaos matrix, each in a process that does nothing else meanwhile.
 *
 *   --only fault[:state],…   these cells      --jobs N          so many at once (default 2)
 *   --json                   for programs     --patience MS     what counts as hung
 *
 * The exit code is 1 when a cell is not well.
 */
import { fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { type Cell, chosen, nameOf } from './faults.ts'
import { watchTimers } from './footprint.ts'
import { type Outcome, runCell, usualPatienceMs } from './matrix.ts'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    jobs: { type: 'string', default: '2' },
    patience: { type: 'string', default: String(usualPatienceMs) },
    json: { type: 'boolean', default: false },
    // How this program starts itself.
    child: { type: 'boolean', default: false },
  },
})

if (values.child) await serve()
else await lead()

/** Runs the cells that the leading process asks for, one after the other. */
async function serve(): Promise<void> {
  watchTimers()
  // What the first child process and the first output of a program open is nobody's leak.
  await once(spawn('true'), 'close')
  process.on('message', async (cell: Cell) => {
    process.send?.(await runCell(cell, Number(values.patience)))
  })
  process.on('disconnect', () => process.exit())
  process.send?.('ready')
}

async function lead(): Promise<void> {
  const begin = performance.now()
  const cells = chosen(values.only)
  const waiting = [...cells]
  const outcomes: Outcome[] = []
  const jobs = Array.from({ length: Math.min(Number(values.jobs), cells.length) }, async () => {
    const child = fork(import.meta.filename, ['--child', '--patience', values.patience], {
      // A worker's stderr does not come here, but a cell's own warnings do.
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    })
    const exited = once(child, 'exit').then(() => undefined)
    const answer = () =>
      Promise.race([once(child, 'message').then(([outcome]) => outcome as Outcome), exited])
    await answer() // it is up
    for (let cell = waiting.shift(); cell !== undefined; cell = waiting.shift()) {
      if (child.connected) child.send(cell)
      const told = await answer()
      const outcome = told ?? crashed(cell)
      outcomes.push(outcome)
      if (!values.json) console.log(line(outcome))
      if (told === undefined) return
    }
    child.disconnect()
    await exited
  })
  await Promise.all(jobs)
  const bad = cells.length - outcomes.filter(({ ok }) => ok).length
  const seconds = (performance.now() - begin) / 1000
  if (values.json) console.log(JSON.stringify(outcomes))
  else console.log(`\n${cells.length} cells, ${bad} not well, ${seconds.toFixed(0)} s`)
  process.exitCode = bad > 0 ? 1 : 0
}

function crashed(cell: Cell): Outcome {
  const why = 'the process that ran it ended'
  return {
    ...cell,
    calls: 0,
    answered: 0,
    rejected: {},
    exits: [],
    survivors: 0,
    descriptors: 0,
    ms: 0,
    ok: false,
    why,
  }
}

function line(outcome: Outcome): string {
  const { ok, why, calls, answered, rejected, exits, ms } = outcome
  const counts = Object.entries(rejected).map(([code, count]) => `${count} ${code}`)
  const columns = [
    ok ? 'well' : 'NOT ',
    nameOf(outcome).padEnd(43),
    `${String(ms).padStart(6)} ms`,
    `${String(answered).padStart(3)} of ${String(calls).padStart(3)} answered`,
    counts.join(', ').padEnd(26),
    exits.join(' '),
  ]
  return `${columns.join('  ').trimEnd()}${why === undefined ? '' : `\n      ${why}`}`
}
