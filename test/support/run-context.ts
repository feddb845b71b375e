/**
 * A request's context with everything in it that a test does not care about, and the parts that it does.
 */
import type { RunContext } from '../../src/core/call.ts'
import { Ledger } from '../../src/core/ledger.ts'
import { Trace } from '../../src/core/trace.ts'

/** A context that is never aborted and has no deadline, with `changes` laid over it. */
export const runContext = (changes: Partial<RunContext> = {}): RunContext => ({
  id: 'request-1',
  signal: new AbortController().signal,
  deadline: Number.POSITIVE_INFINITY,
  class: 'normal',
  caller: 'test',
  reproducible: false,
  ledger: new Ledger(),
  trace: new Trace(),
  traceparent: '',
  ...changes,
})
