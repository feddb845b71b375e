/**
 * The product over a fake Dispatch: the shape of an answer, its cache and single flight, fallback, limits,
 * telemetry and progress. Nothing here starts a process.
 */
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { DeadlineError, type ErrorCode, errorOf } from '../../src/core/errors.ts'
import type { EnhancedEvidence } from '../../src/evidence/result.ts'
import { turns, until } from '../support/condition.ts'
import { vectorOf } from '../support/fake-dispatch.ts'
import { fakeEnhancer, readyWorkers } from '../support/fake-enhancer.ts'

const context = {
  taskId: 'task-1',
  claim: 'The north gate was open at 9.',
  sources: [
    {
      id: 'log',
      type: 'log',
      title: 'Gate log',
      content:
        '08:59 The north gate was opened by the guard at last.\n\n09:10 The south gate was closed again.\n',
    },
    { content: 'Soup was served at noon.\n\nThe north gate was open at 9 and 🔋 low.' },
  ],
}
const about = (claim: string) => ({ ...context, claim })

/** What differs from run to run, replaced. */
const steady = (evidence: EnhancedEvidence) => ({
  ...evidence,
  id: '(id)',
  processingTime: 0,
  timings: evidence.timings.map(timing => ({ ...timing, totalMs: 0 })),
  validation: {
    ...evidence.validation,
    durationMs: 0,
    checks: evidence.validation.checks.map(check => ({ ...check, durationMs: 0 })),
  },
  metadata: { ...evidence.metadata, timestamp: '(timestamp)' },
})

/** A promise and its key. */
const gate = () => Promise.withResolvers<void>()

