/**
 * `evidence-runner calibrate FILE`: checks labelled claims of the caller's own domain with no calibration, fits
 * one to the answers, and writes it to a file that `check --calibration` and the configuration take. The labels
 * stay here; a request holds the claim and its sources alone.
 */
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { InputError } from '../core/errors.ts'
import type { ManyOutcome } from '../evidence/outcome.ts'
import { type EvidenceContext, limits } from '../evidence/request.ts'
import type { EnhancedEvidence } from '../evidence/result.ts'
import { type CalibratedModel, type Calibration, neutral } from '../evidence/verdict/calibration.ts'
import { claimChancesOf, oddsOfChances } from '../evidence/verdict/chances.ts'
import {
  type ClaimLabel,
  claimLabels,
  type Fit,
  type FitQuality,
  fitAnswers,
  type LabelledAnswer,
  type SourceLabel,
} from '../evidence/verdict/fit.ts'
import { claimOdds } from '../evidence/verdict/judge.ts'
import { type Labelled, labelledLine, readLabelledLines } from './labelled.ts'

/** What was asked for. */
export type CalibrateRequest = {
  /** Labelled claims, JSON Lines; - for standard input. */
  readonly file: string
  /** @default 'calibration.json' in the working folder */
  readonly out?: string | undefined
  /** Whether a file that is there may be replaced. @default false */
  readonly force?: boolean | undefined
}

/**
 * Who answers, in any order, with the configuration's `calibration: 'none'` and `fallback: 'error'`, and whose odds
 * these are.
 */
export type CalibrateParts = {
  readonly enhanceMany: (contexts: Iterable<EvidenceContext>) => AsyncIterable<ManyOutcome>
  readonly model: () => Promise<CalibratedModel>
  readonly onProgress?: ((done: number, total: number) => void) | undefined
}

/** What came of it: lines for people, and the same as data. */
export type CalibrateAnswer = { readonly lines: readonly string[]; readonly data: CalibrateReport }

/** Where a calibration was written, and how good chances are without it and with it. */
export type CalibrateReport = Fit & {
  readonly file: string
  /** How many claims have each label. */
  readonly labels: Readonly<Partial<Record<ClaimLabel, number>>>
  /** Claims that arithmetic decided, so that no claim's chances can be learnt from them; their sources were. */
  readonly withFigures: number
  /** Claims that were not answered, and why. */
  readonly failed: readonly { readonly line: number; readonly message: string }[]
}

/** @throws InputError ER_INPUT unless there is one word, the file. */
export function parseCalibrateWords(words: readonly string[]): string {
  const [file] = words
  if (file === undefined || words.length > 1) {
    throw new InputError(
      'ER_INPUT',
      `calibrate takes one file of labelled claims, not ${words.length}; see: evidence-runner help calibrate`,
    )
  }
  return file
}

/**
 * Fits a calibration and writes it.
 * @throws InputError before any work for lines that can't be used or a file that is there, and after it where the
 * claims are too few; else as `enhanceMany`.
 */
export async function answerCalibrate(
  { file, force = false, out = 'calibration.json' }: CalibrateRequest,
  { enhanceMany, model, onProgress }: CalibrateParts,
): Promise<CalibrateAnswer> {
  if (!force && existsSync(out)) throw alreadyThere(out)
  const claims = await readClaims(file)
  const failed: { line: number; message: string }[] = []
  const answers: Answer[] = []
  const byTask = new Map(claims.map(claim => [claim.context.taskId, claim]))
  let done = 0
  for await (const outcome of enhanceMany(claims.map(({ context }) => context))) {
    done += 1
    onProgress?.(done, claims.length)
    const claim = byTask.get(outcome.taskId ?? '')
    if (claim === undefined) continue
    const why = faultOf(outcome)
    if (why === undefined) answers.push(answerOf(claim, outcome as EnhancedEvidence))
    else failed.push({ line: claim.line, message: why })
  }
  const set = file === '-' ? 'standard input' : basename(file)
  const fit = fitted(answers, { set, model: await model() }, failed)
  await write(out, fit.calibration, force)
  const labels = Object.fromEntries(
    claimLabels
      .map(label => [label, answers.filter(({ claimLabel }) => claimLabel === label).length] as const)
      .filter(([, count]) => count > 0),
  )
  const withFigures = answers.filter(({ byFigures }) => byFigures).length
  const data = { ...fit, file: out, labels, withFigures, failed }
  return { lines: linesOf(data), data }
}

const alreadyThere = (out: string): InputError =>
  new InputError('ER_INPUT', `${out} is there already; name another with --out, or replace it with --force`)

async function write(out: string, calibration: Calibration, force: boolean): Promise<void> {
  try {
    await writeFile(out, `${JSON.stringify(calibration, null, 2)}\n`, { flag: force ? 'w' : 'wx' })
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'EEXIST') throw alreadyThere(out)
    throw new InputError('ER_INPUT', `Can't write ${out}: ${code ?? String(cause)}`, { cause })
  }
}

type LabelledClaim = Labelled & { readonly label: ClaimLabel }

