/** An encoder in a local folder is known by what its files hash to; what is wrong with the folder is named. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { builtInEncoder, encoderAt } from '../../src/models/encoder.ts'
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
      { '1_Pooling/config.json': '{}' },
      { 'config.json': JSON.stringify({ ...config, extra: 1 }) },
    ]
    const revisions = await Promise.all(changes.map((files, index) => revisionOf(`change-${index}`, files)))
    expect(new Set([base, ...revisions]).size).toBe(changes.length + 1)
    expect(await revisionOf('unread', { 'README.md': 'x' })).toBe(base)
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
