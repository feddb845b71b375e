/**
 * What comes through the front door: the exported names, pinned, so that adding or taking one is a decision;
 * and what importing it costs: nothing that only some hosts need.
 */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import * as frontDoor from '../../src/index.ts'
import { edgesOf, loadedBy, readTexts, repository, sourceFiles } from '../support/import-graph.ts'
import { packagesOf, recordLoads } from '../support/load-record.ts'
import { exportsOf, scanSource } from '../support/source-text.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const path = join(repository, 'src', 'index.ts')
const source = scanSource(readFileSync(path, 'utf8'))
const address = (file: string) => JSON.stringify(pathToFileURL(join(repository, file)).href)
const folder = temporaryFolder()
const recorded = async (script: string) => recordLoads(await folder.write('script.mjs', script))
const manifest = JSON.parse(readFileSync(join(repository, 'package.json'), 'utf8')) as {
  readonly version: string
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly peerDependenciesMeta: Readonly<Record<string, { readonly optional?: boolean }>>
}

/** The packages of doors: who needs a door installs its own. */
const optional = Object.keys(manifest.peerDependencies)

/** Each door's file, and a package that it can't do without. */
const doors = [
  ['src/adapters/mcp.ts', '@modelcontextprotocol/server'],
  ['src/adapters/a2a.ts', '@a2a-js/sdk'],
  ['src/adapters/bullmq.ts', 'bullmq'],
  ['src/adapters/lancedb.ts', '@lancedb/lancedb'],
] as const

const values = [
  'AdaptiveStrategy',
  'BudgetError',
  'DataflowRunner',
  'DeadlineError',
  'EvidenceEnhancer',
  'InputError',
  'Ledger',
  'Limiter',
  'ModelError',
  'OverloadError',
  'PlanError',
  'RejectedError',
  'RunnerError',
  'Seeds',
  'StagedParallelExecutor',
  'StoreError',
  'Trace',
  'WorkerError',
  'action',
  'assertAllowed',
  'bind',
  'branch',
  'budgeted',
  'canonicalise',
  'chooseDomain',
  'choosePlan',
  'constant',
  'contentId',
  'costMap',
  'costOf',
  'criticalPath',
  'defineDataflow',
  'diffTraces',
  'effectsOf',
  'errorRules',
  'execute',
  'explain',
  'explainChoice',
  'explainDomainChoice',
  'fanout',
  'fitCalibration',
  'generationItem',
  'labelItem',
  'memoryInstances',
  'memoryMemo',
  'merge',
  'nanoUsdOf',
  'openRunner',
  'openStore',
  'parallel',
  'parseCalibration',
  'parseTrace',
  'preflight',
  'remote',
  'retry',
  'schemaId',
  'sequential',
  'shareOf',
  'stage',
  'strategies',
  'structured',
  'usdText',
  'verifyTrace',
  'version',
  'warningsOf',
  'workflowPlan',
]

