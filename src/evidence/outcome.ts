/** What many requests come to, each in its place, and how they are run together. Types, but for a name. */
import type { ErrorRecord } from '../core/errors.ts'
import type { Budget } from './config.ts'
import type { EnhanceOptions } from './request.ts'
import type { EnhancedEvidence } from './result.ts'

/** An answer, or what went wrong in its place. `line` counts from 1. */
export type ManyOutcome =
  | EnhancedEvidence
  | { readonly taskId?: string; readonly line: number; readonly error: ErrorRecord }

/** How many requests are run; the rest holds for each of them. */
export type EnhanceManyOptions = EnhanceOptions & {
  /** Requests under way at most. @default 8 */
  readonly concurrency?: number
  /** In the order of the contexts, or as each is done. @default true */
  readonly ordered?: boolean
  /** The most that all of them together may use. `budget` is each one's own. @default no limit */
  readonly totalBudget?: Budget
}

/** How texts are embedded; as for a request, without its progress. */
export type EmbedOptions = Pick<
  EnhanceOptions,
  'signal' | 'timeoutMs' | 'priority' | 'caller' | 'reproducible' | 'budget'
>

/** The task's name where the context has one, whatever else is wrong with it. */
export function taskIdOf(context: unknown): { taskId?: string } {
  const taskId = (context as { taskId?: unknown } | null)?.taskId
  return typeof taskId === 'string' ? { taskId } : {}
}
