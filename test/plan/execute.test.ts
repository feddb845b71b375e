/** What each kind of node does when it runs; that nothing runs on behind a run. */
import { afterEach, describe, expect, test, vi } from 'vitest'
import type { RunContext, VariantRef } from '../../src/core/call.ts'
import { free } from '../../src/core/call.ts'
import { errorOf, RunnerError } from '../../src/core/errors.ts'
import { type ExecuteParts, execute } from '../../src/plan/execute.ts'
import { Limiter } from '../../src/plan/limiter.ts'
import {
  bind,
  branch,
  constant,
  fanout,
  merge,
  type PlanNode,
  parallel,
  remote,
  retry,
  type StepContext,
  sequential,
  stage,
} from '../../src/plan/node.ts'
import { turns } from '../support/condition.ts'
import { FakeDispatch, vectorOf } from '../support/fake-dispatch.ts'
import { runContext } from '../support/run-context.ts'

const variant: VariantRef = {
  name: 'fake-encoder',
  op: 'embed',
  model: 'fake',
  revision: 'r1',
  weightsHash: 'w1',
  price: free,
  limits: { maxTokens: 512, dimensions: 16 },
}
const { dispatch } = new FakeDispatch()
const busy = () => errorOf('ER_MODEL_FAILED', 'the model failed')
const soon = { baseMs: 0 }
type Any = PlanNode<unknown, unknown>

const run = <I, O>(
  plan: PlanNode<I, O>,
  input: I,
  changes: Partial<RunContext> = {},
  parts: Partial<ExecuteParts> = {},
) => execute(plan, input, runContext(changes), { dispatch, ...parts })

const gives = <O>(name: string, value: O) => stage<unknown, O>(name, () => value)
const add = (by: number) => stage<number, number>(`add-${by}`, input => input + by)
const fails = (error: unknown) =>
  stage<unknown, never>('fails', () => {
    throw error
  })

/** A stage that ends a while after it is told to stop, or when it is let go; notes both. */
function lasting(name: string, noted: string[], { listens = true } = {}) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const plan = stage<unknown, string>(name, async (_, { signal }) => {
    noted.push(`${name} began`)
    const aborted = new Promise<void>(done => {
      signal.addEventListener('abort', () => done(), { once: true })
    })
    await (listens ? Promise.race([promise, aborted]) : promise)
    await turns(3)
    noted.push(`${name} ended`)
    signal.throwIfAborted()
    return name
  })
  return { plan, end: resolve }
}

afterEach(() => {
  vi.useRealTimers()
})

