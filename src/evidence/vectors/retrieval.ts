/**
 * Sources that are asked for rather than sent: the passages of a collection nearest to the claim, put one after the
 * other as the source's content, with a note of where each one is from.
 */
import type { RunContext } from '../../core/call.ts'
import { InputError } from '../../core/errors.ts'
import type { Ledger } from '../../core/ledger.ts'
import { type EncoderRef, roleOptions } from '../../models/encoder.ts'
import { embedTexts } from '../embed-texts.ts'
import type { EnhancerParts } from '../parts.ts'
import { type GivenContext, type ParsedContext, sourceId } from '../request.ts'
import type { RetrievedPassage, RetrievedSource } from '../result.ts'
import type { KeptPassages } from './kept-passages.ts'
import type { VectorMatch } from './store.ts'

/** Stands between passages: a blank line, over which no passage of the content goes. */
const between = '\n\n'

/** A request with all its contents, what was retrieved for it, and the ledger that the rest of it is charged to. */
export type Retrieved = {
  readonly request: ParsedContext
  readonly retrieved: readonly RetrievedSource[]
  readonly ledger: Ledger
}

/** Who does the work. */
export type RetrievalParts = Pick<EnhancerParts, 'dispatch' | 'prime'> & {
  readonly kept: KeptPassages
  readonly variant: EncoderRef
  readonly context: RunContext
}

/** The error for what can't be done without a store. */
export const noStore = (why: string): InputError =>
  new InputError('ER_INPUT', `There is no vector store: ${why}; configure vectorStore (--vector-store DIR)`)

/** Whether every source was sent with its content. */
export const isComplete = (context: GivenContext): context is ParsedContext =>
  context.sources.every(({ content }) => content !== undefined)

/**
 * The context with the contents that its sources asked for.
 * @throws InputError ER_INPUT where there is no such collection; StoreError; whatever embedding throws.
 */
export async function withRetrieved(
  context: GivenContext,
  { context: run, dispatch, kept, prime, variant }: RetrievalParts,
): Promise<Omit<Retrieved, 'ledger'>> {
  const wanted = context.sources.map(({ query = context.claim }) => query)
  const queries = [
    ...new Set(wanted.filter((_query, place) => context.sources[place]?.collection !== undefined)),
  ]
  const vectors = await embedTexts(queries, variant, run, dispatch, 'query')
  const call = { variant, options: roleOptions(variant, 'document') }
  const retrieved: RetrievedSource[] = []
  const sources = await Promise.all(
    context.sources.map(async (source, place): Promise<ParsedContext['sources'][number]> => {
      const { collection, content, limit = usualPassages, query: _query, ...rest } = source
      if (collection === undefined || content !== undefined) return { ...rest, content: content ?? '' }
      const query = wanted[place] as string
      const vector = vectors[queries.indexOf(query)] as Float32Array
      const matches = eachTextOnce(await kept.nearest(vector, query, collection, limit))
      for (const { text, vector } of matches) if (vector !== undefined) prime?.(call, text, vector)
      const found = retrievedFrom(matches, sourceId(source, place), collection, query)
      retrieved[place] = found
      return { ...rest, content: found.content }
    }),
  )
  return { request: { ...context, sources }, retrieved: retrieved.filter(found => found !== undefined) }
}

/** Passages of a source that does not say how many it wants. */
const usualPassages = 32

function retrievedFrom(
  matches: readonly VectorMatch[],
  id: string,
  collection: string,
  query: string,
): RetrievedSource {
  let start = 0
  const passages = matches.map((match): RetrievedPassage => {
    const passage = { start, end: start + match.text.length, ...originOf(match) }
    start = passage.end + between.length
    return passage
  })
  const content = matches.map(({ text }) => text).join(between)
  return { sourceId: id, collection, query, passages, content }
}

const originOf = ({ at, id, metadata, similarity, sourceId: documentId, title }: VectorMatch) => ({
  id,
  documentId,
  ...(title === undefined ? {} : { title }),
  ...(metadata === undefined ? {} : { metadata }),
  similarity,
  at: new Date(at).toISOString(),
})

function eachTextOnce(matches: readonly VectorMatch[]): VectorMatch[] {
  const seen = new Set<string>()
  return matches.filter(({ text }) => seen.size !== seen.add(text).size)
}
