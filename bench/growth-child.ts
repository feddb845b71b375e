/**
 * A fresh Node process for `growth`: so many echo calls by 16 callers on one worker, memory of both sides measured
 * after a tenth of them, all of them, and as many again. Prints one line of JSON. Argument: the number of calls.
 */
import { readFile } from 'node:fs/promises'
import { openRunner } from '../src/runner.ts'

const calls = Number(process.argv[2])
await using runner = await openRunner({ ops: ['echo'], poolSize: 1 })

async function figures() {
  // With --expose-gc: what is garbage must not count as growth.
  for (let turn = 0; turn < 3; turn += 1) {
    globalThis.gc?.()
    await new Promise(setImmediate)
  }
  const status = await readFile(`/proc/${runner.workers()[0]?.pid}/status`, 'utf8').catch(() => '')
  const { heapUsed, rss } = process.memoryUsage()
  const mib = 1024 * 1024
  return {
    nodeMib: rss / mib,
    nodeHeapMib: heapUsed / mib,
    workerMib: Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1024,
  }
}

async function ask(from: number, to: number): Promise<void> {
  let next = from
  await Promise.all(
    Array.from({ length: 16 }, async () => {
      while (next < to) {
        const text = `${next++} the breaker opened after a timeout`
        await runner.dispatch({ op: 'echo', items: [text] }, { timeoutMs: 60_000 })
      }
    }),
  )
}

await ask(0, calls / 10)
const early = await figures()
const begin = performance.now()
await ask(calls / 10, calls)
const perSecond = (0.9 * calls * 1000) / (performance.now() - begin)
const late = await figures()
await ask(calls, 2 * calls)
console.log(JSON.stringify({ early, late, twice: await figures(), perSecond }))
