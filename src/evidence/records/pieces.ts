/** Values that are lists of counts, such as `27 pending, 8 active`: each count becomes a cell of its own. */
import { type Cell, cellOf } from './record.ts'
import { conceptsIn } from './vocabulary.ts'

const counts = /^\d[\d,.]* [a-z][a-z -]{1,24}(?:[,;/|] ?\d[\d,.]* [a-z][a-z -]{1,24})+$/i

/** `cell`, and where it lists counts a cell for each. */
export function piecesOf(cell: Cell): Cell[] {
  if (cell.quantity !== undefined || cell.text.length > 160 || !counts.test(cell.text)) return [cell]
  const pieces = cell.text.split(/[,;/|] ?(?=\d)/).map(piece => {
    const [, number = '', words = ''] = /^([\d,.]+) (.*)$/.exec(piece) ?? []
    const made = cellOf(cell.name, number, cell, cell.path)
    return { ...made, name: `${cell.name} ${words}`, own: [...made.own, ...conceptsIn(words)] }
  })
  return [cell, ...pieces]
}
