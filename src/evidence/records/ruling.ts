/** What rows say to a claim: for it or against it, by which places, and what was held against what. */
import type { Block, Cell, Place, Row } from './record.ts'

/** An answer that decides. */
export type Ruling = {
  readonly stance: 'supports' | 'refutes'
  readonly places: readonly Place[]
  /** The claim's figure or words. */
  readonly claimed: string
  /** What the rows hold. */
  readonly found: string
  /** A sentence that says what was compared. */
  readonly reason: string
}

/** Most rows that one answer names. */
const mostPlaces = 200

/** The place of a cell as it is cited: the entry of a document, else its whole row. */
export function placeOf(block: Block, row: Row, cell?: Cell): Place {
  if (block.form === 'tree' && cell !== undefined && row.end - row.start > 160)
    return { start: cell.start, end: cell.end }
  if (block.form === 'tree' && cell !== undefined) return { start: cell.start, end: cell.end }
  return { start: row.start, end: row.end }
}

/** An answer from whether the claim holds. */
export function rule(
  holds: boolean,
  places: readonly Place[],
  claimed: string,
  found: string,
  what = '',
): Ruling {
  const stance = holds ? 'supports' : 'refutes'
  const subject = what === '' ? '' : `${what}: `
  const reason = `${subject}${found} ${holds ? 'meets' : 'does not meet'} ${claimed}`
  return { stance, places: places.slice(0, mostPlaces), claimed, found, reason }
}
