/**
 * `serve mcp`, `serve a2a` and `consume`: opens a door and keeps it open until the process is told to end. Each door's
 * packages are optional, so a door is loaded when it is asked for and not before.
 */
import { readFile } from 'node:fs/promises'
import { errorOf, InputError } from '../core/errors.ts'
import type { EvidenceEnhancer } from '../runner.ts'
import { type Arguments, text, whole } from './arguments.ts'
import { installed } from './installed.ts'
import { tracesIn } from './keeping.ts'

/** What a door is opened with. */
export type ServeParts = {
  readonly enhancer: EvidenceEnhancer
  /** Aborted when the process is told to end. */
  readonly signal: AbortSignal
  /** What the operator should know, a line at a time; never on standard output, which a protocol may have. */
  readonly onNote: (note: string) => void
  /** From the environment; the command line would show it to everybody on this machine. */
  readonly token: string | undefined
  /** The file that the enhancer keeps traces in; undefined where it keeps none. */
  readonly tracesFile: string | undefined
}

const doors = ['mcp', 'a2a'] as const
type Door = (typeof doors)[number]

/** @throws InputError ER_INPUT unless there is one word, the name of a door. */
export function parseServeWords(words: readonly string[]): Door {
  const door = doors.find(name => name === words[0])
  if (door !== undefined && words.length === 1) return door
  throw new InputError(
    'ER_INPUT',
    `serve takes one door, ${doors.join(' or ')}, not ${JSON.stringify(words.join(' '))}; see: evidence-runner help serve`,
  )
}

/**
 * Serves until the signal is aborted or, over standard input and output, until the input ends.
 * @throws InputError ER_CONFIG where the door's packages are not installed, or it would be open to others.
 */
export async function serve(door: Door, given: Arguments, parts: ServeParts): Promise<void> {
  const { enhancer, onNote, signal } = parts
  const options = {
    host: text(given, 'host'),
    port: whole(given, 'port', 0),
    token: await tokenOf(given, parts.token),
    signal,
    onNote,
  }
  if (door === 'mcp') {
    const { serveMcp } = await installed('serve mcp', mcpPackages, () => import('./mcp-serve.ts'))
    const transport = given.values['http'] === true ? 'http' : 'stdio'
    const { tracesFile: file } = parts
    const traces = file === undefined ? undefined : tracesIn(file, onNote)
    const more = defined({ allowFiles: text(given, 'allow-files'), traces })
    await serveMcp(enhancer, { ...defined(options), transport, ...more, signal, onNote })
    return
  }
  const { serveA2a } = await installed('serve a2a', a2aPackages, () => import('./a2a-serve.ts'))
  const concurrency = whole(given, 'concurrency')
  await serveA2a(enhancer, { ...defined({ ...options, concurrency }), signal, onNote })
}

/**
 * Takes claims from a queue until the signal is aborted.
 * @throws InputError ER_CONFIG where the queue's packages are not installed, or no Redis is named.
 */
export async function consumeQueue(
  given: Arguments,
  {
    enhancer,
    onNote,
    signal,
    redis: usual,
  }: Pick<ServeParts, 'enhancer' | 'onNote' | 'signal'> & { readonly redis: string | undefined },
): Promise<void> {
  const redis = text(given, 'redis') ?? usual
  if (redis === undefined)
    throw new InputError('ER_CONFIG', 'consume takes claims from a Redis; name it: --redis redis://HOST:PORT')
  const { consume } = await installed('consume', queuePackages, () => import('./bullmq.ts'))
  const more = defined({ concurrency: whole(given, 'concurrency'), name: text(given, 'queue') })
  await consume(enhancer, { redis, ...more, signal, onNote })
}

const mcpPackages = ['@modelcontextprotocol/server', '@modelcontextprotocol/node']
const a2aPackages = ['@a2a-js/sdk', 'express', 'p-queue']
const queuePackages = ['bullmq', 'ioredis']

async function tokenOf(given: Arguments, usual: string | undefined): Promise<string | undefined> {
  const file = text(given, 'token-file')
  if (file === undefined) return usual
  try {
    const token = (await readFile(file, 'utf8')).trim()
    if (token !== '') return token
  } catch (cause) {
    throw errorOf('ER_CONFIG', `The token file ${file} can't be read: ${String(cause)}`, { cause })
  }
  throw new InputError('ER_CONFIG', `The token file ${file} is empty`)
}

/** Only what was given: a door's own defaults stand for the rest. */
const defined = <T extends object>(options: T): { [K in keyof T]?: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
