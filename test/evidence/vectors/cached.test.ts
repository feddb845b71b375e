/** Findings are kept for equal requests; what a vector store says beside them is never older than the store. */
import { expect, test } from 'vitest'
import type { EvidenceContext } from '../../../src/evidence/request.ts'
import type { EnhancedEvidence } from '../../../src/evidence/result.ts'
import { KeptPassages } from '../../../src/evidence/vectors/kept-passages.ts'
import { MemoryVectorStore } from '../../../src/evidence/vectors/memory.ts'
import { tagOf } from '../../../src/evidence/vectors/store.ts'
import type { MemoEntry } from '../../../src/plan/ports.ts'
import { fakeEncoder, fakeEnhancer } from '../../support/fake-enhancer.ts'

/** An enhancer as a process has one, over a store and a memo that others have, too. */
function processOver(memo: Map<string, MemoEntry>, store?: MemoryVectorStore) {
  const kept = store && new KeptPassages(store, { tag: async () => tagOf(fakeEncoder) })
  return { ...fakeEnhancer({}, { kept, memo }), kept }
}

const gate: EvidenceContext = {
  taskId: 'gate',
  claim: 'The north gate was open.',
  sources: [{ id: 'log', content: 'The north gate was open at noon.\n\nIt rained.' }],
}
const bridge: EvidenceContext = {
  taskId: 'bridge',
  claim: 'The south gate was closed.',
  sources: [{ id: 'log', content: 'The south gate was closed.' }],
}
const ask: EvidenceContext = {
  taskId: 'ask',
  claim: 'The gate opens at six.',
  sources: [{ type: 'database', collection: 'handbook', limit: 4 }],
}

const origins = ({ relatedEvidence }: EnhancedEvidence) => relatedEvidence.map(({ source }) => source)

test('an answer from the cache has what was read since it was kept', async () => {
  const { enhancer, fake, kept } = processOver(new Map(), new MemoryVectorStore())
  const first = await enhancer.enhanceEvidence(gate)
  expect(origins(first)).toEqual([])
  await enhancer.enhanceEvidence(bridge)
  await kept?.flush()
  const [before, { embeddingVectors: _, ...metadata }] = [fake.texts.length, first.metadata]
  const again = await enhancer.enhanceEvidence({ ...gate, taskId: 'again' })
  expect(again).toMatchObject({ cached: true, verdict: first.verdict, citations: first.citations })
  expect(origins(again)).toEqual(['bridge/log'])
  // Looked for with the vector that was kept, too: nothing is embedded for it.
  expect(fake.texts.length).toBe(before)
  expect(again.metadata).toMatchObject({ ...metadata, timestamp: expect.any(String) })
})

test('those who share a run are each told what the store has', async () => {
  const { enhancer, kept } = processOver(new Map(), new MemoryVectorStore())
  await enhancer.enhanceEvidence(bridge)
  await kept?.flush()
  const answers = await Promise.all([enhancer.enhanceEvidence(gate), enhancer.enhanceEvidence(gate)])
  expect(answers.map(origins)).toEqual([['bridge/log'], ['bridge/log']])
  expect(answers.map(({ cached }) => cached).sort()).toEqual([false, true])
})

test('findings of another process are given with the passages of the own store, or of none', async () => {
  const memo = new Map<string, MemoEntry>()
  const [full, empty] = [new MemoryVectorStore(), new MemoryVectorStore()]
  const one = processOver(memo, full)
  await one.enhancer.enhanceEvidence(bridge)
  await one.kept?.flush()
  expect(origins(await one.enhancer.enhanceEvidence(gate))).toEqual(['bridge/log'])
  const recalled = { cached: true, spent: { calls: 0 } }

  const other = await processOver(memo, empty).enhancer.enhanceEvidence(gate)
  expect(other).toMatchObject(recalled)
  expect(origins(other)).toEqual([])

  const without = await processOver(memo).enhancer.enhanceEvidence(gate)
  expect(without).toMatchObject(recalled)
  const plain = await fakeEnhancer().enhancer.enhanceEvidence(gate)
  expect(without.relatedEvidence).toEqual(plain.relatedEvidence)

  // And the other way: what was found without a store is given with what one has.
  const later = new Map<string, MemoEntry>()
  await processOver(later).enhancer.enhanceEvidence(gate)
  const withStore = await processOver(later, full).enhancer.enhanceEvidence(gate)
  expect(withStore).toMatchObject(recalled)
  expect(origins(withStore)).toEqual(['bridge/log'])
})

test('a text that a request brings itself is not related to it, whatever document it was kept from', async () => {
  const { enhancer, kept } = processOver(new Map(), new MemoryVectorStore())
  const brings = { ...gate, sources: [{ content: 'It snowed.\n\nThe south gate was closed.' }] }
  await enhancer.enhanceEvidence(bridge)
  await kept?.flush()
  expect(origins(await enhancer.enhanceEvidence(brings))).toEqual([])
  expect(origins(await enhancer.enhanceEvidence({ ...brings, taskId: 'again' }))).toEqual([])
})

test('a source from a collection is what the collection holds now, in this process and the next', async () => {
  const memo = new Map<string, MemoEntry>()
  const store = new MemoryVectorStore()
  const { enhancer } = processOver(memo, store)
  const contentOf = ({ retrieved }: EnhancedEvidence) => retrieved?.map(({ content }) => content)
  const keep = (content: string) => enhancer.addDocuments('handbook', [{ id: 'gate', content }])
  await keep('The gate opens at six.')
  const first = await enhancer.enhanceEvidence(ask)
  expect(await enhancer.enhanceEvidence(ask)).toMatchObject({ cached: true })

  await keep('The gate opens at nine.')
  for (const asked of [enhancer, processOver(memo, store).enhancer]) {
    const second = await asked.enhanceEvidence(ask)
    expect(contentOf(second)).toEqual(['The gate opens at nine.'])
    expect(second.trace.hash).not.toBe(first.trace.hash)
    for (const { text } of second.citations) expect(text).toBe('The gate opens at nine.')
  }
})
