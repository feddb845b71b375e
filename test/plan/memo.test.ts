/** Equal work is done once: recalled from a store, or shared while it is under way; and what is never kept. */
import { describe, expect, test } from 'vitest'
import type { RunContext } from '../../src/core/call.ts'
import { errorOf } from '../../src/core/errors.ts'
import { Ledger } from '../../src/core/ledger.ts'
import { type ExecuteParts, execute, type PlanEvent } from '../../src/plan/execute.ts'
import { memoryMemo } from '../../src/plan/memo.ts'
import {
  bind,
  type PlanNode,
  parallel,
  retry,
  type StageOptions,
  sequential,
  stage,
} from '../../src/plan/node.ts'
import type { MemoEntry, MemoStore } from '../../src/plan/ports.ts'
import { turns } from '../support/condition.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { runContext } from '../support/run-context.ts'

const { dispatch } = new FakeDispatch()
const pure = { effects: ['pure'] } as const

/** A stage that notes what it was run with. */
function counting(name: string, ran: string[], options: StageOptions<number, number> = pure) {
  return stage<number, number>(
    name,
    input => {
      ran.push(`${name} ${input}`)
      return input + 1
    },
    options,
  )
}

/** A run with its trace: what it gave or threw, and the hash of what happened. */
async function traced<O>(
  plan: PlanNode<number, O>,
  input: number,
  parts: Partial<ExecuteParts>,
  changes: Partial<RunContext> = {},
) {
  const context = runContext(changes)
  const [settled] = await Promise.allSettled([execute(plan, input, context, { dispatch, ...parts })])
  const { hash, exactHash, steps } = context.trace.record()
  return { settled, hash, exactHash, steps, spent: context.ledger.spent }
}

/** A stage that ends when told to, by the input that it was given. */
function held() {
  const gates: PromiseWithResolvers<number>[] = []
  const plan = stage<number, number>(
    'held',
    () => {
      const gate = Promise.withResolvers<number>()
      gates.push(gate)
      return gate.promise
    },
    pure,
  )
  return { gates, plan }
}

describe('a whole plan', () => {
  test('is done once for equal inputs, costs nothing after that, and leaves the same trace', async () => {
    const ran: string[] = []
    const plan = sequential(counting('a', ran, { ...pure, cost: { nanoUsd: 5 } }), counting('b', ran))
    const memo = memoryMemo()
    const first = await traced(plan, 1, { memo })
    const events: PlanEvent[] = []
    const again = await traced(plan, 1, { memo, onEvent: event => events.push(event) })
    expect(again.settled).toEqual({ status: 'fulfilled', value: 3 })
    expect([again.hash, again.exactHash, again.steps]).toEqual([first.hash, first.exactHash, first.steps])
    expect([first.spent.nanoUsd, again.spent.nanoUsd]).toEqual([5, 0])
    expect(events).toEqual([{ kind: 'memo', path: '', name: 'sequential' }])
    await traced(plan, 2, { memo })
    expect(ran).toEqual(['a 1', 'b 2', 'a 2', 'b 3'])
  })

  test('is kept under its identities, for whoever reads the store', async () => {
    const entries: MemoEntry[] = []
    const memo: MemoStore = { get: () => undefined, set: (_, entry) => entries.push(entry) }
    const { steps } = await traced(counting('a', []), 1, { memo })
    const { exactHash, traceHash } = steps[0] ?? {}
    expect(entries).toEqual([{ traceHash, exactHash, value: expect.objectContaining({ output: 2 }) }])
  })

  test('is told from another by versions and configurations', async () => {
    const ran: string[] = []
    const memo = memoryMemo()
    for (const options of [{}, { version: '2' }, { config: { k: 1 } }, { config: { k: 2 } }, {}])
      await traced(sequential(counting('a', ran, { ...pure, ...options }), counting('b', [])), 1, { memo })
    expect(ran.length).toBe(4)
  })

  test('is not shared between runs that must repeat to the last bit and others', async () => {
    const ran: string[] = []
    const memo = memoryMemo()
    for (const reproducible of [true, false, true])
      await traced(counting('a', ran), 1, { memo }, { reproducible })
    expect(ran.length).toBe(2)
  })

  test.each<[string, StageOptions<number, number>, number]>([
    ['of unknown effects runs each time', {}, 2],
    ['that must not be kept runs each time', { ...pure, memo: false }, 2],
    ['of unknown effects that may be kept runs once', { memo: true }, 1],
    ['that reads files runs each time', { effects: ['file'] }, 2],
  ])('with a stage %s', async (_, options, times) => {
    const ran: string[] = []
    const memo = memoryMemo()
    for (const run of [1, 1]) await traced(sequential(counting('a', ran, options)), run, { memo })
    expect(ran.length).toBe(times)
  })

  test('that failed is run again, and so is one whose branch has', async () => {
    let runs = 0
    const failing = stage<number, number>(
      'failing',
      () => {
        runs += 1
        throw errorOf('ER_MODEL_FAILED', 'no')
      },
      pure,
    )
    const memo = memoryMemo()
    for (const plan of [failing, failing, parallel({ failing }, { onError: 'settle' })])
      await traced<unknown>(plan, 1, { memo, memoTier: 'deep' })
    await traced(parallel({ failing }, { onError: 'settle' }), 1, { memo, memoTier: 'deep' })
    expect(runs).toBe(4)
  })
})

