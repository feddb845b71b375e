/**
 * From a claim and numbered passages to the two calls of a written analysis, which begin alike: one reads the
 * chances of the verdicts, the other writes. Pure; the same request makes the same text.
 *
 * What a passage holds is never changed: marks that mean something to a chat template (`<|im_end|>`) are read as text
 * by the worker, and the fences carry a key that no passage can know.
 */
import { InputError } from '../../core/errors.ts'
import { type FittedContext, fitContext, roughTokens } from '../prompts/context.ts'
import type { ClaimChances } from '../verdict/chances.ts'
import { fenced, fenceKey } from './fence.ts'
import { builtInPrompts, type WrittenPrompts } from './prompts.ts'
import { type AnalysisSizes, analysisSchema, sizesFor } from './schema.ts'

/** A passage as it is shown to a language model. */
export type PassageShown = {
  /** Verbatim, `content.slice(start, end)` of its source. */
  readonly text: string
  readonly sourceId: string
  /** Half-open, in UTF-16 units of the source's content. */
  readonly start: number
  readonly end: number
}

/** What a language model can take. */
export type WriterLimits = {
  /** Tokens of prompt and answer together. */
  readonly contextTokens: number
  /** Tokens of the answer at most. */
  readonly maxTokens: number
}

/** Settings of `askFor`. */
export type AskOptions = {
  /** Estimates the tokens of a text. @default roughTokens */
  readonly tokensOf?: (text: string) => number
  /** @default builtInPrompts */
  readonly prompts?: WrittenPrompts
}

/** The words of the verdicts, in the order of the label call, and what each means. */
export const verdictLabels = {
  supported: 'supports',
  refuted: 'refutes',
  disputed: 'disputed',
  insufficient: 'neither',
} as const satisfies Record<string, keyof ClaimChances>

/** One of the words of the label call. */
export type VerdictLabel = keyof typeof verdictLabels

/** Two calls that share their beginning, and what must be known to read their answers. */
export type Asked<Passage extends PassageShown = PassageShown> = {
  readonly system: string
  readonly shared: string
  readonly labels: { readonly prompt: string; readonly labels: readonly VerdictLabel[] }
  readonly analysis: {
    readonly prompt: string
    readonly maxTokens: number
    readonly sizes: AnalysisSizes
    readonly schema: ReturnType<typeof analysisSchema>
  }
  /** What the model sees: passage n is at n - 1. One that was cut ends earlier than it was given. */
  readonly passages: readonly Passage[]
  /** The key of the fences. */
  readonly key: string
  /** What had to go, by the number of the passage as it was given, from '1'. */
  readonly context: Pick<FittedContext, 'tokens' | 'budget' | 'dropped' | 'cut'>
}

/**
 * The calls for `claim` over `passages`, chosen and ordered by the caller: what does not fit the context goes, later
 * ones first, and one that fits in part is cut at the end of a sentence.
 * @throws InputError ER_INPUT where there is no passage, or no room for even the first sentence of one.
 */
export function askFor<Passage extends PassageShown>(
  claim: string,
  passages: readonly Passage[],
  limits: WriterLimits,
  options: AskOptions = {},
): Asked<Passage> {
  const { prompts = builtInPrompts, tokensOf = roughTokens } = options
  const key = fenceKey([claim, ...passages.map(({ text }) => text)])
  const sizes = sizesFor(limits.maxTokens)
  const tail = (count: number) => ({
    labels: prompts.labels.render(words),
    analysis: prompts.analysis.render({ count, ...sizes }),
  })
  const system = prompts.system.render({ key })
  const sharedOver = (shown: readonly string[], count: number) =>
    prompts.shared.render({ count, claim: fenced('claim', claim, key), passages: shown.join('\n') })
  const most = Math.max(1, passages.length)
  const frame = tokensOf(system) + tokensOf(sharedOver([], most)) + tokensOf(tail(most).analysis)
  const room = limits.contextTokens - limits.maxTokens - frame - templateTokens
  const context = fitContext(
    passages.map(({ text }, index) => ({
      id: `${index + 1}`,
      text,
      priority: -index,
      mayCut: true,
    })),
    { tokens: Math.max(0, room), tokensOf: text => tokensOf(text) + fenceTokens(tokensOf, key) },
  )
  const shown = context.parts.map(({ id, text }): Passage => {
    const passage = passages[Number(id) - 1] as Passage
    return { ...passage, text, end: passage.start + text.length }
  })
  if (shown.length === 0) {
    const { contextTokens, maxTokens } = limits
    throw new InputError(
      'ER_INPUT',
      passages.length === 0
        ? 'There is no passage to write an analysis from'
        : `No passage fits: of ${contextTokens} tokens the answer takes ${maxTokens} and the prompt ${frame}`,
    )
  }
  const count = shown.length
  const order = [...new Set(shown.map(({ sourceId }) => sourceId))]
  const blocks = shown.map(({ sourceId, text }, index) =>
    fenced(`passage ${index + 1}, source ${order.indexOf(sourceId) + 1}`, text, key),
  )
  const { analysis, labels } = tail(count)
  const { budget, cut, dropped, tokens } = context
  return {
    system,
    shared: sharedOver(blocks, count),
    labels: { prompt: labels, labels: labelWords },
    analysis: {
      prompt: analysis,
      maxTokens: limits.maxTokens,
      sizes,
      schema: analysisSchema(count, sizes),
    },
    passages: shown,
    key,
    context: { budget, cut, dropped, tokens },
  }
}

const labelWords = Object.keys(verdictLabels) as VerdictLabel[]
const words = Object.fromEntries(labelWords.map(word => [word, word])) as Record<VerdictLabel, string>

/** What a chat template puts around the turns, about. */
const templateTokens = 32

/** Of the two fence lines around a passage, with numbers of three digits. */
const fenceTokens = (tokensOf: (text: string) => number, key: string): number =>
  tokensOf(fenced('passage 999, source 999', '', key))
