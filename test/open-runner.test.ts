/**
 * A language model behind `openRunner`: writing, streaming, sharing, leaving and dying. Real workers with a tiny
 * model, whose text is rubbish and whose arithmetic repeats.
 */
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type GenerationItem,
  type GenerationRequest,
  type GenerationResult,
  generationItem,
  labelItem,
  Seeds,
  shareOf,
} from '../src/models/generation.ts'
import type { GenerationEvent, GenerationStream } from '../src/models/generation-stream.ts'
import { openRunner, type Runner } from '../src/open-runner.ts'
import { until } from './support/condition.ts'
import { temporaryFolder } from './support/temporary-folder.ts'
import { tinyLanguageModel } from './support/tiny-language-model.ts'

const folder = temporaryFolder()
const slots = 3
let model: string
let runner: Runner

beforeAll(async () => {
  model = await tinyLanguageModel(join(folder.path, 'tiny'))
  runner = await openRunner({ ops: ['echo', 'generate'], generator: model, poolSize: 1, slots, seed: 1 })
}, 60_000)

afterAll(() => runner?.close())

const prompt = 'Does the evidence support the claim?'

const item = (changes: Partial<GenerationRequest> = {}): GenerationItem =>
  generationItem({ prompt, maxTokens: 12, ...changes }, new Seeds(1))

async function eventsOf(stream: GenerationStream): Promise<GenerationEvent[]> {
  const events: GenerationEvent[] = []
  for await (const event of stream) events.push(event)
  return events
}

const textOf = (events: readonly GenerationEvent[]): string =>
  events.map(event => (event.type === 'text' ? event.text : '')).join('')

const results = (items: readonly GenerationItem[], together = false) =>
  runner
    .dispatch({ op: 'generate', items, together })
    .then(reply => reply.results as readonly Omit<GenerationResult, 'seed' | 'attempt'>[])

const killWorker = () => process.kill(runner.workers()[0]?.pid as number, 'SIGKILL')

describe('generate()', () => {
  test('gives the text as it is written, and all of it at the end', async () => {
    const stream = runner.generate({ prompt, maxTokens: 24, temperature: 1 })
    const events = await eventsOf(stream)
    const result = await stream.result
    expect(events.at(-1)).toEqual({ type: 'done', result })
    // What comes while nobody reads is joined, so that a busy machine may make it one piece.
    expect(events.length).toBeGreaterThanOrEqual(2)
    expect(textOf(events)).toBe(result.text)
    expect(result.tokens).toBeLessThanOrEqual(24)
    expect(result).toMatchObject({ reason: expect.stringMatching(/^(stop|length)$/), attempt: 1 })
    // The first generation of a session that was opened with this seed.
    expect(result.seed).toBe(new Seeds(1).next())
  })

  test('repeats with the seed that it tells, and hardly without', async () => {
    const request = { prompt, maxTokens: 24, temperature: 1, stream: false }
    const first = await runner.generate(request).result
    const second = await runner.generate(request).result
    expect(second.seed).not.toBe(first.seed)
    expect(second.text).not.toBe(first.text)
    expect(await runner.generate({ ...request, seed: first.seed }).result).toMatchObject({
      text: first.text,
      seed: first.seed,
    })
  })

  test('takes what looks like marks of the template as text', async () => {
    const spoofed = await results([item({ prompt: '<|im_end|>' }), item({ prompt: '', shared: 'x' })])
    // The mark itself would be one token; as text it is several.
    expect((spoofed[0]?.promptTokens ?? 0) - (spoofed[1]?.promptTokens ?? 0)).toBeGreaterThan(2)
  })

  test('writes JSON that fits a schema', async () => {
    const schema = JSON.stringify({
      type: 'object',
      properties: { verdict: { enum: ['supported', 'refuted'] }, passage: { type: 'integer', maximum: 9 } },
      required: ['verdict', 'passage'],
      additionalProperties: false,
    })
    const { text } = await runner.generate({ prompt, maxTokens: 200, temperature: 1, schema }).result
    expect(JSON.parse(text)).toEqual({
      verdict: expect.stringMatching(/^(supported|refuted)$/),
      passage: expect.any(Number),
    })
    const cut = runner.generate({ prompt, maxTokens: 2, schema })
    await expect(cut.result).rejects.toMatchObject({
      code: 'ER_MODEL_FAILED',
      message: expect.stringContaining('reason length'),
    })
  })

  test('refuses a prompt that is too long, and that one alone', async () => {
    const long = runner.generate({ prompt: 'claim '.repeat(5000) })
    const short = runner.generate({ prompt, maxTokens: 3 })
    await expect(long.result).rejects.toMatchObject({ code: 'ER_MODEL_INPUT' })
    expect((await short.result).promptTokens).toBeGreaterThan(0)
    expect(runner.workers()).toMatchObject([{ generation: 1 }])
  })
})

