/**
 * What a language model wrote, opened and looked at: whether it is an analysis at all, what it says of each passage,
 * and whether it can stand beside the verdict that was come to. Pure.
 */
import { RunnerError } from '../core/errors.ts'
import { structured } from '../models/structured.ts'
import { quoted } from './analysis.ts'
import type { Judged, Stances } from './judgement.ts'
import type { Citation } from './result.ts'
import type { Shown, Written } from './state.ts'
import { type Asked, askFor } from './written/ask.ts'
import { builtInPrompts, type WrittenPrompts } from './written/prompts.ts'
import { proseOf } from './written/prose.ts'
import { type Decided, readAnalysis } from './written/read-analysis.ts'
import type { WrittenAnalysis } from './written/schema.ts'

/** What was written, opened; nothing of it is checked against the passages yet. */
export type Opened = {
  /** What was asked; undefined where nothing was written. */
  readonly asked: Asked<Shown> | undefined
  readonly analysis: WrittenAnalysis | undefined
  /** Why there is no analysis although something was written. */
  readonly fault: string | undefined
  /** What it says that each passage says of the claim, by the passage's place. */
  readonly stances: Stances
}

/** What an analysis came to. */
export type Account =
  | {
      readonly status: 'sound'
      /** Points and conclusion, with the numbers of passages in square brackets. */
      readonly prose: string
      /** The passages that it cites: the number that it has for each, and the place that it has here. */
      readonly spoken: readonly { readonly number: number; readonly place: number }[]
      /** The highest number that a passage had. */
      readonly mostNumber: number
    }
  | { readonly status: 'unsound'; readonly reason: string }

const nothing: Opened = { asked: undefined, analysis: undefined, fault: undefined, stances: new Map() }

/** Opens what was written about a claim; a stance is heard once a passage, the first that is given. */
export function openWritten(
  claim: string,
  written: Written | undefined,
  prompts: WrittenPrompts = builtInPrompts,
): Opened {
  if (written === undefined) return nothing
  const asked = askFor(claim, written.given, written.limits, { prompts })
  const { cut, limits } = written
  if (cut) return { ...nothing, asked, fault: `it was not complete after ${limits.maxTokens} tokens` }
  try {
    const analysis = structured(asked.analysis.schema).parse(written.text)
    const stances = new Map<number, WrittenAnalysis['points'][number]['stance']>()
    for (const { passage, stance } of analysis.points) {
      const place = asked.passages[passage - 1]?.place
      if (place !== undefined && !stances.has(place)) stances.set(place, stance)
    }
    return { asked, analysis, fault: undefined, stances }
  } catch (error) {
    if (!(error instanceof RunnerError)) throw error
    return { ...nothing, asked, fault: error.message }
  }
}

/** The account of what was written, beside a verdict; undefined where nothing was. */
export function accountOf(
  { analysis, asked, fault }: Opened,
  claim: string,
  judged: Pick<Judged, 'verdict' | 'leaning' | 'method'>,
): Account | undefined {
  if (asked === undefined) return undefined
  if (analysis === undefined) return { status: 'unsound', reason: fault ?? 'it is empty' }
  const read = readAnalysis(analysis, asked, claim, decidedBeside(analysis, judged))
  if (!read.ok) return { status: 'unsound', reason: inShort(read.reasons) }
  const spoken = read.cited.flatMap(({ passage }) => {
    const place = asked.passages[passage - 1]?.place
    return place === undefined ? [] : [{ number: passage, place }]
  })
  return {
    status: 'sound',
    prose: proseOf(analysis),
    spoken,
    mostNumber: asked.passages.length,
  }
}

/** Reasons told at most. */
const mostReasons = 3

function inShort(reasons: readonly string[]): string {
  const more = reasons.length - mostReasons
  return [...reasons.slice(0, mostReasons), ...(more > 0 ? [`and ${more} more`] : [])].join('; ')
}

/** What an analysis must not contradict. Where nobody judged, no side is against it. */
function decidedBeside(
  { points }: WrittenAnalysis,
  { leaning, method, verdict }: Pick<Judged, 'verdict' | 'leaning' | 'method'>,
): Decided {
  if (method !== 'similarity' && method !== 'lexical') return { verdict, leaning }
  const supports = points.some(({ stance }) => stance === 'supports')
  return { verdict, leaning: supports ? 'supported' : 'refuted' }
}

/** A citation with the number that the text has for it. */
export type Numbered = Citation & { readonly number: number }

/** The text of a sound analysis: its prose, then each citation verbatim, under the number that the prose has for it. */
export const textOf = (prose: string, citations: readonly Numbered[]): string =>
  [prose, ...citations.map(citation => quoted(citation, citation.number))].join('\n')

/** Citations with their numbers: that of the passage they lie in, where the prose speaks of it, else further ones. */
export function numbered(
  citations: readonly Citation[],
  { mostNumber }: { readonly mostNumber: number },
  numberOf: (citation: Citation) => number | undefined,
): Numbered[] {
  let further = mostNumber
  return citations.map(citation => {
    const number = numberOf(citation)
    if (number !== undefined) return { ...citation, number }
    further += 1
    return { ...citation, number: further }
  })
}
