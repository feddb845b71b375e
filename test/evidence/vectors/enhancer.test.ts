/** The enhancer with a vector store: what it keeps, what it finds, what it retrieves, and that no store can harm it. */
import { expect, test } from 'vitest'
import type { EvidenceContext } from '../../../src/evidence/request.ts'
import { KeptPassages } from '../../../src/evidence/vectors/kept-passages.ts'
import { MemoryVectorStore } from '../../../src/evidence/vectors/memory.ts'
import { tagOf, type VectorStore } from '../../../src/evidence/vectors/store.ts'
import { fakeEncoder, fakeEnhancer } from '../../support/fake-enhancer.ts'

function withStore(store: VectorStore = new MemoryVectorStore(), options: object = {}) {
  const kept = new KeptPassages(store, { tag: async () => tagOf(fakeEncoder), ...options })
  const primed: string[] = []
  const prime = (_call: object, text: string) => void primed.push(text)
  return { ...fakeEnhancer({}, { kept, prime }), kept, primed, store }
}

const gate: EvidenceContext = {
  taskId: 'gate',
  claim: 'The north gate was open.',
  sources: [{ id: 'log', title: 'Gate log', content: 'The north gate was open at noon.\n\nIt rained.' }],
}
const bridge: EvidenceContext = {
  taskId: 'bridge',
  claim: 'The north gate was closed.',
  sources: [{ content: 'The bridge was closed.' }, { content: 'The south gate was closed.' }],
}

test('related evidence comes from earlier requests, and says from which', async () => {
  const { enhancer, kept } = withStore()
  const first = await enhancer.enhanceEvidence(gate)
  expect(first.relatedEvidence).toEqual([])
  await kept.flush()
  const second = await enhancer.enhanceEvidence(bridge)
  expect(second.relatedEvidence[0]).toEqual({
    claim: 'The north gate was open at noon.',
    similarity: expect.closeTo(0.8, 0.2),
    source: 'gate/log',
    from: {
      taskId: 'gate',
      sourceId: 'log',
      title: 'Gate log',
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    },
  })
  expect(second.relatedEvidence.every(({ from }) => from?.taskId === 'gate')).toBe(true)
})

test('nothing of its own sources is related, whoever brought them first', async () => {
  const { enhancer, kept } = withStore()
  await enhancer.enhanceEvidence(gate)
  await enhancer.enhanceEvidence(bridge)
  await kept.flush()
  const again = await enhancer.enhanceEvidence({ ...gate, taskId: 'again', claim: 'The gate was closed.' })
  expect(again.relatedEvidence.map(({ source }) => source).sort()).toEqual(['bridge/s1', 'bridge/s2'])
})

test('verdict, citations and trace are the same with a store and without, whatever it does', async () => {
  const plain = await fakeEnhancer().enhancer.enhanceEvidence(gate)
  const broken = new MemoryVectorStore()
  broken.search = async () => {
    throw new Error('no such file')
  }
  broken.upsert = broken.search as never
  const never = new MemoryVectorStore()
  never.search = () => new Promise(() => {})
  never.upsert = never.search as never
  for (const store of [new MemoryVectorStore(), broken, never]) {
    const { enhancer, kept } = withStore(store, { relatedWithinMs: 5, closeMs: 5 })
    const evidence = await enhancer.enhanceEvidence(gate)
    expect(evidence.relatedEvidence).toEqual([])
    const same = ({ trace, citations, verdict, confidence, errors }: typeof plain) => ({
      ...{ hash: trace.hash, exactHash: trace.exactHash, citations, verdict, confidence, errors },
    })
    expect(same(evidence)).toEqual(same(plain))
    await kept.close()
  }
})

test('a claim is checked against a collection, and every citation leads to its document', async () => {
  const { enhancer, fake, primed } = withStore()
  const added = await enhancer.addDocuments('handbook', [
    { id: 'doors', title: 'Doors', content: 'The north gate opens at six.\n\nThe south gate opens at nine.' },
    { id: 'food', content: 'Lunch is served at noon.', metadata: { chapter: 7 } },
  ])
  expect(added).toEqual({ passages: 3, known: 0, added: 3, removed: 0 })
  const before = fake.texts.length
  const evidence = await enhancer.enhanceEvidence({
    taskId: 't',
    claim: 'The north gate opens at six.',
    sources: [
      { type: 'database', collection: 'handbook', limit: 2, id: 'book' },
      { type: 'database', collection: 'handbook', query: 'When is lunch served?', limit: 1 },
    ],
  })
  const [book, lunch] = evidence.retrieved ?? []
  expect(book).toMatchObject({ sourceId: 'book', collection: 'handbook' })
  expect(book?.passages.map(({ documentId, title }) => [documentId, title])).toEqual([
    ['doors', 'Doors'],
    ['doors', 'Doors'],
  ])
  expect(book?.passages[0]?.similarity).toBeCloseTo(1, 5)
  expect(lunch).toMatchObject({
    sourceId: 's2',
    passages: [{ documentId: 'food', metadata: { chapter: 7 } }],
  })
  expect(evidence.citations.length).toBeGreaterThan(0)
  for (const { sourceId, start, end, text } of evidence.citations) {
    const source = evidence.retrieved?.find(each => each.sourceId === sourceId)
    expect(source?.content.slice(start, end)).toBe(text)
    expect(source?.passages.some(passage => passage.start <= start && end <= passage.end)).toBe(true)
  }
  // What it is searched by is embedded; what was found need not be.
  expect(fake.texts.slice(before)).toContain('When is lunch served?')
  expect(primed.sort()).toEqual([
    'Lunch is served at noon.',
    'The north gate opens at six.',
    'The south gate opens at nine.',
  ])
  expect(evidence.spent.calls).toBeGreaterThanOrEqual(2)
})

