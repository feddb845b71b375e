/** What is refused before anything starts: plans whose least fits neither the ledger nor the time. */
import { describe, expect, test } from 'vitest'
import { free } from '../../src/core/call.ts'
import { BudgetError, DeadlineError } from '../../src/core/errors.ts'
import { Ledger, nothingSpent } from '../../src/core/ledger.ts'
import {
  bind,
  branch,
  type CostClaim,
  constant,
  type PlanNode,
  parallel,
  remote,
  retry,
  sequential,
  stage,
} from '../../src/plan/node.ts'
import { preflight } from '../../src/plan/preflight.ts'
import { runContext } from '../support/run-context.ts'

const noDeadline = Number.POSITIVE_INFINITY
const costing = (name: string, cost: CostClaim): PlanNode<unknown, boolean> =>
  stage(name, () => true, { cost })
const money = (name: string, nanoUsd: number) => costing(name, { nanoUsd })
const lasting = (name: string, least: number, most = least) =>
  costing(name, { least: { timeMs: least }, most: { timeMs: most } })

/** The error of a preflight, which must have one. */
function refused(plan: PlanNode, ledger: Ledger, deadline = noDeadline, now = 0): unknown {
  try {
    preflight(plan, { ledger, deadline, now })
  } catch (error) {
    return error
  }
  throw new Error('it was let through')
}

describe('preflight() against a budget', () => {
  const ledger = (nanoUsd: number) => new Ledger({ limits: { nanoUsd } })
  const arms = (yes: number, no: number) => branch(constant(true), money('yes', yes), money('no', no))
  const passes = (plan: PlanNode, budget: Ledger) =>
    expect(() => preflight(plan, { ledger: budget, deadline: noDeadline, now: 0 })).not.toThrow()

  test('lets arms of 70 and 80 into a budget of 100: one of them runs', () => {
    passes(arms(70, 80), ledger(100))
  })

  test('refuses 110 in a budget of 100, and says why', () => {
    const error = refused(
      sequential(money('small', 30), parallel({ large: money('large', 80) })),
      ledger(100),
    )
    expect(error).toBeInstanceOf(BudgetError)
    expect(error).toMatchObject({
      code: 'ER_BUDGET_REFUSED',
      retryable: false,
      figures: { unit: 'nanoUsd', spent: 0, reserved: 0, budget: 100, requested: 110 },
    })
    expect((error as Error).message).toBe(
      'The plan needs at least 110 nanoUsd, most of it for large at 1/large; ' +
        'of the budget of 100, 0 are spent and 0 reserved',
    )
  })

  test('lets through what equals the budget, and what costs nothing when nothing is left', () => {
    passes(sequential(money('a', 60), money('b', 40)), ledger(100))
    const spent = ledger(10)
    spent.reserve({ nanoUsd: 10 }).settle({ nanoUsd: 12 })
    passes(costing('a', { timeMs: 5 }), spent)
  })

  test('asks for the least only: the cheaper arm, one attempt, the lower claim', () => {
    passes(arms(100, 500), ledger(100))
    passes(retry(money('a', 100), 5), ledger(100))
    passes(costing('a', { least: { nanoUsd: 100 }, most: { nanoUsd: 900 } }), ledger(100))
  })

  test('counts what is spent and what is reserved', () => {
    const used = ledger(100)
    used.reserve({ nanoUsd: 30 }).settle()
    used.reserve({ nanoUsd: 20 })
    passes(money('a', 50), used)
    expect(refused(money('a', 51), used)).toMatchObject({
      figures: { unit: 'nanoUsd', spent: 30, reserved: 20, budget: 100, requested: 51 },
    })
  })

  test('holds at every level, with the figures of the one that refuses', () => {
    const session = ledger(40)
    const batch = new Ledger({ parent: session, limits: { tokens: 1 } })
    const request = new Ledger({ parent: batch, limits: { nanoUsd: 1000 } })
    passes(money('a', 40), request)
    expect(refused(money('a', 41), request)).toMatchObject({ figures: { unit: 'nanoUsd', budget: 40 } })
    expect(refused(costing('a', { tokens: 2 }), request)).toMatchObject({
      figures: { unit: 'tokens', budget: 1 },
    })
  })

  test.each(['nanoUsd', 'tokens', 'calls', 'workerMs'] as const)('looks at %s', unit => {
    const plan = parallel({ a: costing('a', { [unit]: 3 }), b: costing('b', { [unit]: 4 }) })
    passes(plan, new Ledger({ limits: { [unit]: 7 } }))
    const error = refused(plan, new Ledger({ limits: { [unit]: 6 } }))
    expect(error).toMatchObject({ figures: { unit, requested: 7, budget: 6 } })
    expect((error as Error).message).toContain('for b at b')
  })

  test('knows that a remote leaf is a call', () => {
    const limits = { maxTokens: 9, dimensions: 1 }
    const variant = {
      name: 'v',
      op: 'embed',
      model: 'm',
      revision: '1',
      weightsHash: '',
      price: free,
      limits,
    }
    const plan = sequential<string[], unknown>(remote(variant), remote(variant))
    passes(plan, new Ledger({ limits: { calls: 2, tokens: 0 } }))
    expect(refused(plan, new Ledger({ limits: { calls: 1 } }))).toMatchObject({ figures: { requested: 2 } })
  })

  test('names the dearest of what the least is made of', () => {
    const plan = bind(
      { cheap: money('cheap', 1), inner: retry(sequential(money('dear', 60), money('dearer', 61)), 2) },
      branch(money('test', 2), money('very dear', 1000), money('in place', 59)),
    )
    expect((refused(plan, ledger(100)) as Error).message).toContain(
      '183 nanoUsd, most of it for dearer at inner/1;',
    )
  })

  test('refuses what has no bound where money is limited', () => {
    const endless = Array.from({ length: 3 }, () => money('endless', Number.MAX_SAFE_INTEGER))
    expect(refused(sequential(...endless), ledger(Number.MAX_SAFE_INTEGER - 1))).toBeInstanceOf(BudgetError)
    passes(sequential(...endless), new Ledger())
  })

  test('leaves the ledger as it was', () => {
    const parent = ledger(100)
    const request = new Ledger({ parent })
    passes(money('a', 100), request)
    refused(money('a', 101), request)
    for (const level of [parent, request]) {
      expect([level.spent, level.reserved, level.overrun]).toEqual([nothingSpent, nothingSpent, nothingSpent])
    }
  })
})

