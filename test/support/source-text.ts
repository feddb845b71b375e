/**
 * Reads TypeScript source without a compiler: which parts are code, comment or string, what it imports and
 * what it exports. Enough for the checks of the house's shape; it does not know types or scopes.
 *
 * A source that it cannot read (a literal without end, brackets that do not pair) is an error, so that a
 * mistake of the scanner is seen and not passed over.
 */

/** A part of the source, from `start` up to but without `end`. */
export type Stretch = { readonly start: number; readonly end: number }

/** A source taken apart. */
export type SourceText = {
  readonly text: string
  /** As long as the text; comments and what stands in strings and regular expressions are spaces. */
  readonly code: string
  readonly comments: readonly Stretch[]
  /** What stands in a string without substitutions, by the place of its opening quote. */
  readonly strings: ReadonlyMap<number, string>
}

/** One import, or export from elsewhere. `specifier` is undefined where it is computed. */
export type ImportEdge = {
  readonly specifier: string | undefined
  readonly kind: 'value' | 'type' | 'dynamic'
  readonly line: number
}

/** One exported name. `documented`: a doc comment ends right before it; always true for a re-export. */
export type ExportedName = {
  readonly name: string
  readonly isType: boolean
  readonly documented: boolean
  readonly line: number
}

const wordsBeforeRegex =
  /\b(?:return|typeof|case|in|of|delete|void|instanceof|new|throw|else|do|await|yield)$/

/** @throws Error naming the line where a literal does not end or a bracket has no partner. */
export function scanSource(text: string): SourceText {
  const code = [...text.replace(/[^\n]/gu, match => ' '.repeat(match.length))]
  const comments: Stretch[] = []
  const strings = new Map<number, string>()
  /** Open brackets; '`' stands for a template whose substitution we are in. */
  const open: string[] = []
  let kept = ''
  let at = 0

  const fail = (what: string, place: number): never => {
    throw new Error(`line ${lineAt(text, place)}: ${what}`)
  }
  const keep = (from: number, to: number) => {
    for (let index = from; index < to; index += 1) code[index] = text[index] as string
    kept = (kept + text.slice(from, to)).slice(-24)
  }
  const skipQuoted = (quote: string, stop: RegExp, what: string): number => {
    for (let index = at + 1; index < text.length; index += 1) {
      const letter = text[index] as string
      if (letter === '\\') index += 1
      else if (letter === quote) return index
      else if (stop.test(letter)) break
    }
    return fail(`${what} without end`, at)
  }
  /** From after the backtick, or the brace that ends a substitution, to the end of this stretch of text. */
  const template = (from: number) => {
    for (let index = from; index < text.length; index += 1) {
      if (text[index] === '\\') index += 1
      else if (text[index] === '`') {
        if (text[from - 1] === '`') strings.set(from - 1, text.slice(from, index))
        keep(index, index + 1)
        at = index + 1
        return
      } else if (text.startsWith('${', index)) {
        open.push('`')
        keep(index, index + 2)
        at = index + 2
        return
      }
    }
    fail('template without end', from - 1)
  }
  const regex = (): number => {
    let inClass = false
    for (let index = at + 1; index < text.length && text[index] !== '\n'; index += 1) {
      const letter = text[index]
      if (letter === '\\') index += 1
      else if (letter === '[') inClass = true
      else if (letter === ']') inClass = false
      else if (letter === '/' && !inClass) return index
    }
    return fail('regular expression without end', at)
  }

  if (text.startsWith('#!')) {
    at = text.indexOf('\n')
    if (at < 0) at = text.length
  }
  while (at < text.length) {
    const letter = text[at] as string
    if (text.startsWith('//', at) || text.startsWith('/*', at)) {
      const isLine = text[at + 1] === '/'
      const found = text.indexOf(isLine ? '\n' : '*/', at + 2)
      if (found < 0 && !isLine) fail('comment without end', at)
      const end = found < 0 ? text.length : isLine ? found : found + 2
      comments.push({ start: at, end })
      at = end
    } else if (letter === "'" || letter === '"') {
      const end = skipQuoted(letter, /\n/, 'string')
      strings.set(at, text.slice(at + 1, end))
      keep(at, at + 1)
      keep(end, end + 1)
      at = end + 1
    } else if (letter === '`') {
      keep(at, at + 1)
      template(at + 1)
    } else if (letter === '/' && regexMayStand(kept)) {
      const end = regex()
      keep(at, at + 1)
      keep(end, end + 1)
      at = end + 1
    } else if (letter === '}' && open.at(-1) === '`') {
      open.pop()
      keep(at, at + 1)
      template(at + 1)
    } else {
      if ('([{'.includes(letter)) open.push(letter)
      if (')]}'.includes(letter) && open.pop() !== '([{'[')]}'.indexOf(letter)])
        fail(`${letter} without its partner`, at)
      keep(at, at + 1)
      at += 1
    }
  }
  if (open.length > 0) fail(`${open.at(-1)} without its partner`, text.length)
  return { text, code: code.join(''), comments, strings }
}

