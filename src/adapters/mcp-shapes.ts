/**
 * What the MCP tools take and give, as schemas: clients are told of them, and both sides are held to them.
 * Answers have the library's own names, see `EnhancedEvidence`; what is large comes only when it is asked for.
 */
import * as z from 'zod'
import type { ErrorCode } from '../core/errors.ts'
import { limits } from '../evidence/request.ts'
import type { DoorLimits } from './door.ts'

/** Sources of one call at most; a source is a document, not a sentence. */
const mostSources = 1000
/** Milliseconds: a call that may take longer belongs in a queue. */
const longestWait = 10 * 60_000

/** Parts of an answer that are left out unless they are asked for. */
export const largeParts = [
  'assessments',
  'relatedEvidence',
  'retrieved',
  'timings',
  'trace',
  'validation',
  'metadata',
  'vector',
] as const

/** The name of a part that is left out unless it is asked for. */
export type LargePart = (typeof largeParts)[number]

const claim = z
  .string()
  .min(1)
  .max(limits.claimLength)
  .describe('One statement that can be true or false, such as "The outage lasted under 20 minutes."')

const source = z.strictObject({
  content: z
    .string()
    .max(limits.sourceLength)
    .optional()
    .describe(
      'The text of the source. Left out only where path names a file that may be read, or for a collection.',
    ),
  path: z
    .string()
    .max(4096)
    .optional()
    .describe('Its file; read only inside the folder the operator allowed.'),
  id: z.string().min(1).max(limits.idLength).optional().describe('Citations name it. Default: s1, s2, …'),
  type: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe('document, file, log, metric, report, database or api. Default: document'),
  title: z.string().max(2000).optional(),
  url: z.string().max(4096).optional().describe('Where it is from; never fetched.'),
  collection: z
    .string()
    .min(1)
    .max(200)
    .optional()
    .describe('With type database, in place of content: a stored collection that is searched for it.'),
  query: z
    .string()
    .min(1)
    .max(limits.claimLength)
    .optional()
    .describe('What to look for. Default: the claim'),
  limit: z.int().min(1).max(1024).optional().describe('Passages from the collection. Default: 32'),
})

const sources = z
  .array(source)
  .min(1)
  .max(mostSources)
  .describe('What the claim is checked against; nothing else is consulted.')

const taskId = z.string().min(1).max(limits.idLength).optional().describe('Your name for it; comes back.')

const how = {
  priority: z.enum(['low', 'medium', 'high']).optional(),
  timeoutMs: z.number().positive().max(longestWait).optional().describe('Default: the server’s, 30000'),
  reproducible: z.boolean().optional().describe('Equal requests give equal bytes; slower.'),
  include: z.array(z.enum(largeParts)).optional().describe('Parts that are left out otherwise.'),
}

const chances = z.object({ supports: z.number(), refutes: z.number(), neither: z.number() })

const code = z.string() as unknown as z.ZodType<ErrorCode, ErrorCode>

const errorRecord = z.object({
  code,
  message: z.string(),
  path: z.string().optional(),
  retryAfterMs: z.number().optional(),
})

const failure = z.object({
  error: z.object({
    code,
    message: z.string(),
    retryable: z.boolean(),
    retryAfterMs: z.number().optional(),
  }),
})

const verdict = z.enum(['supported', 'refuted', 'disputed', 'not-enough-evidence'])
/** Plain data whose shape the library's own types tell. */
const plain = z.record(z.string(), z.unknown())

const answer = z.object({
  id: z.string().describe('Of this answer; explain_trace takes it.'),
  taskId: z.string(),
  verdict,
  confidence: z.number().describe('Probability of the verdict, 0 to 1; a score where uncalibrated.'),
  confidenceMethod: z.string(),
  calibration: z.union([
    z.literal('uncalibrated'),
    z.object({ set: z.string(), n: z.number(), ece: z.number() }),
  ]),
  probabilities: chances.extend({ disputed: z.number() }),
  abstained: z.boolean(),
  leaning: verdict.nullable(),
  aiAnalysis: z.string(),
  citations: z.array(
    z.object({
      sourceId: z.string(),
      start: z.number(),
      end: z.number(),
      text: z.string().describe('Verbatim; from start to end of the source, in UTF-16 units.'),
      stance: z.enum(['supports', 'refutes', 'neutral']),
      score: z.number(),
    }),
  ),
  coverage: plain,
  plan: z.string(),
  cached: z.boolean(),
  processingTime: z.number().describe('Milliseconds.'),
  spent: plain,
  traceHash: z.string(),
  fallbackUsed: z.boolean(),
  warnings: z.array(z.string()),
  errors: z.array(errorRecord),
  assessments: z
    .array(z.object({ sourceId: z.string(), relevance: z.number(), probabilities: chances }))
    .optional(),
  relatedEvidence: z
    .array(
      z.object({ claim: z.string(), similarity: z.number(), source: z.string(), from: plain.optional() }),
    )
    .optional(),
  retrieved: z.array(plain).optional(),
  timings: z.array(plain).optional(),
  trace: plain.optional(),
  validation: plain.optional(),
  metadata: plain.optional(),
  vector: z.array(z.number()).nullable().optional(),
})

