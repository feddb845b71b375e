/** Who judges an answer, by whose calibration, and what becomes of it where nobody can. */
import { describe, expect, test } from 'vitest'
import type { VariantRef } from '../../src/core/call.ts'
import type { Decision } from '../../src/evidence/facts/fact.ts'
import type { FigureCheck } from '../../src/evidence/figure-check.ts'
import type { Head } from '../../src/evidence/head/head.ts'
import { judgementOf, lexicalCeiling, type Stances } from '../../src/evidence/judgement.ts'
import { type Judges, judgesOf, nameOf } from '../../src/evidence/judges.ts'
import type { Scored } from '../../src/evidence/rank.ts'
import { type State, stateOf } from '../../src/evidence/state.ts'
import type { Calibration } from '../../src/evidence/verdict/calibration.ts'
import { fakeEncoder } from '../support/fake-enhancer.ts'

const calibrationOf = (judge: string): Calibration => ({
  version: 1,
  set: `of ${judge}`,
  n: 60,
  ece: 0.02,
  pair: { temperature: 1, biases: [0, 0, 0], n: 60, ece: 0.02, nll: 1, baseNll: 1 },
  claim: { temperature: 1, biases: [0, 0, 0, 0], n: 60, ece: 0.02, nll: 1, baseNll: 1 },
  model: { encoder: fakeEncoder.weightsHash, judge },
})

/** A head that says the same of every passage. */
const headOf = (logits: readonly [number, number, number]): Head => ({
  name: 'head',
  revision: 'head-1',
  encoder: fakeEncoder.weightsHash,
  calibration: calibrationOf('head-1'),
  logits: () => logits,
})

const verifier: VariantRef = {
  ...fakeEncoder,
  name: 'verifier',
  op: 'verify',
  revision: 'v1',
  weightsHash: 'vvv',
}

const silent: FigureCheck = {
  decision: { verdict: 'silent', spans: [], reason: '', compared: [] },
  statesFigure: false,
  unread: [],
}
const figures = (verdict: Decision['verdict']): FigureCheck => ({
  decision: { ...silent.decision, verdict },
  statesFigure: true,
  unread: [],
})

const passages = [{ source: 's1', start: 0, end: 4, overlap: 0.5, hash: 'h' }]
const vector = Float32Array.of(1, 0)
const embedded: State = { ...stateOf({ claim: 'c', passages }), rows: [vector, vector] }
const scored: Scored[] = [
  { source: 0, start: 0, end: 4, overlap: 0.5, place: 1, text: 'text', score: 0.7, vector },
]

const judge = (judges: Judges, state: State = embedded, check = silent, fallback = false) =>
  judgementOf(state, heardOf(state, check, fallback), judges)
const heardOf = (state: State, figures: typeof silent, fallback: boolean, stances: Stances = new Map()) => ({
  scored: state.rows[0] === undefined ? scored.map(each => ({ ...each, vector: undefined })) : scored,
  sources: 1,
  ...{ figures, stances, fallback },
})
const settings = { threshold: 0.6, calibration: undefined }
const byHead = judgesOf(settings, { encoder: fakeEncoder, head: headOf([2, 0, 0]) })