describe('a plan of one kind', () => {
  test('Stage and Const give their value', async () => {
    expect(await run(gives('answer', 42), null)).toBe(42)
    expect(await run(constant({ a: 1 }), null)).toEqual({ a: 1 })
  })

  test('Remote makes one call and gives its results, or what it makes of the reply', async () => {
    const fake = new FakeDispatch()
    const context = runContext()
    const parts = { dispatch: fake.dispatch }
    const plain = remote<string[], { data: Float32Array }>(variant)
    expect((await execute(plain, ['a b'], context, parts)).data).toEqual(vectorOf('a b'))
    const own = remote<string, number>(variant, {
      call: text => ({ items: [text, text], options: { pad: 'fixed' }, seed: 7 }),
      result: ({ usage }, text) => usage.tokens + text.length,
    })
    expect(await execute(own, 'abc', context, parts)).toBe(23)
    expect(fake.calls[1]?.call).toEqual({
      variant,
      items: ['abc', 'abc'],
      options: { pad: 'fixed' },
      seed: 7,
    })
    // By reference: nothing had to be stopped on its own.
    expect(fake.calls[1]?.context).toBe(context)
  })

  test('Sequential hands on what each gives; without nodes, its input', async () => {
    expect(await run(sequential(add(1), add(2), gives('final', 'end')), 1)).toBe('end')
    expect(await run(sequential(add(1), add(2)), 1)).toBe(4)
    expect(await run(sequential<number>(), 5)).toBe(5)
  })

  test('Parallel gives an object by name, each branch having had the whole input', async () => {
    const plan = parallel({ right: gives('r2', 'r2'), left: stage('r1', (input: object) => input) })
    expect(await run(plan, { right: 1 })).toEqual({ left: { right: 1 }, right: 'r2' })
    expect(await run(parallel({}), 1 as never)).toEqual({})
  })

  test('Branch runs the one arm that its test says', async () => {
    const ran: string[] = []
    const arm = (name: string) => stage<number, string>(name, () => `${ran.push(name)}-${name}`)
    const plan = branch(
      stage<number, boolean>('even', input => input % 2 === 0),
      arm('YES'),
      arm('NO'),
    )
    expect([await run(plan, 2), await run(plan, 3), ran]).toEqual(['1-YES', '2-NO', ['YES', 'NO']])
  })

  test.each([1, 'true', null, undefined])('Branch refuses a test that gives %j', async value => {
    const plan = sequential(
      branch(gives('test', value as unknown as boolean), gives('yes', 1), gives('no', 0)),
    )
    const error = await run(plan, null).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ name: 'PlanError', code: 'ER_PLAN_INVALID', path: '0' })
  })

  test('Fanout runs its source once and keeps the order of its targets', async () => {
    let runs = 0
    const source = stage<number, number>('source', input => input + ++runs)
    const target = (place: number) =>
      stage<number, string>(`t${place}`, async input => {
        await turns(5 - place)
        return `${place}:${input}`
      })
    expect(await run(fanout(source, [target(0), target(1), target(2)]), 10)).toEqual(['0:11', '1:11', '2:11'])
    expect(await run(fanout(source, []), 10)).toEqual([])
  })

  test('Merge gives its target what its sources gave, in order', async () => {
    const target = stage<readonly number[], string>('target', parts => parts.join())
    expect(await run(merge([add(1), add(2), constant(0)], target), 1)).toBe('2,3,0')
  })

  test('Let runs its bindings on the input, and shadows members of it for the body', async () => {
    const ran: string[] = []
    const bound = stage<{ a: number }, number>('bound', ({ a }) => ran.push('bound') + a)
    const whole = stage<object, object>('whole', scope => scope)
    expect(await run(bind({ a: bound, c: gives('c', 'C') }, whole), { a: 1, b: 2 } as never)).toEqual({
      a: 2,
      b: 2,
      c: 'C',
    })
    expect(await run(bind({ a: bound }, constant('body')), { a: 1 })).toBe('body')
    expect(ran.length).toBe(2)
    const odd = JSON.parse('{"__proto__":1}') as { a: number }
    const own = await run(bind({ x: constant(2) }, whole), odd as never)
    expect(Object.entries(own)).toEqual([
      ['__proto__', 1],
      ['x', 2],
    ])
  })
})

