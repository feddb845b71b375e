/**
 * What the executor adds to work that costs nothing: wall time a node over plans of Const, Stage and Parallel,
 * long and deep ones, with and without listeners and memo. Hashing for the trace is in it.
 */
import type { RunContext } from '../src/core/call.ts'
import { Ledger } from '../src/core/ledger.ts'
import { Trace } from '../src/core/trace.ts'
import { type ExecuteParts, execute } from '../src/plan/execute.ts'
import { memoryMemo } from '../src/plan/memo.ts'
import { childrenOf, constant, type PlanNode, parallel, sequential, stage } from '../src/plan/node.ts'
import { type Benchmark, type BenchmarkOptions, rounds } from './benchmark.ts'
import type { Goal, Report, Row } from './report.ts'
import { median, percentile, spread } from './statistic.ts'

type Numbers = PlanNode<number, unknown>
type Case = {
  readonly what: string
  readonly plan: Numbers
  readonly parts?: Partial<ExecuteParts>
  /** Whether it is held to the number of the design. */
  readonly isGoal?: boolean
}

const wide = 100
const long = 1000
const deep = 5000
/** Runs are taken together until they last so long, so that the clock's grain does not show. */
const roundMs = 20
/** The design's number: what the executor may add to a node. */
const mostUs = 20

const addOne = stage<number, number>('add-one', value => value + 1, { effects: ['pure'] })
const addTwo = stage<number, number>('add-two', async value => value + 2, { effects: ['pure'] })
const widely = (branch: Numbers) =>
  parallel(
    Object.fromEntries(Array.from({ length: wide }, (_, place) => [`branch-${place}`, branch])),
  ) as Numbers
const inOrder = (nodes: readonly PlanNode[]) => sequential<number, unknown>(...nodes)

function nested(levels: number): Numbers {
  let plan: Numbers = addOne
  for (let level = 1; level < levels; level += 1) plan = inOrder([plan])
  return plan
}

const cases = (): Case[] => {
  const listeners = {
    onEvent: () => {},
    profiles: { get: () => undefined, note: () => {} },
  }
  return [
    { what: `Parallel of ${wide} Const`, plan: widely(constant(1)), isGoal: true },
    { what: `Parallel of ${wide} Stage`, plan: widely(addOne), isGoal: true },
    { what: `Parallel of ${wide} Stage, asynchronous`, plan: widely(addTwo), isGoal: true },
    { what: `Parallel of ${wide} Stage, with listeners`, plan: widely(addOne), parts: listeners },
    { what: `Sequential of ${long} Stage`, plan: inOrder(Array(long).fill(addOne)), isGoal: true },
    { what: `Sequential in each other, ${long} deep`, plan: nested(long), isGoal: true },
    { what: `Sequential in each other, ${deep} deep`, plan: nested(deep) },
    { what: 'one Stage', plan: addOne },
    {
      what: `Parallel of ${wide} Stage, recalled whole`,
      plan: widely(addOne),
      parts: { memo: memoryMemo() },
    },
    {
      what: `Sequential of ${long} Stage, deep memo, nothing kept`,
      plan: inOrder(Array(long).fill(addOne)),
      parts: { memo: { get: () => undefined, set: () => {} }, memoTier: 'deep' },
    },
  ]
}

async function run({ note, quick, signal, until }: BenchmarkOptions): Promise<Report> {
  const all = cases().map(one => ({ ...one, nodes: countOf(one.plan), us: [] as number[] }))
  for (const round of rounds(3, quick ? 15 : 100, until)) {
    if (round % 5 === 0) note(round === 0 ? 'warm-up' : `round ${round}`)
    for (const { nodes, parts, plan, us } of all) {
      signal.throwIfAborted()
      const ms = await meanMs(plan, parts)
      if (round > 0) us.push((ms * 1000) / nodes)
    }
  }
  const rows = all.map(
    ({ nodes, us, what }): Row => ({
      plan: what,
      nodes,
      rounds: us.length,
      medianUs: median(us),
      p95Us: percentile(us, 0.95),
      spread: spread(us, 1),
    }),
  )
  return {
    workerFacts: {},
    tables: [{ title: 'Wall time a node, composites counted', rows }],
    goals: goalsOf(all),
  }
}

const goalsOf = (all: readonly (Case & { readonly us: readonly number[] })[]): Goal[] =>
  all
    .filter(({ isGoal }) => isGoal)
    .map(({ us, what }) => ({
      what: `${what}, a node`,
      value: median(us),
      unit: 'µs',
      better: 'less',
      goal: mostUs,
    }))

/** The mean of as many runs as fit into a round, each with a trace of its own. */
async function meanMs(plan: Numbers, parts: Partial<ExecuteParts> = {}): Promise<number> {
  const begin = performance.now()
  let runs = 0
  do {
    await execute(plan, 1, contextOf(), { dispatch: noDispatch, ...parts })
    runs += 1
  } while (performance.now() - begin < roundMs)
  return (performance.now() - begin) / runs
}

const countOf = (plan: PlanNode): number => {
  let count = 0
  const open: PlanNode[] = [plan]
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    count += 1
    for (const [, child] of childrenOf(node)) open.push(child)
  }
  return count
}

const { signal: never } = new AbortController()

const contextOf = (): RunContext => ({
  id: 'bench',
  signal: never,
  deadline: Number.POSITIVE_INFINITY,
  class: 'normal',
  caller: 'bench',
  reproducible: false,
  ledger: new Ledger(),
  trace: new Trace(),
  traceparent: '',
})

const noDispatch = (): Promise<never> => Promise.reject(new Error('Nothing here is remote'))

export const plan: Benchmark = { about: 'what the plan executor adds to a node, with its goal', run }
