/**
 * How workers are started: how many, with which Python, which operations and which model. Beside the hallway,
 * since it needs the ground that set-up laid and the pool's word for it; it starts nothing itself.
 */
import { availableParallelism } from 'node:os'
import { join, resolve } from 'node:path'
import type { VariantRef } from './core/call.ts'
import { InputError } from './core/errors.ts'
import { builtInEncoder } from './models/encoder.ts'
import { cacheFromEnvironment, homeFromEnvironment, type Launch } from './pool/spawn.ts'
import { locateEnvironment, verifyWeights } from './setup/environment.ts'
import { findPackageRoot } from './setup/root.ts'

/** Workers that `poolSize: 'auto'` starts at most; each holds the model once. */
const mostAutoWorkers = 4

const leastNode = 24

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
export function sizeOf(poolSize: number | 'auto'): number {
  if (poolSize !== 'auto') return poolSize
  // On Apple silicon all workers would share one GPU: batching serves it better than replicas.
  if (process.platform === 'darwin') return 1
  return Math.min(mostAutoWorkers, availableParallelism())
}

/** What of a configuration decides how workers are started. */
export type LaunchSettings = {
  readonly embeddingModelPath?: string | undefined
  readonly verifier?: string | undefined
  readonly python?: string | undefined
  readonly slots?: number | undefined
}

/** The models that the operations run, as their folders were found. */
export type LaunchModels = { readonly encoder: VariantRef; readonly verifier?: VariantRef | undefined }

/** How a worker with these operations is started; checks the ground first, so that a fault is told by its name. */
export async function launchOf(
  ops: readonly string[],
  { embeddingModelPath, verifier: verifierFolder, python, slots }: LaunchSettings,
  { encoder, verifier }: LaunchModels,
): Promise<Launch> {
  const [environment, root] = await Promise.all([
    locateEnvironment({ home: homeFromEnvironment(), cacheFolder: cacheFromEnvironment(), python }),
    findPackageRoot(),
  ])
  if (ops.includes('embed') && embeddingModelPath === undefined) await verifyWeights(environment)
  const modelOf = ({ model, revision, weightsHash }: VariantRef, folder: string) => ({
    folder,
    name: model,
    revision,
    sha256: weightsHash,
    blas: environment.blasLibrary ?? null,
  })
  const encoderFolder =
    embeddingModelPath === undefined ? environment.modelFolder : resolve(embeddingModelPath)
  const operations = ops.map(op =>
    JSON.stringify({
      op,
      ...(op === 'embed' ? modelOf(encoder, encoderFolder) : {}),
      ...(op === 'verify' && verifier !== undefined ? modelOf(verifier, resolve(verifierFolder ?? '')) : {}),
      ...(op === 'stream' ? { slots: slots ?? 4 } : {}),
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
