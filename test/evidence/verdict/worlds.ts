/** What the tests of verdicts draw from: passages of several sources, and calibrations of some kinds. */
import fc from 'fast-check'
import type { Scales } from '../../../src/evidence/verdict/calibration.ts'
import { neutral } from '../../../src/evidence/verdict/calibration.ts'
import type { Ground, PassageReading } from '../../../src/evidence/verdict/judge.ts'

export const sources = 4

const logit = fc.double({ min: -8, max: 8, noNaN: true })
export const logits = fc.tuple(logit, logit, logit)

export const reading: fc.Arbitrary<PassageReading> = fc.record({
  source: fc.nat({ max: sources - 1 }),
  start: fc.nat({ max: 1000 }),
  end: fc.constant(1001),
  text: fc.string({ maxLength: 8 }),
  relevance: fc.double({ min: 0, max: 1, noNaN: true }),
  logits,
})

export const readings = fc.array(reading, { maxLength: 12 })

const temperature = fc.double({ min: 0.3, max: 8, noNaN: true })
const bias = fc.double({ min: -2, max: 2, noNaN: true })

export const scales: fc.Arbitrary<Scales> = fc.oneof(
  fc.constant(neutral),
  fc.record({
    pair: fc.record({ temperature, biases: fc.tuple(bias, bias, bias) }),
    claim: fc.record({ temperature, biases: fc.tuple(bias, bias, bias, bias) }),
  }),
)

/** Biases that are the same for both sides. */
export const evenScales: fc.Arbitrary<Scales> = fc
  .record({
    pairT: temperature,
    claimT: temperature,
    sides: bias,
    pairN: bias,
    claimSides: bias,
    d: bias,
    n: bias,
  })
  .map(({ claimSides, claimT, d, n, pairN, pairT, sides }) => ({
    pair: { temperature: pairT, biases: [sides, sides, pairN] },
    claim: { temperature: claimT, biases: [claimSides, claimSides, d, n] },
  }))

export const thresholds = fc.double({ min: 0, max: 1, noNaN: true })

const standing = fc.constantFrom('none', 'bears', 'strong')
export const grounds: fc.Arbitrary<Ground> = fc.record({
  supports: standing,
  refutes: standing,
  figure: fc.constantFrom('none', 'decided', 'open'),
})

/** A passage that bears on the claim with less than this chance, whatever the calibration makes of its logits. */
export const faint = (most: number): fc.Arbitrary<(scale: Scales) => PassageReading> =>
  fc
    .record({
      each: reading,
      bears: fc.double({ min: 0, max: most, noNaN: true }),
      share: fc.double({ min: 0, max: 1, noNaN: true }),
    })
    .map(({ bears, each, share }) => scale => {
      const [s, r, n] = scale.pair.biases
      const logit = (chance: number, bias: number) => (Math.log(chance) - bias) * scale.pair.temperature
      return {
        ...each,
        logits: [logit(bears * share, s), logit(bears * (1 - share), r), logit(1 - bears, n)],
      }
    })

/** Logits of given chances. */
export const logitsOf = (supports: number, refutes: number, neither: number) =>
  [Math.log(supports), Math.log(refutes), Math.log(neither)] as const

/** A reading of one source with these chances. */
export const saying = (
  source: number,
  supports: number,
  refutes: number,
  text = `${supports} ${refutes}`,
): PassageReading => ({
  source,
  start: 0,
  end: text.length,
  text,
  relevance: 0.5,
  logits: logitsOf(supports, refutes, 1 - supports - refutes),
})
