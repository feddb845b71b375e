/**
 * What has to come out exactly, counted: greedy texts written together and one by one, what calls that begin
 * alike have the model read, and answers that are held to a schema.
 */
import * as z from 'zod'
import {
  type GenerationItem,
  type GenerationResult,
  generationItem,
  Seeds,
} from '../src/models/generation.ts'
import { structured } from '../src/models/structured.ts'
import type { Runner } from '../src/runner.ts'
import { type Bed, fullTokens, type Part, plainItem, runDirect, slots } from './generation-setup.ts'
import { longTexts, mixedTexts, sentence } from './texts.ts'

/** Greedy texts of a stream of calls that come and go in eight slots, beside each alone, here and in mlx_lm. */
export async function countEqual({ direct, note, quick, runner, signal, size }: Bed): Promise<Part> {
  const texts = mixedTexts(quick ? 16 : 48, 11)
  const tokens = fullTokens / 2
  const write = (prompt: string) => runner.generate({ prompt, maxTokens: tokens }, { signal }).result
  note('texts together')
  const together = await Promise.all(texts.map(write))
  note('texts one by one')
  const alone: GenerationResult[] = []
  for (const text of texts) alone.push(await write(text))
  const { ids } = await direct.ask<{ ids: number[][] }>({ encode: texts.map(plainItem) })
  const made: (readonly number[])[] = []
  for (const prompt of ids) {
    signal.throwIfAborted()
    const run = await runDirect(direct, [{ ids: prompt }], tokens, 'plain')
    made.push(...run.made)
  }
  const { texts: theirs } = await direct.ask<{ texts: string[] }>({ decode: made })
  const same = (one: GenerationResult | undefined, other: GenerationResult | undefined) =>
    one?.text === other?.text && one?.tokens === other?.tokens && one?.reason === other?.reason
  const rows = [
    { what: 'one by one', equal: together.filter((each, index) => same(each, alone[index])).length },
    {
      what: 'mlx_lm, one by one',
      equal: together.filter(({ text }, index) => text === theirs[index]).length,
    },
  ].map(row => ({ model: size.name, beside: row.what, texts: texts.length, equal: row.equal }))
  return {
    tables: [
      {
        title: `Greedy texts written together, ${slots} at once (${size.name})`,
        note: `Up to ${tokens} tokens each; all ${texts.length} asked for at once, so that rows come and go.`,
        rows,
      },
    ],
    goals: rows.map(({ beside, equal }) => ({
      what: `texts written together equal to those of ${beside} (${size.name})`,
      ...{ value: equal, unit: `of ${texts.length}`, better: 'more', goal: texts.length },
    })),
  }
}

/** Three calls of one request that begin alike: what the model reads for them, counted. */
export async function countPrefix({ direct, note, quick, runner, signal, size }: Bed): Promise<Part> {
  note('shared beginnings')
  const seeds = new Seeds(1)
  const system = 'Judge claims by their sources alone.'
  const tails = ['Is it supported?', 'Write what the sources say of it.', 'What do they leave open?']
  const rows = []
  for (const [round, shared] of longTexts(quick ? 2 : 10, 120, 31).entries()) {
    const items = tails.map(prompt =>
      generationItem({ system, shared, prompt, scope: `request ${round}`, maxTokens: 4 }, seeds),
    )
    // The same beginnings in a scope of each call's own, which may share nothing.
    const apart = items.map((item, index) => ({ ...item, scope: `request ${round}, call ${index}` }))
    const { ids } = await direct.ask<{ ids: number[][] }>({ encode: items })
    const prompts = ids.map(list => list.length)
    const own = await readFor(runner, items, signal)
    const alone = await readFor(runner, apart, signal)
    const prefix = Math.max(...own.shared)
    rows.push({
      ...{ prompts: prompts.join(' + '), prefix, calledShared: own.shared.join(', ') },
      once: prompts.reduce((sum, length) => sum + length, 0) - (tails.length - 1) * prefix,
      ...{ read: own.read, byUsage: own.computed, readInScopesApart: alone.read },
    })
  }
  const beyond = rows.map(({ byUsage, once, read }) => Math.max(read, byUsage) - once)
  return {
    tables: [
      {
        title: `Three calls of one request that begin alike (${size.name})`,
        note: 'Tokens. once: the common beginning once and three rests; read: promptTokens − sharedTokens of all; byUsage: what usage counts beside the tokens written.',
        rows: rows.slice(0, 4),
      },
    ],
    goals: [
      {
        what: `tokens read for three calls, beyond the beginning once and three rests (${rows.length} requests)`,
        ...{ value: Math.max(...beyond), unit: 'tokens', better: 'less', goal: 0 },
      },
    ],
  }
}

