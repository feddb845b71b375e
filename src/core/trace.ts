/**
 * What happened, as a fingerprint: a tree of steps in plan order, each with its identities, and one root hash
 * over them. Times, workers, attempts and memo hits stay out, so two runs that did the same hash the same.
 *
 *   executionKey = H(node, version, H(input), H(config))                    what was asked: the key for memoising
 *   traceHash    = H(node, version, H(input), H(config), H(output), children)     what came of it, portable
 *   exactHash    = the same over the exact output                           what came of it, to the last bit
 *   root         = H(label and traceHash of each step, in plan order)
 *
 * The portable hash covers texts and decisions as they are, probabilities rounded to four decimals, a vector
 * by what it was made from (model revision and text), since its last bits move between machines and with a
 * row's place in its batch. The exact one covers the bytes, and holds on the same machine and library only.
 * A step keeps hashes, not values: whoever has a trace can verify it and can't read the sources from it.
 */
import { sha256, valueHash } from './hash.ts'

export { valueHash } from './hash.ts'

/** What identifies one execution: the node's name, its version, what it was given and how it was set. */
export type Execution = {
  readonly node: string
  readonly version: string
  readonly input: unknown
  readonly config: unknown
}

/** How a step ended. What was never begun, because something before it failed, is skipped. */
export type StepStatus = 'ok' | 'failed' | 'skipped'

/** One step as it stands in a trace. */
export type TraceStep = {
  readonly node: string
  readonly version: string
  /** Its name in the composite around it, such as a branch of a Parallel; empty where it has none. */
  readonly label: string
  readonly status: StepStatus
  readonly inputHash: string
  readonly configHash: string
  /** Of the portable form of the output; of the error's code where it failed; empty where it was skipped. */
  readonly outputHash: string
  readonly exactOutputHash: string
  readonly executionKey: string
  readonly traceHash: string
  readonly exactHash: string
  readonly children: readonly TraceStep[]
}

/** A trace as data, in results and in the store. */
export type TraceRecord = {
  readonly hash: string
  readonly exactHash: string
  readonly steps: readonly TraceStep[]
}

/** What came of a step. `exact` is the output to the last bit, where that differs from the portable form. */
export type StepOutcome = {
  readonly output: unknown
  readonly exact?: unknown
  /** @default 'ok' */
  readonly status?: StepStatus
  readonly label?: string
  /** In plan order. @default none */
  readonly children?: readonly TraceStep[]
}

/** Equal for equal work: the key of memo and result cache. */
export const executionKey = ({ node, version, input, config }: Execution): string =>
  keyOf(node, version, valueHash(input), valueHash(config))

/** The step of one execution that came to something. */
export function stepOf(execution: Execution, outcome: StepOutcome): TraceStep {
  const { node, version, input, config } = execution
  const { output, exact = output } = outcome
  const outputHash = valueHash(output)
  return stepOfHashes({
    node,
    version,
    label: outcome.label ?? '',
    status: outcome.status ?? 'ok',
    inputHash: valueHash(input),
    configHash: valueHash(config),
    outputHash,
    exactOutputHash: exact === output ? outputHash : valueHash(exact),
    children: outcome.children ?? [],
  })
}

/** What a step is made from. */
export type StepParts = Omit<TraceStep, 'executionKey' | 'traceHash' | 'exactHash'>

/** The step with its identities computed from its parts. */
export function stepOfHashes(parts: StepParts): TraceStep {
  const { node, version, inputHash, configHash, status, children } = parts
  const hashOver = (output: string, name: HashName) =>
    tupleHash('trace', node, version, inputHash, configHash, status, output, ...labelled(children, name))
  return {
    ...parts,
    executionKey: keyOf(node, version, inputHash, configHash),
    traceHash: hashOver(parts.outputHash, 'traceHash'),
    exactHash: hashOver(parts.exactOutputHash, 'exactHash'),
  }
}

/** Collects the steps of one request, in plan order. */
export class Trace {
  readonly #steps: TraceStep[] = []

  add(step: TraceStep): void {
    this.#steps.push(step)
  }

  /** The steps so far and the root hashes over them. */
  record(): TraceRecord {
    return recordOf([...this.#steps])
  }
}

/** The record over steps in plan order. */
export const recordOf = (steps: readonly TraceStep[]): TraceRecord => ({
  hash: tupleHash('trace-root', ...labelled(steps, 'traceHash')),
  exactHash: tupleHash('trace-root', ...labelled(steps, 'exactHash')),
  steps,
})

/** `value` rounded to four decimals, the precision that a portable hash covers. */
export const portable = (value: number): number => Math.round(value * 1e4) / 1e4

type HashName = 'traceHash' | 'exactHash'

/** A step's label is its name in what is around it, and so goes into the hash of that. */
const labelled = (steps: readonly TraceStep[], name: HashName): readonly string[] =>
  steps.flatMap(step => [step.label, step[name]])

const keyOf = (node: string, version: string, inputHash: string, configHash: string): string =>
  tupleHash('execution', node, version, inputHash, configHash)

/** JSON keeps the parts of a tuple apart: ("a", "bc") and ("ab", "c") never meet. */
const tupleHash = (...parts: readonly string[]): string => sha256(JSON.stringify(parts))
