/**
 * States and texts: "is live", "is set to warn", "is enabled", "runs in eu-west". The row that the claim names holds
 * a value in a column; the claim names that value or another one of the column, or its opposite.
 */
import { order } from '../facts/moment.ts'
import type { Claim, Word } from './claim.ts'
import { isStatistic } from './claim.ts'
import { isClassNoun, isForeign, metAt } from './meet.ts'
import type { Block, Cell, Row } from './record.ts'
import { placeOf, type Ruling, rule } from './ruling.ts'
import { selectRows } from './select.ts'
import { inOrder } from './value.ts'
import {
  conceptOf,
  conceptsIn,
  isEnvironment,
  isGeneric,
  isSoft,
  isSoftWord,
  isStateWord,
  stateOf,
  wordsIn,
} from './vocabulary.ts'
import { timely } from './window.ts'

/** What the texts of rows say to a claim without figures. */
export function ruleOnState(claim: Claim, blocks: readonly Block[]): Ruling | undefined {
  if (claim.figures.length > 0 || claim.words.length < 2) return undefined
  const rulings = blocks.flatMap(block => stateIn(claim, block) ?? [])
  const [first] = rulings
  return first !== undefined && rulings.every(ruling => ruling.stance === first.stance) ? first : undefined
}

/** Of a row with the time of its start, a claim of when it ended says nothing. */
const isOtherTime = (claim: Claim, row: Row, block: Block): boolean =>
  claim.span?.from !== undefined &&
  block.form !== 'log' &&
  row.cells.some(
    cell =>
      cell.moment !== undefined &&
      cell.own.some(concept => !isSoft(concept) && !claim.words.some(word => word.concept === concept)),
  )

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
  if (claim.none && /^(?:None|No|Neither) /.test(claim.text)) return everyState(claim, block, values)
  const found: Candidate[] = []
  for (const row of block.rows) {
    if (row.quiet || !timely(claim.span, row, block) || isOtherTime(claim, row, block)) continue
    for (const cell of row.cells) {
      const candidate = candidateOf(claim, cell, row, block, values)
      if (candidate !== undefined) found.push(candidate)
    }
  }
  if (found.length === 0) return undefined
  const names = new Set(found.map(({ cell }) => cell.name))
  if (names.size > 1) return undefined
  const standing =
    block.form === 'log' && found.length > 1
      ? lastOf(found, block)
      : isHistory(block)
        ? found.filter(({ row }) => row === lastRow(block, found[0]?.cell.name ?? ''))
        : found
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
  const told = cells.map(({ cell }) => stateOf((cell?.text ?? '').toLowerCase(), predicate.lower))
  // Of "none failed" one that neither failed nor passed leaves it open, but for a warning.
  if (
    claim.none &&
    cells.some(
      ({ cell }, index) =>
        told[index] === undefined && !/^(?:warn|warning|skipped|degraded)$/i.test(cell?.text ?? ''),
    )
  )
    return undefined
  const against = cells.filter((_, index) => (told[index] === 'same') === claim.none)
  const shown = against.length > 0 ? against : cells
  const text = against.length > 0 ? (against[0]?.cell?.text ?? '') : `each of ${cells.length} rows`
  return rule(
    against.length === 0,
    shown.map(({ row, cell }) => placeOf(block, row, cell)),
    `${claim.none ? 'none' : 'all'} ${predicate.lower}`,
    text,
    name,
  )
}

const telling = / (?:history|events?|changes|timeline|transitions|audit|changelog) /

/** True for a list of the states of one thing, each with its time. */
const isHistory = (block: Block): boolean =>
  block.form !== 'log' &&
  telling.test(block.norm) &&
  block.rows.every(row => row.moment !== undefined || row.cells.length === 0)

/** The row of the latest time that has a cell of that name. */
const lastRow = (block: Block, name: string): Row | undefined =>
  block.rows
    .filter(row => row.cells.some(cell => cell.name === name))
    .toSorted((a, b) => order(a.moment ?? {}, b.moment ?? {}) ?? 0)
    .at(-1)

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
  if (cell.moment !== undefined || cell.name === '' || cell.text === '' || cell.text.length > 30)
    return undefined
  const switched = switchOf(claim, cell, row, block)
  if (switched !== undefined || cell.quantity !== undefined) return switched
  for (const predicate of predicatesOf(claim)) {
    const candidate = stateAt(claim, predicate, cell, row, block, values)
    if (candidate !== undefined) return candidate
  }
  return undefined
}

/** The last word, and a state named before: "is off in production". */
function predicatesOf(claim: Claim): Word[] {
  const last = claim.words.at(-1)
  const known = claim.words.filter(
    word =>
      word !== last &&
      word.entity === undefined &&
      isStateWord(word.lower) &&
      copula.test(claim.text.slice(0, word.start)),
  )
  return last === undefined ? [] : known.length === 1 ? [last, ...known] : [last]
}

