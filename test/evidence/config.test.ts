/** The configuration: the original's keys with their defaults, ranges, and words for what is wrong. */
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/evidence/config.ts'

describe('parseConfig()', () => {
  test('gives every key its default', () => {
    expect(parseConfig(undefined)).toEqual({
      enableMLXGeneration: true,
      enableEmbeddingSearch: true,
      confidenceBoost: 0,
      temperature: 0.3,
      slots: 8,
      prefixCacheBytes: 268435456,
      judge: 'auto',
      maxTokens: 512,
      maxCacheSize: 1000,
      poolSize: 'auto',
      warmUpTimeoutMs: 60_000,
      ready: 'first',
      requestTimeoutMs: 30_000,
      queueLimit: 10_000,
      fallback: 'lexical',
      maxPassages: 64,
      spares: 0,
      telemetry: true,
      threshold: 0.75,
      validation: { mode: 'collect-all', onFailure: 'mark', minimumScore: 0, validators: [] },
    })
  })

  test("takes every key of the original's configuration", () => {
    const original = {
      mlxModelPath: '/models/mlx',
      embeddingModelPath: '/models/encoder',
      enableMLXGeneration: false,
      enableEmbeddingSearch: false,
      confidenceBoost: 0.1,
      temperature: 0,
      maxTokens: 4096,
      telemetryCallback: () => {},
      maxCacheSize: 10,
    }
    expect(parseConfig(original)).toMatchObject(original)
  })

  test.each([
    ['an unknown key, naming those there are', { poolsize: 2 }, /poolsize.*there are .*poolSize/],
    ['a boost over a half', { confidenceBoost: 0.51 }, /confidenceBoost/],
    ['a negative boost', { confidenceBoost: -0.1 }, /confidenceBoost/],
    ['a temperature over 2', { temperature: 2.1 }, /temperature/],
    ['no tokens', { maxTokens: 0 }, /maxTokens/],
    ['too many tokens', { maxTokens: 4097 }, /maxTokens/],
    ['half a token', { maxTokens: 1.5 }, /maxTokens/],
    ['two generators', { generator: '/models/a', mlxModelPath: '/models/b' }, /another name for it/],
    ['a judge that is not there', { judge: 'generator' }, /there is no generator to ask/],
    [
      'a judge that is switched off',
      { judge: 'generator', generator: '/models/a', enableMLXGeneration: false },
      /there is no generator to ask/,
    ],
    ['an empty model path', { mlxModelPath: '' }, /mlxModelPath/],
    ['a callback that is none', { telemetryCallback: 'log' }, /telemetryCallback.*function/],
    ['a pool of none', { poolSize: 0 }, /poolSize/],
    ['a pool of words', { poolSize: 'many' }, /poolSize/],
    ['a negative cache', { maxCacheSize: -1 }, /maxCacheSize/],
    ['a timeout of nothing', { requestTimeoutMs: 0 }, /requestTimeoutMs/],
    ['a timeout that is no number', { warmUpTimeoutMs: Number.NaN }, /warmUpTimeoutMs/],
    ['another fallback', { fallback: 'none' }, /fallback/],
    ['no passages', { maxPassages: 0 }, /maxPassages/],
    ['something that is no object', 'fast', /Invalid configuration/],
  ])('refuses %s', (_what, config, message) => {
    expect(() => parseConfig(config)).toThrow(
      expect.objectContaining({
        name: 'InputError',
        code: 'ER_CONFIG',
        message: expect.stringMatching(message),
      }),
    )
  })

  test('names every fault at once, not the first alone', () => {
    expect(() => parseConfig({ maxTokens: 0, ready: 'soon' })).toThrow(/maxTokens.*ready/)
  })
})
