/** Answers on general text beside their goals: ranking, chances raw and calibrated, and what verdicts are worth. */
import type { PartQuality } from './eval-claims.ts'
import type { GeneralQuality } from './quality/general.ts'
import type { Figure, Goal } from './quality/goals.ts'
import { shareOf, shareText } from './quality/interval.ts'
import { type LikeliestQuality, overDraws, type RefitQuality, type StateQuality } from './quality/refit.ts'
import { type Row, tableText } from './report.ts'

const goals = {
  relevance: { what: 'source relevant or not, AUROC', better: 'more', goal: 0.7, aim: 0.75 },
  sides: { what: 'supports against refutes, AUROC', better: 'more', goal: 0.66, aim: 0.72 },
  pairAccuracy: { what: 'likeliest label of a source: accuracy', better: 'more' },
  pairF1: { what: 'likeliest label of a source: macro-F1', better: 'more' },
  verdicts: { what: 'verdicts of claims: accuracy', better: 'more' },
  decided: { what: 'verdicts of claims: right where supported or refuted', better: 'more' },
} as const satisfies Readonly<Record<string, Goal>>

const levels = { pairs: 'a source', claims: 'a claim' } as const
type Level = keyof typeof levels
const errorGoals = { pairs: 0.03, claims: 0.08 } as const
/** Points that the most confident quarter is to be above all. */
const quarterGoal = 15

/** Each figure of some claims beside its goal. */
export function generalFigures(of: string, quality: PartQuality, general: GeneralQuality): Figure[] {
  const { ofClaims, ofSources, relevance } = quality
  const sources = ofSources.verdicts?.confusion
  const sided = sources?.classes.filter(({ label }) => label !== 'NOT_ENOUGH_INFO') ?? []
  const { refit } = general
  const figures: Figure[] = [
    {
      ...{ ...goals.relevance, of, n: relevance.n, value: relevance.auroc },
      note: `cosine of claim and whole source alone ${fixed(general.cosineAuroc)}`,
    },
    {
      ...{ ...goals.sides, of, n: sided.reduce((sum, { n }) => sum + n, 0) },
      value: ofSources.likelihood?.supportsAgainstRefutes,
    },
    { ...goals.pairAccuracy, of, n: sources?.n ?? 0, value: sources?.accuracy },
    { ...goals.pairF1, of, n: sources?.n ?? 0, value: sources?.macroF1 },
    ...errorFigures(of, general, refit),
    ...lossFigures(of, refit),
    ...quarterFigures(of, refit),
  ]
  if (ofClaims.verdicts !== undefined) {
    const { confusion, decided } = ofClaims.verdicts
    const [all, some] = [shareOf(confusion.right, confusion.n), shareOf(decided.right, decided.n)]
    const asked = `${quality.abstained} of ${quality.claims} abstained`
    figures.push(
      { ...goals.verdicts, of, n: all.n, value: all.share, note: `${shareText(all)}; ${asked}` },
      { ...goals.decided, of, n: some.n, value: some.share, note: shareText(some) },
    )
  }
  return figures
}

const bothLevels = Object.keys(levels) as Level[]

/** Mean over the draws, with its range. */
function figureOf(
  { of, goal, refit, level }: { of: string; goal: Goal; refit: RefitQuality; level: Level },
  value: (quality: LikeliestQuality) => number | undefined,
  note: (over: (part: (quality: LikeliestQuality) => number | undefined) => string) => string,
): Figure {
  const { draws, fittedOn } = refit
  const over = (part: (quality: LikeliestQuality) => number | undefined) =>
    overDraws(draws, quality => (quality[level] === undefined ? undefined : part(quality[level])))
  const found = over(value)
  const digits = goal.digits ?? 3
  const range = found === undefined ? '' : `${found.least.toFixed(digits)} to ${found.most.toFixed(digits)}`
  return {
    ...{ ...goal, of, value: found?.mean },
    n: Math.round(over(({ n }) => n)?.mean ?? 0),
    note:
      refit.why ??
      `${range} over ${draws.length} draws of ${fittedOn} claims; ${note(part => fixed(over(part)?.mean))}`,
  }
}

