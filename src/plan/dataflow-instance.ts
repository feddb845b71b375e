/**
 * One instance under way: takes its steps until it is over or stopped, and has each one kept before the next.
 *
 *   running ──▶ completed       an end was reached, its output fits
 *      │  ▲──── paused, failed  resumed
 *      ├──────▶ paused          asked for; the step in flight is finished first
 *      ├──────▶ failed          a step threw; it will be the one to go on with
 *      └──────▶ cancelled       asked for; the step in flight is aborted
 *
 * Where the caller's signal aborts, the deadline passes or the store refuses, nothing is written: the
 * instance is as far as it was, and can be resumed.
 */
import { deadlinePassed, limitedSignal, now } from '../core/async.ts'
import type { Dispatch, RunContext } from '../core/call.ts'
import { errorOf, errorRecord, RunnerError } from '../core/errors.ts'
import { edgeName } from './dataflow-check.ts'
import { portsOf } from './dataflow-fit.ts'
import type {
  ActionNode,
  Dataflow,
  DataflowNode,
  EndNode,
  FlowEdge,
  FlowNode,
  Into,
} from './dataflow-node.ts'
import {
  type Asked,
  type InstancePlace,
  idempotencyKey,
  nestedId,
  placeOf,
  withStatus,
} from './dataflow-record.ts'
import { checked, fill, fillText, pathNames, plainCopy, valueAt, withValue } from './dataflow-template.ts'
import { type ExecuteParts, execute } from './execute.ts'
import { pathOf } from './node.ts'
import type { InstanceRecord, InstanceStore } from './ports.ts'

/** What an instance needs of whoever runs it. */
export type InstanceParts = {
  readonly store: InstanceStore
  readonly parts: Omit<ExecuteParts, 'dispatch'>
  readonly dispatchFor: (domain: string) => Dispatch
  readonly maxSteps: number
  /** Starts an instance inside of another, or goes on with it; gives the record that it came to. */
  readonly runNested: (
    definition: Dataflow,
    id: string,
    input: () => unknown,
    conditions: InstanceConditions & { readonly around: Instance },
  ) => Promise<InstanceRecord>
}

/** Under what conditions an instance runs. */
export type InstanceConditions = {
  readonly context: RunContext
  /** What its actions inherit. */
  readonly domain: string
  /** Fits records of other definitions to those that are given. */
  readonly migrate?: Migrate | undefined
  /** The instance that it runs in. */
  readonly around?: Instance | undefined
}

/**
 * Where an instance of one definition is in another, and with which state. What is left out stays as it is.
 */
export type Migrate = (record: InstanceRecord) => {
  readonly nodeId?: string
  readonly state?: unknown
  readonly input?: unknown
}

/** What came of a node: the state after it, the output, or that an instance inside was stopped. */
type Done = { readonly state: unknown } | { readonly output: unknown } | { readonly stopped: Asked }

/** One run of one instance; whoever made it runs it once. */
export class Instance {
  readonly #definition: Dataflow
  readonly #conditions: InstanceConditions
  readonly #parts: InstanceParts
  readonly #limited: ReturnType<typeof limitedSignal>
  readonly #since = now()
  #record: InstanceRecord
  #asked: Asked | undefined

  constructor(
    definition: Dataflow,
    record: InstanceRecord,
    conditions: InstanceConditions,
    parts: InstanceParts,
  ) {
    const { context } = conditions
    const { deadline, signal } = context
    this.#limited = limitedSignal(signal, Math.max(0, deadline - now()), `Dataflow ${definition.name}`)
    this.#definition = definition
    this.#record = record
    this.#conditions = { ...conditions, context: { ...context, signal: this.#limited.signal } }
    this.#parts = parts
  }

  /** What was asked of this instance or of one around it. */
  get asked(): Asked | undefined {
    return this.#asked ?? this.#conditions.around?.asked
  }

  /** Takes effect after the step in flight; to cancel aborts it. */
  ask(status: Asked): void {
    if (this.#asked === 'cancelled') return
    this.#asked = status
    if (status === 'cancelled') this.#limited.abort(errorOf('ER_CLOSED', 'The instance was cancelled'))
  }

  /**
   * Goes on until it is over or stopped, and gives the record that was kept last. @throws what a step threw.
   */
  async run(): Promise<InstanceRecord> {
    try {
      while (this.#record.status === 'running') await this.#step()
      return this.#record
    } finally {
      this.#limited.release()
    }
  }

  async #step(): Promise<void> {
    const { asked } = this
    if (asked !== undefined) return this.#save(withStatus(this.#record, asked))
    const place = placeOf(this.#record)
    let next: InstanceRecord
    try {
      this.#throwIfStopped()
      next = this.#after(await this.#work(place), place)
    } catch (error) {
      return this.#failed(error, place)
    }
    await this.#save(next)
  }

  /** A deadline may have passed while nothing let its timer run. */
  #throwIfStopped(): void {
    const { deadline } = this.#conditions.context
    this.#limited.signal.throwIfAborted()
    if (now() >= deadline) throw deadlinePassed(`Dataflow ${this.#definition.name}`, now() - this.#since)
  }

  async #failed(error: unknown, { nodeId }: InstancePlace): Promise<void> {
    if (this.asked === 'cancelled') return this.#save(withStatus(this.#record, 'cancelled'))
    this.#throwIfStopped()
    if (error instanceof RunnerError) error.path = pathOf(nodeId, error.path ?? '')
    const { code, message } = errorRecord(error)
    try {
      await this.#parts.store.save(withStatus(this.#record, 'failed', { code, message }))
    } catch {
      // Somebody else has gone on, or the store can't be had: why the step failed is what the caller must
      // hear.
    }
    throw error
  }

  async #save(record: InstanceRecord): Promise<void> {
    try {
      await this.#parts.store.save(record)
      this.#record = record
    } catch (error) {
      const stored = await this.#parts.store.load(record.id).catch(() => undefined)
      if (stored?.status !== 'paused' && stored?.status !== 'cancelled') throw error
      // It was stopped from elsewhere, which is no error of this run.
      this.#record = stored
    }
  }

