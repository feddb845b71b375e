/** Budgets: the seed's cases, nesting, overruns, what nobody can bound, and the laws over random interleavings. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BudgetError } from '../../src/core/errors.ts'
import {
  Ledger,
  type LedgerOptions,
  nothingSpent,
  type Reservation,
  type Spend,
} from '../../src/core/ledger.ts'

const cents = (count: number) => ({ nanoUsd: count * 1e7 })
const units = ['nanoUsd', 'tokens', 'calls', 'workerMs'] as const
const wrong = expect.objectContaining({ code: 'ER_INPUT' })

/** What `reserve` refuses with. */
function refusalOf(ledger: Ledger, ...asked: Parameters<Ledger['reserve']>): BudgetError {
  try {
    ledger.reserve(...asked)
  } catch (error) {
    if (error instanceof BudgetError) return error
    throw error
  }
  throw new Error('It was not refused')
}

/** Those of its two cases about cost maps are in plan/cost.test.ts. */
describe("the seed's cases", () => {
  test('what costs nothing runs on a budget of nothing, and after one is used up', () => {
    const ledger = new Ledger({ limits: cents(0) })
    ledger.reserve({}).settle()
    expect(ledger.spent).toEqual(nothingSpent)
    const full = new Ledger({ limits: cents(10) })
    full.reserve(cents(10)).settle()
    full.reserve({ tokens: 5 }).settle()
    expect(full.spent).toEqual({ ...nothingSpent, ...cents(10), tokens: 5 })
  })

  test('a stage of 10 fits into 100', () => {
    const ledger = new Ledger({ limits: cents(100) })
    ledger.reserve(cents(10)).settle()
    expect(ledger.spent).toEqual({ ...nothingSpent, ...cents(10) })
  })

  test('a stage of 50 does not fit into 49, and nothing changes', () => {
    const ledger = new Ledger({ limits: cents(49) })
    expect(refusalOf(ledger, cents(50))).toMatchObject({
      code: 'ER_BUDGET_SPENT',
      retryable: false,
      message: 'The budget of 490000000 nanoUsd has no room for 500000000 more: 0 spent, 0 reserved',
      figures: { unit: 'nanoUsd', spent: 0, reserved: 0, budget: 49e7, requested: 50e7 },
    })
    expect([ledger.spent, ledger.reserved]).toEqual([nothingSpent, nothingSpent])
  })

  test('after 60 of 100, 50 more is refused and 60 stay spent; all of the rest fits', () => {
    const ledger = new Ledger({ limits: cents(100) })
    ledger.reserve(cents(60)).settle()
    expect(refusalOf(ledger, cents(50)).figures).toMatchObject({ spent: 60e7, budget: 100e7 })
    expect(ledger.spent.nanoUsd).toBe(60e7)
    ledger.reserve(cents(40)).settle()
    expect([ledger.spent.nanoUsd, ledger.left.nanoUsd]).toEqual([100e7, 0])
  })
})

