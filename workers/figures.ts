/** A Node thread that checks the figures of a claim against long sources; see src/evidence/arithmetic.ts. */
import { checkFigures } from '../src/evidence/arithmetic.ts'
import type { FactSource } from '../src/evidence/facts/fact.ts'
import type { FigureCheck } from '../src/evidence/figure-check.ts'

/** Piscina calls it with what `Threads.run` was given. */
export default function run({
  claim,
  sources,
}: {
  claim: string
  sources: readonly FactSource[]
}): FigureCheck {
  return checkFigures(claim, sources)
}
