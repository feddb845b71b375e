/** Labelled claims of an evaluation: with the places that decide, and the claim with one thing changed. */
import * as z from 'zod'
import { type Labelled, labelledLine, readLabelledLines } from '../../src/adapters/labelled.ts'
import { InputError } from '../../src/core/errors.ts'
import { parseContext } from '../../src/evidence/request.ts'
import type { EvidenceContext } from '../../src/index.ts'
import { claimLabels, type Label } from './labels.ts'

const spanSchema = z.object({
  sourceId: z.string(),
  start: z.int().min(0),
  end: z.int().min(1),
  text: z.string().optional(),
})

const lineSchema = labelledLine.extend({
  decisive: z.array(spanSchema).optional(),
  kind: z.string().optional(),
  altered: z
    .object({ claim: z.string(), label: z.enum(claimLabels), change: z.string().optional() })
    .optional(),
})

type Line = z.output<typeof lineSchema>

/** A part of a source, offsets in UTF-16 units. */
export type Span = Pick<z.output<typeof spanSchema>, 'sourceId' | 'start' | 'end'>

/** A claim and what people say of it. `context` holds nothing of that. */
export type LabelledClaim = Labelled & {
  /** What a citation should hit; empty where nothing was given. */
  readonly decisive: readonly Span[]
  /** What has to be understood, in the writer's words. */
  readonly kind?: string
  /** Another claim about the same sources, for which another label is right. */
  readonly altered?: Altered
}

/** A claim with one thing changed. */
export type Altered = {
  readonly context: EvidenceContext
  readonly label: Label
  /** What was changed, in the writer's words. */
  readonly change: string
}

/** @throws InputError naming the file and the first line that can't be used. */
export const readLabelled = (file: string): Promise<LabelledClaim[]> =>
  readLabelledLines(file, lineSchema, (labelled, { altered, decisive = [], kind, sources }) => {
    for (const [index, span] of decisive.entries()) {
      const wrong = spanFault(span, sources[labelled.sourceIds.indexOf(span.sourceId)]?.content)
      if (wrong !== undefined) throw new InputError('ER_INPUT', `decisive.${index}: ${wrong}`)
    }
    return {
      ...labelled,
      decisive,
      ...(kind === undefined ? {} : { kind }),
      ...(altered === undefined ? {} : { altered: alteredOf(altered, labelled.context) }),
    }
  })

function alteredOf(
  { change = 'other', claim, label }: NonNullable<Line['altered']>,
  context: EvidenceContext,
): Altered {
  const changed = { ...context, taskId: `${context.taskId}-altered`, claim }
  parseContext(changed)
  return { context: changed, label, change }
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
