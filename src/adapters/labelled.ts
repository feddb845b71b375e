/**
 * Reads labelled claims from JSON Lines: each line is looked at before any work, and what is wrong names its
 * line. The labels stay here: a request holds the claim and its sources alone.
 */
import * as z from 'zod'
import { InputError } from '../core/errors.ts'
import { describeIssues } from '../evidence/config.ts'
import { type EvidenceContext, parseContext, sourceId } from '../evidence/request.ts'
import { claimLabels, sourceLabels } from '../evidence/verdict/fit.ts'
import { readJsonLines } from './input.ts'

/** One line; fields that are not named are dropped, since a request takes no others. */
export const labelledLine = z.object({
  taskId: z.string(),
  claim: z.string(),
  sources: z.array(
    z.object({
      id: z.string().optional(),
      type: z.string().optional(),
      title: z.string().optional(),
      content: z.string(),
    }),
  ),
  /** What all sources say together. */
  label: z.enum(claimLabels).optional(),
  /** What each source says, in their order. */
  evidenceLabels: z.array(z.enum(sourceLabels)).optional(),
})

type Line = z.output<typeof labelledLine>

/** A claim and what people say of it. */
export type Labelled = {
  readonly line: number
  readonly context: EvidenceContext
  readonly sourceIds: readonly string[]
  readonly label: Line['label']
  /** One a source, in their order; empty where none were given. */
  readonly evidenceLabels: NonNullable<Line['evidenceLabels']>
}

/**
 * The lines of a file, as `schema` reads them, each made into what `make` makes of it.
 * @throws InputError naming the file and the first line that can't be used.
 */
export async function readLabelledLines<L extends Line, T>(
  file: string,
  schema: z.ZodType<L>,
  make: (labelled: Labelled, line: L) => T,
): Promise<T[]> {
  const read: T[] = []
  for await (const given of readJsonLines(file)) {
    if ('error' in given) throw new InputError('ER_INPUT', `${file}: ${given.error.message}`)
    try {
      const parsed = schema.safeParse(given.value)
      if (!parsed.success) throw new InputError('ER_INPUT', describeIssues(parsed.error))
      read.push(make(labelledOf(parsed.data, given.line), parsed.data))
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      throw new InputError('ER_INPUT', `${file}: line ${given.line}: ${error.message}`)
    }
  }
  if (read.length === 0) throw new InputError('ER_INPUT', `${file} has no line with a claim`)
  return read
}

function labelledOf({ claim, evidenceLabels = [], label, sources, taskId }: Line, line: number): Labelled {
  const context = { taskId, claim, sources }
  parseContext(context)
  if (label === undefined && evidenceLabels.length === 0) {
    throw new InputError(
      'ER_INPUT',
      `neither label nor evidenceLabels; a label is one of ${claimLabels.join(', ')}`,
    )
  }
  if (evidenceLabels.length > 0 && evidenceLabels.length !== sources.length) {
    throw new InputError(
      'ER_INPUT',
      `evidenceLabels: ${evidenceLabels.length} for ${sources.length} sources; give one a source`,
    )
  }
  return { line, context, sourceIds: sources.map(sourceId), label, evidenceLabels }
}
