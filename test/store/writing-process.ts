/**
 * A program that writes to a store: `writing-process.ts FILE NAME COUNT`. Records of every kind in a loop, COUNT
 * times or, without it, until it is killed. Says `opening`, then the step of each save of its instance NAME once that
 * is acknowledged, each in a line of its own.
 */
import { writeSync } from 'node:fs'
import { openStore } from '../../src/store/store.ts'
import { sampleEntry, sampleInstance, sampleTrace } from './samples.ts'

const [path = '', name = '', count] = process.argv.slice(2)
const turns = count === undefined ? Number.POSITIVE_INFINITY : Number(count)
// At once and whole: what is said has happened, and what has happened is said.
const say = (line: string | number) => void writeSync(1, `${line}\n`)

say('opening')
const store = await openStore(path, {
  keepInputs: true,
  busyTimeoutMs: 60_000,
  flushEveryMs: 1,
  onError: error => {
    if (!error.retryable) throw error
  },
})
const { step: done = -1 } = (await store.instances.load(name)) ?? {}
for (let step = done + 1; step < turns; step += 1) {
  const id = `${name}-${step}`
  store.traces.write(sampleTrace(id, { inputs: 'x'.repeat((step * 7919) % 100_000) }))
  store.memo.set(id, sampleEntry({ id, data: new Float32Array(step % 500).fill(step) }))
  store.profiles.note('shared', true, { timeMs: 10, calls: 1 })
  await store.instances.save(sampleInstance(name, step, { state: { text: name.repeat(1 + (step % 1000)) } }))
  say(step)
}
await store.close()
const { pending, dropped, faults } = store.figures
const { locked: _, ...others } = faults
if (pending + dropped > 0 || Object.keys(others).length > 0) throw new Error(JSON.stringify(store.figures))
