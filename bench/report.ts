/** How benchmarks tell what they found: tables and goals, for people as text and for programs as JSON. */
import { type Chart, chartText } from './histogram.ts'
import type { Machine } from './machine.ts'

export type Row = Readonly<Record<string, string | number>>

/** Columns are the rows' keys; a number's unit ends its key (Ms, Us, Mib). */
export type Table = { readonly title: string; readonly note?: string; readonly rows: readonly Row[] }

/** A number to reach. `next` is the milestone after this one. */
export type Goal = {
  readonly what: string
  readonly value: number
  readonly unit: string
  readonly better: 'less' | 'more'
  readonly goal: number
  readonly next?: number
}

export type Report = {
  readonly tables: readonly Table[]
  readonly goals: readonly Goal[]
  /** How values were spread; also drawn to bench/results/NAME.svg. */
  readonly charts?: readonly Chart[]
  /** What the workers said of their matrix library and device. */
  readonly workerFacts: Readonly<Record<string, string>>
}

/** What is written to bench/results. */
export type Result = Report & {
  readonly benchmark: string
  readonly quick: boolean
  readonly startedAt: string
  readonly seconds: number
  readonly machine: Machine
}

/** The result as a person reads it. */
export function resultText(result: Result): string {
  const { benchmark, charts = [], goals, machine, quick, seconds, tables, workerFacts } = result
  const facts = Object.entries({ ...machine, ...workerFacts }).map(([key, value]) => `${key} ${value}`)
  const parts = [
    `${benchmark}${quick ? ', quick' : ''}, ${seconds.toFixed(1)} s`,
    facts.join(' | '),
    ...tables.map(tableText),
    ...charts.map(chartText),
    tableText({ title: 'Goals', rows: goals.map(goalRow) }),
  ]
  return parts.join('\n\n')
}

/** True when the value reaches the goal. */
export const reached = ({ better, goal, value }: Goal): boolean =>
  better === 'less' ? value <= goal : value >= goal

function goalRow(goal: Goal): Row {
  const sign = goal.better === 'less' ? '≤' : '≥'
  return {
    goal: goal.what,
    value: `${figure(goal.value)} ${goal.unit}`,
    wanted: `${sign} ${goal.goal}`,
    next: goal.next === undefined ? '' : `${sign} ${goal.next}`,
    reached: reached(goal) ? 'yes' : 'NO',
  }
}

/** A table for a terminal: numbers to the right, texts to the left. */
export function tableText({ note, rows, title }: Table): string {
  const columns = [...new Set(rows.flatMap(row => Object.keys(row)))]
  const numeric = columns.map(column => rows.every(row => typeof (row[column] || 0) === 'number'))
  const lines = [
    columns,
    ...rows.map(row =>
      columns.map(column => (typeof row[column] === 'number' ? figure(row[column]) : (row[column] ?? ''))),
    ),
  ]
  const widths = columns.map((_, place) => Math.max(...lines.map(line => line[place]?.length ?? 0)))
  const text = lines.map(line =>
    line
      .map((cell, place) =>
        numeric[place] ? cell.padStart(widths[place] ?? 0) : cell.padEnd(widths[place] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  )
  return [title, ...(note === undefined ? [] : [note]), ...text].join('\n')
}

/** A number with about three digits that say something. */
function figure(value: number): string {
  if (Number.isInteger(value)) return String(value)
  const size = Math.abs(value)
  return value.toFixed(size < 1 ? 3 : size < 10 ? 2 : size < 100 ? 1 : 0)
}