/** One answer as it leaves. */
export type Answer = z.input<typeof answer>
/** An answer of many, or what went wrong in its place. */
export type ManyAnswer = Answer | (z.input<typeof failure> & { readonly taskId: string })

/**
 * An output that may also be a failure: some clients hold the structured content of a failed call to the
 * schema, too.
 */
const orFailure = <T extends z.ZodType>(schema: T) => z.union([schema, failure])

/** Schemas of every tool, with the limits of this door. */
export const shapesOf = ({ claims, texts }: DoorLimits) => ({
  check_claim: {
    input: z.strictObject({ claim, sources, taskId, ...how }),
    output: orFailure(answer),
  },
  check_claims: {
    input: z.strictObject({
      claims: z
        .array(z.strictObject({ claim, sources: sources.optional(), taskId }))
        .min(1)
        .max(claims),
      sources: sources.optional().describe('For every claim that brings none of its own.'),
      ...how,
    }),
    output: orFailure(
      z.object({
        answers: z
          .array(z.union([answer, failure.extend({ taskId: z.string() })]))
          .describe('In the order of the claims; a failure stands in its place.'),
        failed: z.number(),
      }),
    ),
  },
  embed_texts: {
    input: z.strictObject({
      texts: z.array(z.string().max(1_000_000)).min(1).max(texts),
      priority: how.priority,
      timeoutMs: how.timeoutMs,
    }),
    output: orFailure(
      z.object({ vectors: z.array(z.array(z.number())), dimensions: z.number(), model: z.string() }),
    ),
  },
  explain_trace: {
    input: z.strictObject({
      id: z
        .string()
        .min(4)
        .max(limits.idLength)
        .optional()
        .describe('Of an answer, or how its trace’s hash begins.'),
      claim: claim.optional(),
      sources: sources.optional(),
      timeoutMs: how.timeoutMs,
    }),
    output: orFailure(
      z.union([
        z.object({
          kind: z.literal('trace'),
          id: z.string(),
          at: z.string(),
          status: z.enum(['ok', 'failed']),
          hash: z.string(),
          exactHash: z.string(),
          holds: z.boolean().describe('Every hash follows from its parts.'),
          facts: plain,
          steps: z.array(
            z.object({
              depth: z.number(),
              node: z.string(),
              label: z.string(),
              status: z.enum(['ok', 'failed', 'skipped']),
              traceHash: z.string(),
            }),
          ),
        }),
        z.object({ kind: z.literal('plan'), plan: z.string() }),
      ]),
    ),
  },
  runner_status: {
    input: z.strictObject({}),
    output: orFailure(
      z.object({
        status: z.enum(['healthy', 'degraded', 'unhealthy']),
        ready: z.boolean(),
        saturated: z.boolean(),
        version: z.string(),
        models: z.array(z.string()),
        workers: z.array(
          z.object({ state: z.string(), settled: z.number(), restarts: z.number(), rssBytes: z.number() }),
        ),
        waitingItems: z.number(),
        openCalls: z.number(),
        callsUnderWay: z.number().describe('At this door, without this one.'),
        spent: plain,
        embeddings: plain,
        lastError: errorRecord.nullable(),
      }),
    ),
  },
})

/** Schemas by the name of their tool. */
export type Shapes = ReturnType<typeof shapesOf>
/** The name of a tool. */
export type ToolName = keyof Shapes
/** What a tool is given, checked. */
export type Given<Name extends ToolName> = z.output<Shapes[Name]['input']>
