/**
 * CloudEvents 1.0 envelopes: how one is checked, when it is too old to be handled, and the one that carries an
 * answer. Extensions that are understood: `ttl`, `expirytime`, `traceparent` and `tracestate`.
 */
import * as z from 'zod'
import { InputError } from '../core/errors.ts'
import { describeIssues } from '../evidence/config.ts'
import { limits } from '../evidence/request.ts'
import type { EnhancedEvidence } from '../evidence/result.ts'
import { type SentEvidence, sentEvidence } from './a2a-answer.ts'

const name = z.string().min(1).max(2000)

const envelopeSchema = z.looseObject({
  specversion: z.literal('1.0'),
  // Also the task's name, where the data has none of its own.
  id: z.string().min(1).max(limits.idLength),
  source: name,
  type: name,
  subject: name.optional(),
  time: z.iso.datetime({ offset: true }).optional(),
  datacontenttype: name.optional(),
  data: z.record(z.string(), z.unknown()),
  // Some transports carry every extension as text.
  ttl: z
    .union([z.number(), z.string().regex(/^\d+$/).transform(Number)])
    .pipe(z.int().min(0))
    .optional(),
  expirytime: z.iso.datetime({ offset: true }).optional(),
  traceparent: z.string().max(200).optional(),
  tracestate: z.string().max(2000).optional(),
})

/**
 * A checked event. `data` is a request: `{ claim, sources, taskId?, metadata? }`. `ttl` is milliseconds from `time`,
 * or from its arrival where it has no time; `expirytime` is a time by itself.
 */
export type CloudEvent = z.output<typeof envelopeSchema>

/** @throws InputError ER_INPUT naming every field that is wrong. */
export function parseCloudEvent(value: unknown): CloudEvent {
  const parsed = envelopeSchema.safeParse(value)
  if (parsed.success) return parsed.data
  throw new InputError('ER_INPUT', `Invalid event: ${describeIssues(parsed.error)}`)
}

/** What makes two events the same. */
export const eventKey = ({ id, source }: Pick<CloudEvent, 'id' | 'source'>): string => `${source}\u0000${id}`

/** When an event is not to be handled any more, in milliseconds since 1970; Infinity where it never ends. */
export function expiryOf({ expirytime, time, ttl }: CloudEvent, arrivedAt: number): number {
  const byTtl =
    ttl === undefined ? Number.POSITIVE_INFINITY : ttl + (time === undefined ? arrivedAt : Date.parse(time))
  const byTime = expirytime === undefined ? Number.POSITIVE_INFINITY : Date.parse(expirytime)
  return Math.min(byTtl, byTime)
}

/** The type of events that carry answers. */
export const enhancedType = 'com.evidence-runner.evidence.enhanced.v1'

/** An answer as an event: what it answers, the evidence, and the trace context of the event that asked. */
export type EnhancedEvent = {
  readonly specversion: '1.0'
  readonly id: string
  readonly source: string
  readonly type: string
  readonly subject?: string
  readonly time: string
  readonly datacontenttype: 'application/json'
  readonly traceparent?: string
  readonly tracestate?: string
  readonly data: {
    readonly event: { readonly id: string; readonly source: string; readonly type: string }
    readonly evidence: SentEvidence
  }
}

/** The event for an answer. Its id follows from the one it answers: sent twice, it is known as the same. */
export function enhancedEvent(event: CloudEvent, evidence: EnhancedEvidence, source: string): EnhancedEvent {
  const { id, source: origin, subject, traceparent, tracestate, type } = event
  return {
    specversion: '1.0',
    id: `${origin}#${id}`,
    source,
    type: enhancedType,
    ...(subject === undefined ? {} : { subject }),
    time: evidence.metadata.timestamp,
    datacontenttype: 'application/json',
    ...(traceparent === undefined ? {} : { traceparent }),
    ...(tracestate === undefined ? {} : { tracestate }),
    data: { event: { id, source: origin, type }, evidence: sentEvidence(evidence) },
  }
}
