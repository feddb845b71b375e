/** Reliability diagrams: what was said to be likely beside how often it was so, as text or as SVG. */
import type { Calibration } from './calibration.ts'

/** `of` says whose it is where a picture holds several: a file's name. */
export type Diagram = { readonly title: string; readonly of?: string; readonly calibration: Calibration }

const columns = 40

/** One row a bin: the bar is how often it was so, the mark how often it was said to be. */
export function diagramText({ calibration, title }: Diagram): string {
  const { bins, ece, eceOfPerfect, n } = calibration
  const rows = bins.map(bin => {
    const bar = Math.round(part(bin.was) * columns)
    const mark = Math.min(columns - 1, Math.floor(part(bin.said) * columns))
    const drawn = Array.from({ length: columns }, (_, place) =>
      place === mark ? '◆' : place < bar ? '█' : ' ',
    ).join('')
    return `${bin.said.toFixed(3).padStart(6)}  ${bin.was.toFixed(3).padStart(5)}  ${String(bin.n).padStart(6)}  │${drawn}│`
  })
  return [
    title,
    `ECE ${ece.toFixed(3)} over ${bins.length} bins of equal mass, n ${n}; by chance alone ${eceOfPerfect.toFixed(3)}`,
    '  said    was       n   █ was  ◆ said',
    ...rows,
  ].join('\n')
}

const [side, gap, head, foot] = [260, 60, 74, 48]
const panelsInRow = 3

/** One picture, a panel a diagram, three in a row: bars are bins, the diagonal is where what was said is true. */
export function diagramsSvg(diagrams: readonly Diagram[]): string {
  const parts = diagrams.flatMap((diagram, index) => {
    const [row, place] = [Math.floor(index / panelsInRow), index % panelsInRow]
    return panel(diagram, gap + place * (side + gap), row * (head + side + foot))
  })
  const rows = Math.max(1, Math.ceil(diagrams.length / panelsInRow))
  const [width, height] = [
    gap + Math.min(panelsInRow, Math.max(1, diagrams.length)) * (side + gap),
    rows * (head + side + foot),
  ]
  const size = `width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="system-ui, sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`
}

function panel({ calibration, of = '', title }: Diagram, left: number, top: number): string[] {
  const { bins, ece, eceOfPerfect, n } = calibration
  const floor = top + head + side
  const x = (value: number) => left + part(value) * side
  const y = (value: number) => floor - part(value) * side
  const ticks = [0, 0.25, 0.5, 0.75, 1].flatMap(value => [
    `<path d="M${x(value)} ${top + head}V${floor}M${left} ${y(value)}H${left + side}" stroke="#ddd" stroke-width="0.5"/>`,
    text(x(value) - 8, floor + 16, String(value)),
    text(left - 30, y(value) + 4, String(value)),
  ])
  const bars = bins.map(({ least, most, n: count, said, was }) => {
    // Equal confidences make a bin without width; it is still seen.
    const width = Math.max(2, x(most) - x(least))
    return `<rect x="${fixed(x(least))}" y="${fixed(y(was))}" width="${fixed(width)}" height="${fixed(floor - y(was))}" fill="#4464ad" fill-opacity="0.35"><title>${count} cases, said ${said.toFixed(3)}, was ${was.toFixed(3)}</title></rect>`
  })
  const dots = bins.map(
    ({ said, was }) => `<circle cx="${fixed(x(said))}" cy="${fixed(y(was))}" r="3" fill="#0b6e4f"/>`,
  )
  return [
    text(left, top + 20, title, 'font-weight="bold"'),
    text(left, top + 38, of, 'fill="#666"'),
    text(
      left,
      top + 56,
      `ECE ${ece.toFixed(3)}, n ${n}; by chance alone ${eceOfPerfect.toFixed(3)}`,
      'fill="#666"',
    ),
    ...ticks,
    ...bars,
    `<path d="M${left} ${floor}L${left + side} ${top + head}" stroke="#999" stroke-dasharray="4 3"/>`,
    ...dots,
    text(left + side / 2 - 90, floor + 34, 'across: said, up: how often it was so', 'fill="#666"'),
  ]
}

const part = (value: number): number => Math.min(1, Math.max(0, value))

const fixed = (value: number): string => value.toFixed(1)

function text(x: number, y: number, content: string, more = ''): string {
  const safe = content.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
  return `<text x="${fixed(x)}" y="${fixed(y)}" ${more}>${safe}</text>`
}
