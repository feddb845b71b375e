/** An encoder in a local folder is known by what its files hash to; what is wrong with the folder is named. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { builtInEncoder, encoderAt, roleOptions, verifierAt } from '../../src/models/encoder.ts'
import { builtInWeightsSha256 } from '../../src/setup/environment-record.ts'
import { repository } from '../support/command-line.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const config = { hidden_size: 32, max_position_embeddings: 128 }

async function modelFolder(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const whole = { 'config.json': JSON.stringify(config), 'model.safetensors': 'weights', ...files }
  for (const [file, content] of Object.entries(whole)) await folder.write(join(name, file), content)
  return join(folder.path, name)
}

describe('encoderAt()', () => {
  test('names the folder, its limits and the hash of its weights', async () => {
    const encoder = await encoderAt(await modelFolder('tiny', {}))
    expect(encoder).toMatchObject({
      name: 'tiny',
      op: 'embed',
      model: 'tiny',
      weightsHash: createHash('sha256').update('weights').digest('hex'),
      limits: { maxTokens: 128, dimensions: 32 },
    })
    expect(encoder.revision).toMatch(/^[0-9a-f]{16}$/)
  })

  test('gives the same revision for the same files, another for any change', async () => {
    const revisionOf = async (name: string, files: Record<string, string>) =>
      (await encoderAt(await modelFolder(name, files))).revision
    const base = await revisionOf('base', {})
    expect(await revisionOf('copy', {})).toBe(base)
    const changes: Record<string, string>[] = [
      { 'model.safetensors': 'other weights' },
      { 'tokenizer.json': '{}' },
      { 'modules.json': '[]' },
      { 'sentence_bert_config.json': '{"max_seq_length": 8}' },
      { 'config_sentence_transformers.json': '{"prompts": {"query": "find: "}}' },
      { 'tokenizer_config.json': '{"model_max_length": 8}' },
      { '1_Pooling/config.json': '{}' },
      { 'config.json': JSON.stringify({ ...config, extra: 1 }) },
    ]
    const revisions = await Promise.all(changes.map((files, index) => revisionOf(`change-${index}`, files)))
    expect(new Set([base, ...revisions]).size).toBe(changes.length + 1)
    expect(await revisionOf('unread', { 'README.md': 'x' })).toBe(base)
  })

  test('shortened vectors and another limit make another encoder', async () => {
    const path = await modelFolder('whole', {})
    const encoders = await Promise.all([
      encoderAt(path),
      encoderAt(path, { dimensions: 32 }),
      encoderAt(path, { dimensions: 8 }),
      encoderAt(path, { maxTokens: 8 }),
    ])
    expect(new Set(encoders.map(({ revision }) => revision)).size).toBe(4)
    expect(encoders.map(({ limits }) => [limits.dimensions, limits.maxTokens])).toEqual([
      [32, 128],
      [32, 128],
      [8, 128],
      [32, 8],
    ])
    for (const dimensions of [0, 33, Number.NaN]) {
      await expect(encoderAt(path, { dimensions })).rejects.toMatchObject({
        code: 'ER_MODEL_LOAD',
        message: expect.stringContaining(`32 dimensions, of which ${dimensions} can't be kept`),
      })
    }
  })

  test('families of long contexts read 1,024 tokens unless more is asked for', async () => {
    const long = JSON.stringify({ ...config, model_type: 'modernbert', max_position_embeddings: 8192 })
    const path = await modelFolder('long', { 'config.json': long })
    expect((await encoderAt(path)).limits.maxTokens).toBe(1024)
    expect((await encoderAt(path, { maxTokens: 4000 })).limits.maxTokens).toBe(4000)
    expect((await encoderAt(path, { maxTokens: 9000 })).limits.maxTokens).toBe(8192)
  })

  test('an encoder on a language model is known by all its weight files', async () => {
    const whole = JSON.stringify({ ...config, model_type: 'qwen3' })
    const weights = safetensors('a.weight', 4)
    const path = await modelFolder('one', {
      'config.json': whole,
      'model.safetensors': weights,
      'tokenizer.json': '{}',
    })
    const encoder = await encoderAt(path)
    expect(encoder).toMatchObject({ op: 'embed', limits: { dimensions: 32 }, roles: true })
    expect(encoder.weightsHash).toBe(createHash('sha256').update(weights).digest('hex'))
    const parts = { 'model-1.safetensors': weights, 'model-2.safetensors': safetensors('b.weight', 8) }
    for (const [file, content] of Object.entries({ ...parts, 'config.json': whole, 'tokenizer.json': '{}' }))
      await folder.write(join('two', file), content)
    const several = await encoderAt(join(folder.path, 'two'))
    expect(several.weightsHash).not.toBe(encoder.weightsHash)
    await folder.write('two/model-2.safetensors', safetensors('c.weight', 8))
    expect((await encoderAt(join(folder.path, 'two'))).weightsHash).not.toBe(several.weightsHash)
  })

  test('tells which encoders read claims and passages by different beginnings', async () => {
    const rolesWith = async (name: string, sentence: unknown) => {
      const files = { 'config_sentence_transformers.json': JSON.stringify(sentence) }
      return (await encoderAt(await modelFolder(name, files))).roles
    }
    expect(await rolesWith('asks', { prompts: { query: 'find: ', document: '' } })).toBe(true)
    expect(await rolesWith('empty', { prompts: { query: '', document: '' } })).toBe(false)
    expect(await rolesWith('null', { prompts: null, default_prompt_name: null })).toBe(false)
    await expect(rolesWith('wrong', { prompts: { query: 3 } })).rejects.toMatchObject({
      code: 'ER_MODEL_LOAD',
      message: expect.stringContaining("config_sentence_transformers.json is not an encoder's"),
    })
    const plain = await encoderAt(await modelFolder('plain', {}))
    expect(roleOptions(plain, 'query')).toEqual({})
    expect(roleOptions(builtInEncoder, 'query')).toEqual({})
    expect(roleOptions({ ...plain, roles: true }, 'query')).toEqual({ as: 'query' })
    expect(roleOptions({ ...plain, roles: true }, 'document')).toEqual({ as: 'document' })
  })

  test.each([
    ['no folder', 'nowhere', undefined, /nowhere is not a model folder.*ENOENT/],
    ['a configuration that is not JSON', 'not-json', { 'config.json': '{' }, /config\.json is not JSON/],
    [
      'a configuration of something else',
      'other',
      { 'config.json': '{"vocab": 1}' },
      /config\.json is not an encoder's/,
    ],
    [
      'a size that is none',
      'no-size',
      { 'config.json': '{"hidden_size": 0}' },
      /config\.json is not an encoder's/,
    ],
  ])('refuses %s', async (_what, name, files, message) => {
    const path = files === undefined ? join(folder.path, name) : await modelFolder(name, files)
    await expect(encoderAt(path)).rejects.toMatchObject({
      name: 'ModelError',
      code: 'ER_MODEL_LOAD',
      message: expect.stringMatching(message),
    })
  })

  test('refuses a folder without weights', async () => {
    await folder.write('bare/config.json', JSON.stringify(config))
    await expect(encoderAt(join(folder.path, 'bare'))).rejects.toMatchObject({
      code: 'ER_MODEL_LOAD',
      message: expect.stringMatching(/weights .*model\.safetensors can't be read \(ENOENT\)/),
    })
  })
})

/** A weight file of one tensor of zeros. */
function safetensors(name: string, numbers: number): string {
  const size = 4 * numbers
  const header = JSON.stringify({ [name]: { dtype: 'F32', shape: [numbers], data_offsets: [0, size] } })
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return `${length.toString('latin1')}${header}${'\0'.repeat(size)}`
}