describe('an answer', () => {
  test('has the shape and the values of the golden file', async () => {
    const { enhancer } = fakeEnhancer()
    const evidence = await enhancer.enhanceEvidence(context)
    const text = `${JSON.stringify(steady(evidence), undefined, 2)}\n`
    // After a wanted change: npx vitest run --dir test/evidence -u, and read the difference.
    await expect(text).toMatchFileSnapshot(join(import.meta.dirname, '..', 'golden', 'evidence.json'))
    expect(evidence.id).toMatch(/^[0-9a-f-]{36}$/)
    expect(Date.parse(evidence.metadata.timestamp)).toBeGreaterThan(0)
    expect(evidence.processingTime).toBeGreaterThan(0)
  })

  test('is as confident as its verdict is likely, and more only where the caller asks for it', async () => {
    const plain = await fakeEnhancer().enhancer.enhanceEvidence(context)
    const boosted = await fakeEnhancer({ confidenceBoost: 0.001 }).enhancer.enhanceEvidence(context)
    const most = await fakeEnhancer({ confidenceBoost: 0.5 }).enhancer.enhanceEvidence(context)
    expect(plain).toMatchObject({ verdict: 'supported', confidence: plain.probabilities.supports })
    expect(plain.confidence).toBeLessThan(0.999)
    expect(boosted.confidence).toBeCloseTo(plain.confidence + 0.001, 12)
    expect(most.confidence).toBe(1)
    const nothing = await fakeEnhancer({ confidenceBoost: 0.5 }).enhancer.enhanceEvidence({
      ...context,
      sources: [{ content: '' }],
    })
    expect(nothing).toMatchObject({ verdict: 'not-enough-evidence', citations: [], abstained: true })
  })

  test('embeds the claim and what was chosen, once each and in one call', async () => {
    const { enhancer, fake } = fakeEnhancer({ maxPassages: 2 })
    const { coverage } = await enhancer.enhanceEvidence(context)
    expect(fake.calls).toHaveLength(1)
    expect(fake.texts).toEqual([
      context.claim,
      '08:59 The north gate was opened by the guard at last.',
      'The north gate was open at 9 and 🔋 low.',
    ])
    expect(coverage).toMatchObject({ passages: 4, passagesRead: 2, sources: 2, sourcesRead: 2 })
  })

  test('warns of what it took although it was odd', async () => {
    const odd = { ...context, sources: [{ type: 'tweet', content: 'The gate.' }] }
    const { warnings } = await fakeEnhancer().enhancer.enhanceEvidence(odd)
    expect(warnings).toEqual([expect.stringMatching(/"tweet".*document, file, log/)])
  })

  test('hands the class, the caller and the deadline down in the context', async () => {
    const { enhancer, fake } = fakeEnhancer({ requestTimeoutMs: 5000 })
    await enhancer.enhanceEvidence(about('a'))
    await enhancer.enhanceEvidence({ ...about('b'), metadata: { priority: 'low', requester: 'ann' } })
    await enhancer.enhanceEvidence(
      { ...about('c'), metadata: { priority: 'low', requester: 'ann' } },
      { priority: 'high', caller: 'bob', timeoutMs: 50_000 },
    )
    const seen = fake.calls.map(({ context }) => [context.class, context.caller])
    expect(seen).toEqual([
      ['normal', 'default'],
      ['bulk', 'ann'],
      ['interactive', 'bob'],
    ])
    const [first, , third] = fake.calls.map(({ context }) => context.deadline)
    expect((third as number) - (first as number)).toBeGreaterThan(44_000)
  })

  test('reproducible runs each text padded to a fixed length, and is kept apart in the cache', async () => {
    const { enhancer, fake } = fakeEnhancer()
    await enhancer.enhanceEvidence(context)
    await enhancer.enhanceEvidence(context, { reproducible: true })
    expect(fake.calls.map(({ call, context }) => [call.options, context.reproducible])).toEqual([
      [{}, false],
      [{ pad: 'fixed' }, true],
    ])
  })

  test('without embedding search asks nobody, and is no fallback', async () => {
    const { enhancer, fake } = fakeEnhancer({ enableEmbeddingSearch: false })
    const evidence = await enhancer.enhanceEvidence(context)
    expect(fake.calls).toEqual([])
    // Figures need no model: what arithmetic decides stands, and is as sure as ever.
    expect(evidence).toMatchObject({ confidenceMethod: 'arithmetic', fallbackUsed: false, errors: [] })
    expect(evidence.citations[0]?.text).toBe('The north gate was open at 9 and 🔋 low.')
    const plain = { ...context, claim: 'The north gate was painted.' }
    expect(await enhancer.enhanceEvidence(plain)).toMatchObject({
      verdict: 'not-enough-evidence',
      confidenceMethod: 'lexical',
      abstained: true,
    })
  })

  test('passes over a source that is not text, and names it; refuses a request without any text', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const binary = 'The gate was open.\0\0'
    const evidence = await enhancer.enhanceEvidence({
      ...context,
      sources: [
        { content: binary },
        { content: `The gate was open. One bell: \u0007. ${'It rained. '.repeat(5)}` },
      ],
    })
    expect(evidence.errors).toMatchObject([
      { code: 'ER_INPUT', message: expect.stringContaining('Source s1 ') },
    ])
    expect(evidence.assessments.map(({ relevance }) => relevance > 0)).toEqual([false, true])
    expect(evidence).toMatchObject({ fallbackUsed: false, coverage: { sources: 2, sourcesRead: 1 } })
    await expect(
      enhancer.enhanceEvidence({ ...context, sources: [{ content: binary }, { content: '\ufffd' }] }),
    ).rejects.toMatchObject({ name: 'InputError', code: 'ER_INPUT' })
    expect(fake.calls).toHaveLength(1)
  })

  test('no words in a claim or a path switch anything', async () => {
    const { enhancer } = fakeEnhancer()
    const asked = { ...context, taskId: 'deterministic-nonexistent', claim: 'nonexistent deterministic gate' }
    const evidence = await enhancer.enhanceEvidence(asked)
    expect(evidence).toMatchObject({ fallbackUsed: false, errors: [], confidenceMethod: 'similarity' })
  })
})

