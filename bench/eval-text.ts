/** What was measured, as a person reads it: tables with their counts, and the reliability diagrams. */
import { basename } from 'node:path'
import type { ClaimsReport, FileQuality } from './eval-claims.ts'
import { generalText } from './eval-general.ts'
import { operationalText } from './eval-operational.ts'
import type { PairsReport } from './eval-sts.ts'
import type { CitationQuality, ClaimsQuality, RelevanceQuality } from './quality/claim-quality.ts'
import type { Confusion } from './quality/confusion.ts'
import { type Diagram, diagramText } from './quality/diagram.ts'
import { claimLabels } from './quality/labels.ts'
import type { Likelihood } from './quality/likelihood.ts'
import type { PairQuality } from './quality/sentence-pairs.ts'
import type { VerdictQuality } from './quality/verdict-quality.ts'
import { type Row, tableText } from './report.ts'

const tableOf = (title: string, rows: readonly Row[]): string => tableText({ title, rows })

/** The report on labelled claims. */
export const claimsText = ({ all, files }: ClaimsReport): string =>
  [...files, ...(all === undefined ? [] : [{ file: 'all files together', ...all }])]
    .map(qualityText)
    .join('\n\n\n')

/** The report on sentence pairs. */
export function pairsText({ all, files }: PairsReport): string {
  const row = (file: string, quality: PairQuality): Row => ({
    file,
    pairs: quality.pairs,
    'Spearman x 100': hundredfold(quality.spearman),
    'Pearson x 100': hundredfold(quality.pearson),
  })
  const rows = files.map(each => row(each.file, each))
  return tableOf(
    'Cosine against scores by people',
    all === undefined ? rows : [...rows, row('all files together', all)],
  )
}

/** The diagrams of one file's answers. */
export function diagramsOf(quality: ClaimsQuality, file = ''): Diagram[] {
  const { ofClaims, ofSources, relevance } = quality
  const of = basename(file)
  const all = [
    { title: `Verdict of a claim`, calibration: ofClaims.verdicts?.calibration },
    { title: `Likeliest label of a source`, calibration: ofSources.verdicts?.calibration },
    { title: `Relevance of a source, read as a probability`, calibration: relevance.calibration },
  ]
  return all.flatMap(({ calibration, title }) =>
    calibration === undefined ? [] : [{ calibration, of, title }],
  )
}

function qualityText(quality: FileQuality): string {
  const { abstained, calibrations, citations, claims, failed, fallbackReasons, fallbacks } = quality
  const { file, general, ofClaims, ofSources, operational, relevance } = quality
  const calibrated = Object.entries(calibrations).map(([name, count]) => `${name} (${count})`)
  const head = [
    `${file}: ${claims} claims, ${failed.length} failed, ${fallbacks} answered by words alone, ${abstained} abstained`,
    `calibration: ${calibrated.join(', ') || 'no answer'}`,
    ...Object.entries(fallbackReasons)
      .slice(0, 5)
      .map(([why, count]) => `by words alone (${count}): ${why}`),
    ...failed.slice(0, 5).map(({ code, line, message }) => `line ${line}: ${code}: ${message}`),
  ].join('\n')
  const blocks = [
    head,
    verdictText('Claims', ofClaims),
    verdictText('Sources', ofSources),
    relevanceText(relevance),
    citationText(citations),
    general === undefined ? '' : generalText(general),
    operational === undefined ? '' : operationalText(operational),
    ...diagramsOf(quality).map(diagramText),
  ]
  return blocks.filter(block => block !== '').join('\n\n')
}

function verdictText(title: string, { likelihood, n, verdicts }: VerdictQuality): string {
  if (n === 0) return `${title}: none with a label`
  const blocks =
    verdicts === undefined
      ? [`${title}: no answer (n ${n})`]
      : [
          tableOf(`${title}: verdicts`, [
            {
              n: verdicts.confusion.n,
              'without verdict': verdicts.without,
              accuracy: percent(verdicts.confusion.accuracy),
              'macro-F1': percent(verdicts.confusion.macroF1),
              'supported or refuted': verdicts.decided.n,
              'of these right': share(verdicts.decided.right, verdicts.decided.n),
              ECE: figure(verdicts.calibration.ece),
              'ECE by chance': figure(verdicts.calibration.eceOfPerfect),
            },
          ]),
          confusionText(title, verdicts.confusion),
          tableOf(
            `${title}: accuracy of the most confident`,
            verdicts.coverage.map(({ accuracy, coverage, n: count }) => ({
              part: percent(coverage, 0),
              n: count,
              accuracy: percent(accuracy),
            })),
          ),
        ]
  return [
    ...blocks,
    likelihood === undefined ? `${title}: no probabilities` : likelihoodText(title, likelihood),
  ].join('\n\n')
}

const confusionText = (title: string, { classes, counts }: Confusion): string =>
  tableOf(
    `${title}: labels (rows) against answers (columns)`,
    classes.map(({ f1, label, n, precision, recall }) => ({
      label,
      ...Object.fromEntries(classes.map(each => [each.label, counts[label]?.[each.label] ?? 0])),
      n,
      precision: percent(precision),
      recall: percent(recall),
      F1: percent(f1),
    })),
  )

function likelihoodText(title: string, likelihood: Likelihood): string {
  const { brier, brierOfBaseRate, leftOut, n, nll, nllOfBaseRate, supportsAgainstRefutes } = likelihood
  const areas = claimLabels.flatMap(label => {
    const area = likelihood.auroc[label]
    return area === undefined ? [] : [[label, percent(area)] as const]
  })
  return [
    tableOf(`${title}: AUROC of probabilities x 100`, [
      { n, ...Object.fromEntries(areas), 'SUPPORTS against REFUTES': percent(supportsAgainstRefutes) },
    ]),
    tableOf(
      `${title}: probabilities against the truth${leftOut === 0 ? '' : `; ${leftOut} whose label has none left out`}`,
      [
        { said: 'probabilities', n: n - leftOut, NLL: figure(nll), Brier: figure(brier) },
        { said: 'base rates', n: n - leftOut, NLL: figure(nllOfBaseRate), Brier: figure(brierOfBaseRate) },
      ],
    ),
  ].join('\n\n')
}

const relevanceText = ({ auroc, calibration, n, relevant }: RelevanceQuality): string =>
  n === 0
    ? ''
    : tableOf('Sources: relevant (any label but NOT_ENOUGH_INFO) or not', [
        { n, relevant, 'AUROC x 100': percent(auroc), 'ECE as probability': figure(calibration?.ece) },
      ])

const citationText = ({ citations, firstHit, hit, n }: CitationQuality): string =>
  n === 0
    ? ''
    : tableOf('Citations that hit what decides', [
        {
          claims: n,
          'citations a claim': (citations / n).toFixed(1),
          'any hits': share(hit, n),
          'first hits': share(firstHit, n),
        },
      ])

const none = '-'
const figure = (value: number | undefined): string => (value === undefined ? none : value.toFixed(3))
const percent = (value: number | undefined, digits = 1): string =>
  value === undefined ? none : (100 * value).toFixed(digits)
const hundredfold = (value: number | undefined): string => percent(value, 2)
const share = (part: number, whole: number): string =>
  whole === 0 ? none : `${part} (${percent(part / whole)} %)`
