/** Runs labelled claims through the library and measures its answers: each file, and all of them together. */
import type { EvidenceEnhancer } from '../src/index.ts'
import { type Answered, type ClaimsQuality, claimsQuality } from './quality/claim-quality.ts'
import type { LabelledClaim } from './quality/labelled.ts'

/** The part of an enhancer that is asked. */
export type Checker = Pick<EvidenceEnhancer, 'enhanceMany'>

/** A file's name and what stands in it. */
export type ClaimFile = { readonly file: string; readonly claims: readonly LabelledClaim[] }

/** What was measured; `all` is there where there are several files. */
export type ClaimsReport = {
  readonly files: readonly ({ readonly file: string } & ClaimsQuality)[]
  readonly all?: ClaimsQuality
}

/** How it is run. */
export type EvalOptions = {
  /** Claims (or batches of texts) under way at most. */
  readonly concurrency: number
  /** Called as answers come. */
  readonly onProgress?: (done: number, total: number) => void
}

/** A claim that fails is counted as failed; the others go on. */
export async function evaluateClaims(
  checker: Checker,
  files: readonly ClaimFile[],
  { concurrency, onProgress = () => {} }: EvalOptions,
): Promise<ClaimsReport> {
  const total = files.reduce((sum, { claims }) => sum + claims.length, 0)
  const all: Answered[] = []
  const measured: ClaimsReport['files'][number][] = []
  for (const { claims, file } of files) {
    const answered: Answered[] = []
    const contexts = claims.map(({ context }) => context)
    for await (const outcome of checker.enhanceMany(contexts, { concurrency })) {
      answered.push({ claim: claims[answered.length] as LabelledClaim, outcome })
      onProgress(all.length + answered.length, total)
    }
    all.push(...answered)
    measured.push({ file, ...claimsQuality(answered) })
  }
  return { files: measured, ...(files.length > 1 ? { all: claimsQuality(all) } : {}) }
}
