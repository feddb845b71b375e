/**
 * Random programs of steps, choices and loops, compiled to dataflows: they come to what a naive interpreter
 * comes to, by the same steps, however often they are interrupted.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import * as z from 'zod'
import { action, defineDataflow } from '../../src/plan/dataflow.ts'
import type { ActionInput, Dataflow, FlowEdge, FlowNode } from '../../src/plan/dataflow-node.ts'
import { memoryInstances } from '../../src/plan/dataflow-record.ts'
import { DataflowRunner } from '../../src/plan/dataflow-run.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'

type Program = readonly Statement[]
type Statement =
  | { readonly kind: 'add'; readonly by: number }
  | { readonly kind: 'if'; readonly divisor: number; readonly yes: Program; readonly no: Program }
  /** Again until so many steps have been taken in all. */
  | { readonly kind: 'until'; readonly steps: number; readonly body: Program }
  /** A dataflow inside, on what there is so far. */
  | { readonly kind: 'inside'; readonly body: Program }

type State = { readonly n: number; readonly steps: readonly string[] }

const stateSchema = z.object({ n: z.int(), steps: z.array(z.string()) })

/** What a program comes to, with nothing between it and its meaning. */
const interpreted = (program: Program, state: State): State =>
  program.reduce((before, statement) => performed(statement, before), state)

function performed(statement: Statement, { n, steps }: State): State {
  switch (statement.kind) {
    case 'add':
      return { n: n + statement.by, steps: [...steps, `${n}+${statement.by}`] }
    case 'if':
      return interpreted(n % statement.divisor === 0 ? statement.yes : statement.no, { n, steps })
    case 'until': {
      let after: State = { n, steps }
      while (after.steps.length < statement.steps) after = interpreted(statement.body, after)
      return after
    }
    case 'inside':
      return interpreted(statement.body, { n, steps })
  }
}

/** Is told before each step. */
type OnStep = (key: string) => void

/** The same as a dataflow. */
class Compiler {
  readonly #nodes: FlowNode<State, State>[] = []
  readonly #edges: FlowEdge<State, State>[] = []
  readonly #onStep: OnStep

  constructor(onStep: OnStep) {
    this.#onStep = onStep
  }

  compile(program: Program): Dataflow<State> {
    this.#nodes.push({ kind: 'start', id: 'start', state: '{{input}}' })
    const last = this.#after('start', program)
    this.#nodes.push({ kind: 'end', id: 'end' })
    this.#edges.push({ from: last, to: 'end' })
    return defineDataflow({
      name: 'program',
      input: stateSchema,
      output: stateSchema,
      state: stateSchema,
      nodes: this.#nodes,
      edges: this.#edges,
    })
  }

  /** Adds the program after the node `from`, and gives the node that is last then. */
  #after(from: string, program: Program): string {
    return program.reduce((before, statement) => this.#add(before, statement), from)
  }

  #node(from: string, node: FlowNode<State, State>): string {
    this.#nodes.push(node)
    this.#edges.push({ from, to: node.id })
    return node.id
  }

  #add(from: string, statement: Statement): string {
    const id = `n${this.#nodes.length}`
    switch (statement.kind) {
      case 'add':
        return this.#node(from, { kind: 'action', id, action: this.#adding(statement.by), into: '' })
      case 'inside': {
        const definition = new Compiler(this.#onStep).compile(statement.body)
        return this.#node(from, { kind: 'dataflow', id, definition, template: '{{state}}', into: '' })
      }
      case 'if':
        return this.#choose(this.#node(from, { kind: 'choice', id }), statement)
      case 'until': {
        this.#node(from, { kind: 'choice', id })
        const test = ({ steps }: State) => steps.length < statement.steps
        const inside = this.#conditional(id, { name: `fewer than ${statement.steps}`, test })
        this.#edges.push({ from: this.#after(inside, statement.body), to: id })
        return id
      }
    }
  }

  #conditional(from: string, when: { name: string; test: (state: State) => boolean }): string {
    const id = `n${this.#nodes.length}`
    this.#nodes.push({ kind: 'choice', id })
    this.#edges.push({ from, to: id, when })
    return id
  }

  #choose(from: string, { divisor, yes, no }: Extract<Statement, { kind: 'if' }>): string {
    const test = ({ n }: State) => n % divisor === 0
    const first = this.#after(this.#conditional(from, { name: `by ${divisor}`, test }), yes)
    const last = this.#after(this.#node(from, { kind: 'choice', id: `n${this.#nodes.length}` }), no)
    const joined = this.#node(first, { kind: 'choice', id: `n${this.#nodes.length}` })
    this.#edges.push({ from: last, to: joined })
    return joined
  }

  #adding(by: number) {
    return action({
      name: `add ${by}`,
      template: '{{state}}',
      params: stateSchema,
      result: stateSchema,
      run: ({ params: { n, steps }, idempotencyKey }: ActionInput<State>) => {
        this.#onStep(idempotencyKey)
        return { n: n + by, steps: [...steps, `${n}+${by}`] }
      },
    })
  }
}

