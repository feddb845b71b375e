/**
 * What must not change an answer, and what must: the real encoder with the real head, over questions whose right
 * answers are not needed to know how two of them have to relate.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type EnhancedEvidence, EvidenceEnhancer, type EvidenceSource } from '../../src/index.ts'

let enhancer: EvidenceEnhancer

beforeAll(async () => {
  // Each answer is computed: one from the cache would prove nothing.
  enhancer = await EvidenceEnhancer.open({ poolSize: 1, telemetry: false, maxCacheSize: 0 })
})
afterAll(() => enhancer.close())

const ask = (claim: string, contents: readonly string[]): Promise<EnhancedEvidence> =>
  enhancer.enhanceEvidence({
    taskId: 't',
    claim,
    sources: contents.map(
      (content, index): EvidenceSource => ({ id: `${index}-${content.length}`, content }),
    ),
  })

/** Claims about facts without figures, with passages that bear on them. */
const questions = [
  {
    claim: 'The deployment of the search service was rolled back.',
    contents: [
      'Shortly after noon the search deployment was rolled back by the on-call engineer.',
      'The search service ranks products by popularity.',
      'The rollback restored the previous release of search.',
    ],
  },
  {
    claim: 'The backup job of the billing database succeeded.',
    contents: [
      'The billing database backup failed with a timeout.',
      'Backups are kept in another region.',
      'An operator restarted the billing backup by hand.',
    ],
  },
  {
    claim: 'A man is playing an instrument on stage.',
    contents: ['A musician plays the guitar in front of an audience.', 'Two children sleep in a tent.'],
  },
] as const

const irrelevant = [
  'The canteen serves tomato soup on Mondays.',
  'Penguins huddle together to keep warm in winter.',
  'The museum bought a painting of a harbour.',
]

/** Those whose answer is given by the passages and not by their order: probabilities to the last bits. */
const near = (a: EnhancedEvidence, b: EnhancedEvidence) => {
  expect(b.verdict).toBe(a.verdict)
  expect(b.leaning).toBe(a.leaning)
  for (const key of ['supports', 'refutes', 'disputed', 'neither'] as const)
    expect(b.probabilities[key]).toBeCloseTo(a.probabilities[key], 5)
}

/** 1 for support, -1 for refutation, 0 for neither, decided or leant to. */
const sideOf = ({ leaning, verdict }: EnhancedEvidence): number =>
  ({ supported: 1, refuted: -1, disputed: 0, 'not-enough-evidence': 0 })[leaning ?? verdict]

describe.each(questions)('$claim', ({ claim, contents }) => {
  test('the order of the sources changes nothing', async () => {
    near(await ask(claim, contents), await ask(claim, contents.toReversed()))
  })

  test('a repeated source is not more evidence', async () => {
    const once = await ask(claim, contents)
    const sources = [...contents, ...contents, ...contents].map((content, index) => ({
      id: `s${index}`,
      content,
    }))
    near(once, await enhancer.enhanceEvidence({ taskId: 't', claim, sources }))
  })

  test('an irrelevant passage never turns a verdict round', async () => {
    const plain = await ask(claim, contents)
    for (const extra of irrelevant) {
      const more = await ask(claim, [...contents, extra])
      expect(sideOf(plain) * sideOf(more)).toBeGreaterThanOrEqual(0)
      expect(more.probabilities.supports).toBeCloseTo(plain.probabilities.supports, 1)
      expect(more.probabilities.refutes).toBeCloseTo(plain.probabilities.refutes, 1)
    }
  })

  test('sources that have nothing to do with it decide nothing', async () => {
    const evidence = await ask(claim, irrelevant)
    expect(evidence.verdict).toBe('not-enough-evidence')
    expect(evidence.probabilities.neither).toBeGreaterThan(0.5)
  })
})

describe('a negated claim', () => {
  const pairs = [
    ['The pump was switched off.', 'The pump was not switched off.', 'At noon the pump was switched off.'],
    ['The certificate is valid.', 'The certificate is not valid.', 'The certificate is valid until May.'],
    ['The gate is locked.', 'The gate is not locked.', 'The guard locked the gate, and it is locked now.'],
  ] as const

  test.each(pairs)('swaps the sides: %s', async (claim, negated, passage) => {
    const [plain, other] = [await ask(claim, [passage]), await ask(negated, [passage])]
    const lean = ({ probabilities: { refutes, supports } }: EnhancedEvidence) => Math.log(supports / refutes)
    expect(lean(plain)).toBeGreaterThan(lean(other))
    expect(lean(other)).toBeLessThan(0)
  })

  test('of a figure is refuted where the figure is right', async () => {
    const source = 'For search the 99th percentile came out at 0.84 s.'
    const claim = 'The 99th percentile of search was under 900 ms.'
    expect(await ask(claim, [source])).toMatchObject({ verdict: 'supported', confidenceMethod: 'arithmetic' })
    const negated = 'The 99th percentile of search was not under 900 ms.'
    expect((await ask(negated, [source])).verdict).not.toBe('supported')
  })
})
