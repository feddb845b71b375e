/**
 * Where words of a claim are met, and what else a cell is of that the claim does not say: a limit, a plan, another
 * environment, a name that is said only in part.
 */
import type { Claim, Word } from './claim.ts'
import type { Block, Cell, Row } from './record.ts'
import { conceptOf, conceptsIn, isEnvironment, isGeneric, isPlan, isSoft, wordsIn } from './vocabulary.ts'

/** Where a word of the claim is met. */
export function metAt(
  word: Word,
  cell: Cell | undefined,
  row: Row,
  block: Block,
): 'own' | 'row' | 'block' | undefined {
  const { concept, entity } = word
  if (entity !== undefined && entity.trim() !== '') {
    if (
      row.norm.includes(entity) ||
      (cell !== undefined && (cell.own.includes(concept) || cell.path.includes(concept)))
    )
      return 'row'
    if (block.norm.includes(word.kind === undefined ? entity : ` ${word.kind}${entity}`)) return 'block'
    if (word.kind !== undefined) return undefined
    const parts = entity.trim().split(' ')
    if (
      parts.length > 1 &&
      parts.every(
        part =>
          // A number of a name is no number of another cell.
          !/^\d+$/.test(part) && (row.norm.includes(` ${part} `) || block.norm.includes(` ${part} `)),
      )
    )
      return 'row'
    return row.labels.has(concept) && !/\d/.test(entity)
      ? 'row'
      : block.words.has(concept) && !/\d/.test(entity)
        ? 'block'
        : undefined
  }
  if (cell?.own.includes(concept)) return 'own'
  if (row.labels.has(concept) || cell?.path.includes(concept)) return 'row'
  for (const each of row.cells) if (each.quantity === undefined && each.own.includes(concept)) return 'row'
  if (block.words.has(concept)) return 'block'
  return undefined
}

/** Texts that name a row: short, of letters, no log message. */
export function namesOf(row: Row): Cell[] {
  return row.cells.filter(
    cell =>
      cell.quantity === undefined &&
      cell.moment === undefined &&
      cell.text.length <= 40 &&
      !cell.text.includes('://') &&
      /\p{L}/u.test(cell.text),
  )
}

/** True where a name of the row is named only in part: `search` is not `search-indexer`. */
export function halfNamed(claim: Claim, row: Row, block: Block): boolean {
  if (block.form === 'log') return false
  const said = new Set(claim.words.map(word => word.concept))
  const known = (concept: string) =>
    said.has(concept) || isSoft(concept) || block.words.has(concept) || /^\d+$/.test(concept)
  return namesOf(row).some(cell => {
    const parts = conceptsIn(cell.text)
    const met = parts.filter(part => said.has(part) && !isSoft(part) && !block.words.has(part))
    return met.length > 0 && parts.length <= 4 && parts.some(part => !known(part) && part.length > 1)
  })
}

const actual = new Set('actual measured observed current now used real'.split(' ').map(conceptOf))
const asked = conceptOf('requests')
const memory = conceptOf('memory')

const titlePlans = new Set(
  'plan target goal budget forecast estimate slo sla objective proposal expected projected draft planned objectives targets'
    .split(' ')
    .map(conceptOf),
)

// Of the fields of an object these say what it is; others are settings of their own.
const naming =
  /^(?:name|id|title|label|service|component|kind|type|env|environment|stage|status|state|phase|mode|tier|role|profile)$/i

/** True where a cell is a limit, a plan or of another environment and the claim does not say so. */
export function isForeign(claim: Claim, cell: Cell | undefined, row: Row, block: Block): boolean {
  const said = new Set(claim.words.map(word => word.concept))
  const names = cell === undefined ? [] : [...cell.own, ...cell.path]
  const near =
    block.form === 'log'
      ? names
      : [
          ...names,
          ...namesOf(row).flatMap(each =>
            block.form === 'tree' && !naming.test(each.name) ? [] : wordsIn(each.text).map(conceptOf),
          ),
        ]
  for (const concept of near) {
    if (isPlan(concept) && !said.has(concept) && !(claim.limit && boundWords.has(concept))) return true
    if (isEnvironment(concept) && !said.has(concept)) return true
  }
  const measured = cell?.own.some(concept => actual.has(concept)) ?? false
  if (
    cell?.path.includes(asked) &&
    !said.has(asked) &&
    block.form === 'tree' &&
    cell.own.some(concept => concept === memory || concept === 'cpu')
  )
    return true
  for (const concept of block.words) {
    if (said.has(concept) || (measured && titlePlans.has(concept))) continue
    if (isEnvironment(concept) || titlePlans.has(concept)) return true
  }
  return false
}

