/** What a run leaves in the trace: which steps, under which identities, and what they do not depend on. */
import { describe, expect, test } from 'vitest'
import type { RunContext } from '../../src/core/call.ts'
import { errorOf } from '../../src/core/errors.ts'
import { stepOf, stepOfHashes, type TraceStep, valueHash } from '../../src/core/trace.ts'
import { execute } from '../../src/plan/execute.ts'
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
  sequential,
  stage,
} from '../../src/plan/node.ts'
import { turns } from '../support/condition.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { runContext } from '../support/run-context.ts'

const { dispatch } = new FakeDispatch()
type Any = PlanNode<unknown, unknown>
/** In order, whatever the nodes take and give. */
const inOrder = (...nodes: readonly PlanNode<never, unknown>[]) => sequential(...nodes)

/** The root step of a run, whether it goes well or not. */
async function stepFrom(
  plan: PlanNode<never, unknown>,
  input: unknown,
  changes: Partial<RunContext> = {},
): Promise<TraceStep> {
  const context = runContext(changes)
  await execute(plan as Any, input, context, { dispatch }).catch(() => {})
  const { steps } = context.trace.record()
  expect(steps.length).toBe(1)
  return steps[0] as TraceStep
}

/** A tree of labels, names and states; states where they are not `ok`. */
const drawn = ({ label, node, status, children }: TraceStep): unknown => {
  const name = [label, node, status === 'ok' ? '' : status].filter(part => part !== '').join(' ')
  return children.length === 0 ? name : [name, ...children.map(drawn)]
}

const add = (by: number) => stage<number, number>(`add-${by}`, input => input + by)
const fails = (error: unknown) => stage<unknown, never>('fails', () => Promise.reject(error))
const busy = () => errorOf('ER_MODEL_FAILED', 'the model failed')

describe('a step', () => {
  test('of a stage has the hashes of input, configuration and output', async () => {
    const plan = stage('count', (texts: string[]) => texts.length, { version: '2', config: { k: 1 } })
    const execution = { node: 'count', version: '2', input: ['a', 'b'], config: { k: 1 } }
    expect(await stepFrom(plan, ['a', 'b'])).toEqual(stepOf(execution, { output: 2 }))
  })

  test('of a stage without configuration, input or output has the hashes of null', async () => {
    const plan = stage<undefined, void>('nothing', () => {})
    const execution = { node: 'nothing', version: '1', input: null, config: null }
    expect(await stepFrom(plan, undefined)).toEqual(stepOf(execution, { output: null }))
  })

  test('of a remote leaf names the model with its revision and weights in the version', async () => {
    const variant = {
      ...{ name: 'v', op: 'embed', model: 'm', revision: 'r', weightsHash: 'w' },
      price: { usdPer1kTokens: 0, usdPerSecond: 0 },
      limits: { maxTokens: 512, dimensions: 16 },
    }
    const step = await stepFrom(remote<string[], unknown>(variant), ['a'])
    expect([step.node, step.version]).toEqual(['embed', '1 v@r+w'])
    const other = await stepFrom(remote<string[], unknown>({ ...variant, revision: 'r2' }), ['a'])
    expect(other.executionKey).not.toBe(step.executionKey)
  })

  test('covers the portable forms that its node chose, and the bits of the output by the side', async () => {
    const jitter = (off: number) =>
      stage<Map<string, number>, Float32Array>('jitter', () => new Float32Array([1 + off]), {
        portable: { input: map => [...map.keys()], output: (vector, map) => [vector.length, map.size] },
      })
    const input = new Map([['a', 1]])
    const [one, other] = [await stepFrom(jitter(0), input), await stepFrom(jitter(0.001), input)]
    expect([one.inputHash, one.outputHash]).toEqual([valueHash(['a']), valueHash([1, 1])])
    expect(one.exactOutputHash).toBe(valueHash(new Float32Array([1])))
    expect([other.traceHash, other.exactHash === one.exactHash]).toEqual([one.traceHash, false])
  })

  test('takes the form of its input from whoever made it, unless its node has one for it', async () => {
    const rounds = stage('rounds', (input: number) => input / 3, {
      portable: { output: value => Math.round(value) },
    })
    const own = stage('own', (input: number) => input, { portable: { input: value => value * 3 } })
    const { children } = await stepFrom(sequential(rounds, add(1), own), 10)
    expect(children[0]?.outputHash).toBe(valueHash(3))
    expect(children[1]?.inputHash).toBe(valueHash(3))
    expect(children[2]?.inputHash).toBe(valueHash((10 / 3 + 1) * 3))
    const { children: inside } = await stepFrom(sequential(rounds, sequential(add(1))), 10)
    expect(inside[1]?.inputHash).toBe(valueHash(3))
  })

  test('of a changed input that is given on has the hash of what it has become', async () => {
    const pushes = stage('pushes', (list: number[]) => {
      list.push(1)
      return list
    })
    const step = await stepFrom(pushes, [])
    expect([step.inputHash, step.outputHash]).toEqual([valueHash([]), valueHash([1])])
  })

  test.each<[string, PlanNode<never, unknown>, unknown, RegExp]>([
    ['an output', stage('maker', () => new Map()), 1, /output of maker.*Map/],
    ['an input', sequential(add(1)), new Map(), /input.*Map/],
    ['a configuration', stage('set', () => 1, { config: new Map() }), 1, /configuration of set.*Map/],
    ['a constant', constant(new Date(0)), 1, /configuration of const.*Date/],
    [
      'a portable output',
      stage('maker', () => 1, { portable: { output: () => new Set() } }),
      1,
      /portable output of maker.*Set/,
    ],
    [
      'an input of unknown form',
      stage<{ a: { b: number } }, number>('reader', () => 1, { portable: { input: ({ a }) => a.b } }),
      {},
      /portable input of reader/,
    ],
  ])('can not be made from %s that is not plain data', async (_, plan, input, message) => {
    const context = runContext()
    const made = execute(plan as Any, input, context, { dispatch })
    await expect(made).rejects.toMatchObject({
      code: 'ER_PLAN_INVALID',
      message: expect.stringMatching(message),
    })
    expect(context.trace.record().steps[0]?.status).toBe('failed')
  })
})

