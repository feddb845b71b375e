/** The measures themselves: values worked out by hand, and laws that hold for any data. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { calibrationOf, coverageOf } from '../../bench/quality/calibration.ts'
import { confusionOf } from '../../bench/quality/confusion.ts'
import { chancesOf, type Judged, labelOf, likeliest } from '../../bench/quality/labels.ts'
import { likelihoodOf } from '../../bench/quality/likelihood.ts'
import { auroc, meanRanks, pearson, spearman } from '../../bench/quality/rank.ts'
import { verdictQuality } from '../../bench/quality/verdict-quality.ts'
import { randomFrom } from '../../bench/texts.ts'

const scored = (...pairs: readonly (readonly [number, boolean])[]) =>
  pairs.map(([score, positive]) => ({ score, positive }))
const said = (...pairs: readonly (readonly [number, boolean])[]) =>
  pairs.map(([confidence, right]) => ({ confidence, right }))

describe('meanRanks()', () => {
  it('gives equal values the mean of their ranks', () => {
    expect(meanRanks([20, 10, 30, 20])).toEqual([2.5, 1, 4, 2.5])
    expect(meanRanks([7, 7, 7])).toEqual([2, 2, 2])
    expect(meanRanks([])).toEqual([])
  })
})

describe('auroc()', () => {
  it('counts the pairs in the right order, ties half, when worked out by hand', () => {
    // Of the four pairs three are in order.
    expect(auroc(scored([0.1, false], [0.4, false], [0.35, true], [0.8, true]))).toBe(0.75)
    // 0.5 ties with 0.5: 1 and a half of two pairs.
    expect(auroc(scored([0.5, true], [0.5, false], [0.2, false]))).toBe(0.75)
  })

  it('is 1 for a perfect, 0 for an inverted, one half for a constant and about so for a random order', () => {
    const perfect = Array.from({ length: 40 }, (_, index) => ({ score: index, positive: index >= 25 }))
    expect(auroc(perfect)).toBe(1)
    expect(auroc(perfect.map(each => ({ ...each, score: -each.score })))).toBe(0)
    expect(auroc(perfect.map(each => ({ ...each, score: 1 })))).toBe(0.5)
    const random = randomFrom(3)
    const noise = Array.from({ length: 4000 }, () => ({ score: random(), positive: random() < 0.3 }))
    expect(Math.abs((auroc(noise) ?? 0) - 0.5)).toBeLessThan(0.04)
  })

  it('is undefined when one side is empty', () => {
    expect(auroc(scored([0.3, true]))).toBeUndefined()
    expect(auroc([])).toBeUndefined()
  })

  it('agrees with counting every pair, whatever the scores and their order', () => {
    const cases = fc.array(fc.record({ score: fc.integer({ min: 0, max: 6 }), positive: fc.boolean() }))
    fc.assert(
      fc.property(cases, list => {
        const [positives, negatives] = [
          list.filter(each => each.positive),
          list.filter(each => !each.positive),
        ]
        const wins = positives.flatMap(a => negatives.map(b => (Math.sign(a.score - b.score) + 1) / 2))
        const area = auroc(list)
        if (wins.length === 0) expect(area).toBeUndefined()
        else expect(area).toBeCloseTo(wins.reduce((sum, win) => sum + win, 0) / wins.length, 12)
        expect(auroc(list.toReversed())).toBe(area)
      }),
    )
  })
})

describe('spearman()', () => {
  it('gives the known value of a textbook example', () => {
    const iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110]
    const hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17]
    expect(spearman(iq, hours)).toBeCloseTo(-29 / 165, 12)
  })

  it('takes mean ranks when values are tied', () => {
    expect(spearman([1, 2, 2, 3], [1, 2, 3, 4])).toBeCloseTo(4.5 / Math.sqrt(4.5 * 5), 12)
  })

  it('is 1 for any rising and -1 for any falling relation, undefined when a side does not vary', () => {
    const values = [0.3, -2, 5, 1.5]
    expect(spearman(values, values.map(Math.exp))).toBeCloseTo(1, 12)
    expect(
      spearman(
        values,
        values.map(value => -(value ** 3)),
      ),
    ).toBeCloseTo(-1, 12)
    expect(spearman([1, 1, 1], [1, 2, 3])).toBeUndefined()
  })

  it('throws when the sides differ in length', () => {
    expect(() => pearson([1, 2], [1])).toThrow(RangeError)
  })
})

describe('confusionOf()', () => {
  it('gives accuracy, macro-F1 and counts as worked out by hand', () => {
    const found = confusionOf([
      { label: 'SUPPORTS', answer: 'SUPPORTS' },
      { label: 'SUPPORTS', answer: 'REFUTES' },
      { label: 'REFUTES', answer: 'REFUTES' },
      { label: 'NOT_ENOUGH_INFO', answer: 'SUPPORTS' },
    ])
    expect(found).toMatchObject({ n: 4, right: 2, accuracy: 0.5 })
    expect(found?.macroF1).toBeCloseTo((1 / 2 + 2 / 3 + 0) / 3, 12)
    expect(found?.counts).toEqual({
      SUPPORTS: { SUPPORTS: 1, REFUTES: 1, NOT_ENOUGH_INFO: 0 },
      REFUTES: { SUPPORTS: 0, REFUTES: 1, NOT_ENOUGH_INFO: 0 },
      NOT_ENOUGH_INFO: { SUPPORTS: 1, REFUTES: 0, NOT_ENOUGH_INFO: 0 },
    })
    expect(found?.classes[2]).toEqual({
      label: 'NOT_ENOUGH_INFO',
      n: 1,
      answered: 0,
      precision: undefined,
      recall: 0,
      f1: 0,
    })
    expect(confusionOf([])).toBeUndefined()
  })
})

describe('calibrationOf()', () => {
  it('gives the mean distance of said and was, as worked out by hand', () => {
    expect(calibrationOf(said([0.9, true], [0.6, false]))?.ece).toBeCloseTo((0.1 + 0.6) / 2, 12)
    const twenty = Array.from({ length: 20 }, (_, index) => [index / 20, index >= 10] as const)
    const found = calibrationOf(said(...twenty))
    expect(found?.bins.map(({ n }) => n)).toEqual(new Array(10).fill(2))
    expect(found?.bins[0]).toEqual({ n: 2, least: 0, most: 0.05, said: 0.025, was: 0 })
    // Bins say 0.025, 0.125, … 0.425 and are never right, then 0.525, … 0.925 and always are.
    expect(found?.ece).toBeCloseTo((2 * (0.025 + 0.125 + 0.225 + 0.325 + 0.425) + 5 * 0.05) / 10, 12)
  })

  it('is near 0, and near what chance makes, for a calibrated predictor; far from it for a boasting one', () => {
    const random = randomFrom(11)
    const honest = Array.from({ length: 8000 }, () => {
      const confidence = random()
      return { confidence, right: random() < confidence }
    })
    const found = calibrationOf(honest)
    expect(found?.ece).toBeLessThan(0.02)
    expect(Math.abs((found?.ece ?? 1) - (found?.eceOfPerfect ?? 0))).toBeLessThan(0.008)
    const boasting = calibrationOf(honest.map(({ right }) => ({ confidence: 0.9 + random() / 10, right })))
    expect(boasting?.ece).toBeGreaterThan(0.4)
    expect(boasting?.eceOfPerfect).toBeLessThan(0.02)
  })

  it('is 0 for one who always says the base rate, in whatever order the cases come', () => {
    const cases = said(...Array.from({ length: 40 }, (_, index) => [0.25, index < 10] as const))
    expect(calibrationOf(cases)?.ece).toBe(0)
    expect(calibrationOf(cases.toReversed())?.ece).toBe(0)
  })

  it('does not depend on the order of cases, nor loses one', () => {
    const cases = fc.array(
      fc.record({ confidence: fc.constantFrom(0, 0.2, 0.5, 0.8, 1), right: fc.boolean() }),
      {
        minLength: 1,
        maxLength: 60,
      },
    )
    fc.assert(
      fc.property(cases, list => {
        const found = calibrationOf(list)
        expect(found?.bins.reduce((sum, { n }) => sum + n, 0)).toBe(list.length)
        expect(found?.ece).toBeGreaterThanOrEqual(0)
        expect(found?.ece).toBeLessThanOrEqual(1)
        expect(calibrationOf(list.toReversed())?.ece).toBeCloseTo(found?.ece ?? -1, 12)
      }),
      { numRuns: 30 },
    )
  })

  it('gives the same for the same seed, nothing for no case', () => {
    const cases = said([0.3, true], [0.7, false], [0.9, true])
    expect(calibrationOf(cases)).toEqual(calibrationOf(cases))
    expect(calibrationOf([])).toBeUndefined()
  })
})

describe('coverageOf()', () => {
  it('gives the accuracy of the most confident part, ties by their mean', () => {
    const cases = Array.from(
      { length: 20 },
      (_, index) => [index / 20, index % 2 === 0 || index > 15] as const,
    )
    expect(coverageOf(said(...cases))).toEqual([
      { coverage: 0.1, n: 2, accuracy: 1 },
      { coverage: 0.25, n: 5, accuracy: 0.8 },
      { coverage: 0.5, n: 10, accuracy: 0.7 },
      { coverage: 1, n: 20, accuracy: 0.6 },
    ])
    const tied = said([0.5, true], [0.5, false], [0.5, false], [0.5, false])
    expect(coverageOf(tied).map(({ accuracy }) => accuracy)).toEqual([0.25, 0.25, 0.25, 0.25])
    expect(coverageOf([])).toEqual([])
  })
})

const judged = (label: Judged['label'], supports: number, refutes: number, neither: number): Judged => {
  const chances = chancesOf({ supports, refutes, neither })
  return { label, answer: undefined, confidence: 0, chances }
}

describe('likelihoodOf()', () => {
  it('gives NLL and Brier beside those of the base rate, as worked out by hand', () => {
    const found = likelihoodOf([
      judged('SUPPORTS', 0.5, 0.25, 0.25),
      judged('REFUTES', 0.5, 0.25, 0.25),
      judged('SUPPORTS', 1, 0, 0),
      judged('NOT_ENOUGH_INFO', 0, 0.5, 0.5),
    ])
    expect(found).toMatchObject({ n: 4, leftOut: 0 })
    expect(found?.nll).toBeCloseTo((2 * Math.LN2 + 2 * Math.LN2) / 4, 12)
    // Half, a quarter, a quarter: its entropy.
    expect(found?.nllOfBaseRate).toBeCloseTo(1.5 * Math.LN2, 12)
    const squares = [0.25 + 2 * 0.0625, 0.25 + 0.5625 + 0.0625, 0, 0.25 + 0.25]
    expect(found?.brier).toBeCloseTo(squares.reduce((sum, square) => sum + square, 0) / 4, 12)
    expect(found?.brierOfBaseRate).toBeCloseTo(1 - (0.25 + 0.0625 + 0.0625), 12)
    // 2/3 and 1 of SUPPORTS against 2/3 of REFUTES: one tie and one win.
    expect(found?.supportsAgainstRefutes).toBe(0.75)
    expect(found?.auroc.NOT_ENOUGH_INFO).toBe(1)
    expect(found?.auroc.DISPUTED).toBeUndefined()
  })

  it('leaves labels out that three probabilities do not know, and stays finite at a wrong certainty', () => {
    const found = likelihoodOf([judged('DISPUTED', 0.4, 0.4, 0.2), judged('REFUTES', 1, 0, 0)])
    expect(found).toMatchObject({ n: 2, leftOut: 1, nllOfBaseRate: 0 })
    expect(found?.nll).toBeCloseTo(-Math.log(1e-9), 9)
    expect(likelihoodOf([{ ...judged('REFUTES', 1, 0, 0), chances: undefined }])).toBeUndefined()
  })
})

describe('verdictQuality()', () => {
  it('tells what there is when some answers have a verdict and none has probabilities', () => {
    const found = verdictQuality([
      { label: 'SUPPORTS', answer: 'SUPPORTS', confidence: 0.9, chances: undefined },
      { label: 'REFUTES', answer: undefined, confidence: 0.4, chances: undefined },
      { label: 'NOT_ENOUGH_INFO', answer: 'REFUTES', confidence: 0.7, chances: undefined },
      { label: 'DISPUTED', answer: 'NOT_ENOUGH_INFO', confidence: 0.2, chances: undefined },
    ])
    expect(found.n).toBe(4)
    expect(found.verdicts).toMatchObject({
      without: 1,
      confusion: { n: 3, accuracy: 1 / 3 },
      decided: { n: 2, right: 1 },
    })
    expect(found.verdicts?.coverage[0]).toEqual({ coverage: 0.1, n: 1, accuracy: 1 })
    expect(found.likelihood).toBeUndefined()
  })
})

describe('labels', () => {
  it('read verdicts and probabilities of any version', () => {
    expect(labelOf('not-enough-evidence')).toBe('NOT_ENOUGH_INFO')
    expect([labelOf('unverified'), labelOf('toString')]).toEqual([undefined, undefined])
    expect(chancesOf(undefined)).toBeUndefined()
    expect(chancesOf({ supports: 0.4, refutes: 0.6 })).toBeUndefined()
    expect(chancesOf({ supports: 0.1, refutes: 0.2, disputed: 0.6, neither: 0.1 })).toMatchObject({
      DISPUTED: 0.6,
    })
    expect(likeliest({ SUPPORTS: 0.2, REFUTES: 0.5, NOT_ENOUGH_INFO: 0.3 })).toEqual({
      label: 'REFUTES',
      chance: 0.5,
    })
  })
})
