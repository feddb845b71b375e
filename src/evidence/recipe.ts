/**
 * A request as a plan: which passages are read, in how many dispatches, and what is made of them. Several
 * plans answer the same question; they differ in what they read, how soon and at what price.
 *
 *   at once        all passages in one dispatch
 *   step by step   those that share most with the claim first; the rest only if none of them is near
 *   few …          the same over fewer passages
 *   in pieces      the best first, piece by piece, for as long as the budget lasts
 */
import type { Call, VariantRef } from '../core/call.ts'
import type { ErrorRecord } from '../core/errors.ts'
import { sha256 } from '../core/hash.ts'
import type { Spend } from '../core/ledger.ts'
import { portable } from '../core/trace.ts'
import type { EncoderRef } from '../models/encoder.ts'
import { bind, branch, type PlanNode, sequential, stage } from '../plan/node.ts'
import { type Asking, embedName, mostFor, readPassages, type Texts, tokensFor } from './asking.ts'
import { type Conclusions, conclude, type Envelope } from './conclude.ts'
import type { CheckFigures, FigureCheck } from './figure-check.ts'
import type { Judges } from './judges.ts'
import type { Narration } from './narration.ts'
import { cosine } from './rank.ts'
import { type Reading, recipeVersion } from './reading.ts'
import type { GenerationFigures } from './result.ts'
import { type Candidate, selectPassages } from './select.ts'
import { isEmbedded, portableState, type Question, type State, stateOf } from './state.ts'
import type { ValidationSettings } from './validated.ts'
import { type WritingSettings, writeAbout } from './writing.ts'
import type { WrittenPrompts } from './written/prompts.ts'

/** Passages of the first step of a plan that goes step by step. */
const stepPassages = 8
/** The part of the passages that a plan over few of them reads. */
const fewPart = 4
/** A passage this near to the claim is enough: what follows is not read. */
const nearEnough = 0.75

/** Of what is reserved for a text, about this part is used. */
const usedPart = 0.45
/** How often the first step is not enough is not known beforehand: this part of the rest is counted. */
const goOnPart = 0.5

/** The key under which measured figures of the embedding dispatches are kept. */
export const embedProfile = `${embedName}@${recipeVersion}`

/** What of the configuration decides over findings; part of the key that they are cached under. */
export type RecipeSettings = {
  readonly maxPassages: number
  readonly confidenceBoost: number
  readonly useEmbeddings: boolean
  readonly fallback: 'lexical' | 'error'
  /** How analyses are written; undefined where they quote alone. */
  readonly writing: WritingSettings | undefined
  readonly validation: ValidationSettings
}

/** Who embeds, or why nobody can, and who says what the passages say. */
export type ModelChoice = {
  readonly encoder: EncoderRef
  readonly failure?: ErrorRecord
  readonly judges: Judges
  /** Who writes, or why nobody does although it was wanted. */
  readonly generator?: VariantRef | undefined
  /** What it is asked with. */
  readonly prompts?: WrittenPrompts
  readonly generatorFailure?: ErrorRecord
}

/** One way to answer a request. */
export type Recipe = {
  readonly name: string
  readonly plan: PlanNode<State, Conclusions>
  readonly input: State
  /** The part of the passages within reach that it can be expected to read, 0 to 1. */
  readonly quality: number
  /** Tokens of the way that is expected, and of the longest; four characters a token. */
  readonly tokens: () => { readonly expected: number; readonly longest: number }
}

/** What recipes are made from. */
export type RecipeParts = {
  readonly reading: Reading
  readonly choice: ModelChoice
  readonly settings: RecipeSettings
  readonly reproducible: boolean
  readonly envelope: Omit<Envelope, 'plan'>
  readonly figures: CheckFigures
  /** Those of a call's texts that would have to be computed. */
  readonly uncached: (call: Call) => readonly string[]
  /** Milliseconds that a token takes, measured or guessed. */
  readonly tokenMs: number
  /** Who hears an analysis as it is written. */
  readonly narration: Narration | undefined
  /** Whether a generation whose worker dies is begun anew. */
  readonly restart: boolean
  /** Whose prompts may share their computed beginnings. */
  readonly scope: string
  /** Told what writing took. */
  readonly onGenerated: (figures: GenerationFigures) => void
}