test('a document that comes again replaces what was kept, and only what is new is embedded', async () => {
  const { enhancer, fake, store } = withStore()
  const content = 'The north gate opens at six.\n\nThe south gate opens at nine.'
  await enhancer.addDocuments('handbook', [{ id: 'doors', content }])
  const before = fake.texts.length
  const changed = content.replace('nine', 'ten')
  expect(await enhancer.addDocuments('handbook', [{ id: 'doors', content: changed }])).toEqual({
    ...{ passages: 2, known: 1, added: 1, removed: 1 },
  })
  expect(fake.texts.slice(before)).toEqual(['The south gate opens at ten.'])
  expect(await store.count({ collection: 'handbook' })).toBe(2)
  expect(await enhancer.removeDocuments('handbook', ['doors'])).toBe(2)
  expect(await store.count()).toBe(0)
})

test('retrieved passages are no earlier evidence: the collection holds them already', async () => {
  const { enhancer, kept, store } = withStore()
  await enhancer.addDocuments('handbook', [{ id: 'doors', content: 'The north gate opens at six.' }])
  await enhancer.enhanceEvidence({
    taskId: 't',
    claim: 'The north gate opens at six.',
    sources: [{ type: 'database', collection: 'handbook' }, { content: 'It rained.' }],
  })
  await kept.flush()
  expect(await store.count({ collection: 'requests' })).toBe(1)
})

test('what earlier requests have read is a collection, too', async () => {
  const { enhancer } = withStore()
  await enhancer.enhanceEvidence(gate)
  const evidence = await enhancer.enhanceEvidence({
    taskId: 't',
    claim: 'The north gate was open.',
    sources: [{ type: 'database', collection: 'requests', limit: 1 }],
  })
  expect(evidence.retrieved?.[0]?.passages[0]).toMatchObject({ documentId: 'log', title: 'Gate log' })
})

test('says what is wrong with a source that asks, and with documents', async () => {
  const { enhancer } = withStore()
  const check = (source: object) =>
    enhancer.enhanceEvidence({ taskId: 't', claim: 'It rained.', sources: [source] } as EvidenceContext)
  await enhancer.addDocuments('handbook', [{ id: 'a', content: 'It rained.' }])
  const cases: [object, RegExp][] = [
    [{ type: 'database', collection: 'hand' }, /no collection "hand": there are handbook/],
    [{ type: 'database', collection: 'handbook', content: 'x' }, /give one of the two/],
    [{ type: 'log', collection: 'handbook' }, /must be database/],
    [{ type: 'database' }, /content: .*expected string/],
    [{ content: 'x', query: 'y' }, /collection: is needed/],
  ]
  for (const [source, message] of cases) {
    await expect(check(source)).rejects.toMatchObject({
      code: 'ER_INPUT',
      message: expect.stringMatching(message),
    })
  }
  const without = fakeEnhancer().enhancer
  const context = {
    taskId: 't',
    claim: 'It rained.',
    sources: [{ type: 'database' as const, collection: 'a' }],
  }
  await expect(without.enhanceEvidence(context)).rejects.toThrow(/There is no vector store/)
  await expect(without.addDocuments('a', [{ id: 'a', content: 'x' }])).rejects.toThrow(/no vector store/)
  await expect(enhancer.addDocuments('requests', [{ id: 'a', content: 'x' }])).rejects.toThrow(
    /only requests/,
  )
  const twice = [1, 2].map(() => ({ id: 'a', content: 'x' }))
  await expect(enhancer.addDocuments('a', twice)).rejects.toThrow(/two have the id "a"/)
})

test('what retrieval takes counts against the budget of its request', async () => {
  const { enhancer } = withStore()
  await enhancer.addDocuments('handbook', [{ id: 'a', content: 'It rained.' }])
  const context: EvidenceContext = {
    taskId: 't',
    claim: 'It rained.',
    sources: [{ type: 'database', collection: 'handbook' }],
  }
  const evidence = await enhancer.enhanceEvidence(context, { budget: { calls: 2 } })
  expect(evidence.spent.calls).toBe(2)
  await expect(enhancer.enhanceEvidence(context, { budget: { calls: 0 } })).rejects.toMatchObject({
    code: expect.stringMatching(/^ER_BUDGET/),
  })
})
