/** What a library keeps, counts and loads: seed 001's vectors first, then what its TemplateManager got wrong. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { InputError } from '../../../src/core/errors.ts'
import { filedText, readFiled } from '../../../src/evidence/prompts/header.ts'
import {
  type LibraryOptions,
  type LoaderRequest,
  PromptLibrary,
} from '../../../src/evidence/prompts/library.ts'
import { loaderOf } from '../../../src/evidence/prompts/loader.ts'
import { ObservedUse } from '../../../src/evidence/prompts/observed-use.ts'
import { definePrompt, type WrittenPrompt } from '../../../src/evidence/prompts/prompt.ts'
import { turns } from '../../support/condition.ts'

const textOf = (body: string, version = '1', parameters = '') =>
  `---\nversion: ${version}\n${parameters === '' ? '' : `parameters: ${parameters}\n`}---\n${body}`

/** A library over texts by id, and what its loader was asked for. */
function open(texts: Readonly<Record<string, string>> = {}, options: LibraryOptions = {}) {
  const asked: LoaderRequest[] = []
  const library = new PromptLibrary(async wanted => {
    asked.push(wanted)
    await turns(1)
    const text = texts[wanted.id]
    if (text === 'broken') throw new Error('the disk is broken')
    return text
  }, options)
  return { asked, library }
}

const numbered = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`template_${index}`, textOf(`${index}`)]))

describe('the vectors of seed 001', () => {
  test('one miss and one hit make a hit rate of one half, and none makes 0', async () => {
    const { library } = open({ a: textOf('A') })
    expect(library.figures.hitRate).toBe(0)
    await library.get({ id: 'a' })
    await library.get({ id: 'a' })
    expect(library.figures).toMatchObject({ hits: 1, misses: 1, hitRate: 0.5 })
  })

  test('the eleventh of ten puts out the first', async () => {
    const { library } = open(numbered(11), { maxPrompts: 10 })
    for (let index = 0; index < 11; index += 1) await library.get({ id: `template_${index}` })
    expect(library.has({ id: 'template_0' })).toBe(false)
    expect(library.has({ id: 'template_1' })).toBe(true)
    expect(library.figures).toMatchObject({ prompts: 10, evictions: 1 })
  })

  test('one that was used again stays, and the next goes', async () => {
    const { library } = open(numbered(11), { maxPrompts: 10 })
    for (let index = 0; index < 10; index += 1) await library.get({ id: `template_${index}` })
    await library.get({ id: 'template_0' })
    await library.get({ id: 'template_10' })
    expect(library.has({ id: 'template_0' })).toBe(true)
    expect(library.has({ id: 'template_1' })).toBe(false)
  })

  test('two hits of three make 0.667', async () => {
    const { library } = open({ a: textOf('A') })
    for (let round = 0; round < 3; round += 1) await library.get({ id: 'a' })
    expect(library.figures.hitRate).toBeCloseTo(2 / 3, 10)
  })

  test('preloading three gives 3, and 2 where one is missing', async () => {
    const list = ['template_0', 'template_1', 'template_2'].map(id => ({ id }))
    expect(await open(numbered(3)).library.preload(list)).toBe(3)
    const { library } = open(numbered(2))
    expect(await library.preload(list)).toBe(2)
    expect(library.figures).toMatchObject({ prompts: 2, failures: 1, hits: 0, misses: 0 })
    // What is kept is not loaded again.
    expect(await library.preload(list)).toBe(2)
    expect(library.figures.load.count).toBe(2)
  })

  test('uses of 40, 30, 10, 5 and 18 make a hit rate of 0.8 and more', async () => {
    const { library } = open(numbered(5))
    for (const [index, count] of [40, 30, 10, 5, 18].entries())
      for (let use = 0; use < count; use += 1) await library.get({ id: `template_${index}` })
    expect(library.figures.hitRate).toBeGreaterThanOrEqual(0.8)
    expect(library.figures).toMatchObject({ hits: 98, misses: 5 })
  })

  test('invalidating says whether it was there, and clearing keeps the counters', async () => {
    const { library } = open({ a: textOf('A') })
    await library.get({ id: 'a' })
    expect([library.invalidate({ id: 'a' }), library.invalidate({ id: 'a' })]).toEqual([true, false])
    await library.get({ id: 'a' })
    library.clear()
    expect(library.figures).toMatchObject({ prompts: 0, bytes: 0, misses: 2 })
  })

  test('has() neither counts nor touches', async () => {
    const { library } = open(numbered(3), { maxPrompts: 2 })
    await library.preload([{ id: 'template_0' }, { id: 'template_1' }])
    const before = library.figures
    expect([library.has({ id: 'template_0' }), library.has({ id: 'template_2' })]).toEqual([true, false])
    expect(library.figures).toEqual(before)
    await library.get({ id: 'template_2' })
    expect(library.has({ id: 'template_0' })).toBe(false)
  })

  test('keeps 100 prompts and 100 MiB unless told otherwise', () => {
    expect(open().library.figures).toMatchObject({ maxPrompts: 100, maxBytes: 104_857_600 })
  })
})

