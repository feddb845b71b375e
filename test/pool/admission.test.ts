/** What a call is expected to wait and to run, where some operations take one step and others many. */
import { describe, expect, test } from 'vitest'
import type { RequestClass } from '../../src/core/call.ts'
import { type Behind, refusalOf } from '../../src/pool/admission.ts'
import { CostModel } from '../../src/pool/cost-model.ts'
import { Job } from '../../src/pool/job.ts'
import { resolvePoolOptions } from '../../src/pool/options.ts'
import { Queue } from '../../src/pool/queue.ts'
import { echoCall, echoLaunch, echoVariant } from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'

const options = resolvePoolOptions({ size: 1, launch: async () => echoLaunch, queueWaitMs: 60_000 })

type JobOptions = { class?: RequestClass; deadline?: number; together?: boolean }

function job(op: string, items: readonly unknown[], changes: JobOptions = {}): Job {
  const { class: kind = 'normal', deadline = Number.POSITIVE_INFINITY, together = false } = changes
  const call = { ...echoCall(items), variant: { ...echoVariant, op }, together }
  const made = new Job(call, runContext({ class: kind, deadline }), 0)
  made.done.catch(() => {})
  return made
}

/** A generation that takes about 10 s where a token takes 20 ms. */
const generation = { prompt: 'x', maxTokens: 490 }

/** One worker, eight slots for `generate`; a token costs 20 ms there, and 1 ms in `embed`. */
function behind(...waiting: Job[]): Behind {
  const costs = new CostModel()
  for (const tokens of [100, 200, 400, 800, 300]) {
    costs.learn('generate', tokens, tokens * 20)
    costs.learn('embed', tokens, tokens)
    costs.learn('verify', tokens, tokens * 3)
  }
  const queue = new Queue()
  for (const each of waiting) queue.add(each)
  return { queue, costs, workers: 1, slots: op => (op === 'generate' ? 8 : 1), now: 0 }
}

const many = (count: number, value: unknown): unknown[] => Array(count).fill(value)

describe('a generation', () => {
  test('counts what it may generate as work', () => {
    const [short] = job('generate', [{ prompt: 'x' }]).items
    const [long] = job('generate', [generation]).items
    expect((long?.tokens ?? 0) - (short?.tokens ?? 0)).toBeGreaterThanOrEqual(490)
  })

  test('waits behind other generations, eight of which run side by side', () => {
    // 40 of 10 s in 8 slots are 50 s; 56 are 70.
    const next = job('generate', [generation])
    expect(refusalOf(next, options, behind(job('generate', many(40, generation))))).toBeUndefined()
    const refusal = refusalOf(next, options, behind(job('generate', many(56, generation))))
    expect(refusal).toMatchObject({ code: 'ER_QUEUE_FULL' })
    expect(refusal?.retryAfterMs).toBeGreaterThan(65_000)
    expect(refusal?.retryAfterMs).toBeLessThan(80_000)
  })

  test('does not wait for what takes one step, nor for what is less urgent', () => {
    const text = 'x'.repeat(400)
    const others = behind(
      job('embed', many(5000, text)),
      job('generate', many(500, generation), { class: 'bulk' }),
    )
    expect(refusalOf(job('generate', [generation]), options, others)).toBeUndefined()
  })

  test('runs as long as its longest item, not as all of them one after the other', () => {
    const soon = { deadline: 12_000 }
    expect(refusalOf(job('generate', many(8, generation), soon), options, behind())).toBeUndefined()
    expect(refusalOf(job('generate', many(9, generation), soon), options, behind())).toMatchObject({
      code: 'ER_DEADLINE',
    })
  })

  test('of which nothing is known yet is let in', () => {
    const unknown = { ...behind(job('generate', many(500, generation))), costs: new CostModel() }
    expect(refusalOf(job('generate', [generation], { deadline: 1000 }), options, unknown)).toBeUndefined()
  })
})

describe('what takes one step', () => {
  test('does not wait for generations', () => {
    const others = behind(job('generate', many(500, generation)))
    expect(refusalOf(job('embed', ['x'], { deadline: 1000 }), options, others)).toBeUndefined()
  })

  test('waits for other operations in its lane at their own cost', () => {
    // 400 tokens of verify at 3 ms, of embed at 1 ms.
    const waiting = many(10, 'x'.repeat(152))
    const soon = job('embed', ['x'], { deadline: 800 })
    expect(refusalOf(soon, options, behind(job('embed', waiting)))).toBeUndefined()
    expect(refusalOf(soon, options, behind(job('verify', waiting)))).toMatchObject({
      code: 'ER_QUEUE_FULL',
    })
  })
})

test('items that are to go together and are more than a worker takes are refused for good', () => {
  const nine = job('generate', many(9, generation), { together: true })
  expect(refusalOf(nine, options, behind())).toMatchObject({ code: 'ER_INPUT', retryable: false })
  expect(
    refusalOf(job('generate', many(8, generation), { together: true }), options, behind()),
  ).toBeUndefined()
  expect(refusalOf(job('embed', many(100, 'x'), { together: true }), options, behind())).toBeUndefined()
})
