/** The calibration error, and what chance alone makes of it. */
import { describe, expect, test } from 'vitest'
import { accuracyOfSurest, errorOf, errorOfPerfect } from '../../../src/evidence/verdict/reliability.ts'
import { generator } from './chance.ts'

const said = (confidence: number, right: number, wrong: number) => [
  ...Array.from({ length: right }, () => ({ confidence, right: true })),
  ...Array.from({ length: wrong }, () => ({ confidence, right: false })),
]

describe('errorOf()', () => {
  test('is the mean distance of what was said to what was', () => {
    expect(errorOf(said(0.8, 80, 20))).toBeCloseTo(0, 12)
    expect(errorOf(said(0.8, 50, 50))).toBeCloseTo(0.3, 12)
    expect(errorOf([...said(0.9, 100, 100), ...said(0.5, 100, 100)])).toBeCloseTo(0.2, 12)
    expect(errorOf([])).toBe(0)
  })

  test('does not depend on the order of the cases', () => {
    const cases = [...said(0.7, 30, 31), ...said(0.4, 11, 40), ...said(0.9, 50, 2)]
    expect(errorOf(cases.toReversed())).toBe(errorOf(cases))
  })

  test('makes no bins so small that chance alone fills them', () => {
    // Ten bins of two cases each would show an error of a half.
    const cases = Array.from({ length: 20 }, (_, index) => ({
      confidence: 0.5 + index / 1000,
      right: index % 4 < 2,
    }))
    expect(errorOf(cases)).toBeLessThan(0.02)
  })
})

describe('errorOfPerfect()', () => {
  test('is what true confidences show on average, less with more cases', () => {
    const random = generator(3)
    const confidences = Array.from({ length: 400 }, () => 0.4 + 0.5 * random())
    const [few, many] = [60, 4000].map(n => errorOfPerfect(n, confidences)) as [number, number]
    expect(few).toBeGreaterThan(0.05)
    expect(many).toBeLessThan(0.03)
    let sum = 0
    for (let draw = 0; draw < 100; draw += 1)
      sum += errorOf(confidences.map(confidence => ({ confidence, right: random() < confidence })))
    expect(errorOfPerfect(400, confidences)).toBeCloseTo(sum / 100, 2)
  })

  test('is 0 for certainty and for no case, and repeats', () => {
    expect(errorOfPerfect(50, [1])).toBe(0)
    expect(errorOfPerfect(0, [0.5])).toBe(0)
    expect(errorOfPerfect(70, [0.4, 0.7])).toBe(errorOfPerfect(70, [0.7, 0.4]))
  })
})

test('accuracyOfSurest() counts the most confident part', () => {
  const cases = [...said(0.9, 9, 1), ...said(0.5, 10, 20)]
  expect(accuracyOfSurest(cases, 0.25)).toBeCloseTo(0.9, 12)
  expect(accuracyOfSurest(cases, 1)).toBeCloseTo(19 / 40, 12)
})
