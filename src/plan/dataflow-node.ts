/**
 * What a dataflow is made of: five kinds of node, edges between them, actions, conditions and reducers.
 * Nothing runs here. Functions have names and versions: they are what goes into a definition's id, since code
 * has none.
 *
 *   start     one; fills the state from the input
 *   action    fills its template, runs a plan on it, puts the result into the state
 *   choice    does nothing; the only kind that circles may lead through
 *   dataflow  runs another dataflow as an instance of its own
 *   end       fills the output from state and input
 *
 * From a node the first edge is taken whose condition holds, else the one without a condition.
 */
import type * as z from 'zod'
import { errorOf } from '../core/errors.ts'
import { type PlanNode, type StageOptions, type StepContext, stage } from './node.ts'

/**
 * Plain data in which texts may hold placeholders: `{{state.a.b}}`, `{{input.a}}`, `{{state}}`. A text that
 * is one placeholder becomes the value as it is; within a longer text it becomes text. Names of members are
 * taken as they are.
 */
export type Template = unknown

/** What an action's plan takes. */
export type ActionInput<P = unknown> = {
  /** The template, filled. */
  readonly params: P
  /**
   * The same whenever the same step of the same instance is run again, after a kill or a failure, and of no
   * other step; 64 hex digits. Who has seen it has done the work already.
   */
  readonly idempotencyKey: string
}

/** Something that a dataflow does. */
export type Action = {
  readonly name: string
  readonly version: string
  readonly template: Template
  readonly plan: PlanNode<ActionInput>
  readonly params?: z.ZodType
  readonly result?: z.ZodType
}

/** What an action is made from. */
export type ActionParts<P, R> = {
  readonly name: string
  /** Raise it when the same parameters come to something else. @default '1' */
  readonly version?: string
  readonly template: Template
  /** Checked after the template is filled. @default not checked */
  readonly params?: z.ZodType<P>
  /** Checked before the result goes into the state. @default not checked */
  readonly result?: z.ZodType<R>
} & (
  | ({
      /** A function of this process; it is made into a stage. */
      readonly run: (input: ActionInput<P>, step: StepContext) => R | Promise<R>
      readonly plan?: never
    } & Pick<StageOptions<unknown, unknown>, 'effects' | 'cost'>)
  | { readonly plan: PlanNode<ActionInput<P>, R>; readonly run?: never }
)

/** Decides whether an edge is taken. It must be a function of its arguments alone: it may be asked again. */
export type Condition<S = never, I = never> = {
  readonly name: string
  /** @default '1' */
  readonly version?: string
  readonly test: (state: S, input: I) => boolean
}

/** Makes the next state of the state and a result. It must be a function of its arguments alone. */
export type Reducer<S = never, I = never> = {
  readonly name: string
  /** @default '1' */
  readonly version?: string
  // biome-ignore lint/suspicious/noExplicitAny: a result has the type of whichever action stands there
  readonly reduce: (state: S, result: any, input: I) => S
}

/**
 * Where a result goes: a path of members in the state such as `review.score`, or what a reducer makes of it.
 */
export type Into<S = never, I = never> = string | Reducer<S, I>

/**
 * In which domain an action's remote leaves are dispatched: in that of the instance, in the one that a text
 * with placeholders names, or always in the same.
 */
export type DomainPolicy = 'inherit' | { readonly parameter: string } | { readonly fixed: string }

/** A typed place of the state, by which edges connect what one node leaves and another one reads. */
export type Port = {
  readonly schema: z.ZodType
  /** The path of members in the state. @default the port's name */
  readonly at?: string
  /** Whether every edge into the node must carry something to it; for inputs. @default true */
  readonly required?: boolean
}

/** Ports by name. */
export type Ports = Readonly<Record<string, Port>>

/** Where every instance begins. */
export type StartNode = {
  readonly kind: 'start'
  readonly id: string
  /** The first state, of the input alone. @default `{}` */
  readonly state?: Template
  readonly outputs?: Ports
}

