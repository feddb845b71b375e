/** What producers may say: how a queue is reached, how a job is run, how its end is waited for. */
import { InputError } from '../core/errors.ts'
import type { Progress } from '../evidence/request.ts'
import type { NoteListener } from './bullmq-connection.ts'
import type { JobOptions, PreparedJob } from './bullmq-job.ts'

/** How a queue is reached and what it keeps. */
export type QueueOptions = {
  /** redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE], or rediss:// with TLS. */
  readonly redis: string
  /** Producers and consumers of one name belong together. @default 'claims' */
  readonly name?: string
  /** What its keys begin with; in braces on a Redis cluster. @default 'evidence-runner' */
  readonly prefix?: string
  /** How long a call waits for Redis, in milliseconds. @default 5000 */
  readonly withinMs?: number
  /** How long jobs that ended, and what came of them, are kept, in milliseconds. @default a day */
  readonly keepMs?: number
  /** Bytes of a claim with its sources at most, compressed. @default 8 MiB */
  readonly jobBytes?: number
  /** Hears when Redis goes away and comes back. */
  readonly onNote?: NoteListener
  /** Whether spans and metrics are written to the OpenTelemetry API. @default true */
  readonly telemetry?: boolean
}

/** How one job is run, beside the options of its request. */
export type AddOptions = JobOptions & {
  /** Times that it is tried, overloads not counted. @default 4 */
  readonly attempts?: number
  /** Before the second attempt, doubled with each, in milliseconds. @default 1000 */
  readonly backOffMs?: number
  /** Not begun before, in milliseconds from now. @default 0 */
  readonly delayMs?: number
  /** Whether an equal claim that waits or runs stands for this one, too. @default true */
  readonly deduplicate?: boolean
}

/** How an end is waited for. */
export type WaitOptions = {
  /** Abort to wait no longer; the job goes on. */
  readonly signal?: AbortSignal
  /** @default no limit; but Redis may not be away for longer than a minute */
  readonly timeoutMs?: number
  /** Hears of the job's steps; of a quick job none may be told. */
  readonly onProgress?: (progress: Progress) => void
}

/** How many jobs there are in each state; of those that are done the latest 1000 are left, of the failed those of `keepMs`. */
export type QueueFigures = Readonly<
  Record<'waiting' | 'delayed' | 'running' | 'batches' | 'done' | 'failed', number>
>

/** What holds unless it is said otherwise. */
export const queueDefaults = { withinMs: 5000, keepMs: 86_400_000, attempts: 4, backOffMs: 1000 } as const

/** Jobs that are left in Redis, with their sources, after they were done. */
const keptDone = 1000

/** BullMQ takes the smallest first. Beside the scheduling class in the consumer's pool. */
const priorities = { high: 1, medium: 2, low: 3 } as const

/** The options of a job for BullMQ. @throws InputError ER_INPUT for numbers that can't be. */
export function jobOptionsOf(options: AddOptions, { priority }: PreparedJob, keepMs: number) {
  const { attempts = queueDefaults.attempts, backOffMs = queueDefaults.backOffMs, delayMs = 0 } = options
  const wrong = Object.entries({ attempts, backOffMs, delayMs }).find(
    ([name, value]) => !Number.isSafeInteger(value) || value < (name === 'attempts' ? 1 : 0),
  )
  if (wrong !== undefined)
    throw new InputError('ER_INPUT', `Invalid options: ${wrong[0]}: ${wrong[1]} is not a whole number`)
  const age = Math.ceil(keepMs / 1000)
  return {
    attempts,
    backoff: { type: 'evidence', delay: backOffMs },
    delay: delayMs,
    priority: priorities[priority],
    // Sources are not needed any more, and the outcome lies elsewhere; a few are left for people to look at.
    removeOnComplete: { age, count: keptDone },
    removeOnFail: { age },
    stackTraceLimit: 0,
  }
}
