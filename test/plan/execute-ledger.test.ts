/** Who is charged for what a plan runs: local stages, each attempt, and nothing that is never begun. */
import { describe, expect, test } from 'vitest'
import type { RunContext } from '../../src/core/call.ts'
import { errorOf } from '../../src/core/errors.ts'
import { Ledger } from '../../src/core/ledger.ts'
import { execute } from '../../src/plan/execute.ts'
import { type PlanNode, parallel, retry, sequential, stage } from '../../src/plan/node.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { runContext } from '../support/run-context.ts'

const { dispatch } = new FakeDispatch()
const busy = () => errorOf('ER_MODEL_FAILED', 'the model failed')
const run = <I, O>(plan: PlanNode<I, O>, input: I, changes: Partial<RunContext>) =>
  execute(plan, input, runContext(changes), { dispatch })

describe('the ledger', () => {
  const costly = (nanoUsd: number, ran: string[] = [], name = 'costly') =>
    stage<unknown, unknown>(name, () => ran.push(name), { cost: { nanoUsd } })

  test('is charged for each stage, and refuses one that does not fit before it begins', async () => {
    const ran: string[] = []
    const ledger = new Ledger({ limits: { nanoUsd: 100 } })
    const plan = sequential(costly(60, ran, 'a'), costly(50, ran, 'b'))
    const error = await run(plan, null, { ledger }).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({
      code: 'ER_BUDGET_SPENT',
      path: '1',
      figures: { spent: 60, requested: 50, budget: 100 },
    })
    expect([ran, ledger.spent.nanoUsd, ledger.reserved.nanoUsd]).toEqual([['a'], 60, 0])
  })

  test('never refuses what costs nothing, and allows what is just as much as there is', async () => {
    await run(
      stage('free', () => 1),
      null,
      { ledger: new Ledger({ limits: { nanoUsd: 0 } }) },
    )
    await run(costly(50), null, { ledger: new Ledger({ limits: { nanoUsd: 50 } }) })
  })

  test.each([
    [false, 10],
    [true, 0],
  ])('with refundOnFailure %s charges a stage that failed %d', async (refundOnFailure, spent) => {
    const ledger = new Ledger({ refundOnFailure })
    const plan = stage('fails', () => Promise.reject(busy()), { cost: { nanoUsd: 10 } })
    await expect(run(plan, null, { ledger })).rejects.toThrow('failed')
    expect([ledger.spent.nanoUsd, ledger.reserved.nanoUsd]).toEqual([spent, 0])
  })

  test('has room for the most while a stage runs; without a bound only where it has none itself', async () => {
    const endless = { least: { tokens: 5 }, most: { tokens: Number.POSITIVE_INFINITY, nanoUsd: 7 } }
    const ledger = new Ledger({ limits: { nanoUsd: 7 } })
    const plan = stage('reads', () => ledger.reserved, { cost: endless })
    expect(await run(plan, null, { ledger })).toMatchObject({ tokens: 5, nanoUsd: 7 })
    const bounded = new Ledger({ limits: { tokens: 1000 } })
    await expect(run(plan, null, { ledger: bounded })).rejects.toMatchObject({ code: 'ER_BUDGET_SPENT' })
  })

  test('charges each attempt', async () => {
    const plan = stage('fails', () => Promise.reject(busy()), { cost: { nanoUsd: 10 } })
    const ledger = new Ledger({ limits: { nanoUsd: 100 } })
    await expect(run(retry(plan, 3, { baseMs: 0 }), null, { ledger })).rejects.toThrow('failed')
    expect([ledger.spent.nanoUsd, ledger.reserved.nanoUsd]).toEqual([30, 0])
  })

  test('is not charged for what a failure kept from beginning', async () => {
    const ledger = new Ledger()
    const fails = stage('fails', () => Promise.reject(busy()))
    await expect(run(sequential(fails, costly(10)), null, { ledger })).rejects.toThrow('failed')
    expect(ledger.spent.nanoUsd).toBe(0)
  })

  test('of many that run together lets through as many as fit', async () => {
    const ledger = new Ledger({ limits: { nanoUsd: 100 } })
    const all = Object.fromEntries(Array.from({ length: 20 }, (_, place) => [`s${place}`, costly(10)]))
    const outcomes = await run(parallel(all, { onError: 'settle' }), null, { ledger })
    expect(Object.values(outcomes).filter(({ status }) => status === 'fulfilled').length).toBe(10)
    expect([ledger.spent.nanoUsd, ledger.reserved.nanoUsd]).toEqual([100, 0])
  })
})