describe('many at once', () => {
  test('write what each writes alone', async () => {
    const items = ['one claim', 'another, longer claim about a queue', 'a third'].map(text =>
      item({ prompt: text, maxTokens: 16 }),
    )
    const together = await results(items)
    const alone = [await results([items[0] as GenerationItem]), await results([items[1] as GenerationItem])]
    expect(together.slice(0, 2).map(({ text }) => text)).toEqual(alone.map(([first]) => first?.text))
  })

  test('read the beginning that they share once', async () => {
    const shared = 'The service was deployed in version twelve. '.repeat(20)
    const items = ['one', 'two', 'three'].map(text => item({ prompt: text, shared, scope: 'a request' }))
    const reply = await runner.dispatch({ op: 'generate', items, together: true })
    const [first, ...others] = (reply.results as readonly GenerationResult[]).toSorted(
      (a, b) => a.sharedTokens - b.sharedTokens,
    )
    expect(first?.sharedTokens).toBe(0)
    const [second = 0, third = 0] = others.map(({ sharedTokens }) => sharedTokens)
    expect(second).toBeGreaterThan(100)
    expect(third).toBe(second)
    // Counted by the worker: all prompts once, the beginning but once, and what was written.
    const all = reply.results as readonly GenerationResult[]
    const wanted = all.reduce((sum, { promptTokens, tokens }) => sum + promptTokens + tokens, 0) - 2 * second
    // A token that ends a text is none of the text's, but may be counted as work.
    expect(Math.abs(reply.usage.tokens - wanted)).toBeLessThanOrEqual(3)
  })

  test('share nothing across scopes', async () => {
    const shared = 'What another caller must not be served from. '.repeat(10)
    const [one] = await results([item({ shared, scope: 'one' })])
    const [other] = await results([item({ shared, scope: 'other' })])
    const [same] = await results([item({ shared, scope: 'one' })])
    expect([one?.sharedTokens, other?.sharedTokens]).toEqual([0, 0])
    expect(same?.sharedTokens).toBeGreaterThan(0)
  })
})

describe('label()', () => {
  test('says how likely each answer is, the same each time', async () => {
    const request = { prompt, labels: ['supports', 'refutes', 'unknown'] }
    const result = await runner.label(request)
    expect(result.mass).toBeGreaterThan(0)
    expect(result.mass).toBeLessThanOrEqual(1)
    expect(result.labels.reduce((sum, log) => sum + Math.exp(log), 0)).toBeCloseTo(result.mass, 6)
    expect(shareOf(result.labels).reduce((sum, share) => sum + share, 0)).toBeCloseTo(1)
    expect((await runner.label(request)).labels).toEqual(result.labels)
  })

  test('can go with texts, which share their beginning with it', async () => {
    const shared = 'Passage one says that the queue was empty. '.repeat(10)
    const scope = 'a claim'
    const items = [item({ shared, scope }), labelItem({ prompt, shared, scope, labels: ['yes', 'no'] })]
    const reply = await runner.dispatch({ op: 'generate', items, together: true })
    const figures = reply.results as readonly { readonly sharedTokens: number }[]
    expect(figures.filter(({ sharedTokens }) => sharedTokens > 0)).toHaveLength(1)
  })
})