describe('what is kept', () => {
  test('is counted in the bytes of its text, and never beyond the limit', async () => {
    const text = textOf('é'.repeat(50))
    expect(Buffer.byteLength(text)).toBe(19 + 100)
    const { library } = open({ a: text, b: text, c: text }, { maxBytes: 300 })
    await library.get({ id: 'a' })
    expect(library.figures.bytes).toBe(119)
    await library.get({ id: 'b' })
    await library.get({ id: 'c' })
    expect(library.figures).toMatchObject({ bytes: 238, prompts: 2, evictions: 1 })
  })

  test('leaves out what is too large by itself, which is used all the same', async () => {
    const { asked, library } = open({ small: textOf('s'), large: textOf('x'.repeat(500)) }, { maxBytes: 100 })
    await library.get({ id: 'small' })
    expect((await library.get({ id: 'large' })).render({})).toBe('x'.repeat(500))
    await library.get({ id: 'large' })
    expect(library.has({ id: 'small' })).toBe(true)
    expect(library.figures).toMatchObject({ prompts: 1, oversize: 2, evictions: 0 })
    expect(asked.map(({ id }) => id)).toEqual(['small', 'large', 'large'])
  })

  test('is apart by type, id and version', async () => {
    const library = new PromptLibrary(async ({ id, type, version = '7' }) => textOf(`${type} ${id}`, version))
    const wanted = [
      { id: 'a' },
      { id: 'a', type: 'effect' },
      { id: 'a', type: 'compute' },
      { id: 'a', type: 'effect', version: '2' },
    ]
    const texts = await Promise.all(wanted.map(async one => (await library.get(one)).render({})))
    expect(texts).toEqual(['prompt a', 'effect a', 'compute a', 'effect a'])
    const prompts = await Promise.all(wanted.map(one => library.get(one)))
    expect(prompts.map(({ version }) => version)).toEqual(['7', '7', '7', '2'])
    expect(library.figures).toMatchObject({ prompts: 4, hits: 4, misses: 4 })
  })

  test('is refused under a version that its header does not have', async () => {
    const { library } = open({ a: textOf('A', '1') })
    await expect(library.get({ id: 'a', version: '2' })).rejects.toThrow('its header has version 1')
    expect(library.has({ id: 'a', version: '2' })).toBe(false)
  })

  test.each([
    [{ id: '../etc/passwd' }],
    [{ id: 'a/b' }],
    [{ id: 'a', type: '..' }],
    [{ id: 'a', version: '1/../..' }],
    [{ id: 'a\0' }],
  ])('is never asked for by a path: %j', async wanted => {
    const { asked, library } = open({ a: textOf('A') })
    await expect(library.get(wanted)).rejects.toThrow(InputError)
    expect(() => library.has(wanted)).toThrow(InputError)
    expect(() => library.invalidate(wanted)).toThrow(InputError)
    expect(await library.preload([wanted])).toBe(0)
    expect(asked).toEqual([])
  })
})

