/**
 * The shape of a written analysis, and how much of it fits the tokens that a model may write. A point names its
 * passage and stance before its text, so that the text follows what it cites.
 */
import { z } from 'zod'

/** How much an analysis may say. */
export type AnalysisSizes = {
  /** Points at most; at least one is needed. */
  readonly points: number
  /** Characters of a point's text at most. */
  readonly says: number
  /** Characters of the conclusion at most. */
  readonly conclusion: number
}

/** What there is room for where tokens do not matter. */
export const fullSizes: AnalysisSizes = { points: 5, says: 240, conclusion: 400 }

/** The least that is worth being asked for. */
const leastSizes: AnalysisSizes = { points: 1, says: 60, conclusion: 80 }

/** Characters of English that a token holds, rather too few: a text that is cut off is lost. */
const charactersPerToken = 3
/** Tokens of a point and of the whole that are no text: brackets, keys, numbers, stance. */
const pointTokens = 24
const frameTokens = 16

/**
 * What fits `maxTokens`: the conclusion first, then as many points as there is room for, shorter ones where not even
 * one is. Of a text of more tokens than letters all this is no promise.
 */
export function sizesFor(maxTokens: number): AnalysisSizes {
  const characters = (tokens: number) => Math.max(0, Math.floor(tokens)) * charactersPerToken
  const room = maxTokens - frameTokens
  const within = (least: number, value: number, most: number) => Math.max(least, Math.min(most, value))
  const conclusion = within(leastSizes.conclusion, characters(room / 3), fullSizes.conclusion)
  const rest = room - Math.ceil(conclusion / charactersPerToken)
  const says = within(leastSizes.says, characters(rest - pointTokens), fullSizes.says)
  const each = pointTokens + Math.ceil(says / charactersPerToken)
  return { says, conclusion, points: within(leastSizes.points, Math.floor(rest / each), fullSizes.points) }
}

/** One thing that the analysis says of one passage. */
export type AnalysisPoint = {
  /** From 1. */
  readonly passage: number
  readonly stance: 'supports' | 'refutes' | 'neutral'
  readonly says: string
}

/** An analysis as the model writes it. */
export type WrittenAnalysis = { readonly points: readonly AnalysisPoint[]; readonly conclusion: string }

/** The schema of an analysis over `passages` passages. */
export function analysisSchema(passages: number, sizes: AnalysisSizes = fullSizes) {
  return z.strictObject({
    points: z
      .array(
        z.strictObject({
          passage: z.int().min(1).max(passages),
          stance: z.enum(['supports', 'refutes', 'neutral']),
          says: z.string().min(1).max(sizes.says),
        }),
      )
      .min(1)
      .max(sizes.points),
    conclusion: z.string().min(1).max(sizes.conclusion),
  }) satisfies z.ZodType<WrittenAnalysis>
}
