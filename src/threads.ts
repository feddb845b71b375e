/**
 * The door to Piscina: processor-bound Node work that must not block the event loop. Threads are started on
 * first use and stop when idle; a host that never sends a large source pays nothing.
 */
import type { Piscina } from 'piscina'
import { errorOf } from './core/errors.ts'

/** A task by the name of its file under workers/. */
export type ThreadTask = 'tabulate' | 'figures'

const idleTimeoutMs = 5000

export class Threads {
  #pools = new Map<ThreadTask, Promise<Piscina>>()
  #closed = false

  /**
   * Runs `task` on `input` in a thread; aborting `signal` ends the thread's work.
   * @throws InputError ER_CLOSED after, or because of, `close()`; the signal's reason.
   */
  async run<Input, Output>(task: ThreadTask, input: Input, signal: AbortSignal): Promise<Output> {
    if (this.#closed) throw closedError()
    let pool = this.#pools.get(task)
    if (pool === undefined) {
      pool = open(task)
      this.#pools.set(task, pool)
    }
    try {
      return await (await pool).run(input, { signal })
    } catch (error) {
      signal.throwIfAborted()
      throw this.#closed ? closedError() : error
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map(async pool => (await pool).destroy()))
  }
}

const closedError = () => errorOf('ER_CLOSED', 'The threads are closed, and their work with them')

async function open(task: ThreadTask): Promise<Piscina> {
  const { Piscina } = await import('piscina')
  // tsc rewrites imports, not URLs: the sources and the compiled package name their worker files differently.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const filename = new URL(`../workers/${task}.${extension}`, import.meta.url).href
  return new Piscina({ filename, minThreads: 0, maxThreads: 2, idleTimeout: idleTimeoutMs })
}
