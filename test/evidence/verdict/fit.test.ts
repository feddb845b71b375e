/** fitCalibration() on claims whose true chances are known, since the test made them. */
import { describe, expect, test } from 'vitest'
import { parseCalibration, type Scales } from '../../../src/evidence/verdict/calibration.ts'
import {
  chancesOfOdds,
  claimChancesOf,
  oddsOfChances,
  scaledOdds,
  softmax,
} from '../../../src/evidence/verdict/chances.ts'
import {
  type ClaimLabel,
  fitAnswers,
  fitCalibration,
  type LabelledAnswer,
  type SourceLabel,
} from '../../../src/evidence/verdict/fit.ts'
import { claimOdds, judge } from '../../../src/evidence/verdict/judge.ts'
import { fitScale } from '../../../src/evidence/verdict/logistic.ts'
import { errorOf } from '../../../src/evidence/verdict/reliability.ts'
import { gaussian, generator } from './chance.ts'
import { saying } from './worlds.ts'

const about = { set: 'made by the test', model: { encoder: 'e', judge: 'j' } }
const labels = ['SUPPORTS', 'REFUTES', 'NOT_ENOUGH_INFO'] as const

/** Claims of a domain whose sources a verifier reads with this temperature and these biases of its own. */
function claimsOf(
  seed: number,
  n: number,
  { separation = 1, temperature = 1, biases = [0, 0, 0] } = {},
): LabelledAnswer[] {
  const random = generator(seed)
  return Array.from({ length: n }, () => {
    const side = random() < 0.6 ? 'SUPPORTS' : 'REFUTES'
    const other = side === 'SUPPORTS' ? 'REFUTES' : 'SUPPORTS'
    const sources = Array.from({ length: 5 }, () => {
      const label: SourceLabel = random() < 0.6 ? 'NOT_ENOUGH_INFO' : random() < 0.9 ? side : other
      const scores = labels.map(
        (each, place) =>
          (gaussian(random) + (each === label ? separation : 0)) * temperature + (biases[place] ?? 0),
      )
      const [supports, refutes, neither] = softmax(scores) as [number, number, number]
      return { chances: { supports, refutes, neither }, label }
    })
    const said = new Set(sources.map(({ label }) => label))
    const claimLabel: ClaimLabel = !said.has('SUPPORTS')
      ? said.has('REFUTES')
        ? 'REFUTES'
        : 'NOT_ENOUGH_INFO'
      : said.has('REFUTES')
        ? 'DISPUTED'
        : 'SUPPORTS'
    return { sources, claimLabel }
  })
}

const pairError = (answers: readonly LabelledAnswer[], { pair }: Pick<Scales, 'pair'>) =>
  errorOf(
    answers.flatMap(({ sources }) =>
      sources.map(({ chances, label }) => {
        const { neither, refutes, supports } = chancesOfOdds(scaledOdds(oddsOfChances(chances), pair))
        const said = [supports, refutes, neither]
        const confidence = Math.max(...said)
        return { confidence, right: labels[said.indexOf(confidence)] === label }
      }),
    ),
  )

function claimError(answers: readonly LabelledAnswer[], { claim, pair }: Scales) {
  let nll = 0
  const cases = answers.map(({ claimLabel, sources }) => {
    const odds = claimOdds(sources.map(({ chances }) => scaledOdds(oddsOfChances(chances), pair)))
    const { disputed, neither, refutes, supports } = claimChancesOf(odds, claim)
    const said = { SUPPORTS: supports, REFUTES: refutes, DISPUTED: disputed, NOT_ENOUGH_INFO: neither }
    nll -= Math.log(said[claimLabel as ClaimLabel]) / answers.length
    const confidence = Math.max(...Object.values(said))
    return { confidence, right: said[claimLabel as ClaimLabel] === confidence }
  })
  return { ece: errorOf(cases), nll }
}

