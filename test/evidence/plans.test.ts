/**
 * A request on the plan: which way is taken by which strategy, what a budget refuses and what it cuts short,
 * what `explain` tells, what traces hold. Over a fake Dispatch; nothing here starts a process.
 */
import { describe, expect, test } from 'vitest'
import { errorOf } from '../../src/core/errors.ts'
import { verifyTrace } from '../../src/core/trace-check.ts'
import { embedProfile } from '../../src/evidence/recipe.ts'
import type { PartialRun } from '../../src/evidence/record.ts'
import { noCost } from '../../src/plan/cost.ts'
import type { StoredTrace } from '../../src/plan/ports.ts'
import { fakeEnhancer } from '../support/fake-enhancer.ts'

const lines = Array.from(
  { length: 40 },
  (_, index) =>
    `At ${index} minutes the ${index % 2 === 0 ? 'north' : 'south'} gate of yard ${index} was seen shut.`,
)
/** Forty passages; none is near the claim. */
const context = {
  taskId: 't',
  claim: 'The lantern burned blue.',
  sources: [{ id: 'a', content: lines.join('\n\n') }],
}
/** The same with one that says what the claim says. */
const decided = {
  ...context,
  sources: [...context.sources, { id: 'b', content: 'The lantern burned blue.' }],
}

describe('strategies', () => {
  test('without one, all passages are read in one dispatch', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const evidence = await enhancer.enhanceEvidence(context)
    expect(evidence).toMatchObject({ plan: 'at once', coverage: { passagesRead: 40 } })
    expect(fake.calls).toHaveLength(1)
  })

  test('choose different plans for one request, and say why each other one was not chosen', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const byLatency = await enhancer.explain(context, { strategy: 'latency' })
    const byCost = await enhancer.explain(context, { strategy: 'cost' })
    const [latency] = byLatency.split(' was chosen by ')
    const [cost] = byCost.split(' was chosen by ')
    expect(latency).not.toBe(cost)
    for (const text of [byLatency, byCost]) {
      for (const name of ['at once', 'step by step', 'few at once', 'few step by step'])
        expect(text).toContain(name)
    }
    expect(fake.calls).toEqual([])
    expect((await enhancer.enhanceEvidence(context, { strategy: 'latency' })).plan).toBe(latency)
    expect((await enhancer.enhanceEvidence(context, { strategy: 'cost' })).plan).toBe(cost)
  })

  test('step by step reads on until something is near', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const near = await enhancer.enhanceEvidence(decided, { strategy: 'cost' })
    expect(near.coverage.passagesRead).toBe(8)
    expect(near.citations[0]).toMatchObject({ sourceId: 'b', text: 'The lantern burned blue.' })
    const far = await enhancer.enhanceEvidence(context, { strategy: 'cost' })
    expect(far.coverage.passagesRead).toBe(16)
    expect(fake.calls.map(({ call }) => call.items.length)).toEqual([9, 9, 8])
  })

  test('hints are limits: what breaks one is ruled out, and where all do the request is refused', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const text = await enhancer.explain(context, {
      strategy: 'balanced',
      hints: { limits: { tokens: 500 } },
    })
    expect(text).toMatch(/at once was ruled out: .*tokens/)
    await expect(
      enhancer.enhanceEvidence(context, { strategy: 'latency', hints: { limits: { tokens: 3 } } }),
    ).rejects.toMatchObject({ code: 'ER_BUDGET_REFUSED' })
    expect(fake.calls).toEqual([])
  })

  test('one that does not exist is refused by name', async () => {
    const { enhancer } = fakeEnhancer()
    await expect(enhancer.enhanceEvidence(context, { strategy: 'fast' as never })).rejects.toThrow(/strategy/)
  })
})

describe('a budget', () => {
  test('that not even the least fits is refused before any work', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const refused = enhancer.enhanceEvidence(context, { budget: { tokens: 10 } })
    await expect(refused).rejects.toMatchObject({ code: 'ER_BUDGET_REFUSED', figures: { budget: 10 } })
    await expect(enhancer.enhanceEvidence(context, { budget: { calls: 0 } })).rejects.toMatchObject({
      code: 'ER_BUDGET_REFUSED',
    })
    expect(fake.calls).toEqual([])
  })

  test('that ends in the middle gives what has been read, and says what is missing', async () => {
    const { enhancer, fake } = fakeEnhancer()
    const evidence = await enhancer.enhanceEvidence(context, { budget: { tokens: 300 } })
    expect(evidence).toMatchObject({ plan: 'in pieces', fallbackUsed: false, confidenceMethod: 'similarity' })
    expect(evidence.errors).toMatchObject([{ code: 'ER_BUDGET_SPENT' }])
    expect(evidence.errors[0]?.message).toMatch(/\d+ of 40 passages were not read/)
    expect(evidence.coverage.passagesRead).toBeGreaterThan(0)
    expect(evidence.coverage.passagesRead).toBeLessThan(40)
    expect(evidence.spent.tokens).toBeLessThanOrEqual(300)
    expect(evidence.spent.tokens).toBe(fake.texts.length * 10)
    // Cut short for this caller, kept for nobody.
    const whole = await enhancer.enhanceEvidence(context)
    expect(whole).toMatchObject({ cached: false, errors: [], coverage: { passagesRead: 40 } })
    expect(await enhancer.enhanceEvidence(context, { budget: { tokens: 1 } })).toMatchObject({ cached: true })
  })

  test('that is large enough changes nothing', async () => {
    const { enhancer } = fakeEnhancer()
    const [plain, limited] = await Promise.all([
      fakeEnhancer().enhancer.enhanceEvidence(context),
      enhancer.enhanceEvidence(context, { budget: { tokens: 1_000_000, usd: 1 } }),
    ])
    expect(limited.trace.hash).toBe(plain.trace.hash)
  })

  test('of a batch and of the session hold for all requests together', async () => {
    const { enhancer } = fakeEnhancer({ budget: { calls: 5 } })
    const claims = Array.from({ length: 4 }, (_, index) => ({ ...context, claim: `Claim ${index} of four.` }))
    const outcomes = []
    for await (const outcome of enhancer.enhanceMany(claims, { totalBudget: { calls: 3 }, concurrency: 1 }))
      outcomes.push('error' in outcome ? outcome.error.code : outcome.plan)
    expect(outcomes).toEqual(['at once', 'at once', 'at once', 'ER_BUDGET_REFUSED'])
    expect(enhancer.spent.calls).toBe(3)
    await enhancer.embed(['one text'])
    await enhancer.enhanceEvidence({ ...context, claim: 'One more claim.' })
    await expect(enhancer.embed(['another text'])).rejects.toMatchObject({ code: 'ER_BUDGET_SPENT' })
    expect(enhancer.spent.calls).toBe(5)
  })

  test.each([
    ['a negative amount', { tokens: -1 }],
    ['a broken amount', { calls: 1.5 }],
    ['an unknown unit', { euros: 1 }],
  ])('with %s is refused', async (_what, budget) => {
    const { enhancer } = fakeEnhancer()
    await expect(enhancer.enhanceEvidence(context, { budget: budget as never })).rejects.toMatchObject({
      code: 'ER_INPUT',
    })
  })
})

