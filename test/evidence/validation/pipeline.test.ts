/** The pipeline runs validators of any behaviour, and never crashes, hangs or waits for nothing. */
import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { type Outcome, type Validator, validate } from '../../../src/evidence/validation/pipeline.ts'
import { subjectOf, supported } from './sound.ts'

const subject = subjectOf(supported)
const good: Outcome = { score: 1, faults: [] }
const bad: Outcome = { score: 0.2, faults: [{ severity: 'error', message: 'wrong' }] }

function validator(name: string, check: Validator['check'], more: Partial<Validator> = {}): Validator {
  return { name, weight: 1, check, ...more }
}
const sync = (name: string, outcome: Outcome, more: Partial<Validator> = {}) =>
  validator(name, () => outcome, more)
const never = () => new Promise<Outcome>(() => {})

describe('validate()', () => {
  test('answers within the turn of the event loop where all validators do', async () => {
    let turned = false
    setImmediate(() => {
      turned = true
    })
    const report = await validate(
      subject,
      Array.from({ length: 50 }, (_, index) => sync(`v${index}`, good)),
    )
    expect(turned).toBe(false)
    expect(report).toMatchObject({ verdict: 'passed', score: 1 })
    expect(report.checks).toHaveLength(50)
  })

  test('gives each validator the subject and a signal, in the order given', async () => {
    const seen: unknown[] = []
    const check = (name: string) =>
      validator(name, (given, signal) => {
        seen.push([name, given, signal.aborted])
        return good
      })
    await validate(subject, [check('one'), check('two')])
    expect(seen).toEqual([
      ['one', subject, false],
      ['two', subject, false],
    ])
  })

  test('means scores by weight, and leaves those without one out', async () => {
    const report = await validate(subject, [
      sync('a', { score: 1, faults: [] }, { weight: 3 }),
      sync('b', { score: 0.2, faults: [] }),
      sync('c', { score: 0, faults: [] }, { weight: 0 }),
    ])
    expect(report.score).toBeCloseTo(0.8, 12)
    expect(await validate(subject, [sync('c', { score: 0, faults: [] }, { weight: 0 })])).toMatchObject({
      score: 1,
      verdict: 'passed',
    })
  })

  test('has a mean between the least and the most score', async () => {
    const outcomes = fc.array(
      fc.record({ score: fc.double({ min: 0, max: 1, noNaN: true }), weight: fc.nat(9) }),
      {
        minLength: 1,
      },
    )
    await fc.assert(
      fc.asyncProperty(outcomes, async all => {
        const validators = all.map(({ score, weight }, index) =>
          sync(`${index}`, { score, faults: [] }, { weight }),
        )
        const { score } = await validate(subject, validators)
        const counted = all.filter(({ weight }) => weight > 0).map(each => each.score)
        expect(score).toBeGreaterThanOrEqual(Math.min(1, ...counted) - 1e-9)
        expect(score).toBeLessThanOrEqual((counted.length === 0 ? 1 : Math.max(...counted)) + 1e-9)
      }),
    )
  })

  test.each([
    ['info', 'passed', 'passed'],
    ['warning', 'marked', 'passed'],
    ['error', 'failed', 'failed'],
    ['critical', 'failed', 'failed'],
  ] as const)('with a fault of severity %s is %s', async (severity, verdict, own) => {
    const fault = { severity, message: 'm', sourceId: 'a', start: 0, end: 3 }
    const report = await validate(subject, [sync('a', { score: 1, faults: [fault] })])
    expect(report).toMatchObject({ verdict, checks: [{ verdict: own, faults: [fault] }] })
  })

  test('fails where the score is under the minimum, though every check passed', async () => {
    const half = [sync('a', { score: 0.5, faults: [] })]
    expect(await validate(subject, half, { minimumScore: 0.6 })).toMatchObject({
      verdict: 'failed',
      checks: [{ verdict: 'passed' }],
    })
    expect(await validate(subject, half, { minimumScore: 0.5 })).toMatchObject({ verdict: 'passed' })
  })

  test('goes on after a failure, or skips what follows when it is to fail fast', async () => {
    const third = vi.fn(() => good)
    const validators = [sync('a', good), sync('b', bad), validator('c', third, { weight: 2 })]
    const all = await validate(subject, validators)
    expect(all.checks.map(({ verdict }) => verdict)).toEqual(['passed', 'failed', 'passed'])
    expect(all.score).toBeCloseTo((1 + 0.2 + 2) / 4, 12)
    const fast = await validate(subject, validators, { mode: 'fast-fail' })
    expect(third).toHaveBeenCalledTimes(1)
    expect(fast.score).toBeCloseTo(0.6, 12)
    expect(fast.verdict).toBe('failed')
    expect(fast.checks[2]).toEqual({
      name: 'c',
      verdict: 'skipped',
      score: 0,
      weight: 2,
      durationMs: 0,
      faults: [],
    })
  })

  test('lets validators that wait do so side by side, and one by one when it is to fail fast', async () => {
    const events: string[] = []
    const waiting = (name: string) =>
      validator(name, async () => {
        events.push(`${name} begins`)
        await new Promise(resolve => setImmediate(resolve))
        events.push(`${name} ends`)
        return good
      })
    await validate(subject, [waiting('a'), waiting('b')])
    expect(events).toEqual(['a begins', 'b begins', 'a ends', 'b ends'])
    events.length = 0
    await validate(subject, [waiting('a'), waiting('b')], { mode: 'fast-fail' })
    expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends'])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('no disk')
      },
      /odd could not check the answer: no disk/,
    ],
    [
      'throws no error',
      () => {
        throw 7
      },
      /could not check the answer: 7/,
    ],
    [
      'throws what has no text',
      () => {
        throw Object.create(null)
      },
      /has no text/,
    ],
    [
      'rejects',
      async () => {
        throw new Error('no net')
      },
      /could not check the answer: no net/,
    ],
    ['answers nothing', () => undefined, /score of undefined/],
    ['answers nothing later', async () => null, /score of undefined/],
    ['scores over 1', () => ({ score: 1.1, faults: [] }), /score of 1.1/],
    ['scores no number', () => ({ score: Number.NaN, faults: [] }), /score of NaN/],
    ['lists no faults', () => ({ score: 1 }), /no list of faults/],
    [
      'has an empty fault',
      () => ({ score: 1, faults: [{ severity: 'error', message: '' }] }),
      /without severity/,
    ],
    [
      'makes up a severity',
      () => ({ score: 1, faults: [{ severity: 'bad', message: 'x' }] }),
      /without severity/,
    ],
    ['has a fault that is none', () => ({ score: 1, faults: [null] }), /without severity/],
    [
      'has a trap for readers',
      () => ({
        get score() {
          throw new Error('trap')
        },
      }),
      /trap/,
    ],
    [
      'has a trap for later',
      async () => ({
        get score() {
          throw new Error('trap')
        },
      }),
      /trap/,
    ],
  ])('fails the check of a validator that %s, and no other', async (_what, check, message) => {
    const report = await validate(subject, [
      sync('first', good),
      validator('odd', check as unknown as Validator['check']),
      sync('last', good),
    ])
    expect(report.checks.map(({ verdict }) => verdict)).toEqual(['passed', 'failed', 'passed'])
    expect(report.checks[1]?.score).toBe(0)
    expect(report.checks[1]?.faults[0]?.message).toMatch(message)
    expect(report.verdict).toBe('failed')
  })

  test('waits no longer than the limit, tells the validator, and hears nothing of it later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      let heard: AbortSignal | undefined
      const late = Promise.withResolvers<Outcome>()
      const slow = validator(
        'slow',
        (_subject, signal) => {
          heard = signal
          return late.promise
        },
        { timeoutMs: 50 },
      )
      const running = validate(subject, [slow, sync('b', good)])
      await vi.advanceTimersByTimeAsync(49)
      expect(heard?.aborted).toBe(false)
      await vi.advanceTimersByTimeAsync(1)
      const report = await running
      expect(heard?.aborted).toBe(true)
      expect(report.checks[0]).toMatchObject({ verdict: 'failed', score: 0, durationMs: 50 })
      expect(report.checks[0]?.faults[0]?.message).toMatch(/^slow was not done within 50 ms/)
      late.reject(new Error('too late'))
      await late.promise.catch(() => {})
    } finally {
      vi.useRealTimers()
    }
  })

  test('gives a validator without a limit of its own a second', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] })
    try {
      const running = validate(subject, [validator('slow', never)])
      await vi.advanceTimersByTimeAsync(1000)
      expect((await running).checks[0]?.faults[0]?.message).toMatch(/within 1000 ms/)
    } finally {
      vi.useRealTimers()
    }
  })

  test('fails a validator that held up the event loop beyond its limit, and keeps what it found', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      const busy = validator(
        'busy',
        () => {
          vi.advanceTimersByTime(20)
          return { score: 1, faults: [{ severity: 'warning', message: 'found' }] }
        },
        { timeoutMs: 10 },
      )
      const [check] = (await validate(subject, [busy])).checks
      expect(check).toMatchObject({ verdict: 'failed', score: 0, durationMs: 20 })
      expect(check?.faults.map(({ message }) => message)).toEqual([
        'found',
        expect.stringMatching(/within 10 ms/),
      ])
    } finally {
      vi.useRealTimers()
    }
  })

  test.each(['collect-all', 'fast-fail'] as const)(
    'throws the caller’s reason when left in %s',
    async mode => {
      const controller = new AbortController()
      let heard: AbortSignal | undefined
      const slow = validator('slow', (_subject, signal) => {
        heard = signal
        return never()
      })
      const running = validate(subject, [slow], { mode, signal: controller.signal })
      controller.abort(new Error('gone'))
      await expect(running).rejects.toThrow('gone')
      expect(heard?.reason).toEqual(new Error('gone'))
      const check = vi.fn(() => good)
      await expect(validate(subject, [validator('a', check)], { signal: controller.signal })).rejects.toThrow(
        'gone',
      )
      expect(check).not.toHaveBeenCalled()
    },
  )

  test.each([
    ['no validator', [], /At least one validator/],
    ['two of one name', [sync('a', good), sync('a', good)], /Two validators have the name "a"/],
    ['a weight below 0', [sync('a', good, { weight: -1 })], /weight of -1/],
    ['a weight that is no number', [sync('a', good, { weight: Number.NaN })], /weight of NaN/],
    ['a time limit of 0', [sync('a', good, { timeoutMs: 0 })], /time limit of 0/],
  ])('refuses %s', async (_what, validators, message) => {
    await expect(validate(subject, validators)).rejects.toMatchObject({
      code: 'ER_CONFIG',
      message: expect.stringMatching(message),
    })
  })
})
