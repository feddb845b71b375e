/** Instances that are paused, cancelled, migrated, left behind and gone on with, here and from elsewhere. */
import { describe, expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { errorOf } from '../../src/core/errors.ts'
import { action, defineDataflow } from '../../src/plan/dataflow.ts'
import type { Dataflow } from '../../src/plan/dataflow-node.ts'
import { memoryInstances } from '../../src/plan/dataflow-record.ts'
import { DataflowRunner } from '../../src/plan/dataflow-run.ts'
import type { InstanceRecord, InstanceStore } from '../../src/plan/ports.ts'
import { openStore } from '../../src/store/store.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { failing } from './running-dataflows.ts'
import { reviewFlow, type Scored } from './sample-dataflows.ts'
import { ways } from './small-dataflows.ts'

const claim = { claim: 'c', enough: 1 }
const runnerOf = (store: InstanceStore) =>
  new DataflowRunner({ store, dispatch: new FakeDispatch().dispatch })

/** An action that waits at one of its calls until it is told to go on. */
class Gate {
  readonly keys: string[] = []
  readonly rounds: number[] = []
  readonly #reached = Promise.withResolvers<void>()
  readonly #open = Promise.withResolvers<void>()
  readonly #at: number

  constructor(at: number) {
    this.#at = at
  }

  get reached(): Promise<void> {
    return this.#reached.promise
  }

  open(): void {
    this.#open.resolve()
  }

  fail(error: unknown): void {
    this.#open.reject(error)
  }

  readonly score = async ({ params, idempotencyKey }: Scored): Promise<number> => {
    this.keys.push(idempotencyKey)
    this.rounds.push(params.round)
    if (this.keys.length === this.#at) {
      this.#reached.resolve()
      await this.#open.promise
    }
    return 0
  }
}

const nest = (definition: Dataflow<{ score: number }>) =>
  defineDataflow({
    name: 'outer',
    input: z.object({ claim: z.string() }),
    output: z.number(),
    state: z.object({ score: z.number().optional() }),
    nodes: [
      { kind: 'start', id: 'start' },
      {
        kind: 'dataflow',
        id: 'in',
        definition,
        template: { claim: '{{input.claim}}', enough: 1 },
        into: { name: 'score', reduce: (_, { score }) => ({ score }) },
      },
      { kind: 'end', id: 'end', output: '{{state.score}}' },
    ],
    edges: ways('start in', 'in end'),
  })

describe.each<[string, () => Promise<InstanceStore>]>([
  ['in memory', async () => memoryInstances()],
  [
    'in a store',
    async () => {
      const store = await openStore(':memory:')
      onTestFinished(() => store.close())
      return store.instances
    },
  ],
])('with instances %s', (_, open) => {
  test('pause() lets the step in flight end, and resume() goes on after it', async () => {
    const runner = runnerOf(await open())
    const gate = new Gate(2)
    const flow = reviewFlow(gate.score)
    const run = runner.start(flow, claim, { id: 'one' })
    await gate.reached
    const paused = runner.pause('one')
    gate.open()
    expect(await paused).toEqual({ id: 'one', definitionId: flow.id, status: 'paused', nodeId: 'sure' })
    expect(await run).toEqual({ id: 'one', status: 'paused' })
    expect(await runner.resume(flow, 'one')).toMatchObject({ output: { rounds: 3 } })
    expect(gate.rounds).toEqual([0, 1, 2])
  })

  test('pause() reaches the instances inside, and resume() finds them again', async () => {
    const store = await open()
    const runner = runnerOf(store)
    const gate = new Gate(2)
    const inner = reviewFlow(gate.score)
    const run = runner.start(nest(inner), { claim: 'c' }, { id: 'out' })
    await gate.reached
    const paused = runner.pause('out')
    gate.open()
    expect(await paused).toMatchObject({ status: 'paused', nodeId: 'in' })
    expect(await run).toEqual({ id: 'out', status: 'paused' })
    expect(await runner.status('out/in#1')).toMatchObject({ status: 'paused', nodeId: 'sure' })
    expect(await runnerOf(store).resume(nest(inner), 'out')).toMatchObject({ status: 'completed' })
    expect(gate.rounds).toEqual([0, 1, 2])
    expect((await store.list()).map(({ id }) => id).sort()).toEqual(['out', 'out/in#1'])
  })

  test('an instance inside that is paused alone pauses the one around it', async () => {
    const runner = runnerOf(await open())
    const gate = new Gate(1)
    const inner = reviewFlow(gate.score)
    const run = runner.start(nest(inner), { claim: 'c' }, { id: 'out' })
    await gate.reached
    const paused = runner.pause('out/in#1')
    gate.open()
    expect(await paused).toMatchObject({ status: 'paused' })
    expect(await run).toEqual({ id: 'out', status: 'paused' })
    expect(await runner.resume(nest(inner), 'out')).toMatchObject({ status: 'completed' })
    expect(gate.rounds).toEqual([0, 1, 2])
  })

  test('cancel() aborts the step in flight and ends the instance for good', async () => {
    const store = await open()
    const runner = runnerOf(store)
    const signals: AbortSignal[] = []
    const waiting = Promise.withResolvers<void>()
    const flow = defineDataflow({
      name: 'waiting',
      input: z.object({}),
      output: z.object({}),
      state: z.object({}),
      nodes: [
        { kind: 'start', id: 'start' },
        {
          kind: 'action',
          id: 'wait',
          action: action({
            name: 'wait',
            template: null,
            run: (_input, { signal }) => {
              signals.push(signal)
              waiting.resolve()
              return new Promise((_resolve, reject) =>
                signal.addEventListener('abort', () => reject(signal.reason)),
              )
            },
          }),
        },
        { kind: 'end', id: 'end' },
      ],
      edges: ways('start wait', 'wait end'),
    })
    const outer = defineDataflow({
      name: 'around',
      input: z.object({}),
      output: z.object({}),
      state: z.object({}),
      nodes: [
        { kind: 'start', id: 'start' },
        { kind: 'dataflow', id: 'in', definition: flow, template: {} },
        { kind: 'end', id: 'end' },
      ],
      edges: ways('start in', 'in end'),
    })
    const run = runner.start(outer, {}, { id: 'out' })
    await waiting.promise
    expect(await runner.cancel('out')).toMatchObject({ status: 'cancelled', nodeId: 'in' })
    expect(await run).toEqual({ id: 'out', status: 'cancelled' })
    expect(signals.map(({ aborted }) => aborted)).toEqual([true])
    expect(await runner.status('out/in#1')).toMatchObject({ status: 'cancelled', nodeId: 'wait' })
    await expect(runner.resume(outer, 'out')).rejects.toThrow(failing({ code: 'ER_INPUT' }))
    await expect(runner.pause('out')).rejects.toThrow(failing({ code: 'ER_INPUT' }))
    expect(await runner.cancel('out')).toMatchObject({ status: 'cancelled' })
  })

  test('cancel() ends what was paused or has failed, too', async () => {
    const runner = runnerOf(await open())
    const gate = new Gate(1)
    const flow = reviewFlow(gate.score)
    const run = runner.start(flow, claim, { id: 'one' })
    await gate.reached
    const [paused, cancelled] = [runner.pause('one'), runner.cancel('one')]
    gate.fail(errorOf('ER_MODEL_FAILED', 'aborted'))
    expect((await paused).status).toBe('cancelled')
    expect((await cancelled).status).toBe('cancelled')
    expect(await run).toEqual({ id: 'one', status: 'cancelled' })
    const failing = reviewFlow(() => Promise.reject(errorOf('ER_MODEL_FAILED', 'no')))
    await runner.start(failing, claim, { id: 'two' }).catch(() => {})
    expect(await runner.cancel('two')).toMatchObject({ status: 'cancelled' })
  })

  test('a failed step is run again with the same key, finished ones are not', async () => {
    const runner = runnerOf(await open())
    const gate = new Gate(2)
    const flow = reviewFlow(gate.score)
    const run = runner.start(flow, claim, { id: 'one' })
    await gate.reached
    gate.fail(errorOf('ER_MODEL_FAILED', 'for once'))
    await expect(run).rejects.toThrow('for once')
    expect(await runner.status('one')).toMatchObject({
      status: 'failed',
      nodeId: 'score',
      error: { message: 'for once' },
    })
    expect(await runner.resume(flow, 'one')).toMatchObject({ output: { rounds: 3 } })
    expect(gate.rounds).toEqual([0, 1, 1, 2])
    expect(gate.keys[2]).toBe(gate.keys[1])
    expect(new Set(gate.keys).size).toBe(3)
    expect(await runner.status('one')).not.toHaveProperty('error')
  })

  test('a step that was in flight when its process ended keeps its key, whatever came since', async () => {
    const store = await open()
    const dead = new Gate(2)
    void runnerOf(store).start(reviewFlow(dead.score), claim, { id: 'one' })
    await dead.reached // and never goes on
    const runner = runnerOf(store)
    const again = new Gate(2)
    const flow = reviewFlow(again.score)
    expect(await runner.pause('one')).toMatchObject({ status: 'paused', nodeId: 'score' })
    const run = runner.resume(flow, 'one')
    await again.reached
    await expect(runner.resume(flow, 'one')).rejects.toThrow('is running here already')
    again.open()
    expect(await run).toMatchObject({ output: { rounds: 3 } })
    expect([...dead.rounds, ...again.rounds]).toEqual([0, 1, 1, 2])
    expect(again.keys[0]).toBe(dead.keys[1])
  })

  test('of two that go on with one instance, the slower is refused', async () => {
    const store = await open()
    const [slow, quick] = [new Gate(2), new Gate(9)]
    const late = runnerOf(store).start(reviewFlow(slow.score), claim, { id: 'one' })
    await slow.reached
    expect(await runnerOf(store).resume(reviewFlow(quick.score), 'one')).toMatchObject({
      output: { rounds: 3 },
    })
    slow.open()
    await expect(late).rejects.toThrow(failing({ name: 'StoreError', code: 'ER_STORE' }))
    expect(quick.keys[0]).toBe(slow.keys[1])
    expect(await runnerOf(store).status('one')).toMatchObject({ status: 'completed' })
  })

  test.each(['pause', 'cancel'] as const)(
    '%s() from elsewhere is heard after the step in flight',
    async stop => {
      const store = await open()
      const gate = new Gate(2)
      const flow = nest(reviewFlow(gate.score))
      const run = runnerOf(store).start(flow, { claim: 'c' }, { id: 'out' })
      await gate.reached
      const status = stop === 'pause' ? 'paused' : 'cancelled'
      const other = runnerOf(store)
      expect(await other[stop]('out')).toMatchObject({ status, nodeId: 'in' })
      gate.open()
      expect(await run).toEqual({ id: 'out', status })
      expect(await other.status('out/in#1')).toMatchObject({ status, nodeId: 'score' })
      if (stop === 'cancel') return
      expect(await other.resume(flow, 'out')).toMatchObject({ status: 'completed' })
      expect(gate.rounds).toEqual([0, 1, 1, 2])
      expect(gate.keys[2]).toBe(gate.keys[1])
    },
  )
})

describe('another definition', () => {
  const begun = async (store: InstanceStore) => {
    const gate = new Gate(2)
    const run = runnerOf(store).start(reviewFlow(gate.score), claim, { id: 'one' })
    await gate.reached
    gate.fail(errorOf('ER_MODEL_FAILED', 'no'))
    await run.catch(() => {})
    return gate
  }

  test('is refused, told by the version of an action alone', async () => {
    const store = memoryInstances()
    await begun(store)
    const other = reviewFlow(() => 1, '2')
    const refused = failing({ code: 'ER_PLAN_INVALID', message: expect.stringContaining(other.id) })
    await expect(runnerOf(store).resume(other, 'one')).rejects.toThrow(refused)
    expect(await runnerOf(store).status('one')).toMatchObject({ status: 'failed' })
  })

  test('goes on where migrate() says, at the same step with the same key', async () => {
    const store = memoryInstances()
    const before = await begun(store)
    const [runner, after] = [runnerOf(store), new Gate(9)]
    const flow = reviewFlow(after.score, '2')
    const records: InstanceRecord[] = []
    const migrate = (record: InstanceRecord) => {
      records.push(record)
      return { state: { ...(record.state as object), rounds: 2 } }
    }
    expect(await runner.resume(flow, 'one', { migrate })).toMatchObject({ output: { rounds: 3 } })
    expect(records).toMatchObject([{ id: 'one', status: 'failed' }])
    expect(after.rounds).toEqual([2])
    expect(after.keys).toEqual([before.keys[1]])
    expect(await runner.status('one')).toMatchObject({ definitionId: flow.id })
  })

  test('may go on elsewhere, and takes only what fits it', async () => {
    const store = memoryInstances()
    await begun(store)
    const runner = runnerOf(store)
    const flow = reviewFlow(() => 1, '2')
    const to = (migrated: object) => runner.resume(flow, 'one', { migrate: () => migrated })
    await expect(to({ nodeId: 'nowhere' })).rejects.toThrow(failing({ code: 'ER_PLAN_INVALID' }))
    await expect(to({ state: { claim: 7 } })).rejects.toThrow(failing({ code: 'ER_PLAN_INVALID' }))
    await expect(to({ input: {} })).rejects.toThrow(failing({ code: 'ER_PLAN_INVALID' }))
    const state = { claim: 'changed', score: 5, rounds: 1 }
    expect(await to({ nodeId: 'end', state })).toMatchObject({
      output: { claim: 'changed', score: 5, rounds: 1 },
    })
  })

  test('of a dataflow inside is asked for, too', async () => {
    const store = memoryInstances()
    const gate = new Gate(2)
    const run = runnerOf(store).start(nest(reviewFlow(gate.score)), { claim: 'c' }, { id: 'out' })
    await gate.reached
    gate.fail(errorOf('ER_MODEL_FAILED', 'no'))
    await run.catch(() => {})
    const migrated: string[] = []
    const migrate = (record: InstanceRecord) => {
      migrated.push(record.id)
      return {}
    }
    const after = new Gate(9)
    const flow = nest(reviewFlow(after.score, '2'))
    await expect(runnerOf(store).resume(flow, 'out')).rejects.toThrow(failing({ code: 'ER_PLAN_INVALID' }))
    expect(await runnerOf(store).resume(flow, 'out', { migrate })).toMatchObject({ status: 'completed' })
    expect(migrated).toEqual(['out', 'out/in#1'])
    expect(after.rounds).toEqual([1, 2])
  })
})

describe('what is stored', () => {
  test('is told, or that there is nothing', async () => {
    const runner = runnerOf(memoryInstances())
    const flow = reviewFlow(() => 1)
    const refused = failing({ code: 'ER_INPUT', message: 'There is no instance one' })
    await expect(runner.status('one')).rejects.toThrow(refused)
    await expect(runner.output(flow, 'one')).rejects.toThrow(refused)
    await expect(runner.resume(flow, 'one')).rejects.toThrow(refused)
    await expect(runner.pause('one')).rejects.toThrow(refused)
    await runner.start(flow, claim, { id: 'one' })
    const completed = { id: 'one', status: 'completed', output: { claim: 'c', score: 1, rounds: 1 } }
    expect(await runner.resume(flow, 'one')).toEqual(completed)
    await expect(runner.cancel('one')).rejects.toThrow('Instance one is completed')
  })

  test('is not run again because it could not be stored', async () => {
    const memory = memoryInstances()
    let isFull = false
    const save = async (record: InstanceRecord) => {
      if (isFull) throw errorOf('ER_STORE', 'The disk is full')
      await memory.save(record)
    }
    const runner = runnerOf({ ...memory, save })
    const gate = new Gate(2)
    const flow = reviewFlow(gate.score)
    const run = runner.start(flow, claim, { id: 'one' })
    await gate.reached
    isFull = true
    gate.open()
    await expect(run).rejects.toThrow('The disk is full')
    isFull = false
    expect(await runner.status('one')).toMatchObject({ status: 'running', nodeId: 'score' })
    expect(await runner.resume(flow, 'one')).toMatchObject({ output: { rounds: 3 } })
    expect(gate.rounds).toEqual([0, 1, 1, 2])
    expect(gate.keys[2]).toBe(gate.keys[1])
  })

  test('must fit the definition that goes on with it', async () => {
    const memory = memoryInstances()
    const flow = reviewFlow(() => 1)
    const record = {
      id: 'one',
      definitionId: flow.id,
      status: 'running',
      nodeId: 'score',
      step: 0,
      input: claim,
    } as const
    await memory.save({ ...record, state: { claim: 7 } })
    await expect(runnerOf(memory).resume(flow, 'one')).rejects.toThrow(failing({ code: 'ER_STORE' }))
    await memory.save({ ...record, id: 'two', nodeId: 'gone', state: { claim: 'c' } })
    await expect(runnerOf(memory).resume(flow, 'two')).rejects.toThrow('has no node "gone"')
  })
})
