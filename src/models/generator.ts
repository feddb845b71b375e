/**
 * The language models that can answer `generate`: any local folder as mlx-lm loads it, identified by what its
 * files say. No worker is needed to know it, nor what the model will take in memory.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { access, open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { free, type VariantRef } from '../core/call.ts'
import { errorOf } from '../core/errors.ts'
import { type ModelFolder, readAt, readModelFolder, type WeightFile } from './model-folder.ts'

/** Weights up to this size together are hashed whole, about 50 ms; larger ones are sampled. */
const hashedWholeBytes = 64 * 2 ** 20

/** From each large file so many blocks of `sampleBytes`, the first and the last bytes among them. */
const samples = 64
const sampleBytes = 4096

/** Files that decide what a language model answers, beside its weights. */
const decidingFiles = [
  'config.json',
  'generation_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
]

/** Where a model is computed: `metal` takes weights as they are stored, `cpu` as float32. */
export type ModelDevice = 'metal' | 'cpu'

/**
 * The language model in a local folder. Its revision is the commit of a hub snapshot, else a hash of the files
 * that decide what it answers.
 *
 * `weightsHash` of weights up to 64 MiB is their SHA-256 (of several files, that of their names and hashes);
 * multi-gigabyte files are not read at each start: there it is a fingerprint of names, sizes, headers and 64
 * samples a file. That tells other weights and another quantisation apart; that no byte was lost on the way is
 * for `prepare` to check.
 *
 * @param name under which it is known. @default `org/name` of a hub snapshot, else the folder's own name
 * @throws ModelError ER_MODEL_LOAD for a folder that can't be used, with the reason.
 */
export async function generatorAt(folder: string, name?: string): Promise<VariantRef> {
  const model = await readModelFolder(folder)
  const maxTokens = await languageContext(model)
  const weightsHash = await weightsHashOf(model)
  const known = name ?? model.name
  return {
    name: known,
    op: 'generate',
    model: known,
    revision: model.commit ?? (await contentRevision(model, weightsHash)),
    weightsHash,
    price: free,
    limits: { maxTokens, dimensions: 0 },
  }
}

/**
 * Bytes that the weights in `folder` will take in memory: on Metal as they are stored; on a CPU as float32,
 * quantised ones too. What a conversation takes beside them is not in it.
 * @throws ModelError ER_MODEL_LOAD as `generatorAt`.
 */
export async function projectedBytes(
  folder: string,
  options: { readonly device: ModelDevice },
): Promise<number> {
  return projectionOf(await readModelFolder(folder), options.device)
}

/** `projectedBytes` of a folder that was read already. */
export function projectionOf(model: ModelFolder, device: ModelDevice): number {
  const tensors = model.weights.flatMap(file => file.tensors)
  if (device === 'metal') return tensors.reduce((sum, { bytes }) => sum + bytes, 0)
  // The numbers of a quantised module, by its name: each of its scales stands for a group of them.
  const unfolded = new Map<string, number>()
  for (const { name, shape } of tensors) {
    const module = name.replace(/\.scales$/, '')
    if (module !== name) unfolded.set(module, countOf(shape) * groupSizeOf(model, module))
  }
  let bytes = 0
  for (const { name, dtype, shape, bytes: stored } of tensors) {
    const { 1: module = '', 2: part = '' } = /^(.*)\.([^.]+)$/.exec(name) ?? []
    const numbers = unfolded.get(module)
    if (numbers !== undefined && part === 'weight') bytes += numbers * 4
    // Scales and biases are gone once the weights are floats.
    else if (numbers === undefined || !['scales', 'biases'].includes(part))
      bytes += /^(BF|F)\d/.test(dtype) ? countOf(shape) * 4 : stored
  }
  return bytes
}

const countOf = (shape: readonly number[]): number => shape.reduce((product, size) => product * size, 1)

/** MLX's own default where the configuration has no word for it. */
const groupSizeOf = ({ quantization }: ModelFolder, module: string): number =>
  quantization?.groupSizes.get(module) ?? quantization?.groupSize ?? 64

/** The context of a language model; a folder that lacks what every one has is none. */
async function languageContext({ contextTokens, folder }: ModelFolder): Promise<number> {
  const refuse = (lack: string) => errorOf('ER_MODEL_LOAD', `${folder} is not a language model's: ${lack}`)
  const tokenizer = await access(join(folder, 'tokenizer.json')).then(
    () => true,
    () => false,
  )
  if (!tokenizer) throw refuse('tokenizer.json is missing')
  if (contextTokens === undefined) {
    throw refuse('config.json has no max_position_embeddings, which says how many tokens it reads')
  }
  return contextTokens
}

async function contentRevision({ folder }: ModelFolder, weightsHash: string): Promise<string> {
  const revision = createHash('sha256')
  for (const name of decidingFiles) {
    revision.update(`${name}\0`).update(await readFile(join(folder, name)).catch(() => ''))
  }
  return revision.update(weightsHash).digest('hex').slice(0, 16)
}

async function weightsHashOf({ folder, weights, bytes }: ModelFolder): Promise<string> {
  const hashOf = bytes <= hashedWholeBytes ? wholeHash : fingerprint
  const hashes = await Promise.all(weights.map(file => hashOf(join(folder, file.name), file)))
  const [only = ''] = hashes
  if (hashes.length === 1) return only
  const together = createHash('sha256')
  for (const [index, { name }] of weights.entries()) together.update(`${name}\0${hashes[index]}\n`)
  return together.digest('hex')
}

async function wholeHash(path: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash)
  return hash.digest('hex')
}

async function fingerprint(path: string, { name, bytes, headerBytes }: WeightFile): Promise<string> {
  const hash = createHash('sha256').update(`evidence-runner fingerprint 1\0${name}\0${bytes}\0`)
  const handle = await open(path)
  try {
    hash.update(await readAt(handle, 0, headerBytes))
    const last = Math.max(headerBytes, bytes - sampleBytes)
    for (let index = 0; index < samples; index += 1) {
      const position = headerBytes + Math.floor(((last - headerBytes) * index) / (samples - 1))
      hash.update(await readAt(handle, position, sampleBytes))
    }
  } finally {
    await handle.close()
  }
  return hash.digest('hex')
}