describe('judgesOf()', () => {
  test('takes the head only over the encoder that it was trained over', () => {
    expect(byHead.head?.name).toBe('head')
    const other = { ...fakeEncoder, weightsHash: 'other' }
    expect(judgesOf(settings, { encoder: other, head: headOf([0, 0, 0]) }).head).toBeUndefined()
    expect(judgesOf(settings, {})).toMatchObject({ head: undefined, verifier: undefined })
  })

  test("uses the head's own calibration unless another is given or none is wanted", () => {
    const scalings = (calibration: Calibration | 'none' | undefined) =>
      judgesOf({ ...settings, calibration }, { encoder: fakeEncoder, head: headOf([0, 0, 0]) }).scalings.head
        .set
    expect(scalings(undefined)).toBe('of head-1')
    expect(scalings('none')).toBe('uncalibrated')
    expect(scalings({ ...calibrationOf('head-1'), set: 'mine' })).toBe('mine')
  })

  test('refuses a calibration of another judge or encoder, and says whose it is', () => {
    const models = { encoder: fakeEncoder, head: headOf([0, 0, 0]), verifier }
    for (const calibration of [
      calibrationOf('another'),
      { ...calibrationOf('head-1'), model: { encoder: 'x', judge: 'head-1' } },
    ]) {
      expect(() => judgesOf({ ...settings, calibration }, models)).toThrow(
        expect.objectContaining({ code: 'ER_CONFIG', message: expect.stringMatching(/fitted to the judge/) }),
      )
    }
    const { scalings } = judgesOf({ ...settings, calibration: calibrationOf('vvv') }, models)
    expect([scalings.head.set, scalings.verifier.set]).toEqual(['of head-1', 'of vvv'])
  })

  test('every part of it is part of the key of a request', () => {
    const models = { encoder: fakeEncoder, head: headOf([0, 0, 0]) }
    const all = [
      judgesOf(settings, models),
      judgesOf({ ...settings, threshold: 0.5 }, models),
      judgesOf({ ...settings, calibration: 'none' }, models),
      judgesOf(settings, { ...models, verifier }),
      judgesOf(settings, { encoder: fakeEncoder }),
    ]
    expect(new Set(all.map(each => JSON.stringify(each.identity))).size).toBe(all.length)
  })

  test('names who judged', () => {
    const judges = judgesOf(settings, { encoder: fakeEncoder, head: headOf([0, 0, 0]), verifier })
    expect([nameOf(judges, 'head'), nameOf(judges, 'verifier'), nameOf(judges, undefined)]).toEqual([
      'head@head-1',
      'verifier@v1',
      null,
    ])
  })
})

describe('judgementOf()', () => {
  test('asks the head where there is no verifier', () => {
    expect(judge(byHead)).toMatchObject({ method: 'head', judge: 'head', calibration: { set: 'of head-1' } })
    expect(judge(byHead).sources[0]?.probabilities.supports).toBeCloseTo(Math.E ** 2 / (Math.E ** 2 + 2), 6)
  })

  test('a verifier goes before the head; what it has not read says nothing', () => {
    const judges = judgesOf(settings, { encoder: fakeEncoder, head: headOf([9, 0, 0]), verifier })
    const state = { ...embedded, verified: [undefined, Float32Array.of(0.1, 0.8, 0.1)] }
    const judged = judge(judges, state)
    expect(judged).toMatchObject({ method: 'verifier', calibration: 'uncalibrated', verdict: 'refuted' })
    expect(judged.sources[0]?.probabilities.refutes).toBeCloseTo(0.8, 6)
    const second = { ...(scored[0] as Scored), place: 2 }
    const two = { ...state, rows: [vector, vector, vector], verified: [...state.verified, undefined] }
    const partly = judgementOf(two, { ...heardOf(two, silent, false), scored: [...scored, second] }, judges)
    expect(partly.passages[1]?.chances.neither).toBeCloseTo(1, 6)
  })

  test('of a reranker takes the relevance, and the sides from the head', () => {
    const judges = judgesOf(settings, { encoder: fakeEncoder, head: headOf([0, 3, -5]), verifier })
    const { probabilities } = judge(judges, {
      ...embedded,
      verified: [undefined, Float32Array.of(0.6)],
    }).sources[0] as ReturnType<typeof judge>['sources'][number]
    expect(probabilities.neither).toBeCloseTo(0.4, 5)
    expect(probabilities.refutes / probabilities.supports).toBeCloseTo(Math.E ** 3, 3)
  })

  test('nearness alone takes no side, and decides nothing', () => {
    const judged = judge(judgesOf(settings, { encoder: fakeEncoder }))
    expect(judged).toMatchObject({ method: 'similarity', verdict: 'not-enough-evidence', abstained: true })
    expect(judged.leaning).toBeUndefined()
    expect(judged.claim.supports).toBe(judged.claim.refutes)
  })

  test('figures go before everything that reads alike', () => {
    const judged = judge(byHead, embedded, figures('refutes'))
    expect(judged).toMatchObject({ method: 'arithmetic', judge: 'head', verdict: 'refuted' })
    expect(judged.confidence).toBe(judged.claim.refutes)
    const open = judge(byHead, embedded, { ...silent, statesFigure: true })
    expect(open).toMatchObject({ verdict: 'not-enough-evidence', abstained: true, leaning: 'supported' })
  })

  test('by words alone is never sure, but where figures decide and nothing had to stand in', () => {
    const words = { ...stateOf({ claim: 'c', passages }) }
    const none = judgesOf(settings, {})
    expect(judge(none, words).confidence).toBeLessThanOrEqual(lexicalCeiling)
    expect(judge(none, words, figures('supports'))).toMatchObject({
      method: 'arithmetic',
      verdict: 'supported',
    })
    const fallback = judge(none, words, figures('supports'), true)
    expect(fallback).toMatchObject({
      method: 'lexical',
      verdict: 'not-enough-evidence',
      abstained: true,
      leaning: 'supported',
      calibration: 'uncalibrated',
    })
    expect(fallback.confidence).toBeLessThanOrEqual(lexicalCeiling)
  })
})