describe('the cache', () => {
  test('gives an equal request an answer of its own that cost nothing', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const first = await enhancer.enhanceEvidence(context)
    const again = await enhancer.enhanceEvidence({
      ...context,
      taskId: 'task-2',
      metadata: { priority: 'high' },
    })
    expect(fake.calls).toHaveLength(1)
    expect(again.id).not.toBe(first.id)
    expect(again).toMatchObject({
      taskId: 'task-2',
      cached: true,
      spent: { calls: 0, tokens: 0, workerMs: 0 },
      timings: [],
    })
    expect({ ...again.citations }).toEqual({ ...first.citations })
    expect(again.trace).toEqual(first.trace)
    expect(enhancer.spent).toEqual(first.spent)
    expect((await enhancer.health()).cacheSize).toBe(1)
  })

  test.each([
    ['another claim', { ...context, claim: 'The south gate was open.' }],
    ['another text', { ...context, sources: [context.sources[0]!, { content: 'Soup.' }] }],
    [
      'another name of a source',
      { ...context, sources: [{ ...context.sources[0]!, id: 'b' }, context.sources[1]!] },
    ],
    [
      'another type of a source',
      { ...context, sources: [{ ...context.sources[0]!, type: 'api' }, context.sources[1]!] },
    ],
    ['another order', { ...context, sources: context.sources.toReversed() }],
  ])('keeps %s apart', async (_what, other) => {
    const { enhancer, fake } = fakeEnhancer()
    await enhancer.enhanceEvidence(context)
    expect((await enhancer.enhanceEvidence(other)).cached).toBe(false)
    expect(fake.calls).toHaveLength(2)
  })

  test('keeps texts apart that differ in a lone surrogate alone', async () => {
    const { enhancer } = fakeEnhancer()
    for (const content of [
      'The north gate \ud800 was open.',
      'The north gate \udfff was open.',
      'The north gate \ufffd was open.',
    ]) {
      const { citations } = await enhancer.enhanceEvidence({ ...context, sources: [{ content }] })
      expect(citations.map(({ text }) => text)).toEqual([content])
    }
  })

  test('keeps no more than maxCacheSize, and nothing with 0', async () => {
    const { enhancer, fake } = fakeEnhancer({ maxCacheSize: 2 })
    for (const claim of ['a', 'b', 'c', 'a']) await enhancer.enhanceEvidence(about(claim))
    expect(fake.calls).toHaveLength(4)
    expect(await enhancer.health()).toMatchObject({ cacheSize: 2, memoryLeakDetected: false })
    const none = fakeEnhancer({ maxCacheSize: 0 })
    for (const claim of ['a', 'a']) await none.enhancer.enhanceEvidence(about(claim))
    expect(none.fake.calls).toHaveLength(2)
  })

  test('an answer that a caller changes does not change the next one', async () => {
    const { enhancer } = fakeEnhancer()
    const first = await enhancer.enhanceEvidence(context)
    const before = structuredClone(first.citations)
    try {
      ;(first.citations as unknown[]).length = 0
    } catch {
      // Frozen is as good as copied.
    }
    expect((await enhancer.enhanceEvidence(context)).citations).toEqual(before)
  })
})

describe('single flight', () => {
  test('runs equal requests once, and gives each an envelope of its own', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const held = gate()
    fake.before = () => held.promise
    const answers = Promise.all(
      ['a', 'b', 'c'].map(taskId => enhancer.enhanceEvidence({ ...context, taskId })),
    )
    await until('the work was dispatched', () => fake.underWay > 0)
    held.resolve()
    const all = await answers
    expect(fake.calls).toHaveLength(1)
    expect(all.map(({ taskId }) => taskId)).toEqual(['a', 'b', 'c'])
    expect(all.map(({ cached }) => cached)).toEqual([false, true, true])
    expect(new Set(all.map(({ id }) => id)).size).toBe(3)
    expect(enhancer.spent.calls).toBe(1)
  })

  test('a caller that leaves takes nobody with it; when all have left, the work is stopped', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const held = gate()
    fake.before = () => held.promise
    const [one, two] = [new AbortController(), new AbortController()]
    const first = enhancer.enhanceEvidence(context, { signal: one.signal })
    const second = enhancer.enhanceEvidence(context, { signal: two.signal })
    await until('the work was dispatched', () => fake.underWay > 0)
    one.abort('had enough')
    await expect(first).rejects.toBe('had enough')
    const [call] = fake.calls
    expect(call?.context.signal.aborted).toBe(false)
    two.abort('me too')
    await expect(second).rejects.toBe('me too')
    expect(call?.context.signal.aborted).toBe(true)
    held.resolve()
  })

  test('a failure is not kept: the next request tries again', async () => {
    const { enhancer, fake } = fakeEnhancer()
    fake.before = () => {
      if (fake.calls.length === 1) throw errorOf('ER_QUEUE_FULL', 'full', { retryAfterMs: 5 })
    }
    await expect(enhancer.enhanceEvidence(context)).rejects.toMatchObject({ code: 'ER_QUEUE_FULL' })
    expect((await enhancer.enhanceEvidence(context)).cached).toBe(false)
  })
})