describe('what runs together', () => {
  test.each([
    ['Parallel', (a: Any, b: Any) => parallel({ a, b })],
    ['Fanout', (a: Any, b: Any) => fanout(constant(0), [a, b])],
    ['Merge', (a: Any, b: Any) => merge([a, b], constant(0))],
    ['Let', (a: Any, b: Any) => bind({ a, b }, constant(0))],
  ])('%s: each begins before the other has ended', async (_, together) => {
    const [a, b] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const meets = (name: string, own: PromiseWithResolvers<void>, other: PromiseWithResolvers<void>) =>
      stage<unknown, number>(name, async () => {
        own.resolve()
        await other.promise
        return 1
      })
    await run(together(meets('a', a, b), meets('b', b, a)) as Any, 0)
  })

  test('is bounded by one limiter for the whole run, and can not wait for itself at width 1', async () => {
    const limiter = new Limiter(1)
    let [underWay, most] = [0, 0]
    const leaf = stage<unknown, number>('leaf', async () => {
      underWay += 1
      most = Math.max(most, underWay)
      await turns()
      underWay -= 1
      return most
    })
    const inner = parallel({ a: leaf, b: sequential(leaf, parallel({ c: leaf, d: leaf })) })
    await run(parallel({ x: inner, y: fanout(leaf, [inner, inner]) }), null, {}, { limiter })
    expect([most, limiter.running]).toEqual([1, 0])
  })

  test('is aborted by the first failure, which is thrown once all have ended', async () => {
    const noted: string[] = []
    const error = busy()
    const [slow, deaf] = [lasting('slow', noted), lasting('deaf', noted, { listens: false })]
    const waits = lasting('waits', noted)
    const later = stage<unknown, unknown>('later', () => turns(2).then(() => Promise.reject(error)))
    const limiter = new Limiter(3)
    const plan = parallel({ a: slow.plan, b: sequential(later), c: deaf.plan, d: waits.plan })
    const made = run(plan, null, {}, { limiter }).then(
      () => noted.push('gave'),
      (thrown: unknown) => noted.push(thrown === error ? 'threw' : 'threw another'),
    )
    await turns(12)
    expect(noted).toEqual(['slow began', 'deaf began', 'slow ended'])
    deaf.end()
    await made
    expect(noted).toEqual(['slow began', 'deaf began', 'slow ended', 'deaf ended', 'threw'])
    expect([error.path, limiter.running, limiter.waiting]).toEqual(['b/0', 0, 0])
  })

  test.each([1, 2])('begins nothing more once one has failed, at width %d', async width => {
    const ran: string[] = []
    const nested = sequential(parallel({ x: sequential(fails(busy())), y: add(1) }))
    const others = ['b', 'c', 'd'].map(name => [name, stage(name, () => ran.push(name))])
    const plan = parallel({ a: nested, ...Object.fromEntries(others) }) as Any
    await expect(run(plan, 1, {}, { limiter: new Limiter(width) })).rejects.toThrow('failed')
    expect(ran).toEqual([])
  })

  test('gives every outcome where it settles', async () => {
    const error = busy()
    const plan = parallel({ ok: add(1), no: sequential(add(1), fails(error)) }, { onError: 'settle' })
    const { no, ok } = await run(plan, 1)
    expect(ok).toEqual({ status: 'fulfilled', value: 2 })
    expect(no).toEqual({ status: 'rejected', reason: error })
    expect((no as { reason: unknown }).reason).toBe(error)
  })

  test('throws the caller’s own abort also where it settles', async () => {
    const noted: string[] = []
    const controller = new AbortController()
    const plan = parallel({ a: lasting('a', noted).plan, b: constant(1) }, { onError: 'settle' })
    const made = run(plan, null, { signal: controller.signal })
    await turns()
    controller.abort('gone')
    await expect(made).rejects.toBe('gone')
    expect(noted).toEqual(['a began', 'a ended'])
  })
})

