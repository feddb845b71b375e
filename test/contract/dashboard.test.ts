/**
 * The dashboard that ships with the package, held to the table of metrics: every series and label that a panel
 * asks for is one that telemetry writes, by the names that Prometheus gives them.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Metric, metricTable } from '../../src/core/telemetry-names.ts'
import { repository } from '../support/import-graph.ts'

type Panel = {
  readonly id: number
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly description?: string
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[]
}

const { panels } = JSON.parse(readFileSync(join(repository, 'scripts', 'dashboard.json'), 'utf8')) as {
  panels: readonly Panel[]
}
const readme = readFileSync(join(repository, 'docs', 'operations.md'), 'utf8')
const runbook = readme.slice(readme.indexOf('## Runbook')).split('\n## ')[0] ?? ''
const targets = panels.flatMap(panel => panel.targets ?? [])

const underscored = (name: string): string => name.replaceAll('.', '_')
const unitWords: Readonly<Record<string, string>> = { ms: '_milliseconds', s: '_seconds' }
const endings = { histogram: ['_bucket', '_sum', '_count'], counter: ['_total'], total: ['_total'] } as const

/** What Prometheus calls the series of a metric. */
function seriesOf(name: string, { kind, unit }: Metric): string[] {
  const base = `${underscored(name)}${unitWords[unit] ?? ''}`
  const ends = kind in endings ? endings[kind as keyof typeof endings] : ['']
  return ends.map(end => `${base}${end}`)
}

/** Each series, with its metric and the labels that it may be told apart by. */
const series = new Map(
  Object.entries(metricTable).flatMap(([name, metric]) =>
    seriesOf(name, metric).map(text => [
      text,
      { name, labels: ['le', ...(metric.attributes ?? []).map(underscored)] },
    ]),
  ),
)

/** The series in an expression, and what it says by which labels. */
function readExpression(expression: string): { series: string[]; labels: string[] } {
  const by = [...expression.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(/, */))
  const chosen = [...expression.matchAll(/(\w+) *!?=~? *"/g)].map(([, label = '']) => label)
  const bare = expression.replace(/\bby \([^)]*\)|\{[^}]*\}/g, ' ')
  return {
    series: bare.match(/\b(?:evidence_runner|gen_ai|mcp)_\w+/g) ?? [],
    labels: [...new Set([...by, ...chosen])],
  }
}

/** What an expression asks for and nobody writes. */
function unknownIn(expression: string): string[] {
  const asked = readExpression(expression)
  const missing = asked.series.filter(name => !series.has(name))
  const labels = asked.series.flatMap(name => {
    const known = series.get(name)?.labels ?? []
    return asked.labels.filter(label => !known.includes(label)).map(label => `${name}{${label}}`)
  })
  return asked.series.length === 0 ? [expression] : [...missing, ...labels]
}

test('every panel asks for series and labels that telemetry writes', () => {
  expect(targets.length).toBeGreaterThan(0)
  expect(targets.flatMap(({ expr }) => unknownIn(expr))).toEqual([])
})

test('unknownIn() finds a metric, an ending and a label that there is not', () => {
  expect(unknownIn('sum(evidence_runner_queue_length)')).toEqual(['evidence_runner_queue_length'])
  expect(unknownIn('sum(rate(evidence_runner_worker_exits[5m]))')).toEqual(['evidence_runner_worker_exits'])
  expect(unknownIn('sum by (host) (evidence_runner_queue_items)')).toEqual([
    'evidence_runner_queue_items{host}',
  ])
  expect(unknownIn('evidence_runner_worker_exits_total{code="x"}')).toEqual([
    'evidence_runner_worker_exits_total{code}',
  ])
  expect(unknownIn('up')).toEqual(['up'])
})

test('every metric of the table is on the dashboard', () => {
  const shown = new Set(
    targets.flatMap(({ expr }) => readExpression(expr).series.map(name => series.get(name)?.name)),
  )
  expect(Object.keys(metricTable).filter(name => !shown.has(name))).toEqual([])
})

test('labels in legends are those that the expression leaves', () => {
  for (const { expr, legendFormat } of targets) {
    const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = '']) => label)
    const { labels } = readExpression(expr)
    expect(named.filter(label => !labels.includes(label))).toEqual([])
  }
})

test('no two panels lie over each other or share an id', () => {
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length)
  for (const [index, { title, gridPos: one }] of panels.entries()) {
    const over = panels.slice(index + 1).filter(({ gridPos: other }) => {
      const beside = one.x + one.w <= other.x || other.x + other.w <= one.x
      return !beside && one.y < other.y + other.h && other.y < one.y + one.h
    })
    expect({ title, over: over.map(panel => panel.title) }).toEqual({ title, over: [] })
    expect(one.x + one.w).toBeLessThanOrEqual(24)
  }
})

test('the alarms that panels name are those of the runbook', () => {
  const named = panels.flatMap(({ description = '' }) =>
    [...description.matchAll(/Alarm (\w+):/g)].map(([, alarm = '']) => alarm),
  )
  expect([...new Set(named)].sort()).toEqual([
    'BudgetStuck',
    'DoorFails',
    'DoorFull',
    'FailingRequests',
    'JobsFail',
    'JobsPileUp',
    'NoConsumer',
    'NoWorkers',
    'QueueGrows',
    'SlowAnswers',
    'Spending',
    'Strangers',
    'TelemetryLost',
    'WorkersDie',
  ])
  expect([...runbook.matchAll(/^\| `(\w+)` \|/gm)].map(([, alarm]) => alarm).sort()).toEqual(
    [...new Set(named)].sort(),
  )
})

test('the runbook asks for series that telemetry writes', () => {
  const asked = runbook.match(/\bevidence_runner_\w+/g) ?? []
  expect(asked.length).toBeGreaterThan(5)
  expect(asked.filter(name => !series.has(name))).toEqual([])
})