/** Has the worker take `items` at the same time; tokens that its model read for them, by two accounts. */
async function readFor(runner: Runner, items: readonly GenerationItem[], signal: AbortSignal) {
  const { results, usage } = await runner.dispatch({ op: 'generate', items, together: true }, { signal })
  const list = results as readonly GenerationResult[]
  return {
    read: list.reduce((sum, each) => sum + each.promptTokens - each.sharedTokens, 0),
    computed: usage.tokens - list.reduce((sum, { tokens }) => sum + tokens, 0),
    shared: list.map(({ sharedTokens }) => sharedTokens),
  }
}

/** Answers of different shapes, as an analysis and its parts would have them. */
const schemas = {
  analysis: z.object({
    summary: z.string().max(80),
    points: z
      .array(
        z.object({
          text: z.string().max(40),
          stance: z.enum(['supports', 'refutes', 'neither']),
          cites: z.array(z.int().min(1).max(12)).max(3),
        }),
      )
      .min(1)
      .max(2),
    confidence: z.number().min(0).max(1),
  }),
  verdict: z.strictObject({ verdict: z.enum(['supported', 'refuted', 'unknown']), sure: z.boolean() }),
  kinds: z.union([
    z.object({ kind: z.literal('number'), value: z.number(), unit: z.string().max(8).nullable() }),
    z.object({ kind: z.literal('words'), words: z.array(z.string().max(10)).max(4) }),
  ]),
  counts: z.record(z.string().max(6), z.int().min(-99).max(99)),
} as const satisfies Record<string, z.ZodType>

/** Answers held to schemas, from random weights: how many are JSON that fits. */
export async function countValid({ note, quick, runner, signal, size }: Bed): Promise<Part> {
  const list = Object.entries(schemas).map(([name, schema]) => ({ name, ...structured(schema) }))
  const count = quick ? 80 : 1000
  const begin = performance.now()
  const outcomes = new Map(list.map(({ name }) => [name, { valid: 0, tokens: 0, texts: new Set<string>() }]))
  const faults: string[] = []
  let begun = 0
  // As many at once as there are slots, and one more that waits.
  const writer = async () => {
    for (let number = begun++; number < count; number = begun++) {
      signal.throwIfAborted()
      if (number % 200 === 0) note(`answers held to a schema, ${number} of ${count}`)
      const schema = list[number % list.length] as (typeof list)[number]
      const outcome = outcomes.get(schema.name)
      if (outcome === undefined) continue
      try {
        // Greedy for some, drawn for others: random weights then write anything that the grammar allows.
        const temperature = [0, 0.7, 1, 2][Math.floor(number / list.length) % 4] as number
        const { text, tokens } = await runner.generate(
          { prompt: sentence(number), schema, maxTokens: 2000, temperature, seed: number },
          { signal },
        ).result
        outcome.tokens += tokens
        schema.parse(text)
        outcome.valid += 1
        outcome.texts.add(text)
      } catch (error) {
        faults.push(`${schema.name} ${number}: ${String(error)}`)
      }
    }
  }
  await Promise.all(Array.from({ length: slots + 1 }, writer))
  for (const fault of faults.slice(0, 5)) note(fault)
  const seconds = (performance.now() - begin) / 1000
  const rows = [...outcomes].map(([schema, { texts, tokens, valid }], place) => {
    const asked = Math.floor((count - place - 1) / list.length) + 1
    return { schema, asked, valid, different: texts.size, tokensEach: tokens / asked }
  })
  const valid = rows.reduce((sum, row) => sum + row.valid, 0)
  const tokens = rows.reduce((sum, row) => sum + row.tokensEach * row.asked, 0)
  return {
    tables: [
      {
        title: `Answers held to a schema, from random weights (${size.name})`,
        note: `Temperatures 0, 0.7, 1 and 2; ${slots} at once; ${Math.round(tokens / seconds)} tokens per second in all.`,
        rows,
      },
    ],
    goals: [
      {
        what: `answers that parse and fit their schema (${size.name})`,
        ...{ value: valid, unit: `of ${count}`, better: 'more', goal: count },
      },
    ],
  }
}
