/**
 * Whether a trace holds together, and where two of them part. Works on records alone: no source is needed, since
 * a step keeps the hashes of what it was given and what came of it.
 */
import * as z from 'zod'
import { InputError } from './errors.ts'
import { recordOf, stepOfHashes, type TraceRecord, type TraceStep } from './trace.ts'

/** Steps in each other at most, in traces from outside. */
const deepest = 200

/** A hash that does not follow from its parts. */
export type Mismatch = {
  /** Labels from the root, or places where there are none, such as `0/embed`; empty for the record itself. */
  readonly path: string
  readonly which: 'executionKey' | 'traceHash' | 'exactHash' | 'hash'
}

/** Where two traces first differ, in plan order. */
export type Difference = {
  /** As of a Mismatch. */
  readonly path: string
  /** `exactOutputHash`: all else is the same throughout, and only last bits differ. `children`: how many. */
  readonly which: Given | Came | 'children'
  readonly a: string | number
  readonly b: string | number
}

type Given = 'label' | 'node' | 'version' | 'inputHash' | 'configHash'
type Came = 'status' | 'outputHash' | 'exactOutputHash'

/** Computes every hash of a record again. @returns the first that does not follow from its parts. */
export function verifyTrace(record: TraceRecord): Mismatch | undefined {
  const inside = verifySteps(record.steps, '')
  if (inside !== undefined) return inside
  const again = recordOf(record.steps)
  const which = (['hash', 'exactHash'] as const).find(name => again[name] !== record[name])
  return which === undefined ? undefined : { path: '', which }
}

function verifySteps(steps: readonly TraceStep[], above: string): Mismatch | undefined {
  for (const [index, step] of steps.entries()) {
    const path = placeOf(above, step, index)
    const inside = verifySteps(step.children, path)
    if (inside !== undefined) return inside
    const again = stepOfHashes(step)
    const which = (['executionKey', 'traceHash', 'exactHash'] as const).find(
      name => again[name] !== step[name],
    )
    if (which !== undefined) return { path, which }
  }
  return undefined
}

/**
 * The first difference of two records that hold; undefined where both hashes are the same. What a step was given
 * comes before what happened in it, and that before what came of it: the innermost cause is what is told.
 */
export function diffTraces(a: TraceRecord, b: TraceRecord): Difference | undefined {
  if (a.hash !== b.hash) return diffSteps(a.steps, b.steps, '', 'traceHash')
  return a.exactHash === b.exactHash ? undefined : diffSteps(a.steps, b.steps, '', 'exactHash')
}

const given = ['label', 'node', 'version', 'inputHash', 'configHash'] as const
const came = { traceHash: ['status', 'outputHash'], exactHash: ['exactOutputHash'] } as const

function diffSteps(
  a: readonly TraceStep[],
  b: readonly TraceStep[],
  above: string,
  hash: keyof typeof came,
): Difference | undefined {
  for (const [index, one] of a.entries()) {
    const other = b[index]
    if (other === undefined) break
    if (one[hash] === other[hash] && one.label === other.label) continue
    const path = placeOf(above, one, index)
    const found =
      differing(one, other, path, given) ??
      diffSteps(one.children, other.children, path, hash) ??
      differing(one, other, path, came[hash])
    if (found !== undefined) return found
  }
  return a.length === b.length ? undefined : { path: above, which: 'children', a: a.length, b: b.length }
}

function differing(
  a: TraceStep,
  b: TraceStep,
  path: string,
  parts: readonly (Given | Came)[],
): Difference | undefined {
  const which = parts.find(part => a[part] !== b[part])
  return which === undefined ? undefined : { path, which, a: a[which], b: b[which] }
}

const placeOf = (above: string, { label }: TraceStep, index: number): string =>
  `${above === '' ? '' : `${above}/`}${label === '' ? index : label}`

const hash = z.string().regex(/^[0-9a-f]{64}$/, 'is no SHA-256 in hex')
/** Empty where there was nothing to hash. */
const hashOrNone = z.union([hash, z.literal('')], 'is no SHA-256 in hex')
const step: z.ZodType<TraceStep> = z.lazy(() =>
  z.object({
    node: z.string(),
    version: z.string(),
    label: z.string(),
    status: z.enum(['ok', 'failed', 'skipped']),
    inputHash: hashOrNone,
    configHash: hashOrNone,
    outputHash: hashOrNone,
    exactOutputHash: hashOrNone,
    executionKey: hash,
    traceHash: hash,
    exactHash: hash,
    children: z.array(step),
  }),
)
const recordSchema = z.object({ hash, exactHash: hash, steps: z.array(step) })

/**
 * A trace from a file or a store.
 * @throws InputError ER_INPUT naming the first place that is none of a trace, or that it is deeper than 200 steps.
 */
export function parseTrace(value: unknown): TraceRecord {
  if (isDeep(value)) throw new InputError('ER_INPUT', `This is no trace: deeper than ${deepest} steps`)
  const parsed = recordSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const place = issue?.path.join('.') || 'the whole'
  throw new InputError('ER_INPUT', `This is no trace: ${place}: ${issue?.message}`)
}

/** Level by level, and not by recursion: the schema's would exhaust the stack. */
function isDeep(value: unknown): boolean {
  let level = listIn(value, 'steps')
  for (let depth = 0; depth < deepest && level.length > 0; depth += 1)
    level = level.flatMap(entry => listIn(entry, 'children'))
  return level.length > 0
}

function listIn(value: unknown, name: 'steps' | 'children'): readonly unknown[] {
  const list: unknown = (value as Partial<Record<typeof name, unknown>> | null | undefined)?.[name]
  return Array.isArray(list) ? list : []
}
