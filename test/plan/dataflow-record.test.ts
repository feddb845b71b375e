/**
 * Records of instances: whose turn it is and since when, whatever was written since; and keeping them in
 * memory.
 */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  idempotencyKey,
  memoryInstances,
  nestedId,
  placeOf,
  withStatus,
} from '../../src/plan/dataflow-record.ts'
import type { InstanceRecord } from '../../src/plan/ports.ts'
import { failing } from './running-dataflows.ts'

const record: InstanceRecord = {
  id: 'a',
  definitionId: 'd',
  status: 'running',
  nodeId: 'n',
  step: 3,
  input: 1,
  state: { list: [1] },
}

describe('withStatus()', () => {
  test('counts a write, and leaves the place as it was', () => {
    const failed = withStatus(record, 'failed', { code: 'ER_INPUT', message: 'no' })
    expect(failed).toEqual({
      ...record,
      status: 'failed',
      nodeId: 'n#3',
      step: 4,
      error: { code: 'ER_INPUT', message: 'no' },
    })
    const resumed = withStatus(failed, 'running')
    expect(resumed).toEqual({ ...record, nodeId: 'n#3', step: 5 })
    expect(placeOf(resumed)).toEqual({ nodeId: 'n', step: 3 })
  })

  test('never changes the key of a step, nor the id of an instance inside', () => {
    const statuses = fc.array(fc.constantFrom('paused', 'running', 'failed'), { maxLength: 6 })
    fc.assert(
      fc.property(statuses, fc.nat(), (written, step) => {
        const first = { ...record, step }
        const last = written.reduce((before, status) => withStatus(before, status), first)
        expect(last.step).toBe(step + written.length)
        expect(placeOf(last)).toEqual({ nodeId: 'n', step })
        expect(idempotencyKey('a', placeOf(last))).toBe(idempotencyKey('a', placeOf(first)))
        expect(nestedId('a', placeOf(last))).toBe(`a/n#${step}`)
      }),
    )
  })
})

test('idempotencyKey() differs between instances, nodes and steps', () => {
  const key = (id: string, nodeId: string, step: number) => idempotencyKey(id, { nodeId, step })
  const keys = [
    key('a', 'n', 1),
    key('b', 'n', 1),
    key('a', 'm', 1),
    key('a', 'n', 2),
    key('a1', 'n', 1),
    key('a', 'n', 11),
  ]
  expect(new Set(keys).size).toBe(keys.length)
  expect(key('a', 'n', 1)).toBe(keys[0])
})

describe('memoryInstances()', () => {
  const begun = { ...record, step: 0 }

  test('keeps copies', async () => {
    const store = memoryInstances()
    const state = { list: [1] }
    await store.save({ ...begun, state })
    state.list.push(2)
    const loaded = (await store.load('a')) as InstanceRecord
    expect(loaded).toEqual(begun)
    ;(loaded.state as typeof state).list.push(3)
    expect(await store.load('a')).toEqual(begun)
  })

  test('refuses who is behind', async () => {
    const store = memoryInstances()
    const refused = failing({ name: 'StoreError', code: 'ER_STORE' })
    await store.save(begun)
    await expect(store.save(begun)).rejects.toThrow(refused)
    await expect(store.save({ ...begun, step: 2 })).rejects.toThrow(refused)
    await store.save({ ...begun, step: 1 })
    expect(await store.load('a')).toMatchObject({ step: 1 })
  })

  test('lists all, or those of a status', async () => {
    const store = memoryInstances()
    await store.save({ ...begun, status: 'paused' })
    await store.save({ ...begun, id: 'b' })
    expect((await store.list()).map(({ id }) => id)).toEqual(['a', 'b'])
    expect((await store.list('paused')).map(({ id }) => id)).toEqual(['a'])
    expect(await store.load('c')).toBeUndefined()
  })
})
