/** That a thing happened at all: a log line that holds every word of the claim supports it; nothing here refutes. */
import type { Claim } from './claim.ts'
import { metAt } from './meet.ts'
import type { Block, Row } from './record.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import { has } from './select.ts'
import { isEnvironment, isPlan, isSoft, isSoftWord } from './vocabulary.ts'
import { spans, timely } from './window.ts'

/** Words of a line after which what it tells has not come about, or has been taken back. */
const undone =
  / (?:not|no|never|without|would|will|if|skip|skipped|skipping|plan|planned|planning|scheduled|retry|retrying|cannot|unable|dry|test|cancelled|canceled|reverted|simulated|pending|waiting|about to|expected|until|before|unless|attempt|attempting) /

/** Lines that state the event which the claim tells of. */
export function ruleOnEvent(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  if (
    claim.figures.length > 0 ||
    claim.negated ||
    claim.every ||
    claim.none ||
    claim.turned ||
    claim.plan ||
    claim.limit
  )
    return undefined
  if (/\b(?:only|always|still|most|more|less|than|because|caused|why|due to)\b/i.test(claim.text))
    return undefined
  for (const block of blocks) {
    if (block.form !== 'log' || !spans(claim, block) || [...block.words].some(isEnvironment)) continue
    const words = claim.words.filter(
      word => word.entity !== undefined || !(isSoft(word.concept) || isSoftWord(word.lower)),
    )
    if (words.length < 2 || !words.some(word => word.verb) || words.some(word => isPlan(word.concept)))
      continue
    const lines = block.rows.filter(row => timely(claim.span, row, block) && holds(claim, row, block))
    const [first] = lines
    if (first === undefined || lines.length > 3 || lines.some(row => undone.test(row.norm))) continue
    return rule(
      true,
      lines.map(row => placeOf(block, row)),
      'the event claimed',
      'a line states it',
    )
  }
  return undefined
}

/** True for a line that holds all that happened, and of the rest what the title does not say. */
function holds(claim: Claim, row: Row, block: Block): boolean {
  let met = 0
  for (const word of claim.words) {
    if (has(word, row, block)) {
      if (!(isSoft(word.concept) && word.entity === undefined)) met += 1
      continue
    }
    if (word.entity === undefined && (isSoft(word.concept) || isSoftWord(word.lower))) continue
    if (word.verb || metAt(word, undefined, row, block) !== 'block') return false
  }
  return met >= 2
}
