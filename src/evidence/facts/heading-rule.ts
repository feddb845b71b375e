/** Claims that a release brought something, against change logs that list it under the heading of a release. */
import type { Candidate } from './candidate.ts'
import { same } from './fit.ts'
import { compareVersions } from './interval.ts'
import { versionOf } from './quantity.ts'
import type { Scene } from './scene.ts'
import type { Figure, Statement } from './statement.ts'

const brought =
  /\b(?:fixed|added|introduced|removed|dropped|deprecated|repaired|solved|new|came|arrived|appeared|shipped) (?:in|with|by) (?:version |release )?$/i
const brings = /^ (?:fixes|adds|introduces|removes|drops|deprecates|repairs|solves|brings|ships|contains)\b/i
const headed = /\bv?(\d+(?:\.\d+)+)\b/

/** What the items under the headings of releases would say to a claim about `figure`. */
export function headingCandidates(figure: Figure, claim: Statement, scene: Scene): Candidate[] {
  const wanted = figure.quantity.version
  if (wanted === undefined) return []
  const tells = brought.test(claim.text.slice(0, figure.start)) || brings.test(claim.text.slice(figure.end))
  if (!tells || claim.marks.negated) return []
  // What was done has to be told of the item: "drops" is not "fixed".
  const events = claim.terms.filter(({ sort }) => sort === 'event')
  if (events.length === 0) return []
  return scene.reads.flatMap((read): Candidate[] => {
    const given = headed.exec(read.unit.heading)?.[1]
    if (given === undefined || read.marks.negated || read.unit.struck) return []
    if (!events.every(term => read.terms.some(each => same(each, term)))) return []
    const equal = compareVersions(versionOf(given).version ?? [], wanted) === 0
    return [
      {
        kind: 'version',
        stance: equal ? 'supports' : 'refutes',
        reads: [read],
        part: undefined,
        found: read.unit.heading.trim(),
      },
    ]
  })
}
