/** The original's health report, with true values, and the three questions that it mixed up: live, ready, saturated. */
import { type ErrorRecord, errorRecord, type RunnerError } from '../core/errors.ts'
import type { ResolvedConfig } from './config.ts'

/** What the enhancer needs to know of whoever does the work. */
export type WorkerHealth = {
  readonly live: boolean
  readonly ready: boolean
  readonly saturated: boolean
  readonly workers: readonly {
    readonly state: string
    readonly memory: { readonly rssBytes: number } | undefined
  }[]
  readonly lastFailure: RunnerError | undefined
}

/** The original's health report, with true values, and the three questions that must not be mixed up. */
export type HealthStatus = {
  readonly status: 'healthy' | 'degraded' | 'unhealthy'
  /** A worker is there or on its way. */
  readonly live: boolean
  /** A worker is warm. */
  readonly ready: boolean
  /** New work may be refused. */
  readonly saturated: boolean
  readonly mlxAvailable: boolean
  readonly embeddingAvailable: boolean
  readonly processorName: 'evidence-runner'
  readonly lastError: ErrorRecord | null
  /** Bytes resident in Node and in all workers. */
  readonly memoryUsage: { readonly nodeBytes: number; readonly workerBytes: number }
  readonly modelsLoaded: readonly string[]
  /** Results kept. */
  readonly cacheSize: number
  /** True if the cache ever held more than it may; a bug. */
  readonly memoryLeakDetected: boolean
}

/** The report; `model` is the encoder that is loaded, if one is, and `cacheSize` the number of kept results. */
export function healthOf(
  { live, ready, saturated, workers, lastFailure }: WorkerHealth,
  config: ResolvedConfig,
  model: string | undefined,
  cacheSize: number,
): HealthStatus {
  const answers = live || config.fallback === 'lexical'
  return {
    status: ready && !saturated ? 'healthy' : answers ? 'degraded' : 'unhealthy',
    live,
    ready,
    saturated,
    mlxAvailable: ready,
    embeddingAvailable: ready && config.enableEmbeddingSearch,
    processorName: 'evidence-runner',
    lastError: lastFailure === undefined ? null : errorRecord(lastFailure),
    memoryUsage: {
      nodeBytes: process.memoryUsage.rss(),
      workerBytes: workers.reduce((sum, { memory }) => sum + (memory?.rssBytes ?? 0), 0),
    },
    modelsLoaded: model === undefined ? [] : [model],
    cacheSize,
    memoryLeakDetected: cacheSize > config.maxCacheSize,
  }
}
