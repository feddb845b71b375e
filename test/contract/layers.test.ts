/**
 * Who may know whom: the floor plan of the house held against the real import graph, types included. Each
 * rule is also shown a small graph of its own that breaks it.
 */
import { spawnSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { environmentReads, forbiddenEdges, openDoors, strayDispatches } from '../support/house-rules.ts'
import { cyclesOf, edgesOf, loadedBy, readTexts, repository, sourceFiles } from '../support/import-graph.ts'
import { openPythonDoors } from '../support/python-imports.ts'

const product = sourceFiles(readTexts('src/**/*.ts', 'workers/**/*.ts'))
const edges = edgesOf(product)

/** A file that imports `specifier`, with nothing else in it. */
const importing = (specifier: string) => `import a from '${specifier}'\n`

test('edgesOf() sees the edges between our files that the compiler sees', () => {
  const { stdout } = spawnSync(
    process.execPath,
    ['node_modules/typescript/bin/tsc', '-p', 'scripts/tsconfig.build.json', '--noEmit', '--explainFiles'],
    { cwd: repository, encoding: 'utf8', maxBuffer: 2 ** 26 },
  )
  const compiled = new Set<string>()
  let to = ''
  for (const line of stdout.split('\n')) {
    if (/^\S/.test(line)) to = line.replace(/^\.\.\//, '')
    const [, from = ''] = /^ +Imported via ['"].*['"] from file '(?:\.\.\/)?([^']+)'/.exec(line) ?? []
    if (product.has(from) && product.has(to)) compiled.add(`${from} → ${to}`)
  }
  const ours = new Set(edges.filter(({ inside }) => inside).map(edge => `${edge.from} → ${edge.to}`))
  expect(compiled.size).toBeGreaterThan(100)
  expect([...ours].sort()).toEqual([...compiled].sort())
})

test('no file imports from a room that the floor plan keeps from it', () => {
  expect(forbiddenEdges(product)).toEqual([])
})

test.each([
  ['src/core/a.ts', '../wire/b.ts', 'src/wire/b.ts', 'core', 'wire'],
  ['src/wire/a.ts', '../pool/b.ts', 'src/pool/b.ts', 'wire', 'pool'],
  ['src/plan/a.ts', '../pool/b.ts', 'src/pool/b.ts', 'plan', 'pool'],
  ['src/pool/a.ts', '../evidence/b.ts', 'src/evidence/b.ts', 'pool', 'evidence'],
  ['src/pool/a.ts', '../plan/b.ts', 'src/plan/b.ts', 'pool', 'plan'],
  ['src/setup/a.ts', '../pool/b.ts', 'src/pool/b.ts', 'setup', 'pool'],
  ['src/models/a.ts', '../pool/b.ts', 'src/pool/b.ts', 'models', 'pool'],
  ['src/tuning/a.ts', '../evidence/b.ts', 'src/evidence/b.ts', 'tuning', 'evidence'],
  ['src/store/a.ts', '../evidence/b.ts', 'src/evidence/b.ts', 'store', 'evidence'],
  ['src/evidence/a.ts', '../pool/b.ts', 'src/pool/b.ts', 'evidence', 'pool'],
  ['src/evidence/a.ts', '../tuning/b.ts', 'src/tuning/b.ts', 'evidence', 'tuning'],
  ['src/evidence/a.ts', '../adapters/b.ts', 'src/adapters/b.ts', 'evidence', 'adapters'],
  ['src/threads.ts', './pool/b.ts', 'src/pool/b.ts', 'threads', 'pool'],
  ['src/runner.ts', './adapters/b.ts', 'src/adapters/b.ts', 'runner', 'adapters'],
  ['src/runner.ts', './index.ts', 'src/index.ts', 'runner', 'index'],
  ['src/adapters/a.ts', '../pool/b.ts', 'src/pool/b.ts', 'adapters', 'pool'],
  ['src/adapters/a.ts', '../wire/b.ts', 'src/wire/b.ts', 'adapters', 'wire'],
  ['src/index.ts', './adapters/b.ts', 'src/adapters/b.ts', 'index', 'adapters'],
])('forbiddenEdges() refuses %s importing %s', (from, specifier, to, room, other) => {
  const files = sourceFiles({ [from]: importing(specifier), [to]: '' })
  expect(forbiddenEdges(files)).toEqual([`${from}:1 (${room}) imports ${to} (${other})`])
})

test('forbiddenEdges() counts types, import() and re-exports', () => {
  const files = sourceFiles({
    'src/core/a.ts': "import type { B } from '../pool/b.ts'",
    'src/core/c.ts': "const b = await import('../pool/b.ts')",
    'src/core/d.ts': "export { b } from '../pool/b.ts'",
    'src/core/e.ts': "let b: import('../pool/b.ts').B",
    'src/pool/b.ts': '',
  })
  expect(forbiddenEdges(files)).toEqual([
    'src/core/a.ts:1 (core) imports src/pool/b.ts (pool), a type',
    ...['c', 'd', 'e'].map(name => `src/core/${name}.ts:1 (core) imports src/pool/b.ts (pool)`),
  ])
})

test('forbiddenEdges() refuses what it cannot follow and files without a room', () => {
  const files = sourceFiles({
    'src/core/a.ts': 'const b = await import(name)',
    'src/core/b.ts': importing('./gone.ts'),
    'src/attic/c.ts': '',
    'src/loose.ts': '',
  })
  expect(forbiddenEdges(files)).toEqual([
    'src/attic/c.ts lies in no room',
    'src/loose.ts lies in no room',
    'src/core/a.ts:1 imports a computed name',
    'src/core/b.ts:1 imports src/core/gone.ts, which is not there',
  ])
})

test('forbiddenEdges() keeps worker threads from loading processes, however far away', () => {
  const files = sourceFiles({
    'workers/a.ts': importing('../src/evidence/b.ts'),
    'src/evidence/b.ts': importing('../pool/c.ts'),
    'src/pool/c.ts': '',
  })
  expect(forbiddenEdges(files)).toContain('a file of workers/ loads src/pool/c.ts')
})

test('forbiddenEdges() has nothing against what the floor plan allows', () => {
  const files = sourceFiles({
    'src/core/a.ts': importing('./b.ts'),
    'src/core/b.ts': importing('node:crypto'),
    'src/pool/c.ts': importing('../wire/d.ts'),
    'src/wire/d.ts': importing('../core/a.ts'),
    'src/runner.ts': importing('./pool/c.ts'),
    'src/index.ts': importing('./runner.ts'),
    'src/adapters/e.ts': importing('../runner.ts'),
    'workers/f.ts': importing('../src/core/a.ts'),
  })
  expect(forbiddenEdges(files)).toEqual([])
})

test('no files import each other in a circle, types included', () => {
  expect(cyclesOf(edges)).toEqual([])
})

test('cyclesOf() finds each circle once, through types and import() too', () => {
  const files = sourceFiles({
    'src/core/a.ts': importing('./b.ts'),
    'src/core/b.ts': "import type { C } from './c.ts'",
    'src/core/c.ts': "const b = import('./b.ts')",
    'src/core/d.ts': importing('./d.ts') + importing('./a.ts'),
  })
  expect(cyclesOf(edgesOf(files))).toEqual([
    'src/core/b.ts → src/core/c.ts → src/core/b.ts',
    'src/core/d.ts → src/core/d.ts',
  ])
})

test('cyclesOf() takes two ways to one file for no circle', () => {
  const files = sourceFiles({
    'src/core/a.ts': importing('./b.ts') + importing('./c.ts'),
    'src/core/b.ts': importing('./d.ts'),
    'src/core/c.ts': importing('./d.ts'),
    'src/core/d.ts': '',
  })
  expect(cyclesOf(edgesOf(files))).toEqual([])
})

test('loadedBy() follows values and import(), not types', () => {
  const files = sourceFiles({
    'src/core/a.ts': `${importing('./b.ts')}import type { C } from './c.ts'`,
    'src/core/b.ts': "const d = import('./d.ts')",
    'src/core/c.ts': '',
    'src/core/d.ts': '',
  })
  expect([...loadedBy(['src/core/a.ts'], edgesOf(files))].sort()).toEqual([
    'src/core/a.ts',
    'src/core/b.ts',
    'src/core/d.ts',
  ])
})

test('every package from outside comes in by its one door', () => {
  expect(openDoors(product)).toEqual([])
})

test.each([
  ['src/core/a.ts', 'node:child_process', 'src/pool/spawn.ts or src/setup/'],
  ['src/pool/worker.ts', 'child_process', 'src/pool/spawn.ts or src/setup/'],
  ['src/wire/frame.ts', 'msgpackr', 'src/wire/codec.ts'],
  ['src/runner.ts', '@opentelemetry/api', 'src/core/telemetry.ts'],
  ['src/runner.ts', 'piscina', 'src/threads.ts'],
  ['workers/a.ts', 'piscina/something', 'src/threads.ts'],
  ['src/core/a.ts', 'node:sqlite', 'src/store/'],
  ['src/runner.ts', 'bullmq', 'src/adapters/bullmq'],
])('openDoors() refuses %s importing %s', (from, name, door) => {
  expect(openDoors(sourceFiles({ [from]: importing(name) }))).toHaveLength(1)
  expect(openDoors(sourceFiles({ [from]: importing(name) }))[0]).toContain(`whose door is ${door}`)
})

test('openDoors() refuses a package without a door and the environment by another name', () => {
  const files = sourceFiles({
    'src/core/a.ts': importing('left-pad'),
    'src/core/b.ts': "import { env } from 'node:process'",
    'src/core/c.ts': `${importing('node:crypto')}const p = import('piscina')`,
  })
  expect(openDoors(files)).toEqual([
    'src/core/a.ts:1 imports left-pad, which has no door',
    'src/core/b.ts:1 imports node:process: use the global, so that reading the environment can be found',
    'src/core/c.ts:2 imports piscina, whose door is src/threads.ts',
  ])
})

test('environment variables are read at the command line and where workers are started only', () => {
  expect(environmentReads(product)).toEqual([])
})

test.each([
  "const home = process.env['HOME']",
  'const home = process?.env.HOME',
  'const { env } = process',
  "const home = process['env']",
  'const home = globalThis.process.env.HOME',
  'const all = process\n  .env',
])('environmentReads() finds %j', text => {
  expect(environmentReads(sourceFiles({ 'src/core/a.ts': text }))).toEqual([
    expect.stringMatching(/^src\/core\/a\.ts:\d reads environment variables$/),
  ])
})

test('environmentReads() lets set-up hand the environment on, and nothing more', () => {
  const handsOn = 'const kept = Object.entries(process.env).filter(keep)'
  const reads = (text: string) => environmentReads(sourceFiles({ 'src/setup/command.ts': text }))
  expect(reads(handsOn)).toEqual([])
  expect(reads(`${handsOn}\nconst home = process.env['HOME']`)).toHaveLength(2)
  expect(reads("const home = process.env['HOME']")).toHaveLength(1)
  expect(environmentReads(sourceFiles({ 'src/setup/other.ts': handsOn }))).toHaveLength(1)
  expect(environmentReads(sourceFiles({ 'src/core/a.ts': '// process.env\nprocess.environment' }))).toEqual(
    [],
  )
})

test('MLX is imported by its doors only, and only when it is needed', () => {
  expect(openPythonDoors(readTexts('python/evidence_runner/**/*.py'))).toEqual([])
})

test('openPythonDoors() refuses MLX elsewhere, at the top of a file, and by import_module()', () => {
  const folder = 'python/evidence_runner'
  const inside = 'def load():\n    import mlx.core as mx\n'
  const found = openPythonDoors({
    [`${folder}/serve.py`]: inside,
    [`${folder}/batcher.py`]: 'def load():\n    return importlib.import_module("mlx.core")\n',
    [`${folder}/runtime.py`]: inside,
    [`${folder}/models/bert.py`]: 'import mlx.core as mx\n',
    [`${folder}/ops/embed.py`]: `"""import mlx"""\n# import mlx\n${inside}`,
    [`${folder}/models/causal.py`]: 'def load():\n    from mlx_lm.utils import load\n',
    [`${folder}/ops/generate.py`]: 'class A:\n    def load(self):\n        from mlx_lm import load\n',
  })
  expect(found).toEqual([
    `${folder}/serve.py:2 imports mlx, whose door is runtime.py, models/, ops/`,
    `${folder}/batcher.py:2 imports mlx, whose door is runtime.py, models/, ops/`,
    `${folder}/models/bert.py:1 imports mlx outside a function`,
    `${folder}/ops/generate.py:3 imports mlx_lm, whose door is models/causal.py`,
  ])
})

test('nothing is dispatched but by the executor of plans', () => {
  expect(strayDispatches(product)).toEqual([])
  const stray = sourceFiles({ 'src/evidence/a.ts': '/** A. */\nawait parts.dispatch(call, context)\n' })
  expect(strayDispatches(stray)).toEqual(['src/evidence/a.ts:2 dispatches; only src/plan/execute.ts does'])
})

test('openDoors() sees what comes in by another way than an import', () => {
  const text = "/** A. */\nexport const a = process.getBuiltinModule('node:sqlite')\n"
  expect(openDoors(sourceFiles({ 'src/evidence/a.ts': text }))).toEqual([
    'src/evidence/a.ts:2 gets node:sqlite, whose door is src/store/',
  ])
  expect(openDoors(sourceFiles({ 'src/store/a.ts': text }))).toEqual([])
})