describe('when no worker can be had', () => {
  const standIns: ErrorCode[] = [
    'ER_NO_WORKER',
    'ER_WARMING',
    'ER_WORKER_SPAWN',
    'ER_WORKER_EXIT',
    'ER_WORKER_HUNG',
    'ER_WIRE',
    'ER_POISON',
    'ER_MODEL_LOAD',
    'ER_MODEL_MISMATCH',
    'ER_MODEL_FAILED',
    'ER_MODEL_MEMORY',
  ]
  test.each(standIns)('%s gives a lexical answer that says so, and is not kept', async code => {
    const { enhancer, fake } = fakeEnhancer()
    fake.before = () => {
      throw errorOf(code, 'broken')
    }
    const evidence = await enhancer.enhanceEvidence(context)
    expect(evidence).toMatchObject({
      verdict: 'not-enough-evidence',
      abstained: true,
      fallbackUsed: true,
      cached: false,
      confidenceMethod: 'lexical',
      errors: [{ code, message: 'broken' }],
      // What was never begun is free; how far a worker got that died, nobody knows.
      spent: { calls: /NO_WORKER|WARMING|SPAWN|LOAD|MISMATCH/.test(code) ? 0 : 1 },
      metadata: { realMLXInference: false, mlxModelLoaded: false, vectorSimilarityUsed: false },
    })
    expect(evidence.confidence).toBeGreaterThan(0)
    expect(evidence.confidence).toBeLessThanOrEqual(0.4)
    fake.before = () => {}
    expect(await enhancer.enhanceEvidence(context)).toMatchObject({ fallbackUsed: false, cached: false })
  })

  test('the lexical answer has the fields of the real one, of the same types', async () => {
    const { enhancer, fake } = fakeEnhancer({ maxCacheSize: 0 })
    const real = await enhancer.enhanceEvidence(context)
    fake.before = () => {
      throw errorOf('ER_NO_WORKER', 'none')
    }
    const lexical = await enhancer.enhanceEvidence(context)
    const kind = (value: unknown) => (Array.isArray(value) ? 'list' : typeof value)
    // What an answer leans to is a verdict or null, what it was calibrated on a set or 'uncalibrated', in both.
    const either = ['leaning', 'calibration']
    const kinds = (value: object) =>
      Object.entries(value).map(([key, field]) => [key, either.includes(key) ? 'either' : kind(field)])
    expect(kinds(lexical)).toEqual(kinds(real))
    const vectorless = ({ embeddingVectors: _, ...metadata }: EnhancedEvidence['metadata']) => metadata
    expect(kinds(vectorless(lexical.metadata))).toEqual(kinds(vectorless(real.metadata)))
    expect(Object.keys(lexical.metadata)).toEqual(Object.keys(real.metadata))
    expect(kinds(lexical.citations[0]!)).toEqual(kinds(real.citations[0]!))
    expect(kinds(lexical.assessments[0]!)).toEqual(kinds(real.assessments[0]!))
    expect(lexical.timings.map(({ step }) => step)).toEqual(real.timings.map(({ step }) => step))
    expect(lexical.trace.steps.map(({ node }) => node)).toEqual(real.trace.steps.map(({ node }) => node))
  })

  test.each<ErrorCode>(['ER_QUEUE_FULL', 'ER_DEADLINE', 'ER_CLOSED', 'ER_BUDGET_SPENT', 'ER_UNKNOWN_MODEL'])(
    '%s is thrown as it is: words would not be what was asked for',
    async code => {
      const { enhancer, fake } = fakeEnhancer()
      const thrown = errorOf(code, 'no')
      fake.before = () => {
        throw thrown
      }
      await expect(enhancer.enhanceEvidence(context)).rejects.toBe(thrown)
    },
  )

  test('with fallback: error throws what happened', async () => {
    const { enhancer, fake } = fakeEnhancer({ fallback: 'error' })
    fake.before = () => {
      throw errorOf('ER_NO_WORKER', 'none', { retryAfterMs: 7 })
    }
    await expect(enhancer.enhanceEvidence(context)).rejects.toMatchObject({
      code: 'ER_NO_WORKER',
      retryAfterMs: 7,
    })
  })

  test('an encoder that can not be identified is no worker either', async () => {
    const encoder = () => Promise.reject(errorOf('ER_MODEL_LOAD', 'no folder'))
    const lexical = fakeEnhancer({}, { encoder })
    expect(await lexical.enhancer.enhanceEvidence(context)).toMatchObject({
      fallbackUsed: true,
      errors: [{ code: 'ER_MODEL_LOAD' }],
    })
    const strict = fakeEnhancer({ fallback: 'error' }, { encoder })
    await expect(strict.enhancer.enhanceEvidence(context)).rejects.toMatchObject({ code: 'ER_MODEL_LOAD' })
    const wordsAlone = fakeEnhancer({ enableEmbeddingSearch: false }, { encoder })
    expect(await wordsAlone.enhancer.enhanceEvidence(context)).toMatchObject({
      fallbackUsed: false,
      errors: [],
    })
  })
})