describe('parts of plans', () => {
  const shared = (ran: string[]) => sequential(counting('a', ran), counting('b', ran))
  const end = stage('end', ({ z }: { z: number }) => z)
  // What a Let takes has members, to the compiler; here it takes a number, and the body none of it.
  const bound = (ran: string[]) => bind({ z: shared(ran) }, end) as PlanNode as PlanNode<number, number>

  test('are shared between plans by deep memo, and not by shallow', async () => {
    for (const [memoTier, times] of [
      ['deep', 2],
      ['shallow', 4],
    ] as const) {
      const ran: string[] = []
      const memo = memoryMemo()
      const one = await traced(parallel({ x: shared(ran), y: counting('y', []) }), 1, { memo, memoTier })
      const two = await traced(bound(ran), 1, { memo, memoTier })
      expect(ran.length).toBe(times)
      expect(one.settled).toMatchObject({ value: { x: 3, y: 2 } })
      expect(two.settled).toMatchObject({ value: 3 })
      const unkept = await traced(bound([]), 1, {})
      expect(two.hash).toBe(unkept.hash)
    }
  })

  test('are done once where they are equal within one plan', async () => {
    const ran: string[] = []
    const plan = parallel({ x: shared(ran), y: shared(ran), z: shared(ran) })
    const kept = await traced(plan, 1, { memo: memoryMemo(), memoTier: 'deep' })
    expect(ran).toEqual(['a 1', 'b 2'])
    expect(kept.hash).toBe((await traced(plan, 1, {})).hash)
  })

  test('do not wait for a whole that is the same as they are', async () => {
    const ran: string[] = []
    const wrapped = sequential(bind({}, retry(sequential(shared(ran)), 1) as PlanNode))
    const made = await traced(wrapped as PlanNode<number, number>, 1, {
      memo: memoryMemo(),
      memoTier: 'deep',
    })
    expect(made.settled).toEqual({ status: 'fulfilled', value: 3 })
    expect(ran.length).toBe(2)
  })
})

