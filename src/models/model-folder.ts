/**
 * A model folder as the hub lays it out, read without loading it: config.json, and what the headers of its
 * safetensors files say. Refuses what would run code of the folder's own and what is not whole.
 *
 * A safetensors file: the header's length (8 bytes, little-endian), the header as JSON
 * `{ name: { dtype, shape, data_offsets: [from, to] } }`, the tensors' bytes one after the other.
 */
import { type FileHandle, open, readdir, readFile } from 'node:fs/promises'
import { basename, join, resolve } from 'node:path'
import * as z from 'zod'
import { errorOf } from '../core/errors.ts'

/** One tensor as it is stored. */
export type StoredTensor = {
  readonly name: string
  /** As safetensors has it: F32, BF16, U32, … */
  readonly dtype: string
  readonly shape: readonly number[]
  readonly bytes: number
}

/** One safetensors file. */
export type WeightFile = {
  readonly name: string
  readonly bytes: number
  /** Where the tensors begin. */
  readonly headerBytes: number
  readonly tensors: readonly StoredTensor[]
}

/** How MLX has quantised a model: bits a weight, and how many weights share a scale. */
export type Quantization = {
  readonly bits: number
  readonly groupSize: number
  /** Group sizes of the modules that have their own. */
  readonly groupSizes: ReadonlyMap<string, number>
}

/** What a model folder says of itself. */
export type ModelFolder = {
  /** Full path. */
  readonly folder: string
  /** `org/name` of a hub snapshot, else the folder's own name. */
  readonly name: string
  /** The commit of a hub snapshot. */
  readonly commit: string | undefined
  /** The longest text that it takes, in tokens; undefined where the configuration has no word for it. */
  readonly contextTokens: number | undefined
  readonly quantization: Quantization | undefined
  readonly weights: readonly WeightFile[]
  /** The weights' bytes on disk, together. */
  readonly bytes: number
}

/** Longer than any real header; what comes after is not read into memory. */
const mostHeaderBytes = 100 * 2 ** 20

/** As python/evidence_runner/models/causal.py looks for it. */
const contextNames = ['max_position_embeddings', 'n_positions', 'max_sequence_length', 'seq_length'] as const

const configSchema = z.looseObject({
  model_file: z.unknown().optional(),
  auto_map: z.unknown().optional(),
  text_config: z.looseObject({}).optional().catch(undefined),
  quantization: z.record(z.string(), z.unknown()).optional().catch(undefined),
  quantization_config: z.record(z.string(), z.unknown()).optional().catch(undefined),
})

const tensorSchema = z.object({
  dtype: z.string(),
  shape: z.array(z.int().min(0)),
  data_offsets: z.tuple([z.int().min(0), z.int().min(0)]),
})

const quantizationSchema = z.object({ bits: z.int().min(1).max(32), group_size: z.int().min(1) })

/**
 * Reads a model folder; a few milliseconds, however large the weights are.
 * @throws ModelError ER_MODEL_LOAD for a folder that can't be used, with the reason.
 */
export async function readModelFolder(path: string): Promise<ModelFolder> {
  const folder = resolve(path)
  const config = await readConfig(folder)
  await refuseForeignCode(folder, config)
  const weights = await readWeights(folder)
  const {
    1: owner,
    2: repository,
    3: commit,
  } = /\/models--([^/]+?)--([^/]+)\/snapshots\/([0-9a-f]{40})$/.exec(folder) ?? []
  return {
    folder,
    name: owner === undefined ? basename(folder) : `${owner}/${repository}`,
    commit,
    contextTokens: contextOf(config),
    quantization: quantizationOf(config.quantization ?? config.quantization_config),
    weights,
    bytes: weights.reduce((sum, { bytes }) => sum + bytes, 0),
  }
}

const refusal = (message: string, cause?: unknown) => errorOf('ER_MODEL_LOAD', message, { cause })

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error)

async function readJson(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8')
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw refusal(`${file} is not JSON`, cause)
  }
}

async function readConfig(folder: string): Promise<z.output<typeof configSchema>> {
  const file = join(folder, 'config.json')
  const config = await readJson(file).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ER_MODEL_LOAD') throw cause
    throw refusal(`${folder} is not a model folder: config.json can't be read (${codeOf(cause)})`, cause)
  })
  const parsed = configSchema.safeParse(config)
  if (!parsed.success) throw refusal(`${file} is not a model's configuration`)
  return parsed.data
}

