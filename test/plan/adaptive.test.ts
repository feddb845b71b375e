/** The strategy by load: where it changes, that it waits, and that noise does not make it flap. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type AdaptiveOptions, AdaptiveStrategy } from '../../src/plan/adaptive.ts'

/** An adaptive strategy on a clock that stands at `at`. */
function adaptive(options: AdaptiveOptions = {}) {
  const clock = { at: 0 }
  const strategy = new AdaptiveStrategy({ ...options, now: () => clock.at })
  /** Tells the load every 100 ms. */
  const tell = (loads: readonly number[]) =>
    loads.map(load => {
      clock.at += 100
      return strategy.note(load)
    })
  return { strategy, clock, tell }
}

const steady = (load: number, seconds: number) => Array<number>(seconds * 10).fill(load)

describe('AdaptiveStrategy', () => {
  test('goes by latency when busy, by cost when idle, and is balanced between', () => {
    const { strategy, tell } = adaptive()
    expect(strategy.strategy).toBe('balanced')
    expect(tell(steady(0.95, 10)).at(-1)).toBe('latency')
    expect(tell(steady(0.5, 10)).at(-1)).toBe('balanced')
    expect(tell(steady(0.05, 10)).at(-1)).toBe('cost')
    expect(tell(steady(0.95, 10)).at(-1)).toBe('latency')
    expect(tell(steady(0, 15)).at(-1)).toBe('cost')
  })

  test('leaves a strategy at another load than it came', () => {
    const { tell } = adaptive({ memoryMs: 0, dwellMs: 0 })
    expect(tell([0.79, 0.8, 0.61, 0.6, 0.59])).toEqual([
      'balanced',
      'latency',
      'latency',
      'latency',
      'balanced',
    ])
    expect(tell([0.21, 0.2, 0.39, 0.4, 0.41])).toEqual(['balanced', 'cost', 'cost', 'cost', 'balanced'])
    expect(tell([0.9, 0.1, 0.9])).toEqual(['latency', 'cost', 'latency'])
  })

  test('stays for the dwell, however the load jumps', () => {
    const { tell, strategy } = adaptive({ memoryMs: 0, dwellMs: 1000 })
    expect(tell(steady(1, 1))).toEqual([...Array(9).fill('balanced'), 'latency'])
    expect(tell(steady(0, 1))).toEqual([...Array(9).fill('latency'), 'cost'])
    expect(strategy.state).toEqual({ strategy: 'cost', load: 0, since: 2000, changes: 2 })
  })

  test('smooths over time, however often the load is told', () => {
    const often = adaptive()
    const seldom = adaptive()
    often.strategy.note(0)
    seldom.strategy.note(0)
    often.tell(steady(1, 3))
    seldom.clock.at = 3000
    seldom.strategy.note(1)
    expect(often.strategy.state.load).toBeCloseTo(1 - Math.exp(-1.5), 10)
    expect(seldom.strategy.state.load).toBeCloseTo(often.strategy.state.load, 10)
  })

  test('changes once at most under noise that is narrower than the gap of its thresholds', () => {
    const noise = fc.array(fc.double({ min: -0.09, max: 0.09, noNaN: true }), {
      minLength: 200,
      maxLength: 400,
    })
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), noise, (centre, swings) => {
        // Neither smoothing nor dwell: the gap alone must do it.
        const { strategy, tell } = adaptive({ memoryMs: 0, dwellMs: 0 })
        tell(swings.map(swing => centre + swing))
        expect(strategy.state.changes).toBeLessThanOrEqual(1)
      }),
    )
  })

  test('does not flap where one threshold would', () => {
    const loads = Array.from({ length: 1000 }, (_, index) => 0.8 + (index % 2 === 0 ? 0.05 : -0.05))
    const { strategy, tell } = adaptive({ memoryMs: 0, dwellMs: 0 })
    tell(loads)
    const crossings = loads.filter(
      (load, index) => index > 0 && load >= 0.8 !== (loads[index - 1] ?? 0) >= 0.8,
    )
    expect(crossings).toHaveLength(999)
    expect(strategy.state.changes).toBe(1)
  })

  test('never changes more often than the dwell allows, whatever the load', () => {
    const loads = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 100, maxLength: 300 })
    fc.assert(
      fc.property(loads, told => {
        const { strategy, tell } = adaptive({ memoryMs: 0, dwellMs: 1000 })
        tell(told)
        expect(strategy.state.changes).toBeLessThanOrEqual((told.length * 100) / 1000)
      }),
    )
  })

  test('is not moved by one peak', () => {
    const { tell } = adaptive()
    tell(steady(0.5, 10))
    expect(new Set(tell([1, ...steady(0.5, 5)]))).toEqual(new Set(['balanced']))
  })

  test('takes a load beyond its range for full or none, and refuses what is no number', () => {
    const { strategy, tell } = adaptive({ memoryMs: 0 })
    tell([7])
    expect(strategy.state.load).toBe(1)
    tell([-7])
    expect(strategy.state.load).toBe(0)
    expect(() => strategy.note(Number.NaN)).toThrow(expect.objectContaining({ code: 'ER_INPUT' }))
    expect(strategy.state.load).toBe(0)
  })

  test.each<AdaptiveOptions>([
    { busyAt: 0.6 },
    { busyUntil: 0.3 },
    { idleUntil: 0.2 },
    { idleAt: -0.1 },
    { busyAt: 1.1 },
    { busyAt: Number.NaN },
    { dwellMs: -1 },
    { memoryMs: Number.NaN },
  ])('refuses %j', options => {
    expect(() => new AdaptiveStrategy(options)).toThrow(expect.objectContaining({ code: 'ER_CONFIG' }))
  })
})
