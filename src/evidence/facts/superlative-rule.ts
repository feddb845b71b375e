/** Claims that one thing has the most or the least of several, where a sentence or a list gives a figure of each. */
import type { Candidate } from './candidate.ts'
import { same } from './fit.ts'
import { countedOf, inside } from './need.ts'
import type { Read, Scene } from './scene.ts'
import type { Figure, Statement } from './statement.ts'
import type { Term } from './term.ts'

/** Whether what is named has the most or the least; `quick` where that depends on what is measured. */
export type Superlative = {
  readonly most: boolean
  readonly quick: boolean
  /** "Of the four": so many have to be told of. */
  readonly of?: number
}

const up = /\b(?:most|highest|largest|biggest|longest|greatest|heaviest|busiest|oldest|dearest|hottest)\b/i
const down =
  /\b(?:fewest|least|lowest|smallest|shortest|lightest|cheapest|coldest|emptiest|quietest|youngest)\b/i
const quick = /\b(?:fastest|quickest)\b/i
const slow = /\bslowest\b/i

/** The superlative that `claim` states without a figure of its own. */
export function superlativeIn({ text, figures, whens }: Statement): Superlative | undefined {
  if (/\b(?:at (?:most|least)|second|third|not|never|no|almost|nearly)\b|n['’]t\b/i.test(text))
    return undefined
  const count = /\b(?:of|among|in|across) (?:all )?(?:the |our |its )?$/i
  const own = figures.filter(
    ({ start, quantity }) => quantity.dimension !== 'version' && !count.test(text.slice(0, start)),
  )
  // "The most units a day": a rate of the claim is no figure.
  if (own.some(({ quantity }) => !/^an? /i.test(quantity.text)) || whens.length > 1) return undefined
  const found = [up, down, quick, slow].map(pattern => pattern.test(text))
  if (found.filter(Boolean).length !== 1) return undefined
  const all = figures.find(({ start }) => count.test(text.slice(0, start)))
  return {
    most: found[0] === true || found[3] === true,
    quick: found[2] === true || found[3] === true,
    ...(all === undefined ? {} : { of: all.quantity.value }),
  }
}

const unsettled =
  /\b(?:not (?:yet )?(?:\p{L}+ )?(?:answered|counted|reported|measured|included|known)|without|excluding|missing|yet to)\b/iu

type Entry = { readonly read: Read; readonly figure: Figure; readonly names: readonly Term[] }

/** What the sentences and lists of `scene` would say to it. */
export function superlativeCandidates(claim: Superlative, statement: Statement, scene: Scene): Candidate[] {
  return [...sentences(scene), ...lists(scene)].flatMap((entries): Candidate[] => {
    if (entries.length < 2 || !areAlike(entries)) return []
    if (claim.of !== undefined && claim.of !== entries.length) return []
    if (scene.reads.some(({ marks, corrects }) => marks.open || corrects)) return []
    if (scene.reads.some(({ text }) => unsettled.test(text))) return []
    const shown = statement.terms.filter(({ sort }) => sort !== 'soft')
    const owns = entries.filter(entry => {
      const others = entries.filter(other => other !== entry)
      return shown.some(
        term =>
          entry.names.some(name => same(name, term)) &&
          !others.some(other => other.names.some(name => same(name, term))),
      )
    })
    const [own, ...more] = owns
    if (own === undefined || more.length > 0) return []
    const isRate = own.figure.quantity.dimension.endsWith('rate')
    const wantsMost = claim.quick && isRate ? !claim.most : claim.most
    const values = entries.map(({ figure }) => figure.quantity.value)
    const best = wantsMost ? Math.max(...values) : Math.min(...values)
    const shared = values.filter(value => value === best).length > 1
    if (shared && own.figure.quantity.value === best) return []
    return [
      {
        kind: 'compare',
        stance: own.figure.quantity.value === best ? 'supports' : 'refutes',
        reads: [own.read, ...new Set(entries.map(({ read }) => read).filter(read => read !== own.read))],
        part: undefined,
        found: entries.map(({ figure }) => figure.quantity.text).join(', '),
      },
    ]
  })
}

/** Figures of one kind, each with a name of its own. */
function areAlike(entries: readonly Entry[]): boolean {
  const [first] = entries
  return entries.every(
    ({ figure, names, read }) =>
      names.length > 0 &&
      figure.quantity.dimension === first?.figure.quantity.dimension &&
      figure.statistic === first.figure.statistic &&
      figure.comparison === 'exact' &&
      figure.change === undefined &&
      figure.other === undefined &&
      !figure.negated &&
      !figure.part.marks.plan &&
      !figure.part.marks.former &&
      !read.unit.struck,
  )
}

const naming = ({ sort }: Term): boolean => sort === 'name' || sort === 'plain' || sort === 'object'

/** "Lisbon filed 42 reports, Graz 57 and Turin 38". */
function sentences({ reads }: Scene): Entry[][] {
  return reads.flatMap((read): Entry[][] => {
    if (read.figures.length < 2 || read.figures.length > 12) return []
    const parts = new Set(read.figures.map(({ part }) => part))
    if (parts.size !== read.figures.length) return []
    const counted = read.figures.map(figure => countedOf(read, figure)).filter(term => term !== undefined)
    const [first, ...others] = counted
    if (first !== undefined && others.some(term => !same(term, first))) return []
    return [
      read.figures.map(figure => ({
        read,
        figure,
        names: inside(read.terms, figure.part).filter(term => naming(term) && !counted.includes(term)),
      })),
    ]
  })
}

/** Items of one list, each with its name and then its figure. */
function lists({ reads }: Scene): Entry[][] {
  const blocks = new Map<string, Entry[]>()
  const broken = new Set<string>()
  for (const read of reads) {
    if (!read.unit.item || read.unit.stamp !== '') continue
    const key = `${read.unit.block} ${read.unit.parent}`
    const [figure] = read.figures
    if (figure === undefined) {
      broken.add(key)
      continue
    }
    const names = read.terms.filter(term => naming(term) && term.end <= figure.start)
    blocks.set(key, [...(blocks.get(key) ?? []), { read, figure, names }])
  }
  return [...blocks].filter(([key]) => !broken.has(key)).map(([, entries]) => entries)
}
