/** A runner for tests, with what it has saved and dispatches that are no processes. */

import { expect } from 'vitest'
import { memoryInstances } from '../../src/plan/dataflow-record.ts'
import { DataflowRunner, type DataflowRunnerOptions } from '../../src/plan/dataflow-run.ts'
import type { InstanceRecord } from '../../src/plan/ports.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { type Edge, end, type Node, plain, start, ways } from './small-dataflows.ts'

/** A runner, what it has saved, in order, and the dispatches of its domains. */
export function setUp(options: Partial<DataflowRunnerOptions> = {}) {
  const saved: InstanceRecord[] = []
  const memory = memoryInstances()
  const store = {
    ...memory,
    save: async (record: InstanceRecord) => {
      await memory.save(record)
      saved.push(record)
    },
  }
  const domains: Record<string, FakeDispatch> = { local: new FakeDispatch(), far: new FakeDispatch() }
  const runner = new DataflowRunner({
    store,
    dispatch: (domains['local'] as FakeDispatch).dispatch,
    ...options,
  })
  return { runner, store, saved, domains }
}

/** A dataflow from a start through `node` to an end. */
export const around = (
  node: Node,
  edges: Edge[] = ways(`start ${node.id}`, `${node.id} end`),
  others: Node[] = [],
) => plain({ nodes: [start, node, ...others, end], edges })

/** An error with these members. */
export const failing = (members: object): unknown => expect.objectContaining(members)
