/** What a claim and a passage show together. */
import { describe, expect, test } from 'vitest'
import { featureNames, featuresOf } from '../../../src/evidence/head/features.ts'
import { signsOf } from '../../../src/evidence/head/signs.ts'

const rarity = () => 1

function features(claim: string, passage: string, cosine = 0.5): Record<string, number> {
  const values = featuresOf(signsOf(claim, rarity), signsOf(passage, rarity), cosine)
  return Object.fromEntries(featureNames.map((name, index) => [name, values[index] as number]))
}

describe('featuresOf', () => {
  test('gives one finite number of a small range for each name, whatever the texts are', () => {
    const texts = ['', ' ', '?', '1', 'the', '数据库 超时', '🚀', 'word '.repeat(2000), 'No. Not 7,000.0!']
    for (const claim of texts) {
      for (const passage of texts) {
        const values = featuresOf(signsOf(claim, rarity), signsOf(passage, rarity), 1)
        expect(values).toHaveLength(featureNames.length)
        expect(values.every(value => Math.abs(value) <= 3)).toBe(true)
      }
    }
  })

  test('the same text shares every word and turns none', () => {
    const text = 'The cache of Berlin served 40 users'
    expect(features(text, text)).toMatchObject({
      recall: 1,
      precision: 1,
      missing: 0,
      numbersShared: 1,
      namesShared: 1,
      negationsDiffer: 0,
      turnedWords: 0,
      opposites: 0,
      lengthRatio: 0,
    })
  })

  test('other numbers and other names are missing', () => {
    const found = features('In Berlin 40 users failed', 'In Paris 50 users failed')
    expect(found['numbersMissingWhereSome']).toBe(0.5)
    expect(found['namesMissingWhereSome']).toBeCloseTo(1 / 3)
    // Users and failed are shared, 40 and Berlin are not.
    expect(found['recall']).toBe(0.5)
  })

  test('a missing number counts less where the passage has none', () => {
    expect(features('40 users failed', 'users failed')).toMatchObject({
      numbersMissing: 0.5,
      numbersMissingWhereSome: 0,
    })
  })

  test('a negation before shared words turns them', () => {
    const found = features('The service restarted', 'The service was not restarted')
    expect(found['negationsDiffer']).toBeGreaterThan(0)
    expect(found['turnedWords']).toBeGreaterThan(0)
    expect(features('It was not restarted', 'It was not restarted')['turnedWords']).toBe(0)
  })

  test('an opposite counts only where the word itself is absent', () => {
    expect(features('The flag is enabled', 'The flag is disabled')['opposites']).toBeGreaterThan(0)
    expect(features('The flag is enabled', 'The flag is enabled, not disabled')['opposites']).toBe(0)
  })

  test('directions agree or conflict, and a negation turns that round', () => {
    expect(features('latency rises', 'latency increased')['direction']).toBe(1)
    expect(features('latency rises', 'latency decreased')['direction']).toBe(-1)
    expect(features('latency rises', 'latency did not decrease')['directionTurned']).toBe(1)
  })
})
