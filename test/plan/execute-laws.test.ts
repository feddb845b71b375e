/**
 * Laws over random plans: they give what a plain interpreter gives, and whatever fails, is aborted or does not
 * fit, nothing runs on behind a run, no slot and no reservation is left, and the trace is whole.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { errorOf } from '../../src/core/errors.ts'
import { Ledger } from '../../src/core/ledger.ts'
import type { TraceStep } from '../../src/core/trace.ts'
import { type ExecuteParts, execute } from '../../src/plan/execute.ts'
import { Limiter } from '../../src/plan/limiter.ts'
import { memoryMemo } from '../../src/plan/memo.ts'
import {
  bind,
  branch,
  childrenOf,
  constant,
  fanout,
  merge,
  type PlanNode,
  parallel,
  retry,
  type Settled,
  sequential,
  stage,
} from '../../src/plan/node.ts'
import { turns } from '../support/condition.ts'
import { FakeDispatch } from '../support/fake-dispatch.ts'
import { runContext } from '../support/run-context.ts'

/** How a leaf behaves; by default it gives its value at once. */
type Manner = {
  readonly turns: number
  /** Attempts that fail before one goes well. */
  readonly failures: number
  readonly retryable: boolean
  readonly listens: boolean
  readonly cost: number
}
/** A plan over whole numbers, written down. */
type Written =
  | { readonly kind: 'const'; readonly value: number }
  | { readonly kind: 'leaf'; readonly factor: number; readonly manner: Manner }
  | {
      readonly kind: 'sequential' | 'parallel' | 'settle' | 'fanout' | 'merge' | 'let'
      readonly parts: readonly Written[]
    }
  | { readonly kind: 'branch'; readonly parts: readonly [Written, Written, Written] }
  | { readonly kind: 'retry'; readonly parts: readonly [Written]; readonly attempts: number }

const limit = 1009
const sum = (values: readonly number[]): number => values.reduce((a, b) => (a * 3 + b) % limit, 1)
const namesOf = (parts: readonly Written[]) => parts.map((_, place) => `p${place}`)

/** The value, by the tables of the design and nothing else. */
function interpreted(plan: Written, input: number): number {
  switch (plan.kind) {
    case 'const':
      return plan.value
    case 'leaf':
      return (input * plan.factor + 1) % limit
    case 'sequential':
      return plan.parts.reduce((value, part) => interpreted(part, value), input)
    case 'branch': {
      const [test, yes, no] = plan.parts
      return interpreted(interpreted(test, input) % 2 === 0 ? yes : no, input)
    }
    case 'fanout': {
      const [source, ...targets] = plan.parts
      const given = interpreted(source as Written, input)
      return sum(targets.map(target => interpreted(target, given)))
    }
    case 'retry':
      return interpreted(plan.parts[0], input)
    case 'let':
      return sum([input, ...plan.parts.map(part => interpreted(part, input))])
    default:
      return sum(plan.parts.map(part => interpreted(part, input)))
  }
}

type Numbers = PlanNode<number, number>
const pure = { effects: ['pure'] } as const
const total = stage('sum', sum, pure)
const isEven = stage('even', (value: number) => value % 2 === 0, pure)
const values = (names: readonly string[]) =>
  stage('values', (by: Record<string, number>) => sum(names.map(name => by[name] as number)), {
    ...pure,
    config: names,
  })
const valueIn = (outcome: Settled<number> | undefined) =>
  outcome?.status === 'fulfilled' ? outcome.value : 0
const settledValues = (names: readonly string[]) =>
  stage(
    'settled',
    (by: Readonly<Record<string, Settled<number>>>) => sum(names.map(name => valueIn(by[name]))),
    { ...pure, config: names },
  )
const wrap = stage('wrap', (value: number) => ({ value }), pure)
const unwrap = stage('unwrap', ({ value }: { value: number }) => value, pure)

/** The same as a plan of nodes, its leaves made by `leaf`. */
function built(plan: Written, leaf: (written: Written & { kind: 'leaf' }) => Numbers): Numbers {
  const of = (part: Written) => built(part, leaf)
  const named = (parts: readonly Written[]) =>
    Object.fromEntries(parts.map((part, place) => [`p${place}`, of(part)]))
  switch (plan.kind) {
    case 'const':
      return constant(plan.value)
    case 'leaf':
      return leaf(plan)
    case 'sequential':
      return sequential<number, number>(...plan.parts.map(of))
    case 'branch': {
      const [test, yes, no] = plan.parts
      return branch(sequential(of(test), isEven), of(yes), of(no))
    }
    case 'parallel':
      return sequential(parallel(named(plan.parts)), values(namesOf(plan.parts)))
    case 'settle':
      return sequential(
        parallel(named(plan.parts), { onError: 'settle' }),
        settledValues(namesOf(plan.parts)),
      )
    case 'fanout': {
      const [source, ...targets] = plan.parts
      return sequential(fanout(of(source as Written), targets.map(of)), total)
    }
    case 'merge':
      return merge(plan.parts.map(of), total)
    case 'retry':
      return retry(of(plan.parts[0]), plan.attempts, { baseMs: 0 })
    case 'let': {
      const names = ['value', ...namesOf(plan.parts)]
      const bindings = Object.fromEntries(
        plan.parts.map((part, place) => [`p${place}`, sequential(unwrap, of(part))]),
      )
      return sequential<number, number>(wrap, bind(bindings, values(names) as PlanNode<object, number>))
    }
  }
}

const calm: Manner = { turns: 0, failures: 0, retryable: true, listens: true, cost: 0 }