describe('time and abort', () => {
  test('a request that takes too long ends with a DeadlineError, not with a fallback', async () => {
    const { enhancer, fake } = fakeEnhancer()
    fake.before = () => new Promise(() => {})
    await expect(enhancer.enhanceEvidence(context, { timeoutMs: 20 })).rejects.toBeInstanceOf(DeadlineError)
    expect(fake.calls[0]?.context.signal.aborted).toBe(true)
  })

  test('an abort is thrown with its reason, before and in the middle', async () => {
    const { enhancer, fake } = fakeEnhancer()
    await expect(enhancer.enhanceEvidence(context, { signal: AbortSignal.abort('early') })).rejects.toBe(
      'early',
    )
    expect(fake.calls).toEqual([])
    const controller = new AbortController()
    fake.before = () => new Promise(() => {})
    const underWay = enhancer.enhanceEvidence(context, { signal: controller.signal })
    await until('the work was dispatched', () => fake.underWay > 0)
    controller.abort('middle')
    await expect(underWay).rejects.toBe('middle')
  })

  test.each([2 ** 31, 1e12])('a time of %d ms is no time of one', async timeoutMs => {
    const { enhancer, fake } = fakeEnhancer()
    // Longer than the millisecond to which Node cuts a timer that it can not set.
    const held = gate()
    fake.before = () => held.promise
    const underWay = enhancer.enhanceEvidence(context, { timeoutMs })
    setTimeout(held.resolve, 20)
    expect(await underWay).toMatchObject({ fallbackUsed: false })
  })
})

describe('progress', () => {
  test('tells each step as it is done', async () => {
    const steps: unknown[] = []
    await fakeEnhancer().enhancer.enhanceEvidence(context, {
      onProgress: ({ step, done, total }) => steps.push([step, done, total]),
    })
    expect(steps).toEqual([
      ['passages', 1, 5],
      ['embed', 2, 5],
      ['rank', 3, 5],
      ['analysis', 4, 5],
      ['validate', 5, 5],
    ])
  })

  test('a listener that throws, or rejects later, changes nothing', async () => {
    const unheard: unknown[] = []
    const others = process.listeners('unhandledRejection')
    process.removeAllListeners('unhandledRejection')
    const note = (reason: unknown) => unheard.push(reason)
    process.on('unhandledRejection', note)
    try {
      const throwing = () => {
        throw new Error('a bad listener')
      }
      const rejecting = async () => {
        throw new Error('a bad listener, later')
      }
      const [one, two] = await Promise.all([
        fakeEnhancer().enhancer.enhanceEvidence(context, { onProgress: throwing }),
        fakeEnhancer().enhancer.enhanceEvidence(context, { onProgress: rejecting }),
      ])
      expect([one.errors, two.errors]).toEqual([[], []])
      await turns(5)
      expect(unheard).toEqual([])
    } finally {
      process.off('unhandledRejection', note)
      for (const listener of others) process.on('unhandledRejection', listener)
    }
  })
})

