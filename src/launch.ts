/**
 * How workers are started: how many, with which Python, which operations and which model. Beside the hallway,
 * since it needs the ground that set-up laid and the pool's word for it; it starts nothing itself.
 */
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import type { VariantRef } from './core/call.ts'
import { InputError } from './core/errors.ts'
import { builtInEncoder, type EncoderRef, encoderAt, verifierAt } from './models/encoder.ts'
import { generatorAt } from './models/generator.ts'
import {
  cacheFromEnvironment,
  homeFromEnvironment,
  hubVariablesFromEnvironment,
  type Launch,
} from './pool/spawn.ts'
import { locateEnvironment, verifyWeights } from './setup/environment.ts'
import { hubCacheOf, locateModel } from './setup/hub.ts'
import { findPackageRoot } from './setup/root.ts'

/** Workers that `poolSize: 'auto'` starts at most; each holds the model once. */
const mostAutoWorkers = 4

const leastNode = 24

/** Calls that a worker takes at once, and what it keeps of their common beginnings, unless told otherwise. */
const defaults = { slots: { stream: 4, generate: 8 }, prefixBytes: 256 * 1024 * 1024 }

/** The variant of an operation that needs no model. */
export const modelless = (op: string): VariantRef => ({
  ...builtInEncoder,
  name: op,
  op,
  model: op,
  revision: '1',
  weightsHash: '',
  limits: { maxTokens: 0, dimensions: 0 },
})

/** Workers for a configured size. One a core measured best for encoders on CPU: see the benchmark `sizes`. */
export function sizeOf(poolSize: number | 'auto', generates = false): number {
  if (poolSize !== 'auto') return poolSize
  // Each would hold the language model, which takes calls by the slot and not by the process.
  if (generates) return 1
  // On Apple silicon all workers would share one GPU: batching serves it better than replicas.
  if (process.platform === 'darwin') return 1
  return Math.min(mostAutoWorkers, availableParallelism())
}

/** What of a configuration decides how workers are started. */
export type LaunchSettings = {
  /** Numbers of a vector that are kept. @default all */
  readonly embeddingDimensions?: number | undefined
  readonly python?: string | undefined
  /** Calls of `stream` or `generate` that a worker takes at once. @default 4 and 8 */
  readonly slots?: number | undefined
  /** Bytes of prompts' beginnings that a worker keeps for others that begin alike. @default 256 MiB */
  readonly prefixBytes?: number | undefined
  /** A language model that is expected to need more than this is not loaded. @default what the machine has */
  readonly memoryBytes?: number | undefined
}

/** A model on this machine. */
export type LocatedVariant = { readonly variant: VariantRef; readonly folder: string }

/** An encoder on this machine; the built-in one lies in the Python environment. */
export type LocatedEncoder = { readonly variant: EncoderRef; readonly folder: string | undefined }

/** The models that the operations run, as their folders were found. */
export type LaunchModels = {
  readonly encoder: LocatedEncoder
  readonly verifier?: LocatedVariant | undefined
  readonly generator?: LocatedVariant | undefined
}

/**
 * The encoder that a person names, by folder or hub id; without a name the built-in one.
 * @throws as `findGenerator`.
 */
export async function findEncoder(name?: string, dimensions?: number): Promise<LocatedEncoder> {
  if (name === undefined && dimensions === undefined) return { variant: builtInEncoder, folder: undefined }
  if (name === undefined)
    throw new InputError('ER_CONFIG', 'The built-in encoder was not trained to have its vectors cut')
  const folder = await folderOf(name)
  return { variant: await encoderAt(folder, { dimensions }), folder }
}

/**
 * The classifier or reranker that a person names, by folder or hub id.
 * @throws as `findGenerator`.
 */
export async function findVerifier(name: string): Promise<LocatedVariant> {
  const folder = await folderOf(name)
  return { variant: await verifierAt(folder), folder }
}

const folderOf = async (name: string): Promise<string> =>
  (await locateModel(name, { hubCache: hubCacheOf(hubVariablesFromEnvironment()) })).folder

/**
 * The language model that a person names: a folder, or an id of the hub that was fetched before.
 * @throws ModelError ER_MODEL_LOAD when it is not on this machine, with the command that fetches it, or can't be used.
 */
export async function findGenerator(name: string): Promise<LocatedVariant> {
  const folder = await folderOf(name)
  return { variant: await generatorAt(folder), folder }
}

/** How a worker with these operations is started; checks the ground first, so that a fault is told by its name. */
export async function launchOf(
  ops: readonly string[],
  settings: LaunchSettings,
  { encoder, verifier, generator }: LaunchModels,
): Promise<Launch> {
  const { embeddingDimensions: dimensions, python, slots } = settings
  const [environment, root] = await Promise.all([
    locateEnvironment({
      home: homeFromEnvironment(),
      cacheFolder: cacheFromEnvironment(),
      python,
      generator: ops.includes('generate') || encoder.variant.backbone === true,
    }),
    findPackageRoot(),
  ])
  if (ops.includes('embed') && encoder.folder === undefined) await verifyWeights(environment)
  const modelOf = ({ model, revision, weightsHash }: VariantRef, folder: string) => ({
    folder,
    name: model,
    revision,
    sha256: weightsHash,
    blas: environment.blasLibrary ?? null,
  })
  const operations = ops.map(op =>
    JSON.stringify({
      op,
      ...(op === 'embed'
        ? {
            ...modelOf(encoder.variant, encoder.folder ?? environment.modelFolder),
            ...(dimensions === undefined ? {} : { dimensions }),
          }
        : {}),
      ...(op === 'verify' && verifier !== undefined ? modelOf(verifier.variant, verifier.folder) : {}),
      ...(op === 'stream' ? { slots: slots ?? defaults.slots.stream } : {}),
      ...(op === 'generate' && generator !== undefined
        ? {
            ...modelOf(generator.variant, generator.folder),
            slots: slots ?? defaults.slots.generate,
            prefixBytes: settings.prefixBytes ?? defaults.prefixBytes,
            memoryBytes: settings.memoryBytes ?? null,
          }
        : {}),
    }),
  )
  return { python: environment.python, packageFolder: join(root.folder, 'python'), operations }
}

/** @throws InputError ER_CONFIG on a Node that lacks what this package is built on. */
export function refuseOldNode(): void {
  const [major = 0] = process.versions.node.split('.').map(Number)
  if (major >= leastNode) return
  throw new InputError(
    'ER_CONFIG',
    `evidence-runner needs Node ${leastNode} or later; this is ${process.version}`,
  )
}
