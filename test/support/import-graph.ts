/**
 * The graph of who imports whom among the files of this repository, and what each takes from outside it.
 * Built from text alone, so that a test can make one from a few lines of its own.
 */
import { globSync, readFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { type ImportEdge, importsOf, type SourceText, scanSource } from './source-text.ts'

/** The checkout that these tests stand in. */
export const repository = join(import.meta.dirname, '..', '..')

/** Sources by their path from the root of the repository, with forward slashes. */
export type SourceFiles = ReadonlyMap<string, SourceText>

/** An import; `to` is a path of the repository, the name of a package, or undefined where it is computed. */
export type GraphEdge = Omit<ImportEdge, 'specifier'> & {
  readonly from: string
  readonly to: string | undefined
  /** Whether `to` is a file of ours. */
  readonly inside: boolean
}

/** Scans texts given by path. */
export function sourceFiles(texts: Readonly<Record<string, string>>): SourceFiles {
  const scan = ([path, text]: [string, string]): [string, SourceText] => {
    try {
      return [path, scanSource(text)]
    } catch (error) {
      throw new Error(`${path}, ${(error as Error).message}`)
    }
  }
  return new Map(Object.entries(texts).map(scan))
}

/** Texts of the files that match, by path. */
export function readTexts(...patterns: readonly string[]): Record<string, string> {
  const paths = globSync(patterns, { cwd: repository }).map(path => path.replaceAll('\\', '/'))
  return Object.fromEntries(paths.sort().map(path => [path, readFileSync(join(repository, path), 'utf8')]))
}

/** All imports of all files, in order. */
export function edgesOf(files: SourceFiles): GraphEdge[] {
  return [...files].flatMap(([from, source]) =>
    importsOf(source).map(({ specifier, kind, line }) => {
      const inside = specifier !== undefined && /^\.{0,2}\//.test(specifier)
      const to = inside ? posix.join(posix.dirname(from), specifier) : packageOf(specifier)
      return { from, to, inside, kind, line }
    }),
  )
}

/** `node:fs` of node:fs/promises, `@a/b` of @a/b/c, `a` of a/b. */
function packageOf(specifier: string | undefined): string | undefined {
  if (specifier === undefined) return undefined
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Each cycle once, as the files that one would pass: `a → b → a`. Types count. */
export function cyclesOf(edges: readonly GraphEdge[]): string[] {
  const next = Map.groupBy(
    edges.filter(({ inside }) => inside),
    ({ from }) => from,
  )
  const cycles: string[] = []
  const done = new Set<string>()
  const visit = (file: string, path: readonly string[]) => {
    const before = path.indexOf(file)
    if (before >= 0) cycles.push([...path.slice(before), file].join(' → '))
    if (before >= 0 || done.has(file)) return
    for (const to of new Set(next.get(file)?.map(edge => edge.to as string))) visit(to, [...path, file])
    done.add(file)
  }
  for (const file of next.keys()) visit(file, [])
  return cycles
}

/** Every file that one of `starts` brings along, itself included; what is imported for its types alone is not. */
export function loadedBy(starts: readonly string[], edges: readonly GraphEdge[]): Set<string> {
  const next = Map.groupBy(
    edges.filter(({ inside, kind }) => inside && kind !== 'type'),
    ({ from }) => from,
  )
  const loaded = new Set<string>()
  const visit = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    for (const { to } of next.get(file) ?? []) visit(to as string)
  }
  for (const start of starts) visit(start)
  return loaded
}
