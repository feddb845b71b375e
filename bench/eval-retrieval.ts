/**
 * Retrieval: whether the texts that bear on a claim are found among those of all claims of a file, by vectors alone
 * and by vectors and words together, as a collection on disk is searched.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLanceStore } from '../src/adapters/lancedb.ts'
import { rowId, type VectorRow } from '../src/evidence/vectors/store.ts'
import type { EvalOptions } from './eval-claims.ts'
import { type Embedder, vectorsOf } from './eval-sts.ts'
import type { LabelledClaim } from './quality/labelled.ts'
import { mean } from './quality/rank.ts'
import { type Row, tableText } from './report.ts'

/** A file's name and its claims. */
export type ClaimFile = { readonly file: string; readonly claims: readonly LabelledClaim[] }

/** Shares of what bears on a claim that is among the first so many, and 1 by the place of the first; over claims. */
export type RetrievalQuality = {
  readonly way: 'vectors' | 'vectors and words'
  readonly claims: number
  readonly recallAt1: number
  readonly recallAt5: number
  readonly recallAt10: number
  readonly reciprocalRank: number
}

/** What was measured of a file: its texts, and each way to search them. */
export type RetrievalReport = {
  readonly file: string
  readonly texts: number
  readonly ways: readonly RetrievalQuality[]
}

const first = 10
const collection = 'evaluated'

/** Each text stands in the collection once. A claim of which nothing bears on it is left out. */
export async function evaluateRetrieval(
  embedder: Embedder,
  { claims, file }: ClaimFile,
  options: EvalOptions,
): Promise<RetrievalReport> {
  const asked = claims.map(wantedOf).filter(({ wanted }) => wanted.size > 0)
  const texts = [...new Set(claims.flatMap(({ context }) => textsOf(context)))]
  const vectors = await vectorsOf(embedder, [...texts, ...asked.map(({ claim }) => claim)], options)
  const vectorOf = (text: string) => vectors.get(text) as Float32Array
  const folder = await mkdtemp(join(tmpdir(), 'evidence-runner-retrieval-'))
  try {
    await using store = await openLanceStore(folder)
    await store.bind({ model: 'evaluated', dimensions: vectorOf(texts[0] as string).length })
    await store.upsert(texts.map((text): VectorRow => rowOf(text, vectorOf(text))))
    // The index of words is made behind the first write, so that a second write ends after it.
    await store.upsert([rowOf(texts[0] as string, vectorOf(texts[0] as string))])
    const ways: RetrievalQuality[] = []
    for (const way of ['vectors', 'vectors and words'] as const) {
      const places: number[][] = []
      for (const { claim, wanted } of asked) {
        const words = way === 'vectors' ? {} : { text: claim }
        const found = await store.search(vectorOf(claim), { collection, limit: first, ...words })
        const texts = found.map(({ text }) => text)
        places.push([...wanted].map(text => texts.indexOf(text)))
      }
      ways.push(qualityOf(way, places))
    }
    return { file, texts: texts.length, ways }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** The reports as tables. */
export const retrievalText = (reports: readonly RetrievalReport[]): string =>
  reports
    .map(({ file, texts, ways }) =>
      tableText({
        title: `${file}: what bears on a claim, among ${texts} texts`,
        note: 'recall: share of it among the first 1, 5, 10. MRR: 1 by the place of the first, 0 beyond 10.',
        rows: ways.map(
          ({ claims, reciprocalRank, recallAt1, recallAt10, recallAt5, way }): Row => ({
            way,
            claims,
            'recall@1': recallAt1,
            'recall@5': recallAt5,
            'recall@10': recallAt10,
            MRR: reciprocalRank,
          }),
        ),
      }),
    )
    .join('\n\n')

/** All sources where nobody said which of them bear on the claim. */
function wantedOf({ context, evidenceLabels }: LabelledClaim) {
  const bears = (place: number) => evidenceLabels[place] !== 'NOT_ENOUGH_INFO'
  return { claim: context.claim, wanted: new Set(textsOf(context).filter((_, place) => bears(place))) }
}

/** Labelled claims bring their texts with them. */
const textsOf = ({ sources }: LabelledClaim['context']) => sources.map(({ content = '' }) => content)

const rowOf = (text: string, vector: Float32Array): VectorRow => {
  const sourceId = rowId(collection, '', text)
  return {
    id: rowId(collection, sourceId, text),
    collection,
    text,
    sourceId,
    contentHash: sourceId,
    vector,
    at: 0,
  }
}

/** `places`: of each claim those of what it wants, from 0; -1 for what was not found. */
function qualityOf(way: RetrievalQuality['way'], places: readonly (readonly number[])[]): RetrievalQuality {
  const recall = (most: number) =>
    mean(places.map(own => own.filter(place => place >= 0 && place < most).length / own.length))
  const best = places.map(own =>
    Math.min(...own.map(place => (place < 0 ? Number.POSITIVE_INFINITY : place))),
  )
  return {
    way,
    claims: places.length,
    recallAt1: recall(1),
    recallAt5: recall(5),
    recallAt10: recall(10),
    reciprocalRank: mean(best.map(place => 1 / (place + 1))),
  }
}