describe('an abort', () => {
  test('before the run begins nothing, and is thrown as it came', async () => {
    const reason = new RunnerError('ER_CLOSED', 'closing')
    const ran: string[] = []
    const plan = sequential(lasting('a', ran).plan)
    await expect(run(plan, null, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect([ran, reason.path]).toEqual([[], undefined])
  })

  test('is thrown when the stage that does not listen has ended, and nothing is begun after it', async () => {
    const noted: string[] = []
    const controller = new AbortController()
    const deaf = lasting('deaf', noted, { listens: false })
    const made = run(sequential(deaf.plan, lasting('next', noted).plan), null, { signal: controller.signal })
    const settled = made.then(
      () => noted.push('gave'),
      (thrown: unknown) => noted.push(`threw ${thrown}`),
    )
    await turns()
    controller.abort('gone')
    await turns(5)
    expect(noted).toEqual(['deaf began'])
    deaf.end()
    await settled
    expect(noted).toEqual(['deaf began', 'deaf ended', 'threw gone'])
  })

  test('reaches a dispatch through the signal of its context, of which all else is as it was', async () => {
    const fake = new FakeDispatch()
    fake.before = (_, { signal }) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    const context = runContext()
    const plan = parallel({
      a: remote<string[], unknown>(variant),
      b: sequential(
        stage<unknown, void>('short', () => turns()),
        fails(busy()),
      ),
    })
    await expect(execute(plan, ['x'], context, { dispatch: fake.dispatch })).rejects.toThrow(
      'the model failed',
    )
    const given = fake.calls[0]?.context as RunContext
    expect({ ...given, signal: context.signal }).toEqual(context)
    expect([given.signal.aborted, fake.underWay]).toEqual([true, 0])
  })
})

describe('Retry', () => {
  /** Fails as often as told, and notes the attempts. */
  const flaky = (failures: number, attempts: number[] = []) =>
    stage<unknown, string>('flaky', (_, { attempt }: StepContext) => {
      attempts.push(attempt)
      if (attempts.length <= failures) throw busy()
      return 'fine'
    })

  test('tries again and succeeds, or throws the last error as tried again', async () => {
    const attempts: number[] = []
    expect(await run(retry(flaky(2, attempts), 3, soon), null)).toBe('fine')
    expect(attempts).toEqual([1, 2, 3])
    const error = await run(sequential(retry(flaky(9), 2, soon)), null).catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'ER_MODEL_FAILED', retried: true, path: '0' })
  })

  test('counts its attempts on top of those of the Retry around it', async () => {
    const attempts: number[] = []
    const fresh = stage<unknown, unknown>('fresh', () => {
      if (attempts.length === 3) throw errorOf('ER_MODEL_FAILED', 'again')
    })
    await run(retry(sequential(retry(flaky(2, attempts), 3, soon), fresh), 2, soon), null)
    expect(attempts).toEqual([1, 2, 3, 2])
  })

  test('honours its waits, and lets others have the slot meanwhile', async () => {
    vi.useFakeTimers()
    const attempts: number[] = []
    const limiter = new Limiter(1)
    const first = run(retry(flaky(1, attempts), 2, { baseMs: 1000, jitter: 0 }), null, {}, { limiter })
    await vi.advanceTimersByTimeAsync(999)
    expect(await run(add(1), 1, {}, { limiter })).toBe(2)
    expect(attempts.length).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await first).toBe('fine')
  })

  test('gives its wait up at an abort', async () => {
    const controller = new AbortController()
    const made = run(retry(flaky(9), 2, { baseMs: 1e9, mostMs: 1e9 }), null, { signal: controller.signal })
    await turns()
    controller.abort('gone')
    await expect(made).rejects.toBe('gone')
  })
})

test('An error keeps the path that it has, and others are thrown as they came', async () => {
  const known = new RunnerError('ER_MODEL_FAILED', 'no', { path: 'elsewhere' })
  await expect(run(sequential(fails(known)), null)).rejects.toBe(known)
  expect(known.path).toBe('elsewhere')
  const foreign = Object.freeze(new TypeError('no'))
  await expect(run(sequential(fails(foreign)), null)).rejects.toBe(foreign)
})

test('Composites may be nested deeper than the stack', async () => {
  let plan: PlanNode<number, number> = add(1)
  for (let level = 0; level < 5000; level += 1) plan = sequential(plan)
  expect(await run(plan, 1)).toBe(2)
})

test('a Retry takes its input in the form of what it tries again', async () => {
  const form = { portable: { input: (value: { at: number }) => Math.round(value.at) } }
  const inner = stage('inner', ({ at }: { at: number }) => Math.round(at), { effects: ['pure'], ...form })
  const stepFor = async (at: number) => {
    const context = runContext()
    await execute(retry(inner, 3), { at }, context, { dispatch })
    return context.trace.record().steps[0]
  }
  const [one, other] = [await stepFor(1.0001), await stepFor(1.0002)]
  expect(one?.traceHash).toBe(other?.traceHash)
  expect(one?.inputHash).toBe(one?.children[0]?.inputHash)
})