/** Runs an action. */
export type ActionNode<S = never, I = never> = {
  readonly kind: 'action'
  readonly id: string
  readonly action: Action
  /** @default the result is dropped */
  readonly into?: Into<S, I>
  /** @default 'inherit' */
  readonly domain?: DomainPolicy
  readonly inputs?: Ports
  readonly outputs?: Ports
}

/** A place where ways part and meet. */
export type ChoiceNode = {
  readonly kind: 'choice'
  readonly id: string
  readonly inputs?: Ports
  readonly outputs?: Ports
}

/** Runs another dataflow. */
export type DataflowNode<S = never, I = never> = {
  readonly kind: 'dataflow'
  readonly id: string
  readonly definition: Dataflow<unknown>
  /** What it is given. */
  readonly template: Template
  /** Where its output goes. @default it is dropped */
  readonly into?: Into<S, I>
  /** The domain that it inherits from. @default 'inherit' */
  readonly domain?: DomainPolicy
  readonly inputs?: Ports
  readonly outputs?: Ports
}

/** Where instances end. */
export type EndNode = {
  readonly kind: 'end'
  readonly id: string
  /** The output. @default `'{{state}}'` */
  readonly output?: Template
  readonly inputs?: Ports
}

/** Any node. Its id is made of letters, digits, `.`, `_` and `-`. */
export type FlowNode<S = never, I = never> =
  | StartNode
  | ActionNode<S, I>
  | ChoiceNode
  | DataflowNode<S, I>
  | EndNode

/** A way from one node to another. */
export type FlowEdge<S = never, I = never> = {
  readonly from: string
  readonly to: string
  /** @default taken where no other edge from there is */
  readonly when?: Condition<S, I>
  /** Which output of the one is put into which input of the other, by the input's name. @default none */
  readonly carry?: Readonly<Record<string, string>>
}

/** What a dataflow is made from. */
export type DataflowParts<I = never, O = unknown, S = never> = {
  readonly name: string
  readonly input: z.ZodType<I>
  readonly output: z.ZodType<O>
  readonly state: z.ZodType<S>
  readonly nodes: readonly FlowNode<S, I>[]
  /** Of the edges from one node with a condition, the first that holds is taken. */
  readonly edges: readonly FlowEdge<S, I>[]
  /** What actions inherit where nothing else is said when an instance is started. @default 'local' */
  readonly domain?: string
}

/** A dataflow that has been checked; frozen. Made by `defineDataflow`. */
export type Dataflow<O = unknown> = {
  readonly name: string
  /**
   * Content hash of everything in it, 64 hex digits; functions by name and version, schemas by what they ask.
   */
  readonly id: string
  readonly input: z.ZodType
  readonly output: z.ZodType<O>
  readonly state: z.ZodType
  readonly domain: string
  readonly start: StartNode
  readonly nodes: ReadonlyMap<string, FlowNode>
  /** The edges from each node, those with a condition first. */
  readonly edges: ReadonlyMap<string, readonly FlowEdge[]>
}

/**
 * An action. A function is given the parameters and the idempotency key, so is a plan's first node.
 * @throws PlanError ER_PLAN_INVALID without a name.
 */
export function action<P = unknown, R = unknown>(parts: ActionParts<P, R>): Action {
  const { name, version = '1', template, params, result } = parts
  if (name === '') throw errorOf('ER_PLAN_INVALID', 'An action needs a name')
  const schemas = { ...(params && { params }), ...(result && { result }) }
  return Object.freeze({ name, version, template, plan: planOf(parts, version), ...schemas })
}

function planOf<P, R>(parts: ActionParts<P, R>, version: string): PlanNode<ActionInput> {
  if (parts.plan !== undefined) return parts.plan as unknown as PlanNode<ActionInput>
  const { name, run, effects, cost } = parts
  const made = stage(name, run, {
    version,
    ...(effects && { effects }),
    ...(cost && { cost }),
    // The key tells instances apart, not what was asked: two that did the same have the same trace.
    portable: { input: ({ params }) => params },
  })
  return made as unknown as PlanNode<ActionInput>
}