const readClaims = (file: string): Promise<LabelledClaim[]> =>
  readLabelledLines(file, labelledLine, labelled => {
    const { context, evidenceLabels: given, label = labelTogether(given), line, sourceIds } = labelled
    // Answers come in any order, and lines may share a name.
    const taskId = `${line} ${context.taskId}`.slice(0, limits.idLength)
    // What all sources say together is what a single one says.
    const single = given.length === 0 && sourceIds.length === 1 && label !== 'DISPUTED' ? [label] : given
    return { ...labelled, context: { ...context, taskId }, label, evidenceLabels: single }
  })

function labelTogether(labels: readonly SourceLabel[]): ClaimLabel {
  const [supported, refuted] = [labels.includes('SUPPORTS'), labels.includes('REFUTES')]
  if (supported && refuted) return 'DISPUTED'
  return supported ? 'SUPPORTS' : refuted ? 'REFUTES' : 'NOT_ENOUGH_INFO'
}

/** Why there is nothing to learn from an outcome. */
function faultOf(outcome: ManyOutcome): string | undefined {
  if ('error' in outcome) return `${outcome.error.code}: ${outcome.error.message}`
  const { confidenceMethod } = outcome
  if (confidenceMethod === 'similarity' || confidenceMethod === 'lexical')
    return `answered by ${confidenceMethod} alone; no model judged it`
  return undefined
}

type Answer = LabelledAnswer & { readonly byFigures: boolean }

function answerOf(claim: LabelledClaim, evidence: EnhancedEvidence): Answer {
  const id = claim.context.claim
  // A language model judged the claim as a whole: its own chances are what there is to learn from.
  if (evidence.confidenceMethod === 'generator')
    return { id, sources: [], byFigures: false, chances: evidence.probabilities, claimLabel: claim.label }
  const found = new Map(evidence.assessments.map(({ probabilities, sourceId: id }) => [id, probabilities]))
  const sources = claim.sourceIds.flatMap((id, place) => {
    const chances = found.get(id)
    const label = claim.evidenceLabels[place]
    return chances === undefined ? [] : [{ chances, ...(label === undefined ? {} : { label }) }]
  })
  const byFigures = !followsFrom(sources, evidence)
  return { id, sources, byFigures, ...(byFigures ? {} : { claimLabel: claim.label }) }
}

/** Whether a claim's chances are what its sources' come to; where figures count, they are something else. */
function followsFrom(sources: LabelledAnswer['sources'], { probabilities }: EnhancedEvidence): boolean {
  const expected = claimChancesOf(
    claimOdds(sources.map(({ chances }) => oddsOfChances(chances))),
    neutral.claim,
  )
  const names = ['supports', 'refutes', 'disputed', 'neither'] as const
  return names.every(name => Math.abs(expected[name] - probabilities[name]) < 1e-6)
}

function fitted(
  answers: readonly Answer[],
  about: { readonly set: string; readonly model: CalibratedModel },
  failed: CalibrateReport['failed'],
): Fit {
  const learnt = answers.map(({ byFigures: _, ...answer }): LabelledAnswer => answer)
  try {
    return fitAnswers(learnt, about)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const withFigures = answers.filter(({ byFigures }) => byFigures).length
    const why = [
      ...(withFigures > 0 ? [`${withFigures} more were decided by arithmetic`] : []),
      ...(failed.length > 0
        ? [`${failed.length} were not answered (line ${failed[0]?.line}: ${failed[0]?.message})`]
        : []),
    ]
    throw new InputError('ER_INPUT', [error.message, ...why].join('; '))
  }
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`

function linesOf(report: CalibrateReport): string[] {
  const { after, before, calibration, failed, file, labels, warnings, withFigures } = report
  const counts = Object.entries(labels).map(([label, count]) => `${count} ${label}`)
  const { pair } = calibration
  return [
    `Fitted on ${calibration.set}: ${calibration.n} claims (${counts.join(', ')}), ${pair.n} labelled sources.`,
    'Each figure: before, then after on claims that were left out of the fit.',
    ...comparison('claim', before.claim, after.claim),
    ...(pair.n === 0 ? [] : comparison('source', before.pair as FitQuality, after.pair as FitQuality)),
    ...(withFigures > 0
      ? [`${withFigures} claims were decided by arithmetic; only their sources were learnt from.`]
      : []),
    ...failed.map(({ line, message }) => `Line ${line} was left out: ${message}`),
    ...warnings.map(warning => `Note: ${warning}.`),
    `Wrote ${file}; use it with: evidence-runner check --calibration ${file} …`,
  ]
}

function comparison(what: 'claim' | 'source', before: FitQuality, after: FitQuality): string[] {
  const both = (of: (quality: FitQuality) => string) => `${of(before)} → ${of(after)}`
  const { baseNll, eceOfPerfect, n } = after
  return [
    `Of a ${what} (n = ${n})`,
    `  calibration error: ${both(({ ece }) => percent(ece))}; ${percent(eceOfPerfect)} by chance alone`,
    `  log loss: ${both(({ nll }) => nll.toFixed(3))}; ${baseNll.toFixed(3)} from the labels' frequencies`,
    `  accuracy: ${both(({ accuracy }) => percent(accuracy))}`,
    `  accuracy of the surest quarter: ${both(({ surestQuarter }) => percent(surestQuarter))}`,
  ]
}