function writtenPlans(manner: fc.Arbitrary<Manner>): fc.Arbitrary<Written> {
  const { plan } = fc.letrec<{ plan: Written }>(tie => {
    const part = tie('plan')
    const parts = fc.array(part, { maxLength: 4 })
    const kind = fc.constantFrom('sequential', 'parallel', 'settle', 'merge', 'let', 'fanout')
    return {
      plan: fc.oneof(
        { maxDepth: 4, depthSize: 'small' },
        fc.record({ kind: fc.constant('leaf'), factor: fc.nat(50), manner }),
        fc.record({ kind: fc.constant('const'), value: fc.nat(limit - 1) }),
        fc
          .tuple(kind, part, parts)
          .map(([made, first, more]) => ({ kind: made, parts: made === 'fanout' ? [first, ...more] : more })),
        fc.record({ kind: fc.constant('branch'), parts: fc.tuple(part, part, part) }),
        fc.record({
          kind: fc.constant('retry'),
          parts: fc.tuple(part),
          attempts: fc.integer({ min: 1, max: 3 }),
        }),
      ) as fc.Arbitrary<Written>,
    }
  })
  return plan
}

const { dispatch } = new FakeDispatch()
const plainLeaf = ({ factor }: { factor: number }) =>
  stage('leaf', (input: number) => (input * factor + 1) % limit, { ...pure, config: factor })

test('execute() gives what a plain interpreter gives, with and without a memo, and the same trace each time', async () => {
  const width = fc.integer({ min: 1, max: 4 })
  await fc.assert(
    fc.asyncProperty(
      writtenPlans(fc.constant(calm)),
      fc.nat(limit - 1),
      width,
      async (written, input, size) => {
        const plan = built(written, plainLeaf)
        const expected = interpreted(written, input)
        const memo = memoryMemo()
        const variants: Partial<ExecuteParts>[] = [
          {},
          { limiter: new Limiter(size) },
          { memo, memoTier: 'deep' },
        ]
        const hashes = []
        for (const parts of [...variants, { memo, memoTier: 'deep' } as const]) {
          const context = runContext()
          expect(await execute(plan, input, context, { dispatch, ...parts })).toBe(expected)
          hashes.push(context.trace.record().hash)
        }
        expect(hashes[1]).toBe(hashes[0])
      },
    ),
    { numRuns: 150 },
  )
})

/** Every step that ran or was skipped stands where its node does; those that ran say nothing of what did not. */
function checkSteps(step: TraceStep, node: PlanNode): void {
  expect(step.node).toBe('name' in node ? node.name : node.kind)
  if (step.status === 'skipped')
    expect([step.inputHash, step.outputHash, step.children]).toEqual(['', '', []])
  const children = new Map(childrenOf(node))
  for (const child of step.children) checkSteps(child, children.get(child.label) as PlanNode)
}

test('execute() leaves nothing running, no slot taken and nothing reserved, whatever fails or is aborted', async () => {
  const manner = fc.record({
    turns: fc.nat(3),
    failures: fc.constantFrom(0, 0, 0, 1, 2, 9),
    retryable: fc.boolean(),
    listens: fc.boolean(),
    cost: fc.nat(3),
  })
  const conditions = fc.record({
    width: fc.integer({ min: 1, max: 4 }),
    abortAfter: fc.option(fc.nat(12), { nil: undefined }),
    budget: fc.option(fc.nat(30), { nil: undefined }),
    deep: fc.boolean(),
  })
  await fc.assert(
    fc.asyncProperty(
      writtenPlans(manner),
      conditions,
      async (written, { abortAfter, budget, deep, width }) => {
        let [underWay, settled, late, most] = [0, false, 0, 0]
        const leaf = ({ factor, manner: own }: { factor: number; manner: Manner }) => {
          let failures = 0
          return stage<number, number>(
            'leaf',
            async (input, { signal }) => {
              if (settled) late += 1
              underWay += 1
              most = Math.max(most, underWay)
              for (let turn = 0; turn < own.turns && !(own.listens && signal.aborted); turn += 1)
                await turns(1)
              underWay -= 1
              failures += 1
              if (failures <= own.failures)
                throw errorOf(own.retryable ? 'ER_MODEL_FAILED' : 'ER_MODEL_INPUT', 'no')
              return (input * factor + 1) % limit
            },
            { ...pure, config: { factor, own }, cost: { nanoUsd: own.cost } },
          )
        }
        const plan = built(written, leaf)
        const controller = new AbortController()
        const ledger = new Ledger({ limits: budget === undefined ? {} : { nanoUsd: budget } })
        const context = runContext({ ledger, signal: controller.signal })
        const limiter = new Limiter(width)
        const memo = deep ? ({ memo: memoryMemo(), memoTier: 'deep' } as const) : {}
        const aborted =
          abortAfter === undefined ? undefined : turns(abortAfter).then(() => controller.abort('gone'))
        const [outcome] = await Promise.allSettled([
          execute(plan, 1, context, { dispatch, limiter, ...memo }),
        ])
        settled = true
        expect({ underWay, running: limiter.running, waiting: limiter.waiting }).toEqual({
          underWay: 0,
          running: 0,
          waiting: 0,
        })
        expect(ledger.reserved.nanoUsd).toBe(0)
        expect(ledger.spent.nanoUsd).toBeLessThanOrEqual(budget ?? Number.POSITIVE_INFINITY)
        expect(most).toBeLessThanOrEqual(width)
        const { steps } = context.trace.record()
        expect(steps.map(({ status }) => status)).toEqual([outcome.status === 'fulfilled' ? 'ok' : 'failed'])
        if (!deep) checkSteps(steps[0] as TraceStep, plan)
        await aborted
        await turns(4)
        expect(late).toBe(0)
      },
    ),
    { numRuns: 150 },
  )
})
