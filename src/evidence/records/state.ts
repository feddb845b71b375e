/**
 * States and texts: "is live", "is set to warn", "is enabled", "runs in eu-west". The row that the claim names holds
 * a value in a column; the claim names that value or another one of the column, or its opposite.
 */
import type { Claim, Word } from './claim.ts'
import { isStatistic } from './claim.ts'
import { isForeign, metAt } from './meet.ts'
import type { Block, Cell, Row } from './record.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import { selectRows } from './select.ts'
import { inOrder } from './value.ts'
import { conceptOf, isSoft, isSoftWord, stateOf, wordsIn } from './vocabulary.ts'
import { timely } from './window.ts'

/** What the texts of rows say to a claim without figures. */
export function ruleOnState(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  if (claim.figures.length > 0 || claim.words.length < 2) return undefined
  const rulings = blocks.flatMap(block => stateIn(claim, block) ?? [])
  const [first] = rulings
  return first !== undefined && rulings.every(ruling => ruling.stance === first.stance) ? first : undefined
}

type Candidate = {
  readonly row: Row
  readonly cell: Cell
  readonly holds: boolean
  readonly word: Word
  readonly others: readonly Word[]
}

function stateIn(claim: Claim, block: Block): Ruling | undefined {
  const values = valuesOf(block)
  if (claim.every && !claim.negated) return everyState(claim, block, values)
  const found: Candidate[] = []
  for (const row of block.rows) {
    if (row.quiet || !timely(claim.span, row, block)) continue
    for (const cell of row.cells) {
      const candidate = candidateOf(claim, cell, row, block, values)
      if (candidate !== undefined) found.push(candidate)
    }
  }
  if (found.length === 0) return undefined
  const names = new Set(found.map(({ cell }) => cell.name))
  if (names.size > 1) return undefined
  const standing = block.form === 'log' && found.length > 1 ? lastOf(found, block) : found
  const stances = new Set(standing.map(({ holds }) => holds))
  const [first] = standing
  if (first === undefined || stances.size > 1) return undefined
  if (standing.length > 1 && !claim.every) return undefined
  if (block.form === 'log' && !block.complete) return undefined
  return rule(
    first.holds !== claim.negated,
    standing.map(({ row, cell }) => placeOf(block, row, cell)),
    first.word.lower,
    first.cell.text,
    first.cell.name,
  )
}

/** "All pods are running": each row that the other words choose has to have the state. */
function everyState(
  claim: Claim,
  block: Block,
  values: ReadonlyMap<string, ReadonlySet<string>>,
): Ruling | undefined {
  const predicate = claim.words.at(-1)
  if (predicate === undefined || block.form === 'log' || !block.complete || block.rows.length < 2)
    return undefined
  const names = [...values]
    .filter(
      ([name, known]) =>
        name !== '' &&
        [...known].some(text => stateOf(text, predicate.lower) !== undefined || text === predicate.lower),
    )
    .map(([name]) => name)
  const [name] = names
  if (name === undefined || names.length > 1) return undefined
  const { rows, unmet, telling } = selectRows(claim, block, word => word === predicate)
  if (unmet.length > 0 || telling.length > 1 || rows.length < 2) return undefined
  const cells = rows.map(row => ({ row, cell: row.cells.find(cell => cell.name === name) }))
  if (cells.some(({ cell }) => cell === undefined || cell.text === '')) return undefined
  const against = cells.filter(
    ({ cell }) => stateOf((cell?.text ?? '').toLowerCase(), predicate.lower) !== 'same',
  )
  const shown = against.length > 0 ? against : cells
  const text = against.length > 0 ? (against[0]?.cell?.text ?? '') : `each of ${cells.length} rows`
  return rule(
    against.length === 0,
    shown.map(({ row, cell }) => placeOf(block, row, cell)),
    `all ${predicate.lower}`,
    text,
    name,
  )
}

const lastOf = (found: readonly Candidate[], block: Block): Candidate[] => {
  const ordered = inOrder(
    found.map(each => ({ ...each, block, quantity: nothing, score: 0, statistic: 'plain' as const })),
  )
  const last = ordered.at(-1)
  return found.filter(each => each.row === last?.row)
}

const nothing = { value: 0, dimension: 'number' as const, slack: 0, text: '' }

