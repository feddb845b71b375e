/** What calibrating is worth: chances computed anew, draws by lot, and what an overconfident judge gains. */
import { describe, expect, it } from 'vitest'
import { generalFigures, generalText } from '../../bench/eval-general.ts'
import { isMet } from '../../bench/quality/goals.ts'
import type { LabelledClaim } from '../../bench/quality/labelled.ts'
import type { Label, SourceLabel } from '../../bench/quality/labels.ts'
import {
  overDraws,
  type RawAnswer,
  rawAnswer,
  refitQuality,
  stateQuality,
} from '../../bench/quality/refit.ts'
import { randomFrom } from '../../bench/texts.ts'
import { neutral } from '../../src/evidence/verdict/calibration.ts'
import { chancesOfOdds, claimChancesOf } from '../../src/evidence/verdict/chances.ts'
import { claimOdds } from '../../src/evidence/verdict/judge.ts'

const claimOf = (label: Label | undefined, evidenceLabels: readonly SourceLabel[]): LabelledClaim => ({
  ...{ line: 1, context: { taskId: 't', claim: 'c', sources: [] } },
  sourceIds: evidenceLabels.map((_, place) => `s${place + 1}`),
  ...{ label, evidenceLabels: [...evidenceLabels], decisive: [] },
})

const labels = ['SUPPORTS', 'REFUTES', 'NOT_ENOUGH_INFO'] as const

/** Claims with one source each; `boast` times the odds that would be true. */
function boasting(count: number, boast: number): RawAnswer[] {
  const random = randomFrom(5)
  return Array.from({ length: count }, () => {
    const odds = { supports: 4 * random() - 2, refutes: 4 * random() - 2 }
    const { refutes, supports } = chancesOfOdds(odds)
    const lot = random()
    const label = labels[lot < supports ? 0 : lot < supports + refutes ? 1 : 2] as SourceLabel
    const said = { supports: boast * odds.supports, refutes: boast * odds.refutes }
    const whole = claimChancesOf(claimOdds([said]), neutral.claim)
    return { claim: claimOf(label, [label]), sources: [chancesOfOdds(said)], whole }
  })
}

describe('rawAnswer()', () => {
  it('takes chances by source, in the order of the claim; one that was not read says nothing', () => {
    const [first, third] = [
      { supports: 0.7, refutes: 0.1, neither: 0.2 },
      { supports: 0.1, refutes: 0.5, neither: 0.4 },
    ]
    const assessments = [
      { sourceId: 's3', relevance: 0.6, probabilities: third },
      { sourceId: 's1', relevance: 0.8, probabilities: first },
    ]
    const probabilities = { supports: 0.4, refutes: 0.3, disputed: 0.2, neither: 0.1 }
    const found = rawAnswer(claimOf('SUPPORTS', ['SUPPORTS', 'REFUTES', 'REFUTES']), {
      assessments,
      probabilities,
    })
    expect(found.sources).toEqual([first, { supports: 0, refutes: 0, neither: 1 }, third])
    expect(found.whole).toBe(probabilities)
  })
})

describe('stateQuality()', () => {
  const sure = { supports: 0.8, refutes: 0.1, neither: 0.1 }
  const whole = { supports: 0.1, refutes: 0.6, disputed: 0.1, neither: 0.2 }

  it('holds the likeliest label of sources and claims against theirs', () => {
    const answers = [
      { claim: claimOf('SUPPORTS', ['SUPPORTS', 'REFUTES']), sources: [sure, sure], whole },
      { claim: claimOf('REFUTES', []), sources: [], whole },
      { claim: claimOf(undefined, ['SUPPORTS']), sources: [sure], whole },
    ]
    const { claims, pairs } = stateQuality(answers)
    expect(pairs).toMatchObject({ n: 3, accuracy: 2 / 3 })
    expect(pairs?.ece).toBeCloseTo(0.8 - 2 / 3, 9)
    expect(pairs?.nll).toBeCloseTo(-(2 * Math.log(0.8) + Math.log(0.1)) / 3, 9)
    expect(claims).toMatchObject({ n: 2, accuracy: 0.5 })
    expect(claims?.ece).toBeCloseTo(0.1, 9)
    expect(stateQuality([])).toEqual({ pairs: undefined, claims: undefined })
  })

  it('computes sources anew under a calibration, and a claim only where its sources made it', () => {
    const scales = {
      pair: { temperature: 2, biases: [0, 1, 0] },
      claim: { temperature: 1, biases: [0, 0, 0, 5] },
    } as const
    const made = claimChancesOf(claimOdds([{ supports: Math.log(8), refutes: 0 }]), neutral.claim)
    const claim = claimOf('NOT_ENOUGH_INFO', ['SUPPORTS'])
    const fromSources = stateQuality([{ claim, sources: [sure], whole: made }], scales)
    // Odds of 8 and 1 become the root of 8 and e.
    const supports = Math.sqrt(8) / (Math.sqrt(8) + Math.E + 1)
    expect(fromSources.pairs?.nll).toBeCloseTo(-Math.log(supports), 9)
    expect(fromSources.claims?.accuracy).toBe(1)
    const byFigures = stateQuality([{ claim, sources: [sure], whole }], scales)
    expect(byFigures.claims).toMatchObject({ accuracy: 0 })
    expect(byFigures.claims?.nll).toBeCloseTo(-Math.log(whole.neither), 9)
  })
})

