/** Real vectors in a LanceDB folder: a claim against a stored corpus, and what earlier runs leave to later ones. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openLanceStore } from '../../src/adapters/lancedb.ts'
import { EvidenceEnhancer, type EvidenceEnhancerConfig } from '../../src/index.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const path = join(folder.path, 'vectors')
const settings = { poolSize: 1, telemetry: false } as const

const handbook = [
  {
    id: 'backups',
    title: 'Backups',
    content: 'Backups of the customer database are made every night at two.\n\nThey are kept for 35 days.',
  },
  {
    id: 'access',
    content:
      'Only engineers on duty may restart the payment service.\n\nEvery restart is written into the log book.',
  },
  { id: 'kitchen', content: 'The kitchen is cleaned on Fridays. Lunch is served from noon to two.' },
]

async function withStore<T>(work: (enhancer: EvidenceEnhancer) => Promise<T>): Promise<T> {
  await using store = await openLanceStore(path)
  await using enhancer = await EvidenceEnhancer.open({ ...settings, vectorStore: store })
  return await work(enhancer)
}

const ask = (taskId: string) => ({
  taskId,
  claim: 'Backups of the customer database are made every night.',
  sources: [{ type: 'database' as const, collection: 'handbook', limit: 3 }],
})

test('a claim is checked against a stored corpus, and later runs have what earlier ones left', async () => {
  const first = await withStore(async enhancer => {
    expect(await enhancer.addDocuments('handbook', handbook)).toMatchObject({ known: 0, removed: 0 })
    await enhancer.enhanceEvidence({
      taskId: 'incident 7',
      claim: 'The backup failed on Monday.',
      sources: [
        { id: 'report', title: 'Report', content: 'The nightly backup of Monday failed: disk full.' },
      ],
    })
    const evidence = await enhancer.enhanceEvidence(ask('first'))
    expect(enhancer.stats().vectors).toMatchObject({ dropped: 0, failedSearches: 0, lastError: null })
    return evidence
  })
  const [source] = first.retrieved ?? []
  expect(source?.passages[0]).toMatchObject({ documentId: 'backups', title: 'Backups' })
  expect(source?.passages.map(({ documentId }) => documentId)).not.toContain('kitchen')
  expect(first).toMatchObject({ verdict: 'supported', errors: [] })
  expect(first.citations.length).toBeGreaterThan(0)
  for (const { start, end, text } of first.citations) {
    expect(source?.content.slice(start, end)).toBe(text)
    const from = source?.passages.find(passage => passage.start <= start && end <= passage.end)
    expect(handbook.find(({ id }) => id === from?.documentId)?.content).toContain(text)
  }

  await withStore(async enhancer => {
    // Another process's worth of caches: what is embedded now is the claim alone.
    const again = await enhancer.enhanceEvidence(ask('second'))
    expect(again.retrieved).toEqual(first.retrieved)
    expect(again.verdict).toBe(first.verdict)
    expect(again.spent).toMatchObject({ calls: 1 })
    expect(again.spent.tokens).toBeLessThan(20)
    expect(again.relatedEvidence[0]).toMatchObject({
      claim: 'The nightly backup of Monday failed: disk full.',
      source: 'incident 7/report',
      from: { taskId: 'incident 7', sourceId: 'report', title: 'Report' },
    })
    const [claim, passage] = await enhancer.embed([ask('').claim, again.relatedEvidence[0]?.claim ?? ''])
    const cosine = (claim as Float32Array).reduce((sum, x, index) => sum + x * (passage?.[index] ?? 0), 0)
    expect(again.relatedEvidence[0]?.similarity).toBeCloseTo(cosine, 3)
    expect(await enhancer.addDocuments('handbook', handbook)).toMatchObject({ added: 0, removed: 0 })
  })
})

test('another model is refused when the enhancer is opened', async () => {
  await using store = await openLanceStore(join(folder.path, 'other'))
  await store.bind({ model: 'other@1+abc', dimensions: 384 })
  const opening = EvidenceEnhancer.open({ ...settings, vectorStore: store })
  await expect(opening).rejects.toMatchObject({ code: 'ER_MODEL_MISMATCH' })
})

test('the store in memory is a line of configuration; what is no store is refused', async () => {
  await using enhancer = await EvidenceEnhancer.open({ ...settings, vectorStore: { kind: 'memory' } })
  await enhancer.addDocuments('handbook', handbook)
  const evidence = await enhancer.enhanceEvidence(ask('t'))
  expect(evidence.verdict).toBe('supported')
  const open = (config: object) => EvidenceEnhancer.open(config as EvidenceEnhancerConfig)
  await expect(open({ vectorStore: { kind: 'disk' } })).rejects.toThrow(/vectorStore: must be/)
  await expect(open({ vectorStore: { kind: 'memory' }, enableEmbeddingSearch: false })).rejects.toThrow(
    /vectorStore: nothing is embedded/,
  )
})

test('what an earlier process has computed is not computed again, unless every answer has to be the same', async () => {
  const own = join(folder.path, 'recalled')
  const sentences = Array.from(
    { length: 40 },
    (_, number) =>
      `Crane ${number} of the north quay was stopped for ${number + 3} hours because its brake had become too warm.`,
  )
  const given = {
    taskId: 'cranes',
    claim: 'The brake of a crane became too warm.',
    sources: [{ id: 'quay', content: sentences.join('\n\n') }],
  }
  const run = async (changes: object = {}, options: object = {}) => {
    await using store = await openLanceStore(own)
    await using enhancer = await EvidenceEnhancer.open({ ...settings, vectorStore: store, ...changes })
    const evidence = await enhancer.enhanceEvidence(given, options)
    return { evidence, figures: enhancer.stats().vectors }
  }
  const first = await run()
  expect(first.figures).toMatchObject({ recalled: 0, failedSearches: 0 })
  const second = await run()
  expect(second.figures).toMatchObject({ recalled: 40, failedSearches: 0, lastError: null })
  expect(second.evidence.spent.tokens).toBeLessThan(first.evidence.spent.tokens / 10)
  expect(second.evidence.verdict).toBe(first.evidence.verdict)
  // Not their scores: the claim's vector has other last bits where it is computed alone.
  const cited = ({ evidence }: typeof first) => evidence.citations.map(({ text }) => text)
  expect(cited(second)).toEqual(cited(first))
  expect(second.evidence.trace.hash).toBe(first.evidence.trace.hash)
  const third = await run({}, { reproducible: true })
  expect(third.figures).toMatchObject({ recalled: 0 })
  // A short text is computed sooner than it is looked up.
  const short = { ...given, sources: [{ id: 'quay', content: sentences.slice(0, 2).join('\n\n') }] }
  await using store = await openLanceStore(own)
  await using enhancer = await EvidenceEnhancer.open({ ...settings, vectorStore: store })
  await enhancer.enhanceEvidence(short)
  expect(enhancer.stats().vectors).toMatchObject({ recalled: 0 })
})