const programs: fc.Arbitrary<Program> = fc.letrec<{ program: Program; statement: Statement }>(tie => ({
  program: fc.array(tie('statement'), { maxLength: 4, depthIdentifier: 'program' }),
  statement: fc.oneof(
    { depthSize: 'small', maxDepth: 3, depthIdentifier: 'program' },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('add' as const), by: fc.integer({ min: 1, max: 9 }) }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('if' as const),
        divisor: fc.integer({ min: 2, max: 4 }),
        yes: tie('program'),
        no: tie('program'),
      }),
    },
    {
      weight: 1,
      arbitrary: fc
        .record({
          steps: fc.integer({ min: 1, max: 15 }),
          by: fc.integer({ min: 1, max: 9 }),
          body: tie('program'),
        })
        // Each time round at least one step is taken.
        .map(({ by, body, steps }) => ({
          kind: 'until' as const,
          steps,
          body: [{ kind: 'add' as const, by }, ...body],
        })),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('inside' as const), body: tie('program') }) },
  ),
})).program

const begin: State = { n: 0, steps: [] }

test('a dataflow comes to what its program comes to', async () => {
  await fc.assert(
    fc.asyncProperty(programs, async program => {
      const keys: string[] = []
      const flow = new Compiler(key => keys.push(key)).compile(program)
      const runner = new DataflowRunner({ store: memoryInstances(), dispatch: new FakeDispatch().dispatch })
      const outcome = await runner.start(flow, begin)
      const expected = interpreted(program, begin)
      expect(outcome).toMatchObject({ status: 'completed', output: expected })
      expect(keys.length).toBe(expected.steps.length)
      expect(new Set(keys).size).toBe(keys.length)
    }),
    { numRuns: 150 },
  )
})

test('and does so by the same steps when it is interrupted again and again', async () => {
  let interruptions = 0
  await fc.assert(
    fc.asyncProperty(
      programs,
      fc.array(fc.integer({ min: 1, max: 6 }), { maxLength: 6 }),
      async (program, stops) => {
        const store = memoryInstances()
        const keys: string[] = []
        let left = Number.POSITIVE_INFINITY
        const flow = new Compiler(key => {
          keys.push(key)
          left -= 1
          if (left === 0) throw new Error('interrupted')
        }).compile(program)
        // Each part is another runner, as it would be another process.
        const part = async (isFirst: boolean) => {
          const runner = new DataflowRunner({ store, dispatch: new FakeDispatch().dispatch })
          return isFirst ? runner.start(flow, begin, { id: 'one' }) : runner.resume(flow, 'one')
        }
        let isFirst = true
        let interrupted = 0
        for (const stop of stops) {
          left = stop
          await part(isFirst).catch(() => {
            interrupted += 1
          })
          isFirst = false
        }
        left = Number.POSITIVE_INFINITY
        const expected = interpreted(program, begin)
        expect(await part(isFirst)).toMatchObject({ status: 'completed', output: expected })
        // What was interrupted was run once more, with the same key; nothing else was.
        expect(keys.length).toBe(expected.steps.length + interrupted)
        expect(new Set(keys).size).toBe(expected.steps.length)
        interruptions += interrupted
      },
    ),
    { numRuns: 150 },
  )
  expect(interruptions).toBeGreaterThan(20)
})