describe('refitQuality()', () => {
  it('mends what a boasting judge says, on claims that were not fitted on', () => {
    const answers = boasting(500, 4)
    const raw = stateQuality(answers)
    const refit = refitQuality(answers)
    expect(refit.fittedOn).toBe(60)
    expect(refit.draws.map(({ pairs }) => pairs?.n)).toEqual([440, 440, 440, 440, 440])
    const error = overDraws(refit.draws, ({ pairs }) => pairs?.ece)
    expect(raw.pairs?.ece).toBeGreaterThan(0.25)
    expect(error?.mean).toBeLessThan(0.12)
    expect(error?.least).toBeLessThan(error?.most ?? 0)
    const losses = refit.draws.map(({ pairs }) => (pairs?.nll ?? 9) - (pairs?.nllOfBaseRate ?? 0))
    expect(Math.max(...losses)).toBeLessThan(0)
    expect(refitQuality(answers)).toEqual(refit)
  })

  it('says why where claims are too few or have labels that nothing can be fitted to', () => {
    expect(refitQuality(boasting(119, 1))).toMatchObject({
      draws: [],
      why: expect.stringMatching(/^119 claims/),
    })
    const alike = boasting(200, 1).map(each => ({ ...each, claim: claimOf('SUPPORTS', ['SUPPORTS']) }))
    const why = 'All 60 claims are labelled SUPPORTS; '
    const refit = refitQuality(alike)
    expect(refit).toMatchObject({ draws: [], why: expect.stringContaining(why) })
    const state = stateQuality(alike)
    const general = { raw: state, given: state, refit, cosineAuroc: undefined }
    const empty = { ofClaims: {}, ofSources: {}, relevance: { n: 0 } }
    const figures = generalFigures('set', empty as never, general)
    const error = figures.find(({ what }) => what.startsWith('ECE of a claim'))
    expect(error).toMatchObject({ value: undefined, note: expect.stringContaining(why) })
    expect(generalText(general)).not.toContain('calibrated with 60')
  })

  it('is said in a table, and beside its goals', () => {
    const answers = boasting(500, 4)
    const refit = refitQuality(answers)
    const general = { raw: stateQuality(answers), given: stateQuality(answers), refit, cosineAuroc: 0.5 }
    expect(generalText(general)).toMatch(/^a source, calibrated with 60 +440 +\d\d\.\d \(\d\d\.\d to /m)
    const nothing = { n: 0, verdicts: undefined, likelihood: undefined }
    const quality = {
      ofClaims: nothing,
      ofSources: nothing,
      relevance: { n: 500, relevant: 300, auroc: 0.72 },
    }
    const figures = generalFigures('set', quality as never, general)
    const found = new Map(figures.map(each => [each.what, each]))
    const relevance = found.get('source relevant or not, AUROC')
    expect(relevance).toMatchObject({ n: 500, value: 0.72, goal: 0.7, aim: 0.75 })
    expect(relevance?.note).toBe('cosine of claim and whole source alone 0.500')
    expect(relevance && isMet(relevance)).toBe(true)
    const pair = found.get('ECE of a source, calibrated with 60 claims')
    expect(pair).toMatchObject({
      n: 440,
      goal: 0.03,
      note: expect.stringContaining('over 5 draws of 60 claims'),
    })
    expect(found.get('ECE of a claim, calibrated with 60 claims')?.goal).toBe(0.08)
    const loss = found.get('NLL of a source against the base rate, calibrated with 60 claims')
    expect(loss && isMet(loss)).toBe(true)
    expect(found.get('surest quarter above all, points, of a source')?.goal).toBe(15)
  })
})

describe('overDraws()', () => {
  const draw = (ece: number | undefined) => ({
    pairs: ece === undefined ? undefined : { ece },
    claims: undefined,
  })
  it('gives mean, least and most, and nothing where a draw lacks the figure', () => {
    const draws = [draw(0.1), draw(0.4), draw(0.1)] as never[]
    const ece = ({ pairs }: { pairs?: { ece: number } | undefined }) => pairs?.ece
    const found = overDraws(draws, ece as never)
    expect(found?.mean).toBeCloseTo(0.2, 12)
    expect(found).toMatchObject({ least: 0.1, most: 0.4 })
    expect(overDraws([...draws, draw(undefined) as never], ece as never)).toBeUndefined()
    expect(overDraws([], ece as never)).toBeUndefined()
  })
})