describe('fitCalibration()', () => {
  const shifted = { temperature: 3, biases: [2, 0, -2] }
  const few = claimsOf(1, 60, shifted)
  const many = claimsOf(2, 1000, shifted)

  test('mends a verifier that is overconfident and has the wrong class rates, with 60 claims', () => {
    const { after, before, calibration } = fitAnswers(few, about)
    expect(pairError(many, { pair: { temperature: 1, biases: [0, 0, 0] } })).toBeGreaterThan(0.3)
    expect(pairError(many, calibration)).toBeLessThan(0.03)
    const { ece, nll } = claimError(many, calibration)
    expect(ece).toBeLessThan(0.08)
    expect(nll).toBeLessThan(calibration.claim.baseNll as number)
    expect(after.claim.nll).toBeLessThan(before.claim.nll)
    expect(after.pair?.ece).toBeLessThan(before.pair?.ece as number)
    expect(calibration).toMatchObject({ set: 'made by the test', n: 60, pair: { n: 300 }, claim: { n: 60 } })
    expect(parseCalibration(JSON.parse(JSON.stringify(calibration)))).toStrictEqual(calibration)
  })

  test('finds the temperature and the biases that the data were made with', () => {
    const { pair } = fitCalibration(claimsOf(3, 700, shifted), about)
    expect(pair.temperature).toBeCloseTo(3, 0)
    // With unit Gaussians set apart by 1, the odds of a label are its score and its share; the rest is undone.
    const [s, r, n] = pair.biases.map(
      (bias, place) => bias + (shifted.biases[place] as number) / pair.temperature,
    )
    expect((s as number) - (n as number)).toBeCloseTo(Math.log(0.232 / 0.6), 0)
    expect((r as number) - (n as number)).toBeCloseTo(Math.log(0.168 / 0.6), 0)
  })

  test('says how far off it is on claims that it was not fitted on, near to what new claims show', () => {
    const { after, calibration } = fitAnswers(claimsOf(4, 600), about)
    const { ece, nll } = claimError(claimsOf(5, 3000), calibration)
    expect(Math.abs((calibration.claim.nll as number) - nll)).toBeLessThan(0.05)
    expect(Math.abs(calibration.ece - ece)).toBeLessThan(0.05)
    expect(after.claim.eceOfPerfect).toBeGreaterThan(0.01)
    expect(after.claim.surestQuarter).toBeGreaterThan(after.claim.accuracy)
  })

  test('keeps its temperature where the verifier tells nothing apart, and says so', () => {
    const { calibration, warnings } = fitAnswers(claimsOf(6, 60, { separation: 0, temperature: 4 }), about)
    expect(calibration.pair.temperature).toBeLessThanOrEqual(50)
    expect(calibration.claim.temperature).toBeLessThanOrEqual(50)
    expect(warnings).toContainEqual(expect.stringMatching(/no better than their labels/))
    // What is left are the labels' frequencies, not answers that are all alike.
    const { claim } = judge([saying(0, 0.4, 0.3)], 1, calibration)
    expect(Math.max(...Object.values(claim))).toBeGreaterThan(0.3)
  })

  test('is the same for any order of the claims, to the last bit', () => {
    expect(fitCalibration(few.toReversed(), about)).toStrictEqual(fitCalibration(few, about))
  })

  test('measures no claim by its own like: answers of one id are left out together', () => {
    // Answers that a near copy of each gives away: fitted on one, the other is no surprise.
    const claims = claimsOf(7, 30, { separation: 0 })
    const nearly = claims.map(({ sources, ...claim }) => ({ ...claim, sources: sources.toReversed() }))
    const withIds = (idOf: (index: number) => number) =>
      [...claims, ...nearly].map((claim, index) => ({ ...claim, id: `${idOf(index)}` }))
    const copied = withIds(index => index % claims.length)
    const apart = withIds(index => index)
    const [together, leaked] = [copied, apart].map(answers => fitCalibration(answers, about).claim.nll)
    expect(together).toBeGreaterThan((leaked as number) + 0.01)
    expect(fitCalibration(copied.toReversed(), about)).toStrictEqual(fitCalibration(copied, about))
  })

  test('is what judging then uses: its chances are those that it was measured by', () => {
    const calibration = fitCalibration(few, about)
    const readings = [saying(0, 0.7, 0.1), saying(1, 0.2, 0.5)]
    const raw = judge(readings, 2, { pair: { temperature: 1, biases: [0, 0, 0] }, claim: calibration.claim })
    const odds = claimOdds(
      raw.sources.map(({ probabilities }) => scaledOdds(oddsOfChances(probabilities), calibration.pair)),
    )
    const again = claimChancesOf(odds, calibration.claim)
    for (const [name, chance] of Object.entries(judge(readings, 2, calibration).claim))
      expect(again[name as keyof typeof again]).toBeCloseTo(chance, 12)
  })

  test('leaves sources as they are where none is labelled, and says so', () => {
    const bare = few.map(({ claimLabel, sources }) => ({
      ...(claimLabel === undefined ? {} : { claimLabel }),
      sources: sources.map(({ chances }) => ({ chances })),
    }))
    const { calibration, warnings } = fitAnswers(bare, about)
    expect(calibration.pair).toEqual({
      temperature: 1,
      biases: [0, 0, 0],
      n: 0,
      ece: null,
      nll: null,
      baseNll: null,
    })
    expect(warnings).toContainEqual(expect.stringMatching(/evidenceLabels/))
    expect(calibration.claim.nll).toBeLessThan(calibration.claim.baseNll as number)
  })

  test('refuses too few claims, or claims of one label, and says what to bring', () => {
    const undecided = few.map(({ sources }) => ({ sources }))
    expect(() => fitCalibration([...few.slice(0, 19), ...undecided], about)).toThrow(
      /at least 20.*these are 19/,
    )
    const same = few.map(({ sources }) => ({ sources, claimLabel: 'REFUTES' as const }))
    expect(() => fitCalibration(same, about)).toThrow(/All 60 claims are labelled REFUTES; bring/)
    expect(fitAnswers(few.slice(0, 40), about).warnings).toContainEqual(expect.stringMatching(/40 claims/))
  })
})