const errorFigures = (of: string, { given, raw }: GeneralQuality, refit: RefitQuality): Figure[] =>
  bothLevels.map(level => {
    const what = `ECE of ${levels[level]}, calibrated with ${refit.fittedOn} claims`
    return figureOf(
      { of, refit, level, goal: { what, better: 'less', goal: errorGoals[level] } },
      ({ ece }) => ece,
      over =>
        `perfect ${over(({ eceOfPerfect }) => eceOfPerfect)}, raw ${fixed(raw[level]?.ece)}, as given ${fixed(given[level]?.ece)}`,
    )
  })

const lossFigures = (of: string, refit: RefitQuality): Figure[] =>
  bothLevels.map(level => {
    const base = overDraws(refit.draws, quality => quality[level]?.nllOfBaseRate)?.mean
    const what = `NLL of ${levels[level]} against the base rate, calibrated with ${refit.fittedOn} claims`
    return figureOf(
      { of, refit, level, goal: { what, better: 'less', ...(base === undefined ? {} : { goal: base }) } },
      ({ nll }) => nll,
      over => `base rate ${over(({ nllOfBaseRate }) => nllOfBaseRate)}`,
    )
  })

const quarterFigures = (of: string, refit: RefitQuality): Figure[] =>
  bothLevels.map(level => {
    const what = `surest quarter above all, points, of ${levels[level]}`
    return figureOf(
      { of, refit, level, goal: { what, better: 'more', goal: quarterGoal, digits: 1 } },
      ({ accuracy, quarter }) => 100 * (quarter - accuracy),
      over => `${over(({ quarter }) => quarter)} against ${over(({ accuracy }) => accuracy)}`,
    )
  })

/** What calibrating is worth, in one table. */
export function generalText({ given, raw, refit }: GeneralQuality): string {
  const rows = bothLevels.flatMap(level => [
    ...stateRow(`${levels[level]}, raw`, raw[level]),
    ...stateRow(`${levels[level]}, as given`, given[level]),
    ...refitRow(level, refit),
  ])
  if (rows.length === 0) return ''
  const note = 'The likeliest label is the answer. Fitted on claims drawn by lot, measured on the others.'
  return tableText({ title: 'Chances raw, as given, and calibrated with labelled claims', note, rows })
}

const columns = {
  n: [({ n }) => n, 0],
  accuracy: [({ accuracy }) => 100 * accuracy, 1],
  'macro-F1': [({ macroF1 }) => 100 * macroF1, 1],
  ECE: [({ ece }) => ece, 3],
  perfect: [({ eceOfPerfect }) => eceOfPerfect, 3],
  NLL: [({ nll }) => nll, 3],
  'base rate': [({ nllOfBaseRate }) => nllOfBaseRate, 3],
  'surest quarter': [({ quarter }) => 100 * quarter, 1],
} as const satisfies Readonly<
  Record<string, readonly [(quality: LikeliestQuality) => number | undefined, number]>
>

function stateRow(name: string, quality: LikeliestQuality | undefined): Row[] {
  if (quality === undefined) return []
  const cells = Object.entries(columns).map(([column, [part, digits]]) => [
    column,
    fixed(part(quality), digits),
  ])
  return [{ of: name, ...Object.fromEntries(cells) }]
}

function refitRow(level: Level, refit: RefitQuality): Row[] {
  if (refit.draws.length === 0 || refit.draws.some(draw => draw[level] === undefined)) return []
  const cells = Object.entries(columns).map(([column, [part, digits]]) => {
    const found = overDraws(refit.draws, (draw: StateQuality) => part(draw[level] as LikeliestQuality))
    if (found === undefined) return [column, '-']
    const [middle, least, most] = [found.mean, found.least, found.most].map(value => value.toFixed(digits))
    return [column, least === most ? middle : `${middle} (${least} to ${most})`]
  })
  return [{ of: `${levels[level]}, calibrated with ${refit.fittedOn}`, ...Object.fromEntries(cells) }]
}

const fixed = (value: number | undefined, digits = 3): string =>
  value === undefined ? '-' : value.toFixed(digits)
