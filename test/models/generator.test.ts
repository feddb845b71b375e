/** A language model in a local folder: known by what its files say, refused for what is wrong with them. */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cpSync, rmSync, statSync, truncateSync } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { generatorAt, projectedBytes } from '../../src/models/generator.ts'
import { environment } from '../support/bare-environment.ts'
import { repository } from '../support/command-line.ts'
import { type Tensors, writeSafetensors } from '../support/safetensors.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const folder = temporaryFolder()
const tiny = join(folder.path, 'tiny')
const commit = '0123456789abcdef0123456789abcdef01234567'
const python = (...args: string[]) =>
  execFileSync(join(environment, 'bin', 'python'), args, {
    encoding: 'utf8',
    env: { ...process.env, PYTHONPATH: join(repository, 'python') },
  })

beforeAll(() => {
  python(join(repository, 'test', 'support', 'tiny_language_model.py'), tiny)
})

/** A copy of the tiny model, to be changed. */
function copyOf(name: string): string {
  const copy = join(folder.path, name)
  cpSync(tiny, copy, { recursive: true })
  return copy
}

/** A folder with these weights and this configuration. */
async function made(name: string, files: Readonly<Record<string, Tensors>>, config = {}): Promise<string> {
  const content = JSON.stringify({ model_type: 'qwen3', max_position_embeddings: 64, ...config })
  await folder.write(join(name, 'config.json'), content)
  await folder.write(join(name, 'tokenizer.json'), '{}')
  const path = join(folder.path, name)
  for (const [file, tensors] of Object.entries(files)) await writeSafetensors(join(path, file), tensors)
  return path
}

describe('generatorAt()', () => {
  test('names the folder, its context and the hash of its weights', async () => {
    const weights = await readFile(join(tiny, 'model.safetensors'))
    expect(await generatorAt(tiny)).toMatchObject({
      name: 'tiny',
      op: 'generate',
      model: 'tiny',
      revision: expect.stringMatching(/^[0-9a-f]{16}$/),
      weightsHash: createHash('sha256').update(weights).digest('hex'),
      limits: { maxTokens: 4096, dimensions: 0 },
    })
    expect(await generatorAt(tiny, 'mine')).toMatchObject({ name: 'mine', model: 'mine' })
  })

  test('gives the same revision for the same files, another for what changes an answer', async () => {
    const { revision } = await generatorAt(tiny)
    expect((await generatorAt(copyOf('same'))).revision).toBe(revision)
    const revisions = [revision]
    for (const file of ['chat_template.jinja', 'generation_config.json', 'tokenizer.json']) {
      const changed = copyOf(`changed-${file}`)
      await folder.write(join(`changed-${file}`, file), '{}')
      revisions.push((await generatorAt(changed)).revision)
    }
    const other = copyOf('other-weights')
    const handle = await open(join(other, 'model.safetensors'), 'r+')
    await handle.write(Buffer.from([1]), 0, 1, 50_000)
    await handle.close()
    revisions.push((await generatorAt(other)).revision)
    expect(new Set(revisions).size).toBe(5)
    await folder.write(join('same', 'README.md'), 'x')
    expect((await generatorAt(join(folder.path, 'same'))).revision).toBe(revision)
  })

  test('takes name and revision from where the hub has put it', async () => {
    const snapshot = join(folder.path, 'models--mlx-community--Tiny-4bit', 'snapshots', commit)
    cpSync(tiny, snapshot, { recursive: true })
    expect(await generatorAt(snapshot)).toMatchObject({
      name: 'mlx-community/Tiny-4bit',
      revision: commit,
      limits: { maxTokens: 4096, dimensions: 0 },
    })
  })

  test('reads the context of a model that sees as well', async () => {
    const config = { max_position_embeddings: undefined, text_config: { max_position_embeddings: 131_072 } }
    const path = await made('sees', { 'model.safetensors': { a: ['F32', [1]] } }, config)
    expect((await generatorAt(path)).limits.maxTokens).toBe(131_072)
  })

  test('takes a fingerprint of large weights: size, header and samples count, and all files', async () => {
    const large: Tensors = { 'a.weight': ['F16', [2 ** 20, 64]] }
    const hashOf = async (path: string) => (await generatorAt(path)).weightsHash
    const path = await made('large', { 'model.safetensors': large })
    const base = await hashOf(path)
    expect(base).toMatch(/^[0-9a-f]{64}$/)
    expect(await hashOf(await made('large-copy', { 'model.safetensors': large }))).toBe(base)
    const renamed = await made('large-renamed', { 'model.safetensors': { 'b.weight': large['a.weight']! } })
    expect(await hashOf(renamed)).not.toBe(base)
    const two = await made('large-two', {
      'model-1.safetensors': large,
      'model-2.safetensors': { c: ['F32', [1]] },
    })
    const twoHash = await hashOf(two)
    expect(twoHash).not.toBe(base)
    for (const [file, position] of [
      ['model-1.safetensors', 2 ** 27],
      ['model-2.safetensors', 'last'],
    ] as const) {
      const handle = await open(join(two, file), 'r+')
      const { size } = await handle.stat()
      await handle.write(Buffer.from([7]), 0, 1, position === 'last' ? size - 1 : position)
      await handle.close()
      const changed = await hashOf(two)
      expect(changed).not.toBe(twoHash)
    }
  })
})

