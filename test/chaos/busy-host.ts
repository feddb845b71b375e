/** A program with a pool of two echo workers that never stops working: killed-hosts.ts puts an end to it. */
import { Pool } from '../../src/pool/pool.ts'
import { echoCall, echoLaunch } from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'

const pool = new Pool({ size: 2, launch: async () => echoLaunch })
let number = 0
await Promise.all(
  Array.from({ length: 8 }, async () => {
    for (;;) {
      number += 1
      const delayMs = number % 50 === 0 ? 5000 : 5
      await pool.dispatch(echoCall([`text ${number}`], { delayMs }), runContext())
    }
  }),
)