describe('reservations', () => {
  test('20 of cost 10 at a time on a budget of 100: exactly 10 get in', () => {
    const ledger = new Ledger({ limits: { tokens: 100 } })
    const got = Array.from({ length: 10 }, () => ledger.reserve({ tokens: 10 }))
    for (let more = 0; more < 10; more += 1) refusalOf(ledger, { tokens: 10 })
    for (const reservation of got) reservation.settle()
    expect([ledger.spent.tokens, ledger.reserved.tokens]).toEqual([100, 0])
  })

  test('one that does not fit hides no room from a smaller one', () => {
    const ledger = new Ledger({ limits: { tokens: 100 } })
    ledger.reserve({ tokens: 20 }).settle()
    refusalOf(ledger, { tokens: 90 })
    ledger.reserve({ tokens: 5 }).settle()
    expect(ledger.left.tokens).toBe(75)
  })

  test('one that does not fit in one unit takes nothing of the others', () => {
    const ledger = new Ledger({ limits: { tokens: 100, calls: 1 } })
    ledger.reserve({ calls: 1 })
    expect(refusalOf(ledger, { nanoUsd: 5, tokens: 5, calls: 1, workerMs: 5 }).figures?.unit).toBe('calls')
    expect(ledger.reserved).toEqual({ ...nothingSpent, calls: 1 })
  })

  test('settle frees what was not used; release charges nothing; whichever comes first counts', () => {
    const ledger = new Ledger({ limits: { tokens: 100 } })
    const one = ledger.reserve({ tokens: 80, calls: 1 })
    expect(ledger.left.tokens).toBe(20)
    one.settle({ tokens: 30, calls: 1 })
    one.settle({ tokens: 30, calls: 1 })
    one.fail()
    one.release()
    expect([ledger.spent, ledger.reserved]).toEqual([{ ...nothingSpent, tokens: 30, calls: 1 }, nothingSpent])
    const other = ledger.reserve({ tokens: 70 })
    other.release()
    other.settle()
    expect(ledger.left.tokens).toBe(70)
  })

  test.each<[boolean | undefined, Partial<Spend> | undefined, number]>([
    [undefined, undefined, 40],
    [false, { tokens: 15 }, 15],
    [true, undefined, 0],
    [true, { tokens: 15 }, 15],
  ])('of work that failed, refund %s and measured %o, %i are charged', (refundOnFailure, measured, spent) => {
    const ledger = new Ledger({ ...(refundOnFailure === undefined ? {} : { refundOnFailure }) })
    new Ledger({ parent: ledger }).reserve({ tokens: 40 }).fail(measured)
    expect([ledger.spent, ledger.reserved]).toEqual([{ ...nothingSpent, tokens: spent }, nothingSpent])
  })

  test('refund on failure is inherited, and may be told otherwise', () => {
    const session = new Ledger({ refundOnFailure: true })
    const request = new Ledger({ parent: new Ledger({ parent: session, refundOnFailure: false }) })
    request.reserve({ tokens: 7 }).fail()
    new Ledger({ parent: session }).reserve({ tokens: 5 }).fail()
    expect(session.spent.tokens).toBe(7)
  })

  test('of parts of milliseconds leave nothing behind', () => {
    const ledger = new Ledger()
    const open = [0.1, 0.2, 0.3].map(workerMs => ledger.reserve({ workerMs }))
    for (const reservation of open) reservation.settle()
    expect(ledger.reserved).toEqual(nothingSpent)
    expect(ledger.spent.workerMs).toBeCloseTo(0.6, 12)
  })

  test('give figures that later ones do not change', () => {
    const ledger = new Ledger()
    const { spent, reserved } = ledger
    ledger.reserve({ tokens: 5 })
    ledger.reserve({ tokens: 5 }).settle()
    expect([spent, reserved]).toEqual([nothingSpent, nothingSpent])
  })
})

describe('an overrun', () => {
  test('is charged in full, and refuses whatever would come after in that unit', () => {
    const ledger = new Ledger({ limits: { tokens: 100, calls: 10 } })
    const request = new Ledger({ parent: ledger })
    request.reserve({ tokens: 10, calls: 1 }).settle({ tokens: 25, calls: 1 })
    expect(ledger).toMatchObject({
      spent: { tokens: 25 },
      overrun: { tokens: 15, calls: 0 },
      left: { tokens: 0, calls: 9 },
    })
    expect(refusalOf(request, { tokens: 1 }).figures).toMatchObject({ spent: 25, budget: 100 })
    request.reserve({ calls: 1, nanoUsd: 5 }).settle()
  })

  test('refuses nothing where the unit is not limited', () => {
    const ledger = new Ledger({ limits: { calls: 10 } })
    ledger.reserve({ tokens: 10 }).settle({ tokens: 25 })
    expect([ledger.overrun.tokens, ledger.left.tokens]).toEqual([15, Number.POSITIVE_INFINITY])
    ledger.reserve({ tokens: 1000 }).settle()
  })
})

describe('a unit that nobody can bound', () => {
  const take = (ledger: Ledger, workerMs: number) =>
    ledger.reserve({ calls: 1 }, ['workerMs']).settle({ calls: 1, workerMs })

  test('is let in while something is left, and refused once the limit is reached, at any level', () => {
    const session = new Ledger({ limits: { workerMs: 20 } })
    const request = new Ledger({ parent: session })
    take(request, 12.5)
    expect([session.left.workerMs, session.overrun]).toEqual([7.5, nothingSpent])
    take(request, 7.5)
    expect(refusalOf(request, { calls: 1 }, ['workerMs'])).toMatchObject({
      message: 'The budget of 20 workerMs has no room for any more: 20 spent, 0 reserved',
      figures: { unit: 'workerMs', spent: 20, requested: 0 },
    })
    request.reserve({ calls: 1 }).settle()
    expect(session.spent.calls).toBe(3)
  })

  test('is an overrun only in what passes the limit, and at the levels where it does', () => {
    const session = new Ledger({ limits: { workerMs: 100 } })
    const request = new Ledger({ parent: session, limits: { workerMs: 20 } })
    take(request, 30)
    expect([request.overrun.workerMs, session.overrun.workerMs]).toEqual([10, 0])
    refusalOf(request, {}, ['workerMs'])
    take(session, 69)
    expect(session.left.workerMs).toBe(1)
  })

  test('holds nothing of what others wait for, but leaves them what they have reserved', () => {
    const ledger = new Ledger({ limits: { workerMs: 20 } })
    const bounded = ledger.reserve({ workerMs: 15 })
    const open = [1, 2, 3].map(() => ledger.reserve({}, ['workerMs']))
    for (const reservation of open) reservation.settle({ workerMs: 3 })
    expect(ledger.overrun.workerMs).toBe(4)
    bounded.settle({ workerMs: 10 })
    expect([ledger.spent.workerMs, ledger.overrun.workerMs]).toEqual([19, 4])
  })

  test('needs something beyond what is asked for', () => {
    const ledger = new Ledger({ limits: { nanoUsd: 10 } })
    refusalOf(ledger, { nanoUsd: 10 }, ['nanoUsd'])
    ledger.reserve({ nanoUsd: 9 }, ['nanoUsd']).settle({ nanoUsd: 10 })
    expect([ledger.left.nanoUsd, ledger.overrun.nanoUsd]).toEqual([0, 0])
  })
})

