/**
 * What a staged workflow compiles to: a node for each step, an order for each stage, one plan for the whole.
 * Stages come one after another by their numbers; in a stage a step waits for the steps that it depends on and
 * for nothing else. Nothing runs here; `workflow-stage.ts` starts a step's node when the step is free to go.
 */
import { now } from '../core/async.ts'
import type { RunContext } from '../core/call.ts'
import { errorOf } from '../core/errors.ts'
import { canonicalJson } from '../core/hash.ts'
import { costOf } from './cost.ts'
import { type PlanNode, parallel, retry, type StageOptions, sequential, stage } from './node.ts'
import { preflight } from './preflight.ts'
import {
  inputFormOf,
  type StepHandler,
  type StepInput,
  type WorkflowStage,
  type WorkflowStep,
} from './workflow-definition.ts'
import { circleIn, longestPath, type Shape, sequenceOf, shapeOf, type Waits } from './workflow-order.ts'

/** A step with its node; `needs` are the steps that it depends on, by their places in the stage. */
export type CompiledStep = {
  readonly step: WorkflowStep
  readonly node: PlanNode<StepInput>
  readonly needs: readonly number[]
}

/** A stage whose order is known. `waits` has what each step waits for: what it needs, and its turn. */
export type CompiledStage = {
  readonly stage: WorkflowStage
  readonly steps: readonly CompiledStep[]
  readonly waits: Waits
  readonly sequence: readonly number[]
  readonly plan: PlanNode
}

/**
 * The workflow as a plan, to be explained, costed, checked for effects and identified. A step may stand in it
 * behind more than it waits for (see `shapeOf`), so that its time is an upper bound; all else is exact. It has
 * the order only: which output goes to which step is for a `StagedParallelExecutor`, so it takes no input.
 * @throws PlanError ER_PLAN_INVALID as `compile` does.
 */
export const workflowPlan = (stages: readonly WorkflowStage[]): PlanNode => planOf(compile(stages))

const planOf = (stages: readonly CompiledStage[]): PlanNode => sequential(...stages.map(({ plan }) => plan))

/**
 * Nothing, where the least that stages may take fits into what the ledger and the deadline leave.
 * @throws BudgetError ER_BUDGET_REFUSED as `preflight` does; DeadlineError ER_DEADLINE when the deadline passes
 * before the longest chain of steps can be done.
 */
export function assertFits(stages: readonly CompiledStage[], { deadline, ledger }: RunContext): void {
  // The plan's own time is an upper bound only.
  preflight(planOf(stages), { ledger, deadline: Number.POSITIVE_INFINITY, now: now() })
  const leastMs = stages.reduce((sum, { steps, waits }) => {
    const timeMs = (place: number) => costOf((steps[place] as CompiledStep).node).least.timeMs
    return sum + longestPath(waits, timeMs)
  }, 0)
  const leftMs = deadline - now()
  if (leastMs <= leftMs) return
  const left = leftMs < 0 ? 'has passed' : `is in ${Math.floor(leftMs)} ms`
  throw errorOf('ER_DEADLINE', `The workflow needs at least ${Math.ceil(leastMs)} ms; the deadline ${left}`)
}

/**
 * Stages by their numbers, with the order of their steps.
 * @throws PlanError ER_PLAN_INVALID for no stages or steps, identifiers that are empty or stand twice, numbers
 * other than 1 to n, dependencies that are missing, come later or go in a circle, and figures out of range.
 */
export function compile(stages: readonly WorkflowStage[]): readonly CompiledStage[] {
  if (stages.length === 0) throw invalid('A workflow needs at least one stage')
  const sorted = stages.toSorted((a, b) => a.stageNumber - b.stageNumber)
  const ids = sorted.map(({ stageId }) => stageId)
  checkIds('stage', ids, 'the workflow')
  checkNumbers(sorted)
  const waits = sorted.map(({ stageId, dependencies = [] }) =>
    placesOf(dependencies, ids, `Stage ${stageId}`),
  )
  checkCircle(waits, ids, 'Stages')
  for (const [place, { dependencies = [], stageId }] of sorted.entries()) {
    const later = dependencies.find(id => ids.indexOf(id) > place)
    if (later === undefined) continue
    throw invalid(`Stage ${stageId} depends on stage ${later}, which has a higher number`, stageId)
  }
  return sorted.map(compileStage)
}

/**
 * One stage, with the order of its steps.
 * @throws PlanError ER_PLAN_INVALID as `compile` does for what concerns one stage.
 */