describe('telemetry', () => {
  test('tells of start, completion and error', async () => {
    const { enhancer, events, telemetry } = fakeEnhancer()
    const evidence = await enhancer.enhanceEvidence(context)
    await enhancer.enhanceEvidence(context)
    await enhancer.enhanceEvidence({ ...context, claim: '' }).catch(() => {})
    await telemetry.flush()
    expect(events.map(({ event, timestamp: _, ...fields }) => [event, fields])).toEqual([
      ['evidence_enhancement_started', { taskId: 'task-1', processor: 'evidence-runner' }],
      [
        'evidence_enhancement_completed',
        { taskId: 'task-1', processingTime: evidence.processingTime, confidence: evidence.confidence },
      ],
      ['evidence_enhancement_started', { taskId: 'task-1', processor: 'evidence-runner' }],
      [
        'evidence_enhancement_completed',
        { taskId: 'task-1', processingTime: expect.any(Number), confidence: evidence.confidence },
      ],
      [
        'evidence_enhancement_error',
        { error: expect.stringContaining('Claim is required'), processingTime: expect.any(Number) },
      ],
    ])
  })

  test.each([
    [
      'throws',
      () => {
        throw new Error('a bad sink')
      },
    ],
    ['rejects', () => Promise.reject(new Error('a bad sink'))],
    ['never answers', () => new Promise(() => {})],
  ])('a sink that %s changes no answer, and does not hold up close()', async (_what, telemetryCallback) => {
    const { enhancer } = fakeEnhancer({ telemetryCallback })
    expect(await enhancer.enhanceEvidence(context)).toMatchObject({ errors: [], fallbackUsed: false })
    await enhancer.close()
  })
})

describe('enhanceMany()', () => {
  const contexts = [
    { ...context, taskId: 'a' },
    { ...context, taskId: 'b', claim: '' },
    null as never,
    { ...about('c'), taskId: 'c' },
    { ...about('d'), taskId: 'd', sources: [] },
  ]
  const brief = (outcome: object) => {
    const { taskId, line, error } = outcome as { taskId?: string; line?: number; error?: { code: string } }
    return [taskId, line, error?.code]
  }

  test('answers each in its place; what is wrong with one comes with its line', async () => {
    const { enhancer } = fakeEnhancer()
    const outcomes = await Array.fromAsync(enhancer.enhanceMany(contexts))
    expect(outcomes.map(brief)).toEqual([
      ['a', undefined, undefined],
      ['b', 2, 'ER_INPUT'],
      [undefined, 3, 'ER_INPUT'],
      ['c', undefined, undefined],
      ['d', 5, 'ER_INPUT'],
    ])
  })

  test('works on no more than `concurrency` at once, and unordered gives what is done', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const held = gate()
    fake.before = call => (call.items[0] === 'slow' ? held.promise : undefined)
    const run = enhancer.enhanceMany(
      ['slow', 'b', 'c', 'd', 'e'].map(claim => ({ ...about(claim), taskId: claim })),
      { concurrency: 2, ordered: false },
    )
    const quick: string[] = []
    for (let count = 0; count < 4; count += 1) quick.push((await run.next()).value?.taskId as string)
    expect(quick).toEqual(['b', 'c', 'd', 'e'])
    held.resolve()
    expect((await run.next()).value).toMatchObject({ taskId: 'slow' })
    expect(fake.mostUnderWay).toBe(2)
  })

  test('takes an async iterable, and stops with the reason of an abort', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const controller = new AbortController()
    async function* source() {
      yield { ...context, taskId: 'a' }
      await new Promise(() => {})
    }
    const run = enhancer.enhanceMany(source(), { signal: controller.signal })
    expect((await run.next()).value).toMatchObject({ taskId: 'a' })
    const next = run.next()
    controller.abort('enough')
    await expect(next).rejects.toBe('enough')
    expect(fake.calls).toHaveLength(1)
  })

  test.each([0, 1.5, Number.NaN])('refuses a concurrency of %d', concurrency => {
    const { enhancer } = fakeEnhancer()
    expect(() => enhancer.enhanceMany([], { concurrency })).toThrow(
      expect.objectContaining({ code: 'ER_INPUT' }),
    )
  })

  test('an overload of one is that one’s outcome, with when to come back', async () => {
    const { enhancer, fake } = fakeEnhancer()
    fake.before = () => {
      if (fake.calls.length === 1) throw errorOf('ER_QUEUE_FULL', 'full', { retryAfterMs: 40 })
    }
    const outcomes = await Array.fromAsync(enhancer.enhanceMany([about('x'), about('y')], { concurrency: 1 }))
    expect(outcomes[0]).toEqual({
      taskId: 'task-1',
      line: 1,
      error: { code: 'ER_QUEUE_FULL', message: 'full', path: 'read/0/reply/embed', retryAfterMs: 40 },
    })
    expect(outcomes[1]).toHaveProperty('verdict')
  })
})