describe('equal work under way', () => {
  test('is done once for all who ask, though each has a context of its own', async () => {
    const { gates, plan } = held()
    const memo = memoryMemo()
    const runs = [1, 1, 2].map(input => traced(plan, input, { memo }))
    await turns()
    expect(gates.length).toBe(2)
    for (const gate of gates) gate.resolve(7)
    const made = await Promise.all(runs)
    expect(made.map(({ settled }) => settled)).toEqual(Array(3).fill({ status: 'fulfilled', value: 7 }))
    expect(made[1]?.hash).toBe(made[0]?.hash)
  })

  test('is taken over by one who waited when its leader is aborted', async () => {
    const { gates, plan } = held()
    const memo = memoryMemo()
    const leader = new AbortController()
    const first = traced(plan, 1, { memo }, { signal: leader.signal })
    const others = [traced(plan, 1, { memo }), traced(plan, 1, { memo })]
    await turns()
    leader.abort(new Error('gone'))
    gates[0]?.resolve(7)
    expect((await first).settled).toMatchObject({ reason: { message: 'gone' } })
    await turns()
    expect(gates.length).toBe(2)
    gates[1]?.resolve(8)
    expect((await Promise.all(others)).map(({ settled }) => settled)).toEqual(
      Array(2).fill({ status: 'fulfilled', value: 8 }),
    )
  })

  test('is tried by everyone for themselves when its leader fails', async () => {
    const { gates, plan } = held()
    const memo = memoryMemo()
    const runs = [1, 1, 1].map(input => traced(plan, input, { memo }))
    await turns()
    gates[0]?.reject(errorOf('ER_MODEL_FAILED', 'no'))
    await turns()
    expect(gates.length).toBe(3)
    gates[1]?.resolve(7)
    gates[2]?.resolve(7)
    const made = await Promise.all(runs)
    expect(made.map(({ settled }) => settled.status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    expect((await traced(plan, 1, { memo })).settled).toMatchObject({ value: 7 })
    expect(gates.length).toBe(3)
  })

  test('is left by whoever is aborted, and goes on for the others', async () => {
    const { gates, plan } = held()
    const memo = memoryMemo()
    const joiner = new AbortController()
    const first = traced(plan, 1, { memo })
    const second = traced(plan, 1, { memo }, { signal: joiner.signal })
    await turns()
    joiner.abort(new Error('gone'))
    expect((await second).settled).toMatchObject({ reason: { message: 'gone' } })
    gates[0]?.resolve(7)
    expect((await first).settled).toMatchObject({ value: 7 })
  })
})

describe('a store', () => {
  const no = () => {
    throw new Error('the store is gone')
  }

  test.each<[string, MemoStore]>([
    ['that fails to read', { get: no, set: () => {} }],
    ['that fails to read later', { get: () => Promise.reject(new Error('gone')), set: () => {} }],
    ['that fails to write', { get: () => undefined, set: no }],
    ['of another form', { get: () => ({ value: 'old', traceHash: '', exactHash: '' }), set: () => {} }],
  ])('%s does not hinder a run', async (_, memo) => {
    const { settled } = await traced(counting('a', []), 1, { memo, memoTier: 'deep' })
    expect(settled).toEqual({ status: 'fulfilled', value: 2 })
  })

  test('that takes its time is waited for', async () => {
    const memo = memoryMemo()
    const slow: MemoStore = { ...memo, get: key => turns().then(() => memo.get(key)) }
    const ran: string[] = []
    for (const input of [1, 1]) await traced(counting('a', ran), input, { memo: slow })
    expect(ran.length).toBe(1)
  })

  test('whose value has been changed since is not believed', async () => {
    let runs = 0
    const plan = stage(
      'list',
      () => {
        runs += 1
        return [1, 2]
      },
      pure,
    )
    const memo = memoryMemo()
    const parts = { dispatch, memo }
    const first = await execute(plan, null, runContext(), parts)
    first.push(3)
    expect(await execute(plan, null, runContext(), parts)).toEqual([1, 2])
    expect(runs).toBe(2)
  })
})

describe('memoryMemo()', () => {
  const entry = (value: unknown): MemoEntry => ({ value, traceHash: 't', exactHash: 'e' })

  test('keeps the entries that were used last', () => {
    const memo = memoryMemo({ maxEntries: 2 })
    memo.set('a', entry(1))
    memo.set('b', entry(2))
    memo.get('a')
    memo.set('c', entry(3))
    expect(['a', 'b', 'c'].map(key => memo.get(key) !== undefined)).toEqual([true, false, true])
  })

  test('counts the bytes of texts and arrays, and keeps nothing that is larger than all of it', () => {
    const memo = memoryMemo({ maxBytes: 10_000 })
    memo.set('a', entry({ text: 'x'.repeat(3000) }))
    memo.set('b', entry([new Float32Array(2000)]))
    memo.set('c', entry(new Float32Array(4000)))
    expect(['a', 'b', 'c'].map(key => memo.get(key) !== undefined)).toEqual([false, true, false])
  })

  test('keeps values deeper than the stack', () => {
    let deep: unknown = 'end'
    for (let level = 0; level < 50_000; level += 1) deep = { deep }
    const memo = memoryMemo()
    memo.set('a', entry(deep))
    expect(memo.get('a')).toEqual(expect.objectContaining({ traceHash: 't' }))
  })
})

test('reservations of a run that recalls are none, even where the budget is spent', async () => {
  const plan = counting('a', [], { ...pure, cost: { nanoUsd: 5 } })
  const memo = memoryMemo()
  await traced(plan, 1, { memo })
  const ledger = new Ledger({ limits: { nanoUsd: 0 } })
  expect((await traced(plan, 1, { memo }, { ledger })).settled).toMatchObject({ value: 2 })
  expect((await traced(plan, 1, {}, { ledger })).settled).toMatchObject({
    reason: { code: 'ER_BUDGET_SPENT' },
  })
})
