/**
 * Has a language model write about what was read: which passages it is shown, the dispatch as a plan node, and the
 * text as it comes. Nothing of what it writes is believed here.
 *
 * The chances of the verdicts' names and the analysis are two items of one call: they begin alike, and go to one
 * worker together, which reads that beginning once.
 */
import type { Call, Part, Reply, VariantRef } from '../core/call.ts'
import { sha256 } from '../core/hash.ts'
import { nanoUsdOf } from '../core/money.ts'
import {
  type GenerationItem,
  generationItem,
  generationResult,
  labelItem,
  labelResult,
  Seeds,
  shareOf,
} from '../models/generation.ts'
import { structured } from '../models/structured.ts'
import { bind, branch, type PlanNode, parallel, remote, type Settled, stage } from '../plan/node.ts'
import type { Narration } from './narration.ts'
import { likeness, pickDiverse, relevanceOf, type Scored } from './rank.ts'
import { type Reading, recipeVersion } from './reading.ts'
import type { GenerationFigures } from './result.ts'
import { scoredOf, sourceAt } from './scored.ts'
import type { Candidate } from './select.ts'
import { portableState, portableWritten, type Shown, type State, type Written, withWritten } from './state.ts'
import type { ClaimChances } from './verdict/chances.ts'
import { AnalysisReader } from './written/analysis-reader.ts'
import { type Asked, askFor, verdictLabels } from './written/ask.ts'
import { versionOf, type WrittenPrompts } from './written/prompts.ts'

/** The name that every dispatch to a language model has in plans. */
const generateName = 'evidence.generate'
/** Passages that a language model is shown at most. */
const mostShown = 12
/** Bytes of what stands around claim and passages in both prompts, generously. */
const frameBytes = 8000

/** How analyses are written. */
export type WritingSettings = {
  /** Tokens of an analysis at most. */
  readonly maxTokens: number
  readonly temperature: number
}

/** Who writes for a request, and who hears of it. */
export type Writing = WritingSettings & {
  readonly variant: VariantRef
  readonly prompts: WrittenPrompts
  /** Whether it is asked for the chances of the verdicts, too. */
  readonly judging: boolean
  readonly narration: Narration | undefined
  /** Whether a generation whose worker dies is begun anew. */
  readonly restart: boolean
  /** Within it the beginnings of prompts are computed once. */
  readonly scope: string
  readonly fallback: 'lexical' | 'error'
  /** Told what a text took; its times are not the same twice, so the plan's own values leave them out. */
  readonly onGenerated: (figures: GenerationFigures) => void
}

/** The step that has an analysis written about what was read; where nothing was, it does nothing. */
export function writeAbout(
  reading: Reading,
  candidates: readonly Candidate[],
  writing: Writing,
): PlanNode<State, State> {
  const shownOf = (state: State) => shownPassages(scoredOf(state, reading, candidates), reading)
  const reply = parallel(
    { generate: dispatchOf(reading, candidates, writing, shownOf) },
    { onError: 'settle' },
  )
  const keep = stage<State & { readonly reply: { readonly generate: Settled<Written> } }, State>(
    'evidence.written',
    ({ reply, ...state }) => withWritten(state, reply.generate, writing.fallback),
    {
      ...pure,
      config: { fallback: writing.fallback },
      portable: {
        input: ({ reply: { generate }, ...state }) => [portableState(state), generate.status],
        output: portableState,
      },
    },
  )
  return branch(isRead, bind({ reply }, keep), stay)
}

/** The passages that a model is to be shown, and the items of its call. */
type Questions = { readonly given: readonly Shown[]; readonly items: readonly GenerationItem[] }

function dispatchOf(
  reading: Reading,
  candidates: readonly Candidate[],
  writing: Writing,
  shownOf: (state: State) => readonly Shown[],
): PlanNode<State, Written> {
  const { judging, maxTokens, prompts, temperature, variant } = writing
  const limits = { contextTokens: variant.limits.maxTokens, maxTokens }
  const made = new WeakMap<State, Questions>()
  // Asked before the dispatch and again when its reply is read: the same state makes the same questions.
  const questionsOf = (state: State): Questions => {
    const known = made.get(state)
    if (known !== undefined) return known
    const given = shownOf(state)
    const questions = {
      given,
      items: itemsFor(askFor(reading.claim, given, limits, { prompts }), writing),
    }
    made.set(state, questions)
    return questions
  }
  const call = (state: State): Omit<Call, 'variant'> => {
    const { items } = questionsOf(state)
    const { narration, restart } = writing
    const analysis = items.length - 1
    return {
      items,
      together: true,
      restart,
      ...(narration === undefined ? {} : { onPart: partsOf(narration, analysis) }),
    }
  }
  return remote<State, Written>(variant, {
    name: generateName,
    version: `${recipeVersion} ${versionOf(prompts)}`,
    config: { judging, maxTokens, temperature },
    call,
    result: (reply, state) => {
      const { given, items } = questionsOf(state)
      return { given, limits, ...writtenOf(reply, items, writing) }
    },
    cost: { least: { calls: 1 }, most: mostFor(reading, candidates, writing) },
    memo: false,
    portable: { input: portableState, output: portableWritten },
  })
}

