/** Counting what a request used, also in the ledgers around it. */
import { describe, expect, test } from 'vitest'
import type { Reply } from '../../src/core/call.ts'
import { charging } from '../../src/core/charging.ts'
import { Ledger } from '../../src/core/ledger.ts'
import { echoCall } from '../support/echo-pool.ts'
import { runContext } from '../support/run-context.ts'

const usage = { calls: 1, tokens: 10, workerMs: 2.5 }

describe('Ledger', () => {
  test('begins with nothing and adds up', () => {
    const ledger = new Ledger()
    expect(ledger.spent).toEqual({ calls: 0, tokens: 0, workerMs: 0 })
    ledger.charge(usage)
    ledger.charge({ calls: 2, tokens: 0, workerMs: 1 })
    expect(ledger.spent).toEqual({ calls: 3, tokens: 10, workerMs: 3.5 })
  })

  test('charges every ledger around it, and none beside it', () => {
    const session = new Ledger()
    const batch = new Ledger(session)
    const [one, two] = [new Ledger(batch), new Ledger(batch)]
    one.charge(usage)
    two.charge({ calls: 1, tokens: 5, workerMs: 0 })
    session.charge({ calls: 1, tokens: 0, workerMs: 0 })
    expect(one.spent).toEqual(usage)
    expect(batch.spent).toEqual({ calls: 2, tokens: 15, workerMs: 2.5 })
    expect(session.spent).toEqual({ calls: 3, tokens: 15, workerMs: 2.5 })
  })

  test('gives figures that later charges do not change', () => {
    const ledger = new Ledger()
    const before = ledger.spent
    ledger.charge(usage)
    expect(before.calls).toBe(0)
  })
})

describe('charging()', () => {
  const reply: Reply = {
    results: [],
    usage,
    timings: { queueMs: 0, modelMs: 0, wireMs: 0 },
    attempt: 2,
    wastedMs: 100,
  }

  test('charges the context once a reply, and passes it on', async () => {
    const context = runContext()
    expect(await charging(async () => reply)(echoCall(['x']), context)).toBe(reply)
    expect(context.ledger.spent).toEqual(usage)
  })

  test('charges nothing for a failure', async () => {
    const context = runContext()
    const failing = charging(() => Promise.reject(new Error('no')))
    await expect(failing(echoCall(['x']), context)).rejects.toThrow('no')
    expect(context.ledger.spent.calls).toBe(0)
  })
})
