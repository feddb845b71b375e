/** When a worker has done enough, or holds too much, and another is to take its place. */
import type { Worker } from './worker.ts'

/** A worker younger than this is not replaced for its memory: the next would be as large. */
const youngMs = 5000

/** Why a worker is to be replaced, for people; undefined while it may go on. */
export function wearOf(worker: Worker, mostBytes: number): string | undefined {
  if (worker.settled >= worker.lifeItems) return `${worker.settled} items`
  const bytes = worker.memory?.rssBytes ?? 0
  return bytes > mostBytes && worker.ageMs > youngMs ? `${bytes} bytes` : undefined
}
