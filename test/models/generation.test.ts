/** Requests as items, answers read again, seeds, and shares of chances. No worker. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { free, type VariantRef } from '../../src/core/call.ts'
import {
  askLabels,
  type GenerationRequest,
  generationItem,
  generationResult,
  labelItem,
  labelResult,
  Seeds,
  shareOf,
} from '../../src/models/generation.ts'
import { runContext } from '../support/run-context.ts'

const variant: VariantRef = {
  name: 'tiny',
  op: 'generate',
  model: 'tiny',
  revision: '1',
  weightsHash: '',
  price: free,
  limits: { maxTokens: 256, dimensions: 0 },
}

const made = { promptTokens: 12, sharedTokens: 8, firstTokenMs: 3.5, prefixBytes: 4096 }

describe('generationItem()', () => {
  test('fills in every key', () => {
    expect(generationItem({ prompt: 'Say yes.' }, new Seeds(1))).toEqual({
      system: '',
      shared: '',
      prompt: 'Say yes.',
      maxTokens: 512,
      temperature: 0,
      topP: 1,
      topK: 0,
      stop: [],
      schema: null,
      labels: null,
      scope: '',
      seed: new Seeds(1).next(),
      stream: false,
    })
  })

  test('keeps what is given', () => {
    const request: GenerationRequest = {
      system: 's',
      shared: 'h',
      prompt: 'p',
      maxTokens: 3,
      temperature: 0.7,
      topP: 0.9,
      topK: 40,
      stop: ['\n'],
      schema: '{"type":"object"}',
      scope: 'one caller',
      seed: 7,
      stream: true,
    }
    expect(generationItem(request, new Seeds())).toEqual({ ...request, labels: null })
  })

  test('takes a schema that brings its text', () => {
    const structured = { schema: '{"type":"string"}', parse: (text: string): unknown => JSON.parse(text) }
    expect(generationItem({ prompt: 'p', schema: structured }, new Seeds()).schema).toBe('{"type":"string"}')
  })

  test.each([
    [{ prompt: 5 }, 'generation.prompt'],
    [{ prompt: 'p', maxTokens: 0 }, 'generation.maxTokens'],
    [{ prompt: 'p', temperature: -1 }, 'generation.temperature'],
    [{ prompt: 'p', topP: 0 }, 'generation.topP'],
    [{ prompt: 'p', topK: 1.5 }, 'generation.topK'],
    [{ prompt: 'p', stop: [''] }, 'generation.stop.0'],
    [{ prompt: 'p', seed: 2 ** 32 }, 'generation.seed'],
    [{ prompt: 'p', labels: ['a', 'b'] }, 'labels'],
    [undefined, 'generation'],
  ])('refuses %j', (request, place) => {
    const make = () => generationItem(request as unknown as GenerationRequest, new Seeds())
    expect(make).toThrow(
      expect.objectContaining({ code: 'ER_INPUT', message: expect.stringContaining(place) }),
    )
  })
})

describe('labelItem()', () => {
  test('generates nothing and draws no seed', () => {
    const item = labelItem({ prompt: 'p', shared: 'h', scope: 'c', labels: ['yes', 'no'] })
    expect(item).toMatchObject({ shared: 'h', scope: 'c', labels: ['yes', 'no'], seed: null, stream: false })
    expect(Object.keys(item).sort()).toEqual(Object.keys(generationItem({ prompt: 'p' }, new Seeds())).sort())
  })

  test('refuses fewer than two labels, and empty ones', () => {
    expect(() => labelItem({ prompt: 'p', labels: ['yes'] })).toThrow('question.labels')
    expect(() => labelItem({ prompt: 'p', labels: ['yes', ''] })).toThrow('question.labels.1')
  })
})

describe('answers', () => {
  const text = { text: 'yes', reason: 'stop', tokens: 2, tokensPerSecond: 40, ...made }
  const item = generationItem({ prompt: 'p', seed: 9 }, new Seeds())

  test('of texts come back with their seed and attempt', () => {
    expect(generationResult(text, item, 2)).toEqual({ ...text, seed: 9, attempt: 2 })
  })

  test.each([[null], [{}], [{ ...text, reason: 'tired' }], [{ ...text, text: 5 }]])(
    '%j is none of a worker’s',
    value => {
      expect(() => generationResult(value, item, 1)).toThrow(expect.objectContaining({ code: 'ER_WIRE' }))
    },
  )

  test('of labels may be without any chance', () => {
    const labels = labelItem({ prompt: 'p', labels: ['yes', 'no'] })
    const value = { labels: [-0.1, Number.NEGATIVE_INFINITY], mass: 0.9, ...made }
    expect(labelResult(value, labels)).toEqual(value)
    expect(() => labelResult({ ...value, labels: [-0.1] }, labels)).toThrow('1 chances for 2 labels')
    expect(() => labelResult({ ...value, labels: [-0.1, Number.NaN] }, labels)).toThrow('no sense')
  })

  test('are asked for by one call of one item', async () => {
    const value = { labels: [-0.1, -3], mass: 0.9, ...made }
    const seen: unknown[] = []
    const result = await askLabels(
      async call => {
        seen.push(...call.items)
        return {
          results: [value],
          usage: { calls: 1, tokens: 12, workerMs: 1 },
          timings: { queueMs: 0, modelMs: 1, wireMs: 0 },
          attempt: 1,
          wastedMs: 0,
        }
      },
      variant,
      { prompt: 'p', labels: ['yes', 'no'] },
      runContext(),
    )
    expect(result).toEqual(value)
    expect(seen).toEqual([labelItem({ prompt: 'p', labels: ['yes', 'no'] })])
  })
})

describe('shareOf()', () => {
  const log = fc.double({ min: -1000, max: 0, noNaN: true })

  test('sums to 1 and keeps the order', () => {
    fc.assert(
      fc.property(fc.array(log, { minLength: 1, maxLength: 8 }), logs => {
        const shares = shareOf(logs)
        expect(shares.reduce((sum, share) => sum + share, 0)).toBeCloseTo(1, 9)
        for (const [index, share] of shares.entries()) {
          expect(share).toBeGreaterThanOrEqual(0)
          for (const [other, another] of shares.entries())
            if ((logs[index] as number) > (logs[other] as number))
              expect(share).toBeGreaterThanOrEqual(another)
        }
      }),
    )
  })

  test('is as the chances are to each other', () => {
    expect(shareOf([Math.log(0.06), Math.log(0.02)])).toEqual([expect.closeTo(0.75), expect.closeTo(0.25)])
    expect(shareOf([-5000, -5000])).toEqual([0.5, 0.5])
    expect(shareOf([Number.NEGATIVE_INFINITY, -3])).toEqual([0, 1])
    expect(shareOf([Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY])).toEqual([0.5, 0.5])
  })
})

describe('Seeds', () => {
  const draw = (seeds: Seeds, count: number) => Array.from({ length: count }, () => seeds.next())

  test('repeat with the same first number, differ with another, and none comes twice', () => {
    const drawn = draw(new Seeds(42), 5000)
    expect(draw(new Seeds(42), 5000)).toEqual(drawn)
    expect(draw(new Seeds(43), 5000)).not.toEqual(drawn)
    expect(new Set(drawn).size).toBe(5000)
    expect(drawn.every(seed => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)).toBe(true)
  })

  test('of two sessions differ', () => {
    expect(draw(new Seeds(), 8)).not.toEqual(draw(new Seeds(), 8))
  })
})
