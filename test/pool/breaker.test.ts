/** When a dead worker may be replaced, on a clock and dice of the test's own. */
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { Breaker } from '../../src/pool/breaker.ts'

let time: number
let chance: number
let breaker: Breaker

beforeEach(() => {
  time = 1_000_000
  chance = 0
  breaker = new Breaker({ now: () => time, random: () => chance })
})

/** Dies `times` times, a second apart. */
function die(times: number): void {
  for (let death = 0; death < times; death += 1) {
    time += 1000
    breaker.noteBarrenDeath()
  }
}

/** Lets the back-off pass and the probe begin. */
function probe(): void {
  time += breaker.retryAfterMs
  expect(breaker.askToSpawn()).toBe(0)
  expect(breaker.state).toBe('half-open')
}

describe('Breaker', () => {
  test('lets every slot spawn while it is closed', () => {
    expect(breaker.state).toBe('closed')
    expect(breaker.retryAfterMs).toBe(0)
    expect([breaker.askToSpawn(), breaker.askToSpawn()]).toEqual([0, 0])
  })

  test('opens at the fifth barren death in 60 s', () => {
    die(4)
    expect(breaker.state).toBe('closed')
    die(1)
    expect(breaker.state).toBe('open')
    expect(breaker.askToSpawn()).toBeGreaterThan(0)
  })

  test('forgets deaths that are a minute old', () => {
    die(4)
    time += 60_000
    die(4)
    expect(breaker.state).toBe('closed')
    die(1)
    expect(breaker.state).toBe('open')
  })

  test('counts from zero once a worker has settled work', () => {
    die(4)
    breaker.noteSettled()
    die(4)
    expect(breaker.state).toBe('closed')
  })

  test('opens at the first failed boot', () => {
    breaker.noteFailedBoot()
    expect(breaker.state).toBe('open')
  })

  test('tells how long to wait, and lets one probe through when that is over', () => {
    breaker.noteFailedBoot()
    const wait = breaker.retryAfterMs
    expect(wait).toBeGreaterThanOrEqual(500)
    const backOff = breaker.askToSpawn() as number
    expect(backOff).toBeGreaterThan(0)
    time += backOff - 1
    expect(breaker.askToSpawn()).toBe(1)
    time += 1
    expect(breaker.askToSpawn()).toBe(0)
    expect(breaker.state).toBe('half-open')
    expect(breaker.askToSpawn()).toBeUndefined()
    expect(breaker.retryAfterMs).toBeGreaterThan(0)
  })

  test('closes when the probe gets ready, and opens again at its barren death', () => {
    breaker.noteFailedBoot()
    probe()
    breaker.noteReady()
    expect(breaker.state).toBe('closed')
    die(4)
    expect(breaker.state).toBe('closed')
    die(1)
    expect(breaker.state).toBe('open')
    probe()
    breaker.noteReady()
    die(1)
    expect(breaker.state).toBe('open')
  })

  test('opens again when the probe fails, and waits longer each time, up to half a minute', () => {
    chance = 1
    const waits: number[] = []
    breaker.noteFailedBoot()
    for (let failure = 0; failure < 10; failure += 1) {
      waits.push(breaker.askToSpawn() as number)
      probe()
      breaker.noteFailedBoot()
    }
    expect(waits).toEqual(waits.toSorted((a, b) => a - b))
    expect(waits[0]).toBeLessThanOrEqual(1000)
    expect(waits[1]).toBeGreaterThan(waits[0] as number)
    expect(waits.at(-1)).toBeLessThanOrEqual(30_500)
    expect(waits.at(-1)).toBeGreaterThanOrEqual(30_000)
  })

  test('starts from the shortest back-off again once work was settled', () => {
    chance = 1
    breaker.noteFailedBoot()
    const first = breaker.askToSpawn()
    probe()
    breaker.noteFailedBoot()
    probe()
    breaker.noteReady()
    breaker.noteSettled()
    breaker.noteFailedBoot()
    expect(breaker.askToSpawn()).toBe(first)
  })

  test('lets at most one probe through at a time, whatever happens', () => {
    const event = fc.oneof(
      fc.constantFrom('death', 'boot', 'ready', 'settled', 'ask'),
      fc.nat({ max: 40_000 }),
    )
    fc.assert(
      fc.property(
        fc.array(event, { maxLength: 60 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (events, dice) => {
          let at = 0
          const tested = new Breaker({ now: () => at, random: () => dice })
          for (const happening of events) {
            const before = tested.state
            if (typeof happening === 'number') at += happening
            else if (happening === 'death') tested.noteBarrenDeath()
            else if (happening === 'boot') tested.noteFailedBoot()
            else if (happening === 'ready') tested.noteReady()
            else if (happening === 'settled') tested.noteSettled()
            else {
              const wait = tested.askToSpawn()
              if (before === 'closed') expect(wait).toBe(0)
              if (before === 'half-open') expect(wait).toBeUndefined()
              if (before === 'open') expect(tested.state).toBe(wait === 0 ? 'half-open' : 'open')
              if (wait !== undefined) expect(wait).toBeLessThanOrEqual(30_500)
            }
            expect(tested.retryAfterMs > 0).toBe(tested.state !== 'closed')
          }
        },
      ),
    )
  })
})
