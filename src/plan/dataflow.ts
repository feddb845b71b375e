/**
 * Process dataflows as values: `defineDataflow` checks everything that can be checked before anything runs,
 * and gives the definition an id that changes with whatever it does. Running is for `dataflow-run.ts`.
 */
import { errorOf } from '../core/errors.ts'
import { contentHash } from '../core/hash.ts'
import { shapeFaults } from './dataflow-check.ts'
import { flowFaults, portsOf } from './dataflow-fit.ts'
import type {
  Action,
  Dataflow,
  DataflowParts,
  FlowEdge,
  FlowNode,
  Into,
  Ports,
  StartNode,
} from './dataflow-node.ts'
import { plainCopy } from './dataflow-template.ts'
import { schemaId } from './schema-id.ts'

export { action } from './dataflow-node.ts'

/** The domain that there always is. */
export const localDomain = 'local'

/**
 * A dataflow over three schemas: what an instance is given, what it gives, and what it keeps between its
 * steps. They must say what JSON can: no dates, bigints, functions or transforms.
 * @throws PlanError ER_PLAN_INVALID, whose message lists every fault that was found.
 */
export function defineDataflow<I, O, S>(parts: DataflowParts<I, O, S>): Dataflow<O> {
  // Functions of known types are kept as ones that nothing is known of; whoever calls them has checked the
  // types.
  const { name, input, state, domain = localDomain, nodes, edges } = parts as unknown as DataflowParts
  const unchecked = parts as unknown as DataflowParts
  const faults = [...shapeFaults(unchecked), ...flowFaults(unchecked)]
  if (faults.length > 0)
    throw errorOf('ER_PLAN_INVALID', `The dataflow ${JSON.stringify(name)} can't run:\n${faults.join('\n')}`)
  const made = nodes.map(copied)
  return Object.freeze({
    name,
    id: idOf(unchecked),
    input,
    output: parts.output,
    state,
    domain,
    start: made.find(({ kind }) => kind === 'start') as StartNode,
    nodes: new Map(made.map(node => [node.id, node])),
    edges: edgesByNode(edges),
  })
}

/** What the caller still holds must not change what was checked. */
function copied(node: FlowNode): FlowNode {
  const template = (value: unknown) => plainCopy(value, `The template of ${node.id}`)
  switch (node.kind) {
    case 'start':
      return Object.freeze({ ...node, state: template(node.state ?? {}) })
    case 'action': {
      const action = Object.freeze({ ...node.action, template: template(node.action.template) })
      return Object.freeze({ ...node, action })
    }
    case 'choice':
      return Object.freeze({ ...node })
    case 'dataflow':
      return Object.freeze({ ...node, template: template(node.template) })
    case 'end':
      return Object.freeze({ ...node, output: template(node.output ?? '{{state}}') })
  }
}

function edgesByNode(edges: readonly FlowEdge[]): ReadonlyMap<string, readonly FlowEdge[]> {
  const byNode = Map.groupBy(edges, ({ from }) => from)
  const inOrder = (among: readonly FlowEdge[]) =>
    Object.freeze([
      ...among.filter(({ when }) => when !== undefined),
      ...among.filter(({ when }) => when === undefined),
    ])
  return new Map(
    [...byNode].map(([id, among]) => [id, inOrder(among.map(edge => Object.freeze({ ...edge })))]),
  )
}

function idOf({ name, input, output, state, domain, nodes, edges }: DataflowParts): string {
  const byId = nodes.toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const ways = edgesByNode(edges)
  return contentHash('dataflow', name, domain ?? localDomain, [input, output, state].map(schemaId), [
    ...byId.map(node => [nodeForm(node), (ways.get(node.id) ?? []).map(edgeForm)]),
  ])
}

function nodeForm(node: FlowNode): unknown {
  const { inputs, outputs } = portsOf(node)
  const form = { kind: node.kind, id: node.id, inputs: portForms(inputs), outputs: portForms(outputs) }
  switch (node.kind) {
    case 'start':
      return { ...form, state: node.state ?? {} }
    case 'action': {
      const { action, domain = 'inherit', into } = node
      return { ...form, action: actionForm(action), domain, into: intoForm(into) }
    }
    case 'choice':
      return form
    case 'dataflow': {
      const { definition, domain = 'inherit', into, template } = node
      return { ...form, definition: definition.id, template, domain, into: intoForm(into) }
    }
    case 'end':
      return { ...form, output: node.output ?? '{{state}}' }
  }
}

const actionForm = ({ name, version, template, params, result }: Action) => ({
  name,
  version,
  template,
  params: params && schemaId(params),
  result: result && schemaId(result),
})

const intoForm = (into: Into | undefined) =>
  typeof into === 'object' ? { name: into.name, version: into.version ?? '1' } : into

const portForms = (ports: Ports) =>
  Object.entries(ports)
    .map(([name, { at = name, required = true, schema }]) => [name, at, required, schemaId(schema)] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1))

const edgeForm = ({ to, when, carry = {} }: FlowEdge) => ({
  to,
  when: when && { name: when.name, version: when.version ?? '1' },
  carry,
})
