/**
 * A quick look at the two messages that come with every batch, `started` and `results`. What it lets pass the
 * schemas in message.ts would pass, too (a property test holds it to that); whatever it does not know for sure
 * goes to them. After a few milliseconds of sleep the schemas alone take a tenth of what a call costs.
 */
import type { FromWorker } from './message.ts'

/** True for a well-formed `started` or `results`; false for anything else, and for what needs a closer look. */
export function isHotMessage(value: unknown): value is FromWorker {
  if (!isRecord(value)) return false
  if (value['type'] === 'started') return isCount(value['batch'])
  if (value['type'] !== 'results') return false
  const { batch, calls, modelMs, memory } = value
  return (
    isCount(batch) && isAmount(modelMs) && isMemory(memory) && Array.isArray(calls) && calls.every(isReply)
  )
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0

const isAmount = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0

const isMemory = (value: unknown): boolean =>
  isRecord(value) &&
  isCount(value['rssBytes']) &&
  isCount(value['peakBytes']) &&
  isCount(value['mlxActiveBytes']) &&
  isCount(value['mlxCacheBytes'])

/** An answer with results; one with an error is rare, and its schema's business. */
function isReply(value: unknown): boolean {
  if (!isRecord(value) || 'error' in value || !isCount(value['id'])) return false
  const { results, usage } = value
  return isRecord(usage) && isCount(usage['tokens']) && (Array.isArray(results) || isVectors(results))
}

function isVectors(value: unknown): boolean {
  if (!isRecord(value) || value['dtype'] !== 'f32' || !(value['data'] instanceof Uint8Array)) return false
  const { shape } = value
  return Array.isArray(shape) && shape.length === 2 && isCount(shape[0]) && isCount(shape[1])
}
