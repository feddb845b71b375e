/** Figures beside what was wanted of them: for a terminal, and as a table for the README and the model card. */
import { type Row, tableText } from '../report.ts'

/** What is wanted of a figure. */
export type Goal = {
  readonly what: string
  readonly better: 'less' | 'more'
  /** Absent where nothing is wanted of it. */
  readonly goal?: number
  /** What would be good. */
  readonly aim?: number
  /** Digits behind the point. @default 3 */
  readonly digits?: number
}

/** A figure with its data and its goal. */
export type Figure = Goal & {
  /** The data set. */
  readonly of: string
  /** Cases that it was measured on. */
  readonly n: number
  /** Undefined where it could not be measured; `note` says why. */
  readonly value: number | undefined
  /** What stands beside it: an interval, counts, what chance alone makes. */
  readonly note?: string
}

/** True where the value reaches its goal, with digits that are not shown; undefined without a value or a goal. */
export function isMet({ better, goal, value }: Figure): boolean | undefined {
  if (!isMeasured(value) || goal === undefined) return undefined
  return better === 'less' ? value <= goal : value >= goal
}

/** The table for a terminal. */
export const figuresText = (figures: readonly Figure[]): string =>
  tableText({ title: 'Figures and goals', rows: figures.map(rowOf) })

/** The same in Markdown. */
export function figuresMarkdown(figures: readonly Figure[]): string {
  const rows = figures.map(rowOf)
  const columns = Object.keys(rows[0] ?? {})
  const line = (cells: readonly (string | number | undefined)[]) =>
    `| ${cells.map(cell => String(cell ?? '').replaceAll('|', '\\|')).join(' | ')} |`
  return [
    line(columns),
    line(columns.map(column => (column === 'n' || column === 'measured' ? '---:' : '---'))),
    ...rows.map(row => line(columns.map(column => row[column]))),
  ].join('\n')
}

const isMeasured = (value: number | undefined): value is number => value !== undefined && !Number.isNaN(value)

function rowOf(figure: Figure): Row {
  const { digits = 3, n, note = '', of, value, what } = figure
  const met = isMet(figure)
  return {
    what,
    data: of,
    n: n === 0 ? '' : n.toLocaleString('en-GB'),
    measured: isMeasured(value) ? value.toFixed(digits) : '-',
    goal: wantedText(figure),
    met: !isMeasured(value) ? 'not measured' : met === undefined ? '' : met ? 'yes' : 'NO',
    beside: note,
  }
}

function wantedText({ aim, better, digits = 3, goal }: Goal): string {
  if (goal === undefined) return ''
  const wanted = `${better === 'less' ? '≤' : '≥'} ${written(goal, digits)}`
  return aim === undefined ? wanted : `${wanted}, aim ${written(aim, digits)}`
}

/** Without noughts at its end. */
const written = (value: number, digits: number): string => String(Number(value.toFixed(digits)))