/** A folder may name Python of its own that a loader would run; none of it is ever run here. */
async function refuseForeignCode(folder: string, config: z.output<typeof configSchema>): Promise<void> {
  const settings = await readJson(join(folder, 'tokenizer_config.json')).catch(() => undefined)
  const places = [
    ['config.json', config],
    ['config.json', config.text_config],
    ['tokenizer_config.json', settings],
  ] as const
  for (const [file, content] of places) {
    for (const key of ['model_file', 'auto_map'] as const) {
      const value = (content as Record<string, unknown> | null | undefined)?.[key]
      if (value === undefined || value === null) continue
      throw refusal(
        `${join(folder, file)} names ${key}: it would run Python code that came with the model, which is never done here. Use a model whose architecture mlx-lm knows by itself`,
      )
    }
  }
}

/** Models that see as well keep the figures of their language model in `text_config`. */
const contextOf = (config: z.output<typeof configSchema>): number | undefined =>
  contextNames
    .map(name => config[name] ?? config.text_config?.[name])
    .find((value): value is number => Number.isSafeInteger(value) && (value as number) >= 1)

function quantizationOf(value: Readonly<Record<string, unknown>> | undefined): Quantization | undefined {
  const whole = quantizationSchema.safeParse(value)
  if (!whole.success) return undefined
  const groupSizes = new Map<string, number>()
  for (const [name, own] of Object.entries(value ?? {})) {
    const size = (own as { group_size?: unknown } | null)?.group_size
    if (typeof size === 'number') groupSizes.set(name, size)
  }
  return { bits: whole.data.bits, groupSize: whole.data.group_size, groupSizes }
}

/** The files that mlx-lm reads: model*.safetensors, all that the index names among them. */
async function readWeights(folder: string): Promise<WeightFile[]> {
  const all = await readdir(folder)
  const names = all.filter(name => /^model.*\.safetensors$/.test(name)).sort()
  if (names.length === 0) {
    const others = all.filter(name => /\.(bin|pth|pt|gguf|npz|safetensors)$/.test(name))
    const instead = others.length === 0 ? '' : `, only ${others.slice(0, 3).join(', ')}`
    throw refusal(`${folder} has no weights that can be read: no model*.safetensors${instead}`)
  }
  const indexFile = join(folder, 'model.safetensors.index.json')
  const index = await readJson(indexFile).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') return undefined
    throw refusal(`${indexFile} can't be read (${codeOf(cause)})`, cause)
  })
  const wanted = new Set(Object.values((index as { weight_map?: Record<string, string> })?.weight_map ?? {}))
  const missing = [...wanted].filter(name => !all.includes(name)).sort()
  if (missing.length > 0) {
    throw refusal(
      `${folder} is not whole: ${missing.length} of ${wanted.size} weight files are missing (${missing.slice(0, 3).join(', ')}); run \`npx evidence-runner prepare\` for it again`,
    )
  }
  return Promise.all(names.map(name => readWeightFile(folder, name)))
}

async function readWeightFile(folder: string, name: string): Promise<WeightFile> {
  const path = join(folder, name)
  let handle: FileHandle | undefined
  try {
    handle = await open(path)
    const { size } = await handle.stat()
    const start = await readAt(handle, 0, 8)
    const length = start.length < 8 ? 0 : Number(start.readBigUInt64LE())
    if (length < 2 || length > mostHeaderBytes || 8 + length > size) {
      throw refusal(`${path} is not a safetensors file, or is cut short`)
    }
    const header: unknown = JSON.parse((await readAt(handle, 8, length)).toString('utf8'))
    const tensors = Object.entries(header as object)
      .filter(([tensor]) => tensor !== '__metadata__')
      .map(([tensor, value]) => ({ tensor, ...tensorSchema.parse(value) }))
    const end = 8 + length + Math.max(0, ...tensors.map(({ data_offsets: [, to] }) => to))
    if (end !== size) throw refusal(`${path} is cut short: ${size} bytes of ${end}`)
    return {
      name,
      bytes: size,
      headerBytes: 8 + length,
      tensors: tensors.map(({ tensor, dtype, shape, data_offsets: [from, to] }) => ({
        name: tensor,
        dtype,
        shape,
        bytes: to - from,
      })),
    }
  } catch (cause) {
    if ((cause as { code?: string }).code === 'ER_MODEL_LOAD') throw cause
    const why = cause instanceof SyntaxError || cause instanceof z.ZodError ? 'no header' : codeOf(cause)
    throw refusal(`The weights ${path} can't be read (${why})`, cause)
  } finally {
    await handle?.close()
  }
}

/** Up to `length` bytes from `position` on; fewer where the file ends. */
export async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length)
  const { bytesRead } = await handle.read(buffer, 0, length, position)
  return buffer.subarray(0, bytesRead)
}