describe('fitScale()', () => {
  const belief = { w: 1, bias: 0.5 }

  function lossAt(cases: Parameters<typeof fitScale>[0], w: number, biases: readonly number[]): number {
    const penalty = w - 1 - Math.log(w) + (0.5 * biases.reduce((sum, bias) => sum + bias ** 2, 0)) / 2
    return cases.reduce((sum, { label, scores }) => {
      const chances = softmax(scores.map((score, place) => w * score + (biases[place] as number)))
      return sum - Math.log(chances[label] as number)
    }, penalty)
  }

  function expectLeast(cases: Parameters<typeof fitScale>[0], w: number, biases: readonly number[]): void {
    const least = lossAt(cases, w, biases)
    for (const [place, bias] of biases.entries()) {
      for (const step of [-1e-3, 1e-3])
        expect(lossAt(cases, w, biases.with(place, bias + step))).toBeGreaterThan(least)
    }
  }

  test('ends where no small step is better', () => {
    const random = generator(9)
    const cases = Array.from({ length: 80 }, () => ({
      scores: [gaussian(random), gaussian(random), 0],
      label: Math.floor(random() * 3),
    }))
    const { biases, temperature } = fitScale(cases, labels, belief)
    expectLeast(cases, 1 / temperature, biases)
    for (const step of [-1e-3, 1e-3])
      expect(lossAt(cases, 1 / temperature + step, biases)).toBeGreaterThan(
        lossAt(cases, 1 / temperature, biases),
      )
  })

  test('holds the temperature at the border where scores point the wrong way, and fits biases beside it', () => {
    const cases = Array.from({ length: 3000 }, (_, index) => ({
      scores: index % 3 === 0 ? [5, 0, 0] : [0, 5, 0],
      label: index % 3 === 0 ? 1 : 0,
    }))
    const { biases, temperature } = fitScale(cases, labels, belief)
    expect(temperature).toBe(50)
    expectLeast(cases, 1 / temperature, biases)
  })

  test('is what was believed beforehand where there is no case', () => {
    expect(fitScale([], labels, { w: 1, bias: 0.5 })).toEqual({ temperature: 1, biases: [0, 0, 0] })
  })
})

describe('fitAnswers() of a model that judged claims as a whole', () => {
  /** Claims whose true chances are these; the model says them sharpened, with a liking for one label. */
  function judged(seed: number, n: number, { sharpness = 3, liking = 1 } = {}): LabelledAnswer[] {
    const random = generator(seed)
    const names = ['SUPPORTS', 'REFUTES', 'DISPUTED', 'NOT_ENOUGH_INFO'] as const
    return Array.from({ length: n }, () => {
      const logs = names.map(() => gaussian(random))
      const truth = softmax(logs)
      const drawn = random()
      const sums = truth.map((_, end) => truth.slice(0, end + 1).reduce((sum, chance) => sum + chance, 0))
      const place = sums.findIndex(sum => drawn < sum)
      const said = logs.map((log, index) => sharpness * log + (index === 0 ? liking : 0))
      const [supports, refutes, disputed, neither] = softmax(said) as [number, number, number, number]
      const claimLabel = names[place < 0 ? 3 : place] as ClaimLabel
      return { sources: [], chances: { supports, refutes, disputed, neither }, claimLabel }
    })
  }

  test('finds the temperature that sharpened them, and the liking', () => {
    const { calibration, after, before } = fitAnswers(judged(11, 2000), about)
    expect(calibration.claim.temperature).toBeGreaterThan(2.6)
    expect(calibration.claim.temperature).toBeLessThan(3.4)
    const [supports, refutes] = calibration.claim.biases
    expect(supports - refutes).toBeGreaterThan(-0.6)
    expect(supports - refutes).toBeLessThan(-0.1)
    expect(after.claim.ece).toBeLessThan(0.04)
    expect(before.claim.ece).toBeGreaterThan(0.2)
    expect(calibration.pair).toMatchObject({ temperature: 1, n: 0 })
  })
})
