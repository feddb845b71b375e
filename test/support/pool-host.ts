/**
 * A program of its own that opens an echo pool, for tests of how a host ends. Its argument says how:
 * `close` closes the pool, `leave` just stops working, `busy` waits for a call that takes a minute.
 * Prints its workers' process ids as JSON; `close` also what the event loop held before and after.
 */
import { turns } from './condition.ts'
import { echoCall, openEchoPool } from './echo-pool.ts'
import { runContext } from './run-context.ts'

const mode = process.argv[2]
// What start-up and the first use of its own pipes hold is not the pool's.
process.stdout.write('')
process.stderr.write('')
await turns()
const before = process.getActiveResourcesInfo()
const { pool, pids } = await openEchoPool({ size: 2 })
await pool.dispatch(echoCall(['hello']), runContext())

if (mode === 'busy') {
  const forever = pool.dispatch(echoCall(['a minute', 'another'], { delayMs: 60_000 }), runContext())
  console.log(JSON.stringify({ pids: pids() }))
  await forever
} else if (mode === 'close') {
  const workers = pids()
  await pool.close()
  await turns(1) // the callback that told of the last pipe's end must itself have ended
  console.log(JSON.stringify({ pids: workers, before, after: process.getActiveResourcesInfo() }))
} else {
  console.log(JSON.stringify({ pids: pids() }))
}