describe('the tree of steps', () => {
  test('is that of the plan, in its order', async () => {
    const even = stage('even', (input: number) => input % 2 === 0)
    const plan = inOrder(
      parallel({ b: add(2), a: add(1) }),
      stage('sum', ({ a, b }: { a: number; b: number }) => a + b),
      branch(even, constant(1), fanout(add(1), [add(2), add(3)])),
      merge([constant(1), constant(2)], constant(3)),
      bind({ x: constant(1) } as Record<string, Any>, retry(constant(2), 2)),
    )
    expect(drawn(await stepFrom(plan, 1))).toEqual([
      'sequential',
      ['0 parallel', 'a add-1', 'b add-2'],
      '1 sum',
      ['2 branch', 'test even', ['no fanout', 'source add-1', 'target-0 add-2', 'target-1 add-3']],
      ['3 merge', 'source-0 const', 'source-1 const', 'target const'],
      ['4 let', 'x const', ['body retry', 'const']],
    ])
  })

  test('recomputes from its parts, and is the same in whatever order the leaves end', async () => {
    const slow = (name: string, length: number) =>
      stage<number, string>(name, async () => {
        await turns(length)
        return name
      })
    let [first, second] = [1, 4]
    const plan = parallel({
      a: stage<number, unknown>('a', () => turns(first)),
      b: stage<number, unknown>('b', () => turns(second)),
      c: slow('c', 2),
    })
    const one = await stepFrom(plan, 1)
    ;[first, second] = [4, 1]
    expect(await stepFrom(plan, 1)).toEqual(one)
    const check = (step: TraceStep): void => {
      expect(stepOfHashes(step)).toEqual(step)
      for (const child of step.children) check(child)
    }
    check(one)
  })

  test('changes with how a composite is set, and with what its parts gave', async () => {
    const of = (plan: PlanNode<never, unknown>) => stepFrom(plan, 1).then(({ traceHash }) => traceHash)
    const all = await Promise.all([
      of(parallel({ a: add(1) })),
      of(parallel({ a: add(1) }, { onError: 'settle' })),
      of(parallel({ b: add(1) })),
      of(parallel({ a: add(2) })),
      of(retry(add(1), 2)),
      of(retry(add(1), 3)),
      of(fanout(constant(1), [add(1)])),
      of(merge([add(1)], constant(1))),
    ])
    expect(new Set(all).size).toBe(all.length)
  })

  test('says of a failed run what failed with which code, and what was never begun', async () => {
    const plan = inOrder(
      add(1),
      parallel({
        a: fails(busy()),
        b: stage(
          'waits',
          (_, { signal }) =>
            new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
        ),
      }),
      parallel({ c: add(1) }),
    )
    const step = await stepFrom(plan, 1)
    expect(drawn(step)).toEqual([
      'sequential failed',
      '0 add-1',
      ['1 parallel failed', 'a fails failed', 'b waits failed'],
      '2 parallel skipped',
    ])
    const [, together, skipped] = step.children
    expect(step.outputHash).toBe(valueHash('ER_MODEL_FAILED'))
    expect(together?.children.map(({ outputHash }) => outputHash)).toEqual(
      ['ER_MODEL_FAILED', 'ABORTED'].map(valueHash),
    )
    expect([skipped?.inputHash, skipped?.outputHash, skipped?.exactOutputHash]).toEqual(['', '', ''])
    const foreign = await stepFrom(sequential(fails(new TypeError('no'))), 1)
    expect([foreign.outputHash, foreign.exactOutputHash]).toEqual(['ERROR', 'ERROR'].map(valueHash))
  })

  test('says of a branch’s test that failed that neither arm was begun', async () => {
    const plan = branch(fails(busy()) as PlanNode<number, boolean>, add(1), add(2))
    expect(drawn(await stepFrom(plan, 1))).toEqual([
      'branch failed',
      'test fails failed',
      'yes add-1 skipped',
      'no add-2 skipped',
    ])
    const arm = branch(constant(false), add(1), fails(busy()))
    expect(drawn(await stepFrom(arm, 1))).toEqual(['branch failed', 'test const', 'no fails failed'])
  })

  test('tells what was waiting for its slot when a sibling failed as never begun', async () => {
    const context = runContext()
    const plan = parallel({ a: fails(busy()), b: add(1), c: sequential(add(1), add(2)) }) as Any
    await execute(plan, 1, context, { dispatch, limiter: new Limiter(1) }).catch(() => {})
    expect(drawn(context.trace.record().steps[0] as TraceStep)).toEqual([
      'parallel failed',
      'a fails failed',
      'b add-1 skipped',
      ['c sequential failed', '0 add-1 skipped', '1 add-2 skipped'],
    ])
  })

  test('of a run that was aborted before it began has a root that failed', async () => {
    for (const plan of [add(1), sequential(add(1)), constant(1)]) {
      const step = await stepFrom(plan, 1, { signal: AbortSignal.abort('gone') })
      expect([step.status, step.outputHash]).toEqual(['failed', valueHash('ABORTED')])
    }
  })

  test('of a Retry that recovered is that of one that did not have to', async () => {
    let left = 2
    const flaky = stage<number, number>('flaky', input => {
      left -= 1
      if (left > 0) throw busy()
      return input
    })
    const plan = retry(flaky, 3, { baseMs: 0 })
    const recovered = await stepFrom(plan, 1)
    expect(drawn(recovered)).toEqual(['retry', 'flaky'])
    expect(await stepFrom(plan, 1)).toEqual(recovered)
  })

  test('of a Parallel that settles is fine, with the failed branch in it', async () => {
    const step = await stepFrom(parallel({ a: add(1), b: fails(busy()) }, { onError: 'settle' }), 1)
    expect(drawn(step)).toEqual(['parallel', 'a add-1', 'b fails failed'])
  })
})
