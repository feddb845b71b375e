/** Holds a claimed count of what happened against the lines of a diary that tell of it, one by one. */
import type { Candidate } from './candidate.ts'
import { same } from './fit.ts'
import { hold } from './interval.ts'
import type { Quantity } from './quantity.ts'
import type { Read, Scene } from './scene.ts'
import type { Figure, Statement } from './statement.ts'

const fewestLines = 3
const longestLine = 120
const unsure =
  /\b(?:not|never|no|none|without|again the same|same as|still|excerpt|etc|planned|will|cancelled|test)\b|…/i

/** The count of the timed lines that have the thing or event that the claim counts. */
export function lineCountCandidates(figure: Figure, claim: Statement, scene: Scene): Candidate[] {
  if (figure.quantity.dimension !== 'number' || figure.change !== undefined || figure.statistic !== 'plain')
    return []
  if (/\b(?:excerpt|extract|selection|part of|summary)\b/i.test(scene.source.title ?? '')) return []
  const lines = scene.reads.filter(isTimed)
  // A diary and nothing else: what is told between the lines may count, too.
  if (lines.length < fewestLines || lines.length < scene.reads.length * 0.75) return []
  const starts = new Set(lines.map(({ unit }) => unit.start))
  const around = scene.title.terms
  const wanted = claim.terms.filter(
    term =>
      (term.sort === 'object' || term.sort === 'plain' || term.sort === 'name' || term.sort === 'event') &&
      !around.some(each => same(each, term)),
  )
  const told = wanted.filter(term => lines.some(read => read.terms.some(each => same(each, term))))
  if (told.length === 0 || told.length < wanted.length - wanted.filter(({ sort }) => sort === 'event').length)
    return []
  const hits = lines.filter(read => told.every(term => read.terms.some(each => same(each, term))))
  if (hits.length === 0 || starts.size < lines.length) return []
  if (hits.some(({ text }) => unsure.test(text) || text.length > longestLine)) return []
  const quantity: Quantity = {
    value: hits.length,
    dimension: 'number',
    slack: 0,
    text: `${hits.length} lines`,
  }
  const stance = hold(figure, { quantity, comparison: 'exact' })
  return stance === 'silent'
    ? []
    : [{ kind: 'list', stance, reads: hits, told: true, part: undefined, found: quantity.text }]
}

/** A line that begins with its time or day. */
const isTimed = ({ unit, whens, figures }: Read): boolean =>
  (/\d:\d\d/.test(unit.stamp) || whens.some(({ start }) => start === 0)) && figures.length === 0