describe('verifierAt()', () => {
  test('a checkpoint of one label is a reranker', async () => {
    const labels = (id2label: object) => ({ 'config.json': JSON.stringify({ ...config, id2label }) })
    const reranker = await verifierAt(await modelFolder('reranker', labels({ 0: 'LABEL_0' })))
    expect(reranker).toMatchObject({ op: 'verify', limits: { maxTokens: 128, dimensions: 1 } })
    const classifier = await verifierAt(await modelFolder('classifier', labels({ 0: 'a', 1: 'b', 2: 'c' })))
    expect(classifier.limits.dimensions).toBe(3)
  })
})

describe('builtInEncoder', () => {
  test('is pinned to the weights that set-up checks and the golden vectors were made with', async () => {
    const golden = JSON.parse(await readFile(join(repository, 'test/golden/embeddings.json'), 'utf8'))
    expect(builtInEncoder.weightsHash).toBe(builtInWeightsSha256)
    expect(builtInEncoder.weightsHash).toBe(golden.weights_sha256)
    expect(builtInEncoder.limits).toEqual({ maxTokens: 256, dimensions: golden.dimensions })
    const lock = await readFile(join(repository, 'python/locks/worker.txt'), 'utf8')
    expect(lock).toContain(`${builtInEncoder.name}==${builtInEncoder.revision}`)
  })
})
