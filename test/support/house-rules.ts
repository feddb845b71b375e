/**
 * The house's shape as data and as checks: which room may know which, which outside package has which door,
 * what a file may be called and must hold. Each check returns what is wrong, one line a thing; none is fine.
 *
 * A new room, package or exception is a line in one of the tables below, with its reason.
 */
import { edgesOf, type GraphEdge, loadedBy, type SourceFiles } from './import-graph.ts'
import { exportsOf, lineAt, opensWithComment } from './source-text.ts'

/** Which rooms each room may import; itself always. Rooms that are still to be built are here already. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  core: [],
  wire: ['core'],
  plan: ['core'],
  pool: ['core', 'wire'],
  setup: ['core'],
  models: ['core', 'plan'],
  tuning: ['core', 'plan', 'models'],
  store: ['core', 'plan', 'models'],
  evidence: ['core', 'plan', 'models'],
  threads: ['core'],
  // How workers are started: beside the hallway, which would be too long with it.
  launch: ['core', 'models', 'pool', 'setup'],
  // The pool by itself: what of the hallway knows nothing of claims but their budget.
  'open-runner': ['core', 'plan', 'pool', 'models', 'evidence', 'launch'],
  runner: [
    ...['core', 'wire', 'plan', 'pool', 'setup', 'models', 'tuning', 'store', 'evidence'],
    ...['threads', 'launch', 'open-runner'],
  ],
  adapters: ['runner', 'setup', 'evidence', 'plan', 'models', 'core'],
  index: [
    ...['core', 'wire', 'plan', 'pool', 'setup', 'models', 'tuning', 'store', 'evidence'],
    ...['threads', 'runner'],
  ],
  workers: ['core', 'evidence', 'models'],
}

/** Rooms that are one file of src/ rather than a folder. */
const roomFiles = ['threads', 'launch', 'open-runner', 'runner', 'index']

/** Rooms that nothing a worker thread loads may lie in: a thread runs pure functions. */
const notInThreads = [
  ...[
    'wire',
    'pool',
    'setup',
    'store',
    'tuning',
    'threads',
    'launch',
    'open-runner',
    'runner',
    'adapters',
    'index',
  ],
]

/** Where each package from outside comes in: a file, or a folder with its slash. Others have no door. */
const doors: Readonly<Record<string, readonly string[]>> = {
  'node:child_process': ['src/pool/spawn.ts', 'src/setup/'],
  'node:sqlite': ['src/store/'],
  msgpackr: ['src/wire/codec.ts'],
  '@opentelemetry/api': ['src/core/telemetry.ts'],
  piscina: ['src/threads.ts'],
  'lru-cache': ['src/core/cache.ts'],
  // It stands beside the schema that it describes.
  zod: ['src/'],
  // Each SDK only in its adapter.
  '@modelcontextprotocol/server': ['src/adapters/mcp'],
  '@modelcontextprotocol/node': ['src/adapters/mcp'],
  '@a2a-js/sdk': ['src/adapters/a2a'],
  express: ['src/adapters/a2a'],
  'p-queue': ['src/adapters/a2a'],
  bullmq: ['src/adapters/bullmq'],
  ioredis: ['src/adapters/bullmq'],
  '@lancedb/lancedb': ['src/adapters/lancedb'],
  'apache-arrow': ['src/adapters/lancedb'],
}

/** Parts of Node that would let environment variables in by another name. */
const closedParts: Readonly<Record<string, string>> = {
  'node:process': 'use the global, so that reading the environment can be found',
}

/** Who may read environment variables. */
const environmentReaders = ['src/adapters/cli.ts', 'src/pool/spawn.ts']

