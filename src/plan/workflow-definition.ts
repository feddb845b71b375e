/**
 * A staged workflow as it is written: stages of steps, and what a step is given. What it means and what it costs
 * is `workflow-plan.ts`, how it runs `workflow.ts`.
 */
import type { Backoff, PlanNode, PortableForms, StageOptions, StepContext } from './node.ts'

/** Outputs by step. */
export type StepOutputs = Readonly<Record<string, unknown>>

/** What a step is given. It is shared with others: not to be changed. */
export type StepInput = {
  /** What the workflow was given. */
  readonly input: unknown
  /** The step's own. */
  readonly context: Readonly<Record<string, unknown>>
  /** Of the steps that it depends on. */
  readonly outputs: StepOutputs
  /** By stage, of the stages that its stage depends on; what failed in them has none. */
  readonly stages: Readonly<Record<string, StepOutputs>>
}

/** What a step does: gives plain data, or throws. */
export type StepHandler = (input: StepInput, step: StepContext) => unknown

/** `sequential`: never at the same time as another such step of its stage, in their order. */
export type StepType = 'parallel' | 'sequential'

type StepTerms = {
  /** Unique in its stage. */
  readonly stepId: string
  /** @default that of the stage */
  readonly stepType?: StepType
  /** Steps of the same stage; one that fails or is skipped has this one skipped. @default none */
  readonly dependencies?: readonly string[]
  /** Handed to the step; plain data. @default {} */
  readonly context?: Readonly<Record<string, unknown>>
  /** For all attempts, counted from the first slot it gets. @default the stage's limit alone */
  readonly timeoutMs?: number
  /** How often it is tried again after a retryable error. @default 0 */
  readonly retryCount?: number
  readonly backoff?: Backoff
}

/** A step does a function or a plan. What is told of a function is that of a `stage` of a plan. */
export type WorkflowStep = StepTerms &
  (
    | ({
        readonly handler: StepHandler
        readonly portable?: PortableForms<StepInput, unknown>
      } & Pick<StageOptions<StepInput, unknown>, 'version' | 'effects' | 'cost' | 'memo'>)
    | { readonly handler: PlanNode<StepInput> }
  )

/** Steps that belong together, none of which starts before the stage in front is over. */
export type WorkflowStage = {
  readonly stageId: string
  /** From 1, without gaps. */
  readonly stageNumber: number
  /** At least one. */
  readonly steps: readonly WorkflowStep[]
  /** Stages of lower numbers; one that fails or is skipped has this one skipped. @default none */
  readonly dependencies?: readonly string[]
  /** The executor's and what the workflow has left bind as well. @default the executor's */
  readonly timeoutMs?: number
  /** Whether it counts as done when some steps failed and at least one did not. @default false */
  readonly allowPartialFailure?: boolean
  /** Of its steps. @default 'parallel' */
  readonly stepType?: StepType
}

const inputForms = new WeakMap<StepInput, unknown>()

/**
 * Keeps the form of a step's input that its hash covers: hashes instead of the values, made by whoever gave them.
 * So a value is hashed once however many steps take it, and in the form that its giver chose.
 */
export const setInputForm = (input: StepInput, form: unknown): void => void inputForms.set(input, form)

/** That form; of an input that was given none, the input. */
export const inputFormOf = (input: StepInput): unknown => inputForms.get(input) ?? input