  #node(id: string): FlowNode {
    const node = this.#definition.nodes.get(id)
    if (node !== undefined) return node
    throw errorOf(
      'ER_PLAN_INVALID',
      `The dataflow ${this.#definition.name} has no node ${JSON.stringify(id)}`,
    )
  }

  #work(place: InstancePlace): Done | Promise<Done> {
    const { maxSteps } = this.#parts
    if (this.#record.step >= maxSteps)
      throw errorOf(
        'ER_PLAN_INVALID',
        `Instance ${this.#record.id} has taken ${maxSteps} steps, the most it may`,
      )
    const node = this.#node(place.nodeId)
    switch (node.kind) {
      case 'start':
      case 'choice':
        return { state: this.#record.state }
      case 'action':
        return this.#act(node, place)
      case 'dataflow':
        return this.#nest(node, place)
      case 'end':
        return { output: this.#outputOf(node) }
    }
  }

  #outputOf({ output: template, id }: EndNode): unknown {
    const output = checked(
      this.#definition.output,
      fill(template, this.#record),
      'ER_PLAN_INVALID',
      `The output at ${id}`,
    )
    return plainCopy(output, 'The output')
  }

  async #act(node: ActionNode, place: InstancePlace): Promise<Done> {
    const { plan, name, params: schema, result: wanted, template } = node.action
    const filled = fill(template, this.#record)
    const params = schema ? checked(schema, filled, 'ER_PLAN_INVALID', `The parameters of ${name}`) : filled
    const dispatch = this.#parts.dispatchFor(this.#domainOf(node))
    const input = { params, idempotencyKey: idempotencyKey(this.#record.id, place) }
    const result = await execute(plan, input as never, this.#conditions.context, {
      ...this.#parts.parts,
      dispatch,
    })
    const known = wanted ? checked(wanted, result, 'ER_PLAN_INVALID', `The result of ${name}`) : result
    return { state: this.#put(known, node.into) }
  }

  async #nest(node: DataflowNode, place: InstancePlace): Promise<Done> {
    const { definition, into, template } = node
    const id = nestedId(this.#record.id, place)
    const input = () => fill(template, this.#record)
    const conditions = { ...this.#conditions, domain: this.#domainOf(node), around: this }
    const inner = await this.#parts.runNested(definition, id, input, conditions)
    if (inner.status === 'paused' || inner.status === 'cancelled') return { stopped: inner.status }
    return { state: this.#put(inner.output, into) }
  }

  #domainOf({ domain = 'inherit' }: ActionNode | DataflowNode): string {
    if (domain === 'inherit') return this.#conditions.domain
    return 'fixed' in domain ? domain.fixed : fillText(domain.parameter, this.#record)
  }

  #put(result: unknown, into: Into | undefined): unknown {
    const { input, state } = this.#record
    if (into === undefined) return state
    if (typeof into === 'string') return this.#state(withValue(state, pathNames(into), result))
    return this.#state(into.reduce(state as never, result, input as never))
  }

  #state(state: unknown): unknown {
    return plainCopy(checked(this.#definition.state, state, 'ER_PLAN_INVALID', 'The state'), 'The state')
  }

  /** The record after a node. */
  #after(done: Done, place: InstancePlace): InstanceRecord {
    const record = this.#record
    if ('stopped' in done) return withStatus(record, done.stopped)
    const { nodeId } = place
    const step = record.step + 1
    if ('output' in done) return { ...record, status: 'completed', nodeId, step, output: done.output }
    const edge = this.#edgeFrom(nodeId, done.state)
    const state = this.#carried(edge, done.state)
    return { ...record, status: this.asked === 'paused' ? 'paused' : 'running', nodeId: edge.to, step, state }
  }

  #edgeFrom(nodeId: string, state: unknown): FlowEdge {
    for (const edge of this.#definition.edges.get(nodeId) ?? []) {
      const holds = edge.when === undefined || edge.when.test(state as never, this.#record.input as never)
      if (typeof holds !== 'boolean')
        throw errorOf('ER_PLAN_INVALID', `${edgeName(edge)} gives ${String(holds)}, not true or false`)
      if (holds) return edge
    }
    throw errorOf(
      'ER_PLAN_INVALID',
      `From ${JSON.stringify(nodeId)} no edge can be taken: no condition holds`,
    )
  }

  /** What an edge carries, put from each output's place into its input's. */
  #carried(edge: FlowEdge, state: unknown): unknown {
    const [{ outputs }, { inputs }] = [portsOf(this.#node(edge.from)), portsOf(this.#node(edge.to))]
    let next = state
    for (const [name, output] of Object.entries(edge.carry ?? {})) {
      const [source, target] = [outputs[output], inputs[name]]
      if (source === undefined || target === undefined) continue
      const value = valueAt(state, pathNames(source.at ?? output))
      if (value === undefined && target.required === false) continue
      const what = `${edgeName(edge)}: what it carries to ${name}`
      const given = checked(source.schema, value, 'ER_PLAN_INVALID', what)
      const taken = checked(target.schema, given, 'ER_PLAN_INVALID', what)
      next = withValue(next, pathNames(target.at ?? name), taken)
    }
    return next === state ? state : this.#state(next)
  }
}
