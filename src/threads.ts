/**
 * The door to Piscina: processor-bound Node work that must not block the event loop. Threads are started on
 * first use and stop when idle; a host that never sends a large source pays nothing.
 */
import type { Piscina } from 'piscina'

/** A task by the name of its file under workers/. */
export type ThreadTask = 'tabulate'

const idleTimeoutMs = 5000

export class Threads {
  #pools = new Map<ThreadTask, Promise<Piscina>>()

  /** Runs `task` on `input` in a thread; aborting `signal` ends the thread's work. */
  async run<Input, Output>(task: ThreadTask, input: Input, signal: AbortSignal): Promise<Output> {
    let pool = this.#pools.get(task)
    if (pool === undefined) {
      pool = open(task)
      this.#pools.set(task, pool)
    }
    return (await pool).run(input, { signal })
  }

  async close(): Promise<void> {
    const pools = [...this.#pools.values()]
    this.#pools.clear()
    await Promise.all(pools.map(async pool => (await pool).destroy()))
  }
}

async function open(task: ThreadTask): Promise<Piscina> {
  const { Piscina } = await import('piscina')
  // tsc rewrites imports, not URLs: the sources and the compiled package name their worker files differently.
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const filename = new URL(`../workers/${task}.${extension}`, import.meta.url).href
  return new Piscina({ filename, minThreads: 0, maxThreads: 2, idleTimeout: idleTimeoutMs })
}
