/** The quick look at frequent messages lets nothing pass that the schemas would refuse. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isHotMessage } from '../../src/wire/hot-message.ts'
import { fromWorker } from '../../src/wire/message.ts'

const memory = { rssBytes: 1, peakBytes: 2, mlxActiveBytes: 0, mlxCacheBytes: 0 }
const reply = {
  id: 1,
  results: { dtype: 'f32', shape: [1, 2], data: new Uint8Array(8) },
  usage: { tokens: 3 },
}
const calls = [reply, { id: 2, results: ['a'], usage: { tokens: 0 } }]
const results = { type: 'results', batch: 7, calls, modelMs: 1.5, memory }

test('isHotMessage() knows what comes with every batch', () => {
  expect(isHotMessage(results)).toBe(true)
  expect(isHotMessage({ type: 'started', batch: 0 })).toBe(true)
})

test('isHotMessage() leaves the rest to the schemas', () => {
  const failed = { id: 1, error: { code: 'ER_MODEL_FAILED', message: 'no' }, usage: { tokens: 0 } }
  for (const other of [null, 5, [], {}, { type: 'pong' }, { ...results, calls: [failed] }]) {
    expect(isHotMessage(other)).toBe(false)
  }
})

/** Odd values for any part of a message. */
const odd = fc.oneof(
  fc.constantFrom(
    null,
    undefined,
    -1,
    0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 60,
    '',
    [],
    {},
    [1],
    true,
  ),
  fc.integer(),
  fc.string(),
)

function spoil(value: unknown, path: readonly number[], by: unknown): unknown {
  const [first, ...rest] = path
  if (first === undefined || typeof value !== 'object' || value === null || value instanceof Uint8Array)
    return by
  const keys = Object.keys(value)
  if (keys.length === 0) return by
  const key = keys[first % keys.length] as string
  const copy = (Array.isArray(value) ? [...value] : { ...value }) as Record<string, unknown>
  copy[key] = spoil(copy[key], rest, by)
  return copy
}

test('isHotMessage() lets nothing pass that the schemas refuse, and nothing that they would change', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }), odd, (path, by) => {
      const message = spoil(results, path, by)
      if (!isHotMessage(message)) return
      const parsed = fromWorker.safeParse(message)
      expect(parsed.success).toBe(true)
      expect(parsed.data).toEqual(message)
    }),
    { numRuns: 3000 },
  )
})