/** True for concepts that name a bound. */
export const isBound = (concept: string): boolean => boundWords.has(concept)

const boundWords = new Set(
  'limit maximum max quota cap capped threshold allowed ceiling budget'.split(' ').map(conceptOf),
)

/** True where the word next to it names the row: "the canary pool", "host web-1". */
function besideName(
  claim: Claim,
  word: Word,
  cell: Cell | undefined,
  row: Row | undefined,
  block: Block | undefined,
): boolean {
  if (row === undefined || block === undefined) return false
  // What another row is named by is no kind of thing.
  if (block.rows.length < 500 && block.rows.some(other => other !== row && other.labels.has(word.concept)))
    return false
  return claim.words.some(each => {
    const [first, second] = each.start < word.start ? [each, word] : [word, each]
    if (each.verb && !(each.start < word.start && /ing$/.test(each.lower))) return false
    if (each === word || (isGeneric(each.concept) && each.entity === undefined)) return false
    if (!/^[\w./:@#"]*\s+"?$/.test(claim.text.slice(first.start, second.start))) return false
    return metAt(each, cell, row, block) === 'row'
  })
}

/** True for the noun behind a word that names the column: "unacknowledged messages" of `unacked`. */
export function isObject(claim: Claim, word: Word, cell: Cell, block: Block): boolean {
  if (word.entity !== undefined || word.verb) return false
  const lead = claim.words.findLast(each => each.start < word.start)
  return (
    lead !== undefined &&
    cell.own.includes(lead.concept) &&
    !isSoft(lead.concept) &&
    /^\S+ $/.test(claim.text.slice(lead.start, word.start)) &&
    cell.own.every(concept => isSoft(concept) || claim.words.some(each => each.concept === concept)) &&
    !block.rows.some(
      row => row.labels.has(word.concept) || row.cells.some(each => each.own.includes(word.concept)),
    )
  )
}

const often = / (?:hourly|daily|nightly|weekly|monthly|quarterly|yearly|annual) /

/** "The nightly scan" where neither title nor rows tell of another rhythm. */
export const isFrequency = (word: Word, block: Block): boolean =>
  often.test(` ${word.lower} `) &&
  !often.test(block.norm) &&
  !block.rows.slice(0, 200).some(row => often.test(row.norm))

const alone = new Set(
  'host machine node box instance job run device process server service system'.split(' '),
)

const held = new Set(['utilization', 'size', 'space', 'capacity'].map(conceptOf))

/** A noun that only says what kind of thing a name is: "the warehouse in Lyon", "disk usage". */
export function isClassNoun(claim: Claim, word: Word, cell?: Cell, row?: Row, block?: Block): boolean {
  const behind = claim.text.slice(word.start + word.lower.length)
  if (isGeneric(word.concept) && /^\w* (?:in|on|at|of|for|from|under|called|named) /.test(behind)) return true
  const next = claim.words.find(each => each.start > word.start)
  if (block !== undefined && isFrequency(word, block)) return true
  // "The host", of a source that tells of one.
  if (alone.has(word.lower) && /\b(?:the|this) $/i.test(claim.text.slice(0, word.start))) return true
  if (isGeneric(word.concept) && besideName(claim, word, cell, row, block)) return true
  const beside = next !== undefined && next.start - word.start <= word.lower.length + 1
  return (
    cell !== undefined &&
    next !== undefined &&
    beside &&
    held.has(next.concept) &&
    cell.own.includes(next.concept)
  )
}
