/**
 * A zod schema all the way: to a worker's grammar, through a model of random weights, and back as a value. What
 * the grammar admits is looked at more closely in test/models/structured.test.ts.
 */
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod'
import { structured } from '../../src/models/structured.ts'
import { openRunner, type Runner } from '../../src/open-runner.ts'
import { answerSchema } from '../support/schema-arbitrary.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { tinyLanguageModel } from '../support/tiny-language-model.ts'

const { path: folder } = temporaryFolder()
let runner: Runner

beforeAll(async () => {
  await tinyLanguageModel(folder)
  runner = await openRunner({ ops: ['generate'], generator: folder, poolSize: 1, seed: 4 })
})
afterAll(() => runner?.close())

const prompt = 'Which passages support the claim?'

describe('a generation with a schema', () => {
  test('gives values of every schema, many at once and whatever the model is drawn to', async () => {
    const made = fc
      .sample(answerSchema, { numRuns: 40, seed: 3 })
      .map(schema => structured(schema, { mostCharacters: 20, mostItems: 3 }))
    const results = await Promise.all(
      made.map(({ schema }, index) => {
        const temperature = index % 3
        return runner.generate({ prompt, schema, temperature, maxTokens: 3000 }).result
      }),
    )
    results.forEach(({ text, reason }, index) => {
      expect(reason).toBe('stop')
      expect(() => made[index]?.parse(text), `${made[index]?.schema} ${text}`).not.toThrow()
      expect(Array.from(text).length).toBeLessThanOrEqual(made[index]?.mostCharacters ?? 0)
    })
  })

  test('streams the same JSON that it results in', async () => {
    const { schema, parse } = structured(
      z.object({ text: z.string().max(30), cites: z.array(z.int32()).max(2) }),
    )
    const stream = runner.generate({ prompt, schema, temperature: 1, seed: 8, stream: true })
    let text = ''
    for await (const event of stream) if (event.type === 'text') text += event.text
    expect(text).toBe((await stream.result).text)
    expect(parse(text)).toMatchObject({ text: expect.any(String) })
  })

  test('fails with its reason where maxTokens ends it before it is complete', async () => {
    const { schema } = structured(z.object({ text: z.string().min(60).max(60) }))
    await expect(runner.generate({ prompt, schema, maxTokens: 5 }).result).rejects.toMatchObject({
      code: 'ER_MODEL_FAILED',
      message: expect.stringContaining('reason length'),
    })
  })

  test('is refused alone where its schema can not be compiled, with the reason', async () => {
    const { schema, parse } = structured(z.object({ ok: z.boolean() }))
    const fine = runner.generate({ prompt, schema, maxTokens: 60 }).result
    const wrong = runner.generate({ prompt, schema: '{"type":"string","pattern":"(?=a)"}' }).result
    await expect(wrong).rejects.toMatchObject({
      code: 'ER_MODEL_INPUT',
      message: expect.stringContaining('look-around'),
    })
    expect(parse((await fine).text)).toEqual({ ok: expect.any(Boolean) })
  })
})
