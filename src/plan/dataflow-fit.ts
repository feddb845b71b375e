/**
 * Whether what flows through a dataflow fits where it goes: templates into what they fill, results into the
 * state, and what edges carry from port to port. Only what can be seen from the schemas: what they leave open
 * is checked when the value is there.
 */
import type * as z from 'zod'
import { edgeName } from './dataflow-check.ts'
import type { DataflowParts, FlowEdge, FlowNode, Into, Port, Ports, Template } from './dataflow-node.ts'
import { pathNames, plainCopy, type Scope, schemaOfTemplate } from './dataflow-template.ts'
import { fits, schemaAt } from './schema-fit.ts'
import { graphOf, nodeOf, type SchemaNode } from './schema-graph.ts'
import { schemaId } from './schema-id.ts'

/** The faults of what flows through a dataflow; none is fine. */
export const flowFaults = (parts: DataflowParts): readonly string[] => new Flow(parts).faults()

class Flow {
  readonly #parts: DataflowParts
  readonly #faults: string[] = []
  /** Of input and state as placeholders find them. */
  readonly #scope: { readonly state: SchemaNode; readonly input: SchemaNode }
  /** Of the state as it takes what is put into it. */
  readonly #taking: SchemaNode

  constructor(parts: DataflowParts) {
    this.#parts = parts
    const { input, state } = parts
    this.#scope = { state: this.#graph('The state', state), input: this.#graph('The input', input) }
    this.#taking = this.#graph('The state', state, 'input')
  }

