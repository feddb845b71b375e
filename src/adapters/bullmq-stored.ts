/**
 * How many jobs lie in Redis, by state: for a producer who asks, and for metrics, whoever collects them. Asking
 * for metrics never waits long and never disturbs the connection; while Redis is away there is no new figure.
 */
import type { Queue } from 'bullmq'
import type { Observed, Telemetry } from '../core/telemetry.ts'
import { names } from '../core/telemetry-names.ts'
import type { Connection } from './bullmq-connection.ts'
import type { OpenedQueue } from './bullmq-opened.ts'
import type { QueueFigures } from './bullmq-options.ts'

/** Milliseconds that collecting metrics waits for Redis; less than a silent connection is given up after. */
const withinMs = 500

/** How many jobs there are in each state. */
export async function countJobs(queue: Queue): Promise<QueueFigures> {
  const counts = await queue.getJobCounts()
  const count = (name: string) => counts[name] ?? 0
  return {
    waiting: count('waiting') + count('prioritized') + count('paused'),
    delayed: count('delayed'),
    running: count('active'),
    batches: count('waiting-children'),
    done: count('completed'),
    failed: count('failed'),
  }
}

/** Tells metrics how many jobs lie in `name`, until the returned function is called. */
export function tellStored(
  telemetry: Telemetry,
  connection: Connection,
  name: string,
  queue: OpenedQueue,
): () => void {
  const look = async (): Promise<readonly Observed[]> => {
    try {
      const figures = await connection.attempt(() => countJobs(queue.get()), withinMs)
      return Object.entries(figures).map(([state, value]) => ({
        value,
        attributes: { [names.queue]: name, [names.state]: state },
      }))
    } catch {
      return []
    }
  }
  // Collected more often than Redis answers, all get one answer.
  let asked: Promise<readonly Observed[]> | undefined
  return telemetry.observe({
    [names.jobsStored]: () => {
      asked ??= look().finally(() => {
        asked = undefined
      })
      return asked
    },
  })
}
