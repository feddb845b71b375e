/** Small dataflows that are right, and pieces to make others of that are not, for tests of definitions. */
import * as z from 'zod'
import { PlanError } from '../../src/core/errors.ts'
import { action, defineDataflow } from '../../src/plan/dataflow.ts'
import type {
  Action,
  Dataflow,
  DataflowParts,
  EndNode,
  FlowEdge,
  FlowNode,
  StartNode,
} from '../../src/plan/dataflow-node.ts'

/** What the small dataflows of the tests keep and are given. */
export type State = { n: number; text?: string | undefined; list: string[] }
export type Input = { first: number }
export type Node = FlowNode<State, Input>
export type Edge = FlowEdge<State, Input>

export const schemas = {
  input: z.object({ first: z.number() }),
  output: z.object({ n: z.number() }),
  state: z.object({ n: z.number(), text: z.string().optional(), list: z.array(z.string()).default([]) }),
}
export const start: StartNode = { kind: 'start', id: 'start', state: { n: '{{input.first}}' } }
export const end: EndNode = { kind: 'end', id: 'end', output: { n: '{{state.n}}' } }
export const work = (changes: Partial<Action> = {}): Action => ({
  ...action({ name: 'work', template: { n: '{{state.n}}' }, run: () => 1, result: z.number() }),
  ...changes,
})
export const act = (id: string, changes: Partial<Extract<Node, { kind: 'action' }>> = {}): Node => ({
  kind: 'action',
  id,
  action: work(),
  into: 'n',
  ...changes,
})
export const choice = (id: string): Node => ({ kind: 'choice', id })
/** Edges without conditions: `a b` leads from a to b. */
export const ways = (...pairs: string[]): { from: string; to: string }[] =>
  pairs.map(pair => {
    const [from = '', to = ''] = pair.split(' ')
    return { from, to }
  })
export const always = { name: 'always', test: () => true }

export const plain = (changes: Partial<DataflowParts<Input, { n: number }, State>> = {}): Dataflow =>
  defineDataflow({
    name: 'plain',
    ...schemas,
    nodes: [start, act('a'), end],
    edges: ways('start a', 'a end'),
    ...changes,
  })

/** The faults that a definition is refused with. */
export function faultsOf(define: () => unknown): string[] {
  try {
    define()
  } catch (error) {
    if (!(error instanceof PlanError)) throw error
    const [message, ...faults] = error.message.split('\n')
    return faults.length > 0 ? faults : [message as string]
  }
  return []
}
export const shape = (nodes: Node[], edges: Edge[]) => faultsOf(() => plain({ nodes, edges }))
