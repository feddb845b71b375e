/**
 * Reads nested values: JSON with exact offsets, and the keys of YAML, TOML, INI, .env, nginx and `key: value`
 * dumps by indentation, sections and braces. Each object becomes a row; a cell knows the names above it.
 */
import type { Line } from '../facts/lines.ts'
import { piecesOf } from './pieces.ts'
import { type Cell, cellOf, momentIn, nameConcepts, type Place, type Row, rowOf } from './record.ts'

type Node = {
  readonly start: number
  end: number
  readonly above: readonly string[]
  readonly cells: Cell[]
  readonly parent?: Node
  readonly quiet?: boolean
}

/** An object's own texts name what stands in it; of a long list of fields only those that name things. */
function aboveOf(node: Node): string {
  const texts = [...node.above]
  for (let up = node.parent; up !== undefined; up = up.parent) {
    // A long list of fields names nothing; what names an object stands at its head.
    for (const cell of up.cells.slice(0, mostNames)) {
      if (cell.quantity === undefined || /^(?:id|number|no|shard|order|release|version)$/i.test(cell.name))
        if (cell.text.length <= 60) texts.push(`${cell.name} ${cell.text}`, cell.text)
    }
  }
  return texts.join(' | ')
}

const mostNames = 24

const rowFrom = (node: Node): Row => rowOf(node.cells, node, aboveOf(node), node.quiet ?? false, node.above)

/** Deepest nesting that is read. */
const deepest = 40

