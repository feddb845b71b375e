/** Claims that one thing has more or less than another, where a source, or two, give a figure of each. */
import type { Candidate } from './candidate.ts'
import { same } from './fit.ts'
import type { Read, Scene } from './scene.ts'
import { type Figure, readStatement, type Statement } from './statement.ts'
import type { Term } from './term.ts'

/** The two sides, and whether the first is said to have more. */
export type Comparing = { readonly side: Statement; readonly against: Statement; readonly word: string }

const pattern =
  /^(.{3,120}?)\b(more|fewer|less|higher|lower|larger|smaller|bigger|longer|shorter|faster|slower|greater|quicker)\b(.{0,60}?) than (?:(?:in|on|at|for|with|did|was|that of|those of|the one (?:of|in)) )?(.{2,60})$/i

/** The comparison that `claim` makes without a figure. */
export function comparingIn({ text, figures, whens }: Statement): Comparing | undefined {
  if (figures.some(({ quantity }) => quantity.dimension !== 'version') || whens.length > 0) return undefined
  const match = pattern.exec(text.replace(/[.!]$/, ''))
  if (match === null || /\b(?:not|never|no)\b|n['’]t\b/i.test(text)) return undefined
  const [, head = '', word = '', measure = '', tail = ''] = match
  if (/\b(?:before|ever|expected|usual|planned|last|it|allowed|what)\b/i.test(tail)) return undefined
  return { side: readStatement(`${head}${measure}`), against: readStatement(tail), word: word.toLowerCase() }
}

/** What the figures of both sides say. */
export function comparingCandidates({ side, against, word }: Comparing, scene: Scene): Candidate[] {
  const others = against.terms.filter(isNaming)
  const own = side.terms.filter(term => isNaming(term) && !others.some(each => same(each, term)))
  if (own.length === 0 || others.length === 0) return []
  const [left, right] = [placesOf(own, others, scene), placesOf(others, own, scene)]
  const pairs = left.flatMap(a => right.filter(b => alike(a.figure, b.figure)).map(b => [a, b] as const))
  const [pair, ...more] = pairs
  if (pair === undefined || more.length > 0) return []
  const [a, b] = pair
  const difference = a.figure.quantity.value - b.figure.quantity.value
  const slack = a.figure.quantity.slack + b.figure.quantity.slack
  if (difference !== 0 && Math.abs(difference) < slack) return []
  const isRate = a.figure.quantity.dimension.endsWith('rate')
  const wantsMore = /^(?:faster|quicker)$/.test(word)
    ? isRate
    : word === 'slower'
      ? !isRate
      : !/^(?:fewer|less|lower|smaller|shorter)$/.test(word)
  return [
    {
      kind: 'compare',
      stance: difference !== 0 && difference > 0 === wantsMore ? 'supports' : 'refutes',
      reads: a.read === b.read ? [a.read] : [a.read, b.read],
      part: undefined,
      found: `${a.figure.quantity.text} against ${b.figure.quantity.text}`,
    },
  ]
}

const isNaming = ({ sort }: Term): boolean =>
  sort === 'name' || sort === 'plain' || sort === 'object' || sort === 'place' || sort === 'event'

const alike = (a: Figure, b: Figure): boolean =>
  a !== b &&
  a.quantity.dimension === b.quantity.dimension &&
  a.statistic === b.statistic &&
  a.change === undefined &&
  b.change === undefined &&
  a.comparison === 'exact' &&
  b.comparison === 'exact'

/** The figures in whose part the side is named, and the other one is not. */
function placesOf(
  side: readonly Term[],
  other: readonly Term[],
  scene: Scene,
): { readonly read: Read; readonly figure: Figure }[] {
  return scene.reads.flatMap(read =>
    read.figures.flatMap(figure => {
      if (figure.part.marks.plan || figure.part.marks.former || read.unit.struck) return []
      const terms = read.terms.filter(term => term.start >= figure.part.start && term.end <= figure.part.end)
      const named = side.some(term => term.sort !== 'object' && terms.some(each => same(each, term)))
      const all = side.every(
        term =>
          read.terms.some(each => same(each, term)) ||
          read.context.some(list => list.some(each => same(each, term))),
      )
      const rival = other.some(
        term => (term.sort === 'name' || term.sort === 'plain') && terms.some(each => same(each, term)),
      )
      return named && all && !rival ? [{ read, figure }] : []
    }),
  )
}
