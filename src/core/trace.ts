/**
 * What happened, as a fingerprint: steps in plan order, each with its execution key and trace hash, and one
 * root hash over them. Times, workers and attempts stay out, so two runs that did the same hash the same.
 *
 *   executionKey = H(node, version, input, config)             what was asked: the key for memoising
 *   traceHash    = H(node, version, input, config, output)     what came of it
 *   root         = H(trace, [traceHash of each step, in plan order])
 *
 * The hash is portable: texts and decisions go in as they are, probabilities rounded to four decimals, a
 * vector by the hash of what it was made from (model revision and text), since its last bits move between
 * machines.
 */
import { contentHash } from './hash.ts'

/** What identifies one execution: the node's name, its version, what it was given and how it was set. */
export type Execution = {
  readonly node: string
  readonly version: string
  readonly input: unknown
  readonly config: unknown
}

/** One step as it stands in a trace. `output` is not kept, only hashed. */
export type TraceStep = {
  readonly node: string
  readonly version: string
  readonly executionKey: string
  readonly traceHash: string
}

/** A trace as data, in results. */
export type TraceRecord = {
  readonly hash: string
  readonly steps: readonly TraceStep[]
}

/** Equal for equal work: the key of memo and result cache. */
export const executionKey = (execution: Execution): string =>
  contentHash('execution', execution.node, execution.version, execution.input, execution.config)

/** Equal when the same work had the same outcome. */
export const traceHash = (execution: Execution, output: unknown): string =>
  contentHash('trace', execution.node, execution.version, execution.input, execution.config, output)

/** `value` rounded to four decimals, the precision that a portable hash covers. */
export const portable = (value: number): number => Math.round(value * 1e4) / 1e4

/** Collects the steps of one request. `order` is the step's place in the plan, not its finishing time. */
export class Trace {
  readonly #steps = new Map<number, TraceStep>()

  add(order: number, execution: Execution, output: unknown): TraceStep {
    const step = {
      node: execution.node,
      version: execution.version,
      executionKey: executionKey(execution),
      traceHash: traceHash(execution, output),
    }
    this.#steps.set(order, step)
    return step
  }

  /** The steps in plan order and the root hash over them. */
  record(): TraceRecord {
    const steps = [...this.#steps].sort(([a], [b]) => a - b).map(([, step]) => step)
    return { hash: rootHash(steps), steps }
  }
}

/** The root hash over steps in plan order. */
export const rootHash = (steps: readonly TraceStep[]): string =>
  contentHash(
    'trace-root',
    steps.map(step => step.traceHash),
  )