/** The passages worth showing, best first: near to the claim, and none that repeats another. */
function shownPassages(scored: readonly Scored[], reading: Reading): Shown[] {
  const alike = (a: number, b: number) => likeness(scored[a] as Scored, scored[b] as Scored)
  return pickDiverse(scored.map(relevanceOf), alike, { limit: mostShown }).map(index => {
    const { end, place, source, start, text } = scored[index] as Scored
    return { place, text, start, end, sourceId: sourceAt(reading, source).id }
  })
}

/** The call's items: the chances first where they are wanted, the analysis last. */
function itemsFor(
  ask: Asked,
  { judging, maxTokens, narration, scope, temperature }: Writing,
): GenerationItem[] {
  const { shared, system } = ask
  const read = { system, shared, scope }
  const analysis = {
    ...{ ...read, prompt: ask.analysis.prompt, maxTokens, temperature },
    schema: structured(ask.analysis.schema),
    // The same request is written alike again, as far as the model's arithmetic repeats.
    seed: Number.parseInt(sha256(`${system}\0${shared}\0${ask.analysis.prompt}`).slice(0, 8), 16),
    stream: narration !== undefined,
  }
  return [
    ...(judging ? [labelItem({ ...read, prompt: ask.labels.prompt, labels: ask.labels.labels })] : []),
    generationItem(analysis, new Seeds()),
  ]
}

/** Tells the narration what the parts of item `analysis` add to the text. */
function partsOf(narration: Narration, analysis: number): (part: Part) => void {
  const reader = new AnalysisReader()
  let attempt = 1
  return part => {
    if (part.index !== analysis) return
    if (part.attempt !== attempt) {
      attempt = part.attempt
      reader.restart()
      narration.restart()
    }
    narration.add(reader.read((part.delta as { readonly text: string }).text))
  }
}

function writtenOf(
  { attempt, results }: Reply,
  items: readonly GenerationItem[],
  { judging, onGenerated, prompts }: Writing,
): Pick<Written, 'text' | 'cut' | 'chances' | 'mass'> {
  const answers = results as readonly unknown[]
  const last = items.length - 1
  const { text, reason, ...made } = generationResult(answers[last], items[last] as GenerationItem, attempt)
  const labels = judging ? labelResult(answers[0], items[0] as GenerationItem) : undefined
  onGenerated({
    tokens: made.tokens,
    promptTokens: made.promptTokens + (labels?.promptTokens ?? 0),
    sharedTokens: made.sharedTokens + (labels?.sharedTokens ?? 0),
    firstTokenMs: made.firstTokenMs,
    tokensPerSecond: made.tokensPerSecond,
    seed: made.seed,
    prompts: versionOf(prompts),
  })
  return {
    text,
    cut: reason === 'length',
    chances: labels === undefined ? undefined : chancesOf(labels.labels),
    mass: labels?.mass ?? 0,
  }
}

function chancesOf(logs: readonly number[]): ClaimChances {
  const shares = shareOf(logs)
  const names = Object.values(verdictLabels)
  const chances = { supports: 0, refutes: 0, disputed: 0, neither: 0 }
  for (const [place, name] of names.entries()) chances[name] = shares[place] as number
  return chances
}

/** The most tokens that writing can take, whichever passages are shown: a byte is a token at most. */
function mostFor(
  reading: Reading,
  candidates: readonly Candidate[],
  { judging, maxTokens, variant }: Writing,
) {
  const bytesOf = (text: string) => Buffer.byteLength(JSON.stringify(text))
  const longest = candidates
    .map(({ source, start, end }) => bytesOf(sourceAt(reading, source).content.slice(start, end)))
    .sort((a, b) => b - a)
    .slice(0, mostShown)
  const read = longest.reduce((sum, bytes) => sum + bytes, frameBytes + bytesOf(reading.claim))
  const each = (written: number) => Math.min(variant.limits.maxTokens, read + written)
  const tokens = each(maxTokens) + (judging ? each(1) : 0)
  return { calls: 1, tokens, nanoUsd: nanoUsdOf((variant.price.usdPer1kTokens * tokens) / 1000) }
}

const pure = { version: recipeVersion, effects: ['pure'] as const, memo: false }

/** Whether there is anything to write about. */
const isRead = stage<State, boolean>(
  'evidence.read',
  ({ question, rows }) =>
    question.passages.length > 0 && (rows[0] === undefined || rows.slice(1).some(row => row !== undefined)),
  { ...pure, portable: { input: portableState } },
)

const stay = stage<State, State>('evidence.unwritten', state => state, {
  ...pure,
  portable: { input: portableState, output: portableState },
})