export function compileStage(stage: WorkflowStage): CompiledStage {
  const { allowPartialFailure = false, stageId, steps, timeoutMs } = stage
  const what = `stage ${stageId}`
  if (steps.length === 0) throw invalid(`Stage ${stageId} has no steps`, stageId)
  const ids = steps.map(({ stepId }) => stepId)
  checkIds('step', ids, what)
  checkTime(timeoutMs, `Stage ${stageId}`)
  const needs = steps.map(({ dependencies = [], stepId }) =>
    placesOf(dependencies, ids, `Step ${stepId} of ${what}`),
  )
  checkCircle(needs, ids, `Steps of ${what}`)
  const waits = inTurn(stage, needs)
  const nodes = steps.map(step => nodeOf(stage, step))
  const onError = allowPartialFailure ? 'settle' : 'fail'
  return {
    stage,
    steps: steps.map((step, place) => ({
      step,
      node: nodes[place] as PlanNode<StepInput>,
      needs: needs[place] ?? [],
    })),
    waits,
    sequence: sequenceOf(waits),
    plan: planOfShape(shapeOf(waits), ids, nodes, onError),
  }
}

/** What steps wait for: what they need and, where they are sequential, the sequential step before. */
function inTurn({ stepType: usual = 'parallel', steps }: WorkflowStage, needs: Waits): Waits {
  const turns = sequenceOf(needs).filter(place => (steps[place]?.stepType ?? usual) === 'sequential')
  const before = new Map(turns.slice(1).map((place, turn) => [place, turns[turn] as number]))
  return needs.map((others, place) => {
    const previous = before.get(place)
    return previous === undefined || others.includes(previous) ? others : [...others, previous]
  })
}

function nodeOf({ stageId }: WorkflowStage, step: WorkflowStep): PlanNode<StepInput> {
  const { backoff, context = {}, retryCount = 0, stepId, timeoutMs } = step
  const what = `Step ${stepId} of stage ${stageId}`
  checkTime(timeoutMs, what)
  checkContext(context, what)
  if (!Number.isSafeInteger(retryCount) || retryCount < 0)
    throw invalid(`${what} has a whole number of retries from 0, not ${retryCount}`, `${stageId}/${stepId}`)
  const node = isPlan(step.handler) ? step.handler : leafOf(`${stageId}.${stepId}`, step, step.handler)
  return retryCount === 0 ? node : retry(node, retryCount + 1, backoff)
}

const isPlan = (handler: WorkflowStep['handler']): handler is PlanNode<StepInput> =>
  typeof handler !== 'function'

function leafOf(name: string, step: WorkflowStep, handler: StepHandler): PlanNode<StepInput> {
  const { context, cost, effects, memo, portable, version } = step as StageOptions<StepInput, unknown> &
    WorkflowStep

  const portableForms = { input: inputFormOf, ...portable }
  return stage(name, handler, { version, effects, cost, memo, config: context, portable: portableForms })
}

function planOfShape(
  shape: Shape,
  ids: readonly string[],
  nodes: readonly PlanNode[],
  onError: 'fail' | 'settle',
): PlanNode {
  if (shape.kind === 'one') return nodes[shape.index] as PlanNode
  const parts = shape.parts.map(part => [nameOf(part, ids), planOfShape(part, ids, nodes, onError)] as const)
  if (shape.kind === 'in-turn') return sequential(...parts.map(([, node]) => node))
  const branches = Object.fromEntries(parts)
  return onError === 'fail' ? parallel(branches) : parallel(branches, { onError })
}

/** Identifiers are unique, so the first of a part is enough to tell it from those beside it. */
const nameOf = (shape: Shape, ids: readonly string[]): string =>
  shape.kind === 'one' ? (ids[shape.index] as string) : nameOf(shape.parts[0] as Shape, ids)

function checkIds(what: string, ids: readonly string[], where: string): void {
  if (ids.includes('')) throw invalid(`A ${what} of ${where} has no identifier`)
  const twice = ids.find((id, place) => ids.indexOf(id) !== place)
  if (twice !== undefined) throw invalid(`There is more than one ${what} ${twice} in ${where}`)
}

function checkNumbers(sorted: readonly WorkflowStage[]): void {
  for (const [place, { stageId, stageNumber }] of sorted.entries())
    if (stageNumber !== place + 1)
      throw invalid(
        `Stages are numbered from 1 without gaps: ${stageId} has ${stageNumber}, where ${place + 1} is to be`,
        stageId,
      )
}

function checkTime(timeoutMs: number | undefined, what: string): void {
  if (timeoutMs !== undefined && !(timeoutMs > 0))
    throw invalid(`${what} has a time limit above 0 ms, not ${timeoutMs}`)
}

function checkContext(context: unknown, what: string): void {
  try {
    canonicalJson(context)
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw invalid(`The context of ${what.toLowerCase()} is not plain data: ${why}`)
  }
}

function placesOf(dependencies: readonly string[], ids: readonly string[], what: string): readonly number[] {
  return [...new Set(dependencies)].map(id => {
    const place = ids.indexOf(id)
    if (place >= 0) return place
    throw invalid(`${what} depends on ${id}, which is not there; there are ${ids.join(', ')}`)
  })
}

function checkCircle(waits: Waits, ids: readonly string[], what: string): void {
  const circle = circleIn(waits)
  if (circle === undefined) return
  throw invalid(`${what} depend on each other in a circle: ${circle.map(place => ids[place]).join(' → ')}`)
}

const invalid = (message: string, path?: string) =>
  errorOf('ER_PLAN_INVALID', message, path === undefined ? {} : { path })