describe('figures', () => {
  test.each([
    ['a negative one', { tokens: -1 }],
    ['a part of a token', { tokens: 0.5 }],
    ['no number', { workerMs: Number.NaN }],
    ['endless worker time', { workerMs: Number.POSITIVE_INFINITY }],
    ['more than a safe integer', { nanoUsd: 2 ** 53 }],
  ])('%s is refused as a limit, a reservation and a charge', (_what, figures) => {
    expect(() => new Ledger({ limits: figures })).toThrow(wrong)
    const ledger = new Ledger()
    expect(() => ledger.reserve(figures)).toThrow(wrong)
    const reservation = ledger.reserve({ tokens: 5 })
    expect(() => reservation.settle(figures)).toThrow(wrong)
    expect(() => reservation.fail(figures)).toThrow(wrong)
    reservation.release()
    expect([ledger.spent, ledger.reserved]).toEqual([nothingSpent, nothingSpent])
  })

  test('that add up to more than can be counted are refused, and nothing changes', () => {
    const session = new Ledger()
    const request = new Ledger({ parent: session })
    session.reserve({ nanoUsd: Number.MAX_SAFE_INTEGER - 1 }).settle()
    expect(() => request.reserve({ nanoUsd: 2 })).toThrow(wrong)
    request.reserve({ nanoUsd: 1 }).settle()
    expect(session.spent.nanoUsd).toBe(Number.MAX_SAFE_INTEGER)
  })
})

test('a request in a batch in a session: every level holds, and the one that refuses is told', () => {
  const session = new Ledger({ limits: { tokens: 100 } })
  const batch = new Ledger({ limits: { tokens: 50 }, parent: session })
  const request = new Ledger({ parent: batch })
  request.reserve({ tokens: 30 }).settle()
  expect([session, batch, request].map(({ spent }) => spent.tokens)).toEqual([30, 30, 30])
  expect(refusalOf(request, { tokens: 30 }).figures).toMatchObject({ budget: 50 })
  session.reserve({ tokens: 60 }).settle()
  expect([request.left.tokens, request.left.calls]).toEqual([10, Number.POSITIVE_INFINITY])
  expect(refusalOf(request, { tokens: 15 }).figures).toMatchObject({ budget: 100 })
  expect([session, batch, request].map(({ reserved }) => reserved.tokens)).toEqual([0, 0, 0])
  expect(batch.spent.tokens).toBe(30)
})