/** Longer than any test takes. */
const endless: GenerationRequest = { prompt, maxTokens: 4000, temperature: 1 }

test('leaving the loop early frees the slot, and the others go on', async () => {
  const others = [runner.generate(endless), runner.generate(endless)]
  const gone = runner.generate(endless)
  const waiting = runner.generate({ prompt, maxTokens: 2 })
  let ended = 0
  for (const other of others) void other.result.catch(() => {}).then(() => (ended += 1))
  await until('all slots are taken', () => runner.stats().waitingItems === 1)
  for await (const event of gone) {
    expect(event.type).toBe('text')
    break
  }
  await expect(gone.result).rejects.toMatchObject({ name: 'AbortError' })
  // Three slots, two of them busy: this can only be answered in the one that was freed.
  expect((await waiting.result).tokens).toBeLessThanOrEqual(2)
  expect(ended).toBe(0)
  for (const other of others) other.cancel()
  await until('nothing runs', () => runner.stats().openCalls === 0)
  expect(runner.workers()).toMatchObject([{ generation: 1 }])
})

test('what takes one step is answered beside generations', async () => {
  const streams = Array.from({ length: slots }, () => runner.generate(endless))
  let ended = 0
  for (const stream of streams) void stream.result.catch(() => {}).then(() => (ended += 1))
  await until('they run', () => runner.stats().waitingItems === 0)
  for (let index = 0; index < 5; index += 1) await runner.dispatch({ op: 'echo', items: ['beside'] })
  expect(ended).toBe(0)
  for (const stream of streams) stream.cancel()
})

describe('when the worker dies', () => {
  test('a generation begins anew, and its reader is told so before any new text', async () => {
    const stream = runner.generate({ prompt, maxTokens: 120, temperature: 1, seed: 3 })
    const events: GenerationEvent[] = []
    for await (const event of stream) {
      if (events.length === 0) killWorker()
      events.push(event)
    }
    const result = await stream.result
    const restarts = events.filter(({ type }) => type === 'restarted')
    expect(restarts).toEqual([{ type: 'restarted', attempt: 2 }])
    const place = events.findIndex(({ type }) => type === 'restarted')
    expect(textOf(events.slice(place))).toBe(result.text)
    expect(textOf(events.slice(0, place))).not.toBe('')
    expect(result).toMatchObject({ attempt: 2, seed: 3 })
    // The same seed and nobody beside it: what was read first was the beginning of the same text.
    expect(result.text.startsWith(textOf(events.slice(0, place)))).toBe(true)
  })

  test('a generation that is not to begin anew fails with a retryable error', async () => {
    const stream = runner.generate({ ...endless }, { restart: false })
    const read = async () => {
      for await (const event of stream) if (event.type === 'text') killWorker()
    }
    await expect(read()).rejects.toMatchObject({ code: 'ER_WORKER_EXIT', retryable: true })
    await expect(stream.result).rejects.toMatchObject({ code: 'ER_WORKER_EXIT' })
    expect(runner.stats().openCalls).toBe(0)
  })
})

describe('openRunner()', () => {
  test('needs a generator for generate, and says so', async () => {
    await expect(openRunner({ ops: ['generate'] })).rejects.toMatchObject({ code: 'ER_CONFIG' })
  })

  test('says how to fetch one that is not on this machine', async () => {
    const opening = openRunner({ ops: ['generate'], generator: 'nobody/has-this-model' })
    await expect(opening).rejects.toMatchObject({
      code: 'ER_MODEL_LOAD',
      message: expect.stringContaining('prepare nobody/has-this-model'),
    })
  })

  test('gives the variant that a plan names', () => {
    expect(runner.variant('generate')).toMatchObject({
      op: 'generate',
      name: 'tiny',
      limits: { maxTokens: 4096 },
    })
  })
})
