/** Numbers of a claim that name a row and are no figures: "shard 3", "order 5520", "kernel 6.8". */
import type { Claim } from './claim.ts'
import type { Figure } from './figure.ts'
import { type Block, isKeyName } from './record.ts'
import { conceptOf, wordsIn } from './vocabulary.ts'

/** Claims of a row by number: `shard 3` where rows have a number of that name. */
export function keysOf(
  claim: Claim,
  blocks: readonly Block[],
): { readonly figure: Figure; readonly phrase: string }[] {
  return claim.figures.flatMap(figure => {
    if (
      !/^(?:number|version)$/.test(figure.quantity.dimension) ||
      figure.comparison !== 'exact' ||
      figure.before === ''
    )
      return []
    const text = figure.quantity.text.replace(/^[A-Za-z]+ /, '')
    const noun =
      wordsIn(figure.quantity.text).length > 1 && /^[A-Za-z]/.test(figure.quantity.text)
        ? (wordsIn(figure.quantity.text)[0] ?? '')
        : figure.before
    const concept = conceptOf(noun)
    const versioned = blocks.some(block =>
      block.rows.some(row =>
        row.cells.some(cell => cell.quantity?.dimension === 'version' && cell.own.includes(concept)),
      ),
    )
    if (!/^\d+$/.test(text) && figure.quantity.dimension !== 'version' && !versioned) return []
    const phrase = ` ${noun.toLowerCase()} ${text.replace(/\./g, ' ')} `
    if (
      claim.figures.length === 1 &&
      (figure.quantity.dimension === 'version' || text.includes('.')) &&
      !/\b(?:rose|fell|grew|most|fewest|highest|lowest|than)\b/i.test(claim.text)
    )
      return []
    // What a claim of one figure ends in is what it states: "listens on port 8443".
    if (claim.figures.length === 1 && /^\W*$/.test(claim.text.slice(figure.end))) return []
    const named = blocks.some(
      block =>
        block.norm.includes(phrase) ||
        block.rows.some(
          row =>
            row.norm.includes(phrase) ||
            row.cells.some(
              cell =>
                isKeyName(cell.name) &&
                cell.text === text &&
                cell.own.length <= 2 &&
                cell.own.includes(concept),
            ),
        ),
    )
    return named ? [{ figure, phrase }] : []
  })
}
