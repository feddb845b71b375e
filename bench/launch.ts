/**
 * Starts what benchmarks compare: pools with `embed` or `echo`, and plain Python loops in the very same
 * environment (variables, matrix library, pipes), since both go through `spawnPython`.
 */
import { join } from 'node:path'
import type { Call, RunContext, VariantRef } from '../src/core/call.ts'
import { free } from '../src/core/call.ts'
import { Ledger } from '../src/core/ledger.ts'
import { Trace } from '../src/core/trace.ts'
import { builtInEncoder } from '../src/models/encoder.ts'
import { cacheFromEnvironment, homeFromEnvironment, type Launch } from '../src/pool/spawn.ts'
import { locateEnvironment, type PythonEnvironment } from '../src/setup/environment.ts'

const root = join(import.meta.dirname, '..')

/** The environment that `EvidenceEnhancer` would use. */
export const pythonEnvironment = (): Promise<PythonEnvironment> =>
  locateEnvironment({ home: homeFromEnvironment(), cacheFolder: cacheFromEnvironment() })

/** Workers that know `echo` alone, no MLX. */
export async function echoLaunch(): Promise<Launch> {
  const { python } = await pythonEnvironment()
  return { python, packageFolder: join(root, 'python'), operations: [JSON.stringify({ op: 'echo' })] }
}

/** Workers with the built-in encoder, as `EvidenceEnhancer` starts them. */
export async function embedLaunch(): Promise<Launch> {
  const { blasLibrary, modelFolder, python } = await pythonEnvironment()
  const { model, revision, weightsHash } = builtInEncoder
  const embed = {
    op: 'embed',
    folder: modelFolder,
    name: model,
    revision,
    sha256: weightsHash,
    blas: blasLibrary ?? null,
  }
  return { python, packageFolder: join(root, 'python'), operations: [JSON.stringify(embed)] }
}

/** `launch` with the script bench/python/`name` in place of the worker package. */
export const insteadOfWorker = (name: string, launch: Launch, mode = ''): Launch => ({
  ...launch,
  python: join(import.meta.dirname, 'python', 'instead'),
  environment: {
    BENCH_PYTHON: launch.python,
    BENCH_SCRIPT: join(import.meta.dirname, 'python', name),
    BENCH_MODE: mode,
  },
})

const echoVariant: VariantRef = {
  name: 'echo',
  op: 'echo',
  model: 'echo',
  revision: '1',
  weightsHash: '',
  price: free,
  limits: { maxTokens: 0, dimensions: 0 },
}

export const echoCall = (items: readonly string[], dimensions: number, delayMs = 0): Call => ({
  variant: echoVariant,
  items,
  options: { dimensions, delayMs },
})

export const embedCall = (items: readonly string[]): Call => ({ variant: builtInEncoder, items })

/** A context as a request has it: a signal of its own and a deadline. */
export const requestContext = (caller = 'bench'): RunContext => ({
  id: 'bench',
  signal: new AbortController().signal,
  deadline: performance.now() + 60_000,
  class: 'normal',
  caller,
  reproducible: false,
  ledger: new Ledger(),
  trace: new Trace(),
  traceparent: '',
})
