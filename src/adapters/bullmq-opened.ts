/** BullMQ's own Queue, made when it is first needed; ask for it when Redis answers. */
import { Queue } from 'bullmq'
import type { Connection } from './bullmq-connection.ts'

/** One queue on one connection. */
export class OpenedQueue {
  readonly #connection: Connection
  readonly #name: string
  readonly #prefix: string
  #queue: Queue | undefined

  constructor(connection: Connection, name: string, prefix: string) {
    this.#connection = connection
    this.#name = name
    this.#prefix = prefix
  }

  /** The queue; one that was made in vain would stay broken, and is made again. */
  get(): Queue {
    if (this.#queue === undefined) {
      const queue = new Queue(this.#name, { connection: this.#connection.redis, prefix: this.#prefix })
      queue.on('error', () => {}) // The connection tells of it.
      queue.waitUntilReady().catch(() => {
        if (this.#queue === queue) this.#queue = undefined
      })
      this.#queue = queue
    }
    return this.#queue
  }

  async close(): Promise<void> {
    await this.#queue?.close()
  }
}
