/**
 * The extractive analysis: picks what to cite and writes a text that only quotes, counts and says what was
 * decided elsewhere.
 */
import type { Judged } from './judgement.ts'
import { likeness, pickDiverse, relevanceOf, type Scored } from './rank.ts'
import type { Citation, ConfidenceMethod, Coverage, Stance, Verdict } from './result.ts'

/** Citations of one answer at most. */
const maxCitations = 5
/** A passage must reach this part of the best one's score to be cited. */
const leastOfBest = 0.5
/** From this chance on a passage takes a side although the whole answer abstains. */
const sureAlone = 0.5

/** A passage or a piece of one that is cited, and what it says to the claim. */
export type Cited = Pick<Scored, 'source' | 'start' | 'end'> & {
  readonly stance: Stance
  readonly score: number
}

/**
 * What is cited of an answer: what decided it first, then what a written analysis speaks of; where none was written,
 * what is nearest to the claim, at most five in all.
 */
export function chooseCited(
  scored: readonly Scored[],
  judged: Judged,
  places: ReadonlyMap<string, number>,
  spoken?: readonly Scored[],
): Cited[] {
  const cited = decidingOf(scored, judged, places)
  const more = spoken ?? nearest(scored)
  const rest = more.filter(passage => !cited.some(other => overlap(other, passage)))
  const room = spoken === undefined ? Math.max(0, maxCitations - cited.length) : rest.length
  return [
    ...cited,
    ...rest.slice(0, room).map(({ source, start, end, score }) => {
      return { source, start, end, score, stance: 'neutral' as const }
    }),
  ]
}

/** The spans that arithmetic names; else the passages that take a side which the verdict, or its leaning, has. */
function decidingOf(
  scored: readonly Scored[],
  { claim, figures, ground, leaning, method, passages, verdict }: Judged,
  places: ReadonlyMap<string, number>,
): Cited[] {
  const { decision } = figures
  if (decision.verdict !== 'silent') {
    const spans = decision.spans.flatMap(({ sourceId, start, end, stance }): Cited[] => {
      const source = places.get(sourceId)
      return source === undefined
        ? []
        : [{ source, start, end, stance, score: claim[decision.verdict as Side] }]
    })
    return bothSides(spans)
  }
  // Nearness takes no side, and no passage settles a figure that was not found.
  if (method === 'similarity' || method === 'lexical' || ground.figure === 'open') return []
  const sides = sidesOf[leaning ?? verdict]
  const taking = scored.flatMap(({ source, start, end }, index): Cited[] => {
    const { stance, score } = passages[index] as Judged['passages'][number]
    // An answer that does not dare to say so has no passage do it but one that is sure of it alone.
    const sure = leaning === undefined || score >= sureAlone
    return sure && sides.includes(stance) ? [{ source, start, end, stance, score }] : []
  })
  return bothSides(taking.sort((a, b) => b.score - a.score || a.source - b.source || a.start - b.start))
}

type Side = 'supports' | 'refutes' | 'disputed'

const sidesOf: Readonly<Record<Verdict, readonly Stance[]>> = {
  supported: ['supports'],
  refuted: ['refutes'],
  disputed: ['supports', 'refutes'],
  'not-enough-evidence': [],
}

/** As many as may be cited, in their order; of two sides each keeps its best. */
function bothSides(cited: readonly Cited[]): Cited[] {
  const first = (stance: Stance) => cited.find(each => each.stance === stance)
  const best = [first('supports'), first('refutes')].filter(each => each !== undefined)
  const rest = cited.filter(each => !best.includes(each)).slice(0, maxCitations - best.length)
  return cited.filter(each => best.includes(each) || rest.includes(each))
}

const overlap = (a: Cited, b: Scored): boolean => a.source === b.source && a.start < b.end && b.start < a.end

/** The passages that are near the claim and do not repeat each other, best first. */
function nearest(scored: readonly Scored[]): Scored[] {
  const order = scored.map(relevanceOf)
  const best = Math.max(0, ...order)
  const eligible = scored.flatMap((passage, index) => {
    const relevance = order[index] as number
    return passage.score > 0 && relevance >= best * leastOfBest ? [{ passage, relevance }] : []
  })
  const picks = pickDiverse(
    eligible.map(({ relevance }) => relevance),
    (a, b) => likeness(eligible[a]?.passage as Scored, eligible[b]?.passage as Scored),
    { limit: maxCitations },
  )
  return picks.map(index => eligible[index]?.passage as Scored).sort((a, b) => b.score - a.score)
}

/** Analysis text over citations, numbered in their order: what was found, how, and the words that were found. */
export function writeAnalysis(
  citations: readonly Citation[],
  coverage: Coverage,
  judged: Pick<Judged, 'verdict' | 'leaning' | 'abstained' | 'method' | 'figures'>,
): string {
  const read = `${coverage.passagesRead} of ${coverage.passages} passages in ${coverage.sourcesRead} of ${plural(coverage.sources, 'source')}`
  const { decision } = judged.figures
  const reason = decision.verdict === 'silent' ? '' : ` ${sentence(decision.reason)}`
  const quotes = citations.map((citation, index) => quoted(citation, index + 1))
  const found =
    citations.length === 0
      ? 'Nothing in the sources bears on the claim'
      : `${plural(citations.length, 'passage')} from ${plural(new Set(citations.map(({ sourceId }) => sourceId)).size, 'source')} cited`
  return [`${headline(judged)}${reason} ${found} (read: ${read}).`, ...quotes].join('\n')
}

/** A citation as an analysis lists it, under its number in the text. */
export const quoted = ({ score, sourceId, stance, text }: Citation, number: number): string =>
  `[${number}] “${text}” (${sourceId}, ${stance}, ${score.toFixed(2)})`

const methods: Readonly<Record<ConfidenceMethod, string>> = {
  arithmetic: 'by arithmetic over the figures',
  head: 'by the head over the embeddings',
  verifier: 'by the verifier',
  generator: 'by the language model',
  similarity: 'by nearness alone, which is not support',
  lexical: 'by words alone, which is not support',
}

function headline({
  verdict,
  leaning,
  abstained,
  method,
}: Pick<Judged, 'verdict' | 'leaning' | 'abstained' | 'method'>): string {
  const how = methods[method]
  if (!abstained)
    return `${verdict === 'not-enough-evidence' ? 'Not enough evidence' : capital(verdict)} ${how}.`
  const lean = leaning === undefined ? '' : `; it leans to ${leaning}`
  return `Not enough evidence ${how}: too close to say${lean}.`
}

const capital = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}`
const sentence = (text: string): string => `${capital(text)}${/[.!?]$/.test(text) ? '' : '.'}`

const plural = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`
