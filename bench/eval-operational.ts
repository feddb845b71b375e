/** Asks each claim and its altered form, measures the answers, and says it in tables. */
import type { ManyOutcome } from '../src/index.ts'
import type { Checker, EvalOptions } from './eval-claims.ts'
import type { Answered } from './quality/claim-quality.ts'
import { shareText } from './quality/interval.ts'
import type { AnsweredTwice, HitFigures, OperationalQuality, PartFigures } from './quality/operational.ts'
import { type Row, tableText } from './report.ts'

/** Answers to the altered forms of claims that were answered; claims without one are left as they are. */
export async function askAltered(
  checker: Checker,
  answered: readonly Answered[],
  { concurrency, onProgress = () => {} }: EvalOptions,
): Promise<AnsweredTwice[]> {
  const contexts = answered.flatMap(({ claim: { altered } }) =>
    altered === undefined ? [] : [altered.context],
  )
  const outcomes: ManyOutcome[] = []
  for await (const outcome of checker.enhanceMany(contexts, { concurrency })) {
    outcomes.push(outcome)
    onProgress(outcomes.length, contexts.length)
  }
  const next = outcomes.values()
  return answered.map(({ claim, outcome }) => {
    const altered = claim.altered === undefined ? undefined : next.next().value
    return { claim, outcome, ...(altered === undefined ? {} : { altered }) }
  })
}

/** The tables of one file. */
export function operationalText({ all, altered, hits, kinds, labels, methods }: OperationalQuality): string {
  const parts = (title: string, rows: readonly PartFigures[]) =>
    tableText({ title, rows: [...rows, ...(rows.length > 1 ? [all] : [])].map(partRow) })
  return [
    parts('Claims by kind', kinds),
    parts('Claims by label', labels),
    parts('Claims by what the confidence comes from', methods),
    tableText({
      title: 'Citations that hit what decides',
      rows: [
        hitRow('claims with something that decides', hits.all),
        hitRow('of these decided', hits.decided),
      ],
    }),
    tableText({
      title: 'Decided verdicts that change or fall silent for the altered claim',
      rows: [...altered.changes, { name: 'all', moved: altered.moved }].map(({ moved, name }) => ({
        changed: name,
        decided: moved.n,
        moved: shareText(moved),
      })),
    }),
    tableText({ title: 'Altered claims against their own labels', rows: [partRow(altered.all)] }),
  ].join('\n\n')
}

const partRow = ({ decided, name, right, rightOfDecided }: PartFigures): Row => ({
  claims: name,
  n: right.n,
  right: shareText(right),
  decided: decided.right,
  'of these right': shareText(rightOfDecided),
})

const hitRow = (name: string, { any, first }: HitFigures): Row => ({
  among: name,
  n: any.n,
  'any hits': shareText(any),
  'first hits': shareText(first),
})