/** After a value a slash divides; elsewhere it opens a regular expression. */
function regexMayStand(before: string): boolean {
  const code = before.trimEnd()
  if (wordsBeforeRegex.test(code)) return true
  return !/(?:[\w$)\]'"`/]|\+\+|--|[\w$)\]]!)$/.test(code)
}

/** The line of a place, from 1. */
export function lineAt(text: string, place: number): number {
  return text.slice(0, place).split('\n').length
}

const importForms =
  /(?<![\w$.])(?:import\s*(?<call>\()|import\s*(?=['"])|(?:import|export)\b(?<type>\s+type\b)?[\s\w$*{},'"]*?\bfrom\s*(?=['"])|require\s*(?<require>\())/g

/** All imports of a source, types and `import()` included, in order. */
export function importsOf(source: SourceText): ImportEdge[] {
  const { code, strings, text } = source
  const edges: ImportEdge[] = []
  for (const found of code.matchAll(importForms)) {
    const groups = found.groups ?? {}
    const called = groups['call'] !== undefined || groups['require'] !== undefined
    let place = found.index + found[0].length
    while (/\s/.test(code[place] ?? '')) place += 1
    const specifier = strings.get(place)
    // A string that is only the first part of a computed name is no name.
    const after = code.slice(place + (specifier?.length ?? 0) + 2).trimStart()
    const whole = !called || specifier === undefined || /^[),]/.test(after)
    edges.push({
      specifier: whole ? specifier : undefined,
      kind: called ? 'dynamic' : groups['type'] === undefined ? 'value' : 'type',
      line: lineAt(text, found.index),
    })
  }
  return edges
}

const declared =
  /(?<![\w$.])export\s+(?:default\s+)?(?:declare\s+)?(?:abstract\s+)?(?:async\s+)?(?<what>function|class|type|interface|const|let|enum)\b\s*\*?\s*(?<name>[\w$]+)/g
const listed = /(?<![\w$.])export\s+(?<type>type\s+)?\{(?<names>[^}]*)\}/g

/** All exported names: those that are declared here and those in `export { … }` lists. */
export function exportsOf(source: SourceText): ExportedName[] {
  const { code, text, comments } = source
  const names: (ExportedName & { readonly at: number })[] = []
  for (const found of code.matchAll(declared)) {
    const { what = '', name = '' } = found.groups ?? {}
    const before = comments.findLast(({ end }) => end <= found.index)
    const documented =
      before !== undefined &&
      text.startsWith('/**', before.start) &&
      text.slice(before.end, found.index).trim() === ''
    const isType = what === 'type' || what === 'interface'
    names.push({ name, isType, documented, line: lineAt(text, found.index), at: found.index })
  }
  for (const found of code.matchAll(listed)) {
    for (const part of (found.groups?.['names'] ?? '').split(',')) {
      const [, type, name = ''] = /^\s*(type\s+)?(?:[\w$]+\s+as\s+)?([\w$]+)\s*$/.exec(part) ?? []
      const isType = type !== undefined || found.groups?.['type'] !== undefined
      if (name !== '')
        names.push({ name, isType, documented: true, line: lineAt(text, found.index), at: found.index })
    }
  }
  return names.sort((a, b) => a.at - b.at).map(({ at: _, ...name }) => name)
}

/** True when the first thing in a source, after a `#!` line, is a comment. */
export function opensWithComment(source: SourceText): boolean {
  const first = source.comments[0]
  if (first === undefined) return false
  return (
    source.text
      .slice(0, first.start)
      .replace(/^#!.*\n/, '')
      .trim() === ''
  )
}
