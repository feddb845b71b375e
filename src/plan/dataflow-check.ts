/**
 * What is wrong with the shape of a dataflow: nodes, edges and the ways through them. Whether what flows
 * along fits where it goes is asked of `dataflow-fit.ts`. Each check gives all that it finds, a sentence a
 * fault.
 */
import type { Dataflow, DataflowParts, FlowEdge, FlowNode } from './dataflow-node.ts'

/** Ids must not hold what joins them to others in the ids of instances. */
const idForm = /^[\w.-]+$/

/** The faults of a dataflow's shape; none is fine. */
export function shapeFaults(parts: DataflowParts): readonly string[] {
  const { name, nodes, edges } = parts
  const nameless = name === '' ? ['A dataflow needs a name'] : []
  const faults = [...nameless, ...nodeFaults(nodes), ...edgeFaults(nodes, edges), ...holdingFaults(nodes)]
  const ways = new Ways(nodes, edges)
  return [...faults, ...ways.faults()]
}

function nodeFaults(nodes: readonly FlowNode[]): readonly string[] {
  const ids = nodes.map(({ id }) => id)
  const starts = nodes.filter(({ kind }) => kind === 'start').map(({ id }) => id)
  const isWrong = (id: string) => !idForm.test(id)
  const isRepeated = (id: string, index: number) => ids.indexOf(id) < index && ids.lastIndexOf(id) === index
  return [
    ...ids
      .filter(isWrong)
      .map(id => `Node ${quoted(id)}: an id is made of letters, digits, ".", "_" and "-"`),
    ...ids.filter(isRepeated).map(id => `Node ${quoted(id)} is there more than once`),
    ...(starts.length === 0 ? ['There is no start'] : []),
    ...(starts.length > 1 ? [`There are ${starts.length} starts, not one: ${starts.join(', ')}`] : []),
    ...(nodes.some(({ kind }) => kind === 'end') ? [] : ['There is no end']),
    ...nodes.flatMap(node => functionFaults(node)),
  ]
}

function functionFaults(node: FlowNode): readonly string[] {
  if (node.kind !== 'action' && node.kind !== 'dataflow') return []
  const { into } = node
  return typeof into === 'object' && into.name === ''
    ? [`Node ${quoted(node.id)}: its reducer needs a name`]
    : []
}

function edgeFaults(nodes: readonly FlowNode[], edges: readonly FlowEdge[]): readonly string[] {
  const kinds = new Map(nodes.map(({ id, kind }) => [id, kind]))
  const found = edges.flatMap(edge => {
    const { from, to, when } = edge
    const missing = [from, to].filter(id => !kinds.has(id))
    return [
      ...missing.map(id => `${edgeName(edge)}: there is no node ${quoted(id)}`),
      ...(kinds.get(from) === 'end' ? [`${edgeName(edge)} leads on from an end`] : []),
      ...(kinds.get(to) === 'start' ? [`${edgeName(edge)} leads back to the start`] : []),
      ...(when?.name === '' ? [`${edgeName(edge)}: its condition needs a name`] : []),
    ]
  })
  const several = [...kinds.keys()].flatMap(id => {
    const count = edges.filter(({ from, when }) => from === id && when === undefined).length
    return count > 1 ? [`Node ${quoted(id)} has ${count} edges without a condition; one can be taken`] : []
  })
  return [...found, ...several]
}

/** Dataflows that hold themselves: they would never begin. */
function holdingFaults(nodes: readonly FlowNode[]): readonly string[] {
  return nodes.flatMap(node => {
    if (node.kind !== 'dataflow') return []
    const circle = circleOf(node.definition, [])
    return circle === undefined ? [] : [`Node ${quoted(node.id)}: ${circle.join(' in ')} would run itself`]
  })
}

