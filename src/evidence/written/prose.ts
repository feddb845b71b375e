/**
 * A written analysis as a person reads it: each point with the number of its passage, the conclusion, then the
 * passages that were cited. What a reader of the stream has shown by its end is how the whole text begins.
 */
import type { PassageShown } from './ask.ts'
import type { AnalysisPoint, WrittenAnalysis } from './schema.ts'

/**
 * What can't be seen, or turns the rest around: white space of any kind, control characters, marks of direction and
 * of no width. Joiners inside emoji are left.
 */
export const unseen = /[\s\p{Cc}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u

/** The same without plain white space: what a text must not hold. */
export const unshowable = /[^\P{Cc}\t\n\r]|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u

const unseenRuns = new RegExp(`${unseen.source}+`, 'gu')

/** Text on one line: runs of what can't be seen become one space, at its ends none. */
export const onOneLine = (text: string): string => text.toWellFormed().replace(unseenRuns, ' ').trim()

/** The mark that a text about a passage ends with; none where the text has it already. */
export const markFor = (text: string, passage: number): string =>
  text.includes(`[${passage}]`) ? '' : ` [${passage}]`

/** Points and conclusion, a line each. */
export function proseOf({ conclusion, points }: WrittenAnalysis): string {
  const lines = points.map(({ passage, says }) => {
    const text = onOneLine(says)
    return text === '' ? '' : `${text}${markFor(text, passage)}`
  })
  return [...lines, onOneLine(conclusion)].filter(line => line !== '').join('\n')
}

/** Prose, then each cited passage verbatim with its source, as the extractive analysis lists them. */
export function analysisText(analysis: WrittenAnalysis, passages: readonly PassageShown[]): string {
  const list = citedOf(analysis.points).map(({ passage, stance }) => {
    const { sourceId, text } = passages[passage - 1] as PassageShown
    return `[${passage}] “${text}” (${sourceId}, ${stance})`
  })
  return [proseOf(analysis), ...list].join('\n')
}

/** A passage that an analysis cites, and what it is said to say to the claim. */
export type CitedPassage = Pick<AnalysisPoint, 'passage' | 'stance'>

/** The passages of the points, each once, in the order of their first use. */
export function citedOf(points: readonly AnalysisPoint[]): CitedPassage[] {
  const first = new Map<number, CitedPassage>()
  for (const { passage, stance } of points) if (!first.has(passage)) first.set(passage, { passage, stance })
  return [...first.values()]
}
