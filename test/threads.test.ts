/** The door to Piscina: the same table as in the process, an abort that ends the work, nothing left behind. */
import { describe, expect, test } from 'vitest'
import { type PassageTable, tabulate } from '../src/evidence/passages.ts'
import { termsOf } from '../src/evidence/terms.ts'
import { Threads } from '../src/threads.ts'

const terms = termsOf('The breaker for payments opened after 8 timeouts')
const content = [
  '2026-06-03T13:42:24Z ERROR [breaker] circuit breaker OPEN upstream=payments-auth after 8 timeouts',
  'Zwei Zeilen 🔋, 断路器打开了。\r',
  'The keeper of the gate was away, and nobody had been told who would\nstand in for him.',
]
  .join('\n')
  .repeat(2000)
const never = new AbortController().signal

/** Threads of this process; an idle one keeps nothing alive and shows nowhere else. */
function threadsNow(): number {
  Object.assign(process.report, { excludeNetwork: true }) // looks up names otherwise
  return (process.report.getReport() as { workers: unknown[] }).workers.length
}

describe('Threads', () => {
  test('run() gives the table that tabulate() gives in the process', async () => {
    const threads = new Threads()
    try {
      const table = await threads.run<object, PassageTable>('tabulate', { content, terms }, never)
      expect(table).toEqual(tabulate(content, terms))
      expect(table.offsets.length).toBeGreaterThan(8000)
    } finally {
      await threads.close()
    }
  })

  test('run() ends when the signal is aborted, before and in the middle', async () => {
    const threads = new Threads()
    try {
      await expect(threads.run('tabulate', { content, terms }, AbortSignal.abort())).rejects.toThrow()
      const controller = new AbortController()
      const large = content.repeat(20)
      const underWay = threads.run('tabulate', { content: large, terms }, controller.signal)
      setImmediate(() => controller.abort(new Error('enough')))
      await expect(underWay).rejects.toThrow()
      // The pool is still good for the next one.
      expect(await threads.run('tabulate', { content: 'The gate.', terms }, never)).toEqual(
        tabulate('The gate.', terms),
      )
    } finally {
      await threads.close()
    }
  })

  test('close() leaves no thread, with work under way too, and can be called without any', async () => {
    await new Threads().close()
    const before = threadsNow()
    const threads = new Threads()
    await threads.run('tabulate', { content, terms }, never)
    expect(threadsNow()).toBeGreaterThan(before)
    const underWay = threads.run('tabulate', { content: content.repeat(20), terms }, never).then(
      () => 'done',
      () => 'ended',
    )
    await threads.close()
    expect(['done', 'ended']).toContain(await underWay)
    expect(threadsNow()).toBe(before)
  })

  test('run() after close() is refused, so that nothing is left running', async () => {
    const threads = new Threads()
    await threads.close()
    const late = threads.run('tabulate', { content, terms }, never)
    const outcome = await late.then(
      () => 'done',
      () => 'refused',
    )
    await threads.close()
    expect(outcome).toBe('refused')
  })
})
