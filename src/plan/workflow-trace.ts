/**
 * How a staged workflow stands in a trace: one step for the whole, under it the stages by their numbers, under
 * each its steps as they were written, under each what its own plan left. Whatever ends first, the tree is the
 * same; times are not in it.
 */
import { stepOfHashes, type TraceStep, valueHash } from '../core/trace.ts'
import type { PlanNode } from './node.ts'
import { factsOf, type Hashes, joined, noHashes } from './outcome.ts'
import type { CompiledStage } from './workflow-plan.ts'

/** How something ended: well, never begun, or failed with the code of an error. */
export type Ending = 'ok' | 'skipped' | { readonly code: string }

/** A step that was never begun. */
export const skippedStep = (node: PlanNode, label: string): TraceStep => stepOfNode(node, label, 'skipped')

/** A step that was begun, and whose plan has left nothing. */
export const lostStep = (node: PlanNode, label: string, code: string): TraceStep =>
  stepOfNode(node, label, 'failed', codeHashes(code))

/** The step of a stage. What it gave is what its steps gave, each with how it ended. */
export function stageStep(
  { stage }: CompiledStage,
  inputHash: string,
  ending: Ending,
  children: readonly TraceStep[],
): TraceStep {
  const { allowPartialFailure = false, stageId, stageNumber } = stage
  // What depends on what shows in the inputs.
  const config = { stageNumber, allowPartialFailure }
  return composite('workflow-stage', stageId, config, inputHash, ending, children)
}

/** The step of a whole workflow. */
export const workflowStep = (
  failFast: boolean,
  inputHash: string,
  ending: Ending,
  children: readonly TraceStep[],
): TraceStep => composite('workflow', '', { failFast }, inputHash, ending, children)

function composite(
  node: string,
  label: string,
  config: unknown,
  inputHash: string,
  ending: Ending,
  children: readonly TraceStep[],
): TraceStep {
  const output = endHashes(ending, children)
  return stepOfHashes({
    node,
    version: '1',
    label,
    status: typeof ending === 'object' ? 'failed' : ending,
    inputHash: ending === 'skipped' ? '' : inputHash,
    configHash: valueHash(config),
    outputHash: output.hash,
    exactOutputHash: output.exact,
    children,
  })
}

function endHashes(ending: Ending, children: readonly TraceStep[]): Hashes {
  if (ending === 'skipped') return noHashes
  if (ending !== 'ok') return codeHashes(ending.code)
  const parts = children.flatMap(({ exactOutputHash, label, outputHash, status }) => [
    label,
    status,
    { hash: outputHash, exact: exactOutputHash },
  ])
  return joined('workflow', undefined, parts)
}

function stepOfNode(
  node: PlanNode,
  label: string,
  status: 'failed' | 'skipped',
  { exact, hash }: Hashes = noHashes,
): TraceStep {
  const { configHash, name, version } = factsOf(node)
  const hashes = { inputHash: '', outputHash: hash, exactOutputHash: exact }
  return stepOfHashes({ node: name, version, label, status, configHash, ...hashes, children: [] })
}

function codeHashes(code: string): Hashes {
  const hash = valueHash(code)
  return { hash, exact: hash }
}