/** The values that each column of texts takes. */
function valuesOf(block: Block): ReadonlyMap<string, ReadonlySet<string>> {
  const values = new Map<string, Set<string>>()
  // Under the empty name: those of all columns.
  const every = new Set<string>()
  for (const row of block.rows) {
    for (const cell of row.cells) {
      if (cell.quantity !== undefined || cell.moment !== undefined || cell.text.length > 30) continue
      const known = values.get(cell.name) ?? new Set()
      known.add(cell.text.toLowerCase())
      values.set(cell.name, known)
      every.add(cell.text.toLowerCase())
    }
  }
  return values.set('', every)
}

/** A cell whose column the claim states a value of, in a row that its other words name. */
function candidateOf(
  claim: Claim,
  cell: Cell,
  row: Row,
  block: Block,
  values: ReadonlyMap<string, ReadonlySet<string>>,
): Candidate | undefined {
  if (
    cell.quantity !== undefined ||
    cell.moment !== undefined ||
    cell.name === '' ||
    cell.text === '' ||
    cell.text.length > 30
  )
    return undefined
  const parts = wordsIn(cell.text)
    .map(part => part.toLowerCase())
    .filter(part => !/^(?:to|of|the|in|a|by|for)$/.test(part))
  if (parts.length === 0 || parts.length > 4) return undefined
  const predicate = claim.words.at(-1)
  if (predicate === undefined) return undefined
  const tail = claim.words.slice(-Math.max(1, parts.length))
  const same =
    parts.every(part =>
      tail.some(word => conceptOf(part) === word.concept || stateOf(part, word.lower) === 'same'),
    ) || ` ${parts.join(' ')} ` === predicate.entity
  const flag = /^(?:true|yes|on|enabled|1)$/.test(parts[0] ?? '')
    ? true
    : /^(?:false|no|off|disabled|0)$/.test(parts[0] ?? '')
      ? false
      : undefined
  const named = cell.own.some(concept =>
    claim.words.some(word => word.concept === concept && word !== predicate),
  )
  const opposite = parts.length === 1 && stateOf(parts[0] ?? '', predicate.lower) === 'opposite'
  const known = values.get(cell.name)?.has(predicate.lower) === true && (values.get(cell.name)?.size ?? 0) > 1

  const rival =
    known ||
    (named &&
      /\b(?:is|are|was|set to|=)\s+\S+\s*\.?$/i.test(claim.text) &&
      flag === undefined &&
      block.form === 'tree')
  if (!same && !opposite && !rival) return undefined
  if (flag !== undefined && !named && !opposite && !same) return undefined
  const spent = same ? tail : [predicate]
  const others = claim.words.filter(
    word =>
      !spent.includes(word) &&
      !(
        (isSoft(word.concept) || isSoftWord(word.lower)) &&
        word.entity === undefined &&
        values.get('')?.has(word.lower) !== true
      ) &&
      !isStatistic(word.lower),
  )
  const unmet = others.filter(word => metAt(word, cell, row, block) === undefined)
  if (unmet.some(word => !word.verb || values.get('')?.has(word.lower) === true) || unmet.length > 1)
    return undefined
  const firm = claim.words.filter(word => {
    if (spent.includes(word)) return false
    const at = metAt(word, cell, row, block)
    return at === 'row' || at === 'own'
  })
  if (firm.length === 0 && block.rows.length > 1) return undefined
  if (isForeign({ ...claim }, cell, row, block)) return undefined
  if (block.form !== 'log' && halfSaid(claim, row, cell, block)) return undefined
  return { row, cell, holds: same, word: predicate, others }
}

/** A name of the row that the claim says only in part. */
function halfSaid(claim: Claim, row: Row, value: Cell, block: Block): boolean {
  const said = new Set(claim.words.map(word => word.concept))
  return row.cells.some(cell => {
    if (cell === value || cell.quantity !== undefined || cell.text.length > 40) return false
    const parts = wordsIn(cell.text).map(conceptOf)
    const met = parts.filter(part => said.has(part) && !block.words.has(part))
    return (
      met.length > 0 &&
      parts.some(part => !said.has(part) && !isSoft(part) && !block.words.has(part) && part.length > 1)
    )
  })
}
