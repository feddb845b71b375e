/**
 * From what was read to a verdict: each passage's odds from whoever judges here, all together with what the
 * figures say, and the verdict with its probability. Pure.
 */
import type { FigureCheck } from './figure-check.ts'
import type { HeadInput } from './head/head.ts'
import type { Judges, Scaling } from './judges.ts'
import type { Scored } from './rank.ts'
import type { CalibratedOn, ConfidenceMethod, Stance } from './result.ts'
import { isEmbedded, type State } from './state.ts'
import { neutral, saidOf } from './verdict/calibration.ts'
import { rescaledChances } from './verdict/chances.ts'
import { figureCalibration, withFigures } from './verdict/figures.ts'
import { type ClaimVerdict, type Judgement, judge, type PassageReading, verdictOf } from './verdict/judge.ts'

/** By words alone no answer is surer than this. */
export const lexicalCeiling = 0.4

/** A verdict with all that it rests on; `passages` by the place of the scored passages. */
export type Judged = Judgement &
  ClaimVerdict & {
    readonly method: ConfidenceMethod
    /** Who judged, whatever decided in the end. */
    readonly judge: 'head' | 'verifier' | 'generator' | undefined
    readonly calibration: CalibratedOn | 'uncalibrated'
    readonly figures: FigureCheck
  }

/** What a language model says that a passage says of the claim; by the passage's place. */
export type Stances = ReadonlyMap<number, Stance>

/** What a verdict is come to from, beside the judges. */
export type Heard = {
  readonly scored: readonly Scored[]
  /** How many sources there are. */
  readonly sources: number
  readonly figures: FigureCheck
  /** The stances that a language model gave to passages; empty where none did. */
  readonly stances: Stances
  readonly fallback: boolean
}

/** The verdict over what was heard. */
export function judgementOf(state: State, heard: Heard, judges: Judges): Judged {
  const { fallback, figures, scored, sources, stances } = heard
  const voice = voiceOf(state, judges)
  const readings = scored.map(
    (passage): PassageReading => ({
      ...passage,
      relevance: passage.score,
      logits: voice.logitsOf(passage),
    }),
  )
  const { decision, statesFigure } = figures
  const bySources = judge(readings, sources, voice.scaling)
  const byModel = fallback ? undefined : ofTheWhole(state, bySources, scored, stances, judges)
  const { method, scaling } = byModel === undefined ? voice : generatorVoice(judges)
  const judgement = withFigures(byModel ?? bySources, decision, { stated: statesFigure })
  const byFigures = decision.verdict !== 'silent'
  const said = verdictOf(judgement.claim, judges.threshold, judgement.ground)
  const nobody = method === 'similarity' || method === 'lexical'
  const verdict = nobody && !byFigures ? undecided(judgement) : said
  return {
    ...judgement,
    ...(method === 'lexical' ? modest(verdict, judgement, byFigures && !fallback) : verdict),
    method: byFigures && !fallback ? 'arithmetic' : method,
    judge: method === 'similarity' || method === 'lexical' || method === 'arithmetic' ? undefined : method,
    calibration: byFigures && !fallback ? saidOfFigures() : saidOf(scaling),
    figures,
  }
}

/**
 * The judgement where a language model judged the claim as a whole: its chances of the verdicts' names, and to stand
 * on the passages that its analysis says take a side. Sources keep what they say one by one.
 */
function ofTheWhole(
  { written }: State,
  judgement: Judgement,
  scored: readonly Scored[],
  stances: Stances,
  { generator, scalings }: Judges,
): Judgement | undefined {
  if (generator === undefined || written?.chances === undefined) return undefined
  const claim = rescaledChances(written.chances, scalings.generator.claim)
  const passages = scored.map(({ place }, index) => {
    const { chances } = judgement.passages[index] as Judgement['passages'][number]
    const stance = stances.get(place) ?? 'neutral'
    return { chances, stance, score: stance === 'neutral' ? 0 : claim[stance] }
  })
  const standing = (side: 'supports' | 'refutes') =>
    passages.some(({ stance }) => stance === side) ? ('strong' as const) : ('none' as const)
  const ground = { supports: standing('supports'), refutes: standing('refutes'), figure: 'none' as const }
  return { ...judgement, claim, passages, ground }
}

const generatorVoice = ({ scalings }: Judges): Pick<Voice, 'method' | 'scaling'> => ({
  method: 'generator',
  scaling: scalings.generator,
})

/**
 * Words alone never sound sure; what arithmetic has decided stands on its own, but not where it had to stand in
 * for all the rest.
 */
function modest(verdict: ClaimVerdict, { claim }: Judgement, stands: boolean): ClaimVerdict {
  if (stands) return verdict
  const { verdict: said } = verdict
  const leaning = said === 'not-enough-evidence' ? verdict.leaning : said
  return {
    verdict: 'not-enough-evidence',
    confidence: Math.min(lexicalCeiling, claim.neither),
    abstained: true,
    ...(leaning === undefined ? {} : { leaning }),
  }
}

type Voice = {
  readonly method: ConfidenceMethod
  readonly scaling: Scaling
  readonly logitsOf: (passage: Scored) => readonly [number, number, number]
}

/** Who judges here: whoever is the best of those that answered. */
function voiceOf(state: State, { head, scalings }: Judges): Voice {
  const [vector] = state.rows
  const claim: HeadInput | undefined =
    vector === undefined ? undefined : { text: state.question.claim, vector }
  const byHead: Voice['logitsOf'] | undefined =
    head === undefined || claim === undefined
      ? undefined
      : passage =>
          passage.vector === undefined
            ? nearness(passage.score)
            : head.logits(claim, { text: passage.text, vector: passage.vector })
  if (state.verified.some(row => row !== undefined)) {
    const logitsOf: Voice['logitsOf'] = passage => {
      const row = state.verified[passage.place]
      // What the verifier has not read says nothing.
      if (row === undefined) return [-unread, -unread, 0]
      return row.length === 1 ? sided(row[0] as number, byHead?.(passage)) : logsOf(row)
    }
    return { method: 'verifier', scaling: scalings.verifier, logitsOf }
  }
  if (byHead !== undefined) return { method: 'head', scaling: scalings.head, logitsOf: byHead }
  const method = isEmbedded(state) ? 'similarity' : 'lexical'
  return { method, scaling: neutral, logitsOf: ({ score }) => nearness(score) }
}

const unread = 20
const least = 1e-6

const logsOf = (row: Float32Array): readonly [number, number, number] => {
  const [supports = 0, refutes = 0, neither = 0] = row
  return [
    Math.log(Math.max(least, supports)),
    Math.log(Math.max(least, refutes)),
    Math.log(Math.max(least, neither)),
  ]
}

/** What is near may be for or against. */
const nearness = (score: number): readonly [number, number, number] =>
  logsOf(Float32Array.of(score / 2, score / 2, 1 - score))

/** A chance of bearing on the claim, shared out between the sides as the head has them. */
function sided(
  relevance: number,
  [supports, refutes]: readonly number[] = [0, 0],
): readonly [number, number, number] {
  const share = 1 / (1 + Math.exp((refutes as number) - (supports as number)))
  return logsOf(Float32Array.of(relevance * share, relevance * (1 - share), 1 - relevance))
}

/** Nearness takes no side. */
const undecided = ({ claim }: Judgement): ClaimVerdict => ({
  verdict: 'not-enough-evidence',
  confidence: claim.neither,
  abstained: true,
})

/** The chance of a verdict by figures is its measured share, the same for every claim. */
const saidOfFigures = (): CalibratedOn => {
  const { ece, n, set } = figureCalibration
  return { set, n, ece }
}