/** The rows of a JSON text at its place; undefined where it is none. Linear. */
export function readJson(text: string, offset = 0): Row[] | undefined {
  let at = 0
  const nodes: Node[] = []
  const blank = /\s*/y
  const literal = /true|false|null|-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?/y
  const skip = () => {
    blank.lastIndex = at
    blank.exec(text)
    at = blank.lastIndex
  }
  const string = (): string | undefined => {
    const from = at
    for (at += 1; at < text.length; at += 1) {
      const char = text.charAt(at)
      if (char === '\\') at += 1
      else if (char === '"') {
        at += 1
        const raw = text.slice(from + 1, at - 1)
        return raw.includes('\\') ? raw.replace(/\\(["\\/])/g, '$1').replace(/\\[nrt]/g, ' ') : raw
      } else if (char === '\n') return undefined
    }
    return undefined
  }
  const value = (
    name: string,
    from: number,
    above: readonly string[],
    parent: Node,
    depth: number,
  ): boolean => {
    skip()
    const char = text.charAt(at)
    if (depth > deepest) return false
    if (char === '{') return object(name === '' ? above : [...above, name], parent, depth)
    if (char === '[') {
      at += 1
      skip()
      if (text.charAt(at) === ']') {
        at += 1
        parent.cells.push({
          ...cellOf(name, '', { start: offset + from, end: offset + at }, pathOf(above)),
          text: '[]',
        })
        return true
      }
      for (;;) {
        skip()
        const start = at
        if (!value(name, start, above, parent, depth + 1)) return false
        skip()
        const next = text.charAt(at)
        at += 1
        if (next === ']') return true
        if (next !== ',') return false
      }
    }
    if (char === '"') {
      const content = string()
      if (content === undefined) return false
      parent.cells.push(cellOf(name, content, { start: offset + from, end: offset + at }, pathOf(above)))
      return true
    }
    literal.lastIndex = at
    const match = literal.exec(text)
    if (match === null) return false
    at = literal.lastIndex
    const content = match[0] === 'null' ? '' : match[0]
    parent.cells.push(cellOf(name, content, { start: offset + from, end: offset + at }, pathOf(above)))
    return true
  }
  const object = (above: readonly string[], parent: Node | undefined, depth: number): boolean => {
    const node: Node = {
      start: offset + at,
      end: 0,
      above,
      cells: [],
      ...(parent === undefined ? {} : { parent }),
    }
    nodes.push(node)
    at += 1
    skip()
    if (text.charAt(at) === '}') {
      at += 1
      node.end = offset + at
      return true
    }
    for (;;) {
      skip()
      const from = at
      if (text.charAt(at) !== '"') return false
      const name = string()
      skip()
      if (name === undefined || text.charAt(at) !== ':') return false
      at += 1
      if (!value(name, from, above, node, depth + 1)) return false
      skip()
      const next = text.charAt(at)
      at += 1
      if (next === '}') {
        node.end = offset + at
        return true
      }
      if (next !== ',') return false
    }
  }
  skip()
  const root: Node = { start: offset, end: offset + text.length, above: [], cells: [] }
  const fine = text.charAt(at) === '{' ? object([], undefined, 0) : value('', at, [], root, 0)
  skip()
  if (!fine || at < text.length) return undefined
  if (root.cells.length > 0) nodes.push(root)
  return nodes.filter(node => node.cells.length > 0).map(rowFrom)
}

const pathOf = (above: readonly string[]): string[] => above.flatMap(nameConcepts)

const entryPattern =
  /^(\s*)((?:- )?)(?:"([^"]{1,60})"|'([^']{1,60})'|((?:\d{4}-\d\d(?:-\d\d)?|\d\d:\d\d)(?=: )|[\p{L}_/.][\p{L}\p{N}_./ -]{0,60}?))( ?[:=](?=\s|$|\S)|\s*=\s)\s*(.*)$/u

/** A key and its value as a line states it. */
export type Entry = {
  readonly depth: number
  readonly item: boolean
  readonly name: string
  readonly text: string
  readonly note: string
}

/** `line` as a key with its value. */
export function entryOf(line: string): Entry | undefined {
  const match = entryPattern.exec(line)
  if (match === null) return undefined
  const [, space = '', item = ''] = match
  const name = (match[3] ?? match[4] ?? match[5] ?? '').trim()
  if (name.split(' ').length > 5) return undefined
  const mark = match[6] ?? ''
  const raw = match[7] ?? ''
  // `http://x` is no key with a value; nor is a time.
  const dense =
    /^[A-Za-z_]\w*$/.test(name) &&
    !/\s/.test(line.trim()) &&
    !/^(?:https?|ftp|file|urn|mailto|ssh|git)$/.test(name) &&
    !raw.startsWith('//')
  if (
    mark.trim() === ':' &&
    !dense &&
    /^\S/.test(raw) &&
    !/[:=]\s/.test(line.slice(line.indexOf(name) + name.length, line.indexOf(name) + name.length + 3))
  )
    return undefined
  const [, note = ''] = /(?:^|\s)(?:#|;|\/\/)\s?(.*)$/.exec(/^["'].*["']$/.test(raw) ? '' : raw) ?? []
  const text = valueText(raw)
  return { depth: space.length + item.length, item: item !== '', name, text, note }
}

function valueText(raw: string): string {
  const quoted = /^(["'])(.*?)\1(?:\s*(?:#|;|\/\/).*|,)?$/.exec(raw)
  if (quoted !== null) return quoted[2] ?? ''
  return raw
    .replace(/(?:^|\s)(?:#|;|\/\/)\s.*$/, '')
    .replace(/[,;]$/, '')
    .trim()
}

const section = /^\s*\[{1,2}\s*([^[\]]{1,80}?)\s*\]{1,2}\s*$/
const opening = /^(\s*)([A-Za-z_][\w.-]*)((?:\s+[^\s{};]+)*)\s*\{\s*$/
const directive = /^(\s*)([a-z][a-z_]*)\s+(?=\S)([^{};]+);\s*(?:#.*)?$/

/** True for a line that a document of keys may hold. */
export const isEntry = (text: string): boolean =>
  section.test(text) ||
  opening.test(text) ||
  directive.test(text) ||
  /^\s*\}[;,]?\s*$/.test(text) ||
  entryOf(text) !== undefined

/** The rows of a document of keys, a line each. */
export function readEntries(lines: readonly Line[]): Row[] {
  const nodes: Node[] = []
  const make = (line: Place, above: readonly string[], parent: Node | undefined, quiet = false): Node => {
    const node: Node = {
      start: line.start,
      end: line.end,
      above,
      cells: [],
      quiet,
      ...(parent === undefined ? {} : { parent }),
    }
    nodes.push(node)
    return node
  }
  const [first] = lines
  if (first === undefined) return []
  const root = make(first, [], undefined)
  // Each level: how deep its keys stand, and the object that they go to.
  let stack: { depth: number; node: Node; name: string }[] = [{ depth: -1, node: root, name: '' }]
  const braces: { node: Node; depth: number }[] = []
  const comments = new Map<Node, Node>()
  const top = () => stack.at(-1) as { depth: number; node: Node; name: string }
  for (const line of lines) {
    const { text } = line
    if (text.trim() === '' || /^\s*---/.test(text)) continue
    const noted = /^\s*(?:#|;|\/\/)\s?(.*)$/.exec(text)
    if (noted !== null) {
      const hidden = entryOf(noted[1] ?? '')
      const base = stack.at(-1)?.node ?? root
      if (
        hidden !== undefined &&
        hidden.text !== '' &&
        !/\s\w+\s\w+/.test(hidden.text) &&
        !hidden.name.includes(' ')
      ) {
        const node = comments.get(base) ?? make(line, base.above, base, true)
        comments.set(base, node)
        node.cells.push(
          cellOf(
            hidden.name,
            hidden.text,
            { start: line.start + text.length - text.trimStart().length, end: line.end },
            pathOf(base.above),
          ),
        )
      }
      continue
    }
    const named = section.exec(text)
    if (named !== null) {
      const name = named[1] ?? ''
      stack = [{ depth: -1, node: root, name: '' }]
      const node = make(line, name.split('.'), root)
      stack.push({ depth: -1, node, name: '' })
      continue
    }
    const open = opening.exec(text)
    if (open !== null) {
      const up = braces.at(-1)?.node ?? root
      const node = make(line, [...up.above, `${open[2]}${open[3] ?? ''}`], up)
      braces.push({ node, depth: (open[1] ?? '').length })
      stack.push({ depth: 999, node, name: '' })
      continue
    }
    if (/^\s*\}[;,]?\s*$/.test(text)) {
      braces.pop()
      const node = braces.at(-1)?.node ?? root
      stack = [{ depth: -1, node: root, name: '' }]
      if (node !== root) stack.push({ depth: 999, node, name: '' })
      continue
    }
    const told = directive.exec(text)
    if (told !== null) {
      const node = braces.at(-1)?.node ?? root
      node.cells.push(
        cellOf(
          told[2] ?? '',
          valueText(told[3] ?? ''),
          { start: line.start + (told[1] ?? '').length, end: line.end },
          pathOf(node.above),
        ),
      )
      node.end = line.end
      continue
    }
    const item = /^(\s*)- +(?![\w"']+\s*[:=](?:\s|$))(.+)$/.exec(text)
    const entry = item === null ? entryOf(text) : undefined
    if (item !== null) {
      const depth = (item[1] ?? '').length
      while (stack.length > 1 && top().depth > depth) stack.pop()
      const owner = top()
      owner.node.cells.push(
        cellOf(
          owner.name,
          valueText(item[2] ?? ''),
          { start: line.start + depth, end: line.end },
          pathOf(owner.node.above),
        ),
      )
      owner.node.end = line.end
      continue
    }
    if (entry === undefined) continue
    const depth = entry.item ? entry.depth - 2 : entry.depth
    while (
      stack.length > 1 &&
      top().depth !== -1 &&
      top().depth !== 999 &&
      (entry.item ? top().depth > depth : top().depth >= entry.depth)
    )
      stack.pop()
    if (entry.item) {
      // An item of a list is an object of its own.
      while (stack.length > 1 && top().depth === entry.depth - 1) stack.pop()
      const up = top()
      const node = make(
        line,
        up.node.above.concat(up.name === '' || up.node.above.at(-1) === up.name ? [] : [up.name]),
        up.node,
      )
      stack.push({ depth: entry.depth - 1, node, name: up.name })
    }
    const day = entry.text === '' ? undefined : momentIn(entry.name)
    if (day !== undefined && /\d/.test(entry.name)) {
      const node = make(line, top().node.above, top().node)
      node.cells.push(
        { ...cellOf('', entry.name, line), moment: day },
        cellOf('value', entry.text, line, pathOf(node.above)),
      )
      continue
    }
    // A key that comes again begins another thing of the same kind.
    const current = top()
    if (!entry.item && entry.text !== '' && current.node.cells.some(cell => cell.name === entry.name)) {
      const node = make(line, current.node.above, current.node.parent)
      stack[stack.length - 1] = { ...current, node }
    }
    const holder = top()
    const start = line.start + text.length - text.trimStart().length
    if (entry.text === '' || /^[|>{[]?$/.test(entry.text)) {
      const node = make(line, [...holder.node.above, entry.name], holder.node)
      stack.push({ depth: entry.depth, node, name: entry.name })
      continue
    }
    holder.node.end = line.end
    const cell = cellOf(entry.name, entry.text, { start, end: line.end }, pathOf(holder.node.above))
    holder.node.cells.push(...piecesOf(withNote(cell, entry.note)))
  }
  return nodes.filter(node => node.cells.length > 0).map(rowFrom)
}

/** A remark behind a value may state its unit. */
function withNote(cell: Cell, note: string): Cell {
  if (note === '' || cell.quantity?.dimension !== 'number') return cell
  const unit = /^(?:in )?([A-Za-z%°]+)$/.exec(note.trim())?.[1]
  if (unit === undefined) return cell
  const again = cellOf(`${cell.name} (${unit})`, cell.text, cell, cell.path)
  return again.quantity === undefined || again.quantity.dimension === 'number'
    ? cell
    : { ...again, name: cell.name, own: cell.own }
}