describe('preflight() against a deadline', () => {
  const plan = sequential<unknown, unknown>(
    lasting('first', 20),
    parallel({ short: lasting('short', 30), long: sequential(lasting('long', 25), lasting('tail', 15)) }),
  )

  test('lets through what can be done just in time, on the caller’s clock', () => {
    expect(() => preflight(plan, { ledger: new Ledger(), deadline: 1060, now: 1000 })).not.toThrow()
  })

  test('refuses what takes longer at least, and names what takes longest on the critical path', () => {
    const error = refused(plan, new Ledger(), 1059.5, 1000)
    expect(error).toBeInstanceOf(DeadlineError)
    expect(error).toMatchObject({
      code: 'ER_DEADLINE',
      message: 'The plan needs at least 60 ms, most of it for long at 1/long/0; the deadline is in 59 ms',
    })
  })

  test('asks for the least time only', () => {
    const room = { ledger: new Ledger(), deadline: 10, now: 0 }
    expect(() => preflight(lasting('a', 10, 1000), room)).not.toThrow()
    expect(() => preflight(retry(lasting('a', 10), 5), room)).not.toThrow()
    expect(() => preflight(branch(constant(true), lasting('a', 10), lasting('b', 99)), room)).not.toThrow()
  })

  test('refuses any plan once the deadline has passed', () => {
    expect(refused(constant(1), new Ledger(), 999, 1000)).toMatchObject({
      code: 'ER_DEADLINE',
      message: expect.stringContaining('the deadline has passed'),
    })
  })

  test('has time without end without a deadline', () => {
    const endless = lasting('endless', Number.POSITIVE_INFINITY)
    expect(() => preflight(endless, { ...runContext(), now: 5 })).not.toThrow()
  })

  test('tells of the budget first', () => {
    const both = costing('both', { timeMs: 100, calls: 2 })
    expect(refused(both, new Ledger({ limits: { calls: 1 } }), 50)).toBeInstanceOf(BudgetError)
  })
})
