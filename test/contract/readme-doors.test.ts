/** What docs/ says of doors, held to the code: their limits, and the alarms of the dashboard. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { doorLimits } from '../../src/adapters/door.ts'
import { repository } from '../support/import-graph.ts'
import { documentation } from '../support/readme-text.ts'

const readme = documentation(repository)
const dashboard = readFileSync(join(repository, 'scripts', 'dashboard.json'), 'utf8')

/** Rows of the table below a line that begins so, as cells without their backquotes. */
function rowsBelow(text: string, head: string): string[][] {
  const [, after = ''] = text.split(`\n${head}`)
  const [, , ...lines] = `${head}${after}`.split('\n')
  const end = lines.findIndex(line => !line.startsWith('|'))
  return lines.slice(0, end < 0 ? undefined : end).map(line =>
    line
      .split(/(?<!\\)\|/)
      .slice(1, -1)
      .map(cell => cell.trim().replaceAll('`', '')),
  )
}

test('the limits of doors are those of the code', () => {
  const rows = rowsBelow(readme, '| limit | default |').map(([name, value]) => [name, Number(value)])
  expect(Object.fromEntries(rows)).toEqual(doorLimits)
})

test('the runbook has each alarm that the dashboard names, and no other', () => {
  const named = new Set([...dashboard.matchAll(/Alarm (\w+):/g)].map(([, alarm = '']) => alarm))
  expect(
    rowsBelow(readme, '| alarm |')
      .map(([alarm]) => alarm)
      .toSorted(),
  ).toEqual([...named].toSorted())
})

test('rowsBelow() reads the rows of one table alone', () => {
  const text = '\n| a | b |\n| - | - |\n| `x` | 1 |\n\n| c | d |\n| - | - |\n| y | 2 |'
  expect(rowsBelow(text, '| a |')).toEqual([['x', '1']])
  expect(rowsBelow(text, '| c |')).toEqual([['y', '2']])
  expect(rowsBelow(text, '| e |')).toEqual([])
})