describe('judgementOf() with a generator that judges', () => {
  const writer = { ...fakeEncoder, name: 'writer', op: 'generate', revision: 'r1' }
  const asked = judgesOf(
    { ...settings, judge: 'generator' },
    { encoder: fakeEncoder, head: headOf([0, 2, 0]), generator: writer },
  )
  const chances = { supports: 0.8, refutes: 0.1, disputed: 0.05, neither: 0.05 }
  const limits = { contextTokens: 1000, maxTokens: 100 }
  const written: State = {
    ...embedded,
    written: { given: [], limits, text: '', cut: false, chances, mass: 0.9 },
  }
  const of = (state: State, stances: Stances, check = silent, fallback = false) =>
    judgementOf(state, heardOf(state, check, fallback, stances), asked)

  test('takes its chances of the claim, and the stances that its analysis gives to passages', () => {
    const judged = of(written, new Map([[1, 'supports']]))
    expect(judged).toMatchObject({
      ...{ method: 'generator', judge: 'generator', calibration: 'uncalibrated' },
      ...{ verdict: 'supported', abstained: false },
    })
    expect(judged.confidence).toBeCloseTo(0.8, 6)
    expect(judged.passages[0]).toMatchObject({ stance: 'supports', score: judged.confidence })
  })

  test('decides nothing that no passage stands for', () => {
    expect(of(written, new Map())).toMatchObject({
      ...{ verdict: 'not-enough-evidence', abstained: true, leaning: 'supported' },
    })
  })

  test('leaves it to the head where nothing was written, or words had to stand in', () => {
    expect(of(embedded, new Map()).method).toBe('head')
    expect(of(written, new Map([[1, 'supports']]), silent, true).method).toBe('head')
  })

  test('makes its chances those of its calibration', () => {
    const calibration = {
      ...{ version: 1 as const, set: 'mine', n: 60, ece: 0.05 },
      pair: { temperature: 1, biases: [0, 0, 0] as const, n: 0, ece: null, nll: null, baseNll: null },
      claim: { temperature: 2, biases: [0, 0, 0, 0] as const, n: 60, ece: 0.05, nll: 1, baseNll: 1.1 },
      model: { encoder: 'none', judge: `r1+${writer.weightsHash}` },
    }
    const judges = judgesOf({ ...settings, calibration }, { encoder: fakeEncoder, generator: writer })
    const judged = judgementOf(written, heardOf(written, silent, false, new Map([[1, 'supports']])), judges)
    const roots = [0.8, 0.1, 0.05, 0.05].map(Math.sqrt)
    const sum = roots.reduce((total, root) => total + root, 0)
    expect(judged.claim.supports).toBeCloseTo((roots[0] as number) / sum, 6)
    expect(judged.calibration).toEqual({ set: 'mine', n: 60, ece: 0.05 })
  })
})