/** Not read but handed on, whole, to a child of set-up: its places, and the only form that is allowed there. */
const environmentPassers: Readonly<Record<string, { readonly places: number; readonly form: RegExp }>> = {
  // The caller's indexes, proxies and certificates must reach pip; names that would mislead it are taken out.
  'src/setup/command.ts': { places: 1, form: /Object\.entries\(process\.env\)\.filter\(/ },
}

const bannedWords = [
  'util',
  'utils',
  'helper',
  'helpers',
  'common',
  'type',
  'types',
  'manager',
  'service',
  'impl',
]

/** Lines of a file at most; most are to have 60 to 250. */
export const mostLines = 400

/** The room of a file, or undefined where it lies in none. */
export function roomOf(path: string): string | undefined {
  const [top, second = '', third] = path.split('/')
  if (top === 'workers') return 'workers'
  if (top !== 'src') return undefined
  if (third === undefined) {
    const name = second.replace(/\.ts$/, '')
    return roomFiles.includes(name) ? name : undefined
  }
  return second in mayImport && !roomFiles.includes(second) && second !== 'workers' ? second : undefined
}

/** Edges that the floor plan forbids, files in no room, imports that cannot be followed. */
export function forbiddenEdges(files: SourceFiles): string[] {
  const edges = edgesOf(files)
  const homeless = [...files.keys()]
    .filter(path => roomOf(path) === undefined)
    .map(path => `${path} lies in no room`)
  const wrong = edges.flatMap(edge => {
    const { from, to, inside, kind } = edge
    if (to === undefined) return [`${placeOf(edge)} imports a computed name`]
    if (!inside) return []
    if (!files.has(to)) return [`${placeOf(edge)} imports ${to}, which is not there`]
    const [room = '', other = ''] = [roomOf(from), roomOf(to)]
    if (room === other || mayImport[room]?.includes(other)) return []
    return [`${placeOf(edge)} (${room}) imports ${to} (${other})${kind === 'type' ? ', a type' : ''}`]
  })
  return [...homeless, ...wrong, ...heavyThreads(files, edges)]
}

function heavyThreads(files: SourceFiles, edges: readonly GraphEdge[]): string[] {
  const starts = [...files.keys()].filter(path => roomOf(path) === 'workers')
  return [...loadedBy(starts, edges)]
    .filter(path => notInThreads.includes(roomOf(path) ?? ''))
    .map(path => `a file of workers/ loads ${path}`)
}

/** Packages that come in elsewhere than by their door, or have none. Node's own are free unless named above. */
export function openDoors(files: SourceFiles): string[] {
  return [...edgesOf(files).flatMap(openDoorOf), ...backDoors(files)]
}

/** Node's own packages that come in by another way than an import. */
function backDoors(files: SourceFiles): string[] {
  return [...files].flatMap(([path, { text }]) =>
    [...text.matchAll(/\bgetBuiltinModule\(\s*['"`](?:node:)?([^'"`]+)/g)].flatMap(
      ({ index, 1: name = '' }) => {
        const door = doors[`node:${name}`]
        const open = door?.some(place => path.startsWith(place)) ?? closedParts[`node:${name}`] === undefined
        return open
          ? []
          : [`${path}:${lineAt(text, index)} gets node:${name}, whose door is ${door?.join(' or ')}`]
      },
    ),
  )
}

function openDoorOf(edge: GraphEdge): string[] {
  const { from, to, inside } = edge
  if (inside || to === undefined) return []
  const name = `node:${to}` in doors ? `node:${to}` : to
  const closed = closedParts[name]
  if (closed !== undefined) return [`${placeOf(edge)} imports ${name}: ${closed}`]
  const door = doors[name]
  if (door === undefined)
    return name.startsWith('node:') ? [] : [`${placeOf(edge)} imports ${name}, which has no door`]
  if (door.some(place => from.startsWith(place))) return []
  return [`${placeOf(edge)} imports ${name}, whose door is ${door.join(' or ')}`]
}

const environment =
  /\bprocess\s*(?:\?\.|\.)\s*env\b|\bprocess\s*(?:\?\.)?\s*\[|\}\s*=\s*process\b(?!\s*[?.[])|\bimport\.meta\.env\b/g

/** Places that read environment variables and are not meant to. */
export function environmentReads(files: SourceFiles): string[] {
  return [...files].flatMap(([path, { code, text }]) => {
    if (environmentReaders.includes(path)) return []
    const places = [...code.matchAll(environment)].map(({ index }) => index)
    const passer = environmentPassers[path]
    if (passer !== undefined && places.length === passer.places && passer.form.test(code)) return []
    return places.map(place => `${path}:${lineAt(text, place)} reads environment variables`)
  })
}

/** The only file of the product's left side that calls a Dispatch. */
const dispatcher = 'src/plan/execute.ts'

/** Places outside the executor that dispatch by themselves, past plan, budget and trace. */
export function strayDispatches(files: SourceFiles): string[] {
  return [...files].flatMap(([path, { code, text }]) => {
    if (!['plan', 'evidence', 'tuning', 'store'].includes(roomOf(path) ?? '') || path === dispatcher)
      return []
    // A function from one Dispatch to another calls the one it was given: `over(dispatch)` returns such a function.
    const wrapped = /\bover\(dispatch: Dispatch\): Dispatch \{[\s\S]*?\n {2}\}/g
    const bare = code.replace(wrapped, match => ' '.repeat(match.length))
    return [...bare.matchAll(/\bdispatch\(/g)].map(
      ({ index }) => `${path}:${lineAt(text, index)} dispatches; only ${dispatcher} does`,
    )
  })
}

/** Names that say nothing, or are written in another way than kebab-case (snake_case in Python). */
export function badNames(paths: Iterable<string>): string[] {
  return [...paths].flatMap(path => {
    const name = path.slice(path.lastIndexOf('/') + 1)
    const [base = '', ...endings] = name.split('.')
    const banned = [base.replace(/^test_/, ''), ...endings.slice(0, -1)]
      .flatMap(part => part.split(/[-_]/))
      .find(word => bannedWords.includes(word))
    if (banned !== undefined) return [`${path} is named ${banned}, which says nothing`]
    const form = name.endsWith('.py')
      ? /^(?:[a-z0-9_]+|[a-z0-9]+(?:-[a-z0-9]+)*)$/
      : /^[a-z0-9]+(?:-[a-z0-9]+)*$/
    return form.test(base) ? [] : [`${path} is not in kebab-case`]
  })
}

/** Files that are too long. */
export function longFiles(texts: Readonly<Record<string, string>>, most = mostLines): string[] {
  return Object.entries(texts).flatMap(([path, text]) => {
    const lines = text.split('\n').length - 1
    return lines > most ? [`${path} has ${lines} lines, more than ${most}`] : []
  })
}

/** Files that do not say at their top what they are for. */
export function silentFiles(files: SourceFiles): string[] {
  return [...files].flatMap(([path, source]) =>
    opensWithComment(source) ? [] : [`${path} does not open with a comment`],
  )
}

/** Exported names without a doc comment; what a file is named after, its opening comment tells of. */
export function silentExports(files: SourceFiles): string[] {
  const titled = (path: string, name: string) =>
    path.endsWith(`/${name.replace(/(?<=[a-z])(?=[A-Z])/g, '-').toLowerCase()}.ts`)
  return [...files].flatMap(([path, source]) =>
    exportsOf(source)
      .filter(({ documented, name }) => !documented && !titled(path, name))
      .map(({ name, line }) => `${path}:${line} exports ${name} without a doc comment`),
  )
}

const placeOf = ({ from, line }: GraphEdge): string => `${from}:${line}`