describe('whatever is reserved, settled, failed and released, in whatever order', () => {
  const figure = fc.integer({ min: 0, max: 60 })
  const spend = fc.record({ nanoUsd: figure, tokens: figure, calls: figure, workerMs: figure })
  const action = fc.record({
    what: fc.constantFrom('reserve', 'reserve', 'settle', 'fail', 'release'),
    level: fc.nat({ max: 2 }),
    which: fc.nat({ max: 100 }),
    mayOverrun: fc.boolean(),
    unbounded: fc.subarray([...units], { maxLength: 2 }),
    spend,
  })
  const limits = fc.array(fc.record(spendOf(figure), { requiredKeys: [] }), { minLength: 3, maxLength: 3 })

  /** One generator for each unit. */
  function spendOf<T>(each: T): Record<(typeof units)[number], T> {
    return { nanoUsd: each, tokens: each, calls: each, workerMs: each }
  }

  /** What is known of a level without asking it: the sums of all that was let in and charged there. */
  type Level = { readonly ledger: Ledger; readonly limits: Partial<Spend>; spent: Spend; overrun: Spend }
  type Open = { readonly reservation: Reservation; readonly asked: Spend; readonly level: number }

  const plus = (a: Spend, b: Spend): Spend =>
    Object.fromEntries(units.map(unit => [unit, a[unit] + b[unit]])) as Spend
  const beyond = (a: Spend, b: Spend): Spend =>
    Object.fromEntries(units.map(unit => [unit, Math.max(0, a[unit] - b[unit])])) as Spend
  const reservedAt = (open: readonly Open[], level: number) =>
    open.filter(each => each.level >= level).reduce((sum, { asked }) => plus(sum, asked), nothingSpent)

  function nested(limits: readonly Partial<Spend>[], options: LedgerOptions = {}): Level[] {
    const levels: Level[] = []
    for (const each of limits) {
      const parent = levels.at(-1)?.ledger
      const ledger = new Ledger({ ...options, limits: each, ...(parent === undefined ? {} : { parent }) })
      levels.push({ ledger, limits: each, spent: nothingSpent, overrun: nothingSpent })
    }
    return levels
  }

  test('a reservation gets in exactly where it fits at every level, and all levels add up', () => {
    fc.assert(
      fc.property(limits, fc.boolean(), fc.array(action, { maxLength: 60 }), (limits, refund, actions) => {
        const levels = nested(limits, { refundOnFailure: refund })
        let open: Open[] = []
        for (const { what, level, which, mayOverrun, spend } of actions) {
          const around = levels.slice(0, level + 1)
          if (what === 'reserve') {
            const fits = around.every(({ limits, overrun, spent }, place) =>
              units.every(
                unit =>
                  limits[unit] === undefined ||
                  spend[unit] === 0 ||
                  (overrun[unit] === 0 &&
                    spent[unit] + reservedAt(open, place)[unit] + spend[unit] <= limits[unit]),
              ),
            )
            const { ledger } = levels[level] as Level
            if (fits) open.push({ reservation: ledger.reserve(spend), asked: spend, level })
            else refusalOf(ledger, spend)
          } else if (open.length > 0) {
            const taken = open[which % open.length] as Open
            open = open.filter(each => each !== taken)
            const least = beyond(taken.asked, beyond(taken.asked, spend))
            const actual = mayOverrun ? spend : least
            const charged =
              what === 'settle' ? actual : what === 'fail' && !refund ? taken.asked : nothingSpent
            if (what === 'settle') taken.reservation.settle(actual)
            else taken.reservation[what]()
            for (const each of levels.slice(0, taken.level + 1)) {
              each.spent = plus(each.spent, charged)
              each.overrun = plus(each.overrun, beyond(charged, taken.asked))
            }
          }
          for (const [place, { ledger, overrun, spent }] of levels.entries()) {
            const reserved = reservedAt(open, place)
            expect([ledger.spent, ledger.reserved, ledger.overrun]).toEqual([spent, reserved, overrun])
          }
        }
        for (const { reservation } of open) reservation.release()
        for (const { ledger } of levels) expect(ledger.reserved).toEqual(nothingSpent)
      }),
      { numRuns: 300 },
    )
  })

  test('reserved and spent never pass a limit but by what is counted as overrun', () => {
    fc.assert(
      fc.property(limits, fc.array(action, { maxLength: 60 }), (limits, actions) => {
        const levels = nested(limits)
        const open: Reservation[] = []
        for (const { what, level, which, spend, unbounded } of actions) {
          if (what === 'reserve') {
            const { ledger } = levels[level] as Level
            const { left } = ledger
            const fits = units.every(unit =>
              unbounded.includes(unit) ? spend[unit] < left[unit] : spend[unit] <= left[unit],
            )
            if (fits) open.push(ledger.reserve(spend, unbounded))
            else refusalOf(ledger, spend, unbounded)
          } else {
            const [taken] = open.splice(which % Math.max(1, open.length), 1)
            if (what === 'settle') taken?.settle(spend)
            else taken?.[what]()
          }
          for (const { ledger, limits } of levels) {
            for (const unit of units) {
              const most = (limits[unit] ?? Number.POSITIVE_INFINITY) + ledger.overrun[unit]
              expect(ledger.spent[unit] + ledger.reserved[unit]).toBeLessThanOrEqual(most)
              expect(ledger.reserved[unit]).toBeGreaterThanOrEqual(0)
            }
          }
        }
        for (const reservation of open) reservation.settle()
        for (const { ledger } of levels) expect(ledger.reserved).toEqual(nothingSpent)
      }),
      { numRuns: 300 },
    )
  })
})
