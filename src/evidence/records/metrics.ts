/** Reads metrics as Prometheus prints them: name, labels, value; HELP tells what a family is of. */
import type { Line } from '../facts/lines.ts'
import { cellOf, nameConcepts, type Row, rowOf } from './record.ts'

const sample = /^([A-Za-z_](?:[\w:.]*\w)?)(?:\{([^{}]*)\})? +([-+]?(?:\d[\d.eE+-]*|NaN|[+-]?Inf))(?: \d+)?$/

/** True for a line that states a metric. */
export function isMetric(text: string): boolean {
  const match = sample.exec(text)
  return match !== null && (match[2] !== undefined || /[_:]/.test(match[1] ?? ''))
}

/** True for the comment that tells of a metric. */
export const isMetricNote = (text: string): boolean => /^# (?:HELP|TYPE|UNIT) /.test(text)

/** The rows of metric lines, one each. */
export function readMetrics(lines: readonly Line[]): Row[] {
  const help = new Map<string, string>()
  const rows: Row[] = []
  for (const line of lines) {
    const told = /^# HELP ([\w:.]+) (.*)$/.exec(line.text)
    if (told !== null) help.set(told[1] ?? '', told[2] ?? '')
    const match = line.text.startsWith('#') ? null : sample.exec(line.text)
    if (match === null) continue
    const [, name = '', labels = '', value = ''] = match
    const family = help.get(name) ?? help.get(name.replace(/_(?:total|count|sum|bucket|max)$/, ''))
    const cell = cellOf(
      unitOfHelp(name, family),
      value,
      line,
      family === undefined ? [] : nameConcepts(family),
    )
    const texts = [...labels.matchAll(/([A-Za-z_]\w*)="([^"]*)"/g)].map(match =>
      match[1] === 'quantile'
        ? `quantile p${Number((Number(match[2]) * 100).toPrecision(6))}`
        : `${match[1]} ${match[2]}`,
    )
    rows.push(
      rowOf(
        [{ ...cell, name, own: nameConcepts(name) }],
        line,
        `${texts.join(' | ')} | ${labelValues(labels).join(' | ')}`,
        false,
        labelValues(labels),
      ),
    )
  }
  return rows
}

const labelValues = (labels: string): string[] =>
  [...labels.matchAll(/="([^"]*)"/g)].map(([, value = '']) => value).filter(value => !/^[\d.]*$/.test(value))

/** A help text such as "… in milliseconds" states the unit where the name does not. */
function unitOfHelp(name: string, help: string | undefined): string {
  const unit = /\b(?:in|\() ?(milliseconds|seconds|minutes|hours|days|bytes|percent)\b/i.exec(help ?? '')?.[1]
  return unit === undefined || /(?:seconds|bytes|ratio|percent|_ms|_mb|_gb)(?:_total|_sum|_max)?$/.test(name)
    ? name
    : `${name}_${unit.toLowerCase()}`
}
