/** parseCalibration(): what a calibration file must hold, and what is said of one that does not. */
import { describe, expect, test } from 'vitest'
import {
  belongsTo,
  type Calibration,
  neutral,
  parseCalibration,
  saidOf,
} from '../../../src/evidence/verdict/calibration.ts'

const calibration: Calibration = {
  version: 1,
  set: 'incidents.jsonl',
  n: 61,
  ece: 0.07,
  pair: { temperature: 1.5, biases: [0.1, -0.2, 0.1], n: 120, ece: 0.03, nll: 0.8, baseNll: 0.9 },
  claim: { temperature: 2, biases: [0.5, 0, -1, 0.5], n: 61, ece: 0.07, nll: 1, baseNll: 1.2 },
  model: { encoder: 'e1', judge: 'j1' },
}

describe('parseCalibration()', () => {
  test('gives back what was written as JSON', () => {
    expect(parseCalibration(JSON.parse(JSON.stringify(calibration)))).toStrictEqual(calibration)
    const unlabelled = {
      ...calibration,
      pair: { ...calibration.pair, n: 0, ece: null, nll: null, baseNll: null },
    }
    expect(parseCalibration(unlabelled)).toStrictEqual(unlabelled)
  })

  test.each([
    ['another version', { ...calibration, version: 2 }, /version/],
    [
      'a temperature of nothing',
      { ...calibration, pair: { ...calibration.pair, temperature: 0 } },
      /pair\.temperature/,
    ],
    [
      'three biases for four labels',
      { ...calibration, claim: { ...calibration.claim, biases: [0, 0, 0] } },
      /claim\.biases/,
    ],
    ['an error over 1', { ...calibration, ece: 7 }, /ece/],
    ['no model', { ...calibration, model: undefined }, /model/],
    ['a key that does not exist', { ...calibration, temperatur: 1 }, /temperatur/],
    ['something else', 'calibration', /expected object/],
  ])('refuses %s, and names it', (_what, value, message) => {
    expect(() => parseCalibration(value)).toThrow(
      expect.objectContaining({ code: 'ER_CONFIG', message: expect.stringMatching(message) }),
    )
  })
})

test('saidOf() is what a result says of its calibration', () => {
  expect(saidOf(calibration)).toEqual({ set: 'incidents.jsonl', n: 61, ece: 0.07 })
  expect(saidOf(neutral)).toBe('uncalibrated')
})

test('belongsTo() tells the model that a calibration was fitted to from any other', () => {
  expect(belongsTo(calibration, { encoder: 'e1', judge: 'j1' })).toBe(true)
  expect(belongsTo(calibration, { encoder: 'e2', judge: 'j1' })).toBe(false)
  expect(belongsTo(calibration, { encoder: 'e1', judge: 'j2' })).toBe(false)
})