function circleOf(definition: Dataflow, around: readonly Dataflow[]): readonly string[] | undefined {
  const isInside = around.some(outer => outer === definition || outer.id === definition.id)
  const path = [definition, ...around]
  if (isInside) return path.map(({ name }) => name)
  for (const node of definition.nodes.values()) {
    const found = node.kind === 'dataflow' ? circleOf(node.definition, path) : undefined
    if (found !== undefined) return found
  }
  return undefined
}

/** Where one can get to, and where from. */
class Ways {
  readonly #nodes: readonly FlowNode[]
  readonly #next: ReadonlyMap<string, readonly string[]>
  readonly #before: ReadonlyMap<string, readonly string[]>

  constructor(nodes: readonly FlowNode[], edges: readonly FlowEdge[]) {
    const ids = new Set(nodes.map(({ id }) => id))
    const known = edges.filter(({ from, to }) => ids.has(from) && ids.has(to))
    this.#nodes = nodes
    this.#next = neighbours(known.map(({ from, to }) => [from, to]))
    this.#before = neighbours(known.map(({ from, to }) => [to, from]))
  }

  faults(): readonly string[] {
    const idsOf = (kind: FlowNode['kind']) =>
      this.#nodes.filter(node => node.kind === kind).map(({ id }) => id)
    const reached = closure(idsOf('start'), this.#next)
    const ending = closure(idsOf('end'), this.#before)
    const lost = (ids: ReadonlySet<string>, why: string) =>
      [...new Set(this.#nodes.map(({ id }) => id))]
        .filter(id => !ids.has(id))
        .map(id => `Node ${quoted(id)} ${why}`)
    return [
      // Without a start or an end that is the fault, not every node.
      ...(reached.size > 0 ? lost(reached, "can't be reached from the start") : []),
      ...(ending.size > 0 ? lost(ending, 'leads to no end') : []),
      ...this.#circles().map(circle => `${circle.join(' → ')} is a circle without a choice`),
    ]
  }

  /** Circles that lead through no choice; of those that share nodes, one. */
  #circles(): readonly (readonly string[])[] {
    const left = new Set(this.#nodes.filter(({ kind }) => kind !== 'choice').map(({ id }) => id))
    const circles: string[][] = []
    for (;;) {
      this.#removeLoose(left)
      const [first] = left
      if (first === undefined) return circles
      const circle = this.#circleFrom(first, left)
      for (const id of circle) left.delete(id)
      circles.push([...circle, circle[0] as string])
    }
  }

  /** Removes what can lie on no circle: nodes that nothing leads to, or that lead to nothing. */
  #removeLoose(left: Set<string>): void {
    const isLoose = (id: string) =>
      [this.#next, this.#before].some(ways => !(ways.get(id) ?? []).some(other => left.has(other)))
    for (let loose = [...left].filter(isLoose); loose.length > 0; ) {
      for (const id of loose) left.delete(id)
      const beside = loose.flatMap(id => [...(this.#next.get(id) ?? []), ...(this.#before.get(id) ?? [])])
      loose = [...new Set(beside)].filter(id => left.has(id) && isLoose(id))
    }
  }

  #circleFrom(first: string, left: ReadonlySet<string>): string[] {
    const way: string[] = []
    for (let id = first; ; ) {
      const place = way.indexOf(id)
      if (place >= 0) return way.slice(place)
      way.push(id)
      id = (this.#next.get(id) ?? []).find(other => left.has(other)) as string
    }
  }
}

function neighbours(pairs: readonly (readonly [string, string])[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>()
  for (const [one, other] of pairs) found.set(one, [...(found.get(one) ?? []), other])
  return found
}

function closure(ids: readonly string[], next: ReadonlyMap<string, readonly string[]>): ReadonlySet<string> {
  const found = new Set(ids)
  for (const id of found) for (const other of next.get(id) ?? []) found.add(other)
  return found
}

const quoted = (id: string): string => JSON.stringify(id)

/** An edge as faults and errors name it. */
export const edgeName = ({ from, to, when }: FlowEdge): string =>
  `The edge from ${quoted(from)} to ${quoted(to)}${when === undefined ? '' : ` (${when.name})`}`
