/**
 * What goes from step to step while a claim is checked: the question, the vectors that have been computed so
 * far, and what went wrong on the way. A step takes a state and gives another; none is changed.
 */
import type { Vectors } from '../core/call.ts'
import { row } from '../core/call.ts'
import { BudgetError, type ErrorRecord, errorRecord, InputError, RunnerError } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import type { Settled } from '../plan/node.ts'
import type { ClaimChances } from './verdict/chances.ts'
import type { PassageShown, WriterLimits } from './written/ask.ts'

/** A passage by place and content. */
export type PassageRef = {
  /** Id of its source. */
  readonly source: string
  readonly start: number
  readonly end: number
  /** Weighted share of the claim's terms, 0 to 1, to four decimals. */
  readonly overlap: number
  /** SHA-256 of its text. */
  readonly hash: string
}

/** What is asked: a claim, and the passages that may be read for it. Plain data, equal for equal requests. */
export type Question = { readonly claim: string; readonly passages: readonly PassageRef[] }

/** A passage as a language model is shown it, by the place that the question has it at. */
export type Shown = PassageShown & { readonly place: number }

/** What a language model wrote, before any of it is believed. */
export type Written = {
  /** The passages that it was to be shown, best first, by the places that they have here. */
  readonly given: readonly Shown[]
  readonly limits: WriterLimits
  /** JSON of the analysis. */
  readonly text: string
  /** Whether it had to end before it was complete. */
  readonly cut: boolean
  /** Of the verdicts' names as they came, where it was asked for them. */
  readonly chances: ClaimChances | undefined
  /** How much of all its chances these had together, 0 to 1. */
  readonly mass: number
}

/** How far the reading has come. */
export type State = {
  readonly question: Question
  /** Vectors by place: 0 is the claim's, n + 1 that of passage n; undefined where there is none (yet). */
  readonly rows: readonly (Float32Array | undefined)[]
  /** What a verifier said, by the same places: chances of supports, refutes, neither; or of relevance alone. */
  readonly verified: readonly (Float32Array | undefined)[]
  readonly written: Written | undefined
  readonly failures: readonly ErrorRecord[]
}

/** The state before anything was asked of a worker. */
export const stateOf = (question: Question): State => ({
  question,
  rows: new Array<undefined>(question.passages.length + 1).fill(undefined),
  verified: new Array<undefined>(question.passages.length + 1).fill(undefined),
  written: undefined,
  failures: [],
})

/** A state as a portable trace has it: which vectors are there, not their bits. */
export const portableState = ({ question, rows, verified, written, failures }: State) => ({
  question,
  read: filledOf(rows),
  verified: filledOf(verified),
  written: portableWritten(written),
  failures: failures.map(({ code }) => code),
})

/** What was written as a portable trace has it: its text by its hash, no chances and no times. */
export const portableWritten = (written: Written | undefined) =>
  written === undefined ? 'nothing' : [written.given.map(({ place }) => place), sha256(written.text)]

const filledOf = (rows: State['rows']): number[] =>
  rows.flatMap((row, place) => (row === undefined ? [] : [place]))

/** Whether the claim's vector is there, so that passages can be compared by meaning. */
export const isEmbedded = ({ rows }: State): boolean => rows[0] !== undefined

/**
 * The state with what came of embedding the texts at `places`. Where the budget or the workers are gone, what
 * has been read stands, and a failure says what is missing.
 * @throws the reason, where that leaves nothing to answer with, or nothing may stand in for it.
 */
export function withVectors(
  state: State,
  places: readonly number[],
  outcome: Settled<Vectors>,
  fallback: 'lexical' | 'error',
): State {
  if (outcome.status === 'fulfilled') return { ...state, rows: withRows(state.rows, places, outcome.value) }
  const { reason } = outcome
  const wordsWillDo = fallback === 'lexical' && meansNoWorker(reason)
  if (!(isEmbedded(state) && (wordsWillDo || reason instanceof BudgetError)) && !wordsWillDo) throw reason
  return { ...state, failures: [...state.failures, errorRecord(reason)] }
}

/**
 * The state with what came of asking a verifier about the passages at `places`. Where it could not be asked, what
 * stands in for it decides, and a failure says so.
 * @throws the reason, where nothing may stand in for it.
 */
export function withVerified(
  state: State,
  places: readonly number[],
  outcome: Settled<Vectors> | undefined,
  fallback: 'lexical' | 'error',
): State {
  if (outcome === undefined) return state
  if (outcome.status === 'fulfilled')
    return { ...state, verified: withRows(state.verified, places, outcome.value) }
  const { reason } = outcome
  const goesOn = reason instanceof BudgetError || (fallback === 'lexical' && meansNoWorker(reason))
  if (!goesOn) throw reason
  return { ...state, failures: [...state.failures, errorRecord(reason)] }
}

/**
 * The state with what came of asking a language model. Where it could not be asked, the analysis quotes alone, and a
 * failure says so.
 * @throws the reason, where nothing may stand in for it.
 */
export function withWritten(
  state: State,
  outcome: Settled<Written | undefined>,
  fallback: 'lexical' | 'error',
): State {
  if (outcome.status === 'fulfilled') return { ...state, written: outcome.value }
  const { reason } = outcome
  // Where nothing fits the model's context there is nothing to try again.
  const tooLarge = reason instanceof InputError && reason.code === 'ER_INPUT'
  const excused = tooLarge || (fallback === 'lexical' && meansNoWorker(reason))
  if (!excused && !(reason instanceof BudgetError)) throw reason
  const record = errorRecord(reason)
  const message = `The language model wrote nothing: ${record.message}`
  return { ...state, failures: [...state.failures, { ...record, message }] }
}

function withRows(rows: State['rows'], places: readonly number[], vectors: Vectors): State['rows'] {
  const filled = [...rows]
  for (const [index, place] of places.entries()) filled[place] = row(vectors, index)
  return filled
}

/** What went wrong, each thing once, with how many passages are missing for it. */
export function failuresOf({ failures, question, rows }: State): ErrorRecord[] {
  const codes = [...new Set(failures.map(({ code }) => code))]
  const unread = rows.slice(1).filter(vector => vector === undefined).length
  const missing =
    rows[0] === undefined || unread === 0
      ? ''
      : `${unread} of ${question.passages.length} passages were not read: `
  return codes.map(code => {
    const record = failures.findLast(failure => failure.code === code) as ErrorRecord
    return { ...record, message: `${missing}${record.message}` }
  })
}

/** True where words can stand in: a worker could not be had or could not do it. Not for overload, deadline or abort. */
export const meansNoWorker = (error: unknown): boolean =>
  error instanceof RunnerError && /^ER_(NO_WORKER|WARMING|WORKER_|WIRE|POISON|MODEL_)/.test(error.code)