const types = [
  'Assessment',
  'Budget',
  'CalibratedModel',
  'CalibratedOn',
  'Calibration',
  'Call',
  'Chances',
  'Citation',
  'ClaimChances',
  'CollectionSource',
  'ConfidenceMethod',
  'Cost',
  'CostRange',
  'Coverage',
  'Dataflow',
  'Difference',
  'Dispatch',
  'DocumentsAdded',
  'Domain',
  'EarlierPassage',
  'Effect',
  'EmbedOptions',
  'EnhanceManyOptions',
  'EnhanceOptions',
  'EnhancedEvidence',
  'ErrorCode',
  'ErrorRecord',
  'ErrorRule',
  'EvidenceContext',
  'EvidenceEnhancerConfig',
  'EvidenceMetadata',
  'EvidenceSource',
  'ExecuteParts',
  'GenerationEvent',
  'GenerationItem',
  'GenerationRequest',
  'GenerationResult',
  'GenerationStream',
  'HealthStatus',
  'Hints',
  'InstanceStore',
  'LabelRequest',
  'LabelResult',
  'LabelledAnswer',
  'Limits',
  'ManyOutcome',
  'MemoStore',
  'Mismatch',
  'ModelInput',
  'ModelTag',
  'Part',
  'PartialRun',
  'PlanEvent',
  'PlanNode',
  'PlanRun',
  'PoolHealth',
  'Profiles',
  'Progress',
  'RelatedEvidence',
  'Replay',
  'Reply',
  'RequestClass',
  'RetrievedPassage',
  'RetrievedSource',
  'RunContext',
  'Runner',
  'RunnerCall',
  'RunnerCallOptions',
  'RunnerGenerateOptions',
  'RunnerOptions',
  'RunnerPlanOptions',
  'RunnerStats',
  'SentSource',
  'Settled',
  'Spend',
  'Stance',
  'StepContext',
  'StepTiming',
  'Store',
  'StoredDocument',
  'StoredTrace',
  'Structured',
  'StructuredOptions',
  'TelemetryEvent',
  'TelemetrySink',
  'TextEvent',
  'TextListener',
  'TraceRecord',
  'TraceSink',
  'TraceStep',
  'Usage',
  'ValidationCheck',
  'ValidationFault',
  'ValidationOutcome',
  'ValidationReport',
  'Validator',
  'VariantRef',
  'VectorFilter',
  'VectorMatch',
  'VectorRow',
  'VectorSearch',
  'VectorStore',
  'Vectors',
  'Verdict',
  'WorkflowResult',
  'WorkflowStage',
  'WorkflowStep',
]

test('the front door exports these values and no others', () => {
  expect(Object.keys(frontDoor).sort()).toEqual(values)
})

test('the front door exports these types and no others', () => {
  const names = exportsOf(source).filter(({ isType }) => isType)
  expect(names.map(({ name }) => name).sort()).toEqual(types)
})

test('the front door holds names and no code', () => {
  const rest = source.code.replace(/export (?:type )?\{[^}]*\} from '\s*'/g, '')
  expect(rest.trim()).toBe('')
})

test('importing the front door loads these packages and none that only some hosts need', async () => {
  const { code, stderr, loaded } = await recorded(`await import(${address('src/index.ts')})`)
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  const native = ['msgpackr-extract', 'node-gyp-build-optional-packages', 'detect-libc']
  const packages = packagesOf(loaded).filter(
    name => !native.includes(name) && !name.startsWith('@msgpackr-extract/'),
  )
  expect(packages).toEqual(['@opentelemetry/api', 'lru-cache', 'msgpackr', 'zod'])
  expect(loaded).not.toContain('node:sqlite')
  expect(loaded.filter(url => url.includes('/src/adapters/') || url.includes('/workers/'))).toEqual([])
})

test('the packages of doors are optional, and no dependency of the rest', () => {
  expect(optional).toEqual(expect.arrayContaining(doors.map(([, name]) => name)))
  expect(optional.filter(name => manifest.peerDependenciesMeta[name]?.optional !== true)).toEqual([])
  expect(optional.filter(name => name in manifest.dependencies)).toEqual([])
})

/** A module that begins where the packages of doors are not installed. */
const withoutDoors = `
  import { registerHooks } from 'node:module'
  const missing = ${JSON.stringify(optional)}
  registerHooks({
    resolve(specifier, context, next) {
      if (!missing.some(name => specifier === name || specifier.startsWith(name + '/'))) return next(specifier, context)
      throw Object.assign(new Error('Cannot find package ' + specifier), { code: 'ERR_MODULE_NOT_FOUND' })
    },
  })
`

test('the front door opens and answers where no package of a door is installed', async () => {
  const { code, stdout, stderr, loaded } = await recorded(`${withoutDoors}
    const { EvidenceEnhancer } = await import(${address('src/index.ts')})
    const enhancer = new EvidenceEnhancer({ enableEmbeddingSearch: false })
    const request = { taskId: 't', claim: 'The disk is full.', sources: [{ content: 'The disk is full.' }] }
    const { citations } = await enhancer.enhanceEvidence(request)
    console.log(citations[0].text)
    await enhancer.close()`)
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: 'The disk is full.\n', stderr: '' })
  expect(packagesOf(loaded).filter(name => optional.includes(name))).toEqual([])
})

