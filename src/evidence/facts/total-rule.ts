/** A claimed total that is what the sentences or items of one paragraph come to together. */
import type { Candidate } from './candidate.ts'
import { same } from './fit.ts'
import { clean, type Quantity } from './quantity.ts'
import type { Read, Scene } from './scene.ts'
import type { Figure, Statement } from './statement.ts'

const mostParts = 12
const totalled = /\b(?:altogether|in all|in total|together|combined|a total of|overall)\b/i

/** Where the first figures of a paragraph add up to the claimed one; another sum says nothing. */
export function totalCandidates(figure: Figure, claim: Statement, scene: Scene): Candidate[] {
  const { dimension, value } = figure.quantity
  if (figure.comparison !== 'exact' || figure.change !== undefined || value < 10) return []
  if (!totalled.test(claim.text)) return []
  const blocks = new Map<number, Read[]>()
  for (const read of scene.reads) {
    const [first] = read.figures
    if (first === undefined || first.quantity.dimension !== dimension || first.comparison !== 'exact')
      continue
    if (first.change !== undefined || first.part.marks.plan || first.part.marks.former || read.unit.struck)
      continue
    const reads = blocks.get(read.unit.block) ?? []
    reads.push(read)
    blocks.set(read.unit.block, reads)
  }
  return [...blocks.values()].flatMap((reads): Candidate[] => {
    if (reads.length < 2 || reads.length > mostParts) return []
    const things = claim.terms.filter(({ sort }) => sort === 'object' || sort === 'plain' || sort === 'name')
    const told = reads.some(read => things.some(term => read.terms.some(each => same(each, term))))
    const sum = clean(reads.reduce((all, { figures }) => all + (figures[0]?.quantity.value ?? 0), 0))
    if (!told || sum !== value) return []
    const quantity: Quantity = { value: sum, dimension, slack: 0, text: `${reads.length} parts` }
    return [{ kind: 'list', stance: 'supports', reads, told: true, part: undefined, found: quantity.text }]
  })
}