describe('embed()', () => {
  test('sends long lists in pieces, few at once, and joins them in order', async () => {
    const { enhancer, fake } = fakeEnhancer()
    fake.before = () => turns(2)
    const texts = Array.from({ length: 5000 }, (_, index) => `text ${index}`)
    const vectors = await enhancer.embed(texts)
    expect(vectors).toEqual(texts.map(vectorOf))
    expect(Math.max(...fake.calls.map(({ call }) => call.items.length))).toBeLessThanOrEqual(512)
    expect(fake.mostUnderWay).toBeLessThanOrEqual(4)
  })

  test('never falls back: it throws what happened', async () => {
    const { enhancer, fake } = fakeEnhancer()
    fake.before = () => {
      throw errorOf('ER_NO_WORKER', 'none')
    }
    await expect(enhancer.embed(['x'])).rejects.toMatchObject({ code: 'ER_NO_WORKER' })
    await expect(enhancer.embed(['x'.repeat(1_000_001)])).rejects.toMatchObject({ code: 'ER_INPUT' })
    await expect(enhancer.embed(['x'], { timeoutMs: -1 })).rejects.toMatchObject({ code: 'ER_INPUT' })
  })
})

describe('health()', () => {
  test('tells ready, degraded and unhealthy apart', async () => {
    const statusOf = async (health: object, fallback: 'lexical' | 'error') => {
      const workerHealth = () => ({ ...readyWorkers, ...health })
      return (await fakeEnhancer({ fallback }, { workerHealth }).enhancer.health()).status
    }
    const gone = { live: false, ready: false }
    expect(await statusOf({}, 'error')).toBe('healthy')
    expect(await statusOf({ saturated: true }, 'error')).toBe('degraded')
    expect(await statusOf({ ready: false }, 'error')).toBe('degraded')
    expect(await statusOf(gone, 'lexical')).toBe('degraded')
    expect(await statusOf(gone, 'error')).toBe('unhealthy')
  })

  test('sums memory and carries the last failure as code and text', async () => {
    const lastFailure = errorOf('ER_WORKER_EXIT', 'gone', { detail: 'a traceback' })
    const { enhancer } = fakeEnhancer({}, { workerHealth: () => ({ ...readyWorkers, lastFailure }) })
    const health = await enhancer.health()
    expect(health.memoryUsage.workerBytes).toBe(1000)
    expect(health.lastError).toEqual({ code: 'ER_WORKER_EXIT', message: 'gone' })
    expect(health.modelsLoaded).toEqual(['fake-encoder'])
  })
})

test('close() and cleanup() close once; afterwards everything is refused with ER_CLOSED', async () => {
  let closes = 0
  const close = async () => {
    closes += 1
  }
  const { enhancer } = fakeEnhancer({}, { close })
  await Promise.all([enhancer.close(), enhancer.cleanup(), enhancer[Symbol.asyncDispose]()])
  expect(closes).toBe(1)
  await expect(enhancer.enhanceEvidence(context)).rejects.toMatchObject({
    name: 'InputError',
    code: 'ER_CLOSED',
  })
  await expect(enhancer.embed(['x'])).rejects.toMatchObject({ code: 'ER_CLOSED' })
  const [outcome] = await Array.fromAsync(enhancer.enhanceMany([context]))
  expect(outcome).toMatchObject({ line: 1, error: { code: 'ER_CLOSED' } })
})
