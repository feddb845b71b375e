/**
 * Runs labelled claims through the library and measures its answers: each file, and all of them together. Claims
 * with an altered form are asked in that form, too; the others once more without a calibration, to see what
 * calibrating is worth.
 */
import type { EvidenceEnhancer } from '../src/index.ts'
import { askAltered } from './eval-operational.ts'
import { type Embedder, vectorsOf } from './eval-sts.ts'
import { type Answered, type ClaimsQuality, claimsQuality } from './quality/claim-quality.ts'
import { cosinesOf, type GeneralQuality, generalQuality } from './quality/general.ts'
import type { LabelledClaim } from './quality/labelled.ts'
import { isOperational, type OperationalQuality, operationalQuality } from './quality/operational.ts'

/** The part of an enhancer that is asked. */
export type Checker = Pick<EvidenceEnhancer, 'enhanceMany'>

/** A file's name and what stands in it. */
export type ClaimFile = { readonly file: string; readonly claims: readonly LabelledClaim[] }

/** What was measured of some claims; `general` only of those without altered forms. */
export type PartQuality = ClaimsQuality & { readonly general?: GeneralQuality }

/** What was measured of one file. */
export type FileQuality = PartQuality & {
  readonly file: string
  /** Only where claims have altered forms. */
  readonly operational?: OperationalQuality
}

/** What was measured; `all` is there where several files have claims without altered forms: these together. */
export type ClaimsReport = { readonly files: readonly FileQuality[]; readonly all?: PartQuality }

/** How it is run. */
export type EvalOptions = {
  /** Claims (or batches of texts) under way at most. */
  readonly concurrency: number
  /** Called as answers come. */
  readonly onProgress?: (done: number, total: number) => void
}

/** As `EvalOptions`, with a checker that has no calibration; it is opened only where it is needed. */
export type ClaimsOptions = EvalOptions & {
  readonly openRaw?: () => Promise<Checker & AsyncDisposable>
  /** Gives vectors, where whole sources are to be compared by them alone, too. */
  readonly embedder?: Embedder
}

type AnsweredFile = { readonly file: string; readonly answered: readonly Answered[] }

/** A claim that fails is counted as failed; the others go on. */
export async function evaluateClaims(
  checker: Checker,
  files: readonly ClaimFile[],
  { embedder, openRaw, ...options }: ClaimsOptions,
): Promise<ClaimsReport> {
  const given = await askFiles(checker, files, options)
  const operational = new Map<string, OperationalQuality>()
  for (const { answered, file } of given) {
    if (!isOperational(answered.map(({ claim }) => claim))) continue
    operational.set(file, operationalQuality(await askAltered(checker, answered, options)))
  }
  const general = given.filter(({ file }) => !operational.has(file))
  const vectors = embedder === undefined ? new Map() : await vectorsOf(embedder, textsOf(general), options)
  const raw = await rawOf(general, options, openRaw)
  const qualityOf = (parts: readonly AnsweredFile[]): GeneralQuality => {
    const answered = parts.flatMap(each => each.answered)
    const cosines = cosinesOf(
      answered.map(({ claim }) => claim),
      vectors,
    )
    return generalQuality(answered, { cosines, raw: parts.flatMap(({ file }) => raw.get(file) ?? []) })
  }
  const measured = given.map((part): FileQuality => {
    const { answered, file } = part
    const found = operational.get(file)
    const more = found === undefined ? { general: qualityOf([part]) } : { operational: found }
    return { file, ...claimsQuality(answered), ...more }
  })
  if (general.length < 2) return { files: measured }
  const together = claimsQuality(general.flatMap(({ answered }) => answered))
  return { files: measured, all: { ...together, general: qualityOf(general) } }
}

/** Claims and the sources that have a label, each once. */
const textsOf = (files: readonly AnsweredFile[]): string[] => [
  ...new Set(
    files.flatMap(({ answered }) =>
      answered.flatMap(({ claim: { context, evidenceLabels } }) =>
        evidenceLabels.length === 0
          ? []
          : [context.claim, ...context.sources.map(({ content = '' }) => content)],
      ),
    ),
  ),
]

async function askFiles(
  checker: Checker,
  files: readonly ClaimFile[],
  { concurrency, onProgress = () => {} }: EvalOptions,
): Promise<AnsweredFile[]> {
  const total = files.reduce((sum, { claims }) => sum + claims.length, 0)
  const given: AnsweredFile[] = []
  let done = 0
  for (const { claims, file } of files) {
    const answered: Answered[] = []
    const contexts = claims.map(({ context }) => context)
    for await (const outcome of checker.enhanceMany(contexts, { concurrency })) {
      answered.push({ claim: claims[answered.length] as LabelledClaim, outcome })
      done += 1
      onProgress(done, total)
    }
    given.push({ file, answered })
  }
  return given
}

/** Answers without a calibration, by file: those given where they have none, else asked again. */
async function rawOf(
  given: readonly AnsweredFile[],
  options: EvalOptions,
  openRaw: ClaimsOptions['openRaw'],
): Promise<Map<string, readonly Answered[]>> {
  // What arithmetic decided names the share that was measured for it, whatever the model's chances are.
  const isRaw = ({ outcome }: Answered) =>
    'error' in outcome || outcome.calibration === 'uncalibrated' || outcome.confidenceMethod === 'arithmetic'
  const asRead = (files: readonly AnsweredFile[]) =>
    new Map(files.map(({ answered, file }) => [file, answered]))
  if (given.every(({ answered }) => answered.every(isRaw))) return asRead(given)
  if (openRaw === undefined) return new Map()
  await using checker = await openRaw()
  const files = given.map(({ answered, file }) => ({ file, claims: answered.map(({ claim }) => claim) }))
  return asRead(await askFiles(checker, files, options))
}