/**
 * The ways to answer, the plain one first; where nobody embeds there is one, by words alone. Each is made when it
 * is asked for: most requests want the plain one and no other.
 */
export function* recipesOf(parts: RecipeParts): Generator<Recipe, void> {
  const { choice, reading, settings } = parts
  const all = new Readers(parts, reading.passages)
  if (!settings.useEmbeddings || choice.failure !== undefined) {
    yield all.byWords()
    return
  }
  yield all.atOnce('at once', 1)
  const few = Math.ceil(settings.maxPassages / fewPart)
  if (all.size > stepPassages) yield all.stepByStep('step by step', 1)
  if (all.size <= few) return
  const some = new Readers(parts, selectPassages(reading.tables, reading.terms, few))
  yield some.atOnce('few at once', few / all.size)
  if (few > stepPassages) yield some.stepByStep('few step by step', few / all.size)
}

/** The way for a budget that may not last: `left` is what it has now. */
export const inPieces = (parts: RecipeParts, left: Spend): Recipe =>
  new Readers(parts, parts.reading.passages).inPieces(left)

/** Makes the plans over one choice of passages. */
class Readers {
  readonly #parts: RecipeParts
  readonly #passages: readonly Candidate[]
  readonly #asking: Asking
  readonly #all: Texts
  readonly #question: Question
  /** Places of the passages, those first that share most with the claim. */
  readonly #byOverlap: readonly number[]

