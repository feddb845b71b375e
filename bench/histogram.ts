/** How measured times are spread: counted once, then drawn as text for the terminal or as SVG for a page. */
import { percentile } from './statistic.ts'

/** Counts of values in steps of equal width from 0; the last step also holds all that is larger. */
export type Chart = {
  readonly title: string
  readonly unit: string
  readonly step: number
  readonly series: readonly { readonly name: string; readonly counts: readonly number[] }[]
}

const steps = 60
const bars = ' ▁▂▃▄▅▆▇█'
const colours = ['#0b6e4f', '#4464ad', '#c1666b', '#d4a017', '#6d597a']

/** Counts `lists` (values by name) on one scale, which reaches to the largest 99th percentile. */
export function chartOf(
  title: string,
  unit: string,
  lists: Readonly<Record<string, readonly number[]>>,
): Chart {
  const used = Object.entries(lists).filter(([, values]) => values.length > 0)
  const most = Math.max(0, ...used.map(([, values]) => percentile(values, 0.99)))
  const step = roundUp(most / (steps - 1))
  const series = used.map(([name, values]) => {
    const counts = new Array<number>(steps).fill(0)
    for (const value of values) {
      const place = Math.min(steps - 1, Math.floor(value / step))
      counts[place] = (counts[place] as number) + 1
    }
    return { name, counts }
  })
  return { title, unit, step, series }
}

/** One line a series, and a scale below. */
export function chartText({ series, step, title, unit }: Chart): string {
  const width = Math.max(4, ...series.map(({ name }) => name.length))
  const lines = series.map(({ counts, name }) => {
    const most = Math.max(1, ...counts)
    // Rounded up: what occurred at all is seen.
    const drawn = counts.map(count => bars[Math.ceil((count / most) * (bars.length - 1))])
    return `${name.padEnd(width)} │${drawn.join('')}│`
  })
  const ticks = [0, 0.25, 0.5, 0.75].map(part => label(part * steps * step).padEnd(steps / 4)).join('')
  return [title, ...lines, `${''.padEnd(width)}  ${ticks}${label(steps * step)} ${unit}`].join('\n')
}

/** One picture with a panel a chart; each series is a row of bars over the panel's scale. */
export function chartsSvg(charts: readonly Chart[]): string {
  const [left, width, rowHeight, head, foot] = [150, 600, 42, 34, 34]
  const parts: string[] = []
  // A name has its colour in all panels.
  const names = [...new Set(charts.flatMap(({ series }) => series.map(({ name }) => name)))]
  let top = 0
  for (const { series, step, title, unit } of charts) {
    parts.push(text(8, top + 22, title, 'font-weight="bold"'))
    for (const [index, { counts, name }] of series.entries()) {
      const floor = top + head + (index + 1) * rowHeight
      const most = Math.max(1, ...counts)
      const bar = width / counts.length
      const total = counts.reduce((sum, count) => sum + count, 0)
      parts.push(text(8, floor - 14, name), text(8, floor - 1, `n ${total}`, 'font-size="9" fill="#666"'))
      for (const [place, count] of counts.entries()) {
        if (count === 0) continue
        const height = Math.max(1, (count / most) * (rowHeight - 8))
        const fill = colours[names.indexOf(name) % colours.length]
        parts.push(
          `<rect x="${fixed(left + place * bar)}" y="${fixed(floor - height)}" width="${fixed(bar - 0.5)}" height="${fixed(height)}" fill="${fill}"/>`,
        )
      }
      parts.push(`<path d="M${left} ${floor}h${width}" stroke="#999" stroke-width="0.5"/>`)
    }
    const floor = top + head + series.length * rowHeight
    for (const part of [0, 0.25, 0.5, 0.75, 1]) {
      const at = left + part * width
      parts.push(`<path d="M${at} ${top + head}V${floor + 4}" stroke="#ccc" stroke-width="0.5"/>`)
      parts.push(text(at - 8, floor + 16, `${label(part * steps * step)}${part === 1 ? ` ${unit}` : ''}`))
    }
    top = floor + foot
  }
  const size = `width="${left + width + 60}" height="${top}" viewBox="0 0 ${left + width + 60} ${top}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`
}

const fixed = (value: number): string => value.toFixed(1)

const label = (value: number): string => String(Number(value.toPrecision(3)))

function text(x: number, y: number, content: string, more = ''): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${fixed(x)}" y="${fixed(y)}" ${more}>${safe}</text>`
}

/** The next larger of 1, 2 and 5 times a power of ten; 1 for nothing. */
function roundUp(value: number): number {
  if (!(value > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 5, 10].map(factor => factor * power).find(step => step >= value) ?? 10 * power
}
