/** A worker that is being replaced while it still runs somebody's work is as much the pool's to end as any. */
import { expect, test } from 'vitest'
import { echoCall, openEchoPool } from '../support/echo-pool.ts'
import { workerRuns } from '../support/process-list.ts'
import { runContext } from '../support/run-context.ts'

test('close() ends a worker that has been recycled and is not done', async () => {
  await using opened = await openEchoPool({ recycleItems: 1, drainMs: 50, killGraceMs: 100 })
  const { pool, events } = opened
  const [old] = opened.pids()
  await pool.dispatch(echoCall(['one', 'two', 'three']), runContext())
  await events.when('worker-recycled')
  const long = pool.dispatch(echoCall(['long'], { delayMs: 60_000 }), runContext())
  const outcome = expect(long).rejects.toMatchObject({ code: 'ER_CLOSED' })
  // The successor is warm: the old one only finishes what it has.
  await events.when('worker-ready', 2)
  expect(events.named('batch-sent').at(-1)).toMatchObject({ generation: 1 })
  await pool.close()
  await outcome
  const left = workerRuns(old as number)
  if (left) process.kill(old as number, 'SIGKILL')
  expect(left).toBe(false)
})
