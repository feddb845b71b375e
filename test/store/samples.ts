/** Records as the store is given them, and the file as anybody else sees it. */
import { DatabaseSync } from 'node:sqlite'
import { recordOf, stepOf } from '../../src/core/trace.ts'
import type { InstanceRecord, MemoEntry, StoredTrace } from '../../src/plan/ports.ts'
import type { StoreFigures } from '../../src/store/store.ts'

/** A trace of two steps, one in the other; equal `input`s have equal hashes. */
export function sampleTrace(
  id: string,
  changes: Partial<StoredTrace> & { readonly input?: string } = {},
): StoredTrace {
  const { input = id, ...rest } = changes
  const child = stepOf(
    { node: 'embed', version: '1', input, config: {} },
    { output: [0.5], label: 'vectors' },
  )
  const step = stepOf(
    { node: 'enhance', version: '2', input, config: null },
    { output: input, children: [child] },
  )
  return {
    id,
    subject: 'evidence.enhance',
    at: new Date().toISOString(),
    status: 'ok',
    record: recordOf([step]),
    facts: { taskId: id, spent: { calls: 1, tokens: 12, workerMs: 3.5, nanoUsd: 0 } },
    ...rest,
  }
}

/** An instance that has finished `step` steps. */
export const sampleInstance = (
  id: string,
  step: number,
  changes: Partial<InstanceRecord> = {},
): InstanceRecord => ({
  id,
  definitionId: 'definition',
  status: 'running',
  nodeId: `node ${step}`,
  step,
  input: { claim: 'x' },
  state: { done: Array.from({ length: step }, (_, index) => `step ${index}`) },
  ...changes,
})

export const sampleEntry = (value: unknown): MemoEntry => ({ value, traceHash: 'trace', exactHash: 'exact' })

/** Runs `work` on the file over a connection of its own, as another program would. */
export function withFile<T>(path: string, work: (sqlite: DatabaseSync) => T): T {
  const sqlite = new DatabaseSync(path)
  try {
    return work(sqlite)
  } finally {
    sqlite.close()
  }
}

/** What a query's only column holds in its only row. */
export const valueIn = (path: string, query: string): unknown =>
  withFile(path, sqlite => Object.values(sqlite.prepare(query).get() ?? {})[0])

/** Nothing went wrong, and nothing waits. */
export const flawless: Partial<StoreFigures> = {
  pending: 0,
  pendingBytes: 0,
  dropped: 0,
  faults: {},
  lastFault: null,
}