  faults(): readonly string[] {
    this.#graph('The output', this.#parts.output)
    for (const node of this.#parts.nodes) this.#checkNode(node)
    for (const edge of this.#parts.edges) this.#checkEdge(edge)
    return [...new Set(this.#faults)]
  }

  #checkNode(node: FlowNode): void {
    const where = `Node ${JSON.stringify(node.id)}`
    const { input } = this.#scope
    this.#checkPorts(where, node)
    switch (node.kind) {
      case 'start':
        this.#checkTemplate(`${where}: the first state`, node.state ?? {}, this.#taking, { input })
        return
      case 'action': {
        const { params, result, template } = node.action
        const wanted = params && this.#graph(`${where}: params`, params, 'input')
        this.#checkTemplate(`${where}: its template`, template, wanted)
        this.#checkInto(where, node.into, result)
        if (typeof node.domain === 'object') this.#checkDomain(where, node.domain)
        return
      }
      case 'dataflow': {
        const { definition, domain, into, template } = node
        const wanted = this.#graph(`${where}: the input of ${definition.name}`, definition.input, 'input')
        this.#checkTemplate(`${where}: its template`, template, wanted)
        this.#checkInto(where, into, definition.output)
        if (typeof domain === 'object') this.#checkDomain(where, domain)
        return
      }
      case 'end': {
        const wanted = this.#graph('The output', this.#parts.output, 'input')
        this.#checkTemplate(`${where}: its output`, node.output ?? '{{state}}', wanted)
        return
      }
    }
  }

  #checkDomain(where: string, domain: { parameter: string } | { fixed: string }): void {
    if ('parameter' in domain) this.#checkTemplate(`${where}: its domain`, domain.parameter, text)
    else if (domain.fixed === '') this.#faults.push(`${where}: a domain needs a name`)
  }

  #checkTemplate(
    what: string,
    template: Template,
    wanted: SchemaNode | undefined,
    scope: Scope<SchemaNode> = this.#scope,
  ): void {
    const before = this.#faults.length
    this.#trying(() => plainCopy(template, what))
    if (this.#faults.length > before) return
    const given = schemaOfTemplate(template, scope, fault => this.#faults.push(`${what}: ${fault}`))
    if (this.#faults.length > before || wanted === undefined || fits(given, wanted, { gradual: true })) return
    this.#faults.push(`${what} gives what doesn't fit the schema that it is to fill`)
  }

  #checkInto(where: string, into: Into | undefined, result: z.ZodType | undefined): void {
    const given = result && this.#graph(`${where}: its result`, result)
    if (typeof into !== 'string') return
    const place = this.#placeAt(`${where}: its result goes into`, into)
    if (place === undefined || given === undefined || fits(given, place, { gradual: true })) return
    this.#faults.push(`${where}: its result doesn't fit what the state takes at ${into || 'its top'}`)
  }

  /** What the state takes at `path`. */
  #placeAt(what: string, path: string): SchemaNode | undefined {
    const place = schemaAt(this.#taking, pathNames(path))
    // What a state drops when it is checked is as little there as what it refuses.
    if (place !== undefined && schemaAt(this.#scope.state, pathNames(path)) !== undefined) return place
    this.#faults.push(`${what} ${JSON.stringify(path)}, which the state can't hold`)
    return undefined
  }

  #checkPorts(where: string, node: FlowNode): void {
    const { inputs, outputs } = portsOf(node)
    for (const [name, { at = name, schema }] of Object.entries(outputs)) {
      this.#graph(`${where}: output ${name}`, schema)
      this.#placeAt(`${where}: output ${name} lies at`, at)
    }
    for (const [name, { at = name, schema }] of Object.entries(inputs)) {
      const given = this.#graph(`${where}: input ${name}`, schema)
      const place = this.#placeAt(`${where}: input ${name} lies at`, at)
      if (place === undefined || fits(given, place, { gradual: true })) continue
      this.#faults.push(`${where}: input ${name} doesn't fit what the state takes at ${at}`)
    }
  }

  #checkEdge(edge: FlowEdge): void {
    const [from, to] = [edge.from, edge.to].map(id => this.#parts.nodes.find(node => node.id === id))
    if (from === undefined || to === undefined) return
    const [{ outputs }, { inputs }] = [portsOf(from), portsOf(to)]
    const carried = Object.entries(edge.carry ?? {})
    for (const [name, output] of carried) {
      const [source, target] = [portNamed(outputs, output), portNamed(inputs, name)]
      if (source === undefined) this.#faults.push(`${edgeName(edge)}: ${edge.from} has no output ${output}`)
      if (target === undefined) this.#faults.push(`${edgeName(edge)}: ${edge.to} has no input ${name}`)
      if (source === undefined || target === undefined || this.#fitsPort(source, target)) continue
      this.#faults.push(`${edgeName(edge)}: output ${output} doesn't fit input ${name}`)
    }
    for (const [name, { required = true }] of Object.entries(inputs))
      if (required && !carried.some(([input]) => input === name))
        this.#faults.push(`${edgeName(edge)} carries nothing to input ${name}, which is required`)
  }

  #fitsPort({ schema: from }: Port, { schema: to }: Port): boolean {
    try {
      return schemaId(from) === schemaId(to) || fits(graphOf(from), graphOf(to, 'input'))
    } catch {
      return true // that one of them is no schema of plain data has been told
    }
  }

  #graph(what: string, schema: z.ZodType, io: 'input' | 'output' = 'output'): SchemaNode {
    let graph = nodeOf({})
    this.#trying(() => {
      graph = graphOf(schema, io)
    }, what)
    return graph
  }

  #trying(work: () => void, what?: string): void {
    try {
      work()
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      this.#faults.push(what === undefined ? reason : `${what}: ${reason}`)
    }
  }
}

const text = nodeOf({ type: 'string' })

/** The ports of a node; a start has no inputs, an end no outputs. */
export function portsOf(node: FlowNode): { readonly inputs: Ports; readonly outputs: Ports } {
  const { inputs = {}, outputs = {} } = node as { readonly inputs?: Ports; readonly outputs?: Ports }
  return { inputs, outputs }
}

const portNamed = (ports: Ports, name: string): Port | undefined =>
  Object.hasOwn(ports, name) ? ports[name] : undefined