const copula = /\b(?:is|are|was|were|be|been|turned|switched|not|still|now|currently|already|set to) +$/i

/** A setting that is on or off: `public: false`, `retries: 0`. */
function switchOf(claim: Claim, cell: Cell, row: Row, block: Block): Candidate | undefined {
  const on = /^(?:true|yes|on|enabled|y)$/i.test(cell.text)
  const off = /^(?:false|no|off|disabled|n)$/i.test(cell.text)
  if ((!on && !off && cell.quantity === undefined) || cell.own.length === 0) return undefined
  const said = new Set(claim.words.map(word => word.concept))
  const firm = cell.own.filter(concept => !/^(?:enabl|disabl|is|allow|has)$/.test(concept))
  if (
    firm.length === 0 ||
    !firm.every(concept => said.has(concept) || block.words.has(concept)) ||
    !firm.some(concept => said.has(concept))
  )
    return undefined
  const last = claim.words.find(
    word =>
      copula.test(claim.text.slice(0, word.start)) &&
      (firm.includes(word.concept) || stateOf(word.lower, 'enabled') !== undefined),
  )
  if (last === undefined || (firm.includes(last.concept) && cell.quantity !== undefined)) return undefined
  const turned = stateOf(last.lower, 'enabled')
  if (!firm.includes(last.concept) && turned === undefined) return undefined
  if (cell.quantity !== undefined && cell.quantity.dimension !== 'number') return undefined
  const others = claim.words.filter(
    word =>
      word !== last &&
      !firm.includes(word.concept) &&
      (word.entity !== undefined || !(isSoft(word.concept) || isSoftWord(word.lower))),
  )
  if (
    others.some(
      word => metAt(word, cell, row, block) === undefined && !isClassNoun(claim, word, cell, row, block),
    )
  )
    return undefined
  const path = cell.path.filter(
    concept => !said.has(concept) && !block.words.has(concept) && !isSoft(concept),
  )
  if (path.length > 0 && path.some(isEnvironment)) return undefined
  if (
    !others.some(word => metAt(word, cell, row, block) === 'row') &&
    block.rows.length > 1 &&
    countOf(block, cell.name) > 1
  )
    return undefined
  if (isForeign(claim, cell, row, block) || halfSaid(claim, row, cell, block)) return undefined
  const value = cell.quantity === undefined ? on : cell.quantity.value > 0
  return { row, cell, holds: turned === 'opposite' ? !value : value, word: last, others }
}

const countOf = (block: Block, name: string): number =>
  block.rows.filter(row => row.cells.some(cell => cell.name === name)).length

function stateAt(
  claim: Claim,
  predicate: Word,
  cell: Cell,
  row: Row,
  block: Block,
  values: ReadonlyMap<string, ReadonlySet<string>>,
): Candidate | undefined {
  const joined = cell.text.toLowerCase().replaceAll(/[\s_-]+/g, '')
  const parts = isStateWord(joined)
    ? [joined]
    : wordsIn(cell.text)
        .map(part => part.toLowerCase())
        .filter(part => !/^(?:to|of|the|in|a|by|for)$/.test(part))
  if (parts.length === 0 || parts.length > 4) return undefined
  const final = predicate === claim.words.at(-1)
  if (!final && parts.length > 1) return undefined
  const tail = final ? claim.words.slice(-Math.max(1, parts.length)) : [predicate]
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
  const unmet = others.filter(
    word =>
      metAt(word, cell, row, block) === undefined &&
      !(isGeneric(word.concept) && isClassNoun(claim, word, cell, row, block)),
  )
  if (unmet.some(word => !word.verb || values.get('')?.has(word.lower) === true) || unmet.length > 1)
    return undefined
  const firm = claim.words.filter(word => {
    if (spent.includes(word)) return false
    const at = metAt(word, cell, row, block)
    return at === 'row' || at === 'own'
  })
  if (firm.length === 0 && block.rows.length > 1 && !isHistory(block)) return undefined
  if (isForeign({ ...claim }, cell, row, block)) return undefined
  if (block.form !== 'log' && halfSaid(claim, row, cell, block)) return undefined
  return { row, cell, holds: same, word: predicate, others }
}

/** A name of the row that the claim says only in part. */
function halfSaid(claim: Claim, row: Row, value: Cell, block: Block): boolean {
  const said = new Set(claim.words.map(word => word.concept))
  return row.cells.some(cell => {
    if (cell === value || cell.quantity !== undefined || cell.text.length > 40) return false
    const parts = conceptsIn(cell.text)
    const met = parts.filter(part => said.has(part) && !block.words.has(part))
    return (
      met.length > 0 &&
      parts.some(part => !said.has(part) && !isSoft(part) && !block.words.has(part) && part.length > 1)
    )
  })
}