describe('a folder that is refused', () => {
  const weights = { 'model.safetensors': { a: ['F32', [8]] } } satisfies Record<string, Tensors>
  const cases: readonly (readonly [string, RegExp, (name: string) => Promise<string>])[] = [
    ['that is not there', /not a model folder.*ENOENT/, async name => join(folder.path, name)],
    [
      'with a configuration that is not JSON',
      /config\.json is not JSON/,
      async name => {
        const path = await made(name, weights)
        await folder.write(join(name, 'config.json'), '{')
        return path
      },
    ],
    [
      'with model_file, which is code',
      /names model_file: it would run Python code/,
      name => made(name, weights, { model_file: 'x.py' }),
    ],
    [
      'with auto_map, which is code',
      /names auto_map: it would run Python code/,
      name => made(name, weights, { auto_map: { AutoModel: 'x.Y' } }),
    ],
    [
      'with code for its language part',
      /names auto_map/,
      name => made(name, weights, { text_config: { auto_map: {} } }),
    ],
    [
      'with code for its tokenizer',
      /tokenizer_config\.json names auto_map/,
      async name => {
        const path = await made(name, weights)
        await folder.write(
          join(name, 'tokenizer_config.json'),
          '{"auto_map": {"AutoTokenizer": ["a.B", null]}}',
        )
        return path
      },
    ],
    [
      'with weights of another kind alone',
      /no model\*\.safetensors, only pytorch_model\.bin/,
      async name => {
        const path = await made(name, {})
        await folder.write(join(name, 'pytorch_model.bin'), 'pickle')
        return path
      },
    ],
    [
      'that lacks weight files',
      /not whole: 1 of 2 weight files are missing \(model-2\.safetensors\).*prepare/,
      async name => {
        const path = await made(name, { 'model-1.safetensors': { a: ['F32', [1]] } })
        const weight_map = { a: 'model-1.safetensors', b: 'model-2.safetensors' }
        await folder.write(join(name, 'model.safetensors.index.json'), JSON.stringify({ weight_map }))
        return path
      },
    ],
    [
      'with weights that are cut short',
      /cut short: \d+ bytes of \d+/,
      async name => {
        const path = await made(name, weights)
        truncateSync(join(path, 'model.safetensors'), statSync(join(path, 'model.safetensors')).size - 1)
        return path
      },
    ],
    [
      'with weights that are something else',
      /not a safetensors file, or is cut short/,
      async name => {
        const path = await made(name, {})
        await folder.write(join(name, 'model.safetensors'), 'version https://git-lfs.github.com/spec/v1')
        return path
      },
    ],
    [
      'without a tokenizer',
      /not a language model's: tokenizer\.json is missing/,
      async name => {
        const path = await made(name, weights)
        rmSync(join(path, 'tokenizer.json'))
        return path
      },
    ],
    [
      'that does not say how much it reads',
      /has no max_position_embeddings/,
      name => made(name, weights, { max_position_embeddings: undefined }),
    ],
  ]

  test.each(cases)('%s', async (what, message, make) => {
    await expect(generatorAt(await make(what.replaceAll(' ', '-')))).rejects.toMatchObject({
      name: 'ModelError',
      code: 'ER_MODEL_LOAD',
      message: expect.stringMatching(message),
    })
  })
})

describe('projectedBytes()', () => {
  test('counts floats once as they are and once as float32', async () => {
    const path = await made('floats', {
      'model.safetensors': { 'a.weight': ['BF16', [10, 10]], b: ['F32', [5]], c: ['I64', [2]] },
    })
    expect(await projectedBytes(path, { device: 'metal' })).toBe(200 + 20 + 16)
    expect(await projectedBytes(path, { device: 'cpu' })).toBe(400 + 20 + 16)
  })

  test('unfolds quantised weights, each module with its own width, and passes over what is gone then', async () => {
    const tensors: Tensors = {
      'a.weight': ['U32', [4, 16]],
      'a.scales': ['F16', [4, 2]],
      'a.biases': ['F16', [4, 2]],
      'wide.weight': ['U32', [4, 32]],
      'wide.scales': ['F16', [4, 2]],
      'wide.biases': ['F16', [4, 2]],
      'norm.weight': ['F16', [128]],
    }
    const quantization = { group_size: 64, bits: 4, wide: { group_size: 64, bits: 8 }, norm: false }
    const path = await made('mixed', { 'model.safetensors': tensors }, { quantization })
    expect(await projectedBytes(path, { device: 'cpu' })).toBe(4 * (4 * 128 + 4 * 128 + 128))
    expect(await projectedBytes(path, { device: 'metal' })).toBe(256 + 512 + 64 + 256)
  })

  test('says what MLX holds of a model, quantised or not, once it is loaded', async () => {
    const script = `
import json, sys
from pathlib import Path
from evidence_runner import runtime
from evidence_runner.models.causal import load_backbone
runtime.prepare(None)
import mlx.core as mx
import mlx_lm.utils as utils
from mlx.utils import tree_flatten
source, target = map(Path, sys.argv[1:])
model, config = utils.load_model(source)
model, config = utils.quantize_model(model, config, 64, 4)
utils.save_model(target, model)
utils.save_config(config, target / "config.json")
held = lambda folder: sum(each.nbytes for _, each in tree_flatten(load_backbone(str(folder))[0].parameters()))
print(json.dumps([held(source), held(target)]))
`
    const quantized = copyOf('quantized')
    rmSync(join(quantized, 'model.safetensors'))
    const said = python('-c', script, tiny, quantized).trim().split('\n').at(-1) ?? ''
    const [plain, unfolded] = JSON.parse(said) as [number, number]
    const device = process.platform === 'darwin' ? 'metal' : 'cpu'
    expect(await projectedBytes(tiny, { device })).toBe(plain)
    expect(await projectedBytes(quantized, { device })).toBe(unfolded)
    expect(await projectedBytes(quantized, { device: 'metal' })).toBeLessThan(unfolded / 3)
  })
})