describe('loading', () => {
  test('happens once for all who ask at the same time', async () => {
    const { asked, library } = open({ a: textOf('A') })
    const prompts = await Promise.all([1, 2, 3].map(() => library.get({ id: 'a' })))
    expect(prompts.map(prompt => prompt.render({}))).toEqual(['A', 'A', 'A'])
    expect(asked).toEqual([{ id: 'a', type: 'prompt', version: undefined }])
    expect(library.figures).toMatchObject({ misses: 3, joined: 2, hits: 0 })
  })

  test('of a text that was invalidated meanwhile is not kept, nor joined', async () => {
    const loads: ((text: string) => void)[] = []
    const library = new PromptLibrary(() => new Promise(resolve => loads.push(resolve)))
    for (const letGo of [() => library.invalidate({ id: 'a' }), () => library.clear()]) {
      loads.length = 0
      const before = library.get({ id: 'a' })
      letGo()
      const after = library.get({ id: 'a' })
      expect(loads).toHaveLength(2)
      loads[1]?.(textOf('new'))
      loads[0]?.(textOf('old'))
      expect((await before).text).toBe('old')
      expect((await after).text).toBe('new')
      expect((await library.get({ id: 'a' })).text).toBe('new')
      library.clear()
    }
  })

  test('fails for want of a prompt, and is tried again the next time', async () => {
    const texts: Record<string, string> = { b: 'broken' }
    const { library } = open(texts)
    await expect(library.get({ id: 'a', type: 'effect' })).rejects.toThrow('There is no prompt effect/a')
    await expect(library.get({ id: 'b' })).rejects.toThrow('the disk is broken')
    texts['a'] = textOf('A')
    expect((await library.get({ id: 'a' })).text).toBe('A')
    expect(library.figures).toMatchObject({ failures: 2, prompts: 1 })
    expect(library.mostUsed()).toEqual([{ id: 'a' }])
  })

  test('ends with the caller’s signal', async () => {
    const controller = new AbortController()
    const library = new PromptLibrary(async (_wanted, signal) => {
      await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      return undefined
    })
    const call = library.get({ id: 'a' }, { signal: controller.signal })
    const preloading = library.preload([{ id: 'b' }], controller.signal)
    controller.abort('gone')
    await expect(call).rejects.toBe('gone')
    await expect(preloading).rejects.toBe('gone')
    await turns()
    expect(library.figures.failures).toBe(0)
  })

  test('fails where places and header are not the same, or the header can’t be read', async () => {
    const { library } = open({
      place: textOf('{{x}}'),
      none: 'just text',
      open: '---\nversion: 1\nno end',
      version: '---\nparameters: x text\n---\n{{x}}',
      kind: textOf('{{x}}', '1', 'x date'),
      twice: textOf('{{x}}', '1', 'x text, x text'),
      again: '---\nversion: 1\nversion: 2\n---\n',
      line: '---\nversion: 1\nfilters: all\n---\n',
      name: textOf('x', '../1'),
    })
    const messages: Record<string, RegExp> = {
      place: /a place for x/,
      none: /header/,
      open: /header/,
      version: /no version/,
      kind: /"x date" is no parameter/,
      twice: /x twice/,
      again: /version twice/,
      line: /"filters: all"/,
      name: /The version/,
    }
    for (const [id, message] of Object.entries(messages))
      await expect(library.get({ id })).rejects.toThrow(message)
    expect(library.figures).toMatchObject({ prompts: 0, failures: 9 })
  })
})

describe('a loaded prompt', () => {
  test('checks its values by its header', async () => {
    const { library } = open({
      a: textOf('{{who}} {{many}} {{sure}}', '1', 'who text, many integer, sure flag'),
    })
    const prompt = await library.get({ id: 'a' })
    expect(prompt.render({ who: 'x', many: 2, sure: true })).toBe('x 2 true')
    expect(() => prompt.render({ who: 'x', many: 2.5, sure: true })).toThrow(InputError)
    expect(() => prompt.render({ who: 'x', many: 2 })).toThrow(InputError)
  })

  test('takes the parameters of who asks, whose names must be its places', async () => {
    const { library } = open({ a: textOf('{{who}}', '1', 'who text') })
    const prompt = await library.get({ id: 'a' }, { parameters: z.object({ who: z.string().max(2) }) })
    expect(prompt.render({ who: 'ab' })).toBe('ab')
    // @ts-expect-error not of these parameters
    expect(() => prompt.render({ whom: 'ab' })).toThrow(InputError)
    expect(() => prompt.render({ who: 'abc' })).toThrow(InputError)
    const other = library.get({ id: 'a' }, { parameters: z.object({ whom: z.string() }) })
    await expect(other).rejects.toThrow(InputError)
  })

  test('is timed apart from loading and finding, over the last thousand times', async () => {
    let time = 0
    const steps: number[] = []
    const clock = () => {
      time += steps.shift() ?? 0
      return time
    }
    const { library } = open({ a: textOf('A') }, { clock })
    // get: from; read: from, end (4 ms); then get: from, found (2 ms).
    steps.push(0, 0, 4, 0, 2)
    await library.get({ id: 'a' })
    const prompt = await library.get({ id: 'a' })
    for (let ms = 1; ms <= 2000; ms += 1) {
      steps.push(0, ms)
      prompt.render({})
    }
    const { load, lookup, render } = library.figures
    expect(load).toEqual({ count: 1, meanMs: 4, p50Ms: 4, p95Ms: 4 })
    expect(lookup).toEqual({ count: 1, meanMs: 2, p50Ms: 2, p95Ms: 2 })
    expect(render).toEqual({ count: 2000, meanMs: 1500.5, p50Ms: 1501, p95Ms: 1951 })
  })
})

