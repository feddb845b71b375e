/**
 * Collections on the command line, over real LanceDB and the real model: filled from files and lines, listed,
 * emptied, and claims checked against them; and what is said where that can't be.
 */
import { cpSync, existsSync, globSync, mkdirSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { parseArguments } from '../../src/adapters/arguments.ts'
import { parseCollectionWords } from '../../src/adapters/collection.ts'
import { openLanceStore } from '../../src/adapters/lancedb.ts'
import type { EnhancedEvidence } from '../../src/index.ts'
import { type CommandLineOptions, jsonLines, repository, runCommandLine } from '../support/command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const one = ['--pool-size', '1']
const storeAt = (name: string) => ['--vector-store', join(folder.path, name)]
const collection = (words: readonly string[], options?: CommandLineOptions) =>
  runCommandLine(['collection', ...words], options)
const check = async (words: readonly string[], options?: CommandLineOptions) => {
  const outcome = await runCommandLine(['check', '--json', '--no-store', ...one, ...words], options)
  return { ...outcome, evidence: (jsonLines(outcome.stdout) as unknown as EnhancedEvidence[])[0] }
}

const lines = [
  {
    id: 'backups',
    title: 'Backups',
    text: 'Backups of the customer database are made every night at two.\n\nThey are kept for 35 days.',
  },
  { id: 7, content: 'Only engineers on duty may restart the payment service.', metadata: { chapter: 3 } },
]
const jsonl = (values: readonly unknown[]) => values.map(value => JSON.stringify(value)).join('\n')
const claim = ['--claim', 'Backups of the customer database are made every night.']

test('a claim is checked against a collection, whose documents stay what they were given as', async () => {
  const store = storeAt('handbook')
  const add = ['add', 'handbook', '--jsonl', '-', '--json', ...store, ...one]
  const filled = await collection(add, { input: jsonl(lines) })
  expect(filled).toMatchObject({ code: 0, stderr: '' })
  const sums = { collection: 'handbook', documents: 2, passages: 3, removed: 0, failed: 0 }
  expect(jsonLines(filled.stdout)).toEqual([{ ...sums, known: 0, added: 3 }])

  const { code, evidence } = await check([...claim, '--collection', 'handbook', ...store])
  expect(code).toBe(0)
  expect(evidence).toMatchObject({ verdict: 'supported', citations: [{ sourceId: 'handbook' }] })
  const found = evidence?.retrieved?.[0]?.passages ?? []
  expect(found.map(({ documentId, title }) => [documentId, title])).toEqual([
    ['backups', 'Backups'],
    ['backups', 'Backups'],
    ['7', undefined],
  ])
  // The claim alone was embedded: what was found has its vectors.
  expect(evidence?.spent).toMatchObject({ calls: 1 })

  // In a context as well, by a query of its own.
  const source = { type: 'database', collection: 'handbook', query: 'Who restarts payments?', limit: 1 }
  const context = { taskId: 't', claim: 'Engineers on duty may restart payments.', sources: [source] }
  const asked = await check(['-', ...store], { input: JSON.stringify(context) })
  expect(asked.evidence?.retrieved?.[0]?.passages).toMatchObject([
    { documentId: '7', metadata: { chapter: 3 } },
  ])

  // A document that comes again replaces the one that was there.
  const changed = { id: 'backups', text: lines[0]?.text?.replace('two', 'three') }
  const again = await collection(add, { input: jsonl([changed, lines[1]]) })
  expect(jsonLines(again.stdout)).toEqual([{ ...sums, known: 2, added: 1, removed: 1 }])
  const listed = await collection(['list', ...store])
  expect(listed.stdout.trim().split(/\s+/)).toEqual(['handbook', '3', 'passages'])
  const gone = await collection(['remove', 'handbook', 'backups', '--json', ...store])
  expect(jsonLines(gone.stdout)).toEqual([{ collection: 'handbook', removed: 2 }])
  const left = await collection(['list', '--json', ...store])
  expect(jsonLines(left.stdout)).toEqual([[{ collection: 'handbook', passages: 1 }]])
})

test('files become documents; what check reads is kept for later claims, unless it may only read', async () => {
  const store = storeAt('files')
  const file = await folder.write('report.txt', 'The nightly backup of Monday failed: disk full.')
  const filled = await collection(['add', 'reports', file, ...store, ...one])
  expect(filled.stdout).toBe('1 document in reports: 1 passage, 1 of them new, 0 old ones removed\n')
  const source = await folder.write('log.txt', 'The backup of Tuesday failed as well.')
  const asked = ['--claim', 'The backup failed.', ...store]
  const first = await check([...asked, '--source', source])
  expect(first.evidence?.relatedEvidence).toEqual([])

  const reading = await check([...asked, '--collection', 'reports', '--vector-read-only'])
  expect(reading.stderr).toBe('')
  expect(reading.evidence?.retrieved?.[0]?.passages[0]).toMatchObject({
    documentId: file,
    title: 'report.txt',
  })
  expect(reading.evidence?.relatedEvidence).toMatchObject([
    { claim: 'The backup of Tuesday failed as well.', source: 'cli/s1', from: { title: 'log.txt' } },
  ])
  const other = await folder.write('other.txt', 'On Wednesday the backup went through.')
  const unkept = await check([...asked, '--source', other, '--vector-read-only'])
  expect(unkept).toMatchObject({ code: 0, stderr: '' })
  const listed = await collection(['list', '--json', ...store])
  expect(jsonLines(listed.stdout)).toEqual([
    [
      { collection: 'reports', passages: 1 },
      { collection: 'requests', passages: 1 },
    ],
  ])
})

test('one process writes to a folder: another is told which, and may read along', async () => {
  const store = storeAt('taken')
  await using writer = await openLanceStore(store[1] as string)
  await writer.bind({ model: 'another@1+abc', dimensions: 384 })
  const source = await folder.write('source.txt', 'It rained.')
  const asked = ['--claim', 'It rained.', '--source', source, ...store]
  const { code, stderr } = await check(asked)
  expect(code).toBe(7)
  expect(stderr).toMatch(new RegExp(`ER_STORE: .*written by process ${process.pid}.*--vector-read-only`))
  expect(await check([...asked, '--vector-read-only'])).toMatchObject({
    code: 0,
    evidence: { verdict: expect.any(String), errors: [] },
  })
  expect((await collection(['add', 'a', source, ...store, ...one])).code).toBe(7)
  expect(await collection(['list', ...store])).toMatchObject({ code: 0, stdout: 'No collections yet\n' })
})

test('wrong lines are named and the rest is kept; wrong words say what is right', async () => {
  const store = storeAt('wrong')
  const input = [
    ...[
      '{"id": "a", "text": "It rained."}',
      'no json',
      '{"id": "b"}',
      '{"id": "c", "text": "x", "colour": 1}',
    ],
    ...[JSON.stringify({ id: 'd', text: '\u0000\u0001'.repeat(50) }), '{"id": "a", "text": "It snowed."}'],
  ].join('\n')
  const filled = await collection(['add', 'weather', '--jsonl', '-', '--json', ...store, ...one], { input })
  expect(filled.code).toBe(2)
  expect(jsonLines(filled.stdout)).toMatchObject([{ documents: 2, added: 2, removed: 1, failed: 4 }])
  for (const place of ['line 2 is not JSON', 'line 3: .*content', 'line 4: .*colour', 'line 5: .*not text'])
    expect(filled.stderr).toMatch(new RegExp(place))

  const nowhere = ['list', '--vector-store', join(folder.path, 'nowhere')]
  expect((await collection(nowhere)).stderr).toMatch(/no vector store in .*collection add/)
  expect(existsSync(join(folder.path, 'nowhere'))).toBe(false)
  const absent = await check([...claim, '--collection', 'news', ...store])
  expect(absent.stdout).toMatch(/no collection \\"news\\": there are weather/)
  const without = await check([...claim, '--collection', 'news'])
  expect(without.stdout).toMatch(/There is no vector store: .*--vector-store DIR/)
  expect((await check([...claim, '--source', 'README.md', '--vector-read-only'])).stderr).toMatch(
    /needs --vector-store/,
  )
})

test('words that say too little or too much are refused before anything is opened', () => {
  const store = storeAt('unopened')
  const wrong: [string[], RegExp][] = [
    [['list'], /--vector-store DIR/],
    [['list', 'a', ...store], /list takes no name/],
    [['bend', ...store], /one of list, add, remove/],
    [['add', ...store], /the name of a collection/],
    [['add', 'a', ...store], /files, or --jsonl/],
    [['add', 'a', 'file', '--jsonl', 'file', ...store], /files, or --jsonl/],
    [['add', 'requests', 'file', ...store], /only requests fill it/],
    [['remove', 'a\nb', ...store], /control characters/],
  ]
  for (const [words, message] of wrong)
    expect(() => parseCollectionWords(parseArguments(['collection', ...words]))).toThrow(message)
})

test('without LanceDB the command to install it is named, and nothing else needs it', async () => {
  // The same sources among the same packages, but for this one.
  const bare = join(folder.path, 'bare')
  cpSync(join(repository, 'src'), join(bare, 'src'), { recursive: true })
  cpSync(join(repository, 'package.json'), join(bare, 'package.json'))
  const packages = globSync(
    ['node_modules/{msgpackr,lru-cache,piscina,zod}', 'node_modules/@opentelemetry/*'],
    {
      cwd: repository,
    },
  )
  for (const name of packages) {
    mkdirSync(dirname(join(bare, name)), { recursive: true })
    symlinkSync(join(repository, name), join(bare, name))
  }
  const program = join(bare, 'src', 'adapters', 'cli.ts')
  const store = storeAt('bare-store')
  const refused = await Promise.all(
    [
      ['check', ...claim, '--source', 'package.json', ...store],
      ['collection', 'add', 'a', 'package.json', ...store],
      ['serve', 'mcp', ...store],
      ['consume', ...store],
    ].map(words => runCommandLine(words, { program })),
  )
  const said = /ER_CONFIG: --vector-store needs packages of its own: npm install @lancedb\/lancedb\n$/
  for (const { code, stderr } of refused) expect([code, stderr]).toEqual([2, expect.stringMatching(said)])
  expect(await runCommandLine(['trace', 'list'], { program })).toMatchObject({ code: 0 })
})
