/**
 * The first part of a request: its sources cut into passages, and those chosen that are worth reading. Local
 * work alone; what is to be asked of a worker is decided on what comes of it.
 */
import type { ErrorRecord } from '../core/errors.ts'
import { portable } from '../core/trace.ts'
import { type PlanNode, stage } from '../plan/node.ts'
import type { PassageTable } from './passages.ts'
import type { ParsedContext } from './request.ts'
import { type Candidate, selectPassages } from './select.ts'
import { type Readable, readSources } from './sources.ts'
import { type Term, termsOf } from './terms.ts'

/** Raised when the same request may get another answer; part of every execution key. */
export const recipeVersion = '4'

/** Cuts a source and notes the claim's terms; in a thread where it is large. */
export type Tabulate = (content: string, terms: readonly Term[], signal: AbortSignal) => Promise<PassageTable>

/** A request as far as it can be read without a model. */
export type Reading = {
  readonly claim: string
  readonly sources: readonly Readable[]
  readonly terms: readonly Term[]
  /** Of each source, in order. */
  readonly tables: readonly PassageTable[]
  /** In the order of the sources and of their text. */
  readonly passages: readonly Candidate[]
  /** Sources that could not be read. */
  readonly errors: readonly ErrorRecord[]
}

/** What a reading is made from, in a form that can be hashed: the claim, and each source's id and hash. */
export type ReadingInput = {
  readonly claim: string
  readonly sources: readonly (readonly [id: string, hash: string])[]
}

/**
 * The plan that reads a request, and its input.
 * @throws InputError ER_INPUT when no source can be read.
 */
export function readingPlan(
  { claim, sources: given }: ParsedContext,
  tabulate: Tabulate,
  maxPassages: number,
): { readonly plan: PlanNode<ReadingInput, Reading>; readonly input: ReadingInput } {
  const errors: ErrorRecord[] = []
  const sources = readSources(given, errors)
  const plan = stage<ReadingInput, Reading>(
    'evidence.passages',
    async (_input, { signal }) => {
      const terms = termsOf(claim)
      const tables = await Promise.all(
        sources.map(({ binary, content }) => (binary ? unread : tabulate(content, terms, signal))),
      )
      const passages = selectPassages(tables, terms, maxPassages)
      return { claim, sources, terms, tables, passages, errors }
    },
    {
      version: recipeVersion,
      config: { maxPassages },
      effects: ['pure'],
      memo: false, // it would keep whole sources
      portable: { output: ({ passages }) => passages.map(spanOf) },
    },
  )
  return { plan, input: { claim, sources: sources.map(({ id, hash }) => [id, hash]) } }
}

/** A passage as a portable trace has it. */
export const spanOf = ({ source, start, end, overlap }: Candidate): readonly number[] => [
  source,
  start,
  end,
  portable(overlap),
]

const unread: PassageTable = { offsets: new Uint32Array(), masks: new Uint32Array() }
