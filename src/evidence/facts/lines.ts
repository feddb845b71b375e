/**
 * Tells what each line of a source is: a table's row, a metric, a log line, a key with a value, or prose; and
 * cuts rows into cells. Exact offsets; each character is looked at a few times at most.
 */

/** Half-open, in UTF-16 units of the whole text. */
export type Place = { readonly start: number; readonly end: number }

/** A piece of text at its place. */
export type Cell = Place & { readonly text: string }

/** A line without white space at its end. */
export type Line = Place & { readonly text: string }

/** The lines of `text`, blank ones too. */
export function linesOf(text: string): Line[] {
  const lines: Line[] = []
  for (let start = 0; start <= text.length; ) {
    const found = text.indexOf('\n', start)
    const end = found < 0 ? text.length : found
    const line = text.slice(start, end).trimEnd()
    lines.push({ start, end: start + line.length, text: line })
    start = end + 1
  }
  return lines
}

/** The cells of a row, trimmed; quotes around a CSV cell are taken off. */
export function cellsOf(line: Line, delimiter: string): Cell[] {
  const cells: Cell[] = []
  const { text } = line
  let from = 0
  let quoted = false
  for (let index = 0; index <= text.length; index += 1) {
    const char = text.charAt(index)
    if (char === '"' && delimiter !== '|') quoted = !quoted
    if (index < text.length && (quoted || char !== delimiter)) continue
    const raw = text.slice(from, index)
    const trimmed = raw.trim()
    const start = line.start + from + raw.length - raw.trimStart().length
    const bare = /^"[^"]*"$/.test(trimmed) ? trimmed.slice(1, -1) : trimmed
    cells.push({ start, end: start + trimmed.length, text: bare })
    from = index + 1
  }
  // A Markdown row has a bar at both ends.
  if (delimiter === '|' && text.trimStart().startsWith('|'))
    return cells.slice(1, cells.at(-1)?.text === '' ? -1 : undefined)
  return cells
}

/** A table: its head and its rows, each as wide as the head. */
export type Table = {
  readonly head: readonly Cell[]
  readonly rows: readonly { readonly line: Line; readonly cells: readonly Cell[] }[]
}

const rule = /^[\s|+:-]*-{2,}[\s|+:-]*$/

/** The table that begins at line `index`, and the line after it. */
export function tableAt(
  lines: readonly Line[],
  index: number,
): { readonly table: Table; readonly next: number } | undefined {
  const first = lines[index]
  const second = lines[index + 1]
  if (first === undefined || second === undefined || first.text === '' || second.text === '') return undefined
  for (const delimiter of ['|', '\t', ';', ',']) {
    if (!first.text.includes(delimiter)) continue
    const head = cellsOf(first, delimiter)
    if (head.length < 2 || !head.every(cell => cell.text.length <= 40) || !isHead(head)) continue
    const ruled = rule.test(second.text)
    if (delimiter === '|' && !ruled) continue
    const rows: { line: Line; cells: Cell[] }[] = []
    let next = index + (ruled ? 2 : 1)
    for (; next < lines.length; next += 1) {
      const line = lines[next] as Line
      if (!line.text.includes(delimiter)) break
      const cells = cellsOf(line, delimiter)
      if (cells.length !== head.length) break
      rows.push({ line, cells })
    }
    if (rows.length > 0) return { table: { head, rows }, next }
  }
  return undefined
}

const isHead = (cells: readonly Cell[]): boolean =>
  cells.every(
    ({ text }) =>
      !/: |\d \p{L}/u.test(text) && /^[\p{L}#%_][^.=]*$/u.test(text) && !/^\p{L}+(?: \p{L}+){4,}/u.test(text),
  )

/** A metric line: name, labels, value. */
export type Metric = { readonly name: string; readonly labels: string; readonly value: string }

/** `line` as a Prometheus metric. */
export function metricOf(line: string): Metric | undefined {
  const match = /^([A-Za-z_:][\w:]*)(?:\{([^{}]*)\})? +([-+]?\d[\d.eE+-]*)(?: \d+)?$/.exec(line)
  if (match === null || !/[_:{]/.test(line)) return undefined
  return { name: match[1] ?? '', labels: match[2] ?? '', value: match[3] ?? '' }
}

/** A key and its value, with its depth in white space. */
export type Entry = {
  readonly depth: number
  readonly item: boolean
  readonly name: string
  readonly text: string
}

const entryPattern =
  /^(\s*)(- )?(?:"([^"\n]{1,60})"|'([^'\n]{1,60})'|([A-Za-z_][\w./-]{0,60})) ?[:=](?: |$)(.*)$/

/** `line` as an entry of JSON, YAML, TOML or a properties file. */
export function entryOf(line: string): Entry | undefined {
  const match = entryPattern.exec(line)
  if (match === null) return undefined
  const [, space = '', item] = match
  const name = match[3] ?? match[4] ?? match[5] ?? ''
  const text = (match[6] ?? '')
    .replace(/\s+#.*$/, '')
    .replace(/,$/, '')
    .trim()
  return {
    depth: space.length + (item?.length ?? 0),
    item: item !== undefined,
    name,
    text: text.replace(/^(["'])(.*)\1$/, '$2'),
  }
}

/** True for a line that begins with a time or names a level. */
export const isLogLine = (text: string): boolean =>
  /^\[?(?:\d{4}-\d\d-\d\d[T ]\d\d:\d\d|\d\d:\d\d(?::\d\d)?[ \]])/.test(text) ||
  /^\S* ?\[?(?:ERROR|WARN|INFO|DEBUG|FATAL)\b/.test(text)
