/** Numbers of a claim that name a row and are no figures: "shard 3", "order 5520", "kernel 6.8". */
import type { Claim } from './claim.ts'
import type { Figure } from './figure.ts'
import { type Block, isKeyName, normOf } from './record.ts'
import { conceptOf, wordsIn } from './vocabulary.ts'

/** Of "builds 880 and 881" both numbers are of builds. */
function joined(claim: Claim, figure: Figure): string | undefined {
  if (!/^(?:and|or|to|than)$/.test(figure.before)) return undefined
  const before = claim.figures.findLast(each => each.end < figure.start)
  return before !== undefined && /^ (?:and|or|to|than) $/.test(claim.text.slice(before.end, figure.start))
    ? before.before
    : undefined
}

const numbering = /^(?:id|no|nr|number|#|key)$/i

function idPhrase(blocks: readonly Block[], text: string): string {
  const cells = blocks.flatMap(block => block.rows.flatMap(row => row.cells))
  const name = cells.find(cell => numbering.test(cell.name) && cell.text === text)?.name ?? 'id'
  return ` ${name.toLowerCase()} ${text} `
}

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
    const concept = conceptOf(joined(claim, figure) ?? noun)
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
    const told = blocks.some(
      block =>
        block.norm.includes(phrase) ||
        block.norm.includes(` ${noun.toLowerCase()}s ${text} `) ||
        block.rows.some(row => row.norm.includes(phrase)),
    )
    if (told && blocks.some(block => block.norm.includes(` ${noun.toLowerCase()}s ${text} `)))
      return [{ figure, phrase: ` ${noun.toLowerCase()}s ${text} ` }]
    if (told) return [{ figure, phrase }]
    for (const cell of blocks.flatMap(block => block.rows.flatMap(row => row.cells)))
      if (isKeyName(cell.name) && cell.text === text && cell.own.length <= 2 && cell.own.includes(concept))
        return [{ figure, phrase: normOf(`${cell.name} ${text}`) }]
    // "Sensor 14" where the title is of sensors and a row has the id 14.
    const numbered = blocks.some(
      block =>
        (block.words.has(concept) || block.rows.some(row => row.cells[0]?.path.includes(concept))) &&
        block.rows.some(row => row.cells.some(cell => numbering.test(cell.name) && cell.text === text)),
    )
    return numbered && claim.figures.length > 1 ? [{ figure, phrase: idPhrase(blocks, text) }] : []
  })
}
