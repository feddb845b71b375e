/**
 * Runs dataflows: starts instances, goes on with those that were paused, failed or left behind by a process
 * that died, and stops them. Each step is kept in the store before the next one begins, so a finished step is
 * never run again; the one that was in flight may be, with the same idempotency key.
 *
 * Any number of processes may go on with the same instances. Of two that run the same one, the slower is
 * refused by the store.
 */
import { randomUUID } from 'node:crypto'
import type { Dispatch, RunContext } from '../core/call.ts'
import { errorOf } from '../core/errors.ts'
import { Ledger } from '../core/ledger.ts'
import { Trace } from '../core/trace.ts'
import { localDomain } from './dataflow.ts'
import { Instance, type InstanceConditions, type InstanceParts, type Migrate } from './dataflow-instance.ts'
import type { Dataflow } from './dataflow-node.ts'
import { type Asked, isOver, placeOf, stopped, withStatus } from './dataflow-record.ts'
import { checked, fill, plainCopy } from './dataflow-template.ts'
import type { ExecuteParts } from './execute.ts'
import type { InstanceRecord, InstanceStatus, InstanceStore } from './ports.ts'

/** What a runner works with; `dispatch` is that of the domain `local`. */
export type DataflowRunnerOptions = ExecuteParts & {
  /** Where instances are kept; `memoryInstances()` for as long as the process lives. */
  readonly store: InstanceStore
  /**
   * Who dispatches in a domain other than `local`. @default nobody: an action that asks for another one fails
   */
  readonly dispatchFor?: (domain: string) => Dispatch
  /** Steps that an instance may take, so that a circle without a way out ends. @default 10_000 */
  readonly maxSteps?: number
}

/**
 * Under what conditions an instance runs. What is spent and traced is of this run, not of those before it.
 */
export type DataflowRunOptions = Partial<Omit<RunContext, 'id'>>

/** How a new instance is begun. */
export type StartOptions = DataflowRunOptions & {
  /** @default a new one */
  readonly id?: string
}

/** How an instance is gone on with. */
export type ResumeOptions = DataflowRunOptions & {
  /**
   * Fits an instance of another definition to this one, and instances inside it. @default they are refused
   */
  readonly migrate?: Migrate
}

/** How far an instance came in a run that did not fail. */
export type DataflowOutcome<O> =
  | { readonly id: string; readonly status: 'completed'; readonly output: O }
  | { readonly id: string; readonly status: 'paused' | 'cancelled' }

/** How far an instance is. */
export type InstanceView = {
  readonly id: string
  readonly definitionId: string
  readonly status: InstanceStatus
  /** The node that is to run next, or the last one. */
  readonly nodeId: string
  readonly error?: { readonly code: string; readonly message: string }
}

type Run = { readonly instance: Instance; readonly ended: Promise<unknown> }

/**
 * Starts, resumes, pauses and cancels instances over one store. It owns nothing that would have to be closed.
 *
 * @example
 * const runner = new DataflowRunner({ store: memoryInstances(), dispatch: pool.dispatch })
 * const outcome = await runner.start(definition, { claim: 'it rains' }, { id: 'first' })
 */
export class DataflowRunner {
  readonly #store: InstanceStore
  readonly #parts: InstanceParts
  readonly #runs = new Map<string, Run>()