describe('mostUsed()', () => {
  test('orders by use, then by who came first, and takes 20 unless told otherwise', async () => {
    const { library } = open(numbered(25))
    for (let index = 0; index < 25; index += 1) await library.get({ id: `template_${index}` })
    for (let use = 0; use < 3; use += 1) await library.get({ id: 'template_24' })
    await library.get({ id: 'template_7' })
    expect(library.mostUsed(3).map(({ id }) => id)).toEqual(['template_24', 'template_7', 'template_0'])
    expect(library.mostUsed()).toHaveLength(20)
    library.clear()
    expect(await library.preloadMostUsed()).toBe(20)
    expect(library.figures.prompts).toBe(20)
  })

  test('forgets what was used once long ago before it counts too many', async () => {
    const { library } = open(numbered(30), { maxPrompts: 1 })
    for (let use = 0; use < 4; use += 1) await library.get({ id: 'template_0' })
    for (let index = 1; index < 11; index += 1) await library.get({ id: `template_${index}` })
    expect(library.mostUsed().map(({ id }) => id)).toEqual(['template_0', 'template_10'])
  })
})

describe('ObservedUse', () => {
  test('halves all counts where there is no room, so that no use counts for ever', () => {
    const used = new ObservedUse<string>(2)
    for (const name of ['a', 'a', 'a', 'a', 'a', 'b', 'c', 'd']) used.add(name, name)
    expect(used.top(5)).toEqual(['a', 'd'])
    used.add('e', 'e')
    expect(used.top(5)).toEqual(['e'])
  })
})

describe('filedText()', () => {
  const kinds = { text: z.string(), integer: z.int(), number: z.number(), flag: z.boolean() }
  const name = fc.stringMatching(/^[a-z][a-zA-Z0-9]{0,6}$/)
  const prompts = fc
    .record({
      id: fc.stringMatching(/^[a-z0-9_]{1,8}$/),
      version: fc.stringMatching(/^[0-9]\.[0-9]$/),
      shape: fc.dictionary(name, fc.constantFrom(...(Object.keys(kinds) as (keyof typeof kinds)[])), {
        maxKeys: 4,
        noNullPrototype: true,
      }),
      words: fc.array(fc.string({ unit: 'binary' }).filter(text => !text.includes('{'))),
    })
    .map(({ id, version, shape, words }) =>
      definePrompt({
        id,
        version,
        parameters: z.object(
          Object.fromEntries(Object.entries(shape).map(([key, kind]) => [key, kinds[kind]])),
        ),
        text: [...words, ...Object.keys(shape).map(key => `{{${key}}}`)].join(' - '),
      }),
    )

  test('reads as the prompt that it was made from', () => {
    fc.assert(
      fc.property(prompts, prompt => {
        const filed = readFiled(filedText(prompt), prompt)
        expect({ version: filed.version, text: filed.text }).toEqual({
          version: prompt.version,
          text: prompt.text,
        })
        const kindsOf = ({ parameters }: Pick<WrittenPrompt, 'parameters'>) =>
          Object.entries(parameters.shape).map(([key, schema]) => [key, schema.constructor.name])
        expect(kindsOf(filed)).toEqual(kindsOf(prompt))
      }),
    )
  })

  test('refuses a parameter that no file can name', () => {
    const prompt = definePrompt({
      id: 'a',
      version: '1',
      parameters: z.object({ side: z.enum(['left', 'right']) }),
      text: '{{side}}',
    })
    expect(() => filedText(prompt)).toThrow('The parameter side of prompt prompt/a@1')
  })
})

describe('loaderOf()', () => {
  test('gives the last of several versions, or the one that is named', async () => {
    const versions = ['1', '2'].map(version =>
      definePrompt({ id: 'a', version, parameters: z.object({}), text: `text ${version}` }),
    )
    const library = new PromptLibrary(loaderOf(versions))
    expect((await library.get({ id: 'a' })).text).toBe('text 2')
    expect((await library.get({ id: 'a', version: '1' })).text).toBe('text 1')
    await expect(library.get({ id: 'a', version: '3' })).rejects.toThrow('There is no')
  })
})

test('a library refuses limits that are none', () => {
  expect(() => open({}, { maxPrompts: 0 })).toThrow(InputError)
  expect(() => open({}, { maxBytes: Number.NaN })).toThrow(InputError)
})
