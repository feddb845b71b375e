/** The goals of the quality table, and which figure of which report is held against which. */
import { basename } from 'node:path'
import type { ClaimsReport } from './eval-claims.ts'
import { generalFigures } from './eval-general.ts'
import type { PairsReport } from './eval-sts.ts'
import type { ClaimsQuality } from './quality/claim-quality.ts'
import type { Figure, Goal } from './quality/goals.ts'
import { type Share, shareText } from './quality/interval.ts'
import type { OperationalQuality } from './quality/operational.ts'

/** What operational claims are to reach. */
const operational = {
  accuracy: { what: 'operational claims: accuracy', better: 'more', goal: 0.85 },
  precision: { what: 'operational claims: right where decided', better: 'more', goal: 0.97 },
  moved: { what: 'operational claims: verdicts moved by a changed claim', better: 'more', goal: 0.95 },
  altered: { what: 'altered operational claims: accuracy', better: 'more', goal: 0.85 },
  alteredPrecision: { what: 'altered operational claims: right where decided', better: 'more', goal: 0.97 },
  cited: { what: 'any citation hits what decides', better: 'more', goal: 0.95 },
  citedFirst: { what: 'the first citation hits what decides', better: 'more', goal: 0.95 },
  citedDecided: { what: 'any citation hits what decides, decided claims', better: 'more', goal: 0.95 },
} as const satisfies Readonly<Record<string, Goal>>

/** Scores that the model's makers published: all pairs of a year (of SICK all splits) in one order. */
const published: Readonly<Record<string, { readonly pairs: number; readonly score: number }>> = {
  sickr: { pairs: 9927, score: 77.58 },
  sts13: { pairs: 1500, score: 80.6 },
  sts14: { pairs: 3750, score: 75.59 },
  sts15: { pairs: 3000, score: 85.39 },
  sts16: { pairs: 1186, score: 78.99 },
}

/** Without a quorum. */
const validationGoalMs = 5

/** How far a score may be from the published one. */
const nearEnough = 0.05

/** What all files of labelled claims come to: each by itself, and general text also all together. */
export function claimsFigures({ all, files }: ClaimsReport): Figure[] {
  const figures = files.flatMap(({ file, general, operational, ...quality }) => [
    ...(operational === undefined ? [] : operationalFigures(file, operational)),
    ...(general === undefined ? [] : generalFigures(basename(file), quality, general)),
    validationFigure(file, quality),
  ])
  const together = all?.general === undefined ? [] : generalFigures('all, pooled', all, all.general)
  return [...figures, ...together]
}

function validationFigure(file: string, { claims, failed, validation }: ClaimsQuality): Figure {
  return {
    ...{
      what: 'validation of an answer, ms, p99',
      better: 'less',
      goal: validationGoalMs,
      of: basename(file),
    },
    ...{ n: claims - failed.length, value: validation?.p99Ms },
    note: validation === undefined ? '' : `p50 ${validation.p50Ms.toFixed(3)}`,
  }
}

/** What this run has no figure of, and how to get it. */
export function unmeasuredText({
  claims,
  pairs,
}: {
  readonly claims?: ClaimsReport
  readonly pairs?: PairsReport
}): string {
  const files = claims?.files ?? []
  const missing = [
    ...(files.some(({ operational }) => operational !== undefined)
      ? []
      : ['operational claims: npm run eval']),
    ...(files.some(({ general }) => general !== undefined)
      ? []
      : ['general text: npm run eval -- FILE, with claims that have evidenceLabels']),
    ...(pairs === undefined
      ? ['sentence similarity: npm run eval -- sts FILE, named sts13.tsv, sick-r.tsv, …']
      : []),
    'speed: npm run bench -- verify',
  ]
  return ['Measured elsewhere', ...missing.map(line => `  ${line}`)].join('\n')
}

/** Figures of claims that have altered forms. */
function operationalFigures(file: string, quality: OperationalQuality): Figure[] {
  const { all, altered, hits } = quality
  const of = basename(file)
  const figure = (goal: Goal, share: Share): Figure => ({
    ...goal,
    ...{ of, n: share.n, value: share.share, note: shareText(share) },
  })
  return [
    figure(operational.accuracy, all.right),
    figure(operational.precision, all.rightOfDecided),
    figure(operational.moved, altered.moved),
    figure(operational.cited, hits.all.any),
    figure(operational.citedFirst, hits.all.first),
    figure(operational.citedDecided, hits.decided.any),
    figure(operational.altered, altered.all.right),
    figure(operational.alteredPrecision, altered.all.rightOfDecided),
  ]
}

/** How far sentence similarity is from the published scores; a file is known by its name, such as `sts13.tsv`. */
export function similarityFigures({ files }: PairsReport): Figure[] {
  return files.flatMap(({ file, pairs, spearman }) => {
    const of = basename(file)
    const name = of
      .toLowerCase()
      .replace(/\.\w+$/, '')
      .replaceAll(/[^a-z0-9]/g, '')
    const known = Object.hasOwn(published, name) ? published[name] : undefined
    if (known === undefined) return []
    const measured = spearman === undefined ? undefined : 100 * spearman
    const whole = known.pairs === pairs
    return [
      {
        ...{ what: 'sentence similarity, distance to the published Spearman x 100', better: 'less' as const },
        ...{ goal: nearEnough, of, n: pairs },
        value:
          measured === undefined || !whole ? undefined : rounded(Math.abs(rounded(measured) - known.score)),
        note: whole
          ? `${measured?.toFixed(2) ?? '-'} against ${known.score.toFixed(2)}`
          : `${known.pairs} pairs were published`,
      },
    ]
  })
}

/** To hundredths, as the scores were published. */
const rounded = (value: number): number => Math.round(100 * value) / 100