describe('a trace', () => {
  const traced = () => {
    const traces: StoredTrace[] = []
    return { traces, ...fakeEnhancer({}, { traces: { write: trace => traces.push(trace) } }) }
  }

  test('holds together, is the same for the same request, and is handed on with its facts', async () => {
    const { enhancer, traces } = traced()
    const evidence = await enhancer.enhanceEvidence(context)
    expect(verifyTrace(evidence.trace)).toBeUndefined()
    expect(traces).toMatchObject([
      {
        id: evidence.id,
        subject: 'evidence.enhance',
        status: 'ok',
        facts: { taskId: 't', verdict: 'not-enough-evidence' },
      },
    ])
    expect(traces[0]?.record).toEqual(evidence.trace)
    const other = await fakeEnhancer().enhancer.enhanceEvidence({ ...context, taskId: 'other' })
    expect(other.trace).toEqual(evidence.trace)
    const claim = await enhancer.enhanceEvidence({ ...context, claim: 'The lantern burned red.' })
    expect(claim.trace.hash).not.toBe(evidence.trace.hash)
  })

  test('replays to the same, past the caches', async () => {
    const { enhancer, fake, traces } = traced()
    await enhancer.enhanceEvidence(context)
    expect(await enhancer.replay(traces[0] as StoredTrace)).toMatchObject({ same: 'exact' })
    expect(fake.calls).toHaveLength(2)
    const altered = structuredClone(traces[0]) as { inputs: { context: { claim: string } } } & StoredTrace
    altered.inputs.context.claim = 'The lantern burned red.'
    expect(await enhancer.replay(altered)).toMatchObject({
      same: 'different',
      difference: { path: expect.any(String) },
    })
    const { inputs: _, ...bare } = traces[0] as StoredTrace
    await expect(enhancer.replay(bare)).rejects.toThrow(/keepInputs/)
  })

  test('of a failure is partial, and comes with the error', async () => {
    const { enhancer, fake, traces } = traced()
    fake.before = () => {
      throw errorOf('ER_QUEUE_FULL', 'full', { retryAfterMs: 5 })
    }
    const error = await enhancer.enhanceEvidence(context).catch((thrown: unknown) => thrown)
    const { partial } = error as { partial: PartialRun }
    expect(partial.trace.steps.map(({ status }) => status)).toEqual(['ok', 'failed'])
    expect(verifyTrace(partial.trace)).toBeUndefined()
    expect(traces).toMatchObject([{ status: 'failed', facts: { error: { code: 'ER_QUEUE_FULL' } } }])
  })
})

test('measured figures are handed on, and those of earlier runs decide over a plan before the first reply', async () => {
  const noted: string[] = []
  const profilesOf = (timeMs: number) => ({
    get: (key: string) =>
      key === embedProfile
        ? { runs: 9, failures: 0, cost: { ...noCost, tokens: 100, timeMs }, p95Ms: timeMs }
        : undefined,
    note: (key: string) => noted.push(key),
  })
  const hints = { maxLatencyMs: 1000 }
  const slow = fakeEnhancer({}, { profiles: profilesOf(100_000) }).enhancer
  await expect(slow.explain(context, { strategy: 'balanced', hints })).rejects.toMatchObject({
    code: 'ER_DEADLINE',
  })
  const quick = fakeEnhancer({}, { profiles: profilesOf(10) }).enhancer
  expect(await quick.explain(context, { strategy: 'balanced', hints })).toContain('was chosen by balanced')
  await quick.enhanceEvidence(context)
  expect(noted).toContain(embedProfile)
  // From the first reply on it is this machine's own pace.
  expect(await slow.enhanceEvidence(context)).toMatchObject({ plan: 'at once' })
  expect(await slow.explain(context, { strategy: 'balanced', hints })).toContain('was chosen by balanced')
})
