/**
 * What the pool is compared with: batching on a timer, as batching servers do it. Calls are collected for a fixed
 * time from the first of them, or until the batch is full, then go as one call; its answer is split.
 */
import { isVectors, type Reply, row } from '../src/core/call.ts'

type Waiting = {
  readonly text: string
  readonly resolve: (vector: Float32Array) => void
  readonly reject: (error: unknown) => void
}

export class FixedWindow {
  readonly #send: (texts: readonly string[]) => Promise<Reply>
  readonly #windowMs: number
  readonly #most: number
  #waiting: Waiting[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(send: (texts: readonly string[]) => Promise<Reply>, windowMs: number, most: number) {
    this.#send = send
    this.#windowMs = windowMs
    this.#most = most
  }

  /** The vector of `text`, asked for together with what else comes within the window. */
  ask(text: string): Promise<Float32Array> {
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array>()
    this.#waiting.push({ text, resolve, reject })
    if (this.#waiting.length >= this.#most) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), this.#windowMs)
    return promise
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const batch = this.#waiting
    this.#waiting = []
    this.#send(batch.map(({ text }) => text)).then(
      ({ results }) => {
        for (const [index, { reject, resolve }] of batch.entries()) {
          if (isVectors(results)) resolve(row(results, index))
          else reject(new Error('Not vectors'))
        }
      },
      (error: unknown) => {
        for (const { reject } of batch) reject(error)
      },
    )
  }
}
