/** What people read of prepared models, and what the doctor says of a model that they name. */
import { execFileSync } from 'node:child_process'
import { cpSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { examineModel, examineModels, inWords, modelFactsOf } from '../../src/adapters/model-facts.ts'
import { answerPrepare, parsePrepareWords } from '../../src/adapters/prepare.ts'
import { type PrepareEvent, prepareModel } from '../../src/setup/prepare.ts'
import { environment } from '../support/bare-environment.ts'
import { repository } from '../support/command-line.ts'
import { writeSafetensors } from '../support/safetensors.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const tiny = join(folder.path, 'tiny')
const commit = 'c'.repeat(40)
const plenty = { device: 'cpu', bytes: 2 ** 33 } as const

beforeAll(() => {
  const script = join(repository, 'test', 'support', 'tiny_language_model.py')
  execFileSync(join(environment, 'bin', 'python'), [script, tiny])
})

describe('prepare', () => {
  test('takes names, one at least', () => {
    expect(parsePrepareWords(['a/b', './c'])).toEqual(['a/b', './c'])
    expect(() => parsePrepareWords([])).toThrow(expect.objectContaining({ code: 'ER_INPUT' }))
  })

  test('only checks a local folder, and says what it takes', async () => {
    const notes: string[] = []
    const { data, lines } = await answerPrepare([tiny], {
      prepare: (name, onEvent) => prepareModel(name, { onEvent }),
      onNote: line => notes.push(line),
      memory: plenty,
    })
    expect(notes).toEqual([])
    expect(data).toEqual([
      {
        folder: tiny,
        name: 'tiny',
        commit: undefined,
        pinned: tiny,
        asked: false,
        bytes: expect.any(Number),
        bits: null,
        contextTokens: 4096,
        device: 'cpu',
        memoryBytes: expect.any(Number),
        fits: true,
      },
    ])
    expect(lines).toEqual([
      `Ready: ${tiny}`,
      expect.stringMatching(/^ {2}[\d.]+ MB on disk, not quantised; takes [\d.]+ MB of memory$/),
      `  Name it so in a configuration, or: evidence-runner check --generator ${tiny} …`,
    ])
  })

  test('tells beforehand what is to come and what is free, and afterwards the commit', async () => {
    const notes: string[] = []
    const bars: unknown[] = []
    const plan = {
      ...({ event: 'plan', commit, files: 6, bytes: 3 * 2 ** 30 } as const),
      ...{ free: 2 ** 40, cache: '/cache' },
    }
    const events: PrepareEvent[] = [
      ...[0, 2 ** 30, 3 * 2 ** 30].map(present => ({ ...plan, present })),
      { event: 'progress', done: 2 ** 30, total: 3 * 2 ** 30 },
    ]
    const { lines } = await answerPrepare(['org/tiny'], {
      prepare: async (name, onEvent) => {
        for (const event of events) onEvent(event)
        return { folder: tiny, name, commit, pinned: `${name}@${commit}`, asked: false }
      },
      onNote: line => notes.push(line),
      onProgress: (...bar) => bars.push(bar),
      memory: plenty,
    })
    expect(notes).toEqual([
      'org/tiny at cccccccccccc: 6 files, 3,072 MB; 3,072 MB to come into /cache, where 1,048,576 MB are free',
      'org/tiny at cccccccccccc: 6 files, 3,072 MB, 1,024 MB of it here already; 2,048 MB to come into /cache, where 1,048,576 MB are free',
      'org/tiny at cccccccccccc: 6 files, 3,072 MB, all of it in /cache',
    ])
    expect(bars).toEqual([['MB of org/tiny', 1024, 3072]])
    expect(lines[0]).toBe(`Ready: org/tiny@${commit}, as the cache has it; the hub was not asked`)
    expect(lines[1]).toBe(`  folder: ${tiny}`)
    expect(lines.at(-1)).toContain(`--generator org/tiny@${commit} `)
  })

  test('refuses a folder that is not whole', async () => {
    const broken = join(folder.path, 'broken')
    cpSync(tiny, broken, { recursive: true })
    truncateSync(join(broken, 'model.safetensors'), 1000)
    await expect(answerPrepare([broken], { prepare: name => prepareModel(name) })).rejects.toMatchObject({
      code: 'ER_MODEL_LOAD',
      message: expect.stringContaining('cut short'),
    })
  })
})

describe('a model that is too large for this machine', () => {
  test('is told with both figures', async () => {
    const path = join(folder.path, 'large')
    await folder.write('large/config.json', '{"quantization": {"group_size": 64, "bits": 4}}')
    await writeSafetensors(join(path, 'model.safetensors'), {
      'a.weight': ['U32', [2 ** 13, 2 ** 13]],
      'a.scales': ['F16', [2 ** 13, 2 ** 10]],
    })
    const memory = { device: 'cpu', bytes: 2 ** 30 } as const
    const facts = await modelFactsOf(path, memory)
    expect(facts).toMatchObject({ bits: 4, memoryBytes: 2 ** 31, fits: false })
    expect(inWords(facts, memory)).toBe(
      '272 MB on disk, 4-bit; takes 2,048 MB of memory, as float32 on the CPU, more than the 1,024 MB that are free for it here',
    )
    const metal = { device: 'metal', bytes: 2 ** 30 } as const
    expect(inWords(await modelFactsOf(path, metal), metal)).toBe(
      '272 MB on disk, 4-bit; takes 272 MB of memory',
    )
    expect(await examineModel(path, { role: 'encoder', memory })).toMatchObject([
      { name: 'Encoder', ok: true },
      { name: 'Encoder memory', ok: false, mend: 'use a smaller model' },
    ])
  })
})

describe('examineModel()', () => {
  test('finds nothing wrong with a model that is here', async () => {
    expect(await examineModel(tiny, { role: 'generator', memory: plenty })).toEqual([
      { name: 'Generator', ok: true, detail: `${tiny}, whole, runs no code of its own` },
      { name: 'Generator memory', ok: true, detail: expect.stringContaining('MB of memory') },
    ])
  })

  test('names the command that fetches one that is not', async () => {
    const hubCache = join(folder.path, 'empty')
    expect(await examineModel('org/name@dev', { role: 'generator', hubCache })).toEqual([
      {
        name: 'Generator',
        ok: false,
        detail: expect.stringContaining('is not on this machine'),
        mend: 'npx evidence-runner prepare org/name@dev',
      },
    ])
  })

  test('refuses code that comes with a model, and an encoder for a generator', async () => {
    const foreign = join(folder.path, 'foreign')
    cpSync(tiny, foreign, { recursive: true })
    await folder.write('foreign/config.json', '{"auto_map": {"AutoModel": "x.Y"}}')
    await folder.write('encoder/config.json', '{"max_position_embeddings": 512}')
    cpSync(join(tiny, 'model.safetensors'), join(folder.path, 'encoder', 'model.safetensors'))
    expect(await examineModel(foreign, { role: 'encoder' })).toMatchObject([
      { ok: false, detail: expect.stringContaining('would run Python code') },
    ])
    const encoder = join(folder.path, 'encoder')
    expect(await examineModel(encoder, { role: 'generator' })).toMatchObject([
      { name: 'Generator', ok: false, detail: expect.stringContaining('tokenizer.json is missing') },
    ])
    expect(await examineModel(encoder, { role: 'encoder', memory: plenty })).toMatchObject([
      { ok: true },
      { ok: true },
    ])
  })
})

test('examineModels() examines those that are named, in one order', async () => {
  expect(await examineModels({})).toEqual([])
  const findings = await examineModels({ verifier: '/nowhere', generator: tiny })
  expect(findings.map(({ name, ok }) => [name, ok])).toEqual([
    ['Generator', true],
    ['Generator memory', true],
    ['Verifier', false],
  ])
})
