/** What of a claim has to be found in a source, for one of its figures or for all of it. */
import { marksOf } from './marks.ts'
import type { Figure, Statement } from './statement.ts'
import type { Term } from './term.ts'
import type { When } from './when.ts'
import { stem } from './words.ts'

/** What a claim needs to find, for one of its figures or as a whole. */
export type Need = {
  readonly terms: readonly Term[]
  /** Keys and stems of all words of the claim. */
  readonly all: ReadonlySet<string>
  readonly whens: readonly When[]
  /** The claim says itself that it is planned, an example, earlier. */
  readonly plan: boolean
  readonly example: boolean
  readonly former: boolean
  /** Words that a figure of that dimension makes needless: seconds tell a latency. */
  readonly implied: ReadonlySet<string>
  /** The figure that it is for. */
  readonly figure?: Figure
  readonly statement: Statement
}

/** A word that is no thing but what was done with it, by its ending. */
export const isVerb = ({ text }: Term): boolean => /^\p{Ll}+(?:ed|ing)$/u.test(text)

/** A word that names a thing, as far as one can tell. */
export const isThing = (term: Term): boolean =>
  term.sort === 'name' || (term.sort === 'plain' && !isVerb(term))

/** The terms that lie in a piece of the text. */
export const inside = (
  terms: readonly Term[],
  { start, end }: { readonly start: number; readonly end: number },
): Term[] => terms.filter(term => term.start >= start && term.end <= end)

const apart = /\b(?:in|on|at|for|from|by|after|before|with|to|of (?:them|those|these|which))\b/i

// "Two fell behind" counts what was named before.
const verbal =
  /^ (?:was|were|is|are|had|has|have|did|fell|went|came|took|got|rose|chose|ran|made|gave|said|left|lost|failed|passed)\b/

/** What stands right after a figure and is counted by it. */
export function countedOf({ terms, text }: Statement, { end, part }: Figure): Term | undefined {
  const next = terms.find(
    term => term.start >= end && term.end <= part.end && term.sort !== 'soft' && term.start - end < 24,
  )
  if (next === undefined || next.sort === 'event' || (next.sort === 'plain' && isVerb(next))) return undefined
  if (verbal.test(text.slice(end, end + 16))) return undefined
  return apart.test(text.slice(end, next.start)) ? undefined : next
}

/** What words a figure of a dimension makes needless. */
function impliedBy(dimension: string): readonly string[] {
  if (dimension.startsWith('money')) return ['cost']
  const words: Readonly<Record<string, readonly string[]>> = {
    time: ['latency', 'lag', 'retention'],
    bytes: ['siz'],
    rate: ['throughput', 'request'],
    'byte-rate': ['throughput'],
    'bit-rate': ['throughput'],
    temperature: ['temperatur'],
  }
  return words[dimension] ?? []
}

// Words that say of what sort a thing is; where a source leaves them out, it is not another thing.
const generic = new Set(
  `office company firm department team group organisation organization system process procedure project
  facility place area tool host page report supplier vendor`
    .split(/\s+/)
    .map(stem),
)

/** Generic words that stand before no other noun: "the network team", not "the team lead". */
function unsaid({ terms }: Statement): string[] {
  const others = terms.filter(({ key, sort }) => sort !== 'soft' && sort !== 'place' && !generic.has(key))
  // With one word beside it alone, it is all that tells where.
  if (others.length < 2) return []
  return terms
    .filter(
      term =>
        generic.has(term.key) &&
        !terms.some(other => other.start === term.end + 1 && (isThing(other) || other.sort === 'object')),
    )
    .map(({ key }) => key)
}

/** "The feature flag new-cart": what sort of thing a name is need not be said. */
const apposed = ({ terms }: Statement): string[] =>
  terms.flatMap((term, index) => {
    if (term.sort !== 'name' || !/\p{L}.*[-_.\d]|[-_.].*\p{L}/u.test(term.text) || term.text.length < 4)
      return []
    const before = terms[index - 1]
    if (before === undefined || before.end + 1 !== term.start || before.sort === 'name') return []
    const more = terms[index - 2]
    const two = more !== undefined && more.end + 1 === before.start && more.sort === 'object'
    return two ? [before.key, more.key] : [before.key]
  })

const attribution =
  /^(?:according to (?:the|our|this|its) (?:[\w-]+ ){0,2}[\w-]+|(?:the|our|this) (?:[\w-]+ )?(?:audit|diary|post-?mortem|report|mail|email|note|notes|ticket|runbook|summary|memo|log|list|announcement|changelog|advisory|survey|review|form|document|message|minutes|letter|post|blog|statement|record|inventory|protocol|scan|count|inspection|investigation) (?:says|states|notes|reports|mentions|lists|shows|puts|gives|records|names|found|finds|counted|counts|showed|revealed|reported|listed|mentioned|recorded|speaks of|tells of))\b/i

/** "The audit found", "according to the diary" say where it is told, not what. */
function attributed({ text, terms }: Statement): string[] {
  const lead = attribution.exec(text)?.[0].length ?? 0
  return terms.filter(({ end }) => end <= lead).map(({ key }) => key)
}

// "Longer than the agreed four hours" tells of what was, not of what was agreed.
const bounding =
  /\b(?:than|within|inside|over|under|above|below|beyond|past|exceed(?:ed|s)?|reached|met|missed|kept to) (?:the |its |our |their |an? )?(?:\w+ )?(?:agreed|promised|planned|allowed|permitted|expected|estimated|wanted|forecast|budgeted|announced|scheduled)\b/gi

/** The words that a claim needs, from all of it or from what belongs to one figure. */
export function needOf(claim: Statement, figure: Figure | undefined, whens: readonly When[]): Need {
  return {
    terms: figure === undefined ? claim.terms : termsFor(claim, figure),
    all: new Set(claim.terms.flatMap(term => [term.key, term.stem])),
    whens,
    plan: claim.marks.plan && marksOf(claim.text.replace(bounding, ' ')).plan,
    example: claim.marks.example,
    former: claim.marks.former,
    implied: new Set([
      ...(figure === undefined ? [] : impliedBy(figure.quantity.dimension)),
      ...unsaid(claim),
      ...attributed(claim),
      ...apposed(claim),
    ]),
    statement: claim,
    ...(figure === undefined ? {} : { figure }),
  }
}

/** The words of a figure's part and of parts without figures; of others where its own part names nothing. */
function termsFor(statement: Statement, figure: Figure): Term[] {
  // A version that is claimed is no name that has to be met.
  const claim = {
    ...statement,
    terms: statement.terms.filter(({ start, end }) => end <= figure.start || start >= figure.end),
  }
  const { part } = figure
  const busy = claim.parts.filter(each => each !== part && claim.figures.some(other => other.part === each))
  const others = claim.figures.filter(other => other !== figure && other.part === part)
  const theirs = others
    .map(other => countedOf(claim, other))
    .filter(term => term !== undefined && term !== countedOf(claim, figure))
  const free = claim.terms.filter(
    term => !theirs.includes(term) && !busy.some(each => term.start >= each.start && term.end <= each.end),
  )
  const own = inside(claim.terms, part)
  const first = claim.figures[0]
  if (own.some(isThing) || first === undefined || first.part === part) return free
  const lead = claim.terms.filter(term => term.end <= first.start && !free.includes(term))
  return [...lead, ...free]
}
