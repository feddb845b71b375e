/** Reads labelled claims from JSON Lines: each line is looked at before any work, and what is wrong names its line. */
import * as z from 'zod'
import { readJsonLines } from '../../src/adapters/input.ts'
import { InputError } from '../../src/core/errors.ts'
import { describeIssues } from '../../src/evidence/config.ts'
import { parseContext, sourceId } from '../../src/evidence/request.ts'
import type { EvidenceContext } from '../../src/index.ts'
import { claimLabels, sourceLabels } from './labels.ts'

const spanSchema = z.object({
  sourceId: z.string(),
  start: z.int().min(0),
  end: z.int().min(1),
  text: z.string().optional(),
})

// Fields that are not named here are dropped: a request takes no others.
const lineSchema = z.object({
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
  label: z.enum(claimLabels).optional(),
  evidenceLabels: z.array(z.enum(sourceLabels)).optional(),
  decisive: z.array(spanSchema).optional(),
})

type Line = z.output<typeof lineSchema>

/** A part of a source, offsets in UTF-16 units. */
export type Span = Pick<z.output<typeof spanSchema>, 'sourceId' | 'start' | 'end'>

/** A claim and what people say of it. `context` holds nothing of that. */
export type LabelledClaim = {
  readonly line: number
  readonly context: EvidenceContext
  readonly sourceIds: readonly string[]
  readonly label: Line['label']
  /** One a source, in their order; empty where none were given. */
  readonly evidenceLabels: NonNullable<Line['evidenceLabels']>
  /** What a citation should hit; empty where nothing was given. */
  readonly decisive: readonly Span[]
}

/** @throws InputError naming the file and the first line that can't be used. */
export async function readLabelled(file: string): Promise<LabelledClaim[]> {
  const claims: LabelledClaim[] = []
  for await (const given of readJsonLines(file)) {
    if ('error' in given) throw new InputError('ER_INPUT', `${file}: ${given.error.message}`)
    try {
      claims.push(labelledOf(given.value, given.line))
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      throw new InputError('ER_INPUT', `${file}: line ${given.line}: ${error.message}`)
    }
  }
  if (claims.length === 0) throw new InputError('ER_INPUT', `${file} has no line with a claim`)
  return claims
}

function labelledOf(value: unknown, line: number): LabelledClaim {
  const parsed = lineSchema.safeParse(value)
  if (!parsed.success) throw new InputError('ER_INPUT', describeIssues(parsed.error))
  const { taskId, claim, sources, label, evidenceLabels = [], decisive = [] } = parsed.data
  const context = { taskId, claim, sources }
  parseContext(context)
  if (label === undefined && evidenceLabels.length === 0)
    throw new InputError('ER_INPUT', 'neither label nor evidenceLabels; there is nothing to compare with')
  if (evidenceLabels.length > 0 && evidenceLabels.length !== sources.length) {
    throw new InputError(
      'ER_INPUT',
      `evidenceLabels: ${evidenceLabels.length} for ${sources.length} sources; give one a source`,
    )
  }
  const sourceIds = sources.map(sourceId)
  for (const [index, span] of decisive.entries()) {
    const content = sources[sourceIds.indexOf(span.sourceId)]?.content
    const wrong = spanFault(span, content)
    if (wrong !== undefined) throw new InputError('ER_INPUT', `decisive.${index}: ${wrong}`)
  }
  return { line, context, sourceIds, label, evidenceLabels, decisive }
}

function spanFault(span: z.output<typeof spanSchema>, content: string | undefined): string | undefined {
  const { end, sourceId, start, text } = span
  if (content === undefined) return `there is no source ${JSON.stringify(sourceId)}`
  if (start >= end || end > content.length)
    return `${start} to ${end} is no part of ${sourceId}, which has ${content.length} characters`
  if (text !== undefined && content.slice(start, end) !== text)
    return `text is not what stands at ${start} to ${end} of ${sourceId} (offsets count UTF-16 units)`
  return undefined
}