  constructor(options: DataflowRunnerOptions) {
    const { store, dispatch, dispatchFor = noDispatch, maxSteps = 10_000, ...parts } = options
    this.#store = store
    this.#parts = {
      store,
      parts,
      dispatchFor: domain => (domain === localDomain ? dispatch : dispatchFor(domain)),
      maxSteps,
      runNested: (definition, id, input, conditions) => this.#nested(definition, id, input, conditions),
    }
  }

  /**
   * Begins an instance and runs it until it is over or stopped.
   * @throws InputError ER_INPUT for an input that doesn't fit, and an id that is taken; what a step threw,
   * with `path` naming the node, and then the instance has failed; the signal's reason; DeadlineError
   * ER_DEADLINE; StoreError ER_STORE where the store can't be had, or another process has gone on with the
   * instance.
   */
  async start<O>(
    definition: Dataflow<O>,
    input: unknown,
    options: StartOptions = {},
  ): Promise<DataflowOutcome<O>> {
    const { id = randomUUID(), ...conditions } = options
    if (id === '') throw errorOf('ER_INPUT', 'An instance needs an id')
    options.signal?.throwIfAborted()
    const known = checked(definition.input, input, 'ER_INPUT', `The input of ${definition.name}`)
    if (this.#runs.has(id) || (await this.#store.load(id)) !== undefined)
      throw errorOf('ER_INPUT', `There is an instance ${id}; resume it, or choose another id`)
    const record = await this.#first(definition, id, known)
    return outcomeOf(await this.#run(definition, record, conditionsOf(definition, id, conditions)))
  }

  /**
   * Goes on with an instance where it was left; one that is completed gives its output once more.
   * @throws as `start` does; InputError ER_INPUT for an instance that is not there, was cancelled or is
   * running in this runner; PlanError ER_PLAN_INVALID for one of another definition, unless `migrate` fits it
   * to this one.
   */
  async resume<O>(
    definition: Dataflow<O>,
    id: string,
    options: ResumeOptions = {},
  ): Promise<DataflowOutcome<O>> {
    const { migrate, ...conditions } = options
    if (this.#runs.has(id)) throw runningHere(id)
    const stored = await this.#stored(id)
    if (stored.status === 'cancelled') throw errorOf('ER_INPUT', `Instance ${id} was cancelled`)
    const record = await this.#goingOn(definition, stored, migrate)
    return outcomeOf(
      await this.#run(definition, record, { ...conditionsOf(definition, id, conditions), migrate }),
    )
  }

  /**
   * Lets the step in flight end, keeps it, and stops there. Resolves when that is done, with how far the
   * instance is: it may be over by then. One that another process runs is stopped without waiting for its
   * step in flight, which will be run again.
   * @throws InputError ER_INPUT for an instance that is not there or not running; StoreError ER_STORE.
   */
  pause(id: string): Promise<InstanceView> {
    return this.#stop(id, 'paused')
  }

  /**
   * Aborts the step in flight and ends the instance for good.
   * @throws InputError ER_INPUT for an instance that is not there or completed; StoreError ER_STORE.
   */
  cancel(id: string): Promise<InstanceView> {
    return this.#stop(id, 'cancelled')
  }

  /** How far an instance is. @throws InputError ER_INPUT for one that is not there. */
  async status(id: string): Promise<InstanceView> {
    return viewOf(await this.#stored(id))
  }

  /**
   * What a completed instance gave. @throws InputError ER_INPUT for one that is not there or not completed.
   */
  async output<O>(definition: Dataflow<O>, id: string): Promise<O> {
    const { status, output } = await this.#stored(id)
    if (status !== 'completed') throw errorOf('ER_INPUT', `Instance ${id} is ${status}; it has no output`)
    return checked(definition.output, output, 'ER_INPUT', `The output of instance ${id}`)
  }

  async #stored(id: string): Promise<InstanceRecord> {
    const record = await this.#store.load(id)
    if (record === undefined) throw errorOf('ER_INPUT', `There is no instance ${id}`)
    return record
  }

  async #first(definition: Dataflow, id: string, given: unknown): Promise<InstanceRecord> {
    const { id: definitionId, start } = definition
    const input = plainCopy(given, 'The input')
    const state = stateOf(definition, fill(start.state, { input }))
    const record = { id, definitionId, status: 'running', nodeId: start.id, step: 0, input, state } as const
    await this.#store.save(record)
    return record
  }

  /** The record to go on from, kept as running. */
  async #goingOn(
    definition: Dataflow,
    stored: InstanceRecord,
    migrate: Migrate | undefined,
  ): Promise<InstanceRecord> {
    const isSame = stored.definitionId === definition.id
    if (!isSame && migrate === undefined)
      throw errorOf(
        'ER_PLAN_INVALID',
        `Instance ${stored.id} was begun by another definition than this one of ${definition.name}: ` +
          `${stored.definitionId}, not ${definition.id}; say with migrate where it is in this one`,
      )
    if (isOver(stored)) return stored
    if (isSame) checked(definition.state, stored.state, 'ER_STORE', `The stored state of ${stored.id}`)
    if (isSame && stored.status === 'running') return stored
    const record = withStatus(isSame ? stored : migrated(definition, stored, migrate as Migrate), 'running')
    await this.#store.save(record)
    return record
  }

  async #nested(
    definition: Dataflow,
    id: string,
    input: () => unknown,
    conditions: InstanceConditions,
  ): Promise<InstanceRecord> {
    const stored = await this.#store.load(id)
    const what = `The input of ${definition.name}`
    const record =
      stored === undefined
        ? await this.#first(definition, id, checked(definition.input, input(), 'ER_PLAN_INVALID', what))
        : await this.#goingOn(definition, stored, conditions.migrate)
    return this.#run(definition, record, conditions)
  }

  async #run(
    definition: Dataflow,
    record: InstanceRecord,
    conditions: InstanceConditions,
  ): Promise<InstanceRecord> {
    const { id } = record
    if (this.#runs.has(id)) throw runningHere(id)
    const instance = new Instance(definition, record, conditions, this.#parts)
    const ended = instance.run()
    this.#runs.set(id, { instance, ended })
    try {
      return await ended
    } finally {
      this.#runs.delete(id)
    }
  }

  async #stop(id: string, status: Asked): Promise<InstanceView> {
    const run = this.#runs.get(id)
    run?.instance.ask(status)
    // How it ended is told to who runs it.
    await run?.ended.catch(() => {})
    const record = await this.#stored(id)
    const isStopped = isOver(record) || (status === 'paused' && record.status !== 'running')
    if (run !== undefined && isStopped) return viewOf(record)
    return viewOf(await stopped(this.#store, record, status))
  }
}

function conditionsOf(definition: Dataflow, id: string, conditions: DataflowRunOptions): InstanceConditions {
  const context = {
    id,
    signal: new AbortController().signal,
    deadline: Number.POSITIVE_INFINITY,
    class: 'normal',
    caller: '',
    reproducible: false,
    ledger: new Ledger(),
    trace: new Trace(),
    traceparent: '',
    ...conditions,
  } as const
  return { context, domain: definition.domain }
}

function migrated(definition: Dataflow, stored: InstanceRecord, migrate: Migrate): InstanceRecord {
  const place = placeOf(stored)
  const { nodeId = place.nodeId, state = stored.state, input = stored.input } = migrate(stored)
  if (!definition.nodes.has(nodeId))
    throw errorOf('ER_PLAN_INVALID', `${definition.name} has no node ${JSON.stringify(nodeId)} to go on from`)
  const given = checked(definition.input, input, 'ER_PLAN_INVALID', 'The migrated input')
  return {
    ...stored,
    definitionId: definition.id,
    // At the same node it is the same step, which may have been begun.
    nodeId: nodeId === place.nodeId ? stored.nodeId : nodeId,
    input: plainCopy(given, 'The migrated input'),
    state: stateOf(definition, state),
  }
}

const stateOf = (definition: Dataflow, state: unknown): unknown =>
  plainCopy(checked(definition.state, state, 'ER_PLAN_INVALID', 'The state'), 'The state')

function outcomeOf<O>({ id, output, status }: InstanceRecord): DataflowOutcome<O> {
  if (status === 'completed') return { id, status, output: output as O }
  return { id, status: status as Asked }
}

function viewOf(record: InstanceRecord): InstanceView {
  const { id, definitionId, error, status } = record
  return { id, definitionId, status, nodeId: placeOf(record).nodeId, ...(error && { error }) }
}

const runningHere = (id: string) => errorOf('ER_INPUT', `Instance ${id} is running here already`)

const noDispatch = (domain: string): never => {
  throw errorOf('ER_PLAN_INVALID', `There is no domain ${JSON.stringify(domain)}`)
}