  constructor(parts: RecipeParts, passages: readonly Candidate[]) {
    const { claim, sources } = parts.reading
    this.#parts = parts
    this.#passages = passages
    const { choice, reproducible, settings, tokenMs, uncached } = parts
    const { encoder, judges } = choice
    const { fallback } = settings
    this.#asking = { encoder, verifier: judges.verifier, fallback, reproducible, tokenMs, uncached }
    const texts = [
      claim,
      ...passages.map(({ source, start, end }) => sources[source]?.content.slice(start, end) ?? ''),
    ]
    const hashes = texts.map(text => sha256(text))
    this.#all = { texts, hashes }
    this.#question = {
      claim,
      passages: passages.map(({ source, start, end, overlap }, index) => ({
        source: sources[source]?.id ?? '',
        start,
        end,
        overlap: portable(overlap),
        hash: hashes[index + 1] as string,
      })),
    }
    this.#byOverlap = passages
      .map(({ overlap }, index) => ({ overlap, place: index + 1 }))
      .sort((a, b) => b.overlap - a.overlap || a.place - b.place)
      .map(({ place }) => place)
  }

  get size(): number {
    return this.#passages.length
  }

  /** The way by words alone: no step asks a worker. */
  byWords(): Recipe {
    return this.#recipe('by words', [], 1, [])
  }

  atOnce(name: string, quality: number): Recipe {
    const places = [...this.#all.texts.keys()]
    return this.#recipe(name, [this.#reading(places)], quality, places)
  }

  stepByStep(name: string, quality: number): Recipe {
    const [first, rest] = [
      [0, ...this.#byOverlap.slice(0, stepPassages)],
      this.#byOverlap.slice(stepPassages),
    ]
    const steps = [this.#reading(first), branch(isEnough, stop, this.#reading(rest))]
    const expected = (stepPassages + rest.length * goOnPart) / this.size
    return this.#recipe(name, steps, quality * expected, first, rest)
  }

  inPieces(left: Spend): Recipe {
    const [first = [], ...rest] = this.#pieces(left)
    const steps = rest.map(piece => branch(isStuck, stop, this.#reading(piece)))
    return this.#recipe('in pieces', [this.#reading(first), ...steps], 1, [...this.#all.texts.keys()])
  }

  /**
   * The claim with the best passage, so that little is needed to begin; then each time as many as are sure to fit
   * into what will be left by then, since much less is used than has to be reserved.
   */
  #pieces(left: Spend): number[][] {
    const pieces = [[0, ...this.#byOverlap.slice(0, 1)]]
    let room = less(left, this.#mostOf(pieces[0] as number[]))
    let piece: number[] = []
    for (const place of this.#byOverlap.slice(1)) {
      if (piece.length > 0 && !fits(this.#mostOf([...piece, place]), room)) {
        pieces.push(piece)
        room = less(room, this.#mostOf(piece))
        piece = []
      }
      piece.push(place)
    }
    return piece.length > 0 ? [...pieces, piece] : pieces
  }

  #mostOf(places: readonly number[]): Spend {
    return mostFor(this.#asking, this.#all, places)
  }

  #reading(places: readonly number[]): PlanNode<State, State> {
    return readPassages(this.#asking, this.#all, places)
  }

  #recipe(
    name: string,
    steps: readonly PlanNode<State, State>[],
    quality: number,
    certain: readonly number[],
    perhaps: readonly number[] = [],
  ): Recipe {
    const { reading, envelope } = this.#parts
    const end = conclude(reading, this.#passages, { ...envelope, plan: name })
    const writing = this.#writing()
    const all = writing === undefined ? steps : [...steps, writing]
    const read = all.length === 0 ? stop : sequential<State, State>(...all)
    return {
      name,
      // Figures are checked while the workers read.
      plan: bind({ read, figures: this.#checkFigures() }, end),
      input: stateOf(this.#question),
      quality,
      tokens: () => {
        const [sure, more] = [
          tokensFor(this.#asking, this.#all, certain),
          tokensFor(this.#asking, this.#all, perhaps),
        ]
        return { expected: sure + more * goOnPart, longest: sure + more }
      },
    }
  }

  /** The step that has an analysis written about what was read. */
  #writing(): PlanNode<State, State> | undefined {
    const { choice, narration, onGenerated, reading, restart, scope, settings } = this.#parts
    const { generator: variant, judges, prompts } = choice
    if (variant === undefined || prompts === undefined || settings.writing === undefined) return undefined
    return writeAbout(reading, this.#passages, {
      ...settings.writing,
      variant,
      prompts,
      narration,
      restart,
      scope,
      onGenerated,
      judging: judges.generator !== undefined,
      fallback: settings.fallback,
    })
  }

  #checkFigures(): PlanNode<State, FigureCheck> {
    const { figures, reading } = this.#parts
    const sources = reading.sources.filter(({ binary }) => !binary)
    return stage<State, FigureCheck>(
      'evidence.figures',
      (_state, { signal }) =>
        figures(
          reading.claim,
          sources.map(({ id, type, title, content }) => ({ id, type, title, content })),
          signal,
        ),
      {
        ...pure,
        portable: {
          input: () => [reading.claim, sources.map(({ id, title, hash }) => [id, title ?? '', hash])],
          output: ({ decision, statesFigure, unread }) => [decision, statesFigure, unread],
        },
      },
    )
  }
}

const units = ['nanoUsd', 'tokens', 'workerMs'] as const

const fits = (most: Spend, room: Spend): boolean => units.every(unit => most[unit] <= room[unit])

/** What will be left after a piece, about. */
const less = (room: Spend, most: Spend): Spend => ({
  ...room,
  nanoUsd: room.nanoUsd - most.nanoUsd * usedPart,
  tokens: room.tokens - most.tokens * usedPart,
})

const pure = { version: recipeVersion, effects: ['pure'] as const, memo: false }

const stop = stage<State, State>('evidence.stop', state => state, {
  ...pure,
  portable: { input: portableState, output: portableState },
})

/** Whether there is nothing to go on with: no vectors, or no worker. A smaller piece may still fit a budget. */
const isStuck = stage<State, boolean>(
  'evidence.stuck',
  state => !isEmbedded(state) || state.failures.some(({ code }) => code !== 'ER_BUDGET_SPENT'),
  { ...pure, portable: { input: portableState } },
)

/** Whether a passage that has been read is so near to the claim that the rest need not be; or nothing can be. */
const isEnough = stage<State, boolean>(
  'evidence.enough',
  ({ rows: [claim, ...rows] }) =>
    claim === undefined || rows.some(vector => vector !== undefined && cosine(claim, vector) >= nearEnough),
  { ...pure, config: { nearEnough }, portable: { input: portableState } },
)
