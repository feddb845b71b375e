/**
 * Which of the ways to answer a request is taken: the plain one unless a strategy weighs them, and in pieces
 * where the budget may not last for it.
 */
import type { Ledger, Spend } from '../core/ledger.ts'
import { costOf } from '../plan/cost.ts'
import type { Hints, StrategyName } from '../plan/hints.ts'
import { type Candidate, type Choice, choosePlan, explainChoice } from '../plan/strategy.ts'
import type { ResolvedConfig } from './config.ts'
import { inPieces, type Recipe, type RecipeParts, recipesOf } from './recipe.ts'

/** What a caller wants of the choice. */
export type Wishes = {
  readonly strategy: ResolvedConfig['strategy']
  readonly hints?: Hints | undefined
}

/** What was chosen and why; `choice` where a strategy decided. */
export type Chosen = {
  readonly recipe: Recipe
  readonly choice?: Choice<RecipeCandidate>
  /** Ways that were never weighed, and why. */
  readonly ruledOut: readonly string[]
}

/** A way to answer as the strategies see it. */
export type RecipeCandidate = Candidate & { readonly recipe: Recipe }

const units = ['nanoUsd', 'tokens', 'calls', 'workerMs'] as const satisfies readonly (keyof Spend)[]

/**
 * The way that is taken.
 * @throws BudgetError, DeadlineError or PlanError where a strategy finds none that keeps the hints' limits.
 */
export function chooseRecipe(
  parts: RecipeParts,
  ledger: Ledger,
  timeLeftMs: number,
  { strategy, hints }: Wishes,
  adapted: () => StrategyName,
): Chosen {
  const { left } = ledger
  const making = recipesOf(parts)
  const plain = making.next().value as Recipe
  // Without limits the plain one fits, and nothing asks for another.
  if (strategy === undefined && units.every(unit => left[unit] === Number.POSITIVE_INFINITY))
    return { recipe: plain, ruledOut: [] }
  const recipes = [plain, ...making]
  const fitting = recipes.filter(recipe => lackOf(recipe, left) === undefined)
  const ruledOut = recipes.flatMap(recipe => {
    const lack = lackOf(recipe, left)
    return lack === undefined ? [] : [`${recipe.name} was not weighed: ${lack}`]
  })
  // What is reserved is the most that a dispatch can take: pieces use a budget up that the whole may not fit.
  if (ruledOut.length > 0) fitting.push(inPieces(parts, left))
  if (strategy === undefined) return { recipe: fitting[0] as Recipe, ruledOut }
  const name = strategy === 'adaptive' ? adapted() : strategy
  const choice = choosePlan(
    fitting.map(recipe => candidateOf(recipe, parts.tokenMs)),
    name,
    hints,
    { timeLeftMs },
  )
  return { recipe: choice.chosen.recipe, choice, ruledOut }
}

/** Why this way and no other, in words. */
export function explainChosen({ recipe, choice, ruledOut }: Chosen): string {
  const reason =
    choice === undefined
      ? `${recipe.name} was chosen: ${ruledOut.length === 0 ? 'no strategy asks for another' : 'it makes the most of what the budget has left'}`
      : explainChoice(choice)
  return [reason, ...ruledOut].join('\n')
}

/** What of the most that a recipe may take is not there. */
function lackOf({ plan }: Recipe, left: Spend): string | undefined {
  const { most } = costOf(plan)
  const unit = units.find(name => most[name] > left[name])
  return unit === undefined ? undefined : `it may take ${most[unit]} ${unit}, and ${left[unit]} are left`
}

function candidateOf(recipe: Recipe, tokenMs: number): RecipeCandidate {
  const { name, plan, quality } = recipe
  const { least } = costOf(plan)
  const tokens = recipe.tokens()
  // Latency is told by the slower way: a plan that is sometimes quick is not a quick one.
  const expected = { ...least, tokens: tokens.expected, timeMs: tokens.longest * tokenMs }
  return { name, plan, quality, recipe, cost: { least: expected, most: expected } }
}
