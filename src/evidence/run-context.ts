/** The context that a request's work is run in, made from the options of its call. */
import { randomUUID } from 'node:crypto'
import type { RunContext } from '../core/call.ts'
import { Ledger } from '../core/ledger.ts'
import { Trace } from '../core/trace.ts'
import { ledgerOptions } from './config.ts'
import { classOf, type EnhanceOptions, type GivenContext } from './request.ts'

/** A context of its own for one run, charged to `ledger`, within the budget that the options give. */
export function contextOf(
  signal: AbortSignal,
  deadline: number,
  { caller = 'default', priority, reproducible = false, budget }: EnhanceOptions,
  traceparent: string,
  ledger: Ledger,
): RunContext {
  return {
    id: randomUUID(),
    signal,
    deadline,
    class: classOf(priority),
    caller,
    reproducible,
    ledger: new Ledger(ledgerOptions(budget, ledger)),
    trace: new Trace(),
    traceparent,
  }
}

/** The options, with whom the request names where they name nobody. */
export function whoAsks(
  { metadata }: Pick<GivenContext, 'metadata'>,
  options: EnhanceOptions,
): EnhanceOptions {
  const { caller = metadata?.requester, priority = metadata?.priority } = options
  return { ...options, caller, priority }
}
