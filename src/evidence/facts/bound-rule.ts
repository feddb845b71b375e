/** Claims that hold what happened against what is allowed or wanted, where a source gives a figure of both. */
import type { Candidate } from './candidate.ts'
import type { Comparison } from './fact.ts'
import { hold } from './interval.ts'
import type { Read, Scene } from './scene.ts'
import type { Figure, Statement } from './statement.ts'

/** Whether what is measured has to lie below the bound or above it. */
export type BoundClaim = {
  readonly comparison: Comparison
  readonly met: boolean | undefined
  /** "Every run": one of several can't bear it out. */
  readonly all?: boolean
}

const boundWord =
  /\b(?:limit|objective|target|goal|threshold|budget|allowance|quota|slo|cap|ceiling|maximum|minimum|agreed|promised|allowed|permitted|permits|allows|tolerates|demands|requires|contract|agreement)\b/i
const stated =
  /\b(?:limit|objective|target|goal|threshold|budget|allowance|quota|slo|cap|ceiling|allows?|allowed|permits?|permitted|may|must|should|at most|contract|agreement|promised?|demands?|wanted|aim|asks? for|calls? for|required?|rule)\b/i

/** What `claim` says of a bound that it gives no figure of. */
export function boundIn(statement: Statement): BoundClaim | undefined {
  const claim = readBound(statement)
  return claim !== undefined && /\b(?:every|each|all|any|always|never|none)\b/i.test(statement.text)
    ? { ...claim, all: true }
    : claim
}

function readBound({ text, figures, whens }: Statement): BoundClaim | undefined {
  if (!boundWord.test(text) || figures.length > 0 || whens.some(when => when.clock !== undefined))
    return undefined
  if (/\b(?:stayed|kept|was|were|remained|ended|is|are|lay) (?:\w+ )?(?:above|over)\b/i.test(text))
    return { comparison: 'over', met: undefined }
  if (/\b(?:never|not|n't) (?:\w+ )?(?:exceed|exceeded|go over|went over|broke)\b/i.test(text))
    return { comparison: 'at-most', met: undefined }
  if (/\b(?:exceeded|exceeds|went over|above|over|surpassed|more than)\b/i.test(text))
    return { comparison: 'over', met: undefined }
  if (
    /\b(?:fell short|short of|missed|failed to (?:meet|reach)|not (?:met|reached)|below its|below the)\b/i.test(
      text,
    )
  )
    return { comparison: 'exact', met: false }
  if (/\b(?:within|inside|under|below|less than)\b/i.test(text))
    return { comparison: 'at-most', met: undefined }
  return /\b(?:met|reached|kept|achieved|hit)\b/i.test(text) ? { comparison: 'exact', met: true } : undefined
}

/** Where a sentence and its neighbour give one figure of what was and one of what may be. */
export function boundCandidates(claim: BoundClaim, scene: Scene): Candidate[] {
  const several = ({ actual }: Pair): boolean =>
    scene.reads
      .flatMap(({ figures }) => figures)
      .filter(({ quantity }) => quantity.dimension === actual.quantity.dimension).length > 2
  return scene.reads.flatMap((read, index): Candidate[] => {
    const next = scene.reads[index + 1]
    const inner = pairIn(
      [read],
      read.figures.map(figure => ({ figure, read })),
    )
    if (inner !== undefined) return candidateOf(claim, inner, several(inner))
    if (
      next === undefined ||
      next.unit.block !== read.unit.block ||
      read.figures.length !== 1 ||
      next.figures.length !== 1
    )
      return []
    const pair = pairIn(
      [read, next],
      [
        ...read.figures.map(figure => ({ figure, read })),
        ...next.figures.map(figure => ({ figure, read: next })),
      ],
    )
    return pair === undefined ? [] : candidateOf(claim, pair, several(pair))
  })
}

type Pair = { readonly reads: readonly Read[]; readonly actual: Figure; readonly bound: Figure }

function pairIn(
  reads: readonly Read[],
  figures: readonly { readonly figure: Figure; readonly read: Read }[],
): Pair | undefined {
  const [first, second, ...more] = figures
  if (first === undefined || second === undefined || more.length > 0) return undefined
  if (first.figure.quantity.dimension !== second.figure.quantity.dimension) return undefined
  const bounds = [first, second].filter(({ figure, read }) =>
    stated.test(read.text.slice(figure.part.start, figure.part.end)),
  )
  const [bound, other] = bounds
  if (bound === undefined || other !== undefined) return undefined
  const actual = bound === first ? second.figure : first.figure
  return {
    reads: bound.read === reads[0] && reads.length > 1 ? reads.toReversed() : reads,
    actual,
    bound: bound.figure,
  }
}

function candidateOf(claim: BoundClaim, { reads, actual, bound }: Pair, several: boolean): Candidate[] {
  const { comparison, met } = claim
  const text = reads.map(read => read.text).join(' ')
  // Whether more is better: availability has to be reached, latency to be kept below.
  const least =
    bound.comparison === 'at-least' ||
    /\b(?:availability|uptime|coverage|at least|success|hit rate|or better|or more)\b/i.test(text)
  const wanted: Comparison = met === undefined ? comparison : least ? 'at-least' : 'at-most'
  const stance = hold(
    { quantity: bound.quantity, comparison: wanted },
    { quantity: actual.quantity, comparison: actual.comparison },
  )
  if (stance === 'silent' || (claim.all === true && stance === 'supports' && several)) return []
  const turned = met === false ? (stance === 'supports' ? 'refutes' : 'supports') : stance
  return [
    {
      kind: 'bound',
      stance: turned,
      reads,
      part: undefined,
      found: `${actual.quantity.text} against ${bound.quantity.text}`,
    },
  ]
}
