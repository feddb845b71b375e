/** What is done for one job: a claim is answered and its outcome set, a batch is counted up. */
import type { Job } from 'bullmq'
import type { Redis } from 'ioredis'
import { now } from '../core/async.ts'
import { errorRules, type RunnerError } from '../core/errors.ts'
import type { Enhancer } from '../evidence/enhancer.ts'
import type { Progress } from '../evidence/request.ts'
import type { EnhancedEvidence } from '../evidence/result.ts'
import type { Tally } from './bullmq-figures.ts'
import {
  type BatchSummary,
  type JobSummary,
  jobLimits,
  packEvidence,
  readBatch,
  readJob,
  summaryOf,
  unpackOutcome,
} from './bullmq-job.ts'
import { outcomeKey } from './bullmq-names.ts'
import { errorOfRecord } from './bullmq-outcome.ts'
import { reactionTo } from './bullmq-reaction.ts'

/** Whoever answers the claims. */
export type Answering = Pick<Enhancer, 'enhanceEvidence'>

/** Why a job that was cancelled stops. */
export class Cancelled extends Error {
  override readonly name = 'canceled'
}

/** What processing needs beside the enhancer. */
export type ProcessingParts = {
  readonly redis: Redis
  readonly keys: { toKey(kind: string): string }
  readonly tally: Tally
  readonly keepMs: number
  readonly outcomeBytes: number | undefined
}

/**
 * What an answer that stands in for a better one lacked, where another attempt, perhaps on another machine, may have
 * it.
 */
function lackOf({ errors, fallbackUsed }: EnhancedEvidence): RunnerError | undefined {
  const passing = fallbackUsed ? errors.find(({ code }) => errorRules[code].retryable) : undefined
  return passing === undefined ? undefined : errorOfRecord(passing)
}

/** Steps are told no more often, in milliseconds: each costs a turn to Redis and an event. */
const progressEveryMs = 250

/** Does the jobs of one consumer. */
export class Processing {
  readonly #enhancer: Answering
  readonly #parts: ProcessingParts

  constructor(enhancer: Answering, parts: ProcessingParts) {
    this.#enhancer = enhancer
    this.#parts = parts
  }

  /** Answers a claim's job. @throws as `enhanceEvidence`; the signal's reason. */
  async claim(job: Job, signal: AbortSignal): Promise<JobSummary> {
    const { tally } = this.#parts
    const { context, options } = await readJob(job.data)
    // A first start finds nothing, unless the job was cancelled in the instant between.
    const before = await this.#found(job)
    if (before !== undefined) {
      tally.count('found')
      return before
    }
    const onProgress = this.#progress(job)
    const evidence = await this.#enhancer.enhanceEvidence(context, { ...options, signal, onProgress })
    const lack = lackOf(evidence)
    if (lack !== undefined) {
      const last = job.attemptsMade + 1 >= (job.opts.attempts ?? 1)
      if (!last || reactionTo(lack, job.attemptsStarted).do === 'postpone') throw lack
    }
    signal.throwIfAborted()
    const packed = await packEvidence(evidence, this.#parts.outcomeBytes ?? jobLimits.outcomeBytes)
    const { keepMs, keys, redis } = this.#parts
    const first = await redis.set(outcomeKey(keys, job.id ?? ''), packed, 'PX', keepMs, 'NX')
    if (first === null) {
      const other = await this.#found(job)
      if (other !== undefined) {
        tally.count('found')
        return other
      }
    }
    tally.count('done')
    return summaryOf(evidence, packed.length)
  }

  /** Counts up a batch, all of whose jobs have ended. */
  async batch(job: Job): Promise<BatchSummary> {
    const { jobs } = readBatch(job.data)
    const values = Object.entries(await job.getChildrenValues<JobSummary>())
    const byId = new Map(values.map(([key, summary]) => [key.slice(key.lastIndexOf(':') + 1), summary]))
    const verdicts: Record<string, number> = {}
    let done = 0
    for (const { jobId } of jobs) {
      const summary = byId.get(jobId)
      if (summary === undefined) continue
      done += 1
      verdicts[summary.verdict] = (verdicts[summary.verdict] ?? 0) + 1
    }
    this.#parts.tally.count('done')
    return { claims: jobs.length, done, failed: jobs.length - done, verdicts }
  }

  /** The outcome that a start before this one set. @throws Cancelled where it was cancelled. */
  async #found(job: Job): Promise<JobSummary | undefined> {
    const { keys, redis } = this.#parts
    const packed = await redis.getBuffer(outcomeKey(keys, job.id ?? ''))
    if (packed === null) return undefined
    const outcome = await unpackOutcome(packed)
    if (outcome.state === 'cancelled') throw new Cancelled()
    return summaryOf(outcome.evidence, packed.length)
  }

  #progress(job: Job): (progress: Progress) => void {
    let last = now()
    return progress => {
      if (now() - last < progressEveryMs) return
      last = now()
      job.updateProgress(progress).catch(() => {}) // A step that nobody hears of.
    }
  }
}
