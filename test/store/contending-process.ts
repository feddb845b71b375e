/**
 * A program that goes on with an instance which others go on with, too: `contending-process.ts FILE ID STEPS`. Loads
 * it, saves the next step, and prints each step that it was the one to save; ends when STEPS is reached.
 */
import { writeSync } from 'node:fs'
import { StoreError } from '../../src/core/errors.ts'
import { openStore } from '../../src/store/store.ts'
import { sampleInstance } from './samples.ts'

const [path = '', id = '', steps] = process.argv.slice(2)
await using store = await openStore(path, { busyTimeoutMs: 60_000 })
for (;;) {
  const { step } = (await store.instances.load(id)) ?? { step: -1 }
  if (step >= Number(steps)) break
  try {
    await store.instances.save(sampleInstance(id, step + 1, { state: process.pid }))
    writeSync(1, `${step + 1}\n`)
  } catch (error) {
    if (!(error instanceof StoreError) || error.retryable) throw error
  }
}
