/**
 * Whether a plan can fit at all, asked before anything starts: its least against what the ledger has left, and
 * against the time until the deadline. That the most does not fit is no reason to refuse: what is begun is
 * checked again, call by call, by the ledger.
 */
import { BudgetError, type BudgetFigures, errorOf } from '../core/errors.ts'
import type { Ledger, Spend } from '../core/ledger.ts'
import { costOf, fromLeaves, isLeaf, type Phase, phasesOf } from './cost.ts'
import { type Cost, type PlanNode, pathOf } from './node.ts'

/** What a plan has to fit into; `deadline` and `now` on one clock, in milliseconds. A RunContext has the rest. */
export type Room = { readonly ledger: Ledger; readonly deadline: number; readonly now: number }

/**
 * Nothing, where the least that `plan` may take fits; equal to what is left fits.
 * @throws BudgetError ER_BUDGET_REFUSED with the figures of the ledger that has too little left, at any level.
 * @throws DeadlineError ER_DEADLINE when the deadline passes before the critical path can be done.
 */
export function preflight(plan: PlanNode, { ledger, deadline, now }: Room): void {
  const { least } = costOf(plan)
  const figures = refusal(ledger, least)
  if (figures !== undefined) {
    const { unit, budget, requested, spent, reserved } = figures
    throw errorOf(
      'ER_BUDGET_REFUSED',
      `The plan needs at least ${requested} ${unit}, most of it for ${dearest(plan, unit)}; ` +
        `of the budget of ${budget}, ${spent} are spent and ${reserved} reserved`,
      { figures },
    )
  }
  if (now + least.timeMs <= deadline) return
  throw errorOf(
    'ER_DEADLINE',
    `The plan needs at least ${Math.ceil(least.timeMs)} ms, most of it for ${dearest(plan, 'timeMs')}; ` +
      `the deadline ${deadline < now ? 'has passed' : `is in ${Math.floor(deadline - now)} ms`}`,
  )
}

/** Why `least` can't be reserved; what the ledger counts is as it was before. */
function refusal(ledger: Ledger, least: Cost): BudgetFigures | undefined {
  try {
    ledger.reserve(spendOf(least)).release()
    return undefined
  } catch (error) {
    if (error instanceof BudgetError && error.figures !== undefined) return error.figures
    throw error
  }
}

const spendOf = ({ nanoUsd, tokens, calls, workerMs }: Cost): Spend => ({
  nanoUsd: Math.min(nanoUsd, Number.MAX_SAFE_INTEGER),
  tokens: Math.min(tokens, Number.MAX_SAFE_INTEGER),
  calls: Math.min(calls, Number.MAX_SAFE_INTEGER),
  workerMs,
})

type Leaf = { readonly leaf: PlanNode; readonly path: string; readonly amount: number }

/** The leaf that needs most of `unit` among those that the plan's least is made of, and where it stands. */
function dearest(plan: PlanNode, unit: keyof Cost): string {
  const { leaf, path } = fromLeaves<Leaf>(plan, new WeakMap(), (node, of) => {
    let best: Leaf = { leaf: node, path: '', amount: isLeaf(node) ? costOf(node).least[unit] : -1 }
    for (const [label, child] of phasesOf(node).flatMap(phase => counted(phase, unit))) {
      const inside = of(child)
      if (inside.amount > best.amount) best = { ...inside, path: pathOf(label, inside.path) }
    }
    return best
  })
  const name = leaf.kind === 'stage' || leaf.kind === 'remote' ? leaf.name : leaf.kind
  return path === '' ? name : `${name} at ${path}`
}

/** The children of a phase that count for the least: of a Branch's arms the cheaper, of what waits the longest. */
function counted({ runs, children }: Phase, unit: keyof Cost): Phase['children'] {
  if (runs === 'all' && unit !== 'timeMs') return children
  const sorted = children.toSorted(([, a], [, b]) => costOf(a).least[unit] - costOf(b).least[unit])
  return runs === 'one' ? sorted.slice(0, 1) : sorted.slice(-1)
}