test.each(doors)('%s loads %s, and can not be loaded without it', async (file, name) => {
  const { code, stdout, loaded } = await recorded(`
    await import(${address(file)})
    console.log('opened')
    process.exit()`)
  expect({ code, stdout }).toEqual({ code: 0, stdout: 'opened\n' })
  expect(packagesOf(loaded)).toContain(name)
  const without = await recorded(`${withoutDoors}
    console.log(await import(${address(file)}).then(() => 'opened', ({ code }) => code))
    process.exit()`)
  expect(without.stdout).toBe('ERR_MODULE_NOT_FOUND\n')
})

test('no adapter can be reached from the front door, however late', () => {
  const edges = edgesOf(sourceFiles(readTexts('src/**/*.ts', 'workers/**/*.ts')))
  const adapters = (start: string) =>
    [...loadedBy([start], edges)].filter(file => file.startsWith('src/adapters/')).sort()
  expect(adapters('src/index.ts')).toEqual([])
  // The command line imports doors late, and is seen to.
  const served = ['src/adapters/a2a-serve.ts', 'src/adapters/bullmq.ts', 'src/adapters/mcp-serve.ts']
  expect(adapters('src/adapters/cli.ts')).toEqual(expect.arrayContaining(served))
})

test('recordLoads() would have seen an optional package, loaded late', async () => {
  const piscina = JSON.stringify(pathToFileURL(createRequire(path).resolve('piscina')).href)
  const { loaded } = await recorded(`await import(${piscina})\nawait import('node:sqlite')`)
  expect(packagesOf(loaded)).toContain('piscina')
  expect(loaded).toContain('node:sqlite')
})

test('importing the front door starts nothing: no timer, process, thread or file stays open', async () => {
  // What the loader itself has not finished yet gets its turns; what was started to stay is still there then.
  const active = `
    for (let turn = 0; turn < 100 && process.getActiveResourcesInfo().length > 0; turn += 1)
      await new Promise(resolve => setImmediate(resolve))
    console.log(process.getActiveResourcesInfo().join())`
  const imported = await recorded(`await import(${address('src/index.ts')})\n${active}`)
  expect({ code: imported.code, stdout: imported.stdout }).toEqual({ code: 0, stdout: '\n' })
  const busy = await recorded(`setInterval(() => {}, 1000)\n${active}\nprocess.exit()`)
  expect(busy.stdout).toBe('Timeout\n')
})

test('version is that of package.json', () => {
  expect(frontDoor.version).toBe(manifest.version)
})

/** The codes in the first column of the table under `## Errors`. */
function codesOf(readme: string): string[] {
  const section = /^## Errors\n(.*?)(?=^## |$(?![\s\S]))/ms.exec(readme)?.[1] ?? ''
  const rows = section.split('\n').filter(line => line.startsWith('|'))
  return rows.flatMap(row =>
    [...(row.split('|')[1] ?? '').matchAll(/`(ER_\w+)`/g)].map(([, code = '']) => code),
  )
}

test('the README tells of every error code, and of none that does not exist', () => {
  const codes = codesOf(readFileSync(join(repository, 'README.md'), 'utf8'))
  expect(codes.sort()).toEqual(Object.keys(frontDoor.errorRules).sort())
})

test('codesOf() reads the first column of the table of errors, and no other', () => {
  const readme = [
    '| `ER_ELSEWHERE` | a |',
    '## Errors',
    'Match on `ER_TEXT`.',
    '| code | what |',
    '| --- | --- |',
    '| `ER_A` `ER_B` | `ER_SECOND` |',
    '| `ER_C` | a |',
    '## Next',
    '| `ER_LATE` | a |',
  ].join('\n')
  expect(codesOf(readme)).toEqual(['ER_A', 'ER_B', 'ER_C'])
})
