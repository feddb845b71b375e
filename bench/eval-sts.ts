/** Sentence similarity: cosines of the library's vectors against scores by people, each file and all together. */
import { overMany } from '../src/evidence/many.ts'
import { cosine } from '../src/evidence/rank.ts'
import type { EvidenceEnhancer } from '../src/index.ts'
import type { EvalOptions } from './eval-claims.ts'
import { type PairQuality, pairQuality, type SentencePair } from './quality/sentence-pairs.ts'

/** The part of an enhancer that is asked. */
export type Embedder = Pick<EvidenceEnhancer, 'embed'>

/** A file's name and what stands in it. */
export type PairFile = { readonly file: string; readonly pairs: readonly SentencePair[] }

/** What was measured; `all` puts the pairs of several files into one order. */
export type PairsReport = {
  readonly files: readonly ({ readonly file: string } & PairQuality)[]
  readonly all?: PairQuality
}

/** Texts of one call: few enough for a short wait, many enough to fill a worker's batches. */
const batchSize = 256
const timeoutMs = 600_000

/** Each text is embedded once, however often it stands in the files. */
export async function evaluatePairs(
  embedder: Embedder,
  files: readonly PairFile[],
  { concurrency, onProgress = () => {} }: EvalOptions,
): Promise<PairsReport> {
  const texts = [...new Set(files.flatMap(({ pairs }) => pairs.flatMap(({ a, b }) => [a, b])))]
  const vectors = await vectorsOf(embedder, texts, { concurrency, onProgress })
  const measured = files.map(({ file, pairs }) => ({
    file,
    scores: pairs.map(({ score }) => score),
    cosines: pairs.map(({ a, b }) => cosine(vectors.get(a) as Float32Array, vectors.get(b) as Float32Array)),
  }))
  return {
    files: measured.map(({ cosines, file, scores }) => ({ file, ...pairQuality(scores, cosines) })),
    ...(files.length > 1
      ? {
          all: pairQuality(
            measured.flatMap(({ scores }) => scores),
            measured.flatMap(({ cosines }) => cosines),
          ),
        }
      : {}),
  }
}

/** The vector of each text. */
export async function vectorsOf(
  embedder: Embedder,
  texts: readonly string[],
  { concurrency, onProgress = () => {} }: EvalOptions,
): Promise<Map<string, Float32Array>> {
  const batches = Array.from({ length: Math.ceil(texts.length / batchSize) }, (_, index) =>
    texts.slice(index * batchSize, (index + 1) * batchSize),
  )
  const vectors = new Map<string, Float32Array>()
  const work = async (batch: readonly string[]) => ({
    batch,
    found: await embedder.embed(batch, { timeoutMs }),
  })
  for await (const { batch, found } of overMany(batches, work, { concurrency })) {
    for (const [index, text] of batch.entries()) vectors.set(text, found[index] as Float32Array)
    onProgress(vectors.size, texts.length)
  }
  return vectors
}
