/**
 * A bench script behind a bare pipe: one frame out, one frame back, in order, one at a time. No queue, no
 * checks, no supervision; that is what the pool is compared with.
 */
import { once } from 'node:events'
import { Packr, Unpackr } from 'msgpackr'
import { type Launch, type PythonProcess, spawnPython } from '../src/pool/spawn.ts'

const packer = new Packr({ useRecords: false })
const unpacker = new Unpackr({ useRecords: false })

export class PythonLoop {
  readonly #process: PythonProcess
  readonly #exited: Promise<unknown>
  #chunks: Buffer[] = []
  #size = 0
  #needed = 4
  #stderr = ''
  #waiting: { resolve: (reply: unknown) => void; reject: (error: Error) => void } | undefined
  #early: unknown[] = []
  #gone: Error | undefined

  constructor(launch: Launch) {
    this.#process = spawnPython(launch)
    const { stderr, stdin, stdout } = this.#process
    this.#exited = once(this.#process, 'exit').catch(() => {})
    this.#process.once('close', code => this.#end(`exited with code ${code}: ${this.#stderr}`))
    this.#process.once('error', error => this.#end(error.message))
    stdin.on('error', () => {})
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-2000)
    })
    stdout.on('data', (chunk: Buffer) => this.#receive(chunk))
  }

  get pid(): number {
    return this.#process.pid ?? 0
  }

  /** Frames that have come before anybody asked for them. */
  get early(): number {
    return this.#early.length
  }

  /** Sends `message`, if there is one, and gives the next frame. */
  ask<Reply>(message?: object): Promise<Reply> {
    const { promise, resolve, reject } = Promise.withResolvers<Reply>()
    if (this.#gone !== undefined) reject(this.#gone)
    else if (this.#early.length > 0) resolve(this.#early.shift() as Reply)
    else this.#waiting = { resolve: resolve as (reply: unknown) => void, reject }
    if (message !== undefined) {
      const body = packer.pack(message)
      const frame = Buffer.allocUnsafe(4 + body.length)
      frame.writeUInt32LE(body.length, 0)
      body.copy(frame, 4)
      this.#process.stdin.write(frame)
    }
    return promise
  }

  async close(): Promise<void> {
    this.#process.stdin.end()
    const late = setTimeout(() => this.#process.kill('SIGKILL'), 2000)
    await this.#exited
    clearTimeout(late)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #receive(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#size += chunk.length
    while (this.#size >= this.#needed) {
      const all = this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks)
      const end = 4 + all.readUInt32LE(0)
      this.#chunks = [all]
      this.#needed = end
      if (all.length < end) return
      this.#chunks = end === all.length ? [] : [all.subarray(end)]
      this.#size = all.length - end
      this.#needed = 4
      const reply: unknown = unpacker.unpack(all.subarray(4, end))
      if (this.#waiting === undefined) this.#early.push(reply)
      else {
        const { resolve } = this.#waiting
        this.#waiting = undefined
        resolve(reply)
      }
    }
  }

  #end(why: string): void {
    this.#gone = new Error(`The bench loop ${why}`)
    this.#waiting?.reject(this.#gone)
  }
}
