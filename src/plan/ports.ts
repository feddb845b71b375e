/**
 * What the plan's machinery needs from rooms above it: where to keep outputs, traces, instances and measured
 * figures. `runner.ts` gives the real ones; without them everything runs and nothing is kept.
 */
import type { TraceRecord } from '../core/trace.ts'
import type { Cost } from './node.ts'

/** What a memo keeps of an execution. `exactHash` tells a changed value from the one that was kept. */
export type MemoEntry = {
  /** Plain data, Float32Arrays included. */
  readonly value: unknown
  readonly traceHash: string
  readonly exactHash: string
}

/** Outputs by execution key. An entry may vanish at any time; a failure to read is a miss. */
export type MemoStore = {
  get(key: string): Promise<MemoEntry | undefined> | MemoEntry | undefined
  set(key: string, entry: MemoEntry): void
}

/** A trace with what is needed to tell it, and to run it again where inputs are kept. */
export type StoredTrace = {
  /** The caller's name for the run: a request's id. */
  readonly id: string
  /** What ran, such as `evidence.enhance`. */
  readonly subject: string
  /** When it began, ISO 8601. */
  readonly at: string
  readonly status: 'ok' | 'failed'
  readonly record: TraceRecord
  /** What it used and how long it took; plain data, never hashed. */
  readonly facts: Readonly<Record<string, unknown>>
  /** What it was given, where the operator allowed that to be kept; plain data. */
  readonly inputs?: unknown
}

/** Takes traces, off the path: never waits, never throws. */
export type TraceSink = { write(trace: StoredTrace): void }

/** How far a dataflow instance is; written after every step. */
export type InstanceStatus = 'running' | 'paused' | 'completed' | 'failed' | 'cancelled'

/** One run of a dataflow as it is kept: all that is needed to go on in another process. */
export type InstanceRecord = {
  readonly id: string
  /** Content id of the definition, which holds names and versions of its conditions and actions. */
  readonly definitionId: string
  readonly status: InstanceStatus
  /** The node that is to run next, or the last one. */
  readonly nodeId: string
  /** Steps finished so far; also the write's number, so that an older writer is noticed. */
  readonly step: number
  /** Plain data, valid by the definition's schemas. */
  readonly input: unknown
  readonly state: unknown
  readonly output?: unknown
  readonly error?: { readonly code: string; readonly message: string }
}

/** Keeps instances; `save` resolves when the record would survive the process being killed. */
export type InstanceStore = {
  load(id: string): Promise<InstanceRecord | undefined>
  /** @throws StoreError ER_STORE when the stored step is not the one before: another process has gone on with it. */
  save(record: InstanceRecord): Promise<void>
  list(status?: InstanceStatus): Promise<readonly InstanceRecord[]>
}

/** Measured figures of something that was run: a variant, a node, a domain. */
export type Profile = {
  readonly runs: number
  readonly failures: number
  /** Means over the runs that succeeded. */
  readonly cost: Cost
  /** 95th percentile of the wall time, in milliseconds. */
  readonly p95Ms: number
}

/** Measured figures by a key such as a variant's name. */
export type Profiles = {
  get(key: string): Profile | undefined
  note(key: string, ok: boolean, cost: Partial<Cost>): void
}
