/**
 * Has the write-ahead log folded into its file now and then, in a thread: that waits for the disk (30 ms and more
 * were seen), and SQLite would have it done by whoever writes. Where there can't be a thread, SQLite does.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** What is written between two checkpoints, about; who writes less in all starts no thread. */
const afterBytes = 2 ** 22

export class Checkpoints {
  readonly #path: string
  #bytes = 0
  #thread: Worker | undefined
  #state: 'open' | 'failed' | 'closed' = 'open'

  constructor(path: string) {
    this.#path = path
  }

  /** Notes that so much was written to the log. */
  note(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes < afterBytes || this.#state !== 'open') return
    this.#bytes = 0
    this.#thread ??= this.#start()
    this.#thread.postMessage(true)
  }

  #start(): Worker {
    // tsc rewrites imports, not URLs: the sources and the compiled package name their files differently.
    const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
    const thread = new Worker(new URL(`./checkpoint-thread.${extension}`, import.meta.url), {
      workerData: this.#path,
      name: 'evidence-runner-store',
    })
    thread.once('error', () => {
      this.#state = 'failed'
    })
    thread.unref()
    return thread
  }

  /** A last checkpoint, where there was one before, and the end of the thread. Never rejects. */
  async close(): Promise<void> {
    const thread = this.#thread
    if (this.#state === 'open' && thread !== undefined) {
      thread.ref()
      const ended = once(thread, 'exit').catch(() => {})
      thread.postMessage(false)
      await ended
    }
    this.#state = 'closed'
  }
}
