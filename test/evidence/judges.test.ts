/** judgesOf(): who judges, by what is configured and whose odds the calibration was fitted to. */
import { describe, expect, test } from 'vitest'
import { free, type VariantRef } from '../../src/core/call.ts'
import { parseConfig } from '../../src/evidence/config.ts'
import { judgesOf, nameOf } from '../../src/evidence/judges.ts'
import { type Calibration, neutral } from '../../src/evidence/verdict/calibration.ts'

const model = (name: string, op: string): VariantRef => ({
  ...{ name, op, model: name, revision: 'r1', weightsHash: `${name}-weights`, price: free },
  limits: { maxTokens: 512, dimensions: 3 },
})
const encoder = model('encoder', 'embed')
const verifier = model('verifier', 'verify')
const generator = model('writer', 'generate')
const models = { encoder, verifier, generator }

const fitted = (judge: string, encoderHash: string): Calibration => ({
  ...{ version: 1, set: 'mine', n: 60, ece: 0.05 },
  pair: { temperature: 1, biases: [0, 0, 0], n: 0, ece: null, nll: null, baseNll: null },
  claim: { temperature: 2, biases: [0, 0, 0, 0], n: 60, ece: 0.05, nll: 1, baseNll: 1.1 },
  model: { encoder: encoderHash, judge },
})

describe('judgesOf()', () => {
  test('leaves a generator to write alone unless it is asked to judge', () => {
    const judges = judgesOf(parseConfig({ generator: '/models/writer' }), models)
    expect(judges.generator).toBeUndefined()
    expect(judges.model.judge).toBe('verifier-weights')
  })

  test('has the generator judge where that is wanted, without a calibration of its own', () => {
    const judges = judgesOf(parseConfig({ generator: '/models/writer', judge: 'generator' }), models)
    expect(judges.generator).toBe(generator)
    expect(judges.scalings.generator).toBe(neutral)
    expect(judges.model).toEqual({ encoder: 'none', judge: 'r1+writer-weights' })
    expect(nameOf(judges, 'generator')).toBe('writer@r1')
  })

  test('has it judge, calibrated, where the calibration was fitted to this revision of it', () => {
    const own = fitted('r1+writer-weights', 'none')
    const judges = judgesOf(parseConfig({ generator: '/models/writer', calibration: own }), models)
    expect(judges.generator).toBe(generator)
    expect(judges.scalings.generator).toEqual(own)
    const without = judgesOf(parseConfig({ generator: '/models/writer' }), models)
    expect(judges.identity).not.toEqual(without.identity)
  })

  test('refuses one that was fitted to another revision', () => {
    const config = parseConfig({
      generator: '/models/writer',
      judge: 'generator',
      calibration: fitted('r0+writer-weights', 'none'),
    })
    expect(() => judgesOf(config, models)).toThrow(
      expect.objectContaining({ code: 'ER_CONFIG', message: expect.stringContaining('not in use here') }),
    )
  })
})
